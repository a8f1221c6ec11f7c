//! The wire format: turns a frame into Kafka records, and a record from Kafka back into a part of a frame.
//!
//! ```text
//! Frame ─split─▶ [Record 0/n] [Record 1/n] …   key = source, value = that slice of the payload, headers = text
//! Record ─read─▶ Incoming: a part of ours, the end of a session, or another client's plain JPEG
//! ```
//! A part's length follows from the frame's size and the number of parts, so a false value of either is detected at
//! once.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::time::{Micros, Stamps};
use crate::wire::{Codec, End, Frame, Headers, Meta, Origin, Session};

/// The version of the wire format, in the header [`VERSION_HEADER`]. A change of the golden bytes needs a new version.
pub const VERSION: &str = "1";
pub const VERSION_HEADER: &str = "vid";
/// All header names that we write. Headers of the user must have other names.
pub const HEADERS: [&str; 19] = [
    VERSION_HEADER,
    "type",
    "source",
    "session",
    "frame",
    "number",
    "pts",
    "due",
    "captured",
    "encoded",
    "published",
    "boot",
    "wall",
    "size",
    "dropped",
    "skipped",
    "part",
    "bytes",
    "end",
];
/// Largest frame, whatever a header says.
pub const FRAME_BYTES_MAX: usize = 64 << 20;
pub const PIXELS_MAX: u64 = 64 << 20;
/// Longest source name, in bytes.
pub const SOURCE_BYTES_MAX: usize = 249;
/// Upper limit for headers, key and framing of one of our records, without the user's own headers.
pub const OVERHEAD_BYTES_MAX: usize = 1200;
/// Initial memory for the headers' texts, which is hardly ever too small.
const TEXT_BYTES: usize = 512;

/// A Kafka record, independent of any client.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    pub key: Option<Bytes>,
    pub timestamp_ms: Option<i64>,
    pub headers: Vec<(Cow<'static, str>, Bytes)>,
    pub value: Bytes,
}

impl Record {
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    fn text(&self, name: &'static str) -> Result<&str, Rejected> {
        let value = self.header(name).ok_or(Rejected::Missing(name))?;
        std::str::from_utf8(value).map_err(|_| Rejected::Unreadable(name))
    }

    fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Rejected> {
        self.text(name)?.parse().map_err(|_| Rejected::Unreadable(name))
    }

    fn optional<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Rejected> {
        self.header(name).map(|_| self.number(name)).transpose()
    }
}

/// The content of a record.
#[derive(Clone, PartialEq, Debug)]
pub enum Incoming {
    Part(Part),
    /// The end of a session, its last frame's data, and that frame's picture if it fitted.
    End(Meta, End, Option<Bytes>),
    /// Another client's plain picture.
    Foreign(Codec, Bytes),
}

impl Incoming {
    /// The frame's data, if the record has our headers.
    pub fn meta(&self) -> Option<&Meta> {
        match self {
            Incoming::Part(part) => Some(&part.meta),
            Incoming::End(meta, ..) => Some(meta),
            Incoming::Foreign(..) => None,
        }
    }
}

/// One part of a frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub meta: Meta,
    pub index: u32,
    pub count: u32,
    /// Size of the whole frame.
    pub bytes: usize,
    pub slice: Bytes,
}

