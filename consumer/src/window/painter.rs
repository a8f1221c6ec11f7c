//! Text over the picture: lines and a notice on a dark panel in the corner, and the help in the middle.

use std::rc::Rc;

use common::draw::Font;

use super::rect::{Rect, View};
use crate::status::{OverlayLine, Tone};

/// The text to draw; empty parts are not drawn.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Overlay {
    /// Lines in the upper left corner.
    pub lines: Vec<OverlayLine>,
    /// Lines in the middle.
    pub help: Vec<String>,
    /// A line below `lines`.
    pub notice: Option<OverlayLine>,
}

/// A panel with its final position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Panel {
    pub rect: Rect,
    lines: Vec<OverlayLine>,
    /// The pixels of its letters.
    runs: Vec<Run>,
}

/// A run of pixels in a row.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Run {
    x: usize,
    y: usize,
    length: usize,
    colour: u32,
}

/// Lays out and draws overlays. The layout is kept, because most frames have the same overlay as the frame before.
#[derive(Debug, Default)]
pub struct Painter {
    font: Option<(usize, Font)>,
    laid: Option<Laid>,
}

#[derive(Debug)]
struct Laid {
    overlay: Overlay,
    window: (usize, usize),
    panels: Rc<[Panel]>,
}

impl Painter {
    /// Lays the overlay out for a window of this size, with its lines wrapped to fit.
    pub fn layout(&mut self, overlay: &Overlay, window: (usize, usize)) -> Rc<[Panel]> {
        if let Some(laid) = self.laid.as_ref().filter(|laid| laid.window == window && laid.overlay == *overlay) {
            return laid.panels.clone();
        }
        let panels: Rc<[Panel]> = panels(self.font(window), overlay, window).into();
        self.laid = Some(Laid { overlay: overlay.clone(), window, panels: panels.clone() });
        panels
    }

    pub fn draw(&self, panel: &Panel, window: &mut View<'_>) {
        darken(window, panel.rect);
        let width = window.width;
        for &Run { x, y, length, colour } in &panel.runs {
            window.pixels[y * width + x..][..length].fill(colour);
        }
    }

    /// The font: about thirty lines of ninety characters fit, but it never becomes illegible.
    fn font(&mut self, window: (usize, usize)) -> &Font {
        let height = (window.1 / 28).min(window.0 / 45);
        if self.font.as_ref().is_none_or(|(kept, _)| *kept != height) {
            self.font = None;
        }
        &self.font.get_or_insert_with(|| (height, Font::of_height(height))).1
    }
}

fn panels(font: &Font, overlay: &Overlay, window: (usize, usize)) -> Vec<Panel> {
    let gap = font.height() / 2;
    let corner = |lines: &[OverlayLine]| panel(font, lines, window).map(|panel| panel.at(gap, gap, window));
    let help: Vec<OverlayLine> =
        overlay.help.iter().map(|text| OverlayLine { text: text.clone(), tone: Tone::Plain }).collect();
    let middle = panel(font, &help, window).map(|panel| {
        let (x, y) = (window.0.saturating_sub(panel.rect.width), window.1.saturating_sub(panel.rect.height));
        panel.at(x / 2, y / 2, window)
    });
    let is_covered = |panel: &Panel| middle.as_ref().is_some_and(|help| help.rect.overlaps(panel.rect));
    let all = corner(&[&overlay.lines, overlay.notice.as_slice()].concat());
    let corner = if all.as_ref().is_some_and(is_covered) { corner(overlay.notice.as_slice()) } else { all };
    middle.into_iter().chain(corner).map(|panel| panel.written(font)).collect()
}

impl Panel {
    /// Adds the pixels of its letters.
    fn written(mut self, font: &Font) -> Panel {
        let Rect { x, y, width, height } = self.rect;
        let (clip, pad) = ((x + width, y + height), font.height() / 2);
        for (i, line) in self.lines.iter().enumerate() {
            let at = ((x + pad) as isize, (y + pad / 2 + i * font.height()) as isize);
            let colour = colour(line.tone);
            font.draw(&line.text, at, clip, &mut |x, y, length| self.runs.push(Run { x, y, length, colour }));
        }
        self
    }

    /// Moves the panel there, and cuts it off at the window's edges.
    fn at(mut self, x: usize, y: usize, window: (usize, usize)) -> Panel {
        let (x, y) = (x.min(window.0), y.min(window.1));
        let (width, height) = (self.rect.width.min(window.0 - x), self.rect.height.min(window.1 - y));
        self.rect = Rect { x, y, width, height };
        self
    }
}

/// A panel around these lines, without a position.
fn panel(font: &Font, lines: &[OverlayLine], window: (usize, usize)) -> Option<Panel> {
    let pad = font.height() / 2;
    // Leaves room for the panel's own padding on both sides, and as much again to the window's edge.
    let columns = (window.0.saturating_sub(4 * pad) / font.advance()).max(1);
    let pieces = |line: &OverlayLine| {
        let tone = line.tone;
        wrapped(&line.text, columns).into_iter().map(move |text| OverlayLine { text, tone })
    };
    let lines: Vec<OverlayLine> = lines.iter().flat_map(pieces).collect();
    let widest = lines.iter().map(|line| font.width(&line.text)).max()?;
    let rect = Rect { x: 0, y: 0, width: widest + 2 * pad, height: lines.len() * font.height() + pad };
    Some(Panel { rect, lines, runs: Vec::new() })
}

