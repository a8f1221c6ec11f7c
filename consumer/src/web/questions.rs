//! The routes whose answers the viewer's loop gives.

use ::web::Question;
use ::web::axum::extract::State;
use ::web::axum::response::Response;

use super::state::WebState;

pub async fn report(State(state): State<WebState>) -> Response {
    state.asker.ask(Question::Report).await
}

pub async fn metrics(State(state): State<WebState>) -> Response {
    state.asker.ask(Question::Metrics).await
}

pub async fn ready(State(state): State<WebState>) -> Response {
    state.asker.ask(Question::Ready).await
}
