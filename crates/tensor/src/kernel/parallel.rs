//! Where work runs: the threads of the whole library.
//!
//! The caller cuts work into tasks by shape alone, and every task computes its own output, so the
//! number of threads never changes a result. This module only decides which thread runs a task.
//!
//! The thread that calls works too, and a crew of helpers joins it. Helpers stay awake for a moment
//! after each job, since a training step is a row of jobs of a few dozen microseconds, and waking a
//! thread takes as long: on a virtual machine 15 µs of the waker's time, and 50 µs until it runs. A
//! helper that is awake begins within 1 µs. (This, and entering from an outside thread at the same
//! price, is why it is not rayon's pool.)

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::{self, Thread, available_parallelism};
use std::time::{Duration, Instant};

/// Work that is worth sharing with a helper that is awake.
const WORTH_SHARING_NS: usize = 10_000;
/// Work that is worth waking one helper for.
const WORTH_WAKING_NS: usize = 100_000;
/// No thread takes less work than this at a time, so that taking it costs nothing.
const LEAST_NS: usize = 4_000;
/// How long a helper stays awake after a job.
const AWAKE: Duration = Duration::from_micros(300);

/// The number of threads asked for; 0 until somebody asks.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// The time of the small jobs that were done alone in a row. When they add up, more will come: then
/// somebody is woken for them.
static ALONE: AtomicUsize = AtomicUsize::new(0);
/// Locked for the duration of a job. Whoever finds it locked, on another thread or within a task,
/// does its work alone.
static CREW: Mutex<Option<Crew>> = Mutex::new(None);

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
    // If a job runs, the next one dismisses its crew.
    match CREW.try_lock() {
        Ok(mut slot) => *slot = slot.take().filter(|crew| crew.width == n),
        Err(TryLockError::Poisoned(slot)) => *slot.into_inner() = None,
        Err(TryLockError::WouldBlock) => {}
    }
}

/// Runs `f(0)`, `f(1)` … `f(tasks - 1)`, each exactly once, and returns when all are done.
///
/// `cost_ns` is the estimated time of one task. Tasks run on several threads, in any order, if all
/// of them together are worth it; else right here, in order. A thread takes the next few tasks
/// whenever it is free, so a slow or busy core takes fewer and nobody waits for its share.
///
/// Within a task, and while another thread runs tasks, this runs everything right here.
///
/// A panic in `f` reaches the caller; tasks not yet started may then never run.
pub fn for_each(tasks: usize, cost_ns: usize, f: impl Fn(usize) + Sync) {
    spread(tasks, cost_ns, &|run| {
        for task in run {
            f(task);
        }
    });
}

/// Runs `f` on runs of `0..tasks`, which together are all of them. Every thread begins with a part of its own, which for jobs on the same tensor is the same one: what
/// it wrote is in its own cache, and it may take longer to fetch from another core than from memory.
/// Of its part, and then of those of others, a thread takes a quarter of what is left: large runs
/// first, small ones in the end, so that all threads end together.
fn spread(tasks: usize, cost_ns: usize, f: &(dyn Fn(Range<usize>) + Sync)) {
    if tasks == 0 {
        return;
    }
    let (width, total) = (threads(), tasks.saturating_mul(cost_ns));
    if width == 1 || tasks == 1 || total < WORTH_SHARING_NS {
        return f(0..tasks);
    }
    let mut slot = match CREW.try_lock() {
        Ok(slot) => slot,
        // A task panicked; the crew itself is sound.
        Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
        Err(TryLockError::WouldBlock) => return f(0..tasks),
    };
    let crew = match &*slot {
        Some(crew) if crew.width == width => crew,
        _ => slot.insert(Crew::new(width)),
    };
    let least = (LEAST_NS / cost_ns.max(1)).max(1);
    let helpers = (width - 1).min(tasks.div_ceil(least) - 1);
    let Some(wake) = crew.to_wake(helpers, total) else {
        drop(slot);
        return f(0..tasks);
    };
    let begin = |part: usize| part * (tasks / width) + part.min(tasks % width);
    let parts = &crew.shared.parts;
    for (i, part) in parts.iter().enumerate() {
        part.next.store(begin(i), Ordering::Relaxed);
    }
    let take = |left: usize| left.div_ceil(4).max(least).min(left);
    crew.run(wake, &|thread| {
        for part in (thread..width).chain(0..thread) {
            let (next, end) = (&parts[part].next, begin(part + 1));
            while let Ok(start) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |start| {
                (start < end).then(|| start + take(end - start))
            }) {
                f(start..start + take(end - start));
            }
        }
    });
}

