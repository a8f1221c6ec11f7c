//! A small web server that is safe by default, for the pages and figures of the programs.
//!
//! ```text
//! browser, curl, Prometheus ═══▶ Places ▸ Certificate (TLS) ▸ limits ▸ AccessPolicy: Host, Origin, token ▸ the program's routes
//!                                                                          figures: Asker ─▶ the program's loop ◀─┘
//! ```
//! It listens on loopback unless told otherwise, refuses names that are not this machine's (a foreign page could use them
//! to read from it, by DNS rebinding), and asks for a token where other machines can reach it. It runs on a thread of its
//! own; the program's frames never wait for it.

mod access;
mod args;
mod asker;
mod figures;
mod metrics;
mod middleware;
mod places;
mod process;
mod rate;
mod server;
mod tls;
mod token;

pub use axum;

pub use self::args::{AccessArgs, WebOptions, address};
pub use self::asker::{Asker, NoAnswer, Questions, question_channel};
pub use self::figures::{FigureQuestions, MetricsArgs, MetricsServer, figures};
pub use self::metrics::{Metric, MetricsFormat, MetricsPage};
pub use self::rate::{RateLimit, RateWindow};
pub use self::server::{WebError, WebServer};
pub use self::tls::Certificate;
pub use self::token::Token;
