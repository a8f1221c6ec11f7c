//! Advice for operations that a broker's access control lists (ACLs) forbid.

use crate::causes::{ConnectionProblem, Credentials};

/// An operation that needs a right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Right<'a> {
    /// Read a topic.
    Read(&'a str),
    /// Write to a topic.
    Write(&'a str),
    /// Create a topic, or see that it exists.
    Create(&'a str),
    /// Describe, change or delete a topic.
    Alter(&'a str),
    /// Join a group.
    Join(&'a str),
}

/// Explains a missing right: names the user, the topic or group, the right, and the command that grants it.
pub(crate) fn missing(right: Right<'_>, credentials: &Credentials) -> ConnectionProblem {
    let who = credentials.who();
    let (words, option) = match right {
        Right::Read(topic) => (format!("no right to read topic {topic}"), format!("--operation Read --topic {topic}")),
        Right::Write(topic) => {
            (format!("no right to write topic {topic}"), format!("--operation Write --topic {topic}"))
        }
        Right::Create(topic) => (format!("no right to create topic {topic}"), format!("--producer --topic {topic}")),
        Right::Alter(topic) => {
            let options =
                format!("--operation DescribeConfigs --operation AlterConfigs --operation Delete --topic {topic}");
            (format!("no right to describe, change or delete topic {topic}"), options)
        }
        Right::Join(group) => {
            (format!("no right to read with group {group}"), format!("--operation Read --group {group}"))
        }
    };
    let sentence = format!(
        "{who} has {words} at this broker: an administrator gives it with kafka-acls --add --allow-principal {} {option}",
        credentials.principal()
    );
    ConnectionProblem { denied: true, words, sentence: Some(sentence), ..ConnectionProblem::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Connection;

    #[test]
    fn a_missing_right_names_the_user_the_thing_and_the_command() {
        let check = |properties: &[(&str, &str)], right, expected: &str| {
            let properties = properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let connection = Connection { brokers: "h:1".to_owned(), named: true, properties };
            let said = missing(right, &Credentials::of(&connection)).sentence("h:1");
            assert_eq!(said, expected);
        };
        let alice = [("security.protocol", "SASL_SSL"), ("sasl.username", "alice")];
        check(
            &alice,
            Right::Read("video"),
            "user alice has no right to read topic video at this broker: an administrator gives it with kafka-acls --add \
             --allow-principal User:alice --operation Read --topic video",
        );
        check(
            &alice,
            Right::Join("wall"),
            "user alice has no right to read with group wall at this broker: an administrator gives it with kafka-acls \
             --add --allow-principal User:alice --operation Read --group wall",
        );
        check(
            &[],
            Right::Create("video"),
            "this client has no right to create topic video at this broker: an administrator gives it with kafka-acls \
             --add --allow-principal User:ANONYMOUS --producer --topic video",
        );
    }
}
