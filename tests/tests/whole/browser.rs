//! The page in a real browser.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::draw::Bar;
use common::time::{Clock, SystemClock};
use serde_json::Value;
use testkit::browser::Browser;
use testkit::http::get;
use testkit::kafka::own_kafka;
use testkit::media::folder;
use testkit::wait::within;
use testkit::{Program, kafka};

use crate::web::{bar, card, serve};

/// The bar on a tile, as the page has it.
fn tile_bar(browser: &Browser, source: &str) -> Option<Bar> {
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

/// Presses a key on the page.
fn press(browser: &Browser, key: &str) {
    let event = format!("new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true }})");
    browser.eval(&format!("(document.activeElement ?? document.body).dispatchEvent({event})"));
}

/// The source that is shown large.
fn large(browser: &Browser) -> Value {
    browser.eval("return document.querySelector('.tile.large')?.dataset.source ?? null")
}

#[test]
fn nine_sources_are_nine_tiles_and_keys_choose_one() {
    let kafka = kafka();
    let topic = kafka.topic("nine");
    kafka.create_topic(&topic, 1, &[]);
    let browser = Browser::start(1280, 900);
    let (viewer, at) = serve(kafka, &topic, &[]);
    browser.open(&format!("http://{at}/"));
    let cameras: Vec<_> = (1..=9)
        .map(|n| {
            let source = format!("camera {n}");
            let args = ["test", "--size", "320x180", "--fps", "5", "--source", &source];
            let producer = Program::vidprod().args(args).on(kafka, &topic).start();
            testkit::until("its picture", || tile(&browser, &source));
            producer
        })
        .collect();
    let tiles = browser.eval("return [...document.querySelectorAll('.tile')].map((tile) => tile.dataset.source)");
    let expected: Vec<String> = (1..=9).map(|n| format!("camera {n}")).collect();
    assert_eq!(tiles, serde_json::json!(expected));
    let fits =
        "const { scrollHeight, clientHeight } = document.getElementById('tiles'); return scrollHeight <= clientHeight";
    assert_eq!(browser.eval(fits), true, "all can be seen at once");
    press(&browser, "5");
    assert_eq!(large(&browser), "camera 5");
    press(&browser, "Tab");
    assert_eq!(large(&browser), "camera 6");
    press(&browser, "Escape");
    assert_eq!(large(&browser), Value::Null);
    browser.eval("document.querySelector('[data-source=\"camera 2\"]').click()");
    assert_eq!(large(&browser), "camera 2");
    press(&browser, " ");
    browser.until("the word", "return document.getElementById('state').textContent === 'paused'");
    let before = testkit::until("a picture", || tile(&browser, "camera 2"));
    press(&browser, " ");
    testkit::until("a newer picture", || tile(&browser, "camera 2").filter(|newer| *newer > before));
    cameras.into_iter().for_each(|camera| drop(camera.interrupt().ok()));
    viewer.interrupt().ok();
}

#[test]
fn the_page_goes_on_after_the_broker_was_killed_and_came_back() {
    let kafka = own_kafka();
    let topic = kafka.topic("page-outage");
    let browser = Browser::start(800, 600);
    let (viewer, at) = serve(&kafka, &topic, &[]);
    let producer = card(&kafka, &topic, "door");
    browser.open(&format!("http://{at}/"));
    testkit::until("a picture", || tile(&browser, "door"));
    kafka.kill();
    browser.until("a grey tile", "return document.querySelectorAll('.tile.silent').length === 1");
    let before = testkit::until("the last picture", || tile(&browser, "door"));
    kafka.restart();
    testkit::until("a newer picture", || tile(&browser, "door").filter(|newer| *newer > before));
    browser.until("a tile in colour", "return document.querySelectorAll('.tile.silent').length === 0");
    producer.interrupt();
    viewer.interrupt().ok();
}

#[test]
fn the_token_is_typed_into_a_form() {
    let kafka = kafka();
    let (topic, secrets) = (kafka.topic("page-token"), folder());
    let token = testkit::kafka::write(secrets.path(), "token", b"0123456789abcdef\n");
    let (viewer, at) = serve(kafka, &topic, &["--http-token", token.to_str().unwrap()]);
    let producer = card(kafka, &topic, "door");
    let browser = Browser::start(800, 600);
    browser.open(&format!("http://{at}/"));
    let submit = |token: &str| {
        browser.until("the form", "return document.querySelector('input[name=token]') !== null");
        browser.eval(&format!(
            "document.querySelector('input[name=token]').value = '{token}'; document.querySelector('form button').click()"
        ));
    };
    submit("a wrong token of some length");
    browser.until("the word", "return document.querySelector('[role=alert]')?.textContent.includes('wrong')");
    submit("0123456789abcdef");
    testkit::until("a picture", || tile(&browser, "door"));
    producer.interrupt().ok();
    viewer.interrupt().ok();
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
    testkit::until("the page in the report, with both sources and its decoder", || {
        let report = get(at, "/api/report", &[]).json();
        let page = &report["pages"][0];
        // After the race of the decoders, too.
        (page["sources"].as_array()?.len() == 2 && page["decoder"].is_string()).then_some(())
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

#[test]
fn all_ways_of_decoding_give_the_same_picture() {
    let kafka = kafka();
    let topic = kafka.topic("ways");
    let browser = Browser::start(400, 400);
    let (viewer, at) = serve(kafka, &topic, &[]);
    let door = card(kafka, &topic, "door");
    browser.open(&format!("http://{at}/"));
    testkit::until("a picture", || tile(&browser, "door"));
    let start = "(async () => {
            const { ways } = await import('/decode.js');
            const jpeg = await (await fetch('/snapshot.jpg')).arrayBuffer();
            const pixels = async (way, jpeg) => {
                const picture = await way.decode(jpeg.slice(0));
                const canvas = new OffscreenCanvas(picture.width, picture.height), context = canvas.getContext('2d', { alpha: false });
                picture.drawOn(context);
                picture.close();
                return { name: way.name, width: picture.width, data: context.getImageData(0, 0, canvas.width, canvas.height).data };
            };
            // The same picture, with an EXIF orientation of 6.
            const exif = [255, 225, 0, 34, 69, 120, 105, 102, 0, 0, 73, 73, 42, 0, 8, 0, 0, 0, 1, 0, 18, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
            const bytes = new Uint8Array(jpeg);
            const turned = Uint8Array.of(...bytes.slice(0, 2), ...exif, ...bytes.slice(2)).buffer;
            const all = ways(), upright = [], onSide = [];
            for (const way of [...all, ...all]) upright.push(await pixels(way, jpeg));
            for (const way of all) await pixels(way, turned).then((picture) => onSide.push(picture), () => {});
            const average = (data, of) => data.reduce((sum, value, i) => sum + of(value, i), 0) / data.length;
            const compare = (pictures) => pictures.map(({ name, width, data }) =>
                [name, width, average(data, (a, i) => Math.abs(a - pictures[0].data[i])), average(data, (a) => a)]);
            window.ways = { upright: compare(upright), onSide: compare(onSide) };
        })().catch((error) => { window.ways = String(error); });";
    browser.eval(start);
    let ways = browser.until("the pictures", "return window.ways");
    for (pictures, width, at_least) in [("upright", 640, 4), ("onSide", 360, 1)] {
        let of = ways[pictures].as_array().unwrap_or_else(|| panic!("{ways}"));
        assert!(of.len() >= at_least, "this browser has ImageDecoder: {ways}");
        for way in of {
            assert_eq!(way[1], width, "{way}");
            assert!(way[2].as_f64().is_some_and(|difference| difference < 3.0), "{way}");
            assert!(way[3].as_f64().is_some_and(|average| average > 10.0), "{way}");
        }
    }
    door.interrupt().ok();
    viewer.interrupt().ok();
}
