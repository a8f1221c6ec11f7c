//! One client's connection: reads its requests, answers them in order, and closes the connection if it is silent for
//! too long.

mod foreign;
mod socket;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::FetchRequest;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::answer::{self, Answer, cluster, fetch};
use crate::request::{self, Decoded, Request, Requester};
use crate::response::ResponseBuffer;
use crate::state::BrokerState;

/// Memory of each partition of a decoded fetch while it waits.
const PARKED_BYTES: usize = 256;
/// Largest number of partitions for which a client's position is kept.
const NOTED_MAX: usize = 100;

pub type SharedState = Rc<RefCell<BrokerState>>;

#[derive(Debug)]
pub struct ClientConnection {
    pub stream: TcpStream,
    pub state: SharedState,
    pub requester: Requester,
    /// The length of the next request, as far as it was received.
    pub length: [u8; 4],
    pub have: usize,
}

/// The reason why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum Disconnect {
    #[error("closed")]
    Closed,
    #[error("{0}")]
    Broken(#[from] io::Error),
    #[error("no request for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("it stopped in the middle for {} s", .0.as_secs())]
    Stalled(Duration),
    /// The client violates the protocol.
    #[error("{0}")]
    Malformed(String),
    #[error("there is no memory for its request")]
    NoRoom,
}

impl Disconnect {
    /// True if the reason is worth a log line, because somebody should look at the client.
    pub fn is_odd(&self) -> bool {
        matches!(self, Disconnect::Stalled(_) | Disconnect::Malformed(_) | Disconnect::NoRoom)
    }
}

impl ClientConnection {
    /// Serves requests until the connection ends.
    pub async fn run(&mut self) -> Disconnect {
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

    async fn serve_one(&mut self, patience: Duration) -> Result<(), Disconnect> {
        let frame = self.read(patience).await?;
        let bytes = frame.len();
        match request::decode(frame).map_err(|e| Disconnect::Malformed(e.to_string()))? {
            Decoded::Request(request) => self.answer(request, bytes).await,
            Decoded::UnsupportedVersion { api, correlation, .. } => {
                // Kafka does the same: the answer has the oldest version, which every client understands, and lists all
                // supported ones.
                let response = cluster::api_versions(ResponseError::UnsupportedVersion.code());
                let out =
                    ResponseBuffer::encode(&response.into(), api, 0, correlation).map_err(Disconnect::Malformed)?;
                self.write(out).await
            }
        }
    }

    async fn answer(&mut self, request: Request, bytes: usize) -> Result<(), Disconnect> {
        let Request { api, version, correlation, .. } = request;
        if self.requester.client_id != request.client {
            self.requester.client_id.clone_from(&request.client);
            if let Some(client) = self.state.borrow_mut().clients.get_mut(self.requester.connection) {
                client.name.clone_from(&request.client);
            }
        }
        tracing::trace!("{} asks {api:?} v{version}", self.requester.client_id);
        let answer = answer::answer(&mut self.state.borrow_mut(), request, bytes, &self.requester);
        let response = match answer {
            Answer::Now(response) => response,
            Answer::Fetch(fetch) => return self.fetch(&fetch, bytes, version, correlation).await,
            Answer::Join(answer) => self.parked(answer).await?.into(),
            Answer::Sync(answer) => self.parked(answer).await?.into(),
            Answer::Nothing => return Ok(()),
            Answer::HangUp(why) => return Err(Disconnect::Malformed(why.to_owned())),
        };
        let out = ResponseBuffer::encode(&response, api, version, correlation);
        // This is a bug of ours, not of the client.
        let out = out
            .inspect_err(|why| tracing::error!(event = "answer_failed", "an answer cannot be written: {why}"))
            .map_err(|_| Disconnect::Closed)?;
        self.write_counted(out).await
    }

    /// Waits for a group's answer, or for the end of the connection.
    async fn parked<T>(&mut self, answer: oneshot::Receiver<T>) -> Result<T, Disconnect> {
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| Disconnect::Closed),
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
    ) -> Result<(), Disconnect> {
        let (longest, share) = {
            let state = self.state.borrow();
            (state.options.limits.wait, state.share_bytes())
        };
        let partitions: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        let parked = self.room(partitions * PARKED_BYTES).await?;
        // The strings of a request are slices of its frame, which stays in memory while it waits.
        let large = bytes + partitions * PARKED_BYTES > share;
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(longest);
        let reading = self.read_enough(request, version, wait, large).await?;
        // While it waits for memory, it must not count as a slow client.
        self.mark_busy(false);
        drop(parked);
        let _held = self.room(reading.own_bytes()).await?;
        let records = reading.records();
        let out = fetch::write(&reading, correlation, version);
        // The batches that were copied are no longer needed.
        drop(reading);
        self.write(out).await?;
        self.state.borrow_mut().totals.records_out += records;
        Ok(())
    }

    /// Waits until there is enough to read, or the time is up.
    async fn read_enough(
        &mut self,
        request: &FetchRequest,
        version: i16,
        wait: Duration,
        large: bool,
    ) -> Result<fetch::Reading, Disconnect> {
        let until = Instant::now() + wait;
        let mut reading = fetch::read(&self.state.borrow(), request, version);
        // The reader's position does not change while it waits.
        self.note(&reading);
        let change = Rc::new(Notify::new());
        while !reading.is_enough(request) {
            drop(reading);
            fetch::wait(&mut self.state.borrow_mut(), request, version, &change);
            if large {
                self.mark_busy(true);
            }
            let changed = tokio::select! {
                biased;
                changed = timeout_at(until, change.notified()) => changed,
                gone = Self::gone(&mut self.stream, &mut self.length, &mut self.have) => return Err(gone),
            };
            reading = fetch::read(&self.state.borrow(), request, version);
            if changed.is_err() {
                break;
            }
        }
        Ok(reading)
    }

    /// Stores the client's positions, which show if it has something left to read.
    fn note(&self, reading: &fetch::Reading) {
        if let Some(client) = self.state.borrow_mut().clients.get_mut(self.requester.connection) {
            client.reading.clear();
            client.reading.extend(reading.positions().take(NOTED_MAX));
        }
    }
}
