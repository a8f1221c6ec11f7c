//! Times each part of the frame path in a loop: `cargo bench -p benches --bench micro`.
//!
//! A loop shows times that are too good: its memory is in the cache and its core is awake. `vidbench floor` measures
//! the cost at a frame's pace; this benchmark shows a change in one part before it is lost in the noise of the whole.

mod pieces;

use std::hint::black_box;
use std::sync::Arc;

use common::latest::Latest;
use common::time::Micros;
use common::wire::record::{self, Record};
use common::wire::{Limits, Reassembler};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jpeg::{Decoder, Encoder};
use pool::Pool;

use self::pieces::{HEIGHT, Picture, QUALITY, WIDTH, frame};

fn wire(c: &mut Criterion) {
    let jpeg = Picture::new().jpeg();
    // Message limits that make one record of a frame, and four.
    let limits = [("a frame", jpeg.len()), ("a frame in 4 parts", jpeg.len().div_ceil(4))];
    let sent = frame(1, jpeg.clone());
    let mut group = c.benchmark_group("record");
    for (name, limit) in limits {
        group.bench_function(format!("write {name}"), |b| b.iter(|| record::split(black_box(&sent), limit)));
        let records = record::split(&sent, limit);
        let read = |records: &[Record]| {
            records.iter().for_each(|r| drop(black_box(record::read(r).expect("our own record"))));
        };
        group.bench_function(format!("read {name}"), |b| b.iter(|| read(black_box(&records))));
    }
    group.finish();

    let mut group = c.benchmark_group("reassemble");
    for (name, limit) in limits {
        let mut reassembler = Reassembler::new(Limits::default());
        let mut number = 0;
        let mut incoming = || {
            number += 1;
            let records = record::split(&frame(number, jpeg.clone()), limit);
            records.iter().map(|r| record::read(r).expect("our own record")).collect::<Vec<_>>()
        };
        group.bench_function(name, |b| {
            let push = |parts: Vec<_>| {
                parts.into_iter().for_each(|part| drop(reassembler.push(part, Micros(1)).expect("our own part")));
            };
            b.iter_batched(&mut incoming, push, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("latest");
    let alone = Latest::default();
    group.bench_function("send and take on one thread", |b| {
        b.iter(|| {
            alone.send(black_box(1u64), true);
            alone.recv()
        });
    });
    let there = Arc::new(Latest::<u64>::default());
    let back = Arc::new(Latest::<u64>::default());
    let (from, to) = (there.clone(), back.clone());
    let echo =
        std::thread::spawn(move || std::iter::from_fn(|| from.recv()).for_each(|n| assert_eq!(to.send(n, true), None)));
    group.bench_function("to another thread and back", |b| {
        b.iter(|| {
            there.send(black_box(1), true);
            back.recv()
        });
    });
    group.finish();
    there.close();
    echo.join().expect("the echo does not panic");
}

fn codec(c: &mut Criterion) {
    let picture = Picture::new();
    let jpeg = picture.jpeg();
    let mut group = c.benchmark_group("jpeg 720p");
    group.throughput(Throughput::Elements((WIDTH * HEIGHT) as u64));
    for (name, pool) in [("one thread", Pool::alone()), ("all threads", Pool::new(None))] {
        let mut encoder = Encoder::on(pool.clone()).expect("the codec starts");
        let mut out = Vec::new();
        group.bench_function(format!("encode on {name}"), |b| {
            b.iter(|| encoder.encode(&picture.planes(), QUALITY, &mut out).expect("the picture is sound"));
        });
        let mut decoder = Decoder::on(pool).expect("the codec starts");
        let mut pixels = vec![0; WIDTH * HEIGHT];
        group.bench_function(format!("decode on {name}"), |b| {
            b.iter(|| decoder.decode_xrgb(&jpeg, &mut pixels, WIDTH).expect("our own JPEG"));
        });
    }
    group.finish();
}

criterion_group!(benches, wire, queue, codec);
criterion_main!(benches);
