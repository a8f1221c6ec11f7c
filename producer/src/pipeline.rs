//! The producer's threads, from pictures to records.
//!
//! ```text
//! [capture: source, pace] ─Shot─▶ (newest 1) ─▶ [encode ─Frame─▶ publish] ─records─▶ librdkafka ═══▶ broker
//! ```
//! `[ ]` a thread, `( )` a queue. Live, the newest shot wins and the other is counted; a file's or pipe's shots wait.
//! An end or an error on either side closes the queue; the other side sees it and finishes. The encoder's side then waits
//! for the acknowledgements and closes the session with its final counts; `run` joins both.

mod capture;
mod encode;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use cli::shutdown::Shutdown;
use common::books::ProducerBooks;
use common::latest::Latest;
use common::report::ClientFacts;
use common::time::{Clock, Micros};
use common::wire::Session;
use kafka::{Admin, ConnectTimeout, KafkaError};
use pool::Pool;
use reports::recorder::{Course, Recorder};

use crate::connect::{announce, ask_limit_again, connect, prepare_topic};
use crate::embedded::{self, Embedded};
use crate::encode::{Encoder, Identity, Shot};
use crate::limit::Limit;
use crate::options::Options;
use crate::picture::Picture;
use crate::publish::{Publish, Shared};
use crate::source::{Source, SourceInfo, SourceTiming};
use crate::status::Telling;

/// Shortest time between two checks of a topic that seems to be gone.
const MEND_EVERY: Duration = Duration::from_secs(1);
/// Number of unanswered requests for the topic's limit after which frames refused as too large are dropped.
const ASK_LIMIT_MAX: u32 = 10;
/// Interval at which a sleep checks if it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    pub books: ProducerBooks,
    pub course: Course,
    pub client: ClientFacts,
    /// True if the broker is `vidbroker`, or ours.
    pub embedded_broker: bool,
    pub seconds: f64,
    /// True if every frame had to arrive.
    pub every_frame: bool,
    /// Our own broker, which ends when nobody needs it any more.
    pub embedded: Option<Embedded>,
    /// The reason why no broker was connected at the end, if none was.
    pub cause: Option<String>,
    /// The error that ended the run, if any.
    pub trouble: Option<anyhow::Error>,
}

impl Outcome {
    fn nothing(every_frame: bool) -> Outcome {
        Outcome {
            books: ProducerBooks::default(),
            course: Course::default(),
            client: ClientFacts::default(),
            embedded_broker: false,
            seconds: 0.0,
            every_frame,
            embedded: None,
            cause: None,
            trouble: None,
        }
    }
}

/// The data shared by the threads.
struct Run {
    /// Used to check the topic.
    admin: Admin,
    queue: Latest<Shot>,
    /// Pictures that were encoded, whose memory is reused.
    spare: Mutex<Vec<Picture>>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    /// True once the encoder takes no more frames.
    done: AtomicBool,
    every_frame: bool,
}

