//! Parses times for `-o s@TIME`.
//!
//! ```text
//! "14:03" ─parse─▶ Moment ─at(now)─▶ ZonedDateTime, and the line that says which moment it is
//! ```

use std::str::FromStr;

use anyhow::Context;
use cli::values::DurationArg;
use common::time::Clock;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

pub const FORMS: &str = "ms since 1970, 2026-01-31T12:00:00Z, 2026-01-31T12:00+02:00, 2026-01-31 12:00 or 2026-01-31 (local \
                         time), 14:03:20 (the most recent 14:03:20), or -10m (ten minutes ago)";

/// A time as the user wrote it. It may depend on the present time and the time zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    At(Timestamp),
    Ago(DurationArg),
    /// A date and time in the local time zone.
    Local(DateTime),
    /// A time of day, today or yesterday, in a time zone (`None` is the local one).
    TimeOfDay(Time, Option<TimeZone>),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Moment, String> {
        let moment = match text.strip_prefix('-') {
            Some(ago) => ago.parse().ok().map(Moment::Ago),
            None => since_1970(text).or_else(|| dated(text)).or_else(|| time_of_day(text)),
        };
        moment.ok_or_else(|| format!("write {FORMS}"))
    }
}

/// The present time of the system's clock, in the system's time zone (or that of `TZ`).
pub fn local_time(clock: &dyn Clock) -> anyhow::Result<ZonedDateTime> {
    let now = Timestamp::from_microsecond(i64::try_from(clock.wall_us())?).context("reading the clock")?;
    Ok(now.to_zoned_datetime(TimeZone::system()))
}

fn since_1970(text: &str) -> Option<Moment> {
    text.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(Moment::At)
}

/// Parses a date, with or without a time of day and a time zone.
fn dated(text: &str) -> Option<Moment> {
    let pieces = Pieces::parse(text).ok()?;
    match (pieces.time_zone_annotation(), pieces.offset()) {
        (Some(_), _) => text.parse::<ZonedDateTime>().ok().map(|zoned| Moment::At(zoned.timestamp())),
        (None, Some(_)) => text.parse().ok().map(Moment::At),
        (None, None) => Some(Moment::Local(pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight())))),
    }
}

/// Parses a time of day, with or without a time zone.
fn time_of_day(text: &str) -> Option<Moment> {
    if text.find(':') != Some(2) {
        return None;
    }
    // The parser needs a date. Its parser for times of day ignores time zones.
    let text = format!("1970-01-01T{text}");
    let pieces = Pieces::parse(&text).ok()?;
    let zone = match (pieces.time_zone_annotation(), pieces.to_numeric_offset()) {
        // The offset may not be that of the zone, depending on the day.
        (Some(_), Some(_)) => return None,
        (Some(zone), None) => Some(zone.to_time_zone().ok()?),
        (None, offset) => offset.map(|offset| offset.to_time_zone()),
    };
    Some(Moment::TimeOfDay(pieces.time()?, zone))
}

impl Moment {
    /// Converts to an absolute time, given the present time `now`.
    pub fn at(&self, now: &ZonedDateTime) -> Result<ZonedDateTime, jiff::Error> {
        let zone = now.time_zone();
        match self {
            Moment::At(timestamp) => Ok(timestamp.to_zoned_datetime(zone.clone())),
            Moment::Ago(span) => now.checked_sub(span.duration()),
            Moment::Local(local) => local.to_zoned_datetime(zone.clone()),
            Moment::TimeOfDay(time, None) => most_recent(*time, now),
            Moment::TimeOfDay(time, Some(other)) => {
                Ok(most_recent(*time, &now.with_time_zone(other.clone()))?.with_time_zone(zone.clone()))
            }
        }
    }
}

/// The last time before `now` at which the clocks in its time zone showed `time`.
fn most_recent(time: Time, now: &ZonedDateTime) -> Result<ZonedDateTime, jiff::Error> {
    let zone = now.time_zone();
    // On the day when clocks are set back, they show some times twice.
    let on = |date: Date, which| zone.to_ambiguous_zoned_datetime(date.to_datetime(time)).disambiguate(which);
    for which in [Disambiguation::Later, Disambiguation::Compatible] {
        let today = on(now.date(), which)?;
        if today <= *now {
            return Ok(today);
        }
    }
    on(now.date().yesterday()?, Disambiguation::Later)
}

/// Formats a time for a message: in seconds, with the offset of its time zone.
pub fn shown(moment: &ZonedDateTime) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// Formats a time for a field of a log line.
pub fn rfc3339(moment: &ZonedDateTime) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// Converts to ms since 1970. Earlier times become 0, because nothing was recorded then.
pub fn ms(moment: &ZonedDateTime) -> i64 {
    moment.timestamp().as_millisecond().max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon on a summer day, two hours ahead of UTC.
    fn now() -> ZonedDateTime {
        berlin("2026-07-15T10:00:00Z")
    }

    fn berlin(time: &str) -> ZonedDateTime {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("these are the rules of Central Europe");
        time.parse::<Timestamp>().expect("it is one").to_zoned_datetime(zone)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        check_at(&now(), text, expected);
    }

    #[track_caller]
    fn check_at(now: &ZonedDateTime, text: &str, expected: &str) {
        let moment: Moment = text.parse().expect(text);
        assert_eq!(shown(&moment.at(now).expect(text)), expected, "{text}");
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
    fn a_time_of_day_may_have_a_time_zone() {
        check("11:03+02:00", "2026-07-15 11:03:00 +02:00");
        check("10:00Z", "2026-07-15 12:00:00 +02:00");
        check("10:01Z", "2026-07-14 12:01:00 +02:00");
        check("18:03[Asia/Tokyo]", "2026-07-15 11:03:00 +02:00");
        check("01:00+14:00", "2026-07-14 13:00:00 +02:00");
        check("2026-01-31T12:00[Asia/Tokyo]", "2026-01-31 04:00:00 +01:00");
    }

    #[test]
    fn a_time_of_day_that_came_twice_is_the_second_if_that_has_been() {
        // At 01:00 UTC, clocks were set back from 03:00 to 02:00.
        let check = |now: &str, expected: &str| check_at(&berlin(now), "02:30", expected);
        check("2026-10-25T00:29:00Z", "2026-10-24 02:30:00 +02:00");
        check("2026-10-25T00:31:00Z", "2026-10-25 02:30:00 +02:00");
        check("2026-10-25T01:29:00Z", "2026-10-25 02:30:00 +02:00");
        check("2026-10-25T01:31:00Z", "2026-10-25 02:30:00 +01:00");
        check("2026-10-25T23:30:00Z", "2026-10-25 02:30:00 +01:00");
    }

    #[test]
    fn so_long_ago_is_counted_from_now() {
        check("-10m", "2026-07-15 11:50:00 +02:00");
        check("-90", "2026-07-15 11:58:30 +02:00");
        check("-1h30m", "2026-07-15 10:30:00 +02:00");
    }

    #[test]
    fn other_words_are_refused_with_the_forms_that_there_are() {
        let refused = [
            "yesterday",
            "",
            "25:00",
            "2026-13-01",
            "-soon",
            "2026-02-30",
            "--10m",
            "99999999999999999999",
            "2026-01",
            "14:03[No/Where]",
            "14:03+02:00[Asia/Tokyo]",
            "2026-01-31T12:00[No/Where]",
        ];
        for text in refused {
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
