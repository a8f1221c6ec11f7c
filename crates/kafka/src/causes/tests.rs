//! Lines written by librdkafka, and the cause and cure that are made of them.

use super::*;
use crate::options::Connection;

fn credentials(properties: &[(&str, &str)]) -> Credentials {
    let properties = properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Credentials::of(&Connection { brokers: "127.0.0.1:9092".to_owned(), named: true, properties })
}

const PLAIN: &[(&str, &str)] = &[];
const TLS: &[(&str, &str)] = &[("security.protocol", "ssl")];
const SASL: &[(&str, &str)] =
    &[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN"), ("sasl.username", "alice")];

#[track_caller]
fn check(properties: &[(&str, &str)], line: &str, denied: bool, words: &str, sentence: &str) {
    let failure = Failure::parse(line).expect("it names a broker");
    let problem = problem(&failure, &credentials(properties), false);
    assert_eq!((problem.denied, problem.words.as_str()), (denied, words), "{line}");
    let said = problem.sentence("127.0.0.1:9092");
    assert!(said.contains(sentence), "{line}\n{said}");
    assert!(!said.contains('{'), "{said}");
}

/// Lines written by librdkafka 2.12.1, connected to a Kafka 4.1 with a listener of each kind.
#[test]
fn librdkafkas_lines_have_a_cause_and_a_cure() {
    check(
        PLAIN,
        "[thrd:127.0.0.1:9/bootstrap]: 127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused \
         (after 0ms in state CONNECT)",
        false,
        "connection refused",
        "no Kafka answers at 127.0.0.1:9092 (connection refused)",
    );
    check(
        PLAIN,
        "nowhere.invalid:9092/bootstrap: Failed to resolve 'nowhere.invalid:9092': Temporary failure in name \
         resolution (after 0ms in state CONNECT)",
        false,
        "host name nowhere.invalid not found",
        "(host name nowhere.invalid not found)",
    );
    check(
        PLAIN,
        "[thrd:h:1/bootstrap]: h:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: No route to host (after 3ms in state \
         CONNECT)",
        false,
        "no route to host",
        "",
    );
    check(
        PLAIN,
        "[thrd:127.0.0.1:9094/bootstrap]: 127.0.0.1:9094/bootstrap: Disconnected: connection closed by peer: receive 0 \
         after POLLIN (after 21ms in state APIVERSION_QUERY)",
        false,
        "connection closed at once",
        "the broker at 127.0.0.1:9094 closed the connection at once: it may expect TLS (-X security.protocol=SSL), or have \
         as many clients as it takes",
    );
    check(
        PLAIN,
        "[thrd:127.0.0.1:9095/bootstrap]: 127.0.0.1:9095/bootstrap: Disconnected: connection closed by peer: receive 0 \
         after POLLIN (after 0ms in state UP, 1 identical error(s) suppressed)",
        false,
        "connection closed at the first request",
        "does it expect a login?",
    );
    check(
        PLAIN,
        "127.0.0.1:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 5210ms in state UP)",
        false,
        "connection closed",
        "(connection closed)",
    );
}

#[test]
fn tls_has_causes_and_cures() {
    check(
        TLS,
        "[thrd:ssl://127.0.0.1:9092/bootstrap]: ssl://127.0.0.1:9092/bootstrap: Disconnected: SSL connection closed by \
         peer (after 4ms in state SSL_HANDSHAKE)",
        false,
        "connection closed during the TLS handshake",
        "the broker at 127.0.0.1:9092 closed the connection during the TLS handshake: does it expect plaintext?",
    );
    check(
        TLS,
        "ssl://127.0.0.1:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting \
         to a PLAINTEXT broker listener? (after 1ms in state SSL_HANDSHAKE)",
        false,
        "connection closed during the TLS handshake",
        "does it expect plaintext?",
    );
    check(
        TLS,
        "ssl://127.0.0.1:9094/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
         broker certificate could not be verified, verify that ssl.ca.location is correctly configured or root CA \
         certificates are installed (install ca-certificates package) (after 66ms in state SSL_HANDSHAKE)",
        true,
        "broker's certificate not trusted",
        "-X ssl.ca.location=FILE.pem",
    );
    check(
        TLS,
        "ssl://127.0.0.1:9097/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL \
         alert number 42 (after 2ms in state APIVERSION_QUERY)",
        true,
        "client certificate required",
        "ssl.certificate.location=FILE.pem",
    );
}

#[test]
fn logins_have_causes_and_cures() {
    check(
        SASL,
        "sasl_plaintext://127.0.0.1:9095/bootstrap: SASL authentication error: Authentication failed: Invalid username \
         or password (after 311ms in state AUTH_REQ)",
        true,
        "login of user alice refused",
        "127.0.0.1:9095 refuses the login of user alice (Invalid username or password): check sasl.username",
    );
    check(
        &[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "SCRAM-SHA-256")],
        "sasl_plaintext://127.0.0.1:9095/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported \
         SASL mechanism: broker's supported mechanisms: PLAIN (after 301ms in state AUTH_HANDSHAKE)",
        true,
        "SASL mechanism SCRAM-SHA-256 not offered",
        "does not offer the SASL mechanism SCRAM-SHA-256, only PLAIN",
    );
    check(
        SASL,
        "sasl_plaintext://127.0.0.1:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in \
         current SASL state: broker's supported mechanisms:  (after 1ms in state AUTH_HANDSHAKE)",
        true,
        "broker takes no login",
        "takes no login at this port",
    );
}

#[test]
fn an_advertised_address_that_cannot_be_reached_is_named_with_who_gave_it() {
    let lines = [
        "kafka.internal:9098/1: Failed to resolve 'kafka.internal:9098': Temporary failure in name resolution (after \
         0ms in state CONNECT)",
        "[thrd:GroupCoordinator]: GroupCoordinator: kafka.internal:9098: Failed to resolve 'kafka.internal:9098': \
         Temporary failure in name resolution (after 0ms in state CONNECT)",
    ];
    for line in lines {
        check(
            PLAIN,
            line,
            false,
            "advertised kafka.internal:9098 unreachable",
            "the broker at 127.0.0.1:9092 answers, but advertises kafka.internal:9098 (its advertised.listeners), \
             which cannot be reached: host name kafka.internal not found",
        );
        let failure = Failure::parse(line).expect("it names a broker");
        let again = problem(&failure, &credentials(PLAIN), true);
        assert_eq!(again.words, "host name kafka.internal not found", "it was reached before");
    }
    check(
        PLAIN,
        "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
        false,
        "connection refused",
        "no Kafka answers",
    );
}

#[test]
fn a_line_without_a_broker_is_no_failure() {
    assert_eq!(Failure::parse("1/1 brokers are down"), None);
    assert_eq!(Failure::parse("GroupCoordinator: Decommissioning"), None);
}
