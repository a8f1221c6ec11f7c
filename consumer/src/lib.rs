//! Watches video in a Kafka topic.
//!
//! ```text
//! broker ═══▶ TopicReader ─TopicRecord─▶ Engine ─PendingFrame─▶ Viewport (a window, or headless)
//!                                          │   └──────────────▶ FileOutputs (lines, JPEGs, pictures)
//!                                          └─ Snapshot ─▶ status line, title, overlay, report
//! ```
//! The [`Engine`] turns records into frames and counts the outcome of each. It knows no Kafka client, window, codec or
//! file, and is given the time, so it can be tested without any of them. A [`TopicReader`] feeds it from Kafka. This
//! program watches the newest frames of a topic, and waits for broker and topic if they are not there yet:
//!
//! ```
//! # let broker = broker::Broker::start(broker::Options::default(), std::net::TcpListener::bind("127.0.0.1:0")?)?;
//! # let brokers = &broker.address.to_string();
//! # let connection = kafka::Connection { named: true, ..consumer::ReaderOptions::live(brokers, "video").connection };
//! # let time: std::sync::Arc<dyn consumer::Clock> = std::sync::Arc::new(consumer::SystemClock);
//! # let wait = std::time::Duration::from_secs(10);
//! # let settings = kafka::PublisherSettings {
//! #     topic: "video".to_owned(),
//! #     partition: None,
//! #     client_id: "example",
//! #     message_bytes_max: 1_000_000,
//! #     in_flight_bytes_max: 1_000_000,
//! #     delivery_timeout: kafka::DeliveryTimeout::Never,
//! #     headers: Vec::new(),
//! # };
//! # let timeout = kafka::ConnectTimeout { timeout: wait, clock: &*time, wanted: &|| true };
//! # let topic = kafka::NewTopic::named("video");
//! # kafka::Admin::connect(&connection, "example", &timeout)?.ensure(&topic, true, wait)?;
//! # let publisher = kafka::Publisher::<()>::connect(&connection, settings, &timeout, time.clone(), |_, _| ())?;
//! # let picture = common::wire::Record {
//! #     key: Some("door".into()),
//! #     value: vec![0xff, 0xd8, 0xff, 0xd9].into(),
//! #     ..Default::default()
//! # };
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use consumer::{Clock, Engine, EngineOptions, ReaderOptions, SystemClock, TopicReader};
//!
//! let clock: Arc<dyn Clock> = Arc::new(SystemClock);
//! let mut reader = TopicReader::new(ReaderOptions::live(brokers, "video"), clock.clone())?;
//! let mut engine = Engine::new(EngineOptions::new("video", &*clock), clock.now());
//! while engine.displayed() < 3 {
//! #   publisher.send(&picture, ());
//!     reader.feed(&mut engine, Duration::from_millis(50))?;
//!     if let Some(next) = engine.next(clock.now()) {
//!         println!("{}: frame {}, {} bytes", next.frame.meta.source, next.frame.meta.frame, next.frame.payload.len());
//!         engine.shown(next, (640, 360), clock.now());
//!     }
//!     engine.tick(clock.now(), || reader.cause());
//! }
//! println!("{}", engine.snapshot(reader.cause(), clock.now()).line(true));
//! # publisher.give_up();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! [`window`] shows frames, with the feature `window`, which is on by default; [`files`] writes them to files and pipes.

#![warn(missing_docs)]

mod canvas;
pub mod engine;
pub mod files;
pub mod reader;
pub mod status;
#[cfg(feature = "web")]
pub mod web;
#[cfg(feature = "window")]
pub mod window;

pub use common::time::{Clock, Micros, SystemClock};

pub use self::engine::{Engine, EngineOptions};
pub use self::reader::{ReadError, ReaderOptions, TopicReader};
