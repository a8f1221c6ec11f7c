//! The WebSocket of a page's chat.

use std::sync::Arc;
use std::time::Duration;

use ::chat::ChatLine;
use ::web::axum::extract::State;
use ::web::axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use ::web::axum::response::Response;
use ::web::{RateLimit, RateWindow};
use common::time::{Clock, Micros};
use tokio::sync::mpsc;

use super::ChatRoom;
use super::board::BoardCursor;
use super::protocol::{FromPage, PageMoment, ToPage};
use super::thread::{ChatCommand, PageTicket};
use crate::web::socket::send;
use crate::web::state::WebState;

/// Largest text of a page, in bytes: a message of which each byte is escaped.
const TEXT_BYTES_MAX: usize = 32 << 10;
/// Refusals that wait for a page.
const REFUSALS_MAX: usize = 64;
/// Messages that a page may write.
const MESSAGES: RateLimit = RateLimit { max: 10, per: Duration::from_secs(5) };
const PING_EVERY: Duration = Duration::from_secs(20);
/// Time after which a page that does not even answer pings is disconnected.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Time for a page to come back before its person counts as gone.
const RETURN: Duration = Duration::from_secs(15);

pub async fn connect(State(state): State<WebState>, upgrade: WebSocketUpgrade) -> Response {
    let sized = upgrade.max_message_size(TEXT_BYTES_MAX).max_frame_size(TEXT_BYTES_MAX);
    sized.on_upgrade(async move |socket| {
        let (to_page, refusals) = mpsc::channel(REFUSALS_MAX);
        let mut page =
            ChatPage { room: state.chat, clock: state.clock, name: None, written: RateWindow::default(), to_page };
        page.room.open();
        if let Err(error) = page.run(socket, refusals).await {
            tracing::debug!("a page left the chat: {error:#}");
        }
        page.leave().await;
    })
}

struct ChatPage {
    room: Arc<ChatRoom>,
    clock: Arc<dyn Clock>,
    /// The name under which the page writes, once it has said so.
    name: Option<String>,
    /// The messages that it wrote lately.
    written: RateWindow,
    /// Leads to the page.
    to_page: mpsc::Sender<Arc<str>>,
}

impl ChatPage {
    async fn run(&mut self, mut socket: WebSocket, mut refusals: mpsc::Receiver<Arc<str>>) -> anyhow::Result<()> {
        let mut changes = self.room.board.watch();
        let mut cursor = BoardCursor::default();
        let mut pings = tokio::time::interval(PING_EVERY);
        let mut heard = self.clock.now();
        loop {
            loop {
                let news = self.room.board.news(&mut cursor);
                if news.is_empty() {
                    break;
                }
                for text in news {
                    send(&mut socket, text_message(&text)).await?;
                }
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
                Some(refusal) = refusals.recv() => send(&mut socket, text_message(&refusal)).await?,
                _ = pings.tick() => {
                    if self.clock.now().since(heard) >= SILENCE_MAX {
                        return Ok(());
                    }
                    send(&mut socket, Message::Ping(Default::default())).await?;
                }
                message = socket.recv() => {
                    let Some(message) = message else { return Ok(()) };
                    heard = self.clock.now();
                    if let Message::Text(text) = message? && let Some(refusal) = self.take(&text, heard) {
                        send(&mut socket, text_message(&refusal.text())).await?;
                    }
                }
            }
        }
    }

    /// Takes a text of the page; returns a refusal, if it is one. Texts that are none of ours are ignored.
    fn take(&mut self, text: &str, now: Micros) -> Option<ToPage<'static>> {
        match serde_json::from_str(text).ok()? {
            FromPage::Here { name } => {
                self.enter(&name, now);
                None
            }
            FromPage::Say { id, name, text, video } => {
                self.enter(&name, now);
                let why = self.say(&id, &name, &text, video.as_ref(), now).err()?;
                Some(ToPage::Refused { id, why })
            }
        }
    }

    fn say(&mut self, id: &str, name: &str, text: &str, video: Option<&PageMoment>, now: Micros) -> Result<(), String> {
        let line =
            ChatLine::said(name, text).and_then(|line| line.with_id(id)).map_err(|problem| problem.to_string())?;
        if !self.written.enter(MESSAGES, now) {
            return Err("that is too fast; wait some seconds".to_owned());
        }
        let line = line.about(video.and_then(|video| video.video_time(self.clock.wall_offset_us())));
        self.write(line, Some(id.to_owned()))
    }

    /// The page writes under this name from now on. Others are told, unless they know.
    fn enter(&mut self, name: &str, now: Micros) {
        let Ok(name) = ::chat::check_name(name) else { return };
        if self.name.as_ref() == Some(&name) {
            return;
        }
        let board = &self.room.board;
        self.name.iter().for_each(|before| board.leave(before));
        board.enter(&name);
        let is_known = board.is_here(&name);
        if !is_known
            && self.written.enter(MESSAGES, now)
            && let Ok(line) = ChatLine::joined(&name)
        {
            // The page hears of it if the next message cannot be written either.
            let _ = self.write(line, None);
        }
        self.name = Some(name);
    }

    /// The page has closed. If it does not come back, the others are told.
    async fn leave(self) {
        let Some(name) = &self.name else { return };
        self.room.board.leave(name);
        tokio::time::sleep(RETURN).await;
        if !self.room.board.has_page(name)
            && self.room.board.is_here(name)
            && let Ok(line) = ChatLine::left(name)
        {
            let _ = self.write(line, None);
        }
    }

    fn write(&self, line: ChatLine, id: Option<String>) -> Result<(), String> {
        self.room.write(ChatCommand { line, ticket: PageTicket { id, page: self.to_page.clone() } })
    }
}

fn text_message(text: &str) -> Message {
    Message::Text(text.into())
}
