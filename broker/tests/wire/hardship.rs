//! Clients that misbehave: each is cut off, and others are not affected.

use std::io::Write;
use std::time::Duration;

use broker::fuzzing::rng::Rng;
use broker::{Broker, BrokerLimits, Options};

use crate::client::{Client, batch, fetch, frame, start, wait_for};

/// Longer than a busy machine delays a test between two of its steps.
const SHORT: Duration = Duration::from_secs(2);

fn with_limits(limits: BrokerLimits) -> Broker {
    let broker = start(Options { limits, ..Options::default() });
    Client::new(broker.address).make("a", 1, &[]);
    broker
}

/// Checks that the broker still works.
fn check(broker: &Broker) {
    let mut client = Client::new(broker.address);
    let end = client.produce("a", 0, batch(1000)).base_offset;
    assert_eq!(client.fetch("a", 0, end).high_watermark, end + 1);
}

#[test]
fn garbage_ends_its_connection() {
    let broker = with_limits(BrokerLimits { stall: SHORT, ..BrokerLimits::default() });
    let mut rng = Rng::new(1);
    let mut clients: Vec<Client> = (0..100).map(|_| Client::new(broker.address)).collect();
    for (nth, client) in clients.iter_mut().enumerate() {
        let mut garbage: Vec<u8> = (0..1 + rng.below(5000)).map(|_| rng.number() as u8).collect();
        // Half of them have a plausible length, so that the rest is parsed.
        if nth % 2 == 0 && garbage.len() > 4 {
            let length = garbage.len() as u32 - 4;
            garbage[..4].copy_from_slice(&length.to_be_bytes());
        }
        // The connection may have been closed meanwhile.
        client.stream.write_all(&garbage).ok();
    }
    check(&broker);
    for client in &mut clients {
        while client.receive().is_some() {}
    }
    check(&broker);
}

#[test]
fn half_a_request_and_then_nothing_is_cut_off() {
    let broker = with_limits(BrokerLimits { stall: SHORT, ..BrokerLimits::default() });
    let whole = frame(&fetch("a", &[(0, 0)]), 11, 1);
    let framed = [&(whole.len() as u32).to_be_bytes(), &whole[..]].concat();
    let begun = [0, 2, 4, 5, framed.len() - 1].map(|bytes| {
        let mut client = Client::new(broker.address);
        client.stream.write_all(&framed[..bytes]).unwrap();
        (client, bytes)
    });
    for (mut client, bytes) in begun {
        assert_eq!(client.receive(), None, "{bytes} bytes");
    }
    check(&broker);
}

#[test]
fn a_length_that_no_request_has_is_not_waited_for() {
    let broker = with_limits(BrokerLimits::default());
    for length in [0_u32, 7, i32::MAX as u32, u32::MAX, 100 << 20 | 1] {
        let mut client = Client::new(broker.address);
        client.stream.write_all(&length.to_be_bytes()).unwrap();
        assert_eq!(client.receive(), None, "{length}");
    }
    check(&broker);
}

#[test]
fn a_silent_client_is_cut_off() {
    let broker = with_limits(BrokerLimits { idle: SHORT, ..BrokerLimits::default() });
    let mut client = Client::new(broker.address);
    client.fetch("a", 0, 0);
    assert_eq!(client.receive(), None);
}

#[test]
fn a_client_that_waits_is_not_idle() {
    let broker = with_limits(BrokerLimits { idle: SHORT, stall: SHORT, ..BrokerLimits::default() });
    let mut client = Client::new(broker.address);
    let answer = client.ask(&fetch("a", &[(0, 0)]).with_max_wait_ms(4000), 11);
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
}

#[test]
fn there_are_no_more_connections_than_allowed() {
    let broker =
        start(Options { limits: BrokerLimits { connections: 3, ..BrokerLimits::default() }, ..Options::default() });
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new(broker.address)).collect();
    clients[2].make("a", 1, &[]);
    assert!(Client::new(broker.address).is_hung_up());
    clients.pop();
    wait_for("it to be gone", || broker.snapshot().unwrap().clients.len() == 2);
    check(&broker);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let broker = with_limits(BrokerLimits { stall: SHORT, ..BrokerLimits::default() });
    let mut producer = Client::new(broker.address);
    for _ in 0..20 {
        producer.produce("a", 0, batch(1_000_000));
    }
    let mut slow = Client::new(broker.address);
    for _ in 0..10 {
        slow.send(&fetch("a", &[(0, 0)]), 11);
    }
    wait_for("it to be cut off", || broker.snapshot().unwrap().clients.len() == 1);
    check(&broker);
}
