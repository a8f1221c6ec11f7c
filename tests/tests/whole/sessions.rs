//! Runs of producers that overlap, vanish, begin again or were begun long ago: the picture is right and the books balance.

use std::time::Duration;

use whole::media::{folder, small_clip};
use whole::program::Running;
use whole::{KafkaServer, Program, Signal, kafka, need};

fn card(kafka: &KafkaServer, topic: &str, more: &[&str]) -> Running {
    let args = ["test", "--size", "320x180", "--fps", "25", "--source", "cam"];
    Program::vidprod().args(args).args(more).on(kafka, topic).start()
}

#[test]
fn of_two_live_producers_with_one_name_the_later_is_shown_and_the_other_counted() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("same-name");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start();
    let first = card(kafka, &topic, &[]);
    viewer.until_stdout("the first producer's frames", |out| out.lines().count() >= 25);
    // The second one numbers its frames from a million on, so one can tell whose they are.
    let args = ["test:1000000+1", "--size", "320x180", "--fps", "25", "--source", "cam"];
    let second = Program::vidprod().args(args).on(kafka, &topic).start();
    let of_second = |line: &str| line.trim_start_matches("cam: ").parse::<u32>().is_ok_and(|n| n >= 1_000_000);
    viewer.until_stdout("the second producer's frames", |out| out.lines().filter(|l| of_second(l)).count() >= 50);
    viewer.until_stderr("--source");
    let lines = viewer.stdout();
    let shown: Vec<_> = lines.lines().skip_while(|line| !of_second(line)).collect();
    assert!(shown.iter().all(|line| of_second(line)), "the view does not flicker between the two: {shown:?}");
    first.interrupt().ok().report();
    second.interrupt().ok().report();
    let viewer = viewer.interrupt().ok();
    assert!(viewer.report().number("frames.lost.unselected") >= 25, "{}", viewer.story());
}

#[test]
fn a_topic_that_is_deleted_and_made_again_is_read_from_its_first_record() {
    let Some(kafka) = kafka() else { return };
    if !need(&["ffmpeg"]) {
        return;
    }
    let (topic, clips) = (kafka.topic("again"), folder());
    let clip = small_clip(clips.path(), 50);
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "--print"]).start();
    Program::vidprod().arg(&clip).args(["--source", "before"]).on(kafka, &topic).run().ok();
    viewer.until_stdout("before: 49", |out| out.lines().any(|line| line == "before: 49"));
    kafka.delete_topic(&topic);
    Program::vidprod().arg(&clip).args(["--source", "after"]).on(kafka, &topic).run().ok();
    viewer.until_stdout("after: 49", |out| out.lines().any(|line| line == "after: 49"));
    let report = viewer.interrupt().ok().report();
    assert_eq!(report.source("before").number("frames.shown"), 50);
    assert_eq!(report.source("after").number("frames.shown"), 50);
}

#[test]
fn a_session_without_an_end_balances() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("no-end");
    let mut viewer =
        Program::vidcons().on(kafka, &topic).args(["--headless", "--print", "--idle-timeout", "3"]).start();
    let producer = card(kafka, &topic, &[]);
    viewer.until_stdout("frames", |out| out.lines().count() >= 25);
    producer.signal(Signal::KILL);
    producer.wait();
    let viewer = viewer.wait().ok();
    let report = viewer.report();
    assert!(report.number("frames.shown") >= 25);
    assert_eq!(report.number("frames.lost.lost") + report.number("frames.lost.torn"), 0, "{}", viewer.story());
}

#[test]
fn a_session_joined_in_its_middle_is_counted_from_there() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("middle");
    let producer = card(kafka, &topic, &["--duration", "8"]);
    whole::until("frames in the topic", || {
        (kafka.topics().contains(&topic) && kafka.records(&topic).len() >= 50).then_some(())
    });
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print", "-e"]).run().ok();
    let producer = producer.wait().ok().report();
    let report = viewer.report();
    assert!(report.number("frames.expected") < producer.number("frames.captured") - 40, "{}", viewer.story());
    assert!(report.number("frames.shown") > 0);
    let lines = viewer.lines();
    let first: u64 = lines[0].strip_prefix("cam: ").unwrap().parse().unwrap();
    assert!(first >= 45, "it began at frame {first}, not at the newest");
    assert_eq!(report.number("frames.lost.lost"), 0, "what was before it joined is not lost\n{}", viewer.story());
}

#[test]
fn an_end_that_was_there_before_does_not_end_a_live_viewer() {
    let Some(kafka) = kafka() else { return };
    if !need(&["ffmpeg"]) {
        return;
    }
    let (topic, clips) = (kafka.topic("old-end"), folder());
    let clip = small_clip(clips.path(), 25);
    Program::vidprod().arg(&clip).args(["--speed", "max", "--source", "one"]).on(kafka, &topic).run().ok();
    let mut viewer =
        Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "--print", "-e"]).start();
    std::thread::sleep(Duration::from_secs(3));
    assert!(viewer.is_running(), "{}", viewer.stderr());
    Program::vidprod().arg(&clip).args(["--source", "two"]).on(kafka, &topic).run().ok();
    let viewer = viewer.wait().ok();
    assert_eq!(viewer.report().source("two").number("frames.shown"), 25, "{}", viewer.story());
}
