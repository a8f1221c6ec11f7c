//! The list of topics, and of the sources in each.
//!
//! In each partition the newest records are read, and then a few at a time from further back (see [`Survey`]), until
//! everything was read, the number of looks is reached, or the topic's share of the time is over. A topic may contain
//! gigabytes, and there may be many topics, but the list should be ready within seconds.

mod summary;
mod survey;

use std::fmt::Write;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use cli::shutdown::Shutdown;
use common::time::{Clock, Micros};
use common::words::count;
use kafka::{Admin, ConnectTimeout, Connection, Event, Position, Received, Tail, TopicState, TopicSummary};

pub use self::summary::{SourceFigures, Sources};
use self::survey::Survey;

/// Number of newest records read in each partition.
const NEWEST_RECORDS: i64 = 100;
const ASK: Duration = Duration::from_secs(5);
/// Time limit for the newest records of a topic; after it the topic is listed without them.
const NEWEST: Duration = Duration::from_secs(3);
/// Time for the list, after which no topic is searched further back than its newest records. Each topic gets an equal
/// share of what is left of it.
const FURTHER_BACK: Duration = Duration::from_secs(5);
/// Longest time, and largest number of looks, for records further back in one topic.
const FURTHER_BACK_IN_TOPIC: Duration = Duration::from_secs(2);
const LOOKS_MAX: usize = 400;
/// Fetch size of a look further back: at least one record, or several small ones.
const LOOK_BYTES: &str = "262144";

#[derive(Clone, Debug)]
pub struct ListOptions {
    pub connection: Connection,
    /// Name of the program for the broker's logs.
    pub client_id: &'static str,
    /// `None` for every topic.
    pub topic: Option<String>,
    /// Time within which a broker has to answer.
    pub timeout: Option<Duration>,
    /// True to look for sources whose records are not among the newest.
    pub further_back: bool,
    /// True to keep a picture of each source.
    pub pictures: bool,
}

/// Reads records of topics for the list.
struct Lister<'a> {
    /// Reads the newest records, with the settings of a viewer.
    newest: Tail,
    /// Reads records further back; it fetches a few records at a time and none ahead.
    back: Tail,
    options: &'a ListOptions,
    clock: &'a dyn Clock,
    shutdown: &'a Shutdown,
}

/// The result of reading a topic.
#[derive(Default, Debug)]
pub struct Listed {
    pub sources: Sources,
    /// Time at which the newest records had been read, in ms since 1970. Ages of frames refer to it.
    pub at_ms: i64,
    /// Number of records read, and the bytes of their keys and values.
    pub records: i64,
    pub bytes: u64,
    /// Number of records in the topic that were not read.
    pub unread: i64,
}

