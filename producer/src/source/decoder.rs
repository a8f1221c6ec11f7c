//! Opens the decoder of a stream, with limits and with threads that suit the purpose.

use ffmpeg_next::{Dictionary, codec, decoder, threading};

use super::error::{PIXELS_MAX, SourceError};
use super::ffi;

/// At this niceness a thread gets about a seventieth of a core that another thread wants too.
#[cfg(target_os = "linux")]
const AHEAD_NICENESS: i32 = 19;

/// The aim of the decoder's threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecoderThreading {
    /// Decode several frames at once; each of them is ready later.
    Throughput,
    /// Have each frame as early as possible.
    LowDelay,
}

pub fn open(
    stream: &ffmpeg_next::Stream,
    threading_for: DecoderThreading,
    name: &str,
) -> Result<decoder::Video, SourceError> {
    let parameters = stream.parameters();
    let codec = parameters.id();
    let failed = |error| SourceError::reading(name, error);
    let mut context = codec::Context::from_parameters(parameters).map_err(failed)?;
    context.set_threading(threading::Config::kind(match threading_for {
        DecoderThreading::Throughput => threading::Type::Frame,
        DecoderThreading::LowDelay => threading::Type::Slice,
    }));
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(stream.time_base());
    let facts = ffi::stream_facts(stream);
    if facts.width != 0 || facts.height != 0 {
        SourceError::check_size(name, facts.width.into(), facts.height.into())?;
    }
    let no_decoder = || SourceError::NoDecoder { name: name.to_owned(), codec: format!("{codec:?}").to_lowercase() };
    let found = decoder::find(codec).ok_or_else(no_decoder)?;
    let open = || {
        let limit = PIXELS_MAX.to_string();
        let limits = Dictionary::from_iter([("max_pixels", limit.as_str())]);
        decoder.open_as_with(found, limits).and_then(|opened| opened.video())
    };
    match threading_for {
        DecoderThreading::Throughput => giving_way(open),
        DecoderThreading::LowDelay => open(),
    }
    .map_err(failed)
}

/// Opens a decoder whose threads have the lowest priority: they decode ahead, while a picture that is due is being
/// encoded.
fn giving_way<T: Send>(open: impl FnOnce() -> T + Send) -> T {
    let lowered = || {
        // A thread inherits the niceness of the thread that starts it. Niceness cannot be lowered again, so this thread
        // ends here.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, AHEAD_NICENESS);
        open()
    };
    std::thread::scope(|scope| scope.spawn(lowered).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
