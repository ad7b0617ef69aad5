//! Derivatives of ordinary functions: from a closure over variables to numbers, without a tape in
//! sight.
//!
//! The point is a number or a tensor, and gradients come in the same form.
//! Whoever wants a derivative inside of a larger expression, or of it in turn, uses
//! [`Var::grad`] and [`Var::vjp`] on a tape.
//!
//! ```
//! use wengert_autograd::transform::{grad, grads, hessian, jvp};
//! use wengert_tensor::tensor;
//!
//! assert_eq!(grad(|x| x * x * x, 2.0), 12.0);
//! assert_eq!(grads(|[x, y]| x * x * y, [3.0, 2.0]), [12.0, 9.0]);
//!
//! let x = tensor![1.0, 2.0];
//! assert_eq!(grad(|x| (x * x).sum(..), &x), tensor![2.0, 4.0]);
//! assert_eq!(hessian(|x| (x * x * x).sum(..), &x), tensor![[6.0, 0.0], [0.0, 12.0]]);
//! assert_eq!(jvp(|x| x * x, &x, &tensor![1.0, 10.0]).1, tensor![2.0, 40.0]);
//! ```

mod checkpoint;
mod custom_vjp;

use std::convert::identity;

use wengert_tensor::{Float, Shape, Tensor};

use crate::ops::checked;
use crate::replay::Rerun;
use crate::{Tape, Var};

pub(crate) use checkpoint::Recomputed;
pub use checkpoint::checkpoint;
pub(crate) use custom_vjp::Rule;
pub use custom_vjp::custom_vjp;

/// Where a function is differentiated: a number or a tensor.
pub trait Point<T: Float> {
    /// What a gradient with respect to it is: a number or a tensor.
    type Gradient;
    /// The value.
    fn value(self) -> Tensor<T>;
    /// A gradient in that form.
    fn gradient(gradient: Tensor<T>) -> Self::Gradient;
}

macro_rules! point {
    ($($point:ty => $gradient:ty, $value:path, $back:expr;)*) => {$(
        impl<T: Float> Point<T> for $point {
            type Gradient = $gradient;
            fn value(self) -> Tensor<T> {
                $value(self)
            }
            #[track_caller]
            fn gradient(gradient: Tensor<T>) -> $gradient {
                $back(gradient)
            }
        }
    )*};
}

point! {
    T => T, Tensor::scalar, |gradient: Tensor<T>| gradient.item();
    Tensor<T> => Tensor<T>, identity, identity;
    &Tensor<T> => Tensor<T>, Tensor::clone, identity;
}

/// The gradients of a scalar.
#[track_caller]
fn slopes<'t, T: Float, const N: usize>(what: &str, y: Var<'t, T>, x: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
    let shape = y.shape();
    assert!(shape.count() == 1, "{what}: the function returned shape {shape}, not one element; reduce it (`.sum(..)`)");
    y.vjp(y.tape().scalar(1.0).reshape(shape), x)
}

/// Both in one run.
fn both<T: Float>(a: Var<'_, T>, b: Var<'_, T>) -> (Tensor<T>, Tensor<T>) {
    a.tape().run(&[a.id, b.id]);
    (a.value(), b.value())
}

/// A direction at `x`, on its tape.
#[track_caller]
fn direction<'t, T: Float>(what: &str, v: impl Point<T>, x: Var<'t, T>) -> Var<'t, T> {
    let (v, shape) = (v.value(), x.shape());
    assert!(*v.shape() == shape, "{what}: a direction of shape {} at a point of shape {shape}", v.shape());
    x.tape().var(v)
}

