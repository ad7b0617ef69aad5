//! Other ways to look at the same elements: nothing here copies, except [`Tensor::reshape`]
//! where no strides can express the result.

use crate::error::checked;
use crate::{Axes, Element, Layout, Shape, ShapeError, Sizes, Slice, Tensor};

impl<T: Element> Tensor<T> {
    /// The axes in another order, each named once.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// let images: Tensor = Tensor::zeros([8, 32, 24, 3]);
    /// assert_eq!(images.permute([0, 3, 1, 2]).shape(), &[8, 3, 32, 24]);
    /// ```
    /// # Panics
    /// If the axes are not a permutation of the tensor's.
    #[track_caller]
    pub fn permute(&self, axes: impl Into<Axes>) -> Self {
        self.view(checked!("permute", permute(self.layout(), &axes.into())))
    }

    /// The last two axes exchanged: the transpose of a matrix, or of each in a batch.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].t(), tensor![[1, 3], [2, 4]]);
    /// ```
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn t(&self) -> Self {
        assert!(self.rank() >= 2, "t: a transpose needs two axes, shape {} has {}", self.shape(), self.rank());
        self.transpose(-1, -2)
    }

    /// Two axes exchanged.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// assert_eq!(<Tensor>::zeros([2, 3, 4]).transpose(0, -1).shape(), &[4, 3, 2]);
    /// ```
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    #[inline(never)]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let a = checked!("transpose", self.shape().axis(a));
        let b = checked!("transpose", self.shape().axis(b));
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        self.view(checked!("transpose", self.layout().permute(&order)))
    }

    /// The elements in row-major order under another shape; a size of -1 is whatever makes
    /// their number come out.
    ///
    /// A view where strides can express it, else a copy.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// assert_eq!(Tensor::range(0..6).reshape([2, -1]), tensor![[0, 1, 2], [3, 4, 5]]);
    /// ```
    /// # Panics
    /// If the sizes do not hold the elements.
    #[doc(alias = "view")]
    #[track_caller]
    pub fn reshape(&self, sizes: impl Into<Sizes>) -> Self {
        self.reshaped(sizes.into())
    }

    #[track_caller]
    #[inline(never)]
    fn reshaped(&self, sizes: Sizes) -> Self {
        let shape = match sizes.resolve(self.count()) {
            Ok(shape) => shape,
            Err(error) => panic!("reshape: {}: {error}", self.shape()),
        };
        match checked!("reshape", self.layout().reshape(&shape)) {
            Some(layout) => self.view(layout),
            None => checked!("reshape", self.try_contiguous()).view(Layout::contiguous(shape)),
        }
    }

    /// The elements in row-major order on one axis.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].flatten(), tensor![1, 2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn flatten(&self) -> Self {
        self.reshape(self.count())
    }

    /// Stretched to `shape` by NumPy's rule: aligned at the last axis, axes of size 1 repeat,
    /// new ones come first.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![1, 2].expand([2, 2]), tensor![[1, 2], [1, 2]]);
    /// ```
    /// # Panics
    /// If the shape does not expand to `shape`.
    #[track_caller]
    pub fn expand(&self, shape: impl Into<Shape>) -> Self {
        self.view(checked!("expand", self.layout().expand(&shape.into())))
    }

    /// Without `axis`, if its size is 1; unchanged if it is not.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1], [2]].squeeze(1), tensor![1, 2]);
    /// assert_eq!(tensor![[1], [2]].squeeze(0), tensor![[1], [2]]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        let at = checked!("squeeze", self.shape().axis(axis));
        if self.shape()[at] == 1 { self.select(axis, 0) } else { self.clone() }
    }

    /// With a new axis of size 1, which becomes axis number `axis`.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![1, 2].unsqueeze(0), tensor![[1, 2]]);
    /// assert_eq!(tensor![1, 2].unsqueeze(-1), tensor![[1], [2]]);
    /// ```
    /// # Panics
    /// If the axis is out of range for the new number of axes.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let axis = checked!("unsqueeze", self.shape().new_axis(axis));
        let mut shape = self.shape().clone();
        shape.sizes_mut().insert(axis, 1);
        self.reshape(shape)
    }

    /// The indices of `axis` that the range names, with negative bounds counted from the end
    /// and everything outside clipped, as in Python. [`Slice`] adds steps.
    ///
    /// ```
    /// use wengert_tensor::{Slice, Tensor, tensor};
    /// let t = Tensor::range(0..6);
    /// assert_eq!(t.slice(0, 1..3), tensor![1, 2]);
    /// assert_eq!(t.slice(0, -2..), tensor![4, 5]);
    /// assert_eq!(t.slice(0, Slice::from(..).step(-2)), tensor![5, 3, 1]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the step is 0.
    #[track_caller]
    pub fn slice(&self, axis: isize, range: impl Into<Slice>) -> Self {
        self.sliced(axis, range.into())
    }

    #[track_caller]
    #[inline(never)]
    fn sliced(&self, axis: isize, range: Slice) -> Self {
        let axis = checked!("slice", self.shape().axis(axis));
        let (start, end, step) = match range.resolve(self.shape()[axis]) {
            Ok(slice) => slice,
            Err(error) => panic!("slice: {error} of axis {axis} of {}", self.shape()),
        };
        self.view(checked!("slice", self.layout().slice(axis, start, end, step)))
    }

    /// One index of `axis`, counted from the end when negative; the axis is removed.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// let t = tensor![[1, 2], [3, 4]];
    /// assert_eq!(t.select(0, 1), tensor![3, 4]);
    /// assert_eq!(t.select(1, -1), tensor![2, 4]);
    /// ```
    /// # Panics
    /// If the axis or the index is out of range.
    #[track_caller]
    #[inline(never)]
    pub fn select(&self, axis: isize, index: isize) -> Self {
        let axis = checked!("select", self.shape().axis(axis));
        let size = self.shape()[axis];
        let at = if index < 0 { index + size as isize } else { index };
        assert!(
            (0..size as isize).contains(&at),
            "select: index {index} is out of range for axis {axis} of {}",
            self.shape()
        );
        let row = checked!("select", self.layout().slice(axis, at as usize, at + 1, 1));
        let shape = row.shape().reduced(&[axis], false);
        if shape.count() == 0 {
            return self.view(Layout::contiguous(shape));
        }
        let layout = checked!("select", row.reshape(&shape));
        self.view(layout.expect("dropping an axis of size 1 needs no copy"))
    }

    /// The indices of these axes in reverse order.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].flip(1), tensor![[2, 1], [4, 3]]);
    /// assert_eq!(tensor![[1, 2], [3, 4]].flip(..), tensor![[4, 3], [2, 1]]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn flip(&self, axes: impl Into<Axes>) -> Self {
        let mut layout = self.layout().clone();
        for axis in checked!("flip", axes.into().resolve(self.shape())) {
            let (start, end, step) = checked!("flip", Slice::from(..).step(-1).resolve(layout.shape()[axis]));
            layout = checked!("flip", layout.slice(axis, start, end, step));
        }
        self.view(layout)
    }

    /// Overlapping windows of `size` indices of `axis`, `step` apart: the axis then counts
    /// windows, and a new last axis runs through each.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let t = Tensor::range(0..5);
    /// assert_eq!(t.windows(0, 3, 1), tensor![[0, 1, 2], [1, 2, 3], [2, 3, 4]]);
    /// assert_eq!(t.windows(0, 2, 2), tensor![[0, 1], [2, 3]]);
    /// ```
    /// # Panics
    /// If the axis is out of range, the size or the step is 0, or the axis is shorter than a
    /// window.
    #[track_caller]
    pub fn windows(&self, axis: isize, size: usize, step: usize) -> Self {
        let axis = checked!("windows", self.shape().axis(axis));
        // A step beyond the axis leaves one window, whatever its length.
        let shortened = step.min(self.shape()[axis].max(1));
        self.view(checked!("windows", self.layout().windows(axis, size, shortened)))
    }

    /// The elements with equal indices on axes `a` and `b`, as a new last axis in their place.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1, 2, 3], [4, 5, 6]].diagonal(0, 1), tensor![1, 5]);
    /// ```
    /// # Panics
    /// If an axis is out of range, or both are the same.
    #[track_caller]
    pub fn diagonal(&self, a: isize, b: isize) -> Self {
        let a = checked!("diagonal", self.shape().axis(a));
        let b = checked!("diagonal", self.shape().axis(b));
        self.view(checked!("diagonal", self.layout().diagonal(a, b)))
    }

    /// Pieces of `size` indices of `axis`; the last may be shorter. An empty axis is one empty piece.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let batches = Tensor::range(0..5).split(0, 2);
    /// assert_eq!(batches, [tensor![0, 1], tensor![2, 3], tensor![4]]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the size is 0.
    #[track_caller]
    pub fn split(&self, axis: isize, size: usize) -> Vec<Self> {
        let at = checked!("split", self.shape().axis(axis));
        assert!(size > 0, "split: pieces of size 0 of axis {axis} of {}", self.shape());
        let total = self.shape()[at];
        let count = total.div_ceil(size).max(1);
        let mut pieces = Vec::new();
        let fits = pieces.try_reserve_exact(count).is_ok();
        assert!(fits, "split: cannot hold {count} pieces of axis {axis} of {}", self.shape());
        for start in (0..total.max(1)).step_by(size) {
            pieces.push(self.slice(axis, start..start.saturating_add(size)));
        }
        pieces
    }
}

