//! The brokers to compare: some are started here and stopped afterwards, others run already.

use std::fmt::Debug;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tempfile::TempDir;
use testkit::Program;
use testkit::cluster::Cluster;
use testkit::node::{BrokerSetup, start_embedded};
use testkit::port::free_port;
use testkit::workspace::{built, root};

use crate::control::Control;

/// A broker as named on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerChoice {
    pub name: String,
    /// `None` for a broker that is started here.
    address: Option<String>,
}

impl BrokerChoice {
    /// A broker that is started here: embedded, real or real3.
    pub fn to_start(name: &str) -> BrokerChoice {
        BrokerChoice { name: name.to_owned(), address: None }
    }
}

impl FromStr for BrokerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<BrokerChoice, String> {
        match text.split_once('=') {
            Some((name, address)) if !name.is_empty() && address.contains(':') => {
                Ok(BrokerChoice { name: name.to_owned(), address: Some(address.to_owned()) })
            }
            None if ["embedded", "real", "real3"].contains(&text) => Ok(BrokerChoice::to_start(text)),
            _ => Err("write embedded, real, real3 or NAME=HOST:PORT".to_owned()),
        }
    }
}

/// A running broker. A broker that was started here ends with this value.
#[derive(Debug, Serialize)]
pub struct BenchBroker {
    pub name: String,
    pub address: String,
    /// Name and version of the broker program.
    pub version: String,
    #[serde(skip)]
    _process: Option<Box<dyn Debug + Send + Sync>>,
}

/// The broker with which others are compared: the real Kafka, or the last one if there is none.
pub fn base(brokers: &[BenchBroker]) -> usize {
    brokers.iter().position(|broker| broker.name == "real").unwrap_or(brokers.len().saturating_sub(1))
}

/// Starts the brokers that are not running. A broker that fails to start is reported and left out.
pub fn start(choices: &[BrokerChoice], memory: Option<&str>, control: Control<'_>) -> Result<Vec<BenchBroker>> {
    let mut brokers = Vec::new();
    for BrokerChoice { name, address } in choices {
        let started = match (name.as_str(), address) {
            (name, Some(address)) => Ok(running(name, address)),
            ("embedded", None) => embedded(memory),
            ("real3", None) => real("real3", 3),
            (name, None) => real(name, 1),
        };
        match started {
            _ if control.interrupted() => bail!("stopped before anything was measured"),
            Ok(broker) => {
                tracing::info!("{}: {} at {}", broker.name, broker.version, broker.address);
                brokers.push(broker);
            }
            Err(error) => tracing::warn!("{name} is left out: {error:#}"),
        }
    }
    Ok(brokers)
}

pub fn running(name: &str, address: &str) -> BenchBroker {
    let version = "running already".to_owned();
    BenchBroker { name: name.to_owned(), address: address.to_owned(), version, _process: None }
}

/// The program vidbroker in this program's folder.
fn embedded(memory: Option<&str>) -> Result<BenchBroker> {
    let (folder, port) = (TempDir::new().context("a folder for vidbroker's log")?, free_port()?);
    let setup = BrokerSetup { memory: memory.map(str::to_owned), ..BrokerSetup::default() };
    let process = start_embedded(folder.path(), port, &setup)?;
    let version = Program::at(built("vidbroker")?).arg("--version").run().text().trim().to_owned();
    let (name, address) = ("embedded".to_owned(), format!("127.0.0.1:{port}"));
    Ok(BenchBroker { name, address, version, _process: Some(Box::new((process, folder))) })
}

/// A real Apache Kafka. With three nodes each message has a replica on all of them.
fn real(name: &str, nodes: u16) -> Result<BenchBroker> {
    let cluster = Cluster::start(nodes, &root().join(format!(".kafka/bench/{}-{name}", std::process::id())))?;
    // The help names the version of Kafka that the script runs.
    let help = Program::at(root().join("scripts/kafka")).arg("--help").run().text();
    let version: Vec<&str> = help.split_whitespace().skip_while(|word| *word != "Apache").take(3).collect();
    let (address, version) = (cluster.bootstrap().to_owned(), version.join(" "));
    Ok(BenchBroker { name: name.to_owned(), address, version, _process: Some(Box::new(cluster)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_chosen_by_name_or_address() {
        let parts = |text: &str| text.parse().map(|BrokerChoice { name, address }| (name, address));
        for name in ["embedded", "real", "real3"] {
            assert_eq!(parts(name), Ok((name.to_owned(), None)));
        }
        assert_eq!(parts("a=host:9092"), Ok(("a".to_owned(), Some("host:9092".to_owned()))));
        for bad in ["", "kafka", "a=", "=host:1", "a=host"] {
            assert!(bad.parse::<BrokerChoice>().is_err(), "{bad}");
        }
    }
}
