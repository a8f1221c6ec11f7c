//! Whether what listens at an address is a Kafka: librdkafka says the same of a web server and of a broker that is down.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Until somebody answers the question that every Kafka answers at once.
const ANSWER: Duration = Duration::from_secs(2);
/// ApiVersions in its oldest form, which asks nothing but what we may ask.
const QUESTION: &[u8; 21] = b"\0\0\0\x11\0\x12\0\0\0\0\x2a\x2a\0\x07vidlook";
const CORRELATION: &[u8] = b"\0\0\x2a\x2a";
/// No broker's answer is longer.
const ANSWER_BYTES_MAX: u32 = 1 << 16;

/// Who is at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    Kafka,
    Nobody,
    /// Somebody, who has not said anything.
    Silent,
    /// Somebody else.
    Stranger,
}

/// Looks who is at `address`, one `HOST:PORT`, over IPv4 where there is a choice, as our clients of this machine do.
pub fn presence(address: &str) -> Presence {
    let Ok(all) = address.to_socket_addrs() else { return Presence::Nobody };
    let mut all: Vec<SocketAddr> = all.collect();
    all.sort_by_key(SocketAddr::is_ipv6);
    let Some(first) = all.first() else { return Presence::Nobody };
    match TcpStream::connect_timeout(first, ANSWER) {
        Ok(stream) => ask(stream),
        Err(_) => Presence::Nobody,
    }
}

fn ask(mut stream: TcpStream) -> Presence {
    let mut answer = [0; 8];
    let asked = stream
        .set_read_timeout(Some(ANSWER))
        .and_then(|()| stream.write_all(QUESTION))
        .and_then(|()| stream.read_exact(&mut answer));
    match asked {
        Ok(()) => {
            let length = u32::from_be_bytes([answer[0], answer[1], answer[2], answer[3]]);
            let good = &answer[4..] == CORRELATION && (6..ANSWER_BYTES_MAX).contains(&length);
            if good { Presence::Kafka } else { Presence::Stranger }
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Presence::Silent,
        Err(_) => Presence::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Somebody who answers the first question with `answer`, and hangs up.
    fn check(answer: &'static [u8], expected: Presence) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut question = [0; QUESTION.len()];
            stream.read_exact(&mut question).expect("a question");
            stream.write_all(answer).expect("it listens");
        });
        assert_eq!(presence(&address), expected, "{answer:?}");
        server.join().expect("the server is simple");
    }

    #[test]
    fn a_kafka_is_told_from_others() {
        check(b"\0\0\0\x0a\0\0\x2a\x2a\0\0\0\0\0\0", Presence::Kafka);
        check(b"HTTP/1.1 400 Bad Request\r\n\r\n", Presence::Stranger);
        check(b"", Presence::Stranger);
        check(b"\0\0\0\x0a\0\0\0\x01\0\0\0\0\0\0", Presence::Stranger);
    }

    #[test]
    fn nobody_is_where_nobody_listens() {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("there is a free port").port();
        assert_eq!(presence(&format!("127.0.0.1:{port}")), Presence::Nobody);
    }

    #[test]
    fn the_question_is_as_long_as_it_says() {
        assert_eq!(QUESTION[..4], 17_u32.to_be_bytes());
        assert_eq!(&QUESTION[8..12], CORRELATION);
    }
}
