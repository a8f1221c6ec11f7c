//! The settings of a source.

use std::time::Duration;

use jpeg::Subsampling;

use super::input::Input;

/// Number of times that a file is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loops {
    /// A single time.
    Once,
    /// This many times in all.
    Times(u32),
    /// Until the lane is stopped.
    Forever,
}

/// Which source is opened, and how its pictures are prepared.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The input.
    pub input: Input,
    /// The box that pictures are scaled down into, keeping their aspect ratio; `None` keeps their size.
    pub box_size: Option<(usize, usize)>,
    /// How coarse the colours of the pictures are.
    pub subsampling: Subsampling,
    /// What to do with interlaced frames.
    pub deinterlace: Deinterlace,
    /// Whether JPEGs are published as they are.
    pub passthrough: Passthrough,
    /// Frame rate of the test card; 30 if not given.
    pub fps: Option<f64>,
    /// What to request from a camera.
    pub camera: CameraOptions,
    /// Position in a file at which to begin, counted from its first frame.
    pub start: Option<Duration>,
    /// Duration of a file's part to play.
    pub duration: Option<Duration>,
    /// How often a file is played.
    pub loops: Loops,
    /// The source's name, drawn into the test card.
    pub name: String,
}

/// Settings to request from a camera. The camera chooses the ones that are `None`.
#[derive(Clone, Default, Debug)]
pub struct CameraOptions {
    /// Width and height in pixels.
    pub size: Option<(usize, usize)>,
    /// Frame rate.
    pub fps: Option<f64>,
    /// The camera's own pixel or stream format, such as "mjpeg" or "yuyv422".
    pub format: Option<String>,
}

/// Whether JPEGs of the input are published as they are.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Passthrough {
    /// Where nothing has to be changed, and no option asks for it
    Auto,
    /// Decode and encode every picture
    #[default]
    Never,
    /// Fail where pictures have to be changed
    Always,
}

/// What to do with interlaced frames.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Deinterlace {
    /// Deinterlace the frames that are marked as interlaced
    #[default]
    Auto,
    /// Send them as they are
    Never,
}
