//! The producer, from pictures to records.
//!
//! ```text
//! [capture: source, pace] ─Shot─▶ (newest 1) ─▶ [encode ─Frame─▶ publish] ─records─▶ librdkafka ═══▶ broker
//! ```
//! `[ ]` a thread, `( )` a queue. Live, the newest shot wins and the other is counted; a file's or pipe's shots wait.
//! An end or an error on either side closes the queue; the other side sees it and finishes. The encoder's side then waits
//! for the acknowledgements and closes the session with its final counts; `run` joins both.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use common::clock::{Clock, Micros};
use common::explain::ClientFacts;
use common::frame::Session;
use common::latest::Latest;
use common::ledger::{Loss, ProducerBooks};
use kafka::{Admin, Patience};
use pool::Pool;
use shell::recorder::{Course, Recorder};
use shell::shutdown::Shutdown;

use crate::connect::{announce, connect, prepare_topic};
use crate::embedded::Embedded;
use crate::encode::{Encoder, Identity, Shot};
use crate::limit::Limit;
use crate::options::Options;
use crate::pace::{Pace, Pacer};
use crate::picture::Picture;
use crate::publish::{Publish, Shared};
use crate::source::{About, Kind, Source};
use crate::status::Telling;

/// A topic that seems to be gone is looked after at most that often.
const MEND_EVERY: Duration = Duration::from_secs(1);
/// A sleep looks up that often whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    pub books: ProducerBooks,
    pub course: Course,
    pub client: ClientFacts,
    pub seconds: f64,
    /// Every frame was promised to arrive.
    pub every_frame: bool,
    /// The broker that we are: to be ended when nobody needs it any more.
    pub embedded: Option<Embedded>,
    /// Why it ended, if not as it should.
    pub trouble: Option<anyhow::Error>,
}

impl Outcome {
    fn nothing(every_frame: bool) -> Outcome {
        Outcome {
            books: ProducerBooks::default(),
            course: Course::default(),
            client: ClientFacts::default(),
            seconds: 0.0,
            every_frame,
            embedded: None,
            trouble: None,
        }
    }
}

/// What the threads share.
struct Run {
    /// To look after the topic.
    admin: Admin,
    queue: Latest<Shot>,
    /// Pictures that were encoded, to be drawn over.
    spare: Mutex<Vec<Picture>>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    /// The encoder is done: nothing will be taken any more.
    done: AtomicBool,
    every_frame: bool,
}

