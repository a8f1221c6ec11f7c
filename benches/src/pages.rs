//! `vidbench pages`: clients of `vidcons --http`, the age of their pictures, and their cost for the window.
//!
//! ```text
//! vidprod ═▶ broker ═▶ vidcons --http ─WebSocket─▶ clients in this program, which acknowledge each picture
//!                                    ├──────────▶ one more that reads nothing
//!                                    └──────────▶ or clients that mean harm (--attack)
//! ```

mod attack;
mod load;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use cli::values::whole;
use common::report::Summary;
use common::words::count;
use itertools::{Itertools, iproduct};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use testkit::port::free_port;
use tokio::sync::watch;

use self::attack::attack;
use self::load::{LoadResult, PageLoad};
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{CaseRun, Rounds};
use crate::options::{CompareArgs, PictureArgs, PlayArgs, TimeArgs};
use crate::spread::of_summaries;
use crate::table::{Column, Table, median_ms, plain, spread};

pub const EXAMPLES: &str = "\
Examples:
  vidbench pages --window                        720p30 of the test card, with 1, 10 and 50 clients
  vidbench pages --window --clients 10 --brokers real --rounds 5
  vidbench pages --attack --clients 0            170 clients that mean harm

Each round also measures vidcons without --http, and with it but without a client.";

#[derive(Args, Clone, Debug)]
pub struct PagesArgs {
    /// Numbers of clients
    #[arg(long, allow_hyphen_values = true, default_value = "1,10,50", value_name = "N,…", value_delimiter = ',', value_parser = whole(0_usize..=150))]
    clients: Vec<usize>,
    /// Also measure vidcons under attack: slow headers, many connections, wrong tokens, large uploads
    #[arg(long)]
    attack: bool,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    play: PlayArgs,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

pub const COLUMNS: [Column; 12] = [
    ("broker", |result| plain(&result["broker"])),
    ("clients", |result| plain(&result["clients"])),
    ("window p50", |result| median_ms(&result["window_us"]["p50"])),
    ("p99", |result| median_ms(&result["window_us"]["p99"])),
    ("p99 / without", |result| spread(&result["ratio_to_without"]["p99"])),
    ("page p50", |result| Some(median_ms(&result["page_us"]["p50"]).unwrap_or("–".to_owned()))),
    ("p99", |result| Some(median_ms(&result["page_us"]["p99"]).unwrap_or("–".to_owned()))),
    ("left out", |result| Some(format!("{} of {}", result["left_out"].as_u64()?, result["due"].as_u64()?))),
    ("CPU vidcons", |result| median_ms(&result["cpu_us_a_frame"]["vidcons"])),
    ("for each client", |result| Some(median_ms(&result["cpu_us_a_client"]).unwrap_or("–".to_owned()))),
    ("CPU / without", |result| Some(spread(&result["ratio_to_without"]["cpu"]).unwrap_or("–".to_owned()))),
    ("memory", |result| plain(&result["peak_mb"])),
];

/// The load on vidcons besides its window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PagesCase {
    WithoutHttp,
    Clients(usize),
    Attack,
}

impl fmt::Display for PagesCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PagesCase::WithoutHttp => f.write_str("without --http"),
            PagesCase::Clients(clients) => f.write_str(&count(*clients, "client")),
            PagesCase::Attack => f.write_str("attack"),
        }
    }
}

#[derive(Clone, Debug)]
struct PagesRun {
    whole: EndToEndResult,
    load: LoadResult,
    /// Connections of those who attacked.
    attacks: u64,
}

impl fmt::Display for PagesRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PagesRun { whole, load, attacks } = self;
        write!(f, "{whole}")?;
        if load.came > 0 {
            write!(f, "; pages: p99 {:.2} ms, {} left out", load.latency().p99 as f64 / 1e3, load.left_out)?;
        }
        if *attacks > 0 { write!(f, "; {attacks} connections of the attack") } else { Ok(()) }
    }
}

pub fn run(args: &PagesArgs, control: Control<'_>) -> Result<ExitCode> {
    let display = args.play.display()?;
    let (mut experiment, brokers) = args.compare.start("pages", control)?;
    let PictureArgs { size, fps } = &args.picture;
    let clients = [0].into_iter().chain(args.clients.iter().copied()).unique().map(PagesCase::Clients);
    let loads = [PagesCase::WithoutHttp].into_iter().chain(clients).chain(args.attack.then_some(PagesCase::Attack));
    let cases: Vec<(&BenchBroker, PagesCase)> = iproduct!(&brokers, loads).collect();
    let labels: Vec<String> = cases.iter().map(|(broker, case)| format!("{}, {case}", broker.name)).collect();
    let setup = EndToEndSetup { clip: args.play.clip.clone(), ..EndToEndSetup::new(size, *fps, &args.times) };
    let rounds = experiment.rounds(&labels, |_, index| {
        let (broker, case) = cases[index];
        run_case(&setup, case, Surroundings { broker, display: display.as_ref(), control })
    });
    for CaseRun { round, case, result } in &rounds.0 {
        let faults = result.whole.faults().into_iter();
        experiment.faults.extend(faults.map(|fault| format!("{}, round {round}: {fault}", labels[*case])));
    }
    let without = |index: usize| index - index % (cases.len() / brokers.len());
    let measured = (0..cases.len()).filter(|index| rounds.has(*index));
    let results: Vec<Value> =
        measured.map(|index| result(&cases[index].0.name, cases[index].1, [index, without(index)], &rounds)).collect();
    let (input, kind) = (args.play.input(), display.as_ref().map(|display| display.kind));
    let title = format!("Pages: {input}, {size} {fps} fps, {}", args.times.describe());
    let unit = "ms and CPU ms for a frame, each figure the median of the rounds; memory in MB";
    let text = experiment.heading(&title, unit) + &Table::of(&results, &COLUMNS)?.text();
    let settings = args.times.settings(json!({ "input": input, "size": size.to_string(), "fps": fps, "window": kind }));
    experiment.finish(&brokers, json!({ "settings": settings, "cases": results }), &text)
}

