//! Property files: kcat's, and those of Java clients, translated to librdkafka's names.

mod unsupported;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::KafkaError;
pub use unsupported::Role;
pub(crate) use unsupported::{check_supported, why_unsupported};

/// Other names of properties. librdkafka would use the one set last, so ours could win by chance without this table.
const ALIASES: [(&str, &str); 15] = [
    ("metadata.broker.list", "bootstrap.servers"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("request.required.acks", "acks"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("compression.codec", "compression.type"),
    ("message.send.max.retries", "retries"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("statistics.interval", "statistics.interval.ms"),
    // Java's names
    ("buffer.memory", "queue.buffering.max.kbytes"),
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.request.size", "message.max.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
];

/// Properties that only Java clients have, and that are ignored.
const JAVA_ONLY: [&str; 19] = [
    "key.serializer",
    "value.serializer",
    "key.deserializer",
    "value.deserializer",
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "client.dns.lookup",
    "max.poll.records",
    "auto.create.topics.enable",
    "default.api.timeout.ms",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "sasl.client.callback.handler.class",
    "schema.registry.url",
    "metric.reporters",
    "interceptor.classes",
    "partitioner.class",
    "partitioner.ignore.keys",
    "max.block.ms",
];

/// Java's properties that have another form here: the name, and what to write instead.
const JAVA_OTHERWISE: [(&str, &str); 3] = [
    ("ssl.truststore.location", "ssl.ca.location=FILE.pem (keytool -exportcert -rfc makes one)"),
    (
        "ssl.keystore.location",
        "ssl.certificate.location=FILE.pem and ssl.key.location=FILE.pem, or ssl.keystore.type=PKCS12",
    ),
    ("ssl.keystore.key", "ssl.key.pem"),
];

/// librdkafka's own name of a property. Removes kcat's `topic.` prefix of topic properties, except from client
/// properties that begin with it.
pub(crate) fn canonical(name: &str) -> String {
    let own = name == "topic.blacklist" || name.starts_with("topic.metadata.");
    let name = name.strip_prefix("topic.").filter(|_| !own).unwrap_or(name);
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, own)| own).to_owned()
}

pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, String>, KafkaError> {
    let fault = |cause: String| KafkaError::File { path: path.display().to_string(), cause };
    let text = std::fs::read_to_string(path).map_err(|e| fault(format!("cannot read it: {e}")))?;
    parse(&text).map_err(fault)
}

fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut raw = BTreeMap::new();
    for (number, line) in logical_lines(text) {
        let (name, value) = line
            .split_once('=')
            .or_else(|| line.split_once(':'))
            .or_else(|| line.split_once(char::is_whitespace))
            .filter(|(name, _)| is_name(name.trim()))
            // The error does not repeat the line, which may be part of a key or a password.
            .ok_or_else(|| {
                format!("line {number} is not NAME=VALUE (names have small letters, digits, '.', '_', '-')")
            })?;
        raw.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    translate(raw)
}

/// True if the text looks like a property name of Java's or librdkafka's. A line of a base64 key does not.
pub(crate) fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(letter)
}

/// Lines without comments; a line that ends in a backslash is joined with the next.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let comment = line.starts_with('#') || line.starts_with('!');
        if !continued && (line.is_empty() || comment) {
            continue;
        }
        let (body, goes_on) = line.strip_suffix('\\').map_or((line, false), |body| (body.trim_end(), true));
        match lines.last_mut().filter(|_| continued) {
            Some((_, last)) => last.push_str(&format!(" {body}")),
            None => lines.push((index + 1, body.to_owned())),
        }
        continued = goes_on;
    }
    lines
}

fn translate(mut raw: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let pem = |raw: &BTreeMap<String, String>, kind: &str| raw.get(kind).is_some_and(|t| t.eq_ignore_ascii_case("PEM"));
    if pem(&raw, "ssl.truststore.type") {
        move_to(&mut raw, "ssl.truststore.location", "ssl.ca.location");
        move_to(&mut raw, "ssl.truststore.certificates", "ssl.ca.pem");
    }
    if raw.get("ssl.keystore.type").is_some_and(|t| t.eq_ignore_ascii_case("PKCS12")) {
        // librdkafka reads PKCS#12 files under Java's property names.
        raw.remove("ssl.keystore.type");
    } else if let Some((name, instead)) = JAVA_OTHERWISE.iter().find(|(name, _)| raw.contains_key(*name)) {
        return Err(format!("{name} is for Java clients; here it is {instead}"));
    }
    if let Some(jaas) = raw.get("sasl.jaas.config").cloned() {
        let mechanism = raw.get("sasl.mechanism").or(raw.get("sasl.mechanisms")).cloned();
        raw.extend(jaas_login(&jaas, mechanism.as_deref())?);
    }
    for name in ["ssl.truststore.type", "ssl.truststore.password", "ssl.keystore.type"] {
        raw.remove(name);
    }
    let own = raw.into_iter().filter(|(name, _)| !JAVA_ONLY.contains(&name.as_str()));
    Ok(own.map(|(name, value)| java_value(&name, value)).collect())
}

