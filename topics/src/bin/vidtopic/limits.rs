//! `vidtopic limits`: the limits on the size of a message, and where each is set.
//!
//! The topic's limit decides whether the broker accepts a message; a topic without its own has the broker's. vidprod reads
//! the topic's limit and uses it. The consumer's limit bounds one fetch, not a message: a larger message is fetched alone.

use common::words::bytes;
use kafka::{FETCH_BYTES_MAX, Settings};
use serde::Serialize;

use crate::args::TopicArgs;
use crate::invocation::Invocation;
use crate::table::table;

#[derive(Serialize, Clone, Debug)]
struct Limit {
    /// Part of the system that has the setting.
    at: &'static str,
    setting: &'static str,
    /// `None` if the broker does not report it.
    bytes: Option<u64>,
    /// How it is changed.
    change: String,
}

pub fn limits(args: &TopicArgs, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let (admin, topic, timeout) = (invocation.admin()?, &args.topic, invocation.timeout());
    let settings = admin.settings(topic, timeout)?;
    let brokers = admin.cluster(timeout)?;
    // Some brokers do not report their settings.
    let of_broker =
        brokers.first().and_then(|broker| admin.broker_settings(broker.id, timeout).ok()).unwrap_or_default();
    let limits = all(topic, &settings, &of_broker);
    invocation.print(&limits, || text(topic, &limits))
}

fn all(topic: &str, settings: &Settings, of_broker: &Settings) -> Vec<Limit> {
    let number = |settings: &Settings, name: &str| settings.get(name)?.value.parse().ok();
    let of_topic = number(settings, "max.message.bytes");
    vec![
        Limit {
            at: "topic",
            setting: "max.message.bytes",
            bytes: of_topic,
            change: format!("vidtopic alter {topic} --max-message-bytes 2M"),
        },
        Limit {
            at: "broker",
            setting: "message.max.bytes",
            bytes: number(of_broker, "message.max.bytes"),
            change: "the broker's configuration; it counts for topics without a limit of their own".to_owned(),
        },
        Limit {
            at: "producer",
            setting: "message.max.bytes",
            // vidprod follows the topic.
            bytes: of_topic,
            change: "vidprod takes the topic's; --max-message-bytes or -X message.max.bytes=… sets another".to_owned(),
        },
        Limit {
            at: "consumer",
            setting: "max.partition.fetch.bytes",
            bytes: Some(FETCH_BYTES_MAX as u64),
            change: "vidcons -X max.partition.fetch.bytes=…; a larger message is fetched alone".to_owned(),
        },
    ]
}

fn text(topic: &str, limits: &[Limit]) -> String {
    let heading = ["at the", "setting", "bytes", "", "how to change it"].map(str::to_owned);
    let row = |limit: &Limit| {
        let number = limit.bytes.map_or("?".to_owned(), |number| number.to_string());
        let about = limit.bytes.map_or(String::new(), bytes);
        [limit.at.to_owned(), limit.setting.to_owned(), number, about, limit.change.clone()]
    };
    let rows: Vec<[String; 5]> = std::iter::once(heading).chain(limits.iter().map(row)).collect();
    let sum = limits[0].bytes.map_or(String::new(), |largest| {
        format!("\nA message in {topic} may have {largest} bytes; vidprod splits a larger frame into several.\n")
    });
    table(&rows) + &sum
}

#[cfg(test)]
mod tests {
    use kafka::Setting;

    use super::*;

    #[test]
    fn the_topics_own_limit_counts() {
        let setting =
            |name: &str, value: &str| (name.to_owned(), Setting { value: value.to_owned(), is_of_topic: true });
        let limits = all(
            "video",
            &[setting("max.message.bytes", "2000000")].into(),
            &[setting("message.max.bytes", "1048588")].into(),
        );
        let text = text("video", &limits);
        assert!(text.contains("A message in video may have 2000000 bytes"), "{text}");
        assert_eq!(text.lines().count(), 7, "{text}");
    }
}
