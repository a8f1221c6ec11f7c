//! Steps before the first frame: the topic and its limit, the connection, and a line that describes them.

use common::words::count;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use common::time::Clock;
use kafka::{Admin, ConnectTimeout, Created, PublisherSettings, Waiting};

use crate::fit::{Fit, QUALITY_FLOOR, SCALE_FLOOR};
use crate::limit::Limit;
use crate::options::Options;
use crate::publish::{Publish, Shared};
use crate::source::SourceInfo;

/// The client id of every vidprod.
pub const CLIENT_ID: &str = "vidprod";
/// Time without an acknowledgement after which a live picture is dropped.
const LIVE_WAIT: Duration = Duration::from_secs(2);

/// Creates the topic if necessary, and reads its limit.
pub fn prepare_topic(admin: &Admin, options: &Options, timeout: Duration) -> anyhow::Result<Limit> {
    let topic = &options.topic;
    if admin.ensure(topic, options.create, timeout)? == Created::Now {
        let kept = topic.retention.map_or("for ever".to_owned(), |r| humantime::format_duration(r).to_string());
        tracing::info!(
            event = "topic_created",
            topic = topic.name,
            partitions = topic.partitions,
            retention_seconds = topic.retention.map(|time| time.as_secs()),
            "made topic {}: {}, keeps frames {kept} (--partitions, --retention; 720p30 is 10-15 GB an hour)",
            topic.name,
            count(topic.partitions, "partition")
        );
    }
    let of_topic = match options.message_bytes_max {
        Some(given) => Some(given),
        None => admin.message_bytes_max(&topic.name, timeout).unwrap_or_else(|error| {
            tracing::debug!("{error}");
            None
        }),
    };
    Limit::new(smallest(options, of_topic), &options.headers).context(format!("topic {}", topic.name))
}

/// Reads the topic's limit again, after a message was refused as too large. Returns true if the broker answered;
/// refused frames wait until then. If the broker does not report the limit, the known one is kept.
pub fn ask_limit_again(admin: &Admin, options: &Options, shared: &Shared, timeout: Duration) -> bool {
    let of_topic = match admin.message_bytes_max(&options.topic.name, timeout) {
        Ok(of_topic) => of_topic,
        Err(error) => {
            tracing::debug!("{error}");
            return false;
        }
    };
    if of_topic.is_none() {
        shared.keep_limit();
        return true;
    }
    let of_topic = [of_topic, options.message_bytes_max].into_iter().flatten().min();
    let limit = Limit::new(smallest(options, of_topic), &options.headers).unwrap_or_else(|too_small| {
        tracing::debug!("topic {}: {too_small}", options.topic.name);
        shared.lock().limit
    });
    if shared.learn_limit(limit) {
        let (topic, bytes) = (&options.topic.name, limit.message_bytes_max);
        let how = if options.fit == Fit::Shrink { "made to fit" } else { "split" };
        tracing::warn!(
            event = "limit_lowered",
            topic,
            message_bytes_max = bytes,
            "topic {topic} takes messages of at most {bytes} bytes now: larger frames are {how} from here on"
        );
    }
    true
}

/// The smaller of the topic's limit and the client's own, if the user has set one.
fn smallest(options: &Options, of_topic: Option<usize>) -> Option<usize> {
    let of_client = options.connection.properties.get("message.max.bytes").and_then(|n| n.parse().ok());
    [of_topic, of_client].into_iter().flatten().min()
}

/// Connects before the first frame, so that it does not wait for that.
pub fn connect(
    options: &Options,
    limit: &Limit,
    every_frame: bool,
    patience: &ConnectTimeout<'_>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Publish, Arc<Shared>)> {
    let settings = PublisherSettings {
        topic: options.topic.name.clone(),
        partition: options.partition,
        client_id: CLIENT_ID,
        message_bytes_max: limit.message_bytes_max,
        in_flight_bytes_max: common::wire::record::FRAME_BYTES_MAX,
        waiting: if every_frame { Waiting::Forever } else { Waiting::AtMost(LIVE_WAIT) },
        headers: options.headers.clone(),
    };
    let (key, in_flight_time) = (options.key.as_deref(), (!every_frame).then_some(options.in_flight_time));
    Ok(Publish::connect(&options.connection, settings, *limit, in_flight_time, key, patience, clock.clone())?)
}

/// Logs what will be sent where.
pub fn announce(options: &Options, about: &SourceInfo, limit: &Limit) {
    let fps = about.fps.map_or(String::new(), |fps| format!(" at {} fps", (fps * 100.0).round() / 100.0));
    let length = about.duration.map_or(String::new(), |d| format!(", {:.1} s", d.as_secs_f64()));
    let Options { source, topic, connection, quality, .. } = options;
    tracing::info!(
        event = "started",
        source = source.name,
        input = about.what,
        topic = topic.name,
        brokers = connection.brokers,
        width = about.out_width,
        height = about.out_height,
        fps = about.fps,
        quality,
        message_bytes_max = limit.message_bytes_max,
        "{} ({}, {}x{}{fps}{length}) → {}x{} JPEG quality {quality} → topic {} at {}, message limit {}",
        source.name,
        about.what,
        about.width,
        about.height,
        about.out_width,
        about.out_height,
        topic.name,
        connection.brokers,
        limit.message_bytes_max,
    );
    if options.fit == Fit::Shrink {
        tracing::info!(
            event = "note",
            "frames over the limit are made to fit: quality down to {QUALITY_FLOOR}, then size down to {SCALE_FLOOR} of it"
        );
    }
    for note in &about.notes {
        tracing::info!(event = "note", "{note}");
    }
}
