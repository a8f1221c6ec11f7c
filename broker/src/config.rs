//! A topic's configuration: the values that can be set, their effect here, and the values that are refused.

use std::collections::BTreeMap;
use std::time::Duration;

pub const RETENTION_MS: &str = "retention.ms";
pub const RETENTION_BYTES: &str = "retention.bytes";
pub const MESSAGE_BYTES: &str = "max.message.bytes";
const TIMESTAMP_BEFORE: &str = "message.timestamp.before.max.ms";
const TIMESTAMP_AFTER: &str = "message.timestamp.after.max.ms";
const COMPRESSION_TYPES: &[&str] = &["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"];

/// The type of a value in Kafka's tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigType {
    Text = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
    Flag = 1,
}

/// Largest length of a value; useful values are shorter.
const VALUE_BYTES_MAX: usize = 64;

/// A name that a topic may set: its type, Kafka's default, and the values that are valid here (empty: any of its type).
struct Known(&'static str, ConfigType, &'static str, &'static [&'static str]);

/// The settings that have a default of the broker's own.
const ACTING: [(&str, ConfigType); 3] =
    [(MESSAGE_BYTES, ConfigType::Int), (RETENTION_BYTES, ConfigType::Long), (RETENTION_MS, ConfigType::Long)];

/// All settings except the three that have a default of the broker's own. Settings that mean nothing in memory are
/// accepted and stored, because tools set them; values that would break a promise are refused. Batches stay compressed
/// as they arrived, whatever `compression.type` is.
const KNOWN: &[Known] = &[
    Known("cleanup.policy", ConfigType::List, "delete", &["delete"]),
    Known("compression.gzip.level", ConfigType::Int, "-1", &[]),
    Known("compression.lz4.level", ConfigType::Int, "9", &[]),
    Known("compression.type", ConfigType::Text, "producer", COMPRESSION_TYPES),
    Known("compression.zstd.level", ConfigType::Int, "3", &[]),
    Known("delete.retention.ms", ConfigType::Long, "86400000", &[]),
    Known("file.delete.delay.ms", ConfigType::Long, "60000", &[]),
    Known("flush.messages", ConfigType::Long, "9223372036854775807", &[]),
    Known("flush.ms", ConfigType::Long, "9223372036854775807", &[]),
    Known("index.interval.bytes", ConfigType::Int, "4096", &[]),
    Known("max.compaction.lag.ms", ConfigType::Long, "9223372036854775807", &[]),
    Known(TIMESTAMP_AFTER, ConfigType::Long, "3600000", &[]),
    Known(TIMESTAMP_BEFORE, ConfigType::Long, "9223372036854775807", &[]),
    Known("message.timestamp.type", ConfigType::Text, "CreateTime", &["CreateTime"]),
    Known("min.cleanable.dirty.ratio", ConfigType::Double, "0.5", &[]),
    Known("min.compaction.lag.ms", ConfigType::Long, "0", &[]),
    Known("min.insync.replicas", ConfigType::Int, "1", &["1"]),
    Known("preallocate", ConfigType::Flag, "false", &[]),
    Known("segment.bytes", ConfigType::Int, "1073741824", &[]),
    Known("segment.index.bytes", ConfigType::Int, "10485760", &[]),
    Known("segment.jitter.ms", ConfigType::Long, "0", &[]),
    Known("segment.ms", ConfigType::Long, "604800000", &[]),
    Known("unclean.leader.election.enable", ConfigType::Flag, "false", &[]),
];

/// Defaults for topics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// Retention time; `None` to keep records for as long as there is room.
    pub retention: Option<Duration>,
    /// Bytes kept in a partition; `None` for as many as there is room for.
    pub partition_bytes: Option<usize>,
    pub message_bytes_max: usize,
}

/// The values set for a topic, as text; others are the broker's defaults.
#[derive(Clone, Default, Debug)]
pub struct TopicConfig {
    set: BTreeMap<&'static str, String>,
}

/// Largest distance of a record's timestamp from the broker's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampLimits {
    pub before_ms: i64,
    pub after_ms: i64,
}

