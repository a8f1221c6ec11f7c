//! The figures for Prometheus of all three programs: their format, and that they agree with the reports.

mod documents;
mod page;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;

use testkit::http::get;
use testkit::kafka::only;
use testkit::media::folder;
use testkit::{BrokerKind, JsonReport, KafkaServer, Program, RunningProgram, kafka, until};

use self::page::{Page, address};

const CARD: [&str; 7] = ["test", "--size", "320x180", "--fps", "25", "--source", "cam"];
const CAM: (&str, &str) = ("source", "cam");

fn viewer(kafka: &KafkaServer, topic: &str, args: &[&str]) -> (RunningProgram, SocketAddr) {
    let mut viewer = Program::vidcons().on(kafka, topic).args(["--headless", "--http", "0"]).args(args).start();
    let at = address(&mut viewer, "watch in the browser");
    (viewer, at)
}

fn producer(kafka: &KafkaServer, topic: &str, args: &[&str]) -> (RunningProgram, SocketAddr) {
    let mut producer = Program::vidprod().args(CARD).args(args).on(kafka, topic).args(["--metrics", "0"]).start();
    let at = address(&mut producer, "figures for Prometheus");
    (producer, at)
}

/// A vidbroker with figures: its address for clients, and that of the figures.
fn broker(args: &[&str]) -> (RunningProgram, String, SocketAddr) {
    let args = [&["--listen", "127.0.0.1:0", "--memory", "64M", "--metrics", "0"], args].concat();
    let mut broker = Program::vidbroker().args(args).start();
    let at = address(&mut broker, "figures for Prometheus");
    let address = broker.until("its address", |broker| {
        let stderr = broker.stderr();
        Some(stderr.split_once("listening on ")?.1.split_once(',')?.0.to_owned())
    });
    (broker, address, at)
}

/// Reads two pages, between which this figure grows, and checks that no other falls.
#[track_caller]
fn check_growth(at: SocketAddr, figure: &str, labels: &[(&str, &str)]) {
    let before = until("the first figure", || Some(Page::read(at)).filter(|page| page.get(figure, labels) > Some(0.0)));
    let growing = before.growing();
    let after = until("a larger figure", || {
        Some(Page::read(at)).filter(|page| page.get(figure, labels) > before.get(figure, labels))
    });
    let after = after.growing();
    for (name, value) in growing {
        let now = after.get(&name).unwrap_or_else(|| panic!("{name:?} is gone"));
        assert!(*now >= value, "{name:?} fell from {value} to {now}");
    }
}

#[test]
fn counters_never_fall_while_frames_flow() {
    let kafka = kafka();
    let topic = kafka.topic("growing");
    let (viewer, viewer_at) = viewer(kafka, &topic, &[]);
    // In parts, so that a page may be read in the middle of a frame.
    let (producer, producer_at) = producer(kafka, &topic, &["--max-message-bytes", "4000"]);
    check_growth(viewer_at, "vidcons_frames_total", &[CAM, ("outcome", "shown")]);
    check_growth(producer_at, "vidprod_frames_total", &[CAM, ("outcome", "acknowledged")]);
    check_growth(viewer_at, "vidcons_stage_latency_seconds_sum", &[CAM, ("stage", "broker")]);
    assert_eq!(get(producer_at, "/readyz", &[]).status, 200);
    producer.interrupt().ok();
    viewer.interrupt().ok();
}

#[test]
fn counters_of_the_broker_never_fall_while_records_flow() {
    only(BrokerKind::Embedded, "it is about vidbroker");
    let (broker, address, at) = broker(&[]);
    let producer = Program::vidprod().args(CARD).args(["-b", &address, "-t", "video"]).start();
    let viewer = Program::vidcons().args(["--headless", "-b", &address, "-t", "video"]).start();
    check_growth(at, "vidbroker_sent_records_total", &[]);
    check_growth(at, "vidbroker_received_bytes_total", &[]);
    let page = Page::read(at);
    assert!(page.number("vidbroker_connections", &[]) >= 2.0, "{page:#?}");
    assert!(page.number("vidbroker_memory_bytes", &[]) <= page.number("vidbroker_memory_bound_bytes", &[]));
    producer.interrupt().ok();
    viewer.interrupt().ok();
    broker.interrupt().ok();
}

