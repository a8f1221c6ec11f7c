//! The sources of a topic, from the records that were read.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use common::time::Micros;
use common::wire::record::{self, Incoming};
use common::wire::{Limits, Pushed, Reassembler, Record};
use common::words::bytes;
use kafka::Received;
use serde::Serialize;

/// The sources of a topic by name.
#[derive(Default, Debug)]
pub struct Sources {
    by_name: BTreeMap<String, SourceSummary>,
    run: u64,
    /// Puts frames of several records together, if pictures are wanted.
    reassembler: Option<Reassembler>,
}

/// A source, by the records that were read.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SourceFigures {
    pub source: String,
    /// Width and height; `None` if its records do not tell.
    pub size: Option<(u32, u32)>,
    pub fps: f64,
    /// Average size of a frame.
    pub frame_bytes: u64,
    /// Time since its newest record.
    pub age_ms: i64,
    pub ended: bool,
    /// True if it was not published by vidprod.
    pub foreign: bool,
}

impl fmt::Display for SourceFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size.map_or("plain JPEG".to_owned(), |(width, height)| format!("{width}x{height}"));
        let age = humantime::format_duration(Duration::from_secs(self.age_ms.max(0) as u64 / 1000));
        let end = if self.ended { ", ended" } else { "" };
        let marked = if self.foreign { " (not from vidprod)" } else { "" };
        let frame = bytes(self.frame_bytes);
        write!(f, "{}  {size}  {:.1} fps  {frame} a frame  newest {age} ago{end}{marked}", self.source, self.fps)
    }
}

/// A record that was entered.
#[derive(PartialEq, Eq, Debug)]
pub struct Entered {
    pub source: String,
    /// True if the record is the end of the source's session.
    pub ended: bool,
}

#[derive(Debug, Default)]
struct SourceSummary {
    frames: u64,
    bytes: u64,
    /// Number and sum of the intervals between successive frames of the same run.
    intervals: u64,
    intervals_ms: i64,
    /// The run and the time of the frame that was read last.
    before: Option<(u64, i64)>,
    /// Time in ms since 1970 of the newest record read, and its offset, because several records may have the same time.
    newest: (i64, i64),
    size: (u32, u32),
    ended: bool,
    foreign: bool,
    /// A whole picture among the newest, and its place.
    picture: Option<((i64, i64), Bytes)>,
}

impl Sources {
    /// Keeps a picture of each source, too.
    pub fn with_pictures() -> Sources {
        Sources { reassembler: Some(Reassembler::new(Limits::default())), ..Sources::default() }
    }

    /// Begins a run of records that follow each other in a partition. Frame rates are measured within runs.
    pub fn begin_run(&mut self) {
        self.run += 1;
    }

    /// Enters a record. Returns `None` for records that are not pictures, as they have no source.
    pub fn enter(&mut self, received: &Received) -> Option<Entered> {
        let Received { record, partition, offset } = received;
        let (source, is_frame, size, ended, foreign) = match record::read(record) {
            Ok(Incoming::Part(part)) => {
                let size = part.meta.codec.size(&record.value).unwrap_or((part.meta.width, part.meta.height));
                (part.meta.source.to_string(), part.index == 0, size, false, false)
            }
            Ok(Incoming::End(meta, ..)) => {
                let size = meta.codec.size(&record.value).unwrap_or((meta.width, meta.height));
                (meta.source.to_string(), false, size, true, false)
            }
            Ok(Incoming::Foreign(..)) => (record::foreign_source(record, *partition), true, (0, 0), false, true),
            Err(_) => return None,
        };
        let ms = record.timestamp_ms.unwrap_or(0);
        let summary = self.by_name.entry(source.clone()).or_default();
        if is_frame {
            summary.enter_frame(self.run, ms);
        }
        summary.bytes += if ended { 0 } else { record.value.len() as u64 };
        if (ms, *offset) >= summary.newest {
            summary.newest = (ms, *offset);
            (summary.size, summary.ended, summary.foreign) = (size, ended, foreign);
        }
        if let Some(reassembler) = &mut self.reassembler
            && let Some(picture) = picture(reassembler, record)
            && summary.picture.as_ref().is_none_or(|(place, _)| *place <= (ms, *offset))
        {
            summary.picture = Some(((ms, *offset), picture));
        }
        Some(Entered { source, ended })
    }

    /// A picture of each source that has one.
    pub fn pictures(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.by_name.iter().filter_map(|(name, summary)| Some((name.as_str(), &summary.picture.as_ref()?.1)))
    }

