//! Serves a program's figures: `/metrics` for Prometheus, `/healthz` and `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use clap::Args;
use common::time::Clock;

use crate::args::{AccessArgs, WebOptions, address};
use crate::asker::{Asker, NoAnswer, Questions, question_channel};
use crate::metrics::{MetricsFormat, MetricsPage};
use crate::process;
use crate::server::{WebError, WebServer};

/// The options of a program that serves its figures.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Web")]
pub struct MetricsArgs {
    /// Serve figures for Prometheus, at this address and port, as in 9101 or 127.0.0.1:9101
    #[arg(allow_hyphen_values = true, long, value_name = "[ADDRESS:]PORT", value_parser = address)]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    access: AccessArgs,
}

impl MetricsArgs {
    /// Refuses rules for a server that is not started.
    pub fn check(&self) -> Result<(), String> {
        self.access.check_needed(self.metrics, "--metrics 9101")
    }

    /// The server's settings, if one is wanted.
    pub fn options(&self) -> anyhow::Result<Option<WebOptions>> {
        self.metrics.map(|address| self.access.check("--metrics", address)).transpose()
    }
}

/// The questions that `/metrics` and `/readyz` ask.
#[derive(Debug)]
pub struct FigureQuestions {
    metrics: Questions<MetricsPage>,
    readiness: Questions<Option<String>>,
}

impl FigureQuestions {
    /// Answers what was asked since the last call, with the figures or with the reason why the program is not ready. To
    /// be called several times a second.
    pub fn answer(&self, metrics: impl FnMut() -> MetricsPage, not_ready: impl FnMut() -> Option<String>) {
        self.metrics.answer(metrics);
        self.readiness.answer(not_ready);
    }
}

/// The server's end of these questions.
#[derive(Clone, Debug)]
struct Askers {
    metrics: Asker<MetricsPage>,
    readiness: Asker<Option<String>>,
    /// Time of the program's start, in µs since 1970.
    started_us: u64,
}

/// The routes `/metrics` and `/readyz`, and the questions that they ask of the program.
pub fn figures(clock: &Arc<dyn Clock>) -> (Router, FigureQuestions) {
    let (ask_metrics, metrics) = question_channel(clock.clone());
    let (ask_readiness, readiness) = question_channel(clock.clone());
    let askers = Askers { metrics: ask_metrics, readiness: ask_readiness, started_us: clock.wall_us() };
    let routes = Router::new().route("/metrics", get(metrics_page)).route("/readyz", get(ready)).with_state(askers);
    (routes, FigureQuestions { metrics, readiness })
}

async fn metrics_page(State(askers): State<Askers>, headers: HeaderMap) -> Result<Response, NoAnswer> {
    let mut page = askers.metrics.ask().await?;
    process::enter(&mut page, askers.started_us);
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    Ok(page.response(MetricsFormat::accepted(accept)))
}

async fn ready(State(askers): State<Askers>) -> Result<Response, NoAnswer> {
    Ok(match askers.readiness.ask().await? {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    })
}

/// Serves the figures of a program that has no other pages.
#[derive(Debug)]
pub struct MetricsServer {
    questions: FigureQuestions,
    _server: WebServer,
}

impl MetricsServer {
    /// Starts to serve, and logs where.
    pub fn start(options: WebOptions, clock: &Arc<dyn Clock>) -> Result<MetricsServer, WebError> {
        let (routes, questions) = figures(clock);
        let routes = routes.route("/", get(async || Redirect::temporary("/metrics")));
        let server = WebServer::start(options, routes, clock.clone())?;
        let url = format!("{}metrics", server.url());
        tracing::info!(event = "metrics_ready", url, "figures for Prometheus: {url}");
        Ok(MetricsServer { questions, _server: server })
    }

    /// Answers what was asked since the last call: see [`FigureQuestions::answer`].
    pub fn answer(&self, metrics: impl FnMut() -> MetricsPage, not_ready: impl FnMut() -> Option<String>) {
        self.questions.answer(metrics, not_ready);
    }
}