/// Checks that the figure of a page is the number at this path of a report.
#[track_caller]
fn check_equal(page: &Page, name: &str, labels: &[(&str, &str)], report: &JsonReport, path: &str) {
    assert_eq!(page.number(name, labels), report.number(path) as f64, "{name} {labels:?}, {path} in {:#}", report.0);
}

/// Checks that a histogram has the count and, within its buckets, the median of a latency in a report.
#[track_caller]
fn check_latency(page: &Page, name: &str, labels: &[(&str, &str)], report: &JsonReport, path: &str) {
    check_equal(page, &format!("{name}_count"), labels, report, &format!("{path}.count"));
    let (above, up_to) = page.middle_bucket(name, labels);
    let p50 = report.number(&format!("{path}.p50")) as f64 / 1e6;
    // The report's histogram keeps three digits.
    assert!(p50 >= above * 0.998 && p50 <= up_to * 1.002, "{name}: p50 {p50} is not in {above} to {up_to}");
}

/// Checks that the sums of the stages add up to that of the total, to the microsecond.
#[track_caller]
fn check_tiles(page: &Page, stage: &str, total: &str, stages: &[&str]) {
    let sum = |name: &str, labels: &[(&str, &str)]| page.number(&format!("{name}_sum"), labels);
    let of_stages: f64 = stages.iter().map(|name| sum(stage, &[CAM, ("stage", name)])).sum();
    let total = sum(total, &[CAM]);
    assert!((of_stages - total).abs() < 1e-6, "the stages add up to {of_stages} s, not {total} s");
}

#[test]
fn the_viewers_figures_agree_with_its_report() {
    let kafka = kafka();
    let topic = kafka.topic("viewer-figures");
    let (mut viewer, at) = viewer(kafka, &topic, &["--every-frame", "--source", "cam"]);
    viewer.until_stderr(": waiting for it");
    let camera = Program::vidprod().args(CARD).args(["--duration", "2"]).on(kafka, &topic).run().ok();
    let other = ["test", "--size", "160x120", "--fps", "10", "--duration", "1", "--source", "not shown"];
    Program::vidprod().args(other).on(kafka, &topic).run().ok();
    viewer.until_stderr("session started");
    // All that was published has arrived.
    let made = camera.report();
    let received = made.number("frames.acknowledged") as f64;
    let page = until("all frames", || {
        let page = Page::read(at);
        let got = |source| page.get("vidcons_received_frames_total", &[("source", source)]);
        (got("cam") == Some(received) && got("not shown") == Some(10.0)).then_some(page)
    });
    assert_eq!(page.number("vidcons_received_bytes_total", &[CAM]), made.number("bytes") as f64);
    let now = JsonReport(get(at, "/api/report", &[]).json());
    let ended = viewer.interrupt().ok().report();
    for report in [&now, &ended] {
        for source in ["cam", "not shown"] {
            let (of, report) = (("source", source), report.source(source));
            check_equal(&page, "vidcons_frames_total", &[of, ("outcome", "shown")], &report, "frames.shown");
            for outcome in ["superseded", "late", "undecodable", "paused", "unselected"] {
                let labels = [of, ("outcome", outcome)];
                check_equal(&page, "vidcons_frames_total", &labels, &report, &format!("frames.lost.{outcome}"));
            }
            for reason in ["lost", "torn"] {
                let labels = [of, ("reason", reason)];
                check_equal(&page, "vidcons_missing_frames", &labels, &report, &format!("frames.lost.{reason}"));
            }
            check_equal(&page, "vidcons_expected_frames", &[of], &report, "frames.expected");
            check_equal(&page, "vidcons_received_bytes_total", &[of], &report, "bytes");
        }
        let cam = report.source("cam");
        check_latency(&page, "vidcons_end_to_end_latency_seconds", &[CAM], &cam, "latency_us.total");
        for stage in ["capture", "encode", "publish", "broker", "reassemble", "decode"] {
            let (labels, path) = ([CAM, ("stage", stage)], format!("latency_us.stages.{stage}"));
            check_latency(&page, "vidcons_stage_latency_seconds", &labels, &cam, &path);
        }
        check_equal(&page, "vidcons_rejected_records_total", &[], report, "counts.rejected");
        check_equal(&page, "vidcons_reconnections_total", &[], report, "counts.reconnections");
    }
    let stages = ["capture", "encode", "publish", "broker", "reassemble", "decode"];
    check_tiles(&page, "vidcons_stage_latency_seconds", "vidcons_end_to_end_latency_seconds", &stages);
    assert_eq!(page.number("vidcons_clock_error_bound_seconds", &[CAM]), 0.0, "both use the same clock");
    assert_eq!(page.get("vidcons_end_to_end_latency_seconds_count", &[("source", "not shown")]), None);
}

