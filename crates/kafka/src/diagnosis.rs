//! Probes a broker that breaks connections, over a separate connection, to find out what it expects (TLS, a login).

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};

use crate::causes::{ConnectionProblem, Question};
use crate::context::Context;
use crate::options::Connection;
use crate::server_kind::{ServerKind, connect, probe_server};
use crate::settings;

/// Timeout of each probe. Every Kafka answers at once.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The smallest TLS 1.2 ClientHello that a server must answer, if only with an alert: 32 bytes that should be random,
/// no session, one cipher suite, no compression, no extensions.
const CLIENT_HELLO: &[u8; 50] = b"\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x03\
    a hello of thirty-two bytes, so.\
    \0\0\x02\0\x2f\x01\0";
/// A SaslHandshake request, version 1, for the mechanism PLAIN.
const SASL_HANDSHAKE: &[u8; 27] = b"\0\0\0\x17\0\x11\0\x01\0\0\x2a\x2a\0\x06vidask\0\x05PLAIN";

impl Context {
    /// The problem, confirmed by probing the broker if that is possible. Takes up to some seconds, once for each
    /// problem.
    pub fn checked_problem(&self, connection: &Connection) -> Option<ConnectionProblem> {
        let problem = self.problem()?;
        let Ok(mut checked) = self.checked.lock() else { return Some(problem) };
        match &*checked {
            Some((asked, answer)) if *asked == problem => Some(answer.clone()),
            _ => {
                let answer = confirmed(problem.clone(), connection);
                *checked = Some((problem, answer.clone()));
                Some(answer)
            }
        }
    }
}

/// Probes the broker to confirm the cause. Returns `problem` unchanged if that is not possible.
fn confirmed(problem: ConnectionProblem, connection: &Connection) -> ConnectionProblem {
    let Some((question, broker)) = &problem.question else { return problem };
    let certain = |words: &str, sentence: String| ConnectionProblem {
        denied: true,
        words: words.to_owned(),
        sentence: Some(sentence),
        ..ConnectionProblem::default()
    };
    match question {
        Question::Tls => match speaks_tls(broker) {
            Some(true) => certain(
                "broker expects TLS",
                format!(
                    "the broker at {broker} expects TLS: -X security.protocol=SSL (SASL_SSL where it expects a login too)"
                ),
            ),
            // The broker may accept us later, so this is not certain.
            Some(false) => {
                let sentence = format!(
                    "the broker at {broker} closes connections at once, and does not expect TLS: it may have as many clients as \
                     it takes (vidbroker: --max-connections), which its log would say"
                );
                ConnectionProblem { sentence: Some(sentence), ..problem }
            }
            None => problem,
        },
        Question::Plaintext if probe_server(broker, TIMEOUT) == ServerKind::Kafka => certain(
            "broker speaks no TLS",
            format!(
                "the broker at {broker} does not speak TLS at this port: omit SSL in security.protocol, or name its \
                 TLS port with -b"
            ),
        ),
        Question::Login if expects_login(broker) => certain(
            "broker expects a login",
            format!(
                "the broker at {broker} expects a login: -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN (or \
                 SCRAM-SHA-512) -X sasl.username=NAME -X sasl.password=PASSWORD, better in a file for -F"
            ),
        ),
        Question::Certificate if is_trusted_by_any_name(connection) => certain(
            "broker's certificate is for another host",
            format!(
                "the certificate of the broker at {broker} is for another host name: name the broker as its certificate \
                 does (-b, and its advertised.listeners), or accept any with -X ssl.endpoint.identification.algorithm=none"
            ),
        ),
        Question::Certificate => {
            let ca = connection.properties.get("ssl.ca.location");
            let now = ca.map_or("the system's CAs are trusted now".to_owned(), |ca| format!("{ca} is trusted now"));
            certain(
                "broker's certificate not trusted",
                format!(
                    "the certificate of the broker at {broker} is signed by no CA that is trusted here, or has expired: \
                     -X ssl.ca.location=FILE.pem names its CA ({now})"
                ),
            )
        }
        _ => problem,
    }
}

