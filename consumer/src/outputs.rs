//! What a viewer writes beside the window: lines, JPEGs, snapshots.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use common::frame::Frame;
use image::{ImageFormat, RgbImage};
use kafka::Received;
use shell::output::Output;

use crate::canvas::Canvas;
use crate::decode::Decode;
use crate::format::Format;
use crate::options::Options;
use crate::viewer::OnScreen;

pub struct Outputs {
    lines: Option<Format>,
    /// The lines go to a terminal, where the status line may be drawn too.
    on_terminal: bool,
    /// Not opened yet.
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

    /// Whether the program that read us has gone: there is nobody left to write for.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// A line for a frame that came whole.
    pub fn print(&mut self, topic: &str, received: &Received, frame: &Frame) -> anyhow::Result<()> {
        let Some(format) = &self.lines else { return Ok(()) };
        let line = format.line(topic, received, frame);
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        };
        let written = if self.on_terminal { shell::status::suspended(write) } else { write() };
        self.unless_closed(written).context("writing the lines (--print)")
    }

    /// That the program which read us has gone is no error.
    fn unless_closed(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// The `nth` picture is on the screen.
    pub fn shown(&mut self, jpeg: &[u8], nth: u64, decode: &mut Decode) -> anyhow::Result<()> {
        if let Some(output) = self.output.take() {
            // Not before there is something to write: what is there is not lost to a run that shows nothing.
            self.jpegs = Some(output.create()?);
        }
        if let Some(out) = &mut self.jpegs {
            let written = out.write_all(jpeg).and_then(|()| out.flush());
            self.unless_closed(written).context("writing the JPEGs (--output)")?;
        }
        if let Some((path, _)) = self.snapshot.take_if(|(_, at)| *at == nth) {
            write_snapshot(&path, jpeg, decode)?;
            tracing::info!("wrote {}", path.display());
        }
        Ok(())
    }

    /// The snapshot key was pressed. That it cannot be written is no reason to end.
    pub fn snapshot_key(&self, on: &OnScreen, decode: &mut Decode) {
        let name: String =
            on.source.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
        let path = PathBuf::from(format!("{name}-{}.png", on.frame));
        match write_snapshot(&path, &on.jpeg, decode) {
            Ok(()) => tracing::info!("wrote {}", path.display()),
            Err(error) => tracing::warn!("no snapshot: {error:#}"),
        }
    }

    pub fn finish(&self, displayed: u64) -> anyhow::Result<()> {
        if let Some((path, at)) = &self.snapshot {
            bail!(
                "no snapshot {}: only {displayed} picture(s) were shown before the end, --at is {at}",
                path.display()
            );
        }
        Ok(())
    }
}

/// PNG, or for a name that ends in .jpg the JPEG as it came.
fn write_snapshot(path: &Path, jpeg: &[u8], decode: &mut Decode) -> anyhow::Result<()> {
    let doing = || format!("cannot write {}", path.display());
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if matches!(extension.as_str(), "jpg" | "jpeg") {
        return std::fs::write(path, jpeg).with_context(doing);
    }
    let picture = rgb(&decode.picture(jpeg)?);
    let mut file = BufWriter::new(File::create(path).with_context(doing)?);
    picture.write_to(&mut file, ImageFormat::Png).with_context(doing)?;
    file.flush().with_context(doing)
}

fn rgb(canvas: &Canvas) -> RgbImage {
    let (width, height) = (canvas.width, canvas.height);
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let [_, r, g, b] = canvas.pixels[y as usize * width + x as usize].to_be_bytes();
        image::Rgb([r, g, b])
    })
}
