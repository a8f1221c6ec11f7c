//! Our record as librdkafka takes and gives it.

use std::borrow::Cow;

use bytes::Bytes;
use common::headers::Headers;
use common::record::{HEADERS, Record};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};

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

/// Whether a message begins with these headers.
pub(crate) fn has_headers(message: &BorrowedMessage<'_>, ours: &[(Cow<'static, str>, Bytes)]) -> bool {
    let Some(theirs) = message.headers() else { return ours.is_empty() };
    let mut theirs = theirs.iter();
    ours.iter().all(|(name, value)| {
        theirs
            .next()
            .is_some_and(|header| header.key == name.as_ref() && header.value.unwrap_or_default() == &value[..])
    })
}

/// Copies a message out of the fetch response that it keeps alive (a parked message would hold all of that).
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

/// Ours need no memory.
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
