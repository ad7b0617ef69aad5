//! Arithmetic: `+ - * /`, negation, absolute values, roots, reciprocals, remainders.

use wengert_tensor::Float;
use wengert_tensor::kernel::Arith;

use crate::{Cotangents, Elementwise, Var};

/// An operator of two arguments; its method is an implementation of `std::ops`.
macro_rules! operator {
    ($($(#[$doc:meta])* $op:ident($a:ident, $b:ident) $name:ident { $value:expr } is $arith:ident; vjp($y:ident, $g:ident) $rule:block;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $op;

        impl Elementwise<2> for $op {
            crate::op::compiled_here!($op, 2);
            const NAME: &'static str = stringify!($name);
            const ARITH: Option<Arith> = Some(Arith::$arith);
            #[inline(always)]
            fn apply<T: Float>(&self, [$a, $b]: [T; 2]) -> T {
                $value
            }
            #[allow(unused_variables, reason = "not every rule reads the inputs")]
            fn vjp<'t, T: Float>(&self, [$a, $b]: [Var<'t, T>; 2], $y: Var<'t, T>, $g: Var<'t, T>) -> Cotangents<'t, T> {
                $rule.into()
            }
        }
    )*};
}

operator! {
    /// a + b.
    Add(a, b) add { a + b } is Add; vjp(y, g) { [g, g] };
    /// a − b.
    Sub(a, b) sub { a - b } is Sub; vjp(y, g) { [g, -g] };
    /// a · b.
    Mul(a, b) mul { a * b } is Mul; vjp(y, g) { [g.chain(b), g.chain(a)] };
    /// a / b.
    Div(a, b) div { a / b } is Div; vjp(y, g) {
        let da = g.per(b);
        [da, -da.chain(y)]
    };
}

/// −x.
#[derive(Clone)]
pub(crate) struct Neg;

impl Elementwise<1> for Neg {
    crate::op::compiled_here!(Neg, 1);
    const NAME: &'static str = "neg";
    const ARITH: Option<Arith> = Some(Arith::Neg);
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        -x
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [-g].into()
    }
}

unary! {
    /// |x|; its derivative at 0 is 0.
    #[doc(alias = "absolute")]
    abs = Abs(x) { x.abs() } [Abs];
    slope(y) { x.gt(0.0) - x.lt(0.0) };
    at -2.0 => 2.0, -1.0;
    on -2.0, -0.5;

    /// −1, 0 or 1; NaN for NaN. Its derivative is 0.
    #[doc(alias = "sgn")]
    sign = Sign(x) { x.sign() };
    at -2.0 => -1.0, 0.0;
    on -2.0, -0.5;

    /// √x; its derivative at 0 is ∞.
    sqrt = Sqrt(x) { x.sqrt() } [Sqrt];
    slope(y) 1 / { y + y };
    at 4.0 => 2.0, 0.25;
    on 0.5, 3.0;

    /// 1/√x.
    rsqrt = Rsqrt(x) { x.rsqrt() };
    slope(y) { -0.5 * y / x };
    at 4.0 => 0.5, -0.0625;
    on 0.5, 3.0;
}

binary! {
    /// √(x² + y²), which does not overflow before its value does.
    ///
    /// The origin has no gradient: NaN.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(3.0);
    /// assert_eq!(x.hypot(4.0).item(), 5.0);
    /// assert_eq!(x.hypot(4.0).grad([x])[0].item(), 0.6);
    /// ```
    hypot = Hypot(a, b) { a.hypot(b) } dear,
    vjp(y, g) { [g.chain(a / y), g.chain(b / y)] };

    /// What is left of this after the largest whole number of divisors towards 0; it has the
    /// sign of this, as C's `fmod` and Rust's `%`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let (x, d) = (tape.scalar(-5.5), tape.scalar(2.0));
    /// assert_eq!(x.fmod(d).item(), -1.5);
    /// assert_eq!(x.fmod(d).grad([x, d]).map(|d| d.item()), [1.0, 2.0]);
    /// ```
    fmod = Fmod(a, b) { a.fmod(b) },
    vjp(y, g) { [g, -g.chain(((a - y) / b).round())] };

    /// What is left of this after the largest whole number of divisors towards −∞; it has the
    /// sign of the divisor, as Python's `%`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let (x, d) = (tape.scalar(-5.5), tape.scalar(2.0));
    /// assert_eq!(x.remainder(d).item(), 0.5);
    /// assert_eq!(x.remainder(d).grad([x, d]).map(|d| d.item()), [1.0, 3.0]);
    /// ```
    remainder = Remainder(a, b) { a.remainder(b) },
    vjp(y, g) { [g, -g.chain(((a - y) / b).round())] };
}

