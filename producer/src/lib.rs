//! Publishes video to a Kafka topic, frame by frame as JPEG. The program `vidprod` is built on it.
//!
//! ```text
//! per input, a Lane:  [source ─SourcePicture─▶ pace] ─CapturedPicture─▶ [FrameEncoder ─Frame─▶ SessionWriter] ─┐
//!                     another Lane …                                                                           ├─▶ FramePublisher ═══▶ broker
//!                                                                                                              ┘
//! ```
//! A [`FramePublisher`] is one connection. It bounds the frames in flight and keeps the books. A [`SessionWriter`] publishes
//! the frames of one source over it, and a [`Lane`] does so on threads of its own, at the source's pace. A program that has
//! pictures already needs no lane:
//!
//! ```
//! # use std::{net::TcpListener, sync::Arc, time::Duration};
//! use common::time::{Clock, SystemClock};
//! use kafka::{Connection, ConnectTimeout};
//! use producer::{EncodeOptions, FrameEncoder, FramePublisher, Picture, PublishOptions, Subsampling};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let brokers = listener.local_addr()?.to_string();
//! # let broker = broker::Broker::start(broker::Options::default(), listener)?;
//! let clock: Arc<dyn Clock> = Arc::new(SystemClock);
//! let connection = Connection { brokers, named: true, properties: Default::default() };
//! let patience = ConnectTimeout { timeout: Duration::from_secs(5), clock: &*clock, wanted: &|| true };
//! # kafka::Admin::connect(&connection, "example", &patience)?.ensure(
//! #     &kafka::NewTopic::named("video"), true, patience.timeout)?;
//! let publisher = FramePublisher::connect(&connection, PublishOptions::new("video"), &patience, clock.clone())?;
//! let mut encoder = FrameEncoder::new(&EncodeOptions::default(), clock.clone())?;
//! let mut session = publisher.session("lobby");
//! for n in 0..30 {
//!     let mut picture = Picture::new(320, 240, Subsampling::S420);
//!     let [luma, ..] = picture.planes_mut();
//!     luma.fill(8 * n);
//!     let captured = session.capture(picture, Duration::from_millis(33) * n.into());
//!     let meta = session.meta(&captured);
//!     session.publish(encoder.encode(&captured.picture, meta)?);
//! }
//! let books = session.end(Duration::from_secs(5));
//! assert_eq!((books.acknowledged, books.balanced()), (30, true));
//! # drop(publisher);
//! # broker.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! The feature `ffmpeg` brings the sources (files, pipes, cameras, URLs, the test card), and with `embedded-broker` the program
//! `vidprod`, which serves as the broker if there is none. Both are on by default.

#![warn(missing_docs)]

mod encode;
mod lane;
mod picture;
mod publish;
#[cfg(feature = "ffmpeg")]
pub mod source;

pub use jpeg::Subsampling;

pub use self::encode::{EncodeOptions, Fit, FrameEncoder, QUALITY_FLOOR, SCALE_FLOOR};
pub use self::lane::{BoxError, Lane, LaneError, Pace};
pub use self::picture::{CapturedPicture, Picture, SourcePicture};
pub use self::publish::{
    CLIENT_ID, DropPolicy, FramePublisher, LimitTooSmall, MessageLimit, PublishOptions, SessionWriter, TopicError,
    TopicKeeper, TopicOptions,
};
