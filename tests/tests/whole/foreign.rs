//! Clients of other projects: they can read our frames, and we show theirs.

use testkit::media::{decode, ffmpeg, folder, small_clip};
use testkit::{Program, kafka, need, python};

#[test]
fn kcat_gets_a_jpeg_and_reads_the_headers() {
    need(&["ffmpeg", "ffprobe", "kcat"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("kcat"), folder());
    let clip = small_clip(clips.path(), 5);
    let producer = Program::vidprod().arg(clip).args(["--speed", "max", "--source", "lobby", "-H", "site=north"]);
    producer.on(kafka, &topic).run().ok();

    let kcat = |format: &[&str]| {
        let args = ["-C", "-q", "-e", "-o", "beginning", "-b", &kafka.bootstrap(), "-t", &topic];
        Program::at("kcat").args(args).args(format).run().ok()
    };
    // As in the README, `> a.jpg`. The empty delimiter is needed because kcat adds a newline by default.
    let first = kcat(&["-c", "1", "-D", ""]).stdout;
    assert_eq!(decode(&first).dimensions(), (320, 240));
    let file = testkit::kafka::write(clips.path(), "a.jpg", &first);
    let probe = Program::at("ffprobe").args([
        "-v",
        "error",
        "-show_entries",
        "stream=codec_name,width,height",
        "-of",
        "csv=p=0",
    ]);
    assert_eq!(probe.arg(file).run().ok().text().trim(), "mjpeg,320,240");

    let headers = kcat(&["-f", "%k|%h\n"]).text();
    assert_eq!(headers.lines().count(), 6, "five frames and the end of the session");
    for line in headers.lines() {
        let (key, headers) = line.split_once('|').unwrap();
        assert_eq!(key, "lobby");
        assert!(headers.contains("image/jpeg") && headers.contains("site=north"), "{line}");
        assert!(headers.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "readable in any console: {line}");
    }
    assert!(headers.lines().last().unwrap().contains("end="), "{headers}");
    // The end of a session is a picture too, so that nothing breaks for a plain consumer.
    assert!(kafka.records(&topic).iter().all(|record| decode(&record.value).dimensions() == (320, 240)));
}

const SCRIPT: &str = "
import sys
from confluent_kafka import Producer
brokers, topic, jpeg = sys.argv[1:]
producer = Producer({'bootstrap.servers': brokers})
picture = open(jpeg, 'rb').read()
for n in range(10):
    producer.produce(topic, picture, key='their-camera')
    producer.produce(topic, b'not a picture at all', key='their-log')
producer.flush()
";

#[test]
fn frames_that_a_ten_line_python_script_publishes_are_shown() {
    let kafka = kafka();
    let python = python();
    need(&["ffmpeg"]);
    let (topic, files) = (kafka.topic("python"), folder());
    kafka.create_topic(&topic, 1, &[]);
    let jpeg = files.path().join("theirs.jpg");
    ffmpeg("-f lavfi -i testsrc2=s=640x360 -frames:v 1 -q:v 3", &jpeg);
    let script = testkit::kafka::write(files.path(), "publish.py", SCRIPT.as_bytes());
    Program::at(python).arg(script).args([&kafka.bootstrap(), &topic]).arg(&jpeg).run().ok();
    let viewer = Program::vidcons().on(kafka, &topic);
    let viewer = viewer.args(["--headless", "--every-frame", "-o", "beginning", "-e", "--print"]).run().ok();
    let report = viewer.report();
    assert_eq!(report.number("counts.foreign"), 10, "{}", viewer.story());
    assert_eq!(report.number("counts.rejected"), 10, "what is no picture is counted");
    assert_eq!(report.number("frames.shown"), 10);
    assert_eq!(report.source("their-camera").number("frames.shown"), 10);
}

#[test]
fn a_python_consumer_of_five_lines_reads_our_frames() {
    let kafka = kafka();
    let python = python();
    need(&["ffmpeg"]);
    let (topic, files) = (kafka.topic("python-reads"), folder());
    let clip = small_clip(files.path(), 5);
    Program::vidprod().arg(clip).args(["--speed", "max"]).on(kafka, &topic).run().ok();
    let script = "
import sys
from confluent_kafka import Consumer
consumer = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'five-lines', 'auto.offset.reset': 'earliest'})
consumer.subscribe([sys.argv[2]])
sys.stdout.buffer.write(consumer.consume(1, 60)[0].value())
";
    let script = testkit::kafka::write(files.path(), "consume.py", script.as_bytes());
    let picture = Program::at(python).arg(script).args([&kafka.bootstrap(), &topic]).run().ok().stdout;
    assert_eq!(decode(&picture).dimensions(), (320, 240));
}
