//! Accepts connections, within limits, and serves each in a task.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use common::time::Clock;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

use crate::access::AccessPolicy;
use crate::args::WebOptions;
use crate::middleware;

/// Number of connections at the same time; further ones are closed at once.
const CONNECTIONS_MAX: usize = 200;
/// Timeout for the headers of a request, and for the next request of a connection.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest size of a request's headers, in bytes.
const HEADER_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// Time after which a client that takes nothing of what is sent is disconnected.
const STALL_MAX: Duration = Duration::from_secs(120);
/// Time after a failed accept (for example, without free file descriptors) before the next attempt.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// The reason why a web server could not start.
#[derive(thiserror::Error, Debug)]
pub enum WebError {
    /// The address is taken or not ours.
    #[error("cannot listen at {address}: {error}; choose another address or port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// The system has no thread for it.
    #[error("cannot start the web server: {0}")]
    Start(#[from] io::Error),
}

/// A web server on its own thread; it ends when this is dropped.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WebServer {
    /// Listens, and answers requests that the policy allows by these routes.
    pub fn start(options: WebOptions, routes: Router, clock: Arc<dyn Clock>) -> Result<WebServer, WebError> {
        let asked = options.address;
        let listener = TcpListener::bind(asked).map_err(|error| WebError::Listen { address: asked, error })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let routes = middleware::guarded(routes, AccessPolicy::new(options.hosts, options.token), clock);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = serve(listener, routes) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(serve)?;
        Ok(WebServer { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Address that it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().map(JoinHandle::join).is_some_and(|ended| ended.is_err()) {
            tracing::error!(event = "web_failed", "the web server's thread panicked");
        }
    }
}

async fn serve(listener: TcpListener, routes: Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(event = "web_failed", "the web server failed: {error}"),
    };
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let Ok(place) = free.clone().try_acquire_owned() else { continue };
        let routes = routes.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(stream, from, routes).await {
                tracing::debug!("{from}: {error}");
            }
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, from: SocketAddr, routes: Router) -> Result<(), hyper::Error> {
    // Both are improvements without which everything works.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(STALL_MAX));
    let service = TowerToHyperService::new(routes.layer(axum::Extension(ConnectInfo(from))));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_header_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
}
