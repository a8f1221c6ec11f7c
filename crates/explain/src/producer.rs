//! The producer's rules: from due to published, and from published to acknowledged.

use crate::evidence::{Evidence, ProducerFigures};
use crate::weight::{self, usually};
use common::report::{ClientFacts, Finding, Waits};
use common::time::Stage;
use common::words::{count, ms, were};

/// A nearby broker that answers within this time is fast enough.
const ANSWER_US: u64 = 15_000;
/// Delay that a busy machine can cause; it does not count as a stall of the source.
const STALL_US: u64 = 10_000;

pub(super) fn findings(evidence: &Evidence, figures: &ProducerFigures) -> Vec<Finding> {
    let findings = [
        encode(evidence),
        capture(evidence),
        start(evidence, figures),
        linger(evidence, figures),
        link(evidence, figures),
        answer(evidence, figures),
        Some(throttled(evidence, figures)),
        broken(evidence, figures),
    ];
    findings.into_iter().flatten().collect()
}

fn too_slow(evidence: &Evidence) -> bool {
    evidence.takes_too_long(evidence.latency.median(Stage::Encode))
}

/// The encoder cannot keep up. Then frames of a file are captured late too, because they wait for the encoder before.
fn encode(evidence: &Evidence) -> Option<Finding> {
    let latency = &evidence.latency;
    too_slow(evidence).then(|| {
        let finding = latency.finding(Stage::Encode, latency.tail.of(Stage::Encode));
        Finding {
            share_us: finding.share_us + latency.tail.of(Stage::Capture),
            always: true,
            cause: "a frame's turn at the encoder takes as long as the frames are apart".to_owned(),
            evidence: format!("{}, {}{}", finding.evidence, evidence.rate(), evidence.dropped_words()),
            advice: "a smaller --size, a lower --quality or --fps; or more cores".to_owned(),
            ..finding
        }
    })
}

fn capture(evidence: &Evidence) -> Option<Finding> {
    let latency = &evidence.latency;
    (!too_slow(evidence) && latency.tail.of(Stage::Capture) >= STALL_US).then(|| Finding {
        cause: "the source stalls, so frames are there later than they are due".to_owned(),
        advice: evidence.source_advice().to_owned(),
        ..latency.finding(Stage::Capture, latency.tail.of(Stage::Capture))
    })
}

/// A finding about the time from published to acknowledged.
fn acknowledge(figures: &ProducerFigures, share_us: u64, cause: &str, words: String, advice: &str) -> Finding {
    Finding {
        stage: "acknowledge".to_owned(),
        share_us: share_us.min(figures.acknowledge_p99_us),
        of_us: figures.acknowledge_p99_us,
        always: false,
        cause: cause.to_owned(),
        evidence: words,
        advice: advice.to_owned(),
    }
}

/// The first frame waits for the connection and the topic's leader, and frames that come in the meantime wait with it.
fn start(evidence: &Evidence, figures: &ProducerFigures) -> Option<Finding> {
    let ProducerFigures { acknowledge_p50_us, first_us, .. } = *figures;
    let waited = first_us as u128 / evidence.interval?.as_micros().max(1) + 1;
    if first_us < weight::TAIL_FACTOR * acknowledge_p50_us || waited * 100 < u128::from(evidence.latency.frames) {
        return None;
    }
    let words = format!(
        "the first frame took {} ms, and {} {} due by then",
        ms(first_us),
        count(waited, "frame"),
        were(waited)
    );
    let advice = "nothing to change: a longer run has less of it";
    Some(acknowledge(figures, first_us, "the connection was still being made", words, advice))
}

fn linger(evidence: &Evidence, figures: &ProducerFigures) -> Option<Finding> {
    let linger = evidence.set("linger.ms").filter(|ms| *ms > 0.0)?;
    let queued = evidence.client.queued;
    let linger_us = (linger * 1000.0) as u64;
    let (share_us, words) = match queued.count {
        0 => (linger_us, "that long the client waits for more to send along".to_owned()),
        _ => (
            queued.p99_us,
            format!("records wait {} ms in the client, {} at p99", ms(queued.mean_us), ms(queued.p99_us)),
        ),
    };
    let cause = format!("linger.ms={linger} was set");
    let finding = acknowledge(figures, share_us, &cause, words, "set it to 0, or omit it");
    Some(usually(finding, linger_us.min(figures.acknowledge_p50_us), figures.acknowledge_p50_us))
}