#[test]
fn the_producers_figures_agree_with_its_report() {
    let kafka = kafka();
    let topic = kafka.topic("producer-figures");
    let args = ["-", "--source", "cam", "--metrics", "0"];
    let mut producer = Program::vidprod().args(args).on(kafka, &topic).stdin(Stdio::piped()).start();
    let at = address(&mut producer, "figures for Prometheus");
    let mut input = producer.input();
    input.write_all(b"YUV4MPEG2 W64 H48 F30:1 Ip A1:1 C420jpeg\n").unwrap();
    for _ in 0..40 {
        input.write_all(&[b"FRAME\n".as_slice(), &[128; 64 * 48 * 3 / 2]].concat()).unwrap();
    }
    input.flush().unwrap();
    // The pipe stays open, so nothing happens after the last frame.
    let acknowledged = [CAM, ("outcome", "acknowledged")];
    let page = until("forty acknowledged frames", || {
        let page = Page::read(at);
        (page.get("vidprod_frames_total", &acknowledged) == Some(40.0)).then_some(page)
    });
    assert_eq!(page.number("vidprod_in_flight_frames", &[CAM]), 0.0);
    assert_eq!(page.number("vidprod_jpeg_quality", &[CAM]), 80.0);
    drop(input);
    let producer = producer.wait().ok();
    let report = producer.report().source("cam");
    check_equal(&page, "vidprod_captured_frames_total", &[CAM], &report, "frames.captured");
    check_equal(&page, "vidprod_frames_total", &acknowledged, &report, "frames.acknowledged");
    for outcome in ["superseded", "late", "refused"] {
        let labels = [CAM, ("outcome", outcome)];
        check_equal(&page, "vidprod_frames_total", &labels, &report, &format!("frames.lost.{outcome}"));
    }
    check_equal(&page, "vidprod_published_frames_total", &[CAM], &report, "frames.published");
    check_equal(&page, "vidprod_published_records_total", &[CAM], &report, "counts.records");
    check_equal(&page, "vidprod_published_bytes_total", &[CAM], &report, "bytes");
    check_latency(&page, "vidprod_acknowledge_latency_seconds", &[CAM], &report, "acknowledge_us");
    check_latency(&page, "vidprod_due_to_published_latency_seconds", &[CAM], &report, "latency_us.total");
    let stages = ["capture", "encode", "publish"];
    for stage in stages {
        let (labels, path) = ([CAM, ("stage", stage)], format!("latency_us.stages.{stage}"));
        check_latency(&page, "vidprod_stage_latency_seconds", &labels, &report, &path);
    }
    check_tiles(&page, "vidprod_stage_latency_seconds", "vidprod_due_to_published_latency_seconds", &stages);
}

