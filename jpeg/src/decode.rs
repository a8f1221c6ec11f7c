//! Anybody's JPEG in, pixels in the window's own order out.
//!
//! ```text
//! JPEG ─ cut at restart markers ─▶ a stripe for each thread, with a row of blocks of the next ─▶ its rows of pixels
//! ```
//! Coarser chroma is mixed from the rows above and below: the two rows of pixels of a sample from that sample, and the upper
//! one from the sample above, the lower one from that below. So one stripe's pixels end, and the next one's begin, after the
//! first row of pixels below the cut, and only the upper stripe needs data of the other: the picture is the same as decoded
//! whole, to the last bit.
//!
//! A stripe is decoded to the end of its data, or nobody would see that there are too many.

use std::ops::Range;

use pool::{Pool, THREADS_MAX};

use crate::encode::STRIPE_PIXELS_MIN;
use crate::layout::{Bands, EOI, Layout, markers, renumber};
use crate::turbo::{Decompressor, Found};
use crate::{JpegError, Subsampling};

/// No picture above this many pixels is decoded, whatever its header says.
pub const PIXELS_MAX: usize = 64_000_000;

/// Progressive pictures have about ten scans; a hostile one has hundreds, each as costly as a whole picture.
const SCANS_MAX: u32 = 40;

/// Each block of 8x8 pixels takes at least one bit of Huffman code.
const PIXELS_PER_BYTE_MAX: usize = 64 * 8;

/// What a JPEG says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub width: usize,
    pub height: usize,
    /// `None` for the rare kinds that we do not write ourselves (4:4:0, 4:1:1 …).
    pub subsampling: Option<Subsampling>,
}

/// A decoder and the memory it keeps from picture to picture.
#[derive(Debug)]
pub struct Decoder {
    pool: Pool,
    /// The first decodes whole pictures, too.
    lanes: Vec<Lane>,
}

/// What one thread needs.
#[derive(Debug)]
struct Lane {
    codec: Decompressor,
    /// A stripe as a JPEG of its own.
    jpeg: Vec<u8>,
}

/// A part of a picture on its way.
struct Stripe<'a> {
    jpeg: &'a [u8],
    bands: &'a Bands,
    /// Which of them it has; it goes on into the next one.
    mine: Range<usize>,
    out: &'a mut [u32],
    stride_px: usize,
    lane: &'a mut Lane,
    decoded: Result<Found, JpegError>,
}

impl Decoder {
    /// A decoder that works on the caller's thread alone.
    pub fn new() -> Result<Decoder, JpegError> {
        Decoder::on(Pool::alone())
    }

    /// A decoder that cuts large pictures into stripes, where they have restart markers, for the threads of a pool.
    pub fn on(pool: Pool) -> Result<Decoder, JpegError> {
        let lane = || Ok(Lane { codec: fresh_codec()?, jpeg: Vec::new() });
        let lanes = (0..pool.threads()).map(|_| lane()).collect::<Result<_, JpegError>>()?;
        Ok(Decoder { pool, lanes })
    }

    /// The size of the picture, so that the caller can make room; not whether the rest is sound.
    ///
    /// It refuses what is too large, and what is too short to hold as many pixels as it says, so that a lie of a few
    /// bytes does not cost hundreds of megabytes.
    pub fn header(&mut self, jpeg: &[u8]) -> Result<Header, JpegError> {
        self.lanes[0].header(jpeg).map(|found| plain(&found))
    }

    /// Decodes into `out`, one `0xFFRRGGBB` for each pixel and `stride_px` pixels from one row to the next.
    ///
    /// Damaged and truncated data is an error; `out` may hold a part of the picture by then.
    pub fn decode_xrgb(&mut self, jpeg: &[u8], out: &mut [u32], stride_px: usize) -> Result<Header, JpegError> {
        if let Some(bands) = Layout::of(jpeg).and_then(Layout::bands)
            && let Some(found) = self.striped(jpeg, &bands, out, stride_px)
        {
            return Ok(found);
        }
        // Whether it is damaged, and how much of that is an error, only the whole picture says.
        self.lanes[0].decode_whole(jpeg, out, stride_px).map(|found| plain(&found))
    }

