//! A smaller copy of a picture, for a frame that must fit into the message limit.

use crate::picture::Picture;

/// Draws `from` into `to` at `scale` of its size; each new sample is the mean of those it covers.
pub fn shrink(from: &Picture, scale: f64, to: &mut Picture) {
    let scaled = |n: usize| ((n as f64 * scale).round() as usize).clamp(1, n);
    to.reshape(scaled(from.width), scaled(from.height), from.subsampling);
    let sizes = [
        (from.luma_size(), to.luma_size()),
        (from.chroma_size(), to.chroma_size()),
        (from.chroma_size(), to.chroma_size()),
    ];
    for ((plane, target), (size, target_size)) in from.planes().into_iter().zip(to.planes_mut()).zip(sizes) {
        shrink_plane(plane, size, target, target_size);
    }
}

fn shrink_plane(
    plane: &[u8],
    (width, height): (usize, usize),
    target: &mut [u8],
    (to_width, to_height): (usize, usize),
) {
    if to_width == 0 || to_height == 0 {
        return;
    }
    let covered = |n: usize, of: usize, from: usize| (n * from / of, ((n + 1) * from).div_ceil(of).min(from));
    let mut sums = vec![0u32; width];
    for (y, row) in target.chunks_exact_mut(to_width).enumerate().take(to_height) {
        let (top, bottom) = covered(y, to_height, height);
        sums.fill(0);
        for source in plane[top * width..bottom * width].chunks_exact(width) {
            sums.iter_mut().zip(source).for_each(|(sum, &sample)| *sum += u32::from(sample));
        }
        for (x, sample) in row.iter_mut().enumerate() {
            let (left, right) = covered(x, to_width, width);
            let count = ((right - left) * (bottom - top)) as u32;
            *sample = ((sums[left..right].iter().sum::<u32>() + count / 2) / count) as u8;
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
                shrink(&from, scale, &mut to);
                assert!(to.width <= width && to.width >= 1);
                assert!(to.data.iter().all(|&s| s == 77), "{subsampling:?} {width}x{height} x {scale}");
            }
        }
    }
}
