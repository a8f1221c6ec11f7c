//! `vidcons --list` shows every source in a topic, whatever was published after it.

use testkit::media::{folder, small_clip};
use testkit::{Program, kafka, need};

#[test]
fn sources_that_ended_long_before_the_last_one_are_listed() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("sources"), folder());
    let clip = small_clip(clips.path(), 50);
    for source in ["first", "second"] {
        // Each source has more records than the list reads at a topic's end.
        let args = ["--loop", "6", "--speed", "max", "--source", source];
        Program::vidprod().arg(&clip).args(args).on(kafka, &topic).run().ok();
    }
    let args = ["test", "--size", "320x180", "--fps", "60", "--source", "live"];
    let live = Program::vidprod().args(args).on(kafka, &topic).start();
    Program::vidcons().args(["--headless", "--source", "live", "-c", "120"]).on(kafka, &topic).run().ok();
    let listed = Program::vidcons().args(["--list", "-b", &kafka.bootstrap(), "-t", &topic]).run().ok().text();
    live.interrupt().ok();
    let line = |source: &str| {
        let found = listed.lines().find(|line| line.starts_with(&format!("  {source}  ")));
        found.unwrap_or_else(|| panic!("{source} is not listed\n{listed}"))
    };
    assert!(line("first").ends_with(" ago, ended") && line("first").contains("320x240"), "{listed}");
    assert!(line("second").ends_with(" ago, ended"), "{listed}");
    assert!(line("live").ends_with(" ago"), "{listed}");
    assert!(listed.starts_with(&format!("{topic}  1 partition\n")), "{listed}");
}
