//! A network between the programs and their broker that can be slow, and that a test can halt or break.
//!
//! ```text
//! client ─▶ Proxy ─ router: buffer, rate ─▶ delay, jitter ─▶ broker, which advertises the proxy's port
//! ```
//! Each direction has its own router, which all connections share.

mod network;
mod router;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::wait;

pub use network::Network;
use router::Router;

/// Largest piece that is passed on at once. It is small, so that connections share a slow link fairly.
const CHUNK_BYTES: usize = 8 << 10;
/// Size of the kernel's buffer for each socket of a slow link. It is small, because the router has the link's buffer.
const SOCKET_BYTES: usize = 16 << 10;
/// Segment size of Ethernet. With the loopback's 64 KiB, a sender's window would be megabytes.
const SEGMENT_BYTES: u32 = 1448;

#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wires: Arc<Wires>,
}

#[derive(Debug)]
struct Wires {
    network: Mutex<Network>,
    /// One for each direction: to the broker, and back.
    routers: [Arc<Mutex<Router>>; 2],
    /// Time until which nothing passes.
    halted_until: Mutex<Instant>,
    /// The broker's port; 0 as long as there is no broker.
    to: AtomicU16,
    /// Connections with a lower number stay open, but carry no more answers.
    silent_before: AtomicUsize,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts listening. Connections made before [`Proxy::lead_to`] is called are closed.
    pub fn start(network: Network) -> Proxy {
        let listener = listen(&network);
        let port = listener.local_addr().expect("it is bound").port();
        let wires = Arc::new(Wires {
            network: Mutex::new(network),
            routers: [1, 2].map(|seed| Arc::new(Mutex::new(Router::new(seed, wait::now())))),
            halted_until: Mutex::new(wait::now()),
            to: AtomicU16::new(0),
            silent_before: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let shared = wires.clone();
        // The thread ends with the test process.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|client| shared.join(client)));
        Proxy { port, wires }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn lead_to(&self, port: u16) {
        self.wires.to.store(port, Ordering::Relaxed);
    }

    /// Changes the properties of the network.
    pub fn change(&self, network: Network) {
        *self.wires.network.lock().unwrap() = network;
    }

    /// Halts all traffic for this time; it is delivered afterwards.
    pub fn halt(&self, lasting: Duration) {
        *self.wires.halted_until.lock().unwrap() = wait::now() + lasting;
        std::thread::sleep(lasting);
    }

    /// Discards the broker's answers on all present connections and leaves them open, like a firewall that has
    /// forgotten them. Requests still reach the broker, and new connections are not affected.
    pub fn silence(&self) {
        self.wires.silent_before.store(self.wires.connections.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Breaks all connections, and refuses new ones for this time.
    pub fn cut(&self, lasting: Duration) {
        let broker = {
            // No connection is added meanwhile.
            let mut open = self.wires.open.lock().unwrap();
            open.drain(..).for_each(|wire| drop(wire.shutdown(Shutdown::Both)));
            self.wires.to.swap(0, Ordering::Relaxed)
        };
        std::thread::sleep(lasting);
        self.lead_to(broker);
    }
}

impl Wires {
    fn join(self: &Arc<Wires>, client: TcpStream) {
        let mut open = self.open.lock().unwrap();
        let network = *self.network.lock().unwrap();
        let Some(broker) = reach(self.to.load(Ordering::Relaxed), &network) else { return };
        for wire in [&client, &broker] {
            wire.set_nodelay(true).expect("a fresh socket");
            open.push(wire.try_clone().expect("a second handle"));
        }
        drop(open);
        let (wires, number) = (self.clone(), self.connections.fetch_add(1, Ordering::Relaxed));
        std::thread::spawn(move || {
            let direct = network.only_client.is_some_and(|id| !is_client(&client, id));
            let (client2, broker2) = (client.try_clone().expect("a handle"), broker.try_clone().expect("a handle"));
            let [there, back] = wires.routers.clone().map(|router| (!direct).then_some(router));
            carry(client, broker, wires.clone(), there, None);
            carry(broker2, client2, wires, back, Some(number));
        });
    }
}

/// Carries one direction, without a router if the connection bypasses the network. `answers_of` is the number of the
/// connection if these are the broker's answers. One thread reads and adds the due time, another waits and writes, so
/// data in flight are not delayed by data behind them.
fn carry(
    from: TcpStream,
    to: TcpStream,
    wires: Arc<Wires>,
    router: Option<Arc<Mutex<Router>>>,
    answers_of: Option<usize>,
) {
    let (under_way, arriving) = mpsc::channel();
    let writing = wires.clone();
    std::thread::spawn(move || read(from, &under_way, &wires, router.as_deref()));
    std::thread::spawn(move || write(to, &arriving, &writing, answers_of));
}

type Stamped = (Instant, Vec<u8>);

/// Reads data when the router has room. A real router would drop the rest, and TCP would make the sender wait; here the
/// sender waits at once.
fn read(mut from: TcpStream, under_way: &mpsc::Sender<Stamped>, wires: &Wires, router: Option<&Mutex<Router>>) {
    let network = || *wires.network.lock().unwrap();
    let full_until = || router?.lock().unwrap().full_until(&network(), wait::now());
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        while let Some(until) = full_until() {
            std::thread::sleep(until.saturating_duration_since(wait::now()));
        }
        let Ok(n @ 1..) = from.read(&mut buffer) else { return };
        let now = wait::now();
        let due = router.map_or(now, |router| router.lock().unwrap().enter(&network(), n, now));
        if under_way.send((due, buffer[..n].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, arriving: &mpsc::Receiver<Stamped>, wires: &Wires, answers_of: Option<usize>) {
    for (due, bytes) in arriving {
        let due = due.max(*wires.halted_until.lock().unwrap());
        std::thread::sleep(due.saturating_duration_since(wait::now()));
        if answers_of.is_some_and(|number| number < wires.silent_before.load(Ordering::Relaxed)) {
            continue;
        }
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// True if a Kafka client whose id begins with `id` has connected, judged by the header of its first request.
fn is_client(client: &TcpStream, id: &str) -> bool {
    // The header: length, API key, version, correlation id and the length of the client id come first.
    let mut header = vec![0; 14 + id.len()];
    // The first request is small and arrives in one piece.
    client.peek(&mut header).is_ok_and(|n| n == header.len()) && header.ends_with(id.as_bytes())
}

fn listen(network: &Network) -> TcpListener {
    let socket = socket(network);
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    socket.listen(128).expect("a bound socket listens");
    socket.into()
}

fn reach(port: u16, network: &Network) -> Option<TcpStream> {
    let socket = socket(network);
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).ok()?;
    Some(socket.into())
}

/// A socket. For a slow link its kernel buffers are small.
fn socket(network: &Network) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    if network.bytes_a_second.is_some() {
        socket.set_recv_buffer_size(SOCKET_BYTES).expect("a fresh socket");
        socket.set_tcp_mss(SEGMENT_BYTES).expect("a fresh socket");
    }
    socket
}
