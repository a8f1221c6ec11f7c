//! Converts HDR pictures (PQ, HLG; BT.2020) for ordinary screens, with a table.
//!
//! ```text
//! Y'CbCr ─▶ R'G'B' ─(PQ or HLG)─▶ light, BT.2020 ─▶ light, BT.709 ─(tone curve)─▶ sRGB ─▶ Y'CbCr
//! ```
//! The table contains this conversion for a grid of colours; colours between are interpolated. Both ends are JPEG's
//! full-range BT.601, as a picture is after the conversion of its matrix and range.

use ffmpeg_next::color::TransferCharacteristic;

use crate::picture::Picture;

/// Light of white paper in HDR video (BT.2408), which becomes about the white of an ordinary screen.
const WHITE_NITS: f64 = 203.0;
/// The brightest light that is distinguished from brighter ones.
const PEAK: f64 = 1000.0 / WHITE_NITS;
/// Light up to this fraction of white is kept; brighter light is compressed.
const KNEE: f64 = 0.3;

/// Distance between grid points as a power of two, in levels of 8 bits.
const STEP_BITS: usize = 3;
const STEP: usize = 1 << STEP_BITS;
const GRID: usize = 256 / STEP + 1;

/// The transfer function of HDR video.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hdr {
    Pq,
    Hlg,
}

impl Hdr {
    /// `None` if the picture is not HDR.
    pub fn of(transfer: TransferCharacteristic) -> Option<Hdr> {
        match transfer {
            TransferCharacteristic::SMPTE2084 => Some(Hdr::Pq),
            TransferCharacteristic::ARIB_STD_B67 => Some(Hdr::Hlg),
            _ => None,
        }
    }

    /// The light as a fraction of white.
    fn light(self, rgb: [f64; 3]) -> [f64; 3] {
        match self {
            Hdr::Pq => rgb.map(|v| pq_nits(v) / WHITE_NITS),
            Hdr::Hlg => {
                let scene = rgb.map(hlg_scene);
                let luma = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
                // The scene's light on a screen of 1000 nits.
                scene.map(|v| 1000.0 * luma.powf(0.2) * v / WHITE_NITS)
            }
        }
    }
}

pub struct ToneMap {
    /// Y', Cb, Cr, indexed by Cb, Cr, Y'; entries that differ in Y' only are adjacent.
    table: Vec<[u8; 3]>,
}

impl ToneMap {
    pub fn new(hdr: Hdr) -> ToneMap {
        let name = if hdr == Hdr::Pq { "PQ" } else { "HLG" };
        tracing::info!(event = "note", "the video is HDR ({name}): it is tone-mapped for ordinary screens");
        let level = |step: usize| (step * STEP).min(255) as f64;
        let colours = (0..GRID * GRID * GRID).map(|at| [at % GRID, at / GRID / GRID, at / GRID % GRID].map(level));
        ToneMap { table: colours.map(|[y, cb, cr]| mapped(hdr, [y, cb, cr])).collect() }
    }

    pub fn apply(&self, picture: &mut Picture) {
        let (luma, chroma) = (picture.luma_size(), picture.chroma_size());
        let [y, cb, cr] = picture.planes_mut();
        if chroma.1 == 0 {
            let grey = Column::new(128, 128);
            y.iter_mut().for_each(|y| *y = self.interpolated(&grey, *y)[0]);
            return;
        }
        let (across, down) = (luma.0 / chroma.0, luma.1 / chroma.1);
        for (row, (cb, cr)) in cb.chunks_exact_mut(chroma.0).zip(cr.chunks_exact_mut(chroma.0)).enumerate() {
            let rows = &mut y[row * down * luma.0..(row * down + down) * luma.0];
            for (at, (cb, cr)) in cb.iter_mut().zip(cr).enumerate() {
                let column = Column::new(*cb, *cr);
                let mut sum = 0;
                for row in rows.chunks_exact_mut(luma.0) {
                    for y in &mut row[at * across..at * across + across] {
                        sum += usize::from(*y);
                        *y = self.interpolated(&column, *y)[0];
                    }
                }
                [_, *cb, *cr] = self.interpolated(&column, (sum / (across * down)) as u8);
            }
        }
    }

