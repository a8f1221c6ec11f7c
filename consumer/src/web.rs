//! Shows frames in browsers, and answers for the figures.
//!
//! ```text
//! Engine ─each frame of every source─▶ FrameHub: the newest of each source
//!                                         ├─▶ WebSocket of each page: newest wins, two in flight
//!                                         ├─▶ /stream.mjpg, for <img>, ffplay, VLC and OpenCV
//!                                         └─▶ /snapshot.jpg, /api/sources
//! TOPIC.chat ◀─▶ ChatRoom: the chat's own thread ◀─▶ WebSocket of each page that has opened the chat
//! Snapshot ◀─ questions, asked of the viewer's loop ─── /api/report, /metrics, /readyz
//! ```
//! The server has a thread of its own. The viewer's thread puts a reference to a frame into the hub, and answers a question
//! when somebody has asked one.

mod chat;
mod figures;
mod hub;
mod page;
mod socket;
mod state;
mod stream;

use std::sync::Arc;

use ::chat::ChatOptions;
use ::web::axum::Json;
use ::web::axum::Router;
use ::web::axum::extract::State;
use ::web::axum::routing::get;
use ::web::{FigureQuestions, MetricsPage, NoAnswer, Questions, WebError, WebOptions, WebServer};
use common::report::{PageFigures, Report};
use common::time::Clock;
use common::wire::Frame;

use self::chat::ChatRoom;
use self::hub::FrameHub;
use self::state::WebState;

pub use self::figures::{ViewerFigures, metrics};

/// Shows frames in browsers.
#[derive(Debug)]
pub struct WebView {
    hub: Arc<FrameHub>,
    figures: FigureQuestions,
    reports: Questions<Box<Report>>,
    server: WebServer,
}

impl WebView {
    /// Starts to serve, with a chat unless there is a reason against it.
    pub fn start(
        options: WebOptions,
        chat: Result<ChatOptions, String>,
        clock: Arc<dyn Clock>,
    ) -> Result<WebView, WebError> {
        let hub = Arc::new(FrameHub::new(clock.clone()));
        let (figures, figure_questions) = ::web::figures(&clock);
        let (ask_report, reports) = ::web::question_channel(clock.clone());
        let chat = Arc::new(ChatRoom::new(chat, clock.clone()));
        let state = WebState { hub: hub.clone(), chat, reports: ask_report, clock: clock.clone() };
        let routes = Router::new()
            .merge(page::routes())
            .route("/socket", get(socket::connect))
            .route("/chat", get(chat::connect))
            .route("/stream.mjpg", get(stream::stream))
            .route("/snapshot.jpg", get(stream::snapshot))
            .route("/api/sources", get(stream::sources))
            .route("/api/report", get(report))
            .with_state(state)
            .merge(figures);
        Ok(WebView { server: WebServer::start(options, routes, clock)?, hub, figures: figure_questions, reports })
    }

    /// Address of the page.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Takes a frame that arrived.
    pub fn take(&self, frame: &Frame) {
        self.hub.take(frame);
    }

    /// Answers what was asked since the last call: with the report until now, with the figures, and with the reason why
    /// no frames arrive.
    pub fn answer(
        &self,
        report: impl FnMut() -> Box<Report>,
        metrics: impl FnMut() -> MetricsPage,
        not_live: impl FnMut() -> Option<String>,
    ) {
        self.reports.answer(report);
        self.figures.answer(metrics, not_live);
    }

    /// Number of pages that are open.
    pub fn clients(&self) -> usize {
        self.hub.clients()
    }

    /// The figures of each open page, as it measured them.
    pub fn client_figures(&self) -> Vec<PageFigures> {
        self.hub.client_figures()
    }
}

async fn report(State(state): State<WebState>) -> Result<Json<Box<Report>>, NoAnswer> {
    state.reports.ask().await.map(Json)
}
