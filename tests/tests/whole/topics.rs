//! `vidtopic`: topics are made, listed, described, changed and deleted, and the sources in them are found.

use std::process::Stdio;

use serde_json::Value;
use testkit::media::folder;
use testkit::program::FinishedProgram;
use testkit::{KafkaServer, Program, kafka};

/// Runs vidtopic.
fn vidtopic(kafka: &KafkaServer, args: &[&str]) -> FinishedProgram {
    Program::vidtopic().args(args).args(["-b", &kafka.bootstrap()]).stdin(Stdio::null()).run()
}

/// The JSON that vidtopic prints.
fn json(kafka: &KafkaServer, args: &[&str]) -> Value {
    let finished = vidtopic(kafka, &[args, &["--output", "json"]].concat()).ok();
    serde_json::from_str(&finished.text()).unwrap_or_else(|error| panic!("{error}: {}", finished.story()))
}

/// A setting of a described topic, and true if the topic itself has it.
fn setting(described: &Value, name: &str) -> (String, bool) {
    let setting = &described["settings"][name];
    let value = setting["value"].as_str().unwrap_or_else(|| panic!("no {name} in {described:#}"));
    (value.to_owned(), setting["is_of_topic"] == true)
}

#[test]
fn a_topic_is_made_described_changed_and_deleted() {
    let kafka = kafka();
    let name = kafka.topic("made");
    let options =
        ["--partitions", "2", "--retention", "1h", "--max-message-bytes", "2M", "--set", "compression.type=lz4"];
    let made = vidtopic(kafka, &[&["create", &name], &options[..]].concat()).ok();
    assert_eq!(made.text(), format!("{name} was made, with 2 partitions\n"));
    let described = json(kafka, &["describe", &name]);
    assert_eq!(described["topic"], name.as_str());
    assert_eq!(described["partitions"].as_array().map(Vec::len), Some(2));
    for partition in described["partitions"].as_array().unwrap() {
        assert!(partition["leader"].is_i64() && partition["in_sync"] == partition["replicas"], "{described:#}");
        assert_eq!(partition["offsets"], serde_json::json!([0, 0]));
    }
    assert!(described["brokers"][0]["port"].is_i64(), "{described:#}");
    for (name, value) in [
        ("retention.ms", "3600000"),
        ("max.message.bytes", "2000000"),
        ("compression.type", "lz4"),
        ("cleanup.policy", "delete"),
    ] {
        assert_eq!(setting(&described, name), (value.to_owned(), true));
    }

    let changes = ["--partitions", "3", "--retention", "forever", "--unset", "compression.type"];
    vidtopic(kafka, &[&["alter", &name], &changes[..]].concat()).ok();
    let described = json(kafka, &["describe", &name]);
    assert_eq!(described["partitions"].as_array().map(Vec::len), Some(3));
    assert_eq!(setting(&described, "retention.ms"), ("-1".to_owned(), true));
    assert_eq!(setting(&described, "max.message.bytes"), ("2000000".to_owned(), true), "it was not to be changed");
    assert_eq!(setting(&described, "compression.type"), ("producer".to_owned(), false));

    vidtopic(kafka, &["alter", &name, "--retention", "20m"]).ok();
    let described = json(kafka, &["describe", &name]);
    assert_eq!(setting(&described, "segment.ms"), ("120000".to_owned(), true), "or records would stay for longer");

    let listed = vidtopic(kafka, &["list"]).ok().text();
    let line = listed.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{listed}"));
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells, [&name, "3", cells[2], "0", "20m", "2.0", "MB"], "{listed}");

    vidtopic(kafka, &["delete", &name]).assert_fails(1, "--yes deletes it without asking");
    vidtopic(kafka, &["delete", &name, "--yes"]).ok();
    let names = json(kafka, &["list"]);
    assert!(names.as_array().unwrap().iter().all(|topic| topic["topic"] != name.as_str()), "{names:#}");
}

