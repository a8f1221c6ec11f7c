//! The page in a real browser, and what the web server answers to programs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::draw::Bar;
use common::time::{Clock, SystemClock};
use serde_json::Value;
use testkit::browser::Browser;
use testkit::http::{exchange, get};
use testkit::media::{decode, folder, jpegs};
use testkit::program::RunningProgram;
use testkit::wait::within;
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
fn bar(picture: &image::RgbImage) -> Option<Bar> {
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

/// The bar on a tile, as the page has it.
pub fn tile_bar(browser: &Browser, source: &str) -> Option<Bar> {
    let script = format!(
        "const from = document.querySelector('[data-source=\"{source}\"] canvas');
         if (!from || from.width < 100) return null;
         const to = document.createElement('canvas');
         [to.width, to.height] = [from.width, from.height];
         to.getContext('2d').drawImage(from, 0, 0);
         return to.toDataURL('image/png');"
    );
    let url = browser.eval(&script);
    let png = STANDARD.decode(url.as_str()?.split_once(',')?.1).ok()?;
    bar(&image::load_from_memory(&png).ok()?.to_rgb8())
}

/// The number of the picture on a tile.
pub fn tile(browser: &Browser, source: &str) -> Option<u32> {
    tile_bar(browser, source).map(|bar| bar.number)
}

#[test]
fn the_page_shows_every_source_and_measures_its_own_latency() {
    let kafka = kafka();
    let topic = kafka.topic("page");
    let browser = Browser::start(1280, 800);
    let (viewer, at) = serve(kafka, &topic, &[]);
    let door = card(kafka, &topic, "door");
    browser.open(&format!("http://{at}/"));
    let first = testkit::until("the first picture of door", || tile(&browser, "door"));
    let lobby = card(kafka, &topic, "<b>lobby</b>");
    browser.until("a tile for a source that started later", "return document.querySelectorAll('.tile').length === 2");
    assert_eq!(browser.eval("return document.querySelectorAll('.name b').length"), 0, "a name is text");
    testkit::until("a newer picture of door", || tile(&browser, "door").filter(|newer| *newer > first));
    let latency = "const door = (window.figures?.sources ?? []).find((source) => source.source === 'door');
                   return door && door.p50_ms > 0 && door.stages_ms.draw > 0 && window.figures";
    let figures = browser.until("latencies on the page", latency);
    assert!(figures["clock_bound_ms"].as_f64().is_some_and(|bound| bound > 0.0), "{figures:#}");
    let stages: f64 =
        figures["sources"][0]["stages_ms"].as_object().into_iter().flatten().filter_map(|(_, ms)| ms.as_f64()).sum();
    assert!(stages > 0.0, "{figures:#}");
    testkit::until("the page in the report, with both sources", || {
        let report = get(at, "/api/report", &[]).json();
        let sources = report["pages"][0]["sources"].as_array()?.len();
        (sources == 2).then_some(())
    });
    lobby.interrupt().ok();
    browser.until("a grey tile", "return document.querySelectorAll('.tile.silent').length === 1");
    door.interrupt().ok();
    viewer.interrupt().ok();
}

#[test]
fn the_bar_on_the_canvas_agrees_with_the_latency_that_the_page_shows() {
    let kafka = kafka();
    let topic = kafka.topic("page-bar");
    let browser = Browser::start(1280, 800);
    let (viewer, at) = serve(kafka, &topic, &[]);
    let door = card(kafka, &topic, "door");
    browser.open(&format!("http://{at}/"));
    browser.until("the clock", "return (window.drawn?.get('door') ?? []).length > 0");
    let mut agreed = 0;
    for _ in 0..40 {
        let bar = testkit::until("a bar on the canvas", || tile_bar(&browser, "door"));
        let read = SystemClock.now();
        assert_eq!(bar.source, Bar::source_of("door"));
        let bound = browser.eval("return window.figures.clock_bound_ms").as_f64().expect("the page knows it");
        let bar_ms = bar.captured.0 as f64 / 1000.0;
        let same = format!(
            "const isSame = (picture) => Math.abs(picture.captured_ms - {bar_ms}) <= {bound};
             return window.drawn.get('door').find(isSame) ?? null"
        );
        // There are no figures of a picture whose stages do not tile, as while the clock is known badly.
        let found = within(Duration::from_secs(3), || Some(browser.eval(&same)).filter(|drawn| !drawn.is_null()));
        let Some(drawn) = found else { continue };
        let ms = |name: &str| drawn[name].as_f64().unwrap_or_else(|| panic!("no {name} in {drawn}"));
        // The picture was drawn between its capture and our look at the canvas.
        assert!(
            ms("drawn_ms") >= bar_ms - bound && ms("drawn_ms") <= read.0 as f64 / 1000.0 + bound,
            "{read:?} {drawn}"
        );
        assert!(
            ms("latency_ms") + bound >= ms("drawn_ms") - bar_ms,
            "the latency begins when a picture is due: {drawn}"
        );
        agreed += 1;
        if agreed == 10 {
            break;
        }
    }
    assert_eq!(agreed, 10, "pictures whose bar was found in the page's figures");
    door.interrupt().ok();
    viewer.interrupt().ok();
}

#[test]
fn the_page_connects_again_after_the_viewer_was_restarted() {
    let kafka = kafka();
    let topic = kafka.topic("page-again");
    let browser = Browser::start(400, 800);
    let door = card(kafka, &topic, "door");
    let (viewer, at) = serve(kafka, &topic, &[]);
    browser.open(&format!("http://{at}/"));
    testkit::until("a picture", || tile(&browser, "door"));
    viewer.interrupt().ok();
    browser.until("a line about it", "return document.getElementById('state').textContent.includes('no connection')");
    let again = Program::vidcons().on(kafka, &topic).args(["--headless", "--http", &at.to_string()]).start();
    let before = tile(&browser, "door");
    testkit::until("a newer picture", || tile(&browser, "door").filter(|newer| Some(*newer) > before));
    door.interrupt().ok();
    again.interrupt().ok();
}

#[test]
fn the_modules_of_the_page_find_percentiles_the_clock_and_columns() {
    let kafka = kafka();
    let topic = kafka.topic("measure");
    let browser = Browser::start(400, 400);
    let (viewer, at) = serve(kafka, &topic, &[]);
    browser.open(&format!("http://{at}/"));
    browser.eval(
        "for (const name of ['measure', 'layout']) import(`/${name}.js`).then((module) => { window[name] = module; });",
    );
    browser.until("the modules", "return window.measure && window.layout && true");
    let check = |script: &str, expected: Value| assert_eq!(browser.eval(script), expected, "{script}");
    check(
        "const r = new measure.Recent(4); [9, 1, 2, 3, 4].forEach((v) => r.add(v)); return r.percentiles([0.5, 0.99])",
        serde_json::json!([2, 4]),
    );
    check(
        "const c = new measure.ClockOffset(1000);
         const enter = (sent, heard, answered, received) => c.enter({ sent, heard, answered, received });
         enter(0, 105, 105, 10); enter(20, 121.5, 131.5, 32); enter(30, 200, 200, 60);
         return [c.best.offset, c.best.roundTrip, c.toViewer(5)]",
        serde_json::json!([100.5, 2, 105.5]),
    );
    check(
        "const c = new measure.ClockOffset(1000); const enter = (sent, heard, received) => c.enter({ sent, heard, answered: heard, received });
         enter(0, 100.5, 1); enter(2000, 2105, 2010); return c.best.offset",
        serde_json::json!(100),
    );
    check(
        "const columns = (...space) => layout.arranged(...space).columns;
         return [columns(1, 1280, 600), columns(4, 1280, 700), columns(9, 1280, 900), columns(9, 400, 800), columns(40, 1280, 700)]",
        serde_json::json!([1, 2, 3, 1, 5]),
    );
    check("return measure.stages([1, 2, 5]) + '|' + measure.stages([5, 2])", "1,3|undefined".into());
    viewer.interrupt().ok();
}
