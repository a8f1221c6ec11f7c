//! `vidbench floor`: measures each stage alone, and by how much the whole exceeds their sum.
//!
//! ```text
//! vidprod ─first frames─▶ encode alone │ decode alone │ bare hop with as many bytes │ vidprod and vidcons, end to end
//! ```
//! Everything runs at the frames' own pace, in the same rounds. Presenting is not measured alone: the sum uses vidcons's
//! own figure.

mod alone;
mod codec;
pub mod report;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use clap::Args;
use cli::values::positive;
use common::report::Summary;
use common::time::Latency;
use common::wire::{Limits, Pushed, Reassembler, record};
use kafka::Event;

use self::alone::{AloneResult, FloorPace};
use self::codec::{DecodeAlone, EncodeAlone};
use self::report::{CodecCpu, FloorFigures, FloorGoal, FloorResult, FloorRound, FloorSettings, FloorStages};
use crate::brokers::StartedBroker;
use crate::control::Control;
use crate::display::Display;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{Experiment, Rounds};
use crate::messages::payload::Payload;
use crate::messages::topic::{BenchTopic, TopicSettings, topic_name};
use crate::messages::transfer::{Sending, Transfer, Transferred};
use crate::options::{self, CompareArgs, TimeArgs};
use crate::report::ByProgram;
use crate::size::PictureSize;

pub const EXAMPLES: &str = "\
Examples:
  vidbench floor                                    720p30 of the test card, embedded and real, headless
  vidbench floor --window --brokers real            with present, as vidcons reports it
  vidbench floor --size 1080p --clip samples/clip.mp4

Each stage is measured alone and at the frames' own pace, in the same rounds as the whole.";

/// vidprod plays for this time; its frames are then used in a loop.
const PLAYED: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(500);

#[derive(Args, Clone, Debug)]
pub struct FloorArgs {
    /// Picture size: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE")]
    pub size: PictureSize,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    pub fps: f64,
    /// Play this file instead of the test card; its pictures are made smaller, never larger
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// With windows: on DISPLAY, or under an Xvfb of its own if there is none
    #[arg(long)]
    pub window: bool,
    #[command(flatten)]
    pub times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

/// The figures of one round with one broker.
#[derive(Clone, Debug)]
struct FloorRun {
    encode: AloneResult,
    decode: AloneResult,
    hop: Latency,
    end_to_end: EndToEndResult,
}

impl FloorRun {
    /// Medians in µs.
    fn stages(&self) -> FloorStages<f64> {
        let p50 = |latency: &Latency| latency.histogram().value_at_quantile(0.5) as f64;
        let latency = &self.end_to_end.viewers[0].sums.latency_us;
        let (encode, hop, decode) = (p50(&self.encode.time), p50(&self.hop), p50(&self.decode.time));
        let present = latency.stages.get("present").map_or(0.0, |present| present.p50 as f64);
        let (sum, whole) = (encode + hop + decode + present, latency.total.p50 as f64);
        FloorStages { encode, hop, decode, present, sum, whole }
    }

    fn cpu(&self) -> ByProgram<CodecCpu<f64>> {
        let program = self.end_to_end.cpu_us_a_frame();
        ByProgram {
            vidprod: CodecCpu::new(self.encode.cpu_us, program.vidprod),
            vidcons: CodecCpu::new(self.decode.cpu_us, program.vidcons),
        }
    }
}

impl fmt::Display for FloorRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stages().fmt(f)
    }
}

/// Pictures and messages like those that vidprod publishes.
struct FloorFrames {
    jpegs: Vec<Bytes>,
    pictures: Vec<codec::PlanarPicture>,
    payload: Payload,
}

pub fn run(args: &FloorArgs, control: Control<'_>) -> anyhow::Result<ExitCode> {
    let mut experiment = Experiment::start(control);
    let pace = FloorPace { fps: args.fps, warmup: args.times.warm(), seconds: args.times.seconds() };
    ensure!(pace.seconds.as_secs_f64() * pace.fps >= 1.0, "--seconds is too short for a single frame");
    let brokers = args.compare.start(control)?;
    let display = args.window.then(Display::find).transpose()?;
    let setup = EndToEndSetup::new(args.clip.as_ref(), &args.size, args.fps, &args.times);
    let Some(frames) = frames(&setup, &brokers[0], control)? else { return Ok(ExitCode::FAILURE) };
    let labels: Vec<String> = brokers.iter().map(|broker| broker.name.clone()).collect();
    // The codec is measured once in a round, beside its first broker.
    let mut codec: Option<(u32, AloneResult, AloneResult)> = None;
    let rounds = experiment.rounds(args.compare.rounds, &labels, |round, index| {
        if codec.as_ref().is_none_or(|(of, ..)| *of != round) {
            codec = measure_codec(&frames, pace, control)?.map(|(encode, decode)| (round, encode, decode));
        }
        let Some((_, encode, decode)) = codec.clone() else { return Ok(None) };
        let broker = &brokers[index];
        let Some(hop) = measure_hop(&frames, pace, broker, &topic_name("floor-hop", round, index), control)? else {
            return Ok(None);
        };
        let place = Surroundings { broker, display: display.as_ref(), control };
        let end_to_end = e2e::run(&setup, &topic_name("floor", round, index), place)?.map(EndToEndResult::seen);
        Ok(end_to_end.transpose()?.map(|end_to_end| FloorRun { encode, decode, hop, end_to_end }))
    });
    experiment.faults.extend(rounds.0.iter().flat_map(|run| run.result.end_to_end.faults()));
    let settings = FloorSettings {
        input: options::input_name(args.clip.as_ref()),
        size: args.size.to_string(),
        fps: args.fps,
        frame_bytes: frames.jpegs.iter().map(Bytes::len).sum::<usize>() / frames.jpegs.len(),
        common: args.compare.settings(Some(&args.times)),
        window: display.as_ref().map(|display| display.kind().to_owned()),
        present: "as vidcons reports it".to_owned(),
    };
    let cases = labels.iter().enumerate().filter_map(|(index, broker)| result(broker, index, &rounds)).collect();
    let report = experiment.report("floor", &brokers, settings, FloorFigures { goal: FloorGoal::default(), cases });
    experiment.finish(&report, args.compare.report.as_ref(), &report::text(&report))
}