/// More is published than the connection carries. Records that wait only now and then wait for answers, or for the
/// first connection.
fn link(evidence: &Evidence, figures: &ProducerFigures) -> Option<Finding> {
    if is_throttled(evidence, figures) {
        return None;
    }
    let (queued, unsent_us) = (queued(evidence, figures), evidence.client.unsent.p99_us);
    let share_us = if piles_up(evidence, figures) { figures.acknowledge_p99_us } else { unsent_us };
    let words = if is_held_back(evidence, figures) {
        let (waited, frames, dropped) = (figures.held_back, evidence.latency.frames, evidence.superseded);
        let frames = count(frames, "frame");
        format!("{waited} of {frames} waited until others were acknowledged, {dropped} more {} dropped", were(dropped))
    } else {
        format!("records wait up to {} ms in the client, requests {} ms", ms(queued.p99_us), ms(unsent_us))
    };
    let cause = "more is published than the connection takes";
    Some(acknowledge(figures, share_us, cause, words, evidence.link_advice()))
}

/// Time of records in the client's queue, unless a setting makes them wait. The client does not report it for records
/// without a time limit, as it counts from that limit. For those it is the time to the acknowledgement minus the round
/// trip.
fn queued(evidence: &Evidence, figures: &ProducerFigures) -> Waits {
    let ClientFacts { queued, round_trip, .. } = evidence.client;
    if evidence.set("linger.ms").is_some_and(|ms| ms > 0.0) {
        return Waits::default();
    }
    if !figures.every_frame || round_trip.count == 0 {
        return queued;
    }
    let mean_us = figures.acknowledge_p50_us.saturating_sub(round_trip.mean_us);
    Waits { mean_us, p99_us: figures.acknowledge_p99_us.saturating_sub(round_trip.p99_us), ..Waits::default() }
}

/// True if records wait longer than their requests take, and most of them do. Then requests become larger and larger,
/// and so take long.
fn piles_up(evidence: &Evidence, figures: &ProducerFigures) -> bool {
    let waited_us = queued(evidence, figures).mean_us;
    is_held_back(evidence, figures)
        || waited_us > evidence.client.round_trip.mean_us.max(weight::SHARE_MIN_US)
            && 2 * figures.acknowledge_p50_us >= waited_us
}

/// True if the link limits a live source, which publishes only as much as is acknowledged in time: many frames wait for
/// that, and others are dropped meanwhile. Not all frames wait, because acknowledgements come several at once.
fn is_held_back(evidence: &Evidence, figures: &ProducerFigures) -> bool {
    4 * figures.held_back >= evidence.latency.frames && 10 * evidence.superseded >= evidence.latency.frames
}

fn answer(evidence: &Evidence, figures: &ProducerFigures) -> Option<Finding> {
    let trip = evidence.client.round_trip;
    if trip.p99_us < ANSWER_US || is_throttled(evidence, figures) || piles_up(evidence, figures) {
        return None;
    }
    let words =
        format!("a round trip takes {} ms, {} at least, {} at p99", ms(trip.mean_us), ms(trip.min_us), ms(trip.p99_us));
    // If even the fastest answer takes long, the distance is to blame, otherwise the broker.
    if 2 * trip.min_us >= trip.mean_us {
        let cause = "the broker is far away";
        let finding = acknowledge(figures, trip.mean_us, cause, words, evidence.distance_advice());
        return Some(usually(finding, trip.min_us, figures.acknowledge_p50_us));
    }
    let cause = "the broker is slow to answer, now and then at least";
    Some(acknowledge(figures, trip.p99_us, cause, words, evidence.broker_advice()))
}

/// True if the broker throttles the client. Then everything is slow, and other causes are not to blame.
fn is_throttled(evidence: &Evidence, figures: &ProducerFigures) -> bool {
    weight::stands_out(&throttled(evidence, figures))
}

fn throttled(evidence: &Evidence, figures: &ProducerFigures) -> Finding {
    let share_us = evidence.throttled_us(figures.acknowledge_p99_us);
    let advice = "raise the quota of this client at the broker, or send less: --quality, --size, --fps";
    acknowledge(figures, share_us, "the broker throttles this client", evidence.throttled_words(), advice)
}

fn broken(evidence: &Evidence, figures: &ProducerFigures) -> Option<Finding> {
    let n = evidence.client.disconnects;
    let share_us = figures.acknowledge_p99_us.saturating_sub(figures.acknowledge_p50_us);
    let words = format!("{n} connections broke during the run");
    let advice = evidence.connection_advice();
    (n > 0).then(|| acknowledge(figures, share_us, "the connection was lost and made anew", words, &advice))
}
