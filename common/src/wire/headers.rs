//! Builds a record's headers: named texts in one piece of memory, instead of an allocation for each.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use bytes::{BufMut, Bytes, BytesMut};

/// The headers of one record.
#[derive(Debug)]
pub struct Headers {
    all: BytesMut,
    /// Each name with the end of its value; a value begins at the end of the one before.
    named: Vec<(Cow<'static, str>, usize)>,
}

impl Headers {
    pub fn with_capacity(count: usize, bytes: usize) -> Headers {
        Headers { all: BytesMut::with_capacity(bytes), named: Vec::with_capacity(count) }
    }

    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Display) {
        // Writing into memory cannot fail.
        let _ = write!(self.all, "{value}");
        self.named.push((name.into(), self.all.len()));
    }

    pub fn push_bytes(&mut self, name: impl Into<Cow<'static, str>>, value: &[u8]) {
        self.all.put_slice(value);
        self.named.push((name.into(), self.all.len()));
    }

    /// Returns the headers in the order in which they were pushed.
    pub fn done(self) -> Vec<(Cow<'static, str>, Bytes)> {
        let all = self.all.freeze();
        let mut begin = 0;
        let value = |(name, end)| (name, all.slice(std::mem::replace(&mut begin, end)..end));
        self.named.into_iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_text() {
        let mut headers = Headers::with_capacity(1, 4);
        headers.push("a", 12345);
        headers.push("empty", "");
        headers.push_bytes("b".to_owned(), &[0xff, 0]);
        let named: Vec<(String, Vec<u8>)> =
            headers.done().into_iter().map(|(name, value)| (name.into_owned(), value.to_vec())).collect();
        let expected = [("a", &b"12345"[..]), ("empty", b""), ("b", &[0xff, 0])];
        assert_eq!(named, expected.map(|(name, value)| (name.to_owned(), value.to_vec())));
    }
}
