//! A viewer's figures for tests; one frame in fifty waited for the broker.

use std::time::Duration;

use common::books::SourceBooks;
use common::draw::PixelCheck;
use common::report::Explain;
use common::report::{Machine, Report, SCHEMA, Sums};
use common::time::{Latencies, Micros, Stage, StageBreakdown, Stamps, TimeBase, Timeline};
use common::wire::Tally;

use crate::Figure;

pub(crate) fn with_figure(frames: u64, look: impl FnOnce(&Figure<'_>)) {
    let mut latencies = Latencies::default();
    let (mut timeline, mut breakdown) = (Timeline::new(Micros(0)), StageBreakdown::default());
    for n in 0..frames {
        let stamps = stamps_of(n, frames);
        latencies.record(&stamps, &Stage::ALL, TimeBase::SameHost);
        let tiles = stamps.tile(&Stage::ALL).expect("in order");
        timeline.record(&tiles, stamps.presented);
        breakdown.record(&tiles);
    }
    let books = SourceBooks { shown: frames, latencies: latencies.clone(), ..SourceBooks::default() };
    let sums = Sums::viewer(&books, &Tally { whole: frames, ..Tally::default() }, &Stage::ALL);
    let report = Report {
        schema: SCHEMA,
        program: "vidcons".to_owned(),
        version: "1.2.3".to_owned(),
        started_ms: 1_700_000_000_000,
        seconds: Duration::from_millis(frames * 33).as_secs_f64(),
        sources: [("<lobby> & \"hall\"".to_owned(), sums.clone())].into(),
        sums,
        cpu_seconds: 1.0,
        pixels: Some(PixelCheck { checked: 300, agreed: 299, unreadable: 1, disagreed: 0, largest_difference_us: 7 }),
        pages: Vec::new(),
        explain: Explain { summary: "nothing stands out & all is well".to_owned(), ..Explain::default() },
        settings: serde_json::json!({ "topic": "video", "sources": ["a", "b"] })
            .as_object()
            .cloned()
            .unwrap_or_default(),
        machine: Machine { host: "desk".to_owned(), cores: 2, ..Machine::default() },
        versions: Default::default(),
    };
    let stages = &Stage::ALL;
    let (timeline, breakdown) = (&timeline, &breakdown);
    look(&Figure { report: &report, latencies: &latencies, acknowledge: None, stages, timeline, breakdown });
}

/// The timestamps of frame `n` of `frames`.
fn stamps_of(n: u64, frames: u64) -> Stamps {
    // The source stalls for five seconds in the middle.
    let due = n * 33_333 + if n > frames / 2 { 5_000_000 } else { 0 };
    let broker = if n % 50 == 49 { 9_000 + n % 7 * 900 } else { 1_200 + n * 37 % 800 };
    let mut at = due;
    let mut after = |us: u64| {
        at += us;
        Micros(at)
    };
    Stamps {
        due: Micros(due),
        captured: after(300),
        encoded: after(2_000 + n * 53 % 900),
        published: after(180),
        received: after(broker),
        reassembled: after(150),
        decoded: after(2_200 + n * 71 % 1_100),
        presented: after(400),
    }
}

/// Run it with `LOOK=folder cargo test -p charts look -- --ignored`.
#[test]
#[ignore = "draws samples for a person to look at"]
fn look() {
    let folder = std::env::var("LOOK").expect("LOOK names a folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(format!("{folder}/{name}"), bytes).expect("it can be written");
    with_figure(1500, |figure| {
        write("look.svg", crate::svg(figure).expect("it is drawn").as_bytes());
        write("look.png", &crate::png(figure).expect("it is drawn"));
        write("look.html", crate::html(figure).expect("it is drawn").as_bytes());
    });
}
