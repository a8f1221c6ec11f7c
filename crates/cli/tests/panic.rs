//! Tests that with `--log-format json` a panic is a line of JSON too.

use std::process::Command;

use clap::Parser;
use cli::logging::LogArgs;

/// Environment variable that is set in the process that is to panic.
const PANICS: &str = "CLI_TEST_PANICS";

#[derive(Parser, Debug)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
}

#[test]
fn a_panic_is_a_line_of_json() {
    if std::env::var_os(PANICS).is_some() {
        Cli::parse_from(["program", "--log-format", "json"]).log.init("program");
        panic!("two\nlines with password=hunter2");
    }
    let me = std::env::current_exe().expect("a running test knows its own path");
    let args = ["--exact", "a_panic_is_a_line_of_json", "--nocapture"];
    let child = Command::new(me).args(args).env(PANICS, "1").output().expect("it runs");
    assert!(!child.status.success());
    let stderr = String::from_utf8_lossy(&child.stderr);
    let lines: Vec<serde_json::Value> =
        stderr.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert_eq!((&lines[0]["event"], &lines[0]["level"]), (&"panic".into(), &"ERROR".into()));
    let message = lines[0]["message"].as_str().expect("a text");
    assert!(message.contains("panicked at") && message.ends_with("two lines with password=(hidden)"), "{message}");
}
