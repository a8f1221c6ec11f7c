//! The figures of a snapshot for Prometheus.

use ::web::MetricsPage;
use common::books::SourceBooks;
use common::wire::Tally;

use crate::engine::{Snapshot, SourceSnapshot};

/// The figures of all sources. `pages` is the number of open pages.
pub fn metrics(snapshot: &Snapshot<'_>, pages: usize) -> MetricsPage {
    let mut page = MetricsPage::default();
    for (source, SourceSnapshot { books, tally }) in &snapshot.sources {
        of_source(&mut page, snapshot, source, books, tally);
    }
    page.counter("vidcons_rejected_records", "Records that are no frames, or wrong ones.", &[], snapshot.rejected);
    page.gauge("vidcons_pages", "Pages that are open in browsers.", None, &[], pages as f64);
    page
}

fn of_source(page: &mut MetricsPage, snapshot: &Snapshot<'_>, source: &str, books: &SourceBooks, tally: &Tally) {
    let of = [("source", source)];
    page.counter("vidcons_expected_frames", "Frames that the producer numbered.", &of, tally.expected());
    page.counter("vidcons_received_frames", "Frames that arrived whole.", &of, tally.whole);
    page.counter("vidcons_received_bytes", "Bytes of the frames that arrived.", &of, books.bytes);
    const OUTCOME: &str = "What became of the frames: shown, or the reason why not.";
    page.counter("vidcons_frames", OUTCOME, &[("source", source), ("outcome", "shown")], books.shown);
    for (reason, count) in common::report::viewer_losses(books, tally) {
        page.counter("vidcons_frames", OUTCOME, &[("source", source), ("outcome", &reason)], count);
    }
    // Where the clocks of producer and viewer disagree, there is no latency to state.
    if books.latencies.clocks_disagree().is_none() {
        const END_TO_END: &str = "Latency of shown frames, from due to presented; decoded, without a window.";
        page.latency("vidcons_end_to_end_latency", END_TO_END, &of, &books.latencies.total);
        for &stage in snapshot.stages {
            let of = [("source", source), ("stage", stage.name())];
            page.latency("vidcons_stage_latency", "Latency by stage.", &of, books.latencies.stage(stage));
        }
    }
}
