//! Random requests in a random order break no invariant.

use super::*;

/// The state of a random walk: its members' ids, and the answers that it waits for.
#[derive(Default)]
struct Walk {
    ids: Vec<String>,
    joins: Vec<Joining>,
    syncs: Vec<oneshot::Receiver<SyncGroupResponse>>,
    generation: i32,
}

impl Walk {
    fn step(&mut self, groups: &mut Groups, (what, which, version): (u8, usize, i16), now: Ms) {
        let member = self.ids.get(which % 5).cloned().unwrap_or_default();
        match what {
            0 | 1 => self.joins.push(groups.join(join_request(&member), version, &requester(which as u64 % 3), now)),
            2 => self.joins.push(join_static(groups, 5 + version % 5, now)),
            3 | 4 => self.syncs.push(groups.sync(sync_request(&member, self.generation, &[(&member, "x")]), 0, now)),
            5 => drop(heartbeat(groups, &member, self.generation, now)),
            6 => drop(groups.leave(
                &LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member)),
                0,
                now,
            )),
            7 => drop(commit(groups, &member, self.generation, 0, 1)),
            8 => drop((!self.joins.is_empty()).then(|| self.joins.swap_remove(which % self.joins.len()))),
            9 => groups.disconnected(which as u64 % 3, now),
            _ => groups.tick(now),
        }
        self.syncs.retain_mut(|answer| answer.try_recv().is_err());
        self.joins.retain_mut(|answer| match answer.try_recv() {
            Ok(joined) => {
                self.ids.insert(0, joined.member_id.to_string());
                self.generation = self.generation.max(joined.generation_id);
                false
            }
            Err(_) => true,
        });
    }
}

proptest! {
    #[test]
    fn no_walk_breaks_a_group_or_leaves_a_question_open(
        steps in prop::collection::vec((0..12u8, any::<usize>(), 0..10i16, 0..120u64), 1..120)
    ) {
        let (mut groups, mut walk, mut now) = (groups(), Walk::default(), 0);
        for (what, which, version, waits) in steps {
            now += waits / 4;
            walk.step(&mut groups, (what, which, version), now);
            groups.check_invariants();
        }
        let mut ticks = 0;
        while let Some(deadline) = groups.next_deadline() {
            now = now.max(deadline);
            groups.tick(now);
            groups.check_invariants();
            ticks += 1;
            prop_assert!(ticks < 100, "each tick gets on");
        }
        prop_assert!(walk.joins.iter_mut().all(|a| a.try_recv() != Err(oneshot::error::TryRecvError::Empty)));
        prop_assert!(walk.syncs.iter_mut().all(|a| a.try_recv() != Err(oneshot::error::TryRecvError::Empty)));
    }
}
