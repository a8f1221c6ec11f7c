//! The routes whose answers the viewer's loop gives.

use ::web::axum::extract::State;
use ::web::axum::response::Response;

use super::asker::ViewerQuestion;
use super::state::WebState;

pub async fn report(State(state): State<WebState>) -> Response {
    state.asker.ask(ViewerQuestion::Report).await
}

pub async fn metrics(State(state): State<WebState>) -> Response {
    state.asker.ask(ViewerQuestion::Metrics).await
}

pub async fn ready(State(state): State<WebState>) -> Response {
    state.asker.ask(ViewerQuestion::Ready).await
}
