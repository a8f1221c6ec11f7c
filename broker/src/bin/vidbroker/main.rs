//! `vidbroker`: the embedded broker as a program.

mod groups;
mod report;

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use broker::files::{OTHER_FILES, make_room};
use broker::{Broker, Defaults, Glance, Limits, Options};
use clap::Parser;
use common::clock::{Clock, SystemClock};
use common::plural::count;
use serde::Serialize;
use shell::logging::LogArgs;
use shell::output::Output;
use shell::shutdown::Shutdown;
use shell::status::{Status, StatusArgs};
use shell::values::{self, Bytes};

use crate::groups::GroupArgs;
use crate::report::Report;

const EXAMPLES: &str = "\
Examples:
  vidbroker                                   a broker for this machine, on 127.0.0.1:9092
  vidbroker --memory 2G --retention 1h        keeps an hour, as long as 2 GB hold it
  vidbroker --listen 0.0.0.0:9092             for others too (nothing asks who they are)
  vidbroker -q --report broker.json           only warnings, and at the end a report, also as JSON
  vidbroker --max-connections 20000           for very many clients

It keeps everything in memory: what must outlive it, or be replicated, belongs into Apache Kafka, with the same commands.";

/// Interval of checks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

/// A small in-memory broker that speaks Kafka's protocol.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidbroker", version, about, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    /// Where to listen
    #[arg(short, long, default_value = "127.0.0.1:9092", value_name = "HOST:PORT", value_parser = host_and_port)]
    listen: (String, u16),
    /// What clients are told to connect to [default: the address at which they came]
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    advertise: Option<(String, u16)>,

    /// All that may be held in memory, as in 512M [default: an eighth of the machine's, at most 4G]
    #[arg(allow_hyphen_values = true, short, long, value_name = "SIZE", help_heading = "What is kept")]
    memory: Option<Bytes>,
    /// How long records are kept, as in 10m, 12h, forever (topics may say otherwise: retention.ms)
    #[arg(allow_hyphen_values = true, long, default_value = "7d", value_name = "TIME", value_parser = values::retention, help_heading = "What is kept")]
    retention: Retention,
    /// How much of a partition is kept [default: what fits] (retention.bytes)
    #[arg(allow_hyphen_values = true, long, value_name = "SIZE", help_heading = "What is kept")]
    partition_bytes: Option<Bytes>,

    /// The largest batch of records that is taken (max.message.bytes)
    #[arg(allow_hyphen_values = true, long, default_value_t = broker::MESSAGE_BYTES_MAX, value_name = "N", value_parser = message_bytes, help_heading = "Topics")]
    message_max_bytes: usize,
    /// Partitions of a topic that is made without a number
    #[arg(allow_hyphen_values = true, long, default_value_t = 1, value_name = "N", value_parser = whole_number::<1000>, help_heading = "Topics")]
    partitions: usize,
    /// Do not make a topic because somebody asks for it
    #[arg(long, help_heading = "Topics")]
    no_auto_create: bool,
    /// For so long, answer metadata requests like a Kafka that is still starting: without any brokers (for tests)
    #[arg(long, default_value = "0s", value_name = "TIME", hide = true)]
    starting: values::Span,

    /// Clients that may be connected at the same time: beyond that they are turned away, which the log says. Each takes an
    /// open file (ulimit -n) [default: 5000, or as many as open files allow]
    #[arg(allow_hyphen_values = true, long, value_name = "N", value_parser = whole_number::<100_000>, help_heading = "Limits")]
    max_connections: Option<usize>,
    /// Topics that may exist; one more is refused, with an error that says so
    #[arg(allow_hyphen_values = true, long, default_value_t = Limits::default().topics, value_name = "N", value_parser = whole_number::<100_000>, help_heading = "Limits")]
    max_topics: usize,
    /// Partitions that all topics may have together
    #[arg(allow_hyphen_values = true, long, default_value_t = Limits::default().partitions, value_name = "N", value_parser = whole_number::<200_000>, help_heading = "Limits")]
    max_partitions: usize,

    #[command(flatten)]
    groups: GroupArgs,

    /// Write the report of the end as JSON, too ('-': standard output)
    #[arg(long, value_name = "FILE|-", help_heading = "Report")]
    report: Option<Output>,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    status: StatusArgs,
    /// Print the completions of a shell
    #[arg(long, value_enum, value_name = "SHELL", exclusive = true)]
    completions: Option<shell::Shell>,
}

