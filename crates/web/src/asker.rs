//! Questions from the web server's thread to the program's own loop, which alone knows the figures.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use common::time::{Clock, Micros};
use tokio::sync::{Mutex, oneshot};

/// Time for which an answer is given again, so that many who ask cost the program no more than one.
const FRESH: Duration = Duration::from_millis(250);
/// Timeout for the program's loop.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The program's end of one kind of question.
#[derive(Debug)]
pub struct Questions<T>(mpsc::Receiver<oneshot::Sender<T>>);

impl<T> Questions<T> {
    /// Answers, if somebody has asked since the last call. Otherwise it returns at once.
    pub fn answer(&self, mut answer: impl FnMut() -> T) {
        // Whoever has left does not take the answer.
        self.0.try_iter().for_each(|to| drop(to.send(answer())));
    }
}

/// The server's end. One question is on its way at a time.
#[derive(Clone, Debug)]
pub struct Asker<T> {
    questions: mpsc::SyncSender<oneshot::Sender<T>>,
    /// The last answer, and when it was given.
    last: Arc<Mutex<Option<(Micros, T)>>>,
    clock: Arc<dyn Clock>,
}

/// Connects a server with a program, for one kind of question.
pub fn question_channel<T>(clock: Arc<dyn Clock>) -> (Asker<T>, Questions<T>) {
    let (questions, asked) = mpsc::sync_channel(1);
    (Asker { questions, last: Arc::new(Mutex::new(None)), clock }, Questions(asked))
}

impl<T: Clone> Asker<T> {
    /// The program's answer, or one that it gave a moment ago. If there is none, the error is the response to that.
    pub async fn ask(&self) -> Result<T, NoAnswer> {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && self.clock.now().since(*at) < FRESH
        {
            return Ok(answer.clone());
        }
        let (to, answer) = oneshot::channel();
        // There is no room while an earlier question waits, whose client has left.
        self.questions.try_send(to).map_err(|_| NoAnswer)?;
        let answer = tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| NoAnswer)?.map_err(|_| NoAnswer)?;
        *last = Some((self.clock.now(), answer.clone()));
        Ok(answer)
    }
}

/// The program's loop has not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAnswer;

impl IntoResponse for NoAnswer {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "no answer: the program is starting, ending or busy\n").into_response()
    }
}
