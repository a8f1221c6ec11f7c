//! Writes frames to files and pipes: a line for each, the JPEGs one after the other, a single picture.

mod format;
mod picture;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use bytes::Bytes;
use cli::output::Output;
use common::wire::Frame;
use common::words::count;

pub use self::format::LineFormat;
pub use self::picture::PictureKey;
use crate::engine::TopicRecord;

/// The files to write.
#[derive(Clone, Default, Debug)]
pub struct FileOptions {
    /// Name of the topic, for lines.
    pub topic: String,
    /// Format of the line for each frame that arrives; `None` for no lines.
    pub lines: Option<LineFormat>,
    /// Destination of the JPEGs that are shown.
    pub output: Option<Output>,
    /// File for a single picture, and the number of the picture that it is to hold.
    pub picture: Option<(PathBuf, u64)>,
}

/// Writes frames to files and pipes.
pub struct FileOutputs {
    options: FileOptions,
    /// True if the lines go to a terminal, on which the status line may be drawn too.
    on_terminal: bool,
    /// Opened when there is something to write, so that a run without pictures does not erase an existing file.
    jpegs: Option<Box<dyn Write + Send>>,
    is_closed: bool,
}

impl std::fmt::Debug for FileOutputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileOutputs").field("options", &self.options).finish_non_exhaustive()
    }
}

impl FileOutputs {
    /// Opens no file yet.
    pub fn new(options: FileOptions) -> FileOutputs {
        FileOutputs { options, on_terminal: io::stdout().is_terminal(), jpegs: None, is_closed: false }
    }

    /// True if the program that reads our output has ended.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Prints the line for a frame that arrived, completed by this record.
    pub fn print(&mut self, record: &TopicRecord, frame: &Frame) -> anyhow::Result<()> {
        let Some(format) = &self.options.lines else { return Ok(()) };
        let line = format.line(&self.options.topic, record, frame);
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
                self.is_closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Takes the `nth` picture that is shown.
    pub fn take(&mut self, jpeg: &Bytes, nth: u64, decoder: &mut jpeg::Decoder) -> anyhow::Result<()> {
        if let Some(output) = self.options.output.take() {
            self.jpegs = Some(output.create()?);
        }
        if let Some(out) = &mut self.jpegs {
            let written = out.write_all(jpeg).and_then(|()| out.flush());
            self.unless_closed(written).context("writing the JPEGs (--output)")?;
        }
        if let Some((path, _)) = self.options.picture.take_if(|(_, at)| *at == nth) {
            picture::write(&path, jpeg, decoder)?;
            tracing::info!(event = "snapshot_written", file = %path.display(), "wrote {}", path.display());
        }
        Ok(())
    }

    /// Fails if the end came before the picture that was to be written.
    pub fn finish(&self, displayed: u64) -> anyhow::Result<()> {
        if let Some((path, at)) = &self.options.picture {
            bail!(
                "no snapshot {}: the end came after {}, and --at is {at}",
                path.display(),
                count(displayed, "picture")
            );
        }
        Ok(())
    }
}
