//! Questions from the web server's thread to the program's own loop, which alone knows the figures.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use common::report::Report;
use common::time::{Clock, Micros};
use tokio::sync::{Mutex, oneshot};

use crate::metrics::MetricsPage;

/// Time for which an answer is given again, so that many who ask cost the program no more than one.
const FRESH: Duration = Duration::from_millis(250);
/// Timeout for the program's loop.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A question to the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// The report until now, as JSON.
    Report,
    /// The figures for Prometheus.
    Metrics,
    /// Whether the program does its work.
    Ready,
}

/// Its answer.
#[derive(Clone, Debug)]
pub enum WebAnswer {
    /// The report until now.
    Report(Box<Report>),
    /// The figures for Prometheus.
    Metrics(MetricsPage),
    /// The reason why the program is not ready, if it is not.
    Ready(Option<String>),
}

impl IntoResponse for WebAnswer {
    fn into_response(self) -> Response {
        match self {
            WebAnswer::Report(report) => Json(report).into_response(),
            WebAnswer::Metrics(page) => page.into_response(),
            WebAnswer::Ready(None) => "ready\n".into_response(),
            WebAnswer::Ready(Some(why)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
        }
    }
}

/// An answer and when it was given.
type DatedAnswer = (Micros, WebAnswer);
type Asked = (Question, oneshot::Sender<WebAnswer>);

/// The program's end.
#[derive(Debug)]
pub struct Questions(mpsc::Receiver<Asked>);

impl Questions {
    /// Answers the questions that were asked since the last call. Returns at once if there are none.
    pub fn answer(&self, answer: &mut impl FnMut(Question) -> WebAnswer) {
        // Whoever has left does not take the answer.
        self.0.try_iter().for_each(|(question, to)| drop(to.send(answer(question))));
    }
}

/// The server's end. One question of each kind is on its way at a time.
#[derive(Clone, Debug)]
pub struct Asker {
    questions: mpsc::SyncSender<Asked>,
    answers: Arc<[Mutex<Option<DatedAnswer>>; 3]>,
    clock: Arc<dyn Clock>,
}

/// Connects a server with a program.
pub fn channel(clock: Arc<dyn Clock>) -> (Asker, Questions) {
    let (questions, asked) = mpsc::sync_channel(3);
    (Asker { questions, answers: Arc::default(), clock }, Questions(asked))
}

impl Asker {
    /// The program's answer, or a recent one.
    pub async fn ask(&self, question: Question) -> Response {
        let mut kept = self.answers[question as usize].lock().await;
        if let Some((at, answer)) = &*kept
            && self.clock.now().since(*at) < FRESH
        {
            return answer.clone().into_response();
        }
        let (to, answer) = oneshot::channel();
        let asked = self.questions.try_send((question, to)).is_ok();
        match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(Ok(answer)) if asked => {
                *kept = Some((self.clock.now(), answer.clone()));
                answer.into_response()
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the program does not answer\n").into_response(),
        }
    }
}
