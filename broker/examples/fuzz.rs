//! Fuzzing on the stable toolchain: `cargo run --release -p broker --example fuzz -- request|log SECONDS [SEED]`.
//!
//! Takes inputs from the corpus, changes them at random and runs a body of `broker::fuzzing` on them. No coverage
//! guides it, so the corpus has to reach all that matters. The same seed gives the same inputs.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use broker::fuzzing::{self, rng::Rng};

type Body = fn(&[u8]);

const INPUT_BYTES_MAX: usize = 4096;

/// Lengths and counts that often cause errors.
const INTERESTING: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX >> 1];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (name, seconds, seed) = match &args[..] {
        [name, seconds] => (name, seconds, clock_seed()),
        [name, seconds, seed] => (name, seconds, seed.parse().context("the seed")?),
        _ => bail!("usage: fuzz request|log SECONDS [SEED]"),
    };
    let body: Body = match name.as_str() {
        "request" => fuzzing::request::request,
        "log" => fuzzing::log::log,
        _ => bail!("there is no fuzz body {name}"),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    eprintln!("fuzzing {name} for {seconds} s, seed {seed}");
    let executions = fuzz(body, &folder, Duration::from_secs(seconds.parse().context("the seconds")?), seed)?;
    eprintln!("{executions} executions, no panic");
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "fuzzing lasts for so long; what is fuzzed sees no clock")]
fn fuzz(body: Body, folder: &Path, time: Duration, seed: u64) -> Result<u64> {
    let corpus = load(folder)?;
    let mut rng = Rng::new(seed);
    let began = Instant::now();
    let mut executions = 0;
    while began.elapsed() < time {
        let input = mutated(&corpus, &mut rng);
        executions += 1;
        if catch_unwind(|| body(&input)).is_err() {
            let path = folder.join(format!("crash-{seed}-{executions}"));
            fs::write(&path, &input).with_context(|| format!("cannot write {}", path.display()))?;
            bail!(
                "a panic after {executions} executions; `cargo test -p broker --test 'corpus_*'` replays {}",
                path.display()
            );
        }
    }
    Ok(executions)
}

fn load(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    // Sorted, because the order of files in a folder differs between systems, and a seed must give the same inputs
    // everywhere.
    paths.sort();
    ensure!(!paths.is_empty(), "no corpus in {}", folder.display());
    paths.iter().map(|path| fs::read(path).with_context(|| format!("cannot read {}", path.display()))).collect()
}

fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.pick(corpus).clone();
    for _ in 0..=rng.below(4) {
        mutate(&mut input, corpus, rng);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let at = rng.below(input.len() + 1);
    match rng.below(6) {
        0 if at < input.len() => input[at] ^= 1 << rng.below(8),
        1 if at < input.len() => input[at] = rng.number() as u8,
        2 => {
            let some: Vec<u8> = (0..1 + rng.below(8)).map(|_| rng.number() as u8).collect();
            input.splice(at..at, some);
        }
        3 => {
            let end = (at + 1 + rng.below(16)).min(input.len());
            input.drain(at..end);
        }
        4 => {
            let other = rng.pick(corpus);
            let from = rng.below(other.len() + 1);
            input.truncate(at);
            input.extend(&other[from..]);
        }
        _ => {
            let size = 1 << rng.below(4);
            let number = rng.pick(&INTERESTING).to_be_bytes();
            let end = (at + size).min(input.len());
            input.splice(at..end, number[8 - size..].iter().copied());
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "any seed will do, as it is printed")]
fn clock_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64)
}
