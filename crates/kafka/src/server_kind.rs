//! Finds out if a Kafka listens at an address: librdkafka reports the same for a web server and for a broker that is
//! down.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// An ApiVersions request of version 0, which any client may send.
const QUESTION: &[u8; 21] = b"\0\0\0\x11\0\x12\0\0\0\0\x2a\x2a\0\x07vidlook";
const CORRELATION: &[u8] = b"\0\0\x2a\x2a";
/// No broker's answer to it is longer.
const ANSWER_BYTES_MAX: u32 = 1 << 16;

/// The kind of server found at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerKind {
    Kafka,
    Nobody,
    /// Something accepts connections and sends nothing: a broker that is starting or stopping, or a proxy in front of
    /// one.
    Silent,
    /// Another kind of server.
    Other,
}

/// Probes `address`, one `HOST:PORT`. Every Kafka answers at once; `timeout` is the timeout for other servers.
pub fn probe_server(address: &str, timeout: Duration) -> ServerKind {
    connect(address, timeout).map_or(ServerKind::Nobody, identify)
}

/// Connects over IPv4 if there is a choice, as the clients on this machine do. `timeout` is also that of each answer.
pub(crate) fn connect(address: &str, timeout: Duration) -> Option<TcpStream> {
    let mut all: Vec<SocketAddr> = address.to_socket_addrs().ok()?.collect();
    all.sort_by_key(SocketAddr::is_ipv6);
    let stream = TcpStream::connect_timeout(all.first()?, timeout).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    Some(stream)
}

fn identify(mut stream: TcpStream) -> ServerKind {
    if stream.write_all(QUESTION).is_err() {
        return ServerKind::Silent;
    }
    let mut answer = Vec::new();
    read_head(&stream, &mut answer);
    if answer.is_empty() {
        // A server that reads lines waits for the rest of our request; after the end of the stream it shows what it is.
        let _ = stream.shutdown(Shutdown::Write);
        read_head(&stream, &mut answer);
    }
    match answer[..] {
        [] => ServerKind::Silent,
        [a, b, c, d, ref correlation @ ..]
            if correlation == CORRELATION && (6..ANSWER_BYTES_MAX).contains(&u32::from_be_bytes([a, b, c, d])) =>
        {
            ServerKind::Kafka
        }
        _ => ServerKind::Other,
    }
}

/// Reads the length and the correlation id of an answer, or what comes before the end, an error or the timeout.
fn read_head(stream: &TcpStream, answer: &mut Vec<u8>) {
    let _ = stream.take(8).read_to_end(answer);
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Runs a server that answers the first request with `answer` and closes the connection.
    fn check(answer: &'static [u8], expected: ServerKind) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut question = [0; QUESTION.len()];
            stream.read_exact(&mut question).expect("a question");
            stream.write_all(answer).expect("it listens");
        });
        assert_eq!(probe_server(&address, Duration::from_secs(10)), expected, "{answer:?}");
        server.join().expect("the server is simple");
    }

    #[test]
    fn a_kafka_is_distinguished_from_other_servers() {
        check(b"\0\0\0\x0a\0\0\x2a\x2a\0\0\0\0\0\0", ServerKind::Kafka);
        check(b"HTTP/1.1 400 Bad Request\r\n\r\n", ServerKind::Other);
        check(b"", ServerKind::Silent);
        check(b"\0\0", ServerKind::Other);
        check(b"\0\0\0\x0a\0\0\0\x01\0\0\0\0\0\0", ServerKind::Other);
    }

    #[test]
    fn a_server_that_waits_for_the_rest_of_our_line_is_no_kafka() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            stream.read_to_end(&mut Vec::new()).expect("it ends");
            stream.write_all(b"HTTP/1.1 400 Bad request syntax\r\n\r\n").expect("it listens");
        });
        assert_eq!(probe_server(&address, Duration::from_secs(3)), ServerKind::Other);
        server.join().expect("the server is simple");
    }

    #[test]
    fn a_closed_port_has_no_server() {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("there is a free port").port();
        assert_eq!(probe_server(&format!("127.0.0.1:{port}"), Duration::from_secs(10)), ServerKind::Nobody);
    }

    #[test]
    fn the_length_of_the_question_is_right() {
        assert_eq!(QUESTION[..4], 17_u32.to_be_bytes());
        assert_eq!(&QUESTION[8..12], CORRELATION);
    }
}