/// Reason why a record is neither ours nor a JPEG.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejected {
    #[error("the value is not a JPEG")]
    NotAPicture,
    #[error("wire version {0} (this program reads {VERSION}): update it")]
    Version(String),
    #[error("header {0} is missing")]
    Missing(&'static str),
    #[error("header {0} is invalid")]
    Unreadable(&'static str),
    #[error("the slice has {got} bytes where part {index} of {count} has {expected}")]
    Length { index: u32, count: u32, expected: usize, got: usize },
    #[error("part {index} of {count} is a whole JPEG: for a picture in one message omit the headers part and bytes")]
    Joined { index: u32, count: u32 },
    #[error("a picture of {0} x {1} is larger than {PIXELS_MAX} pixels")]
    TooLarge(u32, u32),
    #[error("frame number {0} is far from the session's others")]
    Astray(u64),
    #[error("more than {0} sources")]
    TooManySources(usize),
    #[error("the frame is larger than what may be held for reassembly")]
    OverBound,
}

/// Turns a frame into one record, or into several, so that no value exceeds `value_bytes_max`.
pub fn split(frame: &Frame, value_bytes_max: usize) -> Vec<Record> {
    let (count, length) = cut(frame.payload.len(), value_bytes_max);
    (0..count)
        .map(|index| {
            let begin = index * length;
            let slice = frame.payload.slice(begin..(begin + length).min(frame.payload.len()));
            let mut headers = meta_headers(&frame.meta);
            headers.push("part", format_args!("{index}/{count}"));
            headers.push("bytes", frame.payload.len());
            record(&frame.meta, headers, slice)
        })
        .collect()
}

/// The record that ends a session: its last picture once more, if that fits, and the final counts.
pub fn end(last: &Meta, payload: Option<Bytes>, end: &End) -> Record {
    let mut headers = meta_headers(last);
    let End { captured, acknowledged, superseded, late, refused } = end;
    headers.push(
        "end",
        format_args!(
            "captured={captured} acknowledged={acknowledged} superseded={superseded} late={late} refused={refused}"
        ),
    );
    record(last, headers, payload.unwrap_or_default())
}

/// Reads a record. Returns an error if it is neither ours nor a JPEG.
pub fn read(record: &Record) -> Result<Incoming, Rejected> {
    let Some(version) = record.header(VERSION_HEADER) else {
        let codec = Codec::of_plain(&record.value).ok_or(Rejected::NotAPicture)?;
        return Ok(Incoming::Foreign(codec, record.value.clone()));
    };
    if version.as_ref() != VERSION.as_bytes() {
        return Err(Rejected::Version(version[..version.len().min(16)].escape_ascii().to_string()));
    }
    let meta = read_meta(record)?;
    if record.header("end").is_some() {
        let picture = meta.codec.begins(&record.value).then(|| record.value.clone());
        return Ok(Incoming::End(meta, read_end(record.text("end")?)?, picture));
    }
    read_part(record, meta).map(Incoming::Part)
}

/// The source of a plain JPEG: the record's key if it is a valid name, otherwise the partition.
pub fn foreign_source(record: &Record, partition: i32) -> String {
    let name = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    name.filter(|n| !n.is_empty() && n.len() <= SOURCE_BYTES_MAX && !n.contains(char::is_control))
        .map_or_else(|| format!("partition {partition}"), str::to_owned)
}

/// Number and length of the parts of `bytes`; the last part may be shorter.
fn cut(bytes: usize, value_bytes_max: usize) -> (usize, usize) {
    let count = bytes.div_ceil(value_bytes_max.max(1)).max(1);
    let length = bytes.div_ceil(count).max(1);
    (bytes.div_ceil(length).max(1), length)
}

fn record(meta: &Meta, headers: Headers, value: Bytes) -> Record {
    let captured_wall_us = (meta.stamps.captured.0 as i64).saturating_add(meta.origin.wall_offset_us);
    Record {
        key: Some(Bytes::copy_from_slice(meta.source.as_bytes())),
        timestamp_ms: Some(captured_wall_us / 1000),
        headers: headers.done(),
        value,
    }
}

fn meta_headers(meta: &Meta) -> Headers {
    let mut headers = Headers::with_capacity(HEADERS.len(), TEXT_BYTES);
    headers.push(VERSION_HEADER, VERSION);
    headers.push("type", meta.codec.media_type());
    headers.push("source", &meta.source);
    headers.push("session", meta.session);
    headers.push("frame", meta.frame);
    if let Some(number) = meta.number {
        headers.push("number", number);
    }
    headers.push("pts", meta.pts.as_micros() as u64);
    let Stamps { due, captured, encoded, published, .. } = meta.stamps;
    for (name, stamp) in [("due", due), ("captured", captured), ("encoded", encoded), ("published", published)] {
        headers.push(name, stamp);
    }
    headers.push("boot", &meta.origin.boot);
    headers.push("wall", meta.origin.wall_offset_us);
    headers.push("size", format_args!("{}x{}", meta.width, meta.height));
    headers.push("dropped", meta.dropped);
    if meta.skipped > 0 {
        headers.push("skipped", meta.skipped);
    }
    headers
}

fn read_meta(record: &Record) -> Result<Meta, Rejected> {
    let source = record.text("source")?;
    if source.is_empty() || source.len() > SOURCE_BYTES_MAX || source.contains(char::is_control) {
        return Err(Rejected::Unreadable("source"));
    }
    let boot = record.text("boot")?;
    if boot.len() > 64 {
        return Err(Rejected::Unreadable("boot"));
    }
    let (width, height) = read_pair_or(record, "size", 'x', (0, 0))?;
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(Rejected::TooLarge(width, height));
    }
    let stamp = |name| record.number(name).map(Micros);
    // The header is informative: an unknown type counts as JPEG, and a payload that is none is rejected for its bytes.
    let codec = record.text("type").ok().and_then(Codec::of_media_type).unwrap_or_default();
    let session: Session = record.number("session")?;
    if session.began_ms == 0 {
        // A session of 0 is reserved for JPEGs of other clients.
        return Err(Rejected::Unreadable("session"));
    }
    Ok(Meta {
        source: Arc::from(source),
        session,
        frame: record.number("frame")?,
        codec,
        key_frame: codec.is_intra(),
        number: record.optional("number")?,
        pts: Duration::from_micros(record.number("pts")?),
        stamps: Stamps {
            due: stamp("due")?,
            captured: stamp("captured")?,
            encoded: stamp("encoded")?,
            published: stamp("published")?,
            ..Stamps::default()
        },
        origin: Origin { boot: Arc::from(boot), wall_offset_us: record.number("wall")? },
        width,
        height,
        dropped: record.number("dropped")?,
        skipped: record.optional("skipped")?.unwrap_or(0),
    })
}

