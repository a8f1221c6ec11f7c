//! Wraps the few functions of FFmpeg that its safe wrapper lacks, each in a safe function.
#![allow(unsafe_code, reason = "C library: opening with a forced format, flags of streams, swscale's colour details")]

use std::ffi::CString;
use std::ptr;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::{Dictionary, Error, Rational, Stream, codec, decoder, frame, software::scaling};

/// Called again and again while an open or read blocks; returns true to give up.
pub type Interrupt = Box<dyn FnMut() -> bool + Send>;

/// A scaler that can be made on one thread and used on another.
pub struct FfmpegScaler(pub scaling::Context);

// SAFETY: a SwsContext has no ties to the thread that made it; it must only not be used by two at once, which `&mut` rules out.
unsafe impl Send for FfmpegScaler {}

/// Opens an input and reads its header only; `format` forces a format.
pub fn open(url: &str, format: Option<&str>, options: Dictionary, interrupt: Interrupt) -> Result<Input, Error> {
    let name = c_string(url)?;
    let interrupt = ffmpeg::util::interrupt::new(Box::new(interrupt));
    // SAFETY: the context is fresh; avformat_open_input frees it on failure, the wrapper owns it after success.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(Error::Other { errno: ffmpeg::error::ENOMEM });
        }
        (*context).interrupt_callback = interrupt.interrupt;
        open_input(&mut context, &name, format, options)?;
        Ok(Input::wrap_with_interrupt(context, interrupt.guard))
    }
}

/// Opens a stream of bytes in the same way. To stop, the stream itself has to end.
pub fn open_stream(mut io: StreamIo, format: Option<&str>, options: Dictionary) -> Result<Input, Error> {
    // SAFETY: as above; with AVFMT_FLAG_CUSTOM_IO the AVIOContext stays ours, also on failure.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(Error::Other { errno: ffmpeg::error::ENOMEM });
        }
        (*context).pb = io.as_mut_ptr();
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        open_input(&mut context, c"", format, options)?;
        Ok(Input::wrap_with_custom_io(context, io))
    }
}

/// # Safety
/// `context` is an allocated, unopened context; it is freed on failure.
unsafe fn open_input(
    context: &mut *mut ffi::AVFormatContext,
    name: &std::ffi::CStr,
    format: Option<&str>,
    options: Dictionary,
) -> Result<(), Error> {
    let format_name = format.map(c_string).transpose()?;
    // SAFETY: every pointer outlives the call; the dictionary comes back to be freed.
    unsafe {
        let format = format_name.as_ref().map_or(ptr::null(), |name| ffi::av_find_input_format(name.as_ptr()));
        let mut options = options.disown();
        let result = ffi::avformat_open_input(context, name.as_ptr(), format, &mut options);
        drop(Dictionary::own(options));
        if result < 0 { Err(Error::from(result)) } else { Ok(()) }
    }
}

/// Reads on until the parameters of the streams are known.
pub fn find_stream_info(input: &mut Input) -> Result<(), Error> {
    // SAFETY: an open input.
    let result = unsafe { ffi::avformat_find_stream_info(input.as_mut_ptr(), ptr::null_mut()) };
    if result < 0 { Err(Error::from(result)) } else { Ok(()) }
}

/// Returns packets as they are in the container, without joining or splitting them at frames: a parser would need the
/// beginning of the next frame to know the end of this one.
pub fn take_packets_unparsed(input: &mut Input) {
    // SAFETY: an open input.
    unsafe { (*input.as_mut_ptr()).flags |= ffi::AVFMT_FLAG_NOPARSE | ffi::AVFMT_FLAG_NOFILLIN }
}

/// Makes the demuxer discard all other streams.
pub fn keep_only(input: &mut Input, stream: usize) {
    // SAFETY: `streams` holds `nb_streams` pointers to streams.
    unsafe {
        let context = input.as_mut_ptr();
        for i in 0..(*context).nb_streams as usize {
            let discard = if i == stream { ffi::AVDiscard::AVDISCARD_DEFAULT } else { ffi::AVDiscard::AVDISCARD_ALL };
            (**(*context).streams.add(i)).discard = discard;
        }
    }
}

/// Properties of the pictures, taken from a stream's header.
#[derive(Clone, Copy, Debug)]
pub struct StreamFacts {
    pub width: i32,
    pub height: i32,
    pub sample_aspect: Rational,
}

pub fn stream_facts(stream: &Stream) -> StreamFacts {
    // SAFETY: a stream of an open input has parameters.
    unsafe {
        let stream = stream.as_ptr();
        let parameters = (*stream).codecpar;
        StreamFacts {
            width: (*parameters).width,
            height: (*parameters).height,
            sample_aspect: Rational::from((*stream).sample_aspect_ratio),
        }
    }
}

