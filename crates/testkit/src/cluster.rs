//! A real Kafka of one or three nodes, started with the commands of `scripts/kafka`, as a learner does.

use std::path::PathBuf;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

use crate::kafka::free_port;
use crate::{Finished, GUARD, Program, root};

/// The nodes. They are removed with their data when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    port: u16,
    bootstrap: String,
}

impl Cluster {
    /// Starts the nodes and waits until they answer.
    pub fn start(nodes: u16) -> Cluster {
        let folder = TempDir::with_prefix("cluster-").expect("a temporary folder");
        let mut cluster = Cluster { folder, port: free_port(), bootstrap: String::new() };
        // The nodes need up to six ports, of which only the first is known to be free.
        for _ in 0..5 {
            let port = cluster.port.to_string();
            let done = cluster.script(&["up", "--nodes", &nodes.to_string(), "--port", &port]);
            if !done.stderr.contains("is taken by another program") {
                cluster.bootstrap = done.ok().text().trim().to_owned();
                return cluster;
            }
            cluster.port = free_port();
        }
        panic!("found no free ports for {nodes} nodes");
    }

    /// Runs a command of `scripts/kafka` on these nodes.
    pub fn script(&self, args: &[&str]) -> Finished {
        Program::at(root().join("scripts/kafka")).args(args).arg("--dir").arg(self.dir()).run()
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("nodes")
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

impl Drop for Cluster {
    fn drop(&mut self) {
        self.script(&["reset"]);
    }
}
