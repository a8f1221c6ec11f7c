//! The chat: vidchat, the page and kcat talk with each other over one topic.

mod many;
mod page;
mod terminal;

use std::fs::File;
use std::process::Stdio;

use testkit::kafka::{RawRecord, own_kafka};
use testkit::media::folder;
use testkit::{FinishedProgram, KafkaServer, Program, kafka, need};

/// vidchat beside this topic.
fn vidchat(kafka: &KafkaServer, beside: &str) -> Program {
    Program::vidchat().args(["-b", &kafka.bootstrap(), "-t", beside])
}

/// Writes the lines of a text under this name, through a pipe.
fn say(kafka: &KafkaServer, beside: &str, name: &str, text: &str) -> FinishedProgram {
    with_input(vidchat(kafka, beside).args(["--name", name]), text).run()
}

fn with_input(program: Program, text: &str) -> Program {
    let files = folder();
    let path = testkit::kafka::write(files.path(), "lines", text.as_bytes());
    // The file stays open after its folder is gone.
    program.stdin(Stdio::from(File::open(path).unwrap()))
}

/// All that was said until now, without the times.
fn history(kafka: &KafkaServer, beside: &str, more: &[&str]) -> Vec<String> {
    words(&vidchat(kafka, beside).arg("-e").args(more).run().ok().text())
}

/// The lines without their times, as in `ana: hello`.
fn words(text: &str) -> Vec<String> {
    text.lines().map(|line| line.get("2026-01-31 12:00:00 ".len()..).unwrap_or(line).to_owned()).collect()
}

fn kcat(kafka: &KafkaServer, args: &[&str]) -> Program {
    Program::at("kcat").args(["-b", &kafka.bootstrap(), "-X", "broker.address.family=v4"]).args(args)
}

/// The records of a chat as kcat reads them, as in `ana hello`.
fn read_by_kcat(kafka: &KafkaServer, beside: &str) -> Vec<String> {
    let topic = format!("{beside}.chat");
    kcat(kafka, &["-C", "-q", "-e", "-o", "beginning", "-f", "%k %s\\n", "-t", &topic]).run().ok().lines()
}

fn write_by_kcat(kafka: &KafkaServer, beside: &str, text: &str, more: &[&str]) {
    let topic = format!("{beside}.chat");
    with_input(kcat(kafka, &["-P", "-t", &topic]).args(more), text).run().ok();
}

fn record(key: &str, value: &[u8], timestamp_ms: i64) -> RawRecord {
    RawRecord { key: Some(key.into()), value: value.to_vec(), timestamp_ms, ..RawRecord::default() }
}

#[test]
fn vidchat_and_kcat_talk_with_each_other() {
    need(&["kcat"]);
    let kafka = kafka();
    let beside = kafka.topic("talk");
    let mut reader = vidchat(kafka, &beside).arg("--print").start();
    let written = say(kafka, &beside, "ana", "hello\n\nis it <b>on</b>?\n").ok();
    assert!(written.stderr.contains("created topic"), "{}", written.story());
    let topic = format!("{beside}.chat");
    assert_eq!(kafka.partitions(&topic), 1);
    for (setting, value) in [("cleanup.policy", "delete"), ("retention.ms", "604800000")] {
        assert_eq!(kafka.topic_config(&topic, setting).as_deref(), Some(value), "{setting}");
    }
    assert_eq!(read_by_kcat(kafka, &beside), ["ana hello", "ana is it <b>on</b>?"]);
    write_by_kcat(kafka, &beside, "ben:yes\n", &["-K", ":"]);
    write_by_kcat(kafka, &beside, "who am I?\n", &[]);
    let expected = ["ana: hello", "ana: is it <b>on</b>?", "ben: yes", "(no name): who am I?"];
    reader.until_stdout("all four", |out| words(out) == expected);
    assert_eq!(history(kafka, &beside, &["--from-beginning"]), expected);
    assert_eq!(history(kafka, &beside, &["--last", "2"]), expected[2..]);
    assert!(history(kafka, &beside, &["--last", "0"]).is_empty());
    reader.interrupt().ok();
}

