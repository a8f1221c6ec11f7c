use common::report::Waits;

use super::*;

fn totals(json: &[&str]) -> ClientFacts {
    let facts = Facts::default();
    json.iter().for_each(|json| drop(facts.enter(json.as_bytes())));
    facts.get()
}

const ONE: &str = r#"{"name": "vidprod#producer-1", "txmsgs": 3, "brokers": {
    "h:9092/bootstrap": {"name": "h:9092/bootstrap", "connects": 1, "disconnects": 1, "req": {"Produce": 1},
      "rtt": {"min": 0, "max": 0, "avg": 0, "sum": 0, "stddev": 0, "p99": 0, "cnt": 0}},
    "h:9092/1": {"disconnects": 2, "toppars": {"video-0": {"topic": "video", "partition": 0}},
      "int_latency": {"min": 1, "avg": 5, "p99": 9, "cnt": 30},
      "outbuf_latency": {"min": 2, "avg": 6, "p99": 10, "cnt": 30},
      "rtt": {"min": 300, "avg": 500, "p99": 900, "cnt": 30},
      "throttle": {"min": 0, "avg": 7, "p99": 70, "cnt": 30}}},
  "topics": {"video": {"partitions": {"0": {"fetchq_cnt": 3}, "-1": {"fetchq_cnt": 0}, "1": {"fetchq_cnt": 2}}}}}"#;

#[test]
fn figures_that_explain_a_latency_are_read() {
    let waits = |min_us, mean_us, p99_us| Waits { count: 30, min_us, mean_us, p99_us };
    let facts = ClientFacts {
        statistics_read: 1,
        queued: waits(1, 5, 9),
        unsent: waits(2, 6, 10),
        round_trip: waits(300, 500, 900),
        throttled: waits(0, 7000, 70_000),
        brokers: 0,
        loopback: false,
        disconnects: 3,
        reconnections: 0,
        fetched_max: 5,
    };
    assert_eq!(totals(&[ONE]), facts);
}

