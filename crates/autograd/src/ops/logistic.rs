//! The logistic function, its integral and its relatives. Their slopes are computed from the
//! argument, not as y(1 − y), which has no digits left where y rounds to 1; but a function and its slope
//! have their *tail* in common, 1/(1 + eˡˣˡ), which holds all digits of both.

use wengert_tensor::Float;
use wengert_tensor::kernel::{ElementFn, Tiled};

use crate::op::{Split, split};
use crate::{Cotangents, Elementwise, Var};

/// Functions of tiles, of which operations are split.
macro_rules! parts {
    ($($op:ident[$($x:ident),*] = $value:expr;)*) => {$(
        struct $op;

        impl ElementFn<{ [$(stringify!($x)),*].len() }> for $op {
            #[inline(always)]
            fn apply<T: Float>(&self, [$($x),*]: [T; [$(stringify!($x)),*].len()]) -> T {
                $value
            }
        }
    )*};
}

parts! {
    SigmoidTail[x] = x.sigmoid_tail();
    SigmoidOfTail[x, tail] = x.sigmoid_of_tail(tail);
    SigmoidSlopeOfTail[_x, tail] = tail * (T::ONE - tail);
    TanhTail[x] = x.tanh_tail();
    TanhOfTail[x, tail] = x.tanh_of_tail(tail);
    TanhSlopeOfTail[_x, tail] = T::from_f64(4.0) * tail * (T::ONE - tail);
}

/// A bell around 0 that is the slope of another function: its tail and how it is made of that, and
/// its logarithmic derivative.
macro_rules! bell {
    ($(#[$doc:meta])* $function:ident = $op:ident($x:ident) $tail:ident, $rest:ident; $rate:block) => {
        $(#[$doc])*
        #[derive(Clone)]
        struct $op;

        impl Elementwise<1> for $op {
            crate::op::compiled_here!($op, 1);
            const NAME: &'static str = stringify!($function);
            const DEAR: bool = true;
            #[inline(always)]
            fn apply<T: Float>(&self, x: [T; 1]) -> T {
                $rest.apply([x[0], $tail.apply(x)])
            }
            fn split<T: Float>(&self) -> Option<Split<T>> {
                Some(split(&Tiled($tail), &Tiled($rest)))
            }
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
    sigmoid_slope = SigmoidSlope(x) SigmoidTail, SigmoidSlopeOfTail; { -(x * 0.5).tanh() }
}
bell! {
    /// The derivative of tanh, 4e⁻²ˣ/(1 + e⁻²ˣ)².
    tanh_slope = TanhSlope(x) TanhTail, TanhSlopeOfTail; { -2.0 * x.tanh() }
}

unary! {
    /// The logistic function 1/(1 + e⁻ˣ), with its slope accurate over the whole range.
    #[doc(alias = "expit")]
    sigmoid = Sigmoid(x) { x.sigmoid() } dear;
    split SigmoidTail, SigmoidOfTail;
    slope(y) { sigmoid_slope(x) };
    noted;
    at 0.0 => 0.5, 0.25;
    on -4.0, 4.0;

    /// Hyperbolic tangent, with its slope accurate over the whole range.
    tanh = Tanh(x) { x.tanh() } dear;
    split TanhTail, TanhOfTail;
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
    use crate::ops::testing::{gradients, slope};
    use crate::{Tape, Var};

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

    /// Where a function and its slope are in one loop they are split, alone they are not.
    #[test]
    fn split_or_whole_the_same_bits() {
        type Function = fn(Var<'_>) -> Var<'_>;
        let x: Tensor = (-2000..2000).map(|i| 0.02 * i as f32 + 0.003).collect();
        let value_and_slope = |split: bool, f: Function| {
            crate::set_fusion(split);
            let tape = Tape::new();
            let x = tape.var(&x);
            let y = f(x);
            let [dx] = y.vjp(&Tensor::ones([4000]), [x]);
            tape.profile();
            tape.compute([y, dx]);
            assert!(!split || tape.explain().launches.len() == 1);
            [y, dx].map(|v| v.value())
        };
        let sigmoid_slope = |x: f64| (-x.abs()).exp() / (1.0 + (-x.abs()).exp()).powi(2);
        let cases: [(Function, &dyn Fn(f64) -> f64); 2] =
            [(|x| x.sigmoid(), &sigmoid_slope), (|x| x.tanh(), &|x| x.cosh().powi(-2))];
        for (f, expected) in cases {
            let [y, slope] = value_and_slope(false, f);
            assert_eq!(value_and_slope(true, f), [y, slope.clone()]);
            slope.cast::<f64>().assert_close(&x.cast::<f64>().map(expected), 4e-7, 0.0);
        }
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
