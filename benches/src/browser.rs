//! `vidbench browser`: how old a picture is when a real Chromium has drawn it.

mod bare;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use cli::values::positive;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testkit::Program;
use testkit::browser::Browser;
use testkit::child::{LoggedChild, Pipe};
use testkit::media::jpegs;
use testkit::workspace::{built, root};

use self::bare::BareFeed;
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::experiment::Rounds;
use crate::messages::topic::{BenchTopic, TopicSettings};
use crate::options::{CompareArgs, TimeArgs};
use crate::spread::Spread;
use crate::table::{Column, Table, plain, spread, verdict};

pub const EXAMPLES: &str = "\
Examples:
  vidbench browser                                 the page of vidcons beside a bare page without Kafka
  vidbench browser --brokers real --rounds 5       the real Kafka alone
  vidbench browser --clip film.mp4 --fps 60

Latency is the time from when a frame was due until the page has drawn it, of the last 300 pictures. The bare page gets the same JPEGs
from a socket; its latency begins when they are sent. Chromium draws in software, without a screen.";

/// The goal: the part of a picture's way that the page has, beside the whole of the bare page.
const GOAL: f64 = 1.25;
/// Pictures that the bare page shows in turn.
const PICTURES: usize = 60;
/// Time for vidcons to serve, and for pictures to be collected.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// The stages that only the browser has; those before them are the hop through Kafka.
const OF_PAGE: [&str; 3] = ["socket", "decode", "draw"];
const BARE: &str = "bare page";

#[derive(Args, Clone, Debug)]
pub struct BrowserArgs {
    /// The video, played in a loop [default: the project's samples/clip.mp4]
    #[arg(long, value_name = "FILE")]
    clip: Option<PathBuf>,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    fps: f64,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    compare: CompareArgs,
}

pub const COLUMNS: [Column; 8] = [
    ("page", |result| plain(&result["page"])),
    ("p50", |result| spread(&result["p50_ms"])),
    ("p95", |result| spread(&result["p95_ms"])),
    ("p99", |result| spread(&result["p99_ms"])),
    ("before the page", |result| optional(&result["hop_ms"])),
    ("socket + decode + draw", |result| optional(&result["page_ms"])),
    ("÷ bare page (rounds)", |result| optional(&result["to_bare"])),
    ("goal 1.25", |result| Some(result["met"].as_bool().map_or("", verdict).to_owned())),
];

/// A figure that the bare page lacks.
fn optional(value: &Value) -> Option<String> {
    if value.is_null() { Some(String::new()) } else { spread(value) }
}

/// The latencies that a page showed at the end of a run.
#[derive(Clone, Debug)]
struct PageResult {
    decoder: Option<String>,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    /// Median of each stage.
    stages_ms: Map<String, Value>,
}

impl fmt::Display for PageResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1} p95 {:.1} p99 {:.1} ms", self.p50_ms, self.p95_ms, self.p99_ms)
    }
}

impl PageResult {
    fn new(figures: &Value) -> Result<PageResult> {
        let source = &figures["sources"][0];
        let ms = |name: &str| source[name].as_f64().with_context(|| format!("the page has no {name}: {figures}"));
        Ok(PageResult {
            decoder: figures["decoder"].as_str().map(str::to_owned),
            p50_ms: ms("p50_ms")?,
            p95_ms: ms("p95_ms")?,
            p99_ms: ms("p99_ms")?,
            stages_ms: source["stages_ms"].as_object().cloned().unwrap_or_default(),
        })
    }

    /// Sum of the medians of the stages before the page; `None` for the bare page.
    fn hop_ms(&self) -> Option<f64> {
        let before = self.stages_ms.iter().filter(|(stage, _)| !OF_PAGE.contains(&stage.as_str()));
        (!self.stages_ms.is_empty()).then(|| before.filter_map(|(_, ms)| ms.as_f64()).sum())
    }

