//! The embedded broker: the program `vidbroker` in this program's folder.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use super::{StartedBroker, free_port};
use crate::afterwards::Afterwards;
use crate::running::program;

const UP: &str = "listening on";

pub fn start(memory: Option<&str>) -> anyhow::Result<StartedBroker> {
    let program = program("vidbroker")?;
    let address = format!("127.0.0.1:{}", free_port(|_| true)?);
    let mut command = Command::new(&program);
    command.args(["--listen", &address]);
    if let Some(memory) = memory {
        command.args(["--memory", memory]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let words = child.stderr.take().context("vidbroker's standard error")?;
    let afterwards = Afterwards::run("kill \"$1\"", &[&child.id().to_string()])?;
    wait_until_up(BufReader::new(words), &mut child)?;
    // Waits for the child, so that no zombie process remains when it has ended.
    std::thread::Builder::new().name("vidbroker".to_owned()).spawn(move || child.wait())?;
    Ok(StartedBroker {
        name: "embedded".to_owned(),
        address,
        version: version(&program),
        _afterwards: Some(afterwards),
    })
}

/// Reads the broker's output until it listens. Later output is read and discarded, so that the broker cannot block on
/// it.
fn wait_until_up(mut words: BufReader<impl Read + Send + 'static>, child: &mut Child) -> anyhow::Result<()> {
    let (mut line, mut last) = (String::new(), String::new());
    while !line.contains(UP) {
        last.clone_from(&line);
        line.clear();
        if words.read_line(&mut line).context("reading what vidbroker says")? == 0 {
            let code = child.wait().context("waiting for vidbroker")?;
            bail!("vidbroker ended ({code}) without listening: {}", last.trim());
        }
    }
    let drain = move || std::io::copy(&mut words, &mut std::io::sink());
    std::thread::Builder::new().name("vidbroker-words".to_owned()).spawn(drain)?;
    Ok(())
}

fn version(program: &Path) -> String {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok();
    let said =
        said.filter(|out| out.status.success()).map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    said.filter(|s| !s.is_empty()).unwrap_or_else(|| "vidbroker".to_owned())
}
