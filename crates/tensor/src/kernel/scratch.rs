//! Memory for a task's registers and small arrays, kept by each thread from one task to the next.

use std::cell::Cell;

use crate::storage::Block;

/// Larger ones are not kept.
const KEEP_BYTES: usize = 16 << 20;

thread_local! {
    static SPARE: Cell<Vec<Block>> = const { Cell::new(Vec::new()) };
}

/// Aligned memory of unspecified, but initialised, contents; it goes back to the thread when
/// dropped. A task that starts inside another one on the same thread gets memory of its own.
pub(super) struct Scratch(Option<Block>);

impl Scratch {
    /// At least `bytes` bytes.
    #[track_caller]
    pub(super) fn take(bytes: usize) -> Scratch {
        let mut spare = SPARE.take();
        let old = spare.pop();
        SPARE.set(spare);
        let fits = old.filter(|block| block.bytes() >= bytes);
        let block = fits.or_else(|| Block::zeroed(bytes));
        assert!(block.is_some(), "cannot allocate {bytes} bytes of scratch memory");
        Scratch(block)
    }

    fn block(&self) -> &Block {
        self.0.as_ref().expect("there until it is dropped")
    }

    /// The first byte, for reading what was written.
    pub(super) fn as_ptr(&self) -> *const u8 {
        self.block().start()
    }

    /// The first byte, at a multiple of 64.
    pub(super) fn start(&mut self) -> *mut u8 {
        self.block().start()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(block) = self.0.take().filter(|block| block.bytes() <= KEEP_BYTES) {
            let mut spare = SPARE.take();
            spare.push(block);
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
