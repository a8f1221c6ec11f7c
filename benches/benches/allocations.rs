//! Counts the memory allocations of the frame path's parts in the steady state: `cargo bench -p benches --bench
//! allocations`.
//!
//! The goal is none in our own code. librdkafka's allocations are not counted, because it has its own allocator.

#![allow(clippy::print_stdout, reason = "a table on standard output is all that this program is for")]

mod pieces;

use std::alloc::System;

use common::latest::Latest;
use common::time::Micros;
use common::wire::record::{self, Incoming, Record};
use common::wire::{Limits, Pushed, Reassembler};
use jpeg::{Decoder, Encoder};
use pool::Pool;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use self::pieces::{HEIGHT, Picture, QUALITY, WIDTH, frame};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Frames before counting begins, so that buffers have grown to their final size.
const WARM_UP: u64 = 50;
const FRAMES: u64 = 500;
const PARTS: usize = 4;

/// Allocations counted so far.
#[derive(Clone, Copy, Default)]
struct Asked {
    times: usize,
    bytes: usize,
}

impl Asked {
    /// Counts the allocations of `work`, and returns its result.
    fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let region = Region::new(ALLOCATOR);
        let made = work();
        let change = region.change();
        self.times += change.allocations + change.reallocations;
        self.bytes += change.bytes_allocated;
        made
    }
}

#[derive(Clone, Copy, Default)]
struct Table {
    encode: Asked,
    write: Asked,
    queue: Asked,
    read: Asked,
    reassemble: Asked,
    decode: Asked,
}

fn main() {
    println!("{:<22}{:>20}{:>16}", "piece", "allocations a frame", "bytes a frame");
    for (name, parts) in [("whole", 1), ("in 4 parts", PARTS)] {
        let Table { encode, write, queue, read, reassemble, decode } = measure(parts);
        println!("{name}:");
        for (piece, asked) in [
            ("encode", encode),
            ("write records", write),
            ("queue", queue),
            ("read records", read),
            ("reassemble", reassemble),
            ("decode", decode),
        ] {
            let a_frame = |n: usize| n as f64 / FRAMES as f64;
            println!("  {piece:<20}{:>20.2}{:>16.0}", a_frame(asked.times), a_frame(asked.bytes));
        }
    }
}

/// Sends frames through all parts of the frame path, one part after the other.
fn measure(parts: usize) -> Table {
    let picture = Picture::new();
    let jpeg = picture.jpeg();
    let limit = jpeg.len().div_ceil(parts);
    let (mut encoder, mut out) = (Encoder::on(Pool::new(None)).expect("the codec starts"), Vec::new());
    let (mut decoder, mut pixels) = (Decoder::on(Pool::new(None)).expect("the codec starts"), vec![0; WIDTH * HEIGHT]);
    let queue = Latest::default();
    let mut reassembler = Reassembler::new(Limits::default());
    let mut table = Table::default();
    for number in 0..WARM_UP + FRAMES {
        if number == WARM_UP {
            table = Table::default();
        }
        table.encode.during(|| encoder.encode(&picture.planes(), QUALITY, &mut out).expect("the picture is sound"));
        let frame = frame(number, jpeg.clone());
        let frame = table.queue.during(|| {
            queue.send(frame, true);
            queue.recv().expect("it was just sent")
        });
        let records: Vec<Record> = table.write.during(|| record::split(&frame, limit));
        let mut whole = None;
        for record in &records {
            let part: Incoming = table.read.during(|| record::read(record).expect("our own record"));
            let pushed = table.reassemble.during(|| reassembler.push(part, Micros(number)));
            if let Ok(Pushed::Frame(frame)) = pushed {
                whole = Some(frame);
            }
        }
        let whole = whole.expect("all parts came");
        table.decode.during(|| decoder.decode_xrgb(&whole.payload, &mut pixels, WIDTH).expect("our own JPEG"));
    }
    table
}
