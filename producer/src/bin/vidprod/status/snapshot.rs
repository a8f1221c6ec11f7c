//! A snapshot of the current state, from which the status line and the figures in JSON are made.

use std::collections::BTreeMap;
use std::time::Duration;

use common::time::{Percentiles, rate};
use common::words::bytes;
use serde::Serialize;

/// A snapshot of the current state. Its fields are those of the event `status`, which docs/operate.md describes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StatusFigures {
    pub source: String,
    pub topic: String,
    /// Time since the first picture.
    pub seconds: f64,
    /// Present while acknowledgements are outstanding and the broker sends none.
    #[serde(flatten)]
    pub silence: Option<BrokerSilence>,
    /// Number of frames captured so far.
    pub frames: u64,
    pub acknowledged: u64,
    /// Rate of published frames.
    pub fps: f64,
    pub bytes_per_second: u64,
    /// Latency from published to acknowledged; `None` if nothing was acknowledged lately.
    #[serde(flatten)]
    pub latency: Option<Percentiles>,
    /// `None` if the last frame was passed through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    pub dropped: u64,
    /// Number of dropped frames by reason.
    pub drops: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BrokerSilence {
    #[serde(rename = "broker_silent_seconds")]
    pub seconds: f64,
    /// Reason why no broker is connected, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl BrokerSilence {
    pub fn because(&self) -> String {
        self.why.as_ref().map_or(String::new(), |why| format!(": {why}"))
    }
}

impl StatusFigures {
    /// The status line. A silence comes before the figures, because a narrow terminal cuts off the end.
    pub fn line(&self) -> String {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let silence = self.silence.as_ref().map_or(String::new(), |silence| {
            format!("the broker is silent for {:.0} s{}  ", silence.seconds, silence.because())
        });
        let latency = self
            .latency
            .as_ref()
            .map_or(String::new(), |latency| format!(" in p50 {:.1} p99 {:.1} ms", ms(latency.p50), ms(latency.p99)));
        format!(
            "{:.1} s  {silence}{}  {}/s  {}  frame {}  dropped {}  acknowledged {}{latency}",
            self.seconds,
            rate::fps(self.fps),
            bytes(self.bytes_per_second),
            self.quality.map_or("passed through".to_owned(), |quality| format!("quality {quality}")),
            self.frames,
            self.dropped,
            self.acknowledged,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> StatusFigures {
        StatusFigures {
            source: "cam".to_owned(),
            topic: "video".to_owned(),
            seconds: 4.04,
            silence: None,
            frames: 121,
            acknowledged: 118,
            fps: 30.0,
            bytes_per_second: 3_010_000,
            latency: Some(Percentiles { p50: Duration::from_micros(640), p99: Duration::from_micros(1250) }),
            quality: Some(80),
            dropped: 2,
            drops: [("late".to_owned(), 2)].into(),
        }
    }

    #[test]
    fn the_line_and_the_figures_say_the_same() {
        let snapshot = snapshot();
        let line =
            "4.0 s  30.0 fps  3.0 MB/s  quality 80  frame 121  dropped 2  acknowledged 118 in p50 0.6 p99 1.2 ms";
        assert_eq!(snapshot.line(), line);
        let expected = serde_json::json!({
            "source": "cam", "topic": "video", "seconds": 4.04, "frames": 121, "acknowledged": 118, "fps": 30.0,
            "bytes_per_second": 3_010_000, "p50_us": 640, "p99_us": 1250, "quality": 80, "dropped": 2,
            "drops": {"late": 2},
        });
        assert_eq!(serde_json::to_value(snapshot).expect("it is JSON"), expected);
    }

    #[test]
    fn a_silent_broker_is_in_the_line_with_its_cause() {
        let why = Some("connection refused".to_owned());
        let silent = StatusFigures { silence: Some(BrokerSilence { seconds: 5.0, why }), latency: None, ..snapshot() };
        let line = silent.line();
        assert!(line.starts_with("4.0 s  the broker is silent for 5 s: connection refused  30.0 fps"), "{line}");
        assert!(line.ends_with("acknowledged 118"), "{line}");
        let figures = serde_json::to_value(silent).expect("it is JSON");
        assert_eq!(figures["broker_silent_seconds"], 5.0);
        assert_eq!((&figures["why"], figures.get("p50_us")), (&"connection refused".into(), None));
    }
}
