//! A matrix times a vector: every element of the matrix is used once, so it is not packed but read
//! in the order in which it lies in memory.

use super::pack::View;
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};

/// Terms that are added up (in lanes of a vector, or groups of columns, of at most 16) before their
/// sum is added on.
pub(super) const CHAIN: usize = 128;
/// Independent sums of a dot product: enough vectors to hide the latency of an addition.
const LANES: usize = 32;
/// Columns that are added in one pass over `y`.
const COLUMNS: usize = 8;
/// Elements of `y` that stay in the first-level cache meanwhile.
const BLOCK: usize = 2048;

/// Whether this machine has fused multiply-adds, without which these loops are calls of `fma`.
pub(super) fn pays() -> bool {
    cfg!(not(target_arch = "x86_64")) || Isa::get() != Isa::Portable
}

/// `y ← M x` for `M [y.len(), k]`, one of whose strides is 1, and `x` with stride `step`.
///
/// # Safety
/// All elements that these sizes and strides reach must be readable, and none be in `y`.
pub(super) unsafe fn matvec<T: Float>(k: usize, m: View<T>, x: *const T, step: isize, y: &mut [T]) {
    let gathered;
    // SAFETY: the caller's promise; `isa` is what this machine has.
    unsafe {
        let x = if step == 1 {
            std::slice::from_raw_parts(x, k)
        } else {
            gathered = Vec::from_iter((0..k as isize).map(|p| *x.offset(p * step)));
            &gathered
        };
        if m.col == 1 { rows(Isa::get(), m.first, m.row, x, y) } else { columns(Isa::get(), m.first, m.col, x, y) }
    }
}

multiversion! {
    /// Rows without gaps: a dot product each.
    ///
    /// # Safety
    /// As for [`matvec`].
    unsafe fn rows[T: Float](m: *const T, rs: isize, x: &[T], y: &mut [T]) {
        for (i, y) in y.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let row = unsafe { std::slice::from_raw_parts(m.offset(i as isize * rs), x.len()) };
            *y = T::ZERO;
            for (a, b) in row.chunks(4 * CHAIN).zip(x.chunks(4 * CHAIN)) {
                *y += dot(a, b);
            }
        }
    }
}

#[inline(always)]
fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sums[l] = a[l].mul_add(b[l], sums[l]);
        }
    }
    for (sum, (&a, &b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum = a.mul_add(b, *sum);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            sums[l] += sums[l + width];
        }
        width /= 2;
    }
    sums[0]
}

multiversion! {
    /// Columns without gaps: several of them at a time, each times its element of `x`, onto `y`.
    ///
    /// # Safety
    /// As for [`matvec`].
    unsafe fn columns[T: Float](m: *const T, cs: isize, x: &[T], y: &mut [T]) {
        let mut sums = [T::ZERO; BLOCK];
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            y.fill(T::ZERO);
            let len = y.len();
            let sums = &mut sums[..len];
            for (part, x) in x.chunks(CHAIN).enumerate() {
                sums.fill(T::ZERO);
                // SAFETY: the caller's promise.
                let column = |p: usize| unsafe {
                    let first = m.offset((part * CHAIN + p) as isize * cs).add(block * BLOCK);
                    std::slice::from_raw_parts(first, len)
                };
                let (groups, rest) = x.as_chunks::<COLUMNS>();
                for (g, x) in groups.iter().enumerate() {
                    let columns: [_; COLUMNS] = std::array::from_fn(|q| column(g * COLUMNS + q));
                    for (i, y) in sums.iter_mut().enumerate() {
                        let mut sum = x[0] * columns[0][i];
                        for q in 1..COLUMNS {
                            sum = x[q].mul_add(columns[q][i], sum);
                        }
                        *y += sum;
                    }
                }
                for (q, &x) in rest.iter().enumerate() {
                    let column = column(groups.len() * COLUMNS + q);
                    sums.iter_mut().zip(column).for_each(|(y, &m)| *y = x.mul_add(m, *y));
                }
                y.iter_mut().zip(&*sums).for_each(|(y, &sum)| *y += sum);
            }
        }
    }
}
