//! The texts between a page's chat and the server: JSON objects, each with its kind.

use std::sync::Arc;

use ::chat::{ChatMessage, VideoTime, visible};
use common::wire::record::SOURCE_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// A text for a page. What people wrote has nothing hidden in it.
#[derive(Serialize, Debug)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToPage<'a> {
    /// The history follows; what the page shows is out of date.
    Reset,
    Message {
        what: &'static str,
        name: String,
        text: String,
        /// ms since 1970.
        at: i64,
        id: Option<&'a str>,
        video_source: Option<String>,
        /// Capture time in ms since 1970.
        video_at: Option<u64>,
    },
    /// What follows is new.
    CaughtUp,
    Here {
        names: Vec<String>,
    },
    Status {
        text: String,
    },
    /// The page's message with this id was not written.
    Refused {
        id: String,
        why: String,
    },
}

impl ToPage<'_> {
    pub fn message(message: &ChatMessage) -> ToPage<'_> {
        ToPage::Message {
            what: message.kind.word().unwrap_or("said"),
            name: visible(&message.name).into_owned(),
            text: visible(&message.text).into_owned(),
            at: message.at_ms,
            id: message.id.as_deref(),
            video_source: message.video.as_ref().map(|video| visible(&video.source).into_owned()),
            video_at: message.video.as_ref().map(|video| video.ms),
        }
    }

    pub fn here(names: &[String]) -> ToPage<'_> {
        ToPage::Here { names: names.iter().map(|name| visible(name).into_owned()).collect() }
    }

    pub fn text(&self) -> Arc<str> {
        serde_json::to_string(self).expect("texts and numbers can be written as JSON").into()
    }
}

/// A text from a page.
#[derive(Deserialize, Debug)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FromPage {
    /// Somebody with this name looks at the page.
    Here {
        name: String,
    },
    Say {
        id: String,
        name: String,
        text: String,
        video: Option<PageMoment>,
    },
}

/// The picture that a page showed when a message was written.
#[derive(Deserialize, Debug)]
pub struct PageMoment {
    source: String,
    /// Capture time by the clock of this host, in ms since its zero.
    captured_ms: f64,
}

impl PageMoment {
    /// The moment by the wall clock, whose offset from the host's clock is given.
    pub fn video_time(&self, wall_offset_us: i64) -> Option<VideoTime> {
        let ms = self.captured_ms + wall_offset_us as f64 / 1000.0;
        let is_source = !self.source.is_empty() && self.source.len() <= SOURCE_BYTES_MAX;
        let is_good = is_source && (1.0..1e15).contains(&ms);
        is_good.then(|| VideoTime { source: self.source.clone(), ms: ms as u64 })
    }
}

#[cfg(test)]
mod tests {
    use ::chat::ChatKind;

    use super::*;

    #[test]
    fn a_message_reaches_the_page_as_text_without_anything_hidden() {
        let message = ChatMessage {
            kind: ChatKind::Said,
            name: "a\u{202e}b".to_owned(),
            text: "<script>\x1b[2J".to_owned(),
            at_ms: 5,
            video: Some(VideoTime { source: "lobby".to_owned(), ms: 7 }),
            id: Some("x-1".to_owned()),
            partition: 0,
            offset: 0,
        };
        let value: serde_json::Value = serde_json::from_str(&ToPage::message(&message).text()).unwrap();
        let expected = serde_json::json!({ "kind": "message", "what": "said", "name": "a\\u{202e}b", "text": "<script>␛[2J",
            "at": 5, "id": "x-1", "video_source": "lobby", "video_at": 7 });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_moment_is_by_the_wall_clock_and_a_wrong_one_is_none() {
        let moment = |source: &str, captured_ms| PageMoment { source: source.to_owned(), captured_ms };
        let time = moment("lobby", 5000.0).video_time(1_700_000_000_000_000);
        assert_eq!(time, Some(VideoTime { source: "lobby".to_owned(), ms: 1_700_000_005_000 }));
        for captured_ms in [f64::NAN, f64::INFINITY, -1e30, 1e30] {
            assert_eq!(moment("lobby", captured_ms).video_time(0), None, "{captured_ms}");
        }
        assert_eq!(moment("", 5e6).video_time(0), None);
        assert_eq!(moment(&"x".repeat(250), 5e6).video_time(0), None);
    }

    #[test]
    fn what_is_none_of_ours_is_no_message() {
        let read = |text: &str| serde_json::from_str::<FromPage>(text);
        assert!(read(r#"{"kind":"say","id":"a","name":"b","text":"c"}"#).is_ok());
        for wrong in ["", "[]", r#"{"kind":"shout"}"#, r#"{"kind":"say","id":1}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
