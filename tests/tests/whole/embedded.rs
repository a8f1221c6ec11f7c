//! No broker is named and none is running: vidprod starts one at Kafka's default address on this machine.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testkit::kafka::only;
use testkit::media::{ffmpeg, folder, small_clip};
use testkit::{BrokerKind, Program, Signal, cannot_run, need};

const DEFAULT_ADDRESS: &str = "127.0.0.1:9092";
const SERVES: &str = "no Kafka at localhost:9092: vidprod serves as the broker there";

/// Access to the default address for one test at a time. The test cannot run if something listens there already.
pub fn default_address() -> MutexGuard<'static, ()> {
    static IN_USE: Mutex<()> = Mutex::new(());
    only(BrokerKind::Embedded, "these have a broker of their own");
    need(&["ffmpeg"]);
    let guard = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    if TcpStream::connect(DEFAULT_ADDRESS).is_ok() {
        cannot_run("something listens at 127.0.0.1:9092 already: stop it");
    }
    guard
}

fn viewer(topic: &str) -> Program {
    Program::vidcons().unnamed(topic).args(["--headless", "--every-frame", "-e"])
}

#[test]
fn every_frame_is_seen_with_the_viewer_first() {
    let _address = default_address();
    let folder = folder();
    let mut viewer = viewer("first").start();
    viewer.until_stderr("no Kafka answers at localhost:9092 (connection refused; vidprod brings one with it)");
    let producer = Program::vidprod().arg(small_clip(folder.path(), 50)).unnamed("first").run().ok();
    assert!(producer.stderr.contains(SERVES), "{}", producer.story());
    let seen = viewer.wait().ok();
    assert_eq!(seen.report().number("frames.shown"), 50, "{}", seen.story());
}

#[test]
fn every_frame_is_seen_with_the_producer_first() {
    let _address = default_address();
    let folder = folder();
    let mut producer = Program::vidprod().arg(small_clip(folder.path(), 50)).unnamed("second").start();
    producer.until_stderr("in another terminal:  vidcons --topic second");
    let seen = viewer("second").run().ok();
    assert_eq!(seen.report().number("frames.shown"), 50, "{}", seen.story());
    let producer = producer.wait().ok();
    assert_eq!(producer.report().number("frames.acknowledged"), 50, "{}", producer.story());
}

#[test]
fn a_file_waits_for_a_viewer_no_longer_than_the_option_says() {
    let _address = default_address();
    let folder = folder();
    let clip = small_clip(folder.path(), 10);
    let none = Program::vidprod().arg(&clip).unnamed("nobody").args(["--wait-viewer", "0"]).run().ok();
    assert!(!none.stderr.contains("waiting at most"), "{}", none.story());
    let some = Program::vidprod().arg(&clip).unnamed("nobody").args(["--wait-viewer", "600ms"]).run().ok();
    assert!(some.stderr.contains("no viewer came: starting without one"), "{}", some.story());
    assert_eq!(some.report().number("frames.acknowledged"), 10, "{}", some.story());
    let mut long = Program::vidprod().arg(&clip).unnamed("nobody").args(["--wait-viewer", "1h"]).start();
    long.until_stderr("waiting at most 3600 s");
    long.signal(Signal::INT);
    long.wait().ok();
}