/// Kafka's defaults: any age, and at most an hour ahead.
pub const TIMESTAMP_LIMITS: TimestampLimits = TimestampLimits { before_ms: i64::MAX, after_ms: 3_600_000 };

/// A value in a description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigEntry {
    pub name: &'static str,
    pub kind: ConfigType,
    pub value: String,
    pub is_default: bool,
}

impl TopicConfig {
    /// Sets a value; the error is a reason for the client.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, kind, allowed) = known(name)?;
        let value = value.trim();
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!("a value of {} bytes for configuration {name}", value.len()));
        }
        if !fits(name, kind, value) || !(allowed.is_empty() || allowed.contains(&value)) {
            let allowed =
                if allowed.is_empty() { String::new() } else { format!(": it is {} here", allowed.join(", ")) };
            return Err(format!("Invalid value {value:?} for configuration {name}{allowed}"));
        }
        self.set.insert(name, value.to_owned());
        Ok(())
    }

    /// Resets a value to the broker's default.
    pub fn unset(&mut self, name: &str) -> Result<(), String> {
        let (name, ..) = known(name)?;
        self.set.remove(name);
        Ok(())
    }

    pub fn retention(&self, defaults: &Defaults) -> Option<Duration> {
        match self.number(RETENTION_MS) {
            Some(ms) => u64::try_from(ms).ok().map(Duration::from_millis),
            None => defaults.retention,
        }
    }

    pub fn partition_bytes(&self, defaults: &Defaults) -> Option<usize> {
        match self.number(RETENTION_BYTES) {
            Some(bytes) => usize::try_from(bytes).ok(),
            None => defaults.partition_bytes,
        }
    }

    pub fn message_bytes_max(&self, defaults: &Defaults) -> usize {
        self.number(MESSAGE_BYTES).and_then(|n| usize::try_from(n).ok()).unwrap_or(defaults.message_bytes_max)
    }

    pub fn timestamp_limits(&self) -> TimestampLimits {
        TimestampLimits {
            before_ms: self.number(TIMESTAMP_BEFORE).unwrap_or(TIMESTAMP_LIMITS.before_ms),
            after_ms: self.number(TIMESTAMP_AFTER).unwrap_or(TIMESTAMP_LIMITS.after_ms),
        }
    }

    /// All values, set or not, sorted by name.
    pub fn entries(&self, defaults: &Defaults) -> Vec<ConfigEntry> {
        let acting = default_entries(defaults);
        let passive = KNOWN.iter().map(|&Known(name, kind, value, _)| (name, kind, value.to_owned()));
        let mut all: Vec<ConfigEntry> =
            acting.into_iter().chain(passive).map(|(name, kind, default)| self.entry(name, kind, default)).collect();
        all.sort_by_key(|e| e.name);
        all
    }

    fn entry(&self, name: &'static str, kind: ConfigType, default: String) -> ConfigEntry {
        let set = self.set.get(name).cloned();
        ConfigEntry { name, kind, is_default: set.is_none(), value: set.unwrap_or(default) }
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.set.get(name)?.parse().ok()
    }
}