#[test]
fn the_brokers_figures_agree_with_its_report() {
    only(BrokerKind::Embedded, "it is about vidbroker");
    let folder = folder();
    let file = folder.path().join("broker.json");
    let (broker, address, at) = broker(&["--report", file.to_str().unwrap()]);
    let place = ["-b", &address, "-t", "video"];
    Program::vidprod().args(CARD).args(["--duration", "1"]).args(place).run().ok();
    let group = ["--headless", "-o", "beginning", "-e", "-g", "readers"];
    Program::vidcons().args(group).args(place).run().ok();
    let page = until("the end of all connections", || {
        Some(Page::read(at)).filter(|page| page.number("vidbroker_connections", &[]) == 0.0)
    });
    broker.interrupt().ok();
    let report = JsonReport::read(&file);
    for (name, path) in [
        ("vidbroker_topics", "topics"),
        ("vidbroker_partitions", "partitions"),
        ("vidbroker_received_records_total", "records.in"),
        ("vidbroker_sent_records_total", "records.out"),
        ("vidbroker_received_bytes_total", "bytes.in"),
        ("vidbroker_sent_bytes_total", "bytes.out"),
        ("vidbroker_accepted_connections_total", "connections.total"),
        ("vidbroker_turned_away_connections_total", "connections.turned_away"),
        ("vidbroker_cut_off_connections_total", "connections.cut_off"),
        ("vidbroker_memory_peak_bytes", "memory.peak_bytes"),
        ("vidbroker_memory_bound_bytes", "memory.bound_bytes"),
    ] {
        check_equal(&page, name, &[], &report, path);
    }
    for (reason, name) in [("memory", "evicted"), ("retention", "expired")] {
        let of = [("reason", reason)];
        check_equal(&page, "vidbroker_dropped_records_total", &of, &report, &format!("{name}.records"));
        check_equal(&page, "vidbroker_dropped_bytes_total", &of, &report, &format!("{name}.bytes"));
    }
    let log = [("topic", "video"), ("partition", "0")];
    check_equal(&page, "vidbroker_log_end_offset", &log, &report, "records.in");
    assert_eq!((page.number("vidbroker_log_start_offset", &log), page.number("vidbroker_groups", &[])), (0.0, 1.0));
}

#[test]
fn the_lag_is_that_of_a_reader_which_plays_what_was_recorded() {
    let kafka = kafka();
    let topic = kafka.topic("lag");
    let card = ["test", "--size", "160x120", "--fps", "50", "--duration", "2", "--every-frame", "--source", "cam"];
    Program::vidprod().args(card).on(kafka, &topic).run().ok();
    let (viewer, at) = viewer(kafka, &topic, &["-o", "beginning", "--speed", "0.5"]);
    let lag = || Page::read(at).get("vidcons_consumer_lag_records", &[("topic", &topic)]);
    until("a lag", || lag().filter(|lag| *lag > 0.0 && *lag <= 101.0));
    until("no lag", || lag().filter(|lag| *lag == 0.0));
    viewer.interrupt().ok();
}

#[test]
fn the_server_of_the_figures_follows_the_rules_of_the_page() {
    let kafka = kafka();
    let (topic, secrets) = (kafka.topic("rules"), folder());
    let token = testkit::kafka::write(secrets.path(), "token", b"0123456789abcdef\n");
    let (producer, at) = producer(kafka, &topic, &["--http-token", token.to_str().unwrap()]);
    assert_eq!(get(at, "/healthz", &[]).status, 200);
    assert_eq!(get(at, "/metrics", &["Host: evil.example"]).status, 403);
    assert_eq!(["/", "/metrics", "/readyz"].map(|path| get(at, path, &[]).status), [401; 3]);
    let bearer = "Authorization: Bearer 0123456789abcdef";
    until("readiness", || (get(at, "/readyz", &[bearer]).status == 200).then_some(()));
    assert_eq!(get(at, "/", &[bearer]).header("location"), Some("/metrics"));
    let plain = get(at, "/metrics", &[bearer, "Accept: text/plain;version=0.0.4"]);
    assert!(plain.text().contains("\n# TYPE vidprod_frames_total counter\n"), "{}", plain.text());
    producer.interrupt().ok();
}

#[test]
fn an_address_for_figures_that_cannot_be_used_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for program in [|| Program::vidprod().arg("test"), || Program::vidbroker().args(["--listen", "127.0.0.1:0"])] {
        program().args(["--metrics", &taken]).run().assert_fails(1, "choose another address or port");
        program().args(["--metrics", "0.0.0.0:0"]).run().assert_fails(1, "--metrics needs --http-token FILE");
        program().args(["--metrics", "nowhere"]).run().assert_fails(2, "write ADDRESS:PORT");
        program().arg("--http-public").run().assert_fails(2, "add --metrics 9101");
    }
}
