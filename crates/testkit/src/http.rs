//! One HTTP request, as typed by hand: enough for tests of our web server, and for WebDriver.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The answer to a request.
#[derive(Debug)]
pub struct HttpAnswer {
    /// For example 200.
    pub status: u16,
    /// The lines before the body.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// Gets a path, with further lines of headers. A line that begins with `Host:` takes the place of ours.
pub fn get(at: SocketAddr, path: &str, headers: &[&str]) -> HttpAnswer {
    exchange(at, "GET", path, headers, b"").unwrap_or_else(|e| panic!("GET {path}: {e:#}"))
}

/// Sends a request; the connection ends with its answer.
pub fn exchange(at: SocketAddr, method: &str, path: &str, headers: &[&str], body: &[u8]) -> anyhow::Result<HttpAnswer> {
    let mut stream = TcpStream::connect(at).with_context(|| format!("connecting to {at}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        head += &format!("Host: {at}\r\n");
    }
    headers.iter().for_each(|header| head += &format!("{header}\r\n"));
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(body)?;
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    // chromedriver keeps the connection open, so the end is known from the length.
    while !is_whole(&answer) {
        match stream.read(&mut buffer).context("reading the answer")? {
            0 => break,
            n => answer.extend_from_slice(&buffer[..n]),
        }
    }
    let end = end_of_head(&answer).context("the answer has no end of its headers")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok(HttpAnswer { status, head, body: answer[end + 4..].to_vec() })
}

fn end_of_head(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|four| four == b"\r\n\r\n")
}

/// True once the body has the length that the headers state.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = end_of_head(answer) else { return false };
    let length =
        header(&String::from_utf8_lossy(&answer[..end]), "content-length").and_then(|length| length.parse().ok());
    length.is_some_and(|length: usize| answer.len() >= end + 4 + length)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
