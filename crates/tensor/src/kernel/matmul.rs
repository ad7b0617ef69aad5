//! Matrix products of any strides, over batches and over threads.

use std::ops::{Add, Mul};

use super::parallel::{SharedMut, for_each};

/// Elements that have a matrix product.
pub trait Gemm: Copy + Send + Sync + PartialEq + Default + Add<Output = Self> + Mul<Output = Self> {
    /// The multiplicative identity.
    const UNIT: Self;

    /// `C ← A B + beta C` for `A [m, k]`, `B [k, n]`, `C [m, n]`; `rs*` and `cs*` are the strides of
    /// rows and columns. With `beta` zero, `C` is written and never read.
    ///
    /// # Safety
    /// Every element that the sizes and strides reach must be readable (of `A` and `B`) or writable
    /// (of `C`, whose elements must be distinct and not in `A` or `B`).
    #[allow(clippy::too_many_arguments)]
    unsafe fn gemm(
        m: usize, k: usize, n: usize,
        a: *const Self, rsa: isize, csa: isize,
        b: *const Self, rsb: isize, csb: isize,
        beta: Self,
        c: *mut Self, rsc: isize, csc: isize,
    );
}

macro_rules! gemm {
    ($($t:ty, $gemm:path;)*) => {$(
        impl Gemm for $t {
            const UNIT: Self = 1.0;

            #[inline]
            unsafe fn gemm(
                m: usize, k: usize, n: usize,
                a: *const Self, rsa: isize, csa: isize,
                b: *const Self, rsb: isize, csb: isize,
                beta: Self,
                c: *mut Self, rsc: isize, csc: isize,
            ) {
                // SAFETY: the caller's promise is the same as the one asked for here.
                unsafe { $gemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    )*};
}
gemm! {
    f32, matrixmultiply::sgemm;
    f64, matrixmultiply::dgemm;
}

/// A batch of matrices in `data`: element `(i, j)` of matrix `b` is
/// `data[offset + batch(b) + i·row_stride + j·col_stride]`.
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

/// Where the matrices of a batch start.
#[derive(Clone, Copy, Debug)]
pub enum BatchOffsets<'a> {
    /// Matrix `b` starts `b` times this after the first one; 0 for one matrix shared by all.
    Stride(isize),
    /// Matrix `b` starts this much after [`Mat::offset`].
    Each(&'a [usize]),
}

impl BatchOffsets<'_> {
    #[inline]
    fn at(&self, b: usize) -> isize {
        match self {
            BatchOffsets::Stride(s) => b as isize * s,
            BatchOffsets::Each(offsets) => offsets[b] as isize,
        }
    }
}

impl<'a, T> Mat<'a, T> {
    /// One row-major matrix with rows of `cols` elements, filling `data` from its start.
    pub fn row_major(data: &'a [T], cols: usize) -> Self {
        Mat { data, offset: 0, row_stride: cols as isize, col_stride: 1, batch: BatchOffsets::Stride(0) }
    }

    /// The same matrices with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Mat { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Panics unless all elements of `batch` matrices `[rows, cols]` lie within the buffer.
    fn check(&self, name: &str, batch: usize, rows: usize, cols: usize) {
        // In i128 nothing overflows, whatever the strides.
        let span = |n: usize, stride: isize| {
            let end = (n as i128 - 1) * stride as i128;
            (end.min(0), end.max(0))
        };
        let over_batch = match self.batch {
            BatchOffsets::Stride(s) => span(batch, s),
            BatchOffsets::Each(offsets) => {
                assert!(offsets.len() >= batch, "matmul: {} offsets for {batch} matrices {name}", offsets.len());
                let of = |o: Option<&usize>| o.map_or(0, |&o| o as i128);
                (of(offsets[..batch].iter().min()), of(offsets[..batch].iter().max()))
            }
        };
        let spans = [over_batch, span(rows, self.row_stride), span(cols, self.col_stride)];
        let first = self.offset as i128 + spans.iter().map(|s| s.0).sum::<i128>();
        let last = self.offset as i128 + spans.iter().map(|s| s.1).sum::<i128>();
        assert!(
            first >= 0 && last < self.data.len() as i128,
            "matmul: {batch} matrices {name} of shape [{rows}, {cols}] reach from {first} to {last} \
             in a buffer of {} elements",
            self.data.len(),
        );
    }

    /// # Safety
    /// The element must be one that `check` has seen.
    #[inline]
    unsafe fn ptr(&self, b: usize, i: usize, j: usize) -> *const T {
        let at = self.batch.at(b) + i as isize * self.row_stride + j as isize * self.col_stride;
        // SAFETY: it lies within the buffer by the caller's promise.
        unsafe { self.data.as_ptr().offset(self.offset as isize + at) }
    }
}

/// `C ← A B + beta C` for each of `batch` matrices `A [m, k]`, `B [k, n]`; `c` is `[batch, m, n]`,
/// row-major. With `beta` zero, what `c` held does not matter (not even NaN).
///
/// The result is the same bits at any number of threads.
///
/// # Panics
/// If `a` or `b` reaches outside of its buffer, or `c` has another length.
#[allow(clippy::too_many_arguments)]
pub fn matmul<T: Gemm>(
    batch: usize, m: usize, k: usize, n: usize,
    a: Mat<'_, T>, b: Mat<'_, T>, c: &mut [T], beta: T,
) {
    let size = m.checked_mul(n).and_then(|mn| mn.checked_mul(batch));
    assert_eq!(size, Some(c.len()), "matmul: the output is not [{batch}, {m}, {n}]");
    if c.is_empty() {
        return;
    }
    if k > 0 {
        a.check("A", batch, m, k);
        b.check("B", batch, k, n);
    }
    let (tm, tn) = tile(m, k, n);
    let (rows, cols) = (m.div_ceil(tm), n.div_ceil(tn));
    let group = if rows * cols > 1 { 1 } else { (1_000_000 / (m * n * k.max(1))).clamp(1, batch) };
    let tasks = batch.div_ceil(group) * rows * cols;
    let cost = group.saturating_mul(tm * tn).saturating_mul(k) / 30;
    let out = SharedMut::new(c);
    for_each(tasks, cost, |t| {
        let (g, i, j) = (t / (rows * cols), t / cols % rows, t % cols);
        let (i, j) = (i * tm, j * tn);
        let (tm, tn) = (tm.min(m - i), tn.min(n - j));
        for s in g * group..((g + 1) * group).min(batch) {
            // SAFETY: `check` has seen every element of A and B, `c` has all of C, and each task
            // writes a tile of its own.
            unsafe {
                let c = out.as_mut_ptr().add((s * m + i) * n + j);
                let (a_ptr, b_ptr) = if k > 0 { (a.ptr(s, i, 0), b.ptr(s, 0, j)) } else { (a.data.as_ptr(), b.data.as_ptr()) };
                T::gemm(tm, k, tn, a_ptr, a.row_stride, a.col_stride,
                    b_ptr, b.row_stride, b.col_stride, beta, c, n as isize, 1);
            }
        }
    });
}

fn tile(m: usize, k: usize, n: usize) -> (usize, usize) {
    if m * n * k < 1 << 20 { return (m, n); }
    if m >= 128 { (m.div_ceil(if m >= 1024 { 4 } else { 2 }).next_multiple_of(16), n) } else { (m, n.div_ceil(2).next_multiple_of(16)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn small() {
        let a: Vec<f64> = (0..6).map(|i| i as f64).collect();
        let mut c = [f64::NAN; 4];
        matmul(1, 2, 3, 2, Mat::row_major(&a, 3), Mat::row_major(&a, 3).transposed(), &mut c, 0.0);
        assert_eq!(c, [5.0, 14.0, 14.0, 50.0]);
    }
}
