//! Moving a matrix of elements between layouts: how tiles are gathered from memory and scattered
//! to it.

use super::isa::{Isa, multiversion};
use super::transpose::{SIDE, prefetch, transpose};

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

    /// The same matrix with rows and columns exchanged.
    fn transposed(self) -> Self {
        Grid { first: self.first, rows: self.cols, cols: self.rows }
    }
}

impl<T> Grid<*mut T> {
    /// The same to read from.
    pub(super) fn read(self) -> Grid<*const T> {
        Grid { first: self.first.cast_const(), rows: self.rows, cols: self.cols }
    }
}

/// Copies `rows` by `cols` elements.
///
/// # Safety
/// Every element must be readable in `from` and writable in `to`, and the two must not overlap.
pub(super) unsafe fn copy_grid<T: Copy>(isa: Isa, from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
    // The target's shorter step along columns.
    if to.rows == 1 && to.cols != 1 {
        // SAFETY: the same elements by other names.
        return unsafe { copy_grid(isa, from.transposed(), to.transposed(), cols, rows) };
    }
    // SAFETY: all offsets are those of elements inside the matrix, which the caller promises.
    unsafe {
        let source = |i: usize, j: usize| from.first.offset(i as isize * from.rows + j as isize * from.cols);
        let target = |i: usize, j: usize| to.first.offset(i as isize * to.rows + j as isize * to.cols);
        match (from.cols, to.cols) {
            (1, 1) if from.rows == 0 && to.rows == cols as isize && rows > 1 => {
                repeat_row(from.first, to.first, rows, cols)
            }
            (1, 1) if cols >= LONG => {
                for i in 0..rows {
                    source(i, 0).copy_to_nonoverlapping(target(i, 0), cols);
                }
            }
            (1, 1) => copy_rows(isa, from, to, rows, cols),
            (0, 1) => fill_rows(isa, from, to, rows, cols),
            (-1, 1) => reverse_rows(isa, from, to, rows, cols),
            (_, 1) if from.rows == 1 && rows >= 4 && cols >= 4 => {
                for j in (0..cols).step_by(SIDE) {
                    for i in (0..rows).step_by(SIDE) {
                        let (rows, cols) = (SIDE.min(rows - i), SIDE.min(cols - j));
                        transpose(isa, source(i, j), from.cols, target(i, j), to.rows, rows, cols);
                    }
                }
            }
            (_, 1) if from.rows == 1 && cols == 2 && to.rows == 2 => {
                interleave(isa, [0, 1].map(|j| source(0, j)), to.first, rows)
            }
            (_, 1) if from.rows == 1 && cols == 3 && to.rows == 3 => {
                interleave(isa, [0, 1, 2].map(|j| source(0, j)), to.first, rows)
            }
            (2, 1) if from.rows == 1 && rows == 2 => separate(isa, from.first, [0, 1].map(|i| target(i, 0)), cols),
            (3, 1) if from.rows == 1 && rows == 3 => separate(isa, from.first, [0, 1, 2].map(|i| target(i, 0)), cols),
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

multiversion! {
    /// The first elements of all columns, then the second ones, and so on: real and imaginary parts, or colours
    /// of pixels, from planes of each.
    ///
    /// # Safety
    /// `n` elements must be readable at each of `from`, and `n` times as many as these writable at `to`.
    unsafe fn interleave[T: Copy, const C: usize](from: [*const T; C], to: *mut T, n: usize) {
        for i in 0..n {
            for (c, from) in from.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { *to.add(i * C + c) = *from.add(i) };
            }
        }
    }
}

multiversion! {
    /// The inverse of [`interleave`].
    ///
    /// # Safety
    /// The same with `from` and `to` exchanged.
    unsafe fn separate[T: Copy, const C: usize](from: *const T, to: [*mut T; C], n: usize) {
        for i in 0..n {
            for (c, to) in to.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { *to.add(i) = *from.add(i * C + c) };
            }
        }
    }
}

/// Elements moved at a time, and those from which on it pays to call `memcpy`.
const RUN: usize = 16;
const LONG: usize = 1024;

multiversion! {
    /// [`copy_grid`] for two grids that are contiguous along columns.
    ///
    /// # Safety
    /// As for [`copy_grid`].
    unsafe fn copy_rows[T: Copy](from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
        for i in 0..rows as isize {
            // SAFETY: elements of row `i`, which the caller promises.
            unsafe {
                let (from, to) = (from.first.offset(i * from.rows), to.first.offset(i * to.rows));
                let copy = |j: usize| to.add(j).cast::<[T; RUN]>().write_unaligned(from.add(j).cast::<[T; RUN]>().read_unaligned());
                if cols >= RUN {
                    // The next tile is likely to be what goes on from here.
                    prefetch(from.wrapping_add(cols), cols);
                    for j in (0..cols - RUN).step_by(RUN) {
                        copy(j);
                    }
                    copy(cols - RUN);
                } else {
                    for j in 0..cols {
                        *to.add(j) = *from.add(j);
                    }
                }
            }
        }
    }
}

multiversion! {
    /// [`copy_grid`] from one element a row.
    ///
    /// # Safety
    /// As for [`copy_grid`].
    unsafe fn fill_rows[T: Copy](from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
        // Short rows are filled beyond their end, where the next ones are still to be written.
        let beyond = if to.rows == cols as isize { rows.saturating_sub(RUN.div_ceil(cols.max(1))) } else { 0 };
        for i in 0..rows as isize {
            // SAFETY: elements of row `i`, which the caller promises.
            unsafe {
                let (v, to) = (*from.first.offset(i * from.rows), to.first.offset(i * to.rows));
                if cols >= RUN {
                    for j in (0..cols - RUN).step_by(RUN) {
                        to.add(j).cast::<[T; RUN]>().write_unaligned([v; RUN]);
                    }
                    to.add(cols - RUN).cast::<[T; RUN]>().write_unaligned([v; RUN]);
                } else if (i as usize) < beyond && cols <= RUN / 2 {
                    to.cast::<[T; RUN / 2]>().write_unaligned([v; RUN / 2]);
                } else if (i as usize) < beyond {
                    to.cast::<[T; RUN]>().write_unaligned([v; RUN]);
                } else {
                    for j in 0..cols {
                        *to.add(j) = v;
                    }
                }
            }
        }
    }
}

multiversion! {
    /// [`copy_grid`] from rows that lie backwards.
    ///
    /// # Safety
    /// As for [`copy_grid`].
    unsafe fn reverse_rows[T: Copy](from: Grid<*const T>, to: Grid<*mut T>, rows: usize, cols: usize) {
        for i in 0..rows as isize {
            // SAFETY: elements of row `i`, which the caller promises.
            unsafe {
                let (from, to) = (from.first.offset(i * from.rows), to.first.offset(i * to.rows));
                for j in 0..cols {
                    *to.add(j) = *from.sub(j);
                }
            }
        }
    }
}

/// Writes a row `rows` times: each copy is of all rows that are there already.
///
/// # Safety
/// `cols` elements must be readable in `from`, `rows * cols` writable in `to`, without overlap.
unsafe fn repeat_row<T: Copy>(from: *const T, to: *mut T, rows: usize, cols: usize) {
    // SAFETY: the caller's promise; a copy never reaches beyond what is written before it.
    unsafe {
        from.copy_to_nonoverlapping(to, cols);
        let mut done = 1;
        while done < rows {
            let more = done.min(rows - done);
            to.copy_to_nonoverlapping(to.add(done * cols), more * cols);
            done += more;
        }
    }
}
