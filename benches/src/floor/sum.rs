//! Compares the whole with the sum of its stages, in one round.

use std::fmt;

use common::time::Latency;

use super::Measured;

/// Largest allowed ratio of the whole to the sum, and the ratio that we would like to reach.
pub const GOAL: f64 = 1.25;
pub const DREAM: f64 = 1.10;
/// A program may take this many times the codec's processor time per frame, plus a constant.
pub const CPU_GOAL_FACTOR: f64 = 1.25;
pub const CPU_GOAL_REST_US: f64 = 600.0;

/// Medians in µs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sum {
    pub encode: f64,
    pub hop: f64,
    pub decode: f64,
    /// The figure that vidcons reports; 0 without a window.
    pub present: f64,
    pub whole: f64,
}

impl Sum {
    pub fn floor(&self) -> f64 {
        self.encode + self.hop + self.decode + self.present
    }

    pub fn ratio(&self) -> f64 {
        self.whole / self.floor().max(1.0)
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sum { encode, hop, decode, present, whole } = self;
        let ms = |us: &f64| us / 1e3;
        write!(f, "{:.2} / ({:.2} + {:.2} + {:.2}", ms(whole), ms(encode), ms(hop), ms(decode))?;
        if *present > 0.0 {
            write!(f, " + {:.2}", ms(present))?;
        }
        write!(f, ") ms = {:.2}", self.ratio())
    }
}

pub fn of(measured: &Measured) -> Sum {
    let p50 = |latency: &Latency| latency.histogram().value_at_quantile(0.5) as f64;
    let latency = &measured.ran.viewers[0].sums.latency_us;
    Sum {
        encode: p50(&measured.encode.time),
        hop: p50(&measured.hop),
        decode: p50(&measured.decode.time),
        present: latency.stages.get("present").map_or(0.0, |present| present.p50 as f64),
        whole: latency.total.p50 as f64,
    }
}

/// Processor time per frame in µs, of the codec alone and of the program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cpu {
    pub codec: f64,
    pub program: f64,
}

impl Cpu {
    /// The processor time that the program may take.
    pub fn goal(&self) -> f64 {
        CPU_GOAL_FACTOR * self.codec + CPU_GOAL_REST_US
    }
}

/// The processor times of vidprod and of vidcons.
pub fn cpu(measured: &Measured) -> [Cpu; 2] {
    [
        Cpu { codec: measured.encode.cpu_us, program: measured.ran.producer_cpu_us() },
        Cpu { codec: measured.decode.cpu_us, program: measured.ran.viewer_cpu_us() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_told_beside_the_sum() {
        let sum = Sum { encode: 2000.0, hop: 1000.0, decode: 1500.0, present: 500.0, whole: 6000.0 };
        assert_eq!(sum.floor(), 5000.0);
        assert_eq!(sum.to_string(), "6.00 / (2.00 + 1.00 + 1.50 + 0.50) ms = 1.20");
        let headless = Sum { present: 0.0, whole: 4500.0, ..sum };
        assert_eq!(headless.to_string(), "4.50 / (2.00 + 1.00 + 1.50) ms = 1.00");
    }

    #[test]
    fn a_program_may_take_a_quarter_and_something_more_than_its_codec() {
        assert_eq!(Cpu { codec: 2000.0, program: 0.0 }.goal(), 3100.0);
    }
}