/// What all threads of a crew run at once, given their numbers: each call works until there is
/// nothing left to take.
struct Job<'a>(&'a (dyn Fn(usize) + Sync));

/// A part of a job's tasks, in a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Part {
    /// The first task that nobody has taken.
    next: AtomicUsize,
}

/// The helpers and how they are told of a job. Only the thread that holds the lock on [`CREW`]
/// opens one.
struct Crew {
    width: usize,
    shared: Arc<Shared>,
    helpers: Vec<Thread>,
}

struct Shared {
    /// From the lowest bit: how many helpers are inside the job (`INSIDE`), whether more may enter
    /// (`OPEN`), and the number of the job.
    state: AtomicU64,
    job: AtomicPtr<Job<'static>>,
    /// What the first helper that panicked in this job said.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    asleep: Vec<AtomicBool>,
    /// One for each thread.
    parts: Vec<Part>,
    dismissed: AtomicBool,
    /// Whether there is a core for every thread; else helpers go to sleep at once.
    cores: bool,
}

const INSIDE: u64 = (1 << 31) - 1;
const OPEN: u64 = 1 << 31;
const NUMBER: u32 = 32;

impl Crew {
    fn new(width: usize) -> Crew {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            job: AtomicPtr::default(),
            panic: Mutex::new(None),
            asleep: (1..width).map(|_| AtomicBool::new(false)).collect(),
            parts: (0..width).map(|_| Part::default()).collect(),
            dismissed: AtomicBool::new(false),
            cores: available_parallelism().is_ok_and(|n| n.get() >= width),
        });
        let spawn = |i| {
            let shared = shared.clone();
            let builder = thread::Builder::new().name(format!("wengert-{}", i + 1));
            builder.spawn(move || shared.help(i)).map(|handle| handle.thread().clone())
        };
        // Where the system refuses threads, fewer do the same work.
        Crew { width, helpers: (0..width - 1).map_while(|i| spawn(i).ok()).collect(), shared }
    }

    fn sleepers(&self) -> impl Iterator<Item = (&AtomicBool, &Thread)> {
        let sleeper = |(asleep, _): &(&AtomicBool, _)| asleep.load(Ordering::SeqCst);
        self.shared.asleep.iter().zip(&self.helpers).filter(sleeper)
    }

    /// How many helpers to wake for a job that so many could share, or `None` to do it alone.
    fn to_wake(&self, helpers: usize, total_ns: usize) -> Option<usize> {
        let awake = self.helpers.len() - self.sleepers().count();
        let paid = helpers.min(total_ns / WORTH_WAKING_NS);
        if paid > awake || awake > 0 {
            ALONE.store(0, Ordering::Relaxed);
            return Some(paid.saturating_sub(awake));
        }
        let alone = ALONE.load(Ordering::Relaxed).saturating_add(total_ns);
        let enough = alone >= 4 * WORTH_WAKING_NS;
        ALONE.store(if enough { 0 } else { alone }, Ordering::Relaxed);
        enough.then_some(1)
    }

    /// Runs `work` here, on helpers that are awake, and on so many that are asleep. A helper that comes
    /// late, or never, finds the job closed: nobody waits for one that did not begin.
    fn run(&self, wake: usize, work: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        let job = Job(work);
        shared.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        let number = (shared.state.load(Ordering::Relaxed) >> NUMBER) + 1;
        // Ordered before the loads of `asleep`: see `help`.
        shared.state.store(number << NUMBER | OPEN, Ordering::SeqCst);
        for (asleep, thread) in self.sleepers().take(wake) {
            asleep.store(false, Ordering::SeqCst);
            thread.unpark();
        }
        let mine = catch_unwind(AssertUnwindSafe(|| work(0)));
        // `job` lives until here: nobody may enter any more, and whoever did has left.
        shared.state.fetch_and(!OPEN, Ordering::Relaxed);
        let mut spins = 0u32;
        while shared.state.load(Ordering::Acquire) & INSIDE != 0 {
            pause(&mut spins);
        }
        let theirs = shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = mine.err().or(theirs) {
            resume_unwind(panic);
        }
    }
}

