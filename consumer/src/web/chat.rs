//! The chat on the page.
//!
//! ```text
//! page ◀═ WebSocket /chat ═▶ ChatSocket ─ChatCommand─▶ [chat: ChatWriter, ChatReader] ═▶ TOPIC.chat
//!                                ▲ news                       │ messages, who is here, problems
//!                                └────────── ChatBoard ◀──────┘
//! ```
//! The thread for Kafka starts when the first page opens the chat.

mod board;
mod protocol;
mod socket;
mod thread;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::chat::ChatOptions;
use common::time::{Clock, Micros};

use self::board::ChatBoard;
pub use self::socket::connect;
use self::thread::{ChatCommand, ChatThread};

/// Shortest time between two starts of the thread, which ends when the broker refuses the chat.
const START_EVERY: Duration = Duration::from_secs(5);

/// The chat as the web server's routes see it.
#[derive(Debug)]
pub struct ChatRoom {
    /// The settings, or the reason why there can be no chat.
    options: Result<ChatOptions, String>,
    board: Arc<ChatBoard>,
    thread: Mutex<(Option<ChatThread>, Micros)>,
    clock: Arc<dyn Clock>,
}

impl ChatRoom {
    pub fn new(options: Result<ChatOptions, String>, clock: Arc<dyn Clock>) -> ChatRoom {
        ChatRoom { options, board: Arc::default(), thread: Mutex::default(), clock }
    }

    /// Starts the thread, unless it is running.
    fn open(&self) {
        let options = match &self.options {
            Ok(options) => options,
            Err(why) => return self.board.set_status(why),
        };
        let (thread, started) = &mut *self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let is_running = thread.as_ref().is_some_and(ChatThread::is_running);
        if is_running || (thread.is_some() && now.since(*started) < START_EVERY) {
            return;
        }
        *started = now;
        match ChatThread::start(options.clone(), self.board.clone(), self.clock.clone()) {
            Ok(running) => *thread = Some(running),
            Err(error) => self.board.set_status(&format!("the chat cannot start: {error}")),
        }
    }

    /// Passes a line on to be written. Fails with the reason if that is not possible now.
    fn write(&self, command: ChatCommand) -> Result<(), String> {
        self.open();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        match &thread.0 {
            Some(thread) => thread.write(command),
            None => Err(self.board.status()),
        }
    }
}
