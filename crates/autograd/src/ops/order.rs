//! What depends on the order of the values: positions of extremes, sorting, the median. The order
//! is found at once, by looking at the value; gradients go to the elements that were chosen.

use wengert_tensor::{Axes, Float, Tensor};

use crate::Var;

impl<T: Float> Var<'_, T> {
    /// Where the largest element along `axis` is, the first of equal ones; NaN counts as the
    /// largest. The axis is removed.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 5.0, 2.0], [7.0, 3.0, 7.0]]);
    /// assert_eq!(x.argmax(1), tensor![1, 0]);
    /// ```
    /// # Panics
    /// If the axis is out of range or has no elements.
    #[track_caller]
    pub fn argmax(self, axis: isize) -> Tensor<i64> {
        self.value().argmax(axis)
    }

    /// Where the smallest element along `axis` is, as [`Var::argmax`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![[1.0, 5.0, 2.0], [7.0, 3.0, 7.0]]).argmin(1), tensor![0, 1]);
    /// ```
    #[track_caller]
    pub fn argmin(self, axis: isize) -> Tensor<i64> {
        self.value().argmin(axis)
    }

    /// The order that sorts the elements along `axis`; equal ones keep theirs, NaN comes last.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![0.3, 0.1, 0.2]).argsort(0), tensor![1, 2, 0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn argsort(self, axis: isize) -> Tensor<i64> {
        self.value().argsort(axis)
    }

    /// The largest element along `axis` and where it is, as [`Var::argmax`]. All of the gradient
    /// goes there, unlike that of [`Var::max`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 3.0, 3.0]);
    /// let (largest, at) = x.max_with_indices(0);
    /// assert_eq!((largest.item(), at.item()), (3.0, 1));
    /// assert_eq!(largest.grad([x])[0].value(), tensor![0.0, 1.0, 0.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range or has no elements.
    #[track_caller]
    pub fn max_with_indices(self, axis: isize) -> (Self, Tensor<i64>) {
        let (x, axis) = self.line_of_some("max_with_indices", axis);
        let at = x.argmax(axis);
        (x.chosen(axis, &at), at)
    }

    /// The smallest element along `axis` and where it is, as [`Var::max_with_indices`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let (smallest, at) = tape.var(tensor![4.0, 2.0, 3.0]).min_with_indices(0);
    /// assert_eq!((smallest.item(), at.item()), (2.0, 1));
    /// ```
    #[track_caller]
    pub fn min_with_indices(self, axis: isize) -> (Self, Tensor<i64>) {
        let (x, axis) = self.line_of_some("min_with_indices", axis);
        let at = x.argmin(axis);
        (x.chosen(axis, &at), at)
    }

    /// This and its axis, which has elements if the others have.
    #[track_caller]
    fn line_of_some(self, name: &str, axis: isize) -> (Self, isize) {
        let (x, axis) = self.line(name, axis);
        let shape = x.shape();
        let none = shape[axis] == 0 && shape.reduced(&[axis], false).count() > 0;
        assert!(!none, "{name}: there are no elements along axis {axis} of {shape}");
        (x, axis as isize)
    }

    /// One element along `axis` for each of the others.
    #[track_caller]
    fn chosen(self, axis: isize, at: &Tensor<i64>) -> Self {
        self.gather(axis, &at.unsqueeze(axis)).reshape(at.shape())
    }

    /// The elements along `axis` in ascending order, NaN last, and the order, as
    /// [`Var::argsort`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![3.0, 1.0, 2.0]);
    /// let (sorted, order) = x.sort(0);
    /// assert_eq!((sorted.value(), order), (tensor![1.0, 2.0, 3.0], tensor![1, 2, 0]));
    /// assert_eq!((sorted * &tensor![1.0, 2.0, 3.0]).sum(..).grad([x])[0].value(), tensor![3.0, 1.0, 2.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn sort(self, axis: isize) -> (Self, Tensor<i64>) {
        let (x, axis) = self.line("sort", axis);
        let (shape, axis) = (self.shape(), axis as isize);
        let order = x.argsort(axis);
        (x.gather(axis, &order).reshape(&shape), order.reshape(&shape))
    }

    /// The `k` largest elements along `axis`, the largest first, and where they are; NaN counts as
    /// the largest, and of equal ones the first comes first.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let (largest, at) = tape.var(tensor![1.0, 5.0, 3.0]).topk(0, 2);
    /// assert_eq!((largest.value(), at), (tensor![5.0, 3.0], tensor![1, 2]));
    /// ```
    /// # Panics
    /// If the axis is out of range or has less than `k` elements.
    #[track_caller]
    pub fn topk(self, axis: isize, k: usize) -> (Self, Tensor<i64>) {
        let (x, at) = self.line("topk", axis);
        let (size, along) = (x.shape()[at], at as isize);
        assert!(k <= size, "topk: axis {axis} of {} has less than {k} elements", self.shape());
        let order = x.value().argtopk(along, k);
        let shape = if k == size { self.shape() } else { order.shape().clone() };
        (x.gather(along, &order).reshape(&shape), order.reshape(&shape))
    }

    /// The middle of the sorted values over axes, the lower one of two; NaN if there is one. The
    /// gradient goes to the element that it is.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![4.0, 1.0, 3.0, 2.0]);
    /// assert_eq!(x.median(..).item(), 2.0);
    /// assert_eq!(x.median(..).grad([x])[0].value(), tensor![0.0, 0.0, 0.0, 1.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice, or there are no elements.
    #[track_caller]
    pub fn median(self, axes: impl Into<Axes>) -> Self {
        let axes = self.axes("median", axes);
        self.middle("median", &axes).0
    }

    /// The median along `axis`, as [`Var::median`], and where it is.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let (median, at) = tape.var(tensor![4.0, 1.0, 3.0, 2.0]).median_with_indices(0);
    /// assert_eq!((median.item(), at.item()), (2.0, 3));
    /// ```
    /// # Panics
    /// If the axis is out of range or has no elements.
    #[track_caller]
    pub fn median_with_indices(self, axis: isize) -> (Self, Tensor<i64>) {
        let axes = self.axes("median_with_indices", axis);
        self.middle("median_with_indices", &axes)
    }

    #[track_caller]
    fn middle(self, name: &str, axes: &[usize]) -> (Self, Tensor<i64>) {
        let lines = self.lines(axes);
        let shape = lines.shape();
        let size = shape[shape.len() - 1];
        assert!(size > 0, "{name}: there are no elements along axes {axes:?} of {}", self.shape());
        let (nan, middle) = (lines.value().map(T::is_nan).any(-1), lines.value().argnth(-1, (size - 1) / 2));
        let at = Tensor::where_(&nan, lines.argmax(-1), middle);
        (lines.chosen(-1, &at), at)
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, message_of, numbers, slope};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn derivatives() {
        let x = numbers(&[3, 4]);
        gradients(|[x]| x.max_with_indices(1).0.square(), [x.clone()]);
        gradients(|[x]| x.min_with_indices(0).0.square(), [x.clone()]);
        gradients(|[x]| x.sort(-1).0 * x, [x.clone()]);
        gradients(|[x]| x.topk(0, 2).0.square(), [x.clone()]);
        gradients(|[x]| x.median(..).square() + x.median(0), [x]);
    }

    #[test]
    fn nan_and_ties() {
        let tape = Tape::new();
        let x = tape.var(tensor![[1.0, 3.0, 3.0], [NAN, 5.0, NAN], [f64::NEG_INFINITY; 3]]);
        assert_eq!(x.argmax(-1), tensor![1, 0, 0]);
        assert_eq!(slope(|x| x.max_with_indices(0).0, &tensor![2.0, 2.0, 2.0]), tensor![1.0, 0.0, 0.0]);
        let (sorted, order) = tape.var(tensor![2.0, NAN, 1.0]).sort(0);
        assert!(sorted.value().allclose(&tensor![1.0, 2.0, NAN], 0.0, 0.0));
        assert_eq!(order, tensor![2, 0, 1]);
        let (largest, at) = tape.var(tensor![2.0, NAN, 2.0, 3.0]).topk(0, 4);
        assert!(largest.value().allclose(&tensor![NAN, 3.0, 2.0, 2.0], 0.0, 0.0));
        assert_eq!(at, tensor![1, 3, 0, 2]);
        assert!(tape.var(tensor![1.0, NAN, 2.0]).median(0).item().is_nan());
        assert_eq!(slope(|x| x.topk(0, 0).0, &tensor![1.0, 5.0]), tensor![0.0, 0.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([2, 0]));
        assert_eq!(message_of(|| _ = x.argmax(1)), "argmax: there are no elements along axis 1 of [2, 0]");
        assert_eq!(message_of(|| _ = x.topk(1, 1)), "topk: axis 1 of [2, 0] has less than 1 elements");
        assert_eq!(message_of(|| _ = x.median(..)), "median: there are no elements along axes [0, 1] of [2, 0]");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn as_for_tensors(x in any_tensor()) {
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            for axis in 0..x.rank() as isize {
                prop_assert_eq!(v.sort(axis).0.value(), x.sort(axis));
                let n = x.shape()[axis as usize];
                prop_assert_eq!(v.topk(axis, n).0.value(), x.sort(axis).flip(axis));
                if n > 0 {
                    prop_assert_eq!(v.max_with_indices(axis).0.value(), v.max(axis).value());
                    prop_assert_eq!(v.median(axis).value(), x.sort(axis).select(axis, (n as isize - 1) / 2));
                }
            }
        }
    }
}
