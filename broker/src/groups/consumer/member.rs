//! One member, on its way from what it holds to what it is to hold.
//!
//! ```text
//!            a newer target, nothing to give up
//! Stable ─────────────────────────────────────────▶ Stable, or Unreleased while others hold some of it
//!    └─ something to give up ─▶ Unrevoked ─ it says that it holds none of that any more ─┘
//! ```

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::assignment::Assignment;
use super::assignor::Assignor;
use super::request::WILL_BE_BACK;
use super::subscription::Subscription;
use crate::clock::Ms;
use crate::memory::Held;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum State {
    /// It has all that its epoch's target gives it.
    #[default]
    Stable,
    /// It still holds what it must give up, and is put out if it does so for too long.
    Unrevoked { ends: Ms },
    /// Others still hold some of what it is to have.
    Unreleased,
}

#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) instance: Option<StrBytes>,
    pub(super) rack: Option<StrBytes>,
    pub(super) client_id: StrBytes,
    pub(super) host: StrBytes,
    pub(super) subscription: Subscription,
    pub(super) assignor: Option<Assignor>,
    /// The most time that it takes to give partitions up.
    pub(super) rebalance_ms: Ms,
    /// When it is out unless it is heard before.
    pub(super) session_ends: Ms,
    /// The target's epoch that it has reached; 0 while it is new, -2 while a static member is away.
    pub(super) epoch: i32,
    pub(super) previous_epoch: i32,
    pub(super) state: State,
    pub(super) assigned: Assignment,
    /// What it was told to give up and may still hold.
    pub(super) revoking: Assignment,
    pub(super) target: Assignment,
    /// Counts what it keeps of what the client sent.
    pub(super) kept: Option<Held>,
}

impl Member {
    pub(super) fn is_away(&self) -> bool {
        self.epoch == WILL_BE_BACK
    }

    /// Takes the member for a new one. It has left its partitions, unless it is a static member that was away.
    pub(super) fn rejoin(&mut self) {
        if !self.is_away() {
            self.assigned = Assignment::default();
        }
        self.revoking = Assignment::default();
        self.state = State::Stable;
        (self.epoch, self.previous_epoch) = (0, 0);
    }

    /// A static member leaves and says that it will be back.
    pub(super) fn go_away(&mut self) {
        self.epoch = WILL_BE_BACK;
        self.state = State::Stable;
        self.revoking = Assignment::default();
    }

    /// What keeping its ids and its subscription takes.
    pub(super) fn cost(&self, id: &str) -> usize {
        let text = |text: &Option<StrBytes>| text.as_ref().map_or(0, |text| text.len());
        let ids = id.len() + self.client_id.len() + self.host.len() + text(&self.instance) + text(&self.rack);
        ids + self.subscription.cost()
    }

    pub(super) fn assignments_cost(&self) -> usize {
        self.assigned.cost() + self.revoking.cost() + self.target.cost()
    }

    /// Whether another member cannot have this partition yet.
    pub(super) fn holds(&self, topic: Uuid, partition: i32) -> bool {
        self.assigned.has(topic, partition) || self.revoking.has(topic, partition)
    }

    pub(super) fn is_reconciled(&self, epoch: i32) -> bool {
        self.state == State::Stable && self.epoch == epoch
    }

    /// When something is to be done about it although nothing is heard of it.
    pub(super) fn deadline(&self) -> Ms {
        match self.state {
            State::Unrevoked { ends } => ends.min(self.session_ends),
            State::Stable | State::Unreleased => self.session_ends,
        }
    }

    /// The next step towards the target of that epoch. `owned` is what the member says that it holds, if it says so;
    /// `taken` says whether another member holds a partition.
    pub(super) fn reconcile(
        &mut self,
        epoch: i32,
        owned: Option<&Assignment>,
        taken: impl Fn(Uuid, i32) -> bool,
        now: Ms,
    ) {
        let still_owns = |given_up: &Assignment| owned.is_none_or(|owned| given_up.overlaps(owned));
        match self.state {
            State::Stable if self.epoch == epoch => return,
            State::Unrevoked { .. } if still_owns(&self.revoking) => return,
            State::Stable | State::Unrevoked { .. } | State::Unreleased => {}
        }
        let given_up = self.assigned.without(&self.target);
        self.assigned = self.assigned.within(&self.target);
        if !given_up.is_empty() && still_owns(&given_up) {
            self.revoking = given_up;
            self.state = State::Unrevoked { ends: now.saturating_add(self.rebalance_ms) };
            return;
        }
        self.revoking = Assignment::default();
        let wanted = self.target.without(&self.assigned);
        let free = wanted.filtered(|topic, partition| !taken(topic, partition));
        self.state = if free.len() == wanted.len() { State::Stable } else { State::Unreleased };
        free.partitions().for_each(|(topic, partition)| self.assigned.add(topic, partition));
        if self.epoch != epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}
