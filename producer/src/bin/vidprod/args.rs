//! The command line, as parsed by clap.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use cli::logging::LogArgs;
use cli::status::StatusArgs;
use cli::values::{self, Bytes, DurationArg, whole};
use common::time::Speed;
use common::wire::record::{HEADERS, SOURCE_BYTES_MAX};
use kafka::KafkaArgs;
use reports::ReportArgs;
use web::MetricsArgs;

use producer::source::{Deinterlace, Passthrough};
use producer::{Fit, Subsampling};

const EXAMPLES: &str = "\
Examples:
  vidprod samples/clip.mp4 --topic video                    a file, at its own pace
  vidprod samples/clip.mp4 --loop --source lobby            over and over, under a name
  ffmpeg -i in.mkv -f yuv4mpegpipe - | vidprod - -t video   a pipe: y4m, MJPEG, MPEG-TS, Matroska …
  vidprod 0 --input-size 1280x720 --input-fps 30            the first camera
  vidprod rtsp://camera/stream -b broker:9092               a network camera
  vidprod test --fps 60                                     a test card that shows the time
  vidprod test:0+2 --fps 1 --source A                       a test card with even numbers

Watch it with:  vidcons --topic video

If no broker is given and no Kafka runs at localhost:9092, vidprod itself is the broker: in memory, for this machine.";

/// Publishes video to a Kafka topic, frame by frame as JPEG.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidprod", version, about, after_help = EXAMPLES, max_term_width = 110)]
#[command(override_usage = "vidprod [OPTIONS] <INPUT>")]
pub struct Cli {
    /// A file, '-' for standard input, a URL, a camera (0 or /dev/video0), or 'test' for a test card (test:START+STEP
    /// numbers its pictures)
    pub input: Option<String>,

    /// Topic to publish to; it is created if it is missing
    #[arg(short, long, default_value = "video", value_parser = kafka::topic_name)]
    pub topic: String,
    /// Name of the source [default: the file's name without extension, or the camera's or host's name]
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    pub source: Option<String>,
    /// Print completions for a shell
    #[arg(hide_short_help = true, long, value_enum, value_name = "SHELL", exclusive = true)]
    pub completions: Option<cli::Shell>,

