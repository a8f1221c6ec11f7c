//! The command line: as typed ([`Cli`]), and as checked ([`Options`]).

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, ValueEnum};
use common::record::SOURCE_BYTES_MAX;
use kafka::{Connection, KafkaArgs, NewTopic};
use shell::logging::LogArgs;
use shell::output::Output;
use shell::values::{self, Span, Speed};

use crate::fit::Fit;
use crate::pace::Pace;
use crate::source::{CameraOptions, Input, Loops, SourceOptions};

const EXAMPLES: &str = "\
Examples:
  vidprod samples/clip.mp4 --topic video                    a file, at its own pace
  vidprod samples/clip.mp4 --loop --source lobby            over and over, under a name
  ffmpeg -i in.mkv -f yuv4mpegpipe - | vidprod - -t video   whatever a pipe brings
  vidprod 0 --input-size 1280x720 --input-fps 30            the first camera
  vidprod rtsp://camera/stream -b broker:9092               a network camera
  vidprod test --fps 60                                     a test card that proves the latency
  vidprod test:0+2 --fps 1 --source A                       the even numbers (test:1+2: the odd ones)

Watch it with:  vidcons --topic video";

/// Publishes video to a Kafka topic, frame by frame as JPEG.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidprod", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// A file, '-' for standard input, a URL, a camera (/dev/video0 or 0), or 'test' (test:START+STEP counts)
    #[arg(required_unless_present_any = ["list_cameras", "completions"], allow_hyphen_values = true)]
    pub input: Option<String>,

    /// The topic; made if it is missing
    #[arg(short, long, default_value = "video")]
    pub topic: String,
    /// The source's name [default: the file's stem, or the camera's or host's name]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The records' key [default: the source's name, so that a source keeps its partition]
    #[arg(short, long, help_heading = "Kafka")]
    pub key: Option<String>,
    /// Publish to this partition
    #[arg(short, long, value_name = "N", help_heading = "Kafka")]
    pub partition: Option<i32>,
    /// A header of your own on each record (repeatable)
    #[arg(short = 'H', value_name = "NAME=VALUE", value_parser = values::pair, help_heading = "Kafka")]
    pub headers: Vec<(String, String)>,
    /// How long to wait for a broker at the start, and for the last acknowledgements after Ctrl-C
    #[arg(long, default_value = "5", value_name = "SECONDS", help_heading = "Kafka")]
    pub timeout: Span,
    /// The message limit in bytes [default: what the topic says]
    #[arg(long, value_name = "N", help_heading = "Kafka")]
    pub max_message_bytes: Option<usize>,

    /// Fail if the topic is missing
    #[arg(long, help_heading = "If the topic is missing")]
    pub no_create: bool,
    /// Its partitions
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000), help_heading = "If the topic is missing")]
    pub partitions: i32,
    /// Its replicas [default: the broker's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100), help_heading = "If the topic is missing")]
    pub replication_factor: Option<i32>,
    /// How long it keeps frames, as in 10m, 12h, forever
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = values::retention, help_heading = "If the topic is missing")]
    pub retention: Retention,

    /// The box that pictures are scaled down into, keeping their shape; 'source' keeps their size
    #[arg(long, default_value = "1280x720", value_name = "WxH|source", help_heading = "Picture")]
    pub size: Size,
    /// JPEG quality
    #[arg(long, default_value_t = 80, value_name = "1-100", value_parser = clap::value_parser!(u8).range(1..=100), help_heading = "Picture")]
    pub quality: u8,
    /// How coarse the colours are
    #[arg(long, value_enum, default_value_t, help_heading = "Picture")]
    pub subsampling: Subsampling,
    /// What to do with a frame over the message limit
    #[arg(long, value_enum, default_value_t, help_heading = "Picture")]
    pub fit: Fit,

    /// Frames a second, in place of the file's own time stamps; the rate of the test card (30)
    #[arg(long, value_name = "N", value_parser = values::positive, help_heading = "Pace")]
    pub fps: Option<f64>,
    /// How fast to play a file: 2 is twice as fast, max does not wait at all
    #[arg(long, value_name = "X|max", help_heading = "Pace")]
    pub speed: Option<Speed>,
    /// Play a file N times, or for ever
    #[arg(long = "loop", value_name = "N", num_args = 0..=1, default_missing_value = "0", help_heading = "Pace")]
    pub loops: Option<u32>,
    /// Begin that far into the file
    #[arg(long, value_name = "TIME", help_heading = "Pace")]
    pub start: Option<Span>,
    /// Play that much of it
    #[arg(long, value_name = "TIME", help_heading = "Pace")]
    pub duration: Option<Span>,
    /// The newest frame wins when encoding or the broker falls behind (cameras and URLs do so by themselves)
    #[arg(long, conflicts_with = "every_frame", help_heading = "Pace")]
    pub live: bool,
    /// Every frame waits its turn (files and standard input do so by themselves)
    #[arg(long, help_heading = "Pace")]
    pub every_frame: bool,

    /// What to ask of the camera
    #[arg(long, value_name = "WxH", value_parser = values::size, help_heading = "Camera")]
    pub input_size: Option<(usize, usize)>,
    /// What to ask of the camera
    #[arg(long, value_name = "N", value_parser = values::positive, help_heading = "Camera")]
    pub input_fps: Option<f64>,
    /// Its pixel or stream format, as in mjpeg or yuyv422
    #[arg(long, value_name = "FORMAT", help_heading = "Camera")]
    pub input_format: Option<String>,
    /// Print the cameras that are there
    #[arg(long, help_heading = "Camera", exclusive = true)]
    pub list_cameras: bool,

    /// Write the report as JSON to a file, or '-' for standard output
    #[arg(long, value_name = "FILE|-", help_heading = "Words")]
    pub report: Option<Output>,
    #[command(flatten)]
    pub log: LogArgs,
    /// Print the completions of a shell
    #[arg(long, value_enum, value_name = "SHELL", help_heading = "Words", exclusive = true)]
    pub completions: Option<shell::Shell>,
}

