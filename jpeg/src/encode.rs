//! Planes in, one plain baseline JPEG out.
//!
//! ```text
//! planes ─ cut between rows of blocks ─▶ stripes, each a JPEG of its own ─▶ joined under one header
//! ```
//! A restart marker ends each row of blocks and forgets what came before it, so the stripes' data follow one another as if
//! one encoder had written them. A stripe costs nothing by itself, so there are more of them than threads: whose core is
//! slower just then takes fewer.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pool::Pool;

use crate::layout::{EOI, Layout, renumber};
use crate::turbo::Compressor;
use crate::{JpegError, Planes};

/// A smaller stripe is done sooner than another thread is woken.
pub(crate) const STRIPE_PIXELS_MIN: usize = if cfg!(test) { 64 } else { 100_000 };

/// Of one picture, whatever its size and the number of threads.
pub(crate) const STRIPES_MAX: usize = 32;

/// An encoder and the memory it keeps from picture to picture.
#[derive(Debug)]
pub struct Encoder {
    pool: Pool,
    /// One for each thread.
    codecs: Vec<Compressor>,
    /// For each stripe the worst case, grown once. The JPEG is copied out of it (about 10 µs for 100 KB), because zeroing
    /// the worst case in the caller's buffer for each picture would cost ten times that.
    rooms: [Vec<u8>; STRIPES_MAX],
}

/// A part of a picture on its way.
struct Stripe<'a> {
    planes: Planes<'a>,
    /// Rows of blocks above it.
    above: usize,
    quality: u8,
    room: &'a mut Vec<u8>,
    encoded: Result<usize, JpegError>,
}

impl Encoder {
    /// An encoder that works on the caller's thread alone.
    pub fn new() -> Result<Encoder, JpegError> {
        Encoder::on(Pool::alone())
    }

    /// An encoder that cuts large pictures into stripes for the threads of a pool.
    pub fn on(pool: Pool) -> Result<Encoder, JpegError> {
        let codecs = (0..pool.threads()).map(|_| Compressor::new()).collect::<Result<_, JpegError>>()?;
        Ok(Encoder { pool, codecs, rooms: Default::default() })
    }

    /// Replaces what is in `out` by the picture as a JPEG; its memory is used again.
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

/// So many rows of blocks, at most `STRIPES_MAX` times: large ones first, small ones last, so that all threads end together.
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
        let data = jpeg.strip_suffix(&EOI).ok_or(JpegError::Stripe)?;
        if stripe.above == 0 {
            out.extend_from_slice(data);
            out[layout.height_at..][..2].copy_from_slice(&(height as u16).to_be_bytes());
        } else {
            out.extend_from_slice(&[0xFF, 0xD0 | ((stripe.above - 1) & 7) as u8]);
            out.extend_from_slice(&data[layout.data_at..]);
        }
    }
    out.extend_from_slice(&EOI);
    Ok(())
}
