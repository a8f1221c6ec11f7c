//! Detects other protocols used on a Kafka port by mistake, by the four bytes where a request has its length.
//!
//! As lengths, all of them exceed the largest request, so no request of a Kafka client is mistaken for another
//! protocol.

const HTTP: &str =
    "this looks like HTTP; this port speaks Kafka's protocol, so it is for Kafka clients, not for a browser or curl";
const TLS: &str = "this is TLS, which this broker does not have: clients connect with security.protocol=PLAINTEXT";
/// The first four characters of HTTP's methods, and of the preface of HTTP/2.
const METHODS: [&[u8; 4]; 10] =
    [b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"CONN", b"OPTI", b"TRAC", b"PATC", b"PRI "];

/// A message about the protocol that begins with these bytes, if it is a known one.
pub(super) fn protocol(first: [u8; 4]) -> Option<&'static str> {
    match first {
        // A handshake record of SSL 3 or any version of TLS.
        [0x16, 3, 0..=4, _] => Some(TLS),
        _ if METHODS.contains(&&first) => Some(HTTP),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_and_tls_are_known_by_their_first_bytes() {
        for first in [b"GET ", b"POST", b"PRI "] {
            assert_eq!(protocol(*first), Some(HTTP));
        }
        assert_eq!(protocol([0x16, 3, 1, 2]), Some(TLS));
        for other in [*b"SSH-", [0x15, 3, 3, 0], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 9]] {
            assert_eq!(protocol(other), None);
        }
    }
}
