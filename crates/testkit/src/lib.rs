//! Runs whole programs for tests and benches: brokers, our programs, X servers, clips and reports.
//!
//! ```text
//! ffmpeg ─clip─▶ Program::vidprod ═══▶ KafkaServer ═══▶ Program::vidcons ─▶ report, JPEGs, Xvfb's screen
//!        other people's producers ═══▶             ═══▶ other people's consumers and admin tools
//! ```
//! A run uses one kind of broker: our own `vidbroker` (`BROKER=embedded`, the default of `cargo test`) or a real Apache
//! Kafka (`BROKER=real`); `make test` runs all tests with both. Tests do not depend on the kind, except for a few that
//! [`kafka::only`] limits to one kind, with the reason.
//!
//! No test asserts a time. Deadlines only guard against hanging. They are many times longer than the operation, and a
//! test that exceeds one panics with all output of the program.
//!
//! A test states what it needs at its top: [`need`] for tools, [`kafka()`] for the broker. A missing requirement ends the test,
//! and the [`harness`] shows it as ignored with the reason. Benches use the parts that return errors: [`child`], [`port`],
//! [`Program::start_logged`], [`Xvfb::with_screen`], [`node::start_embedded`] and [`cluster::Cluster`].
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a harness that cannot go on has only one way to say so")]

pub mod browser;
pub mod child;
pub mod cluster;
pub mod display;
pub mod harness;
pub mod http;
pub mod kafka;
pub mod media;
pub mod needs;
pub mod node;
pub mod port;
pub mod program;
pub mod proxy;
pub mod report;
pub mod secured;
pub mod wait;
pub mod window_manager;
pub mod workspace;
pub mod xvfb;

pub use kafka::{KafkaServer, kafka};
pub use needs::{cannot_run, need, python};
pub use node::BrokerKind;
pub use program::{FinishedProgram, Program, RunningProgram};
pub use proxy::{Network, Proxy};
pub use report::JsonReport;
pub use rustix::process::Signal;
pub use testkit_macros::test;
pub use wait::{GUARD, until, within};
pub use window_manager::WindowManager;
pub use workspace::{built, root, target};
pub use xvfb::Xvfb;
