//! How a product's operands lie in memory.

use super::pack::View;

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
    pub(super) fn check(&self, name: &str, batch: usize, [rows, cols]: [usize; 2]) {
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

    /// Matrix `s`.
    #[inline]
    pub(super) fn matrix(&self, s: usize) -> View<T> {
        let start = match self.batch {
            BatchOffsets::Stride(stride) => s as isize * stride,
            BatchOffsets::Each(at) => at[s] as isize,
        };
        let first = self.data.as_ptr().wrapping_offset(self.offset as isize + start);
        View { first, row: self.row_stride, col: self.col_stride }
    }
}
