//! Images with zeros around them.

use crate::Float;
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
            let (above, rest) = to.split_at_mut(corner[0] * self.width());
            let (inside, below) = rest.split_at_mut(rows * self.width());
            above.fill(T::ZERO);
            below.fill(T::ZERO);
            for (to, from) in inside.chunks_exact_mut(self.width()).zip(from.chunks_exact(width)) {
                if self.apart == 1 {
                    to[..corner[1]].fill(T::ZERO);
                    to[corner[1]..][..cols].copy_from_slice(&from[..cols]);
                    to[corner[1] + cols..].fill(T::ZERO);
                    continue;
                }
                to.fill(T::ZERO);
                for first in 0..self.apart.min(cols) {
                    let from = from[first..cols].iter().step_by(self.apart);
                    to[self.column(corner[1] + first)..].iter_mut().zip(from).for_each(|(to, &x)| *to = x);
                }
            }
        }
    }

    /// The images without the zeros around them, and with zeros where they are cut.
    pub(super) fn take<T: Float>(&self, from: &[T], to: &mut [T]) {
        let Frame { from: [height, width], size, corner, .. } = *self;
        let cols = width.min(size[1].saturating_sub(corner[1]));
        for (from, to) in from.chunks_exact(self.len()).zip(to.chunks_exact_mut(height * width)) {
            let rows = from.chunks_exact(self.width()).skip(corner[0]).map(Some).chain(std::iter::repeat(None));
            for (to, from) in to.chunks_exact_mut(width).zip(rows) {
                let (inside, rest) = to.split_at_mut(from.map_or(0, |_| cols));
                rest.fill(T::ZERO);
                match from {
                    Some(from) if self.apart == 1 => inside.copy_from_slice(&from[corner[1]..][..cols]),
                    Some(from) => {
                        for first in 0..self.apart.min(cols) {
                            let from = &from[self.column(corner[1] + first)..];
                            let to = inside[first..].iter_mut().step_by(self.apart);
                            to.zip(from).for_each(|(to, &x)| *to = x);
                        }
                    }
                    None => {}
                }
            }
        }
    }
}
