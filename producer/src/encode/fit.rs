//! Makes a frame fit into the message limit: lowers its quality first, then its size, and learns from frame to frame.

use clap::ValueEnum;

/// Lowest quality used to make a frame fit.
pub const QUALITY_FLOOR: u8 = 20;
/// Smallest scale used to make a frame fit, as a fraction of width and height.
pub const SCALE_FLOOR: f64 = 0.125;
/// Fraction of the limit to aim for, so that the next frame fits too.
const AIM: f64 = 0.9;
/// Largest rise of quality from one frame to the next.
const QUALITY_STEP_UP: f64 = 2.0;
/// Number of frames that must fit after one that did not, before quality or size may rise again.
const PATIENCE_FRAMES: u32 = 30;
/// Quality at which the size may grow again.
const QUALITY_TO_GROW: f64 = 50.0;
const SCALE_STEP_UP: f64 = 1.15;
/// Exponent of the relation between the quantizer's scale and the size of a JPEG (an approximation).
const BYTES_POWER: f64 = -0.75;

/// What to do with a frame over the message limit.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fit {
    /// Split it into parts
    #[default]
    Split,
    /// Lower its quality, then its size
    Shrink,
}

/// Quality and scale at which a frame is encoded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EncodeSetting {
    pub quality: u8,
    /// Fraction of the picture's width and height.
    pub scale: f64,
}

/// Searches for the setting at which frames fit.
#[derive(Debug)]
pub struct Shrinker {
    bytes_max: usize,
    wanted: f64,
    quality: f64,
    scale: f64,
    patience: u32,
}

impl Shrinker {
    pub fn new(bytes_max: usize, quality: u8) -> Shrinker {
        let wanted = f64::from(quality);
        Shrinker { bytes_max, wanted, quality: wanted, scale: 1.0, patience: 0 }
    }

    /// Changes the limit in bytes.
    pub fn keep_to(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    pub fn setting(&self) -> EncodeSetting {
        EncodeSetting { quality: self.quality.round().clamp(1.0, 100.0) as u8, scale: self.scale }
    }

    /// Learns from the size that the last setting gave. Returns `Some(true)` if the frame fits, `Some(false)` if it is
    /// to be encoded again with the new [`setting`](Self::setting), and `None` if it does not fit even at the floor.
    pub fn learn(&mut self, bytes: usize) -> Option<bool> {
        if bytes <= self.bytes_max {
            self.patience = self.patience.saturating_sub(1);
            if self.patience == 0 {
                self.recover(bytes);
            }
            return Some(true);
        }
        self.patience = PATIENCE_FRAMES;
        let floor = f64::from(QUALITY_FLOOR).min(self.wanted);
        if self.quality > floor {
            let aimed = self.quality_for(bytes);
            self.quality = aimed.min(self.quality - 1.0).max(floor);
            return Some(false);
        }
        if self.scale > SCALE_FLOOR {
            let ratio = AIM * self.bytes_max as f64 / bytes as f64;
            self.scale = (self.scale * ratio.sqrt()).max(SCALE_FLOOR);
            return Some(false);
        }
        None
    }

    /// Raises size or quality after a frame that leaves room.
    fn recover(&mut self, bytes: usize) {
        let room = self.quality_for(bytes);
        if room > self.quality {
            let grows = self.scale < 1.0 && self.quality >= QUALITY_TO_GROW.min(self.wanted);
            if grows {
                self.scale = (self.scale * SCALE_STEP_UP).min(1.0);
            } else {
                self.quality = room.min(self.quality + QUALITY_STEP_UP).min(self.wanted);
            }
        }
    }

    /// The quality at which the frame would have had the size that we aim for, instead of `bytes`.
    fn quality_for(&self, bytes: usize) -> f64 {
        let change = AIM * self.bytes_max as f64 / bytes.max(1) as f64;
        quality_of(quantizer_of(self.quality) * change.powf(1.0 / BYTES_POWER))
    }
}

/// The scale of libjpeg's quantizer at a quality.
fn quantizer_of(quality: f64) -> f64 {
    if quality < 50.0 { 5000.0 / quality } else { (200.0 - 2.0 * quality).max(1.0) }
}

fn quality_of(quantizer: f64) -> f64 {
    let quality = if quantizer > 100.0 { 5000.0 / quantizer } else { (200.0 - quantizer) / 2.0 };
    quality.clamp(1.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes `frames` pictures of `bytes` each (at quality 80 and full size); returns the number of encodings.
    fn run(shrinker: &mut Shrinker, bytes: f64, frames: usize) -> usize {
        let mut encodes = 0;
        for _ in 0..frames {
            for attempt in 0.. {
                let EncodeSetting { quality, scale } = shrinker.setting();
                let relative = quantizer_of(f64::from(quality)) / quantizer_of(80.0);
                let got = (bytes * relative.powf(-0.6) * scale * scale) as usize;
                encodes += 1;
                match shrinker.learn(got) {
                    Some(true) => {
                        assert!(got <= shrinker.bytes_max);
                        break;
                    }
                    Some(false) => assert!(attempt < 8, "it converges"),
                    None => panic!("the floor is far below this"),
                }
            }
        }
        encodes
    }

    #[test]
    fn a_frame_that_fits_is_left_as_it_is() {
        let mut shrinker = Shrinker::new(100_000, 80);
        assert_eq!(run(&mut shrinker, 50_000.0, 10), 10);
        assert_eq!(shrinker.setting(), EncodeSetting { quality: 80, scale: 1.0 });
    }

    #[test]
    fn frames_over_the_limit_are_not_each_encoded_many_times() {
        for bytes in [120_000.0, 200_000.0, 600_000.0, 3_000_000.0] {
            let mut shrinker = Shrinker::new(100_000, 80);
            let first = run(&mut shrinker, bytes, 1);
            assert!(first <= 6, "{first} for the first of {bytes}");
            let rest = run(&mut shrinker, bytes, 100);
            assert!(rest <= 110, "{rest} for 100 of {bytes}");
        }
    }

    #[test]
    fn quality_and_size_come_back() {
        let mut shrinker = Shrinker::new(100_000, 80);
        run(&mut shrinker, 3_000_000.0, 20);
        assert!(shrinker.setting().scale < 1.0);
        run(&mut shrinker, 50_000.0, 200);
        assert_eq!(shrinker.setting(), EncodeSetting { quality: 80, scale: 1.0 });
    }

    #[test]
    fn the_floor_is_the_floor() {
        let mut shrinker = Shrinker::new(100, 80);
        while shrinker.learn(10_000_000).is_some() {
            assert!(shrinker.setting().quality >= QUALITY_FLOOR && shrinker.setting().scale >= SCALE_FLOOR);
        }
        assert_eq!(shrinker.setting(), EncodeSetting { quality: QUALITY_FLOOR, scale: SCALE_FLOOR });
    }
}
