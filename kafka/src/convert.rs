//! Our record as librdkafka takes and gives it.

use std::borrow::Cow;

use bytes::Bytes;
use common::record::Record;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};

/// The record's headers, and then those that the user adds to each.
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

/// Copies a message out of the fetch response that it keeps alive (a parked message would hold all of that).
pub(crate) fn record(message: &BorrowedMessage<'_>) -> Record {
    let owned = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|h| (Cow::Owned(h.key.to_owned()), owned(h.value).unwrap_or_default())).collect()
    });
    Record {
        key: owned(message.key()),
        timestamp_ms: message.timestamp().to_millis(),
        headers,
        value: owned(message.payload()).unwrap_or_default(),
    }
}
