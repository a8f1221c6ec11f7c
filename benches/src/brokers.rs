//! The brokers to compare: some are started here and stopped afterwards, others run already.

mod embedded;
mod real;

use std::net::TcpListener;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};

use crate::afterwards::Afterwards;
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
    _afterwards: Option<Afterwards>,
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
            BrokerChoice::Embedded => embedded::start(memory),
            BrokerChoice::Real => real::start("real", 1),
            BrokerChoice::Real3 => real::start("real3", 3),
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
        _afterwards: None,
    }
}

/// Finds a free port of 127.0.0.1 that also `fits`, below the ports that the system gives to clients.
pub fn free_port(fits: impl Fn(u16) -> bool) -> anyhow::Result<u16> {
    let first = u16::try_from(std::process::id() % 500).expect("below 500") * 20;
    (0..600)
        .map(|i| 20_000 + (first + i * 20) % 12_000)
        .find(|&port| is_free(port) && fits(port))
        .context("no free port between 20000 and 32000")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The root folder of the sources, which contains the scripts.
pub fn root() -> PathBuf {
    let benches = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    benches.parent().map_or(benches.clone(), PathBuf::from)
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
