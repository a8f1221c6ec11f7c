//! Waiting clients cost no processor time.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use broker::Options;

use crate::client::{Client, fetch, start, wait_for};
use crate::{alone, status};

/// Largest number of wake-ups. The broker wakes once a second for retention; the rest allows for the machine.
const WAKE_UPS_MAX: u64 = 20;

/// The status file of the broker's thread, the only one with that name.
fn broker_thread() -> String {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let mut named = threads.filter(|t| fs::read_to_string(t.join("comm")).is_ok_and(|name| name.trim() == "broker"));
    named.next().unwrap().join("status").to_str().unwrap().to_owned()
}

#[test]
fn ten_waiting_consumers_wake_no_thread() {
    let Some(_alone) = alone() else { return };
    let broker = start(Options::default());
    let mut clients: Vec<Client> = (0..10).map(|_| Client::new(broker.address)).collect();
    clients[0].make("a", 1, &[]);
    for client in &mut clients {
        client.send(&fetch("a", &[(0, 0)]).with_max_wait_ms(60_000), 11);
    }
    wait_for("all to wait", || broker.snapshot().unwrap().clients.iter().all(|c| c.reads.contains("a")));
    let file = broker_thread();
    let switches = || status(&file, "voluntary_ctxt_switches");
    let before = switches();
    sleep(Duration::from_secs(2));
    let wake_ups = switches() - before;
    println!("{wake_ups} wake-ups in 2 s");
    assert!(wake_ups <= 2 * WAKE_UPS_MAX, "{wake_ups} wake-ups in 2 s");
}
