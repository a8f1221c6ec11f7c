//! One transfer: a producer sends messages when they are due or at full speed, and consumers read them.
//!
//! Producer and consumers are threads of this process. In processes of their own they would have as many threads, which
//! disturb a broker on the same machine equally; and no process has to be started while something is measured.

use std::fmt;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use common::report::Summary;
use common::time::{Clock, Latency, Micros};
use common::wire::Record;
use kafka::{Delivery, Event, Publisher, Tail};

use super::payload::{Payload, Stamp};
use super::topic::{BenchTopic, IN_FLIGHT_BYTES_MAX, TopicSettings};
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::schedule::{Schedule, due};
use crate::spread::merged;

/// Time between the last preparation and the first message.
const LEAD: Duration = Duration::from_millis(300);
/// Timeout for an acknowledgement; the client itself gives up earlier.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(40);
/// Timeout of one read.
const POLL: Duration = Duration::from_millis(100);
/// Time without a message after the last was sent. After that no more are expected.
const GRACE: Duration = Duration::from_secs(5);

/// When messages are sent, and how many. By default there are no limits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sending {
    /// Messages a second; infinite to send as fast as possible.
    pub fps: f64,
    /// Sending ends after this number of messages, or after this time.
    pub messages: u64,
    pub time: Duration,
    pub in_flight_max: u64,
    /// Number of messages at the beginning whose latency is not measured.
    pub warmup: u64,
}

impl Default for Sending {
    fn default() -> Sending {
        Sending { fps: f64::INFINITY, messages: u64::MAX, time: Duration::MAX, in_flight_max: u64::MAX, warmup: 0 }
    }
}

impl From<Schedule> for Sending {
    fn from(schedule: Schedule) -> Sending {
        Sending { fps: schedule.fps, messages: schedule.total(), warmup: schedule.warmup, ..Sending::default() }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    pub broker: &'a BenchBroker,
    pub settings: &'a TopicSettings,
    pub payload: &'a Payload,
    pub sending: Sending,
    pub consumers: usize,
}

/// The messages that a consumer received. Every sent message is counted once, as received or lost.
#[derive(Clone, Default, Debug)]
pub struct Receipt {
    /// Latency from just before the send call.
    pub from_send: Latency,
    /// Latency from the time at which the message was due, so it includes delays of the producer.
    pub from_due: Latency,
    pub received: u64,
    pub bytes: u64,
    pub lost: u64,
    pub duplicates: u64,
    /// Messages of wrong length or content.
    pub damaged: u64,
    /// Time of the last message.
    last: Micros,
    /// The next expected number.
    next: u64,
}

impl Receipt {
    /// Counts a message. The latency of the first `warmup` is left out.
    fn take(&mut self, message: &[u8], payload: &Payload, at: Micros, warmup: u64) {
        match payload.read(message) {
            None => self.damaged += 1,
            // A message that came out of order counts as a duplicate too, and as lost.
            Some(stamp) if stamp.sequence < self.next => self.duplicates += 1,
            Some(Stamp { sequence, due, sent }) => {
                self.received += 1;
                self.bytes += message.len() as u64;
                (self.last, self.next) = (at, sequence + 1);
                if sequence >= warmup {
                    self.from_send.record(at.since(sent));
                    self.from_due.record(at.since(due));
                }
            }
        }
    }

    fn has_last(&self, sent: u64) -> bool {
        self.next >= sent
    }

    /// Counts messages that have not arrived as lost; no more will come.
    fn close(&mut self, sent: u64) {
        self.lost = sent.saturating_sub(self.received);
    }

    /// The messages of several consumers together.
    fn sum(all: &[Receipt]) -> Receipt {
        let sum = |count: fn(&Receipt) -> u64| all.iter().map(count).sum();
        Receipt {
            from_send: merged(all.iter().map(|one| &one.from_send)),
            from_due: merged(all.iter().map(|one| &one.from_due)),
            received: sum(|one| one.received),
            bytes: sum(|one| one.bytes),
            lost: sum(|one| one.lost),
            duplicates: sum(|one| one.duplicates),
            damaged: sum(|one| one.damaged),
            last: all.iter().map(|one| one.last).max().unwrap_or_default(),
            next: all.iter().map(|one| one.next).max().unwrap_or_default(),
        }
    }

