//! Makes whole pictures of interlaced frames, which contain two fields in alternate rows.
//!
//! ```text
//! frame, the same marked progressive ──▶ FFmpeg's bwdif ──▶ frame        one out for each in, at once
//! ```
//! bwdif looks at the frames before and after. Waiting for the one after would delay every picture by a frame, so each
//! frame is followed by itself. Then the filter compares with the past only, and passes the copy through unfiltered,
//! because the copy is not marked as interlaced.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Error, filter, frame};

use super::ffi;

/// The order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Each frame is marked with its order, and with being interlaced at all.
    Marked,
    TopFirst,
    BottomFirst,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kind {
    format: Pixel,
    size: (u32, u32),
    order: Order,
}

/// The deinterlacer. Its filter is made at the first interlaced frame, so that progressive video costs nothing.
#[derive(Default)]
pub struct Deinterlacer {
    current: Option<(Kind, Option<filter::Graph>)>,
    reported: bool,
    refused: bool,
}

impl Deinterlacer {
    /// Replaces an interlaced frame by a whole picture with the same timestamps. A frame that FFmpeg cannot deinterlace
    /// stays as it is.
    pub fn apply(&mut self, frame: &mut frame::Video, order: Order) {
        let kind = Kind { format: frame.format(), size: (frame.width(), frame.height()), order };
        if self.current.as_ref().is_none_or(|(known, _)| *known != kind) {
            let made = graph(kind);
            self.report(made.as_ref().err());
            self.current = Some((kind, made.ok()));
        }
        let Some((_, Some(graph))) = &mut self.current else { return };
        match filtered(graph, frame) {
            Ok(whole) => *frame = whole,
            Err(error) => {
                self.report_refused(error);
                // The next frame gets a new graph, which has not failed.
                self.current = None;
            }
        }
    }

    /// Logs once what is done.
    fn report(&mut self, error: Option<&Error>) {
        match (std::mem::replace(&mut self.reported, true), error) {
            (true, _) => {}
            (_, None) => {
                tracing::info!(
                    event = "note",
                    "the video is interlaced and is deinterlaced (--deinterlace never sends it as it is)"
                );
            }
            (_, Some(error)) => tracing::warn!(
                event = "deinterlace_failed",
                "the video is interlaced and is sent as it is: FFmpeg's bwdif: {error}"
            ),
        }
    }

    /// Logs once that there are such frames.
    fn report_refused(&mut self, error: Error) {
        if !std::mem::replace(&mut self.refused, true) {
            tracing::warn!(
                event = "deinterlace_failed",
                "a frame that cannot be deinterlaced is sent as it is: FFmpeg's bwdif: {error}"
            );
        }
    }
}

/// Deinterlaces a frame.
fn filtered(graph: &mut filter::Graph, frame: &frame::Video) -> Result<frame::Video, Error> {
    let (marked, again) = (ffi::reference(frame)?, ffi::unmarked(frame)?);
    let mut filtered = frame::Video::empty();
    // The graph takes the frame, and returns the copy of the one before.
    part(graph, "in")?.source().add(&marked)?;
    while part(graph, "out")?.sink().frame(&mut filtered).is_ok() {}
    part(graph, "in")?.source().add(&again)?;
    part(graph, "out")?.sink().frame(&mut filtered)?;
    // The filter counts time in half units.
    filtered.set_pts(frame.pts());
    Ok(filtered)
}

fn part(graph: &mut filter::Graph, name: &str) -> Result<filter::Context, Error> {
    graph.get(name).ok_or(Error::Bug)
}

fn graph(kind: Kind) -> Result<filter::Graph, Error> {
    let find = |name: &str| filter::find(name).ok_or(Error::FilterNotFound);
    let format = kind.format.descriptor().map_or("", |descriptor| descriptor.name());
    let (width, height) = kind.size;
    let arguments = format!("video_size={width}x{height}:pix_fmt={format}:time_base=1/1000:pixel_aspect=1/1");
    let (parity, which) = match kind.order {
        Order::Marked => ("auto", "interlaced"),
        Order::TopFirst => ("tff", "all"),
        Order::BottomFirst => ("bff", "all"),
    };
    let mut graph = filter::Graph::new();
    graph.add(&find("buffer")?, "in", &arguments)?;
    graph.add(&find("buffersink")?, "out", "")?;
    let filter = format!("bwdif=mode=send_frame:parity={parity}:deint={which}");
    graph.output("in", 0)?.input("out", 0)?.parse(&filter)?;
    graph.validate()?;
    Ok(graph)
}

#[cfg(test)]
#[path = "deinterlace_tests.rs"]
mod tests;
