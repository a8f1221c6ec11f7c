//! The results of polling a tail: records, and changes of the topic.

use common::wire::Record;

use crate::causes::ConnectionProblem;

/// A record and its position.
#[derive(Clone, PartialEq, Debug)]
pub struct Received {
    pub record: Record,
    pub partition: i32,
    pub offset: i64,
}

/// The result of a poll.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    Record(Received),
    /// Nothing arrived within the timeout.
    Nothing,
    /// There is nothing more in any partition at the moment.
    End,
    /// The topic was deleted and created again: it is shorter than the part that we had read.
    TopicRecreated,
    /// A broker reports that there is no such topic. The broker may have just started.
    Missing,
    /// The records at our position no longer exist, so the position was moved.
    Moved {
        partition: i32,
    },
    /// An error; the client tries again.
    ConnectionProblem(String),
    /// The client has stopped, because the group refuses this member.
    Refused(String),
    /// We may not read this. `had` is true if we could before.
    Forbidden {
        problem: ConnectionProblem,
        had: bool,
    },
}
