//! A line that somebody wants to write, checked, and its record.

use bytes::Bytes;
use common::wire::{Headers, Record};

use crate::message::{ChatKind, EVENT, ID, NAME_BYTES_MAX, TEXT_BYTES_MAX, VIDEO_SOURCE, VIDEO_TIME, VideoTime};
use crate::visible::is_hidden;

/// Longest id that a client may choose, in bytes.
const ID_BYTES_MAX: usize = 40;

/// The reason why a line cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LineProblem {
    #[error("the message is empty")]
    Empty,
    #[error("the message has {0} bytes; at most {TEXT_BYTES_MAX} are possible")]
    TooLong(usize),
    #[error("a name has 1 to {NAME_BYTES_MAX} bytes, and no control characters")]
    Name,
    #[error("an id has 1 to {ID_BYTES_MAX} letters, digits and '-'")]
    Id,
}

/// A line to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChatLine {
    kind: ChatKind,
    name: String,
    text: String,
    video: Option<VideoTime>,
    id: Option<String>,
}

impl ChatLine {
    pub fn said(name: &str, text: &str) -> Result<ChatLine, LineProblem> {
        let (name, text) = (check_name(name)?, text.trim_end());
        match text.len() {
            _ if text.trim().is_empty() => Err(LineProblem::Empty),
            0..=TEXT_BYTES_MAX => {
                Ok(ChatLine { kind: ChatKind::Said, name, text: text.to_owned(), video: None, id: None })
            }
            bytes => Err(LineProblem::TooLong(bytes)),
        }
    }

    pub fn joined(name: &str) -> Result<ChatLine, LineProblem> {
        ChatLine::event(ChatKind::Joined, name)
    }

    pub fn left(name: &str) -> Result<ChatLine, LineProblem> {
        ChatLine::event(ChatKind::Left, name)
    }

    fn event(kind: ChatKind, name: &str) -> Result<ChatLine, LineProblem> {
        let text = kind.word().unwrap_or_default().to_owned();
        Ok(ChatLine { kind, name: check_name(name)?, text, video: None, id: None })
    }

    /// The line is about this moment of the video.
    pub fn about(self, video: Option<VideoTime>) -> ChatLine {
        ChatLine { video, ..self }
    }

    /// The line has this id, by which its writer recognises it, and by which it is read once even if it is sent again.
    pub fn with_id(self, id: &str) -> Result<ChatLine, LineProblem> {
        let good = (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if good { Ok(ChatLine { id: Some(id.to_owned()), ..self }) } else { Err(LineProblem::Id) }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The record, with `id` unless the line has one.
    pub(crate) fn record(&self, id: impl FnOnce() -> String, at_ms: i64) -> Record {
        let mut headers = Headers::with_capacity(4, 128);
        headers.push(ID, self.id.clone().unwrap_or_else(id));
        if let Some(word) = self.kind.word() {
            headers.push(EVENT, word);
        }
        if let Some(VideoTime { source, ms }) = &self.video {
            headers.push(VIDEO_TIME, ms);
            headers.push(VIDEO_SOURCE, source);
        }
        Record {
            key: Some(Bytes::copy_from_slice(self.name.as_bytes())),
            timestamp_ms: Some(at_ms),
            headers: headers.done(),
            value: Bytes::copy_from_slice(self.text.as_bytes()),
        }
    }
}

/// The name without surrounding blanks.
pub fn check_name(name: &str) -> Result<String, LineProblem> {
    let name = name.trim();
    let good = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(is_hidden);
    if good { Ok(name.to_owned()) } else { Err(LineProblem::Name) }
}

#[cfg(test)]
mod tests {
    use kafka::Received;

    use super::*;
    use crate::message::ChatMessage;

    fn read(line: &ChatLine) -> ChatMessage {
        let record = line.record(|| "ours-1".to_owned(), 1_700_000_000_000);
        ChatMessage::read(&Received { record, partition: 0, offset: 0 })
    }

    #[test]
    fn what_is_written_is_read() {
        let video = VideoTime { source: "lobby".to_owned(), ms: 1_700_000_000_123 };
        let line = ChatLine::said(" ana ", "look \u{1f600}  ").unwrap().about(Some(video.clone()));
        let message = read(&line);
        assert_eq!((&*message.name, &*message.text, message.at_ms), ("ana", "look \u{1f600}", 1_700_000_000_000));
        assert_eq!((message.kind, message.video, message.id.as_deref()), (ChatKind::Said, Some(video), Some("ours-1")));
        let message = read(&ChatLine::left("ana").unwrap().with_id("theirs-2").unwrap());
        assert_eq!((message.kind, &*message.text, message.id.as_deref()), (ChatKind::Left, "left", Some("theirs-2")));
    }

    #[test]
    fn lines_that_cannot_be_written_say_why() {
        let check = |name: &str, text: &str, expected| {
            assert_eq!(ChatLine::said(name, text).err(), expected, "{name:?} {text:?}");
        };
        check("ana", "x", None);
        check("ana", &"x".repeat(TEXT_BYTES_MAX), None);
        check("ana", &"x".repeat(TEXT_BYTES_MAX + 1), Some(LineProblem::TooLong(TEXT_BYTES_MAX + 1)));
        check("ana", " \t ", Some(LineProblem::Empty));
        for name in ["", "  ", &"x".repeat(65), "a\x1b[2J", "a\nb", "a\u{202e}b"] {
            check(name, "x", Some(LineProblem::Name));
        }
        for id in ["", "a b", &"x".repeat(41), "é"] {
            assert_eq!(ChatLine::joined("ana").unwrap().with_id(id), Err(LineProblem::Id), "{id:?}");
        }
    }
}
