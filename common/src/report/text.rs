//! Prints the report as text.

use std::fmt::{self, Display};

use super::{Report, Summary, Sums};
use crate::time::Stage;
use crate::time::latency::clocks_disagree;
use crate::words::{bytes, count};

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = self.sums.frames.published.or(self.sums.frames.received).unwrap_or(0);
        let (frames, bytes) = (count(frames, "frame"), bytes(self.sums.bytes));
        writeln!(f, "{}: {frames}, {bytes} in {:.1} s", self.program, self.seconds)?;
        write_sums(f, &self.sums)?;
        if self.sources.len() > 1 {
            for (name, sums) in &self.sources {
                writeln!(f, "source {name}")?;
                write_sums(f, sums)?;
            }
        }
        self.pixels.iter().try_for_each(|pixels| writeln!(f, "  pixels   {pixels}"))?;
        if self.explain.printed { self.explain.fmt(f) } else { Ok(()) }
    }
}

fn write_sums(f: &mut fmt::Formatter<'_>, sums: &Sums) -> fmt::Result {
    let frames = &sums.frames;
    let (left, right) = match frames.captured {
        Some(captured) => {
            (format!("captured {captured}"), format!("acknowledged {}", frames.acknowledged.unwrap_or(0)))
        }
        None => (format!("expected {}", frames.expected.unwrap_or(0)), format!("shown {}", frames.shown.unwrap_or(0))),
    };
    let losses: Vec<String> = frames.lost.iter().filter(|(_, n)| **n > 0).map(|(r, n)| format!(" + {r} {n}")).collect();
    let verdict = if sums.balanced { "balanced" } else { "NOT BALANCED: please report this" };
    writeln!(f, "  frames   {left} = {right}{}  ({verdict})", losses.concat())?;
    if let (Some(encoded), Some(published), Some(records)) = (frames.encoded, frames.published, sums.counts.records) {
        let mean = bytes(sums.bytes / published.max(1));
        let most = bytes(sums.counts.frame_bytes_max.unwrap_or(0));
        writeln!(
            f,
            "           encoded {encoded}, published {published} in {}, {mean} a frame, largest {most}",
            count(records, "record")
        )?;
    }
    for (refusal, n) in &sums.counts.refusals {
        writeln!(f, "           refused {n}: {refusal}")?;
    }
    let counts = &sums.counts;
    if counts.reconnections > 0 {
        let n = counts.reconnections;
        writeln!(f, "           reconnected {n}: a client that had lost all its brokers was replaced by a new one")?;
    }
    for (name, n) in [
        ("duplicates", counts.duplicates),
        ("foreign", counts.foreign),
        ("rejected", counts.rejected),
        ("skipped on purpose", counts.skipped.unwrap_or(0)),
    ] {
        if n > 0 {
            writeln!(f, "           beside these: {n} {name}")?;
        }
    }
    if let Some(n) = counts.printed.filter(|n| Some(*n) != frames.shown) {
        writeln!(
            f,
            "           printed {n}: --print prints frames that are not shown, too; of several sources one is shown"
        )?;
    }
    if let Some(by) = sums.latency_us.clocks_disagree() {
        let (n, shown) = (counts.untiled, frames.shown.unwrap_or(0));
        return writeln!(
            f,
            "  LATENCY  {} ({n} of {} arrived before being sent, by these clocks); \
             set the producer's and this host's clock by the same time server",
            clocks_disagree(by),
            count(shown, "frame")
        );
    }
    if counts.untiled > 0 {
        let n = count(counts.untiled, "frame");
        writeln!(f, "  UNTILED  {n} left out of the figures below: by their clocks a stage ended before it began")?;
    }
    write_latency(f, sums)
}