    fn complaint(&self) -> String {
        let Receipt { lost, duplicates, damaged, received, .. } = self;
        format!("{received} records came, {lost} were lost, {duplicates} came twice, {damaged} damaged")
    }
}

/// The result of a transfer.
#[derive(Clone, Debug)]
pub struct Transferred {
    /// The messages of all consumers together.
    pub receipt: Receipt,
    pub bytes_sent: u64,
    /// Time from the first send to the last acknowledgement.
    pub sending: Duration,
    /// Time from the first send to the last record.
    pub reading: Duration,
}

impl Transferred {
    /// Fails if a message was lost, duplicated or damaged.
    pub fn complete(self) -> Result<Transferred> {
        ensure!(self.receipt.lost == 0, self.receipt.complaint());
        self.intact()
    }

    /// Fails if a message was duplicated or damaged, or none was received.
    pub fn intact(self) -> Result<Transferred> {
        let Receipt { received, duplicates, damaged, .. } = self.receipt;
        ensure!(received > 0 && duplicates + damaged == 0, self.receipt.complaint());
        Ok(self)
    }

    /// Rate at which the consumers received.
    pub fn mb_per_second(&self) -> f64 {
        self.receipt.bytes as f64 / 1e6 / self.reading.as_secs_f64().max(1e-6)
    }

    /// Rate at which the broker received.
    pub fn mb_per_second_in(&self) -> f64 {
        self.bytes_sent as f64 / 1e6 / self.sending.as_secs_f64().max(1e-6)
    }
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { p50, p99, .. } = Summary::from(&self.receipt.from_send);
        write!(f, "p50 {p50} p99 {p99} µs, {:.1} MB/s", self.mb_per_second())
    }
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    count: u64,
    bytes: u64,
    first: Micros,
    acknowledged: Micros,
}

