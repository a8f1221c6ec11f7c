//! Every API has an answer that decodes, in every version that we advertise.

use std::time::Duration;

use broker::fuzzing::{bodies, rng::Rng};
use broker::request::supported;
use broker::shape::SHAPES;
use broker::{Broker, BrokerLimits, Options};
use bytes::{Buf, Bytes};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest,
    DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest, OffsetForLeaderEpochRequest, ResponseHeader, ResponseKind, SyncGroupRequest,
};
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request};

use crate::client::{Client, batch, produce, start, text, topic_name};

fn with_topic() -> (Broker, Client) {
    let limits = BrokerLimits { wait: Duration::from_millis(10), ..BrokerLimits::default() };
    let broker = start(Options { limits, ..Options::default() });
    let mut client = Client::new(broker.address);
    client.make("a", 2, &[("segment.bytes", "1000000")]);
    client.produce("a", 0, batch(10));
    (broker, client)
}

fn versions<R: Request>() -> std::ops::RangeInclusive<i16> {
    let (_, versions) = supported().find(|(api, _)| *api as i16 == R::KEY).unwrap();
    versions
}

/// Sends the request in every version, and checks the answers.
fn each<R: Request + kafka_protocol::protocol::Encodable + HeaderVersion>(
    client: &mut Client,
    request: impl Fn(i16) -> R,
    check: impl Fn(R::Response, i16),
) {
    for version in versions::<R>() {
        check(client.ask(&request(version), version), version);
    }
}

#[test]
fn any_request_in_any_version_has_an_answer_that_decodes() {
    let (_broker, mut client) = with_topic();
    for shape in SHAPES {
        for version in shape.versions.clone() {
            for seed in 0..10 {
                client.send_frame(&bodies::frame(shape, version, &mut Rng::new(seed)));
                let Some(mut answer) = client.receive() else { panic!("hung up on {:?} v{version}", shape.api) };
                let header = ResponseHeader::decode(&mut answer, shape.api.response_header_version(version));
                assert_eq!(header.unwrap().correlation_id, 77);
                ResponseKind::decode(shape.api, &mut answer, version).unwrap();
                assert!(!answer.has_remaining());
            }
        }
    }
}

#[test]
fn every_api_is_in_the_page_for_people() {
    let page = include_str!("../../../docs/broker.md");
    for (api, versions) in supported() {
        let row = format!("| {api:?} | {}–{} |", versions.start(), versions.end());
        assert!(page.contains(&row), "docs/broker.md lacks {row}");
    }
}

#[test]
fn api_versions_of_the_future_is_answered_as_the_oldest() {
    let (_broker, mut client) = with_topic();
    client.send_frame(b"\0\x12\0\x63\0\0\0\x09\xff\xff what is this");
    let mut answer = client.receive().unwrap();
    assert_eq!(answer.get_i32(), 9);
    let answer = ApiVersionsResponse::decode(&mut answer, 0).unwrap();
    assert_eq!((answer.error_code, answer.api_keys.len()), (35, SHAPES.len()));
    each(&mut client, |_| ApiVersionsRequest::default(), |answer, _| assert_eq!(answer.api_keys.len(), SHAPES.len()));
}

#[test]
fn a_request_of_no_version_that_is_served_ends_the_connection() {
    let (_broker, mut client) = with_topic();
    client.send_frame(b"\0\x03\0\x63\0\0\0\x09\xff\xff\0\0\0\0");
    assert_eq!(client.receive(), None);
}

#[test]
fn topics_are_described_there_or_not() {
    let (_broker, mut client) = with_topic();
    let names = |_| {
        let topic = |name| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let topics = ["a", "missing", "not/a/name"].map(topic);
        MetadataRequest::default().with_topics(Some(topics.to_vec())).with_allow_auto_topic_creation(false)
    };
    // Before version 4 a client always wants the topic created.
    for version in 4..=13 {
        let codes: Vec<i16> = client.ask(&names(version), version).topics.iter().map(|t| t.error_code).collect();
        assert_eq!(codes, [0, 3, 17], "v{version}");
    }
    let all = |version| MetadataRequest::default().with_topics((version == 0).then(Vec::new).or(None));
    for version in 1..=13 {
        assert_eq!(client.ask(&all(version), version).topics.len(), 1);
    }
    each(&mut client, |_| DescribeClusterRequest::default(), |answer, _| assert_eq!(answer.brokers.len(), 1));
}

