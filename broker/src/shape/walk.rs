//! Walks over a request's bytes along its shape. It allocates nothing, and its depth is limited by the shape's
//! brackets.

use super::text;

/// The error in the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    #[error("array of {elements} elements, {left} bytes left")]
    Array { elements: usize, left: usize },
    #[error("field of {bytes} bytes, {left} bytes left")]
    Field { bytes: usize, left: usize },
    #[error("more than {max} array elements and tagged fields")]
    Elements { max: usize },
    #[error("a length of {0}")]
    Length(i32),
    #[error("a variable-length number of more than 32 bits")]
    Number,
    #[error("tagged field {tag} is {held} bytes long and declares {declared}")]
    Tag { tag: u32, declared: usize, held: usize },
}

pub(super) struct Walk<'a> {
    left: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
    elements_max: usize,
}

/// The size of a length that is not compact.
enum Width {
    Two,
    Four,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8], version: i16, flexible: bool, elements_max: usize) -> Walk<'a> {
        Walk { left: bytes, version, flexible, elements: 0, elements_max }
    }

    /// Walks a whole request. Bytes after it are ignored, as by Kafka: librdkafka's Metadata request has 3 more.
    pub(super) fn whole(&mut self, text: &str) -> Result<(), Flaw> {
        self.structure(text.as_bytes())
    }

    /// Walks a request's header: API key, version, correlation id, client id and, in flexible versions, tagged fields.
    pub(super) fn header(&mut self) -> Result<(), Flaw> {
        self.skip(2 + 2 + 4)?;
        let client = self.length(Width::Two, false)?;
        self.skip(client.unwrap_or(0))?;
        if self.flexible { self.tagged_fields(&[]) } else { Ok(()) }
    }

    fn structure(&mut self, text: &[u8]) -> Result<(), Flaw> {
        let known_tags = self.items(text)?;
        if self.flexible { self.tagged_fields(known_tags) } else { Ok(()) }
    }

    /// Walks up to the closing bracket, or to the tagged fields before it; returns the text from there on.
    fn items<'t>(&mut self, mut text: &'t [u8]) -> Result<&'t [u8], Flaw> {
        while !matches!(text, [] | [b')' | b'}' | b'>' | b'<', ..]) {
            self.item(text)?;
            text = text::after(text);
        }
        Ok(text)
    }

    fn item(&mut self, text: &[u8]) -> Result<(), Flaw> {
        let Some((kind, rest)) = text.split_first() else { return Ok(()) };
        match kind {
            b' ' => Ok(()),
            b'b' | b'B' => self.skip(1),
            b'h' => self.skip(2),
            b'i' => self.skip(4),
            b'l' => self.skip(8),
            b'u' => self.skip(16),
            b's' => self.bytes(Width::Two),
            b'y' => self.bytes(Width::Four),
            b'*' => self.array(rest),
            b'?' => self.option(rest),
            b'(' => self.structure(rest),
            b'{' => match text::applies(rest, self.version) {
                (true, items) => self.items(items).map(drop),
                (false, _) => Ok(()),
            },
            _ => unreachable!("each shape is walked in the tests, in all of its versions"),
        }
    }

    fn bytes(&mut self, width: Width) -> Result<(), Flaw> {
        let bytes = self.length(width, self.flexible)?;
        self.skip(bytes.unwrap_or(0))
    }

    fn array(&mut self, item: &[u8]) -> Result<(), Flaw> {
        let elements = self.length(Width::Four, self.flexible)?.unwrap_or(0);
        // Every element has at least one byte.
        if elements > self.left.len() {
            return Err(Flaw::Array { elements, left: self.left.len() });
        }
        self.count(elements)?;
        (0..elements).try_for_each(|_| self.item(item))
    }

    /// Walks an optional struct. The decoder takes 1 as "present", and every other value as "absent".
    fn option(&mut self, item: &[u8]) -> Result<(), Flaw> {
        let [there] = self.take()?;
        if there == 1 { self.item(item) } else { Ok(()) }
    }

    fn tagged_fields(&mut self, known: &[u8]) -> Result<(), Flaw> {
        let fields = self.number()? as usize;
        // A tag and a size have at least one byte each.
        if fields > self.left.len() / 2 {
            return Err(Flaw::Array { elements: fields, left: self.left.len() });
        }
        self.count(fields)?;
        (0..fields).try_for_each(|_| self.tagged_field(known))
    }

    /// Walks a tagged field. The decoder parses a known tag by its content and ignores the size, so both have to agree.
    fn tagged_field(&mut self, known: &[u8]) -> Result<(), Flaw> {
        let tag = self.number()?;
        let declared = self.number()? as usize;
        let Some(items) = text::tagged(known, tag) else { return self.skip(declared) };
        let before = self.left.len();
        self.items(items)?;
        let held = before - self.left.len();
        if held == declared { Ok(()) } else { Err(Flaw::Tag { tag, declared, held }) }
    }

    fn count(&mut self, elements: usize) -> Result<(), Flaw> {
        self.elements = self.elements.saturating_add(elements);
        if self.elements > self.elements_max { Err(Flaw::Elements { max: self.elements_max }) } else { Ok(()) }
    }

    /// Reads a length; `None` is null.
    fn length(&mut self, width: Width, compact: bool) -> Result<Option<usize>, Flaw> {
        if compact {
            return Ok((self.number()? as usize).checked_sub(1));
        }
        let length = match width {
            Width::Two => i16::from_be_bytes(self.take()?).into(),
            Width::Four => i32::from_be_bytes(self.take()?),
        };
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(Flaw::Length(length)),
        }
    }

    /// Reads an unsigned number with 7 bits in each byte. The decoder would drop bits above 32; we refuse them.
    fn number(&mut self) -> Result<u32, Flaw> {
        let mut number: u64 = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(number).map_err(|_| Flaw::Number);
            }
        }
        Err(Flaw::Number)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let (bytes, left) = self.left.split_first_chunk().ok_or(Flaw::Field { bytes: N, left: self.left.len() })?;
        self.left = left;
        Ok(*bytes)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Flaw> {
        self.left = self.left.get(bytes..).ok_or(Flaw::Field { bytes, left: self.left.len() })?;
        Ok(())
    }
}