impl Transfer<'_> {
    /// Runs the transfer in a topic of its own, which is deleted afterwards.
    pub fn run(&self, control: Control<'_>) -> Result<Transferred> {
        let clock = control.clock;
        let topic = BenchTopic::create(&self.broker.address, self.settings, clock)?;
        let (delivered, deliveries) = mpsc::channel();
        let publisher = topic.publisher(delivered, clock)?;
        let tails = (0..self.consumers).map(|_| topic.tail()).collect::<Result<Vec<_>>>()?;
        // The number of messages sent, for the consumers; set after the last one.
        let total = OnceLock::new();
        let (sent, read) = thread::scope(|threads| {
            let read = |tail| threads.spawn(|| self.read(tail, &total, clock));
            let readers: Vec<_> = tails.into_iter().map(read).collect();
            let sent = self.send(&publisher, &deliveries, control);
            total.get_or_init(|| sent.as_ref().map_or(0, |sent| sent.count));
            let joined = readers.into_iter().map(|reader| reader.join());
            let read = joined.map(|read| read.unwrap_or_else(|_| Err(anyhow!("a consumer's thread panicked"))));
            (sent, read.collect::<Result<Vec<Receipt>>>())
        });
        let Sent { bytes, first, acknowledged, .. } = sent?;
        let receipt = Receipt::sum(&read?);
        let (sending, reading) = (acknowledged.since(first), receipt.last.since(first));
        Ok(Transferred { receipt, bytes_sent: bytes, sending, reading })
    }

    /// Sends until the limit is reached, and waits for all acknowledgements.
    fn send(&self, publisher: &Publisher<()>, deliveries: &Receiver<Delivery>, control: Control<'_>) -> Result<Sent> {
        let Sending { fps, messages, time, in_flight_max, .. } = self.sending;
        let clock = control.clock;
        let first = clock.now().plus(LEAD);
        let (mut count, mut bytes, mut in_flight) = (0, 0, 0);
        while count < messages && clock.now().since(first) < time {
            // Copying takes longer than stamping, so the message is made before it is due.
            let mut message = self.payload.blank(count);
            wait_below(in_flight_max, &mut in_flight, deliveries)?;
            let due = due(first, fps, count);
            clock.sleep_until(due);
            control.check()?;
            let size = message.len() as u64;
            Stamp { sequence: count, due, sent: clock.now() }.write(&mut message);
            if publisher.send(&Record { value: message.into(), ..Record::default() }, ()).is_some() {
                bail!("the client's queue of {} MB is full: the broker does not keep up", IN_FLIGHT_BYTES_MAX >> 20);
            }
            (count, bytes, in_flight) = (count + 1, bytes + size, in_flight + 1);
        }
        wait_below(1, &mut in_flight, deliveries)?;
        Ok(Sent { count, bytes, first, acknowledged: clock.now() })
    }

    /// Reads until every message that was sent has arrived, or none comes any more.
    fn read(&self, mut tail: Tail, total: &OnceLock<u64>, clock: &dyn Clock) -> Result<Receipt> {
        let mut receipt = Receipt::default();
        // Time of the last record, or of learning that the last message was sent.
        let mut active = clock.now();
        let mut ended = false;
        loop {
            match tail.next(POLL) {
                Event::Record(received) => {
                    active = clock.now();
                    receipt.take(&received.record.value, self.payload, active, self.sending.warmup);
                }
                Event::Nothing | Event::End => {}
                Event::Moved { .. } => tracing::warn!("the consumer's offset is no longer in the topic"),
                Event::TopicRecreated | Event::Missing => bail!("the topic went away while it was read"),
                Event::Forbidden { problem, .. } => bail!(problem.words),
                Event::Refused(words) => bail!(words),
                Event::ConnectionProblem(words) => tracing::warn!("the consumer reports: {words}"),
            }
            let Some(&sent) = total.get() else { continue };
            if !ended {
                (ended, active) = (true, clock.now());
            }
            if receipt.has_last(sent) || clock.now().since(active) > GRACE {
                receipt.close(sent);
                return Ok(receipt);
            }
        }
    }
}

/// Sends messages through each broker, because a freshly started Kafka runs uncompiled code. They go one at a time, like
/// frames: messages sent at full speed would share few requests.
pub fn prepare(brokers: &[BenchBroker], messages: u64, control: Control<'_>) -> Result<()> {
    if messages == 0 {
        return Ok(());
    }
    // One message in twenty is as large as a frame, and is transferred in several pieces. The others are small, so that
    // many messages are few bytes.
    let payload = &Payload::of_lengths([&[80_000][..], &[1_000; 19]].concat());
    // As many headers as a frame has, because the broker processes each.
    let headers = (0..16).map(|i| (format!("header-{i}"), "1795300204465000".to_owned())).collect();
    let settings = &TopicSettings { headers, ..TopicSettings::default() };
    let sending = Sending { messages, in_flight_max: 1, ..Sending::default() };
    for broker in brokers {
        let transfer = Transfer { broker, settings, payload, sending, consumers: 1 };
        transfer.run(control).with_context(|| format!("{}, preparing", broker.name))?;
    }
    // Makes the system write the brokers' data to disk now, and not during the measurement.
    rustix::fs::sync();
    Ok(())
}

