//! `vidbroker` as a program of its own: its errors, its limits, and the report at its end.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::kafka::only;
use testkit::media::folder;
use testkit::{BrokerKind, GUARD, Program, RunningProgram, Signal, need};

/// ApiVersions in its oldest version, with the correlation id 7.
const QUESTION: &[u8; 16] = b"\0\0\0\x0c\0\x12\0\0\0\0\0\x07\0\x02me";

fn start(args: &[&str]) -> (RunningProgram, SocketAddr) {
    started(Program::vidbroker().args(args))
}

/// A vidbroker with these limits on open files: the present one (`soft`), and the one to which it may be raised
/// (`hard`).
fn start_with_files(soft: u64, hard: u64, args: &[&str]) -> Program {
    let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    Program::at("sh").arg("-c").arg(limits).arg(testkit::target().join("vidbroker")).args(args)
}

fn started(program: Program) -> (RunningProgram, SocketAddr) {
    only(BrokerKind::Embedded, "it is about vidbroker");
    let mut broker = program.args(["--listen", "127.0.0.1:0", "--memory", "64M"]).start();
    let address = broker.until("its address", |running| {
        let text = running.stderr();
        let (_, rest) = text.split_once("listening on ")?;
        rest.split_once(',')?.0.parse().ok()
    });
    (broker, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(GUARD)).unwrap();
    stream
}

/// Sends a request on this connection; false if the broker has closed it.
fn answers(stream: &mut TcpStream) -> bool {
    let mut length = [0; 4];
    let mut answer = Vec::new();
    let asked = stream.write_all(QUESTION).and_then(|()| stream.read_exact(&mut length)).and_then(|()| {
        answer.resize(u32::from_be_bytes(length) as usize, 0);
        stream.read_exact(&mut answer)
    });
    match asked {
        Ok(()) => answer.starts_with(&[0, 0, 0, 7]),
        Err(error) => {
            let closed = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof];
            assert!(closed.contains(&error.kind()), "{error}");
            false
        }
    }
}

#[test]
fn http_and_tls_are_named_in_the_log() {
    let (mut broker, address) = start(&[]);
    for (bytes, words) in [
        (&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], "this looks like HTTP; this port speaks Kafka's protocol"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "this is TLS, which this broker does not have"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "a request of 1397966893 bytes"),
    ] {
        connect(address).write_all(bytes).unwrap();
        broker.until_stderr(words);
    }
    let text = broker.interrupt().ok().stderr;
    assert!(text.contains("cut off 3"), "{text}");
}

#[test]
fn a_negative_retention_is_answered_by_its_option() {
    let refused = Program::vidbroker().args(["--retention", "-1m"]).run();
    refused.assert_fails(2, "write a time as in 10m or 12h");
    assert!(!refused.stderr.contains("tip:"), "{}", refused.story());
}

#[test]
fn the_report_at_the_end_has_what_went_through() {
    for (signal, json) in [(Signal::INT, false), (Signal::TERM, true)] {
        let folder = folder();
        let file = folder.path().join("report.json");
        let file = file.to_str().unwrap();
        let format = if json { "json" } else { "text" };
        let (broker, address) = start(&["--report", file, "--log-format", format]);
        let at = ["-b", &address.to_string(), "-t", "video"];
        let producer = Program::vidprod().args(["test", "--size", "320x180", "--duration", "1s"]).args(at).run().ok();
        Program::vidcons().args(["--headless", "-o", "beginning", "-e"]).args(at).run().ok();
        broker.signal(signal);
        let ended = broker.wait().ok();
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let number = |pointer: &str| report.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap();
        let records = number("/records/in");
        assert!(records >= 10, "{report:#}\n{}", producer.story());
        assert!(number("/records/out") >= records && number("/bytes/out") > 0 && number("/bytes/in") > 0, "{report:#}");
        assert_eq!((number("/topics"), number("/partitions"), number("/evicted/records")), (1, 1, 0), "{report:#}");
        assert!(number("/connections/total") >= number("/connections/peak"), "{report:#}");
        assert!((1..=64_000_000).contains(&number("/memory/peak_bytes")), "{report:#}");
        if json {
            let lines = ended.stderr.lines().map(serde_json::from_str::<serde_json::Value>);
            let lines: Vec<_> = lines.map(|line| line.expect("each line is JSON")).collect();
            let last = lines.last().unwrap();
            assert_eq!(
                (&last["report"], &last["event"], &last["program"]),
                (&report, &"report".into(), &"vidbroker".into())
            );
        } else {
            assert!(ended.stderr.contains(&format!("  records      in {records}, out ")), "{}", ended.story());
        }
    }
}

