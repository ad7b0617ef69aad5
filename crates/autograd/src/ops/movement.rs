//! Other views of the same elements.

use smallvec::SmallVec;
use wengert_tensor::{Axes, Float, Layout, Shape, ShapeError, Sizes};

use super::checked;
use crate::{Cotangents, Lowering, Op, Var};

/// The same value without a derivative.
#[derive(Clone)]
pub(crate) struct Detach;

impl Op for Detach {
    crate::op::compiled_here!(Detach);
    fn name(&self) -> &'static str {
        "detach"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.clone()))
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(1)
    }
}

#[derive(Clone)]
struct Reshape(Shape);

impl Op for Reshape {
    crate::op::compiled_here!(Reshape);
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Layout::contiguous(x[0].clone()).reshape(&self.0).map(|_| self.0.clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| x.reshape(&self.0).expect("checked when recorded"))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.reshape(x[0].shape())].into()
    }
}

#[derive(Clone)]
struct Expand(Shape);

impl Op for Expand {
    crate::op::compiled_here!(Expand);
    fn name(&self) -> &'static str {
        "expand"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Layout::contiguous(x[0].clone()).expand(&self.0).map(|_| self.0.clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.expand(&self.0).expect("checked when recorded")))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.sum_to_shape(x[0].shape())].into()
    }
}

#[derive(Clone)]
pub(crate) struct Permute(SmallVec<[usize; 4]>);

impl Permute {
    /// Whether it exchanges the axes of a matrix.
    pub(crate) fn is_transpose(&self) -> bool {
        self.0[..] == [1, 0]
    }
}

impl Op for Permute {
    crate::op::compiled_here!(Permute);
    fn name(&self) -> &'static str {
        "permute"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(Layout::contiguous(x[0].clone()).permute(&self.0)?.shape().clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.permute(&self.0).expect("checked when recorded")))
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.permuted(inverse(&self.0))].into()
    }
}

/// The order that undoes an order of axes.
pub(super) fn inverse(order: &[usize]) -> SmallVec<[usize; 4]> {
    let mut inverse = SmallVec::from_elem(0, order.len());
    for (to, &from) in order.iter().enumerate() {
        inverse[from] = to;
    }
    inverse
}

