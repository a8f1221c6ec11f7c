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
pub(in crate::groups) struct Protocol {
    pub(in crate::groups) name: StrBytes,
    pub(in crate::groups) metadata: Bytes,
}

/// The part of a member that each of its joins sets anew.
#[derive(Clone, Debug)]
pub(in crate::groups) struct Profile {
    pub(in crate::groups) client_id: StrBytes,
    pub(in crate::groups) host: StrBytes,
    pub(in crate::groups) connection: u64,
    pub(in crate::groups) session_ms: Ms,
    pub(in crate::groups) rebalance_ms: Ms,
    pub(in crate::groups) protocols: Vec<Protocol>,
}

#[derive(Debug)]
pub(in crate::groups) struct ClassicMember {
    pub(in crate::groups) instance: Option<StrBytes>,
    pub(in crate::groups) profile: Profile,
    pub(in crate::groups) assignment: Bytes,
    /// True if it requested its assignment in this generation.
    pub(in crate::groups) synced: bool,
    pub(in crate::groups) last_heard: Ms,
    pub(in crate::groups) joining: Option<oneshot::Sender<JoinGroupResponse>>,
    pub(in crate::groups) syncing: Option<oneshot::Sender<SyncGroupResponse>>,
}

impl ClassicMember {
    pub(in crate::groups) fn new(join: &Join, now: Ms) -> ClassicMember {
        ClassicMember {
            instance: join.instance.clone(),
            profile: join.profile.clone(),
            assignment: Bytes::new(),
            synced: false,
            last_heard: now,
            joining: None,
            syncing: None,
        }
    }

    pub(in crate::groups) fn update(&mut self, join: &Join, now: Ms) {
        self.profile = join.profile.clone();
        self.last_heard = now;
    }

    pub(in crate::groups) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.profile.protocols.iter().find(|p| &*p.name == protocol);
        found.map(|p| p.metadata.clone()).unwrap_or_default()
    }

    pub(in crate::groups) fn supports(&self, protocol: &str) -> bool {
        self.profile.protocols.iter().any(|p| &*p.name == protocol)
    }

    /// True if its join is unanswered and it is still connected.
    pub(in crate::groups) fn waits_in_join(&self) -> bool {
        self.joining.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    fn waits_in_sync(&self) -> bool {
        self.syncing.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// True if its join is unanswered, but it has disconnected.
    pub(in crate::groups) fn gone_from_join(&self) -> bool {
        self.joining.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// End of its session. `None` while it waits for our answer: librdkafka sends no heartbeats then, and the delay is
    /// not the member's.
    pub(in crate::groups) fn session_ends(&self) -> Option<Ms> {
        let waits = self.waits_in_join() || self.waits_in_sync();
        (!waits).then(|| self.last_heard.saturating_add(self.profile.session_ms))
    }

    pub(in crate::groups) fn answer_join(&mut self, answer: JoinGroupResponse, now: Ms) {
        if let Some(sender) = self.joining.take() {
            sender.send(answer).ok();
            self.last_heard = now;
        }
    }

    pub(in crate::groups) fn answer_sync(&mut self, answer: SyncGroupResponse, now: Ms) {
        if let Some(sender) = self.syncing.take() {
            sender.send(answer).ok();
            self.last_heard = now;
        }
    }

    /// Answers all its open requests with this error.
    pub(in crate::groups) fn refuse(&mut self, error: ResponseError, id: &StrBytes) {
        let now = self.last_heard;
        self.answer_join(JoinGroupResponse::default().with_error_code(error.code()).with_member_id(id.clone()), now);
        self.answer_sync(SyncGroupResponse::default().with_error_code(error.code()), now);
    }
}

/// The data of a join request, copied. The metadata are a slice of the request until `keep_metadata`.
#[derive(Debug)]
pub(in crate::groups) struct Join {
    pub(in crate::groups) member_id: StrBytes,
    pub(in crate::groups) instance: Option<StrBytes>,
    pub(in crate::groups) profile: Profile,
    pub(in crate::groups) protocol_type: StrBytes,
    pub(in crate::groups) version: i16,
}

impl Join {
    pub(in crate::groups) fn new(
        request: &JoinGroupRequest,
        version: i16,
        requester: &Requester,
        wait_ms_max: Ms,
    ) -> Join {
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
    pub(in crate::groups) fn keep_metadata(&mut self, memory: &Memory, mut names: usize) {
        for protocol in &mut self.profile.protocols {
            protocol.metadata = kept(memory, &protocol.metadata, std::mem::take(&mut names));
        }
    }
}
