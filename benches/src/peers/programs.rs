//! The programs to compare: each has a consumer that shows pictures at 0,0 and a producer that reads y4m.

use std::fmt;
use std::process::{Command, Stdio};

use testkit::workspace::{built, root};

/// A pair of programs, with their command lines in parts. `{NAME}` in them is replaced by a value of the run.
#[derive(PartialEq, Eq, Debug)]
pub struct Peer {
    pub name: &'static str,
    /// The Python script in benches/peers, if it is one.
    pub script: &'static str,
    /// Name of the broker between the programs.
    pub broker: Option<&'static str>,
    /// The elements of GStreamer and modules of Python that it needs.
    elements: &'static [&'static str],
    modules: &'static [&'static str],
    consumer: &'static [&'static str],
    /// Further arguments of the consumer with a screen.
    window: &'static str,
    /// Further arguments without a screen; `None` if the consumer does not report its latency.
    headless: Option<&'static str>,
    producer: &'static [&'static str],
}

const REAL: Option<&str> = Some("real");

/// With -e, vidcons ends with the session and then writes its report.
const OURS: Peer = Peer {
    name: "ours-real",
    script: "",
    broker: REAL,
    elements: &[],
    modules: &[],
    consumer: &["{vidcons} -q -b {broker} -t {topic} -e --report {report}"],
    window: "--borderless --position 0,0 --no-overlay",
    headless: Some("--headless --report {frames}"),
    producer: &["{vidprod} - -q -b {broker} -t {topic} --size source --quality {quality}"],
};

/// The fastest way found without a broker. By default a sending sink waits for the stream's clock, which begins with the
/// first frame. That frame is slow, and then all the others are (`gstreamer-synced`).
const GSTREAMER: Peer = Peer {
    name: "gstreamer",
    broker: None,
    elements: &["y4mdec", "jpegenc", "tcpserversrc", "ximagesink"],
    consumer: &[GST, TCP_RECEIVE, GST_SHOW],
    window: "",
    headless: None,
    producer: &[GST, GST_ENCODE, TCP_SEND, "sync=false"],
    ..OURS
};

const GST: &str = "gst-launch-1.0 -q";
/// The block size is large, so that the pipe is read in few pieces.
const GST_ENCODE: &str = "fdsrc fd=0 blocksize=262144 ! y4mdec ! jpegenc quality={quality} !";
const GST_SHOW: &str = "! jpegdec ! videoconvert ! ximagesink sync=false";
const TCP_RECEIVE: &str = "tcpserversrc host=127.0.0.1 port={port} ! matroskademux";
const TCP_SEND: &str = "matroskamux streamable=true ! tcpclientsink host=127.0.0.1 port={port}";
/// With the system's default receive buffer frames would be lost.
const RTP_RECEIVE: &str = "udpsrc address=127.0.0.1 port={port} buffer-size=4194304 \
    caps=application/x-rtp,media=video,encoding-name=JPEG,payload=26,clock-rate=90000 ! rtpjpegdepay";
const RTP_SEND: &str = "rtpjpegpay ! udpsink host=127.0.0.1 port={port} sync=false";

/// A script in benches/peers; all take the same arguments.
const PYTHON: Peer = Peer {
    name: "imagezmq",
    script: "imagezmq_simplejpeg.py",
    broker: None,
    modules: &["pygame", "simplejpeg", "imagezmq"],
    consumer: &["{python} {script} consume --address {address} --topic {topic} --report {report}"],
    window: "--window {size}",
    headless: Some("--skip {warm}"),
    producer: &["{python} {script} produce --address {address} --topic {topic} --quality {quality}"],
    ..OURS
};

const fn through_kafka(name: &'static str, script: &'static str, modules: &'static [&'static str]) -> Peer {
    Peer { name, script, broker: REAL, modules, ..PYTHON }
}

pub static PEERS: [Peer; 9] = [
    OURS,
    Peer { name: "ours-embedded", broker: Some("embedded"), ..OURS },
    GSTREAMER,
    Peer { name: "gstreamer-synced", producer: &[GST, GST_ENCODE, TCP_SEND], ..GSTREAMER },
    Peer {
        name: "gstreamer-rtp",
        elements: &["y4mdec", "rtpjpegpay", "ximagesink"],
        consumer: &[GST, RTP_RECEIVE, GST_SHOW],
        producer: &[GST, GST_ENCODE, RTP_SEND],
        ..GSTREAMER
    },
    PYTHON,
    through_kafka("confluent-tuned", "confluent_tuned.py", &["pygame", "simplejpeg", "confluent_kafka"]),
    through_kafka("confluent", "confluent_defaults.py", &["pygame", "cv2", "confluent_kafka"]),
    through_kafka("kafka-python", "kafka_python_defaults.py", &["pygame", "cv2", "kafka"]),
];