/// `None`: for ever.
type Retention = Option<Duration>;

fn main() -> ExitCode {
    let cli: Cli = shell::parse();
    if let Some(shell) = cli.completions {
        shell::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    cli.groups.check().unwrap_or_else(|wrong| shell::usage_error::<Cli>(wrong));
    cli.log.init("vidbroker");
    shell::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::listen()?;
    cli.report.iter().try_for_each(Output::check)?;
    let options = options(cli)?;
    let bound = options.memory_bytes;
    if bound < MEMORY_BYTES_MIN {
        bail!("--memory: with less than 16M a few clients' requests would leave nothing for records");
    }
    let largest = bound / REQUEST_OF_MEMORY;
    if cli.message_max_bytes > largest {
        bail!(
            "--message-max-bytes {}: with {} of memory it can be at most {largest}; --memory gives it more",
            cli.message_max_bytes,
            size(bound as u64)
        );
    }
    let (host, port) = &cli.listen;
    let listener = TcpListener::bind((host.as_str(), *port)).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => " (is a Kafka running there already? --listen HOST:PORT names another place)",
            _ => "",
        };
        anyhow!("cannot listen on {host}:{port}{hint}: {error}")
    })?;
    let broker = Broker::start(options, listener).context("starting the broker")?;
    tracing::info!(
        event = "started",
        address = %broker.address,
        memory_bound_bytes = bound,
        "listening on {}, keeping at most {} in memory; what must outlive this belongs into Apache Kafka",
        broker.address,
        size(bound as u64)
    );
    if !is_private(broker.address.ip()) {
        tracing::warn!(
            event = "unprotected",
            address = %broker.address,
            "anybody who reaches {} may read, write and delete here: nothing asks who they are",
            broker.address
        );
    }
    let began = SystemClock.now();
    watch(&broker, &shutdown, cli.status.every(&cli.log))?;
    let glance = broker.glance().context("the broker has ended by itself")?;
    let report = Report::new(&glance, broker.address, SystemClock.now().since(began));
    broker.stop().context("the broker")?;
    shell::logging::print_report(&report);
    cli.report.iter().try_for_each(|to| report.write(to))?;
    Ok(ExitCode::SUCCESS)
}

fn options(cli: &Cli) -> anyhow::Result<Options> {
    let of_machine = Options::default();
    let partitions = i32::try_from(cli.partitions).context("--partitions")?;
    let connections = connections(cli.max_connections)?;
    let Limits { groups, .. } = of_machine.limits.clone();
    let limits = Limits {
        connections,
        topics: cli.max_topics,
        partitions: cli.max_partitions,
        groups: cli.groups.limits(groups),
        ..of_machine.limits
    };
    Ok(Options {
        advertise: cli.advertise.clone(),
        memory_bytes: cli.memory.map_or(of_machine.memory_bytes, |b| b.0),
        defaults: Defaults {
            retention: cli.retention,
            partition_bytes: cli.partition_bytes.map(|b| b.0),
            message_bytes_max: cli.message_max_bytes,
        },
        partitions,
        auto_create: !cli.no_auto_create,
        starting: cli.starting.duration(),
        limits,
    })
}

/// Raises the limit on open files if the connections need it. Returns the number of connections possible.
fn connections(wanted: Option<usize>) -> anyhow::Result<usize> {
    let connections = wanted.unwrap_or(Limits::default().connections);
    let possible = make_room(connections);
    let files = connections + OTHER_FILES;
    if possible < connections && wanted.is_some() {
        bail!(
            "--max-connections {connections} needs {files} open files, and this process may have {}: raise its limit \
             (ulimit -n {files}; for a service, LimitNOFILE={files})",
            possible + OTHER_FILES
        );
    }
    if possible < connections {
        tracing::info!(
            event = "few_files",
            connections = possible,
            "the limit on open files (ulimit -n) leaves room for {possible} connections instead of {connections}"
        );
    }
    Ok(possible)
}

const MEMORY_BYTES_MIN: usize = 16 << 20;

/// Smallest memory, as a multiple of a message: a request may use a little more than a fifth of it.
const REQUEST_OF_MEMORY: usize = 5;

