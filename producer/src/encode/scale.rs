//! Makes a smaller copy of a picture, for a frame that must fit into the message limit.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::picture::Picture;

/// Scales `from` by `scale` into `to`; each new sample is the mean of the samples that it covers.
pub fn shrink(from: &Picture, scale: f64, to: &mut Picture, resizer: &mut Resizer) {
    const FITS: &str = "a picture's planes have the sizes that it states";
    let scaled = |n: usize| ((n as f64 * scale).round() as usize).clamp(1, n);
    to.reshape(scaled(from.width), scaled(from.height), from.subsampling);
    let sizes = [from.luma_size(), from.chroma_size(), from.chroma_size()];
    let to_sizes = [to.luma_size(), to.chroma_size(), to.chroma_size()];
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
    for (((plane, target), size), to_size) in from.planes().into_iter().zip(to.planes_mut()).zip(sizes).zip(to_sizes) {
        // A gray picture has no chroma, and planes of no size are no images.
        if !target.is_empty() {
            let plane = ImageRef::new(size.0 as u32, size.1 as u32, plane, PixelType::U8).expect(FITS);
            let mut target =
                Image::from_slice_u8(to_size.0 as u32, to_size.1 as u32, target, PixelType::U8).expect(FITS);
            resizer.resize(&plane, &mut target, &options).expect(FITS);
        }
    }
}

#[cfg(test)]
mod tests {
    use jpeg::Subsampling;

    use super::*;

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray] {
            for (width, height, scale) in [(64, 36, 0.5), (63, 35, 0.7), (5, 3, 0.2), (1, 1, 0.3)] {
                let (mut from, mut to) = (Picture::default(), Picture::default());
                from.reshape(width, height, subsampling);
                from.data.fill(77);
                shrink(&from, scale, &mut to, &mut Resizer::new());
                assert!(to.width <= width && to.width >= 1);
                assert!(to.data.iter().all(|&s| s == 77), "{subsampling:?} {width}x{height} x {scale}");
            }
        }
    }
}
