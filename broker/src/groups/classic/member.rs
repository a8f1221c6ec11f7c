//! One member of a group: its protocols, its assignment, and its unanswered requests.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;

use crate::clock::Ms;
use crate::groups::kept::{copied, kept};
use crate::memory::Memory;
use crate::request::Requester;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Protocol {
    pub name: StrBytes,
    pub metadata: Bytes,
}

/// The part of a member that each of its joins sets anew.
#[derive(Clone, Default, Debug)]
pub struct Profile {
    pub client_id: StrBytes,
    pub host: StrBytes,
    pub connection: u64,
    pub session_ms: Ms,
    pub rebalance_ms: Ms,
    pub protocols: Vec<Protocol>,
}

#[derive(Default, Debug)]
pub struct ClassicMember {
    pub instance: Option<StrBytes>,
    pub profile: Profile,
    pub assignment: Bytes,
    /// True if it requested its assignment in this generation.
    pub synced: bool,
    pub last_heard: Ms,
    pub joining: Option<oneshot::Sender<JoinGroupResponse>>,
    pub syncing: Option<oneshot::Sender<SyncGroupResponse>>,
}

impl ClassicMember {
    pub fn update(&mut self, join: &Join, now: Ms) {
        self.profile = join.profile.clone();
        self.last_heard = now;
    }

    pub fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.profile.protocols.iter().find(|p| &*p.name == protocol);
        found.map(|p| p.metadata.clone()).unwrap_or_default()
    }

    pub fn supports(&self, protocol: &str) -> bool {
        self.profile.protocols.iter().any(|p| &*p.name == protocol)
    }

    /// True if its join is unanswered and it is still connected.
    pub fn waits_in_join(&self) -> bool {
        self.joining.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    fn waits_in_sync(&self) -> bool {
        self.syncing.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// True if its join is unanswered, but it has disconnected.
    pub fn gone_from_join(&self) -> bool {
        self.joining.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// End of its session. `None` while it waits for our answer: librdkafka sends no heartbeats then, and the delay is
    /// not the member's.
    pub fn session_ends(&self) -> Option<Ms> {
        let waits = self.waits_in_join() || self.waits_in_sync();
        (!waits).then(|| self.last_heard.saturating_add(self.profile.session_ms))
    }

    pub fn answer_join(&mut self, answer: JoinGroupResponse, now: Ms) {
        if let Some(sender) = self.joining.take() {
            sender.send(answer).ok();
            self.last_heard = now;
        }
    }

    pub fn answer_sync(&mut self, answer: SyncGroupResponse, now: Ms) {
        if let Some(sender) = self.syncing.take() {
            sender.send(answer).ok();
            self.last_heard = now;
        }
    }

    /// Answers all its open requests with this error.
    pub fn refuse(&mut self, error: ResponseError, id: &StrBytes) {
        let now = self.last_heard;
        self.answer_join(JoinGroupResponse::default().with_error_code(error.code()).with_member_id(id.clone()), now);
        self.answer_sync(SyncGroupResponse::default().with_error_code(error.code()), now);
    }
}

/// The data of a join request, copied. The metadata are a slice of the request until `keep_metadata`.
#[derive(Debug)]
pub struct Join {
    pub member_id: StrBytes,
    pub instance: Option<StrBytes>,
    pub profile: Profile,
    pub protocol_type: StrBytes,
    pub version: i16,
}

impl Join {
    pub fn new(request: &JoinGroupRequest, version: i16, requester: &Requester, wait_ms_max: Ms) -> Join {
        let session_ms = Ms::try_from(request.session_timeout_ms).unwrap_or(0).max(1);
        // In version 0 one timeout is used for both.
        let rebalance_ms = if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
        let rebalance_ms = Ms::try_from(rebalance_ms).unwrap_or(0).clamp(1, wait_ms_max.max(1));
        let protocols = request.protocols.iter();
        let profile = Profile {
            client_id: copied(&requester.client_id),
            host: copied(&requester.host),
            connection: requester.connection,
            session_ms,
            rebalance_ms,
            protocols: protocols.map(|p| Protocol { name: copied(&p.name), metadata: p.metadata.clone() }).collect(),
        };
        Join {
            member_id: copied(&request.member_id),
            instance: request.group_instance_id.as_ref().map(|id| copied(id)),
            profile,
            protocol_type: copied(&request.protocol_type),
            version,
        }
    }

    /// Copies the metadata. The `names` bytes of the names are counted with the first of them, because all data of a
    /// member are freed together.
    pub fn keep_metadata(&mut self, memory: &Memory, mut names: usize) {
        for protocol in &mut self.profile.protocols {
            protocol.metadata = kept(memory, &protocol.metadata, std::mem::take(&mut names));
        }
    }
}
