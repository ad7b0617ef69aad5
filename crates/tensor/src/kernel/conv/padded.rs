//! Images with zeros around them.

use crate::Float;
use crate::kernel::matmul::pack::copy;
use crate::kernel::scratch::Scratch;

/// Elements that may be read behind the last image, as part of a vector of which they are not needed.
pub(super) const SLACK: usize = 64;

/// Where images of size `from` lie in zeros of size `size`: from `corner` on, and cut at the end.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) from: [usize; 2],
    pub(super) size: [usize; 2],
    pub(super) corner: [usize; 2],
    /// Rows, and columns, so far apart lie side by side: first all those of remainder 0 along both axes.
    pub(super) apart: [usize; 2],
}

impl Frame {
    /// Rows and columns of one remainder.
    fn part(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.size[axis].div_ceil(self.apart[axis]))
    }

    /// Elements of one image.
    pub(super) fn len(&self) -> usize {
        self.part().iter().chain(&self.apart).product()
    }

    /// From one row to the next of the same remainder.
    pub(super) fn step(&self) -> usize {
        self.part()[1]
    }

    /// Where a row and column lies.
    #[inline(always)]
    pub(super) fn place(&self, [row, col]: [usize; 2]) -> usize {
        let ([rows, cols], [down, across]) = (self.part(), self.apart);
        ((row % down * across + col % across) * rows + row / down) * cols + col / across
    }

    /// Rows and columns of an image that are not cut off.
    fn left(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.from[axis].min(self.size[axis].saturating_sub(self.corner[axis])))
    }

    /// Where the pixels of an image are that are not cut off: their numbers, and their places.
    pub(super) fn inside(&self) -> Vec<[usize; 2]> {
        let [rows, cols] = self.left();
        let place = |row: usize, col: usize| self.place([self.corner[0] + row, self.corner[1] + col]);
        let row = |row: usize| (0..cols).map(move |col| [row * self.from[1] + col, place(row, col)]);
        (0..rows).flat_map(row).collect()
    }

    /// Memory for so many of them.
    pub(super) fn memory<T>(&self, images: usize) -> Scratch {
        Scratch::take((images * self.len() + SLACK) * size_of::<T>())
    }

    /// Writes all images of `from` to `to`.
    pub(super) fn fill<T: Float>(&self, from: &[T], to: &mut [T]) {
        if self.left().iter().product::<usize>() != self.len() {
            to.fill(T::ZERO);
        }
        self.put(from, to);
    }

    /// Writes all images of `from` to `to`, where zeros are around them.
    pub(super) fn put<T: Float>(&self, from: &[T], to: &mut [T]) {
        let (Frame { from: [height, width], corner, .. }, [rows, cols]) = (*self, self.left());
        if rows == 0 || cols == 0 {
            return;
        }
        let ([down, across], [part_rows, step]) = (self.apart, self.part());
        // Where in a row columns of each remainder begin.
        let column = |col: usize| self.place([0, corner[1] + col]);
        let [first, second] = [column(0), column(1)];
        for (from, to) in from.chunks_exact(height * width).zip(to.chunks_exact_mut(self.len())) {
            let (mut quotient, mut remainder) = (corner[0] / down, corner[0] % down);
            for from in from.chunks_exact(width).take(rows) {
                let from = &from[..cols];
                let start = remainder * across * part_rows * step + quotient * step;
                remainder += 1;
                if remainder == down {
                    (quotient, remainder) = (quotient + 1, 0);
                }
                match across {
                    1 => {
                        let to = &mut to[start + first..][..cols];
                        // SAFETY: both have so many elements, and are not the same memory.
                        unsafe { copy(from.as_ptr(), to.as_mut_ptr(), cols) };
                    }
                    2 => {
                        let (low, high) = to.split_at_mut(start + first.max(second));
                        let [first, second] = if first < second {
                            [&mut low[start + first..], high]
                        } else {
                            [high, &mut low[start + second..]]
                        };
                        let (pairs, rest) = from.as_chunks::<2>();
                        for ((first, second), pair) in first.iter_mut().zip(second).zip(pairs) {
                            [*first, *second] = *pair;
                        }
                        rest.iter().for_each(|&x| first[cols / 2] = x);
                    }
                    _ => {
                        for col in 0..across.min(cols) {
                            let from = from[col..].iter().step_by(across);
                            to[start + column(col)..].iter_mut().zip(from).for_each(|(to, &x)| *to = x);
                        }
                    }
                }
            }
        }
    }
}
