//! What the web server of vidcons answers to programs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::draw::Bar;
use testkit::http::{exchange, get};
use testkit::media::{decode, folder, jpegs};
use testkit::program::RunningProgram;
use testkit::{KafkaServer, Program, kafka, need};

pub fn card(kafka: &KafkaServer, topic: &str, source: &str) -> RunningProgram {
    let args = ["test", "--size", "640x360", "--fps", "20", "--source", source];
    Program::vidprod().args(args).on(kafka, topic).start()
}

/// Starts a viewer with a page, and returns its address.
pub fn serve(kafka: &KafkaServer, topic: &str, args: &[&str]) -> (RunningProgram, SocketAddr) {
    let mut viewer = Program::vidcons().on(kafka, topic).args(["--headless", "--http", "0"]).args(args).start();
    let address = viewer.until("the page's address", |viewer| {
        let stderr = viewer.stderr();
        let (_, rest) = stderr.split_once("watch in the browser: ")?.1.split_once("://")?;
        rest.split_once('/')?.0.parse().ok()
    });
    (viewer, address)
}

#[test]
fn programs_get_pictures_figures_and_the_report() {
    let kafka = kafka();
    let topic = kafka.topic("endpoints");
    kafka.create_topic(&topic, 1, &[]);
    let (viewer, at) = serve(kafka, &topic, &[]);
    assert_eq!((get(at, "/healthz", &[]).status, get(at, "/readyz", &[]).status), (200, 503));
    assert!(get(at, "/readyz", &[]).text().contains("waiting for frames"));
    assert_eq!(get(at, "/snapshot.jpg", &[]).status, 404);
    let producers = [card(kafka, &topic, "door"), card(kafka, &topic, "lobby")];
    testkit::until("both sources", || (get(at, "/api/sources", &[]).json().as_array()?.len() == 2).then_some(()));
    testkit::until("readiness", || (get(at, "/readyz", &[]).status == 200).then_some(()));
    let picture = get(at, "/snapshot.jpg?source=lobby", &[]);
    assert_eq!(picture.header("content-type"), Some("image/jpeg"));
    let bar = bar(&decode(&picture.body)).expect("the card has a bar");
    assert_eq!(bar.source, Bar::source_of("lobby"));
    let missing = get(at, "/snapshot.jpg?source=loby", &[]);
    assert_eq!((missing.status, &*missing.text()), (404, "no source \"loby\" yet; there are: door, lobby\n"));
    let report = get(at, "/api/report", &[]).json();
    assert_eq!(report["program"], "vidcons");
    assert!(report["frames"]["shown"].as_u64() > Some(0), "{report:#}");
    let metrics = get(at, "/metrics", &[]);
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    for name in [
        "vidcons_frames_total{source=\"door\",outcome=\"shown\"}",
        "vidcons_end_to_end_latency_seconds_bucket",
        "# EOF",
    ] {
        assert!(metrics.text().contains(name), "{name} in {}", metrics.text());
    }
    producers.into_iter().for_each(|producer| drop(producer.interrupt().ok()));
    viewer.interrupt().ok();
}

#[test]
fn the_multipart_stream_is_read_by_ffmpeg() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("multipart");
    let producer = card(kafka, &topic, "door");
    let (viewer, at) = serve(kafka, &topic, &[]);
    let out = folder();
    let file = out.path().join("five.mjpeg");
    let url = format!("http://{at}/stream.mjpg?source=door");
    testkit::media::ffmpeg(&format!("-i {url} -frames:v 5 -c copy -f mjpeg"), &file);
    let numbers: Vec<u32> =
        jpegs(&std::fs::read(&file).unwrap()).iter().filter_map(|jpeg| Some(bar(&decode(jpeg))?.number)).collect();
    assert_eq!(numbers.len(), 5);
    assert!(numbers.is_sorted(), "{numbers:?}");
    producer.interrupt().ok();
    viewer.interrupt().ok();
}

/// The bar of a card.
pub fn bar(picture: &image::RgbImage) -> Option<Bar> {
    let (width, height) = picture.dimensions();
    Bar::read(width as usize, height as usize, |x, y| picture.get_pixel(x as u32, y as u32).0[1])
}

