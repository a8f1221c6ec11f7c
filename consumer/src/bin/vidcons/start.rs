//! The start position, in kcat's notation.

use std::str::FromStr;

use anyhow::Context;
use jiff::ZonedDateTime;
use kafka::Position;

use crate::moment::{self, Moment};

/// The start position as the user wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    At(Position),
    Since(Moment),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Start, String> {
        if let Some(time) = text.strip_prefix("s@") {
            return time.parse().map(Start::Since);
        }
        let position = match text {
            "newest" => Some(Position::Newest),
            "beginning" | "earliest" => Some(Position::Beginning),
            "end" | "latest" => Some(Position::End),
            _ => offset(text),
        };
        let wanted = "write newest, end, beginning, an offset, -N for the last N, or s@TIME, as in s@-10m, \
                      s@2026-01-31T12:00 or s@14:03";
        position.map(Start::At).ok_or_else(|| wanted.to_owned())
    }
}

impl Start {
    /// True if a group can use this. A new group begins at an end of the topic, any other continues at its committed
    /// offsets.
    pub fn suits_a_group(&self) -> bool {
        matches!(self, Start::At(Position::Newest | Position::End | Position::Beginning))
    }

    /// Converts to a position, given the present time `now`.
    pub fn position(&self, now: &ZonedDateTime) -> anyhow::Result<Position> {
        match self {
            Start::At(position) => Ok(*position),
            Start::Since(moment) => Ok(Position::Time(moment::ms(&moment.at(now).context("-o s@TIME")?))),
        }
    }

    /// Logs a time in its absolute form.
    pub fn log_time(&self, now: &ZonedDateTime) {
        let Start::Since(moment) = self else { return };
        let Ok(moment) = moment.at(now) else { return };
        let (shown, time) = (moment::shown(&moment), moment::rfc3339(&moment));
        if moment > *now {
            tracing::warn!(
                event = "start_in_future",
                time,
                "-o s@TIME: {shown} is in the future: only records from now on are read"
            );
        } else {
            tracing::info!(event = "start_time", time, "reading from {shown} on");
        }
    }
}

fn offset(text: &str) -> Option<Position> {
    match text.strip_prefix('-') {
        Some(n) => n.parse().ok().filter(|n| *n > 0).map(Position::Last),
        None => text.parse().ok().filter(|n| *n >= 0).map(Position::At),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn offsets_are_kcats() {
        let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        let check = |text: &str, position: Option<Position>| {
            let start = text.parse::<Start>().ok();
            assert_eq!(start.map(|start| start.position(&now).expect("it is in range")), position, "{text}");
        };
        check("beginning", Some(Position::Beginning));
        check("end", Some(Position::End));
        check("17", Some(Position::At(17)));
        check("-17", Some(Position::Last(17)));
        check("s@1700000000000", Some(Position::Time(1_700_000_000_000)));
        check("s@2023-11-14T22:13:20Z", Some(Position::Time(1_700_000_000_000)));
        check("s@2023-11-14 22:13:20", Some(Position::Time(1_700_000_000_000)));
        check("-0", None);
        check("s@yesterday", None);
        check("middle", None);
    }
}
