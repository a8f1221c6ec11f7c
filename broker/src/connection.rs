//! One client: its requests are read, answered in the order they came, and its silence has an end.

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
use crate::out::Out;
use crate::request::{self, Decoded, Request};
use crate::state::{Caller, State};

/// What a decoded fetch takes for each of its partitions while it waits.
const PARKED_BYTES: usize = 256;
/// Of how many partitions a client's place is kept.
const NOTED_MAX: usize = 100;

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
        let out = out
            .inspect_err(|why| tracing::error!(event = "answer_failed", "an answer cannot be written: {why}"))
            .map_err(|_| Ended::Closed)?;
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
        let records = reading.records();
        let out = fetch::write(&reading, correlation, version);
        // What was copied is needed no more.
        drop(reading);
        self.write(out).await?;
        self.state.borrow_mut().totals.records_out += records;
        Ok(())
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
}
