//! Commits, fetches and deletes offsets of groups.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse};

use super::kept::{check_id, code};
use super::members::EPOCHS_SINCE;
use super::{Groups, offsets};
use crate::clock::Ms;

impl Groups {
    pub fn commit(
        &mut self,
        request: &OffsetCommitRequest,
        version: i16,
        now: Ms,
        known: impl Fn(&str, i32) -> bool,
    ) -> OffsetCommitResponse {
        let may_commit = self.may_commit(request, version, now);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let result = match may_commit {
                    Ok(()) if !known(&topic.name, partition.partition_index) => {
                        Err(ResponseError::UnknownTopicOrPartition)
                    }
                    Ok(()) => self.commit_one(&request.group_id, &topic.name, partition),
                    Err(error) => Err(error),
                };
                let answer = OffsetCommitResponsePartition::default().with_partition_index(partition.partition_index);
                answer.with_error_code(code(result))
            });
            OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
        });
        let topics = topics.collect();
        self.finish(&request.group_id);
        OffsetCommitResponse::default().with_topics(topics)
    }

    fn may_commit(&mut self, request: &OffsetCommitRequest, version: i16, now: Ms) -> Result<(), ResponseError> {
        check_id(&request.group_id)?;
        let is_operator = request.generation_id_or_member_epoch < 0;
        if !is_operator && !self.groups.contains_key(&**request.group_id) {
            // Kafka's groups survive a restart, ours do not, so after a restart the clients must join again. In newer
            // versions they do so for this error, and not for Kafka's GROUP_ID_NOT_FOUND.
            let newer = version >= EPOCHS_SINCE;
            return Err(if newer { ResponseError::UnknownMemberId } else { ResponseError::IllegalGeneration });
        }
        self.check_place(&request.group_id)?;
        let group = self.groups.entry(request.group_id.to_string()).or_default();
        group.touched = now;
        group.members.may_commit(request, version, now)
    }

    fn commit_one(
        &mut self,
        id: &str,
        topic: &str,
        partition: &OffsetCommitRequestPartition,
    ) -> Result<(), ResponseError> {
        let group = self.groups.get(id).ok_or(ResponseError::UnknownMemberId)?;
        let more = group.offsets.check(topic, partition, self.limits.offsets)?;
        if more > 0 && !self.make_room(more, id) {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        if let Some(group) = self.groups.get_mut(id) {
            group.offsets.commit(topic, partition, &self.memory);
        }
        Ok(())
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
