//! Variances, norms and the logarithm of a sum of exponentials: compositions that neither overflow
//! nor cancel.

use wengert_tensor::{Axes, Float};

use crate::Var;

/// A composed reduction with and without the reduced axes.
macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident $keep:ident ($($arg:ident: $type:ty),*) { $compute:ident };)*) => {
        impl<T: Float> Var<'_, T> {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(self, axes: impl Into<Axes> $(, $arg: $type)*) -> Self {
                    let axes = self.axes(stringify!($name), axes);
                    let dropped = self.shape().reduced(&axes, false);
                    self.$compute(&axes $(, $arg)*).reshape(dropped)
                }

                #[doc = concat!("As [`Var::", stringify!($name), "`], but the axes stay with size 1.")]
                #[track_caller]
                pub fn $keep(self, axes: impl Into<Axes> $(, $arg: $type)*) -> Self {
                    let axes = self.axes(stringify!($keep), axes);
                    self.$compute(&axes $(, $arg)*)
                }
            )*
        }
    };
}

reduction! {
    /// The variance over axes: the sum of the squared differences from the mean, over their number
    /// less `correction` (0 for all there is, 1 to estimate it from a sample).
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 6.0]);
    /// assert_eq!(x.var(.., 1).item(), 7.0);
    /// assert_eq!(x.var(.., 1).grad([x])[0].value(), tensor![-2.0, -1.0, 3.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    var var_keep (correction: usize) { variance };

    /// The standard deviation over axes, the root of [`Var::var`]; its gradient where all values
    /// are equal is 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 5.0], [2.0, 2.0]]);
    /// assert_eq!(x.std(1, 0).value(), tensor![2.0, 0.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    std std_keep (correction: usize) { deviation };

    /// The `p`-norm over axes, (Σ|x|ᵖ)^(1/p): 1 for the sum of magnitudes, 2 for the length,
    /// `f64::INFINITY` for the largest magnitude, its negative for the smallest, 0 for the number of
    /// elements that are not 0. Its gradient at 0 is 0, and it overflows only where its value does.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![3.0, -4.0]);
    /// assert_eq!(x.norm(.., 2.0).item(), 5.0);
    /// assert_eq!(x.norm(.., 1.0).grad([x])[0].value(), tensor![1.0, -1.0]);
    /// ```
    /// # Panics
    /// If `p` is NaN, or an axis is out of range, named twice, or, for infinite `p`, has no elements.
    #[doc(alias = "vector_norm")]
    norm norm_keep (p: f64) { length };

    /// ln Σeˣ over axes, a smooth maximum, without overflow; −∞ of nothing and of −∞ alone, where
    /// it has no gradient: NaN.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1000.0, 1000.0]);
    /// assert_eq!(x.logsumexp(0).item(), 1000.0 + 2f64.ln());
    /// assert_eq!(x.logsumexp(0).grad([x])[0].value(), tensor![0.5, 0.5]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    logsumexp logsumexp_keep () { log_sum_exp };
}

impl<T: Float> Var<'_, T> {
    /// Divided by its `p`-norm over axes, or by `eps` where that is larger: of length 1, and 0
    /// where it is 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[3.0, 4.0], [0.0, 0.0]]);
    /// assert_eq!(x.normalize(1, 2.0, 1e-12).value(), tensor![[0.6, 0.8], [0.0, 0.0]]);
    /// ```
    /// # Panics
    /// As [`Var::norm`].
    #[track_caller]
    pub fn normalize(self, axes: impl Into<Axes>, p: f64, eps: f64) -> Self {
        let axes = self.axes("normalize", axes);
        self / self.length(&axes, p).clamp_min(eps)
    }
}

/// Axes as a reduction takes them.
fn named(axes: &[usize]) -> Axes {
    Axes::Some(axes.iter().map(|&axis| axis as isize).collect())
}

