//! Properties that librdkafka accepts, but with which the programs would not work.

use std::collections::BTreeMap;

use crate::error::KafkaFault;

struct Unsupported {
    name: &'static str,
    is_wrong: fn(&str) -> bool,
    why: &'static str,
}

const UNSUPPORTED: [Unsupported; 4] = [
    Unsupported {
        name: "transactional.id",
        is_wrong: |value| !value.is_empty(),
        why: "transactions are not supported; leave it away",
    },
    Unsupported {
        name: "delivery.report.only.error",
        is_wrong: |value| value.eq_ignore_ascii_case("true"),
        why: "what is acknowledged is counted; leave it away",
    },
    Unsupported {
        name: "enable.partition.eof",
        is_wrong: |value| value.eq_ignore_ascii_case("false"),
        why: "it is how the end of a topic is seen; leave it away",
    },
    Unsupported {
        name: "acks",
        is_wrong: |value| !matches!(value.to_ascii_lowercase().as_str(), "all" | "-1" | "0" | "1"),
        why: "brokers take all, 1 and 0",
    },
];

/// Refuses properties that would only fail later, without a reason.
pub(crate) fn check_supported(properties: &BTreeMap<String, String>) -> Result<(), KafkaFault> {
    let is_wrong = |one: &Unsupported| properties.get(one.name).is_some_and(|value| (one.is_wrong)(value));
    match UNSUPPORTED.iter().find(|one| is_wrong(one)) {
        Some(Unsupported { name, why, .. }) => Err(KafkaFault::Unsupported { property: name, why }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused() {
        let refused = |name: &str, value: &str| {
            check_supported(&[(name.to_owned(), value.to_owned())].into()).err().map(|fault| fault.to_string())
        };
        assert!(refused("transactional.id", "x").is_some_and(|words| words.contains("transactions are not supported")));
        assert_eq!(refused("transactional.id", ""), None);
        assert!(refused("delivery.report.only.error", "True").is_some());
        assert_eq!(refused("enable.partition.eof", "true"), None);
        assert!(refused("acks", "7").is_some());
        assert_eq!(refused("acks", "ALL"), None);
    }
}
