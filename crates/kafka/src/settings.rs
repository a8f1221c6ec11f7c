//! Client settings for live video, and the user's own properties, which override them.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::options::Connection;

/// Size of the producer's client queue relative to the bytes in flight, so that our own limit takes effect first.
const QUEUE_OVER_IN_FLIGHT: usize = 2;
const QUEUE_KBYTES_MIN: usize = 16 * 1024;
const PREFETCH_KBYTES: usize = 32 * 1024;
/// Largest fetch of a consumer from one partition, in bytes. A larger message is fetched alone.
pub const FETCH_BYTES_MAX: usize = 8 << 20;
/// Interval of the client's statistics in ms. Its shortest is one second.
const STATISTICS_MS: &str = "1000";

/// Interval in ms at which a reader checks if the topic has more partitions. A producer checks every five minutes
/// (librdkafka's default), so readers usually know a new partition before anything is written to it.
const REFRESH_MS: &str = "5000";

/// The parts of librdkafka whose debug lines are logged at -vv, unless the user names others: those that do not write a
/// line for each request.
const DEBUG_CONTEXTS: &str = "broker,metadata,cgrp";

/// Time after which a record without acknowledgement is dropped (`message.timeout.ms`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryTimeout {
    /// A file's frames are never dropped.
    Never,
    /// A live picture that is older than this is worthless.
    After(Duration),
}

/// Settings of all our clients.
pub(crate) fn common(connection: &Connection, client_id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(log_level(connection, tracing::enabled!(tracing::Level::TRACE)));
    if tracing::enabled!(tracing::Level::TRACE) {
        config.set("debug", DEBUG_CONTEXTS);
    }
    config
        .set("bootstrap.servers", &connection.brokers)
        .set("client.id", client_id)
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "200")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "200")
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        // We create topics ourselves, with settings for video, and never by requesting one that does not exist.
        .set("allow.auto.create.topics", "false");
    let is_local = |broker: &str| broker.starts_with("localhost:") || broker.starts_with("127.");
    if connection.brokers.split(',').all(is_local) && has_ipv4_beside_loopback() {
        // localhost also means ::1, on which most brokers do not listen, so the first connection would fail.
        config.set("broker.address.family", "v4");
    }
    config
}

/// True if a network interface other than the loopback has an IPv4 address. Otherwise the resolver finds no IPv4
/// address for any name or number when librdkafka requests IPv4 only, because it sets `AI_ADDRCONFIG`, which ignores the
/// loopback.
fn has_ipv4_beside_loopback() -> bool {
    // If the interfaces cannot be listed, an IPv4 address is assumed.
    if_addrs::get_if_addrs().map_or(true, |all| all.iter().any(|i| i.ip().is_ipv4() && !i.ip().is_loopback()))
}

pub(crate) fn producer(
    connection: &Connection,
    client_id: &str,
    message_bytes_max: usize,
    in_flight_bytes_max: usize,
    delivery_timeout: DeliveryTimeout,
) -> ClientConfig {
    let mut config = common(connection, client_id);
    let timeout_ms = match delivery_timeout {
        DeliveryTimeout::Never => 0,
        DeliveryTimeout::After(time) => time.as_millis(),
    };
    let queue_kbytes = (QUEUE_OVER_IN_FLIGHT * in_flight_bytes_max / 1024).max(QUEUE_KBYTES_MIN);
    config
        .set("linger.ms", "0")
        .set("acks", "all")
        .set("compression.type", "none")
        .set("message.max.bytes", message_bytes_max.clamp(1000, 1_000_000_000).to_string())
        .set("queue.buffering.max.kbytes", queue_kbytes.to_string())
        .set("queue.buffering.max.messages", "1000000")
        .set("message.timeout.ms", timeout_ms.to_string())
        .set("statistics.interval.ms", STATISTICS_MS)
        .set("partitioner", "murmur2_random");
    // Keeps records in order and without duplicates when they are sent again. However, librdkafka then allows only five
    // records in flight, not five requests: over a round trip of 200 ms a live stream would arrive in bursts.
    if delivery_timeout == DeliveryTimeout::Never && may_be_idempotent(connection) {
        config.set("enable.idempotence", "true");
    }
    with_the_users(config, connection)
}