    /// The sources by name.
    pub fn figures(&self, now_ms: i64) -> impl Iterator<Item = SourceFigures> {
        self.by_name.iter().map(move |(name, summary)| summary.figures(name, now_ms))
    }
}

/// The picture that a record makes whole.
fn picture(reassembler: &mut Reassembler, record: &Record) -> Option<Bytes> {
    match record::read(record).ok()? {
        Incoming::Foreign(_, picture) => Some(picture),
        incoming => match reassembler.push(incoming, Micros(0)).ok()? {
            Pushed::Frame(frame) => Some(frame.payload),
            Pushed::End(ended) => ended.picture.map(|frame| frame.payload),
            Pushed::Nothing => None,
        },
    }
}

impl SourceSummary {
    fn enter_frame(&mut self, run: u64, ms: i64) {
        if let Some((_, before_ms)) = self.before.filter(|(of_run, _)| *of_run == run) {
            self.intervals += 1;
            self.intervals_ms += ms - before_ms;
        }
        self.before = Some((run, ms));
        self.frames += 1;
    }

    fn figures(&self, name: &str, now_ms: i64) -> SourceFigures {
        SourceFigures {
            source: name.to_owned(),
            size: (self.size != (0, 0)).then_some(self.size),
            fps: if self.intervals_ms > 0 { self.intervals as f64 * 1000.0 / self.intervals_ms as f64 } else { 0.0 },
            frame_bytes: self.bytes / self.frames.max(1),
            age_ms: now_ms - self.newest.0,
            ended: self.ended,
            foreign: self.foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use common::time::Stamps;
    use common::wire::{Codec, End, Frame, FrameKind, Meta, Origin, Session};

    use super::*;

    fn picture(key: &str, ms: i64) -> Received {
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xd9];
        let record = Record {
            key: Some(key.as_bytes().to_vec().into()),
            value: jpeg.to_vec().into(),
            headers: Vec::new(),
            timestamp_ms: Some(ms),
        };
        Received { record, partition: 0, offset: 0 }
    }

    #[test]
    fn a_rate_is_of_frames_that_followed_each_other() {
        let mut sources = Sources::default();
        for run in 0..3 {
            sources.begin_run();
            for frame in 0..3 {
                sources.enter(&picture("camera", 100_000 - run * 10_000 + frame * 40));
            }
        }
        let lines: Vec<String> = sources.figures(103_080).map(|figures| figures.to_string()).collect();
        assert_eq!(lines, ["camera  plain JPEG  25.0 fps  8 B a frame  newest 3s ago (not from vidprod)"]);
    }

    #[test]
    fn a_session_has_ended_in_whatever_order_its_records_are_read() {
        let meta = Meta {
            source: "a".into(),
            session: Session { began_ms: 1, salt: 0 },
            frame: 0,
            codec: Codec::Jpeg,
            key_frame: true,
            number: None,
            pts: Duration::ZERO,
            stamps: Stamps::default(),
            origin: Origin { boot: "".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
            skipped: 0,
        };
        let last = Frame { meta, payload: vec![0xff, 0xd8, 0xff].into(), kind: FrameKind::Own };
        // Both records have the same timestamp.
        let [last, end] = [record::split(&last, 1000).remove(0), record::end(&last.meta, None, &End::default())];
        let received = |record: &Record, offset| Received { record: record.clone(), partition: 0, offset };
        let (last, end) = (received(&last, 1), received(&end, 2));
        for order in [[&last, &end], [&end, &last]] {
            let mut sources = Sources::default();
            for one in order {
                sources.enter(one).expect("it is of a source");
            }
            let figures: Vec<SourceFigures> = sources.figures(0).collect();
            assert!(figures[0].ended && figures[0].to_string().ends_with(" ago, ended"), "{figures:?}");
        }
    }

    #[test]
    fn the_newest_whole_picture_of_a_source_is_kept() {
        let mut sources = Sources::with_pictures();
        for (ms, offset) in [(2, 2), (3, 3), (1, 1)] {
            let mut received = picture("camera", ms);
            received.offset = offset;
            received.record.value = [&received.record.value[..], &[offset as u8]].concat().into();
            sources.enter(&received);
        }
        let pictures: Vec<(&str, &Bytes)> = sources.pictures().collect();
        assert_eq!((pictures[0].0, pictures[0].1.last()), ("camera", Some(&3)));
        assert_eq!(pictures.len(), 1);
    }
}