/// `None`: for ever.
pub type Retention = Option<Duration>;

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Subsampling {
    #[default]
    #[value(name = "420")]
    S420,
    #[value(name = "422")]
    S422,
    #[value(name = "444")]
    S444,
    Gray,
}

/// The box, or the source's own size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    Box(usize, usize),
    Source,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        if text == "source" {
            return Ok(Size::Source);
        }
        values::size(text).map(|(w, h)| Size::Box(w, h)).map_err(|e| format!("{e}, or 'source'"))
    }
}

/// Who gives way when something falls behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hurry {
    /// What kind of source it is decides.
    BySource,
    NewestWins,
    EveryFrame,
}

/// The command line, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The input as it was typed, without passwords.
    pub typed: String,
    pub source: SourceOptions,
    pub connection: Connection,
    pub topic: NewTopic,
    pub create: bool,
    pub key: Option<String>,
    pub partition: Option<i32>,
    pub headers: Vec<(String, String)>,
    pub timeout: Duration,
    pub message_bytes_max: Option<usize>,
    pub quality: u8,
    pub fit: Fit,
    pub pace: Pace,
    pub hurry: Hurry,
    pub report: Option<Output>,
    pub quiet: bool,
}

impl Options {
    pub fn check(cli: &Cli) -> anyhow::Result<Options> {
        let input: Input = cli.input.as_deref().unwrap_or_default().parse()?;
        let name = source_name(cli.source.as_deref(), &input)?;
        kafka::check_topic_name(&cli.topic)?;
        if let Some((header, _)) = cli.headers.iter().find(|(h, _)| common::record::HEADERS.contains(&h.as_str())) {
            bail!("-H {header}: vidprod writes that header itself; choose another name");
        }
        if let Some(report) = &cli.report {
            report.check()?;
        }
        let loops = match cli.loops {
            None => Loops::Once,
            Some(0) => Loops::Forever,
            Some(n) => Loops::Times(n),
        };
        Ok(Options {
            typed: without_password(cli.input.as_deref().unwrap_or_default()),
            source: SourceOptions {
                input,
                box_size: match cli.size {
                    Size::Box(width, height) => Some((width, height)),
                    Size::Source => None,
                },
                subsampling: match cli.subsampling {
                    Subsampling::S420 => jpeg::Subsampling::S420,
                    Subsampling::S422 => jpeg::Subsampling::S422,
                    Subsampling::S444 => jpeg::Subsampling::S444,
                    Subsampling::Gray => jpeg::Subsampling::Gray,
                },
                fps: cli.fps,
                camera: CameraOptions { size: cli.input_size, fps: cli.input_fps, format: cli.input_format.clone() },
                start: cli.start.map(Span::duration),
                duration: cli.duration.map(Span::duration),
                loops,
                name,
            },
            connection: cli.kafka.connection()?,
            topic: NewTopic {
                name: cli.topic.clone(),
                partitions: cli.partitions,
                replication: cli.replication_factor,
                retention: cli.retention,
            },
            create: !cli.no_create,
            key: cli.key.clone(),
            partition: cli.partition,
            headers: cli.headers.clone(),
            timeout: cli.timeout.duration(),
            message_bytes_max: cli.max_message_bytes,
            quality: cli.quality,
            fit: cli.fit,
            pace: Pace::new(cli.fps, cli.speed),
            hurry: match (cli.live, cli.every_frame) {
                (true, _) => Hurry::NewestWins,
                (_, true) => Hurry::EveryFrame,
                _ => Hurry::BySource,
            },
            report: cli.report.clone(),
            quiet: cli.log.quiet,
        })
    }

