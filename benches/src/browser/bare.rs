//! A page that is fed JPEGs by a socket, with nothing before it: no encoder, no Kafka, no reassembly.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use common::time::{Clock, SystemClock};
use web::axum::Router;
use web::axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use web::axum::http::header::CONTENT_TYPE;
use web::axum::response::{Html, Response};
use web::axum::routing::get;
use web::{AccessArgs, WebServer};

/// The pictures, in the order in which they are sent over and over.
#[derive(Clone, Debug)]
pub struct BareFeed {
    pub jpegs: Arc<[Bytes]>,
    pub fps: f64,
}

/// Serves the page; it ends when the server is dropped.
pub fn serve(feed: BareFeed) -> Result<WebServer> {
    let script = || async { ([(CONTENT_TYPE, "text/javascript")], include_str!("bare.js")) };
    let socket = move |upgrade: WebSocketUpgrade| async move { connect(upgrade, feed) };
    let routes = Router::new()
        .route("/", get(|| async { Html(include_str!("bare.html")) }))
        .route("/bare.js", get(script))
        .route("/socket", get(socket));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(WebServer::start(AccessArgs::default().check("--http", address)?, routes, Arc::new(SystemClock))?)
}

fn connect(upgrade: WebSocketUpgrade, feed: BareFeed) -> Response {
    upgrade.on_upgrade(async move |socket| {
        // The page has left.
        let _ = send(socket, feed).await;
    })
}

async fn send(mut socket: WebSocket, feed: BareFeed) -> Result<(), web::axum::Error> {
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / feed.fps));
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut next = feed.jpegs.iter().cycle();
    loop {
        let message = tokio::select! {
            _ = due.tick() => next.next().map(|jpeg| [&now_ms()[..], &[0; 8], jpeg].concat()),
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(ping))) => Some([&ping[..], &now_ms()].concat()),
                Some(Ok(_)) => None,
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        };
        if let Some(message) = message {
            socket.send(Message::Binary(message.into())).await?;
        }
    }
}

fn now_ms() -> [u8; 8] {
    (SystemClock.now().0 as f64 / 1000.0).to_le_bytes()
}