impl<T: Element> Tensor<T> {
    /// This buffer under another layout. One without elements starts at 0 with the usual strides,
    /// so that no offset lies beyond the end of the buffer.
    #[track_caller]
    #[inline(never)]
    fn view(&self, layout: Layout) -> Self {
        let empty = layout.shape().count() == 0;
        self.with_layout(if empty { Layout::contiguous(layout.shape().clone()) } else { layout })
    }
}

fn permute(layout: &Layout, axes: &Axes) -> Result<Layout, ShapeError> {
    let shape = layout.shape();
    let order = match axes {
        Axes::All => (0..shape.len()).collect(),
        Axes::Some(axes) => axes.iter().map(|&a| shape.axis(a)).collect::<Result<Vec<_>, _>>()?,
    };
    layout.permute(&order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{any_layout, line_of_panic, message_of};
    use proptest::prelude::*;

    fn t(shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        Tensor::range(0.0..shape.count() as f32).reshape(shape)
    }

    #[test]
    fn views_share_the_buffer() {
        let a = t([2, 3, 4]);
        assert!(a.permute([2, 0, 1]).shares_buffer(&a));
        assert!(a.reshape([4, -1]).shares_buffer(&a));
        assert!(a.slice(1, 1..).flip(0).shares_buffer(&a));
        assert!(a.select(0, -1).windows(1, 2, 1).shares_buffer(&a));
        assert!(!a.t().flatten().shares_buffer(&a));
    }

    #[test]
    fn shapes_come_out() {
        let a = t([2, 3, 4]);
        assert_eq!(a.permute(..).shape(), &[2, 3, 4]);
        assert_eq!(a.permute([-1, 0, 1]).shape(), &[4, 2, 3]);
        assert_eq!(a.t().shape(), &[2, 4, 3]);
        assert_eq!(message_of(|| drop(t([3]).t())), "t: a transpose needs two axes, shape [3] has 1");
        assert_eq!(a.windows(1, 2, 1).shape(), &[2, 2, 4, 2]);
        assert_eq!(a.diagonal(0, -1).shape(), &[3, 2]);
        assert_eq!(a.unsqueeze(-1).shape(), &[2, 3, 4, 1]);
        assert_eq!(a.slice(0, 5..).t().reshape([-1, 3]).shape(), &[0, 3]);
        assert_eq!(a.slice(0, 5..).select(-1, 0).shape(), &[0, 3]);
        assert_eq!(a.slice(2, (1, -1)).shape(), &[2, 3, 2]);
        assert_eq!(a.slice(0, 2..).flip(..).shape(), &[0, 3, 4]);
        assert_eq!(t([1, 1]).reshape(()).item(), 0.0);
        assert_eq!(a.reshape(a.t().shape()).shape(), &[2, 4, 3]);
        assert_eq!(t([0]).split(0, 3), [t([0])]);
        assert_eq!(t([3]).windows(0, 3, usize::MAX), tensor![[0.0, 1.0, 2.0]]);
    }

    #[test]
    fn mistakes_are_named() {
        let a = t([2, 3]);
        for (f, message) in [
            (
                &(|| drop(a.permute([0, 0]))) as &dyn Fn(),
                "permute: axes [0, 0] are not a permutation of those of [2, 3]",
            ),
            (&|| drop(a.permute([0, 2])), "permute: axis 2 is out of range for 2 axes (shape [2, 3])"),
            (&|| drop(a.transpose(0, 2)), "transpose: axis 2 is out of range for 2 axes (shape [2, 3])"),
            (&|| drop(a.reshape([4, -1])), "reshape: [2, 3]: sizes [4, -1] do not hold 6 elements"),
            (&|| drop(a.reshape([7])), "reshape: [2, 3]: sizes [7] do not hold 6 elements"),
            (&|| drop(a.reshape([-1, -1])), "reshape: [2, 3]: sizes [-1, -1] leave more than one open"),
            (&|| drop(a.expand([2, 4])), "expand: shape [2, 3] does not expand to [2, 4]"),
            (&|| drop(a.squeeze(2)), "squeeze: axis 2 is out of range for 2 axes (shape [2, 3])"),
            (&|| drop(a.unsqueeze(4)), "unsqueeze: axis 4 is out of range for 3 axes (shape [2, 3])"),
            (&|| drop(a.slice(2, ..)), "slice: axis 2 is out of range for 2 axes (shape [2, 3])"),
            (&|| drop(a.slice(0, Slice::from(..).step(0))), "slice: a slice with step 0 of axis 0 of [2, 3]"),
            (&|| drop(a.select(1, 3)), "select: index 3 is out of range for axis 1 of [2, 3]"),
            (&|| drop(a.select(1, -4)), "select: index -4 is out of range for axis 1 of [2, 3]"),
            (&|| drop(a.flip([0, -2])), "flip: axis 0 is named twice in [0, -2] (shape [2, 3])"),
            (&|| drop(a.windows(0, 3, 1)), "windows: windows of 3 with step 1 do not fit axis 0 of [2, 3]"),
            (&|| drop(a.windows(0, 1, 0)), "windows: windows of 1 with step 0 do not fit axis 0 of [2, 3]"),
            (&|| drop(a.diagonal(0, -2)), "diagonal: the diagonal of [2, 3] needs two axes, got 0 twice"),
            (&|| drop(a.split(0, 0)), "split: pieces of size 0 of axis 0 of [2, 3]"),
        ] {
            assert_eq!(message_of(f), message);
        }
        assert_eq!(line_of_panic(|| drop(a.reshape([7]))), line!());
        assert_eq!(line_of_panic(|| drop(a.slice(2, ..))), line!());
        assert_eq!(line_of_panic(|| drop(a.select(1, 3))), line!());
    }

    proptest! {
        /// Every view agrees with indexing the elements one by one.
        #[test]
        fn views_agree_with_indices(a in any_layout::<f32>(), start in -6isize..6, end in -6isize..6, step in prop_oneof![-3isize..0, 1isize..4]) {
            let dense = a.contiguous();
            prop_assert_eq!(dense.to_vec(), a.to_vec());
            prop_assert_eq!(a.flatten().to_vec(), a.to_vec());
            if a.rank() >= 2 {
                prop_assert_eq!(a.t().to_vec(), dense.t().to_vec());
            }
            prop_assert_eq!(a.flip(..).to_vec(), a.iter().collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>());
            for axis in 0..a.rank() {
                let n = a.shape()[axis];
                let (ax, last) = (axis as isize, a.rank() as isize - 1);
                let slice = Slice::from(start..end).step(step);
                prop_assert_eq!(a.slice(ax, slice).to_vec(), dense.slice(ax, slice).to_vec());
                prop_assert_eq!(a.transpose(ax, last).to_vec(), dense.transpose(ax, last).to_vec());
                prop_assert_eq!(a.unsqueeze(ax).squeeze(ax).to_vec(), a.to_vec());
                let before: usize = a.shape()[..axis].iter().product();
                let after: usize = a.shape()[axis + 1..].iter().product();
                let all = a.to_vec();
                for i in 0..n {
                    let expected: Vec<f32> = (0..before).flat_map(|b| all[(b * n + i) * after..][..after].to_vec()).collect();
                    prop_assert_eq!(a.select(ax, i as isize).to_vec(), expected.clone());
                    prop_assert_eq!(a.select(ax, i as isize - n as isize).to_vec(), expected);
                }
                if n >= 2 {
                    let windows = a.windows(ax, 2, 1);
                    for i in 0..n - 1 {
                        let window = windows.select(ax, i as isize);
                        prop_assert_eq!(window.select(-1, 0).to_vec(), a.select(ax, i as isize).to_vec());
                        prop_assert_eq!(window.select(-1, 1).to_vec(), a.select(ax, i as isize + 1).to_vec());
                    }
                }
                for (i, piece) in a.split(ax, 2).iter().enumerate() {
                    prop_assert_eq!(piece.to_vec(), a.slice(ax, 2 * i..2 * i + 2).to_vec());
                }
                if axis > 0 {
                    let diagonal = a.diagonal(0, ax);
                    for i in 0..n.min(a.shape()[0]) as isize {
                        prop_assert_eq!(diagonal.select(-1, i).to_vec(), a.select(ax, i).select(0, i).to_vec());
                    }
                }
            }
        }

        #[test]
        fn a_reshape_of_any_layout_keeps_the_order(a in any_layout::<i32>()) {
            let count = a.count();
            for sizes in [vec![count], vec![1, count, 1], vec![count / 2, 2], vec![count / 3, 3], vec![2, count / 4, 2]] {
                if sizes.iter().product::<usize>() == count {
                    prop_assert_eq!(a.reshape(sizes).to_vec(), a.to_vec());
                }
            }
        }
    }
}
