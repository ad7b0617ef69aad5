//! Sums, means, extrema … over axes. `sum(axes)` removes the axes, `sum_keep(axes)` keeps them
//! with size 1, and so on for every name.

use crate::arith::{DivFn, MulFn, SubFn};
use crate::elementwise::{AbsFn, SqrtFn};
use crate::error::checked;
use crate::kernel::{Reduction, Spec, Step, Tiled};
use crate::map::{fold, functions, map, run};
use crate::{Axes, Element, Float, Number, ShapeError, Tensor};

/// The reduction of `x`, of the shape that is wanted.
fn reduce<T: Number>(reduction: Reduction, x: &Tensor<T>, axes: Axes, keep: bool) -> Result<Tensor<T>, ShapeError> {
    let axes = axes.resolve(x.shape())?;
    let none = axes.iter().any(|&axis| x.shape()[axis] == 0);
    if none && matches!(reduction, Reduction::Max | Reduction::Min) && x.shape().reduced(&axes, false).count() > 0 {
        return Err(ShapeError::new(format!("there are no elements along axes {axes:?} of {}", x.shape())));
    }
    Ok(finish(T::reduce(reduction, x, &axes)?, x, &axes, keep))
}

/// `y`, which has the reduced axes of `x` with size 1, with or without them.
fn finish<T: Element, U: Element>(y: Tensor<U>, x: &Tensor<T>, axes: &[usize], keep: bool) -> Tensor<U> {
    y.reshape(x.shape().reduced(axes, keep))
}

macro_rules! reductions {
    ($($bound:ident $name:ident $keep:ident $literal:literal $keep_literal:literal $reduction:ident
        $what:literal $empty:literal $value:literal $rows:literal;)*) => {$(
        impl<T: $bound> Tensor<T> {
            #[doc = concat!($what, " over these axes (a number, several, or `..` for all), which are removed.")]
            #[doc = $empty]
            #[doc = ""]
            #[doc = "```"]
            #[doc = "# use wengert_tensor::tensor;"]
            #[doc = "let t = tensor![[1.0, 2.0], [3.0, 4.0]];"]
            #[doc = concat!("assert_eq!(t.", stringify!($name), "(..).item(), ", $value, ");")]
            #[doc = concat!("assert_eq!(t.", stringify!($name), "(1), tensor![", $rows, "]);")]
            #[doc = "```"]
            /// # Panics
            /// If an axis is out of range or named twice.
            #[track_caller]
            pub fn $name(&self, axes: impl Into<Axes>) -> Self {
                checked!($literal, reduce(Reduction::$reduction, self, axes.into(), false))
            }

            #[doc = concat!("As [`", stringify!($name), "`](Self::", stringify!($name), "), but the axes stay, with size 1.")]
            #[doc = ""]
            #[doc = "```"]
            #[doc = "# use wengert_tensor::tensor;"]
            #[doc = concat!("assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].", stringify!($keep), "(1).shape(), &[2, 1]);")]
            #[doc = "```"]
            /// # Panics
            /// If an axis is out of range or named twice.
            #[track_caller]
            pub fn $keep(&self, axes: impl Into<Axes>) -> Self {
                checked!($keep_literal, reduce(Reduction::$reduction, self, axes.into(), true))
            }
        }
    )*};
}

reductions! {
    Number sum sum_keep "sum" "sum_keep" Sum "The sum" "0 of no elements; integers wrap around." "10.0" "3.0, 7.0";
    Float mean mean_keep "mean" "mean_keep" Mean "The mean" "NaN of no elements." "2.5" "1.5, 3.5";
    Number prod prod_keep "prod" "prod_keep" Prod "The product" "1 of no elements; integers wrap around." "24.0" "2.0, 12.0";
    Number max max_keep "max" "max_keep" Max "The largest element" "NaN if one is NaN; refused for no elements." "4.0" "2.0, 4.0";
    Number min min_keep "min" "min_keep" Min "The smallest element" "NaN if one is NaN; refused for no elements." "1.0" "1.0, 3.0";
}

