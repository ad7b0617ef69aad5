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
    /// Columns so far apart lie side by side: all those of remainder 0 first.
    pub(super) apart: usize,
}

impl Frame {
    /// Elements of one image.
    pub(super) fn len(&self) -> usize {
        self.size[0] * self.width()
    }

    /// From one row to the next.
    pub(super) fn width(&self) -> usize {
        self.size[1].next_multiple_of(self.apart)
    }

    /// Where a column lies in its row.
    #[inline(always)]
    pub(super) fn column(&self, at: usize) -> usize {
        at % self.apart * (self.width() / self.apart) + at / self.apart
    }

    /// Memory for so many of them.
    pub(super) fn memory<T>(&self, images: usize) -> Scratch {
        Scratch::take((images * self.len() + SLACK) * size_of::<T>())
    }

    /// Writes all images of `from` to `to`.
    pub(super) fn fill<T: Float>(&self, from: &[T], to: &mut [T]) {
        let Frame { from: [height, width], size, corner, .. } = *self;
        let rows = height.min(size[0].saturating_sub(corner[0]));
        let cols = width.min(size[1].saturating_sub(corner[1]));
        if rows == 0 || cols == 0 {
            return to.fill(T::ZERO);
        }
        for (from, to) in from.chunks_exact(height * width).zip(to.chunks_exact_mut(self.len())) {
            // All of it, which is in the cache then: the ends of rows are too short to be filled one by one.
            if [rows, cols] != [size[0], self.width()] {
                to.fill(T::ZERO);
            }
            let inside = &mut to[corner[0] * self.width()..][..rows * self.width()];
            for (to, from) in inside.chunks_exact_mut(self.width()).zip(from.chunks_exact(width)) {
                if self.apart == 1 {
                    let (from, to) = (&from[..cols], &mut to[corner[1]..][..cols]);
                    // SAFETY: both have so many elements, and are not the same memory.
                    unsafe { copy(from.as_ptr(), to.as_mut_ptr(), cols) };
                    continue;
                }
                if self.apart == 2 {
                    let (even, odd) = to.split_at_mut(self.width() / 2);
                    let [first, second] = if corner[1].is_multiple_of(2) { [even, odd] } else { [odd, even] };
                    let (first, second) = (&mut first[corner[1] / 2..], &mut second[corner[1].div_ceil(2)..]);
                    let (pairs, rest) = from[..cols].as_chunks::<2>();
                    for ((first, second), pair) in first.iter_mut().zip(second).zip(pairs) {
                        [*first, *second] = *pair;
                    }
                    rest.iter().for_each(|&x| first[cols / 2] = x);
                    continue;
                }
                for first in 0..self.apart.min(cols) {
                    let from = from[first..cols].iter().step_by(self.apart);
                    to[self.column(corner[1] + first)..].iter_mut().zip(from).for_each(|(to, &x)| *to = x);
                }
            }
        }
    }
}
