//! The codec alone: crate `jpeg` with nothing around it, on as many threads as the programs use.

use anyhow::Context;
use bytes::Bytes;
use jpeg::{Decoder, Encoder, Plane, Planes, Subsampling};
use pool::Pool;

/// vidprod's default quality.
pub const QUALITY: u8 = 80;

/// A picture in the form that the encoder takes: 4:2:0.
#[derive(Clone, Debug)]
pub struct PlanarPicture {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl PlanarPicture {
    pub fn planes(&self) -> Planes<'_> {
        let plane = |data, stride| Plane { data, stride };
        let (luma, chroma) = (even(self.width), self.width.div_ceil(2));
        Planes {
            width: self.width,
            height: self.height,
            subsampling: Subsampling::S420,
            y: plane(&self.y, luma),
            u: plane(&self.u, chroma),
            v: plane(&self.v, chroma),
        }
    }

    /// Converts to full-range BT.601; a chroma sample is the mean of four pixels.
    fn of_xrgb(pixels: &[u32], width: usize, height: usize) -> PlanarPicture {
        let at = |x: usize, y: usize| {
            let [b, g, r, _] = pixels[y.min(height - 1) * width + x.min(width - 1)].to_le_bytes();
            [r, g, b].map(i32::from)
        };
        let dot = |[r, g, b]: [i32; 3], [kr, kg, kb]: [i32; 3]| kr * r + kg * g + kb * b;
        let byte = |value: i32| value.clamp(0, 255) as u8;
        let mut picture = PlanarPicture { width, height, y: Vec::new(), u: Vec::new(), v: Vec::new() };
        for y in 0..even(height) {
            picture.y.extend((0..even(width)).map(|x| byte((dot(at(x, y), [77, 150, 29]) + 128) >> 8)));
        }
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                let four = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
                let sum = four.into_iter().fold([0; 3], |sum, p| [sum[0] + p[0], sum[1] + p[1], sum[2] + p[2]]);
                picture.u.push(byte(128 + (dot(sum, [-43, -85, 128]) >> 10)));
                picture.v.push(byte(128 + (dot(sum, [128, -107, -21]) >> 10)));
            }
        }
        picture
    }
}

fn even(n: usize) -> usize {
    n.next_multiple_of(2)
}

/// The work that vidprod does on a picture.
#[derive(Debug)]
pub struct EncodeAlone {
    encoder: Encoder,
    out: Vec<u8>,
}

impl EncodeAlone {
    pub fn new() -> anyhow::Result<EncodeAlone> {
        Ok(EncodeAlone { encoder: Encoder::on(Pool::new(None))?, out: Vec::new() })
    }

    /// Encodes a picture; returns the JPEG's length.
    pub fn encode(&mut self, picture: &PlanarPicture) -> anyhow::Result<usize> {
        self.encoder.encode(&picture.planes(), QUALITY, &mut self.out).context("encoding a frame")?;
        Ok(self.out.len())
    }
}

/// The work that vidcons does on a frame.
#[derive(Debug)]
pub struct DecodeAlone {
    decoder: Decoder,
    pixels: Vec<u32>,
}

impl DecodeAlone {
    pub fn new() -> anyhow::Result<DecodeAlone> {
        Ok(DecodeAlone { decoder: Decoder::on(Pool::new(None))?, pixels: Vec::new() })
    }

    /// Decodes a frame; returns the picture's size.
    pub fn decode(&mut self, jpeg: &[u8]) -> anyhow::Result<(usize, usize)> {
        let header = self.decoder.header(jpeg)?;
        let (width, height) = (header.width, header.height);
        self.pixels.resize(width * height, 0);
        self.decoder.decode_xrgb(jpeg, &mut self.pixels, width).context("decoding a frame")?;
        Ok((width, height))
    }

    pub fn picture(&mut self, jpeg: &Bytes) -> anyhow::Result<PlanarPicture> {
        let (width, height) = self.decode(jpeg)?;
        Ok(PlanarPicture::of_xrgb(&self.pixels, width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_through_the_codec() {
        let (width, height) = (33, 17);
        let colour = 0xFF20_80C0u32;
        let picture = PlanarPicture::of_xrgb(&vec![colour; width * height], width, height);
        let (mut encode, mut decode) = (EncodeAlone::new().unwrap(), DecodeAlone::new().unwrap());
        let length = encode.encode(&picture).unwrap();
        assert!(length > 100);
        assert_eq!(decode.decode(&encode.out).unwrap(), (width, height));
        for (channel, expected) in decode.pixels[width * 8 + 16].to_le_bytes().into_iter().zip(colour.to_le_bytes()) {
            assert!(channel.abs_diff(expected) <= 4, "{channel} is not {expected}");
        }
    }
}
