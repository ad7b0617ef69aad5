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
}

impl Frame {
    /// Elements of one image.
    pub(super) fn len(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Memory for so many of them.
    pub(super) fn memory<T>(&self, images: usize) -> Scratch {
        Scratch::take((images * self.len() + SLACK) * size_of::<T>())
    }

    /// Writes all images of `from` to `to`.
    pub(super) fn fill<T: Float>(&self, from: &[T], to: &mut [T]) {
        let Frame { from: [height, width], size, corner } = *self;
        let rows = height.min(size[0].saturating_sub(corner[0]));
        let cols = width.min(size[1].saturating_sub(corner[1]));
        if rows == 0 || cols == 0 {
            return to.fill(T::ZERO);
        }
        for (from, to) in from.chunks_exact(height * width).zip(to.chunks_exact_mut(self.len())) {
            if self.from == size && corner == [0, 0] {
                to.copy_from_slice(from);
                continue;
            }
            let (above, rest) = to.split_at_mut(corner[0] * size[1]);
            let (inside, below) = rest.split_at_mut(rows * size[1]);
            above.fill(T::ZERO);
            below.fill(T::ZERO);
            for (to, from) in inside.chunks_exact_mut(size[1]).zip(from.chunks_exact(width)) {
                to[..corner[1]].fill(T::ZERO);
                to[corner[1]..][..cols].copy_from_slice(&from[..cols]);
                to[corner[1] + cols..].fill(T::ZERO);
            }
        }
    }

    /// The images without the zeros around them, and with zeros where they are cut.
    pub(super) fn take<T: Float>(&self, from: &[T], to: &mut [T]) {
        let Frame { from: [height, width], size, corner } = *self;
        for (from, to) in from.chunks_exact(self.len()).zip(to.chunks_exact_mut(height * width)) {
            let rows = from.chunks_exact(size[1]).skip(corner[0]).map(Some).chain(std::iter::repeat(None));
            for (to, from) in to.chunks_exact_mut(width).zip(rows) {
                let from = from.and_then(|row| row.get(corner[1]..)).unwrap_or_default();
                let cols = width.min(from.len());
                to[..cols].copy_from_slice(&from[..cols]);
                to[cols..].fill(T::ZERO);
            }
        }
    }
}
