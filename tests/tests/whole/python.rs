//! docs/python.md and README's loop: every script there runs, and has the result that the page describes.

use std::path::PathBuf;

use testkit::media::{decode, jpegs};
use testkit::{FinishedProgram, KafkaServer, Program, RunningProgram, kafka, python, root, target};

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn sample(python: &PathBuf, name: &str, kafka: &KafkaServer, topics: &[&str]) -> Program {
    let script = root().join("samples").join(name);
    Program::at(python).arg("-B").arg(script).arg(kafka.bootstrap()).args(topics)
}

/// A test card that runs until it is interrupted.
fn camera(kafka: &KafkaServer, topic: &str, more: &[&str]) -> RunningProgram {
    let card = ["test", "--size", "320x240", "--fps", "30", "--source", "cam"];
    Program::vidprod().args(card).args(more).on(kafka, topic).start()
}

/// A viewer of a topic that is not there yet, which ends with the session.
fn viewer(kafka: &KafkaServer, topic: &str) -> RunningProgram {
    Program::vidcons().on(kafka, topic).args(["--headless", "--every-frame", "--print", "-e"]).start_before_topic()
}

fn until_lines(running: &mut RunningProgram, lines: usize) {
    running.until_stdout(&format!("{lines} lines"), |out| out.lines().count() >= lines);
}

#[test]
fn the_pages_show_the_samples_as_they_are() {
    let mut shown = Vec::new();
    for page in ["docs/python.md", "docs/wire.md"].map(page) {
        let before = shown.len();
        for after in page.split("<!-- samples/").skip(1) {
            let (name, after) = after.split_once(" -->\n```python\n").expect("a script follows its name");
            let (script, _) = after.split_once("```\n").expect("a script ends");
            assert_eq!(script, self::page(&format!("samples/{name}")), "{name}");
            shown.push(name.to_owned());
        }
        assert_eq!(page.matches("```python").count(), shown.len() - before, "every script is a sample");
    }
    shown.sort_unstable();
    assert_eq!(shown, ["boxes.py", "camera.py", "edges.py", "frames.py", "publish.py", "read.py"]);
}

/// Checks that `read.py` reads the frames that a camera publishes with these options.
fn check_read(stem: &str, options: &[&str]) {
    let (kafka, python) = (kafka(), python());
    let topic = kafka.topic(stem);
    let mut reader = sample(&python, "read.py", kafka, &[&topic]).start();
    let camera = camera(kafka, &topic, options);
    until_lines(&mut reader, 20);
    camera.interrupt().ok();
    let lines = reader.interrupt().ok().lines();
    let numbers = lines.iter().map(|line| {
        let (number, rest) = line.strip_prefix("cam ").unwrap().split_once(": ").unwrap();
        assert!(rest.starts_with("320x240, mean "), "{line}");
        let (_, age) = rest.rsplit_once(", ").unwrap();
        assert!(age.strip_suffix(" ms").is_some_and(|age| age.parse::<f64>().is_ok()), "{line}");
        number.parse::<u64>().unwrap()
    });
    assert!(numbers.is_sorted_by(|a, b| a < b), "each frame is newer than the one before: {lines:?}");
}

#[test]
fn the_newest_frames_are_read_in_python() {
    check_read("read", &[]);
}

#[test]
fn frames_in_parts_are_read_in_python() {
    check_read("read-parts", &["--max-message-bytes", "5000"]);
}

#[test]
fn pictures_that_python_publishes_are_shown() {
    let (kafka, python) = (kafka(), python());
    let topic = kafka.topic("publish");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-c", "100"]);
    let viewer = viewer.args(["--format", "%s %wx%e\\n"]).start_before_topic();
    sample(&python, "publish.py", kafka, &[&topic]).run().ok();
    let viewer = viewer.wait().ok();
    assert_eq!(viewer.report().number("counts.foreign"), 100, "{}", viewer.story());
    assert!(viewer.lines().iter().all(|line| line == "python 640x360"), "{}", viewer.story());
}

#[test]
fn a_producer_in_python_is_accounted_for_like_vidprod() {
    let (kafka, python) = (kafka(), python());
    let topic = kafka.topic("camera");
    let viewer = viewer(kafka, &topic);
    sample(&python, "camera.py", kafka, &[&topic]).run().ok();
    let viewer = viewer.wait().ok();
    let report = viewer.report();
    report.assert_stages_tile();
    assert_eq!(report.source("mine").number("frames.shown"), 100, "{}", viewer.story());
    assert_eq!((report.number("counts.rejected"), report.number("frames.lost.lost")), (0, 0), "{}", viewer.story());
    assert!(report.0["latency_us"]["clock"].as_str().unwrap().contains("same host"), "{}", viewer.story());
}

