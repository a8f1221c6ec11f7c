//! The messages that one consumer received, by number.

/// Counts every sent message once, as received or lost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// The next expected number.
    next: u64,
    pub received: u64,
    pub lost: u64,
    pub duplicates: u64,
    /// Messages of wrong length or content.
    pub damaged: u64,
}

impl Seen {
    /// Counts a message's number; returns true if it is new.
    pub fn take(&mut self, sequence: u64) -> bool {
        if sequence < self.next {
            // A message that came out of order counts as a duplicate too. It was counted as lost before, and stays so.
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

    /// Counts messages that have not arrived as lost; no more will come.
    pub fn close(&mut self, sent: u64) {
        self.lost += sent.saturating_sub(self.next);
        self.next = self.next.max(sent);
    }

    /// Describes the errors; `None` if there are none.
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
