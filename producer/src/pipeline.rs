//! The producer, from pictures to records.
//!
//! ```text
//! [capture: source, pace] ─Shot─▶ (newest 1) ─▶ [encode ─Frame─▶ publish] ─records─▶ librdkafka ═══▶ broker
//! ```
//! `[ ]` a thread, `( )` a queue. Live, the newest shot wins and the other is counted; a file's or pipe's shots wait.
//! An end or an error on either side closes the queue; the other side sees it and finishes. `run` joins them, waits
//! for the acknowledgements, and closes the session with its final counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use common::clock::{Clock, Micros};
use common::frame::Session;
use common::latest::Latest;
use common::ledger::{Loss, ProducerBooks};
use kafka::{Admin, Created, PublisherSettings, Waiting};
use shell::shutdown::Shutdown;

use crate::encode::{Encoder, Identity, Shot};
use crate::limit::Limit;
use crate::options::{Hurry, Options};
use crate::pace::{Pace, Pacer};
use crate::picture::Picture;
use crate::publish::{Publish, Shared};
use crate::source::{About, Kind, Source, SourceError};
use crate::status::Telling;

/// A live picture that waited that long for its acknowledgement is given up.
const LIVE_WAIT: Duration = Duration::from_secs(2);
/// A topic that seems to be gone is looked after at most that often.
const MEND_EVERY: Duration = Duration::from_secs(1);
/// A sleep looks up that often whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    pub books: ProducerBooks,
    pub seconds: f64,
    /// Every frame was promised to arrive.
    pub every_frame: bool,
    /// Why it ended, if not as it should.
    pub trouble: Option<anyhow::Error>,
}

impl Outcome {
    fn nothing(every_frame: bool) -> Outcome {
        Outcome { books: ProducerBooks::default(), seconds: 0.0, every_frame, trouble: None }
    }
}

/// What the threads share.
struct Run {
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
    let open = || Source::open(&options.source, clock.clone(), shutdown.flag());
    let kind = options.source.input.kind();
    // A file waits for us, and may not be there: it is looked at first. What comes as it comes is opened last.
    let file = if kind == Kind::File { Some(open()?) } else { None };
    let every_frame = every_frame(options.hurry, kind);
    let limit = prepare_topic(options, options.timeout, &*clock)?;
    let (publish, shared) = connect(options, &limit, every_frame, &clock)?;
    let source = match file.map_or_else(open, Ok) {
        // Ctrl-C before the first picture: nothing was captured, and nothing is wrong.
        Err(SourceError::Stopped) => return Ok(Outcome::nothing(every_frame)),
        source => source?,
    };
    announce(options, source.about(), &limit);
    let run = Run {
        queue: Latest::default(),
        spare: Mutex::default(),
        shared,
        clock: clock.clone(),
        shutdown: shutdown.clone(),
        done: AtomicBool::new(false),
        every_frame,
    };
    run.go(options, source, publish, &limit)
}

fn every_frame(hurry: Hurry, kind: Kind) -> bool {
    match hurry {
        Hurry::NewestWins => false,
        Hurry::EveryFrame => true,
        Hurry::BySource => kind != Kind::Live,
    }
}

/// Makes the topic if need be, and asks for its limit.
fn prepare_topic(options: &Options, timeout: Duration, clock: &dyn Clock) -> anyhow::Result<Limit> {
    let admin = Admin::connect(&options.connection, "vidprod", timeout, clock)?;
    let topic = &options.topic;
    if admin.ensure(topic, options.create, timeout)? == Created::Now {
        let kept = topic.retention.map_or("for ever".to_owned(), |r| humantime::format_duration(r).to_string());
        tracing::info!(
            "made topic {}: {} partition(s), keeps frames {kept} (--partitions, --retention; 720p30 is 10-15 GB an hour)",
            topic.name,
            topic.partitions
        );
    }
    let of_topic = match options.message_bytes_max {
        Some(given) => Some(given),
        None => admin.message_bytes_max(&topic.name, timeout),
    };
    Limit::new(of_topic, &options.headers).context(format!("topic {}", topic.name))
}

fn connect(
    options: &Options,
    limit: &Limit,
    every_frame: bool,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Publish, Arc<Shared>)> {
    let settings = PublisherSettings {
        topic: options.topic.name.clone(),
        partition: options.partition,
        client_id: "vidprod",
        message_bytes_max: limit.message_bytes_max,
        in_flight_bytes_max: common::record::FRAME_BYTES_MAX,
        waiting: if every_frame { Waiting::Forever } else { Waiting::AtMost(LIVE_WAIT) },
        headers: options.headers.clone(),
    };
    let key = options.key.as_deref();
    Ok(Publish::connect(&options.connection, settings, limit.value_bytes_max, key, options.timeout, clock.clone())?)
}

