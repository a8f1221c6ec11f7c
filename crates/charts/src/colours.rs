//! Colours that can be distinguished on a light and on a dark background, also by colour-blind people (after Okabe and
//! Ito).

use common::time::Stage;
use plotters::style::RGBColor;

/// Text, axes and the total. On the HTML page it is replaced by the page's own text colour.
pub(crate) const INK: RGBColor = RGBColor(0x1d, 0x23, 0x2b);
/// The broker's colour: the time to the acknowledgement is spent there, and a producer has no broker stage.
pub(crate) const ACKNOWLEDGE: RGBColor = RGBColor(0xe6, 0x8a, 0x00);
pub(crate) const P50: RGBColor = RGBColor(0x2b, 0x8c, 0xd6);
pub(crate) const P99: RGBColor = RGBColor(0xe6, 0x8a, 0x00);
pub(crate) const MAX: RGBColor = RGBColor(0xc9, 0x4f, 0x7c);

pub(crate) fn of_stage(stage: Stage) -> RGBColor {
    match stage {
        Stage::Capture => RGBColor(0x9a, 0x8f, 0x97),
        Stage::Encode => RGBColor(0x2b, 0x8c, 0xd6),
        Stage::Publish => RGBColor(0x6f, 0xc3, 0xdf),
        Stage::Broker => RGBColor(0xe6, 0x8a, 0x00),
        Stage::Reassemble => RGBColor(0xd9, 0xc2, 0x1c),
        Stage::Decode => RGBColor(0x12, 0x9e, 0x73),
        Stage::Present => RGBColor(0xc9, 0x4f, 0x7c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_of_one_chart_differ() {
        let check = |colours: &[RGBColor]| {
            for (n, a) in colours.iter().enumerate() {
                for b in &colours[..n] {
                    let apart =
                        u32::from(a.0.abs_diff(b.0)) + u32::from(a.1.abs_diff(b.1)) + u32::from(a.2.abs_diff(b.2));
                    assert!(apart > 90, "{a:?} and {b:?}");
                }
            }
        };
        let with = |stages: &[Stage], more: &[RGBColor]| {
            stages.iter().map(|&stage| of_stage(stage)).chain(more.iter().copied()).collect::<Vec<_>>()
        };
        check(&with(&Stage::ALL, &[INK]));
        check(&with(&Stage::PRODUCER, &[INK, ACKNOWLEDGE]));
        check(&[P50, P99, MAX]);
    }
}
