//! A real Kafka of one or three nodes, started with the commands of `scripts/kafka`, as a learner does.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::child::AfterExit;
use crate::port::free_ports;
use crate::program::{FinishedProgram, Program};
use crate::wait::GUARD;
use crate::workspace::root;

/// The nodes. They are removed with their data when this is dropped, and also if our own process is killed.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    bootstrap: String,
    _remover: AfterExit,
}

impl Cluster {
    /// Starts the nodes with their data in `dir`, which is created, and waits until they answer.
    pub fn start(nodes: u16, dir: &Path) -> anyhow::Result<Cluster> {
        let script = root().join("scripts/kafka");
        // The controllers' ports begin ten above the first node's.
        let port = free_ports(10 + nodes)?;
        let paths = [&script, dir].map(|path| path.display().to_string());
        let remover = AfterExit::run("\"$1\" reset --dir \"$2\"; rmdir \"${2%/*}\"", &paths.each_ref().map(|p| &**p))?;
        let done = Command::new(&script)
            .args(["up", "--nodes", &nodes.to_string(), "--port", &port.to_string(), "--dir"])
            .arg(dir)
            .stdin(Stdio::null())
            // Ctrl-C in the terminal must reach our own program only.
            .process_group(0)
            .output()
            .with_context(|| format!("running {}", script.display()))?;
        let why = String::from_utf8_lossy(&done.stderr);
        let why = why.lines().last().unwrap_or("it gives no reason").trim_start_matches("error: ");
        ensure!(done.status.success(), "scripts/kafka up: {why} (scripts/setup test installs what a real Kafka needs)");
        let bootstrap = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        Ok(Cluster { dir: dir.to_owned(), bootstrap, _remover: remover })
    }

    /// Runs a command of `scripts/kafka` on these nodes.
    pub fn script(&self, args: &[&str]) -> FinishedProgram {
        Program::at(root().join("scripts/kafka")).args(args).arg("--dir").arg(self.dir()).run()
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The leader of the topic's partition 0, if there is one.
    pub fn leader(&self, topic: &str) -> Option<i32> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", "harness");
        let consumer: BaseConsumer = config.create().expect("a consumer with these settings");
        let metadata = consumer.fetch_metadata(Some(topic), GUARD).expect("a node answers");
        let leader = metadata.topics().first()?.partitions().first()?.leader();
        (leader >= 0).then_some(leader)
    }
}
