//! The viewer's rules: the time before publishing, the time through the broker, and its own stages.

use crate::evidence::{DisplayPath, Evidence, SideFigures};
use crate::weight::{self, usually};
use common::report::Finding;
use common::time::{Stage, TimeBase};
use common::words::ms;

/// librdkafka's default of `fetch.wait.max.ms`, used if the user sets only `fetch.min.bytes`.
const FETCH_WAIT_MS: f64 = 500.0;
/// A shorter wait at a full queue is our own setting, or as good.
const BACKOFF_MS: f64 = 10.0;

pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut findings: Vec<Finding> = [
        before(evidence),
        fetch_waits(evidence),
        queue_full(evidence),
        small_fetches(evidence),
        far_away(evidence),
        throttled(evidence),
        broken(evidence),
        display(evidence),
        clocks(evidence),
        decode(evidence),
        present(evidence),
    ]
    .into_iter()
    .flatten()
    .collect();
    let broker = |finding: &&Finding| finding.stage == Stage::Broker.name() && weight::stands_out(finding);
    let explained = findings.iter().filter(broker).map(|finding| finding.share_us).max().unwrap_or(0);
    findings.extend(elsewhere(evidence, explained));
    findings
}

/// A finding about `share_us` of a stage, with its own evidence.
fn found(evidence: &Evidence, stage: Stage, share_us: u64, cause: &str, words: String, advice: &str) -> Finding {
    let finding = evidence.latency.finding(stage, share_us);
    Finding { cause: cause.to_owned(), evidence: words, advice: advice.to_owned(), ..finding }
}

/// The same for a cause that affects every frame: up to `share_us` of the usual frame too.
fn found_always(evidence: &Evidence, stage: Stage, share_us: u64, cause: &str, words: String, advice: &str) -> Finding {
    let latency = &evidence.latency;
    let finding = found(evidence, stage, share_us, cause, words, advice);
    usually(finding, share_us.min(latency.median(stage)), latency.p50_us)
}

/// The time that frames took before they were published.
fn before(evidence: &Evidence) -> Option<Finding> {
    let latency = &evidence.latency;
    let share_us = Stage::PRODUCER.iter().map(|stage| latency.tail.of(*stage)).sum::<u64>();
    let stage = Stage::PRODUCER.into_iter().max_by_key(|stage| latency.tail.of(*stage))?;
    // About half is normal, as vidprod encodes what vidcons decodes.
    (share_us * 5 >= latency.tail.total_us() * 3).then(|| Finding {
        share_us,
        cause: "the time was spent before publishing".to_owned(),
        advice: "see vidprod --explain".to_owned(),
        ..latency.finding(stage, share_us)
    })
}

fn fetch_waits(evidence: &Evidence) -> Option<Finding> {
    let bytes = evidence.set("fetch.min.bytes").filter(|bytes| *bytes > 1.0)?;
    let wait_ms = evidence.set("fetch.wait.max.ms").unwrap_or(FETCH_WAIT_MS);
    let words =
        format!("the broker waits for that much, or {wait_ms} ms, before it answers{}", evidence.dropped_words());
    let cause = format!("fetch.min.bytes={bytes} was set");
    let wait_us = (wait_ms * 1000.0) as u64;
    Some(found_always(evidence, Stage::Broker, wait_us, &cause, words, "set it to 1, or omit it"))
}

fn queue_full(evidence: &Evidence) -> Option<Finding> {
    let backoff_ms = evidence.set("fetch.queue.backoff.ms").filter(|ms| *ms > BACKOFF_MS)?;
    let share_us = (backoff_ms * 1000.0) as u64;
    // A frame that waited and was then dropped for a newer one is in no histogram.
    let shown = evidence.latency.frames;
    let many_given_up = evidence.superseded * 10 > shown + evidence.superseded;
    if evidence.latency.tail.of(Stage::Broker) * 2 < share_us && !many_given_up {
        return None;
    }
    let queue = ["queued.max.messages.kbytes", "queued.min.messages"]
        .iter()
        .find_map(|name| Some(format!(" with {name}={}", evidence.set(name)?)))
        .unwrap_or_default();
    let words =
        format!("a client whose queue is full asks for more only {backoff_ms} ms later{}", evidence.dropped_words());
    let cause = format!("fetch.queue.backoff.ms={backoff_ms} was set{queue}");
    Some(found(evidence, Stage::Broker, share_us, &cause, words, "omit both"))
}

fn small_fetches(evidence: &Evidence) -> Option<Finding> {
    let SideFigures::Viewer { frame_bytes, .. } = evidence.side else { return None };
    let small = |name: &&str| evidence.set(name).is_some_and(|bytes| bytes < frame_bytes as f64);
    let name = ["fetch.max.bytes", "max.partition.fetch.bytes"].into_iter().find(small)?;
    let cause = format!("{name}={} was set, which is less than a frame", evidence.set(name)?);
    let words = format!("frames have up to {frame_bytes} bytes, and what comes in parts is asked for part by part");
    Some(found_always(evidence, Stage::Broker, evidence.latency.tail.of(Stage::Broker), &cause, words, "omit it"))
}

fn far_away(evidence: &Evidence) -> Option<Finding> {
    let trip_us = evidence.client.round_trip.min_us;
    let words = format!("the shortest round trip took {} ms", ms(trip_us));
    let advice = evidence.distance_advice();
    Some(found_always(evidence, Stage::Broker, trip_us, "the broker is far away", words, advice))
}