    /// Frames per second, instead of the file's timestamps [default for the test card: 30]
    #[arg(allow_hyphen_values = true, long, value_name = "N", value_parser = values::positive, help_heading = "Playback")]
    pub fps: Option<f64>,
    /// Play a file N times; without N, for ever
    // Only numbers may begin with a hyphen here, because `--loop` without a number may be followed by an option.
    #[arg(long = "loop", value_name = "N", value_parser = times, allow_negative_numbers = true, help_heading = "Playback")]
    pub loops: Option<Option<u32>>,
    /// Speed of a file: 2 is twice as fast, max does not wait between frames
    #[arg(hide_short_help = true, long, value_name = "X|max", value_parser = values::speed, allow_hyphen_values = true, help_heading = "Playback")]
    pub speed: Option<Speed>,
    /// Start at this time of the file
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, value_name = "TIME", help_heading = "Playback")]
    pub start: Option<DurationArg>,
    /// Stop after this time
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, value_name = "TIME", value_parser = duration, help_heading = "Playback")]
    pub duration: Option<DurationArg>,

    /// Scale down to fit into this box; 'source' keeps the size
    #[arg(
        long,
        default_value = "1280x720",
        value_name = "WxH|source",
        allow_hyphen_values = true,
        help_heading = "Picture"
    )]
    pub size: BoxSize,
    /// JPEG quality [default: 80]
    #[arg(long, value_name = "1-100", value_parser = whole(1_u8..=100), allow_hyphen_values = true, help_heading = "Picture")]
    pub quality: Option<u8>,
    /// Chroma subsampling [default: 420]
    #[arg(hide_short_help = true, long, value_name = "KIND", value_parser = subsampling(), help_heading = "Picture")]
    pub subsampling: Option<Subsampling>,
    /// Deinterlace pictures that are marked as interlaced
    #[arg(hide_short_help = true, long, value_enum, default_value_t, value_name = "WHEN", help_heading = "Picture")]
    pub deinterlace: Deinterlace,
    /// Publish the JPEGs of a camera, or of an MJPEG file or pipe, without encoding them again. auto: unless a picture or an
    /// option requires encoding; always: fail if one does
    #[arg(
        hide_short_help = true,
        long,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Picture"
    )]
    pub passthrough: Passthrough,
    /// Threads that encode a frame, at most 16 [default: one for each available core]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = values::threads, allow_hyphen_values = true, help_heading = "Picture")]
    pub threads: Option<NonZeroUsize>,

    /// List the cameras of this machine
    #[arg(hide_short_help = true, long, help_heading = "Camera", exclusive = true)]
    pub list_cameras: bool,
    /// Picture size to request
    #[arg(hide_short_help = true, long, value_name = "WxH", value_parser = values::size, allow_hyphen_values = true, help_heading = "Camera")]
    pub input_size: Option<(usize, usize)>,
    /// Frame rate to request
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = values::positive, allow_hyphen_values = true, help_heading = "Camera")]
    pub input_fps: Option<f64>,
    /// Pixel or stream format to request, as in mjpeg or yuyv422
    #[arg(hide_short_help = true, long, value_name = "FORMAT", value_parser = values::filled, help_heading = "Camera")]
    pub input_format: Option<String>,

    /// Drop older frames in favour of newer ones [default for cameras, URLs and the test card]
    #[arg(long, conflicts_with = "every_frame", help_heading = "If encoding or the broker is too slow")]
    pub live: bool,
    /// Drop nothing: every frame waits its turn [default for files and pipes]
    #[arg(hide_short_help = true, long, help_heading = "If encoding or the broker is too slow")]
    pub every_frame: bool,
    /// Live: longest time that a frame may be on its way to the broker. Frames for which the link has no time are dropped
    /// before they are encoded
    #[arg(
        hide_short_help = true,
        allow_hyphen_values = true,
        long,
        default_value = "300ms",
        value_name = "TIME",
        help_heading = "If encoding or the broker is too slow"
    )]
    pub in_flight_time: DurationArg,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Key of the records [default: the source's name, which keeps a source in one partition]
    #[arg(hide_short_help = true, short, long, value_parser = values::filled, help_heading = "Kafka")]
    pub key: Option<String>,
    /// Partition to publish to [default: chosen by the key]
    #[arg(hide_short_help = true, short, long, value_name = "N", value_parser = whole(0_i32..), allow_hyphen_values = true, help_heading = "Kafka")]
    pub partition: Option<i32>,
    /// Add a header to each record (repeatable)
    #[arg(hide_short_help = true, short = 'H', value_name = "NAME=VALUE", value_parser = header, help_heading = "Kafka")]
    pub headers: Vec<(String, String)>,
    /// Largest message, as in 500000 or 4M [default: the topic's limit]
    #[arg(hide_short_help = true, long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Kafka")]
    pub max_message_bytes: Option<Bytes>,
    /// Larger frames: split them into messages, or shrink them (lower quality, then size)
    #[arg(hide_short_help = true, long, value_enum, default_value_t, value_name = "HOW", help_heading = "Kafka")]
    pub fit: Fit,
    /// Timeout for reaching a broker at the start, and for the last acknowledgements after Ctrl-C
    #[arg(
        hide_short_help = true,
        allow_hyphen_values = true,
        long,
        default_value = "5",
        value_name = "SECONDS",
        help_heading = "Kafka"
    )]
    pub timeout: DurationArg,
    /// Never start the embedded broker, even if none is given and none is at localhost:9092
    #[arg(hide_short_help = true, long, help_heading = "Kafka")]
    pub no_embedded: bool,
    /// Embedded broker: longest wait of a file or pipe for a viewer before its first frame; 0 does not wait [default: 30s]
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, value_name = "TIME", help_heading = "Kafka")]
    pub wait_viewer: Option<DurationArg>,

    /// Fail instead of creating it
    #[arg(hide_short_help = true, long, help_heading = "If the topic is missing")]
    pub no_create: bool,
    /// Number of its partitions
    #[arg(hide_short_help = true, long, default_value_t = 1, value_name = "N", value_parser = whole(1_i32..=10_000), allow_hyphen_values = true, help_heading = "If the topic is missing")]
    pub partitions: i32,
    /// Number of its replicas [default: the broker's]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = whole(1_i32..=100), allow_hyphen_values = true, help_heading = "If the topic is missing")]
    pub replication_factor: Option<i32>,
    /// Time for which it keeps frames, as in 10m, 12h, forever
    #[arg(hide_short_help = true, long, default_value = "10m", value_name = "TIME", value_parser = values::retention, allow_hyphen_values = true, help_heading = "If the topic is missing")]
    pub retention: Retention,

    #[command(flatten)]
    pub reports: ReportArgs,
    /// Explain at the end why p99 is what it is, and what to change (JSON reports always do)
    #[arg(long, help_heading = "Report")]
    pub explain: bool,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub status: StatusArgs,
}

impl Cli {
    /// Refuses combinations of options that clap cannot check.
    pub fn check(&self) -> Result<(), String> {
        if self.input.is_none() && !self.list_cameras {
            return Err(
                "name what to publish: a file, '-' for standard input, a URL, a camera (as in 0) or 'test'; for \
                        example: vidprod test --topic video"
                    .to_owned(),
            );
        }
        if let (Passthrough::Always, Some(option)) = (self.passthrough, self.changes_pictures()) {
            return Err(format!(
                "--passthrough always keeps pictures as they are, and {option} changes them: omit one"
            ));
        }
        reports::check_distinct(&self.reports.files)?;
        self.metrics.check()?;
        self.kafka.check()
    }

    /// The given option that requires changing the input's pictures, if any.
    pub fn changes_pictures(&self) -> Option<&'static str> {
        let given = [
            ("--quality", self.quality.is_some()),
            ("--subsampling", self.subsampling.is_some()),
            ("--fit shrink", self.fit == Fit::Shrink),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

/// `None` is forever.
pub type Retention = Option<Duration>;

/// Parses the chroma subsampling.
fn subsampling() -> impl TypedValueParser<Value = Subsampling> {
    PossibleValuesParser::new(["420", "422", "444", "gray"]).map(|name| match name.as_str() {
        "422" => Subsampling::S422,
        "444" => Subsampling::S444,
        "gray" => Subsampling::Gray,
        _ => Subsampling::S420,
    })
}

/// The box into which pictures are scaled down, or the source's own size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoxSize {
    Box(usize, usize),
    Source,
}

impl FromStr for BoxSize {
    type Err = String;

    fn from_str(text: &str) -> Result<BoxSize, String> {
        if text == "source" {
            return Ok(BoxSize::Source);
        }
        values::size(text).map(|(w, h)| BoxSize::Box(w, h)).map_err(|e| format!("{e}, or 'source'"))
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