#[test]
fn a_quiet_broker_still_reports_at_its_end() {
    let ended = start_quiet().interrupt().ok();
    assert!(ended.stderr.starts_with("vidbroker: 127.0.0.1:"), "{}", ended.story());
}

/// Starts a broker that logs nothing at its start. Once it accepts connections, it handles signals too.
fn start_quiet() -> RunningProgram {
    only(BrokerKind::Embedded, "it is about vidbroker");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let broker = Program::vidbroker().args(["-q", "--listen", &port.to_string()]).start();
    testkit::until("the broker", || TcpStream::connect(port).ok());
    broker
}

/// Raises the limit on open files of this process, because the test's own connections need them too.
fn allow_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(count), ..limit }).unwrap();
    }
}

#[test]
fn more_than_a_thousand_clients_are_served_where_they_may_come() {
    const CLIENTS: usize = 1100;
    allow_files(2000);
    let program = start_with_files(256, 4096, &["--max-connections", &CLIENTS.to_string()]);
    let (mut broker, address) = started(program);
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(address)).collect();
    assert!(clients.iter_mut().all(answers), "every one of them is answered");
    assert!(!answers(&mut connect(address)), "one more is turned away");
    broker.until_stderr(&format!("{CLIENTS} clients are connected, and that is the limit; others will be turned away too (vidbroker --max-connections)"));
    assert!(clients.iter_mut().all(answers), "the others do not suffer");
    let text = broker.interrupt().ok().stderr;
    assert!(text.contains(&format!("{CLIENTS} at the same time, turned away 1,")), "{text}");
}

#[test]
fn a_client_that_is_turned_away_does_not_take_it_for_tls() {
    let (_broker, address) = start(&["--max-connections", "1"]);
    let mut only_one = connect(address);
    assert!(answers(&mut only_one));
    let at = ["-b", &address.to_string(), "-t", "video", "--timeout", "3"];
    for program in [Program::vidcons().arg("--headless"), Program::vidprod().arg("test")] {
        let refused = program.args(at).run();
        refused.assert_fails(1, "it may have as many clients as it takes (vidbroker: --max-connections)");
    }
}

#[test]
fn more_connections_than_files_may_be_open_are_refused_at_the_start() {
    only(BrokerKind::Embedded, "it is about vidbroker");
    need(&["sh"]);
    let refused = start_with_files(300, 300, &["--max-connections", "1000"]).run();
    refused.assert_fails(1, "--max-connections: 1000 connections need 1200 open files, and this process may have 300");
    let (broker, _) = started(start_with_files(300, 300, &[]));
    let text = broker.interrupt().ok().stderr;
    assert!(text.contains("leaves room for 100 connections instead of 5000"), "{text}");
}

#[test]
fn a_limit_on_connections_that_comes_from_open_files_is_named_so() {
    need(&["sh"]);
    let (mut broker, address) = started(start_with_files(240, 240, &[]));
    let clients: Vec<TcpStream> = (0..41).map(|_| connect(address)).collect();
    broker.until_stderr("40 clients are connected, and that is the limit; others will be turned away too (ulimit -n raises the limit on open files");
    drop(clients);
    assert!(!broker.interrupt().ok().stderr.contains("--max-connections"));
}

#[test]
fn a_broker_without_files_for_its_clients_does_not_start() {
    only(BrokerKind::Embedded, "it is about vidbroker");
    need(&["sh"]);
    let words = "32 connections need 232 open files, and this process may have 180: raise its limit (ulimit -n 232;";
    start_with_files(180, 180, &["--listen", "127.0.0.1:0"]).run().assert_fails(1, words);
}

#[test]
fn a_limit_on_topics_is_named_where_a_producer_meets_it() {
    let (mut broker, address) = start(&["--max-topics", "1", "--max-partitions", "3"]);
    let address = address.to_string();
    let producer = |topic: &str| {
        let at = ["-b", &address, "-t", topic, "--duration", "300ms"];
        Program::vidprod().args(["test", "--size", "320x180"]).args(at).run()
    };
    producer("one").ok();
    producer("two").assert_fails(1, "cannot create topic two: Broker: Policy violation (for vidbroker: it has as many");
    assert!(broker.is_running());
}
