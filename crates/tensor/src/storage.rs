//! Memory of tensors: aligned buffers that go back to a pool when their last owner drops them.
//!
//! Page faults dominate the cost of large temporaries, so freed buffers are kept, by size
//! class, up to the largest number of bytes that were ever live at once.

mod pages;

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Mutex;

use crate::{Element, ShapeError};

/// A whole cache line and one AVX-512 vector.
const ALIGN: usize = 64;
/// Blocks from this size on, whose classes are whole pages, come from the system itself.
const PAGES: usize = 256 << 10;

/// A fixed-size buffer of elements.
pub(crate) struct Storage<T> {
    ptr: NonNull<T>,
    len: usize,
    /// Bytes of the block, one of the size classes.
    bytes: usize,
}

// SAFETY: a storage owns its block alone, and elements are plain numbers.
unsafe impl<T: Element> Send for Storage<T> {}
// SAFETY: as above; shared access only reads.
unsafe impl<T: Element> Sync for Storage<T> {}

impl<T: Element> Storage<T> {
    /// `len` elements of unspecified (but initialised) values: what the block's last owner
    /// left there, or zeros. `bool`s are cleared.
    ///
    /// Refuses what the allocator refuses, so a size that cannot be is an error, not an abort.
    pub(crate) fn recycled(len: usize) -> Result<Self, ShapeError> {
        let found = len.checked_mul(size_of::<T>()).and_then(block);
        let Some((block, bytes)) = found else {
            return Err(ShapeError::new(format!("cannot allocate {len} elements of {}", T::NAME)));
        };
        let mut storage = Storage { ptr: block.cast::<T>(), len, bytes };
        if !T::ANY_BITS {
            // SAFETY: the block holds `bytes >= len * size_of::<T>()` bytes; zero is a valid `bool`.
            unsafe { storage.ptr.as_ptr().write_bytes(0, len) };
        }
        debug_assert!(storage.deref_mut().len() == len);
        Ok(storage)
    }
}

impl<T> Deref for Storage<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the block is aligned, holds `len` elements, and is always initialised: it
        // starts zeroed and only whole elements are written; `bool` blocks are cleared when taken.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Storage<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` is the only access.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl<T> Drop for Storage<T> {
    fn drop(&mut self) {
        give_back(Block(self.ptr.cast()), self.bytes);
    }
}

/// A block of at least so many bytes, and how many it has.
fn block(bytes: usize) -> Option<(NonNull<u8>, usize)> {
    let bytes = size_class(bytes)?;
    // The guard must be gone before `fresh` locks again.
    let cached = pool().take(bytes);
    Some((cached.or_else(|| fresh(bytes))?, bytes))
}

fn give_back(block: Block, bytes: usize) {
    pool().give(block, bytes);
}

/// Live, peak and cached bytes of all tensors of the process.
///
/// ```
/// use wengert_tensor::{MemoryUse, Tensor};
/// let before = MemoryUse::now().live;
/// let t = Tensor::<f32>::zeros([1000]);
/// assert!(MemoryUse::now().live >= before + 4000);
/// # drop(t);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes that tensors hold now.
    pub live: usize,
    /// The largest `live` since the start, or since [`MemoryUse::reset_peak`].
    pub peak: usize,
    /// Bytes that are free and kept for reuse.
    pub cached: usize,
}

impl MemoryUse {
    /// The present state.
    pub fn now() -> Self {
        pool().usage
    }

    /// Starts a new peak from what is live now.
    pub fn reset_peak() {
        let mut pool = pool();
        pool.usage.peak = pool.usage.live;
    }

    /// Gives every cached buffer back to the allocator.
    pub fn release_cached() {
        pool().trim(0);
    }
}

struct Block(NonNull<u8>);
// SAFETY: a pooled block has no owner, and its memory belongs to no thread.
unsafe impl Send for Block {}

struct Pool {
    /// Free blocks by size class, in ascending order of bytes.
    free: Vec<(usize, Vec<Block>)>,
    usage: MemoryUse,
    /// The largest `live` ever, which bounds what is cached.
    high: usize,
}