impl Drop for Crew {
    /// The helpers end by themselves.
    fn drop(&mut self) {
        self.shared.dismissed.store(true, Ordering::SeqCst);
        self.helpers.iter().for_each(Thread::unpark);
    }
}

impl Shared {
    /// What helper `i` does all its life.
    fn help(&self, i: usize) {
        let mut seen = 0;
        while !self.dismissed.load(Ordering::SeqCst) {
            if self.await_job(seen) {
                seen = self.join(seen, i + 1);
                continue;
            }
            // Whoever opens a job stores `state` and then looks who is asleep; we do it the other
            // way round. So one of us sees the other, and no job is slept through.
            self.asleep[i].store(true, Ordering::SeqCst);
            while self.asleep[i].load(Ordering::SeqCst) && !self.is_new(seen) && !self.dismissed.load(Ordering::SeqCst)
            {
                thread::park();
            }
            self.asleep[i].store(false, Ordering::SeqCst);
        }
    }

    fn is_new(&self, seen: u64) -> bool {
        let state = self.state.load(Ordering::SeqCst);
        state & OPEN != 0 && state >> NUMBER != seen
    }

    /// Stays awake for a while; whether a job came.
    fn await_job(&self, seen: u64) -> bool {
        let mut spins = 0;
        let begin = Instant::now();
        loop {
            for _ in 0..64 {
                if self.is_new(seen) {
                    return true;
                }
                pause(&mut spins);
            }
            if !self.cores || begin.elapsed() > AWAKE || self.dismissed.load(Ordering::Relaxed) {
                return false;
            }
        }
    }

    /// Enters the job as thread number `thread`, unless it has been closed, works until nothing is left, and
    /// leaves. Returns the number of the job last seen.
    fn join(&self, seen: u64, thread: usize) -> u64 {
        let entered = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            (state & OPEN != 0 && state >> NUMBER != seen).then_some(state + 1)
        });
        let Ok(state) = entered else { return seen };
        // SAFETY: the job was stored before it was opened, and is not dropped while we are inside.
        let job = unsafe { &*self.job.load(Ordering::Relaxed) };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job.0(thread))) {
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
        self.state.fetch_sub(1, Ordering::Release);
        state >> NUMBER
    }
}

/// Waits a moment: for the other thread of this core every time, for other processes now and then.
fn pause(spins: &mut u32) {
    *spins = spins.wrapping_add(1);
    if spins.is_multiple_of(64) { thread::yield_now() } else { std::hint::spin_loop() }
}

/// Cuts `out` into pieces of `len` elements (the last may be shorter) and runs `f(i, piece i)` for
/// each, as [`for_each`] does.
///
/// # Panics
/// If `len` is 0 and `out` is not empty.
pub fn for_each_chunk<T: Send>(out: &mut [T], len: usize, cost_ns: usize, f: impl Fn(usize, &mut [T]) + Sync) {
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
mod tests;