#[test]
fn a_second_producer_does_not_lose_its_broker() {
    let _address = default_address();
    let folder = folder();
    let clip = small_clip(folder.path(), 25);
    let short = folder.path().join("short.y4m");
    ffmpeg("-f lavfi -i testsrc2=s=320x240:r=25 -frames:v 25 -pix_fmt yuv420p", &short);
    // The viewer starts before both, so that it misses nothing.
    let mut viewer = viewer("two").args(["--print", "--source", "B"]).start();
    viewer.until_stderr("no Kafka answers at localhost:9092");
    // The first producer ends when its pipe does, which is not before the second one works, however long that takes to
    // start.
    let first = ["-", "--wait-viewer", "0", "--source", "A"];
    let mut first = Program::vidprod().args(first).unnamed("two").stdin(Stdio::piped()).start();
    let mut pipe = first.input();
    first.until_stderr(SERVES);
    let second = Program::vidprod().arg(&clip).args(["--loop", "--source", "B"]).unnamed("two").start();
    viewer.until_stdout("a frame of the second", |out| out.contains("B: "));
    std::io::copy(&mut File::open(&short).expect("ffmpeg made it"), &mut pipe).expect("the first producer reads on");
    drop(pipe);
    first.until_stderr("the broker keeps running: another producer is connected");
    let second = second.interrupt().ok();
    assert!(!second.stderr.contains(SERVES), "{}", second.story());
    let seen = viewer.wait().ok();
    let acknowledged = second.report().number("frames.acknowledged");
    assert_eq!(seen.report().source("B").number("frames.shown"), acknowledged, "{}", seen.story());
    first.wait().ok();
}

#[test]
fn a_producer_serves_in_place_of_a_broker_that_goes_before_it_has_connected() {
    let _address = default_address();
    let folder = folder();
    let clip = small_clip(folder.path(), 10);
    // A server that answers like a Kafka and then is gone.
    let short_lived = TcpListener::bind(DEFAULT_ADDRESS).expect("nobody is there");
    let answering = std::thread::spawn(move || {
        let (mut caller, _) = short_lived.accept().expect("a caller");
        let mut request = [0; 21];
        caller.read_exact(&mut request).expect("a request for the versions");
        drop(short_lived);
        caller.write_all(&[&[0, 0, 0, 6], &request[8..12], &[0, 0]].concat()).expect("it waits for the answer");
    });
    let producer = Program::vidprod().arg(&clip).args(["--wait-viewer", "0"]).unnamed("gone").run().ok();
    answering.join().expect("the thread does not panic");
    assert!(producer.stderr.contains(SERVES), "{}", producer.story());
    assert_eq!(producer.report().number("frames.acknowledged"), 10, "{}", producer.story());
}

#[test]
fn of_two_that_start_at_once_one_serves_both() {
    let _address = default_address();
    let mut viewer = Program::vidcons().unnamed("race").args(["--headless", "--print"]).start();
    let start = |name: &str| {
        let card = ["test", "--size", "320x180", "--fps", "25", "--source", name];
        Program::vidprod().args(card).unnamed("race").start()
    };
    let mut both = [start("A"), start("B")];
    viewer.until_stdout("frames of both", |out| out.contains("A: ") && out.contains("B: "));
    // The producer that serves ends last, or the other would lose its broker.
    both.sort_by_key(|producer| producer.stderr().contains(SERVES));
    let both = both.map(|producer| producer.interrupt().ok());
    viewer.interrupt().ok();
    let serving = both.iter().filter(|producer| producer.stderr.contains(SERVES)).count();
    assert_eq!(serving, 1, "{}\n{}", both[0].story(), both[1].story());
    for producer in both {
        producer.report().assert_books_balance();
        assert!(producer.report().number("frames.acknowledged") > 0, "{}", producer.story());
    }
}

#[test]
fn a_viewer_that_comes_too_late_waits_for_the_next_producer() {
    let _address = default_address();
    let folder = folder();
    let clip = small_clip(folder.path(), 20);
    Program::vidprod().arg(&clip).unnamed("late").args(["--wait-viewer", "0"]).run().ok();
    let mut viewer = viewer("late").start();
    viewer.until_stderr("no Kafka answers at localhost:9092");
    Program::vidprod().arg(&clip).unnamed("late").run().ok();
    let seen = viewer.wait().ok();
    assert_eq!(seen.report().number("frames.shown"), 20, "{}", seen.story());
}

#[test]
fn a_viewer_that_stays_sees_the_next_producer_too() {
    let _address = default_address();
    let folder = folder();
    let clip = small_clip(folder.path(), 20);
    let mut viewer = Program::vidcons().unnamed("stays").args(["--headless", "--every-frame", "--print"]).start();
    for run in 1..=2 {
        Program::vidprod().arg(&clip).unnamed("stays").run().ok();
        viewer.until_stdout("all frames of this run", |out| out.lines().count() >= run * 20);
    }
    let seen = viewer.interrupt().ok();
    assert_eq!(seen.report().number("frames.shown"), 40, "{}", seen.story());
    seen.report().assert_books_balance();
}

