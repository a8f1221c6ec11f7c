//! The state of one session: its frame numbers, its unfinished frames, and the resulting sums.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::Tally;
use super::span::{RunningCounts, Span};
use crate::time::Micros;
use crate::wire::ranges::Ranges;
use crate::wire::{End, Frame, FrameKind, Meta, Part, Rejected};

/// Largest number of unfinished frames of a session; beyond it the lowest is dropped.
const PENDING_MAX: usize = 64;
/// Memory that a part takes besides its bytes.
const PART_OVERHEAD_BYTES: usize = 128;

#[derive(Clone, Debug)]
struct Pending {
    parts: BTreeMap<u32, Bytes>,
    count: u32,
    bytes: usize,
    held_bytes: usize,
    since: Micros,
}

/// The state of one session.
#[derive(Clone, Default, Debug)]
pub struct SessionState {
    seen_at: Micros,
    /// Sums until other members of a group took over the partition; the frames that they read are not ours to count.
    before: Tally,
    /// Number of the stretch read without such an interruption: see
    /// [`Reassembler::resume`](super::Reassembler::resume).
    stretch: u64,
    /// The frames to count.
    span: Option<Span>,
    /// The frame in the middle of which we began to read. It counts only if it completes.
    joined_inside: Option<u64>,
    /// Frames that are whole or dropped.
    settled: Ranges,
    newest_whole: Option<u64>,
    pending: BTreeMap<u64, Pending>,
    held_bytes: usize,
    /// A number that is too far away to be accepted without confirmation.
    suspect: Option<u64>,
    whole: u64,
    torn: u64,
    duplicates: u64,
}

impl SessionState {
    /// Time of the last record of this session.
    pub fn seen_at(&self) -> Micros {
        self.seen_at
    }

    /// The first frame number to count.
    pub fn first_number(&self) -> Option<u64> {
        self.span.map(|span| span.first)
    }

    pub fn newest_whole(&self) -> Option<u64> {
        self.newest_whole
    }

    pub fn tally(&self) -> Tally {
        self.before.plus(self.current())
    }

    /// The sums since the last interruption.
    fn current(&self) -> Tally {
        let begun = self.torn + self.pending.len() as u64 - self.outside();
        let missing = self.numbered().saturating_sub(self.whole + begun);
        let (lost, skipped) = self.span.map_or((missing, 0), |span| span.explain(missing));
        Tally { whole: self.whole, torn: begun, lost, skipped, duplicates: self.duplicates }
    }

    fn numbered(&self) -> u64 {
        self.span.as_ref().map_or(0, Span::numbered)
    }

    pub(super) fn touch(&mut self, now: Micros) -> &mut SessionState {
        self.seen_at = now;
        self
    }

    /// Continues after other members may have read some of this session: counts start again, as for a new reader.
    pub(super) fn resume(&mut self, stretch: u64) {
        if self.stretch == stretch {
            return;
        }
        self.give_up_all();
        *self = SessionState {
            seen_at: self.seen_at,
            before: self.tally(),
            stretch,
            settled: std::mem::take(&mut self.settled),
            newest_whole: self.newest_whole,
            ..SessionState::default()
        };
    }

    pub(super) fn next_number(&self) -> u64 {
        self.span.map_or(0, |span| span.last.saturating_add(1))
    }

    /// Rejects a number that is far from all others, unless a second one confirms it.
    pub(super) fn check(&mut self, meta: &Meta) -> Result<(), Rejected> {
        let Some(span) = &self.span else { return Ok(()) };
        let frame = meta.frame;
        let jump_max = span.jump_max(RunningCounts::of(meta));
        let near = |n: u64| frame.abs_diff(n) <= jump_max;
        if (frame > span.last && !near(span.last)) || (frame < span.first && !near(span.first)) {
            let confirmed = self.suspect.is_some_and(|n| n != frame && near(n));
            if !confirmed {
                self.suspect = Some(frame);
                return Err(Rejected::Astray(frame));
            }
        }
        self.suspect = None;
        Ok(())
    }

    pub(super) fn see(&mut self, meta: &Meta, part: u32) {
        let frame = meta.frame;
        // After an interruption, records that come again may be in the earlier sums already.
        if self.stretch > 0 && self.settled.contains(frame) {
            return;
        }
        match &mut self.span {
            None if part > 0 && self.joined_inside.is_none() => self.joined_inside = Some(frame),
            _ if self.joined_inside == Some(frame) => {}
            None => self.span = Some(Span::at(RunningCounts::of(meta))),
            Some(span) => span.extend(RunningCounts::of(meta)),
        }
    }

