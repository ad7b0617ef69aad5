//! Matrix products of any strides, over batches and over threads.
//!
//! `matrixmultiply` does the arithmetic on one thread. Around it stand the cut over threads, the
//! accuracy of long sums, and direct loops for what its packing of both operands does not pay for:
//! a product with a vector, and one of a few elements.

mod matvec;

use std::ops::Range;

use super::parallel::{SharedMut, for_each_chunk, for_each_run};
use crate::Float;

/// Elements that `matrixmultiply` knows.
pub trait Gemm: Copy {
    /// `C ← A B + beta C` for `A [m, k]`, `B [k, n]`, `C [m, n]`, on one thread; `rs*` and `cs*` are
    /// the strides of rows and columns. With `beta` zero, `C` is written and never read.
    ///
    /// # Safety
    /// Every element that the sizes and strides reach must be readable (of `A` and `B`) or writable
    /// (of `C`, whose elements must be distinct and not in `A` or `B`).
    #[allow(clippy::too_many_arguments)]
    #[rustfmt::skip]
    unsafe fn gemm(
        m: usize, k: usize, n: usize,
        a: *const Self, rsa: isize, csa: isize,
        b: *const Self, rsb: isize, csb: isize,
        beta: Self, c: *mut Self, rsc: isize, csc: isize,
    );
}

