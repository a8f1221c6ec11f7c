//! Commits, fetches and deletes offsets of groups.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse};

use super::admission::check_id;
use super::{Group, Groups, code, offsets};
use crate::clock::Ms;

impl Groups {
    pub fn commit(
        &mut self,
        request: &OffsetCommitRequest,
        version: i16,
        now: Ms,
        known: impl Fn(&str, i32) -> bool,
    ) -> OffsetCommitResponse {
        let (offsets_max, memory) = (self.limits.offsets, self.memory.clone());
        let mut group = self.commit_group(request, version, now);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let result = match &mut group {
                    Err(error) => Err(*error),
                    Ok(_) if !known(&topic.name, partition.partition_index) => {
                        Err(ResponseError::UnknownTopicOrPartition)
                    }
                    Ok(group) => group.offsets.commit(&topic.name, partition, offsets_max, &memory),
                };
                let answer = OffsetCommitResponsePartition::default().with_partition_index(partition.partition_index);
                answer.with_error_code(code(result))
            });
            OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
        });
        let topics = topics.collect();
        self.forget_if_vacant(&request.group_id);
        OffsetCommitResponse::default().with_topics(topics)
    }

    fn commit_group(
        &mut self,
        request: &OffsetCommitRequest,
        version: i16,
        now: Ms,
    ) -> Result<&mut Group, ResponseError> {
        check_id(&request.group_id)?;
        let alone = request.generation_id_or_member_epoch < 0;
        self.may_enter(&request.group_id, alone).map_err(|error| match error {
            ResponseError::UnknownMemberId => ResponseError::IllegalGeneration,
            other => other,
        })?;
        let group = self.groups.entry(request.group_id.to_string()).or_default();
        group.touched = now;
        group.members.may_commit(request, version, now)?;
        Ok(group)
    }

    pub fn fetch_offsets(&self, request: &OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
        let asked = offsets::asked(request, version);
        let one = |asked: &OffsetFetchRequestGroup| {
            let group = self.groups.get(&**asked.group_id);
            match group.map_or(Ok(()), |group| group.members.may_fetch(asked)) {
                Ok(()) => offsets::answer(asked, group.map(|group| &group.offsets)),
                Err(error) => offsets::refused(asked, error),
            }
        };
        let mut groups: Vec<_> = asked.iter().map(one).collect();
        if version >= 8 {
            return OffsetFetchResponse::default().with_groups(groups);
        }
        let group = groups.pop().expect("an older request asks for one group");
        let topics = offsets::older(group.topics);
        OffsetFetchResponse::default().with_topics(topics).with_error_code(group.error_code)
    }
}
