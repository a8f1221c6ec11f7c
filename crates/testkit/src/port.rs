//! Free ports of 127.0.0.1.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context;

/// The ports below those that the system gives to clients: a client might take such a port while a broker is down.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Finds a port that is free and that no other call in this process has returned.
pub fn free_port() -> anyhow::Result<u16> {
    free_port_that(|_| true)
}

/// Finds a free port that also `fits`.
pub fn free_port_that(fits: impl Fn(u16) -> bool) -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time begin at different ports.
    let base = u16::try_from(std::process::id() % 600).expect("it is below 600") * 20;
    let mut ports = (0..COUNT).map(|_| FIRST + (base + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT);
    ports.find(|&port| is_free(port) && fits(port)).context("no free port between 20000 and 32000")
}

/// True if nobody listens on this port now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
