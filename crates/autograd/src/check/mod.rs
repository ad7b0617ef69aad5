//! Are the gradients right? Analytic derivatives against finite differences, in `f64`.
//!
//! - [`gradcheck`] and [`gradgradcheck`] check any function of variables.
//! - [`model`] checks a recorded loss with respect to every parameter, by name.
//! - [`op`] and [`elementwise`] put an operation through everything that the built-in ones go
//!   through.
//!
//! **How.** Every element of every input is moved by ±h, ±h/2 and ±h/4, and the central
//! differences are extrapolated to h = 0 (Richardson 1911, Ridders 1982), which also tells how
//! accurate they are: a dozen digits for smooth functions. An output that is not a scalar is
//! contracted with fixed pseudo-random weights. Where the differences do not settle, h shrinks,
//! which keeps kinks and the edges of domains nearby out of them.
//!
//! **Relative error.** |a − n| / max(|a|, |n|, 10⁻³·|y| / max(1, |x|)) for an analytic derivative
//! a and a numeric one n with respect to x, where |y| is the size of those outputs that x changes.
//! So the scale of a loss does not matter, and a gradient that is nothing beside the function
//! (the bias before a batch norm: 10⁻¹⁷ against 10⁻¹³) is not compared digit by digit.
//!
//! **Kinks.** Where the two one-sided derivatives differ and each is stable, the function has no
//! derivative. Such a point is named with both slopes, and any gradient between them is right; so
//! is a jump, with the slopes beside it, which is what second derivatives meet at a kink.
//!
//! ```
//! use wengert_autograd::check::gradcheck;
//! use wengert_tensor::tensor;
//!
//! let x = tensor![[0.1, -0.4, 0.7], [1.2, 0.3, -0.9]];
//! let w = tensor![[0.5], [-0.2], [0.8]];
//! gradcheck(|[x, w]| x.matmul(w).tanh(), [&x, &w]).assert_ok();
//! ```

mod battery;
mod difference;
mod gradcheck;
mod input;
mod model;
mod op;
mod report;
#[cfg(test)]
mod tests;
mod variants;

use std::borrow::Borrow;

use wengert_tensor::{Float, Tensor};

pub(crate) use input::unravel;
pub use op::{OpReport, elementwise, op};
pub use report::{Along, Comparison, Finding, InputReport, Kink, Problem, Report};

use crate::{Param, Var};

/// How to check: tolerance, how much of large inputs, in which mode.
///
/// ```
/// use wengert_autograd::check::Check;
/// use wengert_tensor::Tensor;
///
/// let x = Tensor::linspace(-2.0, 2.0, 10_000);
/// let report = Check::new().at_most(50).tolerance(1e-9).gradcheck(|[x]| x.sigmoid(), [&x]);
/// assert!(report.is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Check {
    tolerance: Option<f64>,
    at_most: usize,
    train: Option<u64>,
}

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

impl Check {
    /// Every element, in evaluate mode, to a relative error of 1e-8 (1e-7 for a model).
    ///
    /// A parameter of a model is checked at 2048 elements at most.
    pub fn new() -> Self {
        Self { tolerance: None, at_most: usize::MAX, train: None }
    }

    /// Eight random directions over all elements of each input, however large: a mistake in one
    /// element is found, but not located.
    ///
    /// ```
    /// use wengert_autograd::check::Check;
    /// use wengert_tensor::Tensor;
    ///
    /// let x = Tensor::linspace(-2.0, 2.0, 100_000);
    /// Check::fast().gradcheck(|[x]| x.tanh(), [&x]).assert_ok();
    /// ```
    pub fn fast() -> Self {
        Self::new().at_most(0)
    }

    /// The largest relative error that agrees.
    pub fn tolerance(mut self, relative: f64) -> Self {
        self.tolerance = Some(relative);
        self
    }