    pub(super) fn push(&mut self, part: Part, now: Micros) -> Option<Frame> {
        let number = part.meta.frame;
        if self.settled.contains(number) {
            self.duplicates += 1;
            return None;
        }
        let mut meta = part.meta;
        if part.count == 1 && !self.pending.contains_key(&number) {
            self.settle_whole(number);
            meta.stamps.reassembled = now;
            return Some(Frame { meta, payload: part.slice, kind: FrameKind::Own });
        }
        let pending = self.pending.entry(number).or_insert_with(|| Pending {
            parts: BTreeMap::new(),
            count: part.count,
            bytes: part.bytes,
            held_bytes: 0,
            since: now,
        });
        if (pending.count, pending.bytes) != (part.count, part.bytes) || pending.parts.contains_key(&part.index) {
            self.duplicates += 1;
            return None;
        }
        let held_bytes = part.slice.len() + PART_OVERHEAD_BYTES;
        pending.held_bytes += held_bytes;
        self.held_bytes += held_bytes;
        pending.parts.insert(part.index, part.slice);
        if pending.parts.len() == pending.count as usize {
            return self.complete(meta, now);
        }
        if self.pending.len() > PENDING_MAX
            && let Some((&lowest, _)) = self.pending.first_key_value()
        {
            self.give_up(lowest);
        }
        None
    }

    fn complete(&mut self, mut meta: Meta, now: Micros) -> Option<Frame> {
        let pending = self.take_pending(meta.frame)?;
        let mut payload = BytesMut::with_capacity(pending.bytes);
        pending.parts.values().for_each(|slice| payload.extend_from_slice(slice));
        if self.joined_inside == Some(meta.frame) {
            self.joined_inside = None;
            self.see(&meta, 0);
        }
        self.settle_whole(meta.frame);
        meta.stamps.reassembled = now;
        Some(Frame { meta, payload: payload.freeze(), kind: FrameKind::Own })
    }

    pub(super) fn settle_whole(&mut self, number: u64) {
        self.settled.insert(number);
        self.whole += 1;
        self.newest_whole = self.newest_whole.max(Some(number));
        while let Some((&older, _)) = self.pending.range(..number).next() {
            self.give_up(older);
        }
    }

    /// Adds the counts of the session's end. `skipped` is the running count in the end record.
    pub(super) fn finish(&mut self, end: End, skipped: u64) {
        let newest = RunningCounts::of_end(&end, skipped);
        // An end that claims frames far beyond those seen is not accepted, because no second record can confirm it.
        if let Some(span) = &mut self.span
            && newest.frame >= span.last
            && newest.frame - span.last <= span.jump_max(newest)
        {
            span.extend(newest);
        }
        self.give_up_all();
    }

    pub(super) fn expire(&mut self, now: Micros, deadline: Duration) {
        let old: Vec<u64> =
            self.pending.iter().filter(|(_, p)| now.since(p.since) > deadline).map(|(&n, _)| n).collect();
        old.into_iter().for_each(|n| self.give_up(n));
    }

    fn give_up_all(&mut self) {
        while let Some((&number, _)) = self.pending.first_key_value() {
            self.give_up(number);
        }
    }

    pub(super) fn oldest_pending(&self) -> Micros {
        self.pending.values().map(|p| p.since).min().unwrap_or(Micros(u64::MAX))
    }

    /// Drops the oldest unfinished frame.
    pub(super) fn give_up_oldest(&mut self) {
        if let Some(number) = self.pending.iter().min_by_key(|(n, p)| (p.since, **n)).map(|(n, _)| *n) {
            self.give_up(number);
        }
    }

    fn give_up(&mut self, number: u64) {
        self.take_pending(number);
        self.settled.insert(number);
        self.torn += 1;
    }

    fn take_pending(&mut self, number: u64) -> Option<Pending> {
        let pending = self.pending.remove(&number)?;
        self.held_bytes -= pending.held_bytes;
        Some(pending)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// 1 if the frame in the middle of which we began to read is outside the frames to count, otherwise 0.
    fn outside(&self) -> u64 {
        let accounted = |n: u64| self.span.is_some_and(|span| span.contains(n));
        u64::from(self.joined_inside.is_some_and(|n| !accounted(n)))
    }

    pub(super) fn check_invariants(&self) {
        let tally = self.current();
        assert_eq!(self.held_bytes, self.pending.values().map(|p| p.held_bytes).sum::<usize>(), "bytes are counted");
        assert!(self.pending.len() <= PENDING_MAX, "unfinished frames are bounded");
        let accounted = tally.expected().saturating_add(tally.skipped);
        assert!(accounted <= self.numbered().max(tally.whole + tally.torn), "no more frames than numbers: {self:?}");
        assert!(self.pending.keys().all(|n| !self.settled.contains(*n)), "a settled frame is not waited for");
        assert!(self.pending.values().all(|p| p.parts.len() < p.count as usize), "a whole frame is not kept");
        assert!(self.pending.values().all(|p| p.parts.len() <= p.bytes), "no empty parts");
    }
}
