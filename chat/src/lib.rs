//! Chat over a Kafka topic: one record is one message, with the name as its key and plain text as its value, so that kcat and
//! Kafka's console tools can join in.
//!
//! ```text
//! ChatLine ─write─▶ ChatWriter ═══▶ TOPIC.chat ═══▶ ChatReader ─next─▶ ChatMessage ─visible─▶ terminal, page
//!                                                       └─ HereList: who wrote or joined within ten minutes
//! ```

mod backlog;
mod here;
mod line;
mod message;
mod options;
mod reader;
mod visible;
mod writer;

pub use self::here::{HERE_FOR, HereList};
pub use self::line::{ChatLine, LineProblem, check_name};
pub use self::message::{ChatKind, ChatMessage, NAME_BYTES_MAX, TEXT_BYTES_MAX, VideoTime};
pub use self::options::{ChatOptions, chat_topic};
pub use self::reader::{ChatError, ChatEvent, ChatReader, ChatStart};
pub use self::visible::visible;
pub use self::writer::{ChatWriter, refusal};
