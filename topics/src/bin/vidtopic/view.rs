//! `vidtopic list` and `vidtopic describe`.

use std::fmt::Write;
use std::time::Duration;

use common::words::{bytes, count};
use kafka::{BrokerAddress, KafkaError, PartitionDescription, Settings, TopicDescription};
use serde::Serialize;

use crate::args::TopicArgs;
use crate::invocation::Invocation;
use crate::table::table;

/// A topic with its settings.
#[derive(Serialize)]
struct TopicView {
    #[serde(flatten)]
    topic: TopicDescription,
    records: Option<i64>,
    /// Bytes of all records, by the average of the newest.
    estimated_bytes: Option<u64>,
    /// Empty if this client may not see them.
    settings: Settings,
}

#[derive(Serialize)]
struct TopicWithBrokers {
    #[serde(flatten)]
    view: TopicView,
    brokers: Vec<BrokerAddress>,
}

pub fn list(invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let admin = invocation.admin()?;
    let topics = admin.describe(None, invocation.timeout())?;
    let view = |topic: TopicDescription| {
        // Someone else may have deleted it, or forbid this to us; the others are listed all the same.
        let settings = admin.settings(&topic.topic, invocation.timeout()).unwrap_or_default();
        TopicView { records: topic.records(), estimated_bytes: None, settings, topic }
    };
    let views: Vec<TopicView> = topics.into_iter().map(view).collect();
    invocation.print(&views, || match &views[..] {
        [] => format!("no topics at {}\n", admin.brokers()),
        _ => list_table(&views),
    })
}

fn list_table(views: &[TopicView]) -> String {
    let heading = ["topic", "partitions", "replicas", "records", "kept for", "messages up to", ""].map(str::to_owned);
    let row = |view: &TopicView| {
        let known = |value: Option<String>| value.unwrap_or("?".to_owned());
        [
            view.topic.topic.clone(),
            view.topic.partitions.len().to_string(),
            view.topic.replication().to_string(),
            known(view.records.map(|records| records.to_string())),
            known(kept_for(&view.settings)),
            known(view.settings.get("max.message.bytes").and_then(|limit| Some(bytes(limit.value.parse().ok()?)))),
            trouble(&view.topic),
        ]
    };
    let rows: Vec<[String; 7]> = std::iter::once(heading).chain(views.iter().map(row)).collect();
    table(&rows)
}

/// The time for which a topic keeps its records.
fn kept_for(settings: &Settings) -> Option<String> {
    let ms: i64 = settings.get("retention.ms")?.value.parse().ok()?;
    let ms = u64::try_from(ms).ok();
    Some(ms.map_or("ever".to_owned(), |ms| humantime::format_duration(Duration::from_millis(ms)).to_string()))
}

