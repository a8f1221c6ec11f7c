//! What the web server does with those who mean harm: it refuses them, its memory does not grow, and video goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use testkit::http::{exchange, get};
use testkit::kafka;
use testkit::program::RunningProgram;

use crate::web::{card, serve};

/// Largest growth of the viewer's memory in an attack, in MB: 200 connections with a picture and buffers each are below it.
const GROWTH_MB: u64 = 48;

/// Attacks a viewer that shows frames. It must go on, lose nothing and not grow.
fn survives(name: &str, args: &[&str], attack: impl FnOnce(SocketAddr)) {
    let kafka = kafka();
    let topic = kafka.topic(name);
    let producer = card(kafka, &topic, "door");
    let (viewer, at) = serve(kafka, &topic, args);
    let shown = || {
        let token = ["Authorization: Bearer 0123456789abcdef"];
        let report = exchange(at, "GET", "/api/report", &token, b"").ok().filter(|answer| answer.status == 200)?;
        report.json()["frames"]["shown"].as_u64()
    };
    let before = testkit::until("frames", || shown().filter(|shown| *shown > 10));
    let memory = memory_mb(&viewer);
    attack(at);
    testkit::until("more frames", || shown().filter(|shown| *shown > before + 10));
    let grown = memory_mb(&viewer).saturating_sub(memory);
    assert!(grown < GROWTH_MB, "its memory grew by {grown} MB");
    producer.interrupt().ok();
    let viewer = viewer.interrupt().ok();
    let lost = viewer.report().0["frames"]["lost"]["lost"].as_u64().unwrap_or(0);
    assert_eq!(lost, 0, "{}", viewer.story());
}

fn memory_mb(program: &RunningProgram) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("there is such a line");
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    stream
}

/// True once the other end has closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 64 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

/// Sends these bytes again and again until the other end closes the connection; returns how many it took.
fn drip(mut stream: TcpStream, bytes: &[u8], pause: Duration) -> u64 {
    let mut sent = 0;
    testkit::until("the connection's end", || {
        match stream.write(bytes) {
            Ok(n) => sent += n as u64,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return Some(()),
        }
        std::thread::sleep(pause);
        // An answer may come before the connection's end.
        (pause > Duration::ZERO && is_closed(&mut stream)).then_some(())
    });
    sent
}

#[test]
fn slow_headers_and_slow_forms_are_cut_off() {
    survives("slow-loris", &["--http-token", &token()], |at| {
        let pause = Duration::from_millis(200);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let mut headers = connect(at);
                    write!(headers, "GET / HTTP/1.1\r\nX-Slow: ").unwrap();
                    drip(headers, b"x", pause);
                });
                scope.spawn(|| {
                    let mut form = connect(at);
                    let kind = "Content-Type: application/x-www-form-urlencoded";
                    write!(form, "POST /login HTTP/1.1\r\nHost: {at}\r\n{kind}\r\nContent-Length: 4000\r\n\r\n")
                        .unwrap();
                    drip(form, b"a", pause);
                });
            }
        });
    });
}

/// The path of a file with a token, which stays until the machine's temporary files are cleared.
fn token() -> String {
    let path = std::env::temp_dir().join("video-tests-token");
    std::fs::write(&path, "0123456789abcdef\n").unwrap();
    path.display().to_string()
}

#[test]
fn an_upload_of_a_gigabyte_is_not_read() {
    survives("upload", &[], |at| {
        let chunk = vec![b'x'; 1 << 20];
        for path in ["/", "/login", "/socket", "/api/report", "/nothing"] {
            for length in ["Content-Length: 1073741824", "Transfer-Encoding: chunked"] {
                let mut upload = connect(at);
                write!(upload, "POST {path} HTTP/1.1\r\nHost: {at}\r\n{length}\r\n\r\n100000\r\n").unwrap();
                // What the kernel's buffers take has not been read.
                let taken = drip(upload, &chunk, Duration::ZERO);
                assert!(taken < 64 << 20, "{path} with {length} took {taken} bytes");
            }
        }
        assert_eq!(exchange(at, "POST", "/", &[], &[b'x'; 5000]).unwrap().status, 413);
    });
}

#[test]
fn other_methods_and_strange_requests_are_refused() {
    survives("methods", &[], |at| {
        for method in ["PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "BREW"] {
            assert_eq!(exchange(at, method, "/", &[], b"").unwrap().status, 405, "{method}");
        }
        assert_eq!(exchange(at, "POST", "/api/report", &[], b"").unwrap().status, 405);
        for request in
            ["\0\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\r\n\r\n"]
        {
            let mut stream = connect(at);
            stream.write_all(request.as_bytes()).unwrap();
            testkit::until("the end of a wrong request", || is_closed(&mut stream).then_some(()));
        }
    });
}

#[test]
fn a_token_is_not_found_by_a_thousand_guesses() {
    survives("guesses", &["--http-token", &token()], |at| {
        let guess = |n: u32| {
            let bearer = format!("Authorization: Bearer {n:016}");
            get(at, "/api/sources", &[&bearer]).status
        };
        let statuses: Vec<u16> = (0..1000).map(guess).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10);
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 990);
        // The right one waits too, from this address.
        assert_eq!(get(at, "/api/sources", &["Authorization: Bearer 0123456789abcdef"]).status, 429);
        // A thousand requests within two seconds may have reached the limit on requests, too.
        let page = testkit::until("the limit on requests is over", || {
            Some(get(at, "/", &["Cookie: session=00000000000000000000000000000000"])).filter(|page| page.status != 429)
        });
        assert_eq!(page.status, 401);
        std::thread::sleep(Duration::from_secs(60));
    });
}

