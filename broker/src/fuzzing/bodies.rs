//! Random valid requests, written along their shapes: each field of a version is present and differs from its default.
//!
//! The shapes are correct if kafka-protocol decodes these bytes and encodes the result to the same bytes.

use kafka_protocol::messages::ApiKey;

use super::rng::Rng;
use crate::shape::{Shape, after, applies, tagged};

/// A request's body, and the positions of its lengths.
#[derive(Debug)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub lengths: Vec<LengthField>,
    /// Number of array elements and tagged fields.
    pub elements: usize,
}

/// A length in a body: of an array, a string, bytes, the tagged fields or one of them.
#[derive(Clone, Copy, Debug)]
pub struct LengthField {
    pub at: usize,
    pub compact: bool,
    /// Size of the length itself, in bytes.
    pub size: usize,
    /// True if the decoder allocates memory for this count.
    pub array: bool,
}

/// A whole frame: a header and a random body.
pub fn frame(shape: &Shape, version: i16, rng: &mut Rng) -> Vec<u8> {
    let mut frame = header(shape.api, version, shape.is_flexible(version));
    frame.extend(body(shape, version, rng).bytes);
    frame
}

pub fn header(api: ApiKey, version: i16, flexible: bool) -> Vec<u8> {
    let mut header = (api as i16).to_be_bytes().to_vec();
    header.extend(version.to_be_bytes());
    header.extend(77_i32.to_be_bytes());
    header.extend(b"\0\x05bench");
    if flexible {
        header.push(0);
    }
    header
}

/// A random body of a version that the shape includes.
pub fn body(shape: &Shape, version: i16, rng: &mut Rng) -> Body {
    let body = Body { bytes: Vec::new(), lengths: Vec::new(), elements: 0 };
    let mut writer = Writer { version, flexible: shape.is_flexible(version), rng, body };
    writer.structure(shape.text.as_bytes());
    writer.body
}

struct Writer<'a> {
    version: i16,
    flexible: bool,
    rng: &'a mut Rng,
    body: Body,
}

impl Writer<'_> {
    fn structure(&mut self, text: &[u8]) {
        let known_tags = self.items(text);
        if self.flexible {
            self.tagged_fields(known_tags);
        }
    }

    fn items<'t>(&mut self, mut text: &'t [u8]) -> &'t [u8] {
        while !matches!(text, [] | [b')' | b'}' | b'>' | b'<', ..]) {
            self.item(text);
            text = after(text);
        }
        text
    }

    fn item(&mut self, text: &[u8]) {
        match text {
            [b'b', ..] => self.integer(1),
            [b'h', ..] => self.integer(2),
            [b'i', ..] => self.integer(4),
            [b'l', ..] => self.integer(8),
            [b'u', ..] => self.integer(16),
            [b'B', ..] => self.body.bytes.push((self.rng.number() & 1) as u8),
            [b's', ..] => self.field(2, "käse"),
            [b'y', ..] => self.field(4, "bytes"),
            [b'*', item @ ..] => self.array(item),
            [b'?', item @ ..] => self.option(item),
            [b'(', items @ ..] => self.structure(items),
            [b'{', rest @ ..] => {
                if let (true, items) = applies(rest, self.version) {
                    self.items(items);
                }
            }
            _ => {}
        }
    }

    /// Writes an integer without bytes 0 or 0xff, so that it is not mistaken for a length that fits, or for a default.
    fn integer(&mut self, size: usize) {
        let bytes = (0..size).map(|_| 1 + self.rng.below(0xfe) as u8);
        self.body.bytes.extend(bytes);
    }

    fn field(&mut self, width: usize, filler: &str) {
        let count = self.rng.below(3);
        let content = filler.repeat(count);
        self.length(content.len(), width, false);
        self.body.bytes.extend(content.as_bytes());
    }

    fn array(&mut self, item: &[u8]) {
        let elements = 1 + self.rng.below(3);
        self.body.elements += elements;
        self.length(elements, 4, true);
        (0..elements).for_each(|_| self.item(item));
    }

    fn option(&mut self, item: &[u8]) {
        let there = self.rng.below(2) == 1;
        self.body.bytes.push(if there { 1 } else { 0xff });
        if there {
            self.item(item);
        }
    }

    /// Writes tagged fields: those known at this version, in a random half of the structs, and sometimes an unknown
    /// one.
    fn tagged_fields(&mut self, known: &[u8]) {
        let mut fields = Vec::new();
        let mut tag = 0;
        while let Some(items) = tagged(known, tag) {
            let content = self.apart(items);
            if !content.bytes.is_empty() && self.rng.below(2) == 1 {
                fields.push((tag, content));
            }
            tag += 1;
        }
        if self.rng.below(4) == 0 {
            // Usually the next number. A tag that the decoder knows but the shape does not would be encoded differently
            // afterwards.
            let tag = tag + *self.rng.pick(&[0, 0, 1, 300]);
            fields.push((tag, Body { bytes: b"new".to_vec(), lengths: Vec::new(), elements: 0 }));
        }
        self.body.elements += fields.len();
        self.compact(fields.len(), true);
        for (tag, content) in fields {
            push_number(&mut self.body.bytes, tag);
            self.compact(content.bytes.len(), false);
            let start = self.body.bytes.len();
            self.body
                .lengths
                .extend(content.lengths.iter().map(|length| LengthField { at: start + length.at, ..*length }));
            self.body.elements += content.elements;
            self.body.bytes.extend(content.bytes);
        }
    }

    /// Writes items into a body of their own, because a tagged field's size precedes them.
    fn apart(&mut self, items: &[u8]) -> Body {
        let body = Body { bytes: Vec::new(), lengths: Vec::new(), elements: 0 };
        let mut writer = Writer { version: self.version, flexible: self.flexible, rng: self.rng, body };
        writer.items(items);
        writer.body
    }

    fn length(&mut self, length: usize, width: usize, array: bool) {
        if self.flexible {
            return self.compact(length + 1, array);
        }
        let at = self.body.bytes.len();
        self.body.bytes.extend(&(length as u32).to_be_bytes()[4 - width..]);
        self.body.lengths.push(LengthField { at, compact: false, size: width, array });
    }

    fn compact(&mut self, number: usize, array: bool) {
        let at = self.body.bytes.len();
        push_number(&mut self.body.bytes, number as u32);
        self.body.lengths.push(LengthField { at, compact: true, size: self.body.bytes.len() - at, array });
    }
}

fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
