//! Pictures for programs that know no WebSocket: an endless multipart answer, and single JPEGs.

use std::convert::Infallible;
use std::sync::Arc;

use ::web::axum::Json;
use ::web::axum::body::{Body, Bytes};
use ::web::axum::extract::{Query, State};
use ::web::axum::http::StatusCode;
use ::web::axum::http::header::CONTENT_TYPE;
use ::web::axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::hub::{FrameHub, HubFrame};
use super::state::WebState;

/// What stands before each picture. It is sent right after the picture before it, because Chrome shows a picture only
/// when it sees that the next one begins.
const PART: &str = "--frame\r\nContent-Type: image/jpeg\r\n\r\n";

#[derive(Deserialize)]
pub struct Chosen {
    source: Option<String>,
}

/// Sends each new picture of one source. A reader that is slow gets the newest one when it is ready for another.
pub async fn stream(State(state): State<WebState>, Query(chosen): Query<Chosen>) -> Response {
    let begin =
        (Pictures { hub: state.hub.clone(), source: chosen.source, newest: state.hub.watch(), last: None }, true);
    let parts = stream::unfold(begin, async |(mut pictures, is_first)| {
        if is_first {
            return Some((Ok::<_, Infallible>(Bytes::from_static(PART.as_bytes())), (pictures, false)));
        }
        let picture = pictures.next().await?;
        let part = [&picture.jpeg[..], b"\r\n", PART.as_bytes()].concat();
        Some((Ok(part.into()), (pictures, false)))
    });
    ([(CONTENT_TYPE, "multipart/x-mixed-replace; boundary=frame")], Body::from_stream(parts)).into_response()
}

struct Pictures {
    hub: Arc<FrameHub>,
    source: Option<String>,
    newest: tokio::sync::watch::Receiver<u64>,
    last: Option<u64>,
}

impl Pictures {
    /// Waits for a picture that is newer than the last one. `None` once there is no viewer any more.
    async fn next(&mut self) -> Option<HubFrame> {
        loop {
            self.newest.borrow_and_update();
            let newest = self.hub.newest(self.source.as_deref()).filter(|frame| self.last != Some(frame.version));
            if let Some(frame) = newest {
                self.last = Some(frame.version);
                // Without a name, the source of the first picture is kept.
                self.source.get_or_insert_with(|| frame.source.to_string());
                return Some(frame);
            }
            self.newest.changed().await.ok()?;
        }
    }
}

/// The newest picture of a source.
pub async fn snapshot(State(state): State<WebState>, Query(chosen): Query<Chosen>) -> Response {
    match state.hub.newest(chosen.source.as_deref()) {
        Some(frame) => ([(CONTENT_TYPE, "image/jpeg")], frame.jpeg).into_response(),
        None => {
            let names: Vec<String> = state.hub.all().iter().map(|frame| frame.source.to_string()).collect();
            let text = match (chosen.source, names.is_empty()) {
                (_, true) => "no picture has arrived yet\n".to_owned(),
                (source, _) => {
                    format!("no source {:?} yet; there are: {}\n", source.unwrap_or_default(), names.join(", "))
                }
            };
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

/// The sources, with the newest frame of each.
pub async fn sources(State(state): State<WebState>) -> Response {
    let now = state.clock.now();
    let all = state.hub.all().into_iter().map(|frame| {
        json!({
            "source": &*frame.source,
            "session": frame.session.to_string(),
            "frame": frame.frame,
            "bytes": frame.jpeg.len(),
            "seconds_since_last_frame": now.since(frame.came).as_secs_f64(),
        })
    });
    Json(all.collect::<Vec<_>>()).into_response()
}
