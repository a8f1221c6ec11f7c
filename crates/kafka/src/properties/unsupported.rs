//! Properties that librdkafka accepts, but with which the programs would not work.

use std::collections::BTreeMap;

use crate::error::KafkaError;

/// The kind of client that a program is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Producer,
    Consumer,
}

struct Unsupported {
    name: &'static str,
    /// The kind of client on which the property has an effect.
    role: Role,
    is_wrong: fn(&str) -> bool,
    why: &'static str,
}

const UNSUPPORTED: [Unsupported; 4] = [
    Unsupported {
        name: "transactional.id",
        role: Role::Producer,
        is_wrong: |value| !value.is_empty(),
        why: "transactions are not supported; omit it",
    },
    Unsupported {
        name: "delivery.report.only.error",
        role: Role::Producer,
        is_wrong: |value| boolean(value) == Some(true),
        why: "vidprod needs a delivery report for every record; omit it",
    },
    Unsupported {
        name: "enable.partition.eof",
        role: Role::Consumer,
        is_wrong: |value| boolean(value) == Some(false),
        why: "vidcons needs it to detect the end of a topic; omit it",
    },
    Unsupported {
        name: "acks",
        role: Role::Producer,
        is_wrong: |value| !matches!(value.to_ascii_lowercase().as_str(), "all" | "-1" | "0" | "1"),
        why: "brokers take all, 1 and 0",
    },
];

/// Parses a boolean as librdkafka does.
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn find(name: &str, value: &str) -> Option<&'static Unsupported> {
    UNSUPPORTED.iter().find(|one| one.name == name && (one.is_wrong)(value))
}

/// Gives the reason if a property, by librdkafka's name, would only fail later, without a reason.
pub(crate) fn why_unsupported(name: &str, value: &str) -> Option<&'static str> {
    find(name, value).map(|one| one.why)
}

/// Refuses unsupported properties of a file. Those that have no effect on this kind of client are removed, because
/// producers and consumers often share a file. (Those of the command line were refused before.)
pub(crate) fn check_supported(properties: &mut BTreeMap<String, String>, role: Role) -> Result<(), KafkaError> {
    properties.retain(|name, value| find(name, value).is_none_or(|one| one.role == role));
    match properties.iter().find_map(|(name, value)| find(name, value)) {
        Some(one) => Err(KafkaError::Unsupported { property: one.name, from: "-F", why: one.why.to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_that_cannot_work_are_refused() {
        let refused = |name: &str, value: &str| why_unsupported(name, value).unwrap_or_default();
        assert!(refused("transactional.id", "x").contains("transactions are not supported"));
        assert_eq!(refused("transactional.id", ""), "");
        assert!(refused("acks", "7").contains("all, 1 and 0"));
        assert_eq!(refused("acks", "ALL"), "");
    }

    #[test]
    fn booleans_are_spelled_as_librdkafka_takes_them() {
        for (value, expected) in
            [("True", true), ("t", true), ("1", true), ("false", false), ("F", false), ("0", false)]
        {
            let refused = |name: &str| why_unsupported(name, value).is_some();
            assert_eq!(refused("delivery.report.only.error"), expected, "{value}");
            assert_eq!(refused("enable.partition.eof"), !expected, "{value}");
        }
    }

    #[test]
    fn a_file_may_hold_what_only_matters_to_the_other_kind_of_client() {
        let check = |name: &str, value: &str, by_producer: bool, by_consumer: bool| {
            let refused = |role| {
                let mut properties = BTreeMap::from([(name.to_owned(), value.to_owned())]);
                check_supported(&mut properties, role).is_err()
            };
            assert_eq!((refused(Role::Producer), refused(Role::Consumer)), (by_producer, by_consumer), "{name}");
        };
        check("transactional.id", "x", true, false);
        check("acks", "2", true, false);
        check("acks", "1", false, false);
        check("delivery.report.only.error", "1", true, false);
        check("enable.partition.eof", "f", false, true);
    }
}
