//! The checked command line: the settings of the producer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use cli::values::DurationArg;
use common::secret;
use common::time::Speed;
use common::wire::record::SOURCE_BYTES_MAX;
use kafka::{Connection, NewTopic, Role};
use web::WebOptions;

use producer::source::{CameraOptions, Input, Loops, Passthrough, SourceOptions, SourceTiming};
use producer::{DropPolicy, EncodeOptions, Pace, TopicOptions};

use crate::args::{self, BoxSize, Cli};

/// The checked command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// The command line, for what is right as it was typed.
    pub cli: Cli,
    /// The input as the user wrote it, without passwords.
    pub typed: String,
    pub source: SourceOptions,
    pub connection: Connection,
    pub topic: TopicOptions,
    pub encode: EncodeOptions,
    /// The schedule of the pictures; `None` if the input sets its own pace.
    pub pace: Option<Pace>,
    pub drop_policy: DropPolicy,
    /// `None` to serve no figures.
    pub web: Option<WebOptions>,
    /// Interval at which the status is logged if it is not drawn. `None`: it is neither logged nor drawn.
    pub status_every: Option<Duration>,
}

impl Options {
    pub fn check(cli: &Cli) -> anyhow::Result<Options> {
        let typed = cli.input.as_deref().unwrap_or_default();
        let input: Input = typed.parse()?;
        let is_url = matches!(input, Input::Url(_));
        if is_url && secret::is_in_address(typed) {
            tracing::warn!(
                event = "password_exposed",
                "the input's address holds a password, and every user of this machine can read the command line (ps); \
                 vidprod takes addresses only from the command line: use an account that may only watch"
            );
        }
        let name = source_name(cli.source.as_deref(), &input)?;
        reports::check_writable(&cli.reports.files)?;
        if input.timing() != SourceTiming::File && (cli.loops.is_some() || cli.start.is_some()) {
            tracing::warn!(
                event = "option_ignored",
                option = if cli.loops.is_some() { "--loop" } else { "--start" },
                "--loop and --start are ignored: this input is no file and cannot be rewound"
            );
        }
        let loops = match cli.loops {
            None => Loops::Once,
            Some(None) => Loops::Forever,
            Some(Some(n)) => Loops::Times(n),
        };
        let pace = match (input.timing(), pace(cli.fps, cli.speed)) {
            (SourceTiming::File, pace) => Some(pace),
            // A pipe and a camera set their own pace, unless the user gives a rate for the pipe.
            (SourceTiming::Pipe, pace @ Pace::Rate(_)) => Some(pace),
            _ => None,
        };
        let drop_policy = if cli.every_frame || (!cli.live && input.timing() != SourceTiming::Live) {
            DropPolicy::EveryFrame
        } else {
            DropPolicy::NewestWins { in_flight_time: cli.in_flight_time.duration() }
        };
        Ok(Options {
            typed: if is_url { secret::hide_address(typed) } else { secret::hide(typed) }.into_owned(),
            source: SourceOptions {
                input,
                box_size: match cli.size {
                    BoxSize::Box(width, height) => Some((width, height)),
                    BoxSize::Source => None,
                },
                subsampling: cli.subsampling.unwrap_or_default(),
                deinterlace: cli.deinterlace,
                passthrough: match cli.passthrough {
                    Passthrough::Auto if cli.changes_pictures().is_some() || cli.fps.is_some() => Passthrough::Never,
                    chosen => chosen,
                },
                fps: cli.fps,
                camera: CameraOptions { size: cli.input_size, fps: cli.input_fps, format: cli.input_format.clone() },
                start: cli.start.map(DurationArg::duration),
                duration: cli.duration.map(DurationArg::duration),
                loops,
                name,
            },
            connection: cli.kafka.connection(Role::Producer)?,
            topic: TopicOptions {
                topic: NewTopic {
                    name: cli.topic.clone(),
                    partitions: cli.partitions,
                    replication: cli.replication_factor,
                    retention: cli.retention,
                    settings: BTreeMap::new(),
                },
                create: !cli.no_create,
                message_bytes_max: cli.max_message_bytes.map(|bytes| bytes.0),
                headers: cli.headers.clone(),
                fit: cli.fit,
            },
            encode: EncodeOptions {
                quality: cli.quality.unwrap_or(EncodeOptions::default().quality),
                fit: cli.fit,
                threads: cli.threads,
            },
            pace,
            drop_policy,
            web: cli.metrics.options()?,
            status_every: cli.status.every(&cli.log),
            cli: cli.clone(),
        })
    }

    /// Time after which the input is no longer read. A file ends by itself, because it may be played several times.
    pub fn lane_duration(&self) -> Option<Duration> {
        self.source.duration.filter(|_| self.source.input.timing() != SourceTiming::File)
    }

