//! Processor time of the programs after the warm-up; their start and end are not included.

use std::time::Duration;

use common::time::{Clock, Micros};

use crate::cpu::CpuTime;
use crate::running::Running;

#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Steady {
    /// Time from the end of the warm-up until the producers were interrupted.
    pub window: Duration,
    /// Processor time of all vidprods together.
    pub producers: Duration,
    /// Processor time of all vidcons together.
    pub viewers: Duration,
}

/// Processor time of each program at one moment.
#[derive(Debug)]
pub struct Taken {
    at: Micros,
    producers: Vec<CpuTime>,
    viewers: Vec<CpuTime>,
}

impl Taken {
    pub fn so_far(producers: &[Running], viewers: &[Running], clock: &dyn Clock) -> anyhow::Result<Taken> {
        let of = |programs: &[Running]| programs.iter().map(Running::cpu_time).collect::<anyhow::Result<Vec<_>>>();
        Ok(Taken { at: clock.now(), producers: of(producers)?, viewers: of(viewers)? })
    }

    pub fn since(&self, earlier: &Taken) -> Steady {
        let of = |now: &[CpuTime], then: &[CpuTime]| now.iter().zip(then).map(|(now, then)| now.since(then)).sum();
        Steady {
            window: self.at.since(earlier.at),
            producers: of(&self.producers, &earlier.producers),
            viewers: of(&self.viewers, &earlier.viewers),
        }
    }
}
