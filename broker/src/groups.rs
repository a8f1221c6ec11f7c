//! stub
use kafka_protocol::messages::*;
use tokio::sync::oneshot;
use crate::clock::Ms;
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits { pub groups: usize }
#[derive(Debug)]
pub struct Who { pub client_id: String, pub host: String, pub connection: u64 }
#[derive(Debug)]
pub struct Groups;
impl Groups {
  pub fn new(_: Limits) -> Groups { Groups }
  pub fn join(&mut self, _: JoinGroupRequest, _: i16, _: &Who, _: Ms) -> oneshot::Receiver<JoinGroupResponse> { oneshot::channel().1 }
  pub fn sync(&mut self, _: SyncGroupRequest, _: i16, _: Ms) -> oneshot::Receiver<SyncGroupResponse> { oneshot::channel().1 }
  pub fn heartbeat(&mut self, _: &HeartbeatRequest, _: Ms) -> HeartbeatResponse { Default::default() }
  pub fn leave(&mut self, _: &LeaveGroupRequest, _: i16, _: Ms) -> LeaveGroupResponse { Default::default() }
  pub fn commit(&mut self, _: &OffsetCommitRequest, _: i16, _: Ms, _: impl Fn(&str, i32) -> bool) -> OffsetCommitResponse { Default::default() }
  pub fn fetch_offsets(&self, _: &OffsetFetchRequest, _: i16) -> OffsetFetchResponse { Default::default() }
  pub fn describe(&self, _: &DescribeGroupsRequest, _: i16) -> DescribeGroupsResponse { Default::default() }
  pub fn list(&self, _: &ListGroupsRequest, _: i16) -> ListGroupsResponse { Default::default() }
  pub fn delete(&mut self, _: &DeleteGroupsRequest) -> DeleteGroupsResponse { Default::default() }
  pub fn delete_offsets(&mut self, _: &OffsetDeleteRequest) -> OffsetDeleteResponse { Default::default() }
  pub fn forget_topic(&mut self, _: &str) {}
  pub fn disconnected(&mut self, _: u64, _: Ms) {}
  pub fn tick(&mut self, _: Ms) {}
  pub fn next_deadline(&self) -> Option<Ms> { None }
}
