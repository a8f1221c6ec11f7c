//! The program's loop.
//!
//! ```text
//! terminal, pipe ─TypedInput─▶ [input] ─▶ Talk ─ChatLine─▶ ChatWriter ═══▶ topic ═══▶ ChatReader ─ChatEvent─▶ Talk ─▶ Screen
//!                                      ▲ deliveries ──────┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::bail;
use chat::{ChatEvent, ChatLine, ChatOptions, ChatReader, ChatWriter, refusal};
use cli::shutdown::Shutdown;
use common::time::{Clock, Micros};
use common::words::{count, were};
use kafka::{Delivery, KafkaError};

use crate::input::TypedInput;
use crate::screen::Screen;

/// Longest wait for a message, after which the input is looked at.
const WAIT: Duration = Duration::from_millis(20);
/// Messages without acknowledgement beyond which no more input is taken.
const IN_FLIGHT_MAX: usize = 1000;
/// Time without acknowledgement after which the user is told so.
const SLOW: Duration = Duration::from_secs(2);
/// Longest wait for acknowledgements after the user has asked for the end.
const LAST_ACKNOWLEDGEMENTS: Duration = Duration::from_secs(5);

const HELP: &str =
    "/who: who wrote or joined within ten minutes   /quit or Ctrl-D: end   //text: a message that begins with /";

/// The delivery of each message, with its number.
type NumberedDeliveries = Receiver<(u64, Delivery)>;

/// The writing side: a name, its lines and their deliveries.
pub struct Speaker {
    pub name: String,
    pub writer: ChatWriter<u64>,
    pub deliveries: NumberedDeliveries,
    pub inputs: Receiver<TypedInput>,
    /// True if a person types, who joins and leaves and has commands.
    pub is_person: bool,
}

/// A message without acknowledgement.
struct Unacknowledged {
    text: String,
    since: Micros,
    reported: bool,
}

/// Reads, and writes if there is a speaker.
pub struct Talk<'a> {
    pub reader: ChatReader,
    pub speaker: Option<Speaker>,
    pub screen: Screen,
    pub exit_at_end: bool,
    pub timeout: Option<Duration>,
    pub clock: Arc<dyn Clock>,
    pub shutdown: &'a Shutdown,
    unacknowledged: BTreeMap<u64, Unacknowledged>,
    written: u64,
    /// Number of messages that were not written, and the last reason.
    refused: (u64, String),
    waits_for: Option<String>,
}

/// Connects a writer, and waits for a broker if necessary.
pub fn connect(
    options: &ChatOptions,
    timeout: Option<Duration>,
    clock: &Arc<dyn Clock>,
    shutdown: &Shutdown,
) -> Result<(ChatWriter<u64>, NumberedDeliveries), KafkaError> {
    let (to, deliveries) = mpsc::channel();
    let mut logged = false;
    let waiting = |why: &str| {
        if !std::mem::replace(&mut logged, true) {
            let (topic, brokers) = (&options.topic, &options.writing.brokers);
            tracing::info!(event = "waiting", topic, brokers, "{why}; trying again");
        }
    };
    // The receiver is gone only at the end of the program.
    let delivered = move |number, delivery| drop(to.send((number, delivery)));
    let wanted = || !shutdown.requested();
    let writer = ChatWriter::connect(options, timeout, clock.clone(), &wanted, waiting, delivered)?;
    Ok((writer, deliveries))
}