    /// Median of the part that the page has.
    fn page_ms(&self) -> f64 {
        self.p50_ms - self.hop_ms().unwrap_or(0.0)
    }
}

/// The cases are the brokers, and after them the bare page.
pub fn run(args: &BrowserArgs, control: Control<'_>) -> Result<ExitCode> {
    let (mut experiment, brokers) = args.compare.start("browser", control)?;
    let clip = args.clip.clone().unwrap_or_else(|| root().join("samples/clip.mp4"));
    ensure!(clip.is_file(), "--clip {}: there is no such file", clip.display());
    let play = Play { clip, args, control };
    let feed = BareFeed { jpegs: play.pictures(&brokers[0])?.into(), fps: args.fps };
    let mut names: Vec<String> = brokers.iter().map(|broker| format!("vidcons, {}", broker.name)).collect();
    names.push(BARE.to_owned());
    let rounds = experiment.rounds(&names, |_, case| match brokers.get(case) {
        Some(broker) => play.ours(broker),
        None => play.bare(feed.clone()),
    });
    let bare = names.len() - 1;
    let cases = names.iter().enumerate().filter(|(case, _)| rounds.has(*case));
    let cases: Vec<Value> = cases.map(|(case, name)| result(name, case, bare, &rounds)).collect();
    let title = format!("Browser: {} at {} fps, {}", play.clip.display(), args.fps, args.times.describe());
    let text = experiment.heading(&title, "ms") + &Table::of(&cases, &COLUMNS)?.text();
    let settings = args.times.settings(json!({ "clip": play.clip, "fps": args.fps }));
    experiment.finish(&brokers, json!({ "settings": settings, "cases": cases }), &text)
}

struct Play<'a> {
    clip: PathBuf,
    args: &'a BrowserArgs,
    control: Control<'a>,
}

impl Play<'_> {
    fn start(&self, program: &str, topic: &BenchTopic, args: &[&str], folder: &TempDir) -> Result<LoggedChild> {
        let start = Program::at(built(program)?).args(["-b", topic.brokers(), "-t", &topic.name]).args(args);
        start.start_logged(program, Pipe::None, &folder.path().join(program))
    }

    fn producer(&self, topic: &BenchTopic, folder: &TempDir) -> Result<LoggedChild> {
        let (clip, fps) = (self.clip.display().to_string(), self.args.fps.to_string());
        self.start("vidprod", topic, &[&clip, "--loop", "--fps", &fps, "-q"], folder)
    }

    fn topic(&self, broker: &BenchBroker) -> Result<BenchTopic> {
        BenchTopic::create(&broker.address, &TopicSettings::default(), self.control.clock)
    }

    /// The JPEGs as they come from the topic.
    fn pictures(&self, broker: &BenchBroker) -> Result<Vec<Bytes>> {
        let (topic, folder) = (self.topic(broker)?, TempDir::new().context("a folder for the pictures")?);
        let (file, count) = (folder.path().join("pictures"), PICTURES.to_string());
        let output = file.display().to_string();
        let mut viewer =
            self.start("vidcons", &topic, &["--headless", "-q", "--output", &output, "-c", &count], &folder)?;
        let producer = self.producer(&topic, &folder)?;
        ensure!(viewer.ends_within(START_TIMEOUT), "the pictures did not come: {}", viewer.last_line());
        producer.interrupt()?;
        producer.end_well(END_TIMEOUT)?;
        let stream = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(jpegs(&stream).into_iter().map(Bytes::copy_from_slice).collect())
    }

    /// The page of vidcons.
    fn ours(&self, broker: &BenchBroker) -> Result<PageResult> {
        let (topic, folder) = (self.topic(broker)?, TempDir::new().context("a folder for the logs")?);
        let mut viewer =
            self.start("vidcons", &topic, &["--headless", "--http", "0", "--status-every", "1h"], &folder)?;
        viewer.logs_within("watch in the browser: ", START_TIMEOUT)?;
        let log = viewer.log();
        let url = log.split_once("watch in the browser: ").and_then(|(_, rest)| rest.split_whitespace().next());
        let url = url.context("vidcons did not say where its page is")?;
        let producer = self.producer(&topic, &folder)?;
        let result = self.watch(url, "return window.figures");
        for program in [producer, viewer] {
            program.interrupt()?;
            program.end_well(END_TIMEOUT)?;
        }
        result
    }

    fn bare(&self, feed: BareFeed) -> Result<PageResult> {
        let server = bare::serve(feed)?;
        self.watch(&format!("http://{}/", server.address()), "return figuresOfLast()")
    }

    /// Opens a page in a browser of its own, and returns its figures when the time is up.
    fn watch(&self, url: &str, figures: &str) -> Result<PageResult> {
        let browser = Browser::launch(1280, 800)?;
        browser.try_open(url)?;
        self.control.sleep(self.args.times.warm());
        self.control.sleep(self.args.times.seconds());
        self.control.check()?;
        PageResult::new(&browser.try_eval(figures)?)
    }
}