/// Shows the status until the program is to end.
fn watch(broker: &Broker, shutdown: &Shutdown, every: Option<Duration>) -> anyhow::Result<()> {
    let clock = SystemClock;
    let mut status = Status::new(None, every);
    let every = every.filter(|_| !status.is_drawn()).unwrap_or(DRAW_EVERY);
    let (mut before, mut at) = (broker.glance().unwrap_or_default(), clock.now());
    let first = Figures::new(&before, &before, every);
    status.tell(at, 0, || (first.line(), first));
    while !shutdown.asked() {
        clock.sleep_until(clock.now().plus(LOOK));
        let now = clock.now();
        if now.since(at) >= every {
            let glance = broker.glance().context("the broker has ended by itself")?;
            let figures = Figures::new(&glance, &before, now.since(at));
            status.tell(now, 0, || (figures.line(), figures));
            (before, at) = (glance, now);
        }
    }
    Ok(())
}

/// Interval at which the line on a terminal gets new figures.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// The fields of the event `status`, which docs/operate.md describes.
#[derive(Clone, Debug, Serialize)]
struct Figures {
    topics: usize,
    clients: usize,
    bytes_in_per_second: u64,
    bytes_out_per_second: u64,
    memory_bytes: usize,
    memory_bound_bytes: usize,
}

impl Figures {
    /// Computes the rates from two glances and the time `between` them.
    fn new(glance: &Glance, before: &Glance, between: Duration) -> Figures {
        let per_second = |bytes: u64, before: u64| ((bytes - before) as f64 / between.as_secs_f64()).round() as u64;
        Figures {
            topics: glance.topics,
            clients: glance.clients.len(),
            bytes_in_per_second: per_second(glance.bytes_in, before.bytes_in),
            bytes_out_per_second: per_second(glance.bytes_out, before.bytes_out),
            memory_bytes: glance.memory_used,
            memory_bound_bytes: glance.memory_bound,
        }
    }

    fn line(&self) -> String {
        format!(
            "{}, {}, in {:.1} MB/s, out {:.1} MB/s, memory {} of {}",
            count(self.topics, "topic"),
            count(self.clients, "client"),
            self.bytes_in_per_second as f64 / 1e6,
            self.bytes_out_per_second as f64 / 1e6,
            size(self.memory_bytes as u64),
            size(self.memory_bound_bytes as u64),
        )
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// True if only this machine can reach the address.
fn is_private(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    parts.filter(|(host, _)| !host.is_empty()).ok_or_else(|| "write HOST:PORT, with a port up to 65535".to_owned())
}

fn whole_number<const MAX: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=MAX).contains(n));
    number.ok_or_else(|| format!("write a whole number, 1 to {MAX}"))
}

fn message_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok().filter(|n| (1000..=MESSAGE_BYTES_LIMIT).contains(n));
    bytes.ok_or_else(|| format!("write a number of bytes, 1000 to {MESSAGE_BYTES_LIMIT}"))
}

/// Largest message limit, below the limit of a request.
const MESSAGE_BYTES_LIMIT: usize = 90_000_000;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_negative_value_is_answered_by_its_own_option() {
        for (option, words) in [
            ("--retention", "write a time as in 10m or 12h (at least 1s), or 'forever'"),
            ("--memory", "write a number of bytes"),
            ("--partition-bytes", "write a number of bytes"),
            ("--message-max-bytes", "write a number of bytes"),
            ("--partitions", "write a whole number, 1 to 1000"),
            ("--max-connections", "write a whole number, 1 to 100000"),
            ("--max-topics", "write a whole number"),
            ("--max-partitions", "write a whole number"),
        ] {
            let error = Cli::try_parse_from(["vidbroker", option, "-1m"]).expect_err("it is wrong").to_string();
            assert!(error.contains(words) && !error.contains("tip"), "{option}: {error}");
        }
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let before = Glance { bytes_in: 1_000_000, ..Glance::default() };
        let glance =
            Glance { bytes_in: 5_000_000, memory_used: 1500, memory_bound: 2_000_000_000, ..Glance::default() };
        let figures = Figures::new(&glance, &before, Duration::from_secs(2));
        assert_eq!(figures.bytes_in_per_second, 2_000_000);
        assert_eq!(figures.line(), "0 topics, 0 clients, in 2.0 MB/s, out 0.0 MB/s, memory 1.5 kB of 2.00 GB");
    }
}
