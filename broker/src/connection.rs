//! One client: its requests are read, answered in the order they came, and its silence has an end.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::FetchRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::answer::{self, Answer, cluster, fetch};
use crate::memory::Held;
use crate::out::Out;
use crate::request::{self, Decoded, Request};
use crate::state::{Caller, State};

/// A request's header takes more than that.
const REQUEST_BYTES_MIN: usize = 8;
/// What is set aside for a request before it comes; more only as it comes.
const FIRST_BYTES: usize = 256 << 10;
/// What a decoded fetch takes for each of its partitions while it waits.
const PARKED_BYTES: usize = 256;
/// What an answer that is not records may take, of the clients' part of the memory.
const ANSWER_OF_CLIENTS: usize = 8;
/// Of how many partitions a client's place is kept.
const NOTED_MAX: usize = 100;
/// A request or an answer waits that long for room, and looks that often.
const ROOM_WAIT: Duration = Duration::from_secs(5);
const ROOM_LOOK: Duration = Duration::from_millis(10);

pub type Shared = Rc<RefCell<State>>;

#[derive(Debug)]
pub struct Connection {
    pub stream: TcpStream,
    pub state: Shared,
    pub caller: Caller,
    /// The next request's length, as far as it has come.
    pub length: [u8; 4],
    pub have: usize,
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("closed")]
    Closed,
    #[error("{0}")]
    Broken(#[from] io::Error),
    #[error("no request for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("it stopped in the middle for {} s", .0.as_secs())]
    Stalled(Duration),
    /// It does what no client does.
    #[error("{0}")]
    Malformed(String),
    #[error("there is no memory for its request")]
    NoRoom,
}

impl Ended {
    /// Worth a line: somebody should look at that client.
    pub fn is_odd(&self) -> bool {
        matches!(self, Ended::Stalled(_) | Ended::Malformed(_) | Ended::NoRoom)
    }
}

impl Connection {
    /// Serves until the client goes, or must.
    pub async fn run(&mut self) -> Ended {
        let (stall, idle) = {
            let limits = &self.state.borrow().options.limits;
            (limits.stall, limits.idle)
        };
        let mut patience = stall;
        loop {
            if let Err(ended) = self.serve_one(patience).await {
                return ended;
            }
            patience = idle;
        }
    }

    async fn serve_one(&mut self, patience: Duration) -> Result<(), Ended> {
        let frame = self.read(patience).await?;
        let bytes = frame.len();
        match request::decode(frame).map_err(|e| Ended::Malformed(e.to_string()))? {
            Decoded::Request(request) => self.answer(request, bytes).await,
            Decoded::UnsupportedVersion { api, correlation, .. } => {
                // As Kafka does: in the oldest version, which everybody understands, with all that we know.
                let response = cluster::api_versions(ResponseError::UnsupportedVersion.code());
                let out = Out::encode(&response.into(), api, 0, correlation).map_err(Ended::Malformed)?;
                self.write(out).await
            }
        }
    }

    async fn answer(&mut self, request: Request, bytes: usize) -> Result<(), Ended> {
        let Request { api, version, correlation, .. } = request;
        if self.caller.client != request.client {
            self.caller.client.clone_from(&request.client);
            if let Some(client) = self.state.borrow_mut().clients.get_mut(self.caller.connection) {
                client.name.clone_from(&request.client);
            }
        }
        tracing::trace!("{} asks {api:?} v{version}", self.caller.client);
        let answer = answer::answer(&mut self.state.borrow_mut(), request, bytes, &self.caller);
        let response = match answer {
            Answer::Now(response) => response,
            Answer::Fetch(fetch) => return self.fetch(&fetch, bytes, version, correlation).await,
            Answer::Join(answer) => self.parked(answer).await?.into(),
            Answer::Sync(answer) => self.parked(answer).await?.into(),
            Answer::Nothing => return Ok(()),
            Answer::HangUp(why) => return Err(Ended::Malformed(why.to_owned())),
        };
        let out = Out::encode(&response, api, version, correlation);
        // A bug of ours, not the client's.
        let out =
            out.inspect_err(|why| tracing::error!("an answer cannot be written: {why}")).map_err(|_| Ended::Closed)?;
        self.write_counted(out).await
    }

