//! The messages that the topic held when reading began, in one order for all partitions.

use std::collections::{BTreeMap, VecDeque};

use crate::message::ChatMessage;

/// Holds the last messages of each partition until all partitions have been read.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// Number of messages that are wanted.
    keep: usize,
    partitions: BTreeMap<i32, VecDeque<ChatMessage>>,
}

impl Backlog {
    pub fn new(keep: usize) -> Backlog {
        Backlog { keep, partitions: BTreeMap::new() }
    }

    pub fn push(&mut self, message: ChatMessage) {
        let held = self.partitions.entry(message.partition).or_default();
        held.push_back(message);
        if held.len() > self.keep {
            held.pop_front();
        }
    }

    /// The last messages by their times. Those of one partition stay in its order, whatever their times.
    pub fn in_order(mut self) -> VecDeque<ChatMessage> {
        let mut ordered = VecDeque::new();
        loop {
            let heads = self.partitions.values_mut().filter(|held| !held.is_empty());
            let next = heads.min_by_key(|held| held.front().map(|message| message.at_ms));
            let Some(message) = next.and_then(VecDeque::pop_front) else { return ordered };
            ordered.push_back(message);
            if ordered.len() > self.keep {
                ordered.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ChatKind;

    fn ordered(keep: usize, messages: &[(i32, i64)]) -> Vec<(i32, i64)> {
        let mut backlog = Backlog::new(keep);
        for (offset, &(partition, at_ms)) in (0..).zip(messages) {
            let (name, text) = (String::new(), String::new());
            let kind = ChatKind::Said;
            backlog.push(ChatMessage { kind, name, text, at_ms, video: None, id: None, partition, offset });
        }
        backlog.in_order().iter().map(|message| (message.partition, message.at_ms)).collect()
    }

    #[test]
    fn partitions_are_merged_by_time() {
        assert_eq!(ordered(9, &[(0, 1), (0, 4), (1, 2), (1, 3), (2, 5)]), [(0, 1), (1, 2), (1, 3), (0, 4), (2, 5)]);
    }

    #[test]
    fn a_partition_keeps_its_order_whatever_its_times_are() {
        assert_eq!(ordered(9, &[(0, 9), (0, 1), (1, 5)]), [(1, 5), (0, 9), (0, 1)]);
    }

    #[test]
    fn the_last_ones_are_kept() {
        assert_eq!(ordered(2, &[(0, 1), (0, 2), (0, 6), (1, 3), (1, 4), (1, 5)]), [(1, 5), (0, 6)]);
        assert!(ordered(0, &[(0, 1)]).is_empty());
    }
}