impl<'a> Talk<'a> {
    pub fn new(reader: ChatReader, screen: Screen, clock: Arc<dyn Clock>, shutdown: &'a Shutdown) -> Talk<'a> {
        Talk {
            reader,
            speaker: None,
            screen,
            exit_at_end: false,
            timeout: None,
            clock,
            shutdown,
            unacknowledged: BTreeMap::new(),
            written: 0,
            refused: (0, String::new()),
            waits_for: None,
        }
    }

    /// Talks until the user, the input or a signal ends it.
    pub fn run(mut self) -> anyhow::Result<()> {
        let began = self.clock.now();
        if let Some(speaker) = self.speaker.as_ref().filter(|speaker| speaker.is_person) {
            let joined = ChatLine::joined(&speaker.name)?;
            self.screen.notice(HELP);
            self.write(&joined);
        }
        let mut asked_to_end = None;
        loop {
            self.settle();
            let now = self.clock.now();
            let ends = self.shutdown.requested() || (asked_to_end.is_none() && !self.take_input()?);
            if ends && asked_to_end.is_none() {
                asked_to_end = Some(now);
                self.leave()?;
            }
            if self.screen.is_closed() || asked_to_end.is_some_and(|since| self.is_over(since, now)) {
                break;
            }
            match self.reader.next(WAIT)? {
                ChatEvent::Message(message) => self.screen.message(&message),
                ChatEvent::CaughtUp if self.exit_at_end => break,
                ChatEvent::CaughtUp | ChatEvent::Nothing => {}
                ChatEvent::Waiting(why) => self.wait(why, began)?,
                ChatEvent::Gone => self.speaker.iter().for_each(|speaker| speaker.writer.make_topic_again()),
            }
        }
        self.finish()
    }

    /// Takes what has come from the input, as far as there is room for it. False at its end.
    fn take_input(&mut self) -> anyhow::Result<bool> {
        while self.unacknowledged.len() < IN_FLIGHT_MAX {
            let Some(speaker) = &self.speaker else { return Ok(true) };
            match speaker.inputs.try_recv() {
                Ok(TypedInput::Line(line)) if speaker.is_person => {
                    if !self.typed(&line)? {
                        return Ok(false);
                    }
                }
                Ok(TypedInput::Line(line)) => self.say(&line),
                Ok(TypedInput::Interrupted | TypedInput::End) | Err(mpsc::TryRecvError::Disconnected) => {
                    return Ok(false);
                }
                Err(mpsc::TryRecvError::Empty) => break,
            }
        }
        Ok(true)
    }

    /// Does what a person typed. False for `/quit`.
    fn typed(&mut self, line: &str) -> anyhow::Result<bool> {
        match line.trim() {
            "" => {}
            "/quit" | "/exit" | "/q" => return Ok(false),
            "/help" | "/h" | "/?" => self.screen.notice(HELP),
            "/who" | "/w" => {
                let names = self.reader.here();
                let words = format!("{} here: {}", names.len(), self.screen.names(&names));
                self.screen.notice(&words);
            }
            text => match text.strip_prefix('/') {
                None => self.say(text),
                Some(text) if text.starts_with('/') => self.say(text),
                Some(_) => self.screen.notice("there is no such command; /help lists them"),
            },
        }
        Ok(true)
    }

    fn say(&mut self, text: &str) {
        let Some(speaker) = &self.speaker else { return };
        match ChatLine::said(&speaker.name, text) {
            Ok(line) => self.write(&line),
            // An empty line of a pipe is no message.
            Err(chat::LineProblem::Empty) => {}
            Err(problem) => self.refuse(&problem.to_string()),
        }
    }

    fn write(&mut self, line: &ChatLine) {
        let Some(speaker) = &self.speaker else { return };
        let (number, since) = (self.written, self.clock.now());
        self.written += 1;
        let entry = Unacknowledged { text: line.text().to_owned(), since, reported: false };
        self.unacknowledged.insert(number, entry);
        if speaker.writer.write(line, number).is_some() {
            self.unacknowledged.remove(&number);
            self.refuse("too many messages wait for the broker");
        }
    }

    fn refuse(&mut self, why: &str) {
        self.screen.notice(&format!("not written: {why}"));
        self.refused = (self.refused.0 + 1, why.to_owned());
    }

    /// Enters the deliveries, and reports messages that are not acknowledged yet.
    fn settle(&mut self) {
        let Some(speaker) = &self.speaker else { return };
        let deliveries: Vec<_> = speaker.deliveries.try_iter().collect();
        let cause = || speaker.writer.cause().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let mut notices = Vec::new();
        let mut refusals = Vec::new();
        for (number, delivery) in deliveries {
            let Some(entry) = self.unacknowledged.remove(&number) else { continue };
            match refusal(&delivery) {
                Some(why) => refusals.push(why),
                None if entry.reported => notices.push(format!("acknowledged: {}", chat::visible(&entry.text))),
                None => {}
            }
        }
        let now = self.clock.now();
        for entry in self.unacknowledged.values_mut().filter(|e| !e.reported && now.since(e.since) >= SLOW) {
            entry.reported = true;
            notices.push(format!("not acknowledged yet{}: {}", cause(), chat::visible(&entry.text)));
        }
        notices.iter().for_each(|notice| self.screen.notice(notice));
        refusals.iter().for_each(|why| self.refuse(why));
    }

    fn leave(&mut self) -> anyhow::Result<()> {
        if let Some(speaker) = self.speaker.as_ref().filter(|speaker| speaker.is_person) {
            let left = ChatLine::left(&speaker.name)?;
            self.write(&left);
        }
        Ok(())
    }

    /// True once all is acknowledged, or the time for that is over.
    fn is_over(&self, since: Micros, now: Micros) -> bool {
        let is_pipe = self.speaker.as_ref().is_some_and(|speaker| !speaker.is_person);
        let limit = match self.timeout {
            // All lines of a pipe are to be acknowledged before the end.
            limit if is_pipe && !self.shutdown.requested() => limit,
            _ => Some(LAST_ACKNOWLEDGEMENTS),
        };
        self.unacknowledged.is_empty() || limit.is_some_and(|limit| now.since(since) >= limit)
    }

    fn wait(&mut self, why: String, began: Micros) -> anyhow::Result<()> {
        let is_over = self.timeout.is_some_and(|timeout| self.clock.now().since(began) >= timeout);
        if is_over || (self.exit_at_end && self.reader.is_missing()) {
            bail!(why);
        }
        if self.waits_for.as_ref() != Some(&why) {
            tracing::info!(event = "waiting", "{why}: waiting for it");
            self.waits_for = Some(why);
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.settle();
        let cause = self.speaker.as_ref().and_then(|speaker| speaker.writer.cause());
        if let Some(speaker) = &self.speaker {
            speaker.writer.give_up();
        }
        let open = self.unacknowledged.len() as u64;
        let (refused, why) = &self.refused;
        let is_person = self.speaker.as_ref().is_some_and(|speaker| speaker.is_person);
        // A person has seen what was refused; what nobody has acknowledged is an error in any case.
        let bad = open + if is_person { 0 } else { *refused };
        if bad > 0 {
            let why =
                if open > 0 { cause.unwrap_or_else(|| "no acknowledgement came".to_owned()) } else { why.clone() };
            bail!("{} of {} {} not written: {why}", bad, count(self.written.max(bad), "message"), were(bad));
        }
        Ok(())
    }
}
