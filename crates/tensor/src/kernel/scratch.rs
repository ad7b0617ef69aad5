//! Memory for a task's registers and small arrays, kept by each thread from one task to the next.

use std::cell::Cell;

/// A cache line, the unit of scratch memory.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

/// Larger ones are not kept.
const KEEP_BYTES: usize = 16 << 20;

thread_local! {
    static SPARE: Cell<Vec<Vec<Line>>> = const { Cell::new(Vec::new()) };
}

/// Aligned memory of unspecified, but initialised, contents; it goes back to the thread when
/// dropped. A task that starts inside another one on the same thread gets memory of its own.
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    /// At least `bytes` bytes.
    pub(super) fn take(bytes: usize) -> Scratch {
        let mut spare = SPARE.take();
        let mut lines = spare.pop().unwrap_or_default();
        SPARE.set(spare);
        let wanted = bytes.div_ceil(size_of::<Line>());
        if lines.len() < wanted {
            lines.resize(wanted, Line([0; 64]));
        }
        Scratch(lines)
    }

    /// The first byte, for reading what was written.
    pub(super) fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr().cast()
    }

    /// The first byte, at a multiple of 64.
    pub(super) fn start(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if size_of_val(&self.0[..]) <= KEEP_BYTES {
            let mut spare = SPARE.take();
            spare.push(std::mem::take(&mut self.0));
            SPARE.set(spare);
        }
    }
}

/// Lays regions out one after the other, each at a multiple of 64 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Regions {
    bytes: usize,
}

impl Regions {
    /// Room for `bytes` more; its offset.
    pub(super) fn add(&mut self, bytes: usize) -> usize {
        let start = self.bytes;
        self.bytes += bytes.next_multiple_of(64);
        start
    }

    /// Bytes in all.
    pub(super) fn total(&self) -> usize {
        self.bytes
    }
}
