//! Finds the brokers and properties: options take precedence over the environment, the file and localhost, in this
//! order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};
use common::secret;

use crate::error::KafkaError;
use crate::properties::{self, Role};

pub const DEFAULT_BROKERS: &str = "localhost:9092";
const ENVIRONMENT: [&str; 3] = ["KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS"];

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to connect to first [env: KAFKA_BROKERS, KAFKA_BOOTSTRAP_SERVERS, BOOTSTRAP_SERVERS] [default: localhost:9092]
    #[arg(short, long, visible_alias = "bootstrap-server", value_name = "HOST:PORT,…", value_parser = brokers)]
    pub brokers: Option<String>,
    /// Set a librdkafka property; overrides -F and our own settings (repeatable)
    #[arg(short = 'X', hide_short_help = true, value_name = "PROP=VALUE", value_parser = PropertyParser)]
    pub properties: Vec<(String, String)>,
    /// Read properties from a file in kcat's format, or a Java client.properties
    #[arg(short = 'F', long, hide_short_help = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The brokers' address and the user's properties.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    pub brokers: String,
    /// True if the user named these brokers, so that no other broker may be used instead.
    pub named: bool,
    /// The user's properties, by librdkafka's names.
    pub properties: BTreeMap<String, String>,
}

impl Connection {
    /// True if the user named no broker and set no TLS or login. Then any broker at Kafka's usual address is used, and
    /// it need not exist.
    pub fn uses_default_broker(&self) -> bool {
        !self.named && !self.properties.keys().any(|name| name == "security.protocol" || name.starts_with("sasl."))
    }

    /// The user's properties, with secrets hidden.
    pub fn shown_properties(&self) -> BTreeMap<String, String> {
        let shown = |name: &str, value: &str| match secret::is_secret(name) {
            true => secret::HIDDEN.to_owned(),
            false => secret::hide(value).into_owned(),
        };
        self.properties.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
    }
}

impl KafkaArgs {
    /// Refuses properties of the command line that would only fail later, without a reason.
    pub fn check(&self) -> Result<(), String> {
        self.properties.iter().try_for_each(|(name, value)| {
            let why = properties::why_unsupported(&properties::canonical(name), value);
            why.map_or(Ok(()), |why| Err(format!("-X {name}={value} cannot be used here: {why}")))
        })
    }

    pub fn connection(&self, role: Role) -> Result<Connection, KafkaError> {
        let secrets = self.properties.iter().filter(|(name, value)| holds_a_secret(name, value));
        let names: Vec<&str> = secrets.map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            tracing::warn!(
                event = "password_exposed",
                "-X {}: every user of this machine can read the command line (ps); write it into a file that only you can \
                 read, and name that with -F FILE",
                names.join(", ")
            );
        }
        self.connection_again(role)
    }

    /// The same for a second client of a program, without repeating the warning.
    pub fn connection_again(&self, role: Role) -> Result<Connection, KafkaError> {
        let environment = ENVIRONMENT.iter().filter_map(|name| std::env::var(name).ok()).find(|v| !v.trim().is_empty());
        self.connection_with(role, environment)
    }

    fn connection_with(&self, role: Role, environment: Option<String>) -> Result<Connection, KafkaError> {
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
        properties::check_supported(&mut properties, role)?;
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

/// Adds Kafka's port to addresses without one.
fn with_ports(brokers: &str) -> String {
    let with_port = |broker: &str| {
        let host = broker.rsplit("://").next().unwrap_or(broker);
        if host.contains(':') { broker.to_owned() } else { format!("{broker}:9092") }
    };
    brokers.split(',').map(str::trim).filter(|b| !b.is_empty()).map(with_port).collect::<Vec<_>>().join(",")
}

fn holds_a_secret(name: &str, value: &str) -> bool {
    (secret::is_secret(name) && !value.is_empty()) || secret::is_in(value)
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if properties::is_name(name.trim()) => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a property is written NAME=VALUE, with a name of small letters, digits, '.', '_' and '-'".to_owned()),
    }
}

/// Parses a property. A value that is none is not repeated in the error, because it may be a password.
#[derive(Clone, Copy, Debug)]
struct PropertyParser;

impl TypedValueParser for PropertyParser {
    type Value = (String, String);

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Self::Value, clap::Error> {
        let text = value.to_string_lossy();
        property(&text).map_err(|why| {
            // The part that was probably meant as a name, such as `linger.ms` or `sasl.password:x`.
            let name = text.split(['=', ':', ' ']).next().unwrap_or_default();
            let name = if properties::is_name(name) && name.contains('.') { format!(" {name}") } else { String::new() };
            clap::Error::raw(ErrorKind::ValueValidation, format!("-X{name}: {why}\n")).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &KafkaArgs, environment: Option<&str>, brokers: &str, named: bool) {
        let connection =
            args.connection_with(Role::Consumer, environment.map(str::to_owned)).expect("no file to fail on");
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
        let connection = args.connection_with(Role::Consumer, None).expect("the file is good");
        assert_eq!(connection.properties.get("linger.ms").map(String::as_str), Some("1"), "a flag is over the file");
        std::fs::remove_file(path).expect("it was there");
    }

    #[test]
    fn properties_that_cannot_work_are_refused_by_any_of_their_names() {
        let refused = |name: &str, value: &str| {
            let properties = vec![(name.to_owned(), value.to_owned())];
            KafkaArgs { properties, ..KafkaArgs::default() }.check().err().unwrap_or_default()
        };
        assert!(refused("topic.request.required.acks", "2").starts_with("-X topic.request.required.acks=2 cannot"));
        assert!(refused("transactional.id", "x").contains("omit it"));
        assert_eq!(refused("acks", "1"), "");
    }

    #[test]
    fn a_property_has_a_name_and_a_value() {
        assert_eq!(property("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(property("a").is_err());
        assert!(property("=a").is_err());
    }

    #[test]
    fn a_malformed_property_is_not_repeated() {
        let refused = |text: &str| {
            let command = Command::new("vidprod");
            PropertyParser.parse_ref(&command, None, OsStr::new(text)).expect_err("it is no property").to_string()
        };
        for text in ["hunter2", "=hunter2", "sasl.password:hunter2", "sasl.password hunter2", "sasl password=hunter2"] {
            let words = refused(text);
            assert!(words.contains("-X") && words.contains("NAME=VALUE") && !words.contains("hunter2"), "{words}");
        }
        assert!(refused("linger.ms").contains("linger.ms"), "a name alone is named");
    }

    #[test]
    fn a_report_shows_properties_without_secrets() {
        let given = [
            ("sasl.password", "hunter2", "(hidden)"),
            ("ssl.key.pem", "hunter2", "(hidden)"),
            ("ssl.key.location", "/me.key", "/me.key"),
            ("sasl.oauthbearer.token.endpoint.url", "https://me:hunter2@host/", "https://me:(hidden)@host/"),
        ];
        let properties = given.iter().map(|(n, v, _)| ((*n).to_owned(), (*v).to_owned())).collect();
        let shown = Connection { brokers: String::new(), named: false, properties }.shown_properties();
        for (name, _, expected) in given {
            assert_eq!(shown[name], expected, "{name}");
        }
    }

    #[test]
    fn a_secret_on_the_command_line_is_worth_a_warning() {
        assert!(holds_a_secret("sasl.password", "hunter2"));
        assert!(holds_a_secret("sasl.oauthbearer.token.endpoint.url", "https://me:hunter2@host/"));
        assert!(!holds_a_secret("sasl.password", ""));
        assert!(!holds_a_secret("ssl.key.location", "/me.key"));
    }
}
