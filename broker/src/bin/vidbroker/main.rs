//! `vidbroker`: the embedded broker as a program.

mod args;
mod groups;
mod metrics;
mod report;
mod status;

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use broker::Broker;
use cli::output::Output;
use cli::shutdown::Shutdown;
use common::time::{Clock, SystemClock};
use common::words::bytes;
use web::MetricsServer;

use crate::args::Cli;
use crate::report::BrokerReport;

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    if let Some(shell) = cli.completions {
        cli::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    cli.groups.check().unwrap_or_else(|wrong| cli::usage_error::<Cli>(wrong));
    cli.metrics.check().unwrap_or_else(|wrong| cli::usage_error::<Cli>(wrong));
    cli.log.init("vidbroker");
    cli::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::listen()?;
    cli.report.iter().try_for_each(Output::check)?;
    let options = cli.options()?;
    let bound = options.memory_bytes;
    let (host, port) = &cli.listen;
    let listener = TcpListener::bind((host.as_str(), *port)).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => " (is a Kafka running there already? --listen HOST:PORT names another place)",
            _ => "",
        };
        anyhow!("cannot listen on {host}:{port}{hint}: {error}")
    })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let figures = cli.metrics.options()?.map(|web| MetricsServer::start(web, &clock)).transpose()?;
    let broker = Broker::start(options, listener).context("starting the broker")?;
    tracing::info!(
        event = "started",
        address = %broker.address,
        memory_bound_bytes = bound,
        "listening on {}, with at most {} of memory; all records are lost when this program ends",
        broker.address,
        bytes(bound as u64)
    );
    if !is_private(broker.address.ip()) {
        tracing::warn!(
            event = "unprotected",
            address = %broker.address,
            "everybody who can reach {} may read, write and delete records: there is no login",
            broker.address
        );
    }
    let began = clock.now();
    status::watch(&broker, figures.as_ref(), &shutdown, cli.status.every(&cli.log))?;
    let snapshot = broker.snapshot().context("the broker has ended by itself")?;
    let report = BrokerReport { snapshot, listen: broker.address, ran: clock.now().since(began) };
    broker.stop().context("the broker")?;
    cli::logging::print_report(&report);
    cli.report.iter().try_for_each(|to| report.write(to))?;
    Ok(ExitCode::SUCCESS)
}

/// True if only this machine can reach the address.
fn is_private(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
