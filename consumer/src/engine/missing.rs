//! Reports that none of the requested sources exists, with those that do.

use std::time::Duration;

use common::time::Micros;

/// Time before a source counts as missing, as several may start at about the same time; also the time between two
/// lines.
const SETTLE: Duration = Duration::from_secs(1);
/// Largest number of names in a line.
const NAMES_MAX: usize = 8;
/// Similarity from which two names count as alike; clap uses the same for options.
const ALIKE: f64 = 0.8;

/// Reports missing and existing sources: once, and again when the existing ones change.
#[derive(Default, Debug)]
pub struct MissingSources {
    /// The last line, which is also shown in the status line.
    reported: Option<String>,
    next: Option<Micros>,
}

impl MissingSources {
    /// Reports if something has changed. `wanted` are the requested sources, none of which exists; `there` are the
    /// existing ones.
    pub fn look<'a>(&mut self, topic: &str, wanted: &[String], there: impl Iterator<Item = &'a str>, now: Micros) {
        if wanted.is_empty() {
            *self = MissingSources::default();
            return;
        }
        let mut there = there.peekable();
        if there.peek().is_none() {
            return;
        }
        if now < *self.next.get_or_insert(now.plus(SETTLE)) {
            return;
        }
        self.next = Some(now.plus(SETTLE));
        let line = missing_sources(topic, wanted, there, " yet");
        if self.reported.as_ref() != Some(&line) {
            tracing::info!(event = "source_missing", topic, "{line}");
            self.reported = Some(line);
        }
    }

    /// The last line, while it is true.
    pub fn reported(&self) -> Option<&str> {
        self.reported.as_deref()
    }
}

/// For example `no source "nope" yet; in topic video: lobby, door`.
pub fn missing_sources<'a>(topic: &str, wanted: &[String], there: impl Iterator<Item = &'a str>, yet: &str) -> String {
    let there: Vec<&str> = there.collect();
    let wanted_names: Vec<String> = wanted.iter().map(|name| format!("{name:?}")).collect();
    let shown = there[..there.len().min(NAMES_MAX)].join(", ");
    let names = match there.len() {
        0 => "no source at all".to_owned(),
        n if n > NAMES_MAX => format!("{shown} and {} more", n - NAMES_MAX),
        _ => shown,
    };
    let tip = nearest(wanted, &there).map_or(String::new(), |name| format!(" (did you mean {name}?)"));
    format!("no source {}{yet}; in topic {topic}: {names}{tip}", wanted_names.join(" or "))
}

/// The name most similar to a wanted one, if it is similar enough.
fn nearest<'a>(wanted: &[String], there: &[&'a str]) -> Option<&'a str> {
    let likeness = |wanted: &str, name: &str| {
        let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
        let prefix = wanted.len() >= 2 && (name.starts_with(&wanted) || wanted.starts_with(&name));
        if prefix { 1.0 } else { strsim::jaro_winkler(&wanted, &name) }
    };
    let of = |name: &&'a str| wanted.iter().map(|wanted| likeness(wanted, name)).fold(0.0, f64::max);
    there
        .iter()
        .map(|name| (of(name), *name))
        .filter(|(like, _)| *like >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_source_is_named_with_those_that_are_there() {
        let check = |wanted: &[&str], there: &[&str], expected: &str| {
            let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
            assert_eq!(missing_sources("video", &wanted, there.iter().copied(), " yet"), expected);
        };
        check(&["nope"], &["door", "lobby"], r#"no source "nope" yet; in topic video: door, lobby"#);
        check(
            &["loby"],
            &["door", "lobby"],
            r#"no source "loby" yet; in topic video: door, lobby (did you mean lobby?)"#,
        );
        check(&["LOBBY"], &["lobby"], r#"no source "LOBBY" yet; in topic video: lobby (did you mean lobby?)"#);
        check(&["cam"], &["cam-1", "x"], r#"no source "cam" yet; in topic video: cam-1, x (did you mean cam-1?)"#);
        check(&["a", "b"], &["c"], r#"no source "a" or "b" yet; in topic video: c"#);
        check(&["a"], &[], r#"no source "a" yet; in topic video: no source at all"#);
        let many = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
        check(&["a"], &many, r#"no source "a" yet; in topic video: 1, 2, 3, 4, 5, 6, 7, 8 and 2 more"#);
    }

    #[test]
    fn a_missing_source_is_reported_once_and_again_when_there_are_others() {
        let (mut missing, mut lines) = (MissingSources::default(), Vec::new());
        let wanted = vec!["nope".to_owned()];
        for ms in (0..6000).step_by(100) {
            let there: &[&str] = match ms {
                0..500 => &[],
                500..3000 => &["a"],
                _ => &["a", "b"],
            };
            missing.look("t", &wanted, there.iter().copied(), Micros(ms * 1000));
            if lines.last().map(|(_, line): &(u64, String)| line.as_str()) != missing.reported() {
                lines.push((ms, missing.reported().unwrap_or_default().to_owned()));
            }
        }
        let times: Vec<u64> = lines.iter().map(|(ms, _)| *ms).collect();
        assert!(times.len() == 2 && times[0] == 1500 && (3000..=4000).contains(&times[1]), "{lines:?}");
        missing.look("t", &[], std::iter::empty(), Micros(7_000_000));
        assert_eq!(missing.reported(), None);
    }
}