    /// `None` if the picture cannot be cut, or is not worth it, or a stripe is damaged.
    pub(crate) fn striped(&mut self, jpeg: &[u8], bands: &Bands, out: &mut [u32], stride_px: usize) -> Option<Header> {
        let Layout { width, height, .. } = bands.layout;
        let count = self.pool.pieces(width * height, STRIPE_PIXELS_MIN, bands.count);
        let fits =
            stride_px >= width && stride_px.checked_mul(height).is_some_and(|all| all - stride_px + width <= out.len());
        if count < 2 || !fits || width * height > PIXELS_MAX {
            return None;
        }
        // What overlaps must not cost more than the cutting saves.
        let most = pool::cut(bands.count, count).map(|mine| mine.len() + 1).max()?;
        if most * 4 > bands.count * 3 {
            return None;
        }
        let mut stripes: [Option<Stripe<'_>>; THREADS_MAX] = [const { None }; THREADS_MAX];
        let mut rest = out;
        for ((stripe, lane), mine) in stripes.iter_mut().zip(&mut self.lanes).zip(pool::cut(bands.count, count)) {
            let pixels = (bands.seam(mine.end) - bands.seam(mine.start)) * stride_px;
            let (out, below) = rest.split_at_mut(pixels.min(rest.len()));
            rest = below;
            *stripe = Some(Stripe { jpeg, bands, mine, out, stride_px, lane, decoded: Err(JpegError::Stripe) });
        }
        self.pool.each(&mut stripes[..count], |stripe| stripe.iter_mut().for_each(Stripe::decode));
        let mut whole = None;
        for stripe in stripes.into_iter().flatten() {
            let found = stripe.decoded.ok()?;
            whole = Some(Header { height, ..plain(&found) });
        }
        whole
    }
}

impl Stripe<'_> {
    fn decode(&mut self) {
        self.decoded = self.try_decode();
    }

    fn try_decode(&mut self) -> Result<Found, JpegError> {
        let Range { start, end } = self.mine;
        let top = self.bands.top(start);
        let rows = self.bands.seam(start) - top..self.bands.seam(end) - top;
        let mut jpeg = std::mem::take(&mut self.lane.jpeg);
        let held = start..(end + 1).min(self.bands.count);
        let result = cut(self.jpeg, self.bands, held, rows.end, &mut jpeg).and_then(|()| self.draw(&jpeg, rows));
        self.lane.jpeg = jpeg;
        result
    }

    /// Draws rows of a JPEG, to its end, if the codec sees in it what the layout says.
    fn draw(&mut self, jpeg: &[u8], rows: Range<usize>) -> Result<Found, JpegError> {
        let size = (self.bands.layout.width, rows.end);
        let choose = |found: &Found| {
            check(found, jpeg)?;
            let cuttable = !found.inks && found.subsampling.is_some();
            if cuttable && (found.width, found.height) == size { Ok(rows) } else { Err(JpegError::Stripe) }
        };
        let drawn = self.lane.codec.decompress(jpeg, choose, self.out, self.stride_px);
        self.lane.recovered(drawn)
    }
}

/// What ends a stripe. At a restart libjpeg-turbo counts the bytes too many among those that it has read ahead, and tells of
/// them when it next looks for a marker: it may have read ahead the first of these two, but not the second.
const END: [u8; 4] = [0xFF, 0xD0, 0xFF, 0xD9];

