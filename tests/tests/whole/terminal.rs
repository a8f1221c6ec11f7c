//! On a terminal: the commands of the README, Ctrl-C, and a terminal that is closed.

use std::io::Write;

use testkit::kafka::own_kafka;
use testkit::program::{FinishedProgram, RunningProgram};
use testkit::{BrokerKind, Program, Signal, cannot_run, kafka, need};

use crate::embedded::default_address;

/// The lines of the exercise in README.md.
fn exercise() -> String {
    let readme = std::fs::read_to_string(testkit::root().join("README.md")).unwrap();
    let (_, after) = readme.split_once("The classic exercise").expect("README has the exercise");
    let (_, code) = after.split_once("```sh\n").expect("its lines are marked as shell");
    code.split_once("```").expect("they have an end").0.to_owned()
}

/// An interactive shell on its own terminal (made by `script`), with our programs on its path. Bytes written to its
/// standard input are typed on the terminal; so Ctrl-C goes through the terminal to the foreground processes.
fn shell_at_a_terminal(shell: &str, brokers: Option<&str>) -> RunningProgram {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", testkit::target().display());
    let script = Program::at("script").args(["-q", "-e", "-f", "-c", shell, "/dev/null"]);
    let mut script = script.env("PATH", path).env("TERM", "xterm").stdin(std::process::Stdio::piped());
    if let Some(brokers) = brokers {
        script = script.env("KAFKA_BROKERS", brokers);
    }
    script.start()
}

/// The visible text of a terminal line, without overwritten text and control codes.
fn visible(line: &str) -> String {
    let drawn = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    let mut pieces = drawn.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    let behind_code =
        |piece: &str| piece.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).map(str::to_owned);
    pieces.filter_map(behind_code).fold(first, |all, piece| all + &piece)
}

/// Types the lines of the README into this shell, then Ctrl-C once; all three programs must end in order.
fn exercise_in(shell: &str, brokers: Option<&str>) {
    let mut terminal = shell_at_a_terminal(shell, brokers);
    let mut keys = terminal.input();
    keys.write_all(exercise().as_bytes()).unwrap();
    let has = |out: &str, wanted: &str| out.lines().any(|line| visible(line) == wanted);
    terminal.until_stdout("lines of both sources", |out| has(out, "A: 4") && has(out, "B: 3"));
    keys.write_all(b"\x03").unwrap();
    let reports = |out: &str, program: &str| out.matches(&format!("{program}: ")).count();
    terminal.until_stdout("all reports", |out| reports(out, "vidcons") == 1 && reports(out, "vidprod") == 2);
    keys.write_all(b"exit\n").unwrap();
    let out = terminal.wait().ok().text();
    assert!(!out.contains("NOT BALANCED") && !out.contains("error:"), "{out}");
}

/// A test needs this shell, and a `script` that runs it on a terminal.
fn need_terminal(shell: &str) {
    if !cfg!(target_os = "linux") {
        cannot_run("the `script` of this system takes other options than that of Linux");
    }
    need(&["script", shell.split(' ').next().unwrap_or_default()]);
}

/// Runs the exercise in this shell, with a broker of its own.
fn exercise_with_a_broker(shell: &str) {
    need_terminal(shell);
    let kafka = own_kafka();
    exercise_in(shell, Some(&kafka.bootstrap()));
}

const BASH: &str = "bash --norc --noprofile -i";

#[test]
fn the_exercise_of_readme_works_in_bash_and_one_ctrl_c_ends_it() {
    exercise_with_a_broker(BASH);
}

#[test]
fn the_exercise_of_readme_works_in_zsh_and_one_ctrl_c_ends_it() {
    exercise_with_a_broker("zsh -f -i");
}

#[test]
fn the_exercise_of_readme_works_without_a_kafka_too() {
    let _address = default_address();
    need_terminal(BASH);
    exercise_in(BASH, None);
}

fn card(topic: &str, kafka: &testkit::KafkaServer) -> Program {
    Program::vidprod().args(["test", "--size", "320x180", "--fps", "25"]).on(kafka, topic)
}

/// Checks that the program ended as after Ctrl-C: with a report whose counts balance.
#[track_caller]
fn assert_ended_in_order(finished: FinishedProgram) {
    finished.ok().report();
}

#[test]
fn a_closed_terminal_ends_both_programs_with_a_report_and_the_end_of_the_session() {
    let kafka = kafka();
    let topic = kafka.topic("hangup");
    let mut viewer = Program::vidcons().heeding_hangup().on(kafka, &topic).args(["--headless", "--print"]).start();
    let producer = card(&topic, kafka).heeding_hangup().start();
    viewer.until_stdout("frames", |out| out.lines().count() >= 5);
    viewer.signal(Signal::HUP);
    assert_ended_in_order(viewer.wait());
    producer.signal(Signal::HUP);
    assert_ended_in_order(producer.wait());
    let records = kafka.records(&topic);
    assert!(records.last().is_some_and(|last| last.header("end").is_some()), "the session has its end");
}

#[test]
fn a_closed_terminal_ends_the_broker_in_order() {
    testkit::kafka::only(BrokerKind::Embedded, "it is about vidbroker");
    let mut broker = Program::vidbroker().heeding_hangup().args(["--listen", "127.0.0.1:0", "--memory", "64M"]).start();
    broker.until_stderr("listening on 127.0.0.1:");
    broker.signal(Signal::HUP);
    broker.wait().ok();
}

#[test]
fn a_program_started_by_nohup_goes_on_when_the_terminal_is_closed() {
    need(&["nohup"]);
    let kafka = kafka();
    let topic = kafka.topic("nohup");
    let vidprod = testkit::target().join("vidprod");
    let args = ["test", "--size", "320x180", "--fps", "25", "--report", "-"];
    let producer = Program::at("nohup").arg(vidprod).args(args).args(["-b", &kafka.bootstrap(), "-t", &topic]).start();
    let records = || if kafka.topics().contains(&topic) { kafka.records(&topic).len() } else { 0 };
    testkit::until("frames in the topic", || (records() >= 5).then_some(()));
    producer.signal(Signal::HUP);
    let before = records();
    testkit::until("frames after the hangup", || (records() >= before + 10).then_some(()));
    let finished = producer.interrupt().ok();
    assert!(finished.text().contains("\"balanced\": true"), "{}", finished.story());
}
