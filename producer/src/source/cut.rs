//! Finds out if an input ends before its container says, and how much of it existed.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::timed_reader::read_full;
use super::y4m;

/// Largest number of boxes that are looked through in a file.
const BOXES_MAX: u32 = 1 << 20;
/// StreamLength in a RIFF file that was written to a pipe, so that the length was never filled in; it may also be 0.
const RIFF_BYTES_UNKNOWN: u64 = 0x7fff_0000;
/// A Matroska segment begins within this many bytes.
pub const MATROSKA_HEAD_BYTES: usize = 64;
/// Number of bytes searched for the beginning of a truncated JPEG; a longer one is not noticed.
const JPEG_TAIL_BYTES: u64 = 1 << 20;
/// A y4m header ends within this many bytes.
const HEAD_BYTES: u64 = 1024;

/// True if a file is shorter than its container says. False if the container does not say, or if the file cannot be
/// read.
pub fn is_short(path: &Path) -> bool {
    let short = || -> io::Result<bool> {
        let mut file = std::fs::File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(promised_bytes(&mut file, bytes)?.is_some_and(|promised| promised > bytes))
    };
    short().unwrap_or(false)
}

/// The length that a file of these `bytes` should have. Matroska and WebM, MP4 and MOV, AVI and y4m contain it; a JPEG
/// has an end marker.
fn promised_bytes(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Option<u64>> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    if head.starts_with(y4m::MAGIC) {
        return y4m_bytes(file, &head, bytes);
    }
    if jpeg::begins(&head) {
        return Ok(ends_in_a_jpeg(file, bytes)?.then_some(bytes + 1));
    }
    if head.starts_with(b"RIFF") {
        return riff_bytes(file, bytes);
    }
    let kind = head.get(4..8).unwrap_or_default();
    if [b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"].iter().any(|first| kind == *first) {
        return mp4_bytes(file, bytes);
    }
    Ok(matroska_bytes(&head))
}

/// The end of the last picture; `None` if the lines before pictures have parameters, whose lengths may differ.
fn y4m_bytes(file: &mut (impl Read + Seek), head: &[u8], bytes: u64) -> io::Result<Option<u64>> {
    let Some((begin, picture_bytes)) = y4m::layout(head) else { return Ok(None) };
    for at in [begin, begin + picture_bytes] {
        let mut line = [0; y4m::FRAME_LINE.len()];
        let read = read_at(file, at, &mut line)?;
        if line[..read] != y4m::FRAME_LINE[..read] {
            return Ok(None);
        }
    }
    Ok(Some(begin + bytes.saturating_sub(begin).next_multiple_of(picture_bytes)))
}

/// The end of the segment; `None` if its length is unknown, as in a live recording.
pub fn matroska_bytes(head: &[u8]) -> Option<u64> {
    let after_header = head.strip_prefix(b"\x1a\x45\xdf\xa3".as_slice())?;
    let (header_bytes, rest) = ebml_length(after_header)?;
    let segment = rest.get(usize::try_from(header_bytes?).ok()?..)?;
    let (segment_bytes, content) = ebml_length(segment.strip_prefix(b"\x18\x53\x80\x67".as_slice())?)?;
    segment_bytes?.checked_add((head.len() - content.len()) as u64)
}

/// Parses an EBML length. The first byte gives the number of bytes; all bits set means unknown.
fn ebml_length(bytes: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let first = *bytes.first()?;
    let more = first.leading_zeros() as usize;
    let tail = bytes.get(1..1 + more).filter(|_| more < 8)?;
    let all_set = (1 << (7 * (more + 1))) - 1;
    let length = tail.iter().fold(u64::from(first) & (0x7f >> more), |length, byte| length << 8 | u64::from(*byte));
    Some(((length != all_set).then_some(length), &bytes[1 + more..]))
}

/// The end of the last box of an MP4 file; `None` if that box extends to the end of the file.
fn mp4_bytes(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Option<u64>> {
    let mut at = 0;
    for _ in 0..BOXES_MAX {
        if at >= bytes {
            return Ok(Some(at));
        }
        let mut head = [0; 16];
        let read = read_at(file, at, &mut head)?;
        let (size, large) = (u32::from_be_bytes([head[0], head[1], head[2], head[3]]), &head[8..16]);
        let size = match size {
            _ if read < 8 => return Ok(Some(at + 8)),
            0 => return Ok(None),
            1 => large.iter().fold(0, |size, byte| size << 8 | u64::from(*byte)),
            size => u64::from(size),
        };
        match at.checked_add(size).filter(|_| size >= 8) {
            Some(end) => at = end,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// True if a sequence of JPEGs ends inside one.
fn ends_in_a_jpeg(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<bool> {
    let mut tail = vec![0; JPEG_TAIL_BYTES.min(bytes) as usize];
    let read = read_at(file, bytes - tail.len() as u64, &mut tail)?;
    Ok(jpeg::ends_inside(&tail[..read]))
}

/// The end of the last RIFF chunk; a long AVI file has several.
fn riff_bytes(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Option<u64>> {
    let mut at = 0;
    while at < bytes {
        let mut head = [0; 8];
        if read_at(file, at, &mut head)? < 8 || !head.starts_with(b"RIFF") {
            break;
        }
        let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        if size == 0 || size >= RIFF_BYTES_UNKNOWN {
            return Ok(None);
        }
        at += 8 + size.next_multiple_of(2);
    }
    Ok(Some(at))
}

fn read_at(file: &mut (impl Read + Seek), at: u64, into: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(at))?;
    read_full(file, into)
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
