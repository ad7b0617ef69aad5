//! Exponentials and logarithms.

use wengert_tensor::Float;

use crate::{Cotangents, Elementwise, Var};

#[derive(Clone)]
struct Exp;

impl Elementwise<1> for Exp {
    const NAME: &'static str = "exp";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.exp()
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * y].into()
    }
}

#[derive(Clone)]
struct Ln;

impl Elementwise<1> for Ln {
    const NAME: &'static str = "ln";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.ln()
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g / x].into()
    }
}

#[derive(Clone)]
struct Tanh;

impl Elementwise<1> for Tanh {
    const NAME: &'static str = "tanh";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.tanh()
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * (1.0 - y * y)].into()
    }
}

#[derive(Clone)]
struct Sigmoid;

impl Elementwise<1> for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const DEAR: bool = true;
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.sigmoid()
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * (y * (1.0 - y))].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// eˣ.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![0.0]).exp().value(), tensor![1.0]);
    /// ```
    #[track_caller]
    pub fn exp(self) -> Self {
        self.tape().map(Exp, [self])
    }

    /// Natural logarithm.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 4.0]);
    /// assert_eq!(x.ln().value().at([0]), 0.0);
    /// assert_eq!(x.ln().sum(..).grad([x])[0].value(), tensor![1.0, 0.25]);
    /// ```
    #[track_caller]
    pub fn ln(self) -> Self {
        self.tape().map(Ln, [self])
    }

    /// Hyperbolic tangent.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![0.0]);
    /// assert_eq!(x.tanh().sum(..).grad([x])[0].value(), tensor![1.0]);
    /// ```
    #[track_caller]
    pub fn tanh(self) -> Self {
        self.tape().map(Tanh, [self])
    }

    /// The logistic function 1/(1 + e⁻ˣ), accurate over the whole range.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![0.0, -1000.0]);
    /// assert_eq!(x.sigmoid().value(), tensor![0.5, 0.0]);
    /// ```
    #[track_caller]
    pub fn sigmoid(self) -> Self {
        self.tape().map(Sigmoid, [self])
    }
}
