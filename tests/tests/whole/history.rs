//! Start and end positions in recorded streams, and listing topics.

use testkit::media::{folder, jpegs, small_clip};
use testkit::{KafkaServer, Program, kafka, need};

/// Records fifty frames of a clip called `talk` in a topic.
fn record(kafka: &KafkaServer, stem: &str) -> String {
    let (topic, clips) = (kafka.topic(stem), folder());
    let clip = small_clip(clips.path(), 50);
    Program::vidprod().arg(clip).args(["--source", "talk"]).on(kafka, &topic).run().ok();
    topic
}

/// The numbers that are printed with these options.
#[track_caller]
fn printed(kafka: &KafkaServer, topic: &str, args: &[&str]) -> Vec<u32> {
    let viewer =
        Program::vidcons().on(kafka, topic).args(["--headless", "--every-frame", "--print"]).args(args).run().ok();
    viewer.report();
    let lines = viewer.lines();
    lines.iter().map(|line| line.strip_prefix("talk: ").unwrap().parse().unwrap()).collect()
}

#[test]
fn a_recording_is_read_from_the_requested_start() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = record(kafka, "offsets");
    let range = |from, to| (from..to).collect::<Vec<u32>>();
    assert_eq!(printed(kafka, &topic, &["-o", "beginning", "-e"]), range(0, 50));
    assert_eq!(printed(kafka, &topic, &["--from-beginning", "-e"]), range(0, 50));
    assert_eq!(printed(kafka, &topic, &["-o", "beginning", "-c", "10"]), range(0, 10));
    assert_eq!(printed(kafka, &topic, &["-o", "20", "-e"]), range(20, 50));
    assert_eq!(printed(kafka, &topic, &["-o", "20", "-c", "5"]), range(20, 25));
    // The last record is the end of the session, so the last eleven records contain ten frames.
    assert_eq!(printed(kafka, &topic, &["-o", "-11", "-e"]), range(40, 50));
    let records = kafka.records(&topic);
    let at = format!("s@{}", records[30].timestamp_ms);
    let first = records.iter().position(|r| r.timestamp_ms >= records[30].timestamp_ms).unwrap();
    assert_eq!(printed(kafka, &topic, &["-o", &at, "-e"]), range(u32::try_from(first).unwrap(), 50));
}

#[test]
fn a_time_without_a_zone_is_local() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = record(kafka, "times");
    let from = |time: &str| {
        let viewer = Program::vidcons().on(kafka, &topic).env("TZ", "XST-3").args(["--headless", "-e", "-o", time]);
        viewer.run().ok()
    };
    let check = |time: &str, moment: &str| {
        let viewer = from(time);
        assert!(viewer.stderr.contains(&format!("reading from {moment}")), "{}", viewer.story());
        assert_eq!(viewer.report().number("frames.shown"), 50, "{time}");
    };
    check("s@2026-01-31", "2026-01-31 00:00:00 +03:00");
    check("s@2026-01-31 12:00", "2026-01-31 12:00:00 +03:00");
    check("s@2026-01-31T12:00:00Z", "2026-01-31 15:00:00 +03:00");
    check("s@2026-01-31T12:00+02:00", "2026-01-31 13:00:00 +03:00");
    check("s@-1h", "");
    let to_come = from("s@2999-01-01");
    assert!(to_come.stderr.contains("is in the future"), "{}", to_come.story());
    assert_eq!(to_come.report().number("frames.shown"), 0);
}

#[test]
fn an_idle_viewer_ends_after_the_idle_timeout() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = record(kafka, "idle");
    assert_eq!(printed(kafka, &topic, &["-o", "beginning", "--idle-timeout", "6"]).len(), 50);
}

#[test]
fn the_recording_comes_out_as_a_stream_that_others_play() {
    need(&["ffmpeg", "ffprobe"]);
    let kafka = kafka();
    let (topic, out) = (record(kafka, "output"), folder());
    let file = out.path().join("out.mjpeg");
    let args = ["--headless", "--every-frame", "-o", "beginning", "-e", "--output"];
    let piped = Program::vidcons().on(kafka, &topic).args(args).arg("-").run().ok().stdout;
    Program::vidcons().on(kafka, &topic).args(args).arg(&file).run().ok();
    assert_eq!(piped, std::fs::read(&file).unwrap(), "a file and standard output get the same");
    assert_eq!(jpegs(&piped).len(), 50);
    let probe = ["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0"];
    assert_eq!(Program::at("ffprobe").args(probe).arg(&file).run().ok().text().trim(), "mjpeg,50");
}

#[test]
fn topics_and_sources_are_listed() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = record(kafka, "listed");
    let list =
        |more: &[&str]| Program::vidcons().args(["--list", "-b", &kafka.bootstrap()]).args(more).run().ok().text();
    let all = list(&[]);
    assert!(all.contains(&topic), "{all}");
    let one = list(&["-t", &topic]);
    assert!(one.contains(&topic) && one.contains("talk") && one.contains("320x240"), "{one}");
    let args = ["--list", "-b", &kafka.bootstrap(), "-t", &topic, "-o", "s@-10m"];
    let listed = Program::vidcons().args(args).run();
    assert!(!listed.stderr.contains("reading from"), "a list is not of what -o names\n{}", listed.story());
}

#[test]
fn a_start_time_is_a_field_that_programs_can_read() {
    let kafka = kafka();
    let topic = kafka.topic("field");
    kafka.create_topic(&topic, 1, &[]);
    let args = ["--headless", "-e", "-o", "s@2026-01-31T12:00Z", "--log-format", "json"];
    let viewer = Program::vidcons().on(kafka, &topic).env("TZ", "UTC-3").args(args).run();
    assert!(viewer.stderr.contains(r#""time":"2026-01-31T15:00:00.000+03:00""#), "{}", viewer.story());
}

#[test]
fn a_session_of_one_frame_is_reported_in_the_singular() {
    let kafka = kafka();
    let topic = kafka.topic("singular");
    let args = ["test", "--size", "320x180", "--fps", "10", "--duration", "0.1", "--source", "one"];
    Program::vidprod().args(args).on(kafka, &topic).run().ok();
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "-o", "beginning", "-e"]).run().ok();
    assert!(viewer.stderr.contains("one: session ended: 1 frame, of which"), "{}", viewer.story());
}

#[test]
fn a_viewer_started_after_the_end_reports_it_and_shows_the_last_picture() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, out) = (record(kafka, "after"), folder());
    let png = out.path().join("last.png");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--snapshot"]).arg(&png).start();
    viewer.until_stderr("-o beginning");
    viewer.until("the last picture", |_| png.exists().then_some(()));
    viewer.interrupt().ok().report();
}

#[test]
fn two_users_of_standard_output_are_a_usage_error() {
    for args in
        [["--output", "-", "--print"].as_slice(), &["--output", "-", "--report", "-"], &["--print", "--report", "-"]]
    {
        Program::vidcons().arg("--headless").args(args).run().assert_fails(2, "standard output");
    }
}
