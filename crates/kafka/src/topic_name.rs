//! Kafka's rule for the names of topics.

use crate::error::KafkaError;

/// Parses the name of a topic.
pub fn topic_name(text: &str) -> Result<String, String> {
    let good = check_topic_name(text).is_ok();
    let words = "a topic's name has 1 to 249 letters, digits, '.', '_' and '-'";
    good.then(|| text.to_owned()).ok_or_else(|| words.to_owned())
}

/// Checks a topic name against Kafka's rule.
pub fn check_topic_name(topic: &str) -> Result<(), KafkaError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = !topic.is_empty() && topic.len() <= 249 && topic.chars().all(legal) && topic != "." && topic != "..";
    good.then_some(()).ok_or_else(|| KafkaError::TopicName { topic: topic.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_kafkas() {
        for good in ["video", "a.b_c-9", &"x".repeat(249)] {
            assert!(check_topic_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(check_topic_name(bad).is_err(), "{bad}");
        }
    }
}