/// Translates values whose unit or spelling differs.
fn java_value(name: &str, value: String) -> (String, String) {
    let own = canonical(name);
    match (name, value.as_str()) {
        ("buffer.memory", bytes) => {
            let kbytes = bytes.parse::<u64>().map_or(bytes.to_owned(), |b| (b / 1024).max(1).to_string());
            (own, kbytes)
        }
        ("ssl.endpoint.identification.algorithm", "") => (own, "none".to_owned()),
        _ => (own, value),
    }
}

fn move_to(raw: &mut BTreeMap<String, String>, from: &str, to: &str) {
    if let Some(value) = raw.remove(from) {
        raw.insert(to.to_owned(), value);
    }
}

/// Extracts user and password from `org.apache.kafka…PlainLoginModule required username="u" password="p";`.
fn jaas_login(jaas: &str, mechanism: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let known = jaas.contains("PlainLoginModule") || jaas.contains("ScramLoginModule");
    let (Some(user), Some(password)) = (jaas_value(jaas, "username"), jaas_value(jaas, "password")) else {
        return Err("sasl.jaas.config holds no username and password: use sasl.username= and sasl.password=".to_owned());
    };
    if !known {
        return Err(
            "sasl.jaas.config is understood for PLAIN and SCRAM; for others set sasl.mechanism and librdkafka's \
                    sasl.* properties"
                .to_owned(),
        );
    }
    let mut login = vec![("sasl.username".to_owned(), user), ("sasl.password".to_owned(), password)];
    if mechanism.is_none() && jaas.contains("PlainLoginModule") {
        login.push(("sasl.mechanism".to_owned(), "PLAIN".to_owned()));
    }
    Ok(login)
}

fn jaas_value(jaas: &str, name: &str) -> Option<String> {
    let rest = jaas.split_once(name)?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].split_once(quote).map(|(value, _)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn kcat_files_are_read() {
        check(
            "# a comment\n\nbootstrap.servers = a:1,b:2\nlinger.ms=3\n",
            &[("bootstrap.servers", "a:1,b:2"), ("linger.ms", "3")],
        );
    }

    #[test]
    fn kcats_topic_prefix_is_removed_only_where_it_is_a_prefix() {
        assert_eq!(canonical("topic.request.required.acks"), "acks");
        for own in [
            "topic.metadata.refresh.interval.ms",
            "topic.metadata.refresh.fast.interval.ms",
            "topic.metadata.refresh.sparse",
            "topic.metadata.propagation.max.ms",
            "topic.blacklist",
        ] {
            assert_eq!(canonical(own), own);
        }
    }

    #[test]
    fn java_logins_become_ours() {
        check(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nkey.serializer=x.Y\n\
             sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  \
             username=\"alice\" \\\n  password=\"p=w\";\n",
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.username", "alice"),
                ("sasl.password", "p=w"),
            ],
        );
    }

    #[test]
    fn java_names_are_translated_to_librdkafkas() {
        check(
            "max.request.size=5\nssl.enabled.protocols=TLSv1.3\nfetch.max.wait.ms 20\n",
            &[("message.max.bytes", "5"), ("fetch.wait.max.ms", "20")],
        );
    }

    #[test]
    fn a_pem_truststore_is_a_ca_file() {
        check("ssl.truststore.type=PEM\nssl.truststore.location=/ca.pem\n", &[("ssl.ca.location", "/ca.pem")]);
    }

    #[test]
    fn properties_that_only_java_can_read_name_their_replacement() {
        let error = parse("ssl.truststore.location=/a.jks\n").expect_err("a JKS file cannot be read");
        assert!(error.contains("ssl.ca.location"), "{error}");
        let error = parse("sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;\n").expect_err("no");
        assert!(error.contains("sasl.username"), "{error}");
    }

    #[test]
    fn a_line_that_is_no_property_is_numbered_and_not_repeated() {
        for line in ["hunter2", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC==", "-----BEGIN PRIVATE KEY-----", "= hunter2"] {
            let error = parse(&format!("a=b\n{line}\n")).expect_err(line);
            assert!(error.starts_with("line 2 is not NAME=VALUE (names have"), "{error}");
        }
    }
}