#[test]
fn foreign_names_and_pages_are_refused_and_every_answer_is_guarded() {
    let kafka = kafka();
    let topic = kafka.topic("foreign-names");
    let (viewer, at) = serve(kafka, &topic, &["--http-host", "video.example.org"]);
    let status = |headers: &[&str]| get(at, "/", headers).status;
    assert_eq!(status(&[]), 200);
    assert_eq!(status(&["Host: video.example.org"]), 200);
    assert_eq!(status(&["Host: evil.example"]), 403);
    assert_eq!(status(&["Origin: http://evil.example"]), 403);
    let page = get(at, "/", &[]);
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/socket/..", "//etc/passwd"] {
        assert_eq!(get(at, path, &[]).status, 404, "{path}");
    }
    let huge = format!("X-Filler: {}", "x".repeat(20 << 10));
    assert_eq!(get(at, "/", &[&huge]).status, 431);
    viewer.interrupt().ok();
}

#[test]
fn a_token_is_asked_for_and_guesses_are_slowed_down() {
    let kafka = kafka();
    let (topic, secrets) = (kafka.topic("token"), folder());
    let token = testkit::kafka::write(secrets.path(), "token", b"0123456789abcdef\n");
    let (viewer, at) = serve(kafka, &topic, &["--http-token", token.to_str().unwrap()]);
    assert_eq!(get(at, "/healthz", &[]).status, 200);
    for path in ["/", "/metrics", "/stream.mjpg", "/api/report", "/socket"] {
        assert_eq!(get(at, path, &[]).status, 401, "{path}");
    }
    assert_eq!(get(at, "/", &["Authorization: Bearer 0123456789abcdef"]).status, 200);
    let login = |token: &str| {
        let kind = "Content-Type: application/x-www-form-urlencoded";
        exchange(at, "POST", "/login", &[kind], format!("token={token}").as_bytes()).unwrap()
    };
    let answer = login("0123456789abcdef");
    assert_eq!(answer.status, 303);
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("there is a cookie");
    assert_eq!(get(at, "/", &[&format!("Cookie: {cookie}")]).status, 200);
    let statuses: Vec<u16> = (0..11).map(|guess| login(&format!("wrong{guess}")).status).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!((statuses[10], login("0123456789abcdef").status), (429, 429));
    let viewer = viewer.interrupt().ok();
    assert!(!viewer.stderr.contains("0123456789abcdef"), "{}", viewer.story());
}

#[test]
fn an_address_that_others_can_reach_needs_a_token() {
    let viewer = Program::vidcons().args(["--headless", "--http", "0.0.0.0:0"]).run();
    viewer.assert_fails(1, "--http needs --http-token FILE, or --http-public");
    Program::vidcons().args(["--http-public"]).run().assert_fails(2, "add --http 8080");
}

#[test]
fn connections_that_send_nothing_or_read_nothing_disturb_nobody() {
    let kafka = kafka();
    let topic = kafka.topic("idlers");
    let producer = card(kafka, &topic, "door");
    let (viewer, at) = serve(kafka, &topic, &[]);
    let mut stalled = TcpStream::connect(at).unwrap();
    write!(stalled, "GET /stream.mjpg HTTP/1.1\r\nHost: {at}\r\n\r\n").unwrap();
    let silent: Vec<TcpStream> = (0..300).map_while(|_| TcpStream::connect(at).ok()).collect();
    // The silent ones fill the places of connections until their time for headers is over.
    testkit::until("an answer", || {
        exchange(at, "GET", "/healthz", &[], b"").ok().filter(|answer| answer.status == 200)
    });
    let mut refused = silent.last().expect("some connect");
    refused.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert!(matches!(refused.read(&mut [0; 1]), Ok(0) | Err(_)), "it was closed");
    producer.interrupt().ok();
    let viewer = viewer.interrupt().ok();
    assert!(viewer.report().number("frames.shown") > 0, "{}", viewer.story());
}
