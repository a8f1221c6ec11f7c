//! One transfer: a producer sends messages when they are due or at full speed, and consumers read them.
//!
//! Producer and consumers are threads of this process. In processes of their own they would have as many threads, which
//! disturb a broker on the same machine equally; and no process has to be started while something is measured.

use std::fmt;
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail};
use common::time::{Clock, Latency, Micros};
use common::wire::Record;
use kafka::{Event, Publisher, Tail};

use super::flight::Flight;
use super::payload::{Payload, Stamp};
use super::receipt::Receipt;
use super::schedule::Schedule;
use super::topic::{BenchTopic, IN_FLIGHT_BYTES_MAX, TopicSettings};
use crate::brokers::StartedBroker;
use crate::control::Control;
use crate::spread::merged;

/// Time between the last preparation and the first message.
const LEAD: Duration = Duration::from_millis(300);
/// Timeout for an acknowledgement; the client itself gives up earlier.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(40);
/// Timeout of one read.
const POLL: Duration = Duration::from_millis(100);
/// Time without a message after the last was sent. After that no more are expected.
const GRACE: Duration = Duration::from_secs(5);

/// When messages are sent, and how many.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Sending {
    Paced {
        fps: f64,
        count: u64,
    },
    /// As fast as possible, with at most so many messages in flight.
    Unpaced {
        in_flight_max: u64,
        amount: Amount,
    },
}

/// The point at which unpaced sending ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    Time(Duration),
    Messages(u64),
}

impl Sending {
    /// As many messages in flight as our producer allows.
    pub fn full_speed(bytes: usize, amount: Amount) -> Sending {
        Sending::Unpaced { in_flight_max: (IN_FLIGHT_BYTES_MAX / bytes.max(1)).max(2) as u64, amount }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    pub broker: &'a StartedBroker,
    /// Name of the topic, which is created and deleted afterwards.
    pub topic: &'a str,
    pub settings: &'a TopicSettings,
    pub payload: &'a Payload,
    pub sending: Sending,
    pub consumers: usize,
    /// Number of messages at the beginning whose latency is not measured.
    pub warmup: u64,
}

/// The times and counts of all consumers together.
#[derive(Clone, Debug)]
pub struct Transferred {
    /// Latency from just before the send call.
    pub from_send: Latency,
    /// Latency from the time at which the message was due, so it includes delays of the producer.
    pub from_due: Latency,
    pub receipt: Receipt,
    /// Time from the first send to the last acknowledgement.
    pub sending: Duration,
    /// Time from the first send to the last record.
    pub reading: Duration,
}

impl Transferred {
    /// A percentile of the latency from the send call in µs: `p50` or `p99`.
    pub fn at(&self, figure: &str) -> f64 {
        let quantile = if figure == "p50" { 0.5 } else { 0.99 };
        self.from_send.histogram().value_at_quantile(quantile) as f64
    }

    /// Fails if a message was lost, duplicated or damaged.
    pub fn complete(self) -> anyhow::Result<Transferred> {
        self.receipt.complaint().map_or(Ok(self), |complaint| bail!(complaint))
    }
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {} p99 {} µs", self.at("p50"), self.at("p99"))
    }
}

/// The records that one consumer read.
#[derive(Debug)]
struct Readings {
    from_send: Latency,
    from_due: Latency,
    receipt: Receipt,
    last: Micros,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    count: u64,
    first: Micros,
    acknowledged: Micros,
}