pub(crate) fn consumer(connection: &Connection, client_id: &str, group: Option<&str>) -> ClientConfig {
    let mut config = common(connection, client_id);
    config
        // The group id is mandatory even if nothing is committed.
        .set("group.id", group.unwrap_or(client_id))
        .set("enable.auto.commit", if group.is_some() { "true" } else { "false" })
        .set("auto.commit.interval.ms", "1000")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("fetch.min.bytes", "1")
        .set("fetch.queue.backoff.ms", "2")
        .set("fetch.error.backoff.ms", "20")
        .set("max.partition.fetch.bytes", FETCH_BYTES_MAX.to_string())
        .set("queued.max.messages.kbytes", PREFETCH_KBYTES.to_string())
        .set("statistics.interval.ms", STATISTICS_MS)
        .set("topic.metadata.refresh.interval.ms", REFRESH_MS)
        .set("check.crcs", "false");
    if group.is_some() {
        member(&mut config, connection);
    }
    let mut config = with_the_users(config, connection);
    if let Some(group) = group {
        // A properties file may contain another group, for other programs.
        config.set("group.id", group);
    }
    config
}

/// Settings for a member of a group.
fn member(config: &mut ClientConfig, connection: &Connection) {
    if uses_consumer_protocol(connection) {
        // With KIP-848 the broker sets session and heartbeat times, and librdkafka refuses our settings. If a broker
        // does not support it, only a debug line shows this (`refusal.rs`); there are a few lines for each
        // heartbeat.
        config.set("debug", if tracing::enabled!(tracing::Level::TRACE) { DEBUG_CONTEXTS } else { "cgrp" });
        config.set_log_level(RDKafkaLogLevel::Debug);
        return;
    }
    // Partitions of a member that died are reassigned when its session ends: after 45 s by default. Brokers refuse less
    // than 6 s.
    config.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "2000");
}

/// True if the user selected the protocol of KIP-848.
fn uses_consumer_protocol(connection: &Connection) -> bool {
    connection.properties.get("group.protocol").is_some_and(|value| value.trim().eq_ignore_ascii_case("consumer"))
}

/// Applies the user's properties, which override ours.
pub(crate) fn with_the_users(mut config: ClientConfig, connection: &Connection) -> ClientConfig {
    for (name, value) in &connection.properties {
        config.set(name, value);
    }
    config
}

/// librdkafka's log level. It formats debug lines only if they are shown: at -vv (`verbose`). Errors are always logged,
/// because the causes of broken connections come only as log lines.
fn log_level(connection: &Connection, verbose: bool) -> RDKafkaLogLevel {
    let of_user = connection.properties.get("log_level").and_then(|level| level.parse::<u8>().ok());
    match of_user {
        Some(0..=3) => RDKafkaLogLevel::Error,
        Some(4) => RDKafkaLogLevel::Warning,
        Some(5) => RDKafkaLogLevel::Notice,
        Some(6) => RDKafkaLogLevel::Info,
        _ if verbose => RDKafkaLogLevel::Debug,
        _ => RDKafkaLogLevel::Info,
    }
}

