//! Writing outputs that no cache would hold until they are read again: past the caches, so that
//! memory need not be read before it is written.

use super::strided::Grid;

/// Bytes of an output from which on it is written past the caches.
pub(super) const PAST_CACHES: usize = 32 << 20;

/// Copies `rows` rows of `cols` elements, both contiguous; whole cache lines go past the caches.
/// Before the output is said to be there, [`fence`] must be called.
///
/// # Safety
/// Every element must be readable in `from` and writable in `to`, and the two must not overlap.
#[inline]
pub(super) unsafe fn write_past_caches<T: Copy>(from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
    for i in 0..rows as isize {
        // SAFETY: elements of row `i`, which the caller promises.
        unsafe { write_row(from.first.offset(i * from.rows), to.first.offset(i * to.rows), cols) };
    }
}

/// One row.
///
/// # Safety
/// `n` elements must be readable in `from` and writable in `to`, without overlap.
#[inline(always)]
unsafe fn write_row<T: Copy>(from: *const T, to: *mut T, n: usize) {
    // SAFETY: the caller's promise; where whole vectors are moved, `to` starts at a cache line.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if to.addr().is_multiple_of(64) && (n * size_of::<T>()).is_multiple_of(64) {
            use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
            for k in 0..n * size_of::<T>() / 16 {
                _mm_stream_si128(to.cast::<__m128i>().add(k), _mm_loadu_si128(from.cast::<__m128i>().add(k)));
            }
            return;
        }
        from.copy_to_nonoverlapping(to, n);
    }
}

/// Makes what was written past the caches visible to whoever learns that the task is done.
#[inline]
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 machine has this instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
