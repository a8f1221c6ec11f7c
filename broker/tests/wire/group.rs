//! Members of a group share its partitions, and take over those of a member that is gone.

use std::thread::sleep;
use std::time::Duration;

use broker::{BrokerLimits, Options};
use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest};
use kafka_protocol::protocol::StrBytes;

use crate::client::{Client, start, text, wait_for};

const REBALANCE_IN_PROGRESS: i16 = 27;
const VERSION: i16 = 3;
const PARTITIONS: u8 = 4;

/// Longer than any test takes.
const LONG_SESSION_MS: i32 = 60_000;
/// Time after which a member that stops counts as gone.
const SHORT_SESSION_MS: i32 = 2_000;

struct Member {
    client: Client,
    session_ms: i32,
    id: StrBytes,
    generation: i32,
}

impl Member {
    fn new(client: Client, session_ms: i32) -> Member {
        Member { client, session_ms, id: text(""), generation: -1 }
    }

    fn send_join(&mut self) -> i32 {
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_member_id(self.id.clone())
            .with_session_timeout_ms(self.session_ms)
            .with_rebalance_timeout_ms(20_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        self.client.send(&request, VERSION)
    }

    fn joined(&mut self, correlation: i32) -> JoinGroupResponse {
        let answer = self.client.answer::<JoinGroupRequest>(correlation, VERSION).unwrap();
        assert_eq!(answer.error_code, 0);
        (self.id, self.generation) = (answer.member_id.clone(), answer.generation_id);
        answer
    }

    /// Syncs. The leader distributes the partitions in turn; a follower sends no assignments. Each partition is one
    /// byte.
    fn sync(&mut self, members: &[StrBytes]) -> Bytes {
        let deal = |(nth, id): (usize, &StrBytes)| {
            let mine: Vec<u8> = (0..PARTITIONS).filter(|p| usize::from(*p) % members.len() == nth).collect();
            SyncGroupRequestAssignment::default().with_member_id(id.clone()).with_assignment(mine.into())
        };
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_assignments(members.iter().enumerate().map(deal).collect());
        let answer = self.client.ask(&request, VERSION);
        assert_eq!(answer.error_code, 0);
        answer.assignment
    }

    fn heartbeat(&mut self) -> i16 {
        let request = HeartbeatRequest::default().with_group_id(GroupId(text("g")));
        let request = request.with_generation_id(self.generation).with_member_id(self.id.clone());
        self.client.ask(&request, VERSION).error_code
    }
}

fn ids(answer: &JoinGroupResponse) -> Vec<StrBytes> {
    answer.members.iter().map(|m| m.member_id.clone()).collect()
}

#[test]
fn members_share_partitions_and_one_takes_over_from_the_other() {
    let mut limits = BrokerLimits::default();
    limits.groups.session_ms_min = SHORT_SESSION_MS;
    let broker = start(Options { limits, ..Options::default() });
    let mut one = Member::new(Client::new(broker.address), LONG_SESSION_MS);
    let mut other = Member::new(Client::new(broker.address), SHORT_SESSION_MS);
    let asked = one.send_join();
    let alone = one.joined(asked);
    assert_eq!(one.sync(&ids(&alone)), [0, 1, 2, 3][..]);

    let others = other.send_join();
    wait_for("the other to join", || one.heartbeat() == REBALANCE_IN_PROGRESS);
    let asked = one.send_join();
    let led = one.joined(asked);
    other.joined(others);
    assert_eq!((one.generation, other.generation, led.members.len()), (2, 2, 2));
    let first = one.sync(&ids(&led));
    let second = other.sync(&[]);
    let mut all = [first, second].concat();
    assert_eq!(all.len(), 4);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    assert_eq!((one.heartbeat(), other.heartbeat()), (0, 0));

    drop(other.client);
    let beat = Duration::from_millis(50);
    wait_for("the session's end", || {
        sleep(beat);
        one.heartbeat() == REBALANCE_IN_PROGRESS
    });
    let asked = one.send_join();
    let alone = one.joined(asked);
    assert_eq!((one.generation, alone.members.len()), (3, 1));
    assert_eq!(one.sync(&ids(&alone)), [0, 1, 2, 3][..]);
}