fn read_part(record: &Record, meta: Meta) -> Result<Part, Rejected> {
    let (index, count) = read_pair_or(record, "part", '/', (0, 1))?;
    if index >= count {
        return Err(Rejected::Unreadable("part"));
    }
    let value = &record.value;
    if index == 0 && value.len() >= Codec::HEAD_BYTES && !meta.codec.begins(value) {
        return Err(Rejected::NotAPicture);
    }
    let whole = meta.codec.is_whole(value);
    // Another program may have replaced the picture and kept our headers. If the new one is whole, its own size counts.
    if whole && count == 1 && value.len() <= FRAME_BYTES_MAX {
        return Ok(Part { meta, index, count, bytes: value.len(), slice: value.clone() });
    }
    let bytes: usize = record.number("bytes")?;
    if bytes == 0 || bytes > FRAME_BYTES_MAX || count as usize > bytes {
        return Err(Rejected::Unreadable("bytes"));
    }
    let length = bytes.div_ceil(count as usize);
    let begin = index as usize * length;
    let expected = length.min(bytes.saturating_sub(begin));
    let got = value.len();
    if got != expected && whole && count > 1 {
        return Err(Rejected::Joined { index, count });
    }
    if got != expected || got == 0 {
        return Err(Rejected::Length { index, count, expected, got });
    }
    Ok(Part { meta, index, count, bytes, slice: value.clone() })
}

/// Two numbers from a header, or `missing` if there is no header of that name.
fn read_pair_or(
    record: &Record,
    name: &'static str,
    between: char,
    missing: (u32, u32),
) -> Result<(u32, u32), Rejected> {
    if record.header(name).is_none() {
        return Ok(missing);
    }
    let pair = record.text(name)?.split_once(between).and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    pair.ok_or(Rejected::Unreadable(name))
}

fn read_end(text: &str) -> Result<End, Rejected> {
    let mut end = End::default();
    for word in text.split_ascii_whitespace() {
        let (name, value) = word.split_once('=').ok_or(Rejected::Unreadable("end"))?;
        let value: u64 = value.parse().map_err(|_| Rejected::Unreadable("end"))?;
        match name {
            "captured" => end.captured = value,
            "acknowledged" => end.acknowledged = value,
            "superseded" => end.superseded = value,
            "late" => end.late = value,
            "refused" => end.refused = value,
            _ => {} // for counts added by later versions
        }
    }
    Ok(end)
}

#[cfg(test)]
pub(crate) mod tests;
