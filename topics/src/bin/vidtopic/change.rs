//! `vidtopic create`, `vidtopic alter` and `vidtopic delete`.

use std::io::{BufRead, IsTerminal, stdin};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use common::words::count;
use kafka::{Admin, Created, NewTopic};
use serde_json::json;

use crate::args::{AlterArgs, CreateArgs, DeleteArgs};
use crate::invocation::Invocation;

/// Time between two looks if a topic has gone.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub fn create(args: &CreateArgs, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let new = NewTopic {
        name: args.topic.clone(),
        partitions: args.partitions,
        replication: args.replication_factor,
        retention: args.retention.0,
        settings: args.settings(),
    };
    let created = invocation.admin()?.ensure(&new, true, invocation.timeout())?;
    let topic = &args.topic;
    if let Created::WasThere { partitions } = created {
        let partitions = count(partitions, "partition");
        ensure!(
            args.if_missing,
            "topic {topic} is there already, with {partitions}: vidtopic alter {topic} changes it"
        );
    }
    let is_new = created == Created::Now;
    invocation.print(&json!({ "topic": topic, "created": is_new }), || match is_new {
        true => format!("{topic} was made, with {}\n", count(args.partitions, "partition")),
        false => format!("{topic} was there already\n"),
    })
}

pub fn alter(args: &AlterArgs, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let (admin, topic) = (invocation.admin()?, &args.topic);
    let more = match args.partitions.map(usize::try_from).transpose()? {
        None => None,
        Some(wanted) => {
            let described = admin.describe(Some(topic), invocation.timeout())?;
            let there: usize = described.iter().map(|found| found.partitions.len()).sum();
            ensure!(wanted >= there, "topic {topic} has {}, and Kafka can only add some", count(there, "partition"));
            (wanted > there).then_some(wanted)
        }
    };
    let changes = args.changes();
    if !changes.is_empty() {
        admin.alter(topic, &changes, invocation.timeout())?;
    }
    if let Some(partitions) = more {
        admin.add_partitions(topic, partitions, invocation.timeout())?;
    }
    let result = json!({ "topic": topic, "set": changes.set, "unset": changes.unset, "partitions": args.partitions });
    invocation.print(&result, || format!("{topic} was changed\n"))
}

pub fn delete(args: &DeleteArgs, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let admin = invocation.admin()?;
    for topic in &args.topics {
        let described = admin.describe(Some(topic), invocation.timeout())?;
        if !args.yes {
            let records = described[0].records().map_or("its records".to_owned(), |records| count(records, "record"));
            confirm(topic, &records)?;
        }
        admin.delete(topic, invocation.timeout())?;
        wait_until_gone(&admin, topic, invocation)?;
        invocation.print(&json!({ "topic": topic, "deleted": true }), || format!("{topic} was deleted\n"))?;
    }
    Ok(())
}

/// Asks on the terminal.
fn confirm(topic: &str, records: &str) -> anyhow::Result<()> {
    ensure!(stdin().is_terminal(), "{topic} has {records}: --yes deletes it without asking");
    eprint!("Delete {topic} with {records}? Type its name: ");
    let mut typed = String::new();
    stdin().lock().read_line(&mut typed).context("reading the answer")?;
    ensure!(typed.trim() == topic, "{topic} was not deleted");
    Ok(())
}

/// The broker acknowledges before all its nodes have forgotten the topic.
fn wait_until_gone(admin: &Admin, topic: &str, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let until = invocation.clock.now().plus(invocation.timeout());
    while admin.topics(invocation.timeout())?.iter().any(|found| found.name == topic) {
        if invocation.clock.now() >= until || invocation.shutdown.requested() {
            bail!("{topic} is being deleted, and is still there");
        }
        invocation.clock.sleep_until(invocation.clock.now().plus(LOOK_EVERY));
    }
    Ok(())
}
