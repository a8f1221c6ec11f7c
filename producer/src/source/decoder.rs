//! The decoder of one stream: with limits, and with threads that suit what it is for.

use ffmpeg_next::{Dictionary, codec, decoder, threading};

use super::error::{PIXELS_MAX, SourceError};
use super::ffi;

/// A seventieth of what others get of a core that both want.
#[cfg(target_os = "linux")]
const AHEAD_NICENESS: i32 = 19;

/// What the decoder's threads are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Haste {
    /// Many frames at once, each of them later.
    Throughput,
    /// Each frame as early as it can be.
    LowDelay,
}

pub fn open(stream: &ffmpeg_next::Stream, haste: Haste, name: &str) -> Result<decoder::Video, SourceError> {
    let parameters = stream.parameters();
    let codec = parameters.id();
    let failed = |error| SourceError::decoding(name, error);
    let mut context = codec::Context::from_parameters(parameters).map_err(failed)?;
    context.set_threading(threading::Config::kind(match haste {
        Haste::Throughput => threading::Type::Frame,
        Haste::LowDelay => threading::Type::Slice,
    }));
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(stream.time_base());
    let facts = ffi::stream_facts(stream);
    if facts.width != 0 || facts.height != 0 {
        SourceError::check_size(name, facts.width.into(), facts.height.into())?;
    }
    let no_decoder = || SourceError::NoDecoder { name: name.to_owned(), codec: format!("{codec:?}").to_lowercase() };
    let found = decoder::find(codec).ok_or_else(no_decoder)?;
    let open = || {
        let limit = PIXELS_MAX.to_string();
        let limits = Dictionary::from_iter([("max_pixels", limit.as_str())]);
        decoder.open_as_with(found, limits).and_then(|opened| opened.video())
    };
    match haste {
        Haste::Throughput => giving_way(open),
        Haste::LowDelay => open(),
    }
    .map_err(failed)
}

/// Opens a decoder whose threads give way to all others: they work ahead, while a picture that is due is being encoded.
fn giving_way<T: Send>(open: impl FnOnce() -> T + Send) -> T {
    let lowered = || {
        // A thread's niceness is that of the thread which starts it. It cannot be taken back, so this one ends with it.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, AHEAD_NICENESS);
        open()
    };
    std::thread::scope(|scope| scope.spawn(lowered).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
