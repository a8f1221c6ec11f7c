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
use common::time::{Clock, Micros};

use super::hub::{FrameHub, HubFrame, PageGuard};
use super::state::WebState;

/// Pictures of a source that may be on their way to a page: one is drawn while the next one travels.
const IN_FLIGHT_MAX: u32 = 2;
/// Largest message of a page, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Time after which a page that sends nothing, not even its pings, is disconnected.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const PICTURE: u8 = 1;
const ACK: u8 = 1;
const PING: u8 = 2;
const HIDDEN: u8 = 3;

pub async fn connect(State(state): State<WebState>, upgrade: WebSocketUpgrade) -> Response {
    let sized = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    sized.on_upgrade(async move |socket| {
        let page = state.hub.enter();
        let mut connection =
            PageConnection { hub: state.hub, clock: state.clock, page, sent: HashMap::new(), hidden: false };
        if let Err(error) = connection.run(socket).await {
            tracing::debug!("a page left: {error}");
        }
    })
}

struct PageConnection {
    hub: Arc<FrameHub>,
    clock: Arc<dyn Clock>,
    page: PageGuard,
    sent: HashMap<Arc<str>, Sent>,
    hidden: bool,
}

/// What a page has got of a source.
#[derive(Default)]
struct Sent {
    version: u64,
    of_source: u64,
    in_flight: u32,
}

impl PageConnection {
    async fn run(&mut self, mut socket: WebSocket) -> Result<(), ::web::axum::Error> {
        let mut newest = self.hub.watch();
        newest.mark_changed();
        loop {
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return Ok(()) },
                message = tokio::time::timeout(SILENCE_MAX, socket.recv()) => {
                    let Ok(Some(message)) = message else { return Ok(()) };
                    if let Some(answer) = self.heard(message?) {
                        socket.send(answer).await?;
                    }
                }
            }
            while let Some(picture) = self.next() {
                socket.send(Message::Binary(picture.into())).await?;
            }
        }
    }

    /// Takes a message of the page; returns the answer to a ping. Other messages than ours are ignored.
    fn heard(&mut self, message: Message) -> Option<Message> {
        match message {
            Message::Binary(bytes) => match &bytes[..] {
                [ACK, length, name @ ..] if name.len() == usize::from(*length) => {
                    let name = std::str::from_utf8(name).ok()?;
                    let sent = self.sent.get_mut(name)?;
                    sent.in_flight = sent.in_flight.saturating_sub(1);
                    None
                }
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