    fn interpolated(&self, column: &Column, y: u8) -> [u8; 3] {
        let (step, part) = (usize::from(y) >> STEP_BITS, usize::from(y) % STEP);
        let mut sums = [0; 3];
        for (begin, weight) in column.corners {
            let (low, high) = (self.table[begin + step], self.table[begin + step + 1]);
            for ((sum, low), high) in sums.iter_mut().zip(low).zip(high) {
                *sum += weight * (usize::from(low) * (STEP - part) + usize::from(high) * part);
            }
        }
        let whole = STEP * STEP * STEP;
        sums.map(|sum| ((sum + whole / 2) / whole) as u8)
    }
}

/// The beginning of the four columns around a chroma value in the table, and their weights.
struct Column {
    corners: [(usize, usize); 4],
}

impl Column {
    fn new(cb: u8, cr: u8) -> Column {
        let split = |level: u8| (usize::from(level) >> STEP_BITS, usize::from(level) % STEP);
        let ((cb, cb_part), (cr, cr_part)) = (split(cb), split(cr));
        let begin = |cb: usize, cr: usize| (cb * GRID + cr) * GRID;
        let corners = [
            (begin(cb, cr), (STEP - cb_part) * (STEP - cr_part)),
            (begin(cb, cr + 1), (STEP - cb_part) * cr_part),
            (begin(cb + 1, cr), cb_part * (STEP - cr_part)),
            (begin(cb + 1, cr + 1), cb_part * cr_part),
        ];
        Column { corners }
    }
}

fn mapped(hdr: Hdr, [y, cb, cr]: [f64; 3]) -> [u8; 3] {
    let (y, cb, cr) = (y / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|v| v.clamp(0.0, 1.0));
    let [r, g, b] = to_bt709(hdr.light(rgb)).map(|v| v.max(0.0));
    let brightest = r.max(g).max(b).max(1e-9);
    let scale = curve(brightest.min(PEAK)) / brightest;
    let [r, g, b] = [r, g, b].map(|v| srgb(v * scale));
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, (b - y) / 1.772 + 128.0 / 255.0, (r - y) / 1.402 + 128.0 / 255.0].map(|v| (v * 255.0).round() as u8)
}

/// Converts PQ (SMPTE ST 2084) to nits.
fn pq_nits(v: f64) -> f64 {
    let (m1, m2) = (2610.0 / 16384.0, 2523.0 / 32.0);
    let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 128.0, 2392.0 / 128.0);
    let v = v.powf(1.0 / m2);
    10_000.0 * ((v - c1).max(0.0) / (c2 - c3 * v)).powf(1.0 / m1)
}

/// Converts HLG (ARIB STD-B67) to the scene's light, from 0 to 1.
fn hlg_scene(v: f64) -> f64 {
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    if v <= 0.5 { v * v / 3.0 } else { (((v - c) / a).exp() + b) / 12.0 }
}

/// Converts BT.2020's primaries to those of BT.709.
fn to_bt709([r, g, b]: [f64; 3]) -> [f64; 3] {
    [1.6605 * r - 0.5876 * g - 0.0728 * b, -0.1246 * r + 1.1329 * g - 0.0083 * b, -0.0182 * r - 0.1006 * g + 1.1187 * b]
}

/// Möbius' curve: identity up to the knee, and from there smoothly to 1 at the peak.
fn curve(light: f64) -> f64 {
    if light <= KNEE {
        return light;
    }
    let a = -KNEE * KNEE * (PEAK - 1.0) / (KNEE * KNEE - 2.0 * KNEE + PEAK);
    let b = (KNEE * KNEE - 2.0 * KNEE * PEAK + PEAK) / (PEAK - 1.0);
    (b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
}

fn srgb(light: f64) -> f64 {
    let light = light.clamp(0.0, 1.0);
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
#[path = "tone_tests.rs"]
mod tests;
