use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;

fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn each_item_is_worked_on_once(threads in 1usize..6, counts in prop::collection::vec(0usize..20, 1..30)) {
        let pool = pool(threads);
        for count in counts {
            let mut items = vec![0; count];
            pool.each(&mut items, |item| *item += 1);
            prop_assert_eq!(items, vec![1; count]);
        }
    }
}

#[test]
fn pieces_run_beside_each_other() {
    // Each piece waits for the other, so a single thread would never return.
    let both = Barrier::new(2);
    pool(2).each(&mut [(); 2], |()| {
        both.wait();
    });
}

#[test]
fn a_second_caller_works_alone() {
    let (pool, inside) = (pool(2), AtomicBool::new(false));
    // Within a job the pool is busy.
    pool.each(&mut [(); 2], |()| {
        let here = std::thread::current().id();
        pool.each(&mut [(); 3], |()| {
            assert_eq!(std::thread::current().id(), here);
            inside.store(true, Ordering::Relaxed);
        });
    });
    assert!(inside.into_inner());
}

#[test]
fn a_panic_is_the_callers_and_the_pool_goes_on() {
    let pool = pool(3);
    for at in 0..3 {
        let mut items = [0, 1, 2];
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.each(&mut items, |item| {
                assert_ne!(*item, at, "as it should");
                *item += 10;
            });
        }));
        assert!(result.is_err());
        let others = items.iter().filter(|item| **item >= 10).count();
        assert_eq!(others, 2, "the others are done before the panic goes on: {items:?}");
    }
    let mut items = [1; 8];
    pool.each(&mut items, |item| *item *= 2);
    assert_eq!(items, [2; 8]);
}

#[test]
fn no_more_threads_than_requested() {
    assert_eq!(pool(1).threads(), 1);
    assert_eq!(pool(3).threads(), 3);
    assert_eq!(pool(1000).threads(), THREADS_MAX);
    assert_eq!(Pool::alone().threads(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn workers_stay_within_the_mask_and_off_the_callers_core() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let all = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap();
    // Runs in a thread of its own, because threads started from here inherit the mask.
    let check = |mask: CpuSet, off_mine: bool| {
        std::thread::spawn(move || {
            sched_setaffinity(None, &mask).unwrap();
            let pool = pool(2);
            let both = Barrier::new(2);
            let mut seen = [const { (None, None) }; 2];
            // The first job may find the worker not yet registered; the second finds it registered.
            for _ in 0..2 {
                pool.each(&mut seen, |seen| {
                    both.wait();
                    *seen = (std::thread::current().name().map(str::to_owned), sched_getaffinity(None).ok());
                });
            }
            let worker = seen.iter().find(|(name, _)| name.as_deref() == Some("pool-1")).unwrap().1.unwrap();
            assert!((0..CpuSet::MAX_CPU).all(|cpu| !worker.is_set(cpu) || mask.is_set(cpu)), "within the mask");
            assert_eq!(worker.count() < mask.count(), off_mine, "off the caller's core, where there is another");
        })
        .join()
        .unwrap();
    };
    let mut one = CpuSet::new();
    one.set(first);
    check(one, false);
    if all.count() > 1 {
        check(all, true);
    }
}
