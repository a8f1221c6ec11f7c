//! Messages that go through each broker before anything is measured.

use anyhow::Context;

use super::payload::Payload;
use super::topic::{TopicSettings, topic_name};
use super::transfer::{Amount, Sending, Transfer};
use crate::brokers::StartedBroker;
use crate::control::Control;

/// Sends messages through each broker before anything is measured, because a freshly started Kafka runs uncompiled
/// code. They go one at a time, like frames: messages sent at full speed would share few requests.
pub fn prepare(brokers: &[StartedBroker], messages: u64, control: Control<'_>) -> anyhow::Result<()> {
    if messages == 0 {
        return Ok(());
    }
    // One message in twenty is as large as a frame, and is transferred in several pieces. The others are small, so that
    // many messages are few bytes.
    let mut lengths = [1_000; 20];
    lengths[0] = 80_000;
    let payload = Payload::of_lengths(&lengths);
    // As many headers as a frame has, because the broker processes each.
    let headers = (0..16).map(|i| (format!("header-{i}"), "1795300204465000".to_owned())).collect();
    let settings = TopicSettings { headers, ..TopicSettings::default() };
    let sending = Sending::Unpaced { in_flight_max: 1, amount: Amount::Messages(messages) };
    for (index, broker) in brokers.iter().enumerate() {
        let topic = &topic_name("prepare", 0, index);
        let transfer =
            Transfer { broker, topic, settings: &settings, payload: &payload, sending, consumers: 1, warmup: 0 };
        transfer.run(control).with_context(|| format!("{}, preparing", broker.name))?;
    }
    // Makes the system write the brokers' data to disk now, and not during the measurement.
    rustix::fs::sync();
    Ok(())
}