impl Transfer<'_> {
    /// `None` after Ctrl-C.
    pub fn run(&self, control: Control<'_>) -> anyhow::Result<Option<Transferred>> {
        let clock = control.clock;
        let topic = BenchTopic::create(&self.broker.address, self.topic, self.settings, clock)?;
        let flight = Flight::default();
        let publisher = topic.publisher(&flight, clock)?;
        let tails = (0..self.consumers).map(|_| topic.tail(clock)).collect::<anyhow::Result<Vec<_>>>()?;
        let (sent, read) = thread::scope(|threads| {
            let read = |tail| threads.spawn(|| self.read(tail, &flight, clock));
            let readers: Vec<_> = tails.into_iter().map(read).collect();
            let sender = threads.spawn(|| self.send(&publisher, &flight, control));
            let sent = sender.join().unwrap_or_else(|_| Err(anyhow!("the producer's thread panicked")));
            flight.close(sent.as_ref().map_or(0, |sent| sent.count));
            let joined = readers.into_iter().map(|reader| reader.join());
            let read = joined.map(|read| read.unwrap_or_else(|_| Err(anyhow!("a consumer's thread panicked"))));
            (sent, read.collect::<anyhow::Result<Vec<Readings>>>())
        });
        let sent = sent?;
        if control.interrupted() {
            return Ok(None);
        }
        let read = read?;
        let last = read.iter().map(|one| one.last).max().unwrap_or(sent.first);
        Ok(Some(Transferred {
            from_send: merged(read.iter().map(|one| &one.from_send)),
            from_due: merged(read.iter().map(|one| &one.from_due)),
            receipt: read.iter().fold(Receipt::default(), |sum, one| sum.and(&one.receipt)),
            sending: sent.acknowledged.since(sent.first),
            reading: last.since(sent.first),
        }))
    }

    /// Sends until the amount is reached or Ctrl-C, and waits for all acknowledgements.
    fn send(&self, publisher: &Publisher<()>, flight: &Flight, control: Control<'_>) -> anyhow::Result<Sent> {
        let clock = control.clock;
        let (lead, fps) = match self.sending {
            Sending::Paced { fps, .. } => (LEAD, fps),
            Sending::Unpaced { .. } => (Duration::ZERO, f64::INFINITY),
        };
        let first = clock.now().plus(lead);
        let schedule = Schedule::new(first, fps);
        let goes_on = |sequence: u64| match self.sending {
            Sending::Paced { count, .. } => sequence < count,
            Sending::Unpaced { amount: Amount::Messages(count), .. } => sequence < count,
            Sending::Unpaced { amount: Amount::Time(time), .. } => clock.now().since(first) < time,
        };
        let mut count = 0;
        while goes_on(count) {
            // Copying takes longer than stamping, so the message is made before it is due.
            let mut message = self.payload.blank(count);
            match self.sending {
                Sending::Paced { .. } => clock.sleep_until(schedule.due(count)),
                Sending::Unpaced { in_flight_max, .. } => flight.wait_below(in_flight_max, ACKNOWLEDGE_TIMEOUT)?,
            }
            if control.interrupted() {
                break;
            }
            flight.take_off();
            Stamp { sequence: count, due: schedule.due(count), sent: clock.now() }.write(&mut message);
            if publisher.send(&Record { value: message.into(), ..Record::default() }, ()).is_some() {
                bail!("the client's queue of {} MB is full: the broker does not keep up", IN_FLIGHT_BYTES_MAX >> 20);
            }
            count += 1;
        }
        flight.wait_below(1, ACKNOWLEDGE_TIMEOUT)?;
        Ok(Sent { count, first, acknowledged: clock.now() })
    }

    /// Reads until every message that was sent has arrived, or none comes any more.
    fn read(&self, mut tail: Tail, flight: &Flight, clock: &dyn Clock) -> anyhow::Result<Readings> {
        let (from_send, from_due) = (Latency::default(), Latency::default());
        let mut readings = Readings { from_send, from_due, receipt: Receipt::default(), last: clock.now() };
        // Time of the last record, or of learning that the last message was sent.
        let mut active = clock.now();
        let mut ended = false;
        loop {
            match tail.next(POLL) {
                Event::Record(received) => {
                    active = clock.now();
                    readings.take(self.payload.read(&received.record.value), active, self.warmup);
                }
                Event::Nothing | Event::End => {}
                Event::Moved { .. } => tracing::warn!("the consumer's offset is no longer in the topic"),
                Event::Anew | Event::Missing => bail!("the topic went away while it was read"),
                Event::Forbidden { problem, .. } => bail!(problem.words),
                Event::Refused(words) => bail!(words),
                Event::ConnectionProblem(words) => tracing::warn!("the consumer reports: {words}"),
            }
            if let Some(sent) = flight.closed() {
                if !ended {
                    (ended, active) = (true, clock.now());
                }
                if readings.receipt.has_all(sent) || clock.now().since(active) > GRACE {
                    readings.receipt.close(sent);
                    return Ok(readings);
                }
            }
        }
    }
}

impl Readings {
    /// `None` is a message that has changed on its way.
    fn take(&mut self, stamp: Option<Stamp>, at: Micros, warmup: u64) {
        match stamp {
            Some(stamp) if self.receipt.take(stamp.sequence) => {
                self.last = at;
                if stamp.sequence >= warmup {
                    self.from_send.record(at.since(stamp.sent));
                    self.from_due.record(at.since(stamp.due));
                }
            }
            Some(_) => {}
            None => self.receipt.damaged += 1,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A transfer of 1000 messages in half a second, each with this latency.
    pub fn took(us: u64) -> Transferred {
        let mut from_send = Latency::default();
        from_send.record(Duration::from_micros(us));
        let receipt = Receipt { received: 1000, ..Receipt::default() };
        let time = Duration::from_millis(500);
        Transferred { from_due: from_send.clone(), from_send, receipt, sending: time, reading: time }
    }
}