    /// What the report says of how it was run.
    pub fn settings(&self) -> serde_json::Map<String, serde_json::Value> {
        let source = &self.source;
        let settings = serde_json::json!({
            "input": self.typed,
            "source": source.name,
            "topic": self.topic.name,
            "brokers": self.connection.brokers,
            "properties": self.connection.shown_properties(),
            "partition": self.partition,
            "size": source.box_size.map_or("source".to_owned(), |(w, h)| format!("{w}x{h}")),
            "quality": self.quality,
            "subsampling": format!("{:?}", source.subsampling).trim_start_matches('S').to_lowercase(),
            "fit": format!("{:?}", self.fit).to_lowercase(),
            "fps": source.fps,
            "hurry": format!("{:?}", self.hurry),
        });
        match settings {
            serde_json::Value::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }
}

/// `rtsp://user:secret@host/` → `rtsp://host/`.
fn without_password(input: &str) -> String {
    match input.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => input.to_owned(),
    }
}

fn source_name(given: Option<&str>, input: &Input) -> anyhow::Result<String> {
    let name = match given {
        Some(name) => name.to_owned(),
        None => default_name(input),
    };
    if name.is_empty() || name.len() > SOURCE_BYTES_MAX || name.contains(char::is_control) {
        bail!("--source {name:?}: a name has 1 to {SOURCE_BYTES_MAX} bytes and no line breaks");
    }
    Ok(name)
}

fn default_name(input: &Input) -> String {
    let cleaned = |text: String| -> String {
        let mut name: String = text.chars().filter(|c| !c.is_control()).collect();
        while name.len() > SOURCE_BYTES_MAX {
            name.pop();
        }
        if name.is_empty() { shell::machine::host_name() } else { name }
    };
    match input {
        Input::File(path) => {
            cleaned(PathBuf::from(path).file_stem().unwrap_or_default().to_string_lossy().into_owned())
        }
        Input::Camera(device) => cleaned(device.rsplit('/').next().unwrap_or_default().to_owned()),
        Input::Url(url) => {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            cleaned(host.split(':').next().unwrap_or_default().to_owned())
        }
        Input::Stdin | Input::TestCard { .. } => shell::machine::host_name(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

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
        check("-", &shell::machine::host_name());
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

    #[test]
    fn our_own_headers_cannot_be_set() {
        let cli = Cli::try_parse_from(["vidprod", "a.mp4", "-H", "frame=1"]).expect("it parses");
        assert!(Options::check(&cli).is_err());
    }
}
