//! The logistic function, its integral and its relatives. Their slopes are computed from the
//! argument, not as y(1 − y), which has no digits left where y rounds to 1.

use wengert_tensor::Float;

use crate::{Cotangents, Elementwise, Var};

/// A slope of one argument that is no function of its own: its value, and its logarithmic derivative.
macro_rules! bell {
    ($(#[$doc:meta])* $function:ident = $op:ident($x:ident) $name:literal $value:block $rate:block) => {
        $(#[$doc])*
        #[derive(Clone)]
        struct $op;

        impl Elementwise<1> for $op {
            crate::op::compiled_here!($op, 1);
            const NAME: &'static str = $name;
            const DEAR: bool = true;
            #[inline(always)]
            fn apply<T: Float>(&self, [$x]: [T; 1]) -> T $value
            fn vjp<'t, T: Float>(&self, [$x]: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
                [g.chain(y * $rate)].into()
            }
        }

        fn $function<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
            x.tape().map($op, [x])
        }
    };
}

bell! {
    /// The derivative of the logistic function, e⁻ˣ/(1 + e⁻ˣ)².
    sigmoid_slope = SigmoidSlope(x) "sigmoid_slope" {
        let e = (-x.abs()).exp();
        let total = T::ONE + e;
        e / (total * total)
    } { -(x * 0.5).tanh() }
}
bell! {
    /// The derivative of tanh, 4e⁻²ˣ/(1 + e⁻²ˣ)².
    tanh_slope = TanhSlope(x) "tanh_slope" {
        let e = (-(x + x).abs()).exp();
        let half = T::from_f64(0.5) * (T::ONE + e);
        e / (half * half)
    } { -2.0 * x.tanh() }
}

unary! {
    /// The logistic function 1/(1 + e⁻ˣ), with its slope accurate over the whole range.
    #[doc(alias = "expit")]
    sigmoid = Sigmoid(x) { x.sigmoid() } dear;
    slope(y) { sigmoid_slope(x) };
    noted;
    at 0.0 => 0.5, 0.25;
    on -4.0, 4.0;

    /// Hyperbolic tangent, with its slope accurate over the whole range.
    tanh = Tanh(x) { x.tanh() } dear;
    slope(y) { tanh_slope(x) };
    noted;
    at 0.0 => 0.0, 1.0;
    on -2.0, 2.0;

    /// ln(1 + eˣ), a smooth maximum of 0 and x.
    softplus = Softplus(x) { x.softplus() } dear;
    slope(y) { x.sigmoid() };
    at 1000.0 => 1000.0, 1.0;
    on -4.0, 4.0;
}

impl<T: Float> Var<'_, T> {
    /// ln(x/(1 − x)), the inverse of the logistic function, accurate near 0 and ½: ±∞ at 1 and 0,
    /// NaN outside.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(0.5);
    /// let y = x.logit();
    /// assert_eq!((y.item(), y.grad([x])[0].item()), (0.0, 4.0));
    /// ```
    #[track_caller]
    pub fn logit(self) -> Self {
        // Near ½ the difference of logarithms has no digits left.
        let from_half = self - 0.5;
        from_half.abs().lt(0.25).where_(2.0 * (2.0 * from_half).atanh(), self.ln() - (-self).ln1p())
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Float, Tensor, tensor};

    use super::{sigmoid_slope, tanh_slope};
    use crate::Tape;
    use crate::ops::testing::{gradients, slope};

    #[test]
    fn third_order() {
        let x = tensor![-2.0, -0.1, 0.0, 3.0];
        gradients(|[x]| sigmoid_slope(x), [x.clone()]);
        gradients(|[x]| tanh_slope(x), [x]);
    }

    /// Against values to 60 digits.
    #[test]
    fn slopes_over_the_whole_range() {
        let x = tensor![-1000.0, -745.0, -40.0, -1.0, 0.0, 1.0, 20.0, 40.0, 745.0, 1000.0];
        let sigmoid = tensor![
            0.0,
            5e-324,
            4.248354255291589e-18,
            0.19661193324148185,
            0.25,
            0.19661193324148185,
            2.061153613941849e-9,
            4.248354255291589e-18,
            5e-324,
            0.0
        ];
        slope(|x| x.sigmoid(), &x).assert_close(&sigmoid, 1e-14, 0.0);
        let tanh = tensor![
            0.0,
            0.0,
            7.219405551381661e-35,
            0.4199743416140261,
            1.0,
            0.4199743416140261,
            1.6993417021166355e-17,
            7.219405551381661e-35,
            0.0,
            0.0
        ];
        slope(|x| x.tanh(), &x).assert_close(&tanh, 1e-14, 0.0);
        let logistic: Tensor<f64> = x.map(|v| v.sigmoid());
        slope(|x| x.softplus(), &x).assert_close(&logistic, 1e-15, 0.0);
    }

    #[test]
    fn second_derivatives_near_zero() {
        let tape = Tape::<f64>::new();
        let x = tape.scalar(1e-8);
        let second = x.sigmoid().grad([x])[0].grad([x])[0].item();
        assert!((second / -1.25e-9 - 1.0).abs() < 1e-14);
        let second = x.tanh().grad([x])[0].grad([x])[0].item();
        assert!((second / -2e-8 - 1.0).abs() < 1e-14);
    }

    #[test]
    fn the_inverse() {
        let inf = f64::INFINITY;
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![0.0, 1e-300, 1e-3, 0.5 + 1e-10, 0.7, 1.0, -0.1, 1.1]);
        let y = x.logit();
        // To 60 digits, at the numbers as they are rounded.
        let expected = tensor![
            -inf,
            -690.7755278982137,
            -6.906754778648554,
            4.000000330961484e-10,
            0.8472978603872034,
            inf,
            f64::NAN,
            f64::NAN
        ];
        y.value().assert_close(&expected, 1e-15, 0.0);
        let slopes = tensor![inf, 9.999999999999999e299, 1001.001001001001, 4.0, 4.761904761904762, inf];
        y.sum(..).grad([x])[0].value().slice(0, ..6).assert_close(&slopes, 2e-15, 0.0);
        let ends = tape.var(tensor![-30.0, -2.0, 1e-9, 3.0]);
        ends.sigmoid().logit().value().assert_close(&ends.value(), 1e-14, 1e-15);
    }

    #[test]
    fn nan_and_infinity() {
        let x = tensor![f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(slope(|x| x.sigmoid(), &x), tensor![0.0, 0.0]);
        assert_eq!(slope(|x| x.tanh(), &x), tensor![0.0, 0.0]);
        assert_eq!(slope(|x| x.softplus(), &x), tensor![1.0, 0.0]);
        assert!(slope(|x| x.tanh(), &tensor![f64::NAN]).item().is_nan());
    }
}
