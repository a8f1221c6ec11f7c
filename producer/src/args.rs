//! The command line, as parsed by clap.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use cli::logging::LogArgs;
use cli::status::StatusArgs;
use cli::values::{self, Bytes, DurationArg, Speed, whole};
use common::wire::record::{HEADERS, SOURCE_BYTES_MAX};
use kafka::KafkaArgs;
use reports::ReportArgs;

use crate::fit::Fit;
use crate::source::Deinterlace;

const EXAMPLES: &str = "\
Examples:
  vidprod samples/clip.mp4 --topic video                    a file, at its own pace
  vidprod samples/clip.mp4 --loop --source lobby            over and over, under a name
  ffmpeg -i in.mkv -f yuv4mpegpipe - | vidprod - -t video   whatever a pipe brings
  vidprod 0 --input-size 1280x720 --input-fps 30            the first camera
  vidprod rtsp://camera/stream -b broker:9092               a network camera
  vidprod test --fps 60                                     a test card that proves the latency
  vidprod test:0+2 --fps 1 --source A                       the even numbers (test:1+2: the odd ones)

Watch it with:  vidcons --topic video

Without -b, and with no Kafka at localhost:9092, vidprod serves as the broker itself: in memory, for this machine alone.";

/// Publishes video to a Kafka topic, frame by frame as JPEG.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidprod", version, about, after_help = EXAMPLES, max_term_width = 110)]
#[command(override_usage = "vidprod [OPTIONS] <INPUT>")]
pub struct Cli {
    /// A file, '-' for standard input, a URL, a camera (/dev/video0 or 0), or 'test' (test:START+STEP counts)
    pub input: Option<String>,

    /// The topic; made if it is missing
    #[arg(short, long, default_value = "video", value_parser = kafka::topic_name)]
    pub topic: String,
    /// The source's name [default: the file's stem, or the camera's or host's name]
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    pub source: Option<String>,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The records' key [default: the source's name, so that a source keeps its partition]
    #[arg(short, long, value_parser = values::filled, help_heading = "Kafka")]
    pub key: Option<String>,
    /// Publish to this partition
    #[arg(short, long, value_name = "N", value_parser = whole(0_i32..), allow_hyphen_values = true, help_heading = "Kafka")]
    pub partition: Option<i32>,
    /// A header of your own on each record (repeatable)
    #[arg(short = 'H', value_name = "NAME=VALUE", value_parser = header, help_heading = "Kafka")]
    pub headers: Vec<(String, String)>,
    /// How long to wait for a broker at the start, and for the last acknowledgements after Ctrl-C
    #[arg(allow_hyphen_values = true, long, default_value = "5", value_name = "SECONDS", help_heading = "Kafka")]
    pub timeout: DurationArg,
    /// Start no broker where nobody named one and none is at localhost:9092
    #[arg(long, help_heading = "Kafka")]
    pub no_embedded: bool,
    /// With a broker of its own and an input that has an end: how long to wait for a viewer; 0 does not wait [default: 30s]
    #[arg(allow_hyphen_values = true, long, value_name = "TIME", help_heading = "Kafka")]
    pub wait_viewer: Option<DurationArg>,
    /// The message limit in bytes, as in 500000 or 4M [default: what the topic says]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Kafka")]
    pub max_message_bytes: Option<Bytes>,

    /// Fail if the topic is missing
    #[arg(long, help_heading = "If the topic is missing")]
    pub no_create: bool,
    /// Its partitions
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole(1_i32..=10_000), allow_hyphen_values = true, help_heading = "If the topic is missing")]
    pub partitions: i32,
    /// Its replicas [default: the broker's]
    #[arg(long, value_name = "N", value_parser = whole(1_i32..=100), allow_hyphen_values = true, help_heading = "If the topic is missing")]
    pub replication_factor: Option<i32>,
    /// How long it keeps frames, as in 10m, 12h, forever
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = values::retention, allow_hyphen_values = true, help_heading = "If the topic is missing")]
    pub retention: Retention,

    /// The box that pictures are scaled down into, keeping their shape; 'source' keeps their size
    #[arg(
        long,
        default_value = "1280x720",
        value_name = "WxH|source",
        allow_hyphen_values = true,
        help_heading = "Picture"
    )]
    pub size: Size,
    /// JPEG quality
    #[arg(long, default_value_t = 80, value_name = "1-100", value_parser = whole(1_u8..=100), allow_hyphen_values = true, help_heading = "Picture")]
    pub quality: u8,
    /// How coarse the colours are
    #[arg(long, value_enum, default_value_t, help_heading = "Picture")]
    pub subsampling: Subsampling,
    /// What to do with interlaced video
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", help_heading = "Picture")]
    pub deinterlace: Deinterlace,
    /// Threads that encode a frame, at most 16 [default: one for each core that may be used]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_hyphen_values = true, help_heading = "Picture")]
    pub threads: Option<NonZeroUsize>,
    /// What to do with a frame over the message limit
    #[arg(long, value_enum, default_value_t, help_heading = "Picture")]
    pub fit: Fit,

    /// Frames a second, in place of the file's own time stamps; the rate of the test card (30)
    #[arg(allow_hyphen_values = true, long, value_name = "N", value_parser = values::positive, help_heading = "Pace")]
    pub fps: Option<f64>,
    /// How fast to play a file: 2 is twice as fast, max does not wait at all
    #[arg(long, value_name = "X|max", allow_hyphen_values = true, help_heading = "Pace")]
    pub speed: Option<Speed>,
    /// Play a file N times; without a number for ever
    // Only numbers may begin with a hyphen here, because `--loop` without a number may be followed by an option.
    #[arg(long = "loop", value_name = "N", value_parser = times, allow_negative_numbers = true, help_heading = "Pace")]
    pub loops: Option<Option<u32>>,
    /// Begin that far into the file
    #[arg(allow_hyphen_values = true, long, value_name = "TIME", help_heading = "Pace")]
    pub start: Option<DurationArg>,
    /// Play that much of it
    #[arg(allow_hyphen_values = true, long, value_name = "TIME", value_parser = duration, help_heading = "Pace")]
    pub duration: Option<DurationArg>,
    /// The newest frame wins when encoding or the broker falls behind (cameras and URLs do so by themselves)
    #[arg(long, conflicts_with = "every_frame", help_heading = "Pace")]
    pub live: bool,
    /// Every frame waits its turn (files and standard input do so by themselves)
    #[arg(long, help_heading = "Pace")]
    pub every_frame: bool,
    /// Where the newest frame wins: how long frames may be on their way to the broker. On a link that is too slow for all,
    /// the others are dropped before they are encoded
    #[arg(allow_hyphen_values = true, long, default_value = "300ms", value_name = "TIME", help_heading = "Pace")]
    pub in_flight_time: DurationArg,

    /// What to ask of the camera
    #[arg(long, value_name = "WxH", value_parser = values::size, allow_hyphen_values = true, help_heading = "Camera")]
    pub input_size: Option<(usize, usize)>,
    /// What to ask of the camera
    #[arg(long, value_name = "N", value_parser = values::positive, allow_hyphen_values = true, help_heading = "Camera")]
    pub input_fps: Option<f64>,
    /// Its pixel or stream format, as in mjpeg or yuyv422
    #[arg(long, value_name = "FORMAT", value_parser = values::filled, help_heading = "Camera")]
    pub input_format: Option<String>,
    /// Print the cameras that are there
    #[arg(long, help_heading = "Camera", exclusive = true)]
    pub list_cameras: bool,

    #[command(flatten)]
    pub reports: ReportArgs,
    /// Say at the end why p99 is what it is, and what to change (the JSON report always has it)
    #[arg(long, help_heading = "Logging")]
    pub explain: bool,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub status: StatusArgs,
    /// Print the completions of a shell
    #[arg(long, value_enum, value_name = "SHELL", help_heading = "Logging", exclusive = true)]
    pub completions: Option<cli::Shell>,
}

