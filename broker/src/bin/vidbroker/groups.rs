//! The command line's options for consumer groups.

use std::time::Duration;

use broker::{GroupLimits, GroupTimes};
use clap::Args;
use cli::values;

/// Times and limits that Kafka's brokers set for groups, under the same names in its configuration.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Groups")]
pub(crate) struct GroupArgs {
    /// Shortest session timeout that a classic member may request (group.min.session.timeout.ms)
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, default_value = "6s", value_name = "TIME", value_parser = time)]
    group_min_session: Duration,
    /// Session timeout of members with group.protocol=consumer (group.consumer.session.timeout.ms)
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, default_value = "6s", value_name = "TIME", value_parser = time)]
    group_session: Duration,
    /// Heartbeat interval of members with group.protocol=consumer; a new member gets its partitions after about two of them
    /// (group.consumer.heartbeat.interval.ms)
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, default_value = "500ms", value_name = "TIME", value_parser = time)]
    group_heartbeat: Duration,
    /// Largest number of members of a group (group.max.size, group.consumer.max.size)
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, default_value_t = broker::GROUP_MEMBERS_MAX, value_name = "N", value_parser = values::whole(1_usize..=100_000))]
    group_max_size: usize,
}

impl GroupArgs {
    /// Checks that the options fit together.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.group_heartbeat < self.group_session {
            return Ok(());
        }
        Err("--group-heartbeat must be shorter than --group-session: otherwise every member would lose its session")
    }

    pub(crate) fn limits(&self, others: GroupLimits) -> GroupLimits {
        let times = GroupTimes {
            session_ms: milliseconds(self.group_session),
            heartbeat_ms: milliseconds(self.group_heartbeat),
        };
        let session_ms_min = milliseconds(self.group_min_session);
        GroupLimits { session_ms_min, times, members: self.group_max_size, ..others }
    }
}

/// Parses a time in the range that Kafka allows for sessions.
fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<values::DurationArg>().map(values::DurationArg::duration);
    let fits = |time: &Duration| (1..=broker::SESSION_MS_MAX).contains(&milliseconds(*time));
    time.ok().filter(fits).ok_or_else(|| "write a time from 1ms to 30m, as in 500ms or 6s".to_owned())
}

fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
