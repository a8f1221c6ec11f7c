//! Turns a start position into an offset for each partition.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer;

use super::{Position, Tail};
use crate::convert::offsets;
use crate::error::KafkaError;

impl Tail {
    /// Asks for the first and the next offset of a partition.
    pub(super) fn ask_bounds(&self, partition: i32, timeout: Duration) -> Result<(i64, i64), KafkaError> {
        let bounds = self
            .consumer
            .fetch_watermarks(&self.topic, partition, timeout)
            .map_err(|cause| KafkaError::Client { doing: "asking how far the topic goes", cause })?;
        self.context.answered();
        Ok(bounds)
    }

    /// Starts reading these partitions at `position`.
    pub fn start(&mut self, partitions: &[i32], position: Position, timeout: Duration) -> Result<(), KafkaError> {
        self.start_at(partitions, position, timeout).map_err(|error| {
            self.stop();
            self.drain_events();
            match self.context.checked_problem(&self.connection) {
                Some(problem) if problem.denied => KafkaError::Denied { cause: problem.sentence(&self.brokers) },
                Some(problem) => KafkaError::NotNow { cause: problem.sentence(&self.brokers) },
                None => error,
            }
        })
    }

    fn start_at(&mut self, partitions: &[i32], position: Position, timeout: Duration) -> Result<(), KafkaError> {
        // Errors from before the topic was found are no longer of interest.
        self.drain_events();
        self.context.facts.forget_partitions();
        let times = match position {
            Position::Time(ms) | Position::LastOrTime { ms, .. } => self.offsets_at(partitions, ms, timeout)?,
            _ => BTreeMap::new(),
        };
        self.next.clear();
        for &partition in partitions {
            let (low, high) = self.ask_bounds(partition, timeout)?;
            self.bounds.insert(partition, (low, high));
            let last = |records: i64| (high - records).max(low);
            let of_time = || times.get(&partition).copied().unwrap_or(high);
            let offset = match position {
                Position::Beginning => low,
                Position::End => high,
                Position::Newest => (high - 1).max(low),
                Position::At(offset) => offset.clamp(low, high),
                Position::Last(n) => last(n),
                Position::Time(_) => of_time(),
                Position::LastOrTime { records, .. } => last(records).min(of_time()),
            };
            tracing::debug!("reading {} [{partition}] from offset {offset} (it holds {low} to {high})", self.topic);
            self.next.insert(partition, offset);
        }
        self.assign()
    }

    pub(super) fn assign(&mut self) -> Result<(), KafkaError> {
        self.at_end.clear();
        self.out_of_range = false;
        let fault = |cause| KafkaError::Client { doing: "choosing where to read", cause };
        let next = self.next.iter().map(|(&partition, &offset)| (partition, Offset::Offset(offset)));
        offsets(&self.topic, next).and_then(|next| self.consumer.assign(&next)).map_err(fault)
    }

    fn offsets_at(&self, partitions: &[i32], ms: i64, timeout: Duration) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let fault = |cause| KafkaError::Client { doing: "asking where that time is", cause };
        let times = offsets(&self.topic, partitions.iter().map(|&partition| (partition, Offset::Offset(ms))));
        let found = times.and_then(|times| self.consumer.offsets_for_times(times, timeout)).map_err(fault)?;
        let offset = |o: Offset| if let Offset::Offset(o) = o { Some(o) } else { None };
        Ok(found.elements().iter().filter_map(|e| offset(e.offset()).map(|o| (e.partition(), o))).collect())
    }
}
