//! Picture sizes, by their common names.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PictureSize {
    name: String,
    pub width: usize,
    pub height: usize,
}

impl PictureSize {
    /// `1280x720`
    pub fn pixels(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }
}

impl fmt::Display for PictureSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<PictureSize, String> {
        let (width, height) = match text.to_ascii_lowercase().as_str() {
            "360p" => (640, 360),
            "480p" => (854, 480),
            "720p" => (1280, 720),
            "1080p" => (1920, 1080),
            "1440p" => (2560, 1440),
            "4k" | "2160p" => (3840, 2160),
            other => cli::values::size(other).map_err(|why| format!("{why}, or 360p, 720p, 1080p, 4k"))?,
        };
        Ok(PictureSize { name: text.to_owned(), width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_names() {
        let check = |text: &str, pixels: Option<&str>| {
            assert_eq!(text.parse::<PictureSize>().ok().map(|s| s.pixels()).as_deref(), pixels, "{text}");
        };
        check("360p", Some("640x360"));
        check("4K", Some("3840x2160"));
        check("800x600", Some("800x600"));
        check("0x600", None);
        check("large", None);
    }
}