fn run_case(setup: &EndToEndSetup, case: PagesCase, place: Surroundings<'_>) -> Result<PagesRun> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let mut token = NamedTempFile::new().context("a file for the token")?;
    writeln!(token, "0123456789abcdef").context("writing the token")?;
    let page = |more: &[&str]| {
        let viewer_args = ["--http", &address.to_string()].iter().chain(more).map(|arg| arg.to_string()).collect();
        EndToEndSetup { viewer_args, ..setup.clone() }
    };
    let play = |setup: &EndToEndSetup| e2e::run(setup, place)?.seen();
    let (mut load, mut attacks) = (LoadResult::default(), 0);
    let whole = match case {
        PagesCase::WithoutHttp => play(setup)?,
        PagesCase::Clients(clients) => {
            let pages = PageLoad { address, clients, warmup: setup.warmup, clock: place.control.clock };
            let whole;
            (whole, load) = beside(|| play(&page(&[])), async |stop| pages.watch(stop).await)?;
            whole
        }
        PagesCase::Attack => {
            let token = token.path().display().to_string();
            let whole;
            (whole, attacks) =
                beside(|| play(&page(&["--http-token", &token])), async |stop| attack(address, stop).await)?;
            whole
        }
    };
    Ok(PagesRun { whole, load, attacks })
}

/// Runs clients on a thread of their own while `work` runs. What they are given changes when they are to end.
fn beside<T, R: Send>(
    work: impl FnOnce() -> Result<T>,
    clients: impl AsyncFnOnce(watch::Receiver<()>) -> Result<R> + Send,
) -> Result<(T, R)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the clients")?;
    let (working, stop) = watch::channel(());
    std::thread::scope(|scope| {
        let clients = scope.spawn(|| runtime.block_on(clients(stop)));
        let done = work();
        drop(working);
        let result = clients.join().map_err(|_| anyhow!("the clients panicked"))?;
        Ok((done?, result?))
    })
}

/// The figures of a case over its rounds, as they are reported. `without` is the case without --http.
fn result(broker: &str, case: PagesCase, [index, without]: [usize; 2], rounds: &Rounds<PagesRun>) -> Value {
    let results = || rounds.results(index);
    let pages: Vec<Summary> = results().map(|run| run.load.latency()).filter(|latency| latency.count > 0).collect();
    let cpu = |run: &PagesRun| run.whole.cpu_us_a_frame()[1].1;
    // What a client costs vidcons for each frame.
    let a_client = match case {
        PagesCase::Clients(clients) if clients > 0 => {
            let before = rounds.spread(without, cpu).map_or(0.0, |spread| spread.median);
            rounds.spread(index, |run| (cpu(run) - before) / clients as f64)
        }
        _ => None,
    };
    let ratio = |figure: fn(&Summary) -> u64| rounds.ratio(index, without, |run| run.whole.slowest(figure));
    let sum = |figure: fn(&LoadResult) -> u64| results().map(|run| figure(&run.load)).sum::<u64>();
    json!({
        "broker": broker,
        "clients": match case { PagesCase::WithoutHttp => json!("no --http"), PagesCase::Clients(n) => json!(n), PagesCase::Attack => json!("attack") },
        "window_us": of_summaries(results().map(|run| &run.whole.viewers[0].sums.latency_us.total)),
        // From due until the client had the whole picture.
        "page_us": of_summaries(pages.iter()),
        "due": sum(|load| load.came + load.left_out),
        "left_out": sum(|load| load.left_out),
        "attacks": results().map(|run| run.attacks).sum::<u64>(),
        "cpu_us_a_frame": rounds.spreads(index, |run| run.whole.cpu_us_a_frame()),
        "cpu_us_a_client": a_client,
        "ratio_to_without": BTreeMap::from([
            ("p50", ratio(|total| total.p50)),
            ("p99", ratio(|total| total.p99)),
            ("cpu", rounds.ratio(index, without, cpu)),
        ]),
        "peak_mb": results().map(|run| run.whole.viewers_peak_mb).max(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::e2e::tests::{ran, report};
    use crate::experiment::tests::rounds;
    use crate::readme::tests::has_the_fields_of;

    #[test]
    fn a_case_is_compared_with_vidcons_without_http() {
        let took = |p99: u64, came: u64| {
            let viewer =
                report("vidcons", |sums| sums.latency_us.total = Summary { count: 9, p99, ..Summary::default() });
            let mut load = LoadResult { came, left_out: came / 10, ..LoadResult::default() };
            (0..came).for_each(|_| load.latency.record(Duration::from_millis(7)));
            PagesRun { whole: ran(vec![report("vidprod", |_| {})], vec![viewer]), load, attacks: 0 }
        };
        let rounds =
            rounds(&[(1, 0, took(100, 0)), (1, 1, took(110, 20)), (2, 1, took(300, 20)), (2, 0, took(200, 0))]);
        let case = result("real", PagesCase::Clients(2), [1, 0], &rounds);
        assert_eq!(case["ratio_to_without"]["p99"], json!({ "median": 1.3, "min": 1.1, "max": 1.5 }));
        assert_eq!((&case["left_out"], &case["due"]), (&json!(4), &json!(44)));
        has_the_fields_of("pages.json", "/cases/0", &case);
        let first = result("real", PagesCase::WithoutHttp, [0, 0], &rounds);
        assert!(Table::of(&[first, case], &COLUMNS).is_ok());
    }
}
