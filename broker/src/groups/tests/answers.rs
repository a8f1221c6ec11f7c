//! Every answer can be encoded in every version.

use super::*;

#[test]
fn every_answer_can_be_encoded() {
    for version in 0..=9 {
        let mut groups = groups();
        let mut joined = groups.join(join_request(""), version, &requester(1), 0).try_recv().unwrap();
        if version >= 4 {
            encodes(&joined, version);
            joined = groups.join(join_request(&joined.member_id), version, &requester(1), 0).try_recv().unwrap();
        }
        encodes(&joined, version);
        encodes(&groups.join(join_request("stranger"), version, &requester(1), 0).try_recv().unwrap(), version);
        let member = joined.member_id.to_string();
        for version in 0..=5 {
            encodes(
                &groups.sync(sync_request(&member, 1, &[(&member, "all")]), version, 0).try_recv().unwrap(),
                version,
            );
            encodes(&groups.sync(sync_request("stranger", 1, &[]), version, 0).try_recv().unwrap(), version);
            encodes(&groups.list(&ListGroupsRequest::default(), version), version);
        }
        (0..=4).for_each(|version| encodes(&groups.heartbeat(&HeartbeatRequest::default(), 0), version));
        (2..=9).for_each(|v| encodes(&groups.commit(&commit_request(&member, 1, 0, 5), v, 0, |_, _| true), v));
        for version in 1..=9 {
            let mut request = OffsetFetchRequest::default().with_group_id(group()).with_topics(None);
            request.groups = vec![OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None)];
            encodes(&groups.fetch_offsets(&request, version), version);
        }
        let asked = DescribeGroupsRequest::default().with_groups(vec![group(), GroupId(id("none"))]);
        (0..=6).for_each(|version| encodes(&groups.describe(&asked, version), version));
        let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
        (0..=2).for_each(|version| encodes(&groups.delete(&delete), version));
        encodes(&groups.delete_offsets(&OffsetDeleteRequest::default().with_group_id(group())), 0);
        let leaver = Identity::default().with_member_id(id(&member));
        for version in 0..=5 {
            let mut leave = LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member));
            leave.members = vec![leaver.clone()];
            encodes(&groups.leave(&leave, version, 0), version);
        }
    }
}
