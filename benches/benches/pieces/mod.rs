//! Test data of the benches: a frame, its records, a picture.

use std::time::Duration;

use bytes::Bytes;
use common::time::{Micros, Stamps};
use common::wire::{Codec, Frame, FrameKind, Meta, Origin, Session};
use jpeg::{Encoder, Plane, Planes, Subsampling};

pub const WIDTH: usize = 1280;
pub const HEIGHT: usize = 720;
pub const QUALITY: u8 = 80;

/// A gradient with noise, which compresses about as well as a camera's picture.
#[derive(Debug)]
pub struct Picture {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Picture {
    pub fn new() -> Picture {
        let mut state = 0x9e37_79b9_u32;
        let mut noise = move |amount: u32| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % amount
        };
        let mut plane = |width: usize, height: usize| -> Vec<u8> {
            let at = |n: usize| (n % width + n / width) * 200 / (width + height);
            (0..width * height).map(|n| at(n) as u8 + noise(24) as u8).collect()
        };
        Picture { y: plane(WIDTH, HEIGHT), u: plane(WIDTH / 2, HEIGHT / 2), v: plane(WIDTH / 2, HEIGHT / 2) }
    }

    pub fn planes(&self) -> Planes<'_> {
        let plane = |data, stride| Plane { data, stride };
        Planes {
            width: WIDTH,
            height: HEIGHT,
            subsampling: Subsampling::S420,
            y: plane(&self.y, WIDTH),
            u: plane(&self.u, WIDTH / 2),
            v: plane(&self.v, WIDTH / 2),
        }
    }

    pub fn jpeg(&self) -> Bytes {
        let mut out = Vec::new();
        let mut encoder = Encoder::new().expect("the codec starts");
        encoder.encode(&self.planes(), QUALITY, &mut out).expect("the picture is sound");
        out.into()
    }
}

/// Frame `number` of a session.
pub fn frame(number: u64, payload: Bytes) -> Frame {
    let at = |us: u64| Micros(1_000_000 + number * 33_333 + us);
    let stamps = Stamps { due: at(0), captured: at(90), encoded: at(2_000), published: at(2_020), ..Stamps::default() };
    let meta = Meta {
        source: "clip".into(),
        session: Session { began_ms: 1_760_000_000_000, salt: 7 },
        frame: number,
        codec: Codec::Jpeg,
        key_frame: true,
        number: None,
        pts: Duration::from_micros(number * 33_333),
        stamps,
        origin: Origin { boot: "0123456789abcdef0123456789abcdef".into(), wall_offset_us: 1_700_000_000_000_000 },
        width: WIDTH as u32,
        height: HEIGHT as u32,
        dropped: 0,
        skipped: 0,
    };
    Frame { meta, payload, kind: FrameKind::Own }
}
