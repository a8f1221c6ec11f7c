//! The way of playback: the newest frame, every frame at a speed, or paused.
//!
//! All sources of a viewer share one transport, so that they stay in step.

use std::time::Duration;

use common::time::{Micros, Speed};
use common::wire::{Meta, Session};

/// Longest gap between two frames; a longer one (a pause, another session) is shortened.
const GAP_MAX: Duration = Duration::from_secs(10);

/// A command of the user. Keys and options send the same ones.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum PlaybackCommand {
    /// Goes on after a pause.
    Play,
    /// Shows no further frame until `Play`.
    Pause,
    /// Shows the newest frame, and drops older ones.
    Live,
    /// Shows every frame in order, at this speed.
    Speed(Speed),
    /// Shows the next or the previous of the live sources.
    Select(Direction),
}

/// Direction in which the live sources are gone through, which are sorted by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Onwards, and after the last one the first.
    Next,
    /// Backwards, and before the first one the last.
    Previous,
}

/// The state of playback. The pause is a field of its own, so that playback continues at the same pace afterwards.
#[derive(Default, Debug)]
pub struct Transport {
    pace: Pace,
    paused: bool,
}

#[derive(Default, Debug)]
enum Pace {
    /// The newest frame is shown when it arrives.
    #[default]
    Live,
    /// Every frame is shown, each when it is due.
    Playing { speed: Speed, last: Option<Scheduled> },
}

/// The frame that was scheduled last.
#[derive(Clone, Copy, Debug)]
struct Scheduled {
    session: Session,
    frame: u64,
    pts: Duration,
    due: Micros,
}

impl Transport {
    pub(super) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub(super) fn go_live(&mut self) {
        self.pace = Pace::Live;
    }

    pub(super) fn play_at(&mut self, speed: Speed) {
        self.pace = Pace::Playing { speed, last: None };
    }

    /// True if only the newest frame is shown.
    pub fn is_live(&self) -> bool {
        matches!(self.pace, Pace::Live)
    }

    /// True during a pause.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Time at which this frame is to be shown. Another call for the same frame returns the same time.
    pub(super) fn due(&mut self, meta: &Meta, now: Micros) -> Micros {
        let Pace::Playing { speed: Speed::Times(speed), last } = &mut self.pace else { return now };
        let due = match *last {
            Some(last) if (last.session, last.frame) == (meta.session, meta.frame) => return last.due,
            Some(last) if last.session == meta.session => {
                let gap = meta.pts.saturating_sub(last.pts).min(GAP_MAX).div_f64(*speed);
                // The schedule is kept after a delay of up to a second, and then shifted, so that the following frames
                // need not hurry.
                last.due.plus(gap).max(now.shifted(-1_000_000))
            }
            _ => now,
        };
        *last = Some(Scheduled { session: meta.session, frame: meta.frame, pts: meta.pts, due });
        due
    }
}

#[cfg(test)]
mod tests {
    use common::time::Stamps;
    use common::wire::{Codec, Origin};

    use super::*;

    fn playing(speed: Speed) -> Transport {
        let mut transport = Transport::default();
        transport.play_at(speed);
        transport
    }

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
        let mut transport = playing(Speed::Times(2.0));
        assert_eq!(transport.due(&meta(1, 0, 0), Micros(5_000_000)), Micros(5_000_000));
        assert_eq!(transport.due(&meta(1, 1, 40), Micros(5_001_000)), Micros(5_020_000));
        assert_eq!(transport.due(&meta(1, 1, 40), Micros(5_019_000)), Micros(5_020_000), "asked again");
        assert_eq!(transport.due(&meta(1, 2, 60_040), Micros(5_021_000)), Micros(10_020_000), "a long gap is cut");
        assert_eq!(
            transport.due(&meta(2, 0, 0), Micros(11_000_000)),
            Micros(11_000_000),
            "another session begins at once"
        );
    }

    #[test]
    fn at_full_speed_all_is_due() {
        let mut transport = playing(Speed::Max);
        assert_eq!(transport.due(&meta(1, 0, 0), Micros(7)), Micros(7));
        assert_eq!(transport.due(&meta(1, 9, 99), Micros(8)), Micros(8));
    }
}
