//! Colours that can be told apart on light and on dark, also by the colour-blind (after Okabe and Ito).

use common::stamps::Stage;
use plotters::style::RGBColor;

/// Text, axes and the total. On a page it gives way to the page's own colour for text.
pub(crate) const INK: RGBColor = RGBColor(0x1d, 0x23, 0x2b);
pub(crate) const ACKNOWLEDGE: RGBColor = RGBColor(0x8a, 0x8f, 0x98);
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
