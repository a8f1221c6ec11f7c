//! The viewer's options after checking the command line.

use std::time::Duration;

use cli::output::Output;
use cli::values::DurationArg;
use common::time::Speed;
use consumer::engine::PlaybackCommand;
use consumer::files::{FileOptions, LineFormat};
use consumer::reader::ReaderOptions;
use consumer::window::WindowOptions;
use jiff::ZonedDateTime;
use kafka::{Position, Role};
use reports::ReportFile;
use topics::ListOptions;
use web::WebOptions;

use crate::args::Cli;

const DEFAULT_TOPIC: &str = "video";

/// The checked options.
#[derive(Clone, Debug)]
pub struct Options {
    /// The command line, for what is right as it was typed.
    pub cli: Cli,
    pub reader: ReaderOptions,
    pub files: FileOptions,
    /// `None` to run without a window.
    pub window: Option<WindowOptions>,
    /// `None` to serve no page.
    pub web: Option<WebOptions>,
    /// The command with which playback begins.
    pub playback: PlaybackCommand,
    pub reports: Vec<ReportFile>,
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
        let reader = ReaderOptions {
            connection: cli.kafka.connection(Role::Consumer)?,
            topic: topic.clone(),
            partition: cli.partition,
            group: cli.group.clone(),
            timeout: cli.timeout.map(DurationArg::duration),
            start: if cli.from_beginning { Position::Beginning } else { offset },
            every_frame: false,
            ends: cli.exit,
        };
        let is_history = reader.is_history();
        let every_frame = cli.every_frame || (is_history && !cli.live);
        let speed = if cli.headless || !is_history { Speed::Max } else { Speed::Times(1.0) };
        let speed = cli.speed.unwrap_or(speed);
        Ok(Options {
            reader: ReaderOptions { every_frame, ..reader },
            files: FileOptions {
                topic,
                lines: cli.format.clone().or_else(|| cli.print.then(LineFormat::default)),
                output: cli.output.clone(),
                picture: cli.snapshot.clone().map(|path| (path, cli.at)),
            },
            window: (!cli.headless).then(|| WindowOptions {
                title: cli.title.clone(),
                position: cli.position,
                size: cli.window_size,
                borderless: cli.borderless,
                full_screen: cli.fullscreen,
            }),
            web: cli.http.map(|address| cli.access.check("--http", address)).transpose()?,
            playback: if every_frame { PlaybackCommand::Speed(speed) } else { PlaybackCommand::Live },
            reports,
            status_every: cli.status.every(&cli.log),
            cli: cli.clone(),
        })
    }

    /// The options of `--list`.
    pub fn list(&self) -> ListOptions {
        ListOptions {
            connection: self.reader.connection.clone(),
            client_id: "vidcons",
            topic: self.cli.topic.clone(),
            timeout: self.reader.timeout,
            further_back: true,
            pictures: false,
        }
    }

    /// The settings for the report.
    pub fn settings(&self) -> serde_json::Map<String, serde_json::Value> {
        let Options { cli, reader, .. } = self;
        serde_json::json!({
            "topic": reader.topic,
            "brokers": reader.connection.brokers,
            "properties": reader.connection.shown_properties(),
            "partition": reader.partition,
            "group": reader.group,
            "start": format!("{:?}", reader.start).to_lowercase(),
            "sources": cli.sources,
            "every_frame": reader.every_frame,
            "headless": self.window.is_none(),
            "threads": pool::threads_for(cli.threads),
            "verify_pixels": cli.verify_pixels,
            "skip": cli.skip,
        })
        .as_object()
        .cloned()
        .unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn history_shows_every_frame_at_its_pace_by_default() {
        let check = |args: &[&str], expected: PlaybackCommand| {
            let cli = Cli::try_parse_from([&["vidcons"], args].concat()).expect("it parses");
            let options = Options::check(&cli, &ZonedDateTime::default()).expect("it is sound");
            assert_eq!(options.playback, expected, "{args:?}");
            assert_eq!(options.reader.every_frame, expected != PlaybackCommand::Live, "{args:?}");
        };
        check(&[], PlaybackCommand::Live);
        check(&["-o", "end"], PlaybackCommand::Live);
        check(&["--every-frame"], PlaybackCommand::Speed(Speed::Max));
        check(&["-o", "beginning"], PlaybackCommand::Speed(Speed::Times(1.0)));
        check(&["--from-beginning", "--headless"], PlaybackCommand::Speed(Speed::Max));
        check(&["-o", "-100", "--speed", "2x"], PlaybackCommand::Speed(Speed::Times(2.0)));
        check(&["-o", "beginning", "--live", "--headless"], PlaybackCommand::Live);
    }
}
