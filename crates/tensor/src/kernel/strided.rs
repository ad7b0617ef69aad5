//! Moving a matrix of elements between layouts: how tiles are gathered from and scattered to
//! memory.

/// A matrix in memory: the element at row `i` and column `j` is `i * rows + j * cols` after the
/// first one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid<P> {
    pub(super) first: P,
    pub(super) rows: isize,
    pub(super) cols: isize,
}

impl<P> Grid<P> {
    /// Row after row of `cols` elements.
    pub(super) fn dense(first: P, cols: usize) -> Self {
        Grid { first, rows: cols as isize, cols: 1 }
    }
}

impl<T> Grid<*mut T> {
    /// The same to read from.
    pub(super) fn read(self) -> Grid<*const T> {
        Grid { first: self.first.cast_const(), rows: self.rows, cols: self.cols }
    }
}

/// Side of the squares in which a matrix is transposed.
const SQUARE: usize = 8;

/// Copies `rows` by `cols` elements.
///
/// # Safety
/// Every element must be readable in `from` and writable in `to`, and the two must not overlap.
#[inline]
pub(super) unsafe fn copy_grid<T: Copy>(from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
    // SAFETY: all offsets are those of elements inside the matrix, which the caller promises.
    unsafe {
        let source = |i: usize, j: usize| from.first.offset(i as isize * from.rows + j as isize * from.cols);
        let target = |i: usize, j: usize| to.first.offset(i as isize * to.rows + j as isize * to.cols);
        match (from.cols, to.cols) {
            (1, 1) if cols >= 16 => {
                for i in 0..rows {
                    source(i, 0).copy_to_nonoverlapping(target(i, 0), cols);
                }
            }
            (0, 1) => {
                for i in 0..rows {
                    let v = *source(i, 0);
                    std::slice::from_raw_parts_mut(target(i, 0), cols).fill(v);
                }
            }
            (_, 1) if from.rows == 1 && rows > 1 => {
                for i in (0..rows).step_by(SQUARE) {
                    for j in (0..cols).step_by(SQUARE) {
                        transpose(
                            Grid { first: source(i, j), ..from },
                            Grid { first: target(i, j), ..to },
                            SQUARE.min(rows - i),
                            SQUARE.min(cols - j),
                        );
                    }
                }
            }
            (1, _) if to.rows == 1 && rows > 1 => {
                for i in (0..rows).step_by(SQUARE) {
                    for j in (0..cols).step_by(SQUARE) {
                        transpose(
                            Grid { first: source(i, j), ..from },
                            Grid { first: target(i, j), ..to },
                            SQUARE.min(rows - i),
                            SQUARE.min(cols - j),
                        );
                    }
                }
            }
            _ => {
                for i in 0..rows {
                    for j in 0..cols {
                        *target(i, j) = *source(i, j);
                    }
                }
            }
        }
    }
}

/// Copies a square of at most [`SQUARE`] by [`SQUARE`] through registers.
///
/// # Safety
/// As for [`copy_grid`].
#[inline(always)]
unsafe fn transpose<T: Copy>(from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        for j in 0..cols {
            for i in 0..rows {
                let (i, j) = (i as isize, j as isize);
                *to.first.offset(i * to.rows + j * to.cols) = *from.first.offset(i * from.rows + j * from.cols);
            }
        }
    }
}