fn throttled(evidence: &Evidence) -> Option<Finding> {
    let share_us = evidence.throttled_us(evidence.latency.tail.of(Stage::Broker));
    let (cause, advice) = ("the broker throttles this client", "raise the quota of this client at the broker");
    Some(found(evidence, Stage::Broker, share_us, cause, evidence.throttled_words(), advice))
}

fn broken(evidence: &Evidence) -> Option<Finding> {
    let (n, latency) = (evidence.client.disconnects, &evidence.latency);
    let share_us = latency.tail.of(Stage::Broker).saturating_sub(latency.median(Stage::Broker));
    let words = format!("{n} connections broke during the run");
    let advice = evidence.connection_advice();
    (n > 0).then(|| found(evidence, Stage::Broker, share_us, "the connection was lost and made anew", words, &advice))
}

/// The display is slow. The window's thread waits for it, and takes no frames in that time.
fn display(evidence: &Evidence) -> Option<Finding> {
    let SideFigures::Viewer { display_us, .. } = evidence.side else { return None };
    let words =
        format!("it kept the window waiting for {} ms again and again{}", ms(display_us), evidence.dropped_words());
    let cause = "the display is slow to answer, and what has come waits";
    Some(found(evidence, Stage::Broker, display_us, cause, words, "look at what else draws on it"))
}

/// Two clocks that differ look like a slow broker.
fn clocks(evidence: &Evidence) -> Option<Finding> {
    let latency = &evidence.latency;
    let (cause, advice) = match latency.base {
        TimeBase::SameHost => return None,
        TimeBase::WallClocks => (
            "it is measured by two hosts' wall clocks, so what they differ is in it",
            "let NTP or PTP keep the clocks of all hosts, or try with both programs on one host",
        ),
        TimeBase::RecordTimestamps => (
            "it is measured by record timestamps, which are another clock's, and in ms",
            "publish with vidprod, whose frames carry times in us; clocks of several hosts need NTP or PTP",
        ),
    };
    let share_us = latency.tail.of(Stage::Broker);
    Some(found_always(evidence, Stage::Broker, share_us, cause, latency.base.name().to_owned(), advice))
}

/// The slower one of decoding and presenting, if the two together cannot keep up.
fn too_slow(evidence: &Evidence) -> Option<Stage> {
    let (decode, present) = (evidence.latency.median(Stage::Decode), evidence.latency.median(Stage::Present));
    let longer = if present > decode { Stage::Present } else { Stage::Decode };
    evidence.takes_too_long(decode + present).then_some(longer)
}

/// Time of a stage, including the time of frames in the client's queue if the stage cannot keep up.
fn with_its_queue(evidence: &Evidence, stage: Stage) -> u64 {
    let tail = &evidence.latency.tail;
    let queues = too_slow(evidence) == Some(stage) && evidence.client.fetched_max > 1;
    tail.of(stage) + if queues { tail.of(Stage::Broker) } else { 0 }
}

fn decode(evidence: &Evidence) -> Option<Finding> {
    let latency = &evidence.latency;
    let finding = latency.finding(Stage::Decode, latency.tail.of(Stage::Decode));
    (too_slow(evidence) == Some(Stage::Decode)).then(|| Finding {
        share_us: with_its_queue(evidence, Stage::Decode),
        always: true,
        cause: "decoding a frame takes as long as the frames are apart".to_owned(),
        evidence: format!("{}, {}{}", finding.evidence, evidence.rate(), evidence.dropped_words()),
        advice: "a smaller --size or a lower --fps at vidprod, or more cores".to_owned(),
        ..finding
    })
}

fn present(evidence: &Evidence) -> Option<Finding> {
    let SideFigures::Viewer { display, .. } = evidence.side else { return None };
    let latency = &evidence.latency;
    let (cause, advice) = match display {
        // Only a request is sent, and nothing is waited for.
        DisplayPath::None | DisplayPath::Shared => return None,
        DisplayPath::Sent => {
            ("pictures are sent through the display's socket", "run vidcons where the display is, with shared memory")
        }
        DisplayPath::Scaled => ("pictures are scaled to the window", evidence.scaling_advice()),
    };
    let finding = Finding {
        cause: cause.to_owned(),
        advice: advice.to_owned(),
        share_us: with_its_queue(evidence, Stage::Present),
        ..latency.finding(Stage::Present, latency.tail.of(Stage::Present))
    };
    Some(usually(finding, latency.median(Stage::Present), latency.p50_us))
}

/// The broker stage is long, and no rule of this side explains it.
fn elsewhere(evidence: &Evidence, explained_us: u64) -> Option<Finding> {
    let latency = &evidence.latency;
    let (share_us, median_us) = (latency.tail.of(Stage::Broker), latency.median(Stage::Broker));
    // The broker stage counts as long from half of the total; less is a broker's normal cost.
    let long = |us: u64, of_us: u64| us * 2 >= of_us && explained_us * 2 < us;
    let always = long(median_us, latency.p50_us);
    let advice = "see vidprod --explain: its linger.ms, its connection; then the broker";
    (always || long(share_us, latency.tail.total_us())).then(|| Finding {
        always: always && weight::is_much(median_us, latency.p50_us),
        cause: "nothing on the viewer's side makes it".to_owned(),
        advice: advice.to_owned(),
        ..latency.finding(Stage::Broker, share_us)
    })
}
