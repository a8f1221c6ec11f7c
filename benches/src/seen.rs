//! What one consumer got, by the messages' numbers.

/// Every message that was sent is here once: received, or lost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// The number that comes next.
    next: u64,
    pub received: u64,
    pub lost: u64,
    pub duplicates: u64,
    /// Of the wrong length or content.
    pub damaged: u64,
}

impl Seen {
    /// Takes a message's number; says whether it is a new one.
    pub fn take(&mut self, sequence: u64) -> bool {
        if sequence < self.next {
            // Or it came out of order: then it was counted as lost before, and is none the better for that.
            self.duplicates += 1;
            return false;
        }
        self.lost += sequence - self.next;
        self.next = sequence + 1;
        self.received += 1;
        true
    }

    pub fn damage(&mut self) {
        self.damaged += 1;
    }

    pub fn has_all(&self, sent: u64) -> bool {
        self.next >= sent
    }

    /// No more will come.
    pub fn close(&mut self, sent: u64) {
        self.lost += sent.saturating_sub(self.next);
        self.next = self.next.max(sent);
    }

    /// `None` if all is well.
    pub fn complaint(&self) -> Option<String> {
        let Seen { lost, duplicates, damaged, received, .. } = self;
        (lost + duplicates + damaged > 0)
            .then(|| format!("{received} records came, {lost} were lost, {duplicates} came twice, {damaged} damaged"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequences: &[u64], sent: u64, (received, lost, duplicates): (u64, u64, u64)) {
        let mut seen = Seen::default();
        for &sequence in sequences {
            seen.take(sequence);
        }
        seen.close(sent);
        assert_eq!((seen.received, seen.lost, seen.duplicates), (received, lost, duplicates), "{sequences:?}");
        assert_eq!(seen.complaint().is_none(), lost + duplicates == 0, "{sequences:?}");
    }

    #[test]
    fn every_message_is_received_or_lost() {
        check(&[0, 1, 2], 3, (3, 0, 0));
        check(&[], 3, (0, 3, 0));
        check(&[1, 2], 3, (2, 1, 0));
        check(&[0, 2], 4, (2, 2, 0));
    }

    #[test]
    fn what_came_twice_is_counted_apart() {
        check(&[0, 1, 1, 2], 3, (3, 0, 1));
        check(&[0, 1, 0, 1], 2, (2, 0, 2));
    }

    #[test]
    fn damage_is_a_complaint() {
        let mut seen = Seen::default();
        seen.damage();
        assert!(seen.complaint().is_some());
    }
}
