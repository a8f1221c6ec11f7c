//! The messages: a number and two times, followed by incompressible bytes that are compared on arrival.

use common::time::Micros;

/// Size of a stamp: three numbers of 8 bytes.
pub const STAMP_BYTES: usize = 24;

/// The number and times in a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    pub sequence: u64,
    pub due: Micros,
    pub sent: Micros,
}

/// The content common to all messages of a run.
#[derive(Clone, Debug)]
pub struct Payload {
    bytes: Vec<u8>,
    /// Lengths of the messages, used in turn by number; never empty.
    lengths: Vec<usize>,
}

impl Payload {
    /// Makes messages whose lengths follow these in turn.
    pub fn of_lengths(lengths: impl IntoIterator<Item = usize>) -> Payload {
        let lengths: Vec<usize> = lengths.into_iter().map(|length| length.max(STAMP_BYTES)).collect();
        let longest = *lengths.iter().max().expect("messages have a length");
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let noise = std::iter::repeat_with(|| {
            // xorshift64: the bytes of a JPEG look like noise too.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        Payload { bytes: noise.take(longest).collect(), lengths }
    }

    /// Length of the longest message.
    pub fn len_max(&self) -> usize {
        self.bytes.len()
    }

    fn len(&self, sequence: u64) -> usize {
        self.lengths[(sequence % self.lengths.len() as u64) as usize]
    }

    /// A message without its stamp. It is made before it is due, because copying takes longer than stamping.
    pub fn blank(&self, sequence: u64) -> Vec<u8> {
        self.bytes[..self.len(sequence)].to_vec()
    }

    /// Reads the stamp of a received message; `None` if it is not one of ours or has changed.
    pub fn read(&self, message: &[u8]) -> Option<Stamp> {
        let [sequence, due, sent] = message.as_chunks().0.first_chunk()?.map(u64::from_le_bytes);
        let intact = message[STAMP_BYTES..] == self.bytes[STAMP_BYTES..self.len(sequence)];
        intact.then_some(Stamp { sequence, due: Micros(due), sent: Micros(sent) })
    }
}

impl Stamp {
    pub fn write(self, message: &mut [u8]) {
        for (into, number) in message.chunks_exact_mut(8).zip([self.sequence, self.due.0, self.sent.0]) {
            into.copy_from_slice(&number.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { sequence: 7, due: Micros(1_000), sent: Micros(u64::MAX) };

    #[test]
    fn a_stamp_comes_back() {
        for length in [STAMP_BYTES, 25, 100_000] {
            let payload = Payload::of_lengths([length]);
            let mut message = payload.blank(STAMP.sequence);
            STAMP.write(&mut message);
            assert_eq!((message.len(), payload.read(&message)), (length, Some(STAMP)));
        }
    }

    #[test]
    fn messages_take_their_lengths_in_turn() {
        let payload = Payload::of_lengths([100, 30, 5]);
        assert_eq!([0, 1, 2, 3].map(|n| payload.blank(n).len()), [100, 30, STAMP_BYTES, 100]);
        let mut message = payload.blank(0);
        Stamp { sequence: 1, ..STAMP }.write(&mut message);
        assert_eq!(payload.read(&message), None, "as long as another one");
    }

    #[test]
    fn what_is_not_as_it_was_sent_is_seen() {
        let payload = Payload::of_lengths([100]);
        let mut message = payload.blank(STAMP.sequence);
        STAMP.write(&mut message);
        assert_eq!(payload.read(&message[..99]), None);
        assert_eq!(payload.read(&[message.clone(), vec![0]].concat()), None);
        assert_eq!(payload.read(b"short"), None);
        message[99] ^= 1;
        assert_eq!(payload.read(&message), None);
    }
}
