//! `vidbench floor`: measures each stage alone, and by how much the whole exceeds their sum.
//!
//! ```text
//! vidprod ─first frames─▶ encode alone │ decode alone │ bare hop with as many bytes │ vidprod and vidcons, end to end
//! ```
//! Everything runs at the frames' own pace, in the same rounds. Presenting is not measured alone: the sum uses vidcons's
//! own figure.

mod alone;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::Args;
use common::report::{LatencyReport, Summary, Sums};
use common::wire::{Limits, Pushed, Reassembler, record};
use itertools::{Itertools, iproduct};
use kafka::Event;
use serde_json::{Value, json};

use self::alone::{AloneResult, FloorFrames};
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{CaseRun, Rounds};
use crate::messages::payload::Payload;
use crate::messages::topic::{BenchTopic, TopicSettings};
use crate::messages::transfer::{Sending, Transfer};
use crate::options::{CompareArgs, PictureArgs, PlayArgs, TimeArgs};
use crate::schedule::Schedule;
use crate::spread::thousandths;
use crate::table::{Column, Table, median_ms, plain, spread, verdict};

pub const EXAMPLES: &str = "\
Examples:
  vidbench floor                                    720p30 of the test card, embedded and real, headless
  vidbench floor --window --brokers real            with present, as vidcons reports it
  vidbench floor --size 1080p --clip samples/clip.mp4

Each stage is measured alone and at the frames' own pace, in the same rounds as the whole.";

/// vidprod plays for this time; its frames are then used in a loop.
const PLAYED: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(500);
/// Largest allowed ratio of the whole to the sum, and the ratio that we would like to reach.
const GOAL: f64 = 1.25;
const DREAM: f64 = 1.10;
/// A program may take this many times the codec's processor time per frame, plus a constant in µs.
const CPU_GOAL_FACTOR: f64 = 1.25;
const CPU_GOAL_REST_US: f64 = 600.0;

#[derive(Args, Clone, Debug)]
pub struct FloorArgs {
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    play: PlayArgs,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

/// The first columns are those of the project's pages.
pub const COLUMNS: [Column; 10] = [
    ("broker", |result| plain(&result["broker"])),
    ("encode", |result| median_ms(&result["p50_us"]["encode"])),
    ("bare hop", |result| median_ms(&result["p50_us"]["hop"])),
    ("decode", |result| median_ms(&result["p50_us"]["decode"])),
    ("present", |result| median_ms(&result["p50_us"]["present"])),
    ("sum", |result| median_ms(&result["p50_us"]["sum"])),
    ("whole", |result| median_ms(&result["p50_us"]["whole"])),
    ("whole / sum (rounds)", |result| spread(&result["ratio"])),
    ("by round", |result| {
        let ratio = |round: &Value| Some(format!("{:.2}", round["ratio"].as_f64()?));
        Some(result["rounds"].as_array()?.iter().filter_map(ratio).join(" "))
    }),
    ("goal", |result| Some(verdict(result["ratio"]["median"].as_f64()? <= GOAL).to_owned())),
];

/// The figures of one round with one broker.
#[derive(Clone, Debug)]
struct FloorRun {
    encode: AloneResult,
    decode: AloneResult,
    hop: Summary,
    whole: EndToEndResult,
}

impl FloorRun {
    /// The whole, as vidcons reports it.
    fn sums(&self) -> &Sums {
        &self.whole.viewers[0].sums
    }

