//! What a person does on the page, in a real browser.

use serde_json::Value;
use testkit::browser::Browser;
use testkit::kafka::own_kafka;
use testkit::media::folder;
use testkit::{Program, kafka};

use crate::web::{card, serve, tile};

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
