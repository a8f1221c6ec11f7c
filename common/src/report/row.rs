//! A row of the report that has a line for each frame, as CSV.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::time::{Stage, Stamps, Tiles, TimeBase};
use crate::wire::{Meta, Session};

/// The names of the columns. Times are µs of the monotonic clock, as in the records' headers.
pub const HEADER: &str = "source,session,frame,number,bytes,counted,\
due,captured,encoded,published,received,reassembled,decoded,presented,\
capture_us,encode_us,publish_us,broker_us,reassemble_us,decode_us,present_us,total_us,acknowledge_us\n";

/// A frame that was shown (vidcons) or acknowledged (vidprod).
#[derive(Clone, Debug)]
pub struct Row {
    pub source: Arc<str>,
    pub session: Session,
    pub frame: u64,
    pub number: Option<u64>,
    pub bytes: usize,
    pub stamps: Stamps,
    /// The way in which the clocks of these timestamps were compared.
    pub base: TimeBase,
    /// Latency from published to acknowledged.
    pub acknowledge: Option<Duration>,
    /// True if the frame arrived after watching began; other frames are in no histogram.
    pub timed: bool,
    /// The stages of the frame, if they add up.
    pub tiles: Option<Tiles>,
}

impl Row {
    pub fn new(meta: &Meta, bytes: usize, stages: &[Stage]) -> Row {
        Row {
            source: meta.source.clone(),
            session: meta.session,
            frame: meta.frame,
            number: meta.number,
            bytes,
            stamps: meta.stamps,
            base: TimeBase::SameHost,
            acknowledge: None,
            timed: true,
            tiles: meta.stamps.tile(stages),
        }
    }

    /// The stages that count in the histograms.
    pub fn counted(&self) -> Option<&Tiles> {
        self.tiles.as_ref().filter(|_| self.timed)
    }

    /// Appends the row to `to`, as a line.
    pub fn write_csv(&self, to: &mut String) {
        let counted = match (&self.tiles, self.timed) {
            (None, _) => "untiled",
            (_, false) => "before",
            _ => "yes",
        };
        // Writing into a String cannot fail.
        let _ = write!(to, "{},{},{},", quoted(&self.source), self.session, self.frame);
        cell(to, self.number);
        let _ = write!(to, "{},{counted},", self.bytes);
        let s = &self.stamps;
        for moment in [s.due, s.captured, s.encoded, s.published, s.received, s.reassembled, s.decoded, s.presented] {
            // Stages that this frame did not go through have no timestamp.
            cell(to, Some(moment.0).filter(|us| *us > 0));
        }
        let us = |duration: Duration| duration.as_micros() as u64;
        for stage in Stage::ALL {
            cell(to, self.tiles.as_ref().and_then(|tiles| tiles.stage(stage)).map(us));
        }
        cell(to, self.tiles.as_ref().map(|tiles| us(tiles.total())));
        cell(to, self.acknowledge.map(us));
        to.pop();
        to.push('\n');
    }
}

fn cell(to: &mut String, value: Option<u64>) {
    if let Some(value) = value {
        let _ = write!(to, "{value}");
    }
    to.push(',');
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::time::Micros;

    pub(crate) fn row(encode_us: u64) -> Row {
        let done = Micros(1010 + encode_us);
        let stamps =
            Stamps { due: Micros(1000), captured: Micros(1010), encoded: done, published: done, ..Stamps::default() };
        Row {
            source: "lobby".into(),
            session: Session { began_ms: 7, salt: 1 },
            frame: 3,
            number: None,
            bytes: 99,
            stamps,
            base: TimeBase::SameHost,
            acknowledge: Some(Duration::from_micros(5)),
            timed: true,
            tiles: stamps.tile(&Stage::PRODUCER),
        }
    }

    fn line(row: &Row) -> String {
        let mut text = String::new();
        row.write_csv(&mut text);
        text
    }

    #[test]
    fn a_line_has_a_cell_for_each_column() {
        let text = line(&row(40));
        assert_eq!(text, "lobby,7-00000001,3,,99,yes,1000,1010,1050,1050,,,,,10,40,0,,,,,50,5\n");
        assert_eq!(text.matches(',').count(), HEADER.matches(',').count());
    }

    #[test]
    fn a_frame_in_no_histogram_has_its_reason() {
        assert!(line(&Row { timed: false, ..row(40) }).contains(",before,"));
        assert!(line(&Row { tiles: None, ..row(40) }).contains(",untiled,1000,1010,1050,1050,,,,,,,,,,,,,5\n"));
    }

    #[test]
    fn a_source_with_a_comma_stays_one_cell() {
        assert!(line(&Row { source: "a,\"b\"".into(), ..row(1) }).starts_with("\"a,\"\"b\"\"\",7-"));
    }
}
