//! Operands laid out in the order in which the inner kernel reads them.

use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::transpose::{SIDE, prefetch, transpose};

/// A matrix by the place of its first element and the steps to the next row and column.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct View<T> {
    pub(in crate::kernel) first: *const T,
    pub(in crate::kernel) row: isize,
    pub(in crate::kernel) col: isize,
}

// SAFETY: it only says where elements are; whoever reads them promises that they may be.
unsafe impl<T: Sync> Sync for View<T> {}

impl<T> View<T> {
    /// The same from `(i, j)` on.
    #[inline(always)]
    pub(in crate::kernel) fn from(self, i: usize, j: usize) -> Self {
        View { first: self.first.wrapping_offset(i as isize * self.row + j as isize * self.col), ..self }
    }

    #[inline(always)]
    pub(in crate::kernel) fn transposed(self) -> Self {
        View { row: self.col, col: self.row, ..self }
    }
}

/// `k` rows of `n` elements of `from`, `step` apart.
///
/// # Safety
/// All of them must be readable, and writable from `to` on.
pub(in crate::kernel) unsafe fn pack<T: Float>(isa: Isa, from: View<T>, k: usize, n: usize, to: *mut T, step: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if from.col == 1 {
            for p in 0..k {
                // The next row may be in another page, where the processor does not look ahead.
                prefetch(from.from(p + 8, 0).first, n);
                copy(from.from(p, 0).first, to.add(p * step), n);
            }
        } else if from.row == 1 {
            for p in (0..k).step_by(SIDE) {
                for j in (0..n).step_by(SIDE) {
                    let (rows, cols) = (SIDE.min(k - p), SIDE.min(n - j));
                    let source = from.from(p, j);
                    transpose(isa, source.first, source.col, to.add(p * step + j), step as isize, rows, cols);
                }
            }
        } else {
            for p in 0..k {
                for j in 0..n {
                    *to.add(p * step + j) = *from.from(p, j).first;
                }
            }
        }
    }
}

/// `k` rows of `n` elements of `from` in panels of `cols`, one after the other.
///
/// # Safety
/// All of them must be readable, and writable from `to` on.
pub(in crate::kernel) unsafe fn pack_panels<T: Float>(
    isa: Isa,
    cols: usize,
    from: View<T>,
    k: usize,
    n: usize,
    to: *mut T,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if from.col != 1 {
            for j in (0..n).step_by(cols) {
                let width = cols.min(n - j);
                pack(isa, from.from(0, j), k, width, to.add(j * k), width);
            }
            return;
        }
        for p in 0..k {
            // The next row may be in another page, where the processor does not look ahead.
            prefetch(from.from(p + 8, 0).first, n);
            for j in (0..n).step_by(cols) {
                let width = cols.min(n - j);
                copy(from.from(p, j).first, to.add(j * k + p * width), width);
            }
        }
    }
}

/// A few elements; calling `memcpy` would cost more than copying them.
///
/// # Safety
/// They must be readable and writable, without overlap.
#[inline(always)]
pub(in crate::kernel) unsafe fn copy<T: Copy>(from: *const T, to: *mut T, n: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match n {
            0..4 => (0..n).for_each(|i| *to.add(i) = *from.add(i)),
            4..8 => copy_chunks::<T, 4>(from, to, n),
            8..16 => copy_chunks::<T, 8>(from, to, n),
            _ => copy_chunks::<T, 16>(from, to, n),
        }
    }
}

/// At least `CHUNK` elements: the last chunk ends where they do.
///
/// # Safety
/// As for [`copy`].
#[inline(always)]
unsafe fn copy_chunks<T: Copy, const CHUNK: usize>(from: *const T, to: *mut T, n: usize) {
    // SAFETY: the caller's promise.
    let chunk = |at: usize| unsafe {
        to.add(at).cast::<[T; CHUNK]>().write_unaligned(from.add(at).cast::<[T; CHUNK]>().read_unaligned());
    };
    (0..n - CHUNK).step_by(CHUNK).for_each(chunk);
    chunk(n - CHUNK);
}

/// `m` rows and `k` columns of the left operand, in tiles of so many `rows` side by side, one after the
/// other.
///
/// # Safety
/// All of them must be readable, and whole tiles writable from `to` on.
pub(in crate::kernel) unsafe fn pack_left<T: Float>(
    isa: Isa,
    rows: usize,
    from: View<T>,
    m: usize,
    k: usize,
    to: *mut T,
) {
    for i in (0..m).step_by(rows) {
        // SAFETY: the caller's promise.
        unsafe { pack(isa, from.from(i, 0).transposed(), k, rows.min(m - i), to.add(i * k), rows) };
    }
}
