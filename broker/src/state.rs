//! All that the broker knows, and the one place where a request meets it.

use std::collections::HashSet;

use kafka_protocol::messages::{BrokerId, RequestKind, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::{Notify, oneshot};

use crate::answer;
use crate::clients::Clients;
use crate::clock::{Clock, Now};
use crate::groups::{self, Groups, Who};
use crate::memory::{Held, Memory};
use crate::options::Options;
use crate::request::Request;
use crate::topics::Topics;

/// There is only one of us.
pub const NODE: BrokerId = BrokerId(1);

/// What the groups may keep, of all the memory.
const GROUPS_OF_MEMORY: usize = 16;

#[derive(Debug)]
pub struct State {
    pub options: Options,
    pub clock: Clock,
    pub memory: Memory,
    pub topics: Topics,
    pub groups: Groups,
    pub clients: Clients,
    pub cluster: StrBytes,
    pub next_producer: i64,
    /// Rung when the groups' next deadline may have changed.
    pub alarm: std::rc::Rc<Notify>,
}

/// Who asks, and how it reached us.
#[derive(Clone, Debug)]
pub struct Caller {
    pub connection: u64,
    pub client: String,
    pub peer_host: String,
    /// Where it is told to connect to.
    pub advertise: (StrBytes, u16),
}

/// What comes of a request.
#[derive(Debug)]
pub enum Answer {
    Now(ResponseKind),
    /// A fetch: answered when there is enough to read, or its time is up.
    Fetch(kafka_protocol::messages::FetchRequest),
    /// A member waits for its group.
    Join(oneshot::Receiver<kafka_protocol::messages::JoinGroupResponse>),
    Sync(oneshot::Receiver<kafka_protocol::messages::SyncGroupResponse>),
    /// `acks=0`: none is wanted.
    Nothing,
    /// There is no way to say what is wrong but to hang up.
    HangUp(&'static str),
}

impl State {
    pub fn new(options: Options) -> State {
        let clock = Clock::start();
        let for_groups = options.memory_bytes / GROUPS_OF_MEMORY;
        State {
            memory: Memory::new(options.memory_bytes - for_groups),
            topics: Topics::new(options.defaults, &options.limits),
            groups: Groups::new(groups::Limits { memory_bytes: for_groups, ..options.limits.groups.clone() }),
            clients: Clients::default(),
            cluster: StrBytes::from_string(format!("vid-{}", uuid::Uuid::new_v4().simple())),
            // Not those of an earlier broker on this address, whose producers may still be there.
            next_producer: clock.now().wall_ms.saturating_mul(1000),
            alarm: std::rc::Rc::default(),
            clock,
            options,
        }
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Does what a request asks for, that came as so many bytes.
    pub fn handle(&mut self, request: Request, bytes: usize, caller: &Caller) -> Answer {
        let version = request.version;
        let now = self.now().ms;
        let response = match request.body {
            RequestKind::Produce(r) => return answer::produce::produce(self, r, bytes, caller),
            RequestKind::Fetch(mut r) => {
                // Of fetch sessions, which we have none of.
                r.forgotten_topics_data = Vec::new();
                return Answer::Fetch(r);
            }
            RequestKind::ListOffsets(r) => answer::offsets::list(self, &r, version).into(),
            RequestKind::OffsetForLeaderEpoch(r) => answer::offsets::of_epoch(self, &r).into(),
            RequestKind::DeleteRecords(r) => answer::offsets::delete_records(self, &r).into(),
            RequestKind::ApiVersions(_) => answer::cluster::api_versions(0).into(),
            RequestKind::Metadata(r) => answer::cluster::metadata(self, &r, version, caller).into(),
            RequestKind::DescribeCluster(r) => answer::cluster::describe(self, &r, version, caller).into(),
            RequestKind::DescribeTopicPartitions(r) => answer::cluster::describe_partitions(self, &r).into(),
            RequestKind::FindCoordinator(r) => answer::cluster::find_coordinator(&r, version, caller).into(),
            RequestKind::InitProducerId(r) => answer::produce::init_producer(self, &r).into(),
            RequestKind::CreateTopics(r) => answer::topics::create(self, &r, version).into(),
            RequestKind::CreatePartitions(r) => answer::topics::create_partitions(self, &r).into(),
            RequestKind::DeleteTopics(r) => answer::topics::delete(self, &r, version).into(),
            RequestKind::DescribeConfigs(r) => answer::configs::describe(self, &r, version).into(),
            RequestKind::AlterConfigs(r) => answer::configs::alter(self, &r).into(),
            RequestKind::IncrementalAlterConfigs(r) => answer::configs::alter_incremental(self, &r).into(),
            body => return self.handle_group(body, version, caller, now),
        };
        Answer::Now(response)
    }

    fn handle_group(&mut self, body: RequestKind, version: i16, caller: &Caller, now: u64) -> Answer {
        // Whatever is asked, a deadline may come of it.
        self.alarm.notify_one();
        let State { groups, topics, .. } = self;
        let response = match body {
            RequestKind::JoinGroup(r) => {
                let who = Who {
                    client_id: caller.client.clone(),
                    host: caller.peer_host.clone(),
                    connection: caller.connection,
                };
                return Answer::Join(groups.join(r, version, &who, now));
            }
            RequestKind::SyncGroup(r) => return Answer::Sync(groups.sync(r, version, now)),
            RequestKind::Heartbeat(r) => groups.heartbeat(&r, now).into(),
            RequestKind::LeaveGroup(r) => groups.leave(&r, version, now).into(),
            RequestKind::OffsetCommit(r) => {
                let known = |topic: &str, partition| topics.partition(topic, partition).is_some();
                groups.commit(&r, version, now, known).into()
            }
            RequestKind::OffsetFetch(mut r) => {
                // Each group once: a short question must not have a long answer many times over.
                let mut seen = HashSet::new();
                r.groups.retain(|g| seen.insert(g.group_id.clone()));
                groups.fetch_offsets(&r, version).into()
            }
            RequestKind::DescribeGroups(mut r) => {
                let mut seen = HashSet::new();
                r.groups.retain(|g| seen.insert(g.clone()));
                groups.describe(&r, version).into()
            }
            RequestKind::ListGroups(r) => groups.list(&r, version).into(),
            RequestKind::DeleteGroups(r) => groups.delete(&r).into(),
            RequestKind::OffsetDelete(r) => groups.delete_offsets(&r).into(),
            // `request::decode` lets nothing else through.
            _ => return Answer::HangUp("a request that is not served"),
        };
        Answer::Now(response)
    }
}

/// Who takes that long for one request or answer may be cut off where its memory is needed.
const SLOW_MS: u64 = 1000;

impl State {
    /// Counts `bytes`, if dropping the oldest records makes room for them.
    ///
    /// What clients hold, in requests that are not whole yet and answers that are not read, is not for the logs to make
    /// good: where that is more than the clients' part, the slowest client is cut off and the caller tries again.
    pub fn take_room(&mut self, bytes: usize) -> Option<Held> {
        while !self.memory.has_room(bytes) {
            let of_clients = self.memory.used().saturating_sub(self.topics.cost());
            let fits = of_clients.saturating_add(bytes) <= self.memory.of_clients();
            if !(fits && self.topics.drop_one()) {
                self.cut_slowest();
                return None;
            }
        }
        Some(self.memory.hold(bytes))
    }

    fn cut_slowest(&mut self) {
        if let Some(slow) = self.clients.cut_slowest(self.clock.now().ms, SLOW_MS) {
            let (peer, name) = (slow.peer, &slow.name);
            tracing::warn!("{peer} ({name}) takes long for a request or an answer, and its memory is needed: cut off");
        }
    }

    /// What every connection may hold at once without asking more of the memory than is the clients' part.
    pub fn share_bytes(&self) -> usize {
        self.memory.of_clients() / self.options.limits.connections.max(1)
    }

    /// One request: what we are told, and what can find room.
    pub fn request_bytes_max(&self) -> usize {
        self.options.limits.request_bytes.min(self.memory.of_clients() / 2)
    }
}
