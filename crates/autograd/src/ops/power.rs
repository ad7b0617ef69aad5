//! Powers: to a number, and between variables.

use wengert_tensor::Float;

use crate::{Cotangents, Elementwise, Operand, Var};

/// xᶜ for a number c.
#[derive(Clone)]
struct Powf(f64);

impl Elementwise<1> for Powf {
    crate::op::compiled_here!(Powf, 1);
    const NAME: &'static str = "powf";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.pow(T::from_f64(self.0))
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        // x⁰ is 1 everywhere, at 0, ∞ and NaN too.
        if self.0 == 0.0 { Cotangents::none(1) } else { [g.chain(self.0 * x.powf(self.0 - 1.0))].into() }
    }
}

/// aᵇ.
#[derive(Clone)]
struct Pow;

impl Elementwise<2> for Pow {
    crate::op::compiled_here!(Pow, 2);
    const NAME: &'static str = "pow";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        a.pow(b)
    }
    fn vjp<'t, T: Float>(&self, [a, b]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.chain(b * base(a, b).pow(b - 1.0)), g.chain(a.tape().map(PowLn { order: 1 }, [a, b]))].into()
    }
}

/// aᵇ·(ln a)ⁿ, the nth derivative of aᵇ by b; 0 for a = 0 and b ≥ 0.
#[derive(Clone)]
struct PowLn {
    order: u32,
}

impl Elementwise<2> for PowLn {
    crate::op::compiled_here!(PowLn, 2);
    const NAME: &'static str = "pow_ln";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        let (ln, mut y) = (a.ln(), a.pow(b));
        for _ in 0..self.order {
            y *= ln;
        }
        if a == T::ZERO && b >= T::ZERO { T::ZERO } else { y }
    }
    fn vjp<'t, T: Float>(&self, [a, b]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let tape = a.tape();
        let (base, order) = (base(a, b), self.order);
        let lower = if order == 1 { base.pow(b - 1.0) } else { tape.map(PowLn { order: order - 1 }, [base, b - 1.0]) };
        let da = b * tape.map(PowLn { order }, [base, b - 1.0]) + order as f64 * lower;
        [g.chain(da), g.chain(tape.map(PowLn { order: order + 1 }, [a, b]))].into()
    }
}

/// `a`, but 1 where a⁰ has no slope by a, for a = 0 and NaN: it is taken as 0, b times whatever.
fn base<'t, T: Float>(a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    let regular = b.ne(0.0) + a.abs().gt(0.0);
    regular.where_(a, 1.0)
}

impl<'t, T: Float> Var<'t, T> {
    /// To the power of a number, by C's rules: 0⁰ = NaN⁰ = 1, with derivative 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(4.0);
    /// assert_eq!((x.powf(1.5).item(), x.powf(1.5).grad([x])[0].item()), (8.0, 3.0));
    /// ```
    #[track_caller]
    pub fn powf(self, exponent: f64) -> Self {
        match exponent {
            2.0 => self * self,
            3.0 => self * self * self,
            _ => self.tape().map(Powf(exponent), [self]),
        }
    }

    /// To the power of a whole number.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(-2.0);
    /// assert_eq!((x.powi(3).item(), x.powi(3).grad([x])[0].item()), (-8.0, 12.0));
    /// ```
    #[track_caller]
    pub fn powi(self, exponent: i32) -> Self {
        self.powf(exponent.into())
    }

    /// To the power of `exponent`, by C's rules. For a base that is a number, make it a
    /// variable: `tape.scalar(2.0).pow(x)`.
    ///
    /// 0⁰ = NaN⁰ = 1, with derivative 0 by the base; 0ᵇ has derivative 0 by b ≥ 0, and a
    /// negative base has derivative NaN by the exponent.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let (a, b) = (tape.scalar(-2.0), tape.scalar(3.0));
    /// let [da, db] = a.pow(b).grad([a, b]);
    /// assert_eq!(da.item(), 12.0);
    /// assert!(db.item().is_nan());
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn pow(self, exponent: impl Operand<'t, T>) -> Self {
        let exponent = exponent.on(self.tape());
        self.tape().map(Pow, [self, exponent])
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::{gradients, numbers, slope};
    use crate::{Tape, check};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn derivatives() {
        check::elementwise(|[a, b]| a.pow(b), [0.5..3.0, -2.0..2.0]).assert_ok();
        let (a, b) = (numbers(&[3, 1]) + 2.0, tensor![0.0, 1.0, -0.5, 2.0]);
        gradients(|[a, b]| a.pow(b).sum(..).grad([b])[0], [a.clone(), b.clone()]);
        gradients(|[a, b]| a.pow(b).sum(..).grad([b])[0].sum(..).grad([b])[0], [a, b]);
        for exponent in [-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0] {
            gradients(|[x]| x.powf(exponent), [tensor![0.5, 1.0, 2.5]]);
        }
        gradients(|[x]| x.powi(3) + x.powi(2), [tensor![-2.0, 0.0, 1.5]]);
    }

    #[test]
    fn to_a_number() {
        let all = tensor![-2.0, 0.0, 2.0, f64::NAN, INF];
        let tape = Tape::new();
        assert_eq!(tape.var(&all).powf(0.0).value(), Tensor::ones([5]));
        assert_eq!(slope(|x| x.powf(0.0), &all), Tensor::zeros([5]));
        assert_eq!(slope(|x| x.powi(1), &tensor![0.0, -3.0]), tensor![1.0, 1.0]);
        assert_eq!(slope(|x| x.powf(1.5), &tensor![0.0, 4.0]), tensor![0.0, 3.0]);
        assert_eq!(slope(|x| x.powf(0.5), &tensor![0.0, 4.0]), tensor![INF, 0.25]);
        assert_eq!(slope(|x| x.powi(-1), &tensor![0.0, 2.0]), tensor![-INF, -0.25]);
        assert!(slope(|x| x.powf(0.5), &tensor![-1.0]).item().is_nan());
    }

    #[test]
    fn between_variables() {
        let tape = Tape::new();
        let (a, b) = (tape.var(tensor![0.0, 0.0, 0.0, 0.0]), tape.var(tensor![0.0, 1.0, 2.0, 0.5]));
        let y = a.pow(b);
        assert_eq!(y.value(), tensor![1.0, 0.0, 0.0, 0.0]);
        let [da, db] = y.sum(..).grad([a, b]);
        assert_eq!(da.value(), tensor![0.0, 1.0, 0.0, INF]);
        assert_eq!(db.value(), Tensor::zeros([4]));
        let nan = tape.scalar(f64::NAN);
        assert_eq!(nan.pow(0.0).item(), 1.0);
        assert_eq!(nan.pow(0.0).grad([nan])[0].item(), 0.0);
        let x = tape.var(tensor![0.0, 1.0, 2.0]);
        assert_eq!(tape.scalar(0.0).pow(x).sum(..).grad([x])[0].value(), Tensor::zeros([3]));
    }

    /// At exponent 0 the derivative by the base is 0, but its derivative by the exponent is not.
    #[test]
    fn mixed_second_derivative() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.scalar(2.0), tape.scalar(0.0));
        let [da] = a.pow(b).grad([a]);
        assert_eq!((da.item(), da.grad([b])[0].item()), (0.0, 0.5));
        let (a, b) = (tape.scalar(0.0), tape.scalar(2.0));
        let [db] = a.pow(b).grad([b]);
        assert_eq!((db.item(), db.grad([b])[0].item(), db.grad([a])[0].item()), (0.0, 0.0, 0.0));
    }
}
