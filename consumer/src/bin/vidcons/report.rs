//! The report at the end, from a snapshot.

use common::books::Loss;
use common::draw::PixelCheck;
use common::report::{Explain, PageFigures, Report, SCHEMA};
use common::time::Latency;
use common::time::latency::clocks_disagree;
use consumer::engine::Snapshot;
use consumer::reader::TopicReader;
use explain::{DisplayPath, Evidence, RunContext, SideFigures, SourceKind, StageLatencies, explain};

use crate::options::Options;

/// The facts of a report that the snapshot does not contain.
#[derive(Debug)]
pub struct ReportInput<'a> {
    pub reader: &'a TopicReader,
    /// Wall clock at the start, in ms since 1970.
    pub started_ms: u64,
    pub seconds: f64,
    pub display_path: DisplayPath,
    /// Time that the display kept the window waiting before each measured frame.
    pub display_latency: &'a Latency,
    /// Result of comparing pictures with their headers, if requested.
    pub pixels: Option<PixelCheck>,
    /// The figures of each open page.
    pub pages: Vec<PageFigures>,
}

/// The report of a run, or of its course until now.
pub fn report(options: &Options, input: &ReportInput<'_>, snapshot: &Snapshot<'_>) -> Report {
    let (mut sums, sources) = snapshot.sums();
    sums.counts.reconnections = input.reader.facts().get().reconnections;
    Report {
        schema: SCHEMA,
        program: "vidcons".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: input.started_ms,
        seconds: input.seconds,
        cpu_seconds: cli::machine::cpu_time().as_secs_f64(),
        sums,
        sources,
        pixels: input.pixels,
        pages: input.pages.clone(),
        explain: explained(options, input, snapshot),
        settings: options.settings(),
        machine: cli::machine::machine(),
        versions: kafka::versions(),
    }
}

fn explained(options: &Options, input: &ReportInput<'_>, snapshot: &Snapshot<'_>) -> Explain {
    let total = snapshot.total.books;
    if let Some(by) = total.latencies.clocks_disagree() {
        let summary = format!("the latency is {}", clocks_disagree(by));
        return Explain { summary, printed: options.cli.explain, ..Explain::default() };
    }
    let latency = StageLatencies::new(&total.latencies, snapshot.stages);
    let side = SideFigures::Viewer {
        display: input.display_path,
        display_us: input.display_latency.longest(latency.tail.frames),
        frame_bytes: total.frame_bytes_max,
    };
    let explained = explain(&Evidence {
        latency,
        interval: snapshot.interval.interval(),
        superseded: total.losses.of(Loss::Superseded),
        client: input.reader.facts().get(),
        properties: options.reader.connection.properties.clone(),
        context: RunContext {
            source: SourceKind::Unknown,
            embedded_broker: input.reader.is_to_embedded_broker(),
            bytes_per_second: (total.bytes as f64 / input.seconds.max(1.0)) as u64,
            window_size_given: options.window.as_ref().is_some_and(|window| window.size.is_some()),
        },
        side,
    });
    Explain { printed: options.cli.explain, ..explained }
}
