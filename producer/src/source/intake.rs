//! Bytes as they come, with the moment of their coming.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::clock::{Clock, Micros};

/// Enough to tell formats apart and for any header line.
const BUFFER_BYTES: usize = 64 << 10;

/// A reader that can look ahead and knows when its bytes came; what is asked for in bulk goes by its buffer.
#[derive(Debug)]
pub struct Intake<R> {
    inner: R,
    clock: Arc<dyn Clock>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    came: Micros,
    /// Bytes that came in all.
    taken: Arc<AtomicU64>,
}

impl<R: Read> Intake<R> {
    pub fn new(inner: R, clock: Arc<dyn Clock>) -> Intake<R> {
        let came = clock.now();
        Intake { inner, clock, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, came, taken: Arc::default() }
    }

    /// The bytes that are there, waiting until there are some; empty at the end.
    pub fn some(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    /// At least so many bytes (of at most the buffer's size), fewer only at the end.
    pub fn peek(&mut self, bytes_min: usize) -> io::Result<&[u8]> {
        while self.end - self.start < bytes_min.min(BUFFER_BYTES) {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            let got = read(&mut self.inner, &mut self.buffer[self.end..])?;
            self.count(got);
            if got == 0 {
                break;
            }
            self.end += got;
            self.came = self.clock.now();
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// How many bytes have come, also after the reader was given away.
    pub fn taken(&self) -> Arc<AtomicU64> {
        self.taken.clone()
    }

    fn count(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// When the newest of the bytes at hand came.
    pub fn came(&self) -> Micros {
        self.came
    }

    /// Fills `into`, less only at the end; says how much.
    pub fn read_full(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.read(&mut into[filled..])? {
                0 => break,
                got => filled += got,
            }
        }
        Ok(filled)
    }

    /// One line without its end; `None` at the end of all, an error where no line ends within `bytes_max`.
    pub fn line(&mut self, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let mut looked = 0;
        loop {
            let there = self.peek(looked + 1)?;
            if let Some(length) = there[looked..].iter().position(|byte| *byte == b'\n').map(|at| looked + at) {
                let line = there[..length].to_vec();
                self.consume(length + 1);
                return Ok(Some(line));
            }
            if there.len() == looked {
                return Ok(None);
            }
            looked = there.len();
            if looked > bytes_max {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no line ends where a header should"));
            }
        }
    }
}

impl<R: Read> Read for Intake<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            let got = read(&mut self.inner, into)?;
            self.count(got);
            self.came = self.clock.now();
            return Ok(got);
        }
        let bytes = into.len().min(self.end - self.start);
        into[..bytes].copy_from_slice(&self.buffer[self.start..][..bytes]);
        self.start += bytes;
        Ok(bytes)
    }
}

fn read(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// For tests: hands out bytes in pieces of the given sizes, over and over.
#[cfg(test)]
pub struct Chunks {
    pub bytes: io::Cursor<Vec<u8>>,
    pub sizes: Vec<usize>,
    pub turn: usize,
}

#[cfg(test)]
impl Chunks {
    pub fn new(bytes: Vec<u8>, sizes: &[usize]) -> Chunks {
        Chunks { bytes: io::Cursor::new(bytes), sizes: sizes.to_vec(), turn: 0 }
    }
}

#[cfg(test)]
impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(into.len());
        self.turn += 1;
        self.bytes.read(&mut into[..size])
    }
}