    /// The settings that are listed in the report.
    pub fn settings(&self, passed_through: bool) -> serde_json::Map<String, serde_json::Value> {
        let Options { source, encode, .. } = self;
        let in_flight_time_ms = match self.drop_policy {
            DropPolicy::EveryFrame => None,
            DropPolicy::NewestWins { in_flight_time } => Some(in_flight_time.as_millis() as u64),
        };
        serde_json::json!({
            "input": self.typed,
            "source": source.name,
            "topic": self.topic.topic.name,
            "brokers": self.connection.brokers,
            "properties": self.connection.shown_properties(),
            "partition": self.cli.partition,
            "size": source.box_size.map_or("source".to_owned(), |(w, h)| format!("{w}x{h}")),
            "quality": encode.quality,
            "threads": pool::threads_for(encode.threads),
            "subsampling": format!("{:?}", source.subsampling).trim_start_matches('S').to_lowercase(),
            "fit": format!("{:?}", encode.fit).to_lowercase(),
            "passthrough": format!("{:?}", source.passthrough).to_lowercase(),
            "passed_through": passed_through,
            "deinterlace": format!("{:?}", source.deinterlace).to_lowercase(),
            "fps": source.fps,
            "every_frame": in_flight_time_ms.is_none(),
            "in_flight_time_ms": in_flight_time_ms,
        })
        .as_object()
        .cloned()
        .unwrap_or_default()
    }
}

fn pace(fps: Option<f64>, speed: Option<Speed>) -> Pace {
    match (fps, speed) {
        (_, Some(Speed::Max)) => Pace::Max,
        (Some(fps), Some(Speed::Times(x))) => Pace::Rate(fps * x),
        (Some(fps), None) => Pace::Rate(fps),
        (None, Some(Speed::Times(x))) => Pace::Stamps(x),
        (None, None) => Pace::Stamps(1.0),
    }
}

fn source_name(given: Option<&str>, input: &Input) -> anyhow::Result<String> {
    let name = match given {
        Some(name) => name.to_owned(),
        None => default_name(input),
    };
    args::source_name(&name)
        .map_err(|why| anyhow!("{name:?} cannot be the source's name: {why}; choose one with --source"))
}

fn default_name(input: &Input) -> String {
    let cleaned = |text: String| -> String {
        let mut name: String = text.chars().filter(|c| !c.is_control()).collect();
        while name.len() > SOURCE_BYTES_MAX {
            name.pop();
        }
        if name.is_empty() { cli::machine::host_name() } else { name }
    };
    match input {
        Input::File(path) => {
            cleaned(PathBuf::from(path).file_stem().unwrap_or_default().to_string_lossy().into_owned())
        }
        Input::Camera(device) => cleaned(device.rsplit('/').next().unwrap_or_default().to_owned()),
        Input::Url(url) => {
            let authority = secret::from_host(url).split(['/', '?', '#']).next().unwrap_or_default();
            let host = match authority.strip_prefix('[') {
                Some(ipv6) => ipv6.split(']').next(),
                None => authority.split(':').next(),
            };
            cleaned(host.unwrap_or_default().to_owned())
        }
        Input::Stdin | Input::TestCard { .. } => cli::machine::host_name(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn a_source_is_named_after_its_input() {
        let check = |input: &str, name: &str| {
            let cli = Cli::try_parse_from(["vidprod", input]).expect("an input is all that is needed");
            assert_eq!(Options::check(&cli).expect("it is sound").source.name, name, "{input}");
        };
        check("samples/clip.mp4", "clip");
        check("0", "video0");
        check("/dev/video3", "video3");
        check("rtsp://user:secret@cam1:554/a", "cam1");
        check("rtsp://user:sec/ret@cam1/a", "cam1");
        check("http://cam1?password=secret", "cam1");
        check("rtsp://[::1]:554/a", "::1");
        check("-", &cli::machine::host_name());
    }

    #[test]
    fn a_rate_takes_the_place_of_the_stamps_and_full_speed_that_of_both() {
        assert_eq!(pace(None, None), Pace::Stamps(1.0));
        assert_eq!(pace(None, Some(Speed::Times(2.0))), Pace::Stamps(2.0));
        assert_eq!(pace(Some(10.0), Some(Speed::Times(2.0))), Pace::Rate(20.0));
        assert_eq!(pace(Some(10.0), Some(Speed::Max)), Pace::Max);
    }

    #[test]
    fn loops_without_a_number_go_on_for_ever() {
        let loops = |args: &[&str]| {
            let cli = Cli::try_parse_from([&["vidprod", "a.mp4"], args].concat()).expect("it parses");
            Options::check(&cli).expect("it is sound").source.loops
        };
        assert_eq!(loops(&[]), Loops::Once);
        assert_eq!(loops(&["--loop", "3"]), Loops::Times(3));
        assert_eq!(loops(&["--loop"]), Loops::Forever);
    }
}
