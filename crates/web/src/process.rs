//! Figures of the program as a process, under the names that all clients of Prometheus use.

use crate::metrics::{Metric, MetricsPage};

const CPU: Metric = Metric::counter("process_cpu_seconds_total", "Processor time that the program has used.");
const MEMORY: Metric = Metric::gauge("process_resident_memory_bytes", "Memory of the program that is in RAM.");
const STARTED: Metric =
    Metric::gauge("process_start_time_seconds", "Time at which the program started, in seconds since 1970.");

/// Adds the figures of this process, which started at `started_us`, in µs since 1970.
pub fn enter(page: &mut MetricsPage, started_us: u64) {
    page.sum(&CPU, &[], cli::machine::cpu_time().as_secs_f64());
    if let Some(bytes) = cli::machine::resident_bytes() {
        page.number(&MEMORY, &[], bytes as f64);
    }
    page.number(&STARTED, &[], started_us as f64 / 1e6);
}
