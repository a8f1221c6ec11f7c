//! What the chat's thread shows to all pages: the last messages, who is here, and what is wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::chat::ChatMessage;
use tokio::sync::watch;

use super::protocol::ToPage;

/// Messages that are kept for pages; a page that is further behind misses the older ones.
pub const MESSAGES_MAX: usize = 500;
/// Messages that a page gets at once.
const BATCH: usize = 100;

/// The last messages, as pages get them.
#[derive(Debug)]
pub struct ChatBoard {
    state: Mutex<BoardState>,
    /// Counts the changes, and wakes the pages.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct BoardState {
    /// Each message with its number.
    messages: VecDeque<(u64, Arc<str>)>,
    next: u64,
    /// Number of times that reading began. Each begins with the history.
    beginnings: u64,
    caught_up: bool,
    here: Vec<String>,
    status: String,
    /// Number of open pages by the name under which they write.
    pages: BTreeMap<String, usize>,
}

impl Default for ChatBoard {
    fn default() -> ChatBoard {
        ChatBoard { state: Mutex::default(), changes: watch::channel(0).0 }
    }
}

/// How much of the board a page has got.
#[derive(Debug, Default)]
pub struct BoardCursor {
    beginnings: Option<u64>,
    next: u64,
    caught_up: bool,
    here: Option<Vec<String>>,
    status: Option<String>,
}

impl ChatBoard {
    /// Reading begins, with the history.
    pub fn begin(&self) {
        self.change(|state| {
            state.messages.clear();
            state.beginnings += 1;
            state.caught_up = false;
            "connecting …".clone_into(&mut state.status);
        });
    }

    pub fn push(&self, message: &ChatMessage) {
        let text = ToPage::message(message).text();
        self.change(|state| {
            state.messages.push_back((state.next, text));
            state.next += 1;
            if state.messages.len() > MESSAGES_MAX {
                state.messages.pop_front();
            }
        });
    }

    pub fn catch_up(&self) {
        self.change(|state| state.caught_up = true);
    }

    pub fn set_here(&self, names: &[&str]) {
        if self.lock().here != names {
            self.change(|state| state.here = names.iter().map(|name| (*name).to_owned()).collect());
        }
    }

    /// Says what is wrong; nothing is if the text is empty.
    pub fn set_status(&self, status: &str) {
        if self.lock().status != status {
            self.change(|state| status.clone_into(&mut state.status));
        }
    }

    pub fn status(&self) -> String {
        self.lock().status.clone()
    }

    pub fn is_here(&self, name: &str) -> bool {
        self.lock().here.iter().any(|here| here == name)
    }

    /// A page writes under this name from now on.
    pub fn enter(&self, name: &str) {
        *self.lock().pages.entry(name.to_owned()).or_default() += 1;
    }

    /// A page does not write under this name any more.
    pub fn leave(&self, name: &str) {
        let mut state = self.lock();
        if let Some(pages) = state.pages.get_mut(name) {
            *pages -= 1;
            if *pages == 0 {
                state.pages.remove(name);
            }
        }
    }

    /// True if an open page writes under this name.
    pub fn has_page(&self, name: &str) -> bool {
        self.lock().pages.contains_key(name)
    }

    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What a page has not got yet; empty once it has all.
    pub fn news(&self, cursor: &mut BoardCursor) -> Vec<Arc<str>> {
        let state = self.lock();
        let mut news = Vec::new();
        if cursor.beginnings != Some(state.beginnings) {
            *cursor = BoardCursor { beginnings: Some(state.beginnings), ..BoardCursor::default() };
            news.push(ToPage::Reset.text());
        }
        let next = cursor.next;
        for (number, text) in state.messages.iter().filter(|(number, _)| *number >= next).take(BATCH) {
            news.push(text.clone());
            cursor.next = number + 1;
        }
        if state.caught_up && !cursor.caught_up && cursor.next == state.next {
            cursor.caught_up = true;
            news.push(ToPage::CaughtUp.text());
        }
        if cursor.here.as_ref() != Some(&state.here) {
            cursor.here = Some(state.here.clone());
            news.push(ToPage::here(&state.here).text());
        }
        if cursor.status.as_ref() != Some(&state.status) {
            cursor.status = Some(state.status.clone());
            news.push(ToPage::Status { text: state.status.clone() }.text());
        }
        news
    }

    fn change(&self, change: impl FnOnce(&mut BoardState)) {
        change(&mut self.lock());
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn lock(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ::chat::ChatKind;

    use super::*;

    fn push(board: &ChatBoard, text: &str) {
        let (name, text, kind) = ("ana".to_owned(), text.to_owned(), ChatKind::Said);
        board.push(&ChatMessage { kind, name, text, at_ms: 0, video: None, id: None, partition: 0, offset: 0 });
    }

    /// The kinds and texts of all news, as `reset`, `message:hello`.
    fn news(board: &ChatBoard, cursor: &mut BoardCursor) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let some = board.news(cursor);
            if some.is_empty() {
                return all;
            }
            all.extend(some.iter().map(|text| {
                let value: serde_json::Value = serde_json::from_str(text).unwrap();
                let text = value["text"].as_str().map(|text| format!(":{text}")).unwrap_or_default();
                format!("{}{text}", value["kind"].as_str().unwrap())
            }));
        }
    }

    #[test]
    fn a_page_gets_everything_once_and_the_end_of_the_history_after_it() {
        let (board, mut cursor) = (ChatBoard::default(), BoardCursor::default());
        board.begin();
        push(&board, "a");
        board.catch_up();
        assert_eq!(news(&board, &mut cursor), ["reset", "message:a", "caught_up", "here", "status:connecting …"]);
        push(&board, "b");
        board.set_status("");
        board.set_here(&["ana"]);
        assert_eq!(news(&board, &mut cursor), ["message:b", "here", "status:"]);
        assert!(news(&board, &mut cursor).is_empty());
        board.begin();
        push(&board, "a");
        assert_eq!(news(&board, &mut cursor), ["reset", "message:a", "here", "status:connecting …"]);
    }

    #[test]
    fn a_page_that_is_far_behind_gets_the_last_messages() {
        let (board, mut cursor) = (ChatBoard::default(), BoardCursor::default());
        for n in 0..MESSAGES_MAX + 7 {
            push(&board, &n.to_string());
        }
        let all = news(&board, &mut cursor);
        let messages: Vec<_> = all.iter().filter(|text| text.starts_with("message")).collect();
        assert_eq!((messages.len(), messages[0].as_str()), (MESSAGES_MAX, "message:7"));
    }

    #[test]
    fn a_name_has_a_page_until_its_last_one_closes() {
        let board = ChatBoard::default();
        board.enter("ana");
        board.enter("ana");
        board.leave("ana");
        assert!(board.has_page("ana"));
        board.leave("ana");
        board.leave("ana");
        assert!(!board.has_page("ana"));
    }
}
