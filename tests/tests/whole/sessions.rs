//! Producers that overlap, vanish, restart or started long ago: the picture is right, and the counts balance.

use common::draw::Bar;
use testkit::media::{folder, jpegs, small_clip};
use testkit::program::RunningProgram;
use testkit::{KafkaServer, Program, Signal, kafka, need};

fn card(kafka: &KafkaServer, topic: &str, more: &[&str]) -> RunningProgram {
    let args = ["test", "--size", "320x180", "--fps", "25", "--source", "cam"];
    Program::vidprod().args(args).args(more).on(kafka, topic).start()
}

/// The numbers drawn into the pictures of an MJPEG stream.
fn numbers(stream: &[u8]) -> Vec<u32> {
    let number = |jpeg: &[u8]| {
        let luma = image::load_from_memory(jpeg).unwrap().to_luma8();
        let (width, height) = (luma.width() as usize, luma.height() as usize);
        Bar::read(width, height, |x, y| luma.get_pixel(x as u32, y as u32).0[0]).expect("a readable bar").number
    };
    jpegs(stream).into_iter().map(number).collect()
}

#[test]
fn of_two_live_producers_with_one_name_the_later_is_shown_and_the_other_counted() {
    let kafka = kafka();
    let (topic, out) = (kafka.topic("same-name"), folder());
    let file = out.path().join("shown.mjpeg");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "--print", "--output"]);
    let mut viewer = viewer.arg(&file).start();
    let first = card(kafka, &topic, &[]);
    viewer.until_stdout("the first producer's frames", |out| out.lines().count() >= 25);
    // The second producer counts from a million on, so that its frames can be recognised.
    let args = ["test:1000000+1", "--size", "320x180", "--fps", "25", "--source", "cam"];
    let second = Program::vidprod().args(args).on(kafka, &topic).start();
    let of_second = |line: &str| line.trim_start_matches("cam: ").parse::<u32>().is_ok_and(|n| n >= 1_000_000);
    viewer.until_stdout("the second producer's frames", |out| out.lines().filter(|l| of_second(l)).count() >= 50);
    viewer.until_stderr("--source");
    second.interrupt().ok().report();
    first.interrupt().ok().report();
    let viewer = viewer.interrupt().ok();
    let report = viewer.report();
    assert!(report.number("frames.lost.unselected") >= 25, "{}", viewer.story());

    let shown = numbers(&std::fs::read(&file).unwrap());
    assert_eq!(shown.len() as u64, report.number("frames.shown"));
    let begin = shown.iter().position(|n| *n >= 1_000_000).expect("the later one is shown");
    let end = shown.iter().rposition(|n| *n >= 1_000_000).unwrap();
    assert!(shown[begin..=end].iter().all(|n| *n >= 1_000_000), "the view does not flicker between them: {shown:?}");
    assert!(end - begin >= 49, "each of its frames is shown: {shown:?}");
}

#[test]
fn a_topic_that_is_deleted_and_made_again_is_read_from_its_first_record() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("again"), folder());
    let clip = small_clip(clips.path(), 50);
    let mut viewer =
        Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "--print"]).start_before_topic();
    let play = || Program::vidprod().arg(&clip).args(["--source", "cam"]).on(kafka, &topic).run().ok();
    let times = |out: &str| out.lines().filter(|line| *line == "cam: 49").count();
    play();
    viewer.until_stdout("the whole clip", |out| times(out) == 1);
    kafka.delete_topic(&topic);
    play();
    viewer.until_stdout("the whole clip once more", |out| times(out) == 2);
    let viewer = viewer.interrupt().ok();
    assert_eq!(viewer.lines(), (0..50).chain(0..50).map(|n| format!("cam: {n}")).collect::<Vec<_>>());
    assert_eq!(viewer.report().number("frames.shown"), 100, "{}", viewer.story());
}

#[test]
fn a_session_without_an_end_balances() {
    let kafka = kafka();
    let topic = kafka.topic("no-end");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start();
    let producer = card(kafka, &topic, &[]);
    viewer.until_stdout("frames", |out| out.lines().count() >= 25);
    producer.signal(Signal::KILL);
    producer.wait();
    // The newest frame is always shown.
    let last = kafka.records(&topic).pop().and_then(|record| record.header("number")).expect("a frame of ours");
    viewer.until_stdout("the last frame", |out| out.lines().any(|line| line == format!("cam: {last}")));
    let viewer = viewer.interrupt().ok();
    let report = viewer.report();
    assert!(report.number("frames.shown") > 0);
    assert_eq!(report.number("frames.lost.lost") + report.number("frames.lost.torn"), 0, "{}", viewer.story());
}

#[test]
fn a_session_joined_in_its_middle_is_counted_from_there() {
    let kafka = kafka();
    let topic = kafka.topic("middle");
    let producer = card(kafka, &topic, &[]);
    testkit::until("frames in the topic", || {
        (kafka.topics().contains(&topic) && kafka.records(&topic).len() >= 50).then_some(())
    });
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print", "-e"]).start();
    viewer.until_stdout("frames", |out| out.lines().count() >= 25);
    let producer = producer.interrupt().ok().report();
    let viewer = viewer.wait().ok();
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
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("old-end"), folder());
    let clip = small_clip(clips.path(), 25);
    Program::vidprod().arg(&clip).args(["--speed", "max", "--source", "one"]).on(kafka, &topic).run().ok();
    let mut viewer =
        Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "--print", "-e"]).start();
    viewer.until_stderr("one ended");
    Program::vidprod().arg(&clip).args(["--source", "two"]).on(kafka, &topic).run().ok();
    let viewer = viewer.wait().ok();
    assert_eq!(viewer.report().source("two").number("frames.shown"), 25, "{}", viewer.story());
}