#[test]
fn ten_thousand_connections_lock_nobody_out() {
    survives("flood", &[], |at| {
        let mut open = std::collections::VecDeque::new();
        for n in 0..10_000_u32 {
            // Those that the kernel drops are no load for the server.
            open.extend(TcpStream::connect_timeout(&at, Duration::from_millis(200)));
            if open.len() > 1000 {
                open.pop_front();
            }
            if n % 2500 == 2499 {
                testkit::until("an answer during the flood", || {
                    exchange(at, "GET", "/healthz", &[], b"").ok().filter(|answer| answer.status == 200)
                });
            }
        }
    });
}

/// A WebSocket without masks, checks or patience.
struct Socket(TcpStream);

impl Socket {
    fn open(at: SocketAddr) -> Option<Socket> {
        let mut stream = connect(at);
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        write!(stream, "GET /socket HTTP/1.1\r\nHost: {at}\r\n{upgrade}\r\n\r\n").ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
        head.starts_with("http/1.1 101").then_some(Socket(stream))
    }

    /// Sends a frame with this first byte, masked with zeros.
    fn send(&mut self, first: u8, payload: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(payload.len());
        let mut frame = match length {
            Ok(short @ 0..=125) => vec![first, 0x80 | short as u8],
            Ok(length) => [&[first, 0xfe][..], &length.to_be_bytes()].concat(),
            Err(_) => [&[first, 0xff][..], &(payload.len() as u64).to_be_bytes()].concat(),
        };
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.write_all(&frame)
    }
}

#[test]
fn wrong_frames_end_their_websocket_only() {
    let ends = |at: SocketAddr, what: &str, attack: &dyn Fn(&mut Socket) -> std::io::Result<()>| {
        let mut socket = Socket::open(at).expect("it connects");
        testkit::until(what, || (attack(&mut socket).is_err() || is_closed(&mut socket.0)).then_some(()));
    };
    survives("frames", &[], |at| {
        ends(at, "the end of a frame that claims a gigabyte", &|socket| {
            socket.0.write_all(&[[0x82, 0xff].as_slice(), &(1_u64 << 30).to_be_bytes(), &[0; 4], &[0; 9000]].concat())
        });
        ends(at, "the end of fragments without end", &|socket| {
            socket.send(0x02, &[0; 1000])?;
            (0..1000).try_for_each(|_| socket.send(0x00, &[0; 1000]))
        });
        ends(at, "the end of a frame without a mask", &|socket| socket.0.write_all(&[0x82, 2, 1, 0]));
        ends(at, "the end of a text that is not UTF-8", &|socket| socket.send(0x81, &[0xff, 0xfe]));
        ends(at, "the end of a compressed frame", &|socket| socket.send(0xc1, &[0; 20]));
        ends(at, "the end of a flood of pings", &|socket| (0..200).try_for_each(|_| socket.send(0x82, &[2; 16])));
        ends(at, "the end of a flood of control frames", &|socket| (0..200).try_for_each(|_| socket.send(0x89, b"")));
        ends(at, "the end of acknowledgements of nothing", &|socket| {
            (0..200).try_for_each(|_| socket.send(0x82, b"\x01\x04door"))
        });
    });
}

#[test]
fn a_page_cannot_put_texts_of_its_own_into_the_report() {
    survives("figures", &[], |at| {
        let mut socket = Socket::open(at).expect("it connects");
        let deep = "[".repeat(50_000) + &"]".repeat(50_000);
        socket.send(0x81, format!("{{\"filler\":{deep}}}").as_bytes()).unwrap();
        socket.send(0x81, b"{\"sources\":7}").unwrap();
        let source = |name: &str| {
            format!(
                "{{\"source\":\"{name}\",\"shown\":4,\"left_out\":0,\"undecodable\":0,\"fps\":1,\"stages_ms\":{{}},\"x\":\"<script>\"}}"
            )
        };
        let figures = format!("{{\"evil\":\"<script>\",\"sources\":[{},{}]}}", source("door"), source("<script>"));
        socket.send(0x81, figures.as_bytes()).unwrap();
        let pages = testkit::until("the page's figures", || {
            let report = get(at, "/api/report", &[]).json();
            report["pages"].as_array().filter(|pages| pages.iter().any(has_sources)).cloned()
        });
        let text = serde_json::to_string(&pages).unwrap();
        assert!(text.contains("\"door\"") && !text.contains("script") && !text.contains("evil"), "{text}");
    });
}

fn has_sources(page: &Value) -> bool {
    page["sources"].as_array().is_some_and(|sources| !sources.is_empty())
}

#[test]
fn readers_that_take_nothing_cost_no_memory_and_keep_no_place() {
    survives("stalled", &[], |at| {
        let streams: Vec<TcpStream> = (0..100)
            .map(|_| {
                let mut stream = connect(at);
                write!(stream, "GET /stream.mjpg HTTP/1.1\r\nHost: {at}\r\n\r\n").unwrap();
                stream
            })
            .collect();
        let sockets: Vec<Socket> = (0..150).filter_map(|_| Socket::open(at)).collect();
        assert!(sockets.len() >= 100, "{} have a place", sockets.len());
        std::thread::sleep(Duration::from_secs(5));
        // More than there are places for: those that take nothing give theirs.
        let answers = (0..50).filter(|_| get(at, "/healthz", &[]).status == 200).count();
        assert_eq!((answers, streams.len()), (50, 100));
    });
}
