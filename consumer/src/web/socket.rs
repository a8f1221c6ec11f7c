//! The WebSocket of a page: pictures go out, acknowledgements and pings come in.
//!
//! ```text
//! picture   kind 1, length of the name, 2 bytes unused, u32 pictures left out before this one,
//!           f64 frame, f64 session (ms since 1970), f64 due, captured, encoded, published, received, reassembled, sent (µs),
//!           name, JPEG                                                                               all little-endian
//! ack       kind 1, length of the name, name                     a picture of this source was drawn, or skipped
//! ping      kind 2, 7 bytes unused, f64 the page's time          answered by the same and f64 when it came, f64 when it is
//!                                                                answered (our time, µs)
//! hidden    kind 3, 1 or 0                                       nothing is sent while the page is hidden
//! figures   text: the page's figures as JSON, for /api/report
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::web::axum::extract::State;
use ::web::axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use ::web::axum::response::Response;
use ::web::{RateLimit, RateWindow};
use anyhow::{Context, ensure};
use common::time::{Clock, Micros};

use super::hub::{FrameHub, HubFrame, PageGuard};
use super::state::WebState;

/// Pictures of a source that may be on their way to a page: one is drawn while the next one travels.
const IN_FLIGHT_MAX: u32 = 2;
/// Largest message of a page, in bytes: the figures of 256 sources.
const MESSAGE_BYTES_MAX: usize = 128 << 10;
/// Time after which a page that sends nothing, not even its pings, or takes nothing is disconnected.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Messages that a page may send besides one for each picture. It sends two a second, and ten pings at the start.
const MESSAGES: RateLimit = RateLimit { max: 100, per: Duration::from_secs(5) };
const SILENT: &str = "it sent nothing for a minute";
const PICTURE: u8 = 1;
const ACK: u8 = 1;
const PING: u8 = 2;
const HIDDEN: u8 = 3;

pub async fn connect(State(state): State<WebState>, upgrade: WebSocketUpgrade) -> Response {
    let sized = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    sized.on_upgrade(async move |socket| {
        let page = state.hub.enter();
        let mut connection = PageConnection {
            hub: state.hub,
            page,
            sent: HashMap::new(),
            hidden: false,
            heard_at: state.clock.now(),
            messages: RateWindow::default(),
            clock: state.clock,
        };
        if let Err(error) = connection.run(socket).await {
            tracing::debug!("a page left: {error:#}");
        }
    })
}

struct PageConnection {
    hub: Arc<FrameHub>,
    clock: Arc<dyn Clock>,
    page: PageGuard,
    sent: HashMap<Arc<str>, Sent>,
    hidden: bool,
    /// When the page's last message came.
    heard_at: Micros,
    /// Messages besides acknowledgements.
    messages: RateWindow,
}

/// What a page has got of a source.
#[derive(Default)]
struct Sent {
    version: u64,
    of_source: u64,
    in_flight: u32,
}

impl PageConnection {
    async fn run(&mut self, mut socket: WebSocket) -> anyhow::Result<()> {
        let mut newest = self.hub.watch();
        newest.mark_changed();
        loop {
            let message = tokio::select! {
                changed = newest.changed() => if changed.is_err() { return Ok(()) } else { None },
                message = tokio::time::timeout(SILENCE_MAX, socket.recv()) => match message.context(SILENT)? {
                    None => return Ok(()),
                    message => message.transpose()?,
                },
            };
            if let Some(answer) = message.and_then(|message| self.heard(message)) {
                send(&mut socket, answer).await?;
            }
            let now = self.clock.now();
            // While pictures come, the timeout above begins again with each.
            ensure!(now.since(self.heard_at) < SILENCE_MAX, SILENT);
            ensure!(self.messages.is_within(MESSAGES, now), "it sent too many messages");
            while let Some(picture) = self.next() {
                send(&mut socket, Message::Binary(picture.into())).await?;
            }
        }
    }

    /// Takes a message of the page; returns the answer to a ping. Other messages than ours are ignored.
    fn heard(&mut self, message: Message) -> Option<Message> {
        self.heard_at = self.clock.now();
        if self.is_acknowledgement(&message) || !self.messages.enter(MESSAGES, self.heard_at) {
            return None;
        }
        match message {
            Message::Binary(bytes) => match &bytes[..] {
                [PING, ..] if bytes.len() == 16 => {
                    let now = || (self.clock.now().0 as f64).to_le_bytes();
                    let came = now();
                    Some(Message::Binary([&bytes[..], &came, &now()].concat().into()))
                }
                [HIDDEN, hidden] => {
                    self.hidden = *hidden != 0;
                    None
                }
                _ => None,
            },
            Message::Text(text) => {
                if let Ok(figures) = serde_json::from_str(&text) {
                    self.page.set_figures(figures);
                }
                None
            }
            _ => None,
        }
    }

    /// True if a message acknowledges a picture that is in flight, which is then no longer so.
    fn is_acknowledgement(&mut self, message: &Message) -> bool {
        let Message::Binary(bytes) = message else { return false };
        let [ACK, length, name @ ..] = &bytes[..] else { return false };
        let sent = std::str::from_utf8(name).ok().and_then(|name| self.sent.get_mut(name));
        let Some(sent) = sent.filter(|sent| sent.in_flight > 0 && name.len() == usize::from(*length)) else {
            return false;
        };
        sent.in_flight -= 1;
        true
    }

    /// The next picture for the page, if there is one that it has room for.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.hidden {
            return None;
        }
        let has_room = |frame: &&HubFrame| {
            let sent = self.sent.get(&frame.source);
            sent.is_none_or(|sent| sent.version < frame.version && sent.in_flight < IN_FLIGHT_MAX)
        };
        let frame = self.hub.find(has_room)?;
        let is_first = !self.sent.contains_key(&frame.source);
        let sent = self.sent.entry(frame.source.clone()).or_default();
        let left_out = if is_first { 0 } else { frame.of_source.saturating_sub(sent.of_source + 1) };
        *sent = Sent { version: frame.version, of_source: frame.of_source, in_flight: sent.in_flight + 1 };
        Some(message(&frame, left_out, self.clock.now()))
    }
}

/// Sends a message, unless the page takes nothing for too long.
pub async fn send(socket: &mut WebSocket, message: Message) -> anyhow::Result<()> {
    tokio::time::timeout(SILENCE_MAX, socket.send(message)).await.context("it takes nothing")??;
    Ok(())
}

/// The message of a picture.
fn message(frame: &HubFrame, left_out: u64, now: Micros) -> Vec<u8> {
    let name = frame.source.as_bytes();
    let s = &frame.stamps;
    let numbers = [frame.frame, frame.session.began_ms];
    let times = [s.due, s.captured, s.encoded, s.published, s.received, s.reassembled, now].map(|time| time.0);
    let mut message = Vec::with_capacity(80 + name.len() + frame.jpeg.len());
    message.extend([PICTURE, u8::try_from(name.len()).expect("a source's name has at most 249 bytes"), 0, 0]);
    message.extend(u32::try_from(left_out).unwrap_or(u32::MAX).to_le_bytes());
    message.extend(numbers.into_iter().chain(times).flat_map(|number| (number as f64).to_le_bytes()));
    message.extend(name);
    message.extend(&frame.jpeg);
    message
}
