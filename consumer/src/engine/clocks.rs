//! Converts a frame's timestamps from its producer's clock to ours.

use std::time::Duration;

use common::time::{Micros, Stamps, TimeBase};
use common::wire::record::{self, Incoming};
use common::wire::{Codec, Meta, Origin, Record, Session};

/// Timestamps are whole ms, and some clients round them. A smaller lead is no disagreement of clocks.
const TIMESTAMP_STEP: Duration = Duration::from_millis(1);

/// This host's clock, to compare others with.
#[derive(Debug)]
pub struct Clocks {
    ours: Origin,
}

impl Clocks {
    pub fn new(ours: Origin) -> Clocks {
        Clocks { ours }
    }

    /// Offset to add to a producer's timestamps to get this host's clock; `None` if both share one clock.
    pub fn offset_us(&self, of: &Origin) -> Option<i64> {
        (of.boot != self.ours.boot).then(|| of.wall_offset_us.saturating_sub(self.ours.wall_offset_us))
    }

    /// Converts the producer's timestamps to this host's clock.
    pub fn onto_ours(&self, incoming: Incoming, now: Micros) -> (Incoming, TimeBase) {
        let shift = |mut meta: Meta| {
            let offset_us = self.offset_us(&meta.origin);
            let same = offset_us.is_none();
            meta.stamps = meta.stamps.shifted(offset_us.unwrap_or(0));
            meta.stamps.received = now;
            (meta, if same { TimeBase::SameHost } else { TimeBase::WallClocks })
        };
        match incoming {
            Incoming::Part(mut part) => {
                let base;
                (part.meta, base) = shift(part.meta);
                (Incoming::Part(part), base)
            }
            Incoming::End(meta, end, picture) => {
                let (meta, base) = shift(meta);
                (Incoming::End(meta, end, picture), base)
            }
            foreign @ Incoming::Foreign(..) => (foreign, TimeBase::RecordTimestamps),
        }
    }

    /// The data of a JPEG without our headers.
    pub fn foreign_meta(&self, codec: Codec, of: &Record, partition: i32, now: Micros) -> Meta {
        let source = record::foreign_source(of, partition);
        let wall_us = of.timestamp_ms.unwrap_or(0).saturating_mul(1000);
        let sent = Micros(wall_us.saturating_sub(self.ours.wall_offset_us).max(0) as u64);
        let sent = if sent.since(now) <= TIMESTAMP_STEP { sent.min(now) } else { sent };
        Meta {
            source: source.into(),
            session: Session { began_ms: 0, salt: 0 },
            frame: 0,
            codec,
            key_frame: codec.is_intra(),
            number: None,
            pts: Duration::ZERO,
            stamps: Stamps {
                due: sent,
                captured: sent,
                encoded: sent,
                published: sent,
                received: now,
                ..Stamps::default()
            },
            origin: self.ours.clone(),
            width: 0,
            height: 0,
            dropped: 0,
            skipped: 0,
        }
    }
}
