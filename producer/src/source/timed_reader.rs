//! A buffered reader that records when its bytes arrived.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::time::{Clock, Micros};

/// Size of the buffer: enough to recognise a format, and for any header line.
const BUFFER_BYTES: usize = 64 << 10;

/// A reader that can look ahead and knows when its bytes arrived. Large reads bypass its buffer.
#[derive(Debug)]
pub struct TimedReader<R> {
    inner: R,
    clock: Arc<dyn Clock>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    came: Micros,
    /// Number of bytes read so far.
    taken: Arc<AtomicU64>,
}

impl<R: Read> TimedReader<R> {
    pub fn new(inner: R, clock: Arc<dyn Clock>) -> TimedReader<R> {
        let came = clock.now();
        TimedReader { inner, clock, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, came, taken: Arc::default() }
    }

    /// Returns the available bytes; waits until there is at least one. Empty at the end.
    pub fn some(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    /// Returns at least `bytes_min` bytes (at most the size of the buffer), fewer only at the end.
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

    /// A counter of the bytes read so far, which can be kept when the reader is given away.
    pub fn taken(&self) -> Arc<AtomicU64> {
        self.taken.clone()
    }

    fn count(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Time at which the newest of the available bytes arrived.
    pub fn came(&self) -> Micros {
        self.came
    }

    /// Returns one line without its end; `None` at the end of the input. It is an error if no line ends within
    /// `bytes_max`.
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

impl<R: Read> Read for TimedReader<R> {
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

/// Fills `into`, and returns the number of bytes, which is smaller only at the end.
pub fn read_full(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match read(from, &mut into[filled..])? {
            0 => break,
            got => filled += got,
        }
    }
    Ok(filled)
}

fn read(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
