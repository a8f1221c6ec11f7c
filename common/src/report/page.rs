//! The figures of a page in a browser. They come from outside, so only fields that are known here are kept.

use serde::{Deserialize, Serialize};

/// The figures of an open page, as its browser measured them.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct PageFigures {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<PageDecoder>,
    /// Offset from the page's clock to that of vidcons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<f64>,
    /// Largest error of the offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_bound_ms: Option<f64>,
    /// True while the page is in a tab that is not shown.
    pub hidden: bool,
    pub paused: bool,
    pub sources: Vec<PageSource>,
}

/// The browser's functions that decode the pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PageDecoder {
    #[serde(rename = "createImageBitmap")]
    CreateImageBitmap,
    ImageDecoder,
    /// The decoder's picture is copied with its colours converted.
    #[serde(rename = "ImageDecoder, copyTo")]
    ImageDecoderCopy,
}

/// The figures of one source on a page. A figure that the page does not know yet is `None`.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct PageSource {
    pub source: String,
    /// Number of the last frame that was drawn.
    pub frame: Option<u64>,
    /// When that frame was captured, by the clock of vidcons.
    pub captured_ms: Option<f64>,
    pub shown: u64,
    pub left_out: u64,
    pub undecodable: u64,
    /// Frames drawn in the last second.
    pub fps: f64,
    pub silent_ms: Option<f64>,
    /// Latency from due to drawn, of the last 300 frames.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Median time from drawn to the next refresh of the display, which the latency does not contain.
    pub refresh_ms: Option<f64>,
    /// The latency of the last second.
    pub second_p50_ms: Option<f64>,
    pub second_max_ms: Option<f64>,
    pub stages_ms: PageStages,
}

/// The median of each stage, in ms.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct PageStages {
    pub capture: Option<f64>,
    pub encode: Option<f64>,
    pub publish: Option<f64>,
    pub broker: Option<f64>,
    pub reassemble: Option<f64>,
    /// From reassembled until the page has the picture.
    pub socket: Option<f64>,
    pub decode: Option<f64>,
    pub draw: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_fields_are_kept() {
        let sent = r#"{"decoder":"ImageDecoder","clock_offset_ms":-1.5,"filler":["x"],"sources":[{"source":"a",
            "frame":7,"shown":6,"left_out":0,"undecodable":0,"fps":20,"p50_ms":null,
            "stages_ms":{"decode":1.25,"evil":1},"html":"<b>"}]}"#;
        let figures: PageFigures = serde_json::from_str(sent).unwrap();
        assert_eq!((figures.decoder, figures.clock_offset_ms), (Some(PageDecoder::ImageDecoder), Some(-1.5)));
        let [source] = &figures.sources[..] else { panic!("{figures:?}") };
        assert_eq!((source.frame, source.shown, source.p50_ms), (Some(7), 6, None));
        assert_eq!(source.stages_ms.decode, Some(1.25));
        let kept = serde_json::to_string(&figures).unwrap();
        assert!(!["filler", "evil", "html"].iter().any(|name| kept.contains(name)), "{kept}");
        assert_eq!(serde_json::from_str::<PageFigures>(&kept).unwrap(), figures);
    }

    #[test]
    fn other_types_are_refused() {
        for sent in
            [r#"{"decoder":"<b>"}"#, r#"{"sources":[{}]}"#, r#"{"clock_bound_ms":"1"}"#, r#"{"clock_bound_ms":1e999}"#]
        {
            assert!(serde_json::from_str::<PageFigures>(sent).is_err(), "{sent}");
        }
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let deep = "[".repeat(60_000) + &"]".repeat(60_000);
        let unknown = serde_json::from_str::<PageFigures>(&format!(r#"{{"filler":{deep}}}"#));
        assert_eq!(unknown.ok(), Some(PageFigures::default()));
        assert!(serde_json::from_str::<PageFigures>(&format!(r#"{{"sources":{deep}}}"#)).is_err());
    }
}
