//! One run of one case: a paced producer and each consumer on a thread of their own.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail};
use cli::shutdown::Shutdown;
use common::time::{Clock, Latency};
use common::wire::Record;
use kafka::Publisher;

use crate::acks::Acks;
use crate::brokers::Broker;
use crate::ending::Ending;
use crate::flight::Flight;
use crate::payload::{Payload, Stamp};
use crate::schedule::{self, Schedule};
use crate::seen::Seen;
use crate::topic::{Topic, Wishes};
use crate::{reader, topic};

/// Time between the last preparation and the first message.
const LEAD: Duration = Duration::from_millis(300);
/// Timeout for an acknowledgement; the client itself gives up earlier.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Case {
    pub round: u32,
    /// Index into the started brokers.
    pub broker: usize,
    pub fps: f64,
    pub consumers: usize,
    pub acks: Acks,
    pub linger_ms: u32,
}

/// The messages of a case, and the durations.
#[derive(Clone, Debug)]
pub struct Load {
    pub payload: Payload,
    pub warmup: Duration,
    pub seconds: Duration,
}

/// Latencies of all consumers together.
#[derive(Clone, Debug)]
pub struct Measured {
    pub case: Case,
    /// Latency from just before the send call.
    pub from_send: Latency,
    /// Latency from the time at which the message was due, so it includes delays of the producer.
    pub from_due: Latency,
}

/// Runs a case; `None` after Ctrl-C.
pub fn run(
    case: Case,
    load: &Load,
    broker: &Broker,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Measured>> {
    let payload = &load.payload;
    let topic = Topic::create(&broker.address, &name(case, payload), &wishes(case, payload), clock)?;
    let flight = Flight::default();
    let publisher = topic.publisher(&flight, clock)?;
    let tails = (0..case.consumers).map(|_| topic.tail(clock)).collect::<anyhow::Result<Vec<_>>>()?;
    let warmup = schedule::count(load.warmup, case.fps);
    let paced = Paced {
        count: warmup + schedule::count(load.seconds, case.fps),
        schedule: Schedule::new(clock.now().plus(LEAD), case.fps),
    };
    let ending = Ending::default();
    let (sent, read) = thread::scope(|threads| {
        let ending = &ending;
        let readers: Vec<_> = tails
            .into_iter()
            .map(|tail| {
                threads.spawn(move || {
                    let mut times = Times::new(warmup);
                    let seen = reader::read(tail, payload, ending, clock, |stamp, at| times.take(stamp, at))?;
                    anyhow::Ok((seen, times))
                })
            })
            .collect();
        let sender = threads.spawn(|| send(&publisher, &flight, paced, payload, clock, shutdown));
        let sent = sender.join().unwrap_or_else(|_| Err(anyhow!("the producer's thread panicked")));
        ending.set(sent.as_ref().copied().unwrap_or(0));
        let read: Vec<anyhow::Result<(Seen, Times)>> = readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|_| Err(anyhow!("a consumer's thread panicked"))))
            .collect();
        (sent, read)
    });
    sent?;
    if shutdown.asked() {
        return Ok(None);
    }
    let mut all = Times::new(warmup);
    for one in read {
        let (seen, times) = one?;
        if let Some(complaint) = seen.complaint() {
            bail!("{complaint}");
        }
        all.add(&times);
    }
    Ok(Some(Measured { case, from_send: all.from_send, from_due: all.from_due }))
}

/// The name of the run's own topic.
fn name(case: Case, payload: &Payload) -> String {
    let Case { round, broker, fps, consumers, acks, linger_ms } = case;
    let (process, fps, bytes) = (std::process::id(), (fps * 1000.0).round(), payload.len_max());
    format!("hop-{process}-{round}-{broker}-{fps}-{consumers}-{acks}-{linger_ms}-{bytes}")
}

/// Settings that differ from vidprod's. Others are left out, so that vidprod's own are measured.
fn wishes(case: Case, payload: &Payload) -> Wishes {
    let mut properties = BTreeMap::new();
    if case.acks != Acks::All {
        properties.insert("acks".to_owned(), case.acks.to_string());
    }
    if case.linger_ms > 0 {
        properties.insert("linger.ms".to_owned(), case.linger_ms.to_string());
    }
    Wishes { message_bytes: payload.len_max(), properties, ..Wishes::default() }
}

#[derive(Clone, Copy, Debug)]
struct Paced {
    count: u64,
    schedule: Schedule,
}

/// Sends each message when it is due, and waits for all acknowledgements; returns the number of messages.
fn send(
    publisher: &Publisher<()>,
    flight: &Flight,
    paced: Paced,
    payload: &Payload,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<u64> {
    let mut sent = 0;
    for sequence in 0..paced.count {
        let mut message = payload.blank(sequence);
        let due = paced.schedule.due(sequence);
        clock.sleep_until(due);
        if shutdown.asked() {
            break;
        }
        flight.take_off();
        Stamp { sequence, due, sent: clock.now() }.write(&mut message);
        if publisher.send(&Record { value: message.into(), ..Record::default() }, ()).is_some() {
            bail!("the client's queue of {} MB is full: the broker does not keep up", topic::IN_FLIGHT_BYTES_MAX >> 20);
        }
        sent += 1;
    }
    flight.wait_below(1, PATIENCE)?;
    Ok(sent)
}

/// The times measured by one consumer.
#[derive(Debug)]
struct Times {
    /// Number of messages at the beginning that are not counted.
    warmup: u64,
    from_send: Latency,
    from_due: Latency,
}

impl Times {
    fn new(warmup: u64) -> Times {
        Times { warmup, from_send: Latency::default(), from_due: Latency::default() }
    }

    fn take(&mut self, stamp: Stamp, at: common::time::Micros) {
        if stamp.sequence >= self.warmup {
            self.from_send.record(at.since(stamp.sent));
            self.from_due.record(at.since(stamp.due));
        }
    }

    fn add(&mut self, other: &Times) {
        self.from_send = crate::stats::merged([&self.from_send, &other.from_send]);
        self.from_due = crate::stats::merged([&self.from_due, &other.from_due]);
    }
}
