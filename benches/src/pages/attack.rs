//! Clients that mean harm: connections that send their headers a byte a second, connections that are opened and left,
//! wrong tokens, and uploads of a gigabyte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Number of clients of each kind.
const SLOW: usize = 150;
const OPENING: usize = 16;
const GUESSING: usize = 2;
const UPLOADING: usize = 2;
/// Connections that each opening client holds; with every further one it closes the oldest.
const HELD: usize = 50;
/// Bytes of an upload that are sent at a time, and how often.
static BLOCK: [u8; 64 << 10] = [b'x'; 64 << 10];
const BLOCKS: usize = 64;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
enum Harm {
    Slow,
    Opening,
    Guessing,
    Uploading,
}

/// Attacks until `stop` changes; returns the number of connections that were made.
pub async fn attack(address: SocketAddr, mut stop: watch::Receiver<()>) -> Result<u64> {
    let kinds =
        [(Harm::Slow, SLOW), (Harm::Opening, OPENING), (Harm::Guessing, GUESSING), (Harm::Uploading, UPLOADING)];
    let mut connections = vec![0; kinds.iter().map(|(_, clients)| clients).sum()];
    let harms = kinds.into_iter().flat_map(|(harm, clients)| std::iter::repeat_n(harm, clients));
    let clients = harms.zip(&mut connections).map(|(harm, made)| client(harm, address, made));
    tokio::select! {
        _ = stop.changed() => {}
        _ = join_all(clients) => {}
    }
    let made = connections.iter().sum();
    ensure!(made > 0, "the attack did not reach vidcons");
    Ok(made)
}

/// Connects again and again.
async fn client(harm: Harm, address: SocketAddr, made: &mut u64) {
    let mut held = VecDeque::new();
    loop {
        if let Ok(Ok(mut stream)) = timeout(ANSWER_TIMEOUT, TcpStream::connect(address)).await {
            *made += 1;
            let _ = harm.send(&mut stream, address, *made).await;
            if matches!(harm, Harm::Opening) {
                held.push_back(stream);
                if held.len() > HELD {
                    held.pop_front();
                }
            }
        }
        sleep(harm.pause()).await;
    }
}

impl Harm {
    fn pause(self) -> Duration {
        Duration::from_millis(match self {
            Harm::Slow => 100,
            Harm::Opening => 30,
            Harm::Guessing => 20,
            Harm::Uploading => 200,
        })
    }

    /// Sends until vidcons closes the connection, or all is sent.
    async fn send(self, stream: &mut TcpStream, address: SocketAddr, number: u64) -> std::io::Result<()> {
        match self {
            Harm::Opening => Ok(()),
            Harm::Slow => {
                stream.write_all(b"GET / HTTP/1.1\r\nX-A: ").await?;
                loop {
                    stream.write_all(b"x").await?;
                    sleep(Duration::from_secs(1)).await;
                }
            }
            Harm::Guessing => {
                let guess = format!("Authorization: Bearer wrong{number:012}\r\nConnection: close");
                let request = format!("GET /api/report HTTP/1.1\r\nHost: {address}\r\n{guess}\r\n\r\n");
                stream.write_all(request.as_bytes()).await?;
                timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut Vec::new())).await??;
                Ok(())
            }
            Harm::Uploading => {
                let length = 1 << 30;
                let request = format!("POST /login HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(request.as_bytes()).await?;
                for _ in 0..BLOCKS {
                    timeout(ANSWER_TIMEOUT, stream.write_all(&BLOCK)).await??;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn all_kinds_of_clients_reach_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (working, stop) = watch::channel(());
        let attacker = tokio::spawn(attack(listener.local_addr().unwrap(), stop));
        let mut beginnings = BTreeSet::new();
        while beginnings.len() < 3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = [0; 5];
            if timeout(Duration::from_millis(20), stream.read_exact(&mut first)).await.is_ok_and(|read| read.is_ok()) {
                let mut rest = [0; 8];
                let _ = timeout(Duration::from_millis(20), stream.read_exact(&mut rest)).await;
                beginnings.insert([&first[..], &rest[..]].concat());
            }
        }
        drop(working);
        assert!(attacker.await.unwrap().unwrap() > 3);
    }
}
