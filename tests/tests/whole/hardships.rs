//! Regression tests for faults found earlier.

use testkit::media::{folder, small_clip};
use testkit::{FinishedProgram, KafkaServer, Program, Xvfb, kafka, need, target};

/// Plays a small clip to this topic, with more options.
fn play(kafka: &KafkaServer, topic: &str, frames: u32, more: &[&str]) -> FinishedProgram {
    let clips = folder();
    let clip = small_clip(clips.path(), frames);
    Program::vidprod().arg(clip).args(["--speed", "max", "--source", "clip"]).args(more).on(kafka, topic).run()
}

/// Runs a program with its output redirected by a shell line, in which `$0` is the program.
fn redirected(kafka: &KafkaServer, topic: &str, program: &str, line: &str) -> Program {
    Program::at("sh").args(["-c", line]).arg(target().join(program)).on(kafka, topic)
}

#[test]
fn standard_error_that_cannot_be_written_stops_nothing() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("deaf"), folder());
    let clip = small_clip(clips.path(), 30);
    let line = format!("exec \"$0\" {} --speed max \"$@\" 2>/dev/full", clip.display());
    let report = redirected(kafka, &topic, "vidprod", &line).run().ok().report();
    assert_eq!(report.number("frames.acknowledged"), 30);
    let line = "exec \"$0\" --headless -o beginning -e \"$@\" 2>/dev/full";
    let report = redirected(kafka, &topic, "vidcons", line).run().ok().report();
    assert_eq!(report.number("frames.shown"), 30);
}

#[test]
fn lines_that_cannot_be_printed_are_an_error() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("full-disk");
    play(kafka, &topic, 10, &[]).ok();
    let line = "exec \"$0\" --headless --print -o beginning -e \"$@\" >/dev/full";
    redirected(kafka, &topic, "vidcons", line).run().assert_fails(1, "--print");
}

#[test]
fn a_full_queue_of_the_client_delays_frames_and_loses_none() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("small-queue");
    let more = ["-X", "queue.buffering.max.messages=3", "--max-message-bytes", "4000"];
    let report = play(kafka, &topic, 40, &more).ok().report();
    assert_eq!(report.number("frames.acknowledged"), 40);
    assert!(report.number("counts.records") > 80, "frames are split");
}

#[test]
fn the_clients_own_limit_bounds_the_parts() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("client-limit");
    let report = play(kafka, &topic, 20, &["-X", "message.max.bytes=5000"]).ok().report();
    assert_eq!(report.number("frames.acknowledged"), 20);
    assert!(kafka.records(&topic).iter().all(|record| record.value.len() < 5000));
}

#[test]
fn a_list_of_one_topic_names_that_topic_only() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, other) = (kafka.topic("listed"), kafka.topic("unlisted"));
    play(kafka, &topic, 5, &[]).ok();
    play(kafka, &other, 5, &[]).ok();
    let list = |topic: &str| Program::vidcons().args(["--list", "-b", &kafka.bootstrap(), "-t", topic]).run();
    let text = list(&topic).ok().text();
    assert!(text.starts_with(&topic) && text.contains("clip") && !text.contains(&other), "{text}");
    list("nowhere").assert_fails(1, "nowhere");
}

#[test]
fn an_end_that_was_there_before_does_not_end_a_live_viewer_also_where_frames_are_split() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("ended-before");
    let split = ["--max-message-bytes", "4000"];
    play(kafka, &topic, 5, &split).ok();
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-e"]).start();
    viewer.until_stderr("ended");
    play(kafka, &topic, 30, &split).ok();
    let report = viewer.wait().ok().report();
    // The old session's last picture, and all of the new session; only the latter were measured.
    assert_eq!(report.number("frames.shown"), 31);
    assert_eq!(report.number("latency_us.total.count"), 30);
}

#[test]
fn an_output_is_not_touched_before_there_is_something_to_write() {
    let kafka = kafka();
    let (topic, out) = (kafka.topic("never"), folder());
    let (kept, new) = (out.path().join("kept.mjpeg"), out.path().join("new.png"));
    std::fs::write(&kept, "precious").unwrap();
    let args = ["--headless", "--timeout", "5", "--output"];
    let viewer = Program::vidcons().on(kafka, &topic).args(args).arg(&kept).arg("--snapshot").arg(&new).run();
    viewer.assert_fails(1, &topic);
    assert_eq!(std::fs::read(&kept).unwrap(), b"precious");
    assert!(!new.exists());
}

#[test]
fn logs_can_be_json_and_the_distribution_a_file() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, out) = (kafka.topic("forms"), folder());
    let producer = play(kafka, &topic, 10, &["--log-format", "json"]).ok();
    let lines: Vec<serde_json::Value> =
        producer.stderr.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.last().unwrap()["report"]["frames"]["acknowledged"], 10);

    let total = out.path().join("total.hgrm");
    let args = ["--headless", "-o", "beginning", "-e", "--histogram"];
    Program::vidcons().on(kafka, &topic).args(args).arg(&total).run().ok();
    for file in [total, out.path().join("total.decode.hgrm")] {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.trim_start().starts_with("Value") && text.contains("Total count    =           10"), "{text}");
    }
}

#[test]
fn q_ends_a_paused_replay() {
    need(&["ffmpeg", "Xvfb", "import", "xdotool"]);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("paused-replay"));
    play(kafka, &topic, 100, &[]).ok();
    let args = ["-o", "beginning", "--position", "0,0", "--borderless", "--title", "Replay"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    viewer.until("a picture", |_| screen.part(0, 0, 64, 36).pixels().any(|p| p.0 != [0; 3]).then_some(()));
    screen.xdotool(&["mousemove", "20", "20", "key", "space"]);
    screen.xdotool(&["key", "q"]);
    viewer.wait().ok().report();
}
