//! Decodes any JPEG into pixels in the window's byte order.
//!
//! ```text
//! JPEG ─ cut at restart markers ─▶ a stripe for each thread, with a row of blocks of the next ─▶ its rows of pixels
//! ```
//! Chroma with fewer rows than luma is interpolated from the rows above and below. Each chroma row belongs to two rows
//! of pixels: the upper one also takes from the chroma row above, the lower one from the row below. So the boundary
//! between two stripes' pixels is after the first row of pixels below the cut, and only the upper stripe needs data of
//! the other. The picture is identical to one decoded as a whole.
//!
//! A stripe is decoded to the end of its data, because otherwise surplus data would not be noticed.

use std::ops::Range;

use pool::{Pool, THREADS_MAX};

use crate::codec::encode::STRIPE_PIXELS_MIN;
use crate::codec::error::JpegError;
use crate::codec::layout::{Bands, Layout, renumber};
use crate::codec::turbo::{Decompressor, Found, Header};
use crate::segments::marker::EOI;
use crate::segments::{PIXELS_MAX, markers};

/// A block of 8x8 pixels takes at least one bit of Huffman code.
const PIXELS_PER_BYTE_MAX: usize = 64 * 8;

/// A decoder, with memory that it reuses from picture to picture.
#[derive(Debug)]
pub struct Decoder {
    pool: Pool,
    /// One for each thread. The first also decodes whole pictures.
    lanes: Vec<Lane>,
}

/// The codec and memory of one thread.
#[derive(Debug)]
struct Lane {
    codec: Decompressor,
    /// The stripe, as a JPEG of its own.
    jpeg: Vec<u8>,
}

/// A part of a picture that is being decoded.
struct Stripe<'a> {
    jpeg: &'a [u8],
    bands: &'a Bands,
    /// The bands of this stripe. Its pixels continue into the next band.
    mine: Range<usize>,
    out: &'a mut [u32],
    stride_px: usize,
    lane: &'a mut Lane,
    decoded: Result<Found, JpegError>,
}

impl Decoder {
    /// Makes a decoder that works on the caller's thread alone.
    pub fn new() -> Result<Decoder, JpegError> {
        Decoder::on(Pool::alone())
    }

    /// Makes a decoder for a pool. It cuts large pictures into stripes if they have restart markers.
    pub fn on(pool: Pool) -> Result<Decoder, JpegError> {
        let lane = || Ok(Lane { codec: Decompressor::new()?, jpeg: Vec::new() });
        let lanes = (0..pool.threads()).map(|_| lane()).collect::<Result<_, JpegError>>()?;
        Ok(Decoder { pool, lanes })
    }

    /// Reads the size of the picture, so that the caller can allocate memory. The rest of the data is not checked.
    ///
    /// It refuses a picture that is too large, or whose data are too short for its number of pixels, so that a false
    /// header of a few bytes does not cost hundreds of megabytes.
    pub fn header(&mut self, jpeg: &[u8]) -> Result<Header, JpegError> {
        self.lanes[0].header(jpeg).map(|found| found.header)
    }

    /// Decodes into `out`, one `0xFFRRGGBB` for each pixel; rows are `stride_px` pixels apart.
    ///
    /// Damaged or truncated data is an error; `out` may then hold a part of the picture.
    pub fn decode_xrgb(&mut self, jpeg: &[u8], out: &mut [u32], stride_px: usize) -> Result<Header, JpegError> {
        if let Some(bands) = Layout::of(jpeg).and_then(Layout::bands)
            && let Some(found) = self.striped(jpeg, &bands, out, stride_px)
        {
            return Ok(found);
        }
        // Only decoding the whole picture shows if it is damaged, and if the damage counts as an error.
        self.lanes[0].decode_whole(jpeg, out, stride_px).map(|found| found.header)
    }

    /// Decodes in stripes. `None` if the picture cannot be cut, if that is not worthwhile, or if a stripe is damaged.
    pub(crate) fn striped(&mut self, jpeg: &[u8], bands: &Bands, out: &mut [u32], stride_px: usize) -> Option<Header> {
        let Layout { width, height, .. } = bands.layout;
        let count = self.pool.pieces(width * height, STRIPE_PIXELS_MIN, bands.count);
        let fits =
            stride_px >= width && stride_px.checked_mul(height).is_some_and(|all| all - stride_px + width <= out.len());
        if count < 2 || !fits || width * height > PIXELS_MAX {
            return None;
        }
        // The overlap of the stripes must not cost more than cutting saves.
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
        self.pool.each(&mut stripes[..count], |stripe| {
            stripe.iter_mut().for_each(|stripe| stripe.decoded = stripe.decode())
        });
        let mut whole = None;
        for stripe in stripes.into_iter().flatten() {
            let found = stripe.decoded.ok()?;
            whole = Some(Header { height, ..found.header });
        }
        whole
    }
}

