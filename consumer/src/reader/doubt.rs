//! The reason why no records may come from the topic that is being read.

use kafka::{KafkaError, TopicState};

/// A record resets this to the default, which has no reason.
#[derive(Default, Debug)]
pub struct Doubt {
    /// The right to read was lost. It differs from the right to see the topic, so seeing the topic does not mean that
    /// the right is back.
    right: Option<String>,
    /// The reason found by the last check of the topic.
    look: Option<String>,
}

impl Doubt {
    pub fn lost_right(&mut self, words: String) {
        self.right = Some(words);
    }

    /// Enters the result of a check of `topic`.
    pub fn looked(&mut self, topic: &str, found: &Result<TopicState, KafkaError>) {
        self.look = match found {
            Ok(TopicState::NoTopic) => Some(format!("topic {topic} is gone")),
            Ok(TopicState::NoLeader) => Some(format!("topic {topic} has no leader now")),
            Ok(TopicState::Topic { .. } | TopicState::NoBroker(_)) => None,
            Err(fault) => Some(fault.to_string()),
        };
    }

    pub fn why(&self) -> Option<&str> {
        self.look.as_deref().or(self.right.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_right_stays_the_reason_while_the_topic_can_still_be_looked_at() {
        let there = Ok(TopicState::Topic { partitions: vec![0] });
        let mut doubt = Doubt::default();
        assert_eq!(doubt.why(), None);
        doubt.lost_right("no right to read".to_owned());
        doubt.looked("video", &there);
        assert_eq!(doubt.why(), Some("no right to read"));
        doubt.looked("video", &Ok(TopicState::NoTopic));
        assert_eq!(doubt.why(), Some("topic video is gone"));
        doubt.looked("video", &there);
        assert_eq!(doubt.why(), Some("no right to read"));
    }

    #[test]
    fn a_check_that_finds_the_topic_clears_the_reason_of_an_earlier_check() {
        let mut doubt = Doubt::default();
        doubt.looked("video", &Ok(TopicState::NoLeader));
        assert_eq!(doubt.why(), Some("topic video has no leader now"));
        doubt.looked("video", &Ok(TopicState::Topic { partitions: vec![0] }));
        assert_eq!(doubt.why(), None);
    }
}
