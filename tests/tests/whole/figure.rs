//! The report in all its formats: each contains the same frames.

use std::collections::HashMap;
use std::path::Path;

use testkit::media::folder;
use testkit::{Program, kafka};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The lines of a CSV file, by column names.
fn rows(path: &Path) -> Vec<HashMap<String, String>> {
    let text = read(path);
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap_or_default();
    lines
        .map(|cells| {
            assert_eq!(cells.len(), names.len(), "{cells:?}");
            names.iter().cloned().zip(cells).collect()
        })
        .collect()
}

/// Checks that in each line the stages and the timestamps add up exactly to the total.
fn assert_rows_tile(rows: &[HashMap<String, String>], last: &str) {
    let stages = ["capture", "encode", "publish", "broker", "reassemble", "decode", "present"];
    for row in rows {
        let us = |name: &str| row[name].parse::<u64>().unwrap_or(0);
        assert_eq!(row["counted"], "yes", "{row:?}");
        let sum: u64 = stages.iter().map(|stage| us(&format!("{stage}_us"))).sum();
        assert_eq!(sum, us("total_us"), "{row:?}");
        assert_eq!(us(last) - us("due"), us("total_us"), "{row:?}");
    }
}

#[test]
fn every_format_of_the_report_counts_the_same_frames() {
    let kafka = kafka();
    let (topic, out) = (kafka.topic("figure"), folder());
    let path = |name: &str| out.path().join(name);
    let forms = |program: &str| -> Vec<String> {
        ["csv", "hlog", "html", "svg", "png", "hgrm"]
            .iter()
            .flat_map(|form| ["--report".to_owned(), path(&format!("{program}.{form}")).display().to_string()])
            .collect()
    };
    let viewer = ["--headless", "--every-frame", "-e", "--histogram"];
    let viewer = Program::vidcons().on(kafka, &topic).args(viewer).arg(path("by-name")).args(forms("viewer"));
    let viewer = viewer.start_before_topic();
    let card = ["test", "--size", "320x180", "--fps", "30", "--duration", "2", "--source", "card", "--every-frame"];
    let producer = Program::vidprod().args(card).on(kafka, &topic).args(forms("producer")).run().ok();
    let viewer = viewer.wait().ok();
    // 60 frames, unless the machine was so busy that the card skipped some.
    let shown = producer.report().number("frames.captured");
    assert!(shown > 0, "{}", producer.story());
    for (program, report, last) in
        [("producer", producer.report(), "published"), ("viewer", viewer.report(), "decoded")]
    {
        let rows = rows(&path(&format!("{program}.csv")));
        assert_rows_tile(&rows, last);
        let frames: Vec<String> = rows.iter().map(|row| row["frame"].clone()).collect();
        assert_eq!(frames, (0..shown).map(|n| n.to_string()).collect::<Vec<_>>(), "{program}");
        assert_eq!(report.number("latency_us.total.count"), shown);
        assert_eq!(report.number("counts.untiled"), 0);
        let largest = rows.iter().filter_map(|row| row["total_us"].parse::<u64>().ok()).max().unwrap_or(0);
        // A histogram keeps three digits.
        assert!(report.number("latency_us.total.max").abs_diff(largest) <= largest / 500 + 1);

        let log = read(&path(&format!("{program}.hlog")));
        assert!(log.starts_with('#') && log.contains("#[Histogram log format version 1.3]"), "{log}");
        for tag in ["capture", "encode", "publish"] {
            assert!(log.contains(&format!("\nTag={tag},")), "{log}");
        }
        let page = read(&path(&format!("{program}.html")));
        assert!(page.contains("<svg") && page.contains("card") && page.ends_with("</html>\n"), "{page}");
        assert!(!page.contains("src=") && !page.contains("href"), "it needs something from elsewhere: {page}");
        assert!(read(&path(&format!("{program}.svg"))).starts_with("<svg"));
        assert!(std::fs::read(path(&format!("{program}.png"))).unwrap().starts_with(b"\x89PNG"));
        assert!(read(&path(&format!("{program}.hgrm"))).contains(&format!("Total count    = {shown:12}")));
        assert!(read(&path(&format!("{program}.encode.hgrm"))).contains("Percentile"));
    }
    assert_eq!(rows(&path("producer.csv"))[0]["source"], "card");
    assert!(rows(&path("producer.csv")).iter().all(|row| row["acknowledge_us"].parse::<u64>().is_ok()));
    assert_eq!(read(&path("by-name")), read(&path("viewer.hgrm")), "--histogram takes any name");
}

#[test]
fn a_disk_that_is_full_costs_the_report_and_not_the_view() {
    let kafka = kafka();
    let (topic, out) = (kafka.topic("full"), folder());
    let full = out.path().join("frames.csv");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let card = ["test", "--size", "320x180", "--fps", "30", "--duration", "3", "--every-frame"];
    let viewer = ["--headless", "--every-frame", "-e"];
    let viewer = Program::vidcons().on(kafka, &topic).args(viewer).arg("--report").arg(&full).start_before_topic();
    let producer = Program::vidprod().args(card).on(kafka, &topic).run().ok();
    let viewer = viewer.wait();
    viewer.assert_fails(1, "frames.csv");
    assert_eq!(viewer.stderr.matches("that report ends here").count(), 1, "{}", viewer.story());
    let (shown, captured) = (viewer.report().number("frames.shown"), producer.report().number("frames.captured"));
    assert_eq!(shown, captured, "{}", viewer.story());
}

#[test]
fn a_killed_program_leaves_what_it_had_written() {
    let kafka = kafka();
    let (topic, out) = (kafka.topic("killed"), folder());
    let (csv, log) = (out.path().join("frames.csv"), out.path().join("seconds.hlog"));
    let card = ["test", "--size", "320x180", "--fps", "30"];
    let producer = Program::vidprod().args(card).on(kafka, &topic);
    let mut producer = producer.arg("--report").arg(&csv).arg("--report").arg(&log).start();
    let written = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    producer.until("two seconds are written", |_| (written(&csv) > 40 && written(&log) > 10).then_some(()));
    producer.signal(testkit::Signal::KILL);
    producer.wait();
    assert_rows_tile(&rows(&csv), "published");
    assert!(read(&log).ends_with('\n'));
}