    /// Waits for a group's answer, and notices when nobody wants it any more.
    async fn parked<T>(&mut self, answer: oneshot::Receiver<T>) -> Result<T, Ended> {
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| Ended::Closed),
            gone = Self::gone(&mut self.stream, &mut self.length, &mut self.have) => Err(gone),
        }
    }

    /// Answers a fetch once there is enough to read, or its time is up.
    async fn fetch(
        &mut self,
        request: &FetchRequest,
        bytes: usize,
        version: i16,
        correlation: i32,
    ) -> Result<(), Ended> {
        let (longest, share) = {
            let state = self.state.borrow();
            (state.options.limits.wait, state.share_bytes())
        };
        let partitions: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        let parked = self.room(partitions * PARKED_BYTES).await?;
        // Its strings are slices of the request, which stays as long as it waits.
        let large = bytes + partitions * PARKED_BYTES > share;
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(longest);
        let reading = self.read_enough(request, version, wait, large).await?;
        // While it waits for us, it is not what others wait for.
        self.mark_busy(false);
        drop(parked);
        let _held = self.room(reading.own_bytes()).await?;
        let out = fetch::write(&reading, correlation, version);
        // What was copied is needed no more.
        drop(reading);
        self.write(out).await
    }

    /// What there is to read, once that is enough or the time is up.
    async fn read_enough(
        &mut self,
        request: &FetchRequest,
        version: i16,
        wait: Duration,
        large: bool,
    ) -> Result<fetch::Reading, Ended> {
        let until = Instant::now() + wait;
        let mut reading = fetch::read(&self.state.borrow(), request, version);
        // Where it stands does not change while it waits.
        self.note(&reading);
        let bell = Rc::new(Notify::new());
        while !reading.is_enough(request) {
            drop(reading);
            fetch::wait(&mut self.state.borrow_mut(), request, version, &bell);
            if large {
                self.mark_busy(true);
            }
            let rung = tokio::select! {
                biased;
                rung = timeout_at(until, bell.notified()) => rung,
                gone = Self::gone(&mut self.stream, &mut self.length, &mut self.have) => return Err(gone),
            };
            reading = fetch::read(&self.state.borrow(), request, version);
            if rung.is_err() {
                break;
            }
        }
        Ok(reading)
    }

    /// Keeps what this client reads, for who wants to know whether it still has something to read.
    fn note(&self, reading: &fetch::Reading) {
        if let Some(client) = self.state.borrow_mut().clients.get_mut(self.caller.connection) {
            client.reading.clear();
            client.reading.extend(reading.positions().take(NOTED_MAX));
        }
    }

    /// The next request, without its length.
    async fn read(&mut self, patience: Duration) -> Result<Bytes, Ended> {
        let (stall, request_bytes) = {
            let state = self.state.borrow();
            (state.options.limits.stall, state.request_bytes_max())
        };
        while self.have < self.length.len() {
            let (waits, ended) = match self.have {
                0 => (patience, Ended::Idle(patience)),
                _ => (stall, Ended::Stalled(stall)),
            };
            match timeout(waits, self.stream.read(&mut self.length[self.have..])).await {
                Ok(Ok(0)) => return Err(Ended::Closed),
                Ok(read) => self.have += read?,
                Err(_) => return Err(ended),
            }
        }
        self.have = 0;
        let length = u32::from_be_bytes(self.length) as usize;
        if !(REQUEST_BYTES_MIN..=request_bytes).contains(&length) {
            return Err(Ended::Malformed(format!("a request of {length} bytes (it may have {request_bytes})")));
        }
        self.read_body(length, stall).await
    }

    async fn read_body(&mut self, length: usize, stall: Duration) -> Result<Bytes, Ended> {
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
                Ok(Ok(0)) => return Err(Ended::Closed),
                Ok(read) => read?,
                Err(_) => return Err(Ended::Stalled(stall)),
            };
        }
        self.mark_busy(false);
        self.state.borrow_mut().clients.bytes_in += length as u64 + 4;
        Ok(held.keep(body))
    }

    /// Counts `bytes` once there is room for them: the oldest records make it, and clients that are slow.
    async fn room(&self, bytes: usize) -> Result<Held, Ended> {
        let until = Instant::now() + ROOM_WAIT;
        loop {
            if let Some(held) = self.state.borrow_mut().take_room(bytes) {
                return Ok(held);
            }
            if Instant::now() >= until {
                return Err(Ended::NoRoom);
            }
            sleep(ROOM_LOOK).await;
        }
    }

    /// An answer of our own making is counted while it is written.
    async fn write_counted(&mut self, out: Out) -> Result<(), Ended> {
        let out = out.framed();
        let most = self.state.borrow().memory.of_clients() / ANSWER_OF_CLIENTS;
        if out.len() > most {
            return Err(Ended::Malformed(format!("a request for {} bytes (it may have {most})", out.len())));
        }
        let _held = self.room(out.len()).await?;
        self.write_framed(out).await
    }

    async fn write(&mut self, out: Out) -> Result<(), Ended> {
        self.write_framed(out.framed()).await
    }

    async fn write_framed(&mut self, mut out: Out) -> Result<(), Ended> {
        let bytes = out.len() as u64;
        self.mark_answering(out.len());
        let stall = self.state.borrow().options.limits.stall;
        self.mark_busy(true);
        while !out.is_empty() {
            match timeout(stall, self.stream.write_vectored(&out.slices())).await {
                Ok(written) => out.written(written?),
                Err(_) => return Err(Ended::Stalled(stall)),
            }
        }
        self.mark_busy(false);
        self.mark_answering(0);
        self.state.borrow_mut().clients.bytes_out += bytes;
        Ok(())
    }

    fn mark_answering(&self, bytes: usize) {
        self.state.borrow_mut().clients.set_answering(self.caller.connection, bytes);
    }

    /// Says whether this client holds memory and it is for the client to go on.
    fn mark_busy(&self, busy: bool) {
        let mut state = self.state.borrow_mut();
        let now = state.now().ms;
        if let Some(client) = state.clients.get_mut(self.caller.connection) {
            client.busy_since = busy.then_some(client.busy_since.unwrap_or(now));
        }
    }

    /// Ends when the client has gone while its answer is not ready yet. What it may have sent meanwhile stays to be read.
    async fn gone(stream: &mut TcpStream, length: &mut [u8; 4], have: &mut usize) -> Ended {
        while *have < length.len() {
            match stream.read(&mut length[*have..]).await {
                Ok(0) => return Ended::Closed,
                Ok(read) => *have += read,
                Err(error) => return error.into(),
            }
        }
        // It has more to ask, so it is there; that comes after the answer that it waits for.
        std::future::pending().await
    }
}
