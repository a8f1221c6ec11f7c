//! Converts our records to and from librdkafka's.

use std::borrow::Cow;

use bytes::Bytes;
use common::wire::Headers;
use common::wire::record::{HEADERS, Record};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use rdkafka::{Message, Offset, TopicPartitionList};

/// The record's headers, followed by those that the user adds to every record.
pub(crate) fn headers(record: &Record, extra: &[(String, String)]) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + extra.len());
    for (name, value) in &record.headers {
        headers = headers.insert(Header { key: name, value: Some(value.as_ref()) });
    }
    for (name, value) in extra {
        headers = headers.insert(Header { key: name, value: Some(value) });
    }
    headers
}

/// True if the message's headers begin with `ours`.
pub(crate) fn has_headers(message: &BorrowedMessage<'_>, ours: &[(Cow<'static, str>, Bytes)]) -> bool {
    let Some(theirs) = message.headers() else { return ours.is_empty() };
    let mut theirs = theirs.iter();
    ours.iter().all(|(name, value)| {
        theirs
            .next()
            .is_some_and(|header| header.key == name.as_ref() && header.value.unwrap_or_default() == &value[..])
    })
}

/// Copies a message. Keeping the original would keep the whole fetch response in memory for as long as the message is
/// parked.
pub(crate) fn record(message: &BorrowedMessage<'_>) -> Record {
    let owned = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let bytes = headers.iter().map(|header| header.value.map_or(0, <[u8]>::len)).sum();
        let mut copied = Headers::with_capacity(headers.count(), bytes);
        headers.iter().for_each(|header| copied.push_bytes(name(header.key), header.value.unwrap_or_default()));
        copied.done()
    });
    Record {
        key: owned(message.key()),
        timestamp_ms: message.timestamp().to_millis(),
        headers,
        value: owned(message.payload()).unwrap_or_default(),
    }
}

/// An offset for each of these partitions of a topic.
pub(crate) fn offsets(topic: &str, each: impl IntoIterator<Item = (i32, Offset)>) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in each {
        list.add_partition_offset(topic, partition, offset)?;
    }
    Ok(list)
}

/// Our own header names are static and need no allocation.
fn name(of: &str) -> Cow<'static, str> {
    HEADERS.into_iter().find(|ours| *ours == of).map_or_else(|| Cow::Owned(of.to_owned()), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_ours_needs_no_memory() {
        assert!(matches!(name("captured"), Cow::Borrowed("captured")));
        assert!(matches!(name("their own"), Cow::Owned(own) if own == "their own"));
    }
}
