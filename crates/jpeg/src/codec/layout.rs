//! The layout of a baseline JPEG, as far as it is needed to cut the picture into stripes.

use crate::segments::{Segment, marker, number, segments};

const RESTART_INTERVAL: u8 = 0xDD;

/// The layout of a JPEG with one scan and no progression. Other pictures have no layout, and are coded as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    pub width: usize,
    pub height: usize,
    /// Offset of the picture's height, which has two bytes.
    pub height_at: usize,
    /// Offset of the scan's data.
    pub data_at: usize,
    /// Number of rows of blocks (MCUs), and of pixel rows in each.
    rows: usize,
    row_height: usize,
    columns: usize,
    /// Number of MCUs between two restart markers; zero if there are none.
    interval: usize,
}

/// The bands of a picture. A picture can be cut between two bands, because a restart marker ends each of them together
/// with a row of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bands {
    pub count: usize,
    /// Number of restart intervals in each band.
    pub intervals: usize,
    /// Number of rows of blocks in each band; the last band may have fewer.
    rows: usize,
    pub layout: Layout,
}

impl Layout {
    pub fn of(jpeg: &[u8]) -> Option<Layout> {
        let mut layout: Option<Layout> = None;
        let (mut interval, mut components) = (0, 0);
        for Segment { marker, at, body } in segments(jpeg) {
            match marker {
                0xC0 | 0xC1 if layout.is_none() => {
                    layout = Some(Layout::of_frame(body, at + 5)?);
                    components = usize::from(body[5]);
                }
                // Other kinds of coding, or a second frame.
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF => return None,
                RESTART_INTERVAL => interval = number(body, 0)?,
                marker::SOS => {
                    let whole = usize::from(*body.first()?) == components;
                    let layout = Layout { interval, data_at: at + 4 + body.len(), ..layout? };
                    return whole.then_some(layout);
                }
                _ => {}
            }
        }
        None
    }

    /// Reads the body of a frame header; the picture's height is at offset `height_at`.
    fn of_frame(body: &[u8], height_at: usize) -> Option<Layout> {
        let (height, width) = (number(body, 1)?, number(body, 3)?);
        let components = body.get(6..)?.chunks_exact(3);
        if body[0] != 8 || width == 0 || height == 0 || components.len() != usize::from(body[5]) {
            return None;
        }
        let factors = |component: &[u8]| (usize::from(component[1] >> 4), usize::from(component[1] & 15));
        let across = components.clone().map(|c| factors(c).0).max()?;
        let down = components.clone().map(|c| factors(c).1).max()?;
        if components.clone().any(|c| factors(c).0 == 0 || factors(c).1 == 0) {
            return None;
        }
        // The blocks of a picture with only one component are not interleaved, whatever its sampling factors are.
        let (across, down) = if components.len() == 1 { (1, 1) } else { (across, down) };
        Some(Layout {
            width,
            height,
            height_at,
            data_at: 0,
            rows: height.div_ceil(8 * down),
            row_height: 8 * down,
            columns: width.div_ceil(8 * across),
            interval: 0,
        })
    }

    /// `None` if no restart marker ends a row of blocks.
    pub fn bands(self) -> Option<Bands> {
        let (interval, columns) = (self.interval, self.columns);
        let (intervals, rows) = match interval {
            0 => return None,
            _ if columns.is_multiple_of(interval) => (columns / interval, 1),
            _ if interval.is_multiple_of(columns) => (1, interval / columns),
            _ => return None,
        };
        Some(Bands { count: self.rows.div_ceil(rows), intervals, rows, layout: self })
    }
}

impl Bands {
    /// The first row of pixels of a band; for the end of the last band, the picture's height.
    pub fn top(&self, band: usize) -> usize {
        let Layout { row_height, height, .. } = self.layout;
        (band * self.rows * row_height).min(height)
    }

    /// The row at which the pixels of one stripe end and those of the next begin, if the data are cut above this band:
    /// after the first row of pixels of the band's last row of blocks. So a stripe that also holds this band decodes
    /// all of its data.
    pub fn seam(&self, band: usize) -> usize {
        let Layout { rows, row_height, .. } = self.layout;
        match band {
            0 => 0,
            _ if band == self.count => self.layout.height,
            _ => (((band + 1) * self.rows).min(rows) - 1) * row_height + 1,
        }
    }
}

/// Adds `first` to the numbers of the restart markers in a scan's data; a marker holds only the last three bits of its
/// number.
pub fn renumber(data: &mut [u8], first: usize) {
    let mut at = 0;
    while let Some(found) = memchr::memchr(0xFF, &data[at..]) {
        at += found + 1;
        if let Some(marker @ 0xD0..=0xD7) = data.get_mut(at) {
            *marker = 0xD0 | ((usize::from(*marker) + first) & 7) as u8;
        }
    }
}
