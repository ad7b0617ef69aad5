//! Arithmetic: `+ - * /`, negation, squares, roots, reciprocals, absolute values.

use wengert_tensor::Float;

use crate::{Cotangents, Elementwise, Var};

/// a + b.
#[derive(Clone)]
pub(crate) struct Add;

impl Elementwise<2> for Add {
    const NAME: &'static str = "add";
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        a + b
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g, g].into()
    }
}

/// a − b.
#[derive(Clone)]
pub(crate) struct Sub;

impl Elementwise<2> for Sub {
    const NAME: &'static str = "sub";
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        a - b
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g, -g].into()
    }
}

/// a · b.
#[derive(Clone)]
pub(crate) struct Mul;

impl Elementwise<2> for Mul {
    const NAME: &'static str = "mul";
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        a * b
    }
    fn vjp<'t, T: Float>(&self, [a, b]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * b, g * a].into()
    }
}

/// a / b.
#[derive(Clone)]
pub(crate) struct Div;

impl Elementwise<2> for Div {
    const NAME: &'static str = "div";
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        a / b
    }
    fn vjp<'t, T: Float>(&self, [_, b]: [Var<'t, T>; 2], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let da = g / b;
        [da, -(da * y)].into()
    }
}

/// −x.
#[derive(Clone)]
pub(crate) struct Neg;

impl Elementwise<1> for Neg {
    const NAME: &'static str = "neg";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        -x
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [-g].into()
    }
}

#[derive(Clone)]
struct Abs;

impl Elementwise<1> for Abs {
    const NAME: &'static str = "abs";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.abs()
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * x.sign()].into()
    }
}

#[derive(Clone)]
struct Sign;

impl Elementwise<1> for Sign {
    const NAME: &'static str = "sign";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.sign()
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(1)
    }
}

#[derive(Clone)]
struct Sqrt;

impl Elementwise<1> for Sqrt {
    const NAME: &'static str = "sqrt";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.sqrt()
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g / (y + y)].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// |x|; its derivative at 0 is 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-2.0, 0.0, 3.0]);
    /// assert_eq!(x.abs().value(), tensor![2.0, 0.0, 3.0]);
    /// assert_eq!(x.abs().sum(..).grad([x])[0].value(), tensor![-1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn abs(self) -> Self {
        self.tape().map(Abs, [self])
    }

    /// −1, 0 or 1; NaN for NaN. Its derivative is 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-2.0, 0.0, 3.0]).sign().value(), tensor![-1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn sign(self) -> Self {
        self.tape().map(Sign, [self])
    }

    /// √x; its derivative at 0 is ∞.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![4.0]);
    /// assert_eq!(x.sqrt().value(), tensor![2.0]);
    /// assert_eq!(x.sqrt().sum(..).grad([x])[0].value(), tensor![0.25]);
    /// ```
    #[track_caller]
    pub fn sqrt(self) -> Self {
        self.tape().map(Sqrt, [self])
    }

    /// x².
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-3.0]).square().value(), tensor![9.0]);
    /// ```
    #[track_caller]
    pub fn square(self) -> Self {
        self * self
    }

    /// 1/x.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![4.0]).recip().value(), tensor![0.25]);
    /// ```
    #[track_caller]
    pub fn recip(self) -> Self {
        1.0 / self
    }
}
