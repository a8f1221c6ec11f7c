//! One run: a producer that always has something in flight, and a consumer that reads along.

use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail};
use cli::shutdown::Shutdown;
use common::time::{Clock, Micros};
use common::wire::Record;
use kafka::Publisher;

use crate::brokers::Broker;
use crate::ending::Ending;
use crate::flight::Flight;
use crate::payload::{Payload, Stamp};
use crate::reader;
use crate::seen::Seen;
use crate::topic::{IN_FLIGHT_BYTES_MAX, Topic, Wishes};

/// Timeout for an acknowledgement; the client itself gives up earlier.
const PATIENCE: Duration = Duration::from_secs(40);

/// The point at which sending ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    Time(Duration),
    Messages(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    pub round: u32,
    /// Index into the started brokers.
    pub broker: usize,
    pub amount: Amount,
    pub bytes: usize,
    /// Largest number of messages in flight.
    pub in_flight_max: u64,
}

impl Run {
    /// A run with as many messages in flight as our producer allows.
    pub fn full(round: u32, broker: usize, amount: Amount, bytes: usize) -> Run {
        Run { round, broker, amount, bytes, in_flight_max: (IN_FLIGHT_BYTES_MAX / bytes.max(1)).max(2) as u64 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measured {
    pub run: Run,
    pub received: u64,
    /// Messages that a slow consumer missed, because the broker's memory was full.
    pub lost: u64,
    /// Time from the first send to the last acknowledgement.
    pub sending: Duration,
    /// Time from the first send to the last record.
    pub reading: Duration,
}

impl Measured {
    /// Rate at which the consumer received.
    pub fn mb_per_second(&self) -> f64 {
        self.received as f64 * self.run.bytes as f64 / 1e6 / self.reading.as_secs_f64().max(1e-6)
    }

    /// Rate at which the broker received.
    pub fn mb_per_second_in(&self) -> f64 {
        (self.received + self.lost) as f64 * self.run.bytes as f64 / 1e6 / self.sending.as_secs_f64().max(1e-6)
    }
}

/// Runs with messages of the run's length; `None` after Ctrl-C.
pub fn run(run: Run, broker: &Broker, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<Option<Measured>> {
    carry(run, &Payload::new(run.bytes), &Wishes::default(), broker, clock, shutdown)
}

/// Runs with other messages.
pub fn carry(
    run: Run,
    payload: &Payload,
    wishes: &Wishes,
    broker: &Broker,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Measured>> {
    let name = format!("throughput-{}-{}-{}", std::process::id(), run.round, run.broker);
    let topic = Topic::create(&broker.address, &name, wishes, clock)?;
    let flight = Flight::default();
    let publisher = topic.publisher(&flight, clock)?;
    let tail = topic.tail(clock)?;
    let ending = Ending::default();
    let start = clock.now();
    let (sent, read) = thread::scope(|threads| {
        let ending = &ending;
        let reader = threads.spawn(move || {
            let mut last = start;
            let seen = reader::read(tail, payload, ending, clock, |_, at| last = at)?;
            anyhow::Ok((seen, last))
        });
        let sender = threads.spawn(|| send(run, &publisher, &flight, payload, clock, shutdown));
        let sent = sender.join().unwrap_or_else(|_| Err(anyhow!("the producer's thread panicked")));
        ending.set(sent.as_ref().map_or(0, |sent| sent.count));
        (sent, reader.join().unwrap_or_else(|_| Err(anyhow!("the consumer's thread panicked"))))
    });
    let sent = sent?;
    if shutdown.asked() {
        return Ok(None);
    }
    let (seen, last) = read?;
    let Seen { received, lost, duplicates, damaged, .. } = seen;
    if duplicates + damaged > 0 || received == 0 {
        bail!("{}", seen.complaint().unwrap_or_else(|| "nothing was received".to_owned()));
    }
    let (sending, reading) = (sent.acknowledged.since(sent.first), last.since(sent.first));
    Ok(Some(Measured { run, received, lost, sending, reading }))
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    count: u64,
    first: Micros,
    acknowledged: Micros,
}

fn send(
    run: Run,
    publisher: &Publisher<()>,
    flight: &Flight,
    payload: &Payload,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Sent> {
    let first = clock.now();
    let goes_on = |count: u64| match run.amount {
        Amount::Messages(messages) => count < messages,
        Amount::Time(time) => clock.now().since(first) < time,
    };
    let mut count = 0;
    while goes_on(count) && !shutdown.asked() {
        flight.wait_below(run.in_flight_max, PATIENCE)?;
        flight.take_off();
        let mut message = payload.blank(count);
        Stamp { sequence: count, due: first, sent: clock.now() }.write(&mut message);
        if publisher.send(&Record { value: message.into(), ..Record::default() }, ()).is_some() {
            bail!("the client's queue is full below what may be under way");
        }
        count += 1;
    }
    flight.wait_below(1, PATIENCE)?;
    Ok(Sent { count, first, acknowledged: clock.now() })
}