impl Cli {
    /// Refuses what the parser of the command line cannot know to be wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.input.is_none() && !self.list_cameras {
            return Err(
                "name what to publish: a file, '-' for standard input, a URL, a camera (as in 0) or 'test'; for \
                        example: vidprod test --topic video"
                    .to_owned(),
            );
        }
        reports::check_distinct(&self.reports.files)?;
        self.kafka.check()
    }
}

/// `None` is forever.
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

/// The box into which pictures are scaled down, or the source's own size.
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

/// Parses the number of times that a file is played.
fn times(text: &str) -> Result<u32, String> {
    whole(1_u32..)(text).map_err(|e| format!("{e}; --loop without a number plays for ever"))
}

/// Parses the time for which a file is played.
fn duration(text: &str) -> Result<DurationArg, String> {
    let span = text.parse::<DurationArg>()?;
    let nothing = "it plays nothing; omit --duration to play all";
    (!span.duration().is_zero()).then_some(span).ok_or_else(|| nothing.to_owned())
}

/// Parses a header of the user's own.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = values::pair(text)?;
    let ours = "vidprod writes that header itself; choose another name";
    (!HEADERS.contains(&name.as_str())).then_some((name, value)).ok_or_else(|| ours.to_owned())
}

/// Parses the name of a source.
pub fn source_name(text: &str) -> Result<String, String> {
    let good = !text.trim().is_empty() && text.len() <= SOURCE_BYTES_MAX && !text.contains(char::is_control);
    good.then(|| text.to_owned()).ok_or_else(|| format!("a name has 1 to {SOURCE_BYTES_MAX} bytes and no line breaks"))
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
    fn every_number_may_be_written_with_a_sign() {
        assert_eq!(
            cli::signs::options_that_take_no_sign(&Cli::command(), &[std::any::TypeId::of::<reports::ReportFile>()]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn our_own_headers_cannot_be_set() {
        let takes = |header: &str| Cli::try_parse_from(["vidprod", "a.mp4", "-H", header]).is_ok();
        assert!(takes("place=lobby") && !takes("frame=1") && !takes("vid=1"));
    }

    #[test]
    fn an_input_is_no_option() {
        let input = |args: &[&str]| Cli::try_parse_from([&["vidprod"], args].concat()).map(|cli| cli.input);
        assert_eq!(input(&["-"]).ok(), Some(Some("-".to_owned())));
        assert_eq!(input(&["--", "-a.mp4"]).ok(), Some(Some("-a.mp4".to_owned())));
        let error = input(&["--fsp", "30", "test"]).expect_err("there is no such option").to_string();
        assert!(error.contains("'--fsp'"), "{error}");
    }

    #[test]
    fn a_loop_has_a_number_or_none() {
        let loops = |args: &[&str]| Cli::try_parse_from([&["vidprod", "a.mp4"], args].concat()).map(|cli| cli.loops);
        let refused = |args: &[&str]| loops(args).expect_err("it is refused").to_string();
        assert_eq!(loops(&["--loop", "--source", "a"]).ok(), Some(Some(None)));
        assert!(refused(&["--loop", "0"]).contains("plays for ever"));
        assert!(refused(&["--loop", "-1"]).contains("1 or more"));
    }
}