/// The gradient of a scalar function at `x`.
///
/// ```
/// use wengert_autograd::transform::grad;
/// use wengert_tensor::tensor;
///
/// let d = grad(|x| (x * 2.0).tanh() * x, 1.0);
/// assert!((d - (2f64.tanh() + 2.0 * (1.0 - 2f64.tanh().powi(2)))).abs() < 1e-15);
/// assert_eq!(grad(|x| (x * x).sum(..), tensor![1.0, 2.0]), tensor![2.0, 4.0]);
/// ```
/// # Panics
/// If the function returns more than one element.
#[track_caller]
pub fn grad<T: Float, X: Point<T>>(f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>, x: X) -> X::Gradient {
    let tape = Tape::new();
    let x = tape.var(x.value());
    let [dx] = slopes("grad", f(x), [x]);
    X::gradient(dx.value())
}

/// The gradients of a scalar function of several variables.
///
/// ```
/// use wengert_autograd::transform::grads;
/// use wengert_tensor::tensor;
///
/// let (x, w) = (tensor![[1.0, 2.0]], tensor![[3.0], [4.0]]);
/// let [dx, dw] = grads(|[x, w]| x.matmul(w).sum(..), [&x, &w]);
/// assert_eq!((dx, dw), (w.t(), x.t()));
/// ```
/// # Panics
/// If the function returns more than one element.
#[track_caller]
pub fn grads<T: Float, X: Point<T>, const N: usize>(
    f: impl for<'t> FnOnce([Var<'t, T>; N]) -> Var<'t, T>,
    x: [X; N],
) -> [X::Gradient; N] {
    let tape = Tape::new();
    let x = x.map(|x| tape.var(x.value()));
    let found = slopes("grads", f(x), x);
    tape.run(&found.map(|g| g.id));
    found.map(|g| X::gradient(g.value()))
}

/// The value and the gradient of a scalar function at `x`.
///
/// ```
/// use wengert_autograd::transform::value_and_grad;
/// assert_eq!(value_and_grad(|x| x * x, 3.0), (9.0, 6.0));
/// ```
/// # Panics
/// If the function returns more than one element.
#[track_caller]
pub fn value_and_grad<T: Float, X: Point<T>>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: X,
) -> (T, X::Gradient) {
    let tape = Tape::new();
    let x = tape.var(x.value());
    let y = f(x);
    let [dx] = slopes("value_and_grad", y, [x]);
    let (y, dx) = both(y, dx);
    (y.item(), X::gradient(dx))
}

/// The value of a function at `x`, and the cotangent of `x` for the cotangent `g` of the value:
/// the transposed Jacobian applied to `g`.
///
/// ```
/// use wengert_autograd::transform::vjp;
/// use wengert_tensor::tensor;
///
/// let (y, dx) = vjp(|x| x * x, &tensor![1.0, 2.0], &tensor![1.0, 10.0]);
/// assert_eq!((y, dx), (tensor![1.0, 4.0], tensor![2.0, 40.0]));
/// ```
/// # Panics
/// If `g` has another shape than the value.
#[track_caller]
pub fn vjp<T: Float, X: Point<T>>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: X,
    g: impl Point<T>,
) -> (Tensor<T>, X::Gradient) {
    let tape = Tape::new();
    let x = tape.var(x.value());
    let y = f(x);
    let [dx] = y.vjp(&g.value(), [x]);
    let (y, dx) = both(y, dx);
    (y, X::gradient(dx))
}

/// The value of a function at `x`, and its derivative in the direction `v`: the Jacobian applied
/// to `v`.
///
/// The vjp is linear in its cotangent, and the vjp of that linear function is the jvp. So every
/// function whose rules can be differentiated has one.
///
/// ```
/// use wengert_autograd::transform::jvp;
/// use wengert_tensor::tensor;
///
/// let (y, dy) = jvp(|x| x * x, &tensor![1.0, 2.0], &tensor![1.0, 10.0]);
/// assert_eq!((y, dy), (tensor![1.0, 4.0], tensor![2.0, 40.0]));
/// ```
/// # Panics
/// If `v` has another shape than `x`.
#[track_caller]
pub fn jvp<T: Float>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: impl Point<T>,
    v: impl Point<T>,
) -> (Tensor<T>, Tensor<T>) {
    let tape = Tape::new();
    let x = tape.var(x.value());
    let v = direction("jvp", v, x);
    let y = f(x);
    let u = tape.zeros_like(y);
    let [g] = y.vjp(u, [x]);
    let [dy] = g.vjp(v, [u]);
    both(y, dy)
}

