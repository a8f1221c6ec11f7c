//! The broker as a whole: it listens, serves each client in a task, and does the periodic work.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use kafka_protocol::protocol::StrBytes;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::clock::Ms;
use crate::connection::{ClientConnection, SharedState};
use crate::options::{BrokerLimits, Options};
use crate::request::Requester;
use crate::snapshot::BrokerSnapshot;
use crate::state::BrokerState;

/// Interval of retention.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Shortest time between warnings that every client would cause.
const WARN_EVERY_MS: Ms = 10_000;
/// Time after a failed accept (for example, without free file descriptors) before the next attempt.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// A broker on its own thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Broker {
    /// `None` once the broker is to end.
    requests: Option<mpsc::UnboundedSender<std_mpsc::Sender<BrokerSnapshot>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    pub address: SocketAddr,
}

impl Broker {
    pub fn start(options: Options, listener: TcpListener) -> io::Result<Broker> {
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::unbounded_channel();
        let serve = move || serve(options, listener, requests);
        let thread = std::thread::Builder::new().name("broker".to_owned()).spawn(serve)?;
        Ok(Broker { requests: Some(sender), thread: Some(thread), address })
    }

    /// `None` if the broker has ended.
    pub fn snapshot(&self) -> Option<BrokerSnapshot> {
        let (answer, answered) = std_mpsc::channel();
        self.requests.as_ref()?.send(answer).ok()?;
        answered.recv().ok()
    }

    /// Ends the broker; returns the error that ended it before, if any.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.requests = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(io::Error::other("the broker's thread panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(event = "broker_failed", "the broker failed: {error}");
        }
    }
}

/// Requests for snapshots of the broker. The broker ends when their sender is dropped.
type SnapshotRequests = mpsc::UnboundedReceiver<std_mpsc::Sender<BrokerSnapshot>>;

/// Serves clients on `listener`, on this thread, until the sender of `requests` is dropped.
fn serve(options: Options, listener: TcpListener, requests: SnapshotRequests) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let state = Rc::new(RefCell::new(BrokerState::new(options)));
        tokio::select! {
            () = accept(&listener, &state) => {}
            () = look_after(&state) => {}
            () = look_after_groups(&state) => {}
            () = answer_snapshots(requests, &state) => {}
        }
        Ok(())
    })
}

async fn accept(listener: &tokio::net::TcpListener, state: &SharedState) {
    let (mut full, mut failed) = (Rarely::default(), Rarely::default());
    loop {
        match listener.accept().await {
            Ok((_, peer)) if is_full(state) => {
                let mut state = state.borrow_mut();
                state.totals.turned_away += 1;
                if full.is_due(state.now().ms) {
                    let BrokerLimits { connections: limit, more_connections, .. } = state.options.limits;
                    tracing::warn!(
                        event = "clients_turned_away",
                        %peer,
                        limit,
                        "{peer} is turned away: {limit} clients are connected, and that is the limit; others will be turned away too \
                         ({more_connections})"
                    );
                }
            }
            Ok((stream, peer)) => {
                if let Err(error) = welcome(stream, peer, state) {
                    tracing::debug!("{peer} is gone: {error}");
                }
            }
            Err(error) => {
                if failed.is_due(state.borrow().now().ms) {
                    tracing::warn!(event = "accept_failed", "a client cannot be accepted: {error}{}", hint(&error));
                }
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_full(state: &SharedState) -> bool {
    let state = state.borrow();
    state.clients.len() >= state.options.limits.connections
}

fn hint(error: &io::Error) -> &'static str {
    let too_many = error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error());
    if too_many { " (ulimit -n raises the limit of open files)" } else { "" }
}

/// Limits the rate of a warning that every client would cause while a condition lasts.
#[derive(Default)]
struct Rarely {
    last: Option<Ms>,
}

impl Rarely {
    /// True if the last warning is long enough ago; `now` then counts as the time of the last one.
    fn is_due(&mut self, now: Ms) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_sub(last) >= WARN_EVERY_MS);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Serves one client in a task of its own.
fn welcome(stream: TcpStream, peer: SocketAddr, state: &SharedState) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let reached = stream.local_addr()?;
    let (host, port) = state
        .borrow()
        .options
        .advertise
        .clone()
        .unwrap_or_else(|| (reached.ip().to_canonical().to_string(), reached.port()));
    let id = {
        let mut state = state.borrow_mut();
        let now = state.now().ms;
        let id = state.clients.add(peer, now);
        state.totals.connections += 1;
        state.totals.connections_peak = state.totals.connections_peak.max(state.clients.len());
        id
    };
    let requester = Requester {
        connection: id,
        client_id: String::new(),
        host: format!("/{}", peer.ip().to_canonical()),
        advertise: (StrBytes::from_string(host), port),
    };
    let goodbye = Goodbye { state: state.clone(), id };
    let state_of_task = state.clone();
    let task = tokio::task::spawn_local(async move {
        let _goodbye = goodbye;
        let mut connection = ClientConnection { stream, state: state_of_task, requester, length: [0; 4], have: 0 };
        let ended = connection.run().await;
        let name = match connection.requester.client_id.as_str() {
            "" => String::new(),
            name => format!(" ({name})"),
        };
        if ended.is_odd() {
            connection.state.borrow_mut().totals.cut_off += 1;
            let client = connection.requester.client_id.as_str();
            tracing::warn!(event = "client_cut_off", %peer, client, "{peer}{name} is cut off: {ended}");
        } else {
            tracing::debug!("{peer}{name} is gone: {ended}");
        }
    });
    state.borrow_mut().clients.set_abort(id, task.abort_handle());
    Ok(())
}

/// Removes a client when its task ends, even by a panic.
struct Goodbye {
    state: SharedState,
    id: u64,
}

impl Drop for Goodbye {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.clients.remove(self.id);
        let now = state.now().ms;
        state.groups.disconnected(self.id, now);
        state.alarm.notify_one();
    }
}

async fn look_after(state: &SharedState) {
    loop {
        sleep(KEEP_EVERY).await;
        let mut state = state.borrow_mut();
        let now = state.now();
        state.topics.keep(now);
    }
}

/// Sleeps until a group's next deadline, or until it changes.
async fn look_after_groups(state: &SharedState) {
    let alarm = state.borrow().alarm.clone();
    loop {
        let wait = {
            let mut state = state.borrow_mut();
            let now = state.now().ms;
            state.groups.tick(now);
            state.groups.next_deadline().map(|at| Duration::from_millis(at.saturating_sub(now).max(1)))
        };
        match wait {
            Some(wait) => {
                let _ = tokio::time::timeout(wait, alarm.notified()).await;
            }
            None => alarm.notified().await,
        }
    }
}

async fn answer_snapshots(mut requests: SnapshotRequests, state: &SharedState) {
    while let Some(answer) = requests.recv().await {
        // The requester may be gone.
        let _ = answer.send(BrokerSnapshot::of(&state.borrow()));
    }
}