/// Wraps a line at `columns` characters, at spaces if there are any.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let (mut done, mut rest) = (Vec::new(), line);
    while let Some((cut, _)) = rest.char_indices().nth(columns) {
        let fits = &rest[..cut];
        let space = if rest[cut..].starts_with(' ') { Some(cut) } else { fits.rfind(' ').filter(|at| *at > 0) };
        let (head, tail) = rest.split_at(space.unwrap_or(cut));
        done.push(head.to_owned());
        rest = tail.trim_start_matches(' ');
    }
    done.push(rest.to_owned());
    done
}

const fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Plain => 0x00F0_F0F0,
        Tone::Grey => 0x00A0_A0A0,
        Tone::Alert => 0x00FF_C040,
        Tone::Good => 0x0070_E070,
    }
}

/// Darkens a part of the window to an eighth, so that grey text is legible on white, too.
fn darken(window: &mut View<'_>, rect: Rect) {
    for y in rect.y..rect.y + rect.height {
        for pixel in &mut window.row(y)[rect.x..rect.x + rect.width] {
            *pixel = *pixel >> 3 & 0x001F_1F1F;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(lines: &[&str], help: &[&str]) -> Overlay {
        let line = |text: &&str| OverlayLine { text: (*text).to_owned(), tone: Tone::Plain };
        let help = help.iter().map(|text| (*text).to_owned()).collect();
        Overlay { lines: lines.iter().map(line).collect(), help, notice: None }
    }

    #[test]
    fn lines_are_wrapped_at_spaces() {
        let cases: [(&str, usize, &[&str]); 6] = [
            ("one two three", 20, &["one two three"]),
            ("one two three", 7, &["one two", "three"]),
            ("one two three", 8, &["one two", "three"]),
            ("onetwothree", 4, &["onet", "woth", "ree"]),
            ("äöü äöü", 3, &["äöü", "äöü"]),
            ("", 3, &[""]),
        ];
        for (line, columns, expected) in cases {
            assert_eq!(wrapped(line, columns), expected, "{line:?} in {columns}");
        }
    }

    #[test]
    fn nothing_outside_the_panels_is_touched_in_any_window() {
        let notice = OverlayLine { text: "saved snapshot-lobby-20261130-140320-123.png".to_owned(), tone: Tone::Plain };
        let text = overlay(&["a line that is rather long, too long for some", "b"], &["q  quit", "h  help"]);
        let text = Overlay { notice: Some(notice), ..text };
        for (width, height) in [(1, 1), (20, 200), (64, 36), (320, 180), (200, 15), (1280, 720), (3840, 2160)] {
            let mut pixels = vec![0xFF_FFFF; width * height];
            let mut painter = Painter::default();
            let panels = painter.layout(&text, (width, height));
            for panel in panels.iter() {
                painter.draw(panel, &mut View { pixels: &mut pixels, width, height });
            }
            for (i, pixel) in pixels.iter().enumerate() {
                let (x, y) = (i % width, i / width);
                let inside = panels.iter().any(|Panel { rect: r, .. }| {
                    (r.x..r.x + r.width).contains(&x) && (r.y..r.y + r.height).contains(&y)
                });
                assert_eq!(inside, *pixel != 0xFF_FFFF, "{x},{y} in {width}x{height}");
            }
        }
    }

    #[test]
    fn text_is_large_enough_to_read_and_its_panel_holds_it() {
        for (width, height, font) in [(320, 180, 12), (1280, 720, 24), (1920, 1080, 32), (3840, 2160, 64)] {
            let panels = Painter::default().layout(&overlay(&["0123456789"], &[]), (width, height));
            assert_eq!(panels[0].rect.height, font + font / 2, "{width}x{height}");
            assert_eq!(panels[0].rect.width, 10 * font / 2 + font, "{width}x{height}");
        }
    }

    #[test]
    fn lines_give_way_to_the_help_where_there_is_no_room_for_both_and_a_notice_does_not() {
        let check = |notice: Option<&str>, window, lines: &[usize]| {
            let text = overlay(&["end to end p50 5.0 p99 7.0 ms"; 6], &["h  help"; 8]);
            let notice = notice.map(|text| OverlayLine { text: text.to_owned(), tone: Tone::Plain });
            let panels = Painter::default().layout(&Overlay { notice, ..text }, window);
            assert_eq!(panels.iter().map(|panel| panel.lines.len()).collect::<Vec<_>>(), lines, "{window:?}");
        };
        check(None, (1280, 720), &[8, 6]);
        check(Some("saved"), (1280, 720), &[8, 7]);
        check(None, (320, 180), &[8]);
        check(Some("saved"), (320, 180), &[8, 1]);
    }

    #[test]
    fn no_lines_no_panel() {
        assert!(Painter::default().layout(&Overlay::default(), (640, 360)).is_empty());
    }
}
