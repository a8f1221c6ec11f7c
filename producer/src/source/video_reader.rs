//! The pictures of one video stream, as decoded by FFmpeg.
//!
//! ```text
//! demuxer ─packet─▶ decoder ─frame─▶        packets that are broken are counted and skipped
//!                 └────────────JPEG─▶        if it is passed through
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use common::time::{Clock, Micros};
use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Error, Packet, Rational, codec, decoder, frame, media, packet};
use tracing::debug;

use super::convert::Converter;
use super::decoder::{self as decoding, DecoderThreading};
use super::deinterlace::{Deinterlacer, Order};
use super::error::{ExistingPart, SourceError};
use super::ffi;
use super::geometry::{PictureGeometry, sample_aspect};
use super::input::SourceTiming;
use super::opened::{SourceInfo, SourceSetup};
use super::options::{Deinterlace, Passthrough};
use super::passthrough::JpegPass;
use super::planes::Turn;
use crate::picture::{PassedJpeg, Picture};

/// Number of broken packets in a row after which the rest of the stream counts as unusable.
const BROKEN_IN_A_ROW_MAX: u32 = 10_000;

/// Formats in which a picture's data may have no length.
const ENDS_LATE: [&str; 5] = ["mpegts", "mpeg", "mpegvideo", "h264", "hevc"];

pub struct VideoReader {
    input: Input,
    early: VecDeque<Packet>,
    stream: usize,
    decoder: decoder::Video,
    frame: frame::Video,
    pass: JpegPass,
    /// The packet that was decoded last, until it is decided if packets are passed through.
    packet: Option<Packet>,
    /// The current picture, if it is passed through; otherwise it is in `frame`.
    passed: Option<PassedJpeg>,
    /// The current picture's time and duration, in the stream's own count.
    stamp: Option<i64>,
    duration: i64,
    time_base: Rational,
    frame_us: i64,
    geometry: PictureGeometry,
    /// `None` if interlaced frames stay as they are.
    deinterlacer: Option<Deinterlacer>,
    /// Arrival times of the packets whose frames are still in the decoder, by their timestamps.
    arrivals: VecDeque<(Option<i64>, Micros)>,
    arrived: Micros,
    /// Arrival time of the packet before, if that is when the beginning of this one was seen.
    packet_before: Option<Micros>,
    ends_late: bool,
    broken: u64,
    broken_in_a_row: u32,
    /// True if the packet read last, or the one decoded last, was broken.
    read_broken: bool,
    decode_broken: bool,
    clock: Arc<dyn Clock>,
    name: String,
}

impl VideoReader {
    /// Takes the best video stream of an open input. `early` are packets that were read to recognise the codec.
    pub fn new(
        mut input: Input,
        early: VecDeque<Packet>,
        threading: DecoderThreading,
        name: &str,
        setup: &SourceSetup,
    ) -> Result<VideoReader, SourceError> {
        let options = &setup.options;
        let video = |input: &Input| input.streams().best(media::Type::Video).map(|stream| stream.index());
        let no_video = || SourceError::NoVideo(name.to_owned());
        let stream = video(&input).ok_or_else(no_video)?;
        ffi::keep_only(&mut input, stream);
        let (decoder, geometry, time_base, frame_us, pass) = {
            let stream = input.stream(stream).ok_or_else(no_video)?;
            let rate = stream.avg_frame_rate();
            let holds_jpegs = stream.parameters().id() == codec::Id::MJPEG;
            let facts = ffi::stream_facts(&stream);
            let mut pass = JpegPass::new(options.box_size, holds_jpegs && options.passthrough != Passthrough::Never);
            pass.expect_size(facts.width.max(0) as usize, facts.height.max(0) as usize);
            // A picture that is not passed through is decoded at once, between those that are.
            let threading = if pass.is_undecided() { DecoderThreading::LowDelay } else { threading };
            (decoding::open(&stream, threading, name)?, geometry(&stream), stream.time_base(), frame_us(rate), pass)
        };
        Ok(VideoReader {
            ends_late: ENDS_LATE.contains(&input.format().name()),
            input,
            early,
            stream,
            decoder,
            frame: frame::Video::empty(),
            pass,
            packet: None,
            passed: None,
            stamp: None,
            duration: 0,
            time_base,
            frame_us,
            geometry,
            deinterlacer: (options.deinterlace == Deinterlace::Auto).then(Deinterlacer::default),
            arrivals: VecDeque::new(),
            arrived: setup.clock.now(),
            packet_before: None,
            broken: 0,
            broken_in_a_row: 0,
            read_broken: false,
            decode_broken: false,
            clock: setup.clock.clone(),
            name: name.to_owned(),
        })
    }