/// True unless a setting excludes idempotence; librdkafka reports such a combination as an error.
fn may_be_idempotent(connection: &Connection) -> bool {
    let set = |name: &str| connection.properties.get(name).map(|v| v.trim().to_ascii_lowercase());
    let too_few_acks = set("acks").is_some_and(|acks| acks == "0" || acks == "1");
    let no_retries = set("retries").is_some_and(|n| n == "0");
    let too_many =
        set("max.in.flight.requests.per.connection").and_then(|n| n.parse().ok()).is_some_and(|n: u32| n > 5);
    let lifo = set("queuing.strategy").is_some_and(|s| s == "lifo");
    !(too_few_acks || no_retries || too_many || lifo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> Connection {
        let properties = properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Connection { brokers: "localhost:9092".to_owned(), named: false, properties }
    }

    fn check(properties: &[(&str, &str)], name: &str, expected: Option<&str>) {
        let config = producer(&with(properties), "vidprod", 1_000_000, 4_000_000, DeliveryTimeout::Never);
        assert_eq!(config.get(name), expected, "{properties:?}");
        let created: Result<rdkafka::producer::BaseProducer, _> = config.create();
        assert!(created.is_ok(), "{properties:?}: {:?}", created.err());
    }

    #[test]
    fn idempotence_gives_way_to_what_rules_it_out() {
        check(&[], "enable.idempotence", Some("true"));
        check(&[("acks", "all")], "enable.idempotence", Some("true"));
        check(&[("acks", "1")], "enable.idempotence", None);
        check(&[("acks", "0")], "enable.idempotence", None);
        check(&[("retries", "0")], "enable.idempotence", None);
        check(&[("max.in.flight.requests.per.connection", "10")], "enable.idempotence", None);
    }

    #[test]
    fn the_user_overrides_ours() {
        check(&[("linger.ms", "5")], "linger.ms", Some("5"));
        check(&[("compression.type", "zstd")], "compression.type", Some("zstd"));
        check(&[("compression.type", "lz4")], "message.timeout.ms", Some("0"));
    }

    #[test]
    fn a_members_session_is_ours_only_in_the_classic_protocol() {
        let check = |properties: &[(&str, &str)], expected| {
            let config = consumer(&with(properties), "vidcons", Some("g"));
            assert_eq!(config.get("session.timeout.ms"), expected, "{properties:?}");
            let created: Result<rdkafka::consumer::BaseConsumer, _> = config.create();
            assert!(created.is_ok(), "{properties:?}: {:?}", created.err());
        };
        check(&[], Some("6000"));
        check(&[("session.timeout.ms", "9000")], Some("9000"));
        check(&[("group.protocol", "classic")], Some("6000"));
        check(&[("group.protocol", "consumer")], None);
        check(&[("group.protocol", "consumer"), ("group.remote.assignor", "range")], None);
    }

    #[test]
    fn a_time_that_the_broker_sets_is_named_so() {
        for name in ["session.timeout.ms", "heartbeat.interval.ms"] {
            let config = consumer(&with(&[("group.protocol", "consumer"), (name, "3000")]), "vidcons", Some("g"));
            let created: Result<rdkafka::consumer::BaseConsumer, _> = config.create();
            let words = crate::error::setting(created.err().expect("it is refused")).to_string();
            assert!(words.starts_with(&format!("{name} (from -X or -F) cannot be used here: ")), "{words}");
            assert!(words.contains(&format!("the broker's group.consumer.{name} counts")), "{words}");
        }
    }

    #[test]
    fn the_named_group_overrides_that_of_a_file() {
        let config = consumer(&with(&[("group.id", "other")]), "vidcons", Some("mine"));
        assert_eq!(config.get("group.id"), Some("mine"));
    }

    #[test]
    fn properties_that_begin_with_topic_are_taken() {
        check(&[("topic.metadata.refresh.interval.ms", "700")], "topic.metadata.refresh.interval.ms", Some("700"));
        check(&[("topic.blacklist", "^__")], "topic.blacklist", Some("^__"));
    }

    #[test]
    fn librdkafka_formats_debug_lines_only_where_they_are_shown() {
        let check = |properties: &[(&str, &str)], verbose, expected| {
            assert_eq!(log_level(&with(properties), verbose) as u8, expected, "{properties:?} {verbose}");
        };
        check(&[], false, 6);
        check(&[("debug", "all")], false, 6);
        check(&[("debug", "all")], true, 7);
        check(&[], true, 7);
        check(&[("log_level", "7")], true, 7);
        check(&[("log_level", "5")], true, 5);
        check(&[("log_level", "0")], true, 3);
    }

    #[test]
    fn this_build_knows_tls_and_sasl() {
        check(
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.username", "a"),
                ("sasl.password", "b"),
            ],
            "security.protocol",
            Some("SASL_SSL"),
        );
        check(
            &[
                ("security.protocol", "SASL_PLAINTEXT"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "a"),
                ("sasl.password", "b"),
            ],
            "sasl.mechanism",
            Some("PLAIN"),
        );
    }
}