impl Peer {
    pub fn is_ours(&self) -> bool {
        is_ours(self.name)
    }

    /// True if the consumer writes a report of its own.
    pub fn reports(&self) -> bool {
        self.headless.is_some()
    }

    pub fn by_default(&self, headless: bool) -> bool {
        self.name == "gstreamer" && !headless || self.reports()
    }

    /// The command line of the consumer.
    pub fn consumer(&self, headless: bool, values: &[(&str, String)]) -> Vec<String> {
        let more = if headless { self.headless.unwrap_or_default() } else { self.window };
        filled(&format!("{} {more}", self.consumer.join(" ")), values)
    }

    /// The command line of the producer.
    pub fn producer(&self, values: &[(&str, String)]) -> Vec<String> {
        filled(&self.producer.join(" "), values)
    }

    /// The first requirement that is missing, and what to do about it.
    pub fn missing(&self, python: &str) -> Option<String> {
        if self.is_ours() {
            return ["vidprod", "vidcons"].iter().find_map(|name| built(name).err()).map(|error| format!("{error:#}"));
        }
        let has_element = |name: &&&str| succeeds("gst-inspect-1.0", &["--exists", name]);
        let has_module = |name: &&&str| succeeds(python, &["-c", &format!("import {name}")]);
        let element =
            self.elements.iter().find(|name| !has_element(name)).map(|name| format!("GStreamer has no {name}"));
        let module =
            || self.modules.iter().find(|name| !has_module(name)).map(|name| format!("{python} has no {name}"));
        element.or_else(module).map(|missing| format!("{missing}: scripts/setup bench installs it"))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

pub fn is_ours(name: &str) -> bool {
    name.starts_with("ours-")
}

/// Finds a peer by its name.
pub fn peer(name: &str) -> Result<&'static Peer, String> {
    let names = || PEERS.each_ref().map(|peer| peer.name).join(", ");
    PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| format!("the lines are {}", names()))
}

/// The words of a command line, with the values in place of their names. A value with spaces stays one word.
fn filled(line: &str, values: &[(&str, String)]) -> Vec<String> {
    let fill = |word: &str| {
        values.iter().fold(word.to_owned(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
    };
    line.split_whitespace().map(fill).collect()
}

/// The Python that scripts/setup installs, or else the system's.
pub fn find_python() -> String {
    let own = root().join(".venv/bin/python");
    if own.is_file() { own.display().to_string() } else { "python3".to_owned() }
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let quiet = command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|code| code.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_found_by_its_name() {
        for one in &PEERS {
            assert_eq!(peer(one.name), Ok(one));
        }
        assert!(peer("kafka").is_err());
    }

    #[test]
    fn without_a_screen_only_those_that_report_are_run() {
        let of = |headless| PEERS.iter().filter(|peer| peer.by_default(headless)).count();
        assert_eq!((of(false), of(true)), (7, 6));
    }

    #[test]
    fn command_lines_have_the_values_of_the_run() {
        let values = [
            "vidcons", "vidprod", "broker", "topic", "report", "frames", "port", "python", "script", "address", "size",
            "warm", "quality",
        ]
        .map(|name| (name, format!("<{name} 1>")));
        let consumer = |name: &str, headless| peer(name).unwrap().consumer(headless, &values).join(" ");
        assert_eq!(
            consumer("ours-real", true),
            "<vidcons 1> -q -b <broker 1> -t <topic 1> -e --report <report 1> --headless --report <frames 1>"
        );
        assert!(
            consumer("ours-embedded", false).ends_with("--report <report 1> --borderless --position 0,0 --no-overlay")
        );
        assert!(
            consumer("gstreamer", false)
                .starts_with("gst-launch-1.0 -q tcpserversrc host=127.0.0.1 port=<port 1> ! matroskademux ! jpegdec")
        );
        assert!(consumer("imagezmq", false).ends_with("--topic <topic 1> --report <report 1> --window <size 1>"));
        for peer in &PEERS {
            let both = [peer.consumer(peer.reports(), &values), peer.producer(&values)].concat();
            assert!(both.iter().all(|word| !word.contains('{')), "{both:?}");
            assert!(!both.iter().any(String::is_empty), "{both:?}");
        }
    }
}
