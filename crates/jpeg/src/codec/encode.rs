//! Encodes planes into one plain baseline JPEG.
//!
//! ```text
//! planes ─ cut between rows of blocks ─▶ stripes, each a JPEG of its own ─▶ joined under one header
//! ```
//! A restart marker ends each row of blocks and resets the coder's state, so the data of the stripes can be joined as
//! if one encoder had written them. Additional stripes cost nothing, so there are more of them than threads: a thread
//! on a slow core takes fewer.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pool::Pool;

use crate::codec::error::JpegError;
use crate::codec::layout::{Layout, renumber};
use crate::codec::planes::Planes;
use crate::codec::turbo::Compressor;
use crate::segments::marker::EOI;

/// A smaller stripe would be done before another thread is awake.
pub(crate) const STRIPE_PIXELS_MIN: usize = if cfg!(test) { 64 } else { 100_000 };

/// Largest number of stripes in a picture, for any size and number of threads.
pub(crate) const STRIPES_MAX: usize = 32;

/// An encoder, with memory that it reuses from picture to picture.
#[derive(Debug)]
pub struct Encoder {
    pool: Pool,
    /// One codec for each thread.
    codecs: Vec<Compressor>,
    /// A buffer of the worst-case size for each stripe, allocated once. Copying the JPEG out of it takes about 10 µs
    /// for 100 KB; zeroing the worst case in the caller's buffer for each picture would take ten times as long.
    rooms: [Vec<u8>; STRIPES_MAX],
}

/// A part of a picture that is being encoded.
struct Stripe<'a> {
    planes: Planes<'a>,
    /// Number of rows of blocks above this stripe.
    above: usize,
    quality: u8,
    room: &'a mut Vec<u8>,
    encoded: Result<usize, JpegError>,
}

impl Encoder {
    /// Makes an encoder that works on the caller's thread alone.
    pub fn new() -> Result<Encoder, JpegError> {
        Encoder::on(Pool::alone())
    }

    /// Makes an encoder that cuts large pictures into stripes for the threads of a pool.
    pub fn on(pool: Pool) -> Result<Encoder, JpegError> {
        let codecs = (0..pool.threads()).map(|_| Compressor::new()).collect::<Result<_, JpegError>>()?;
        Ok(Encoder { pool, codecs, rooms: Default::default() })
    }

    /// Replaces the content of `out` by the picture as a JPEG, and reuses its memory.
    pub fn encode(&mut self, planes: &Planes<'_>, quality: u8, out: &mut Vec<u8>) -> Result<(), JpegError> {
        out.clear();
        planes.check()?;
        if !(1..=100).contains(&quality) {
            return Err(JpegError::Quality(quality));
        }
        let rows = planes.height.div_ceil(planes.row_height());
        let threads = self.pool.pieces(planes.width * planes.height, STRIPE_PIXELS_MIN, rows);
        let mut stripes: [Option<Stripe<'_>>; STRIPES_MAX] = [const { None }; STRIPES_MAX];
        for ((stripe, room), rows) in stripes.iter_mut().zip(&mut self.rooms).zip(cut(rows, threads)) {
            let (above, planes) = (rows.start, planes.cut(&rows));
            *stripe = Some(Stripe { planes, above, quality, room, encoded: Ok(0) });
        }
        let waiting = Mutex::new(stripes.iter_mut().flatten());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.pool.each(&mut self.codecs[..threads], |codec| {
            while let Some(stripe) = next() {
                stripe.encoded = stripe.encode(codec);
            }
        });
        join(stripes.into_iter().flatten(), planes.height, out)
    }
}

impl Stripe<'_> {
    fn encode(&mut self, codec: &mut Compressor) -> Result<usize, JpegError> {
        let length = codec.compress(&self.planes.check()?, self.quality, self.room)?;
        if !self.above.is_multiple_of(8) {
            let layout = Layout::of(&self.room[..length]).ok_or(JpegError::Stripe)?;
            renumber(&mut self.room[layout.data_at..length], self.above);
        }
        Ok(length)
    }
}

/// Cuts the rows of blocks into at most `STRIPES_MAX` stripes: large ones first, small ones last, so that all threads
/// finish together.
pub(crate) fn cut(rows: usize, threads: usize) -> impl Iterator<Item = Range<usize>> {
    let least = rows.div_ceil(STRIPES_MAX);
    let mut begin = 0;
    std::iter::from_fn(move || {
        let left = rows - begin;
        let take = left.div_ceil(threads * 3 / 2).max(least).min(left);
        begin += take;
        (take > 0).then(|| begin - take..begin)
    })
}

fn join<'a>(stripes: impl Iterator<Item = Stripe<'a>>, height: usize, out: &mut Vec<u8>) -> Result<(), JpegError> {
    for stripe in stripes {
        let jpeg = &stripe.room[..stripe.encoded?];
        let layout = Layout::of(jpeg).ok_or(JpegError::Stripe)?;
        let data = jpeg.strip_suffix(&[0xFF, EOI]).ok_or(JpegError::Stripe)?;
        if stripe.above == 0 {
            out.extend_from_slice(data);
            out[layout.height_at..][..2].copy_from_slice(&(height as u16).to_be_bytes());
        } else {
            out.extend_from_slice(&[0xFF, 0xD0 | ((stripe.above - 1) & 7) as u8]);
            out.extend_from_slice(&data[layout.data_at..]);
        }
    }
    out.extend_from_slice(&[0xFF, EOI]);
    Ok(())
}