#[test]
fn what_others_wrote_is_shown_as_text() {
    let kafka = kafka();
    let beside = kafka.topic("escapes");
    let topic = format!("{beside}.chat");
    kafka.create_topic(&topic, 1, &[]);
    let nasty = ["\x1b[2J\x07", "a\r\nb", "\u{202e}evil", "\u{9b}5m"];
    kafka.publish(&topic, nasty.iter().map(|text| record("x\x1b[5m", text.as_bytes(), 0)));
    kafka.publish(&topic, [record("raw", b"\xff\xfe", 0), record("long", &[b'x'; 5000], 0)]);
    let lines = history(kafka, &beside, &[]);
    assert_eq!(lines[..4], ["␛[2J␇", "a␍␊b", "\\u{202e}evil", "\\u{9b}5m"].map(|text| format!("x␛[5m: {text}")));
    assert_eq!(lines[4], "raw: \u{fffd}\u{fffd}");
    assert!(lines[5].ends_with("x… (904 more bytes)"), "{}", lines[5]);
}

#[test]
fn all_partitions_of_a_topic_that_others_made_are_read_in_the_order_of_time() {
    need(&["kcat"]);
    let kafka = kafka();
    let beside = kafka.topic("partitions");
    kafka.create_topic(&format!("{beside}.chat"), 3, &[]);
    for (n, partition) in [0, 2, 1, 2, 0].iter().enumerate() {
        write_by_kcat(kafka, &beside, &format!("ana:{n}\n"), &["-K", ":", "-p", &partition.to_string()]);
    }
    let expected: Vec<String> = (0..5).map(|n| format!("ana: {n}")).collect();
    assert_eq!(history(kafka, &beside, &["--from-beginning"]), expected);
    assert_eq!(history(kafka, &beside, &["--last", "3"]), expected[2..]);
    let mut reader = vidchat(kafka, &beside).args(["--print", "--last", "0"]).start();
    // It has begun to read when it prints one of many.
    reader.until("a live message", |reader| {
        say(kafka, &beside, "ben", "now").ok();
        words(&reader.stdout()).contains(&"ben: now".to_owned()).then_some(())
    });
    reader.interrupt().ok();
}

#[test]
fn a_pipe_fails_with_the_reason_if_a_message_was_not_written() {
    let kafka = kafka();
    let beside = kafka.topic("refusing");
    kafka.create_topic(&format!("{beside}.chat"), 1, &[("max.message.bytes", "1000")]);
    let long = format!("fits\n{}\n", "x".repeat(2000));
    say(kafka, &beside, "ana", &long).assert_fails(1, "1 of 2 messages was not written: it is larger than the topic's");
    let longer = format!("fits\n{}\n", "x".repeat(5000));
    say(kafka, &beside, "ana", &longer).assert_fails(1, "the message has 5000 bytes; at most 4096 are possible");
    assert_eq!(history(kafka, &beside, &[]), ["ana: fits", "ana: fits"]);
    let nobody = Program::vidchat().args(["-b", "127.0.0.1:9", "--timeout", "1", "--name", "ana"]);
    with_input(nobody, "hello\n").run().assert_fails(1, "no Kafka answers at 127.0.0.1:9");
    let missing = kafka.topic("nothing");
    vidchat(kafka, &missing).arg("-e").run().assert_fails(1, "no topic");
    vidchat(kafka, &missing).args(["--no-create", "--name", "ana"]).run().assert_fails(1, "does not exist");
    Program::vidchat().args(["--name", "a\u{202e}b"]).run().assert_fails(2, "a name has 1 to 64 bytes");
    Program::vidchat().args(["-X", "transactional.id=x"]).run().assert_fails(2, "transactional.id");
}

#[test]
fn the_chat_goes_on_in_a_topic_that_was_deleted() {
    let kafka = own_kafka();
    let beside = kafka.topic("deleted");
    let mut input = vidchat(&kafka, &beside).args(["--name", "ana", "--last", "9"]).stdin(Stdio::piped()).start();
    let mut keys = input.input();
    std::io::Write::write_all(&mut keys, b"before\n").unwrap();
    input.until_stdout("the first", |out| words(out) == ["ana: before"]);
    testkit::kafka::delete_topic(&kafka.bootstrap(), &format!("{beside}.chat")).unwrap();
    input.until_stderr("is gone");
    testkit::until("the topic again", || kafka.topics().contains(&format!("{beside}.chat")).then_some(()));
    std::io::Write::write_all(&mut keys, b"after\n").unwrap();
    input.until_stdout("the second", |out| words(out) == ["ana: before", "ana: after"]);
    drop(keys);
    input.wait().ok();
}