/// Runs until the input ends, an error occurs, or `shutdown` is requested.
pub fn run(options: &Options, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<Outcome> {
    let every_frame = options.every_frame();
    match start(options, every_frame, clock, shutdown) {
        Ok((embedded, run, source, publish, limit)) => {
            let outcome = run.go(options, source, publish, &limit)?;
            Ok(Outcome { embedded, ..outcome })
        }
        // After Ctrl-C before the first picture nothing was captured, and that is no error.
        Err(_) if shutdown.asked() => Ok(Outcome::nothing(every_frame)),
        Err(error) => Err(error),
    }
}

/// Opens the input, starts a broker if there is none, and connects.
fn start(
    options: &Options,
    every_frame: bool,
    clock: Arc<dyn Clock>,
    shutdown: &Shutdown,
) -> anyhow::Result<(Option<Embedded>, Run, Source, Publish, Limit)> {
    let open = || Source::open(&options.source, clock.clone(), shutdown.flag());
    // A file waits for us and may be missing, so it is opened first. A live input is opened last.
    let file = if options.source.input.timing() == SourceTiming::File { Some(open()?) } else { None };
    let wanted = || !shutdown.asked();
    let patience = ConnectTimeout { timeout: options.timeout, clock: &*clock, wanted: &wanted };
    let (embedded, admin) = embedded::reach_broker(options, &patience)?;
    let limit = prepare_topic(&admin, options, options.timeout)?;
    let (publish, shared) = connect(options, &limit, every_frame, &patience, &clock)?;
    let source = file.map_or_else(open, Ok)?;
    announce(options, source.about(), &limit);
    match &embedded {
        Some(embedded) => embedded.wait_for_viewer(options, &*clock, shutdown),
        None if options.wait_viewer.is_some_and(|wait| !wait.is_zero()) => {
            tracing::warn!(
                event = "option_ignored",
                option = "--wait-viewer",
                "--wait-viewer is for a broker of our own: who reads from another cannot be seen"
            );
        }
        None => {}
    }
    let run = Run {
        admin,
        queue: Latest::default(),
        spare: Mutex::default(),
        shared,
        clock: clock.clone(),
        shutdown: shutdown.clone(),
        done: AtomicBool::new(false),
        every_frame,
    };
    Ok((embedded, run, source, publish, limit))
}

impl Run {
    fn go(&self, options: &Options, source: Source, publish: Publish, limit: &Limit) -> anyhow::Result<Outcome> {
        let about = source.about().clone();
        let identity = Identity {
            source: options.source.name.as_str().into(),
            session: Session { began_ms: self.clock.wall_us() / 1000, salt: salt(&*self.clock) },
            boot: cli::machine::boot_id().into(),
        };
        let pool = Pool::new(options.threads);
        let encoder =
            Encoder::new(identity, pool, options.quality, options.fit, limit.value_bytes_max, self.clock.clone())
                .context("starting the JPEG encoder")?;
        let (began, facts, causes) = (self.clock.now(), publish.facts(), publish.causes());
        let embedded_broker = publish.is_to_embedded_broker();
        self.shared.lock().recorder = Some(Recorder::start("vidprod", &options.reports, &self.clock)?);
        let (captured, encoded) = std::thread::scope(|scope| {
            let name = |name: &str| std::thread::Builder::new().name(name.to_owned());
            let capture = name("capture").spawn_scoped(scope, || self.capture(source, options))?;
            let encode = name("encode").spawn_scoped(scope, || self.encode(options, encoder, publish))?;
            let watched = self.watch(options, &about, &causes);
            let panicked = || anyhow::anyhow!("a thread panicked");
            let captured = capture.join().unwrap_or_else(|_| Err(panicked()));
            let encoded = encode.join().unwrap_or_else(|_| Err(panicked()));
            anyhow::Ok((watched.and(captured), encoded))
        })?;
        let cause = causes();
        let (books, recorder) = {
            let mut state = self.shared.lock();
            (std::mem::take(&mut state.books), state.recorder.take())
        };
        let (course, written) = recorder.unwrap_or_else(Recorder::idle).finish(self.clock.now());
        let seconds = self.clock.now().since(began).as_secs_f64();
        let (client, trouble) = (facts.get(), captured.err().or(encoded.err()).or(written.err()));
        Ok(Outcome {
            books,
            course,
            client,
            embedded_broker,
            seconds,
            every_frame: self.every_frame,
            embedded: None,
            cause,
            trouble,
        })
    }

    /// Updates the status and checks the topic until the encoder is done. Fails if writing is forbidden.
    fn watch(&self, options: &Options, about: &SourceInfo, causes: &dyn Fn() -> Option<String>) -> anyhow::Result<()> {
        let mut telling = Telling::new(about, options, &*self.clock);
        let (mut mended, mut asked, mut unanswered) = (Micros(0), Micros(0), 0);
        let topic_gone = Cell::new(false);
        let gone = || topic_gone.get().then(|| format!("topic {} is gone", options.topic.name));
        let causes = || causes().or_else(gone);
        let (mut forbidden, mut acknowledged) = (None, 0);
        while !self.done.load(Ordering::Relaxed) {
            let now = self.clock.now();
            telling.tell(&self.shared, now, &causes);
            let (may_be_gone, limit_doubted) = {
                let mut state = self.shared.lock();
                if let Some(why) = state.forbidden.take() {
                    forbidden.get_or_insert(why);
                    self.shutdown.ask();
                }
                state.recorder.iter_mut().for_each(|recorder| recorder.turn(now));
                if std::mem::replace(&mut acknowledged, state.books.acknowledged) < state.books.acknowledged {
                    topic_gone.set(false);
                }
                (state.may_have_no_topic(now), state.limit_doubted)
            };
            if limit_doubted && now.since(asked) > MEND_EVERY {
                asked = now;
                let answered = ask_limit_again(&self.admin, options, &self.shared, MEND_EVERY);
                // An unreachable broker is waited for. One that is connected and does not answer this request is given
                // a limited number of attempts.
                unanswered = if answered { 0 } else { unanswered + u32::from(causes().is_none()) };
                if unanswered >= ASK_LIMIT_MAX {
                    self.shared.keep_limit();
                }
            }
            if may_be_gone && now.since(mended) > MEND_EVERY {
                mended = now;
                topic_gone.set(self.topic_is_gone(options, topic_gone.get()));
            }
            self.clock.sleep_until(now.plus(LOOK_UP));
        }
        forbidden.map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))
    }

    /// Creates the topic again if it was deleted, unless --no-create forbids it, which is logged once. A broker that is
    /// down does not answer, and is waited for.
    fn topic_is_gone(&self, options: &Options, known: bool) -> bool {
        let topic = &options.topic.name;
        let Err(error) = prepare_topic(&self.admin, options, MEND_EVERY) else { return false };
        tracing::debug!("looking after topic {topic}: {error:#}");
        let gone = matches!(error.downcast_ref(), Some(KafkaError::NoTopic { .. }));
        if gone && !known {
            tracing::warn!(
                event = "topic_gone",
                topic,
                "topic {topic} is gone, and --no-create forbids to make it again: waiting for it"
            );
        }
        gone
    }

    fn recycle(&self, picture: Picture) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(picture);
    }
}

/// Distinguishes two sessions that began in the same millisecond.
fn salt(clock: &dyn Clock) -> u32 {
    (clock.now().0 as u32).wrapping_mul(2_654_435_761) ^ std::process::id()
}

/// Runs a function when a scope is left, in whatever way.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
