//! The features for running the programs as services: log lines as JSON, `--status-every`, `-q`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use testkit::kafka::{RawRecord, own_kafka};
use testkit::media::{ffmpeg, folder};
use testkit::program::RunningProgram;
use testkit::{FinishedProgram, KafkaServer, Program, Signal, kafka, need};

/// Each line of standard error as JSON; panics if a line is not JSON or lacks a required field.
#[track_caller]
fn json_lines(of: &FinishedProgram) -> Vec<Value> {
    let parse = |line: &str| -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{}", of.story()));
        for name in ["timestamp", "level", "program", "event", "message"] {
            assert!(value[name].is_string(), "no {name}: {line}");
        }
        value
    };
    of.stderr.lines().map(parse).collect()
}

fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["event"].as_str()).collect()
}

fn with_event<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// Runs both programs on a topic of their own; returns the log lines of both and, if it is our broker, of the broker.
fn run_of_all(kafka: &KafkaServer, name: &str) -> Vec<Value> {
    let topic = kafka.topic(name);
    let json = ["--log-format", "json"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless"]).args(json).start_before_topic();
    let card = ["test", "--size", "320x180", "--source", "cam"];
    let mut producer = Program::vidprod().on(kafka, &topic).args(card).args(json).start();
    viewer.until_stderr("\"state\":\"live\"");
    producer.until_stderr("\"event\":\"status\"");
    producer.signal(Signal::TERM);
    let producer = producer.wait().ok();
    viewer.until_stderr("\"event\":\"source_ended\"");
    viewer.signal(Signal::TERM);
    let viewer = viewer.wait().ok();
    let mut broker =
        Program::vidbroker().args(["--listen", "127.0.0.1:0", "--status-every", "200ms"]).args(json).start();
    broker.until_stderr("\"event\":\"status\"");
    broker.signal(Signal::TERM);
    let broker = broker.wait().ok();
    [producer, viewer, broker].iter().flat_map(json_lines).collect()
}

#[test]
fn a_run_in_json_has_events_with_figures() {
    let kafka = kafka();
    let lines = run_of_all(kafka, "json-events");
    let of = |program: &str| -> Vec<Value> { lines.iter().filter(|l| l["program"] == program).cloned().collect() };
    let check = |program: &str, expected: &[&str], figures: &[&str]| {
        let lines = of(program);
        for event in expected {
            assert!(events(&lines).contains(event), "{program}: no {event}: {lines:#?}");
        }
        let status = with_event(&lines, "status").pop().expect("it was seen").clone();
        figures.iter().for_each(|name| assert!(status[name].is_number(), "{program}: no {name}: {status:#}"));
    };
    let of_frames = ["frames", "fps", "bytes_per_second", "p50_us", "p99_us", "dropped"];
    check("vidprod", &["topic_created", "started", "status", "report"], &of_frames);
    let viewer = of("vidcons");
    check("vidcons", &["waiting", "source_started", "source_ended", "report"], &["frames", "dropped", "lost"]);
    let live = viewer.iter().find(|line| line["state"] == "live").expect("it was seen");
    of_frames.iter().for_each(|name| assert!(live[name].is_number(), "no {name}: {live:#}"));
    check("vidbroker", &["started", "status"], &["topics", "clients", "bytes_in_per_second", "memory_bytes"]);
    let report = with_event(&viewer, "report").pop().expect("it was seen");
    assert_eq!(report["report"]["schema"], 1);
    assert!(report["message"].as_str().expect("a text").starts_with("vidcons: "), "{report:#}");
}

/// The first column of the tables under a heading of the page.
fn documented(heading: &str) -> BTreeSet<String> {
    let page = std::fs::read_to_string(testkit::root().join("docs/operate.md")).expect("the page is there");
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.flat_map(|(names, _)| names.split("`, `").map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_field_of_a_status_is_documented() {
    let kafka = kafka();
    let documented = documented("The status");
    for line in with_event(&run_of_all(kafka, "status-fields"), "status") {
        let names = line.as_object().expect("an object").keys();
        let unknown: Vec<_> = names.skip(5).filter(|name| !documented.contains(*name)).collect();
        assert!(unknown.is_empty(), "not in docs/operate.md: {unknown:?} of {line:#}");
    }
}

/// Collects all code of the programs, without tests.
fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() {
            // The test harness logs nothing.
            if !name.starts_with("testkit") {
                sources(&entry, into);
            }
        } else if name.ends_with(".rs") && !name.contains("tests") {
            let text = std::fs::read_to_string(&entry).expect("it can be read");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            into.push((entry.display().to_string(), code));
        }
    }
}

#[test]
fn every_log_line_names_its_event_and_every_event_is_documented() {
    let mut code = Vec::new();
    for room in ["broker/src", "chat/src", "common/src", "consumer/src", "crates", "producer/src", "topics/src"] {
        sources(&testkit::root().join(room), &mut code);
    }
    let mut logged = BTreeSet::new();
    for (file, code) in &code {
        for level in ["info", "warn", "error"] {
            for call in code.split(&format!("{level}!(")).skip(1) {
                let name = call.trim_start().strip_prefix("event = \"").and_then(|rest| rest.split('"').next());
                let is_status = file.ends_with("cli/src/logging.rs");
                assert!(
                    name.is_some() || is_status,
                    "{file}: {level}!({}… names no event",
                    call.lines().take(2).collect::<String>()
                );
                logged.extend(name.map(str::to_owned));
            }
        }
    }
    // The logging itself writes these events.
    logged.extend(["status", "report", "error", "usage_error", "panic", "log"].map(str::to_owned));
    assert_eq!(documented("Events"), logged, "left: the table in docs/operate.md; right: the code");
}

#[test]
fn whatever_goes_wrong_every_line_is_json() {
    let kafka = kafka();
    let folder = folder();
    let (page, topic) = (folder.path().join("page.mp4"), kafka.topic("json-errors"));
    std::fs::write(&page, "no video").unwrap();
    let page = page.display().to_string();
    let bootstrap = kafka.bootstrap();
    let place = ["-b", &bootstrap, "-t", &topic];
    let check = |program: Program, args: &[&str], code: i32, event: &str| {
        let ended = program.args(["--log-format", "json"]).args(args).run();
        assert_eq!(ended.code(), Some(code), "{}", ended.story());
        assert!(events(&json_lines(&ended)).contains(&event), "no {event}\n{}", ended.story());
    };
    let prod = Program::vidprod;
    check(prod(), &[], 2, "usage_error");
    check(prod(), &["test", "--no-such-option"], 2, "usage_error");
    check(prod(), &["test", "--quality", "101"], 2, "usage_error");
    check(prod(), &["test", "-q", "-v"], 2, "usage_error");
    check(prod(), &["test", "--log-format", "text"], 2, "usage_error");
    check(prod(), &[&page, place[0], place[1]], 1, "error");
    check(prod(), &["test", "-X", "no.such=1"], 1, "error");
    check(prod(), &["test", "-b", "127.0.0.1:9", "--timeout", "1", "-X", "ssl.key.password=a\"b"], 1, "error");
    check(prod(), &[&["test", "--duration", "0.5", "-q"], &place[..]].concat(), 0, "report");
    let cons = Program::vidcons;
    check(cons(), &["--print", "--output", "-"], 2, "usage_error");
    check(cons(), &["-g", "one", "-o", "5"], 2, "usage_error");
    check(cons(), &["-X", "transactional.id=x"], 2, "usage_error");
    check(cons(), &["--headless", "-b", "127.0.0.1:9", "--timeout", "1", "-vv", "-X", "debug=all"], 1, "error");
    check(cons(), &[&["--headless", "-c", "1", "-vv"], &place[..]].concat(), 0, "report");
    check(cons(), &place, 1, "error");
    check(Program::vidbroker(), &["--listen", "nowhere"], 2, "usage_error");
    check(Program::vidbroker(), &["--listen", "127.0.0.1:0", "--memory", "1M"], 1, "error");
}

#[test]
fn help_stays_text_under_json() {
    let help = Program::vidprod().args(["--log-format", "json", "--help"]).run().ok();
    assert!(help.text().contains("--status-every <TIME|never>") && help.stderr.is_empty(), "{}", help.story());
}

#[test]
fn the_status_may_be_turned_off() {
    let kafka = kafka();
    let topic = kafka.topic("status-every");
    let run = |more: &[&str]| {
        let args = ["test", "--size", "320x180", "--duration", "2.5"];
        let ended = Program::vidprod().on(kafka, &topic).args(args).args(more).run().ok();
        ended.stderr.lines().filter(|line| line.contains(" fps  ") && line.contains("  frame ")).count()
    };
    assert!(run(&["--status-every", "100ms"]) > 3);
    for never in [&["--status-every", "never"][..], &["--status-every", "0"], &["--status-every", "1h"], &["-q"]] {
        assert_eq!(run(never), 0, "{never:?}");
    }
}

/// Waits for three statuses of an idle program, which all say the same in words, and returns them.
fn three_statuses(program: &mut RunningProgram, of: &str) -> Vec<Value> {
    program.until("three statuses", |program| {
        let lines = program.stderr().lines().filter(|line| line.contains(of)).map(str::to_owned).collect::<Vec<_>>();
        let status = |line: &String| serde_json::from_str::<Value>(line).ok().filter(|line| line["event"] == "status");
        let statuses: Vec<Value> = lines.iter().filter_map(status).collect();
        (statuses.len() >= 3).then_some(statuses)
    })
}

#[test]
fn in_json_a_status_is_logged_at_each_interval_even_if_nothing_happens() {
    let kafka = kafka();
    let topic = kafka.topic("idle");
    let often = ["--log-format", "json", "--status-every", "200ms"];
    let mut broker = Program::vidbroker().args(["--listen", "127.0.0.1:0"]).args(often).start();
    three_statuses(&mut broker, "\"clients\":0");
    broker.interrupt().ok();
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless"]).args(often).start();
    let card = ["test", "--size", "320x180", "--source", "cam"];
    let producer = Program::vidprod().on(kafka, &topic).args(card).start();
    viewer.until_stderr("\"state\":\"live\"");
    producer.interrupt().ok();
    let ended = three_statuses(&mut viewer, "\"state\":\"ended\"");
    let seconds = |status: &Value| status["state_seconds"].as_f64().expect("a number");
    assert!(seconds(&ended[0]) < seconds(&ended[2]), "{ended:#?}");
    viewer.interrupt().ok();
}

#[test]
fn the_size_of_a_plain_jpeg_is_that_of_the_picture() {
    let kafka = kafka();
    let (ours, topic) = (kafka.topic("jpeg-with-headers"), kafka.topic("plain-jpeg"));
    let card = ["test", "--size", "320x180", "--duration", "0.2", "--source", "cam"];
    Program::vidprod().on(kafka, &ours).args(card).run().ok();
    let plain = RawRecord { headers: Vec::new(), timestamp_ms: 0, ..kafka.records(&ours).remove(0) };
    let json = ["--log-format", "json"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless"]).args(json).start_before_topic();
    kafka.create_topic(&topic, 1, &[]);
    kafka.publish(&topic, [plain]);
    viewer.until_stderr("\"event\":\"source_started\"");
    let lines = json_lines(&viewer.interrupt().ok());
    let started = with_event(&lines, "source_started")[0];
    assert_eq!((&started["width"], &started["height"]), (&320.into(), &180.into()), "{started:#}");
    assert_eq!(started["message"], "cam: session started, 320x180");
}

#[test]
fn a_file_that_is_cut_off_is_reported_as_an_event_when_it_is_played_again() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("cut-event"), folder());
    let clip = clips.path().join("clip.mkv");
    ffmpeg("-f lavfi -i testsrc2=s=320x240:r=25 -t 2 -c:v mpeg4", &clip);
    let whole = std::fs::read(&clip).expect("it was written");
    let half = testkit::kafka::write(clips.path(), "half.mkv", &whole[..whole.len() / 2]);
    let args = ["--speed", "max", "--loop=2", "--log-format", "json"];
    let ended = Program::vidprod().on(kafka, &topic).arg(&half).args(args).run();
    let lines = json_lines(&ended);
    let cut = with_event(&lines, "input_cut").pop().unwrap_or_else(|| panic!("{}", ended.story()));
    assert_eq!((&cut["level"], &cut["input"]), (&"WARN".into(), &half.display().to_string().into()));
}

