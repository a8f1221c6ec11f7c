//! Clients of the page's WebSocket, which do what the page does but decode nothing.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use common::report::Summary;
use common::time::{Clock, Latency, Micros};
use futures_util::future::{join, join_all};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::spread::merged;

/// Time between two attempts to connect, while vidcons starts.
const AGAIN: Duration = Duration::from_millis(50);
/// Time between two pings. vidcons disconnects a page that sends none.
const PING_EVERY: Duration = Duration::from_secs(1);
/// See `consumer/src/web/socket.rs` for the messages.
const PICTURE: u8 = 1;
const ACK: u8 = 1;
const PING: u8 = 2;
const HEADER_BYTES: usize = 80;

/// Clients of one vidcons, and one more that reads nothing, if there are any.
#[derive(Clone, Copy, Debug)]
pub struct PageLoad<'a> {
    pub address: SocketAddr,
    pub clients: usize,
    /// Time from a client's first picture until its pictures are counted.
    pub warmup: Duration,
    pub clock: &'a dyn Clock,
}

/// The pictures that all clients received, and their latency.
#[derive(Clone, Default, Debug)]
pub struct LoadResult {
    /// From due until the whole picture was there.
    pub latency: Latency,
    pub came: u64,
    /// Pictures that vidcons did not send, because a client had not acknowledged those before.
    pub left_out: u64,
}

impl LoadResult {
    pub fn latency(&self) -> Summary {
        Summary::from(&self.latency)
    }
}

impl PageLoad<'_> {
    /// Watches until `stop` changes.
    pub async fn watch(self, stop: watch::Receiver<()>) -> Result<LoadResult> {
        let stalled = async {
            if self.clients > 0 {
                self.stall(stop.clone()).await
            }
        };
        let (results, ()) = join(join_all((0..self.clients).map(|_| self.client(stop.clone()))), stalled).await;
        ensure!(results.iter().all(|result| result.came > 0), "a client got no picture");
        Ok(LoadResult {
            latency: merged(results.iter().map(|result| &result.latency)),
            came: results.iter().map(|result| result.came).sum(),
            left_out: results.iter().map(|result| result.left_out).sum(),
        })
    }

    async fn connect(self, stop: &mut watch::Receiver<()>) -> Option<WebSocketStream<TcpStream>> {
        loop {
            if let Ok(stream) = TcpStream::connect(self.address).await {
                let _ = stream.set_nodelay(true);
                return Some(client_async(format!("ws://{}/socket", self.address), stream).await.ok()?.0);
            }
            tokio::select! {
                _ = stop.changed() => return None,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn stall(self, mut stop: watch::Receiver<()>) {
        let socket = self.connect(&mut stop).await;
        let _ = stop.changed().await;
        drop(socket);
    }

    /// Acknowledges pictures until the end; returns the figures of those after the warm-up.
    async fn client(self, mut stop: watch::Receiver<()>) -> LoadResult {
        let mut result = LoadResult::default();
        let Some(mut socket) = self.connect(&mut stop).await else { return result };
        let (mut ping, mut first) = (tokio::time::interval(PING_EVERY), None);
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                _ = ping.tick() => {
                    let _ = socket.send(Message::binary([&[PING][..], &[0; 15]].concat())).await;
                    continue;
                }
                _ = stop.changed() => return result,
            };
            let Some(Ok(message)) = message else { return result };
            let (now, data) = (self.clock.now(), message.into_data());
            let Some((due, left_out, name)) = picture(&data) else { continue };
            let began = *first.get_or_insert(now);
            if now.since(began) >= self.warmup {
                result.latency.record(now.since(due));
                result.came += 1;
                result.left_out += u64::from(left_out);
            }
            let acknowledgement = [&[ACK, name.len() as u8][..], name].concat();
            if socket.send(Message::binary(acknowledgement)).await.is_err() {
                return result;
            }
        }
    }
}

/// When a picture was due, the number left out before it, and its source.
fn picture(message: &[u8]) -> Option<(Micros, u32, &[u8])> {
    let (header, rest) = message.split_at_checked(HEADER_BYTES)?;
    let name = rest.get(..usize::from(header[1]))?;
    let due = f64::from_le_bytes(header[24..32].try_into().ok()?);
    let left_out = u32::from_le_bytes(header[4..8].try_into().ok()?);
    (header[0] == PICTURE).then_some((Micros(due as u64), left_out, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_tells_its_due_time_and_its_source() {
        let mut message = vec![0; HEADER_BYTES];
        message[..8].copy_from_slice(&[PICTURE, 2, 0, 0, 3, 0, 0, 0]);
        message[24..32].copy_from_slice(&1234.0_f64.to_le_bytes());
        message.extend(b"ab\xff\xd8");
        assert_eq!(picture(&message), Some((Micros(1234), 3, &b"ab"[..])));
        assert_eq!(picture(&message[..81]), None);
        assert_eq!(picture(&[PING; 24]), None);
    }
}
