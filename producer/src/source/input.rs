//! Parses the INPUT argument.

use std::path::PathBuf;
use std::str::FromStr;

/// A source of pictures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file, by its path.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// An address that FFmpeg can open.
    Url(String),
    /// The device, for example `/dev/video0`.
    Camera(String),
    /// A test card whose frames are numbered `start`, `start + step`, …
    TestCard {
        /// The first number.
        start: u64,
        /// The difference between two numbers.
        step: u64,
    },
}

/// Timing of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceTiming {
    /// Paced by its timestamps.
    File,
    /// Read as it comes; the sender waits if we are slow.
    Pipe,
    /// Read as it comes; frames are dropped in favour of newer ones if we are slow.
    Live,
}

/// Why a text names no input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InputError {
    #[error("`{0}` is no test card: write test or test:START+STEP, as in test:0+2")]
    TestCard(String),
    #[error("an input is a file, -, a URL, a camera (0 or /dev/video0) or test")]
    Empty,
}

impl Input {
    /// Its name in messages, without passwords.
    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Stdin => "standard input".to_owned(),
            Input::Url(url) => common::secret::hide_address(url).into_owned(),
            Input::Camera(device) => device.clone(),
            Input::TestCard { .. } => "the test card".to_owned(),
        }
    }

    /// The timing of this input.
    pub fn timing(&self) -> SourceTiming {
        match self {
            Input::File(_) => SourceTiming::File,
            Input::Stdin => SourceTiming::Pipe,
            Input::Url(_) | Input::Camera(_) | Input::TestCard { .. } => SourceTiming::Live,
        }
    }
}

impl FromStr for Input {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Input, InputError> {
        match text {
            "" => Err(InputError::Empty),
            "-" => Ok(Input::Stdin),
            "test" => Ok(Input::TestCard { start: 0, step: 1 }),
            _ if text.starts_with("test:") => test_card(text),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Input::Camera(format!("/dev/video{text}"))),
            _ if text.starts_with("/dev/video") => Ok(Input::Camera(text.to_owned())),
            _ => Ok(url_or_file(text)),
        }
    }
}

fn test_card(text: &str) -> Result<Input, InputError> {
    let wrong = || InputError::TestCard(text.to_owned());
    let (start, step) = text["test:".len()..].split_once('+').ok_or_else(wrong)?;
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| wrong());
    let (start, step) = (number(start)?, number(step)?);
    if step == 0 { Err(wrong()) } else { Ok(Input::TestCard { start, step }) }
}

fn url_or_file(text: &str) -> Input {
    let scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    match text.split_once("://") {
        Some(("file", path)) => Input::File(path.into()),
        Some((scheme, _)) if !scheme.is_empty() && scheme.chars().all(scheme_char) => Input::Url(text.to_owned()),
        _ => Input::File(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(&str, Input)]) {
        for (text, expected) in cases {
            assert_eq!(text.parse::<Input>().as_ref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_input_is_recognised_by_its_text() {
        check(&[
            ("-", Input::Stdin),
            ("clip.mp4", Input::File("clip.mp4".into())),
            ("./0", Input::File("./0".into())),
            ("a dir/x://y.mp4", Input::File("a dir/x://y.mp4".into())),
            ("testing.mp4", Input::File("testing.mp4".into())),
            ("file:///tmp/a.mp4", Input::File("/tmp/a.mp4".into())),
            ("rtsp://host/stream", Input::Url("rtsp://host/stream".into())),
            ("0", Input::Camera("/dev/video0".into())),
            ("/dev/video2", Input::Camera("/dev/video2".into())),
            ("test", Input::TestCard { start: 0, step: 1 }),
            ("test:1+2", Input::TestCard { start: 1, step: 2 }),
        ]);
    }

    #[test]
    fn a_bad_test_card_is_refused_by_name() {
        for text in ["test:", "test:1", "test:a+1", "test:1+", "test:1+0", "test:-1+2"] {
            let refused = text.parse::<Input>().unwrap_err();
            assert_eq!(refused, InputError::TestCard(text.into()), "{text}");
        }
    }
}
