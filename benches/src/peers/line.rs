//! The lines to compare: each has a consumer that shows pictures at 0,0 and a producer that reads y4m.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::options::PeersOptions;
use crate::brokers::{Choice, root};
use crate::running::program;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    OursReal,
    OursEmbedded,
    Gstreamer,
    GstreamerSynced,
    GstreamerRtp,
    Imagezmq,
    ConfluentTuned,
    Confluent,
    KafkaPython,
}

/// A requirement of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// A program in this program's folder.
    Ours(&'static str),
    Program(&'static str),
    /// An element of GStreamer.
    Element(&'static str),
    /// A Python module.
    Module(&'static str),
}

/// The surroundings of one run.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub options: &'a PeersOptions,
    /// Address of the broker; empty without one.
    pub broker: &'a str,
    pub topic: &'a str,
    /// Port for lines without a broker.
    pub port: u16,
    pub python: &'a str,
    /// The file for the consumer's report.
    pub report: &'a Path,
}

impl Around<'_> {
    /// The file to which vidcons writes a line for each frame.
    pub fn frames(&self) -> PathBuf {
        self.report.with_extension("csv")
    }
}

/// The two command lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commands {
    pub consumer: Vec<String>,
    pub producer: Vec<String>,
}

impl Line {
    pub const ALL: [Line; 9] = [
        Line::OursReal,
        Line::OursEmbedded,
        Line::Gstreamer,
        Line::GstreamerSynced,
        Line::GstreamerRtp,
        Line::Imagezmq,
        Line::ConfluentTuned,
        Line::Confluent,
        Line::KafkaPython,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Line::OursReal => "ours-real",
            Line::OursEmbedded => "ours-embedded",
            Line::Gstreamer => "gstreamer",
            Line::GstreamerSynced => "gstreamer-synced",
            Line::GstreamerRtp => "gstreamer-rtp",
            Line::Imagezmq => "imagezmq",
            Line::ConfluentTuned => "confluent-tuned",
            Line::Confluent => "confluent",
            Line::KafkaPython => "kafka-python",
        }
    }

    pub const fn is_ours(self) -> bool {
        matches!(self, Line::OursReal | Line::OursEmbedded)
    }

    /// True if the line's consumer writes a report of its own.
    pub const fn tells(self) -> bool {
        !matches!(self, Line::Gstreamer | Line::GstreamerSynced | Line::GstreamerRtp)
    }

    pub fn by_default(self, headless: bool) -> bool {
        self == Line::Gstreamer && !headless || self.tells()
    }

    pub const fn broker(self) -> Option<Choice> {
        match self {
            Line::OursEmbedded => Some(Choice::Embedded),
            Line::OursReal | Line::ConfluentTuned | Line::Confluent | Line::KafkaPython => Some(Choice::Real),
            Line::Gstreamer | Line::GstreamerSynced | Line::GstreamerRtp | Line::Imagezmq => None,
        }
    }

    pub const fn needs(self) -> &'static [Need] {
        use Need::{Element, Module, Ours, Program};
        match self {
            Line::OursReal | Line::OursEmbedded => &[Ours("vidprod"), Ours("vidcons")],
            Line::Gstreamer | Line::GstreamerSynced => &[
                Program("gst-launch-1.0"),
                Element("y4mdec"),
                Element("jpegenc"),
                Element("tcpserversrc"),
                Element("ximagesink"),
            ],
            Line::GstreamerRtp => {
                &[Program("gst-launch-1.0"), Element("y4mdec"), Element("rtpjpegpay"), Element("ximagesink")]
            }
            Line::Imagezmq => &[Module("pygame"), Module("simplejpeg"), Module("imagezmq")],
            Line::ConfluentTuned => &[Module("pygame"), Module("simplejpeg"), Module("confluent_kafka")],
            Line::Confluent => &[Module("pygame"), Module("cv2"), Module("confluent_kafka")],
            Line::KafkaPython => &[Module("pygame"), Module("cv2"), Module("kafka")],
        }
    }

    pub fn commands(self, around: &Around<'_>) -> anyhow::Result<Commands> {
        Ok(match self {
            Line::OursReal | Line::OursEmbedded => ours(around)?,
            Line::Gstreamer => gstreamer(around, TCP_RECEIVE, &format!("{TCP_SEND} sync=false")),
            Line::GstreamerSynced => gstreamer(around, TCP_RECEIVE, TCP_SEND),
            Line::GstreamerRtp => gstreamer(around, RTP_RECEIVE, RTP_SEND),
            Line::Imagezmq => python(around, "imagezmq_simplejpeg.py"),
            Line::ConfluentTuned => python(around, "confluent_tuned.py"),
            Line::Confluent => python(around, "confluent_defaults.py"),
            Line::KafkaPython => python(around, "kafka_python_defaults.py"),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Line, String> {
        let names = || Line::ALL.map(Line::name).join(", ");
        Line::ALL.into_iter().find(|line| line.name() == text).ok_or_else(|| format!("the lines are {}", names()))
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The command lines of our programs. With -e, vidcons ends with the session and then writes its report.
fn ours(around: &Around<'_>) -> anyhow::Result<Commands> {
    let Around { options, broker, topic, report, .. } = around;
    let show = if options.headless { "--headless" } else { "--borderless --position 0,0 --no-overlay" };
    let mut consumer = vec![program("vidcons")?.display().to_string()];
    consumer.extend(words(&format!("-q -b {broker} -t {topic} -e {show} --report")));
    consumer.push(report.display().to_string());
    if options.headless {
        consumer.extend(["--report".to_owned(), around.frames().display().to_string()]);
    }
    let mut producer = vec![program("vidprod")?.display().to_string()];
    producer.extend(words(&format!("- -q -b {broker} -t {topic} --size source --quality {}", options.quality)));
    Ok(Commands { consumer, producer })
}

/// The fastest way found without a broker. By default a sending sink waits for the stream's clock, which begins with
/// the first frame. That frame is slow, and then all the others are (`gstreamer-synced`).
const TCP_RECEIVE: &str =
    "tcpserversrc host=127.0.0.1 port=PORT ! matroskademux ! jpegdec ! videoconvert ! ximagesink sync=false";
const TCP_SEND: &str = "matroskamux streamable=true ! tcpclientsink host=127.0.0.1 port=PORT";

/// With the system's default receive buffer frames would be lost.
const RTP_RECEIVE: &str = "udpsrc address=127.0.0.1 port=PORT buffer-size=4194304 \
    caps=application/x-rtp,media=video,encoding-name=JPEG,payload=26,clock-rate=90000 \
    ! rtpjpegdepay ! jpegdec ! videoconvert ! ximagesink sync=false";
const RTP_SEND: &str = "rtpjpegpay ! udpsink host=127.0.0.1 port=PORT sync=false";

/// The command lines of GStreamer. The block size is large, so that the pipe is read in few pieces.
fn gstreamer(around: &Around<'_>, receive: &str, send: &str) -> Commands {
    let encode = format!("fdsrc fd=0 blocksize=262144 ! y4mdec ! jpegenc quality={}", around.options.quality);
    let launch = |pipeline: &str| {
        let pipeline = pipeline.replace("PORT", &around.port.to_string());
        [words("gst-launch-1.0 -q"), words(&pipeline)].concat()
    };
    Commands { consumer: launch(receive), producer: launch(&format!("{encode} ! {send}")) }
}

/// The command lines of the scripts in benches/peers, which all take the same arguments.
fn python(around: &Around<'_>, script: &str) -> Commands {
    let Around { options, broker, topic, port, .. } = around;
    let script = root().join("benches/peers").join(script).display().to_string();
    let address = if broker.is_empty() { format!("127.0.0.1:{port}") } else { (*broker).to_owned() };
    let begin = |role: &str| {
        let mut command = vec![around.python.to_owned(), script.clone()];
        command.extend(words(&format!("{role} --address {address} --topic {topic}")));
        command
    };
    let mut consumer = begin("consume");
    consumer.push("--report".to_owned());
    consumer.push(around.report.display().to_string());
    if options.headless {
        consumer.extend(words(&format!("--skip {}", options.warm)));
    } else {
        consumer.extend(words(&format!("--window {}", options.size)));
    }
    let mut producer = begin("produce");
    producer.extend(words(&format!("--quality {}", options.quality)));
    Commands { consumer, producer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found_by_its_name() {
        for line in Line::ALL {
            assert_eq!(line.name().parse(), Ok(line));
        }
        assert!("kafka".parse::<Line>().is_err());
    }

    #[test]
    fn without_a_screen_only_those_that_tell_are_run() {
        let of = |headless| Line::ALL.into_iter().filter(|line| line.by_default(headless)).count();
        assert_eq!((of(false), of(true)), (7, 6));
    }
}
