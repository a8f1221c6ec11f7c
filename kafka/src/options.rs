//! Which broker, and with what properties: flags over environment over file over localhost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use crate::error::KafkaFault;
use crate::properties;

pub const DEFAULT_BROKERS: &str = "localhost:9092";
const ENVIRONMENT: [&str; 3] = ["KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS"];

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to ask first [env: KAFKA_BROKERS, KAFKA_BOOTSTRAP_SERVERS, BOOTSTRAP_SERVERS] [default: localhost:9092]
    #[arg(short, long, visible_alias = "bootstrap-server", value_name = "HOST:PORT,…", value_parser = brokers)]
    pub brokers: Option<String>,
    /// Any librdkafka property; overrides ours and the file's (repeatable)
    #[arg(short = 'X', value_name = "PROP=VALUE", value_parser = property)]
    pub properties: Vec<(String, String)>,
    /// Properties from a file: kcat's format, or a Java client.properties
    #[arg(short = 'F', long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where the brokers' address came from, and what else is set by the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    pub brokers: String,
    /// Somebody named these brokers: they are not to be replaced by any of our own.
    pub named: bool,
    /// The user's properties under librdkafka's own names.
    pub properties: BTreeMap<String, String>,
}

impl Connection {
    /// Nobody named a broker: whatever is at Kafka's usual place is meant, without TLS or passwords, and it need not be there.
    pub fn is_usual(&self) -> bool {
        !self.named && !self.properties.keys().any(|name| name == "security.protocol" || name.starts_with("sasl."))
    }

    /// The user's properties, without secrets.
    pub fn shown_properties(&self) -> BTreeMap<String, String> {
        let secret = |name: &str| ["password", "secret", "pem", "key"].iter().any(|s| name.contains(s));
        let shown = |(n, v): (&String, &String)| (n.clone(), if secret(n) { "(hidden)".to_owned() } else { v.clone() });
        self.properties.iter().map(shown).collect()
    }
}

impl KafkaArgs {
    pub fn connection(&self) -> Result<Connection, KafkaFault> {
        let environment = ENVIRONMENT.iter().filter_map(|name| std::env::var(name).ok()).find(|v| !v.trim().is_empty());
        self.connection_with(environment)
    }

    fn connection_with(&self, environment: Option<String>) -> Result<Connection, KafkaFault> {
        let mut properties = match &self.config {
            Some(path) => properties::read(path)?,
            None => BTreeMap::new(),
        };
        let of_file = properties.remove("bootstrap.servers");
        for (name, value) in &self.properties {
            properties.insert(properties::canonical(name), value.clone());
        }
        let of_flag = self.brokers.clone().or_else(|| properties.get("bootstrap.servers").cloned());
        properties.remove("bootstrap.servers");
        let named = of_flag.or(environment).or(of_file);
        Ok(Connection {
            named: named.is_some(),
            brokers: named.map_or_else(|| DEFAULT_BROKERS.to_owned(), |b| with_ports(&b)),
            properties,
        })
    }
}

fn brokers(text: &str) -> Result<String, String> {
    let good = text.split(',').map(str::trim).any(|b| !b.is_empty()) && !text.contains(char::is_whitespace);
    good.then(|| text.to_owned()).ok_or_else(|| "write HOST:PORT, several with commas between".to_owned())
}

/// Kafka's port where none is given.
fn with_ports(brokers: &str) -> String {
    let with_port = |broker: &str| {
        let host = broker.rsplit("://").next().unwrap_or(broker);
        if host.contains(':') { broker.to_owned() } else { format!("{broker}:9092") }
    };
    brokers.split(',').map(str::trim).filter(|b| !b.is_empty()).map(with_port).collect::<Vec<_>>().join(",")
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("a property is written NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &KafkaArgs, environment: Option<&str>, brokers: &str, named: bool) {
        let connection = args.connection_with(environment.map(str::to_owned)).expect("no file to fail on");
        assert_eq!((connection.brokers.as_str(), connection.named), (brokers, named));
        assert!(!connection.properties.contains_key("bootstrap.servers"));
    }

    #[test]
    fn a_flag_is_over_the_environment_over_the_default() {
        let none = KafkaArgs::default();
        check(&none, None, "localhost:9092", false);
        check(&none, Some("env:1"), "env:1", true);
        let flag = KafkaArgs { brokers: Some("flag,other:2".to_owned()), ..KafkaArgs::default() };
        check(&flag, Some("env:1"), "flag:9092,other:2", true);
        let property = ("metadata.broker.list".to_owned(), "prop:3".to_owned());
        let of_property = KafkaArgs { properties: vec![property], ..KafkaArgs::default() };
        check(&of_property, Some("env:1"), "prop:3", true);
    }

    #[test]
    fn the_environment_is_over_the_file() {
        let path = std::env::temp_dir().join(format!("kafka-options-{}.properties", std::process::id()));
        std::fs::write(&path, "bootstrap.servers=file:4\nlinger.ms=7\n").expect("the temp folder is writable");
        let properties = vec![("queue.buffering.max.ms".to_owned(), "1".to_owned())];
        let args = KafkaArgs { config: Some(path.clone()), properties, ..KafkaArgs::default() };
        check(&args, None, "file:4", true);
        check(&args, Some("env:1"), "env:1", true);
        let connection = args.connection_with(None).expect("the file is good");
        assert_eq!(connection.properties.get("linger.ms").map(String::as_str), Some("1"), "a flag is over the file");
        std::fs::remove_file(path).expect("it was there");
    }

    #[test]
    fn a_property_has_a_name_and_a_value() {
        assert_eq!(property("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(property("a").is_err());
        assert!(property("=a").is_err());
    }
}
