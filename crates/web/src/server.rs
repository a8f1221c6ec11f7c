//! Accepts connections, within limits, and serves each in a task.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use common::time::Clock;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use crate::access::AccessPolicy;
use crate::args::WebOptions;
use crate::middleware;
use crate::places::{PlacedStream, Places};
use crate::tls::Certificate;

/// Number of connections at the same time. A further one takes the place of another, or is closed at once: see `places`.
const CONNECTIONS_MAX: usize = 200;
/// Time between two connections that take the place of others. It bounds what a flood of connections costs, and leaves each of
/// them 200 ms to send its request.
const FLOOD_INTERVAL: Duration = Duration::from_millis(1);
/// Timeout for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two checks if the certificate's files have changed.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(1);
/// Timeout for the headers of a request, and for the next request of a connection.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest size of a request's headers, in bytes.
const HEADER_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// Bytes that wait in a connection's buffer before another picture is taken. A slow reader of a stream has one picture here
/// and no old ones.
const BUFFER_BYTES_MAX: usize = 32 << 10;
/// Bytes that the system takes for a connection beyond those under way, so that a reader that takes nothing holds little memory.
const UNSENT_BYTES_MAX: u32 = 128 << 10;
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
    scheme: &'static str,
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
        let policy = AccessPolicy::new(options.hosts, options.token);
        let (policy, scheme) =
            if options.certificate.is_some() { (policy.over_tls(), "https") } else { (policy, "http") };
        let routes = middleware::guarded(routes, policy, clock.clone());
        let places = Arc::new(Places::new(CONNECTIONS_MAX, clock));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = serve(listener, places, options.certificate, routes) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(serve)?;
        Ok(WebServer { address, scheme, stop: Some(stop), thread: Some(thread) })
    }

    /// Address that it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address for a browser on this machine.
    pub fn url(&self) -> String {
        let (scheme, address) = (self.scheme, self.address);
        if address.ip().is_unspecified() {
            return format!("{scheme}://localhost:{}/", address.port());
        }
        format!("{scheme}://{address}/")
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

async fn serve(listener: TcpListener, places: Arc<Places>, mut certificate: Option<Certificate>, routes: Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(event = "web_failed", "the web server failed: {error}"),
    };
    let mut check = tokio::time::interval(CERTIFICATE_CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = check.tick(), if certificate.is_some() => {
                certificate.iter_mut().for_each(Certificate::renew);
                continue;
            }
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        if places.are_all_taken() {
            tokio::time::sleep(FLOOD_INTERVAL).await;
        }
        let Some(place) = places.take(from.ip()) else { continue };
        prepare(&stream);
        let (stream, routes) = (PlacedStream { stream, place }, routes.clone());
        let acceptor = certificate.as_ref().map(Certificate::acceptor);
        tokio::spawn(async move {
            let ended = match acceptor {
                None => connection(stream, from, routes).await,
                Some(acceptor) => encrypted(acceptor, stream, from, routes).await,
            };
            if let Err(error) = ended {
                tracing::debug!("{from}: {error:#}");
            }
        });
    }
}

/// Sets what makes a connection better, and without which it works too.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    let _ = (socket.set_tcp_user_timeout(Some(STALL_MAX)), socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX));
}

async fn encrypted(
    acceptor: TlsAcceptor,
    stream: PlacedStream,
    from: SocketAddr,
    routes: Router,
) -> anyhow::Result<()> {
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
    connection(handshake.await.context("no TLS handshake")??, from, routes).await
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: SocketAddr,
    routes: Router,
) -> anyhow::Result<()> {
    let service = TowerToHyperService::new(routes.layer(axum::Extension(ConnectInfo(from))));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_header_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await?;
    Ok(())
}
