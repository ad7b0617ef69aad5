//! Reductions over axes. The primitives keep reduced axes with size 1; dropping them is a view.

use smallvec::SmallVec;
use wengert_tensor::kernel::Reduction;
use wengert_tensor::{Axes, Float, Shape, ShapeError, mean_scale};

use super::checked;
use super::movement::inverse;
use crate::{Cotangents, Lowering, Op, Var};

/// A reduction over `axes`, ascending and checked.
#[derive(Clone)]
struct Reduce {
    reduction: Reduction,
    axes: SmallVec<[usize; 4]>,
}

impl Op for Reduce {
    crate::op::compiled_here!(Reduce);
    fn name(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "sum",
            Reduction::Mean => "mean",
            Reduction::Prod => "prod",
            Reduction::Max => "max",
            Reduction::Min => "min",
        }
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let shape = x[0].reduced(&self.axes, true);
        let empty = self.axes.iter().find(|&&axis| x[0][axis] == 0);
        match (self.reduction, empty) {
            (Reduction::Max | Reduction::Min, Some(axis)) if shape.count() > 0 => {
                Err(ShapeError::new(format!("there are no elements along axis {axis} of {}", x[0])))
            }
            _ => Ok(shape),
        }
    }

    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::Reduce(self.reduction, &self.axes)
    }

    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let x = x[0];
        let shape = x.shape();
        let count: usize = self.axes.iter().map(|&axis| shape[axis]).product();
        match self.reduction {
            Reduction::Sum => [g.expand(&shape)].into(),
            Reduction::Mean => [(g / count as f64).expand(&shape)].into(),
            // Ties share the gradient evenly; where NaN won there is none to share.
            Reduction::Max | Reduction::Min => {
                let chosen = x.eq(y);
                let winners = chosen.reduce(Reduction::Sum, self.axes.clone());
                let others = winners.eq(0.0).where_(f64::NAN, 0.0);
                [chosen.where_(g / winners, others)].into()
            }
            Reduction::Prod => {
                let lines = x.lines(&self.axes);
                let others = lines.product_of_others(lines.rank() - 1);
                [g.chain(others.unlines(&self.axes, &shape))].into()
            }
        }
    }
}

impl<'t, T: Float> Var<'t, T> {
    #[track_caller]
    fn reduce(self, reduction: Reduction, axes: SmallVec<[usize; 4]>) -> Self {
        self.tape().record(Reduce { reduction, axes }, &[self])
    }

    /// `reduction` over axes, which stay with size 1 when `keep`.
    #[track_caller]
    #[inline(never)]
    fn reduce_over(self, name: &str, reduction: Reduction, axes: Axes, keep: bool) -> Self {
        let (shape, axes) = (self.shape(), self.axes(name, axes));
        if matches!(reduction, Reduction::Max | Reduction::Min) {
            checked(name, Reduce { reduction, axes: axes.clone() }.shape(&[&shape]));
        }
        let count = axes.iter().map(|&axis| shape[axis]).product();
        let scale = if reduction == Reduction::Mean { mean_scale::<T>(count) } else { 1.0 };
        let kept = if scale == 1.0 {
            self.reduce(reduction, axes.clone())
        } else {
            (self * scale).reduce(reduction, axes.clone()) * (1.0 / scale)
        };
        // The gradient looks for what equals the extreme, so it must be of the run that computes the elements, which may
        // round otherwise the next time. So what can be looked at before is a view of it, though the axes be kept.
        let is_extreme = matches!(reduction, Reduction::Max | Reduction::Min);
        if axes.is_empty() || keep && !is_extreme {
            return kept;
        }
        let dropped = kept.reshape(shape.reduced(&axes, false));
        if keep { dropped.reshape(shape.reduced(&axes, true)) } else { dropped }
    }

    /// These axes, ascending, in row-major order as one last axis.
    #[track_caller]
    pub(super) fn lines(self, axes: &[usize]) -> Self {
        let shape = self.shape();
        let mut lines = shape.reduced(axes, false);
        lines.sizes_mut().push(axes.iter().map(|&axis| shape[axis]).product());
        self.permuted(lines_order(shape.len(), axes)).reshape(lines)
    }

    /// The inverse of [`Var::lines`] of a variable of this shape.
    #[track_caller]
    fn unlines(self, axes: &[usize], shape: &Shape) -> Self {
        let order = lines_order(shape.len(), axes);
        let permuted: Shape = order.iter().map(|&axis| shape[axis]).collect();
        self.reshape(permuted).permuted(inverse(&order))
    }
}