    /// Medians in µs.
    fn stages(&self) -> [(&'static str, f64); 6] {
        let [encode, decode, hop] = [self.encode.time, self.decode.time, self.hop].map(|time| time.p50 as f64);
        let LatencyReport { total, stages, .. } = &self.sums().latency_us;
        // Without a window nothing is presented.
        let present = stages.get("present").map_or(0.0, |present| present.p50 as f64);
        let sum = encode + hop + decode + present;
        let whole = total.p50 as f64;
        [("encode", encode), ("hop", hop), ("decode", decode), ("present", present), ("sum", sum), ("whole", whole)]
    }

    fn ratio(&self) -> f64 {
        let [.., (_, sum), (_, whole)] = self.stages();
        whole / sum.max(1.0)
    }

    /// Processor time per frame in µs of vidprod and of vidcons: that of the codec alone, that of the program, and the
    /// largest allowed for it.
    fn cpu(&self) -> [[(&'static str, f64); 3]; 2] {
        let [(_, vidprod), (_, vidcons)] = self.whole.cpu_us_a_frame();
        [(self.encode.cpu_us, vidprod), (self.decode.cpu_us, vidcons)].map(|(codec, program)| {
            [("codec", codec), ("program", program), ("goal", CPU_GOAL_FACTOR * codec + CPU_GOAL_REST_US)]
        })
    }
}

impl fmt::Display for FloorRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [encode, hop, decode, present, _, whole] = self.stages().map(|(_, us)| us / 1e3);
        write!(f, "{whole:.2} / ({encode:.2} + {hop:.2} + {decode:.2} + {present:.2}) ms = {:.2}", self.ratio())
    }
}

pub fn run(args: &FloorArgs, control: Control<'_>) -> Result<ExitCode> {
    let PictureArgs { size, fps } = &args.picture;
    let schedule = args.times.schedule(*fps);
    ensure!(schedule.measured > 0, "--seconds is too short for a single frame");
    let display = args.play.display()?;
    let (mut experiment, brokers) = args.compare.start("floor", control)?;
    let setup = EndToEndSetup { clip: args.play.clip.clone(), ..EndToEndSetup::new(size, *fps, &args.times) };
    let frames = frames(&setup, &brokers[0], control)?;
    let labels: Vec<&String> = brokers.iter().map(|broker| &broker.name).collect();
    let rounds = experiment.rounds(&labels, |_, index| {
        let place = Surroundings { broker: &brokers[index], display: display.as_ref(), control };
        let encode = alone::encode(&frames, schedule, control)?;
        let decode = alone::decode(&frames, schedule, control)?;
        let hop = measure_hop(&frames, schedule, place)?;
        Ok(FloorRun { encode, decode, hop, whole: e2e::run(&setup, place)?.seen()? })
    });
    experiment.faults.extend(rounds.0.iter().flat_map(|run| run.result.whole.faults()));
    let measured = (0..brokers.len()).filter(|index| rounds.has(*index));
    let cases: Vec<Value> = measured.map(|index| result(labels[index], index, &rounds)).collect();
    let frame_bytes = frames.bytes_a_frame();
    let (kb, seconds) = (frame_bytes / 1000, args.times.seconds().as_secs_f64());
    let present = if args.play.window { "present as vidcons reports it" } else { "present not measured: headless" };
    let title = format!("The floor: {size} {fps} fps, {kb} kB a frame, {seconds} s each");
    let text = experiment.heading(&title, &format!("ms at p50, medians of the rounds; {present}"))
        + &Table::of(&cases, &COLUMNS)?.text()
        + &goals(&cases);
    let settings = args.times.settings(json!({
        "input": args.play.input(),
        "size": size.to_string(),
        "fps": fps,
        "frame_bytes": frame_bytes,
        "window": display.as_ref().map(|display| display.kind),
        "present": "as vidcons reports it",
    }));
    let report = json!({ "settings": settings, "goal": { "ratio": GOAL, "dream": DREAM }, "cases": cases });
    experiment.finish(&brokers, report, &text)
}

/// Plays a short part without a viewer, and reads the frames back.
fn frames(setup: &EndToEndSetup, broker: &BenchBroker, control: Control<'_>) -> Result<FloorFrames> {
    let topic = BenchTopic::create(&broker.address, &TopicSettings::default(), control.clock)?;
    let short = EndToEndSetup { viewers: 0, warmup: Duration::ZERO, seconds: PLAYED, ..setup.clone() };
    e2e::run_in(&topic, &short, Surroundings { broker, display: None, control })?;
    let mut tail = topic.tail()?;
    let mut reassembler = Reassembler::new(Limits::default());
    let mut jpegs = Vec::new();
    while let Event::Record(received) = tail.next(POLL) {
        match reassembler.push(record::read(&received.record)?, control.clock.now())? {
            Pushed::Frame(frame) => jpegs.push(frame.payload),
            Pushed::Nothing => {}
            Pushed::End(_) => break,
        }
    }
    ensure!(!jpegs.is_empty(), "vidprod published no frame");
    FloorFrames::new(jpegs)
}

/// Latency of messages as long as the frames, without vidprod and vidcons.
fn measure_hop(frames: &FloorFrames, schedule: Schedule, place: Surroundings<'_>) -> Result<Summary> {
    let payload = &Payload::of_lengths(frames.jpegs.iter().map(Bytes::len));
    let settings = &TopicSettings { message_bytes: payload.len_max(), ..TopicSettings::default() };
    let transfer = Transfer { broker: place.broker, settings, payload, sending: Sending::from(schedule), consumers: 1 };
    Ok(Summary::from(&transfer.run(place.control)?.complete()?.receipt.from_send))
}

/// The figures of a broker over the rounds, as they are reported.
fn result(broker: &str, index: usize, rounds: &Rounds<FloorRun>) -> Value {
    let round = |CaseRun { round, result: run, .. }: &CaseRun<FloorRun>| {
        json!({
            "round": round,
            "ratio": thousandths(run.ratio()),
            "encode_us": run.encode.time,
            "hop_us": run.hop,
            "decode_us": run.decode.time,
            "latency_us": run.sums().latency_us,
            "frames": run.sums().frames,
        })
    };
    json!({
        "broker": broker,
        "p50_us": rounds.spreads(index, FloorRun::stages),
        "ratio": rounds.spread(index, FloorRun::ratio),
        "cpu_us_a_frame": {
            "vidprod": rounds.spreads(index, |run| run.cpu()[0]),
            "vidcons": rounds.spreads(index, |run| run.cpu()[1]),
        },
        "rounds": rounds.of(index).map(round).collect::<Vec<_>>(),
    })
}

fn goals(cases: &[Value]) -> String {
    let mut text = format!("\nGoal: whole / sum <= {GOAL}, dream {DREAM}\n\nCPU for a frame, ms ");
    text += &format!("(goal <= {CPU_GOAL_FACTOR} x codec + {} ms):\n", CPU_GOAL_REST_US / 1e3);
    for (case, (program, stage)) in iproduct!(cases, [("vidprod", "encode"), ("vidcons", "decode")]) {
        let cpu = &case["cpu_us_a_frame"][program];
        let [whole, codec, goal] =
            ["program", "codec", "goal"].map(|name| cpu[name]["median"].as_f64().unwrap_or(0.0) / 1e3);
        let (broker, met) = (case["broker"].as_str().unwrap_or_default(), verdict(whole <= goal));
        text += &format!("  {broker:<12}{program} {whole:.2}, {stage} alone {codec:.2}: goal <= {goal:.2} {met}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2e::tests::{ran, report};
    use crate::experiment::tests::rounds;
    use crate::readme::tests::has_the_fields_of;

    fn floor_run(whole: u64, present: u64) -> FloorRun {
        let p50 = |us: u64| Summary { p50: us, ..Summary::default() };
        let alone = |us: u64| AloneResult { time: p50(us), cpu_us: us as f64 };
        let viewer = report("vidcons", |sums| {
            sums.latency_us.total = p50(whole);
            sums.latency_us.stages.insert("present".to_owned(), p50(present));
        });
        let whole = ran(vec![report("vidprod", |_| {})], vec![viewer]);
        FloorRun { encode: alone(2000), decode: alone(1500), hop: p50(1000), whole }
    }

    #[test]
    fn the_whole_stands_beside_the_sum() {
        assert_eq!(floor_run(6000, 500).to_string(), "6.00 / (2.00 + 1.00 + 1.50 + 0.50) ms = 1.20");
        assert_eq!(floor_run(4500, 0).to_string(), "4.50 / (2.00 + 1.00 + 1.50 + 0.00) ms = 1.00");
    }

    #[test]
    fn a_program_may_take_a_quarter_and_something_more_than_its_codec() {
        assert_eq!(floor_run(1, 1).cpu()[0][2], ("goal", 3100.0));
    }

    #[test]
    fn a_case_has_all_its_fields() {
        let result = result("a", 0, &rounds(&[(1, 0, floor_run(6000, 500))]));
        assert_eq!(result["p50_us"]["sum"]["median"], 5000.0);
        has_the_fields_of("floor.json", "/cases/0", &result);
    }
}
