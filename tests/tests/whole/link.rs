//! Slow, distant or unsteady links: frames that do not fit are dropped before they are encoded, and the others arrive
//! in time.

use std::time::Duration;

use testkit::kafka::own_kafka_behind;
use testkit::{JsonReport, Network, Program};

const MBIT: u32 = 1_000_000 / 8;
const NARROW: Network = Network { bytes_a_second: Some(2 * MBIT), ..STEADY };
const FAR: Network = Network { delay: Duration::from_millis(100), ..STEADY };
const STEADY: Network =
    Network { delay: Duration::ZERO, jitter: Duration::ZERO, bytes_a_second: None, only_client: Some("vidprod") };

/// The result of a stream over a link.
struct Streamed {
    seconds: u32,
    producer: JsonReport,
    viewer: JsonReport,
}

impl Streamed {
    /// Number of frames that the link could have carried.
    fn carriable(&self, network: &Network) -> u64 {
        let captured = self.producer.number("frames.captured");
        let mean = self.producer.number("bytes") / self.producer.number("frames.published").max(1);
        let by_rate = network.bytes_a_second.map(|rate| u64::from(rate * self.seconds) / mean.max(1));
        by_rate.map_or(captured, |frames| frames.min(captured))
    }

    /// Percentage of those frames that were shown.
    fn percent(&self, network: &Network) -> u64 {
        100 * self.viewer.number("frames.shown") / self.carriable(network).max(1)
    }
}

/// Streams the test card at 720p30, about 1.1 MB/s.
fn stream(network: Network, seconds: u32, more: &[&str]) -> Streamed {
    let (kafka, _proxy) = own_kafka_behind(network);
    let viewer = Program::vidcons().on(&kafka, "link").args(["--headless", "-e"]).start();
    let card = ["test", "--fps", "30", "--quality", "80", "--duration", &seconds.to_string()];
    let producer = Program::vidprod().args(card).args(more).on(&kafka, "link").run().ok().report();
    let viewer = viewer.wait().ok().report();
    for report in [&producer, &viewer] {
        assert_eq!(report.number("counts.reconnections"), 0, "a slow link is no reason to replace a client");
    }
    Streamed { seconds, producer, viewer }
}

#[test]
fn a_narrow_link_carries_what_it_can_and_the_rest_is_not_even_encoded() {
    let streamed = stream(NARROW, 8, &[]);
    let (sent, percent) = (&streamed.producer, streamed.percent(&NARROW));
    let (superseded, late) = (sent.number("frames.lost.superseded"), sent.number("frames.lost.late"));
    assert!(percent >= 60, "{percent} % of what the link carries: {:#}", streamed.viewer.0["frames"]);
    // The link carries about 50 of 240 frames.
    assert!(superseded >= 120 && late <= 12, "{:#}", sent.0["frames"]);
    assert_eq!(sent.number("frames.encoded") + superseded, sent.number("frames.captured"));
}

#[test]
fn a_round_trip_of_200_ms_throttles_nothing() {
    let streamed = stream(FAR, 8, &[]);
    let (sent, percent) = (&streamed.producer, streamed.percent(&FAR));
    assert!(sent.number("frames.acknowledged") >= 160, "{:#}", sent.0["frames"]);
    assert!(percent >= 60, "{percent} % of what was captured: {:#}", streamed.viewer.0["frames"]);
}

#[test]
fn a_viewer_finds_a_broker_that_is_far_away() {
    let far = Network { delay: Duration::from_millis(150), only_client: Some("vidcons"), ..STEADY };
    let (kafka, _proxy) = own_kafka_behind(far);
    Program::vidprod().args(["test", "--size", "320x180", "--duration", "0.5"]).on(&kafka, "link").run().ok();
    let args = ["--headless", "-o", "beginning", "-e"];
    let viewer = Program::vidcons().on(&kafka, "link").args(args).run().ok().report();
    assert!(viewer.number("frames.shown") >= 1, "{:#}", viewer.0["frames"]);
}

/// Prints the table of benches/README.md: `make bench-link`. `LINK` and `BEHIND` select lines; `MORE` has options for
/// vidprod.
#[test(ignore = "it measures, and asserts nothing")]
fn figures_of_slow_links() {
    let jitter = |network| Network { delay: Duration::from_millis(10), jitter: Duration::from_millis(100), ..network };
    let links = [
        ("no link", STEADY),
        ("2 Mbit/s", NARROW),
        ("200 ms round trip", FAR),
        ("2 Mbit/s, 200 ms round trip", Network { delay: FAR.delay, ..NARROW }),
        ("10 to 110 ms each way", jitter(STEADY)),
        ("2 Mbit/s, 10 to 110 ms each way", jitter(NARROW)),
    ];
    let picked =
        |variable: &str, name: &str| std::env::var(variable).is_ok_and(|only| !only.is_empty() && only != name);
    let more = std::env::var("MORE").unwrap_or_default();
    let more: Vec<&str> = more.split_whitespace().collect();
    println!("| link | behind it | captured | superseded | late | shown | link carries | | p50 ms | p90 | p99 |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, network) in links.into_iter().filter(|(name, _)| !picked("LINK", name)) {
        for (behind, only_client) in [("vidprod", Some("vidprod")), ("vidcons", Some("vidcons")), ("both", None)] {
            if picked("BEHIND", behind) {
                continue;
            }
            let network = Network { only_client, ..network };
            let streamed = stream(network, 12, &more);
            println!("| {name} | {behind} | {}", line(&streamed, &network));
        }
    }
}

fn line(streamed: &Streamed, network: &Network) -> String {
    let (sent, seen) = (&streamed.producer, &streamed.viewer);
    let age = |at: &str| seen.number(&format!("latency_us.total.{at}")) / 1000;
    format!(
        "{} | {} | {} | {} | {} | {} % | {} | {} | {} |",
        sent.number("frames.captured"),
        sent.number("frames.lost.superseded"),
        sent.number("frames.lost.late"),
        seen.number("frames.shown"),
        streamed.carriable(network),
        streamed.percent(network),
        age("p50"),
        age("p90"),
        age("p99"),
    )
}