#[test]
fn q_keeps_warnings_and_nothing_else() {
    let kafka = kafka();
    let topic = kafka.topic("quiet");
    let args = ["test", "--size", "320x180", "--duration", "0.5", "-q", "-X", "ssl.key.password=hunter2"];
    let ended = Program::vidprod().on(kafka, &topic).args(args).run().ok();
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("-X ssl.key.password: every user"), "{}", ended.story());
    assert!(lines[1].starts_with("vidprod: "), "only the report follows\n{}", ended.story());
}

#[test]
fn a_broker_that_is_gone_is_reported_under_q() {
    let kafka = own_kafka();
    let topic = kafka.topic("gone");
    let quiet = ["-q", "--log-format", "json"];
    let mut viewer = Program::vidcons().on(&kafka, &topic).args(["--headless", "--print"]).args(quiet).start();
    let card = ["test", "--size", "320x180", "--source", "cam"];
    let mut producer = Program::vidprod().on(&kafka, &topic).args(card).args(quiet).start();
    viewer.until_stdout("a frame", |out| out.contains("cam: 30"));
    kafka.kill();
    producer.until_stderr("\"event\":\"broker_silent\"");
    viewer.until_stderr("\"event\":\"frames_stopped\"");
    for (program, event) in [(producer.interrupt(), "broker_silent"), (viewer.interrupt(), "frames_stopped")] {
        let lines = json_lines(&program);
        let warning = with_event(&lines, event).pop().expect("it was seen");
        assert_eq!((&warning["level"], &warning["why"]), (&"WARN".into(), &"connection refused".into()), "{warning:#}");
        assert!(events(&lines).iter().all(|event| *event != "status" && *event != "started"), "{}", program.story());
    }
}

#[test]
fn the_systemd_units_of_the_page_are_valid() {
    need(&["systemd-analyze"]);
    let page = std::fs::read_to_string(testkit::root().join("docs/operate.md")).expect("the page is there");
    let folder = folder();
    let units: Vec<_> = page.split("```ini\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(units.len(), 3, "one for each program");
    for unit in units {
        let name = unit.lines().next().and_then(|line| line.strip_prefix("# /etc/systemd/system/")).expect("its name");
        // The programs are run from the folder in which they were built.
        let unit = unit.replace("/usr/local/bin", &testkit::target().display().to_string());
        let path = testkit::kafka::write(folder.path(), &name.replace("@.", "@cam."), unit.as_bytes());
        let verified = Program::at("systemd-analyze").args(["verify", "--man=no"]).arg(path).run();
        assert!(verified.code() == Some(0) && verified.stderr.is_empty(), "{}", verified.story());
    }
}
