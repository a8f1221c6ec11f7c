//! vidchat at a terminal, made by `script`.

use std::io::Write;
use std::process::Stdio;

use testkit::kafka::own_kafka;
use testkit::program::RunningProgram;
use testkit::{KafkaServer, Program, cannot_run, kafka, need};

use super::{read_by_kcat, say};

/// Starts vidchat at a terminal. What is written to its standard input is typed there.
fn at_a_terminal(kafka: &KafkaServer, beside: &str, name: &str, colour: bool) -> RunningProgram {
    if !cfg!(target_os = "linux") {
        cannot_run("the `script` of this system takes other options than that of Linux");
    }
    need(&["script", "kcat"]);
    let program = testkit::target().join("vidchat");
    let command = format!("{} -b {} -t {beside} --name {name}; echo code=$?", program.display(), kafka.bootstrap());
    let script = Program::at("script").args(["-q", "-e", "-f", "-c", &command, "/dev/null"]).env("TERM", "xterm");
    let script = if colour { script.env("NO_COLOR", "") } else { script };
    let mut talker = script.stdin(Stdio::piped()).start();
    talker.until_stdout("the help", |out| out.contains("/who"));
    talker
}

#[test]
fn a_line_that_is_being_typed_survives_what_others_write() {
    let kafka = kafka();
    let beside = kafka.topic("typing");
    let mut ana = at_a_terminal(kafka, &beside, "ana", false);
    let mut keys = ana.input();
    ana.until_stdout("her own name", |out| out.contains("ana joined"));
    keys.write_all(b"half a ").unwrap();
    ana.until_stdout("what she types", |out| out.contains("half a "));
    say(kafka, &beside, "ben", "meanwhile").ok();
    ana.until_stdout("what he wrote", |out| out.contains("ben: meanwhile"));
    keys.write_all(b"line\r").unwrap();
    ana.until_stdout("her line", |out| out.contains("ana: half a line"));
    keys.write_all(b"/who\r").unwrap();
    ana.until_stdout("both names", |out| out.contains("2 here: ana, ben"));
    keys.write_all(b"/nonsense\r").unwrap();
    ana.until_stdout("an answer", |out| out.contains("there is no such command"));
    keys.write_all(b"//slash\r").unwrap();
    ana.until_stdout("a message with a slash", |out| out.contains("ana: /slash"));
    keys.write_all(b"/quit\r").unwrap();
    let out = ana.wait().ok().text();
    assert!(out.contains("code=0"), "{out}");
    let records = ["ana joined", "ben meanwhile", "ana half a line", "ana /slash", "ana left"];
    assert_eq!(read_by_kcat(kafka, &beside), records);
}

#[test]
fn ctrl_c_and_ctrl_d_end_it_and_names_have_colours() {
    let kafka = kafka();
    let beside = kafka.topic("ending");
    for (name, key) in [("ana", b"\x03"), ("ben", b"\x04")] {
        let mut talker = at_a_terminal(kafka, &beside, name, true);
        let mut keys = talker.input();
        talker.until_stdout("a coloured name", |out| out.contains("\x1b[1;38;5;") && out.contains("joined"));
        keys.write_all(key).unwrap();
        let out = talker.wait().ok().text();
        assert!(out.contains("code=0"), "{out}");
    }
    assert_eq!(read_by_kcat(kafka, &beside), ["ana joined", "ana left", "ben joined", "ben left"]);
}

#[test]
fn a_message_that_is_not_acknowledged_yet_is_shown_as_such() {
    let kafka = own_kafka();
    let beside = kafka.topic("away");
    let mut ana = at_a_terminal(&kafka, &beside, "ana", false);
    let mut keys = ana.input();
    ana.until_stdout("her own name", |out| out.contains("ana joined"));
    kafka.kill();
    keys.write_all(b"anybody there?\r").unwrap();
    ana.until_stdout("a notice", |out| out.contains("not acknowledged yet") && out.contains("anybody there?"));
    kafka.restart();
    ana.until_stdout("another notice", |out| out.contains("* acknowledged: anybody there?"));
    ana.until_stdout("the message", |out| out.contains("ana: anybody there?"));
    keys.write_all(b"\x04").unwrap();
    assert!(ana.wait().ok().text().contains("code=0"));
}
