//! Where work runs: one thread pool for the whole library.
//!
//! The caller cuts work into tasks by shape alone, and every task computes its own output, so the
//! number of threads never changes a result. This module only decides which thread runs a task.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use rayon_core::{ThreadPool, ThreadPoolBuilder, join};

/// Work worth waking another worker for, from a worker.
const WORTH_INSIDE_NS: usize = 20_000;
/// Work worth entering the pool for from an outside thread, which itself costs about 20 µs.
const WORTH_OUTSIDE_NS: usize = 80_000;
/// No thread takes less work than this at a time, so that the shared counter costs nothing.
const LEAST_NS: usize = 4_000;

/// The number of threads asked for; 0 until somebody asks.
static THREADS: AtomicUsize = AtomicUsize::new(0);
static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

thread_local! {
    /// The size of the pool this thread is a worker of, 0 on any other thread.
    static WORKER_OF: Cell<usize> = const { Cell::new(0) };
}

/// The number of threads that kernels may use: what [`set_threads`] said last, or else what the
/// machine lets this process have.
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let n = available_parallelism().map_or(1, |n| n.get());
            // Only the first default is kept, and never over a number that was set meanwhile.
            match THREADS.compare_exchange(0, n, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => n,
                Err(set) => set,
            }
        }
        n => n,
    }
}

/// Sets the number of threads of the whole process. Results are the same bits for any number.
///
/// Work that is running keeps the threads it started with.
///
/// # Panics
/// If `n` is 0.
#[track_caller]
pub fn set_threads(n: usize) {
    assert!(n > 0, "set_threads: the number of threads must be at least 1, got 0");
    THREADS.store(n, Ordering::Relaxed);
    // A pool of another size is dropped by its last user; its threads end then.
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.as_ref().is_some_and(|p| p.current_num_threads() != n) {
        *pool = None;
    }
}

/// The pool of the size wanted now, built by whoever needs it first.
fn pool() -> Arc<ThreadPool> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let n = threads();
    match &*pool {
        Some(p) if p.current_num_threads() == n => p.clone(),
        _ => {
            let built = ThreadPoolBuilder::new()
                .num_threads(n)
                .thread_name(|i| format!("wengert-{i}"))
                .start_handler(move |_| WORKER_OF.set(n))
                .build();
            let built = match built {
                Ok(p) => Arc::new(p),
                Err(e) => panic!("cannot start {n} threads: {e}"),
            };
            *pool = Some(built.clone());
            built
        }
    }
}

/// Runs `f` on a worker of the pool, so that every [`for_each`] inside starts at once.
///
/// Entering the pool costs about 20 µs, so a caller with many kernels enters once around all of
/// them. Runs `f` right here on a worker, or when there is only one thread.
pub fn scope_run<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if WORKER_OF.get() != 0 || threads() == 1 { f() } else { pool().install(f) }
}

/// Runs `f(0)`, `f(1)` … `f(tasks - 1)`, each exactly once, and returns when all are done.
///
/// `cost_ns` is the estimated time of one task. Tasks run on several threads, in any order, if all
/// of them together are worth it; else right here, in order. A thread takes the next few tasks
/// whenever it is free, so a slow or busy core takes fewer and nobody waits for its share.
///
/// A panic in `f` reaches the caller; tasks not yet started may then never run.
pub fn for_each(tasks: usize, cost_ns: usize, f: impl Fn(usize) + Sync) {
    spread(tasks, cost_ns, 4, |run| run.for_each(&f));
}

/// As [`for_each`], for tasks that are cheaper when neighbours are done at once: `f` gets runs of
/// them, which together are `0..tasks`. The whole on one thread is a single run.
///
/// How tasks are put into runs depends on the threads and on chance: what a task computes must be
/// the same bits in any run.
pub fn for_each_run(tasks: usize, cost_ns: usize, f: impl Fn(Range<usize>) + Sync) {
    spread(tasks, cost_ns, 1, f);
}

/// A free thread takes the `1 / (share · threads)` part of what is left: large runs first, small
/// ones in the end, so that all threads end together.
fn spread(tasks: usize, cost_ns: usize, share: usize, f: impl Fn(Range<usize>) + Sync) {
    if tasks == 0 {
        return;
    }
    let worker_of = WORKER_OF.get();
    let inside = worker_of != 0;
    let width = if inside { worker_of } else { threads() };
    let worth = if inside { WORTH_INSIDE_NS } else { WORTH_OUTSIDE_NS };
    if width == 1 || tasks == 1 || tasks.saturating_mul(cost_ns) < worth {
        return f(0..tasks);
    }
    let least = (LEAST_NS / cost_ns.max(1)).max(1);
    let take = |left: usize| left.div_ceil(share * width).max(least).min(left);
    let next = AtomicUsize::new(0);
    let drain = || {
        while let Ok(start) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |start| {
            (start < tasks).then(|| start + take(tasks - start))
        }) {
            f(start..start + take(tasks - start));
        }
    };
    let helpers = width.min(tasks.div_ceil(least)) - 1;
    if inside { offer(helpers, &drain) } else { pool().install(|| offer(helpers, &drain)) }
}

