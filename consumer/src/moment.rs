//! Parses times for `-o s@TIME`.
//!
//! ```text
//! "14:03" ─parse─▶ Moment ─at(now)─▶ ZonedDateTime, and the line that says which moment it is
//! ```

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, ZonedDateTime};
use shell::values::Span;

pub const FORMS: &str = "ms since 1970, 2026-01-31T12:00:00Z, 2026-01-31T12:00+02:00, 2026-01-31 12:00 or 2026-01-31 (local \
                         time), 14:03:20 (the last time it was that late), or -10m (ten minutes ago)";

/// A time as the user wrote it. It may depend on the present time and the time zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    At(Timestamp),
    Ago(Span),
    /// A date and time in the local time zone.
    Local(DateTime),
    /// A time of day in the local time zone, today or yesterday.
    TimeOfDay(Time),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Moment, String> {
        if let Some(ago) = text.strip_prefix('-') {
            return ago.parse().map(Moment::Ago).map_err(|_| format!("write {FORMS}"));
        }
        let of_ms = || text.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let of_zone =
            || text.parse().ok().or_else(|| text.parse::<ZonedDateTime>().ok().map(|zoned| zoned.timestamp()));
        let local = || text.parse().ok().map(Moment::Local);
        let moment = of_ms().or_else(of_zone).map(Moment::At).or_else(local);
        moment.or_else(|| text.parse().ok().map(Moment::TimeOfDay)).ok_or_else(|| format!("write {FORMS}"))
    }
}

impl Moment {
    /// Converts to an absolute time, given the present time `now`.
    pub fn at(self, now: &ZonedDateTime) -> Result<ZonedDateTime, jiff::Error> {
        let zone = now.time_zone();
        match self {
            Moment::At(timestamp) => Ok(timestamp.to_zoned_datetime(zone.clone())),
            Moment::Ago(span) => now.checked_sub(span.duration()),
            Moment::Local(local) => local.to_zoned_datetime(zone.clone()),
            Moment::TimeOfDay(time) => {
                let today = now.date().to_datetime(time).to_zoned_datetime(zone.clone())?;
                if today <= *now {
                    Ok(today)
                } else {
                    now.date().yesterday()?.to_datetime(time).to_zoned_datetime(zone.clone())
                }
            }
        }
    }
}

/// Formats a time for a message: in seconds, with the offset of its time zone.
pub fn shown(moment: &ZonedDateTime) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// Converts to ms since 1970. Earlier times become 0, because nothing was recorded then.
pub fn ms(moment: &ZonedDateTime) -> i64 {
    moment.timestamp().as_millisecond().max(0)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    /// Noon on a summer day, two hours ahead of UTC.
    fn now() -> ZonedDateTime {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("these are the rules of Central Europe");
        "2026-07-15T10:00:00Z".parse::<Timestamp>().expect("it is one").to_zoned_datetime(zone)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let moment: Moment = text.parse().expect(text);
        assert_eq!(shown(&moment.at(&now()).expect(text)), expected, "{text}");
    }

    #[test]
    fn moments_with_an_offset_are_the_same_everywhere() {
        check("1700000000000", "2023-11-14 23:13:20 +01:00");
        check("2026-01-31T12:00:00Z", "2026-01-31 13:00:00 +01:00");
        check("2026-01-31T12:00:00+02:00", "2026-01-31 11:00:00 +01:00");
        check("2026-01-31 12:00-05:00", "2026-01-31 18:00:00 +01:00");
    }

    #[test]
    fn moments_without_an_offset_are_local() {
        check("2026-01-31T12:00:00", "2026-01-31 12:00:00 +01:00");
        check("2026-07-01 12:00", "2026-07-01 12:00:00 +02:00");
        check("2026-01-31", "2026-01-31 00:00:00 +01:00");
    }

    #[test]
    fn an_hour_that_the_clocks_skip_or_repeat_is_taken_all_the_same() {
        check("2026-03-29 02:30", "2026-03-29 03:30:00 +02:00");
        check("2026-10-25 02:30", "2026-10-25 02:30:00 +02:00");
    }

    #[test]
    fn a_time_of_day_has_been() {
        check("11:59:59", "2026-07-15 11:59:59 +02:00");
        check("12:00", "2026-07-15 12:00:00 +02:00");
        check("12:00:01", "2026-07-14 12:00:01 +02:00");
    }

    #[test]
    fn so_long_ago_is_counted_from_now() {
        check("-10m", "2026-07-15 11:50:00 +02:00");
        check("-90", "2026-07-15 11:58:30 +02:00");
        check("-1h30m", "2026-07-15 10:30:00 +02:00");
    }

    #[test]
    fn other_words_are_refused_with_the_forms_that_there_are() {
        for text in ["yesterday", "", "25:00", "2026-13-01", "-soon", "2026-02-30", "--10m", "99999999999999999999"] {
            let error = text.parse::<Moment>().expect_err(text);
            assert!(error.contains("-10m") && error.contains("+02:00"), "{error}");
        }
    }

    #[test]
    fn before_1970_is_the_beginning() {
        let moment: Moment = "1960-01-01".parse().expect("it is a date");
        assert_eq!(ms(&moment.at(&now()).expect("it is in range")), 0);
    }
}
