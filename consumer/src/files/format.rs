//! Formats the line that `--print` writes for a frame. Fields have kcat's names where kcat has them.

use std::fmt::Write;
use std::str::FromStr;

use common::wire::Frame;

use crate::engine::TopicRecord;

/// The format of a line, with a field for each `%` and letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineFormat(Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Field(char),
}

const FIELDS: &str = "snftpokTSweLh";

impl Default for LineFormat {
    fn default() -> Self {
        "%s: %n\\n".parse().expect("our own format is sound")
    }
}

impl FromStr for LineFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LineFormat, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.push(match chars.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('0') => '\0',
                    Some(other) => other,
                    None => '\\',
                }),
                '%' => match chars.next() {
                    Some('%') => plain.push('%'),
                    Some(field) if FIELDS.contains(field) => {
                        pieces.extend([Piece::Text(std::mem::take(&mut plain)), Piece::Field(field)]);
                    }
                    other => return Err(format!("%{} is none of its fields", other.unwrap_or(' '))),
                },
                c => plain.push(c),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(LineFormat(pieces))
    }
}

impl LineFormat {
    /// The line for a frame that was completed by the record `of`.
    pub fn line(&self, topic: &str, of: &TopicRecord, frame: &Frame) -> String {
        let mut line = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Field(field) => write_field(&mut line, *field, topic, of, frame),
            }
        }
        line
    }
}

fn write_field(line: &mut String, field: char, topic: &str, of: &TopicRecord, frame: &Frame) {
    let meta = &frame.meta;
    // Writing into a String cannot fail.
    let _ = match field {
        's' => write!(line, "{}", meta.source),
        'n' => write!(line, "{}", meta.label()),
        'f' => write!(line, "{}", meta.frame),
        't' => write!(line, "{topic}"),
        'p' => write!(line, "{}", of.partition),
        'o' => write!(line, "{}", of.offset),
        'k' => write!(line, "{}", String::from_utf8_lossy(of.record.key.as_deref().unwrap_or_default())),
        'T' => write!(line, "{}", of.record.timestamp_ms.unwrap_or(-1)),
        'S' => write!(line, "{}", frame.payload.len()),
        'w' => write!(line, "{}", frame.size().0),
        'e' => write!(line, "{}", frame.size().1),
        'L' => write!(line, "{:.3}", meta.stamps.reassembled.since(meta.stamps.due).as_secs_f64() * 1000.0),
        'h' => {
            let headers = of.record.headers.iter().map(|(n, v)| format!("{n}={}", String::from_utf8_lossy(v)));
            write!(line, "{}", headers.collect::<Vec<_>>().join(","))
        }
        other => write!(line, "%{other}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_escapes_are_read() {
        let format: LineFormat = "%s\\t%n 100%%\\n".parse().expect("it is sound");
        let text = |t: &str| Piece::Text(t.to_owned());
        assert_eq!(format.0, [text(""), Piece::Field('s'), text("\t"), Piece::Field('n'), text(" 100%\n")]);
        assert!("%q".parse::<LineFormat>().is_err());
        assert!("100%".parse::<LineFormat>().is_err());
    }
}
