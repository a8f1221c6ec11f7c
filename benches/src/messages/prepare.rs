//! Messages that go through each broker before anything is measured.

use anyhow::Context;

use super::payload::Payload;
use super::topic::TopicSettings;
use super::transfer::{Sending, Transfer};
use crate::brokers::BenchBroker;
use crate::control::Control;

/// Sends messages through each broker, because a freshly started Kafka runs uncompiled code. They go one at a time, like
/// frames: messages sent at full speed would share few requests.
pub fn prepare(brokers: &[BenchBroker], messages: u64, control: Control<'_>) -> anyhow::Result<()> {
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