/// Plays a short part without a viewer, and reads the frames back. `None` after Ctrl-C.
fn frames(setup: &EndToEndSetup, broker: &StartedBroker, control: Control<'_>) -> anyhow::Result<Option<FloorFrames>> {
    let name = topic_name("floor-frames", 0, 0);
    let topic = BenchTopic::create(&broker.address, &name, &TopicSettings::default(), control.clock)?;
    let short = EndToEndSetup { viewers: 0, warmup: Duration::ZERO, seconds: PLAYED, ..setup.clone() };
    if e2e::run_in(&short, &name, Surroundings { broker, display: None, control })?.is_none() {
        return Ok(None);
    }
    let mut tail = topic.tail(control.clock)?;
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
    let mut decode = DecodeAlone::new()?;
    let pictures = jpegs.iter().map(|jpeg| decode.picture(jpeg)).collect::<anyhow::Result<_>>()?;
    let payload = Payload::of_lengths(&jpegs.iter().map(Bytes::len).collect::<Vec<_>>());
    Ok(Some(FloorFrames { jpegs, pictures, payload }))
}

/// Encoding and decoding alone; `None` after Ctrl-C.
fn measure_codec(
    frames: &FloorFrames,
    pace: FloorPace,
    control: Control<'_>,
) -> anyhow::Result<Option<(AloneResult, AloneResult)>> {
    let FloorFrames { jpegs, pictures, .. } = frames;
    let (mut encoder, mut decoder) = (EncodeAlone::new()?, DecodeAlone::new()?);
    let encode = alone::measure(pace, control, |n| encoder.encode(&pictures[n % pictures.len()]).map(drop))?;
    let decode = alone::measure(pace, control, |n| decoder.decode(&jpegs[n % jpegs.len()]).map(drop))?;
    Ok(encode.zip(decode))
}

/// Messages as long as the frames through a broker, without vidprod and vidcons; `None` after Ctrl-C.
fn measure_hop(
    frames: &FloorFrames,
    pace: FloorPace,
    broker: &StartedBroker,
    topic: &str,
    control: Control<'_>,
) -> anyhow::Result<Option<Latency>> {
    let (warmup, measured) = pace.counts();
    let payload = &frames.payload;
    let settings = TopicSettings { message_bytes: payload.len_max(), ..TopicSettings::default() };
    let sending = Sending::Paced { fps: pace.fps, count: warmup + measured };
    let transfer = Transfer { broker, topic, settings: &settings, payload, sending, consumers: 1, warmup };
    let transferred = transfer.run(control)?.map(Transferred::complete).transpose()?;
    Ok(transferred.map(|done| done.from_send))
}

/// The figures of a broker over the rounds; `None` if it was never measured.
fn result(broker: &str, index: usize, rounds: &Rounds<FloorRun>) -> Option<FloorResult> {
    let stage = |figure: fn(&FloorStages<f64>) -> f64| rounds.spread(index, |run| figure(&run.stages()));
    let cpu = |program: fn(ByProgram<CodecCpu<f64>>) -> CodecCpu<f64>| {
        let figure = |figure: fn(&CodecCpu<f64>) -> f64| rounds.spread(index, |run| figure(&program(run.cpu())));
        Some(CodecCpu {
            codec: figure(|cpu| cpu.codec)?,
            program: figure(|cpu| cpu.program)?,
            goal: figure(|cpu| cpu.goal)?,
        })
    };
    let round = |run: &crate::experiment::CaseRun<FloorRun>| {
        let sums = &run.result.end_to_end.viewers[0].sums;
        FloorRound {
            round: run.round,
            ratio: run.result.stages().ratio(),
            encode_us: Summary::from(&run.result.encode.time),
            hop_us: Summary::from(&run.result.hop),
            decode_us: Summary::from(&run.result.decode.time),
            latency_us: sums.latency_us.clone(),
            frames: sums.frames.clone(),
        }
    };
    Some(FloorResult {
        broker: broker.to_owned(),
        p50_us: FloorStages {
            encode: stage(|s| s.encode)?,
            hop: stage(|s| s.hop)?,
            decode: stage(|s| s.decode)?,
            present: stage(|s| s.present)?,
            sum: stage(|s| s.sum)?,
            whole: stage(|s| s.whole)?,
        },
        ratio: stage(FloorStages::ratio)?,
        cpu_us_a_frame: ByProgram { vidprod: cpu(|cpu| cpu.vidprod)?, vidcons: cpu(|cpu| cpu.vidcons)? },
        rounds: rounds.of(index).map(round).collect(),
    })
}
