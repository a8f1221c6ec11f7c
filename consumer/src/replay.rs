//! Schedules recorded frames: at their own pace from the first one on.

use std::time::Duration;

use cli::values::Speed;
use common::time::Micros;
use common::wire::{Meta, Session};

/// Longest gap between two frames; a longer one (a pause, another session) is shortened.
const GAP_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Replay {
    speed: Option<f64>,
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    session: Session,
    frame: u64,
    pts: Duration,
    due: Micros,
}

impl Replay {
    pub fn new(speed: Speed) -> Replay {
        let speed = match speed {
            Speed::Times(speed) => Some(speed),
            Speed::Max => None,
        };
        Replay { speed, last: None }
    }

    /// Time at which this frame is to be shown. Another call for the same frame returns the same time.
    pub fn due(&mut self, meta: &Meta, now: Micros) -> Micros {
        let Some(speed) = self.speed else { return now };
        let due = match self.last {
            Some(last) if (last.session, last.frame) == (meta.session, meta.frame) => return last.due,
            Some(last) if last.session == meta.session => {
                let gap = meta.pts.saturating_sub(last.pts).min(GAP_MAX).div_f64(speed);
                // The schedule is kept after a delay of up to a second, and then shifted, so that the following frames
                // need not hurry.
                last.due.plus(gap).max(now.shifted(-1_000_000))
            }
            _ => now,
        };
        self.last = Some(Last { session: meta.session, frame: meta.frame, pts: meta.pts, due });
        due
    }
}

#[cfg(test)]
mod tests {
    use common::time::Stamps;
    use common::wire::{Codec, Origin};

    use super::*;

    fn meta(session: u64, frame: u64, pts_ms: u64) -> Meta {
        Meta {
            source: "a".into(),
            session: Session { began_ms: session, salt: 0 },
            frame,
            codec: Codec::Jpeg,
            key_frame: true,
            number: None,
            pts: Duration::from_millis(pts_ms),
            stamps: Stamps::default(),
            origin: Origin { boot: "".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
            skipped: 0,
        }
    }

    #[test]
    fn frames_are_due_at_their_own_pace() {
        let mut replay = Replay::new(Speed::Times(2.0));
        assert_eq!(replay.due(&meta(1, 0, 0), Micros(5_000_000)), Micros(5_000_000));
        assert_eq!(replay.due(&meta(1, 1, 40), Micros(5_001_000)), Micros(5_020_000));
        assert_eq!(replay.due(&meta(1, 1, 40), Micros(5_019_000)), Micros(5_020_000), "asked again");
        assert_eq!(replay.due(&meta(1, 2, 60_040), Micros(5_021_000)), Micros(10_020_000), "a long gap is cut");
        assert_eq!(
            replay.due(&meta(2, 0, 0), Micros(11_000_000)),
            Micros(11_000_000),
            "another session begins at once"
        );
    }

    #[test]
    fn at_full_speed_all_is_due() {
        let mut replay = Replay::new(Speed::Max);
        assert_eq!(replay.due(&meta(1, 0, 0), Micros(7)), Micros(7));
        assert_eq!(replay.due(&meta(1, 9, 99), Micros(8)), Micros(8));
    }
}