    /// Checks this many elements of a larger input, chosen at random, and eight random directions
    /// over all of its elements, so that every element takes part. With 0, directions alone.
    pub fn at_most(mut self, elements: usize) -> Self {
        self.at_most = elements;
        self
    }

    /// Records in train mode with this seed.
    ///
    /// A model's mode is that of its tape.
    pub fn train(mut self, seed: u64) -> Self {
        self.train = Some(seed);
        self
    }

    /// As [`gradcheck`].
    #[track_caller]
    pub fn gradcheck<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        x: [impl Borrow<Tensor<f64>>; N],
    ) -> Report {
        gradcheck::first_order(self, &f, x.each_ref().map(|x| x.borrow().clone()))
    }

    /// As [`gradgradcheck`].
    #[track_caller]
    pub fn gradgradcheck<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        x: [impl Borrow<Tensor<f64>>; N],
    ) -> Report {
        gradcheck::second_order(self, &f, x.each_ref().map(|x| x.borrow().clone()))
    }

    /// As [`model`].
    #[track_caller]
    pub fn model<'p, T: Float, S: Into<String>>(
        &self,
        loss: Var<'_, T>,
        params: impl IntoIterator<Item = (S, &'p Param<T>)>,
    ) -> Report {
        model::check(self, loss, params)
    }
}

/// Checks the gradient of `f` at `x`, every element of it, against finite differences.
///
/// `f` is evaluated many times, each on a tape of its own, so it may branch on values.
///
/// ```
/// use wengert_autograd::check::gradcheck;
/// use wengert_tensor::tensor;
///
/// let report = gradcheck(|[x, y]| (x * y).tanh() / x, [tensor![1.0, 2.0], tensor![0.3, -0.4]]);
/// report.assert_ok();
/// assert!(report.worst_error() < 1e-10);
/// println!("{report}");
/// ```
#[track_caller]
pub fn gradcheck<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    x: [impl Borrow<Tensor<f64>>; N],
) -> Report {
    Check::new().gradcheck(f, x)
}

/// Checks the second derivative of `f` at `x`: the gradient of its vjp, contracted with fixed
/// random weights, with respect to the inputs and to the cotangent.
///
/// ```
/// use wengert_autograd::check::gradgradcheck;
/// use wengert_tensor::tensor;
///
/// let report = gradgradcheck(|[x]| x * x * x, [tensor![1.0, -2.0]]);
/// report.assert_ok();
/// assert_eq!(report.inputs[1].name, "cotangent");
/// ```
#[track_caller]
pub fn gradgradcheck<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    x: [impl Borrow<Tensor<f64>>; N],
) -> Report {
    Check::new().gradgradcheck(f, x)
}

/// Checks the gradient of a recorded loss with respect to every parameter.
///
/// The recording, of any element type, is transcribed to `f64` and computed again with every
/// element of every parameter (2048 of them at most) moved a little; nothing is rewritten or
/// recorded anew. Call it before the step is committed.
///
/// ```
/// use wengert_autograd::check::model;
/// use wengert_autograd::{Param, Tape};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![[0.5, -0.3], [0.2, 0.8]]);
/// let b = Param::<f32>::new("b", tensor![0.1, -0.1]);
/// let tape = Tape::train(0);
/// let x = tape.var(tensor![[1.0, 2.0], [-0.5, 0.3], [0.7, -1.2]]);
/// let loss = (x.matmul(&w) + &b).tanh().square().mean(..);
/// let report = model(loss, [("layer.w", &w), ("layer.b", &b)]);
/// report.assert_ok();
/// println!("{report}");
/// assert_eq!(report.inputs[0].name, "layer.w");
/// assert!(report.worst_error() < 1e-9);
/// ```
/// # Panics
/// If the loss is not a scalar.
#[track_caller]
pub fn model<'p, T: Float, S: Into<String>>(
    loss: Var<'_, T>,
    params: impl IntoIterator<Item = (S, &'p Param<T>)>,
) -> Report {
    Check::new().model(loss, params)
}