    /// Moves to the next picture: decodes it, or passes it through. Returns false at the end.
    pub fn advance(&mut self) -> Result<bool, SourceError> {
        self.passed = None;
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => {
                    self.broken_in_a_row = 0;
                    self.decode_broken = false;
                    self.note_arrival();
                    (self.stamp, self.duration) = (self.frame.timestamp(), self.frame.packet().duration);
                    SourceError::check_size(&self.name, self.frame.width().into(), self.frame.height().into())?;
                    self.decide_on_passing();
                    self.deinterlace();
                    return Ok(true);
                }
                Err(Error::Eof) => {
                    // At the end there is no frame, whose time could be taken for the end's.
                    (self.stamp, self.duration) = (None, 0);
                    return Ok(false);
                }
                Err(Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => {
                    self.feed()?;
                    if self.passed.is_some() {
                        return Ok(true);
                    }
                }
                Err(error) => {
                    self.decode_broken = true;
                    if !self.count_broken(error) {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn decide_on_passing(&mut self) {
        if let Some(packet) = self.packet.take() {
            self.passed = self.pass.decide(packet.data().unwrap_or_default(), &self.frame, self.geometry());
        }
    }

    /// Takes the picture of a packet that is passed through; returns false if the packet is to be decoded.
    fn pass(&mut self, packet: &Packet, began: Micros) -> bool {
        self.passed = self.pass.pass(packet.data().unwrap_or_default());
        if self.passed.is_some() {
            (self.broken_in_a_row, self.decode_broken, self.arrived) = (0, false, began);
            (self.stamp, self.duration) = (packet.pts().or(packet.dts()), packet.duration());
        }
        self.passed.is_some()
    }

    fn deinterlace(&mut self) {
        if let Some(deinterlacer) = self.deinterlacer.as_mut().filter(|_| self.frame.is_interlaced()) {
            deinterlacer.apply(&mut self.frame, Order::Marked);
        }
    }

    /// Passes one packet of the stream through, or gives it to the decoder, or the end.
    fn feed(&mut self) -> Result<(), SourceError> {
        loop {
            match self.read() {
                Ok(packet) if packet.stream() != self.stream => {}
                Ok(packet) => {
                    self.read_broken = packet.is_corrupt();
                    let began = self.packet_began();
                    if self.pass(&packet, began) {
                        return Ok(());
                    }
                    self.arrivals.push_back((packet.pts(), began));
                    if self.arrivals.len() > 64 {
                        self.arrivals.pop_front();
                    }
                    match self.decoder.send_packet(&packet) {
                        Ok(()) => {
                            self.packet = self.pass.is_undecided().then_some(packet);
                            return Ok(());
                        }
                        Err(error) => {
                            self.decode_broken = true;
                            self.count_broken(error)
                        }
                    };
                }
                Err(Error::InvalidData) if self.count_broken(Error::InvalidData) => self.read_broken = true,
                Err(error) => {
                    if !matches!(error, Error::Eof | Error::Exit | Error::InvalidData) {
                        tracing::warn!(
                            event = "input_stopped",
                            input = self.name,
                            why = %error,
                            "{}: reading stopped: {error}",
                            self.name
                        );
                    }
                    // In any case, the decoder then returns its remaining frames.
                    let _ = self.decoder.send_eof();
                    return Ok(());
                }
            }
        }
    }

    /// Time at which a packet began. In a format whose packets end with the next one's beginning, it was seen when the
    /// packet before arrived.
    fn packet_began(&mut self) -> Micros {
        let now = self.clock.now();
        let before = self.packet_before.replace(now);
        before.filter(|_| self.ends_late).unwrap_or(now)
    }

    /// True if a packet's end is recognised only by the next one's beginning.
    pub fn ends_late(&self) -> bool {
        self.ends_late
    }

    fn read(&mut self) -> Result<Packet, Error> {
        if let Some(packet) = self.early.pop_front() {
            return Ok(packet);
        }
        // Uses a new packet each time, because reading does not release the data of the one before. The packet is on
        // the stack.
        let mut packet = Packet::empty();
        packet.read(&mut self.input).map(|()| packet)
    }

    /// Counts a broken packet; returns true to continue.
    fn count_broken(&mut self, error: Error) -> bool {
        self.broken += 1;
        self.broken_in_a_row += 1;
        debug!("{}: skipped broken packet {}: {error}", self.name, self.broken);
        self.broken_in_a_row < BROKEN_IN_A_ROW_MAX
    }

    fn note_arrival(&mut self) {
        let pts = self.frame.pts();
        let known = self.arrivals.iter().position(|(of, _)| pts.is_some() && *of == pts).unwrap_or(0);
        if let Some((_, at)) = self.arrivals.remove(known) {
            self.arrived = at;
        }
    }

    /// Puts the current picture into `picture`: as a JPEG if it is passed through, or else converted.
    pub fn take_into(&mut self, picture: &mut Picture, converter: &mut Converter) -> Result<(), SourceError> {
        match self.passed.take() {
            Some(passed) => picture.pass_through(passed),
            None => {
                let converted = converter.convert(&self.frame, self.geometry(), picture);
                converted.map_err(|error| SourceError::reading(&self.name, error))?;
            }
        }
        Ok(())
    }

    /// The properties of the stream, if its pictures are like the current one.
    pub fn info(&self, timing: SourceTiming, converter: &Converter) -> SourceInfo {
        let sizes = converter.sizes(&self.frame, self.geometry());
        let of_pictures = SourceInfo::new(timing, self.what(), sizes);
        SourceInfo { fps: self.fps(), passthrough: self.pass.outcome(), ..of_pictures }
    }

    fn geometry(&self) -> PictureGeometry {
        PictureGeometry::of(&self.frame, self.geometry)
    }

    /// Time at which the frame's packet was read.
    pub fn arrived(&self) -> Micros {
        self.arrived
    }

    /// The frame's time in the stream's own count.
    pub fn raw_us(&self) -> Option<i64> {
        self.stamp.map(|stamp| in_us(stamp, self.time_base))
    }

    /// Duration of the frame, as far as the stream gives it.
    pub fn frame_us(&self) -> i64 {
        let duration = in_us(self.duration, self.time_base);
        if duration > 0 { duration } else { self.frame_us }
    }

    /// Moves to the last key frame at or before `raw_us`.
    pub fn seek(&mut self, raw_us: i64) -> Result<(), Error> {
        self.input.seek(raw_us, ..raw_us)?;
        self.decoder.flush();
        self.passed = None;
        self.arrivals.clear();
        self.early.clear();
        Ok(())
    }

    pub fn fps(&self) -> Option<f64> {
        let stream = self.input.stream(self.stream)?;
        [stream.avg_frame_rate(), stream.rate()].into_iter().find_map(as_fps)
    }

    /// Duration and number of frames of the video, if the container gives them.
    pub fn extent(&self) -> (Option<i64>, Option<u64>) {
        let Some(stream) = self.input.stream(self.stream) else { return (None, None) };
        let of_stream = (stream.duration() > 0).then(|| in_us(stream.duration(), self.time_base));
        let of_all = (self.input.duration() > 0).then(|| self.input.duration());
        (of_stream.or(of_all), u64::try_from(stream.frames()).ok().filter(|frames| *frames > 0))
    }

    /// True if the stream ends in the middle of a picture, in a format that gives the length of its pictures.
    pub fn ends_in_a_picture(&self) -> bool {
        (self.read_broken || self.decode_broken) && !self.ends_late
    }

    /// The part of the stream up to `end_us`, and its full extent.
    pub fn there(&self, frames: Option<u64>, end_us: i64) -> ExistingPart {
        let (of_us, of_frames) = self.extent();
        // FFmpeg computes the duration of y4m from the number of existing bytes.
        let of_us = of_us.filter(|_| self.input.format().name() != "yuv4mpegpipe");
        ExistingPart { frames, of_frames, end_us, frame_us: self.frame_us(), of_us }
    }

    pub fn held_back(&self) -> usize {
        ffi::held_back(&self.decoder)
    }

    /// For example "h264 yuv420p bt709".
    fn what(&self) -> String {
        let codec = self.decoder.codec().map_or_else(String::new, |codec| codec.name().to_owned());
        let format = self.frame.format().descriptor().map_or("unknown pixels", |descriptor| descriptor.name());
        let space = self.frame.color_space().name().filter(|name| !["unknown", "unspecified"].contains(name));
        [codec.as_str(), format, space.unwrap_or("")].join(" ").trim().to_owned()
    }
}

fn geometry(stream: &ffmpeg::Stream) -> PictureGeometry {
    let matrix = stream.side_data().find(|data| data.kind() == packet::side_data::Type::DisplayMatrix);
    PictureGeometry {
        turn: matrix.map_or(Turn::NONE, |matrix| Turn::from_display_matrix(matrix.data())),
        sample_aspect: sample_aspect(ffi::stream_facts(stream).sample_aspect).unwrap_or((1, 1)),
    }
}

fn as_fps(rate: Rational) -> Option<f64> {
    let (num, den) = (rate.numerator(), rate.denominator());
    (num > 0 && den > 0).then(|| f64::from(num) / f64::from(den)).filter(|fps| (0.01..=1000.0).contains(fps))
}

/// Duration of a frame; that of 25 frames a second if unknown.
fn frame_us(rate: Rational) -> i64 {
    as_fps(rate).map_or(40_000, |fps| (1e6 / fps).round() as i64)
}

fn in_us(stamp: i64, base: Rational) -> i64 {
    let us = i128::from(stamp) * i128::from(base.numerator()) * 1_000_000 / i128::from(base.denominator().max(1));
    us.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}
