//! The context of a command: common options, clock, shutdown flag, connection and output.

use std::sync::Arc;
use std::time::Duration;

use cli::shutdown::Shutdown;
use common::time::Clock;
use kafka::{Admin, ConnectTimeout, KafkaError, Role};
use serde::Serialize;
use topics::ListOptions;

use crate::args::{CommonArgs, OutputFormat};

/// Name of this program for the broker's logs.
const CLIENT_ID: &str = "vidtopic";

pub struct Invocation<'a> {
    pub common: &'a CommonArgs,
    pub clock: Arc<dyn Clock>,
    pub shutdown: &'a Shutdown,
}

impl Invocation<'_> {
    pub fn timeout(&self) -> Duration {
        self.common.timeout.duration()
    }

    pub fn admin(&self) -> Result<Admin, KafkaError> {
        let wanted = || !self.shutdown.requested();
        let patience = ConnectTimeout { timeout: self.timeout(), clock: &*self.clock, wanted: &wanted };
        Admin::connect(&self.common.kafka.connection(Role::Producer)?, CLIENT_ID, &patience)
    }

    pub fn list_options(&self, topic: Option<&str>) -> Result<ListOptions, KafkaError> {
        Ok(ListOptions {
            connection: self.common.kafka.connection_again(Role::Consumer)?,
            client_id: CLIENT_ID,
            topic: topic.map(str::to_owned),
            timeout: Some(self.timeout()),
            further_back: true,
            pictures: false,
        })
    }

    /// Prints a result: as JSON if that was asked for, else as text.
    pub fn print<T: Serialize>(&self, result: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = match self.common.output {
            // A broker's texts must not control the terminal.
            OutputFormat::Text => text().replace(|c: char| c.is_control() && c != '\n', "\u{fffd}"),
            OutputFormat::Json => serde_json::to_string_pretty(result)? + "\n",
        };
        cli::output::print(&text).map(drop)
    }
}
