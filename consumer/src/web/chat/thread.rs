//! The thread that reads and writes the chat's topic for all pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use ::chat::{ChatError, ChatEvent, ChatLine, ChatOptions, ChatReader, ChatStart, ChatWriter, refusal};
use common::time::{Clock, Micros};
use tokio::sync::mpsc::Sender;

use super::board::ChatBoard;
use super::protocol::ToPage;

/// Messages of the history that pages get.
const HISTORY: usize = 200;
/// Lines of all pages that wait to be written.
const COMMANDS_MAX: usize = 256;
/// Longest wait for a message, after which the lines of pages are looked at.
const WAIT: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A line that a page wants to be written.
#[derive(Debug)]
pub struct ChatCommand {
    pub line: ChatLine,
    pub ticket: PageTicket,
}

/// Where a page hears that its line was not written. One that was written comes back as a message.
#[derive(Debug)]
pub struct PageTicket {
    /// `None` for a line of which the page need not know.
    pub id: Option<String>,
    pub page: Sender<Arc<str>>,
}

impl PageTicket {
    fn refuse(self, why: String) {
        let Some(id) = self.id else { return };
        // A page that has closed, or takes nothing, finds out when it connects again.
        let _ = self.page.try_send(ToPage::Refused { id, why }.text());
    }
}

/// The running thread; it ends when this is dropped.
#[derive(Debug)]
pub struct ChatThread {
    commands: SyncSender<ChatCommand>,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ChatThread {
    pub fn start(options: ChatOptions, board: Arc<ChatBoard>, clock: Arc<dyn Clock>) -> std::io::Result<ChatThread> {
        let (commands, waiting) = sync_channel(COMMANDS_MAX);
        let ending = Arc::<AtomicBool>::default();
        let ends = ending.clone();
        let run = move || {
            board.begin();
            if let Err(error) = run(&options, &board, &waiting, &ends, clock)
                && !ends.load(Ordering::Relaxed)
            {
                tracing::warn!(event = "chat_failed", topic = options.topic, "no chat on the page: {error}");
                board.set_status(&format!("no chat: {error}"));
            }
        };
        Ok(ChatThread { commands, ending, thread: Builder::new().name("chat".to_owned()).spawn(run)? })
    }

    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    pub fn write(&self, command: ChatCommand) -> Result<(), String> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => "too many messages wait for the broker".to_owned(),
            TrySendError::Disconnected(_) => "there is no chat now".to_owned(),
        })
    }
}

impl Drop for ChatThread {
    fn drop(&mut self) {
        // It is not waited for, because closing a client whose broker is away takes long.
        self.ending.store(true, Ordering::Relaxed);
    }
}

fn run(
    options: &ChatOptions,
    board: &ChatBoard,
    commands: &Receiver<ChatCommand>,
    ending: &AtomicBool,
    clock: Arc<dyn Clock>,
) -> Result<(), ChatError> {
    let wanted = || !ending.load(Ordering::Relaxed);
    let delivered = |ticket: PageTicket, delivery| {
        if let Some(why) = refusal(&delivery) {
            ticket.refuse(why);
        }
    };
    let waiting = |why: &str| board.set_status(&format!("{why}; trying again"));
    let writer = ChatWriter::connect(options, None, clock.clone(), &wanted, waiting, delivered)?;
    let mut reader = ChatReader::new(options, ChatStart::Last(HISTORY), clock.clone())?;
    let mut looked = Micros(0);
    while wanted() {
        for ChatCommand { line, ticket } in commands.try_iter() {
            if let Some(ticket) = writer.write(&line, ticket) {
                ticket.refuse("too many messages wait for the broker".to_owned());
            }
        }
        match reader.next(WAIT)? {
            ChatEvent::Message(message) => board.push(&message),
            ChatEvent::CaughtUp => board.catch_up(),
            ChatEvent::Waiting(why) => board.set_status(&why),
            ChatEvent::Gone => writer.make_topic_again(),
            ChatEvent::Nothing => {}
        }
        let now = clock.now();
        if now.since(looked) >= LOOK_EVERY {
            looked = now;
            board.set_here(&reader.here());
            let cause = reader.cause().or_else(|| writer.cause());
            board.set_status(&cause.map(|cause| format!("{cause}; trying again")).unwrap_or_default());
        }
    }
    Ok(())
}