/// Runs until the input ends, something fails, or `shutdown` is asked for.
pub fn run(options: &Options, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<Outcome> {
    let every_frame = options.every_frame();
    match start(options, every_frame, clock, shutdown) {
        Ok((embedded, run, source, publish, limit)) => {
            let outcome = run.go(options, source, publish, &limit)?;
            Ok(Outcome { embedded, ..outcome })
        }
        // Ctrl-C before the first picture: nothing was captured, and nothing is wrong.
        Err(_) if shutdown.asked() => Ok(Outcome::nothing(every_frame)),
        Err(error) => Err(error),
    }
}

/// Opens the input, sees to it that there is a broker, and connects.
fn start(
    options: &Options,
    every_frame: bool,
    clock: Arc<dyn Clock>,
    shutdown: &Shutdown,
) -> anyhow::Result<(Option<Embedded>, Run, Source, Publish, Limit)> {
    let open = || Source::open(&options.source, clock.clone(), shutdown.flag());
    // A file waits for us, and may not be there: it is looked at first. What comes as it comes is opened last.
    let file = if options.source.input.kind() == Kind::File { Some(open()?) } else { None };
    let embedded = Embedded::start_if_needed(options)?;
    let wanted = || !shutdown.asked();
    let patience = Patience { timeout: options.timeout, clock: &*clock, wanted: &wanted };
    let admin = Admin::connect(&options.connection, "vidprod", &patience)?;
    let limit = prepare_topic(&admin, options, options.timeout)?;
    let (publish, shared) = connect(options, &limit, every_frame, &patience, &clock)?;
    let source = file.map_or_else(open, Ok)?;
    announce(options, source.about(), &limit);
    match &embedded {
        Some(embedded) => embedded.wait_for_viewer(options, &*clock, shutdown),
        None if options.wait_viewer.is_some_and(|wait| !wait.is_zero()) => {
            tracing::warn!("--wait-viewer is for a broker of our own: who reads from another cannot be seen");
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
            boot: shell::machine::boot_id().into(),
        };
        let pool = Pool::new(options.threads);
        let encoder =
            Encoder::new(identity, pool, options.quality, options.fit, limit.value_bytes_max, self.clock.clone())
                .context("starting the JPEG encoder")?;
        let (began, facts) = (self.clock.now(), publish.facts());
        self.shared.lock().recorder = Some(Recorder::start("vidprod", &options.reports, &self.clock)?);
        let (captured, encoded) = std::thread::scope(|scope| {
            let name = |name: &str| std::thread::Builder::new().name(name.to_owned());
            let capture = name("capture").spawn_scoped(scope, || self.capture(source, options))?;
            let encode = name("encode").spawn_scoped(scope, || self.encode(options, encoder, publish))?;
            self.watch(options, &about);
            let panicked = || anyhow::anyhow!("a thread panicked");
            let captured = capture.join().unwrap_or_else(|_| Err(panicked()));
            let encoded = encode.join().unwrap_or_else(|_| Err(panicked()));
            anyhow::Ok((captured, encoded))
        })?;
        let (books, recorder) = {
            let mut state = self.shared.lock();
            (std::mem::take(&mut state.books), state.recorder.take())
        };
        let (course, written) = recorder.unwrap_or_else(Recorder::idle).finish(self.clock.now());
        let seconds = self.clock.now().since(began).as_secs_f64();
        let (client, trouble) = (facts.get(), captured.err().or(encoded.err()).or(written.err()));
        Ok(Outcome { books, course, client, seconds, every_frame: self.every_frame, embedded: None, trouble })
    }

    /// Takes pictures from the source, waits until each is due, and hands it over.
    fn capture(&self, mut source: Source, options: &Options) -> anyhow::Result<()> {
        let _close = OnDrop(|| self.queue.close());
        let kind = source.about().kind;
        // A file knows by itself where to stop, also when it is played again.
        let duration = options.source.duration.filter(|_| kind != Kind::File);
        let mut pacer = match (kind, options.pace) {
            (Kind::File, pace) => Some(Pacer::new(pace)),
            // A pipe and a camera set their own pace; a pipe may be given one.
            (Kind::Pipe, pace @ Pace::Rate(_)) => Some(Pacer::new(pace)),
            _ => None,
        };
        for frame in 0.. {
            let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let asked = self.clock.now();
            let Some(shot) = source.next(spare)? else { break };
            let took = self.clock.now().since(asked);
            if duration.is_some_and(|d| shot.pts >= d) {
                break;
            }
            let due = match &mut pacer {
                Some(pacer) => pacer.due(shot.pts, self.clock.now()),
                None => shot.due.unwrap_or_else(|| self.clock.now()),
            };
            if !self.sleep_until(due) {
                break;
            }
            let captured = shot.captured.unwrap_or_else(|| self.clock.now());
            let shot = Shot { picture: shot.picture, frame, number: shot.number, pts: shot.pts, due, captured };
            if !self.hand_over(shot) || !pacer.as_mut().is_none_or(|pacer| self.sleep_until(pacer.rest(took))) {
                break;
            }
        }
        Ok(())
    }

    /// `false` if the program is to end before that.
    fn sleep_until(&self, due: Micros) -> bool {
        while !self.shutdown.asked() {
            let now = self.clock.now();
            if due <= now {
                return true;
            }
            self.clock.sleep_until(due.min(now.plus(LOOK_UP)));
        }
        false
    }

    /// `false` if nobody takes it any more.
    fn hand_over(&self, shot: Shot) -> bool {
        if self.every_frame {
            let refused = self.queue.send_wait(shot);
            self.shared.lock().books.captured += u64::from(refused.is_none());
            return refused.is_none();
        }
        let displaced = {
            // Counted before the encoder can see the new one, whose record tells how many were dropped before it.
            let mut state = self.shared.lock();
            state.books.captured += 1;
            let displaced = self.queue.send(shot);
            displaced.iter().for_each(|_| state.books.losses.add(Loss::Superseded));
            displaced
        };
        if let Some(displaced) = displaced {
            self.recycle(displaced.picture);
        }
        !self.queue.is_closed()
    }

    /// Encodes and publishes what was captured, as soon as there is room for it in flight; then closes the session. Gives
    /// back what is still connected: disconnecting takes its time, which is no part of the run.
    fn encode(&self, options: &Options, mut encoder: Encoder, mut publish: Publish) -> anyhow::Result<Publish> {
        let _close = OnDrop(|| {
            self.queue.close();
            self.done.store(true, Ordering::Relaxed);
        });
        loop {
            // Room first: so that what is taken after a wait is the newest.
            let has_room = publish.wait_for_room(|| !self.shutdown.asked());
            let Some(shot) = self.queue.recv() else { break };
            if !has_room && !publish.wait_for_room(|| false) {
                self.shared.lock().books.losses.add(Loss::Late);
                continue;
            }
            let dropped = self.shared.lock().dropped();
            let frame = encoder.encode(&shot, dropped).context("encoding a frame")?;
            self.shared.lock().books.encoded += 1;
            publish.publish(frame, encoder.setting().quality, || !self.shutdown.asked());
            self.recycle(shot.picture);
        }
        self.finish(&publish, options.timeout);
        Ok(publish)
    }

    /// Tells how it goes, and looks after the topic, until the encoder is done.
    fn watch(&self, options: &Options, about: &About) {
        let mut telling = Telling::new(about, options, &*self.clock);
        let mut mended = Micros(0);
        while !self.done.load(Ordering::Relaxed) {
            let now = self.clock.now();
            telling.tell(&self.shared, now);
            let gone = {
                let mut state = self.shared.lock();
                state.recorder.iter_mut().for_each(|recorder| recorder.turn(now));
                state.may_have_no_topic(now)
            };
            if gone && options.create && now.since(mended) > MEND_EVERY {
                mended = now;
                // Somebody may have deleted the topic under us. A broker that is down answers nothing, and is waited for.
                if let Err(error) = prepare_topic(&self.admin, options, MEND_EVERY) {
                    tracing::debug!("looking after topic {}: {error:#}", options.topic.name);
                }
            }
            self.clock.sleep_until(now.plus(LOOK_UP));
        }
    }

    fn recycle(&self, picture: Picture) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(picture);
    }

    /// Waits for what is on its way, and closes the session.
    fn finish(&self, publish: &Publish, timeout: Duration) {
        let give_up_at = Cell::new(None);
        let patient = || {
            let now = self.clock.now();
            let until = give_up_at.get().unwrap_or(now.plus(timeout));
            give_up_at.set(self.shutdown.asked().then_some(until));
            now < until
        };
        publish.flush(patient);
        publish.end(timeout);
    }
}

/// Tells two sessions apart that began in the same millisecond.
fn salt(clock: &dyn Clock) -> u32 {
    (clock.now().0 as u32).wrapping_mul(2_654_435_761) ^ std::process::id()
}

/// Runs something when a scope is left, by whatever way.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