#[test]
fn what_cannot_be_done_says_why() {
    let kafka = kafka();
    let name = kafka.topic("refused");
    vidtopic(kafka, &["create", &name, "--partitions", "2"]).ok();
    vidtopic(kafka, &["create", &name]).assert_fails(1, "is there already, with 2 partitions");
    let again = vidtopic(kafka, &["create", &name, "--if-missing"]).ok();
    assert_eq!(again.text(), format!("{name} was there already\n"));
    vidtopic(kafka, &["alter", &name, "--partitions", "1"]).assert_fails(1, "can only add some");
    vidtopic(kafka, &["alter", &name, "--set", "retention.ms=soon"])
        .assert_fails(1, "no setting of this name has this value");
    vidtopic(kafka, &["create", &format!("{name}-2"), "--set", "no.such=1"]).assert_fails(1, "no setting of this name");
    for command in ["describe", "limits"] {
        vidtopic(kafka, &[command, "no-such-topic"]).assert_fails(1, "there is no such topic");
    }
    for args in [&["alter", "no-such-topic", "--retention", "1h"][..], &["delete", "no-such-topic", "--yes"]] {
        vidtopic(kafka, args).assert_fails(1, "there is no such topic");
    }
    vidtopic(kafka, &["sources", "no-such-topic"]).assert_fails(1, "no topic no-such-topic");
    vidtopic(kafka, &["create", "a b"]).assert_fails(2, "a topic's name has");
    vidtopic(kafka, &["alter", &name]).assert_fails(2, "--retention");
    Program::vidtopic().run().assert_fails(2, "which command");
    let dark = Program::vidtopic().args(["list", "-b", "127.0.0.1:9", "--timeout", "1"]).run();
    dark.assert_fails(1, "127.0.0.1:9");
}

#[test]
fn sources_are_found_with_a_picture_of_each() {
    let kafka = kafka();
    let (topic, pictures) = (kafka.topic("found"), folder());
    let ended = ["test", "--size", "640x360", "--fps", "30", "--source", "door", "--duration", "1"];
    Program::vidprod().args(ended).on(kafka, &topic).run().ok();
    // Its frames are in several messages.
    let split = ["test", "--size", "800x600", "--source", "../yard", "--max-message-bytes", "20k", "--duration", "1"];
    Program::vidprod().args(split).on(kafka, &topic).run().ok();
    let folder = pictures.path().display().to_string();
    let found = json(kafka, &["sources", &topic, "--thumbnails", &folder]);
    let [yard, door] = &found[0]["sources"].as_array().unwrap()[..] else { panic!("{found:#}") };
    assert_eq!((&door["source"], &yard["source"]), (&"door".into(), &"../yard".into()), "{found:#}");
    assert_eq!((&door["size"], &yard["size"]), (&serde_json::json!([640, 360]), &serde_json::json!([800, 600])));
    assert!(door["ended"] == true && door["fps"].as_f64().is_some_and(|fps| fps > 20.0), "{found:#}");
    for (file, size) in [("door.jpg", (320, 180)), ("___yard.jpg", (320, 240))] {
        let path = pictures.path().join(&topic).join(file);
        let picture = image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!((picture.width(), picture.height()), size, "{file}");
    }
    let text = vidtopic(kafka, &["sources", &topic]).ok().text();
    assert!(text.starts_with(&format!("{topic}  1 partition\n  ../yard  800x600  ")), "{text}");
    let listed = Program::vidcons().args(["--list", "-t", &topic, "-b", &kafka.bootstrap()]).run().ok().text();
    assert_eq!(listed.lines().count(), text.lines().count(), "vidcons --list is the short form of it\n{listed}");

    let described = json(kafka, &["describe", &topic]);
    let (records, bytes) = (described["records"].as_i64().unwrap(), described["estimated_bytes"].as_i64().unwrap());
    assert!(records > 30 && bytes > 50_000, "{described:#}");
}

#[test]
fn the_limits_on_a_message_are_in_one_table() {
    let kafka = kafka();
    let name = kafka.topic("limits");
    vidtopic(kafka, &["create", &name, "--max-message-bytes", "300k"]).ok();
    let limits = json(kafka, &["limits", &name]);
    let limits: Vec<(&str, Option<i64>)> = limits
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| (limit["at"].as_str().unwrap(), limit["bytes"].as_i64()))
        .collect();
    let expected = [("topic", 300_000), ("broker", 1_048_588), ("producer", 300_000), ("consumer", 8 << 20)];
    assert_eq!(limits, expected.map(|(at, bytes)| (at, Some(bytes))));
    let text = vidtopic(kafka, &["limits", &name]).ok().text();
    assert!(text.contains(&format!("A message in {name} may have 300000 bytes")), "{text}");
}
