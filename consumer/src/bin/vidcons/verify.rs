//! Compares the shown pixels with the headers of their frame (`--verify-pixels`).
//!
//! The check runs after the picture was presented and measured, so it affects no figure. It reads nine pixels of each
//! of the bar's 160 blocks, in the memory that was shown.

use anyhow::bail;
use common::draw::{Bar, PixelCheck};
use common::wire::Meta;
use common::words::count;
use consumer::window::{Viewport, WindowOptions};

/// Number of mismatches that are logged; later ones are only counted.
const LOGGED_MAX: u64 = 5;

#[derive(Debug)]
pub struct Verify {
    pub pixels: PixelCheck,
    /// Pictures that could not be read, by reason.
    too_small: Unreadable,
    without_bar: Unreadable,
    has_window: bool,
    window_size_given: bool,
}

#[derive(Clone, Copy, Default, Debug)]
struct Unreadable {
    count: u64,
    /// Size of the last one, as it was shown.
    size: (usize, usize),
}

impl Verify {
    pub fn new(window: Option<&WindowOptions>) -> Verify {
        Verify {
            pixels: PixelCheck::default(),
            too_small: Unreadable::default(),
            without_bar: Unreadable::default(),
            has_window: window.is_some(),
            window_size_given: window.is_some_and(|window| window.size.is_some()),
        }
    }

    /// Checks the picture on the screen, which is that of this frame.
    pub fn check(&mut self, viewport: &mut Viewport, meta: &Meta, offset_us: i64) {
        let read = viewport.look(|pixels, stride, place| {
            let luma_at = |x: usize, y: usize| luma(pixels[(place.y + y) * stride + place.x + x]);
            (Bar::read(place.width, place.height, luma_at), (place.width, place.height))
        });
        if let Some((None, size)) = read {
            self.enter_unreadable(size);
        }
        let words = self.pixels.enter(read.and_then(|(bar, _)| bar), meta, offset_us);
        if let Some(words) = words.filter(|_| self.pixels.disagreed <= LOGGED_MAX) {
            let last = if self.pixels.disagreed == LOGGED_MAX { "; further ones are only counted" } else { "" };
            tracing::warn!(
                event = "pixels_disagree",
                source = &*meta.source,
                frame = meta.frame,
                "{} frame {}: {words}{last}",
                meta.source,
                meta.frame
            );
        }
    }

    /// Fails if pictures disagree, or if most could not be read: then the run has verified nothing.
    pub fn finish(&self) -> anyhow::Result<()> {
        let PixelCheck { checked, unreadable, disagreed, .. } = self.pixels;
        if disagreed > 0 {
            bail!(
                "{disagreed} of {} had a mismatch between pixels and headers (--verify-pixels)",
                count(checked, "picture")
            );
        }
        if checked == 0 {
            bail!("no picture was checked, as none with vidprod's headers was shown (--verify-pixels)");
        }
        if self.pixels.is_mostly_unreadable() {
            let (checked, why) = (count(checked, "picture"), self.why_unreadable());
            bail!("{unreadable} of {checked} could not be read (--verify-pixels): {why}");
        }
        Ok(())
    }

    fn enter_unreadable(&mut self, size: (usize, usize)) {
        let is_too_small = Bar::rows(size.0, size.1).is_none();
        let reason = if is_too_small { &mut self.too_small } else { &mut self.without_bar };
        *reason = Unreadable { count: reason.count + 1, size };
    }

    /// The reason for most of them, and what to do.
    fn why_unreadable(&self) -> String {
        let (small, bare) = (self.too_small, self.without_bar);
        if small.count + bare.count == 0 {
            return "the display does not give the window's pixels back; try --headless".to_owned();
        }
        if bare.count >= small.count {
            let (width, height) = bare.size;
            return format!(
                "shown at {width}x{height}, they have no readable bar: only `vidprod test` draws one, and nothing may cover it"
            );
        }
        let ((width, height), (width_min, height_min)) = (small.size, Bar::SIZE_MIN);
        let cure = match (self.has_window, self.window_size_given) {
            (true, true) => "give a larger --window-size",
            (true, false) => "make the window larger, or vidprod's --size",
            (false, _) => "give vidprod a larger --size",
        };
        format!("they were shown at {width}x{height}, and the bar can be read from {width_min}x{height_min} on: {cure}")
    }
}

/// The luma of a pixel, by BT.601.
fn luma(pixel: u32) -> u8 {
    let [_, r, g, b] = pixel.to_be_bytes().map(u32::from);
    ((77 * r + 150 * g + 29 * b) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: WindowOptions =
        WindowOptions { title: None, position: None, size: None, borderless: false, full_screen: false };

    /// The error of a run with `checked` pictures, of which those with `sizes` could not be read.
    fn finished(window: Option<&WindowOptions>, checked: u64, sizes: &[(usize, usize)]) -> String {
        let mut verify = Verify::new(window);
        let unreadable = sizes.len() as u64;
        verify.pixels = PixelCheck { checked, agreed: checked - unreadable, unreadable, ..PixelCheck::default() };
        sizes.iter().for_each(|size| verify.enter_unreadable(*size));
        verify.finish().err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn a_run_of_which_little_could_be_read_fails_with_the_true_reason() {
        let given = WindowOptions { size: Some((128, 72)), ..WINDOW };
        let cases: [(_, &[_], &str); 4] = [
            (
                Some(&given),
                &[(128, 72); 9],
                "9 of 10 pictures could not be read (--verify-pixels): they were shown at 128x72",
            ),
            (Some(&given), &[(128, 72); 9], "from 160x88 on: give a larger --window-size"),
            (
                Some(&WINDOW),
                &[(1, 1); 9],
                "shown at 1x1, and the bar can be read from 160x88 on: make the window larger",
            ),
            (None, &[(640, 360); 9], "shown at 640x360, they have no readable bar"),
        ];
        for (window, sizes, words) in cases {
            let error = finished(window, 10, sizes);
            assert!(error.contains(words), "{error}");
            assert_eq!(error.contains("--window-size"), window.is_some_and(|w| w.size.is_some()), "{error}");
        }
    }

    #[test]
    fn a_few_unreadable_pictures_are_only_counted_and_none_at_all_is_no_pass() {
        assert_eq!(finished(Some(&WINDOW), 10, &[(1, 1); 2]), "");
        assert!(finished(None, 0, &[]).starts_with("no picture was checked"));
    }
}