/// Sends `question` and returns the first `N` bytes of the answer. An error if the broker closes the connection or does
/// not answer.
fn answer<const N: usize>(mut stream: TcpStream, question: &[u8]) -> io::Result<[u8; N]> {
    let mut answer = [0; N];
    stream.write_all(question)?;
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// True if the server answers with a TLS handshake record or an alert. `None` if it cannot be reached or does not
/// answer, which proves nothing.
fn speaks_tls(broker: &str) -> Option<bool> {
    match answer::<2>(connect(broker, TIMEOUT)?, CLIENT_HELLO) {
        Ok(head) => Some(matches!(head, [0x15 | 0x16, 3])),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => None,
        Err(_) => Some(false),
    }
}

/// True if the broker answers that it takes PLAIN, or that it wants another mechanism. A broker without logins answers
/// with another error.
fn expects_login(broker: &str) -> bool {
    const UNSUPPORTED_MECHANISM: i16 = 33;
    let answer = connect(broker, TIMEOUT).and_then(|stream| answer::<10>(stream, SASL_HANDSHAKE).ok());
    answer.is_some_and(|a| {
        a[4..8] == [0, 0, 0x2a, 0x2a] && [0, UNSUPPORTED_MECHANISM].contains(&i16::from_be_bytes([a[8], a[9]]))
    })
}

/// True if the certificate is trusted when its host name is not checked.
fn is_trusted_by_any_name(connection: &Connection) -> bool {
    let mut config: ClientConfig = settings::with_the_users(settings::common(connection, "vidask"), connection);
    config.set("ssl.endpoint.identification.algorithm", "none");
    let Ok(client) = config.create_with_context::<_, BaseProducer<Context>>(Context::new(connection)) else {
        return false;
    };
    let answered = client.client().fetch_metadata(None, TIMEOUT).is_ok();
    client.poll(Duration::from_millis(1));
    let same = |problem: ConnectionProblem| matches!(problem.question, Some((Question::Certificate, _)));
    answered || client.context().problem().is_some_and(|problem| !same(problem))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that answers the first `question` with `reply`.
    fn server(question: &'static [u8], reply: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut asked = vec![0; question.len()];
            stream.read_exact(&mut asked).expect("a question");
            assert_eq!(asked, question);
            stream.write_all(reply).expect("it listens");
        });
        address
    }

    #[test]
    fn a_server_that_speaks_tls_is_known_by_its_answer() {
        let check = |reply, expected| assert_eq!(speaks_tls(&server(CLIENT_HELLO, reply)), Some(expected), "{reply:?}");
        check(b"\x15\x03\x03\0\x02\x02\x28", true);
        check(b"\x16\x03\x03\0\x31\x02", true);
        check(b"", false);
        check(b"HTTP/1.1 400 Bad Request\r\n\r\n", false);
        let nobody = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("there is a free port");
        assert_eq!(speaks_tls(&nobody.to_string()), None);
    }

    #[test]
    fn a_broker_that_expects_a_login_is_known_by_its_answer() {
        let check = |reply, expected| assert_eq!(expects_login(&server(SASL_HANDSHAKE, reply)), expected, "{reply:?}");
        // The three answers: PLAIN is accepted; another mechanism is wanted; logins are not taken.
        check(b"\0\0\0\x0c\0\0\x2a\x2a\0\0\0\0\0\0", true);
        check(b"\0\0\0\x0c\0\0\x2a\x2a\0\x21\0\0\0\0", true);
        check(b"\0\0\0\x0c\0\0\x2a\x2a\0\x22\0\0\0\0", false);
        check(b"", false);
    }

    #[test]
    fn the_questions_are_as_long_as_they_say() {
        assert_eq!(usize::from(CLIENT_HELLO[4]), CLIENT_HELLO.len() - 5);
        assert_eq!(usize::from(CLIENT_HELLO[8]), CLIENT_HELLO.len() - 9);
        assert_eq!(usize::from(SASL_HANDSHAKE[3]), SASL_HANDSHAKE.len() - 4);
    }
}
