//! `vidbench floor`: measures each stage alone, and by how much the whole exceeds their sum.
//!
//! ```text
//! vidprod ─first frames─▶ encode alone │ decode alone │ bare hop with as many bytes │ vidprod and vidcons, end to end
//! ```
//! Everything runs at the frames' own pace, in the same rounds. Presenting is not measured alone: the sum uses
//! vidcons's own figure.

mod alone;
pub mod args;
mod codec;
mod frames;
mod report;
mod sum;

use std::process::ExitCode;

use anyhow::ensure;
use bytes::Bytes;
use cli::shutdown::Shutdown;
use common::time::Clock;

use self::alone::{Alone, Pace};
use self::args::FloorArgs;
use self::codec::{Decode, Encode, Picture};
use crate::about::{self, Began};
use crate::acks::Acks;
use crate::brokers::Broker;
use crate::display::Display;
use crate::e2e::{self, Input, Place, Ran, Setup};
use crate::failed::Failed;
use crate::hop::case::{self, Case, Load};
use crate::payload::Payload;
use crate::rounds;

/// The figures of one round with one broker.
#[derive(Clone, Debug)]
pub struct Measured {
    pub round: u32,
    pub broker: usize,
    pub encode: Alone,
    pub decode: Alone,
    pub hop: common::time::Latency,
    pub ran: Ran,
}

#[derive(Debug)]
pub struct FloorResult {
    pub brokers: Vec<Broker>,
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub frame_bytes: usize,
    pub display: Option<&'static str>,
    pub interrupted: bool,
}

/// The settings and data used for measuring.
struct Material {
    setup: Setup,
    pace: Pace,
    jpegs: Vec<Bytes>,
    pictures: Vec<Picture>,
    load: Load,
    display: Option<Display>,
}

pub fn run(args: &FloorArgs, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    args.basics.check()?;
    let began = Began::now(clock);
    let pace = Pace { fps: args.fps, warmup: args.times.warm.duration(), seconds: args.times.seconds.duration() };
    ensure!(pace.seconds.as_secs_f64() * pace.fps >= 1.0, "--seconds is too short for a single frame");
    let brokers = args.basics.start(clock, shutdown)?;
    let Some(material) = prepare(args, pace, &brokers[0], clock, shutdown)? else { return Ok(ExitCode::FAILURE) };
    let (mut measured, mut failed) = (Vec::new(), Failed::default());
    for round in 1..=args.basics.rounds {
        let of_round = measure(round, &material, &brokers, &mut failed, clock, shutdown);
        measured.extend(failed.or(of_round.map(Some), || format!("round {round}"), shutdown).unwrap_or_default());
        if shutdown.asked() {
            break;
        }
    }
    let frame_bytes = material.jpegs.iter().map(Bytes::len).sum::<usize>() / material.jpegs.len().max(1);
    let display = material.display.as_ref().map(Display::kind);
    let result = FloorResult { brokers, measured, failed, frame_bytes, display, interrupted: shutdown.asked() };
    if let Some(to) = &args.basics.report {
        let head = about::head("floor", &result.brokers, report::settings(args, &result), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    cli::output::print(&report::text(args, &result))?;
    let faults: Vec<String> = result.measured.iter().flat_map(|m| m.ran.faults()).collect();
    faults.iter().for_each(|fault| tracing::error!("WRONG: {fault}"));
    Ok(if faults.is_empty() { result.failed.code() } else { ExitCode::FAILURE })
}

fn prepare(
    args: &FloorArgs,
    pace: Pace,
    broker: &Broker,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Material>> {
    let setup = Setup {
        input: args.clip.clone().map_or(Input::TestCard, Input::Clip),
        size: args.size.clone(),
        fps: pace.fps,
        acks: Acks::All,
        message_bytes_max: None,
        sources: 1,
        viewers: 1,
        warmup: pace.warmup,
        seconds: pace.seconds,
        verify_pixels: false,
    };
    let display = args.window.then(Display::find).transpose()?;
    let Some(jpegs) = frames::take(&setup, Place { broker, display: None, clock, shutdown })? else { return Ok(None) };
    let mut decode = Decode::new()?;
    let pictures = jpegs.iter().map(|jpeg| decode.picture(jpeg)).collect::<anyhow::Result<Vec<_>>>()?;
    let lengths: Vec<usize> = jpegs.iter().map(Bytes::len).collect();
    let load = Load { payload: Payload::of_lengths(&lengths), warmup: pace.warmup, seconds: pace.seconds };
    Ok(Some(Material { setup, pace, jpegs, pictures, load, display }))
}

/// One round: the codec, then each broker's hop and end-to-end run. In every other round the brokers come in reverse
/// order. Failures are left out, and after Ctrl-C the incomplete round is.
fn measure(
    round: u32,
    material: &Material,
    brokers: &[Broker],
    failed: &mut Failed,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Vec<Measured>> {
    let Material { setup, pace, jpegs, pictures, load, display } = material;
    let (mut encoder, mut decoder) = (Encode::new()?, Decode::new()?);
    let work = |n: usize| encoder.encode(&pictures[n % pictures.len()]).map(drop);
    let Some(encode) = alone::measure(*pace, clock, shutdown, work)? else { return Ok(Vec::new()) };
    let work = |n: usize| decoder.decode(&jpegs[n % jpegs.len()]).map(drop);
    let Some(decode) = alone::measure(*pace, clock, shutdown, work)? else { return Ok(Vec::new()) };
    let mut measured = Vec::new();
    for broker in rounds::turns(brokers.len(), round) {
        let (started, fps) = (&brokers[broker], pace.fps);
        let case = Case { round, broker, fps, consumers: 1, acks: Acks::All, linger_ms: 0 };
        let place = Place { broker: started, display: display.as_ref(), clock, shutdown };
        let topic = format!("floor-{}-{round}-{broker}", std::process::id());
        let both = || {
            let Some(hop) = case::run(case, load, started, clock, shutdown)? else { return Ok(None) };
            let ran = e2e::run(setup, &topic, place)?.map(Ran::seen).transpose()?;
            Ok(ran.map(|ran| (hop.from_send, ran)))
        };
        let Some((hop, ran)) = failed.or(both(), || format!("{}, round {round}", started.name), shutdown) else {
            if shutdown.asked() {
                break;
            }
            continue;
        };
        let (encode, decode) = (encode.clone(), decode.clone());
        let one = Measured { round, broker, encode, decode, hop, ran };
        tracing::info!("{}, round {round}: {}", started.name, sum::of(&one));
        measured.push(one);
    }
    Ok(measured)
}
