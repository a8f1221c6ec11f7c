//! Values as people type them: times, sizes, pairs.

use std::str::FromStr;
use std::time::Duration;

/// A time: plain seconds, or as in `500ms`, `2m`, `1h30m`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(Duration);

impl Span {
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let seconds = text.parse::<f64>().ok().filter(|s| (0.0..1e12).contains(s)).map(Duration::from_secs_f64);
        let parsed = seconds.or_else(|| humantime::parse_duration(text).ok());
        parsed.map(Span).ok_or_else(|| "write seconds, or a time as in 500ms, 2m, 1h30m".to_owned())
    }
}

/// A number of bytes: plain, or as in `500k`, `64M`, `2G` (powers of 1000), `64Mi`, `2Gi` (of 1024).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bytes(pub usize);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let text = text.trim_end_matches(['B', 'b']);
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: Option<usize> = match unit.to_ascii_lowercase().as_str() {
            "" => Some(1),
            "k" => Some(1000),
            "m" => Some(1_000_000),
            "g" => Some(1_000_000_000),
            "ki" => Some(1 << 10),
            "mi" => Some(1 << 20),
            "gi" => Some(1 << 30),
            _ => None,
        };
        let bytes = number.parse::<usize>().ok().zip(factor).and_then(|(n, f)| n.checked_mul(f)).filter(|n| *n > 0);
        bytes.map(Bytes).ok_or_else(|| "write a number of bytes, or as in 64M, 2G, 512Mi".to_owned())
    }
}

/// How many times as fast as its own pace, or as fast as it goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    Times(f64),
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        positive(text.trim_end_matches('x')).map(Speed::Times).map_err(|e| format!("{e}, or 'max'"))
    }
}

/// How long to keep something; `None` is for ever.
pub fn retention(text: &str) -> Result<Option<Duration>, String> {
    if matches!(text, "forever" | "-1") {
        return Ok(None);
    }
    match text.parse::<Span>() {
        Ok(Span(time)) if time >= Duration::from_secs(1) => Ok(Some(time)),
        _ => Err("write a time as in 10m or 12h (at least 1s), or 'forever'".to_owned()),
    }
}

/// `1280x720`.
pub fn size(text: &str) -> Result<(usize, usize), String> {
    let number = |n: &str| n.parse().ok().filter(|n| (1..=65_500).contains(n));
    text.split_once(['x', 'X'])
        .and_then(|(w, h)| Some((number(w)?, number(h)?)))
        .ok_or_else(|| "write WIDTHxHEIGHT, as in 1280x720".to_owned())
}

/// A rate or a factor.
pub fn positive(text: &str) -> Result<f64, String> {
    let fraction = text.split_once('/').and_then(|(a, b)| Some(a.parse::<f64>().ok()? / b.parse::<f64>().ok()?));
    fraction
        .or_else(|| text.parse().ok())
        .filter(|n: &f64| (0.001..=10_000.0).contains(n))
        .ok_or_else(|| "write a number between 0.001 and 10000, as in 30 or 29.97".to_owned())
}

/// `name=value`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(text.parse::<Span>().ok().map(|s| s.duration().as_millis() as u64), ms, "{text}");
        };
        check("5", Some(5000));
        check("0.25", Some(250));
        check("300ms", Some(300));
        check("1h30m", Some(5_400_000));
        check("-1", None);
        check("soon", None);
    }

    #[test]
    fn bytes_have_units() {
        let check = |text: &str, bytes: Option<usize>| assert_eq!(text.parse::<Bytes>().ok().map(|b| b.0), bytes, "{text}");
        check("1500", Some(1500));
        check("64M", Some(64_000_000));
        check("2GiB", Some(2 << 30));
        check("0", None);
        check("M", None);
        check("1T", None);
        check("99999999999G", None);
    }

    #[test]
    fn sizes_and_rates_are_above_zero() {
        assert_eq!(size("1280x720"), Ok((1280, 720)));
        assert!(size("0x720").is_err() && size("1280").is_err() && size("99999x1").is_err());
        assert_eq!(positive("30000/1001").map(|n| (n * 100.0).round()), Ok(2997.0));
        assert!(
            positive("0").is_err() && positive("-1").is_err() && positive("inf").is_err() && positive("1/0").is_err()
        );
    }

    #[test]
    fn a_speed_is_a_factor_or_the_most() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("1.5x".parse(), Ok(Speed::Times(1.5)));
        assert!("0".parse::<Speed>().is_err() && "fast".parse::<Speed>().is_err());
    }

    #[test]
    fn retention_may_be_for_ever() {
        assert_eq!(retention("forever"), Ok(None));
        assert_eq!(retention("10m"), Ok(Some(Duration::from_secs(600))));
        assert!(retention("0").is_err());
    }
}