/// True if the demuxer knows the codec of this stream already.
pub fn codec_is_known(stream: &Stream) -> bool {
    stream.parameters().id() != codec::Id::None
}

/// Number of frames that the decoder holds back for reordering; the decoder knows it after some frames.
pub fn held_back(decoder: &decoder::Video) -> usize {
    // SAFETY: an open decoder.
    usize::try_from(unsafe { (*decoder.as_ptr()).has_b_frames }).unwrap_or(0)
}

/// Returns the same picture in the same memory, with all its properties.
pub fn reference(frame: &frame::Video) -> Result<frame::Video, Error> {
    let mut copy = frame::Video::empty();
    // SAFETY: the new frame is empty, and gets a reference of its own to each buffer.
    match unsafe { ffi::av_frame_ref(copy.as_mut_ptr(), frame.as_ptr()) } {
        0.. => Ok(copy),
        error => Err(error.into()),
    }
}

/// Returns the same picture in the same memory without its properties, such as being interlaced.
pub fn unmarked(frame: &frame::Video) -> Result<frame::Video, Error> {
    let mut copy = frame::Video::empty();
    // SAFETY: the new frame gets a reference of its own to each buffer that the planes lie in.
    unsafe {
        let (from, to) = (&*frame.as_ptr(), &mut *copy.as_mut_ptr());
        (to.format, to.width, to.height) = (from.format, from.width, from.height);
        (to.data, to.linesize) = (from.data, from.linesize);
        for (to, from) in to.buf.iter_mut().zip(from.buf).filter(|(_, from)| !from.is_null()) {
            *to = ffi::av_buffer_ref(from);
            if to.is_null() {
                return Err(Error::Other { errno: ffmpeg::error::ENOMEM });
            }
        }
    }
    Ok(copy)
}

/// Returns a plane and the distance between its rows in bytes; `None` if the rows run backwards or the plane is
/// missing.
pub fn plane(frame: &frame::Video, index: usize, rows: usize) -> Option<(&[u8], usize)> {
    // SAFETY: FFmpeg's planes hold `linesize` bytes for each of their rows, and a frame with a format and a size has
    // all rows of the planes that its format calls for; a caller asks for no more rows than that.
    unsafe {
        let raw = &*frame.as_ptr();
        let stride = usize::try_from(raw.linesize[index]).ok().filter(|stride| *stride > 0)?;
        let data = raw.data[index];
        (!data.is_null()).then(|| (std::slice::from_raw_parts(data, stride * rows), stride))
    }
}

/// Makes the scaler keep range and matrix between YUV formats, and make full-range BT.601 from RGB.
pub fn keep_colours(scaler: &mut scaling::Context, from_rgb: bool) {
    // SAFETY: an initialized scaler and FFmpeg's own static table.
    unsafe {
        let table = ffi::sws_getCoefficients(ffi::SWS_CS_DEFAULT);
        let one = 1 << 16;
        let to_full = i32::from(from_rgb);
        ffi::sws_setColorspaceDetails(scaler.as_mut_ptr(), table, to_full, table, to_full, 0, one, one);
    }
}

/// Scales one frame into another. Both have the formats and sizes that the scaler was made for, except that a format's
/// name may give another range.
pub fn scale(
    FfmpegScaler(scaler): &mut FfmpegScaler,
    from: &frame::Video,
    into: &mut frame::Video,
) -> Result<(), Error> {
    let size = |frame: &frame::Video| (frame.width(), frame.height());
    let (input, output) = (scaler.input(), scaler.output());
    if size(from) != (input.width, input.height) || size(into) != (output.width, output.height) {
        return Err(Error::InputChanged);
    }
    // SAFETY: both frames hold their planes, of the sizes that were just compared.
    unsafe {
        let (rows, scaler) = (from.height() as i32, scaler.as_mut_ptr());
        let (from, into) = (&*from.as_ptr(), &mut *into.as_mut_ptr());
        let planes = from.data.as_ptr().cast::<*const u8>();
        let done =
            ffi::sws_scale(scaler, planes, from.linesize.as_ptr(), 0, rows, into.data.as_ptr(), into.linesize.as_ptr());
        if done < 0 { Err(Error::from(done)) } else { Ok(()) }
    }
}

/// True if a pixel format holds luma (and chroma): not RGB, a palette or a bitstream.
pub fn is_yuv(format: Pixel) -> bool {
    let Some(descriptor) = format.descriptor() else { return false };
    // SAFETY: FFmpeg's own static descriptor.
    let flags = unsafe { (*descriptor.as_ptr()).flags };
    let others = ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL | ffi::AV_PIX_FMT_FLAG_BITSTREAM;
    flags & others as u64 == 0
}

fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Other { errno: ffmpeg::error::EINVAL })
}