static POOL: Mutex<Pool> =
    Mutex::new(Pool { free: Vec::new(), usage: MemoryUse { live: 0, peak: 0, cached: 0 }, high: 0 });

fn pool() -> std::sync::MutexGuard<'static, Pool> {
    // No code that can panic runs under the lock, so poison means nothing here.
    POOL.lock().unwrap_or_else(|e| e.into_inner())
}

impl Pool {
    fn take(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        let found = self.free.binary_search_by_key(&bytes, |class| class.0);
        let block = found.ok().and_then(|i| self.free[i].1.pop());
        if block.is_some() {
            self.usage.cached -= bytes;
            self.live(bytes);
        }
        block.map(|b| b.0)
    }

    fn live(&mut self, bytes: usize) {
        self.usage.live += bytes;
        self.usage.peak = self.usage.peak.max(self.usage.live);
        self.high = self.high.max(self.usage.live);
    }

    fn give(&mut self, block: Block, bytes: usize) {
        self.usage.live -= bytes;
        self.usage.cached += bytes;
        match self.free.binary_search_by_key(&bytes, |class| class.0) {
            Ok(i) => self.free[i].1.push(block),
            Err(i) => self.free.insert(i, (bytes, vec![block])),
        }
        // Live and cached together stay under the most that was ever needed, with some slack.
        if self.usage.live + self.usage.cached > self.high + self.high / 4 + (1 << 20) {
            self.trim(self.usage.cached / 2);
        }
    }

    /// Frees cached blocks, the largest first, until at most `keep` bytes are cached.
    fn trim(&mut self, keep: usize) {
        for (bytes, blocks) in self.free.iter_mut().rev() {
            while self.usage.cached > keep {
                let Some(block) = blocks.pop() else { break };
                self.usage.cached -= *bytes;
                // SAFETY: the block came from `fresh` with as many bytes and has no owner.
                unsafe {
                    match *bytes {
                        PAGES.. => pages::unmap(block.0, *bytes),
                        _ => dealloc(block.0.as_ptr(), layout(*bytes)),
                    }
                }
            }
        }
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, ALIGN).expect("size classes fit a layout")
}

fn fresh(bytes: usize) -> Option<NonNull<u8>> {
    let block = match bytes {
        PAGES.. => pages::map(bytes)?,
        // SAFETY: a size class is never zero.
        _ => NonNull::new(unsafe { alloc_zeroed(layout(bytes)) })?,
    };
    pool().live(bytes);
    Some(block)
}

/// The smallest class of at least `bytes`: 64 bytes, then four classes an octave.
fn size_class(bytes: usize) -> Option<usize> {
    if bytes > (isize::MAX as usize) / 2 {
        return None;
    }
    let bytes = bytes.max(ALIGN);
    let step = (bytes.next_power_of_two() / 8).max(ALIGN);
    Some(bytes.next_multiple_of(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_tight_and_aligned() {
        for bytes in (0..5000).chain([1 << 20, (1 << 20) + 1, 123_456_789]) {
            let class = size_class(bytes).unwrap();
            assert!(class >= bytes && class.is_multiple_of(ALIGN), "{bytes} -> {class}");
            assert!(class <= (bytes + bytes / 4).max(bytes + 2 * ALIGN), "{bytes} -> {class}");
        }
        assert_eq!(size_class(usize::MAX), None);
    }

    #[test]
    fn bools_are_valid_after_reuse() {
        drop({
            let mut s = Storage::<u8>::recycled(4096).unwrap();
            s.fill(0xff);
            s
        });
        let s = Storage::<bool>::recycled(4096).unwrap();
        assert!(s.iter().all(|&b| !b));
    }

    #[test]
    fn impossible_sizes_are_errors() {
        assert!(Storage::<f64>::recycled(1 << 60).is_err());
        assert!(Storage::<f64>::recycled(usize::MAX).is_err());
    }
}