/// The Hessian of a scalar function at `x` applied to `v`, without the Hessian.
///
/// It is the gradient of ⟨∇f, v⟩, at the cost of a few gradients (Pearlmutter 1994).
///
/// ```
/// use wengert_autograd::transform::hvp;
/// use wengert_tensor::tensor;
///
/// let product = hvp(|x| (x * x * x).sum(..), &tensor![1.0, 2.0], &tensor![1.0, 10.0]);
/// assert_eq!(product, tensor![6.0, 120.0]);
/// ```
/// # Panics
/// If the function returns more than one element, or `v` has another shape than `x`.
#[track_caller]
pub fn hvp<T: Float, X: Point<T>>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: X,
    v: impl Point<T>,
) -> X::Gradient {
    let tape = Tape::new();
    let x = tape.var(x.value());
    let v = direction("hvp", v, x);
    let [slope] = slopes("hvp", f(x), [x]);
    let [product] = slope.vjp(v, [x]);
    X::gradient(product.value())
}

/// The Jacobian of a function at `x`, of shape `y.shape() ++ x.shape()`.
///
/// The function is recorded once; each row is another run of the same plan.
///
/// ```
/// use wengert_autograd::transform::jacobian;
/// use wengert_tensor::tensor;
///
/// let a = tensor![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let j = jacobian(|x| x.tape().var(&a).matmul(x), &tensor![0.5, -1.0]);
/// assert_eq!(j, a);
/// ```
/// # Panics
/// If it has more elements than can be allocated.
#[track_caller]
pub fn jacobian<T: Float>(f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>, x: impl Point<T>) -> Tensor<T> {
    let tape = Tape::new();
    let x = tape.var(x.value());
    rows("jacobian", f(x), x)
}

/// The Hessian of a scalar function at `x`, of shape `x.shape() ++ x.shape()`.
///
/// ```
/// use wengert_autograd::transform::hessian;
/// use wengert_tensor::tensor;
///
/// let h = hessian(|x| (x * x).sum(..).square(), &tensor![1.0, 2.0]);
/// assert_eq!(h, tensor![[28.0, 16.0], [16.0, 52.0]]);
/// ```
/// # Panics
/// If the function returns more than one element.
#[track_caller]
pub fn hessian<T: Float>(f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>, x: impl Point<T>) -> Tensor<T> {
    let tape = Tape::new();
    let x = tape.var(x.value());
    let [slope] = slopes("hessian", f(x), [x]);
    rows("hessian", slope, x)
}

/// The derivative of every element of `y`, by running one vjp for each unit cotangent.
#[track_caller]
fn rows<T: Float>(what: &str, y: Var<'_, T>, x: Var<'_, T>) -> Tensor<T> {
    let (rows, columns) = (y.shape(), x.shape());
    let shape: Shape = rows.iter().chain(columns.iter()).copied().collect();
    checked(what, shape.checked_count());
    let unit = |row: Option<usize>| {
        let fill = |out: &mut [T]| (0..out.len()).for_each(|i| out[i] = T::mask(Some(i) == row));
        Tensor::try_build(&rows, fill)
    };
    let g = y.tape().var(checked(what, unit(None)));
    let [dx] = y.vjp(g, [x]);
    let rerun = Rerun::new(dx, g);
    let fill = |out: &mut [T]| {
        for (row, to) in out.chunks_exact_mut(columns.count().max(1)).enumerate() {
            let derivative = rerun.at(unit(Some(row)).expect("there was room for the first"));
            to.iter_mut().zip(derivative.iter()).for_each(|(to, v)| *to = v);
        }
    };
    checked(what, Tensor::try_build(shape, fill))
}

#[cfg(test)]
mod tests;