#[test]
fn a_topic_requested_many_times_is_described_once() {
    let (_broker, mut client) = with_topic();
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name("a")));
    let request = MetadataRequest::default().with_topics(Some(vec![topic; 10_000]));
    assert_eq!(client.ask(&request, 9).topics.len(), 1);
    let resource = DescribeConfigsResource::default().with_resource_type(2).with_resource_name(text("a"));
    let resource = resource.with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource; 10_000]);
    assert_eq!(client.ask(&request, 4).results.len(), 1);
    let group = GroupId(text("g"));
    let request = DescribeGroupsRequest::default().with_groups(vec![group.clone(); 10_000]);
    assert_eq!(client.ask(&request, 5).groups.len(), 1);
    let asked = OffsetFetchRequestGroup::default().with_group_id(group).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![asked; 10_000]);
    assert_eq!(client.ask(&request, 8).groups.len(), 1);
}

#[test]
fn topics_are_made_and_deleted_in_every_version() {
    let (_broker, mut client) = with_topic();
    let config = CreatableTopicConfig::default().with_name(text("retention.ms")).with_value(Some(text("1000")));
    let bad = config.clone().with_value(Some(text("soon")));
    let topic = |name: &str| {
        let topic = CreatableTopic::default().with_name(topic_name(name)).with_num_partitions(3);
        topic.with_replication_factor(1)
    };
    let make = |version| {
        let named = topic(&format!("new-{version}")).with_configs(vec![config.clone()]);
        let refused = topic("bad").with_configs(vec![bad.clone()]);
        let alone = topic("replicated").with_replication_factor(3);
        let twice = topic("twice");
        CreateTopicsRequest::default().with_topics(vec![named, topic("a"), refused, alone, twice.clone(), twice])
    };
    each(&mut client, make, |answer, version| {
        let codes: Vec<i16> = answer.topics.iter().map(|t| t.error_code).collect();
        assert_eq!(codes, [0, 36, 40, 38, 42, 42], "v{version}");
    });
    let delete = |version| {
        let request = DeleteTopicsRequest::default();
        let name = topic_name(&format!("new-{}", version + 1));
        match version {
            6.. => {
                let asked = kafka_protocol::messages::delete_topics_request::DeleteTopicState::default();
                let missing = asked.clone().with_name(None).with_topic_id(uuid::Uuid::from_u128(1));
                request.with_topics(vec![asked.with_name(Some(name)), missing])
            }
            _ => request.with_topic_names(vec![name, topic_name("missing")]),
        }
    };
    each(&mut client, delete, |answer, version| {
        let codes: Vec<i16> = answer.responses.iter().map(|t| t.error_code).collect();
        assert_eq!(codes, [0, if version >= 6 { 100 } else { 3 }], "v{version}");
    });
}

#[test]
fn log_dirs_are_described_in_every_version() {
    let (_broker, mut client) = with_topic();
    let asked = |name: &str, partitions: &[i32]| {
        DescribableLogDirTopic::default().with_topic(topic_name(name)).with_partitions(partitions.to_vec())
    };
    let some = Some(vec![asked("a", &[0, 9, 0]), asked("missing", &[0]), asked("a", &[0])]);
    for (topics, expected) in [(None, vec![0, 1]), (some, vec![0])] {
        let request = |_| DescribeLogDirsRequest::default().with_topics(topics.clone());
        each(&mut client, request, |answer, version| {
            let [memory] = &answer.results[..] else { panic!("one folder: {answer:?}") };
            assert_eq!((answer.error_code, memory.error_code, memory.topics.len()), (0, 0, 1), "v{version}");
            let partitions = &memory.topics[0].partitions;
            assert_eq!(partitions.iter().map(|p| p.partition_index).collect::<Vec<_>>(), expected, "v{version}");
            assert_eq!(partitions[0].partition_size, batch(10).len() as i64);
            assert_eq!(memory.total_bytes > memory.usable_bytes, version >= 4);
        });
    }
}

#[test]
fn configurations_are_described_in_every_version() {
    let (_broker, mut client) = with_topic();
    let describe = |_| {
        let resource = |(kind, name): (i8, &str)| {
            let resource = DescribeConfigsResource::default().with_resource_type(kind);
            resource.with_resource_name(text(name)).with_configuration_keys(None)
        };
        let resources = [(2, "a"), (2, "missing"), (4, "1"), (4, "7"), (32, "group")].map(resource);
        DescribeConfigsRequest::default().with_resources(resources.to_vec()).with_include_synonyms(true)
    };
    each(&mut client, describe, |answer, version| {
        let codes: Vec<i16> = answer.results.iter().map(|r| r.error_code).collect();
        assert_eq!(codes, [0, 3, 0, 42, 42], "v{version}");
        let set = answer.results[0].configs.iter().find(|c| c.name == text("segment.bytes")).unwrap();
        assert_eq!((set.value.clone(), set.config_source), (Some(text("1000000")), 1));
    });
}

