//! Free ports of 127.0.0.1.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context;

/// The ports below those that the system gives to clients: a client might take such a port while a broker is down.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Finds a free port that no other call in this process has returned.
pub fn free_port() -> anyhow::Result<u16> {
    free_ports(1)
}

/// Finds this many free ports in a row, of which no other call in this process returns one; returns the first.
pub fn free_ports(count: u16) -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time begin at different ports.
    let base = u16::try_from(std::process::id() % 600).expect("it is below 600") * 20;
    let mut firsts = (0..COUNT).map(|_| FIRST + (base + NEXT.fetch_add(count, Ordering::Relaxed) % COUNT) % COUNT);
    firsts.find(|&first| (first..first + count).all(is_free)).context("no free port from 20000 on")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
