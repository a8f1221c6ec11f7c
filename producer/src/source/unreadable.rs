//! Explains why a file cannot be read, which FFmpeg's errors do not.

use std::io;
use std::path::Path;

use ffmpeg_next as ffmpeg;

use super::error::SourceError;

/// Checks a file before FFmpeg opens it, whose errors say less.
pub fn check_file(path: &Path) -> Result<(), SourceError> {
    let name = path.display().to_string();
    let by_kind = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SourceError::Missing(name.clone()),
        io::ErrorKind::PermissionDenied => SourceError::Permission(name.clone()),
        _ => SourceError::reading(&name, error),
    };
    let facts = std::fs::metadata(path).map_err(by_kind)?;
    if facts.is_dir() {
        return Err(SourceError::Directory(name));
    }
    if facts.is_file() {
        std::fs::File::open(path).map_err(by_kind)?;
        if facts.len() == 0 {
            return Err(SourceError::Empty(name));
        }
    }
    Ok(())
}

/// Explains why FFmpeg cannot read a file, from the file's first bytes.
pub fn why_unreadable(path: &Path, error: ffmpeg::Error) -> SourceError {
    let name = path.display().to_string();
    let head = beginning(path);
    match error {
        ffmpeg::Error::Other { errno } if errno == ffmpeg::error::EACCES => SourceError::Permission(name),
        _ if head.get(4..8) == Some(b"ftyp") => SourceError::Truncated(name),
        _ if is_text(&head) => SourceError::Text(name),
        ffmpeg::Error::InvalidData | ffmpeg::Error::Eof => SourceError::NotVideo(name),
        error => SourceError::reading(&name, error),
    }
}

pub fn beginning(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut head = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        // An unreadable file is reported as one of unknown content.
        let _ = file.take(512).read_to_end(&mut head);
    }
    head
}

pub fn is_text(head: &[u8]) -> bool {
    let control = |byte: &u8| *byte < 32 && !b"\t\n\r\x0c\x1b".contains(byte);
    !head.is_empty() && !head.iter().any(control) && std::str::from_utf8(&head[..head.len().saturating_sub(4)]).is_ok()
}
