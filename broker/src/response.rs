//! An answer that is being sent to a socket: small parts are joined, large ones stay separate slices.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::Encodable;

/// Smaller parts are copied, because a separate slice would cost more.
pub const SLICE_BYTES_MIN: usize = 4096;
/// Largest number of slices in one system call.
const SLICES_MAX: usize = 64;

#[derive(Debug, Default)]
pub struct ResponseBuffer {
    parts: VecDeque<Bytes>,
    scratch: BytesMut,
    bytes: usize,
}

impl ResponseBuffer {
    /// Encodes a response with kafka-protocol.
    pub fn encode(
        response: &ResponseKind,
        api: ApiKey,
        version: i16,
        correlation: i32,
    ) -> Result<ResponseBuffer, String> {
        let mut out = ResponseBuffer::default();
        let header = ResponseHeader::default().with_correlation_id(correlation);
        let written = header.encode(&mut out.scratch, api.response_header_version(version));
        written
            .and_then(|()| response.encode(&mut out.scratch, version))
            .map_err(|e| format!("{api:?} v{version}: {e}"))?;
        Ok(out)
    }

    /// An answer with memory for this many bytes of small parts.
    pub fn with_room(bytes: usize) -> ResponseBuffer {
        ResponseBuffer { scratch: BytesMut::with_capacity(bytes), ..ResponseBuffer::default() }
    }

    /// The buffer for small parts.
    pub fn scratch(&mut self) -> &mut BytesMut {
        &mut self.scratch
    }

    /// Adds bytes, without copying them if they are many.
    pub fn put(&mut self, bytes: Bytes) {
        if bytes.len() < SLICE_BYTES_MIN {
            self.scratch.put_slice(&bytes);
            return;
        }
        self.close_scratch();
        self.bytes += bytes.len();
        self.parts.push_back(bytes);
    }

    /// Adds the length in front, as for every message on the wire.
    pub fn framed(mut self) -> ResponseBuffer {
        self.close_scratch();
        let length = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        self.parts.push_front(Bytes::copy_from_slice(&length.to_be_bytes()));
        self.bytes += 4;
        self
    }

    /// The remaining slices, for the next system call.
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        self.parts.iter().take(SLICES_MAX).map(|part| IoSlice::new(part)).collect()
    }

    /// Removes bytes that were written.
    pub fn written(&mut self, mut bytes: usize) {
        self.bytes -= bytes;
        while let Some(first) = self.parts.front_mut() {
            if bytes < first.len() {
                first.advance(bytes);
                return;
            }
            bytes -= first.len();
            self.parts.pop_front();
        }
    }

    pub fn len(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    fn close_scratch(&mut self) {
        if !self.scratch.is_empty() {
            self.bytes += self.scratch.len();
            self.parts.push_back(self.scratch.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_out_in_order_however_they_are_taken() {
        let large = Bytes::from(vec![7_u8; SLICE_BYTES_MIN]);
        for step in [1, 3, 1000, 100_000] {
            let mut out = ResponseBuffer::default();
            out.scratch().put_u8(1);
            out.put(large.clone());
            out.put(Bytes::from_static(&[2, 3]));
            out.put(large.clone());
            let mut out = out.framed();
            let mut seen = Vec::new();
            while !out.is_empty() {
                let taken: Vec<u8> = out.slices().iter().flat_map(|s| s.to_vec()).take(step).collect();
                out.written(taken.len());
                seen.extend(taken);
            }
            let whole = [&8195_u32.to_be_bytes(), &[1][..], &large, &[2, 3], &large].concat();
            assert_eq!(seen, whole, "step {step}");
        }
    }
}
