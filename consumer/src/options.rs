//! The viewer's options after checking the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use cli::output::Output;
use cli::values::{DurationArg, Speed};
use jiff::ZonedDateTime;
use kafka::{Connection, Position, Role};
use reports::ReportFile;

use crate::args::Cli;
use crate::format::Format;
use crate::present::WindowOptions;

const DEFAULT_TOPIC: &str = "video";

/// Conditions that end the viewer.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Until {
    pub pictures: Option<u64>,
    pub end: bool,
    pub idle: Option<Duration>,
}

/// The checked options.
#[derive(Clone, Debug)]
pub struct Options {
    pub connection: Connection,
    pub topic: String,
    /// True if `--list` is to show this topic only.
    pub list_only: bool,
    pub partition: Option<i32>,
    pub group: Option<String>,
    pub timeout: Option<Duration>,
    pub start: Position,
    pub until: Until,
    pub sources: Vec<String>,
    /// True to show every frame in order; otherwise only the newest.
    pub every_frame: bool,
    pub speed: Speed,
    /// `None` to run without a window.
    pub window: Option<WindowOptions>,
    pub overlay: bool,
    pub threads: Option<NonZeroUsize>,
    pub print: Option<Format>,
    pub snapshot: Option<(PathBuf, u64)>,
    pub output: Option<Output>,
    pub verify_pixels: bool,
    pub reports: Vec<ReportFile>,
    pub live_histogram: bool,
    /// Number of shown frames that are left out of the histograms.
    pub skip: u64,
    pub explain: bool,
    /// Interval at which the status is logged if it is not drawn. `None`: it is neither logged nor drawn.
    pub status_every: Option<Duration>,
}

impl Options {
    /// Checks the command line. `now` is the present time in the local time zone, on which values such as `-o s@-10m`
    /// depend.
    pub fn check(cli: &Cli, now: &ZonedDateTime) -> anyhow::Result<Options> {
        let topic = cli.topic.clone().unwrap_or_else(|| DEFAULT_TOPIC.to_owned());
        let offset = cli.offset.position(now)?;
        warn_of_group_id(cli);
        cli.output.iter().try_for_each(Output::check)?;
        cli.snapshot.iter().try_for_each(|path| cli::output::check_writable(path))?;
        let reports = cli.report_files();
        reports::check_writable(&reports)?;
        let start = if cli.from_beginning { Position::Beginning } else { offset };
        let history = is_history(start);
        let pace = if cli.headless || !history { Speed::Max } else { Speed::Times(1.0) };
        Ok(Options {
            connection: cli.kafka.connection(Role::Consumer)?,
            topic,
            list_only: cli.topic.is_some(),
            partition: cli.partition,
            group: cli.group.clone(),
            timeout: cli.timeout.map(DurationArg::duration),
            start,
            until: Until { pictures: cli.count, end: cli.exit, idle: cli.idle_timeout.map(DurationArg::duration) },
            sources: cli.sources.clone(),
            every_frame: cli.every_frame || (history && !cli.live),
            speed: cli.speed.unwrap_or(pace),
            window: (!cli.headless).then(|| WindowOptions {
                title: cli.title.clone(),
                position: cli.position,
                size: cli.window_size,
                borderless: cli.borderless,
                full_screen: cli.fullscreen,
            }),
            overlay: !cli.no_overlay,
            threads: cli.threads,
            print: cli.format.clone().or_else(|| cli.print.then(Format::default)),
            snapshot: cli.snapshot.clone().map(|path| (path, cli.at)),
            output: cli.output.clone(),
            verify_pixels: cli.verify_pixels,
            reports,
            live_histogram: cli.reports.live_histogram,
            skip: cli.skip,
            explain: cli.explain,
            status_every: cli.status.every(&cli.log),
        })
    }

    /// True if the topic's recorded content is read, rather than the live stream.
    pub fn history(&self) -> bool {
        is_history(self.start)
    }

    /// The settings for the report.
    pub fn settings(&self) -> serde_json::Map<String, serde_json::Value> {
        let settings = serde_json::json!({
            "topic": self.topic,
            "brokers": self.connection.brokers,
            "properties": self.connection.shown_properties(),
            "partition": self.partition,
            "group": self.group,
            "start": format!("{:?}", self.start).to_lowercase(),
            "sources": self.sources,
            "every_frame": self.every_frame,
            "headless": self.window.is_none(),
            "threads": pool::threads_for(self.threads),
            "verify_pixels": self.verify_pixels,
            "skip": self.skip,
        });
        match settings {
            serde_json::Value::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }
}

/// Warns of the property `group.id`, which has no effect on its own, because only `-g` joins a group.
fn warn_of_group_id(cli: &Cli) {
    let property = cli.kafka.properties.iter().find(|(name, _)| name == "group.id");
    if let Some((_, id)) = property.filter(|_| cli.group.is_none()) {
        tracing::warn!(
            event = "option_ignored",
            option = "-X group.id",
            "-X group.id={id} joins no group: -g {id} does, and commits what was read"
        );
    }
}

fn is_history(start: Position) -> bool {
    !matches!(start, Position::Newest | Position::End)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn history_shows_every_frame_at_its_pace_unless_told() {
        let check = |args: &[&str], every_frame: bool, speed: Speed| {
            let options = {
                let cli = Cli::try_parse_from([&["vidcons"], args].concat()).expect("it parses");
                Options::check(&cli, &ZonedDateTime::default()).expect("it is sound")
            };
            assert_eq!((options.every_frame, options.speed), (every_frame, speed), "{args:?}");
        };
        check(&[], false, Speed::Max);
        check(&["-o", "end"], false, Speed::Max);
        check(&["--every-frame"], true, Speed::Max);
        check(&["-o", "beginning"], true, Speed::Times(1.0));
        check(&["--from-beginning", "--headless"], true, Speed::Max);
        check(&["-o", "-100", "--speed", "2x"], true, Speed::Times(2.0));
        check(&["-o", "beginning", "--live", "--headless"], false, Speed::Max);
    }
}
