//! The room for a frame in one message.

use common::wire::record::OVERHEAD_BYTES_MAX;
use common::words::count;

/// Kafka's default limit, minus what the broker may count in addition.
const FALLBACK_BYTES: usize = 1_000_000;
/// Smallest room for the picture that makes a message useful.
const VALUE_BYTES_MIN: usize = 1024;

/// The largest message, and the room in it for a part of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageLimit {
    /// Largest size of a whole message, as configured for the topic.
    pub message_bytes_max: usize,
    /// The room in it for a part of the JPEG.
    pub value_bytes_max: usize,
}

/// A message limit that leaves no room for a picture.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a message limit of {} leaves no room for a picture (headers take up to {overhead}): raise the topic's \
     max.message.bytes, or --max-message-bytes, to at least {least}",
    count(*.limit, "byte")
)]
pub struct LimitTooSmall {
    limit: usize,
    overhead: usize,
    least: usize,
}

impl Default for MessageLimit {
    /// The limit of a topic with Kafka's default settings.
    fn default() -> MessageLimit {
        MessageLimit { message_bytes_max: FALLBACK_BYTES, value_bytes_max: FALLBACK_BYTES - OVERHEAD_BYTES_MAX }
    }
}

impl MessageLimit {
    /// `None` if the broker does not report the limit. `headers` are those that the user adds to each message.
    pub fn new(message_bytes_max: Option<usize>, headers: &[(String, String)]) -> Result<MessageLimit, LimitTooSmall> {
        let limit = message_bytes_max.unwrap_or(FALLBACK_BYTES);
        let of_user: usize = headers.iter().map(|(n, v)| n.len() + v.len() + 8).sum();
        let overhead = OVERHEAD_BYTES_MAX + of_user;
        let least = overhead + VALUE_BYTES_MIN;
        if limit < least {
            return Err(LimitTooSmall { limit, overhead, least });
        }
        Ok(MessageLimit { message_bytes_max: limit, value_bytes_max: limit - overhead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_leaves_room_for_the_headers() {
        let check = |limit: Option<usize>, header: usize, value: Option<usize>| {
            let headers = [("n".to_owned(), "v".repeat(header))];
            assert_eq!(MessageLimit::new(limit, &headers).ok().map(|l| l.value_bytes_max), value);
        };
        check(Some(1_048_588), 0, Some(1_048_588 - OVERHEAD_BYTES_MAX - 9));
        check(None, 0, Some(FALLBACK_BYTES - OVERHEAD_BYTES_MAX - 9));
        check(Some(OVERHEAD_BYTES_MAX + 9 + 1024), 0, Some(1024));
        check(Some(OVERHEAD_BYTES_MAX + 9 + 1023), 0, None);
        check(Some(5000), 4000, None);
        check(Some(0), 0, None);
    }
}