fn write_latency(f: &mut fmt::Formatter<'_>, sums: &Sums) -> fmt::Result {
    if sums.latency_us.total.count == 0 {
        return Ok(());
    }
    writeln!(f, "  latency        p50      p90      p99    p99.9      max   ms ({})", sums.latency_us.clock)?;
    for stage in Stage::ALL {
        if let Some(summary) = sums.latency_us.stages.get(stage.name()) {
            write_row(f, stage.name(), summary)?;
        }
    }
    write_row(f, "total", &sums.latency_us.total)?;
    sums.acknowledge_us.iter().filter(|s| s.count > 0).try_for_each(|s| write_row(f, "acknowledge", s))
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, s: &Summary) -> fmt::Result {
    let ms = |us: u64| us as f64 / 1000.0;
    let (p50, p90, p99, p999, max) = (ms(s.p50), ms(s.p90), ms(s.p99), ms(s.p999), ms(s.max));
    writeln!(f, "  {name:<11} {p50:>8.2} {p90:>8.2} {p99:>8.2} {p999:>8.2} {max:>8.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::SourceBooks;
    use crate::report::{Machine, SCHEMA};
    use crate::time::{Latencies, Stamps, TimeBase};
    use crate::wire::Tally;

    #[test]
    fn frames_that_do_not_tile_cannot_be_overlooked() {
        let mut latencies = Latencies::default();
        latencies.record(&Stamps { due: crate::time::Micros(9), ..Stamps::default() }, &Stage::ALL, TimeBase::SameHost);
        let text = report_of(latencies);
        assert!(text.contains("\n  UNTILED  1 frame left"), "{text}");
    }

    #[test]
    fn a_latency_by_clocks_that_disagree_is_not_stated() {
        let mut latencies = Latencies::default();
        for received in [500_000, 700_000, 4_300_000] {
            let (sent, received) = (crate::time::Micros(4_200_000), crate::time::Micros(received));
            let stamps = Stamps { due: sent, captured: sent, encoded: sent, published: sent, ..Stamps::default() };
            let stamps = Stamps { received, reassembled: received, decoded: received, presented: received, ..stamps };
            latencies.record(&stamps, &Stage::ALL, TimeBase::WallClocks);
        }
        let text = report_of(latencies);
        assert!(text.contains("  LATENCY  unknown: the clocks disagree by at least 3.7 s (2 of 3 frames"), "{text}");
        assert!(!text.contains("p50") && !text.contains("UNTILED"), "{text}");
    }

    #[test]
    fn frames_skipped_on_purpose_stand_beside_the_books_where_there_are_any() {
        let report = |skipped| {
            let tally = Tally { whole: 2, skipped, ..Tally::default() };
            report_on(SourceBooks { shown: 2, ..SourceBooks::default() }, &tally)
        };
        let text = report(40).to_string();
        assert!(
            text.contains("expected 2 = shown 2  (balanced)\n           beside these: 40 skipped on purpose\n"),
            "{text}"
        );
        assert!(!report(0).to_string().contains("skipped"));
        let skipped = |n| serde_json::to_value(report(n)).expect("a report is JSON")["counts"].get("skipped").cloned();
        assert_eq!((skipped(40), skipped(0)), (Some(40.into()), None));
    }

    fn report_of(latencies: Latencies) -> String {
        let shown = latencies.untiled + latencies.total.histogram().len();
        let books = SourceBooks { latencies, shown, ..SourceBooks::default() };
        report_on(books, &Tally { whole: shown, ..Tally::default() }).to_string()
    }

    fn report_on(books: SourceBooks, tally: &Tally) -> Report {
        let sums = Sums::viewer(&books, tally, &Stage::ALL);
        Report {
            schema: SCHEMA,
            program: "vidcons".to_owned(),
            version: String::new(),
            started_ms: 0,
            seconds: 0.0,
            cpu_seconds: 0.0,
            sources: Default::default(),
            sums,
            pixels: None,
            pages: Vec::new(),
            explain: Default::default(),
            settings: Default::default(),
            machine: Machine::default(),
            versions: Default::default(),
        }
    }
}
