//! Refuses a batch, as Kafka does, if timestamps of its records are too far from the broker's clock.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_response::BatchIndexAndErrorMessage;

use super::words::{Refusal, text};
use crate::batch::{Batch, NO_TIMESTAMP};
use crate::config::TimestampLimits;

/// Largest number of records named in an answer, so that a large batch of small records does not get a larger answer.
const RECORDS_NAMED_MAX: usize = 20;

/// Checks a batch, with two comparisons if nothing is wrong. Of a compressed batch only the header can be checked.
pub(super) fn check(batch: &Batch, limits: TimestampLimits, now_ms: i64) -> Result<(), Refusal> {
    let (earliest, latest) = (now_ms.saturating_sub(limits.before_ms), now_ms.saturating_add(limits.after_ms));
    let header = &batch.header;
    if header.min_timestamp >= earliest && header.max_timestamp <= latest {
        return Ok(());
    }
    let is_out = |time: i64| time != NO_TIMESTAMP && !(earliest..=latest).contains(&time);
    let named = |(index, time): (i32, i64)| {
        let words = format!("timestamp {time} is out of range: it may be {earliest} to {latest}");
        BatchIndexAndErrorMessage::default().with_batch_index(index).with_batch_index_error_message(Some(text(&words)))
    };
    let records = batch.records().into_iter().flatten().filter(|(_, time)| is_out(*time));
    Err(Refusal {
        error: ResponseError::InvalidTimestamp,
        words: format!(
            "one or more records have been rejected due to invalid timestamps: the topic takes {earliest} to {latest} \
             (message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
        ),
        records: records.take(RECORDS_NAMED_MAX).map(named).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::log::builder::Spec;

    const LIMITS: TimestampLimits = TimestampLimits { before_ms: 1000, after_ms: 100 };
    const NOW: i64 = 50_000;

    /// The indexes of the records named in the refusal; `None` if the batch is accepted.
    fn refused(times: &[i64]) -> Option<Vec<i32>> {
        let batch = Batch::parse(Spec::at(times).build()).unwrap();
        let refusal = check(&batch, LIMITS, NOW).err()?;
        assert_eq!(refusal.error, ResponseError::InvalidTimestamp);
        Some(refusal.records.iter().map(|r| r.batch_index).collect())
    }

    #[test]
    fn both_limits_belong_to_what_is_taken() {
        assert_eq!(refused(&[49_000, 50_100]), None);
        assert_eq!(refused(&[48_999, 50_000]), Some(vec![0]));
        assert_eq!(refused(&[50_000, 50_101, 50_000, 48_000]), Some(vec![1, 3]));
    }

    #[test]
    fn a_record_without_a_timestamp_is_taken() {
        assert_eq!(refused(&[NO_TIMESTAMP]), None);
        assert_eq!(refused(&[NO_TIMESTAMP, 50_000]), None);
        assert_eq!(refused(&[NO_TIMESTAMP, 1]), Some(vec![1]));
    }

    #[test]
    fn no_more_records_are_named_than_fit_an_answer() {
        assert_eq!(refused(&[1; 100]).map(|named| named.len()), Some(RECORDS_NAMED_MAX));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limits = TimestampLimits { before_ms: i64::MAX, after_ms: i64::MAX };
        for time in [0, i64::MAX / 2] {
            assert!(check(&Batch::parse(Spec::at(&[time]).build()).unwrap(), limits, NOW).is_ok());
        }
    }
}