impl<T: Float> Var<'_, T> {
    /// x².
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.scalar(-3.0).square().item(), 9.0);
    /// ```
    #[track_caller]
    pub fn square(self) -> Self {
        self * self
    }

    /// 1/x.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.scalar(4.0).recip().item(), 0.25);
    /// ```
    #[doc(alias = "reciprocal")]
    #[track_caller]
    pub fn recip(self) -> Self {
        1.0 / self
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use crate::ops::testing::slope;
    use crate::{Tape, check};

    #[test]
    fn derivatives() {
        check::elementwise(|[a, b]| a + b, [-2.0..2.0, -2.0..2.0]).assert_ok();
        check::elementwise(|[a, b]| a * b - b, [-2.0..2.0, -2.0..2.0]).assert_ok();
        check::elementwise(|[a, b]| -a / b, [-2.0..2.0, 0.5..3.0]).assert_ok();
        check::elementwise(|[a, b]| a.hypot(b), [0.5..2.0, -2.0..2.0]).assert_ok();
        check::elementwise(|[a]| a.square() + a.recip(), [0.5..2.0]).assert_ok();
        // Between two jumps: 2 and a bit, towards 0 and downwards.
        check::elementwise(|[a, b]| a.fmod(b) * a, [-5.9..-4.1, 1.97..2.03]).assert_ok();
        check::elementwise(|[a, b]| a.remainder(b) * a, [-5.9..-4.1, 1.97..2.03]).assert_ok();
    }

    #[test]
    fn conventions() {
        let inf = f64::INFINITY;
        assert_eq!(slope(|x| x.abs(), &tensor![-0.0, 0.0, -inf]), tensor![0.0, 0.0, -1.0]);
        assert_eq!(slope(|x| x.sqrt(), &tensor![0.0, inf, 1e-300]), tensor![inf, 0.0, 0.5e150]);
        assert_eq!(slope(|x| x.rsqrt(), &tensor![0.0, inf]), tensor![-inf, 0.0]);
        assert_eq!(slope(|x| x.recip(), &tensor![0.0]), tensor![-inf]);
        assert_eq!(slope(|x| x / x, &tensor![3.0, -2.0]), tensor![0.0, 0.0]);
        assert_eq!(slope(|x| x.hypot(0.0), &tensor![1e200, -1e-200]), tensor![1.0, -1.0]);
    }

    #[test]
    fn remainders_by_sign() {
        let tape = Tape::new();
        let (a, b) = (tape.var(tensor![-3.0, 3.0, -3.0, 5.5]), tape.var(tensor![2.0, -2.0, -2.0, 2.0]));
        assert_eq!(a.fmod(b).value(), tensor![-1.0, 1.0, -1.0, 1.5]);
        assert_eq!(a.fmod(b).sum(..).grad([b])[0].value(), tensor![1.0, 1.0, -1.0, -2.0]);
        assert_eq!(a.remainder(b).value(), tensor![1.0, -1.0, -1.0, 1.5]);
        assert_eq!(a.remainder(b).sum(..).grad([b])[0].value(), tensor![2.0, 2.0, -1.0, -2.0]);
    }
}
