//! One variable out of several, or out of copies of one.

use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use super::{addressed, checked};
use crate::{Cotangents, Lowering, Op, Var};

/// The inputs one after the other along an axis.
#[derive(Clone)]
struct Concat {
    axis: usize,
}

impl Op for Concat {
    crate::op::compiled_here!(Concat);
    fn name(&self) -> &'static str {
        "concat"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let mut shape = x[0].clone();
        for next in &x[1..] {
            let axes = 0..next.len().max(shape.len());
            if next.len() != shape.len() || axes.clone().any(|axis| axis != self.axis && next[axis] != shape[axis]) {
                return Err(ShapeError::new(format!(
                    "shapes {} and {next} differ in more than axis {}",
                    x[0], self.axis
                )));
            }
            shape.sizes_mut()[self.axis] = shape[self.axis].saturating_add(next[self.axis]);
        }
        shape.checked_count()?;
        Ok(shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| Tensor::concat(&x.iter().collect::<Vec<_>>(), self.axis as isize))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let mut start = 0;
        let pieces = x.iter().map(|x| {
            let size = x.shape()[self.axis];
            start += size;
            g.slice(self.axis as isize, start - size..start)
        });
        pieces.collect()
    }
}

impl<T: Float> Var<'_, T> {
    /// The variables one after the other along an axis that they have.
    ///
    /// ```
    /// # use wengert_autograd::{Tape, Var};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let (a, b) = (tape.var(tensor![1.0]), tape.var(tensor![2.0, 3.0]));
    /// assert_eq!(Var::concat(&[a, b], 0).value(), tensor![1.0, 2.0, 3.0]);
    /// ```
    /// # Panics
    /// If there is no variable, the axis is out of range, or other sizes differ.
    #[doc(alias = "cat")]
    #[track_caller]
    pub fn concat(vars: &[Self], axis: isize) -> Self {
        let Some(first) = vars.first() else { panic!("concat: there are no variables") };
        let axis = first.axis("concat", axis);
        if vars.len() == 1 { *first } else { first.tape().record(Concat { axis }, vars) }
    }

    /// The variables, all of one shape, as the indices of a new axis.
    ///
    /// ```
    /// # use wengert_autograd::{Tape, Var};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let (a, b) = (tape.scalar(1.0), tape.scalar(2.0));
    /// assert_eq!(Var::stack(&[a, b], 0).value(), tensor![1.0, 2.0]);
    /// ```
    /// # Panics
    /// If there is no variable, the axis is out of range, or shapes differ.
    #[track_caller]
    pub fn stack(vars: &[Self], axis: isize) -> Self {
        let Some(first) = vars.first() else { panic!("stack: there are no variables") };
        let shape = first.shape();
        let axis = checked("stack", shape.new_axis(axis)) as isize;
        let mut rows = Vec::with_capacity(vars.len());
        for var in vars {
            assert!(var.shape() == shape, "stack: shapes {shape} and {} differ", var.shape());
            rows.push(var.unsqueeze(axis));
        }
        Self::concat(&rows, axis)
    }

    /// The whole `times[i]` times along axis `i`, as NumPy's `tile`: axes are aligned at the last,
    /// and where one side has more, the other counts as 1 there.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// assert_eq!(x.tile(&[2, 2]).value(), tensor![[1.0, 2.0, 1.0, 2.0], [1.0, 2.0, 1.0, 2.0]]);
    /// ```
    /// # Panics
    /// If the result has more elements than can be addressed.
    #[track_caller]
    pub fn tile(self, times: &[usize]) -> Self {
        let shape = self.shape();
        let rank = shape.len().max(times.len());
        let aligned = |sizes: &[usize], axis: usize| (axis + sizes.len()).checked_sub(rank).map_or(1, |i| sizes[i]);
        // Each axis becomes two, times and size, of which the first repeats.
        let (mut before, mut between, mut after) = (Shape::scalar(), Shape::scalar(), Shape::scalar());
        for axis in 0..rank {
            let (size, n) = (aligned(&shape, axis), aligned(times, axis));
            before.sizes_mut().extend([1, size]);
            between.sizes_mut().extend([n, size]);
            after.sizes_mut().push(n.saturating_mul(size));
        }
        addressed("tile", &after, &shape);
        self.reshape(before).expand(between).reshape(after)
    }

    /// Every index of an axis `times` times in a row, as NumPy's `repeat`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// assert_eq!(x.repeat(0, 2).value(), tensor![1.0, 1.0, 2.0, 2.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the result has more elements than can be addressed.
    #[doc(alias = "repeat_interleave")]
    #[track_caller]
    pub fn repeat(self, axis: isize, times: usize) -> Self {
        let mut after = self.shape();
        let axis = self.axis("repeat", axis);
        let mut between = after.clone();
        after.sizes_mut()[axis] = after[axis].saturating_mul(times);
        addressed("repeat", &after, &self.shape());
        between.sizes_mut().insert(axis + 1, times);
        self.unsqueeze(axis as isize + 1).expand(between).reshape(after)
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::{any_tensor, gradients, message_of, numbers, slope};
    use crate::{Tape, Var};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        let (a, b) = (numbers(&[2, 3]), numbers(&[2, 1]) + 1.0);
        gradients(|[a, b]| Var::concat(&[a, b, a], 1).square(), [a.clone(), b.clone()]);
        gradients(|[a]| Var::stack(&[a, a.square()], -1).square(), [a.clone()]);
        gradients(|[a]| a.tile(&[2, 1, 2]).square(), [a.clone()]);
        gradients(|[a]| a.repeat(0, 3).square(), [a]);
    }

    #[test]
    fn nothing_and_once() {
        assert_eq!(slope(|x| x.tile(&[0]), &tensor![1.0, 2.0]), tensor![0.0, 0.0]);
        assert_eq!(slope(|x| Var::concat(&[x, x], 0), &tensor![1.0, 2.0]), tensor![2.0, 2.0]);
        let tape = Tape::<f64>::new();
        let (none, one) = (tape.var(Tensor::zeros([0, 2])), tape.var(tensor![[1.0, 2.0]]));
        assert_eq!(Var::concat(&[none, one], 0).value(), tensor![[1.0, 2.0]]);
        assert_eq!(one.repeat(1, 0).value().shape(), &[1, 0]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.var(Tensor::zeros([2, 3])), tape.var(Tensor::zeros([2, 4])));
        assert!(
            message_of(|| _ = Var::concat(&[a, b], 0))
                .starts_with("concat: shapes [2, 3] and [2, 4] differ in more than axis 0")
        );
        assert_eq!(message_of(|| _ = Var::concat(&[a], 2)), "concat: axis 2 is out of range for 2 axes (shape [2, 3])");
        assert_eq!(message_of(|| _ = Var::stack(&[a, b], 0)), "stack: shapes [2, 3] and [2, 4] differ");
        assert!(message_of(|| _ = a.tile(&[usize::MAX, 2])).starts_with("tile: shape"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn as_for_tensors(x in any_tensor(), times in prop::collection::vec(0usize..3, 0..4)) {
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            prop_assert_eq!(v.tile(&times).value(), x.tile(&times));
            for axis in 0..x.rank() as isize {
                prop_assert_eq!(v.repeat(axis, 2).value(), x.repeat(axis, 2));
                prop_assert_eq!(Var::concat(&[v, v], axis).value(), Tensor::concat(&[&x, &x], axis));
                prop_assert_eq!(Var::stack(&[v, v], axis).value(), Tensor::stack(&[&x, &x], axis));
            }
        }
    }
}