#[test]
fn the_shortest_session_is_kafkas_and_described() {
    let (_broker, mut client) = with_topic();
    let resource = DescribeConfigsResource::default().with_resource_type(4).with_resource_name(text("1"));
    let names = vec![text("group.min.session.timeout.ms")];
    let resource = resource.with_configuration_keys(Some(names));
    let answer = client.ask(&DescribeConfigsRequest::default().with_resources(vec![resource]), 4);
    assert_eq!(answer.results[0].configs[0].value, Some(text("6000")));
    // As in Kafka, the session timeout is checked before the protocols.
    let join = |session_ms| join(3, "short", "").with_session_timeout_ms(session_ms).with_protocols(Vec::new());
    assert_eq!([5999, 6000].map(|session_ms| client.ask(&join(session_ms), 3).error_code), [26, 23]);
}

#[test]
fn offsets_are_listed_and_epochs_answered_in_every_version() {
    let (_broker, mut client) = with_topic();
    let partition = |index, at| ListOffsetsPartition::default().with_partition_index(index).with_timestamp(at);
    let asked = vec![partition(0, -1), partition(0, -2), partition(0, -3), partition(0, 0), partition(9, -1)];
    let topic = ListOffsetsTopic::default().with_name(topic_name("a")).with_partitions(asked);
    each(
        &mut client,
        |_| ListOffsetsRequest::default().with_topics(vec![topic.clone()]),
        |answer, version| {
            let found: Vec<_> = answer.topics[0].partitions.iter().map(|p| (p.error_code, p.offset)).collect();
            assert_eq!(found, [(0, 1), (0, 0), (0, -1), (0, -1), (3, -1)], "v{version}");
        },
    );
    let partition = |index, epoch| {
        let asked = OffsetForLeaderPartition::default().with_partition(index).with_leader_epoch(epoch);
        asked.with_current_leader_epoch(-1)
    };
    let asked = vec![partition(0, 0), partition(0, 5), partition(9, 0)];
    let topic = OffsetForLeaderTopic::default().with_topic(topic_name("a")).with_partitions(asked);
    each(
        &mut client,
        |_| OffsetForLeaderEpochRequest::default().with_topics(vec![topic.clone()]),
        |answer, _| {
            let found: Vec<_> = answer.topics[0].partitions.iter().map(|p| (p.error_code, p.end_offset)).collect();
            assert_eq!(found, [(0, 1), (0, -1), (3, -1)]);
        },
    );
}

#[test]
fn produce_is_answered_in_every_version() {
    let (_broker, mut client) = with_topic();
    let id = client.ask(&MetadataRequest::default().with_topics(None), 12).topics[0].topic_id;
    let request = |version| {
        let mut request = produce("a", &[(0, batch(10)), (9, batch(10)), (1, Bytes::from_static(b"junk"))]);
        if version >= 13 {
            request.topic_data[0].name = topic_name("");
            request.topic_data[0].topic_id = id;
        }
        request
    };
    each(&mut client, request, |answer, version| {
        let parts = &answer.responses[0].partition_responses;
        assert_eq!(parts.iter().map(|p| p.error_code).collect::<Vec<_>>(), [0, 3, 87], "v{version}");
        assert_eq!(parts[0].base_offset, i64::from(version - 2));
        assert_eq!(parts[1].error_message.is_some(), version >= 8);
    });
}

fn join(version: i16, group: &str, member: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(Bytes::from("topics"));
    let request = JoinGroupRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_session_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    if version >= 1 { request.with_rebalance_timeout_ms(10_000) } else { request }
}

/// Joins as a client of that version does; in later versions a new member gets an id first.
fn joined(client: &mut Client, version: i16, group: &str) -> JoinGroupResponse {
    let answer = client.ask(&join(version, group, ""), version);
    if version < 4 {
        return answer;
    }
    assert_eq!(answer.error_code, 79);
    client.ask(&join(version, group, &answer.member_id), version)
}