/// Runs `drain` here and offers it to `helpers` more workers. One that starts late, or never, finds
/// nothing left to do: nobody waits for a worker that did not begin.
fn offer(helpers: usize, drain: &(impl Fn() + Sync)) {
    if helpers == 0 {
        drain();
    } else {
        join(drain, || offer(helpers - 1, drain));
    }
}

/// Cuts `out` into pieces of `len` elements (the last may be shorter) and runs `f(i, piece i)` for
/// each, as [`for_each`] does.
///
/// # Panics
/// If `len` is 0 and `out` is not empty.
pub fn for_each_chunk<T: Send>(
    out: &mut [T],
    len: usize,
    cost_ns: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    if out.is_empty() {
        return;
    }
    assert!(len > 0, "for_each_chunk: pieces of 0 elements");
    let total = out.len();
    let shared = SharedMut::new(out);
    for_each(total.div_ceil(len), cost_ns, |i| {
        let start = i * len;
        // SAFETY: each task runs once, and the ranges of different tasks do not overlap.
        f(i, unsafe { shared.slice(start..(start + len).min(total)) });
    });
}

/// One output that several tasks write at once, each its own part.
///
/// For parts that are equal pieces in order, [`for_each_chunk`] does the same in safe code.
pub struct SharedMut<'a, T> {
    ptr: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives out `&mut` parts of a slice that it borrows exclusively, which may go to another
// thread when `T` may; `slice` and `as_mut_ptr` leave it to their caller that parts are disjoint.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as for `Send`; a shared handle gives no access to a `T` other than by those two.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    /// Borrows `out` for as long as tasks write to it.
    pub fn new(out: &'a mut [T]) -> Self {
        SharedMut { ptr: out.as_mut_ptr(), len: out.len(), borrow: PhantomData }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements of `range`.
    ///
    /// # Safety
    /// No two parts that are in use at the same time may overlap.
    ///
    /// # Panics
    /// If `range` does not lie within the slice.
    #[inline]
    #[allow(clippy::mut_from_ref)] // the whole point; the caller promises disjoint parts
    pub unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        let Range { start, end } = range;
        assert!(start <= end && end <= self.len, "{start}..{end} is not within 0..{}", self.len);
        // SAFETY: the range lies within the slice that was borrowed, and the caller promises that
        // nobody else holds any of it.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.add(start), end - start) }
    }

    /// The first element, for kernels that write with strides. The same promise as for [`slice`]
    /// holds for what is written through it.
    ///
    /// [`slice`]: SharedMut::slice
    #[inline]
    pub fn as_mut_ptr(&self) -> *mut T {
        self.ptr
    }
}

/// Runs `f` at `n` threads. The setting is the whole process's and tests run side by side, so those
/// that change it do it here, one after another.
#[cfg(test)]
pub(crate) fn with_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = threads();
    set_threads(n);
    let r = f();
    set_threads(before);
    r
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

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
                    scope_run(run);
                    assert!(runs.iter().all(|r| r.load(Ordering::Relaxed) == 2));
                }
            });
        }
    }

    #[test]
    fn runs_cover_the_tasks() {
        for n in [1, 2, 3, 8] {
            with_threads(n, || {
                for (tasks, cost) in [(0, 1_000_000), (1, 1_000_000), (13, 1_000_000), (1000, 500)] {
                    let runs = Mutex::new(Vec::new());
                    for_each_run(tasks, cost, |run| runs.lock().unwrap().push(run));
                    let mut runs = runs.into_inner().unwrap();
                    runs.sort_by_key(|run| run.start);
                    assert!(n > 1 || runs.len() <= 1);
                    assert!(runs.iter().all(|run| !run.is_empty()));
                    assert_eq!(runs.into_iter().flatten().collect::<Vec<_>>(), Vec::from_iter(0..tasks));
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
                    scope_run(|| sum.fetch_add(i * j, Ordering::Relaxed));
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

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_survives() {
        with_threads(2, || {
            let run = || for_each(100, 1_000_000, |i| assert_ne!(i, 50, "task fifty"));
            for _ in 0..3 {
                assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
            }
            assert_eq!(scope_run(|| 7), 7);
        });
    }

    #[test]
    fn a_new_setting_gives_a_new_pool() {
        with_threads(2, || {
            assert_eq!(scope_run(|| WORKER_OF.get()), 2);
            set_threads(3);
            assert_eq!((threads(), scope_run(|| WORKER_OF.get())), (3, 3));
            // From a worker: what runs keeps its pool, what comes next gets the new one.
            scope_run(|| {
                set_threads(2);
                assert_eq!(scope_run(|| WORKER_OF.get()), 3);
            });
            assert_eq!(scope_run(|| WORKER_OF.get()), 2);
            set_threads(1);
            assert_eq!(scope_run(|| WORKER_OF.get()), 0);
        });
    }

    #[test]
    #[should_panic(expected = "at least 1")]
    fn no_threads_is_refused() {
        set_threads(0);
    }
}
