//! The supported requests: ApiVersions lists them, and requests are checked against them.

use std::ops::RangeInclusive;

use kafka_protocol::messages::ApiKey::{self, *};

use super::Shape;

/// No version of the API is flexible.
const NEVER: i16 = i16::MAX;

/// The shapes of the requests. The most frequent APIs come first, because the table is searched from its beginning.
pub const SHAPES: &[Shape] = &[
    shape(Produce, 3..=13, 9, "shi *({12- s}{13+ u} *(iy))"),
    shape(
        Fetch,
        4..=17,
        12,
        "{14- i}iiib{7+ ii} *({12- s}{13+ u} *(i{9+ i}l{12+ i}{5+ l}i<0:{17+ u}><1:{18+ l}>)) \
         {7+ *({12- s}{13+ u} *i)} {11+ s} <0:s><1:{15+ (il)}>",
    ),
    shape(ListOffsets, 1..=10, 6, "i{2+ b} *(s *(i{4+ i}l)) {10+ i}"),
    shape(Metadata, 0..=13, 9, "*({10+ u}s) {4+ B}{8-10 B}{8+ B}"),
    shape(OffsetCommit, 2..=9, 8, "sis{7+ s}{4- l} *(s *(il{6+ i}s))"),
    shape(OffsetFetch, 1..=9, 6, "{7- s *(s *i)} {8+ *(s{9+ si} *(s *i))} {7+ B}"),
    shape(FindCoordinator, 0..=6, 3, "{3- s}{1+ b}{4+ *s}"),
    shape(JoinGroup, 0..=9, 6, "si{1+ i}s{5+ s}s *(sy) {8+ s}"),
    shape(Heartbeat, 0..=4, 4, "sis{3+ s}"),
    shape(LeaveGroup, 0..=5, 4, "s{2- s} {3+ *(ss{5+ s})}"),
    shape(SyncGroup, 0..=5, 4, "sis{3+ s}{5+ ss} *(sy)"),
    shape(DescribeGroups, 0..=6, 5, "*s {3+ B}"),
    shape(ListGroups, 0..=5, 3, "{4+ *s}{5+ *s}"),
    shape(ApiVersions, 0..=4, 3, "{3+ ss}"),
    shape(CreateTopics, 2..=7, 5, "*(sih *(i *i) *(ss)) iB"),
    shape(DeleteTopics, 1..=6, 4, "{6+ *(su)}{5- *s} i"),
    shape(DeleteRecords, 0..=2, 2, "*(s *(il)) i"),
    shape(InitProducerId, 0..=5, 2, "si{3+ lh}"),
    shape(OffsetForLeaderEpoch, 2..=4, 4, "{3+ i} *(s *(iii))"),
    shape(DescribeConfigs, 1..=4, 4, "*(bs *s) B{3+ B}"),
    shape(AlterConfigs, 0..=2, 2, "*(bs *(ss)) B"),
    shape(CreatePartitions, 0..=3, 2, "*(si *(*i)) iB"),
    shape(DeleteGroups, 0..=2, 2, "*s"),
    shape(IncrementalAlterConfigs, 0..=1, 1, "*(bs *(sbs)) B"),
    shape(OffsetDelete, 0..=0, NEVER, "s *(s *(i))"),
    shape(DescribeCluster, 0..=2, 0, "B{1+ b}{2+ B}"),
    shape(DescribeLogDirs, 1..=4, 2, "*(s *i)"),
    shape(ConsumerGroupHeartbeat, 0..=1, 0, "ssissi*s{1+ s}s *(u *i)"),
    shape(ConsumerGroupDescribe, 0..=1, 0, "*s B"),
    shape(DescribeTopicPartitions, 0..=0, 0, "*(s) i ?(si)"),
];

const fn shape(api: ApiKey, versions: RangeInclusive<i16>, flexible: i16, text: &'static str) -> Shape {
    Shape { api, versions, flexible, text }
}