#[test]
fn a_lag_is_that_of_all_partitions_that_are_read() {
    let check = |partitions: &[(&str, [i64; 3])], expected: Option<u64>| {
        let partition = |(id, (state, [end, position, next])): (usize, &(&str, [i64; 3]))| {
            format!(
                r#""{id}": {{"fetch_state": "{state}", "ls_offset": {end}, "app_offset": {position}, "next_offset": {next}}}"#
            )
        };
        let partitions: Vec<String> = partitions.iter().enumerate().map(partition).collect();
        let facts = Facts::default();
        let json = format!(r#"{{"topics": {{"video": {{"partitions": {{{}}}}}}}}}"#, partitions.join(", "));
        drop(facts.enter(json.as_bytes()));
        assert_eq!(facts.lag("video"), expected, "{json}");
        assert_eq!(facts.lag("other"), None);
    };
    check(&[("active", [90, 88, 90])], Some(2));
    check(&[("active", [90, 88, 90]), ("active", [7, 7, 7]), ("none", [50, 1, 1])], Some(2));
    check(&[("active", [90, -1001, 80])], Some(10));
    check(&[("active", [5, 6, 6])], Some(0));
    check(&[("active", [90, 88, 90]), ("active", [-1001, 3, 3])], None);
    check(&[("none", [90, 88, 90])], None);
}

#[test]
fn a_broker_on_this_machine_is_known_by_its_address() {
    let check = |addresses: &[&str], brokers: u64, loopback: bool| {
        let node = |(id, address)| format!(r#""{id}": {{"nodeid": {id}, "nodename": "{address}"}}"#);
        let nodes: Vec<String> = (1..).zip(addresses).map(node).collect();
        let bootstrap = r#""b": {"nodeid": -1, "nodename": "far:9092"}"#;
        let facts = totals(&[&format!(r#"{{"brokers": {{{bootstrap}, {}}}}}"#, nodes.join(", "))]);
        assert_eq!((facts.brokers, facts.loopback), (brokers, loopback), "{addresses:?}");
    };
    check(&["127.0.0.1:9092"], 1, true);
    check(&["localhost:9092", "127.1.2.3:9093", "[::1]:9094"], 3, true);
    check(&["127.0.0.1:9092", "kafka:9092"], 2, false);
    check(&["192.168.1.7:9092"], 1, false);
}

#[track_caller]
fn check_round_trip(window: &str, expected: Waits) {
    assert_eq!(totals(&[&format!(r#"{{"brokers": {{"h": {{"rtt": {window}}}}}}}"#)]).round_trip, expected, "{window}");
}

#[test]
fn values_beyond_the_clients_histogram_count() {
    let waits = |p99_us| Waits { count: 50, min_us: 9, mean_us: 700_000, p99_us };
    let long = r#"{"min": 9, "max": 990000, "avg": 700000, "cnt": 50, "p99": 400000, "outofrange": 40}"#;
    check_round_trip(long, waits(990_000));
    check_round_trip(&long.replace("40}", "0}"), waits(400_000));
}

#[test]
fn waits_since_before_the_beginning_say_nothing() {
    let wrapped = r#"{"min": -9223371036854775807, "max": 0, "avg": 77, "cnt": 2, "p99": 0, "outofrange": 2}"#;
    check_round_trip(wrapped, Waits::default());
}

#[test]
fn records_sent_by_a_producer_are_a_sign_of_life() {
    let json = r#"{"type": "producer", "brokers": {"a": {"state": "UP", "txidle": 400000, "rxidle": 9000000}}}"#;
    assert_eq!(Facts::default().enter(json.as_bytes()).connected, Some(Connected::Active));
}

#[test]
fn the_best_connection_counts() {
    let check = |brokers: &str, expected| {
        let json = format!(r#"{{"brokers": {{{brokers}}}}}"#);
        assert_eq!(Facts::default().enter(json.as_bytes()).connected, expected);
    };
    check("", Some(Connected::No));
    check(r#""a": {"state": "DOWN"}, "b": {"state": "CONNECT"}"#, Some(Connected::No));
    check(r#""a": {"state": "DOWN"}, "b": {"state": "UP", "txidle": -1, "rxidle": 9000000}"#, Some(Connected::Silent));
    check(r#""a": {"state": "UP", "txidle": 9000000, "rxidle": 400000}"#, Some(Connected::Active));
    check(r#""a": {"state": "UP", "txidle": 400000, "rxidle": 9000000}"#, Some(Connected::Silent));
    check("broken", None);
}

#[test]
fn of_a_reader_the_connections_that_bring_its_records_count() {
    let check = |state: &str, fetch_state: &str, expected| {
        let json = format!(
            r#"{{"brokers": {{"a": {{"state": "{state}", "toppars": {{"video-0": {{}}}}, "rxidle": 9000000}},
                "b": {{"state": "UP", "rxidle": 400}}}},
                "topics": {{"video": {{"partitions": {{"0": {{"fetch_state": "{fetch_state}"}}}}}}}}}}"#
        );
        assert_eq!(Facts::default().enter(json.as_bytes()).connected, expected, "{state} {fetch_state}");
    };
    check("UP", "active", Some(Connected::Silent));
    check("DOWN", "active", Some(Connected::Active));
    // A member of a group whose partition went to another one only sends heartbeats.
    check("UP", "none", Some(Connected::Active));
}

#[test]
fn the_broker_that_sent_something_last_counts() {
    let check = |brokers: &str, expected| {
        let json = format!(r#"{{"brokers": {{{brokers}}}}}"#);
        assert_eq!(Facts::default().enter(json.as_bytes()).received_us, expected, "{brokers}");
    };
    check("", None);
    check(r#""a": {"state": "UP", "rxidle": -1}, "b": {"state": "DOWN", "rxidle": 5}"#, None);
    check(r#""a": {"state": "UP", "rxidle": 9000000}, "b": {"state": "UP", "rxidle": 7000000}"#, Some(7_000_000));
}

#[test]
fn windows_add_up_and_counters_do_not() {
    let facts = totals(&[ONE, ONE, r#"{"brokers": {}, "topics": {}}"#]);
    assert_eq!((facts.statistics_read, facts.round_trip.count, facts.fetched_max), (3, 60, 5));
    let facts = totals(&[ONE, ONE]);
    assert_eq!(facts.disconnects, 3);
}

#[test]
fn a_new_client_goes_on_with_the_figures_of_the_one_before() {
    let facts = Facts::default();
    facts.enter(ONE.as_bytes());
    facts.renewed();
    facts.enter(ONE.as_bytes());
    facts.enter(ONE.as_bytes());
    assert_eq!((facts.get().disconnects, facts.get().reconnections), (6, 1));
}

fn padded(bytes: usize) -> String {
    format!("{ONE}{}", " ".repeat(bytes))
}

#[test]
fn of_what_is_long_the_last_is_read_at_the_end() {
    let facts = Facts::default();
    (0..3).for_each(|_| drop(facts.enter(padded(BYTES_AT_ONCE).as_bytes())));
    assert_eq!(facts.0.lock().unwrap().facts.statistics_read, 0);
    assert_eq!(facts.get(), totals(&[ONE]));
    assert_eq!(facts.get(), totals(&[ONE]), "once");
}

#[test]
fn partitions_that_a_topic_gets_are_seen() {
    let facts = Facts::default();
    let json = |partitions: &str| format!(r#"{{"topics": {{"video": {{"partitions": {{{partitions}}}}}}}}}"#);
    let one = r#""0": {"leader": 1, "unknown": false}, "-1": {"leader": -1}"#;
    facts.enter(json(one).as_bytes());
    assert!(facts.take_partitions_changed() && !facts.take_partitions_changed());
    assert_eq!(facts.partitions("video"), [0]);
    let more = format!(r#"{one}, "1": {{"leader": 1}}, "2": {{"leader": -1}}, "3": {{"leader": 1, "unknown": true}}"#);
    facts.enter(json(&more).as_bytes());
    assert!(facts.take_partitions_changed());
    assert_eq!(facts.partitions("video"), [0, 1]);
    let long = format!("{}{}", json(&format!(r#"{one}, "2": {{"leader": 2}}"#)), " ".repeat(BYTES_AT_ONCE));
    (0..LONG_READ_EVERY).for_each(|_| drop(facts.enter(long.as_bytes())));
    assert!(facts.take_partitions_changed(), "of a long text one in {LONG_READ_EVERY} is read");
    facts.forget_partitions();
    assert!(facts.partitions("video").is_empty());
}

#[test]
fn the_brokers_that_are_connected_are_seen() {
    let facts = Facts::default();
    let down = r#"{"brokers": {"h:1/1": {"nodename":"h:1", "nodeid":1, "state":"CONNECT"}}}"#;
    let up = down.replace("CONNECT", "UP");
    assert_eq!(
        facts.enter(down.as_bytes()),
        StatisticsNews { connected: Some(Connected::No), lines: Vec::new(), ..StatisticsNews::default() }
    );
    let lines = vec!["connected to broker 1 at h:1".to_owned()];
    assert_eq!(
        facts.enter(up.as_bytes()),
        StatisticsNews { connected: Some(Connected::Active), received_us: Some(0), lines }
    );
    let long = |text: &str| format!("{text}{}", " ".repeat(BYTES_AT_ONCE));
    assert_eq!(facts.enter(long(&up).as_bytes()).connected, Some(Connected::Active));
    assert_eq!(facts.enter(long(down).as_bytes()).connected, Some(Connected::No));
}

#[test]
fn unreadable_statistics_are_ignored() {
    let long = padded(BYTES_MAX);
    assert_eq!(totals(&["", "{", "[1]", r#"{"brokers": 7}"#, &long]), ClientFacts::default());
}
