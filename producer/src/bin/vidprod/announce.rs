//! Log lines at the start: the input, its pictures, the topic and the broker.

use producer::source::SourceInfo;
use producer::{Fit, MessageLimit, QUALITY_FLOOR, SCALE_FLOOR};

use crate::options::Options;

/// Logs the input, its pictures, the topic and the broker.
pub fn announce(options: &Options, info: &SourceInfo, limit: &MessageLimit) {
    let fps = info.fps.map_or(String::new(), |fps| format!(" at {} fps", (fps * 100.0).round() / 100.0));
    let length = info.duration.map_or(String::new(), |d| format!(", {:.1} s", d.as_secs_f64()));
    let Options { source, connection, .. } = options;
    let (topic, quality) = (&options.topic.topic, options.encode.quality);
    let ((width, height), (out_width, out_height)) = (info.size, info.out_size);
    let passed_through = info.passthrough.is_ok();
    let pictures = if passed_through { "JPEGs as they are".to_owned() } else { format!("JPEG quality {quality}") };
    tracing::info!(
        event = "started",
        source = source.name,
        input = info.what,
        topic = topic.name,
        brokers = connection.brokers,
        width = out_width,
        height = out_height,
        fps = info.fps,
        quality = (!passed_through).then_some(quality),
        passed_through,
        message_bytes_max = limit.message_bytes_max,
        "{} ({}, {width}x{height}{fps}{length}) → {out_width}x{out_height} {pictures} → topic {} at {}, message limit {}",
        source.name,
        info.what,
        topic.name,
        connection.brokers,
        limit.message_bytes_max,
    );
    if options.encode.fit == Fit::Shrink {
        tracing::info!(
            event = "note",
            "frames over the message limit are shrunk: quality down to {QUALITY_FLOOR}, then width and height down to {SCALE_FLOOR} of theirs"
        );
    }
    for note in &info.notes {
        tracing::info!(event = "note", "{note}");
    }
}