fn announce(options: &Options, about: &About, limit: &Limit) {
    let fps = about.fps.map_or(String::new(), |fps| format!(" at {} fps", (fps * 100.0).round() / 100.0));
    let length = about.duration.map_or(String::new(), |d| format!(", {:.1} s", d.as_secs_f64()));
    let Options { source, topic, connection, quality, .. } = options;
    tracing::info!(
        "{} ({}, {}x{}{fps}{length}) → {}x{} JPEG quality {quality} → topic {} at {}, message limit {}",
        source.name,
        about.what,
        about.width,
        about.height,
        about.out_width,
        about.out_height,
        topic.name,
        connection.brokers,
        limit.message_bytes_max,
    );
    for note in &about.notes {
        tracing::info!("{note}");
    }
}

impl Run {
    fn go(&self, options: &Options, source: Source, publish: Publish, limit: &Limit) -> anyhow::Result<Outcome> {
        let about = source.about().clone();
        let identity = Identity {
            source: options.source.name.as_str().into(),
            session: Session { began_ms: self.clock.wall_us() / 1000, salt: salt(&*self.clock) },
            boot: shell::machine::boot_id().into(),
        };
        let encoder = Encoder::new(identity, options.quality, options.fit, limit.value_bytes_max, self.clock.clone())
            .context("starting the JPEG encoder")?;
        let began = self.clock.now();
        let (captured, encoded) = std::thread::scope(|scope| {
            let name = |name: &str| std::thread::Builder::new().name(name.to_owned());
            let capture = name("capture").spawn_scoped(scope, || self.capture(source, options))?;
            let encode = name("encode").spawn_scoped(scope, || self.encode(encoder, publish))?;
            self.watch(options, &about);
            let panicked = || anyhow::anyhow!("a thread panicked");
            let captured = capture.join().unwrap_or_else(|_| Err(panicked()));
            let encoded = encode.join().unwrap_or_else(|_| Err(panicked()));
            anyhow::Ok((captured, encoded))
        })?;
        let publish = match &encoded {
            Ok(publish) => {
                self.finish(publish, options.timeout);
                Ok(())
            }
            Err(_) => Err(()),
        };
        let books = std::mem::take(&mut self.shared.lock().books);
        let seconds = self.clock.now().since(began).as_secs_f64();
        let trouble = captured.err().or(if publish.is_err() { encoded.err() } else { None });
        Ok(Outcome { books, seconds, every_frame: self.every_frame, trouble })
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
            let Some(shot) = source.next(spare)? else { break };
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
            if !self.hand_over(shot) {
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
        let displaced = if self.every_frame {
            let refused = self.queue.send_wait(shot);
            if refused.is_some() {
                return false;
            }
            None
        } else {
            self.queue.send(shot)
        };
        let mut state = self.shared.lock();
        state.books.captured += 1;
        if let Some(displaced) = displaced {
            state.books.losses.add(Loss::Superseded);
            drop(state);
            self.recycle(displaced.picture);
        }
        !self.queue.is_closed()
    }

    /// Encodes and publishes what was captured, as soon as there is room for it in flight.
    fn encode(&self, mut encoder: Encoder, mut publish: Publish) -> anyhow::Result<Publish> {
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
            publish.publish(frame);
            self.recycle(shot.picture);
        }
        Ok(publish)
    }

    /// Tells how it goes, and looks after the topic, until the encoder is done.
    fn watch(&self, options: &Options, about: &About) {
        let mut telling = Telling::new(about, options, &*self.clock);
        let mut mended = Micros(0);
        while !self.done.load(Ordering::Relaxed) {
            let now = self.clock.now();
            telling.tell(&self.shared, now);
            let gone = self.shared.lock().may_have_no_topic(now);
            if gone && options.create && now.since(mended) > MEND_EVERY {
                mended = now;
                // Somebody may have deleted the topic under us. A broker that is down answers nothing, and is waited for.
                if let Err(error) = prepare_topic(options, MEND_EVERY, &*self.clock) {
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
        let mut give_up_at = None;
        let patience = |now: Micros, at: &mut Option<Micros>| now < *at.get_or_insert(now.plus(timeout));
        let at = std::cell::RefCell::new(&mut give_up_at);
        publish.flush(|| !self.shutdown.asked() || patience(self.clock.now(), &mut at.borrow_mut()));
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
