//! Parses values of options: times, sizes, pairs.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;
use std::time::Duration;

use common::time::Speed;

/// Longest duration that is accepted: about 30 000 years.
const SPAN_SECONDS_MAX: f64 = 1e12;
/// Largest width and height of a JPEG, in pixels.
const SIDE_MAX: usize = 65_500;

/// A duration: plain seconds, or for example `500ms`, `2m`, `1h30m`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DurationArg(Duration);

impl DurationArg {
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for DurationArg {
    type Err = String;

    fn from_str(text: &str) -> Result<DurationArg, String> {
        const FORMS: &str = "write seconds, or a time as in 500ms, 2m, 1h30m";
        if text.starts_with('-') {
            return Err(format!("a time cannot be negative: {FORMS}"));
        }
        let seconds = match text.parse::<f64>() {
            Ok(seconds) => seconds,
            Err(_) => match humantime::parse_duration(text) {
                Ok(time) => time.as_secs_f64(),
                Err(humantime::DurationError::NumberOverflow) => f64::INFINITY,
                Err(_) => return Err(FORMS.to_owned()),
            },
        };
        match seconds {
            0.0..=SPAN_SECONDS_MAX => Ok(DurationArg(Duration::from_secs_f64(seconds))),
            _ => Err(format!("a time is at most {SPAN_SECONDS_MAX} s")),
        }
    }
}

/// A number of bytes: plain, or for example `500k`, `64M`, `2G` (powers of 1000), `64Mi`, `2Gi` (of 1024).
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
        let Some(factor) = factor.filter(|_| !number.is_empty()) else {
            return Err("write a number of bytes, or as in 64M, 2G, 512Mi".to_owned());
        };
        match number.parse::<usize>().ok().and_then(|n| n.checked_mul(factor)) {
            Some(0) => Err("write at least 1 byte".to_owned()),
            Some(bytes) => Ok(Bytes(bytes)),
            None => Err(format!("that is more than the {} bytes that this machine can count", usize::MAX)),
        }
    }
}

/// Parses a speed, such as `2`, `0.5x` or `max`.
pub fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    positive(text.trim_end_matches('x')).map(Speed::Times).map_err(|e| format!("{e}, or 'max'"))
}

/// Parses a retention; `None` is forever.
pub fn retention(text: &str) -> Result<Option<Duration>, String> {
    if matches!(text, "forever" | "-1") {
        return Ok(None);
    }
    match text.parse::<DurationArg>() {
        Ok(DurationArg(time)) if time >= Duration::from_secs(1) => Ok(Some(time)),
        _ => Err("write a time as in 10m or 12h (at least 1s), or 'forever'".to_owned()),
    }
}

/// Parses the size of a picture, such as `1280x720`.
pub fn size(text: &str) -> Result<(usize, usize), String> {
    size_up_to(SIDE_MAX, text)
}

/// Parses a size with a width and height of at most `side_max` pixels.
pub fn size_up_to(side_max: usize, text: &str) -> Result<(usize, usize), String> {
    let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    let Some((width, height)) = text.split_once(['x', 'X']).filter(|(w, h)| is_number(w) && is_number(h)) else {
        return Err("write WIDTHxHEIGHT, as in 1280x720".to_owned());
    };
    let side = |n: &str| n.parse().ok().filter(|n| (1..=side_max).contains(n));
    side(width).zip(side(height)).ok_or_else(|| format!("width and height can be 1 to {side_max} pixels"))
}

/// Returns a parser of whole numbers in a range. Its error contains the range.
pub fn whole<T, R>(range: R) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display,
    R: RangeBounds<T> + Clone + Send + Sync + 'static,
{
    move |text| {
        let number: Option<T> = text.parse().ok();
        let is_too_long = number.is_none() && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        number.filter(|n| range.contains(n)).ok_or_else(|| match (range.start_bound(), range.end_bound()) {
            (Bound::Included(least), Bound::Included(most)) => format!("write a whole number from {least} to {most}"),
            _ if is_too_long => "this number is too large".to_owned(),
            (Bound::Included(least), _) => format!("write a whole number, {least} or more"),
            _ => "write a whole number".to_owned(),
        })
    }
}

/// Parses a number of threads.
pub fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a number of threads, 1 or more".to_owned())
}

/// Parses a text that must not be empty or blank.
pub fn filled(text: &str) -> Result<String, String> {
    let text = (!text.trim().is_empty()).then(|| text.to_owned());
    text.ok_or_else(|| "it is empty: write something, or omit the option".to_owned())
}

/// Parses a rate or a factor.
pub fn positive(text: &str) -> Result<f64, String> {
    let fraction = text.split_once('/').and_then(|(a, b)| Some(a.parse::<f64>().ok()? / b.parse::<f64>().ok()?));
    fraction
        .or_else(|| text.parse().ok())
        .filter(|n: &f64| (0.001..=10_000.0).contains(n))
        .ok_or_else(|| "write a number between 0.001 and 10000, as in 30 or 29.97".to_owned())
}

/// Parses `name=value`.
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
            assert_eq!(text.parse::<DurationArg>().ok().map(|s| s.duration().as_millis() as u64), ms, "{text}");
        };
        check("5", Some(5000));
        check("0.25", Some(250));
        check("300ms", Some(300));
        check("1h30m", Some(5_400_000));
        check("-1", None);
        check("-2m", None);
        check("soon", None);
        check("1e13", None);
        check("99999999999999999999y", None);
        check("NaN", None);
    }

    #[test]
    fn an_error_names_the_allowed_values() {
        fn check<T: std::fmt::Debug>(parsed: Result<T, String>, words: &str) {
            let error = parsed.expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        check("-2m".parse::<DurationArg>(), "cannot be negative");
        check("9999999999999".parse::<DurationArg>(), "at most 1000000000000 s");
        check("0".parse::<Bytes>(), "at least 1 byte");
        check("99999999999G".parse::<Bytes>(), "more than the");
        check(speed("-2"), "between 0.001 and 10000");
        check(size("99999x99999"), "1 to 65500 pixels");
        check(size("99999999999999999999999x1"), "1 to 65500 pixels");
        check(size("-1x5"), "WIDTHxHEIGHT");
        check(whole(1_u8..=100)("101"), "from 1 to 100");
        check(whole(1_u64..)("-1"), "1 or more");
        check(whole(1_u64..)("99999999999999999999999"), "too large");
        check(threads("0"), "1 or more");
        check(filled(" "), "empty");
        check(retention("-1m"), "at least 1s");
    }

    #[test]
    fn bytes_have_units() {
        let check =
            |text: &str, bytes: Option<usize>| assert_eq!(text.parse::<Bytes>().ok().map(|b| b.0), bytes, "{text}");
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
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert_eq!(speed("1.5x"), Ok(Speed::Times(1.5)));
        assert!(speed("0").is_err() && speed("fast").is_err());
    }

    #[test]
    fn retention_may_be_for_ever() {
        assert_eq!(retention("forever"), Ok(None));
        assert_eq!(retention("10m"), Ok(Some(Duration::from_secs(600))));
        assert!(retention("0").is_err());
    }
}