impl Stripe<'_> {
    fn decode(&mut self) -> Result<Found, JpegError> {
        let Range { start, end } = self.mine;
        let top = self.bands.top(start);
        let rows = self.bands.seam(start) - top..self.bands.seam(end) - top;
        let mut jpeg = std::mem::take(&mut self.lane.jpeg);
        let held = start..(end + 1).min(self.bands.count);
        let result = cut(self.jpeg, self.bands, held, rows.end, &mut jpeg).and_then(|()| self.draw(&jpeg, rows));
        self.lane.jpeg = jpeg;
        result
    }

    /// Decodes rows of a stripe's JPEG, to its end, if the codec finds the size and subsampling that the layout has.
    fn draw(&mut self, jpeg: &[u8], rows: Range<usize>) -> Result<Found, JpegError> {
        let size = (self.bands.layout.width, rows.end);
        let choose = |found: &Found| {
            check(found, jpeg)?;
            let Header { width, height, subsampling } = found.header;
            if !found.inks && subsampling.is_some() && (width, height) == size {
                Ok(rows)
            } else {
                Err(JpegError::Stripe)
            }
        };
        let drawn = self.lane.codec.decompress(jpeg, choose, self.out, self.stride_px);
        self.lane.recovered(drawn)
    }
}

/// Bytes put at the end of a stripe. At a restart marker libjpeg-turbo counts the surplus bytes that it has read ahead,
/// and reports them when it next looks for a marker. It may have read the first of these two markers ahead, but not the
/// second.
const END: [u8; 4] = [0xFF, 0xD0, 0xFF, 0xD9];

/// Makes a JPEG, `height` pixels high, from some bands of another.
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
            // The last interval ends with the picture. Some encoders put a restart marker there, too.
            let behind = if restart { at + 2 } else { at };
            let whole = held.end < bands.count || data[behind..].starts_with(&[0xFF, EOI]);
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
        // Restart markers count from 0, modulo 8, so the number of the first one is subtracted.
        renumber(&mut out[data_at..], 8 - (first & 7));
    }
    out.extend_from_slice(&END);
    Ok(())
}

impl Lane {
    /// Replaces the codec after an error. libjpeg-turbo does not recover from each error: after a bad marker in one
    /// header, reading the next picture's header fails too.
    fn recovered<T>(&mut self, result: Result<T, JpegError>) -> Result<T, JpegError> {
        if matches!(result, Err(JpegError::Codec(_))) {
            self.codec = Decompressor::new()?;
        }
        result
    }

    fn header(&mut self, jpeg: &[u8]) -> Result<Found, JpegError> {
        let found = self.codec.header(jpeg);
        let found = self.recovered(found)?;
        check(&found, jpeg).map(|()| found)
    }

    fn decode_whole(&mut self, jpeg: &[u8], out: &mut [u32], stride_px: usize) -> Result<Found, JpegError> {
        let all = |found: &Found| check(found, jpeg).map(|()| 0..found.header.height);
        let decoded = self.codec.decompress(jpeg, all, out, stride_px);
        let found = self.recovered(decoded)?;
        if found.inks {
            let rows = out.chunks_mut(stride_px).take(found.header.height);
            rows.for_each(|row| row[..found.header.width].iter_mut().for_each(ink_to_light));
        }
        Ok(found)
    }
}

/// Checks that a header is plausible, before memory or time is spent on its picture.
fn check(found: &Found, jpeg: &[u8]) -> Result<(), JpegError> {
    let Header { width, height, .. } = found.header;
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

/// Converts inks to light. The codec leaves inks as they are: C, M, Y, K, inverted as Adobe has always stored them.
fn ink_to_light(pixel: &mut u32) {
    let [cyan, magenta, yellow, black] = pixel.to_ne_bytes().map(u32::from);
    let light = |ink: u32| (ink * black + 127) / 255;
    *pixel = 0xFF00_0000 | light(cyan) << 16 | light(magenta) << 8 | light(yellow);
}
