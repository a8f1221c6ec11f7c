//! Answers requests from the broker's state. Each file handles one kind of request, and turns a request and the state
//! into a response.

pub mod cluster;
pub mod configs;
pub mod fetch;
pub mod log_dirs;
pub mod offsets;
pub mod produce;
mod rights;
mod timestamps;
pub mod topics;
mod words;

use std::collections::HashSet;
use std::hash::Hash;

use kafka_protocol::messages::{
    FetchRequest, GroupId, JoinGroupResponse, RequestKind, ResponseKind, SyncGroupResponse,
};
use tokio::sync::oneshot;

use crate::request::{Request, Requester};
use crate::state::BrokerState;

/// The outcome of a request.
#[derive(Debug)]
pub enum Answer {
    Now(ResponseKind),
    /// A fetch, which is answered when there is enough to read or its time is up.
    Fetch(FetchRequest),
    /// A join, whose member waits for its group.
    Join(oneshot::Receiver<JoinGroupResponse>),
    Sync(oneshot::Receiver<SyncGroupResponse>),
    /// No answer, because of `acks=0`.
    Nothing,
    /// The connection is closed, as there is no other way to report the error.
    HangUp(&'static str),
}

/// Handles a request that arrived in a frame of this many bytes.
pub fn answer(state: &mut BrokerState, request: Request, bytes: usize, requester: &Requester) -> Answer {
    let version = request.version;
    let now = state.now().ms;
    let response = match request.body {
        RequestKind::Produce(r) => {
            return match produce::produce(state, r, bytes, requester) {
                Ok(Some(response)) => Answer::Now(response.into()),
                Ok(None) => Answer::Nothing,
                Err(why) => Answer::HangUp(why),
            };
        }
        RequestKind::Fetch(mut r) => {
            if let Some(refused) = fetch::refused_session(&r) {
                return Answer::Now(refused.into());
            }
            // These belong to fetch sessions, which are not supported.
            r.forgotten_topics_data = Vec::new();
            return Answer::Fetch(r);
        }
        RequestKind::ListOffsets(r) => offsets::list(state, &r, version).into(),
        RequestKind::OffsetForLeaderEpoch(r) => offsets::of_epoch(state, &r).into(),
        RequestKind::DeleteRecords(r) => offsets::delete_records(state, &r).into(),
        RequestKind::ApiVersions(_) => cluster::api_versions(0).into(),
        RequestKind::Metadata(r) => cluster::metadata(state, &r, version, requester).into(),
        RequestKind::DescribeCluster(r) => cluster::describe(state, &r, version, requester).into(),
        RequestKind::DescribeTopicPartitions(r) => cluster::describe_partitions(state, &r).into(),
        RequestKind::FindCoordinator(r) => cluster::find_coordinator(&r, version, requester).into(),
        RequestKind::InitProducerId(r) => produce::init_producer(state, &r, requester).into(),
        RequestKind::CreateTopics(r) => topics::create(state, &r, version).into(),
        RequestKind::CreatePartitions(r) => topics::create_partitions(state, &r).into(),
        RequestKind::DeleteTopics(r) => topics::delete(state, &r, version).into(),
        RequestKind::DescribeConfigs(r) => configs::describe(state, &r, version, requester).into(),
        RequestKind::DescribeLogDirs(r) => log_dirs::describe(state, &r, version).into(),
        RequestKind::AlterConfigs(r) => configs::alter(state, &r).into(),
        RequestKind::IncrementalAlterConfigs(r) => configs::alter_incremental(state, &r).into(),
        body => return answer_group(state, body, version, requester, now),
    };
    Answer::Now(response)
}

fn answer_group(state: &mut BrokerState, body: RequestKind, version: i16, requester: &Requester, now: u64) -> Answer {
    // Any of these requests can change the groups' next deadline.
    state.alarm.notify_one();
    let BrokerState { groups, topics, .. } = state;
    let response = match body {
        RequestKind::JoinGroup(r) => return Answer::Join(groups.join(r, version, requester, now)),
        RequestKind::SyncGroup(r) => return Answer::Sync(groups.sync(r, version, now)),
        RequestKind::ConsumerGroupHeartbeat(r) => groups.consumer_heartbeat(&r, version, requester, topics, now).into(),
        RequestKind::ConsumerGroupDescribe(r) => {
            let mut response = groups.consumer_describe(&r, topics);
            if r.include_authorized_operations {
                let described = response.groups.iter_mut().filter(|group| group.error_code == words::OK);
                described.for_each(|group| group.authorized_operations = rights::ON_GROUP);
            }
            response.into()
        }
        RequestKind::Heartbeat(r) => groups.heartbeat(&r, now).into(),
        RequestKind::LeaveGroup(r) => groups.leave(&r, version, now).into(),
        RequestKind::OffsetCommit(r) => {
            let known = |topic: &str, partition| topics.partition(topic, partition).is_some();
            groups.commit(&r, version, now, known).into()
        }
        RequestKind::OffsetFetch(mut r) => {
            each_once(&mut r.groups, |group| group.group_id.clone());
            groups.fetch_offsets(&r, version).into()
        }
        RequestKind::DescribeGroups(mut r) => {
            each_once(&mut r.groups, GroupId::clone);
            let mut response = groups.describe(&r, version);
            if r.include_authorized_operations {
                let described = response.groups.iter_mut().filter(|group| group.error_code == words::OK);
                described.for_each(|group| group.authorized_operations = rights::ON_GROUP);
            }
            response.into()
        }
        RequestKind::ListGroups(r) => groups.list(&r, version).into(),
        RequestKind::DeleteGroups(r) => groups.delete(&r).into(),
        RequestKind::OffsetDelete(r) => groups.delete_offsets(&r).into(),
        // `request::decode` accepts no other requests.
        _ => return Answer::HangUp("a request that is not served"),
    };
    Answer::Now(response)
}

/// Removes repeated items of a request, so that a short request cannot get a huge answer.
fn each_once<T, K: Eq + Hash>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(key(item)));
}
