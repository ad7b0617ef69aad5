//! Matrix products of any strides, over batches and over threads.
//!
//! An inner kernel keeps a tile of `C` in registers (`tile`); around it, operands are packed where
//! they are read often enough (`block`), and the work is cut over threads. A product with a vector
//! reads its matrix once, in the order in which it lies in memory (`matvec`).
//!
//! Sums of `f32` stay within a few units of the last place of the sum of the absolute terms for any
//! length: they are added in short chains, and the sums of these in pairs of pairs.

pub(in crate::kernel) mod block;
mod cursor;
mod mat;
mod matvec;
pub(in crate::kernel) mod pack;
pub(in crate::kernel) mod tile;

use std::ops::Range;

use super::isa::Isa;
use super::parallel::{SharedMut, for_each, for_each_chunk, threads};
use crate::Float;
use block::{Block, Rights};
pub use mat::{BatchOffsets, Mat};
use pack::View;
pub use tile::Gemm;
use tile::Micro;

/// The multiplications of the smallest piece of work: about 10 µs.
const PIECE: usize = 1 << 19;
/// A product is cut into at most so many pieces a thread.
const PIECES_PER_THREAD: usize = 24;
/// Rows and columns are cut in multiples of this.
const GRAIN: usize = 48;
/// Elements of the right operand that are packed at once: 8 MB of `f32`.
const PACKED: usize = 1 << 21;
/// Elements of the partial sums that are computed side by side, by tasks of their own, if a sum has
/// fewer pieces than enough for any number of threads.
const PARTS: usize = 1 << 20;
const FEW: usize = 16;

/// `C ← A B` for each of `batch` matrices `A [m, k]` and `B [k, n]`; `c` is `[batch, m, n]`,
/// row-major. What `c` held does not matter.
///
/// The result is the same bits at any number of threads: an element is always the same sum in the
/// same order.
///
/// ```
/// use wengert_tensor::kernel::matmul::{Mat, matmul};
/// let a = [1.0f32, 2.0, 3.0, 4.0];
/// let mut c = [0.0; 4];
/// matmul(1, 2, 2, 2, Mat::row_major(&a, 2), Mat::row_major(&a, 2).transposed(), &mut c);
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// ```
///
/// # Panics
/// If `a` or `b` reaches outside of its buffer, or `c` has another length.
#[rustfmt::skip]
#[inline(never)]
pub fn matmul<T: Float>(
    batch: usize, m: usize, k: usize, n: usize,
    a: Mat<'_, T>, b: Mat<'_, T>, c: &mut [T],
) {
    let size = m.checked_mul(n).and_then(|mn| mn.checked_mul(batch));
    assert_eq!(size, Some(c.len()), "matmul: the output is not [{batch}, {m}, {n}]");
    if c.is_empty() {
        return;
    }
    if k == 0 {
        return c.fill(T::ZERO);
    }
    a.check("A", batch, [m, k]);
    b.check("B", batch, [k, n]);

    // Many matrices below each other, times one: a single tall product.
    let below = a.row_stride.checked_mul(m as isize);
    let (batch, m) = match (a.batch, b.batch) {
        (BatchOffsets::Stride(s), BatchOffsets::Stride(0)) if Some(s) == below => (1, batch * m),
        _ => (batch, m),
    };
    let isa = Isa::get();
    let (kernel, turned) = Kernel::of(m, k, n, &a, &b);
    let (m, n, a, b) = if turned { (n, m, b.transposed(), a.transposed()) } else { (m, n, a, b) };
    Product { batch, m, n, a, b, isa, micro: T::micro(isa), kernel, turned }.sum(0..k, c);
}

/// The inner loop, chosen for the whole product so that no part of it is summed in another order.
#[derive(Clone, Copy, PartialEq)]
enum Kernel {
    /// So few elements that a call of anything costs more.
    Tiny,
    /// `C` is one column.
    Column,
    Tiles,
}

impl Kernel {
    /// Which one, and whether it had better compute the transpose of `C`.
    fn of<T: Float>(m: usize, k: usize, n: usize, a: &Mat<'_, T>, b: &Mat<'_, T>) -> (Kernel, bool) {
        // What is packed and what is transposed, one way and the other.
        let tiles = (Kernel::Tiles, b.col_stride != 1 && m.saturating_mul(k + n) < n.saturating_mul(k));
        if k <= 16 && m.saturating_mul(n).saturating_mul(k) <= 64 {
            return (Kernel::Tiny, false);
        }
        if m > 1 && n > 1 || !matvec::pays() {
            return tiles;
        }
        let (mat, rows) = if n == 1 { (*a, m) } else { (b.transposed(), n) };
        match [mat.row_stride, mat.col_stride] {
            // A tile makes few columns of many terms sooner, and rows of few.
            [1, _] if k >= 64 && (8..=64).contains(&rows) => (Kernel::Tiles, n == 1),
            [1, _] => (Kernel::Column, n > 1),
            [_, 1] if k <= 8 => (Kernel::Tiles, n > 1),
            [_, 1] => (Kernel::Column, n > 1),
            _ => tiles,
        }
    }