macro_rules! gemm {
    ($($t:ty => $gemm:path),*) => {$(
        impl Gemm for $t {
            #[inline]
            #[rustfmt::skip]
            unsafe fn gemm(
                m: usize, k: usize, n: usize,
                a: *const Self, rsa: isize, csa: isize,
                b: *const Self, rsb: isize, csb: isize,
                beta: Self, c: *mut Self, rsc: isize, csc: isize,
            ) {
                // SAFETY: the caller's promise.
                unsafe { $gemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    )*};
}
gemm!(f32 => matrixmultiply::sgemm, f64 => matrixmultiply::dgemm);

/// A batch of matrices in `data`: element `(i, j)` of matrix `s` is at
/// `offset + batch(s) + i · row_stride + j · col_stride`.
///
/// Strides may be negative (reversed) or zero (broadcast).
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a, T> {
    /// The buffer that the matrices lie in.
    pub data: &'a [T],
    /// Where element `(0, 0)` of a matrix with batch offset 0 is.
    pub offset: usize,
    /// From one row to the next.
    pub row_stride: isize,
    /// From one column to the next.
    pub col_stride: isize,
    /// From one matrix to the next.
    pub batch: BatchOffsets<'a>,
}

/// Where the matrices of a batch start, counted from [`Mat::offset`].
#[derive(Clone, Copy, Debug)]
pub enum BatchOffsets<'a> {
    /// Matrix `s` at `s` times this; 0 for one matrix that all share.
    Stride(isize),
    /// Matrix `s` at element `s` of this.
    Each(&'a [usize]),
}

impl<'a, T> Mat<'a, T> {
    /// One row-major matrix with rows of `cols` elements, from the start of `data`.
    pub fn row_major(data: &'a [T], cols: usize) -> Self {
        let batch = BatchOffsets::Stride(0);
        Mat { data, offset: 0, row_stride: cols as isize, col_stride: 1, batch }
    }

    /// The same matrices with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Mat { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Panics unless all elements of `batch` matrices `[rows, cols]`, none empty, lie in the buffer.
    fn check(&self, name: &str, batch: usize, [rows, cols]: [usize; 2]) {
        // In i128 nothing overflows, whatever the strides.
        let span = |n: usize, stride: isize| {
            let last = (n as i128 - 1) * stride as i128;
            [last.min(0), last.max(0)]
        };
        let starts = match self.batch {
            BatchOffsets::Stride(stride) => span(batch, stride),
            BatchOffsets::Each(at) => {
                assert!(at.len() >= batch, "matmul: {} offsets of {name} for a batch of {batch}", at.len());
                let of = |o: Option<&usize>| o.map_or(0, |&o| o as i128);
                [of(at[..batch].iter().min()), of(at[..batch].iter().max())]
            }
        };
        let (rs, cs) = (span(rows, self.row_stride), span(cols, self.col_stride));
        let [first, last] = [0, 1].map(|end| self.offset as i128 + starts[end] + rs[end] + cs[end]);
        let len = self.data.len();
        assert!(
            first >= 0 && last < len as i128,
            "matmul: {batch} × {name} [{rows}, {cols}] reaches from element {first} to {last} of {len}"
        );
    }

    /// # Safety
    /// `check` must have seen the element.
    #[inline]
    unsafe fn at(&self, s: usize, i: usize, j: usize) -> *const T {
        let start = match self.batch {
            BatchOffsets::Stride(stride) => s as isize * stride,
            BatchOffsets::Each(at) => at[s] as isize,
        };
        let at = start + i as isize * self.row_stride + j as isize * self.col_stride;
        // SAFETY: the element lies in the buffer.
        unsafe { self.data.as_ptr().offset(self.offset as isize + at) }
    }
}

/// Work is cut along the longer side of `C`, into pieces of a multiple of this: of the size of every
/// micro-kernel, so that each of these starts where it would in an uncut product.
const GRAIN: usize = 64;
/// The multiplications of the smallest piece: about 20 µs.
const PIECE: usize = 1 << 19;
/// Longer sums are added up in several parts.
const LONG_SUM: usize = 4096;

/// `C ← A B + beta C` for each of `batch` matrices `A [m, k]` and `B [k, n]`; `c` is
/// `[batch, m, n]`, row-major. With `beta` zero, what `c` held does not matter, not even NaN.
///
/// The result is the same bits at any number of threads: an element is always the same sum in the
/// same order, and only how many of them one call of the inner kernel computes is left to chance.
///
/// ```
/// use wengert_tensor::kernel::matmul::{Mat, matmul};
/// let a = [1.0f32, 2.0, 3.0, 4.0];
/// let mut c = [0.0; 4];
/// matmul(1, 2, 2, 2, Mat::row_major(&a, 2), Mat::row_major(&a, 2).transposed(), &mut c, 0.0);
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// ```
///
/// # Panics
/// If `a` or `b` reaches outside of its buffer, or `c` has another length.
#[allow(clippy::too_many_arguments)]
#[rustfmt::skip]
pub fn matmul<T: Float>(
    batch: usize, m: usize, k: usize, n: usize,
    a: Mat<'_, T>, b: Mat<'_, T>, c: &mut [T], beta: T,
) {
    let size = m.checked_mul(n).and_then(|mn| mn.checked_mul(batch));
    assert_eq!(size, Some(c.len()), "matmul: the output is not [{batch}, {m}, {n}]");
    if c.is_empty() {
        return;
    }
    if k == 0 {
        return add_scaled(c, beta, None);
    }
    a.check("A", batch, [m, k]);
    b.check("B", batch, [k, n]);

    // Many matrices below each other, times one: a single tall product.
    let below = a.row_stride.checked_mul(m as isize);
    let (batch, m) = match (a.batch, b.batch) {
        (BatchOffsets::Stride(s), BatchOffsets::Stride(0)) if Some(s) == below => (1, batch * m),
        _ => (batch, m),
    };
    let product = Product { m, k, n, a, b, kernel: Kernel::of(m, k, n, &a, &b) };
    let (long, short) = (m.max(n), m.min(n));
    let column = short.saturating_mul(k);
    let size = long.saturating_mul(column);
    let grain = match PIECE.div_ceil(column.saturating_mul(GRAIN)).saturating_mul(GRAIN) {
        _ if size < 2 * PIECE => long,
        grain => grain,
    };
    let pieces = long.div_ceil(grain);
    let step = if k > LONG_SUM { GRAIN * (k / GRAIN).isqrt() } else { k };
    let steps = k.div_ceil(step);

    // A long sum into a small C gives nothing to cut but the sum itself.
    if pieces == 1 && steps > 1 && batch.saturating_mul(steps * m * n) <= 1 << 20 {
        let mut parts = vec![T::ZERO; batch * steps * m * n];
        let cost = product.cost_ns(m * n * step);
        for_each_chunk(&mut parts, m * n, cost, |t, part| {
            let from = t % steps * step;
            // SAFETY: `part` is a whole C, and `check` has seen all of A and B.
            unsafe { product.block(t / steps, 0..m, 0..n, from..(from + step).min(k), T::ZERO, part.as_mut_ptr(), n) };
        });
        for (c, parts) in c.chunks_mut(m * n).zip(parts.chunks_mut(steps * m * n)) {
            let (sum, rest) = parts.split_at_mut(m * n);
            rest.chunks(m * n).for_each(|part| add_scaled(sum, T::ONE, Some(part)));
            add_scaled(c, beta, Some(sum));
        }
        return;
    }

    let out = SharedMut::new(c);
    for_each_run(batch * pieces, product.cost_ns(size / pieces), |run| {
        let mut start = run.start;
        while start < run.end {
            let (s, first) = (start / pieces, start % pieces);
            let last = pieces.min(first + run.end - start);
            let cut = first * grain..last.saturating_mul(grain).min(long);
            let (rows, cols) = if m >= n { (cut, 0..n) } else { (0..m, cut) };
            // SAFETY: `check` has seen all of A and B; this part of C is no other run's.
            unsafe { product.tile(s, rows, cols, step, beta, &out) };
            start += last - first;
        }
    });
}

/// `c ← beta c + x`.
fn add_scaled<T: Float>(c: &mut [T], beta: T, x: Option<&[T]>) {
    match x {
        None if beta == T::ZERO => c.fill(T::ZERO),
        None => c.iter_mut().for_each(|c| *c *= beta),
        Some(x) if beta == T::ZERO => c.copy_from_slice(x),
        Some(x) => c.iter_mut().zip(x).for_each(|(c, &x)| *c = beta * *c + x),
    }
}

/// The inner loop, chosen for the whole product so that no part of it is summed in another order.
#[derive(Clone, Copy, PartialEq)]
enum Kernel {
    /// So few elements that a call of anything costs more.
    Tiny,
    /// `C` is one column.
    Column,
    /// `C` is one row.
    Row,
    Gemm,
}

impl Kernel {
    fn of<T>(m: usize, k: usize, n: usize, a: &Mat<'_, T>, b: &Mat<'_, T>) -> Kernel {
        let dense = |mat: &Mat<'_, T>| mat.row_stride == 1 || mat.col_stride == 1;
        match () {
            _ if m.saturating_mul(n).saturating_mul(k) <= 64 => Kernel::Tiny,
            _ if n == 1 && dense(a) && matvec::pays() => Kernel::Column,
            _ if m == 1 && dense(b) && matvec::pays() => Kernel::Row,
            _ => Kernel::Gemm,
        }
    }
}

struct Product<'a, T> {
    m: usize,
    k: usize,
    n: usize,
    a: Mat<'a, T>,
    b: Mat<'a, T>,
    kernel: Kernel,
}

impl<T: Float> Product<'_, T> {
    /// The estimated time of so many multiplications.
    fn cost_ns(&self, multiplications: usize) -> usize {
        let per_ns = if self.kernel == Kernel::Gemm { 160 / size_of::<T>() } else { 10 };
        multiplications / per_ns + 50
    }

    /// A part of `C`, with its sum in parts of `step`.
    ///
    /// # Safety
    /// `check` must have seen `A` and `B`, and nobody else may use this part of `C`.
    unsafe fn tile(
        &self,
        s: usize,
        rows: Range<usize>,
        cols: Range<usize>,
        step: usize,
        beta: T,
        out: &SharedMut<'_, T>,
    ) {
        let n = self.n;
        // SAFETY: the part begins inside of C.
        let c = unsafe { out.as_mut_ptr().add((s * self.m + rows.start) * n + cols.start) };
        // SAFETY: the caller's promise.
        unsafe { self.block(s, rows.clone(), cols.clone(), 0..step.min(self.k), beta, c, n) };
        if step >= self.k {
            return;
        }
        let width = cols.len();
        let mut part = vec![T::ZERO; rows.len() * width];
        for from in (step..self.k).step_by(step) {
            let terms = from..(from + step).min(self.k);
            // SAFETY: `part` has room for these rows and columns.
            unsafe { self.block(s, rows.clone(), cols.clone(), terms, T::ZERO, part.as_mut_ptr(), width) };
            for (i, part) in part.chunks(width).enumerate() {
                // SAFETY: row `i` of this part of C, which is ours alone.
                let c = unsafe { std::slice::from_raw_parts_mut(c.add(i * n), width) };
                add_scaled(c, T::ONE, Some(part));
            }
        }
    }

    /// `c ← A[rows, terms] B[terms, cols] + beta c`, where rows of `c` are `ldc` apart.
    ///
    /// # Safety
    /// `check` must have seen `A` and `B`, and `c` must be ours to write.
    #[allow(clippy::too_many_arguments)]
    #[rustfmt::skip]
    unsafe fn block(
        &self, s: usize, rows: Range<usize>, cols: Range<usize>, terms: Range<usize>,
        beta: T, c: *mut T, ldc: usize,
    ) {
        let (m, k, n) = (rows.len(), terms.len(), cols.len());
        let (rsa, csa) = (self.a.row_stride, self.a.col_stride);
        let (rsb, csb) = (self.b.row_stride, self.b.col_stride);
        // SAFETY: `check` has seen all elements that these sizes and strides reach. `c` has `m` rows
        // of `n` elements; where it is a vector, it has no gaps: `ldc` is 1, or there is one row.
        unsafe {
            let a = self.a.at(s, rows.start, terms.start);
            let b = self.b.at(s, terms.start, cols.start);
            match self.kernel {
                Kernel::Gemm => T::gemm(m, k, n, a, rsa, csa, b, rsb, csb, beta, c, ldc as isize, 1),
                Kernel::Column => matvec::matvec(k, a, rsa, csa, b, rsb, beta, std::slice::from_raw_parts_mut(c, m)),
                Kernel::Row => matvec::matvec(k, b, csb, rsb, a, csa, beta, std::slice::from_raw_parts_mut(c, n)),
                Kernel::Tiny => {
                    for i in 0..m {
                        for j in 0..n {
                            let mut sum = T::ZERO;
                            for p in 0..k as isize {
                                sum += *a.offset(i as isize * rsa + p * csa) * *b.offset(p * rsb + j as isize * csb);
                            }
                            let c = c.add(i * ldc + j);
                            *c = if beta == T::ZERO { sum } else { beta * *c + sum };
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