impl<T: Float> Var<'_, T> {
    /// The same elements in row-major order under another shape of the same count; one size may
    /// be −1, for whatever makes the count come out.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.reshape([2, -1]).value(), tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// ```
    /// # Panics
    /// If the counts differ.
    #[doc(alias = "view")]
    #[track_caller]
    pub fn reshape(self, sizes: impl Into<Sizes>) -> Self {
        self.reshaped(sizes.into())
    }

    #[track_caller]
    #[inline(never)]
    fn reshaped(self, sizes: Sizes) -> Self {
        let own = self.shape();
        let shape = match sizes.resolve(own.count()) {
            Ok(shape) => shape,
            Err(error) => panic!("reshape: {own}: {error}"),
        };
        if shape == own { self } else { self.tape().record(Reshape(shape), &[self]) }
    }

    /// The elements in row-major order on one axis.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]).flatten().shape(), [4]);
    /// ```
    #[doc(alias = "ravel")]
    #[track_caller]
    pub fn flatten(self) -> Self {
        self.reshape(self.count())
    }

    /// Stretched to `shape` by the broadcasting rule.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0], [2.0]]);
    /// assert_eq!(x.expand([2, 2]).value(), tensor![[1.0, 1.0], [2.0, 2.0]]);
    /// ```
    /// # Panics
    /// If an axis of another size than 1 would have to change.
    #[doc(alias = "broadcast_to")]
    #[track_caller]
    pub fn expand(self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if shape == self.shape() { self } else { self.tape().record(Expand(shape), &[self]) }
    }

    /// The axes in another order, each named once.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let images = tape.var(Tensor::zeros([8, 32, 24, 3]));
    /// assert_eq!(images.permute([0, 3, 1, 2]).shape(), [8, 3, 32, 24]);
    /// ```
    /// # Panics
    /// If the axes are not a permutation of the variable's.
    #[track_caller]
    pub fn permute(self, axes: impl Into<Axes>) -> Self {
        let shape = self.shape();
        let order: Result<_, ShapeError> = match axes.into() {
            Axes::All => Ok((0..shape.len()).collect()),
            Axes::Some(axes) => axes.iter().map(|&axis| shape.axis(axis)).collect(),
        };
        self.permuted(checked("permute", order))
    }

    #[track_caller]
    pub(crate) fn permuted(self, order: SmallVec<[usize; 4]>) -> Self {
        if order.len() == self.rank() && order.is_sorted_by(|a, b| a < b) {
            self
        } else {
            self.tape().record(Permute(order), &[self])
        }
    }

    /// Two axes exchanged.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(Tensor::zeros([2, 3, 4])).transpose(0, -1).shape(), [4, 3, 2]);
    /// ```
    /// # Panics
    /// If an axis is out of range.
    #[doc(alias = "swapaxes")]
    #[doc(alias = "swapdims")]
    #[track_caller]
    pub fn transpose(self, a: isize, b: isize) -> Self {
        let (a, b) = (self.axis("transpose", a), self.axis("transpose", b));
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        order.swap(a, b);
        self.permuted(order)
    }

    /// An axis at another place among the others, which keep their order.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(Tensor::zeros([8, 32, 24, 3])).move_axis(-1, 1).shape(), [8, 3, 32, 24]);
    /// ```
    /// # Panics
    /// If an axis is out of range.
    #[doc(alias = "movedim")]
    #[doc(alias = "moveaxis")]
    #[track_caller]
    pub fn move_axis(self, from: isize, to: isize) -> Self {
        let (from, to) = (self.axis("move_axis", from), self.axis("move_axis", to));
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).filter(|&axis| axis != from).collect();
        order.insert(to, from);
        self.permuted(order)
    }

    /// The last two axes swapped: the transpose of a matrix, or of each of a batch.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![[1.0, 2.0]]).t().value(), tensor![[1.0], [2.0]]);
    /// ```
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn t(self) -> Self {
        assert!(self.rank() >= 2, "t: a transpose needs two axes, shape {} has {}", self.shape(), self.rank());
        self.transpose(-1, -2)
    }

    /// Without `axis`, if its size is 1; unchanged if it is not.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0], [2.0]]);
    /// assert_eq!((x.squeeze(1).shape(), x.squeeze(0).shape()), ([2].into(), [2, 1].into()));
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn squeeze(self, axis: isize) -> Self {
        let shape = self.shape();
        let axis = self.axis("squeeze", axis);
        if shape[axis] == 1 { self.reshape(shape.reduced(&[axis], false)) } else { self }
    }

    /// With a new axis of size 1, which becomes axis number `axis`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![1.0, 2.0]).unsqueeze(-1).shape(), [2, 1]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn unsqueeze(self, axis: isize) -> Self {
        let mut shape = self.shape();
        let axis = checked("unsqueeze", shape.new_axis(axis));
        shape.sizes_mut().insert(axis, 1);
        self.reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, message_of, numbers, slope};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        let x = numbers(&[2, 3, 4]);
        gradients(|[x]| x.reshape([4, -1]).square(), [x.clone()]);
        gradients(|[x]| x.permute([2, 0, 1]).square(), [x.clone()]);
        gradients(|[x]| x.transpose(0, 2).reshape([3, 8]).square(), [x.clone()]);
        gradients(|[x]| x.move_axis(0, -1).square(), [x.clone()]);
        gradients(|[x]| x.t().unsqueeze(1).squeeze(0).square(), [x]);
        gradients(|[x]| x.expand([2, 3, 2]).square(), [numbers(&[3, 1])]);
    }

    #[test]
    fn detached() {
        assert_eq!(slope(|x| x.detach() * x, &tensor![3.0]), tensor![3.0]);
    }

    #[test]
    fn scalars_and_empty_ones() {
        let tape = Tape::<f64>::new();
        let scalar = tape.scalar(3.0);
        assert_eq!(scalar.permute(..).item(), 3.0);
        assert_eq!(scalar.expand([2, 2]).value(), Tensor::full([2, 2], 3.0));
        assert_eq!(tape.var(tensor![[5.0]]).reshape(()).shape(), []);
        assert_eq!(scalar.flatten().shape(), [1]);
        let empty = tape.var(Tensor::zeros([2, 0]));
        assert_eq!(empty.reshape([0, 5]).value().shape(), &[0, 5]);
        assert_eq!(empty.t().flatten().value().shape(), &[0]);
        let one = tape.var(tensor![1.0]);
        assert_eq!(one.expand([0]).sum(..).grad([one])[0].value(), tensor![0.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([2, 3]));
        assert_eq!(message_of(|| _ = x.reshape([4])), "reshape: [2, 3]: sizes [4] do not hold 6 elements");
        assert!(message_of(|| _ = x.reshape([-1, -1])).starts_with("reshape: [2, 3]: sizes [-1, -1] leave"));
        assert!(message_of(|| _ = x.expand([2, 4])).starts_with("expand: shape [2, 3] does not expand to [2, 4]"));
        assert!(message_of(|| _ = x.permute([0, 0])).starts_with("permute: axes [0, 0] are not a permutation"));
        assert_eq!(message_of(|| _ = x.permute([0, 2])), "permute: axis 2 is out of range for 2 axes (shape [2, 3])");
        assert_eq!(message_of(|| _ = x.squeeze(2)), "squeeze: axis 2 is out of range for 2 axes (shape [2, 3])");
        assert_eq!(message_of(|| _ = x.unsqueeze(4)), "unsqueeze: axis 4 is out of range for 3 axes (shape [2, 3])");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// As the views of tensors, on every layout, and pulled back element by element.
        #[test]
        fn as_the_views_of_tensors(x in any_tensor()) {
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            let rank = x.rank() as isize;
            prop_assert_eq!(v.flatten().value(), x.flatten());
            for axis in 0..rank {
                prop_assert_eq!(v.transpose(axis, -1).value(), x.transpose(axis, -1));
                prop_assert_eq!(v.unsqueeze(axis).value(), x.unsqueeze(axis));
                let g = numbers(x.transpose(axis, -1).shape());
                let [dx] = v.transpose(axis, -1).vjp(&g, [v]);
                prop_assert_eq!(dx.value(), g.transpose(axis, -1));
            }
        }
    }
}
