//! A record as tests read and write it.

use rdkafka::message::{BorrowedMessage, Headers, Message};

/// A record that was read or is to be written. If it has no timestamp, it gets the present time.
#[derive(Clone, Debug, Default)]
pub struct RawRecord {
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub value: Vec<u8>,
    pub timestamp_ms: i64,
}

impl RawRecord {
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Changes the value of the headers with this name.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        for (_, was) in self.headers.iter_mut().filter(|(n, _)| n == name) {
            *was = value.to_string().into();
        }
    }
}

impl From<&BorrowedMessage<'_>> for RawRecord {
    fn from(message: &BorrowedMessage<'_>) -> RawRecord {
        let headers = message
            .headers()
            .map(|all| all.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect());
        RawRecord {
            key: message.key().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            value: message.payload().unwrap_or_default().to_vec(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
        }
    }
}
