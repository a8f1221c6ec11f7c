//! Describes the machine and its clock.

use std::time::Duration;

use common::report::Machine;

/// Reads the description from the system; fields that cannot be read stay empty.
pub fn machine() -> Machine {
    let uname = rustix::system::uname();
    let word = |c: &std::ffi::CStr| c.to_string_lossy().into_owned();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after_colon = |text: &str, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let memory_kb = after_colon(&read("/proc/meminfo"), "MemTotal");
    Machine {
        host: host_name(),
        os: format!("{} {}", word(uname.sysname()), word(uname.release())),
        cpu: after_colon(&read("/proc/cpuinfo"), "model name"),
        cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
        memory_mb: memory_kb.split(' ').next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024,
    }
}

/// Processor time that this program has used, over all threads and including time in the system.
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Memory of this program that is in RAM; `None` if the system does not report it.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kb| kb * 1024)
}

pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