/// A few words on partitions that nobody can read, or that have lost replicas.
fn trouble(topic: &TopicDescription) -> String {
    let (without_leader, behind) = topic.troubled();
    let words = [
        (without_leader > 0).then(|| format!("{} without a leader", count(without_leader, "partition"))),
        (behind > 0).then(|| format!("{} with replicas that are not in sync", count(behind, "partition"))),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub fn describe(args: &TopicArgs, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let admin = invocation.admin()?;
    let [topic] = <[TopicDescription; 1]>::try_from(admin.describe(Some(&args.topic), invocation.timeout())?)
        .map_err(|_| anyhow::anyhow!("the broker described several topics"))?;
    let settings = match admin.settings(&args.topic, invocation.timeout()) {
        Err(KafkaError::Forbidden { cause }) => {
            tracing::warn!(event = "settings_hidden", "the settings are not shown: {cause}");
            Settings::new()
        }
        settings => settings?,
    };
    let records = topic.records();
    let view = TopicView { estimated_bytes: estimated_bytes(args, invocation), records, settings, topic };
    let described = TopicWithBrokers { view, brokers: admin.cluster(invocation.timeout())? };
    invocation.print(&described, || description(&described))
}

/// `None` if no records could be read.
fn estimated_bytes(args: &TopicArgs, invocation: &Invocation<'_>) -> Option<u64> {
    let options = invocation.list_options(Some(&args.topic)).ok()?;
    let options = topics::ListOptions { further_back: false, ..options };
    let mut estimated = None;
    let read = topics::for_each_topic(&options, invocation.clock.clone(), invocation.shutdown, |_, listed| {
        estimated = listed.map(topics::Listed::estimated_bytes);
        Ok(())
    });
    read.ok().and(estimated)
}

fn description(described: &TopicWithBrokers) -> String {
    let TopicWithBrokers { view, brokers } = described;
    let TopicDescription { topic, partitions } = &view.topic;
    let mut text = format!(
        "{topic}: {}, {} each, {}, {}, kept for {}\n",
        count(partitions.len(), "partition"),
        count(view.topic.replication(), "replica"),
        view.records.map_or("records unknown".to_owned(), |records| count(records, "record")),
        view.estimated_bytes.map_or("size unknown".to_owned(), |size| format!("about {}", bytes(size))),
        kept_for(&view.settings).unwrap_or("?".to_owned()),
    );
    let trouble = trouble(&view.topic);
    if !trouble.is_empty() {
        let _ = writeln!(text, "{trouble}");
    }
    let heading = ["partition", "leader", "replicas", "in sync", "oldest", "next"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(partitions.iter().map(row)).collect();
    text += "\n";
    text += &table(&rows);
    let own = view.settings.iter().filter(|(_, setting)| setting.is_of_topic);
    let own: String = own.map(|(name, setting)| format!("  {name} = {}\n", setting.value)).collect();
    if !own.is_empty() {
        let _ = write!(text, "\nset for this topic:\n{own}");
    }
    text += "\nbrokers:\n";
    for broker in brokers {
        let _ = writeln!(text, "  {} at {}:{}", broker.id, broker.host, broker.port);
    }
    text
}

fn row(partition: &PartitionDescription) -> [String; 6] {
    let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let offset = |of: fn((i64, i64)) -> i64| partition.offsets.map_or("?".to_owned(), |both| of(both).to_string());
    [
        partition.partition.to_string(),
        partition.leader.map_or("none".to_owned(), |leader| leader.to_string()),
        ids(&partition.replicas),
        ids(&partition.in_sync),
        offset(|(first, _)| first),
        offset(|(_, end)| end),
    ]
}

#[cfg(test)]
mod tests {
    use kafka::Setting;

    use super::*;

    #[test]
    fn a_topic_in_trouble_is_described() {
        let partition = |partition, leader, in_sync: &[i32], offsets| PartitionDescription {
            partition,
            leader,
            replicas: vec![1, 2],
            in_sync: in_sync.to_vec(),
            offsets,
        };
        let partitions = vec![partition(0, Some(1), &[1, 2], Some((5, 25))), partition(1, None, &[2], None)];
        let topic = TopicDescription { topic: "video".to_owned(), partitions };
        let retention = Setting { value: "600000".to_owned(), is_of_topic: true };
        let settings = [("retention.ms".to_owned(), retention)].into();
        let view = TopicView { records: topic.records(), estimated_bytes: Some(2_500_000), settings, topic };
        let brokers = vec![BrokerAddress { id: 1, host: "h".to_owned(), port: 9092 }];
        let text = description(&TopicWithBrokers { view, brokers });
        assert_eq!(
            text,
            "video: 2 partitions, 2 replicas each, records unknown, about 2.5 MB, kept for 10m\n\
             1 partition without a leader, 1 partition with replicas that are not in sync\n\
             \n\
             partition  leader  replicas  in sync  oldest  next\n\
             0          1       1,2       1,2      5       25\n\
             1          none    1,2       2        ?       ?\n\
             \n\
             set for this topic:\n  retention.ms = 600000\n\
             \n\
             brokers:\n  1 at h:9092\n"
        );
    }
}
