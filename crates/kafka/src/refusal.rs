//! Reasons why a client can permanently not be a member of its group. librdkafka reports them as a fatal error, or in a
//! log line.

use rdkafka::error::RDKafkaErrorCode;

use crate::error;

/// True if the log line means that the broker does not support KIP-848. librdkafka then retries forever, and only its
/// debug log (`cgrp`) contains the reason.
pub(crate) fn is_not_served(log_line: &str) -> bool {
    log_line.contains("ConsumerGroupHeartbeat") && log_line.contains("not supported by broker")
}

pub(crate) fn not_served(brokers: &str) -> String {
    format!(
        "{brokers} does not serve group.protocol=consumer (KIP-848; Kafka does from 4.0 on): omit that setting, and \
         the group uses the classic protocol"
    )
}

/// Message for a member of the classic protocol that the group refuses as long as it has members of another kind.
pub(crate) fn other_protocol(group: &str, brokers: &str) -> String {
    format!(
        "{brokers}: group {group} has members that share its partitions in another way (group.protocol, \
         partition.assignment.strategy): stop them, or set that as they do"
    )
}

/// Message about a fatal error of a group's member, with advice. `description` is librdkafka's.
pub(crate) fn words(code: RDKafkaErrorCode, description: &str, group: &str, brokers: &str) -> String {
    let hint = match code {
        RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature => return not_served(brokers),
        RDKafkaErrorCode::UnreleasedInstanceId => {
            "another member has this group.instance.id: stop it, wait until its session ends, or use another id"
        }
        RDKafkaErrorCode::InvalidRequest => {
            "does the group have members of the classic protocol? stop them, or omit group.protocol=consumer"
        }
        RDKafkaErrorCode::UnsupportedAssignor => {
            "the broker has no such group.remote.assignor; Kafka has uniform and range"
        }
        RDKafkaErrorCode::GroupMaxSizeReached => "the group has as many members as the broker allows",
        _ => description,
    };
    format!("{brokers}: group {group} does not take this member ({}): {hint}", error::name(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafkas_line_of_a_broker_without_it_is_known() {
        assert!(is_not_served(
            "[thrd:main]: Group \"g\": marking the coordinator (1) dead: Local: Required feature not supported by broker: \
             ConsumerGroupHeartbeatRequest not supported by broker"
        ));
        assert!(!is_not_served(
            "[thrd:main]: Group \"g\": marking the coordinator (1) dead: Local: Broker transport failure"
        ));
    }

    #[test]
    fn a_fatal_error_has_advice() {
        let words = |code| words(code, "Broker: said", "g", "localhost:9092");
        assert!(words(RDKafkaErrorCode::UnsupportedVersion).contains("KIP-848"));
        assert!(words(RDKafkaErrorCode::UnreleasedInstanceId).contains("group.instance.id"));
        assert!(words(RDKafkaErrorCode::InvalidRequest).contains("classic"));
        assert!(words(RDKafkaErrorCode::InvalidTimestamp).ends_with("Broker: said"));
    }
}
