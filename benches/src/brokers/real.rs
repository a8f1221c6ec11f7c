//! A real Apache Kafka with one node or three, started by scripts/kafka.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::{StartedBroker, free_port, is_free, root};
use crate::afterwards::Afterwards;

pub fn start(name: &str, nodes: u16) -> anyhow::Result<StartedBroker> {
    let script = root().join("scripts/kafka");
    let dir = root().join(format!(".kafka/bench/{}-{name}", std::process::id()));
    // A controller uses the port ten above its node's.
    let port = free_port(|port| (0..nodes).all(|node| is_free(port + node) && is_free(port + 10 + node)))?;
    let (script_name, dir_name) = (script.display().to_string(), dir.display().to_string());
    let afterwards = Afterwards::run("\"$1\" reset --dir \"$2\"; rmdir \"${2%/*}\"", &[&script_name, &dir_name])?;
    let said = Command::new(&script)
        .args(["up", "--nodes", &nodes.to_string(), "--port", &port.to_string(), "--dir", &dir_name])
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .with_context(|| format!("running {script_name}"))?;
    let why = String::from_utf8_lossy(&said.stderr);
    let why = why.lines().last().unwrap_or("it does not say why").trim_start_matches("error: ");
    ensure!(said.status.success(), "scripts/kafka up: {why} (scripts/setup test installs what a real Kafka needs)");
    let address = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    Ok(StartedBroker { name: name.to_owned(), address, version: version(&script), _afterwards: Some(afterwards) })
}

/// The version of Kafka that the script runs, taken from its help.
fn version(script: &Path) -> String {
    let help = Command::new(script).arg("--help").stdin(Stdio::null()).output().ok();
    let help = help.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let words: Vec<&str> = help.split_whitespace().skip_while(|w| *w != "Apache").take(3).collect();
    if words.is_empty() { "Apache Kafka".to_owned() } else { words.join(" ") }
}
