//! The only data of members that the broker parses: the topics to which a consumer is subscribed.

use std::collections::BTreeSet;

use super::member::Protocol;

/// Parses a consumer's subscription, which begins with a version and the topics; `None` for other data.
pub fn topics(metadata: &[u8]) -> Option<BTreeSet<&str>> {
    let (_version, rest) = metadata.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut topics = BTreeSet::new();
    for _ in 0..i32::from_be_bytes(*count) {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        let (name, tail) = tail.split_at_checked(usize::try_from(i16::from_be_bytes(*length)).ok()?)?;
        topics.insert(str::from_utf8(name).ok()?);
        rest = tail;
    }
    Some(topics)
}

/// True if any of these may read the topic; protocols that cannot be parsed might.
pub fn includes(protocols: &[Protocol], topic: &str) -> bool {
    protocols.iter().any(|p| topics(&p.metadata).is_none_or(|topics| topics.contains(topic)))
}

/// True if two joins of an instance have the same topics. The bytes may differ, because a restarted instance no longer
/// lists the partitions that it owned.
pub fn same_topics(before: &[Protocol], after: &[Protocol]) -> bool {
    let same = |a: &Protocol, b: &Protocol| match (topics(&a.metadata), topics(&b.metadata)) {
        (Some(a), Some(b)) => a == b,
        _ => a.metadata == b.metadata,
    };
    before.len() == after.len() && before.iter().zip(after).all(|(a, b)| a.name == b.name && same(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_counts_are_refused() {
        let cases: [(&[u8], Option<&[&str]>); 6] = [
            (b"", None),
            (b"\0\x01\0\0\0\0", Some(&[])),
            (b"\0\x01\0\0\0\x02\0\x01a\0\x02bcrest", Some(&["a", "bc"])),
            (b"\0\x01\x7f\xff\xff\xff\0\x01a", None),
            (b"\0\x01\0\0\0\x01\xff\xff", None),
            (b"\0\x01\0\0\0\x01\0\x01\xff", None),
        ];
        for (metadata, expected) in cases {
            assert_eq!(topics(metadata), expected.map(|names| names.iter().copied().collect()), "{metadata:?}");
        }
    }
}
