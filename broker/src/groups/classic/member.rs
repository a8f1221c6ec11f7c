//! One member of a group: its protocols, its assignment, and its unanswered requests.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;

use crate::clock::Ms;
use crate::groups::{copied, kept};
use crate::memory::Memory;
use crate::request::Requester;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::groups) struct Protocol {
    pub(in crate::groups) name: StrBytes,
    pub(in crate::groups) metadata: Bytes,
}

#[derive(Debug)]
pub(in crate::groups) struct ClassicMember {
    pub(in crate::groups) instance: Option<StrBytes>,
    pub(in crate::groups) client_id: StrBytes,
    pub(in crate::groups) host: StrBytes,
    pub(in crate::groups) connection: u64,
    pub(in crate::groups) session_ms: Ms,
    pub(in crate::groups) rebalance_ms: Ms,
    pub(in crate::groups) protocols: Vec<Protocol>,
    pub(in crate::groups) assignment: Bytes,
    /// True if it requested its assignment in this generation.
    pub(in crate::groups) synced: bool,
    pub(in crate::groups) heard: Ms,
    pub(in crate::groups) joining: Option<oneshot::Sender<JoinGroupResponse>>,
    pub(in crate::groups) syncing: Option<oneshot::Sender<SyncGroupResponse>>,
}

impl ClassicMember {
    pub(in crate::groups) fn new(join: &Join, now: Ms) -> ClassicMember {
        let mut member = ClassicMember {
            instance: join.instance.clone(),
            client_id: StrBytes::new(),
            host: StrBytes::new(),
            connection: 0,
            session_ms: 0,
            rebalance_ms: 0,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            synced: false,
            heard: now,
            joining: None,
            syncing: None,
        };
        member.update(join, now);
        member
    }

    pub(in crate::groups) fn update(&mut self, join: &Join, now: Ms) {
        self.client_id = join.client_id.clone();
        self.host = join.host.clone();
        self.connection = join.connection;
        self.session_ms = join.session_ms;
        self.rebalance_ms = join.rebalance_ms;
        self.protocols = join.protocols.clone();
        self.heard = now;
    }

    pub(in crate::groups) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|p| &*p.name == protocol);
        found.map(|p| p.metadata.clone()).unwrap_or_default()
    }

    pub(in crate::groups) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|p| &*p.name == protocol)
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
        (!waits).then(|| self.heard.saturating_add(self.session_ms))
    }

    pub(in crate::groups) fn answer_join(&mut self, answer: JoinGroupResponse, now: Ms) {
        if let Some(sender) = self.joining.take() {
            sender.send(answer).ok();
            self.heard = now;
        }
    }

    pub(in crate::groups) fn answer_sync(&mut self, answer: SyncGroupResponse, now: Ms) {
        if let Some(sender) = self.syncing.take() {
            sender.send(answer).ok();
            self.heard = now;
        }
    }

    /// Answers all its open requests with this error.
    pub(in crate::groups) fn refuse(&mut self, error: ResponseError, id: &StrBytes) {
        let now = self.heard;
        self.answer_join(JoinGroupResponse::default().with_error_code(error.code()).with_member_id(id.clone()), now);
        self.answer_sync(SyncGroupResponse::default().with_error_code(error.code()), now);
    }
}

/// The data of a join request, copied. The metadata are a slice of the request until `keep_metadata`.
#[derive(Debug)]
pub(in crate::groups) struct Join {
    pub(in crate::groups) member_id: StrBytes,
    pub(in crate::groups) instance: Option<StrBytes>,
    pub(in crate::groups) client_id: StrBytes,
    pub(in crate::groups) host: StrBytes,
    pub(in crate::groups) connection: u64,
    pub(in crate::groups) session_ms: Ms,
    pub(in crate::groups) rebalance_ms: Ms,
    pub(in crate::groups) protocol_type: StrBytes,
    pub(in crate::groups) protocols: Vec<Protocol>,
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
        Join {
            member_id: copied(&request.member_id),
            instance: request.group_instance_id.as_ref().map(|id| copied(id)),
            client_id: copied(&requester.client_id),
            host: copied(&requester.host),
            connection: requester.connection,
            session_ms,
            rebalance_ms,
            protocol_type: copied(&request.protocol_type),
            protocols: protocols.map(|p| Protocol { name: copied(&p.name), metadata: p.metadata.clone() }).collect(),
            version,
        }
    }

    /// Copies the metadata. The `names` bytes of the names are counted with the first of them, because all data of a
    /// member are freed together.
    pub(in crate::groups) fn keep_metadata(&mut self, memory: &Memory, mut names: usize) {
        for protocol in &mut self.protocols {
            protocol.metadata = kept(memory, &protocol.metadata, std::mem::take(&mut names));
        }
    }
}