/// The broker's defaults of the values that have an effect.
pub fn default_entries(defaults: &Defaults) -> [(&'static str, ConfigType, String); 3] {
    let or_none = |n: Option<u128>| n.map_or("-1".to_owned(), |n| n.to_string());
    ACTING.map(|(name, kind)| match name {
        MESSAGE_BYTES => (name, kind, defaults.message_bytes_max.to_string()),
        RETENTION_BYTES => (name, kind, or_none(defaults.partition_bytes.map(|b| b as u128))),
        _ => (name, kind, or_none(defaults.retention.map(|r| r.as_millis()))),
    })
}

fn known(name: &str) -> Result<(&'static str, ConfigType, &'static [&'static str]), String> {
    let acting = ACTING.iter().map(|&(name, kind)| (name, kind, &[][..]));
    let passive = KNOWN.iter().map(|&Known(name, kind, _, allowed)| (name, kind, allowed));
    let found = acting.chain(passive).find(|(known, ..)| *known == name);
    found.ok_or_else(|| format!("Unknown topic config name: {name}"))
}

/// True if a value has the right type and, if it has an effect, makes sense.
fn fits(name: &str, kind: ConfigType, value: &str) -> bool {
    let number = value.parse::<i64>();
    match (name, kind) {
        (MESSAGE_BYTES, _) => number.is_ok_and(|n| (0..=i64::from(i32::MAX)).contains(&n)),
        (RETENTION_BYTES | RETENTION_MS, _) => number.is_ok_and(|n| n >= -1),
        (TIMESTAMP_BEFORE | TIMESTAMP_AFTER, _) => number.is_ok_and(|n| n >= 0),
        (_, ConfigType::Int) => value.parse::<i32>().is_ok(),
        (_, ConfigType::Long) => number.is_ok(),
        (_, ConfigType::Double) => value.parse::<f64>().is_ok(),
        (_, ConfigType::Flag) => value == "true" || value == "false",
        (_, ConfigType::Text | ConfigType::List) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Defaults =
        Defaults { retention: Some(Duration::from_secs(60)), partition_bytes: None, message_bytes_max: 1000 };

    #[test]
    fn a_topics_value_overrides_the_brokers() {
        let mut config = TopicConfig::default();
        assert_eq!(config.retention(&DEFAULTS), Some(Duration::from_secs(60)));
        config.set(RETENTION_MS, "-1").unwrap();
        config.set(RETENTION_BYTES, "5000").unwrap();
        config.set(MESSAGE_BYTES, "77").unwrap();
        assert_eq!((config.retention(&DEFAULTS), config.partition_bytes(&DEFAULTS)), (None, Some(5000)));
        assert_eq!(config.message_bytes_max(&DEFAULTS), 77);
        config.unset(MESSAGE_BYTES).unwrap();
        assert_eq!(config.message_bytes_max(&DEFAULTS), 1000);
    }

    #[test]
    fn values_that_cannot_be_kept_are_refused() {
        let long = "0".repeat(VALUE_BYTES_MAX + 1);
        let refused = |name, value| TopicConfig::default().set(name, value).is_err();
        for (name, value) in [
            ("cleanup.policy", "compact"),
            ("message.timestamp.type", "LogAppendTime"),
            ("compression.type", "lzo"),
            ("compression.type", ""),
            ("compression.zstd.level", "high"),
            (TIMESTAMP_AFTER, "-1"),
            ("min.insync.replicas", "2"),
            (MESSAGE_BYTES, "-1"),
            (RETENTION_MS, "soon"),
            ("no.such.thing", "1"),
            ("segment.ms", long.as_str()),
        ] {
            assert!(refused(name, value), "{name}={value}");
        }
        assert!(!refused("segment.bytes", "67108864"));
        assert!(COMPRESSION_TYPES.iter().all(|value| !refused("compression.type", value)));
    }

    #[test]
    fn timestamps_are_limited_as_is_described() {
        let mut config = TopicConfig::default();
        let described = |config: &TopicConfig, name: &str| {
            let entries = config.entries(&DEFAULTS);
            entries.into_iter().find(|e| e.name == name).and_then(|e| e.value.parse().ok())
        };
        let check = |config: &TopicConfig| {
            let TimestampLimits { before_ms, after_ms } = config.timestamp_limits();
            assert_eq!(described(config, TIMESTAMP_BEFORE), Some(before_ms));
            assert_eq!(described(config, TIMESTAMP_AFTER), Some(after_ms));
        };
        check(&config);
        config.set(TIMESTAMP_BEFORE, "5000").unwrap();
        config.set(TIMESTAMP_AFTER, "0").unwrap();
        check(&config);
        assert_eq!(config.timestamp_limits(), TimestampLimits { before_ms: 5000, after_ms: 0 });
    }

    #[test]
    fn every_value_is_described_once() {
        let mut config = TopicConfig::default();
        config.set("segment.ms", "5").unwrap();
        let entries = config.entries(&DEFAULTS);
        assert_eq!(entries.len(), KNOWN.len() + 3);
        assert!(entries.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert_eq!(entries.iter().filter(|e| !e.is_default).map(|e| e.name).collect::<Vec<_>>(), ["segment.ms"]);
    }
}
