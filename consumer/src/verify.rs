//! Holds the pixels that were shown against the headers that came with them (`--verify-pixels`).
//!
//! It looks after the picture was presented and stamped, so no figure has it in it: nine pixels of each of the bar's 160
//! blocks, in the very memory that was shown.

use anyhow::bail;
use common::bar::Bar;
use common::frame::Meta;
use common::pixels::PixelCheck;

use crate::decode::Screen;

/// Disagreements are told one by one up to here, then counted in silence.
const TOLD_MAX: u64 = 5;

#[derive(Debug, Default)]
pub struct Verify {
    pub pixels: PixelCheck,
}

impl Verify {
    /// Checks what is on the screen, which is the picture of this frame.
    pub fn check(&mut self, screen: &mut Screen, meta: &Meta, offset_us: i64) {
        let bar = screen.look(|pixels, stride, place| {
            let luma_at = |x: usize, y: usize| luma(pixels[(place.y + y) * stride + place.x + x]);
            Bar::read(place.width, place.height, luma_at)
        });
        let words = self.pixels.enter(bar.flatten(), meta, offset_us);
        if let Some(words) = words.filter(|_| self.pixels.disagreed <= TOLD_MAX) {
            let last = if self.pixels.disagreed == TOLD_MAX { "; further ones are only counted" } else { "" };
            tracing::warn!("{} frame {}: {words}{last}", meta.source, meta.frame);
        }
    }

    pub fn finish(&self) -> anyhow::Result<()> {
        let PixelCheck { checked, disagreed, .. } = self.pixels;
        if disagreed > 0 {
            bail!("{disagreed} of {checked} pictures are not what their headers say (--verify-pixels)");
        }
        Ok(())
    }
}

/// How bright a pixel is, by BT.601.
fn luma(pixel: u32) -> u8 {
    let [_, r, g, b] = pixel.to_be_bytes().map(u32::from);
    ((77 * r + 150 * g + 29 * b) >> 8) as u8
}
