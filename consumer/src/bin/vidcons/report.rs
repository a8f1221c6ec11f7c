//! The report at the end, from a snapshot.

use common::books::Loss;
use common::report::{Explain, Report, SCHEMA};
use common::time::latency::clocks_disagree;
use consumer::engine::Snapshot;
use explain::{Evidence, RunContext, SideFigures, SourceKind, StageLatencies, explain};

use crate::options::Options;
use crate::viewer::Watched;

/// The report of a run that began at `started_ms`, in ms since 1970.
pub fn report(options: &Options, watched: &Watched, snapshot: &Snapshot<'_>, started_ms: u64) -> Report {
    let (mut sums, sources) = snapshot.sums();
    sums.counts.reconnections = watched.reader.facts().get().reconnections;
    Report {
        schema: SCHEMA,
        program: "vidcons".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms,
        seconds: watched.seconds,
        cpu_seconds: cli::machine::cpu_time().as_secs_f64(),
        sums,
        sources,
        pixels: watched.pixels,
        explain: explained(options, watched, snapshot),
        settings: options.settings(),
        machine: cli::machine::machine(),
        versions: kafka::versions(),
    }
}

fn explained(options: &Options, watched: &Watched, snapshot: &Snapshot<'_>) -> Explain {
    let total = snapshot.total.books;
    if let Some(by) = total.latencies.clocks_disagree() {
        let summary = format!("the latency is {}", clocks_disagree(by));
        return Explain { summary, printed: options.cli.explain, ..Explain::default() };
    }
    let latency = StageLatencies::new(&total.latencies, snapshot.stages);
    let side = SideFigures::Viewer {
        display: watched.display_path,
        display_us: watched.display_latency.longest(latency.tail.frames),
        frame_bytes: total.frame_bytes_max,
    };
    let explained = explain(&Evidence {
        latency,
        interval: snapshot.interval.interval(),
        superseded: total.losses.of(Loss::Superseded),
        client: watched.reader.facts().get(),
        properties: options.reader.connection.properties.clone(),
        context: RunContext {
            source: SourceKind::Unknown,
            embedded_broker: watched.reader.is_to_embedded_broker(),
            bytes_per_second: (total.bytes as f64 / watched.seconds.max(1.0)) as u64,
            window_size_given: options.window.as_ref().is_some_and(|window| window.size.is_some()),
        },
        side,
    });
    Explain { printed: options.cli.explain, ..explained }
}