/// Makes a JPEG of these bands of another, so many pixels high.
fn cut(jpeg: &[u8], bands: &Bands, held: Range<usize>, height: usize, out: &mut Vec<u8>) -> Result<(), JpegError> {
    let Layout { data_at, height_at, .. } = bands.layout;
    let (first, last) = (held.start * bands.intervals, held.end * bands.intervals);
    let data = &jpeg[data_at..];
    // The nth marker ends the nth interval.
    let (mut begin, mut end) = (if first == 0 { Some(0) } else { None }, None);
    for (nth, (at, marker)) in (1..).zip(markers(data)) {
        let restart = (0xD0..=0xD7).contains(&marker);
        if restart && usize::from(marker & 7) != (nth - 1) & 7 {
            return Err(JpegError::Stripe);
        }
        if nth == first {
            begin = restart.then_some(at + 2);
        }
        if nth == last {
            // With the last interval the picture ends. Some mark its end, too.
            let behind = if restart { at + 2 } else { at };
            let whole = held.end < bands.count || data[behind..].starts_with(&EOI);
            end = whole.then_some(at);
        }
        if nth >= last || !restart {
            break;
        }
    }
    let (Some(begin), Some(end)) = (begin, end) else { return Err(JpegError::Stripe) };
    out.clear();
    out.extend_from_slice(&jpeg[..data_at]);
    out[height_at..][..2].copy_from_slice(&(height as u16).to_be_bytes());
    out.extend_from_slice(&data[begin..end]);
    if !first.is_multiple_of(8) {
        // Their count begins with the first of these: minus so many, in the three bits that are written.
        renumber(&mut out[data_at..], 8 - (first & 7));
    }
    out.extend_from_slice(&END);
    Ok(())
}

impl Lane {
    /// libjpeg-turbo does not find its way back from each error: after a bad marker in the header the next picture's
    /// header fails too. So an error costs the codec its state, and the next picture is decoded by a fresh one.
    fn recovered<T>(&mut self, result: Result<T, JpegError>) -> Result<T, JpegError> {
        if matches!(result, Err(JpegError::Codec(_))) {
            self.codec = fresh_codec()?;
        }
        result
    }

    fn header(&mut self, jpeg: &[u8]) -> Result<Found, JpegError> {
        let found = self.codec.header(jpeg);
        let found = self.recovered(found)?;
        check(&found, jpeg).map(|()| found)
    }

    fn decode_whole(&mut self, jpeg: &[u8], out: &mut [u32], stride_px: usize) -> Result<Found, JpegError> {
        let all = |found: &Found| check(found, jpeg).map(|()| 0..found.height);
        let decoded = self.codec.decompress(jpeg, all, out, stride_px);
        let found = self.recovered(decoded)?;
        if found.inks {
            let rows = out.chunks_mut(stride_px).take(found.height);
            rows.for_each(|row| row[..found.width].iter_mut().for_each(ink_to_light));
        }
        Ok(found)
    }
}

/// That a header can be true, before memory is taken or time spent on its word.
fn check(found: &Found, jpeg: &[u8]) -> Result<(), JpegError> {
    let Found { width, height, .. } = *found;
    if width == 0 || height == 0 {
        return Err(JpegError::Size { width, height });
    }
    let pixels = width.saturating_mul(height);
    if pixels > PIXELS_MAX {
        return Err(JpegError::TooLarge { width, height });
    }
    if !found.arithmetic && jpeg.len() < pixels / PIXELS_PER_BYTE_MAX {
        return Err(JpegError::TooShort { bytes: jpeg.len(), width, height });
    }
    Ok(())
}

fn fresh_codec() -> Result<Decompressor, JpegError> {
    Decompressor::new(SCANS_MAX)
}

/// The codec leaves inks as they are: C, M, Y, K, inverted as Adobe has always stored them.
fn ink_to_light(pixel: &mut u32) {
    let [cyan, magenta, yellow, black] = pixel.to_ne_bytes().map(u32::from);
    let light = |ink: u32| (ink * black + 127) / 255;
    *pixel = 0xFF00_0000 | light(cyan) << 16 | light(magenta) << 8 | light(yellow);
}

fn plain(found: &Found) -> Header {
    Header { width: found.width, height: found.height, subsampling: found.subsampling }
}