/// Prints the topics and their sources.
pub fn list(options: &ListOptions, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let mut is_empty = true;
    for_each_topic(options, clock, shutdown, |topic, listed| {
        is_empty = false;
        cli::output::print(&described(topic, listed)).map(drop)
    })?;
    if is_empty && !shutdown.requested() {
        cli::output::print(&format!("no topics at {}\n", options.connection.brokers))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the topics, and calls `take` with each; without the result if its records could not be read.
pub fn for_each_topic(
    options: &ListOptions,
    clock: Arc<dyn Clock>,
    shutdown: &Shutdown,
    mut take: impl FnMut(&TopicSummary, Option<&Listed>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let wanted = || !shutdown.requested();
    let patience = ConnectTimeout { timeout: options.timeout.unwrap_or(ASK), clock: &*clock, wanted: &wanted };
    let admin = Admin::connect(&options.connection, options.client_id, &patience)?;
    let mut topics = admin.topics(ASK)?;
    // The names come from a broker, and become names of folders.
    topics.retain(|topic| kafka::check_topic_name(&topic.name).is_ok());
    if let Some(topic) = &options.topic {
        topics.retain(|found| found.name == *topic);
        if topics.is_empty() {
            bail!("no topic {topic} at {}: vidtopic list shows the topics that there are", options.connection.brokers);
        }
    }
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    let Some(first) = topics.first() else { return Ok(()) };
    let tail = |connection| {
        Tail::new(connection, options.client_id, &first.name, None, Position::Beginning, Arc::clone(&clock))
    };
    let (newest, back) = (tail(&options.connection)?, tail(&frugal(&options.connection))?);
    let mut lister = Lister { newest, back, options, clock: &*clock, shutdown };
    let until = clock.now().plus(FURTHER_BACK);
    for (index, topic) in topics.iter().enumerate() {
        if shutdown.requested() {
            break;
        }
        let listed = lister.topic(&topic.name, share_of(until.since(clock.now()), topics.len() - index));
        take(topic, listed.as_ref().ok())?;
        if let Err(error) = listed {
            // An unreadable topic does not prevent the others from being listed.
            tracing::warn!(event = "topic_unreadable", topic = topic.name, "{}: {error:#}", topic.name);
        }
    }
    Ok(())
}

impl Listed {
    fn count(&mut self, received: &Received) {
        self.records += 1;
        let key = received.record.key.as_ref().map_or(0, |key| key.len());
        self.bytes += (received.record.value.len() + key) as u64;
    }

    /// Bytes of all the topic's records, by the average of those that were read.
    pub fn estimated_bytes(&self) -> u64 {
        let average = self.bytes as f64 / self.records.max(1) as f64;
        (average * (self.records + self.unread) as f64) as u64
    }
}

/// The time for records further back in the next topic, when `left` remains for this number of topics.
fn share_of(left: Duration, topics: usize) -> Duration {
    (left / topics.max(1) as u32).min(FURTHER_BACK_IN_TOPIC)
}

/// The lines about a topic; without its sources if it could not be read.
pub fn described(topic: &TopicSummary, listed: Option<&Listed>) -> String {
    let mut text = format!("{}  {}\n", topic.name, count(topic.partitions, "partition"));
    if let Some(listed) = listed {
        write_listed(&mut text, listed);
    }
    text
}

fn write_listed(text: &mut String, listed: &Listed) {
    listed.sources.figures(listed.at_ms).for_each(|source| {
        let _ = writeln!(text, "  {source}");
    });
    if listed.unread > 0 {
        let of = count(listed.records + listed.unread, "record");
        let _ = writeln!(
            text,
            "  (looked at {} of {of}: there may be more sources, and newer frames of those that have not ended)",
            listed.records
        );
    }
}

/// The user's settings, with those for reading few records.
fn frugal(connection: &Connection) -> Connection {
    let mut connection = connection.clone();
    for (name, value) in [("max.partition.fetch.bytes", LOOK_BYTES), ("queued.min.messages", "1")] {
        connection.properties.insert(name.to_owned(), value.to_owned());
    }
    connection
}

impl Lister<'_> {
    /// Reads a topic, for at most `further_back` after its newest records.
    fn topic(&mut self, name: &str, further_back: Duration) -> anyhow::Result<Listed> {
        let sources = if self.options.pictures { Sources::with_pictures() } else { Sources::default() };
        let mut listed = Listed { sources, ..Listed::default() };
        self.newest.turn_to(name);
        let TopicState::Topic { partitions } = self.newest.find(ASK)? else { return Ok(listed) };
        let mut surveys = self.read_newest(&partitions, &mut listed)?;
        listed.at_ms = self.clock.wall_us() as i64 / 1000;
        let until = self.clock.now().plus(if self.options.further_back { further_back } else { Duration::ZERO });
        if let Err(error) = self.read_further_back(name, &mut surveys, until, &mut listed) {
            // The sources read so far are listed, and the remaining records count as unread.
            tracing::debug!("{name}: looking further back: {error:#}");
        }
        listed.unread = surveys.iter().map(|(_, survey)| survey.unread()).sum();
        Ok(listed)
    }

    /// Reads records further back in each partition, only until `until`.
    fn read_further_back(
        &mut self,
        topic: &str,
        surveys: &mut [(i32, Survey)],
        until: Micros,
        listed: &mut Listed,
    ) -> anyhow::Result<()> {
        if surveys.iter().all(|(_, survey)| survey.unread() == 0) || self.clock.now() >= until {
            return Ok(());
        }
        self.back.turn_to(topic);
        // The client looks up the topic's leaders now, because otherwise the first read would wait for that.
        self.back.find(until.since(self.clock.now()))?;
        let looks = LOOKS_MAX.div_ceil(surveys.len());
        let partitions = surveys.len();
        for (index, (partition, survey)) in surveys.iter_mut().enumerate() {
            // Each remaining partition gets an equal share of the remaining time.
            let share = until.since(self.clock.now()) / (partitions - index) as u32;
            let until = self.clock.now().plus(share);
            self.look_back((*partition, survey), looks, until, listed)?;
        }
        Ok(())
    }

    /// Reads the newest records of each partition.
    fn read_newest(&mut self, partitions: &[i32], listed: &mut Listed) -> anyhow::Result<Vec<(i32, Survey)>> {
        let tail = &mut self.newest;
        tail.start(partitions, Position::Last(NEWEST_RECORDS), ASK)?;
        let began = |tail: &Tail, partition: i32| tail.position(partition).unwrap_or(0);
        let mut surveys: Vec<(i32, Survey, i64)> = partitions
            .iter()
            .map(|&partition| {
                let (low, high) = tail.began_between(partition).unwrap_or((0, 0));
                (partition, Survey::new(low..high), began(tail, partition))
            })
            .collect();
        let until = self.clock.now().plus(NEWEST);
        while self.clock.now() < until && !tail.caught_up() && !self.shutdown.requested() {
            match tail.next(Duration::from_millis(200)) {
                Event::Record(received) => {
                    listed.count(&received);
                    let survey = surveys.iter_mut().find(|(partition, ..)| *partition == received.partition);
                    if let (Some((_, survey, _)), Some(entered)) = (survey, listed.sources.enter(&received)) {
                        survey.saw(&entered.source, received.offset, entered.ended);
                    }
                }
                Event::TopicRecreated | Event::Missing => break,
                _ => {}
            }
        }
        let read = surveys.into_iter().map(|(partition, mut survey, first)| {
            survey.was_read(first..began(tail, partition));
            (partition, survey)
        });
        Ok(read.collect())
    }

    /// Reads records further back in a partition, with at most `looks` looks and only until `until`.
    fn look_back(
        &mut self,
        (partition, survey): (i32, &mut Survey),
        looks: usize,
        until: Micros,
        listed: &mut Listed,
    ) -> anyhow::Result<()> {
        for _ in 0..looks {
            let Some(range) = survey.next_look().filter(|_| self.clock.now() < until && !self.shutdown.requested())
            else {
                break;
            };
            let read = self.look(partition, range, until, survey, listed)?;
            if read.is_empty() {
                break;
            }
            survey.was_read(read);
        }
        self.back.stop();
        Ok(())
    }

    /// Reads a range of a partition, and returns the part that was read.
    fn look(
        &mut self,
        partition: i32,
        range: Range<i64>,
        until: Micros,
        survey: &mut Survey,
        listed: &mut Listed,
    ) -> anyhow::Result<Range<i64>> {
        self.back.seek(partition, range.start)?;
        listed.sources.begin_run();
        let reached = |tail: &Tail| tail.position(partition).unwrap_or(range.start).clamp(range.start, range.end);
        while reached(&self.back) < range.end && self.clock.now() < until && !self.shutdown.requested() {
            match self.back.next(Duration::from_millis(50)) {
                // Offsets may be missing, for example in a compacted topic, so the next record may be after the range.
                Event::Record(received) if received.offset < range.end => {
                    listed.count(&received);
                    if let Some(entered) = listed.sources.enter(&received) {
                        survey.saw(&entered.source, received.offset, entered.ended);
                    }
                }
                Event::End => return Ok(range),
                Event::TopicRecreated | Event::Missing | Event::Moved { .. } => break,
                _ => {}
            }
        }
        Ok(range.start..reached(&self.back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_share_the_time_that_is_left() {
        let check = |left_ms, topics, expected_ms| {
            assert_eq!(share_of(Duration::from_millis(left_ms), topics), Duration::from_millis(expected_ms));
        };
        check(5000, 1, 2000);
        check(5000, 2, 2000);
        check(5000, 10, 500);
        check(4500, 9, 500);
        check(0, 3, 0);
    }
}