/// The other axes, then these.
fn lines_order(rank: usize, axes: &[usize]) -> SmallVec<[usize; 4]> {
    (0..rank).filter(|axis| !axes.contains(axis)).chain(axes.iter().copied()).collect()
}

/// A reduction with and without the reduced axes.
macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident $keep:ident $reduction:ident;)*) => {
        impl<'t, T: Float> Var<'t, T> {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(self, axes: impl Into<Axes>) -> Self {
                    self.reduce_over(stringify!($name), Reduction::$reduction, axes.into(), false)
                }

                #[doc = concat!("As [`Var::", stringify!($name), "`], but the axes stay with size 1.")]
                #[track_caller]
                pub fn $keep(self, axes: impl Into<Axes>) -> Self {
                    self.reduce_over(stringify!($keep), Reduction::$reduction, axes.into(), true)
                }
            )*
        }
    };
}

reduction! {
    /// The sum over axes (`..` for all, `0`, `-1`, `[0, 2]`), accumulated in `f64`; 0 of nothing.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(0).value(), tensor![4.0, 6.0]);
    /// assert_eq!(x.sum_keep(1).value(), tensor![[3.0], [7.0]]);
    /// assert_eq!(x.sum(..).item(), 10.0);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    sum sum_keep Sum;
    /// The mean over axes; NaN of nothing. It does not overflow where the sum would.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean(-1).value(), tensor![1.5, 3.5]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    mean mean_keep Mean;
    /// The product over axes, accumulated in `f64`; 1 of nothing.
    ///
    /// Its gradient is made of products of the others, so that zeros do no harm.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![2.0, 0.0, 3.0]);
    /// assert_eq!(x.prod(..).item(), 0.0);
    /// assert_eq!(x.prod(..).grad([x])[0].value(), tensor![0.0, 6.0, 0.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    prod prod_keep Prod;
    /// The largest value over axes; NaN if there is one. Ties share the gradient evenly.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 5.0, 5.0]]);
    /// assert_eq!(x.max(1).value(), tensor![5.0]);
    /// assert_eq!(x.max(..).grad([x])[0].value(), tensor![[0.0, 0.5, 0.5]]);
    /// ```
    /// # Panics
    /// If an axis is out of range, named twice, or has no elements.
    #[doc(alias = "amax")]
    max max_keep Max;
    /// The smallest value over axes; NaN if there is one. Ties share the gradient evenly.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![3.0, 1.0]).min(..).item(), 1.0);
    /// ```
    /// # Panics
    /// If an axis is out of range, named twice, or has no elements.
    #[doc(alias = "amin")]
    min min_keep Min;
}

