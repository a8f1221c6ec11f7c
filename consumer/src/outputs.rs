//! The viewer's output besides the window: lines, JPEGs, and the snapshot of `--snapshot`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use bytes::Bytes;
use cli::output::Output;
use common::wire::Frame;
use common::words::count;
use kafka::Received;

use crate::decode::Decode;
use crate::format::Format;
use crate::options::Options;
use crate::snapshot;

pub struct Outputs {
    lines: Option<Format>,
    /// True if the lines go to a terminal, on which the status line may be drawn too.
    on_terminal: bool,
    /// The output, before it is opened.
    output: Option<Output>,
    jpegs: Option<Box<dyn Write + Send>>,
    snapshot: Option<(PathBuf, u64)>,
    closed: bool,
}

impl Outputs {
    pub fn new(options: &Options) -> Outputs {
        Outputs {
            lines: options.print.clone(),
            on_terminal: io::stdout().is_terminal(),
            output: options.output.clone(),
            jpegs: None,
            snapshot: options.snapshot.clone(),
            closed: false,
        }
    }

    /// True if the program that reads our output has ended.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Prints the line for a whole frame.
    pub fn print(&mut self, topic: &str, received: &Received, frame: &Frame) -> anyhow::Result<()> {
        let Some(format) = &self.lines else { return Ok(()) };
        let line = format.line(topic, received, frame);
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        };
        let written = if self.on_terminal { cli::suspended(write) } else { write() };
        self.unless_closed(written).context("writing the lines (--print)")
    }

    /// Makes a closed output no error: the program that reads it has ended.
    fn unless_closed(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Writes the `nth` picture, which is on the screen now.
    pub fn shown(&mut self, jpeg: &Bytes, nth: u64, decode: &mut Decode) -> anyhow::Result<()> {
        if let Some(output) = self.output.take() {
            // The file is opened only when there is something to write, so that a run without pictures does not erase
            // an existing file.
            self.jpegs = Some(output.create()?);
        }
        if let Some(out) = &mut self.jpegs {
            let written = out.write_all(jpeg).and_then(|()| out.flush());
            self.unless_closed(written).context("writing the JPEGs (--output)")?;
        }
        if let Some((path, _)) = self.snapshot.take_if(|(_, at)| *at == nth) {
            snapshot::write(&path, jpeg, decode)?;
            tracing::info!(event = "snapshot_written", file = %path.display(), "wrote {}", path.display());
        }
        Ok(())
    }

    pub fn finish(&self, displayed: u64) -> anyhow::Result<()> {
        if let Some((path, at)) = &self.snapshot {
            bail!(
                "no snapshot {}: the end came after {}, and --at is {at}",
                path.display(),
                count(displayed, "picture")
            );
        }
        Ok(())
    }
}
