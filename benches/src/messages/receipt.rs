//! Counts the messages that a consumer received, by number.

/// Every sent message is counted once, as received or lost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Receipt {
    /// The next expected number.
    pub next: u64,
    pub received: u64,
    pub lost: u64,
    pub duplicates: u64,
    /// Messages of wrong length or content.
    pub damaged: u64,
}

impl Receipt {
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

    pub fn has_all(&self, sent: u64) -> bool {
        self.next >= sent
    }

    /// Counts messages that have not arrived as lost; no more will come.
    pub fn close(&mut self, sent: u64) {
        self.lost += sent.saturating_sub(self.next);
        self.next = self.next.max(sent);
    }

    /// The counts of two consumers together.
    pub fn and(self, other: &Receipt) -> Receipt {
        Receipt {
            next: self.next.max(other.next),
            received: self.received + other.received,
            lost: self.lost + other.lost,
            duplicates: self.duplicates + other.duplicates,
            damaged: self.damaged + other.damaged,
        }
    }

    /// Describes the errors; `None` if there are none.
    pub fn complaint(&self) -> Option<String> {
        let Receipt { lost, duplicates, damaged, received, .. } = self;
        (lost + duplicates + damaged > 0)
            .then(|| format!("{received} records came, {lost} were lost, {duplicates} came twice, {damaged} damaged"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequences: &[u64], sent: u64, (received, lost, duplicates): (u64, u64, u64)) {
        let mut receipt = Receipt::default();
        for &sequence in sequences {
            receipt.take(sequence);
        }
        receipt.close(sent);
        assert_eq!((receipt.received, receipt.lost, receipt.duplicates), (received, lost, duplicates), "{sequences:?}");
        assert_eq!(receipt.complaint().is_none(), lost + duplicates == 0, "{sequences:?}");
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
        let damaged = Receipt { damaged: 1, ..Receipt::default() };
        assert!(damaged.complaint().is_some());
        assert_eq!(damaged.and(&damaged).damaged, 2);
    }
}
