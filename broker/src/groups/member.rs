//! One member of a group: what it supports, what it was given, and which of its questions are still open.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;

use super::Who;
use crate::clock::Ms;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Protocol {
    pub(super) name: StrBytes,
    pub(super) metadata: Bytes,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Option<StrBytes>,
    pub(super) client_id: StrBytes,
    pub(super) host: StrBytes,
    pub(super) connection: u64,
    pub(super) session_ms: Ms,
    pub(super) rebalance_ms: Ms,
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Bytes,
    /// Whether it asked for its assignment in this generation.
    pub(super) synced: bool,
    pub(super) heard: Ms,
    pub(super) joining: Option<oneshot::Sender<JoinGroupResponse>>,
    pub(super) syncing: Option<oneshot::Sender<SyncGroupResponse>>,
}

impl Member {
    pub(super) fn new(join: &Join, now: Ms) -> Member {
        let mut member = Member {
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

    pub(super) fn update(&mut self, join: &Join, now: Ms) {
        self.client_id = join.client_id.clone();
        self.host = join.host.clone();
        self.connection = join.connection;
        self.session_ms = join.session_ms;
        self.rebalance_ms = join.rebalance_ms;
        self.protocols = join.protocols.clone();
        self.heard = now;
    }

    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|p| &*p.name == protocol);
        found.map(|p| p.metadata.clone()).unwrap_or_default()
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|p| &*p.name == protocol)
    }

    /// Waits for a join's answer, and is there to read it.
    pub(super) fn waits_in_join(&self) -> bool {
        self.joining.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    fn waits_in_sync(&self) -> bool {
        self.syncing.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// Its join was parked, but nobody is there to read the answer.
    pub(super) fn gone_from_join(&self) -> bool {
        self.joining.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// None while it waits for us: librdkafka sends no heartbeat then, and it is not the member that is late.
    pub(super) fn session_ends(&self) -> Option<Ms> {
        let waits = self.waits_in_join() || self.waits_in_sync();
        (!waits).then(|| self.heard.saturating_add(self.session_ms))
    }

    pub(super) fn answer_join(&mut self, answer: JoinGroupResponse, now: Ms) {
        if let Some(sender) = self.joining.take() {
            sender.send(answer).ok();
            self.heard = now;
        }
    }

    pub(super) fn answer_sync(&mut self, answer: SyncGroupResponse, now: Ms) {
        if let Some(sender) = self.syncing.take() {
            sender.send(answer).ok();
            self.heard = now;
        }
    }

    /// Every question that is open gets this error.
    pub(super) fn refuse(&mut self, error: ResponseError, id: &StrBytes) {
        let now = self.heard;
        self.answer_join(JoinGroupResponse::default().with_error_code(error.code()).with_member_id(id.clone()), now);
        self.answer_sync(SyncGroupResponse::default().with_error_code(error.code()), now);
    }
}

/// A join request, checked and copied.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) member_id: StrBytes,
    pub(super) instance: Option<StrBytes>,
    pub(super) client_id: StrBytes,
    pub(super) host: StrBytes,
    pub(super) connection: u64,
    pub(super) session_ms: Ms,
    pub(super) rebalance_ms: Ms,
    pub(super) protocol_type: StrBytes,
    pub(super) protocols: Vec<Protocol>,
    pub(super) version: i16,
}

impl Join {
    pub(super) fn new(request: &JoinGroupRequest, version: i16, who: &Who, wait_ms_max: Ms) -> Join {
        let session_ms = Ms::try_from(request.session_timeout_ms).unwrap_or(0).max(1);
        // Version 0 has one timeout for both.
        let rebalance_ms = if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
        let rebalance_ms = Ms::try_from(rebalance_ms).unwrap_or(0).clamp(1, wait_ms_max.max(1));
        let protocols = request.protocols.iter();
        Join {
            member_id: copied(&request.member_id),
            instance: request.group_instance_id.as_ref().map(|id| copied(id)),
            client_id: copied(&who.client_id),
            host: copied(&who.host),
            connection: who.connection,
            session_ms,
            rebalance_ms,
            protocol_type: copied(&request.protocol_type),
            protocols: protocols.map(|p| Protocol { name: copied(&p.name), metadata: p.metadata.clone() }).collect(),
            version,
        }
    }
}

/// A decoded string is a slice of the whole request; what is kept must not hold on to that.
pub(super) fn copied(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
