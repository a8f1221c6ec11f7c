//! Makes a smaller copy of a picture, for a frame that must fit into the message limit.

use crate::picture::Picture;

/// Scales `from` by `scale` into `to`; each new sample is the mean of the samples that it covers.
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
    let columns: Vec<(usize, usize)> = (0..to_width).map(|x| covered(x, to_width, width)).collect();
    let mut sums = vec![0u32; width];
    for (y, row) in target.chunks_exact_mut(to_width).enumerate().take(to_height) {
        let (top, bottom) = covered(y, to_height, height);
        sums.fill(0);
        for source in plane[top * width..bottom * width].chunks_exact(width) {
            sums.iter_mut().zip(source).for_each(|(sum, &sample)| *sum += u32::from(sample));
        }
        for (sample, &(left, right)) in row.iter_mut().zip(&columns) {
            let count = ((right - left) * (bottom - top)) as u32;
            *sample = mean(sums[left..right].iter().sum(), count);
        }
    }
}

/// `sum / count`, rounded, for a sum of `count` bytes. It multiplies by a reciprocal, because a division would take
/// most of the time.
fn mean(sum: u32, count: u32) -> u8 {
    const ONE: u32 = 1 << 24;
    const HALF: u32 = 1 << 23;
    ((sum * RECIPROCALS.get(count as usize).copied().unwrap_or(ONE / count) + HALF) >> 24) as u8
}

/// 1 / n in fixed point, with 24 fractional bits.
const RECIPROCALS: [u32; 128] = {
    let mut table = [0; 128];
    let mut n = 1;
    while n < 128 {
        table[n] = (1 << 24) / n as u32;
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use jpeg::Subsampling;

    use super::*;

    #[test]
    fn a_mean_is_rounded() {
        for count in 1..300 {
            for sum in [0, 1, count / 2, count, 77 * count, 77 * count + count / 3, 255 * count] {
                let exact = f64::from(sum) / f64::from(count);
                assert!((f64::from(mean(sum, count)) - exact).abs() <= 0.51, "{sum} / {count}");
            }
        }
    }

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
