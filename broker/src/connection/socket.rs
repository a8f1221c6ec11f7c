//! A client's socket: reads whole requests and writes answers. Each is counted in the memory, and none is waited for
//! forever.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{ClientConnection, Disconnect, foreign};
use crate::memory::MemoryUse;
use crate::response::ResponseBuffer;

/// Smallest request: a header has more bytes than this.
const REQUEST_BYTES_MIN: usize = 8;
/// Memory allocated for a request before it arrives. More is allocated as it arrives.
const FIRST_BYTES: usize = 256 << 10;
/// Time for which a request or an answer waits for memory, and interval of the checks.
const ROOM_WAIT: Duration = Duration::from_secs(5);
const ROOM_LOOK: Duration = Duration::from_millis(10);
/// Largest answer without records, as a fraction of the clients' memory.
const ANSWER_OF_CLIENTS: usize = 8;

impl ClientConnection {
    /// Reads the next request, without its length.
    pub(super) async fn read(&mut self, patience: Duration) -> Result<Bytes, Disconnect> {
        let (stall, request_bytes) = {
            let state = self.state.borrow();
            (state.options.limits.stall, state.request_bytes_max())
        };
        while self.have < self.length.len() {
            let (waits, ended) = match self.have {
                0 => (patience, Disconnect::Idle(patience)),
                _ => (stall, Disconnect::Stalled(stall)),
            };
            match timeout(waits, self.stream.read(&mut self.length[self.have..])).await {
                Ok(Ok(0)) => return Err(Disconnect::Closed),
                Ok(read) => self.have += read?,
                Err(_) => return Err(ended),
            }
        }
        self.have = 0;
        let length = u32::from_be_bytes(self.length) as usize;
        if !(REQUEST_BYTES_MIN..=request_bytes).contains(&length) {
            let words = || format!("a request of {length} bytes (it may have {request_bytes})");
            return Err(Disconnect::Malformed(foreign::protocol(self.length).map_or_else(words, str::to_owned)));
        }
        self.read_body(length, stall).await
    }

    pub(super) async fn read_body(&mut self, length: usize, stall: Duration) -> Result<Bytes, Disconnect> {
        let share = self.state.borrow().share_bytes().max(REQUEST_BYTES_MIN);
        let first = length.min(FIRST_BYTES).min(share);
        let mut held = self.room(first).await?;
        self.mark_busy(true);
        let mut body = Vec::with_capacity(first);
        while body.len() < length {
            if body.len() == body.capacity() {
                let more = body.capacity().min(length - body.len());
                self.mark_busy(false);
                held.join(self.room(more).await?);
                self.mark_busy(true);
                body.reserve_exact(more);
            }
            let space = body.capacity().min(length) - body.len();
            match timeout(stall, self.stream.read_buf(&mut (&mut body).limit(space))).await {
                Ok(Ok(0)) => return Err(Disconnect::Closed),
                Ok(read) => read?,
                Err(_) => return Err(Disconnect::Stalled(stall)),
            };
        }
        self.mark_busy(false);
        self.state.borrow_mut().clients.bytes_in += length as u64 + 4;
        Ok(held.keep(body))
    }

    /// Counts `bytes` once there is room for them. Room is made by dropping the oldest records, and by cutting off slow
    /// clients.
    pub(super) async fn room(&self, bytes: usize) -> Result<MemoryUse, Disconnect> {
        let until = Instant::now() + ROOM_WAIT;
        loop {
            if let Some(held) = self.state.borrow_mut().take_room(bytes) {
                return Ok(held);
            }
            if Instant::now() >= until {
                return Err(Disconnect::NoRoom);
            }
            sleep(ROOM_LOOK).await;
        }
    }

    /// Writes an answer without records, and counts it while it is being written.
    pub(super) async fn write_counted(&mut self, out: ResponseBuffer) -> Result<(), Disconnect> {
        let out = out.framed();
        let most = self.state.borrow().memory.of_clients() / ANSWER_OF_CLIENTS;
        if out.len() > most {
            return Err(Disconnect::Malformed(format!("a request for {} bytes (it may have {most})", out.len())));
        }
        let _held = self.room(out.len()).await?;
        self.write_framed(out).await
    }

    pub(super) async fn write(&mut self, out: ResponseBuffer) -> Result<(), Disconnect> {
        self.write_framed(out.framed()).await
    }

    pub(super) async fn write_framed(&mut self, mut out: ResponseBuffer) -> Result<(), Disconnect> {
        let bytes = out.len() as u64;
        self.mark_answering(out.len());
        let stall = self.state.borrow().options.limits.stall;
        self.mark_busy(true);
        while !out.is_empty() {
            match timeout(stall, self.stream.write_vectored(&out.slices())).await {
                Ok(written) => out.written(written?),
                Err(_) => return Err(Disconnect::Stalled(stall)),
            }
        }
        self.mark_busy(false);
        self.mark_answering(0);
        self.state.borrow_mut().clients.bytes_out += bytes;
        Ok(())
    }

    pub(super) fn mark_answering(&self, bytes: usize) {
        self.state.borrow_mut().clients.set_answering(self.requester.connection, bytes);
    }

    /// Sets if this client holds memory and has to act itself.
    pub(super) fn mark_busy(&self, busy: bool) {
        let mut state = self.state.borrow_mut();
        let now = state.now().ms;
        if let Some(client) = state.clients.get_mut(self.requester.connection) {
            client.busy_since = busy.then_some(client.busy_since.unwrap_or(now));
        }
    }

    /// Returns when the client disconnects before its answer is ready. A request received meanwhile is kept for later.
    pub(super) async fn gone(stream: &mut TcpStream, length: &mut [u8; 4], have: &mut usize) -> Disconnect {
        while *have < length.len() {
            match stream.read(&mut length[*have..]).await {
                Ok(0) => return Disconnect::Closed,
                Ok(read) => *have += read,
                Err(error) => return error.into(),
            }
        }
        // The client has sent another request, so it is connected. That request is read after the pending answer.
        std::future::pending().await
    }
}
