//! Planes in, one plain baseline JPEG out.
//!
//! ```text
//! planes ─ cut between rows of blocks ─▶ a stripe for each thread ─▶ a JPEG of its own ─▶ joined under one header
//! ```
//! A restart marker ends each row of blocks and forgets what came before it, so the stripes' data follow one another as if
//! one encoder had written them.

use pool::{Pool, THREADS_MAX, cut};

use crate::layout::{EOI, Layout, renumber};
use crate::turbo::Compressor;
use crate::{JpegError, Planes};

/// A smaller stripe is done sooner than another thread is woken.
pub(crate) const STRIPE_PIXELS_MIN: usize = if cfg!(test) { 64 } else { 100_000 };

/// An encoder and the memory it keeps from picture to picture.
#[derive(Debug)]
pub struct Encoder {
    pool: Pool,
    lanes: Vec<Lane>,
}

/// What one thread needs.
#[derive(Debug)]
struct Lane {
    codec: Compressor,
    /// Room for the worst case, grown once. The JPEG is copied out of it (about 10 µs for 100 KB), because zeroing
    /// the worst case in the caller's buffer for each picture would cost ten times that.
    room: Vec<u8>,
}

/// A part of a picture on its way.
struct Stripe<'a> {
    planes: Planes<'a>,
    /// Rows of blocks above it.
    above: usize,
    quality: u8,
    lane: &'a mut Lane,
    encoded: Result<usize, JpegError>,
}

impl Encoder {
    /// An encoder that works on the caller's thread alone.
    pub fn new() -> Result<Encoder, JpegError> {
        Encoder::on(Pool::alone())
    }

    /// An encoder that cuts large pictures into stripes for the threads of a pool.
    pub fn on(pool: Pool) -> Result<Encoder, JpegError> {
        let lane = || Ok(Lane { codec: Compressor::new()?, room: Vec::new() });
        let lanes = (0..pool.threads()).map(|_| lane()).collect::<Result<_, JpegError>>()?;
        Ok(Encoder { pool, lanes })
    }

    /// Replaces what is in `out` by the picture as a JPEG; its memory is used again.
    pub fn encode(&mut self, planes: &Planes<'_>, quality: u8, out: &mut Vec<u8>) -> Result<(), JpegError> {
        out.clear();
        planes.check()?;
        if !(1..=100).contains(&quality) {
            return Err(JpegError::Quality(quality));
        }
        let rows = planes.height.div_ceil(planes.row_height());
        let count = self.pool.pieces(planes.width * planes.height, STRIPE_PIXELS_MIN, rows);
        let mut stripes: [Option<Stripe<'_>>; THREADS_MAX] = [const { None }; THREADS_MAX];
        for ((stripe, lane), rows) in stripes.iter_mut().zip(&mut self.lanes).zip(cut(rows, count)) {
            let (above, planes) = (rows.start, planes.cut(&rows));
            *stripe = Some(Stripe { planes, above, quality, lane, encoded: Ok(0) });
        }
        self.pool.each(&mut stripes[..count], |stripe| stripe.iter_mut().for_each(Stripe::encode));
        join(stripes.into_iter().flatten(), planes.height, out)
    }
}

impl Stripe<'_> {
    fn encode(&mut self) {
        self.encoded = self.try_encode();
    }

    fn try_encode(&mut self) -> Result<usize, JpegError> {
        let length = self.lane.codec.compress(&self.planes.check()?, self.quality, &mut self.lane.room)?;
        if !self.above.is_multiple_of(8) {
            let layout = Layout::of(&self.lane.room[..length]).ok_or(JpegError::Stripe)?;
            renumber(&mut self.lane.room[layout.data_at..length], self.above);
        }
        Ok(length)
    }
}

fn join<'a>(stripes: impl Iterator<Item = Stripe<'a>>, height: usize, out: &mut Vec<u8>) -> Result<(), JpegError> {
    for stripe in stripes {
        let jpeg = &stripe.lane.room[..stripe.encoded?];
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