/// What the elements of a mean of `count` are multiplied with before they are added up, lest the sum
/// overflow: a power of two, so that no digit is lost. Nothing (1) for `f32`, which is added up in `f64`.
#[doc(hidden)]
pub fn mean_scale<T: Float>(count: usize) -> f64 {
    if T::MAX.to_f64() < f64::MAX || count < 2 { 1.0 } else { 1.0 / count.next_power_of_two() as f64 }
}

functions! {
    SquareFn(x) x * x;
    UnitFn(largest) if largest > T::ZERO && largest < T::INFINITY { largest } else { T::ONE };
    VarianceFn(squares, sum, count, divisor) (squares - sum * sum / count).max_nan(T::ZERO) / divisor;
}

/// The variance of distances from some centre near the mean: their squares, less what the distance of
/// the centre from the mean (3 % of a deviation at mean 10⁶ in `f32`, where it is rounded) adds to them.
#[inline(never)]
fn variance<T: Float>(d: &Tensor<T>, axes: &[usize], correction: usize) -> Result<Tensor<T>, ShapeError> {
    let count: usize = axes.iter().map(|&axis| d.shape()[axis]).product();
    let spec = Spec {
        domain: d.shape().clone(),
        reduced: axes.into(),
        operands: vec![d.layout().strides().into()],
        steps: vec![
            Step::Load(0),
            Step::Reduce(Reduction::Sum, 0),
            Step::Map { map: 0, args: [0].into_iter().collect(), keep: false, arith: None },
            Step::Reduce(Reduction::Sum, 2),
            Step::Scalar(0),
            Step::Scalar(1),
            Step::Map { map: 1, args: [3, 1, 4, 5].into_iter().collect(), keep: false, arith: None },
        ],
        outputs: vec![6],
    };
    let scalars = [count, count.saturating_sub(correction)].map(|n| T::from_f64(n as f64));
    run(spec, &[d], &scalars, &[&Tiled(SquareFn), &Tiled(VarianceFn)])
}

fn var<T: Float>(x: &Tensor<T>, axes: Axes, correction: usize, keep: bool) -> Result<Tensor<T>, ShapeError> {
    let axes = axes.resolve(x.shape())?;
    let d = map(SubFn, [x, &T::reduce(Reduction::Mean, x, &axes)?])?;
    Ok(finish(variance(&d, &axes, correction)?, x, &axes, keep))
}

/// In units of the largest distance from the mean, whose square may overflow.
fn std<T: Float>(x: &Tensor<T>, axes: Axes, correction: usize, keep: bool) -> Result<Tensor<T>, ShapeError> {
    let axes = axes.resolve(x.shape())?;
    let d = map(SubFn, [x, &T::reduce(Reduction::Mean, x, &axes)?])?;
    let unit = map(UnitFn, [&T::reduce(Reduction::Max, &map(AbsFn, [&d])?, &axes)?])?;
    let y = map(SqrtFn, [&variance(&map(DivFn, [&d, &unit])?, &axes, correction)?])?;
    Ok(finish(map(MulFn, [&y, &unit])?, x, &axes, keep))
}

impl<T: Float> Tensor<T> {
    /// The variance over these axes, which are removed: the squared distances from the mean,
    /// summed and divided by the number of elements less `correction` (1 for the unbiased
    /// variance of a sample).
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// let t = tensor![[1.0, 3.0], [2.0, 6.0]];
    /// assert_eq!(t.var(1, 0), tensor![1.0, 4.0]);
    /// assert_eq!(t.var(1, 1), tensor![2.0, 8.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn var(&self, axes: impl Into<Axes>, correction: usize) -> Self {
        checked!("var", var(self, axes.into(), correction, false))
    }

    /// As [`var`](Self::var), but the axes stay, with size 1.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0]].var_keep(1, 0), tensor![[1.0]]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn var_keep(&self, axes: impl Into<Axes>, correction: usize) -> Self {
        checked!("var_keep", var(self, axes.into(), correction, true))
    }

    /// The standard deviation over these axes, which are removed: the root of [`var`](Self::var).
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0], [2.0, 6.0]].std(1, 0), tensor![1.0, 2.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn std(&self, axes: impl Into<Axes>, correction: usize) -> Self {
        checked!("std", std(self, axes.into(), correction, false))
    }

    /// As [`std`](Self::std), but the axes stay, with size 1: to standardise the columns of a
    /// table, say.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// let t = tensor![[1.0, 3.0], [3.0, 7.0]];
    /// let z = (&t - t.mean_keep(0)) / t.std_keep(0, 0);
    /// assert_eq!(z, tensor![[-1.0, -1.0], [1.0, 1.0]]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn std_keep(&self, axes: impl Into<Axes>, correction: usize) -> Self {
        checked!("std_keep", std(self, axes.into(), correction, true))
    }
}