#[test]
fn a_group_lives_in_every_version() {
    let (_broker, mut client) = with_topic();
    // The newest version of each API that belongs to a join of that version.
    let of = |versions: std::ops::RangeInclusive<i16>, nth: i16| (*versions.start() + nth).min(*versions.end());
    for nth in versions::<JoinGroupRequest>() {
        let name = format!("group-{nth}");
        let group = GroupId(text(&name));
        let me = joined(&mut client, nth, &name);
        assert_eq!((me.error_code, me.generation_id, &me.leader), (0, 1, &me.member_id));

        let version = of(versions::<SyncGroupRequest>(), nth);
        let mine = SyncGroupRequestAssignment::default()
            .with_member_id(me.member_id.clone())
            .with_assignment(Bytes::from("all"));
        let mut sync = SyncGroupRequest::default().with_group_id(group.clone()).with_generation_id(1);
        (sync.member_id, sync.assignments) = (me.member_id.clone(), vec![mine]);
        if version >= 5 {
            (sync.protocol_type, sync.protocol_name) = (Some(text("consumer")), Some(text("range")));
        }
        assert_eq!(client.ask(&sync, version).assignment, Bytes::from("all"));

        let version = of(versions::<HeartbeatRequest>(), nth);
        let beat = HeartbeatRequest::default().with_group_id(group.clone()).with_generation_id(1);
        assert_eq!(client.ask(&beat.clone().with_member_id(me.member_id.clone()), version).error_code, 0);
        assert_eq!(client.ask(&beat.with_member_id(text("nobody")), version).error_code, 25);

        let version = of(versions::<OffsetCommitRequest>(), nth);
        let partition = |index| {
            let partition = OffsetCommitRequestPartition::default().with_partition_index(index);
            partition.with_committed_offset(5).with_committed_metadata(Some(text("here")))
        };
        let topic = OffsetCommitRequestTopic::default().with_name(topic_name("a"));
        let topic = topic.with_partitions(vec![partition(0), partition(9)]);
        let mut commit = OffsetCommitRequest::default().with_group_id(group.clone()).with_topics(vec![topic]);
        (commit.member_id, commit.generation_id_or_member_epoch) = (me.member_id.clone(), 1);
        let answer = client.ask(&commit, version);
        let codes: Vec<i16> = answer.topics[0].partitions.iter().map(|p| p.error_code).collect();
        assert_eq!(codes, [0, 3]);

        check_committed(&mut client, of(versions::<OffsetFetchRequest>(), nth), &group);
        check_described(&mut client, nth, &group);

        let version = of(versions::<LeaveGroupRequest>(), nth);
        let mut leave = LeaveGroupRequest::default().with_group_id(group);
        if version >= 3 {
            leave.members = vec![MemberIdentity::default().with_member_id(me.member_id)];
        } else {
            leave.member_id = me.member_id;
        }
        assert_eq!(client.ask(&leave, version).error_code, 0);
    }
}

fn check_committed(client: &mut Client, version: i16, group: &GroupId) {
    let request = OffsetFetchRequest::default();
    if version >= 8 {
        let topic = OffsetFetchRequestTopics::default().with_name(topic_name("a")).with_partition_indexes(vec![0, 1]);
        let asked = OffsetFetchRequestGroup::default().with_group_id(group.clone()).with_topics(Some(vec![topic]));
        let answer = client.ask(&request.with_groups(vec![asked]), version);
        let offsets = answer.groups[0].topics[0].partitions.iter().map(|p| p.committed_offset);
        return assert_eq!(offsets.collect::<Vec<_>>(), [5, -1]);
    }
    let topic = OffsetFetchRequestTopic::default().with_name(topic_name("a")).with_partition_indexes(vec![0, 1]);
    let answer = client.ask(&request.with_group_id(group.clone()).with_topics(Some(vec![topic])), version);
    let offsets: Vec<i64> = answer.topics[0].partitions.iter().map(|p| p.committed_offset).collect();
    assert_eq!(offsets, [5, -1]);
}

fn check_described(client: &mut Client, nth: i16, group: &GroupId) {
    let version = nth.min(*versions::<DescribeGroupsRequest>().end());
    let missing = GroupId(text("missing"));
    let request = DescribeGroupsRequest::default().with_groups(vec![group.clone(), missing]);
    let answer = client.ask(&request, version);
    assert_eq!((answer.groups[0].group_state.as_str(), answer.groups[0].members.len()), ("Stable", 1));
    assert_eq!(answer.groups[1].group_state.as_str(), "Dead");
    let version = nth.min(*versions::<ListGroupsRequest>().end());
    assert!(client.ask(&ListGroupsRequest::default(), version).groups.iter().any(|g| g.group_id == *group));
    for version in versions::<FindCoordinatorRequest>() {
        let request = FindCoordinatorRequest::default();
        let answer = match version {
            4.. => client.ask(&request.with_coordinator_keys(vec![group.0.clone()]), version),
            _ => client.ask(&request.with_key(group.0.clone()), version),
        };
        let port = answer.coordinators.first().map_or(answer.port, |c| c.port);
        assert_eq!(port, i32::from(client.stream.peer_addr().unwrap().port()));
    }
}
