//! A message as it is read from the topic. Records of other clients, without our headers or without a key, are messages too.

use common::wire::Record;
use kafka::Received;

/// Largest text of a message, in bytes. Longer ones of other clients are cut.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest id that is kept, in bytes; ours are shorter.
const ID_BYTES_MAX: usize = 64;

/// Identifies a message, so that one that was sent twice is read once.
pub(crate) const ID: &str = "chat-id";
/// Present where somebody joined or left, with the word as its value.
pub(crate) const EVENT: &str = "chat-event";
/// Capture time, in ms since 1970, of the picture that the writer saw, and the name of its source.
pub(crate) const VIDEO_TIME: &str = "video-time";
pub(crate) const VIDEO_SOURCE: &str = "video-source";

/// The kind of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChatKind {
    #[default]
    Said,
    Joined,
    Left,
}

impl ChatKind {
    /// The word of the header and, for clients that do not know it, of the value; `None` for ordinary messages.
    pub fn word(self) -> Option<&'static str> {
        match self {
            ChatKind::Said => None,
            ChatKind::Joined => Some("joined"),
            ChatKind::Left => Some("left"),
        }
    }
}

/// The moment of a video that a message is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoTime {
    pub source: String,
    /// Capture time in ms since 1970.
    pub ms: u64,
}

/// A message of the chat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChatMessage {
    pub kind: ChatKind,
    /// Empty for a record without a key.
    pub name: String,
    pub text: String,
    /// Time of the record, in ms since 1970.
    pub at_ms: i64,
    pub video: Option<VideoTime>,
    pub id: Option<String>,
    pub partition: i32,
    pub offset: i64,
}

impl ChatMessage {
    /// Reads a record. Every record is a message.
    pub fn read(received: &Received) -> ChatMessage {
        let Received { record, partition, offset } = received;
        let event = text_of(record, EVENT);
        let kinds = [ChatKind::Joined, ChatKind::Left];
        let kind = kinds.into_iter().find(|kind| kind.word() == event.as_deref()).unwrap_or_default();
        let video_ms = text_of(record, VIDEO_TIME).and_then(|ms| ms.parse().ok());
        ChatMessage {
            kind,
            name: cut(&String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()), NAME_BYTES_MAX),
            text: cut(&String::from_utf8_lossy(&record.value), TEXT_BYTES_MAX),
            at_ms: record.timestamp_ms.unwrap_or_default(),
            video: video_ms.map(|ms| VideoTime {
                source: cut(&text_of(record, VIDEO_SOURCE).unwrap_or_default(), common::wire::record::SOURCE_BYTES_MAX),
                ms,
            }),
            id: text_of(record, ID).filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX),
            partition: *partition,
            offset: *offset,
        }
    }
}

fn text_of(record: &Record, header: &str) -> Option<String> {
    record.header(header).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// The text, with what exceeds `bytes_max` replaced by its size.
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(bytes_max)];
    format!("{kept}… ({} more bytes)", text.len() - kept.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn received(
        key: Option<&'static [u8]>,
        headers: &[(&'static str, &'static str)],
        value: &'static [u8],
    ) -> Received {
        let headers =
            headers.iter().map(|&(name, value)| (name.into(), Bytes::from_static(value.as_bytes()))).collect();
        let record = Record {
            key: key.map(Bytes::from_static),
            timestamp_ms: Some(7),
            headers,
            value: Bytes::from_static(value),
        };
        Received { record, partition: 2, offset: 5 }
    }

    #[test]
    fn a_record_of_another_client_is_a_message() {
        let message = ChatMessage::read(&received(Some(b"ana"), &[], b"hello"));
        assert_eq!((&*message.name, &*message.text, message.at_ms), ("ana", "hello", 7));
        assert_eq!((message.kind, message.partition, message.offset), (ChatKind::Said, 2, 5));
        let message = ChatMessage::read(&received(None, &[], b"\xff\x00"));
        assert_eq!((&*message.name, &*message.text), ("", "\u{fffd}\0"));
    }

    #[test]
    fn joining_and_the_videos_time_are_headers() {
        let message = ChatMessage::read(&received(Some(b"ana"), &[(EVENT, "joined")], b"joined"));
        assert_eq!(message.kind, ChatKind::Joined);
        let about = [(VIDEO_TIME, "1700000000123"), (VIDEO_SOURCE, "lobby"), (ID, "x-1")];
        let message = ChatMessage::read(&received(Some(b"ana"), &about, b"look"));
        assert_eq!(message.video, Some(VideoTime { source: "lobby".to_owned(), ms: 1_700_000_000_123 }));
        assert_eq!(message.id.as_deref(), Some("x-1"));
        for wrong in [(VIDEO_TIME, "noon"), (VIDEO_TIME, "-1"), (EVENT, "exploded"), (ID, "")] {
            let message = ChatMessage::read(&received(Some(b"ana"), &[wrong], b"look"));
            assert_eq!((message.kind, message.video, message.id), (ChatKind::Said, None, None), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!(cut("aéb", 4), "aéb");
        assert_eq!(cut("aéb", 2), "a… (3 more bytes)");
        let long = "x".repeat(5000).leak().as_bytes();
        let message = ChatMessage::read(&received(Some(long), &[], long));
        assert!(message.text.len() < TEXT_BYTES_MAX + 30 && message.text.ends_with("… (904 more bytes)"));
        assert!(message.name.len() < NAME_BYTES_MAX + 30);
    }
}
