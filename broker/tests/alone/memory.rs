//! Whatever clients do, memory stays within its bound, producers are served, and the logs keep their share.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use broker::{Broker, BrokerLimits, Options};

use crate::alone;
use crate::client::{Client, batch, fetch, offsets, start};

const BOUND: usize = 64 << 20;
/// Memory of the process that is not counted: program code, the buffers of both ends, and memory that the allocator
/// does not return at once.
#[cfg(target_os = "linux")]
const ALLOWANCE_BYTES: u64 = 64 << 20;
const BATCH_BYTES: usize = 500_000;
/// Number of batches; together they are several times the bound.
const BATCHES: i64 = 600;
/// The producer may be this far ahead of the reader, which is far less than the logs' share.
const AHEAD_MAX: i64 = 20;

/// A broker with little memory and long timeouts, so that clients are cut off for memory only.
fn crowded() -> Broker {
    let patient = Duration::from_secs(300);
    let limits = BrokerLimits { stall: patient, idle: patient, ..BrokerLimits::default() };
    let broker = start(Options { memory_bytes: BOUND, limits, ..Options::default() });
    let mut client = Client::new(broker.address);
    client.make("video", 1, &[("max.message.bytes", "10000000")]);
    client.make("chat", 1, &[]);
    client.produce("chat", 0, batch(100));
    broker
}

/// Checks that memory stays within the bound while others write and read.
fn watch(broker: &Broker, until: &AtomicBool) {
    let mut most = 0;
    let (mut samples, mut most_resident) = (0, 0);
    while !until.load(Ordering::Relaxed) {
        let snapshot = broker.snapshot().unwrap();
        assert!(snapshot.memory_used <= snapshot.memory_bound, "{} bytes are held", snapshot.memory_used);
        most = most.max(snapshot.memory_used);
        samples += 1;
        #[cfg(target_os = "linux")]
        {
            let resident = 1024 * crate::status("/proc/self/status", "VmRSS");
            assert!(resident <= BOUND as u64 + ALLOWANCE_BYTES, "{resident} bytes are resident");
            most_resident = most_resident.max(resident);
        }
        sleep(Duration::from_millis(2));
    }
    println!("at most {most} bytes held and {most_resident} resident, of {samples} samples");
}

struct Finished<'a>(&'a AtomicBool);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes far more than the bound, and reads it all at the same time; meanwhile `bad` runs.
fn serve_well(broker: &Broker, begin: i64, bad: impl FnOnce() + Send) {
    let written = AtomicBool::new(false);
    let read = AtomicBool::new(false);
    let reader_at = AtomicI64::new(begin);
    thread::scope(|scope| {
        scope.spawn(|| watch(broker, &read));
        scope.spawn(bad);
        scope.spawn(|| {
            let _finished = Finished(&written);
            let mut producer = Client::new(broker.address);
            for nth in 0..BATCHES {
                // Waits for the reader, because its speed on a busy machine is not to be tested.
                while begin + nth > reader_at.load(Ordering::Relaxed) + AHEAD_MAX && !read.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(1));
                }
                let answer = producer.produce("video", 0, batch(BATCH_BYTES));
                assert_eq!((answer.error_code, answer.base_offset), (0, begin + nth));
            }
        });
        let _finished = Finished(&read);
        let mut reader = Client::new(broker.address);
        let mut next = begin;
        while next < begin + BATCHES {
            let request = fetch("video", &[(0, next)]).with_max_bytes(1 << 20).with_max_wait_ms(500);
            let answer = reader.ask(&request, 11);
            let partition = &answer.responses[0].partitions[0];
            assert_eq!(partition.error_code, 0, "it fell off at {next}");
            let have = offsets(partition.records.as_ref());
            assert!(have.iter().copied().eq((next..).take(have.len())));
            next += have.len() as i64;
            reader_at.store(next, Ordering::Relaxed);
            assert!(!have.is_empty() || !written.load(Ordering::Relaxed) || next == begin + BATCHES);
        }
    });
}

/// Number of bytes of batches in the log.
fn kept(broker: &Broker) -> usize {
    let mut client = Client::new(broker.address);
    let partition = client.fetch("video", 0, i64::MAX);
    assert_eq!(offsets(client.fetch("chat", 0, 0).records.as_ref()), [0], "what was little is still there");
    usize::try_from(partition.high_watermark - partition.log_start_offset).unwrap() * BATCH_BYTES
}

fn fill(broker: &Broker) -> i64 {
    let mut producer = Client::new(broker.address);
    let count = (BOUND * 3 / 4 / BATCH_BYTES) as i64;
    for nth in 0..count {
        assert_eq!(producer.produce("video", 0, batch(BATCH_BYTES)).base_offset, nth);
    }
    count
}

