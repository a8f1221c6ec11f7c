//! A network between the programs and their broker that is slow, or halts or breaks when a test wants it to.
//!
//! ```text
//! client ─▶ Proxy ─ every byte `delay` later, either way ─▶ broker, which advertises the proxy's port
//! ```

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// What the network is like, either way.
#[derive(Clone, Copy, Default, Debug)]
pub struct Network {
    /// Every byte comes that much later.
    pub delay: Duration,
    /// No more gets through, and who sends more is held up.
    pub bytes_a_second: Option<u32>,
}

#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wires: Arc<Wires>,
}

#[derive(Debug)]
struct Wires {
    network: Network,
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let halted_until = Mutex::new(crate::now());
        let wires = Arc::new(Wires {
            network,
            halted_until,
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
        let Ok(broker) = TcpStream::connect(("127.0.0.1", self.to.load(Ordering::Relaxed))) else { return };
        for wire in [&client, &broker] {
            wire.set_nodelay(true).expect("a fresh socket");
            open.push(wire.try_clone().expect("a second handle"));
        }
        drop(open);
        let (client2, broker2) = (client.try_clone().expect("a handle"), broker.try_clone().expect("a handle"));
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        carry(client, broker, self.clone(), None);
        carry(broker2, client2, self.clone(), Some(number));
    }
}

/// One thread reads and stamps, another waits and writes: what is under way is not held up by what comes after it.
/// `answers_of`: the number of the connection, where these are the broker's answers.
fn carry(mut from: TcpStream, mut to: TcpStream, wires: Arc<Wires>, answers_of: Option<usize>) {
    let Network { delay, bytes_a_second } = wires.network;
    let (under_way, arriving) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 8 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if under_way.send((crate::now() + delay, buffer[..n].to_vec())).is_err() {
                break;
            }
            if let Some(bytes) = bytes_a_second {
                std::thread::sleep(Duration::from_secs(n as u64) / bytes);
            }
        }
    });
    std::thread::spawn(move || {
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
    });
}
