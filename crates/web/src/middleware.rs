//! What every request goes through before the program's routes, and what every answer gets on its way back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use common::time::Clock;
use serde::Deserialize;

use crate::access::{AccessPolicy, AccessRefusal, GUESSES};
use crate::rate::{NetworkRates, RateLimit};

/// The page may load only what this server sends, and no other page may hold it in a frame.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Headers of every answer. With the referrer policy no-referrer, browsers would send the form of the token without its
/// Origin. There is no Strict-Transport-Security: it would hold for all ports of the host, and a browser that has seen it
/// would keep to it when TLS is turned off again. The last three keep other sites from holding our pictures, and give the
/// page a finer clock.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
];
/// Paths that need no token, because they say nothing about the video.
const FREE: [&str; 2] = ["/healthz", "/login"];
/// Timeout for the body of a form.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest size of a request's body, in bytes.
const BODY_BYTES_MAX: usize = 4096;
/// Requests that an address may send. It is far above what pages and Prometheus need; all who come through one proxy share it.
const REQUESTS: RateLimit = RateLimit { max: 500, per: Duration::from_secs(1) };

#[derive(Clone, Debug)]
struct Guard {
    policy: Arc<AccessPolicy>,
    requests: Arc<NetworkRates>,
    clock: Arc<dyn Clock>,
}

/// The routes behind the policy, with those that every server has: `/healthz` and the form of the token.
pub fn guarded(routes: Router, policy: AccessPolicy, clock: Arc<dyn Clock>) -> Router {
    let guard = Guard { policy: Arc::new(policy), requests: Arc::new(NetworkRates::new(REQUESTS)), clock };
    let own = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/login", post(login).get(form))
        .with_state(guard.clone());
    routes
        .merge(own)
        .layer(from_fn_with_state(guard, check))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = if !guard.requests.enter(from(&request).ip(), guard.clock.now()) {
        // A connection gets one such answer a second, so a flood of requests costs little.
        tokio::time::sleep(REQUESTS.per).await;
        too_many("Too many requests came from your address. Try again in a second.\n", REQUESTS)
    } else if let Some(response) = unusual(&request) {
        response
    } else if let Some(refusal) = guard.refusal(&request) {
        refused(refusal, request.headers())
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        // A route may have its own: files of the page may be kept.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

impl Guard {
    fn refusal(&self, request: &Request) -> Option<AccessRefusal> {
        let headers = request.headers();
        let names = self.policy.check_names(headers);
        let free = FREE.contains(&request.uri().path());
        let checked = names.and_then(|()| {
            if free { Ok(()) } else { self.policy.check_token(headers, from(request).ip(), self.clock.now()) }
        });
        checked.err()
    }
}

/// Refuses other methods than ours, and bodies that no route wants. The connection ends, so the body is not read.
fn unusual(request: &Request) -> Option<Response> {
    let close = (CONNECTION, "close");
    if ![Method::GET, Method::HEAD, Method::POST].contains(request.method()) {
        return Some((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, POST"), close]).into_response());
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_large = length.is_some_and(|length| length > BODY_BYTES_MAX as u64);
    is_large.then(|| (StatusCode::PAYLOAD_TOO_LARGE, [close]).into_response())
}

fn too_many(text: &'static str, rate: RateLimit) -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, rate.per.as_secs().to_string())], text).into_response()
}

/// Address that a request came from.
fn from(request: &Request) -> SocketAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.expect("the server puts it there for each connection").0
}

fn refused(refusal: AccessRefusal, headers: &HeaderMap) -> Response {
    let wants_page =
        headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    match refusal {
        AccessRefusal::Host => {
            (StatusCode::FORBIDDEN, "This server does not have that name. Allow it with --http-host NAME.\n")
                .into_response()
        }
        AccessRefusal::Origin => {
            (StatusCode::FORBIDDEN, "A page of another site may not use this server.\n").into_response()
        }
        AccessRefusal::NoToken | AccessRefusal::WrongToken if wants_page => login_page(refusal),
        AccessRefusal::NoToken | AccessRefusal::WrongToken => {
            let text = match refusal {
                AccessRefusal::NoToken => "Send the token as  Authorization: Bearer TOKEN\n",
                _ => "This token is wrong.\n",
            };
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], text).into_response()
        }
        AccessRefusal::TooMany => {
            too_many("Too many wrong tokens came from your address. Try again in a minute.\n", GUESSES)
        }
    }
}

fn login_page(refusal: AccessRefusal) -> Response {
    let notice = if refusal == AccessRefusal::WrongToken { "<p role=\"alert\">This token is wrong.</p>" } else { "" };
    let page = include_str!("login.html").replace("<!--notice-->", notice);
    (StatusCode::UNAUTHORIZED, Html(page)).into_response()
}

async fn form() -> Response {
    login_page(AccessRefusal::NoToken)
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

async fn login(State(guard): State<Guard>, request: Request) -> Response {
    let from = from(&request).ip();
    let form = match tokio::time::timeout(FORM_TIMEOUT, Form::<Login>::from_request(request, &())).await {
        Ok(Ok(Form(form))) => form,
        Ok(Err(error)) => return error.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    match guard.policy.try_token(form.token.trim(), from, guard.clock.now()) {
        Ok(cookie) => {
            let home = HeaderValue::from_static("/");
            (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, home)]).into_response()
        }
        Err(AccessRefusal::WrongToken) => login_page(AccessRefusal::WrongToken),
        Err(refusal) => refused(refusal, &HeaderMap::new()),
    }
}