/// Waits until fewer than `max` messages are in flight. Fails if one was not acknowledged.
fn wait_below(max: u64, in_flight: &mut u64, deliveries: &Receiver<Delivery>) -> Result<()> {
    while *in_flight >= max {
        let delivery = deliveries.recv_timeout(ACKNOWLEDGE_TIMEOUT);
        match delivery.with_context(|| format!("no acknowledgement within {} s", ACKNOWLEDGE_TIMEOUT.as_secs()))? {
            Delivery::Acknowledged => *in_flight -= 1,
            Delivery::Refused(why) => bail!("a message was refused: {why}"),
            Delivery::TooLarge => bail!("a message was refused: it is larger than the topic takes"),
            Delivery::NoTopic => bail!("the topic is gone"),
            _ => bail!("a message was not acknowledged in time: the broker does not keep up"),
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A transfer of 1000 messages of 100 kB in half a second, each with this latency.
    pub fn took(us: u64) -> Transferred {
        let mut receipt = Receipt { received: 1000, bytes: 100_000_000, ..Receipt::default() };
        receipt.from_send.record(Duration::from_micros(us));
        let time = Duration::from_millis(500);
        Transferred { receipt, bytes_sent: 100_000_000, sending: time, reading: time }
    }

    #[test]
    fn as_many_are_in_flight_as_are_not_acknowledged() {
        let (delivered, deliveries) = mpsc::channel();
        let mut in_flight = 2;
        delivered.send(Delivery::Acknowledged).unwrap();
        wait_below(2, &mut in_flight, &deliveries).unwrap();
        assert_eq!(in_flight, 1);
        delivered.send(Delivery::TooLarge).unwrap();
        assert!(wait_below(1, &mut in_flight, &deliveries).is_err());
    }

    const LENGTH: usize = 30;

    fn take(receipt: &mut Receipt, sequence: u64, warmup: u64) {
        let payload = Payload::of_lengths([LENGTH]);
        let mut message = payload.blank(sequence);
        Stamp { sequence, due: Micros(10), sent: Micros(20) }.write(&mut message);
        receipt.take(&message, &payload, Micros(100), warmup);
    }

    fn check(sequences: &[u64], sent: u64, (received, lost, duplicates): (u64, u64, u64)) {
        let mut receipt = Receipt::default();
        sequences.iter().for_each(|sequence| take(&mut receipt, *sequence, 0));
        receipt.close(sent);
        assert_eq!((receipt.received, receipt.lost, receipt.duplicates), (received, lost, duplicates), "{sequences:?}");
        assert_eq!(receipt.bytes, received * LENGTH as u64);
        let done = Transferred { receipt, ..took(1) };
        assert_eq!(done.clone().intact().is_ok(), received > 0 && duplicates == 0, "{sequences:?}");
        assert_eq!(done.complete().is_ok(), lost + duplicates == 0, "{sequences:?}");
    }

    #[test]
    fn every_message_is_received_or_lost() {
        check(&[0, 1, 2], 3, (3, 0, 0));
        check(&[], 3, (0, 3, 0));
        check(&[1, 2], 3, (2, 1, 0));
        check(&[0, 2], 4, (2, 2, 0));
    }

    #[test]
    fn what_came_twice_is_counted_apart() {
        check(&[0, 1, 1, 2], 3, (3, 0, 1));
        check(&[0, 1, 0, 1], 2, (2, 0, 2));
    }

    #[test]
    fn damage_is_a_complaint() {
        let mut receipt = Receipt::default();
        receipt.take(b"damaged", &Payload::of_lengths([LENGTH]), Micros(1), 0);
        let receipt = Receipt::sum(&[receipt.clone(), receipt, took(1).receipt]);
        assert_eq!((receipt.damaged, receipt.received), (2, 1000));
        assert!(Transferred { receipt, ..took(1) }.intact().is_err());
    }

    #[test]
    fn latency_is_of_the_messages_after_the_warm_up() {
        let mut receipt = Receipt::default();
        (0..3).for_each(|sequence| take(&mut receipt, sequence, 2));
        assert_eq!((receipt.from_send.histogram().len(), receipt.from_send.histogram().max()), (1, 80));
        assert_eq!(receipt.from_due.histogram().max(), 90);
    }

    #[test]
    fn throughput_is_what_the_consumer_got() {
        let done = Transferred { bytes_sent: 200_000_000, ..took(1) };
        assert_eq!((done.mb_per_second(), done.mb_per_second_in()), (200.0, 400.0));
    }
}
