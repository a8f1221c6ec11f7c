//! Checks that a heartbeat request is valid in itself, before any group is looked up.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ConsumerGroupHeartbeatRequest;
use kafka_protocol::protocol::StrBytes;

use super::assignment::{self, Assignment};
use super::assignor::Assignor;
use super::subscription::Expression;
use crate::groups::kept::{ID_BYTES_MAX, copied, is_group_id};
use crate::memory::OVERHEAD_BYTES;
use crate::request::Requester;

/// Epoch of the first heartbeat of a member, which holds no partitions.
pub const FIRST: i32 = 0;
/// Epoch of a member that leaves for good.
pub const LEAVES: i32 = -1;
/// Epoch of a static member that leaves and will be back. It keeps its partitions until its session ends.
pub const WILL_BE_BACK: i32 = -2;

/// First version in which members choose their ids.
const MEMBER_ID_SINCE: i16 = 1;
const NO_TIMEOUT: i32 = -1;

/// An error, with a message for the client's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    pub error: ResponseError,
    pub words: String,
}

impl Rejection {
    pub fn new(error: ResponseError, words: impl Into<String>) -> Rejection {
        Rejection { error, words: words.into() }
    }
}

/// The heartbeat of a member that stays. A field with `None` is as in its last heartbeat.
pub struct Heartbeat<'a> {
    pub request: &'a ConsumerGroupHeartbeatRequest,
    pub requester: &'a Requester,
    pub assignor: Option<Assignor>,
    pub owned: Option<Assignment>,
}

impl<'a> Heartbeat<'a> {
    /// The heartbeat in a request that `check` has accepted.
    pub fn parse(
        request: &'a ConsumerGroupHeartbeatRequest,
        requester: &'a Requester,
    ) -> Result<Heartbeat<'a>, Rejection> {
        let assignor = request.server_assignor.as_ref().map(assignor).transpose()?;
        let regex = request.subscribed_topic_regex.as_ref();
        regex.map_or(Ok(()), |regex| Expression::check(regex)).map_err(|words| {
            let words = format!("SubscribedTopicRegex is not a valid regular expression: {words}");
            Rejection::new(ResponseError::InvalidRegularExpression, words)
        })?;
        let owned = request.topic_partitions.as_deref().map(assignment::owned);
        Ok(Heartbeat { request, requester, assignor, owned })
    }

    pub fn is_first(&self) -> bool {
        self.request.member_epoch == FIRST
    }

    /// True if the request contains all fields; then the answer does too.
    pub fn is_full(&self) -> bool {
        let subscribes = self.request.subscribed_topic_names.is_some() || self.request.subscribed_topic_regex.is_some();
        self.is_first() || (self.rebalance_ms().is_some() && subscribes && self.owned.is_some())
    }

    pub fn rebalance_ms(&self) -> Option<i32> {
        Some(self.request.rebalance_timeout_ms).filter(|ms| *ms != NO_TIMEOUT)
    }

    pub fn names(&self) -> Option<BTreeSet<StrBytes>> {
        let names = self.request.subscribed_topic_names.as_ref()?;
        Some(names.iter().map(|name| copied(name)).collect())
    }

    /// Memory that the names would need, if the request contains them.
    pub fn names_bytes(&self) -> Option<usize> {
        let names = self.request.subscribed_topic_names.as_ref()?;
        Some(names.iter().map(|name| name.len() + OVERHEAD_BYTES).sum())
    }
}

/// Checks the request of a member that stays or leaves.
pub fn check(request: &ConsumerGroupHeartbeatRequest, version: i16, requester: &Requester) -> Result<(), Rejection> {
    check_ids(request, version)?;
    check_lengths(request, requester)?;
    match request.member_epoch {
        WILL_BE_BACK if request.instance_id.is_none() => Err(invalid("InstanceId can't be null.")),
        FIRST => check_first(request),
        WILL_BE_BACK | LEAVES | 1.. => Ok(()),
        _ => Err(invalid("MemberEpoch is invalid.")),
    }
}

fn check_ids(request: &ConsumerGroupHeartbeatRequest, version: i16) -> Result<(), Rejection> {
    let is_blank = |text: &Option<StrBytes>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    if request.group_id.trim().is_empty() {
        return Err(invalid("GroupId can't be empty."));
    }
    if !is_group_id(&request.group_id) {
        return Err(Rejection::new(ResponseError::InvalidGroupId, "GroupId is too long."));
    }
    if is_blank(&request.instance_id) {
        return Err(invalid("InstanceId can't be empty."));
    }
    if is_blank(&request.rack_id) {
        return Err(invalid("RackId can't be empty."));
    }
    let needs_id = version >= MEMBER_ID_SINCE || request.member_epoch != FIRST;
    if needs_id && request.member_id.trim().is_empty() {
        return Err(invalid("MemberId can't be empty."));
    }
    Ok(())
}

fn check_lengths(request: &ConsumerGroupHeartbeatRequest, requester: &Requester) -> Result<(), Rejection> {
    let length = |text: &Option<StrBytes>| text.as_ref().map_or(0, |text| text.len());
    let lengths = [
        ("MemberId", request.member_id.len()),
        ("InstanceId", length(&request.instance_id)),
        ("RackId", length(&request.rack_id)),
        ("ClientId", requester.client_id.len()),
        ("The host's name", requester.host.len()),
    ];
    match lengths.into_iter().find(|(_, bytes)| *bytes > ID_BYTES_MAX) {
        Some((name, _)) => Err(invalid(&format!("{name} is longer than {ID_BYTES_MAX} bytes."))),
        None => Ok(()),
    }
}

fn check_first(request: &ConsumerGroupHeartbeatRequest) -> Result<(), Rejection> {
    if request.rebalance_timeout_ms == NO_TIMEOUT {
        return Err(invalid("RebalanceTimeoutMs must be provided in first request."));
    }
    if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
        return Err(invalid("TopicPartitions must be empty when (re-)joining."));
    }
    if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
        return Err(invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."));
    }
    Ok(())
}

fn assignor(name: &StrBytes) -> Result<Assignor, Rejection> {
    Assignor::named(name).ok_or_else(|| {
        let all = Assignor::ALL.map(Assignor::name).join(", ");
        let words = format!("ServerAssignor {} is not supported. Supported assignors: {all}.", name.as_str());
        Rejection::new(ResponseError::UnsupportedAssignor, words)
    })
}

fn invalid(words: &str) -> Rejection {
    Rejection::new(ResponseError::InvalidRequest, words)
}