/// The figures of a case over its rounds, as they are reported.
fn result(name: &str, case: usize, bare: usize, rounds: &Rounds<PageResult>) -> Value {
    let of = |figure: fn(&PageResult) -> f64| rounds.spread(case, figure);
    let is_ours = case != bare;
    let hop_ms = Spread::of(rounds.results(case).filter_map(PageResult::hop_ms));
    let to_bare = rounds.ratio(case, bare, PageResult::page_ms).filter(|_| is_ours);
    let decoders = rounds.results(case).filter_map(|run| run.decoder.clone());
    let rounds_ms = rounds.results(case);
    json!({
        "page": name,
        "p50_ms": of(|run| run.p50_ms),
        "p95_ms": of(|run| run.p95_ms),
        "p99_ms": of(|run| run.p99_ms),
        "hop_ms": hop_ms,
        "page_ms": of(PageResult::page_ms).filter(|_| is_ours),
        "to_bare": to_bare,
        "met": to_bare.map(|ratio| ratio.median <= GOAL),
        "decoders": decoders.collect::<Vec<_>>(),
        "rounds_stages_ms": rounds_ms.map(|run| &run.stages_ms).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::rounds;
    use crate::readme::tests::has_the_fields_of;

    fn page(p50: f64, stages: &Value) -> PageResult {
        let source = json!({ "p50_ms": p50, "p95_ms": 2.0 * p50, "p99_ms": 3.0 * p50, "stages_ms": stages });
        PageResult::new(&json!({ "decoder": "ImageDecoder", "sources": [source] })).expect("it has all figures")
    }

    #[test]
    fn the_page_is_compared_without_the_hop_before_it() {
        let ours = page(12.0, &json!({ "encode": 2.0, "broker": 1.0, "socket": 1.0, "decode": 4.0, "draw": 3.0 }));
        let bare = page(8.0, &json!({}));
        let rounds = rounds(&[(1, 0, ours), (1, 1, bare)]);
        let case = result("vidcons, real", 0, 1, &rounds);
        assert_eq!((&case["hop_ms"]["median"], &case["to_bare"]["median"]), (&json!(3.0), &json!(1.125)));
        assert_eq!(case["met"], true);
        has_the_fields_of("browser.json", "/cases/0", &case);
        let bare = result(BARE, 1, 1, &rounds);
        assert!(bare["to_bare"].is_null() && bare["hop_ms"].is_null(), "{bare}");
        let table = Table::of(&[case, bare], &COLUMNS).expect("all cells can be made");
        assert_eq!(table.rows[1][4..], [const { String::new() }; 4]);
    }

    #[test]
    fn a_page_without_latencies_is_an_error() {
        assert!(PageResult::new(&json!({ "sources": [] })).is_err());
    }
}
