//! Standard input in many of FFmpeg's formats: every frame arrives, the first without waiting for the rest.

use std::io::Write;
use std::process::Stdio;

use testkit::media::{ffmpeg_pipe, folder, small_clip};
use testkit::{Program, kafka, need};

const SOURCE: &str = "-f lavfi -i testsrc2=s=320x240:r=25 -frames:v 60";

/// Checks that sixty frames through a pipe in this format arrive at the viewer.
#[track_caller]
fn check(format: &str) {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("pipe");
    let mut ffmpeg = ffmpeg_pipe(&format!("{SOURCE} {format}"));
    let input = ffmpeg.stdout.take().unwrap();
    let producer = Program::vidprod().args(["-", "--source", "pipe"]).stdin(input).on(kafka, &topic).run().ok();
    assert!(ffmpeg.wait().unwrap().success());
    let made = producer.report();
    assert_eq!((made.number("frames.captured"), made.number("frames.acknowledged")), (60, 60), "{}", producer.story());
    let viewer =
        Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-o", "beginning", "-e"]).run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 60);
}

#[test]
fn y4m_on_standard_input_arrives_whole() {
    check("-pix_fmt yuv420p -f yuv4mpegpipe");
}

#[test]
fn y4m_444_on_standard_input_arrives_whole() {
    check("-pix_fmt yuv444p -f yuv4mpegpipe");
}

#[test]
fn mjpeg_on_standard_input_arrives_whole() {
    check("-c:v mjpeg -q:v 3 -pix_fmt yuvj420p -f mjpeg");
}

#[test]
fn mpeg_ts_on_standard_input_arrives_whole() {
    check("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mpegts");
}

#[test]
fn mpeg_ts_with_b_frames_on_standard_input_arrives_whole() {
    check("-c:v libx264 -preset medium -bf 2 -pix_fmt yuv420p -f mpegts");
}

#[test]
fn matroska_on_standard_input_arrives_whole() {
    check("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f matroska");
}

/// A y4m stream of three frames, and the offset of each.
fn y4m() -> (Vec<u8>, Vec<usize>) {
    let frame = [b"FRAME\n".as_slice(), &[128; 64 * 48 * 3 / 2]].concat();
    let head = b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n".to_vec();
    let begins = (0..3).map(|n| head.len() + n * frame.len()).collect();
    ([head, frame.repeat(3)].concat(), begins)
}

#[test]
fn each_frame_on_standard_input_leaves_as_soon_as_it_is_there() {
    let kafka = kafka();
    let topic = kafka.topic("at-once");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start();
    let mut producer = Program::vidprod().args(["-", "--source", "p"]).stdin(Stdio::piped()).on(kafka, &topic).start();
    let mut input = producer.input();
    let (stream, begins) = y4m();
    // Writes the next frame only once the one before was shown. A program that waits for more input would wait forever.
    for n in 0..3 {
        let end = begins.get(n + 1).copied().unwrap_or(stream.len());
        let begin = if n == 0 { 0 } else { begins[n] };
        input.write_all(&stream[begin..end]).unwrap();
        input.flush().unwrap();
        let line = format!("p: {n}");
        viewer.until_stdout(&line, |out| out.lines().any(|l| l == line));
    }
    drop(input);
    assert_eq!(producer.wait().ok().report().number("frames.acknowledged"), 3);
    viewer.interrupt().ok().report();
}

#[test]
fn a_pipe_that_breaks_off_in_mid_frame_keeps_what_was_whole() {
    let kafka = kafka();
    let topic = kafka.topic("broken-pipe");
    let mut producer = Program::vidprod().arg("-").stdin(Stdio::piped()).on(kafka, &topic).start();
    let (stream, begins) = y4m();
    producer.input().write_all(&stream[..begins[2] + 100]).unwrap();
    let producer = producer.wait();
    assert!(!producer.stderr.contains("panicked"), "{}", producer.story());
    assert_eq!(producer.report().number("frames.acknowledged"), 2, "{}", producer.story());
}

#[test]
fn a_file_can_be_piped_in_as_it_is() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("cat"), folder());
    let mkv = clips.path().join("a.mkv");
    testkit::media::ffmpeg(&format!("-i {} -c copy", small_clip(clips.path(), 50).display()), &mkv);
    let file = std::fs::File::open(&mkv).unwrap();
    let producer = Program::vidprod().arg("-").stdin(file).on(kafka, &topic).run().ok();
    assert_eq!(producer.report().number("frames.acknowledged"), 50);
}
