//! Whether a picture is the one that its headers speak of, by the bar that a test card draws into it.
//!
//! Source, number and capture time are read from pixels and compared with the headers. The test card draws the very
//! reading of the clock that goes into `captured`, so between an honest pair there is no difference at all.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::bar::Bar;
use crate::frame::Meta;

/// What the checks of a run came to: `checked = agreed + unreadable + disagreed`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct PixelCheck {
    pub checked: u64,
    pub agreed: u64,
    /// Without a bar that is whole: no test card, a picture shown too small, something drawn over it.
    pub unreadable: u64,
    pub disagreed: u64,
    /// Between the capture times of picture and header.
    pub largest_difference_us: u64,
}

impl Display for PixelCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PixelCheck { checked, agreed, unreadable, disagreed, largest_difference_us } = self;
        write!(f, "{agreed} of {checked} agreed with their headers, {disagreed} disagreed, {unreadable} unreadable")?;
        if unreadable < checked { write!(f, ", largest difference {largest_difference_us} us") } else { Ok(()) }
    }
}

impl PixelCheck {
    /// Fewer than half could be read, which says too little about the rest.
    pub fn is_mostly_unreadable(&self) -> bool {
        2 * self.unreadable > self.checked
    }

    /// Both together.
    pub fn and(self, other: PixelCheck) -> PixelCheck {
        PixelCheck {
            checked: self.checked + other.checked,
            agreed: self.agreed + other.agreed,
            unreadable: self.unreadable + other.unreadable,
            disagreed: self.disagreed + other.disagreed,
            largest_difference_us: self.largest_difference_us.max(other.largest_difference_us),
        }
    }

    /// Enters the bar that was read from a frame's pixels, if one was, and returns in what it disagrees with the headers.
    /// `offset_us` is what brought the headers' moments from the producer's clock, which the bar tells, onto ours.
    pub fn enter(&mut self, bar: Option<Bar>, meta: &Meta, offset_us: i64) -> Option<String> {
        self.checked += 1;
        let Some(bar) = bar else {
            self.unreadable += 1;
            return None;
        };
        let difference_us = bar.captured.shifted(offset_us).0.abs_diff(meta.stamps.captured.0);
        self.largest_difference_us = self.largest_difference_us.max(difference_us);
        let words = disagreement(&bar, meta, difference_us);
        match words {
            None => self.agreed += 1,
            Some(_) => self.disagreed += 1,
        }
        words
    }
}

fn disagreement(bar: &Bar, meta: &Meta, difference_us: u64) -> Option<String> {
    if bar.source != Bar::source_of(&meta.source) {
        return Some(format!("the picture is not of source {}", meta.source));
    }
    // The bar has room for 32 bits.
    if meta.number.map(|number| number as u32) != Some(bar.number) {
        let header = meta.number.map_or("none".to_owned(), |number| number.to_string());
        return Some(format!("the picture has number {}, the header {header}", bar.number));
    }
    (difference_us > 0).then(|| format!("picture and header were captured {difference_us} us apart"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Micros;
    use crate::frame::{Origin, Session};
    use crate::stamps::Stamps;

    fn bar(source: &str, number: u32, captured: u64) -> Option<Bar> {
        Some(Bar { source: Bar::source_of(source), number, captured: Micros(captured) })
    }

    fn meta(number: Option<u64>, captured: u64) -> Meta {
        Meta {
            source: "A".into(),
            session: Session { began_ms: 1, salt: 0 },
            frame: 0,
            number,
            pts: Duration::ZERO,
            stamps: Stamps { captured: Micros(captured), ..Stamps::default() },
            origin: Origin { boot: "".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
            skipped: 0,
        }
    }

    fn check(bar: Option<Bar>, meta: &Meta, offset_us: i64, expected: PixelCheck) {
        let mut pixels = PixelCheck::default();
        let words = pixels.enter(bar, meta, offset_us);
        assert_eq!(words.is_some(), expected.disagreed > 0, "{words:?}");
        assert_eq!(pixels, PixelCheck { checked: 1, ..expected });
    }

    #[test]
    fn what_the_picture_says_is_held_against_the_headers() {
        let agreed = PixelCheck { agreed: 1, ..PixelCheck::default() };
        let disagreed =
            |largest_difference_us| PixelCheck { disagreed: 1, largest_difference_us, ..PixelCheck::default() };
        check(bar("A", 7, 500), &meta(Some(7), 500), 0, agreed);
        check(bar("A", 8, 500), &meta(Some(7), 500), 0, disagreed(0));
        check(bar("A", 7, 500), &meta(None, 500), 0, disagreed(0));
        check(bar("B", 7, 500), &meta(Some(7), 500), 0, disagreed(0));
        check(bar("A", 7, 499), &meta(Some(7), 500), 0, disagreed(1));
        check(None, &meta(Some(7), 500), 0, PixelCheck { unreadable: 1, ..PixelCheck::default() });
    }

    #[test]
    fn numbers_beyond_the_bars_room_and_clocks_of_other_hosts_agree() {
        let agreed = PixelCheck { agreed: 1, ..PixelCheck::default() };
        check(bar("A", 1, 500), &meta(Some((1 << 32) + 1), 500), 0, agreed);
        check(bar("A", 7, 500), &meta(Some(7), 420), -80, agreed);
    }
}
