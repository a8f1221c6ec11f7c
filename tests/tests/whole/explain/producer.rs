//! Causes that vidprod names: its source, its encoder, and the way to the broker.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use whole::{Program, kafka};

use super::assert_names;

#[test]
fn a_pipe_that_stalls_is_named() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("explain-pipe");
    let producer = Program::vidprod().args(["-", "--explain"]).on(kafka, &topic).stdin(Stdio::piped());
    let mut producer = producer.start();
    let mut pipe = producer.input();
    let frame = [b"FRAME\n".as_slice(), &[90; 320 * 180 * 3 / 2]].concat();
    let (begin, rest) = frame.split_at(frame.len() / 2);
    pipe.write_all(b"YUV4MPEG2 W320 H180 F20:1 Ip C420jpeg\n").unwrap();
    for _ in 0..30 {
        pipe.write_all(begin).unwrap();
        pipe.flush().unwrap();
        std::thread::sleep(Duration::from_millis(60));
        pipe.write_all(rest).unwrap();
    }
    drop(pipe);
    assert_names(&producer.wait().ok(), "capture", "the source stalls");
}

#[test]
fn an_encoder_that_cannot_keep_up_is_named() {
    let Some(kafka) = kafka() else { return };
    let card = ["test", "--size", "3840x2160", "--fps", "200", "--duration", "5", "--explain", "--threads", "1"];
    let producer = Program::vidprod().args(card).on(kafka, &kafka.topic("explain-encoder")).run().ok();
    assert_names(&producer, "encode", "takes as long as the frames are apart");
}
