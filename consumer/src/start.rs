//! Where to begin, as kcat writes it.

use std::str::FromStr;
use std::time::UNIX_EPOCH;

use kafka::Position;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start(pub Position);

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Start, String> {
        let position = match text {
            "newest" => Some(Position::Newest),
            "beginning" | "earliest" => Some(Position::Beginning),
            "end" | "latest" => Some(Position::End),
            _ => text.strip_prefix("s@").map_or_else(|| offset(text), time),
        };
        let wanted = "write newest, end, beginning, an offset, -N for the last N, or s@TIME (ms since 1970, or as in \
                      2026-01-31T12:00:00Z)";
        position.map(Start).ok_or_else(|| wanted.to_owned())
    }
}

fn offset(text: &str) -> Option<Position> {
    match text.strip_prefix('-') {
        Some(n) => n.parse().ok().filter(|n| *n > 0).map(Position::Last),
        None => text.parse().ok().filter(|n| *n >= 0).map(Position::At),
    }
}

fn time(text: &str) -> Option<Position> {
    let ms = text.parse::<i64>().ok().filter(|ms| *ms >= 0);
    let of_calendar = || {
        let time = humantime::parse_rfc3339_weak(text).ok()?;
        i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    };
    ms.or_else(of_calendar).map(Position::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_kcats() {
        let check = |text: &str, position: Option<Position>| {
            assert_eq!(text.parse::<Start>().ok(), position.map(Start), "{text}");
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