/// Checks that republished frames have the detector's pictures and that none is lost. The detector is slow, so it skips
/// frames.
fn check_detector(stem: &str, options: &[&str]) -> (FinishedProgram, FinishedProgram) {
    let (kafka, python) = (kafka(), python());
    let (from, to) = (kafka.topic(stem), kafka.topic(&format!("{stem}-boxes")));
    let slow = root().join("samples");
    let folder = testkit::media::folder();
    let detect = "def detect(picture, before):\n";
    let script = page("samples/boxes.py").replace(detect, &format!("{detect}    import time; time.sleep(0.15)\n"));
    let script = testkit::kafka::write(folder.path(), "boxes.py", script.as_bytes());
    let detector = Program::at(python).env("PYTHONPATH", slow).arg("-B").arg(script);
    let detector = detector.arg(kafka.bootstrap()).args([&from, &to]).start();
    let mut viewer = viewer(kafka, &to);
    let camera = camera(kafka, &from, options);
    until_lines(&mut viewer, 10);
    let camera = camera.interrupt().ok();
    let viewer = viewer.wait().ok();
    detector.interrupt().ok();

    let records = kafka.records(&to);
    let number =
        |record: &testkit::kafka::RawRecord, name: &str| record.header(name).map_or(0, |n| n.parse::<u64>().unwrap());
    let (first, last) = (records.first().unwrap(), records.last().unwrap());
    assert!(last.header("end").is_some(), "the end of the session comes through");
    // If the last frame was published in parts, the end record has no picture.
    let mut pictures = records.iter().filter(|record| !record.value.is_empty());
    assert!(pictures.all(|record| decode(&record.value).dimensions() == (320, 240)));
    let (made, seen) = (camera.report(), viewer.report());
    let (lost, skipped) = (seen.number("frames.lost.lost"), seen.number("counts.skipped"));
    assert_eq!((lost, seen.number("counts.rejected")), (0, 0), "{}", viewer.story());
    assert_eq!(skipped, number(last, "skipped") - number(first, "skipped"));
    assert!(skipped > 0, "it is slower than the camera");
    let captured = made.number("frames.captured") - number(first, "frame");
    let dropped = made.lost() - number(first, "dropped");
    assert_eq!(seen.number("frames.expected") + skipped + dropped, captured, "{}", viewer.story());
    (camera, viewer)
}

#[test]
fn frames_that_a_detector_skips_are_not_lost() {
    let (_, viewer) = check_detector("detector", &[]);
    assert!(viewer.stderr.contains("skipped on purpose"), "{}", viewer.story());
}

#[test]
fn a_detector_joins_parts_and_publishes_whole_frames() {
    check_detector("detector-parts", &["--max-message-bytes", "5000"]);
}

#[test]
fn pictures_go_through_a_pipe_and_a_script() {
    let (kafka, python) = (kafka(), python());
    let (from, to) = (kafka.topic("pipe-cam"), kafka.topic("pipe-edges"));
    let page = page("docs/python.md");
    let line = page.lines().find(|line| line.contains("| python samples/edges.py |")).expect("the page has the pipe");
    let script = format!("{} {}", python.display(), root().join("samples/edges.py").display());
    // With `-e` the pipe ends with the camera's session.
    let line = line.replace("-t cam", &format!("-e -t {from}")).replace("-t edges", &format!("-t {to}"));
    let line = line.replace("python samples/edges.py", &script);
    let path = format!("{}:{}", target().display(), std::env::var("PATH").unwrap_or_default());
    let mut viewer = viewer(kafka, &to);
    let pipe = Program::at("sh").args(["-c", &line]).env("KAFKA_BROKERS", kafka.bootstrap()).env("PATH", path).start();
    let camera = camera(kafka, &from, &[]);
    until_lines(&mut viewer, 10);
    camera.interrupt().ok();
    pipe.wait().ok();
    let viewer = viewer.wait().ok();
    assert_eq!(viewer.report().number("frames.lost.lost"), 0, "{}", viewer.story());
    for record in kafka.records(&to) {
        let picture = decode(&record.value);
        assert_eq!(picture.dimensions(), (320, 240));
        assert!(picture.pixels().all(|p| p[0].abs_diff(p[1]) < 8 && p[1].abs_diff(p[2]) < 8), "edges are grey");
    }
}

#[test]
fn the_script_in_the_pipe_writes_each_picture_as_soon_as_it_has_come() {
    use std::io::Write;
    let (kafka, python) = (kafka(), python());
    let topic = kafka.topic("pictures");
    Program::vidprod().args(["test", "--size", "320x240", "--duration", "1"]).on(kafka, &topic).run().ok();
    let pictures = kafka.records(&topic);
    let script = root().join("samples/edges.py");
    let mut script = Program::at(python).arg(script).stdin(std::process::Stdio::piped()).start();
    let mut input = script.input();
    for (n, picture) in pictures.iter().take(3).enumerate() {
        // Each picture is written in two pieces, as it may arrive through a pipe.
        let (begin, end) = picture.value.split_at(picture.value.len() - 1);
        [begin, end].iter().for_each(|piece| input.write_all(piece).and_then(|()| input.flush()).unwrap());
        script.until("an answer", |me| {
            (me.stdout_bytes().ends_with(&[0xff, 0xd9]) && jpegs(&me.stdout_bytes()).len() == n + 1).then_some(())
        });
    }
    drop(input);
    script.wait().ok();
}

#[test]
fn the_loop_in_the_readme_reads_frames() {
    let (kafka, python) = (kafka(), python());
    let readme = page("README.md");
    let (_, loop_) =
        readme.split_once("```python\nfrom confluent_kafka import Consumer\n").expect("README has the loop");
    let topic = kafka.topic("readme-loop");
    kafka.create_topic(&topic, 1, &[]);
    let (body, _) = loop_.split_once("```").expect("it ends");
    let body = body.replace("localhost:9092", &kafka.bootstrap()).replace("\"video\"", &format!("{topic:?}"));
    let folder = testkit::media::folder();
    let script = format!("from confluent_kafka import Consumer\n{body}");
    let script = testkit::kafka::write(folder.path(), "loop.py", script.as_bytes());
    let camera = camera(kafka, &topic, &[]);
    let mut reader = Program::at(python).arg(script).start();
    until_lines(&mut reader, 5);
    camera.interrupt().ok();
    assert!(
        reader.stdout().lines().all(|line| line.split(' ').all(|n| n.parse::<u64>().is_ok())),
        "{}",
        reader.stdout()
    );
}