impl Tensor<bool> {
    /// Whether any flag along these axes, which are removed, is true.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![[true, false], [false, false]].any(1), tensor![true, false]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn any(&self, axes: impl Into<Axes>) -> Self {
        let axes = checked!("any", axes.into().resolve(self.shape()));
        finish(checked!("any", fold(self, &axes, |line| line.iter().fold(false, |any, v| any | v))), self, &axes, false)
    }

    /// Whether all flags along these axes, which are removed, are true.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert!(tensor![1.0, 2.0].gt(0.5).all(..).item());
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn all(&self, axes: impl Into<Axes>) -> Self {
        let axes = checked!("all", axes.into().resolve(self.shape()));
        finish(checked!("all", fold(self, &axes, |line| line.iter().fold(true, |all, v| all & v))), self, &axes, false)
    }

    /// How many flags are true.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![3, 1, 4, 1].eq(1).count_true(), 2);
    /// ```
    pub fn count_true(&self) -> usize {
        match self.as_slice() {
            Some(flags) => flags.iter().map(|&v| usize::from(v)).sum(),
            None => self.iter().filter(|&v| v).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{any_layout, line_of_panic, message_of};
    use proptest::prelude::*;

    #[test]
    fn nothing_and_nan() {
        let none: Tensor = Tensor::zeros([0, 3]);
        assert_eq!(none.sum(0), tensor![0.0, 0.0, 0.0]);
        assert_eq!(none.prod(0), tensor![1.0, 1.0, 1.0]);
        assert!(none.mean(..).item().is_nan());
        assert!(none.var(.., 0).item().is_nan());
        assert_eq!(none.max(1).shape(), &[0]);
        assert_eq!(none.sum(1).shape(), &[0]);
        assert_eq!(Tensor::<i64>::zeros([0]).sum(..).item(), 0);
        assert!(Tensor::<bool>::zeros([0]).all(..).item() && !Tensor::<bool>::zeros([0]).any(..).item());
        let x = tensor![[1.0, f64::NAN], [3.0, 4.0]];
        assert!(x.max(1).at([0]).is_nan() && x.min(..).item().is_nan());
        assert_eq!(x.max(1).at([1]), 4.0);
        assert!(tensor![5.0].var(0, 1).item().is_nan());
        assert_eq!(tensor![5.0].var(0, 0).item(), 0.0);
        assert_eq!(Tensor::scalar(3.0).sum(..).item(), 3.0);
        assert_eq!(x.sum([0isize; 0]).shape(), &[2, 2]);
    }

    #[test]
    fn variance_far_from_zero() {
        let mut rng = crate::Rng::seed(1);
        let noise: Tensor<f64> = Tensor::normal([10_000], 0.0, 1.0, &mut rng);
        let x: Tensor<f32> = (&noise + 1e6).cast();
        let exact = x.cast::<f64>().var(.., 1).item();
        assert!((x.var(.., 1).item() as f64 / exact - 1.0).abs() < 1e-5);
    }

    #[test]
    fn numbers_as_large_as_can_be() {
        assert_eq!(Tensor::full([4], 3e38f32).mean(..).item(), 3e38);
        assert_eq!(Tensor::full([3], 1.5e308).mean(..).item(), 1.5e308);
        assert_eq!(tensor![1e200, -1e200].std(.., 0).item(), 1e200);
        assert_eq!(tensor![3e-200, -3e-200].std(.., 0).item(), 3e-200);
        assert_eq!(tensor![[1e30f32, -1e30]].std_keep(1, 0).item(), 1e30);
        assert!(tensor![f64::INFINITY, 1.0].std(.., 0).item().is_nan());
        assert!(<Tensor>::zeros([0]).std(.., 1).item().is_nan());
    }

    #[test]
    fn mistakes_are_named() {
        let a: Tensor = Tensor::zeros([2, 0]);
        for (f, message) in [
            (&(|| drop(a.max(..))) as &dyn Fn(), "max: there are no elements along axes [0, 1] of [2, 0]"),
            (&|| drop(a.min_keep(1)), "min_keep: there are no elements along axes [1] of [2, 0]"),
            (&|| drop(a.cast::<i32>().max(1)), "max: there are no elements along axes [1] of [2, 0]"),
            (&|| drop(a.sum(2)), "sum: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.mean_keep(-3)), "mean_keep: axis -3 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.prod([0, 0])), "prod: axis 0 is named twice in [0, 0] (shape [2, 0])"),
            (&|| drop(a.var(2, 0)), "var: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.var_keep(2, 0)), "var_keep: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.std(2, 0)), "std: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.std_keep(2, 0)), "std_keep: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.cast::<bool>().any(2)), "any: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(a.cast::<bool>().all(2)), "all: axis 2 is out of range for 2 axes (shape [2, 0])"),
        ] {
            assert_eq!(message_of(f), message);
        }
        assert_eq!(line_of_panic(|| drop(a.max(..))), line!());
        assert_eq!(line_of_panic(|| drop(a.var(2, 0))), line!());
        assert_eq!(line_of_panic(|| drop(a.cast::<bool>().any(2))), line!());
    }

    proptest! {
        /// Small whole numbers: every sum is exact, whatever its order.
        #[test]
        fn reductions_agree_with_loops(a in any_layout::<f32>(), axes in prop::collection::btree_set(0usize..3, 0..3)) {
            let axes: Vec<usize> = axes.into_iter().filter(|&axis| axis < a.rank()).collect();
            let signed: Vec<isize> = axes.iter().rev().map(|&axis| axis as isize - a.rank() as isize).collect();
            let keep = a.shape().reduced(&axes, true);
            let naive = |start: f64, f: fn(f64, f64) -> f64| {
                let mut out = vec![start; keep.count()];
                for (i, v) in a.iter().enumerate() {
                    let (mut rest, mut at, mut step) = (i, 0, 1);
                    for axis in (0..a.rank()).rev() {
                        at += (rest % a.shape()[axis]).min(keep[axis] - 1) * step;
                        rest /= a.shape()[axis];
                        step *= keep[axis];
                    }
                    out[at] = f(out[at], v as f64);
                }
                Tensor::from_vec(out.iter().map(|&v| v as f32).collect(), &keep)
            };
            let sum = naive(0.0, |a, b| a + b);
            prop_assert_eq!(&a.sum_keep(&signed[..]), &sum);
            prop_assert_eq!(a.sum(&signed[..]), sum.reshape(a.shape().reduced(&axes, false)));
            prop_assert_eq!(a.cast::<i64>().sum_keep(&signed[..]), sum.cast());
            let n = a.count() as f32 / keep.count().max(1) as f32;
            a.mean_keep(&signed[..]).assert_close(&(&sum / n), 1e-6, 0.0);
            a.prod_keep(&signed[..]).assert_close(&naive(1.0, |a, b| a * b), 1e-5, 0.0);
            let d = &a - a.mean_keep(&signed[..]);
            a.var_keep(&signed[..], 0).assert_close(&((&d * &d).sum_keep(&signed[..]) / n), 1e-5, 0.0);
            a.std(&signed[..], 1).assert_close(&a.var(&signed[..], 1).sqrt(), 1e-6, 0.0);
            if a.count() > 0 {
                prop_assert_eq!(a.max_keep(&signed[..]), naive(f64::NEG_INFINITY, f64::max));
                prop_assert_eq!(a.cast::<i32>().min_keep(&signed[..]), naive(f64::INFINITY, f64::min).cast());
                prop_assert_eq!(a.gt(2.0).any(&signed[..]), a.max(&signed[..]).gt(2.0));
                prop_assert_eq!(a.gt(2.0).all(&signed[..]), a.min(&signed[..]).gt(2.0));
            }
        }
    }
}
