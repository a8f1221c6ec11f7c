//! The brokers to compare: some are started here and stopped afterwards, others run already.

use std::fmt::Debug;
use std::str::FromStr;

use anyhow::{Context, bail};
use tempfile::TempDir;
use testkit::Program;
use testkit::cluster::Cluster;
use testkit::node::{BrokerSetup, start_embedded};
use testkit::port::free_port;
use testkit::workspace::{built, root};

use crate::control::Control;
use crate::report::BrokerFacts;

/// A broker as named on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BrokerChoice {
    Embedded,
    Real,
    /// Three nodes, with a replica of each message on all of them.
    Real3,
    Running {
        name: String,
        address: String,
    },
}

impl BrokerChoice {
    pub fn name(&self) -> &str {
        match self {
            BrokerChoice::Embedded => "embedded",
            BrokerChoice::Real => "real",
            BrokerChoice::Real3 => "real3",
            BrokerChoice::Running { name, .. } => name,
        }
    }
}

impl FromStr for BrokerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<BrokerChoice, String> {
        match (text, text.split_once('=')) {
            ("embedded", _) => Ok(BrokerChoice::Embedded),
            ("real", _) => Ok(BrokerChoice::Real),
            ("real3", _) => Ok(BrokerChoice::Real3),
            (_, Some((name, address))) if !name.is_empty() && address.contains(':') => {
                Ok(BrokerChoice::Running { name: name.to_owned(), address: address.to_owned() })
            }
            _ => Err("write embedded, real, real3 or NAME=HOST:PORT".to_owned()),
        }
    }
}

/// A running broker. A broker that was started here ends with this value.
#[derive(Debug)]
pub struct StartedBroker {
    pub name: String,
    pub address: String,
    /// Name and version of the broker program.
    pub version: String,
    _process: Option<Box<dyn Debug + Send + Sync>>,
}

impl StartedBroker {
    pub fn facts(&self) -> BrokerFacts {
        BrokerFacts { name: self.name.clone(), address: self.address.clone(), version: self.version.clone() }
    }
}

/// The broker with which others are compared: the real Kafka, or the last one if there is none.
pub fn base(brokers: &[StartedBroker]) -> usize {
    brokers.iter().position(|broker| broker.name == "real").unwrap_or(brokers.len().saturating_sub(1))
}

/// Starts the brokers that are not running. A broker that fails to start is reported and left out, unless there is no
/// other.
pub fn start(
    choices: &[BrokerChoice],
    memory: Option<&str>,
    control: Control<'_>,
) -> anyhow::Result<Vec<StartedBroker>> {
    let mut brokers = Vec::new();
    for choice in choices {
        let started = match choice {
            BrokerChoice::Embedded => embedded(memory),
            BrokerChoice::Real => real("real", 1),
            BrokerChoice::Real3 => real("real3", 3),
            BrokerChoice::Running { name, address } => Ok(running(name, address)),
        };
        match started {
            _ if control.interrupted() => bail!("stopped before anything was measured"),
            Ok(broker) => {
                tracing::info!("{}: {} at {}", broker.name, broker.version, broker.address);
                brokers.push(broker);
            }
            Err(error) if choices.len() > 1 => tracing::warn!("{} is left out: {error:#}", choice.name()),
            Err(error) => return Err(error),
        }
    }
    anyhow::ensure!(!brokers.is_empty(), "none of the brokers could be started");
    Ok(brokers)
}

pub fn running(name: &str, address: &str) -> StartedBroker {
    StartedBroker {
        name: name.to_owned(),
        address: address.to_owned(),
        version: "running already".to_owned(),
        _process: None,
    }
}

/// The program vidbroker in this program's folder.
fn embedded(memory: Option<&str>) -> anyhow::Result<StartedBroker> {
    let (folder, port) = (TempDir::new().context("a folder for vidbroker's log")?, free_port()?);
    let setup = BrokerSetup { memory: memory.map(str::to_owned), ..BrokerSetup::default() };
    let process = start_embedded(folder.path(), port, &setup)?;
    let version = Program::at(built("vidbroker")?).arg("--version").run().text().trim().to_owned();
    let (name, address) = ("embedded".to_owned(), format!("127.0.0.1:{port}"));
    Ok(StartedBroker { name, address, version, _process: Some(Box::new((process, folder))) })
}

/// A real Apache Kafka with one node or three.
fn real(name: &str, nodes: u16) -> anyhow::Result<StartedBroker> {
    let cluster = Cluster::start(nodes, &root().join(format!(".kafka/bench/{}-{name}", std::process::id())))?;
    // The help names the version of Kafka that the script runs.
    let help = Program::at(root().join("scripts/kafka")).arg("--help").run().text();
    let version: Vec<&str> = help.split_whitespace().skip_while(|word| *word != "Apache").take(3).collect();
    let (address, version) = (cluster.bootstrap().to_owned(), version.join(" "));
    Ok(StartedBroker { name: name.to_owned(), address, version, _process: Some(Box::new(cluster)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_chosen_by_name_or_address() {
        assert_eq!("embedded".parse(), Ok(BrokerChoice::Embedded));
        assert_eq!("real".parse(), Ok(BrokerChoice::Real));
        assert_eq!("real3".parse(), Ok(BrokerChoice::Real3));
        let running = BrokerChoice::Running { name: "a".to_owned(), address: "host:9092".to_owned() };
        assert_eq!("a=host:9092".parse(), Ok(running));
        for bad in ["", "kafka", "a=", "=host:1", "a=host"] {
            assert!(bad.parse::<BrokerChoice>().is_err(), "{bad}");
        }
    }
}
