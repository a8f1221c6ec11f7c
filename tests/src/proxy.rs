//! A network between the programs and their broker that is slow, or halts or breaks when a test wants it to.
//!
//! ```text
//! client ─▶ Proxy ─ router: buffer, rate ─▶ delay, jitter ─▶ broker, which advertises the proxy's port
//! ```
//! Either direction has a router of its own, which all connections share.

mod router;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use router::Router;

/// The largest piece that is passed on at once. Small, so that connections share a slow link fairly.
const CHUNK_BYTES: usize = 8 << 10;
/// What the kernel keeps for each socket of a slow link: beside the router's buffer there should be little.
const SOCKET_BYTES: usize = 16 << 10;
/// Of an Ethernet: with the loopback's 64 KiB, a sender's window would be megabytes.
const SEGMENT_BYTES: u32 = 1448;

/// What the network is like, either way.
#[derive(Clone, Copy, Default, Debug)]
pub struct Network {
    /// Every byte comes that much later.
    pub delay: Duration,
    /// And up to that much later still, in order.
    pub jitter: Duration,
    /// No more gets through, and a sender of more is held up once the router's buffer is full.
    pub bytes_a_second: Option<u32>,
    /// Only clients whose id begins like this are behind it; the others reach the broker directly.
    pub only_client: Option<&'static str>,
}

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
    /// Until then nothing gets through.
    halted_until: Mutex<Instant>,
    /// The broker's port, once there is a broker.
    to: AtomicU16,
    /// Connections made before this one are open and carry no more answers.
    silent_before: AtomicUsize,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens; who connects before [`Proxy::lead_to`] was called is turned away.
    pub fn start(network: Network) -> Proxy {
        let listener = listen(&network);
        let port = listener.local_addr().expect("it is bound").port();
        let wires = Arc::new(Wires {
            network: Mutex::new(network),
            routers: [1, 2].map(|seed| Arc::new(Mutex::new(Router::new(seed, crate::now())))),
            halted_until: Mutex::new(crate::now()),
            to: AtomicU16::new(0),
            silent_before: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let shared = wires.clone();
        // It ends with the test's process.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|client| shared.join(client)));
        Proxy { port, wires }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn lead_to(&self, port: u16) {
        self.wires.to.store(port, Ordering::Relaxed);
    }

    /// From now on the network is like this.
    pub fn change(&self, network: Network) {
        *self.wires.network.lock().unwrap() = network;
    }

    /// Lets nothing through for that long; what comes meanwhile gets through then.
    pub fn halt(&self, lasting: Duration) {
        *self.wires.halted_until.lock().unwrap() = crate::now() + lasting;
        std::thread::sleep(lasting);
    }

    /// Swallows the broker's answers on every connection that there is, and leaves it open, as a firewall does that forgot
    /// it. Requests still reach the broker, and new connections are as usual.
    pub fn silence(&self) {
        self.wires.silent_before.store(self.wires.connections.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Breaks every connection that there is, and turns away who connects for that long.
    pub fn cut(&self, lasting: Duration) {
        let broker = {
            // Nobody joins meanwhile.
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
            carry(client, broker, wires.clone(), Way { router: there, answers_of: None });
            carry(broker2, client2, wires, Way { router: back, answers_of: Some(number) });
        });
    }
}

/// One direction of a connection.
struct Way {
    /// `None`: it goes straight.
    router: Option<Arc<Mutex<Router>>>,
    /// The number of the connection, where these are the broker's answers.
    answers_of: Option<usize>,
}

/// One thread reads and stamps, another waits and writes: what is under way is not held up by what comes after it.
fn carry(from: TcpStream, to: TcpStream, wires: Arc<Wires>, way: Way) {
    let Way { router, answers_of } = way;
    let (under_way, arriving) = mpsc::channel();
    let writing = wires.clone();
    std::thread::spawn(move || read(from, &under_way, &wires, router.as_deref()));
    std::thread::spawn(move || write(to, &arriving, &writing, answers_of));
}

type Stamped = (Instant, Vec<u8>);

/// Takes what comes as the router has room for it. A real one drops the rest, and TCP makes the sender wait: here it waits
/// at once.
fn read(mut from: TcpStream, under_way: &mpsc::Sender<Stamped>, wires: &Wires, router: Option<&Mutex<Router>>) {
    let network = || *wires.network.lock().unwrap();
    let full_until = || router?.lock().unwrap().full_until(&network(), crate::now());
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        while let Some(until) = full_until() {
            std::thread::sleep(until.saturating_duration_since(crate::now()));
        }
        let Ok(n @ 1..) = from.read(&mut buffer) else { return };
        let now = crate::now();
        let due = router.map_or(now, |router| router.lock().unwrap().enter(&network(), n, now));
        if under_way.send((due, buffer[..n].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, arriving: &mpsc::Receiver<Stamped>, wires: &Wires, answers_of: Option<usize>) {
    for (due, bytes) in arriving {
        let due = due.max(*wires.halted_until.lock().unwrap());
        std::thread::sleep(due.saturating_duration_since(crate::now()));
        if answers_of.is_some_and(|number| number < wires.silent_before.load(Ordering::Relaxed)) {
            continue;
        }
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Whether a Kafka client whose id begins with `id` has connected, from the header of its first request.
fn is_client(client: &TcpStream, id: &str) -> bool {
    // Length, API, version, correlation id and the length of the client's id come before it.
    let mut header = vec![0; 14 + id.len()];
    // A first request is small: it comes in one piece.
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

/// Of a slow link, what the kernel keeps is to be little.
fn socket(network: &Network) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    if network.bytes_a_second.is_some() {
        socket.set_recv_buffer_size(SOCKET_BYTES).expect("a fresh socket");
        socket.set_tcp_mss(SEGMENT_BYTES).expect("a fresh socket");
    }
    socket
}