/// Sends more requests than the sockets can hold answers for.
fn ask_and_never_read(client: &mut Client, from: i64) {
    for _ in 0..100 {
        client.send(&fetch("video", &[(0, from)]), 11);
    }
}

#[test]
fn one_who_never_reads_costs_others_nothing() {
    let Some(_alone) = alone() else { return };
    let broker = crowded();
    let begin = fill(&broker);
    let mut bad = Client::new(broker.address);
    ask_and_never_read(&mut bad, 0);
    serve_well(&broker, begin, || {});
    assert!(kept(&broker) >= BOUND * 3 / 4, "{}", kept(&broker));
}

#[test]
fn many_who_never_read_take_no_more_than_their_part() {
    let Some(_alone) = alone() else { return };
    let broker = crowded();
    let begin = fill(&broker);
    let mut bad: Vec<Client> = (0..100).map(|_| Client::new(broker.address)).collect();
    for (nth, client) in (0..).zip(&mut bad) {
        ask_and_never_read(client, nth * 5 % begin);
    }
    serve_well(&broker, begin, || {});
    assert!(kept(&broker) >= BOUND / 3, "{}", kept(&broker));
}

#[test]
fn a_client_that_holds_needed_memory_is_cut_off() {
    const LARGE_BYTES: usize = 4 << 20;
    let Some(_alone) = alone() else { return };
    let broker = crowded();
    let mut producer = Client::new(broker.address);
    let mut write = |count| {
        for _ in 0..count {
            assert_eq!(producer.produce("video", 0, batch(LARGE_BYTES)).error_code, 0);
        }
    };
    write(13);
    let mut bad: Vec<Client> = (0..12).map(|_| Client::new(broker.address)).collect();
    for (nth, client) in (1..).zip(&mut bad) {
        ask_and_never_read(client, nth);
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| watch(&broker, &done));
        let _finished = Finished(&done);
        write(60);
    });
    let left = broker.snapshot().unwrap().clients.len();
    assert!((1..13).contains(&left), "some were cut off, and the producer was not: {left} are left");
    let kept = producer.fetch("video", 0, i64::MAX);
    assert!(kept.high_watermark - kept.log_start_offset >= 4);
}

#[test]
fn requests_that_never_come_whole_take_no_more_than_their_part() {
    let Some(_alone) = alone() else { return };
    let broker = crowded();
    let begin = fill(&broker);
    let mut bad: Vec<Client> = (0..50).map(|_| Client::new(broker.address)).collect();
    serve_well(&broker, begin, || {
        for (nth, client) in bad.iter_mut().enumerate() {
            // Writes as much as the broker takes; it stops reading at some point.
            client.stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
            client.stream.write_all(&(15_u32 << 20).to_be_bytes()).ok();
            let bytes = if nth % 2 == 0 { 200_000 } else { 3_000_000 };
            client.stream.write_all(&vec![0; bytes]).ok();
        }
    });
    assert!(kept(&broker) >= BOUND / 3, "{}", kept(&broker));
}

#[test]
fn small_batches_are_counted_where_they_are_copied() {
    let Some(_alone) = alone() else { return };
    let broker = crowded();
    let mut producer = Client::new(broker.address);
    let pieces: Vec<_> = (0..500).map(|_| (0, batch(3500))).collect();
    let request = crate::client::produce("video", &pieces);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| watch(&broker, &done));
        let _finished = Finished(&done);
        let mut bad = Vec::new();
        for nth in 0..200 {
            let answer = producer.ask(&request, 8);
            assert!(answer.responses[0].partition_responses.iter().all(|p| p.error_code == 0));
            if nth > 40 && nth % 4 == 0 {
                let mut client = Client::new(broker.address);
                let from = producer.fetch("video", 0, i64::MAX).log_start_offset;
                ask_and_never_read(&mut client, from);
                bad.push(client);
            }
        }
    });
}

#[test]
fn fetches_of_many_partitions_are_counted_while_they_wait() {
    let Some(_alone) = alone() else { return };
    let broker = crowded();
    let begin = fill(&broker);
    let request = fetch("chat", &vec![(0, 1); 19_000]).with_max_wait_ms(60_000);
    let frame = crate::client::frame(&request, 11, 1);
    let framed = [&(frame.len() as u32).to_be_bytes(), &frame[..]].concat();
    let mut bad: Vec<Client> = (0..50).map(|_| Client::new(broker.address)).collect();
    serve_well(&broker, begin, || {
        for client in &mut bad {
            client.stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
            client.stream.write_all(&framed).ok();
        }
    });
    assert!(kept(&broker) >= BOUND / 3, "{}", kept(&broker));
}
