use super::*;
use std::collections::HashSet;

#[test]
fn every_task_runs_once() {
    for n in [1, 2, 3, 8] {
        with_threads(n, || {
            for (tasks, cost) in [(0, 1_000_000), (1, 0), (7, 1_000_000), (1000, 500), (5, 0)] {
                let runs: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                let run = || {
                    for_each(tasks, cost, |i| {
                        runs[i].fetch_add(1, Ordering::Relaxed);
                    })
                };
                run();
                assert!(runs.iter().all(|r| r.load(Ordering::Relaxed) == 1));
            }
        });
    }
}

#[test]
fn nested_calls_finish() {
    with_threads(3, || {
        let sum = AtomicUsize::new(0);
        for_each(20, 1_000_000, |i| {
            for_each(20, 1_000_000, |j| {
                sum.fetch_add(i * j, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), 190 * 190);
    });
}

#[test]
fn pieces_cover_the_output() {
    with_threads(2, || {
        let mut out = vec![0; 1003];
        for_each_chunk(&mut out, 100, 100_000, |i, piece| piece.fill(i + 1));
        assert!(out.iter().enumerate().all(|(i, &v)| v == i / 100 + 1));
        for_each_chunk(&mut [0; 0], 0, 1, |_, _| unreachable!());
    });
}

/// Tests that run meanwhile may have the crew, so it takes patience to see a helper work.
fn sooner_or_later(mut seen: impl FnMut() -> bool) {
    assert!((0..10_000).any(|_| seen()));
}

#[test]
fn a_panic_reaches_the_caller_and_the_crew_survives() {
    with_threads(2, || {
        for on_helper in [false, true] {
            sooner_or_later(|| {
                let panic = catch_unwind(|| {
                    for_each(2, 1_000_000, |i| {
                        thread::sleep(Duration::from_micros(100));
                        assert!((thread::current().name() == Some("wengert-1")) != on_helper, "task {i}");
                    })
                });
                panic.is_err_and(|e| e.downcast_ref::<String>().is_some_and(|e| e.starts_with("task")))
            });
            let sum = AtomicUsize::new(0);
            for_each(100, 1_000_000, |i| {
                sum.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 4950);
        }
    });
}

/// The number of threads that took part in a job.
fn workers() -> usize {
    let ids = Mutex::new(HashSet::new());
    for_each(20, 1_000_000, |_| {
        thread::sleep(Duration::from_micros(100));
        ids.lock().unwrap().insert(thread::current().id());
    });
    ids.into_inner().unwrap().len()
}

#[test]
fn a_new_setting_counts_from_the_next_call() {
    with_threads(2, || {
        sooner_or_later(|| workers() == 2);
        for_each(4, 1_000_000, |_| set_threads(3));
        assert_eq!(threads(), 3);
        sooner_or_later(|| workers() == 3);
        set_threads(1);
        assert_eq!(workers(), 1);
    });
}

#[test]
fn callers_on_many_threads_get_their_own_results() {
    with_threads(3, || {
        thread::scope(|s| {
            for t in 0..4 {
                s.spawn(move || {
                    for r in 0..500 {
                        let mut out = [0; 40];
                        for_each_chunk(&mut out, 1, 20_000, |i, x| x[0] = i * t + r);
                        assert!(out.iter().enumerate().all(|(i, &x)| x == i * t + r));
                    }
                });
            }
        });
    });
}

#[test]
#[should_panic(expected = "at least 1")]
fn no_threads_is_refused() {
    set_threads(0);
}
