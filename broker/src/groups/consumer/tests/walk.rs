//! Random heartbeats end with every partition at one member.

use super::*;

proptest! {
    /// Whatever members do, no partition has two holders. Once they follow all answers, every partition is read.
    #[test]
    fn any_walk_ends_with_every_partition_at_one_member(
        steps in prop::collection::vec((0..10u8, 0..4usize, 0..60u64), 1..80)
    ) {
        let mut rig = Rig::new();
        let mut clients: Vec<Client> = ["a", "b", "c"].map(Client::new).into();
        clients.push(Client::of_instance("d", "one"));
        for (what, which, wait) in steps {
            rig.now += wait / 4;
            let client = &mut clients[which];
            match what {
                0 => drop(rig.leave(client, -1)),
                1 => drop(rig.leave(client, -2)),
                // A member that revokes nothing, or whose answer is lost.
                2 => drop(rig.send(&client.request())),
                3 => rig.groups.tick(rig.now),
                4 => drop(rig.topics.grow("t", rig.topics.get("t").unwrap().partitions.len() + 1)),
                _ => beat_or_begin_again(&mut rig, client),
            }
            rig.groups.check_invariants();
        }
        for _ in 0..12 {
            rig.now += 5;
            rig.groups.tick(rig.now);
            clients.iter_mut().for_each(|client| beat_or_begin_again(&mut rig, client));
        }
        let mut all: Vec<i32> = clients.iter().flat_map(Client::partitions).collect();
        all.sort_unstable();
        let count = i32::try_from(rig.topics.get("t").unwrap().partitions.len()).unwrap();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        prop_assert_eq!(state_of(&rig), "Stable");
    }
}

fn beat_or_begin_again(rig: &mut Rig, client: &mut Client) {
    let answer = rig.send(&client.request());
    if answer.error_code == 0 {
        client.follow(&answer);
    } else {
        client.epoch = 0;
        client.holds.clear();
    }
}