impl<T: Float> Var<'_, T> {
    fn count_over(self, axes: &[usize]) -> usize {
        let shape = self.shape();
        axes.iter().map(|&axis| shape[axis]).product()
    }

    #[track_caller]
    fn variance(self, axes: &[usize], correction: usize) -> Self {
        self.distances(axes).spread_of(axes, correction)
    }

    /// In units of the largest distance from the mean, whose square may overflow.
    #[track_caller]
    fn deviation(self, axes: &[usize], correction: usize) -> Self {
        let d = self.distances(axes);
        let unit = d.abs().unit(axes);
        let variance = (d / unit).spread_of(axes, correction);
        variance.eq(0.0).where_(0.0, unit * variance.sqrt())
    }

    /// The distances from the mean as it was rounded, which is taken as constant.
    #[track_caller]
    fn distances(self, axes: &[usize]) -> Self {
        self - self.mean_keep(named(axes)).detach()
    }

    /// The variance of distances from somewhere near the mean. The two sums correct for where that is,
    /// and their difference depends on the values alone, so that no gradient is lost.
    #[track_caller]
    fn spread_of(self, axes: &[usize], correction: usize) -> Self {
        let count = self.count_over(axes);
        let rest = self.sum_keep(named(axes));
        let squares = self.square().sum_keep(named(axes)) - rest * rest / count as f64;
        let variance = squares / count.saturating_sub(correction) as f64;
        // Rounding may leave less than nothing of equal values.
        variance.lt(0.0).where_(variance - variance.detach(), variance)
    }

    /// The largest of these magnitudes, as a constant to measure them by; 1 if it is 0 or infinite, or
    /// there is none.
    #[track_caller]
    fn unit(self, axes: &[usize]) -> Self {
        if self.count_over(axes) == 0 {
            return self.tape().scalar(1.0);
        }
        let largest = self.max_keep(named(axes)).detach();
        (largest.gt(0.0) * largest.is_finite()).where_(largest, 1.0)
    }

    #[track_caller]
    fn length(self, axes: &[usize], p: f64) -> Self {
        assert!(!p.is_nan(), "norm: p is NaN");
        let magnitude = self.abs();
        if p == 0.0 {
            return self.ne(0.0).sum_keep(named(axes));
        }
        if p == f64::INFINITY {
            return magnitude.max_keep(named(axes));
        }
        if p == f64::NEG_INFINITY {
            return magnitude.min_keep(named(axes));
        }
        if p == 1.0 || self.count_over(axes) == 0 {
            return magnitude.sum_keep(named(axes));
        }
        // In units of the largest magnitude, whose powers are 1 and smaller.
        let unit = magnitude.unit(axes);
        let ratio = magnitude / unit;
        let powers = if p == 2.0 { ratio * ratio } else { ratio.powf(p) };
        let total = powers.sum_keep(named(axes));
        let root = if p == 2.0 { total.sqrt() } else { total.powf(1.0 / p) };
        total.eq(0.0).where_(0.0, unit * root)
    }

    #[track_caller]
    fn log_sum_exp(self, axes: &[usize]) -> Self {
        if self.count_over(axes) == 0 {
            return self.sum_keep(named(axes)) + f64::NEG_INFINITY;
        }
        let largest = self.max_keep(named(axes)).detach();
        let shift = largest.is_finite().where_(largest, 0.0);
        (self - shift).exp().sum_keep(named(axes)).ln() + shift
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, numbers, slope};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn derivatives() {
        let x = numbers(&[2, 3, 2]);
        gradients(|[x]| x.var([0, 2], 1), [x.clone()]);
        gradients(|[x]| x.var(0, 0), [tensor![2.0, 2.0, 2.0]]);
        gradients(|[x]| x.std_keep(1, 0), [x.clone()]);
        for p in [-INF, -1.0, 0.0, 1.0, 1.5, 2.0, 3.0, INF] {
            gradients(|[x]| x.norm([0, 2], p), [x.clone()]);
        }
        gradients(|[x]| x.logsumexp(1), [x.clone()]);
        gradients(|[x]| x.logsumexp_keep(..) * x, [x]);
    }

    #[test]
    fn variances() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::range(0.0..6.0).reshape([2, 3]));
        assert_eq!(x.var(1, 1).value(), tensor![1.0, 1.0]);
        assert_eq!(x.var_keep(0, 0).value(), tensor![[2.25, 2.25, 2.25]]);
        assert!(tape.var(tensor![3.0]).var(0, 1).item().is_nan());
        assert!(tape.var(tensor![3.0]).std(0, 1).item().is_nan());
        assert_eq!(tape.var(tensor![3.0]).var(0, 0).item(), 0.0);
        assert!(tape.var(Tensor::zeros([0])).var(0, 1).item().is_nan());
        assert_eq!(slope(|x| x.var(0, 1), &Tensor::zeros([0])).shape(), &[0]);
    }

    #[test]
    fn of_equal_values() {
        for value in [2.0, 0.1, 1e6 + 0.1] {
            let x = Tensor::full([3], value);
            let tape = Tape::new();
            let deviation = tape.var(&x).std(0, 1).item();
            assert!((0.0..1e-15 * value).contains(&deviation), "{deviation}");
            assert!(slope(|x| x.std(0, 1), &x).max_abs_diff(&Tensor::zeros([3])) < 1e-5);
        }
        assert_eq!(slope(|x| x.std(0, 1), &tensor![2.0, 2.0, 2.0]), tensor![0.0, 0.0, 0.0]);
    }

    #[test]
    fn deviations_whose_squares_overflow() {
        for size in [1e200, 1e-200] {
            let tape = Tape::<f64>::new();
            let x = tape.var(tensor![size, -size]);
            assert_eq!(x.std(0, 0).item(), size);
            assert_eq!(x.std(0, 0).grad([x])[0].value(), tensor![0.5, -0.5]);
        }
    }

    /// Single precision, far from 0: x² would lose all that matters, and so does a rounded mean.
    #[test]
    fn variances_far_from_zero() {
        let n = 100_000;
        let tape = Tape::<f32>::new();
        let x: Tensor<f32> = (0..n).map(|i| 1e4 + (i % 7) as f32).collect();
        let variance = tape.var(x).var(0, 1).item() as f64;
        assert!((variance / 3.9999899974021123 - 1.0).abs() < 1e-6, "{variance}");
        let x: Tensor<f32> = (0..n).map(|i| 1e6 + if i % 3 == 0 { 1.0 } else { 0.0 }).collect();
        let third = (n as f64 / 3.0).ceil() / n as f64;
        let variance = tape.var(x).var(0, 0).item() as f64;
        assert!((variance / (third * (1.0 - third)) - 1.0).abs() < 1e-5, "{variance}");
    }

    #[test]
    fn norms() {
        let norm = |x: Tensor<f64>, p| Tape::new().var(x).norm(.., p).item();
        assert_eq!(norm(tensor![3.0, -4.0], 2.0), 5.0);
        assert!((norm(tensor![1e200, 1e200], 2.0) / (2f64.sqrt() * 1e200) - 1.0).abs() < 1e-15);
        assert!((norm(tensor![1e-200, 1e-200], 3.0) / (2f64.cbrt() * 1e-200) - 1.0).abs() < 1e-15);
        assert_eq!(norm(tensor![1.0, INF], 2.0), INF);
        assert!(norm(tensor![1.0, f64::NAN], 2.0).is_nan());
        assert_eq!(norm(Tensor::zeros([0]), 2.0), 0.0);
        let x = tensor![0.0, -2.0, 4.0];
        assert_eq!([norm(x.clone(), 0.0), norm(x.clone(), -INF), norm(x, -1.0)], [2.0, 0.0, 0.0]);
        for p in [1.0, 2.0, 3.0, INF] {
            assert_eq!(slope(|x| x.norm(.., p), &tensor![0.0, 0.0]), tensor![0.0, 0.0], "p = {p}");
        }
        assert_eq!(slope(|x| x.norm(.., 1.0), &tensor![0.0, -2.0, 3.0]), tensor![0.0, -1.0, 1.0]);
        assert_eq!(slope(|x| x.norm(.., INF), &tensor![2.0, -2.0, 1.0]), tensor![0.5, -0.5, 0.0]);
    }

    #[test]
    fn of_length_one() {
        gradients(|[x]| x.normalize([0, 2], 2.0, 1e-12), [numbers(&[2, 3, 2])]);
        gradients(|[x]| x.normalize(-1, 1.0, 1e-12).square(), [numbers(&[2, 3])]);
        let tape = Tape::new();
        let x = tape.var(tensor![[0.0, 0.0], [3e200, 4e200]]);
        let y = x.normalize(1, 2.0, 0.5);
        y.value().assert_close(&tensor![[0.0, 0.0], [0.6, 0.8]], 1e-15, 0.0);
        // Where it is 0, it is divided by `eps`, a constant.
        assert_eq!(y.sum(..).grad([x])[0].value().select(0, 0), tensor![2.0, 2.0]);
    }

    #[test]
    fn sums_of_exponentials() {
        let value = |x: Tensor<f64>| Tape::new().var(x).logsumexp(-1).value();
        assert_eq!(value(tensor![-INF, -INF]).item(), -INF);
        assert_eq!(value(tensor![1.0, INF]).item(), INF);
        assert!(value(tensor![1.0, f64::NAN]).item().is_nan());
        assert_eq!(value(Tensor::zeros([2, 0])), tensor![-INF, -INF]);
        assert_eq!(slope(|x| x.logsumexp(1), &Tensor::zeros([2, 0])).shape(), &[2, 0]);
        // Of nothing but −∞ there is no direction in which it falls.
        assert!(slope(|x| x.logsumexp(0), &tensor![-INF, -INF]).iter().all(f64::is_nan));
        let found = slope(|x| x.logsumexp(0), &tensor![-INF, 0.0, 1.0]);
        found.assert_close(&tensor![0.0, 0.2689414213699951, 0.7310585786300049], 1e-15, 0.0);
    }
}
