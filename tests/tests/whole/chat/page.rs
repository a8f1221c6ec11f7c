//! The panel on the page, in a real browser.

use testkit::browser::Browser;
use testkit::{Program, kafka, need};

use super::{read_by_kcat, say, vidchat, words, write_by_kcat};
use crate::web::{card, serve};

/// Writes a message in the panel, which must be open.
fn write(browser: &Browser, name: &str, text: &str) {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    browser.eval(&format!(
        "document.getElementById('chat-name').value = {};
         document.getElementById('chat-text').value = {};
         document.getElementById('chat-form').requestSubmit();",
        quoted(name),
        quoted(text)
    ));
}

/// Waits until the log of the panel has a line that ends so.
#[track_caller]
fn until_line(browser: &Browser, end: &str) {
    let end = serde_json::to_string(end).unwrap();
    let lines = "[...document.querySelectorAll('#chat-log li')]";
    browser.until(&format!("a line {end}"), &format!("return {lines}.some((li) => li.textContent.endsWith({end}))"));
}

fn caught_up(browser: &Browser) {
    browser.until("the chat", "return document.getElementById('chat-here').textContent !== ''");
    browser.until("no trouble", "return document.getElementById('chat-status').textContent === ''");
}

#[test]
fn page_vidchat_and_kcat_talk_with_each_other() {
    need(&["kcat"]);
    let kafka = kafka();
    let topic = kafka.topic("page-chat");
    let browser = Browser::start(1280, 800);
    let producer = card(kafka, &topic, "door");
    let (viewer, at) = serve(kafka, &topic, &[]);
    browser.open(&format!("http://{at}/"));
    browser.until("a picture", "return (window.figures?.sources ?? []).some((source) => source.shown > 0)");
    assert!(!kafka.topics().contains(&format!("{topic}.chat")), "nothing happens before somebody opens the chat");
    browser.eval("document.getElementById('chat-button').click()");
    caught_up(&browser);
    let mut reader = vidchat(kafka, &topic).args(["--print", "--from-beginning"]).start();
    write(&browser, "ana", "<script>alert(1)</script> & \u{202e}more");
    until_line(&browser, "ana: <script>alert(1)</script> & \\u{202e}more");
    assert_eq!(browser.eval("return document.querySelectorAll('#chat script').length"), 0);
    assert_eq!(browser.eval("return document.querySelectorAll('#chat-pending li').length"), 0);
    reader.until_stdout("it in vidchat", |out| {
        words(out) == ["ana joined", "ana: <script>alert(1)</script> & \\u{202e}more"]
    });
    assert_eq!(read_by_kcat(kafka, &topic)[1], "ana <script>alert(1)</script> & \u{202e}more");
    let record = &kafka.records(&format!("{topic}.chat"))[1];
    assert_eq!(record.header("video-source").as_deref(), Some("door"), "{record:?}");
    let (of_video, of_frame) = (record.header("video-time").unwrap(), kafka.records(&topic)[0].timestamp_ms);
    let ms: i64 = of_video.parse().unwrap();
    assert!((of_frame..=record.timestamp_ms).contains(&ms), "{of_frame} {ms} {}", record.timestamp_ms);
    say(kafka, &topic, "ben", "from a pipe").ok();
    until_line(&browser, "ben: from a pipe");
    write_by_kcat(kafka, &topic, "cem:from <i>kcat</i>\x1b[5m\n", &["-K", ":"]);
    until_line(&browser, "cem: from <i>kcat</i>␛[5m");
    browser.until("who is here", "return document.getElementById('chat-here').textContent === '3 here: ana, ben, cem'");
    // Typing is not for the keys of the page, and closing it counts what is not read.
    browser.eval("document.getElementById('chat-button').click()");
    say(kafka, &topic, "ben", "unread").ok();
    browser.until("the number", "return document.getElementById('chat-button').textContent === 'Chat (1)'");
    browser.eval("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'c', bubbles: true }))");
    browser.until("the open panel", "return !document.getElementById('chat').hidden");
    assert_eq!(browser.eval("return document.getElementById('chat-button').textContent"), "Chat");
    let pressed = "const text = document.getElementById('chat-text');
         text.dispatchEvent(new KeyboardEvent('keydown', { key: 'o', bubbles: true }));
         return document.body.classList.contains('no-figures')";
    assert_eq!(browser.eval(pressed), false);
    screenshots(&browser);
    reader.interrupt().ok();
    producer.interrupt().ok();
    viewer.interrupt().ok();
}

/// Writes pictures of the page, if somebody wants to look at them.
fn screenshots(browser: &Browser) {
    let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
    for (width, height) in [(1280, 800), (400, 800)] {
        browser.resize(width, height);
        // The panel is laid out at the next frame.
        browser.until(
            "a size",
            "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        );
        let file = std::path::Path::new(&folder).join(format!("chat-{width}.png"));
        std::fs::write(file, browser.screenshot()).expect("the folder is there");
    }
}

#[test]
fn a_message_written_while_the_viewer_is_away_arrives_once() {
    let kafka = kafka();
    let topic = kafka.topic("page-away");
    kafka.create_topic(&topic, 1, &[]);
    let browser = Browser::start(400, 800);
    let (viewer, at) = serve(kafka, &topic, &[]);
    browser.open(&format!("http://{at}/"));
    browser.eval("document.getElementById('chat-button').click()");
    caught_up(&browser);
    write(&browser, "ana", "before");
    until_line(&browser, "ana: before");
    viewer.interrupt().ok();
    browser.until("trouble", "return document.getElementById('chat-status').textContent.includes('no connection')");
    write(&browser, "ana", "meanwhile");
    browser.until("a waiting message", "return document.querySelectorAll('#chat-pending li').length === 1");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--http", &at.to_string()]).start();
    until_line(&browser, "ana: meanwhile");
    assert_eq!(browser.eval("return document.querySelectorAll('#chat-pending li').length"), 0);
    let records = kafka.records(&format!("{topic}.chat"));
    let said: Vec<_> = records.iter().filter(|record| record.header("chat-event").is_none()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    viewer.interrupt().ok();
}

#[test]
fn what_cannot_be_written_stays_on_the_page_with_the_reason() {
    let kafka = kafka();
    let topic = kafka.topic("page-refused");
    kafka.create_topic(&topic, 1, &[]);
    kafka.create_topic(&format!("{topic}.chat"), 1, &[("max.message.bytes", "1000")]);
    let browser = Browser::start(400, 800);
    let (viewer, at) = serve(kafka, &topic, &[]);
    browser.open(&format!("http://{at}/"));
    browser.eval("document.getElementById('chat-button').click()");
    caught_up(&browser);
    write(&browser, "ana", &"x".repeat(2000));
    let state = "return document.querySelector('#chat-pending .alert')?.textContent.includes(\"max.message.bytes\")";
    browser.until("the reason", state);
    for n in 0..20 {
        write(&browser, "ana", &n.to_string());
    }
    browser.until("the limit", "return document.getElementById('chat-pending').textContent.includes('too fast')");
    viewer.interrupt().ok();
}