    /// The most terms that are summed by anything but pairs of pairs.
    fn terms(self) -> usize {
        match self {
            Kernel::Tiles => 16 * tile::TERMS,
            _ => 16 * matvec::CHAIN,
        }
    }
}

/// `C ← A B`, or with `Cᵀ` in the place of `C` if it is `turned`.
struct Product<'a, T> {
    batch: usize,
    m: usize,
    n: usize,
    a: Mat<'a, T>,
    b: Mat<'a, T>,
    isa: Isa,
    micro: Micro<T>,
    kernel: Kernel,
    turned: bool,
}

impl<T: Float> Product<'_, T> {
    /// `c ← A[:, terms] B[terms, :]`.
    fn sum(&self, terms: Range<usize>, c: &mut [T]) {
        let (k, size) = (terms.len(), self.m * self.n);
        let most = match self.pieces(k) {
            // Nothing to cut but the sum itself.
            1 if self.batch == 1 && size.saturating_mul(k) >= 2 * PIECE => {
                (PIECE / size).next_multiple_of(tile::TERMS).min(self.kernel.terms())
            }
            _ => self.kernel.terms(),
        };
        let parts = k.div_ceil(most);
        if parts == 1 {
            self.whole(terms, c);
        } else if c.len().saturating_mul(parts) <= PARTS && self.pieces(most) < FEW {
            let mut sums = vec![T::ZERO; c.len() * parts];
            for_each_chunk(&mut sums, size, self.cost_ns(size * most), |i, part| {
                let from = terms.start + i % parts * most;
                let out = SharedMut::new(part);
                // SAFETY: `part` is a whole C, and `check` has seen all of A and B.
                unsafe {
                    self.block(i / parts, 0..self.m, 0..self.n, from..(from + most).min(terms.end), None, &out, 0)
                };
            });
            for (c, sums) in c.chunks_mut(size).zip(sums.chunks_mut(parts * size)) {
                add_in_pairs(sums, size);
                c.copy_from_slice(&sums[..size]);
            }
        } else {
            let middle = terms.start + parts.next_power_of_two() / 2 * most;
            self.sum(terms.start..middle, c);
            let mut rest = vec![T::ZERO; c.len()];
            self.sum(middle..terms.end, &mut rest);
            c.iter_mut().zip(rest).for_each(|(c, rest)| *c += rest);
        }
    }

    /// Into how many pieces one matrix of `C` is cut, for sums of `k` terms.
    fn pieces(&self, k: usize) -> usize {
        let work = self.m.saturating_mul(self.n).saturating_mul(k);
        let most = self.m.div_ceil(GRAIN).saturating_mul(self.n.div_ceil(GRAIN));
        if work < 2 * PIECE { 1 } else { most.min(work / PIECE) }
    }

    /// As [`Product::sum`], for few enough terms.
    fn whole(&self, terms: Range<usize>, c: &mut [T]) {
        let (m, n, k) = (self.m, self.n, terms.len());
        let out = SharedMut::new(c);
        let threads = threads();
        let wanted = self.pieces(k).min(threads * PIECES_PER_THREAD);
        // Enough matrices for every thread, or too small ones to cut.
        if wanted == 1 || threads == 1 || self.batch >= 2 * threads && m * n * k < 16 * PIECE {
            return for_each(self.batch, self.cost_ns(m * n * k), |s| {
                for cols in self.columns(k) {
                    // SAFETY: `check` has seen all of A and B; this matrix of C is no other task's.
                    unsafe { self.block(s, 0..m, cols, terms.clone(), None, &out, s * m * n) };
                }
            });
        }
        let cut = |size: usize, pieces: usize| size.div_ceil(pieces).next_multiple_of(GRAIN).min(size);
        // Rows first, of which a task packs those that it needs, if there are more of them than go together.
        let [first, second] = if m > block::ROWS { [m, n] } else { [n, m] };
        let first_cut = cut(first, wanted.min(first.div_ceil(GRAIN)));
        let second_cut = cut(second, wanted.div_ceil(first.div_ceil(first_cut)));
        let [height, width] = if m > block::ROWS { [first_cut, second_cut] } else { [second_cut, first_cut] };
        let panel = if width == n { self.micro.width(n) } else { self.micro.cols };
        for s in 0..self.batch {
            for cols in self.columns(k) {
                let b = self.b.matrix(s).from(terms.start, cols.start);
                // SAFETY: `check` has seen all of B.
                let rights = (self.kernel == Kernel::Tiles)
                    .then(|| unsafe { Rights::new(self.isa, panel, b, k, cols.len(), m, true) });
                let (across, down) = (cols.len().div_ceil(width), m.div_ceil(height));
                for_each(across * down, self.cost_ns(width * height * k), |i| {
                    // A thread's tasks follow one another: they go along the shorter side first, so that of
                    // the larger operand each thread reads, and packs, a part of its own.
                    let (i, j) = if n > m { (i % down, i / down) } else { (i / across, i % across) };
                    let (i, j) = (i * height, cols.start + j * width);
                    let shared = rights.as_ref().map(|rights| (rights, cols.start));
                    let (rows, cols) = (i..(i + height).min(m), j..(j + width).min(cols.end));
                    // SAFETY: as above; this part of C is no other task's.
                    unsafe { self.block(s, rows, cols, terms.clone(), shared, &out, s * m * n) };
                });
            }
        }
    }

    /// The columns of `B`, those together that are packed at once.
    fn columns(&self, k: usize) -> impl Iterator<Item = Range<usize>> {
        let step = if self.m <= block::ROWS { self.n } else { (PACKED / k).next_multiple_of(GRAIN) };
        (0..self.n).step_by(step).map(move |from| from..(from + step).min(self.n))
    }

    /// The estimated time of so many multiplications.
    fn cost_ns(&self, multiplications: usize) -> usize {
        let per_ns = if self.kernel == Kernel::Tiles { 160 / size_of::<T>() } else { 10 };
        multiplications / per_ns + 50
    }

    /// `c ← A[rows, terms] B[terms, cols]`, where element `at` of `out` begins the matrix that `c` is
    /// part of; with the columns of `B` from some on, if they are packed already.
    ///
    /// # Safety
    /// `check` must have seen `A` and `B`, and nobody else may use this part of `C`.
    #[allow(clippy::too_many_arguments)]
    #[rustfmt::skip]
    unsafe fn block(
        &self, s: usize, rows: Range<usize>, cols: Range<usize>, terms: Range<usize>,
        rights: Option<(&Rights<T>, usize)>, out: &SharedMut<'_, T>, at: usize,
    ) {
        let (m, k, n) = (rows.len(), terms.len(), cols.len());
        let a = self.a.matrix(s).from(rows.start, terms.start);
        let b = self.b.matrix(s).from(terms.start, cols.start);
        let (first, step) = match self.turned {
            false => (rows.start * self.n + cols.start, self.n),
            true => (cols.start * self.m + rows.start, self.m),
        };
        // SAFETY: `check` has seen all elements that these sizes and strides reach. `c` has the rows and columns
        // of this block; where it is a column, it has no gaps.
        unsafe {
            let c = out.as_mut_ptr().add(at + first);
            match self.kernel {
                Kernel::Tiny => tiny(m, k, n, a, b, c),
                Kernel::Column => matvec::matvec(k, a, b.first, b.row, std::slice::from_raw_parts_mut(c, m)),
                Kernel::Tiles => {
                    let block = Block { isa: self.isa, micro: self.micro, m, k, n };
                    let own;
                    let (rights, from) = match rights {
                        Some((rights, from)) => (rights, cols.start - from),
                        None => {
                            own = Rights::new(self.isa, self.micro.width(n), b, k, n, m, false);
                            (&own, 0)
                        }
                    };
                    match self.turned {
                        false => block.product(a, rights, from, c, step),
                        true => block.product_turned(a, rights, from, c, step),
                    }
                }
            }
        }
    }
}

/// Three loops.
///
/// # Safety
/// As for [`Product::block`].
unsafe fn tiny<T: Float>(m: usize, k: usize, n: usize, a: View<T>, b: View<T>, c: *mut T) {
    for i in 0..m {
        for j in 0..n {
            let mut sum = T::ZERO;
            for p in 0..k {
                // SAFETY: the caller's promise.
                sum += unsafe { *a.from(i, p).first * *b.from(p, j).first };
            }
            // SAFETY: as above.
            unsafe { *c.add(i * n + j) = sum };
        }
    }
}

/// Adds arrays of `size` elements that lie one after the other, in pairs of pairs, to the first.
pub(in crate::kernel) fn add_in_pairs<T: Float>(arrays: &mut [T], size: usize) {
    let parts = arrays.len() / size;
    if parts < 2 {
        return;
    }
    let (first, second) = arrays.split_at_mut(parts.next_power_of_two() / 2 * size);
    add_in_pairs(first, size);
    add_in_pairs(second, size);
    first.iter_mut().zip(&second[..size]).for_each(|(a, &b)| *a += b);
}

#[cfg(test)]
mod tests;
