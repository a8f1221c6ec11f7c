//! Compares a picture with its headers, by the bar that a test card draws into it.
//!
//! Source, number and capture time are read from the pixels. The test card draws the same clock reading that goes into
//! `captured`, so without a fault there is no difference at all.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::draw::Bar;
use crate::wire::Meta;

/// The result of a run's checks: `checked = agreed + unreadable + disagreed`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct PixelCheck {
    pub checked: u64,
    pub agreed: u64,
    /// Number of pictures without an intact bar: not from a test card, shown too small, or partly covered.
    pub unreadable: u64,
    pub disagreed: u64,
    /// Largest difference between the capture times in picture and header.
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
    /// True if more than half could not be read, which is too many to judge the rest.
    pub fn is_mostly_unreadable(&self) -> bool {
        2 * self.unreadable > self.checked
    }

    /// Adds two results.
    pub fn and(self, other: PixelCheck) -> PixelCheck {
        PixelCheck {
            checked: self.checked + other.checked,
            agreed: self.agreed + other.agreed,
            unreadable: self.unreadable + other.unreadable,
            disagreed: self.disagreed + other.disagreed,
            largest_difference_us: self.largest_difference_us.max(other.largest_difference_us),
        }
    }

    /// Adds a check. `bar` is the bar read from a frame's pixels, if there was one. Returns a description of the
    /// mismatch with the headers. `offset_us` is the offset that was added to the headers' timestamps to convert them
    /// from the producer's clock, which the bar uses, to ours.
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
    // The bar holds only 32 bits of the number.
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
    use crate::time::{Micros, Stamps};
    use crate::wire::{Codec, Origin, Session};

    fn bar(source: &str, number: u32, captured: u64) -> Option<Bar> {
        Some(Bar { source: Bar::source_of(source), number, captured: Micros(captured) })
    }

    fn meta(number: Option<u64>, captured: u64) -> Meta {
        Meta {
            source: "A".into(),
            session: Session { began_ms: 1, salt: 0 },
            frame: 0,
            codec: Codec::Jpeg,
            key_frame: true,
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
    fn the_pictures_bar_is_compared_with_the_headers() {
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
