//! The error function and the gamma function with their relatives.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use wengert_tensor::Float;

use crate::{Cotangents, Elementwise, Var};

/// e^(−x²), with the digits that rounding x² would take from the tail.
#[derive(Clone)]
struct Gaussian;

impl Elementwise<1> for Gaussian {
    crate::op::compiled_here!(Gaussian, 1);
    const NAME: &'static str = "gaussian";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        // From 40 on it is 0, and the square is still finite.
        let x = x.abs().min_nan(T::from_f64(40.0));
        let square = x * x;
        let lost = x.mul_add(x, -square);
        (-square).exp() * (T::ONE - lost)
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.chain(-2.0 * x * y)].into()
    }
}

fn gaussian<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
    x.tape().map(Gaussian, [x])
}

unary! {
    /// The error function, 2/√π · ∫₀ˣ e^(−t²) dt.
    erf = Erf(x) { x.erf() } dear;
    slope(y) { FRAC_2_SQRT_PI * gaussian(x) };
    at 0.0 => 0.0, std::f64::consts::FRAC_2_SQRT_PI;
    on -2.0, 2.0;

    /// 1 − erf(x), accurate in the tail, where erf rounds to 1.
    erfc = Erfc(x) { x.erfc() } dear;
    slope(y) { -(FRAC_2_SQRT_PI * gaussian(x)) };
    at 0.0 => 1.0, -std::f64::consts::FRAC_2_SQRT_PI;
    on -2.0, 2.0;

    /// Φ(x), the probability that a standard normal number is at most x, accurate in the tail.
    #[doc(alias = "ndtr")]
    normal_cdf = NormalCdf(x) { x.normal_cdf() } dear;
    slope(y) { (0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI) * gaussian(x * FRAC_1_SQRT_2) };
    at 0.0 => 0.5, 0.5 * std::f64::consts::FRAC_1_SQRT_2 * std::f64::consts::FRAC_2_SQRT_PI;
    on -2.0, 2.0;

    /// ln |Γ(x)|, the logarithm of the factorial of x − 1.
    #[doc(alias = "gammaln")]
    lgamma = Lgamma(x) { x.lgamma() } dear;
    slope(y) { x.digamma() };
    at f64::INFINITY => f64::INFINITY, f64::INFINITY;
    on 0.5, 4.0;

    /// The derivative of ln Γ.
    #[doc(alias = "psi")]
    digamma = Digamma(x) { x.polygamma(0) } dear;
    slope(y) { x.polygamma(1) };
    at f64::INFINITY => f64::INFINITY, 0.0;
    on 0.5, 4.0;
}

/// Derivative number `order` + 1 of ln Γ.
#[derive(Clone)]
struct Polygamma {
    order: u32,
}

impl Elementwise<1> for Polygamma {
    crate::op::compiled_here!(Polygamma, 1);
    const NAME: &'static str = "polygamma";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.polygamma(self.order)
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.chain(x.polygamma(self.order + 1))].into()
    }
}

impl<T: Float> Var<'_, T> {
    /// Derivative number `order` + 1 of ln Γ: order 0 is [`digamma`](Var::digamma), 1 trigamma.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let trigamma = tape.scalar(1.0).polygamma(1).item();
    /// assert!((trigamma - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn polygamma(self, order: u32) -> Self {
        self.tape().map(Polygamma { order }, [self])
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use super::gaussian;
    use crate::Tape;
    use crate::ops::testing::{gradients, slope};

    #[test]
    fn derivatives() {
        gradients(|[x]| gaussian(x), [tensor![-1.5, 0.0, 2.0]]);
        gradients(|[x]| x.polygamma(2), [tensor![0.5, 1.5, 4.0]]);
    }

    /// Against values to 60 digits.
    #[test]
    fn the_tail_keeps_its_digits() {
        let x = tensor![0.1, 5.3, 10.1, 20.3, f64::INFINITY];
        let expected =
            tensor![0.9900498337491681, 6.319285885175379e-13, 4.984480496942965e-45, 1.0754418989816755e-179, 0.0];
        gaussian(Tape::new().var(&x)).value().assert_close(&expected, 1e-14, 0.0);
        assert!(slope(|x| x.erf(), &tensor![f64::NAN]).item().is_nan());
    }

    /// Against values to 50 digits.
    #[test]
    fn the_normal_distribution() {
        let x = tensor![-1000.0, -38.0, -10.0, -3.0, -0.1, 2.0, 9.0, f64::INFINITY];
        let expected = tensor![
            0.0,
            2.88542836e-316,
            7.619853024160526e-24,
            0.0013498980316300945,
            0.460172162722971,
            0.9772498680518208,
            1.0,
            1.0
        ];
        let tape = Tape::new();
        tape.var(&x).normal_cdf().value().assert_close(&expected, 1e-15, 1e-315);
        let single = Tape::<f32>::new();
        let tail = single.var(tensor![-3.0f32]).normal_cdf().value();
        assert!((f64::from(tail.item()) / 0.0013498980316300945 - 1.0).abs() < 2e-7);
        assert!(tape.scalar(f64::NAN).normal_cdf().item().is_nan());
    }

    #[test]
    fn factorials() {
        let tape = Tape::new();
        let y = tape.var(tensor![0.5, 1.0, 2.0, 10.0, 171.0]).lgamma();
        let expected = tensor![0.5723649429247001, 0.0, 0.0, 12.801827480081469, 706.5730622457874];
        y.value().assert_close(&expected, 1e-14, 1e-15);
        let expected = tensor![-0.5772156649015329, 1.2561176684318005];
        slope(|x| x.lgamma(), &tensor![1.0, 4.0]).assert_close(&expected, 1e-14, 0.0);
        let expected = tensor![1.6449340668482264, 0.2838229557371153];
        slope(|x| x.digamma(), &tensor![1.0, 4.0]).assert_close(&expected, 1e-14, 0.0);
    }
}