#[test]
fn a_broker_that_was_given_is_never_replaced() {
    let _address = default_address();
    let folder = folder();
    let clip = small_clip(folder.path(), 5);
    let producer = || Program::vidprod().arg(&clip).args(["--timeout", "1"]);
    let named = [
        producer().args(["-b", "localhost:9092"]).run(),
        producer().env("KAFKA_BROKERS", "localhost:9092").run(),
        producer().arg("--no-embedded").run(),
    ];
    for refused in named {
        assert_eq!(refused.code(), Some(1), "{}", refused.story());
        assert!(refused.stderr.contains("no Kafka answers at localhost:9092"), "{}", refused.story());
        assert!(!refused.stderr.contains(SERVES), "{}", refused.story());
    }
}

#[test]
fn another_server_at_the_default_address_is_reported_with_the_remedy() {
    let _address = default_address();
    let folder = folder();
    let stranger = TcpListener::bind(DEFAULT_ADDRESS).expect("nobody is there");
    let enough = Arc::new(AtomicBool::new(false));
    let stop = enough.clone();
    let answering = std::thread::spawn(move || {
        for caller in stranger.incoming().take_while(|_| !stop.load(Ordering::Relaxed)) {
            let mut caller = caller.expect("a caller");
            let _ = caller.read(&mut [0; 64]);
            let _ = caller.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let producer = Program::vidprod().arg(small_clip(folder.path(), 5)).run();
    let viewer = viewer("stranger").start();
    for finished in [producer, viewer.wait()] {
        assert_eq!(finished.code(), Some(1), "{}", finished.story());
        assert!(finished.stderr.contains("what listens at localhost:9092 is no Kafka"), "{}", finished.story());
        assert!(finished.stderr.contains("-b HOST:PORT"), "{}", finished.story());
    }
    enough.store(true, Ordering::Relaxed);
    let _ = TcpStream::connect(DEFAULT_ADDRESS);
    answering.join().expect("the stranger is simple");
}

#[test]
fn a_producer_with_too_few_files_for_its_broker_names_the_limit() {
    need(&["sh"]);
    let _address = default_address();
    let limited = |files: u32| {
        let run = format!("ulimit -n {files} && exec \"$0\" test --size 320x180 \"$@\"");
        Program::at("sh").arg("-c").arg(run).arg(testkit::target().join("vidprod"))
    };
    limited(180).run().assert_fails(1, "starting the embedded broker: 32 connections need 232 open files");
    let mut producer = limited(240).start();
    producer.until_stderr("leaves room for 40 connections instead of 5000");
    let clients: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(DEFAULT_ADDRESS).expect("it listens")).collect();
    producer.until_stderr("others will be turned away too (ulimit -n raises the limit on open files");
    drop(clients);
    producer.interrupt().ok();
}

#[test]
fn vidbroker_logs_its_address_and_ends_at_once() {
    only(BrokerKind::Embedded, "it is about vidbroker");
    let mut broker = Program::vidbroker().args(["--listen", "127.0.0.1:0", "--memory", "64M"]).start();
    broker.until_stderr("listening on 127.0.0.1:");
    broker.until_stderr("0 topics, 0 clients, in 0.0 MB/s, out 0.0 MB/s, memory 0 B of 64.0 MB");
    broker.signal(Signal::INT);
    broker.wait().ok();
    let mut open = Program::vidbroker().args(["--listen", "0.0.0.0:0"]).start();
    open.until_stderr("everybody who can reach");
    open.signal(Signal::TERM);
    open.wait().ok();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let refused = Program::vidbroker().args(["--listen", &address]).run();
    assert_eq!(refused.code(), Some(1), "{}", refused.story());
    assert!(refused.stderr.contains("--listen HOST:PORT names another place"), "{}", refused.story());
}
