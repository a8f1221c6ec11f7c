//! A run, from the checked options to its result: [`ConnectedRun`] is connected and plays, [`FinishedRun`] is over.

use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use anyhow::Context;
use cli::shutdown::Shutdown;
use common::books::ProducerBooks;
use common::report::ClientFacts;
use common::time::Clock;
use kafka::ConnectTimeout;
use producer::source::{Source, SourceTiming};
use producer::{FrameEncoder, FramePublisher, Lane, LaneError, MessageLimit, PublishOptions, TopicKeeper};
use reports::recorder::{Course, Recorder};
use web::MetricsServer;

use crate::announce::announce;
use crate::embedded::{self, Embedded};
use crate::metrics::SessionFigures;
use crate::options::Options;
use crate::status::StatusReporter;

/// Interval of the run's housekeeping: status, report files, the topic.
const HOUSEKEEPING_EVERY: Duration = Duration::from_millis(50);

/// A run whose input is open and whose broker is connected.
pub struct ConnectedRun<'a> {
    options: &'a Options,
    clock: Arc<dyn Clock>,
    shutdown: &'a Shutdown,
    source: Source,
    keeper: TopicKeeper,
    publisher: Arc<FramePublisher>,
    limit: MessageLimit,
    embedded: Option<Embedded>,
    figures: Option<MetricsServer>,
}

/// A run that is over.
#[derive(Default)]
pub struct FinishedRun {
    pub books: ProducerBooks,
    pub course: Course,
    pub client: ClientFacts,
    /// True if the broker is `vidbroker`, or ours.
    pub embedded_broker: bool,
    pub seconds: f64,
    /// True if the input's JPEGs were published as they are.
    pub passed_through: bool,
    /// Our own broker, which ends when no client needs it any more.
    pub embedded: Option<Embedded>,
    /// The reason why no broker was connected at the end, if none was.
    pub cause: Option<String>,
    /// The error that ended the run, if any.
    pub fault: Option<anyhow::Error>,
}

/// Runs until the input ends, an error occurs, or `shutdown` is requested.
pub fn run(options: &Options, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<FinishedRun> {
    match ConnectedRun::start(options, clock, shutdown) {
        Ok(running) => running.finish(),
        // After Ctrl-C before the first picture nothing was captured, and that is no error.
        Err(_) if shutdown.requested() => Ok(FinishedRun::default()),
        Err(error) => Err(error),
    }
}

impl<'a> ConnectedRun<'a> {
    /// Opens the input, starts a broker if there is none, and connects.
    fn start(options: &'a Options, clock: Arc<dyn Clock>, shutdown: &'a Shutdown) -> anyhow::Result<ConnectedRun<'a>> {
        // Before everything else, because the address may be taken.
        let figures = options.web.clone().map(|web| MetricsServer::start(web, &clock)).transpose()?;
        let open = || Source::open(&options.source, clock.clone(), shutdown.flag());
        // A file may be missing, so it is opened first. A live input is opened last, because it does not wait.
        let file = if options.source.input.timing() == SourceTiming::File { Some(open()?) } else { None };
        let wanted = || !shutdown.requested();
        let timeout = options.cli.timeout.duration();
        let patience = ConnectTimeout { timeout, clock: &*clock, wanted: &wanted };
        let (embedded, admin) = embedded::reach_broker(options, &patience)?;
        let keeper = TopicKeeper::new(admin, options.topic.clone(), &options.connection);
        let limit = keeper.prepare(timeout)?;
        let publish = PublishOptions {
            partition: options.cli.partition,
            key: options.cli.key.clone(),
            headers: options.topic.headers.clone(),
            drop_policy: options.drop_policy,
            limit,
            ..PublishOptions::new(&options.topic.topic.name)
        };
        let publisher = FramePublisher::connect(&options.connection, publish, &patience, clock.clone())?;
        let source = file.map_or_else(open, Ok)?;
        Ok(ConnectedRun { options, clock, shutdown, source, keeper, publisher, limit, embedded, figures })
    }

    fn finish(mut self) -> anyhow::Result<FinishedRun> {
        let info = self.source.info().clone();
        announce(self.options, &info, &self.limit);
        self.wait_for_viewer();
        let began = self.clock.now();
        // Read now, because a client that is replaced in an outage does not know it.
        let embedded_broker = self.publisher.is_to_embedded_broker();
        let encoder =
            FrameEncoder::new(&self.options.encode, self.clock.clone()).context("starting the JPEG encoder")?;
        let session = self.publisher.session(&self.options.source.name);
        let mut status = StatusReporter::new(&info, self.options, session.number(), encoder.quality_gauge(), began);
        self.publisher.record_with(Recorder::start("vidprod", &self.options.cli.reports.files, &self.clock)?);
        let number = session.number();
        let lane = Lane {
            pace: self.options.pace,
            duration: self.options.lane_duration(),
            timeout: self.options.cli.timeout.duration(),
            session,
            encoder,
            stop: self.shutdown.flag(),
        };
        let mut source = self.source;
        let play = move || lane.run(|picture| Ok(source.next(picture)?));
        let lane = Builder::new().name("encode".to_owned()).spawn(play)?;
        let mut forbidden = None;
        while !lane.is_finished() {
            let now = self.clock.now();
            let gone = self.keeper.is_gone().then(|| format!("topic {} is gone", self.options.topic.topic.name));
            let cause = || self.publisher.cause().or_else(|| gone.clone());
            status.report(&self.publisher, now, &cause);
            if let Some(server) = &self.figures {
                let figures = || SessionFigures {
                    publisher: &self.publisher,
                    session: number,
                    source: &self.options.source.name,
                    quality: status.quality(),
                    silence: status.broker_silence(now, &cause),
                };
                server.answer(|| figures().metrics(), || figures().not_ready());
            }
            self.publisher.write_rows(now);
            if let Some(why) = self.keeper.look_after(&self.publisher, now) {
                forbidden.get_or_insert(why);
                self.shutdown.request();
            }
            self.clock.sleep_until(now.plus(HOUSEKEEPING_EVERY));
        }
        let played = lane.join().unwrap_or(Err(LaneError::Panicked));
        let cause = self.publisher.cause();
        let recorder = self.publisher.take_recorder().unwrap_or_else(Recorder::idle);
        let (course, written) = recorder.finish(self.clock.now());
        let fault = forbidden.map(anyhow::Error::msg).or(played.err().map(Into::into)).or(written.err());
        Ok(FinishedRun {
            books: self.publisher.with_books(number, ProducerBooks::clone),
            course,
            client: self.publisher.facts().get(),
            embedded_broker,
            seconds: self.clock.now().since(began).as_secs_f64(),
            passed_through: info.passthrough.is_ok(),
            embedded: self.embedded,
            cause,
            fault,
        })
    }

    fn wait_for_viewer(&self) {
        let options = self.options;
        match &self.embedded {
            Some(embedded) => embedded.wait_for_viewer(options, &*self.clock, self.shutdown),
            None if options.cli.wait_viewer.is_some_and(|wait| !wait.duration().is_zero()) => {
                tracing::warn!(
                    event = "option_ignored",
                    option = "--wait-viewer",
                    "--wait-viewer is ignored: only vidprod's own broker sees if a viewer is connected"
                );
            }
            None => {}
        }
    }
}