impl<T: Float> Var<'_, T> {
    /// 1 if any element over the axes is not 0, else 0: also of nothing.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[0.0, 0.0], [0.0, 2.0]]);
    /// assert_eq!(x.any(1).value(), tensor![0.0, 1.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn any(self, axes: impl Into<Axes>) -> Self {
        let axes = self.axes("any", axes);
        self.ne(0.0).sum(&axes[..]).gt(0.0)
    }

    /// 1 if no element over the axes is 0, also of nothing; else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[0.0, 1.0], [3.0, 2.0]]);
    /// assert_eq!(x.all(1).value(), tensor![0.0, 1.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn all(self, axes: impl Into<Axes>) -> Self {
        let axes = self.axes("all", axes);
        self.eq(0.0).sum(&axes[..]).eq(0.0)
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
        let x = numbers(&[2, 3, 2]);
        gradients(|[x]| x.sum([0, 2]).square(), [x.clone()]);
        gradients(|[x]| x.mean_keep(1).square(), [x.clone()]);
        gradients(|[x]| x.prod([0, 2]), [x.clone()]);
        gradients(|[x]| x.max(1).square() - x.min(..), [x]);
        gradients(|[x]| x.prod(..), [tensor![2.0, 0.0, 3.0]]);
        gradients(|[x]| x.prod(0), [tensor![[0.0, 1.0], [0.0, 2.0], [3.0, 0.0]]]);
        gradients(|[x]| x.prod(..).grad([x])[0], [tensor![0.0, 0.0, 3.0]]);
    }

    #[test]
    fn conventions() {
        let nan = f64::NAN;
        let tape = Tape::new();
        assert!(tape.var(tensor![1.0, nan, 2.0]).max(0).item().is_nan());
        assert!(slope(|x| x.max(0), &tensor![1.0, nan, 2.0]).iter().all(f64::is_nan));
        assert_eq!(slope(|x| x.min(..), &tensor![2.0, 1.0, 1.0]), tensor![0.0, 0.5, 0.5]);
        // An infinite cotangent stays with the one that was chosen.
        assert_eq!(slope(|x| x.max(0).sqrt(), &tensor![0.0, -1.0]), tensor![f64::INFINITY, 0.0]);
        let none = tape.var(Tensor::zeros([0]));
        assert_eq!((none.sum(..).item(), none.prod(..).item()), (0.0, 1.0));
        assert!(none.mean(..).item().is_nan());
        assert_eq!((none.any(..).item(), none.all(..).item()), (0.0, 1.0));
        assert_eq!(slope(|x| x.prod(..) + x.mean(..), &Tensor::zeros([0])).shape(), &[0]);
        assert_eq!(tape.var(Tensor::zeros([0, 3])).max(1).value().shape(), &[0]);
        assert_eq!(tape.var(Tensor::zeros([2, 0, 3])).sum(1).value(), Tensor::zeros([2, 3]));
        assert_eq!(tape.scalar(3.0).sum(..).item(), 3.0);
        let huge = Tape::<f32>::new();
        assert_eq!(huge.var(Tensor::full([4], 3e38)).mean(..).item(), 3e38);
        let x = tape.var(Tensor::full([2, 3], 1e308));
        assert_eq!((x.mean(..).item(), x.mean(..).grad([x])[0].value()), (1e308, Tensor::full([2, 3], 1.0 / 6.0)));
        assert_eq!(tape.var(tensor![nan, 1.0]).all(..).item(), 1.0);
    }

    /// What elements are made of may be computed once more for the gradient of an extreme that was looked at.
    #[test]
    fn an_extreme_may_be_looked_at_before_its_gradient() {
        for keep in [false, true] {
            let slope = |look: [bool; 2]| {
                let tape = Tape::new();
                let x = tape.var(Tensor::range(0.0..1728.0).reshape([64, 27]).map(|v: f64| (v * v).sin()));
                let y = (x - x.mean_keep(0)) / x.var_keep(0, 0).sqrt();
                let best = if keep { y.max_keep(0) } else { y.max(0) };
                look[0].then(|| best.value());
                let [slope] = best.sum(..).grad([x]);
                look[1].then(|| best.value());
                slope.value()
            };
            let expected = slope([false, false]);
            assert!(expected.iter().all(|v| v.is_finite()));
            slope([true, false]).assert_close(&expected, 1e-12, 1e-12);
            slope([false, true]).assert_close(&expected, 1e-12, 1e-12);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([2, 0]));
        assert_eq!(message_of(|| _ = x.sum(2)), "sum: axis 2 is out of range for 2 axes (shape [2, 0])");
        assert_eq!(message_of(|| _ = x.mean([0, 0])), "mean: axis 0 is named twice in [0, 0] (shape [2, 0])");
        assert!(message_of(|| _ = x.max(1)).starts_with("max: there are no elements along axis 1 of [2, 0]"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Against folds of the elements, over every subset of the axes.
        #[test]
        fn folds(x in any_tensor(), chosen in 0u8..8) {
            let tape = Tape::<f64>::new();
            let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| chosen >> axis & 1 == 1).collect();
            let kept: Vec<usize> = (0..x.rank()).filter(|&axis| chosen >> axis & 1 == 0).collect();
            let line = axes.iter().map(|&axis| x.shape()[axis as usize]).product::<usize>();
            let order: Vec<isize> = kept.iter().map(|&axis| axis as isize).chain(axes.iter().copied()).collect();
            let lines = x.permute(order.as_slice()).to_vec();
            let fold = |start: f64, f: fn(f64, f64) -> f64| -> Vec<f64> {
                let count = kept.iter().map(|&axis| x.shape()[axis]).product::<usize>();
                (0..count).map(|i| lines[i * line..][..line].iter().copied().fold(start, f)).collect()
            };
            let v = tape.var(&x);
            prop_assert_eq!(v.sum(&axes[..]).value().to_vec(), fold(0.0, |a, b| a + b));
            let product = Tensor::from(fold(1.0, |a, b| a * b));
            v.prod(&axes[..]).value().flatten().assert_close(&product, 1e-14, 0.0);
            if line > 0 {
                prop_assert_eq!(v.max(&axes[..]).value().to_vec(), fold(0.0, f64::max));
                prop_assert_eq!(v.min(&axes[..]).value().to_vec(), fold(f64::INFINITY, f64::min));
            }
        }
    }
}
