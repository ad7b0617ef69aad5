//! Derivatives of ordinary functions: from a closure over variables to numbers, without a tape in
//! sight.
//!
//! The point may be a number, a tensor, or an array of several; gradients come in the same form.
//! Whoever wants a derivative inside of a larger expression, or of it in turn, uses
//! [`Var::grad`] and [`Var::vjp`] on a tape.
//!
//! ```
//! use wengert_autograd::transform::{grad, hessian, jvp};
//! use wengert_tensor::tensor;
//!
//! assert_eq!(grad(|x| x * x * x, 2.0), 12.0);
//! assert_eq!(grad(|[x, y]| x * x * y, [3.0, 2.0]), [12.0, 9.0]);
//!
//! let x = tensor![1.0, 2.0];
//! assert_eq!(grad(|x| (x * x).sum(..), &x), tensor![2.0, 4.0]);
//! assert_eq!(hessian(|x| (x * x * x).sum(..), &x), tensor![[6.0, 0.0], [0.0, 12.0]]);
//! assert_eq!(jvp(|x| x * x, &x, &tensor![1.0, 10.0]).1, tensor![2.0, 40.0]);
//! ```

use wengert_tensor::{Float, Shape, Tensor};

use crate::replay::Rerun;
use crate::{Tape, Var};

/// Where a function is differentiated: a number, a tensor (or a reference to one), or an array
/// of them for a function of several variables.
pub trait Point<T: Float> {
    /// The variables that the function gets.
    type Vars<'t>;
    /// A gradient with respect to them.
    type Gradient;

    /// The values, one a variable.
    fn values(self) -> Vec<Tensor<T>>;
    /// The variables in the form that the function takes.
    fn vars<'t>(vars: &[Var<'t, T>]) -> Self::Vars<'t>;
    /// Gradients in the form of the point.
    fn gradient(gradients: Vec<Tensor<T>>) -> Self::Gradient;
}

/// A point of one variable, and of arrays of them.
macro_rules! point {
    ($($point:ty => $gradient:ty, $value:expr, $back:expr;)*) => {$(
        impl<T: Float> Point<T> for $point {
            type Vars<'t> = Var<'t, T>;
            type Gradient = $gradient;
            fn values(self) -> Vec<Tensor<T>> {
                vec![$value(self)]
            }
            fn vars<'t>(vars: &[Var<'t, T>]) -> Var<'t, T> {
                vars[0]
            }
            fn gradient(gradients: Vec<Tensor<T>>) -> $gradient {
                $back(&gradients[0])
            }
        }

        impl<T: Float, const N: usize> Point<T> for [$point; N] {
            type Vars<'t> = [Var<'t, T>; N];
            type Gradient = [$gradient; N];
            fn values(self) -> Vec<Tensor<T>> {
                self.into_iter().map($value).collect()
            }
            fn vars<'t>(vars: &[Var<'t, T>]) -> [Var<'t, T>; N] {
                vars.try_into().expect("one variable a value")
            }
            fn gradient(gradients: Vec<Tensor<T>>) -> [$gradient; N] {
                std::array::from_fn(|i| $back(&gradients[i]))
            }
        }
    )*};
}

point! {
    T => T, Tensor::scalar, Tensor::item;
    Tensor<T> => Tensor<T>, std::convert::identity, Tensor::clone;
    &Tensor<T> => Tensor<T>, Tensor::clone, Tensor::clone;
}

/// A function on a tape of its own, with the variables that it was given.
#[track_caller]
fn record<'t, T: Float, X: Point<T>>(
    tape: &'t Tape<T>,
    f: impl FnOnce(X::Vars<'t>) -> Var<'t, T>,
    x: X,
) -> (Vec<Var<'t, T>>, Var<'t, T>) {
    let x: Vec<Var<'t, T>> = x.values().into_iter().map(|value| tape.var(value)).collect();
    let y = f(X::vars(&x));
    (x, y)
}

/// The cotangents of `x`, zeros for what `y` does not depend on.
#[track_caller]
fn pull<'t, T: Float>(y: Var<'t, T>, g: Var<'t, T>, x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let found = y.cotangents_of(g, x);
    found.into_iter().zip(x).map(|(g, x)| g.unwrap_or_else(|| y.tape().zeros_like(*x))).collect()
}

/// The gradients of a scalar.
#[track_caller]
fn gradients<'t, T: Float>(what: &str, y: Var<'t, T>, x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let shape = y.shape();
    assert!(shape.count() == 1, "{what}: the function returned shape {shape}, not one element; reduce it (`.sum(..)`)");
    pull(y, y.tape().scalar(1.0).reshape(shape), x)
}

/// All of them in one run.
fn values<T: Float>(vars: &[Var<'_, T>]) -> Vec<Tensor<T>> {
    if let Some(first) = vars.first() {
        first.tape().run(&vars.iter().map(|v| v.id).collect::<Vec<_>>());
    }
    vars.iter().map(|v| v.value()).collect()
}

/// The gradient of a scalar function at `x`.
///
/// ```
/// use wengert_autograd::transform::grad;
/// use wengert_tensor::tensor;
///
/// let d = grad(|x| (2.0 * x).tanh() * x, 1.0);
/// assert!((d - (2f64.tanh() + 2.0 * (1.0 - 2f64.tanh().powi(2)))).abs() < 1e-15);
///
/// let (x, w) = (tensor![[1.0, 2.0]], tensor![[3.0], [4.0]]);
/// let [dx, dw] = grad(|[x, w]| x.matmul(w).sum(..), [&x, &w]);
/// assert_eq!((dx, dw), (w.t(), x.t()));
/// ```
/// # Panics
/// If the function returns more than one element.
#[track_caller]
pub fn grad<T: Float, X: Point<T>>(f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>, x: X) -> X::Gradient {
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    X::gradient(values(&gradients("grad", y, &x)))
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
    f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>,
    x: X,
) -> (T, X::Gradient) {
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    let mut wanted = gradients("value_and_grad", y, &x);
    wanted.push(y);
    let mut found = values(&wanted);
    let value = found.pop().expect("the value is the last").item();
    (value, X::gradient(found))
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
    f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>,
    x: X,
    g: impl Into<Tensor<T>>,
) -> (Tensor<T>, X::Gradient) {
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    let mut wanted = pull(y, tape.var(g), &x);
    wanted.push(y);
    let mut found = values(&wanted);
    let value = found.pop().expect("the value is the last");
    (value, X::gradient(found))
}

/// The value of a function at `x`, and its derivative in the direction `v`: the Jacobian applied
/// to `v`.
///
/// The vjp is linear in its cotangent, and the vjp of that linear function is the jvp, so
/// every function with second derivatives has it.
///
/// ```
/// use wengert_autograd::transform::jvp;
///
/// let (y, dy) = jvp(|[x, y]| x * y, [2.0, 5.0], [1.0, 0.0]);
/// assert_eq!((y.item(), dy.item()), (10.0, 5.0));
/// ```
/// # Panics
/// If `v` has other shapes than `x`.
#[track_caller]
pub fn jvp<T: Float, X: Point<T>, V: Point<T, Gradient = X::Gradient>>(
    f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>,
    x: X,
    v: V,
) -> (Tensor<T>, Tensor<T>) {
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    let u = tape.zeros_like(y);
    // A leaf of its own: what is computed from a number depends on nothing.
    let u = tape.var(u.value());
    let terms = pull(y, u, &x).into_iter().zip(directions("jvp", &tape, v, &x)).map(|(g, v)| {
        let [term] = g.vjp(v, [u]);
        term
    });
    let dy = terms.reduce(|a, b| a + b).unwrap_or(u);
    let mut found = values(&[y, dy]);
    let dy = found.pop().expect("two were asked for");
    (found.pop().expect("two were asked for"), dy)
}

#[track_caller]
fn directions<'t, T: Float>(what: &str, tape: &'t Tape<T>, v: impl Point<T>, x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let directions = v.values();
    for (v, x) in directions.iter().zip(x) {
        assert!(*v.shape() == x.shape(), "{what}: a direction of shape {} at a point of shape {}", v.shape(), x.shape());
    }
    directions.into_iter().map(|v| tape.var(v)).collect()
}

/// The Hessian of a scalar function at `x` applied to `v`, without the Hessian.
///
/// It is the gradient of ⟨∇f, v⟩ (Pearlmutter 1994 gives the forward twin): the cost of a few
/// gradients.
///
/// ```
/// use wengert_autograd::transform::hvp;
/// use wengert_tensor::tensor;
///
/// let x = tensor![1.0, 2.0];
/// let product = hvp(|x| (x * x * x).sum(..), &x, &tensor![1.0, 10.0]);
/// assert_eq!(product, tensor![6.0, 120.0]);
/// ```
/// # Panics
/// If the function returns more than one element, or `v` has other shapes than `x`.
#[track_caller]
pub fn hvp<T: Float, X: Point<T>, V: Point<T, Gradient = X::Gradient>>(
    f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>,
    x: X,
    v: V,
) -> X::Gradient {
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    let slopes = gradients("hvp", y, &x).into_iter().zip(directions("hvp", &tape, v, &x));
    let along = slopes.map(|(g, v)| (g * v).sum(..)).reduce(|a, b| a + b);
    X::gradient(along.map_or_else(Vec::new, |along| values(&gradients("hvp", along, &x))))
}

/// The Jacobian of a function of one variable, of shape `y.shape() ++ x.shape()`.
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
#[track_caller]
pub fn jacobian<T: Float, X>(f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>, x: X) -> Tensor<T>
where
    X: for<'t> Point<T, Vars<'t> = Var<'t, T>>,
{
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    rows(y, x[0])
}

/// The Hessian of a scalar function of one variable, of shape `x.shape() ++ x.shape()`.
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
pub fn hessian<T: Float, X>(f: impl for<'t> FnOnce(X::Vars<'t>) -> Var<'t, T>, x: X) -> Tensor<T>
where
    X: for<'t> Point<T, Vars<'t> = Var<'t, T>>,
{
    let tape = Tape::new();
    let (x, y) = record(&tape, f, x);
    let slope = gradients("hessian", y, &x)[0];
    rows(slope, x[0])
}

/// The derivative of every element of `y`, by running one vjp for each unit cotangent.
#[track_caller]
fn rows<T: Float>(y: Var<'_, T>, x: Var<'_, T>) -> Tensor<T> {
    let (rows, columns) = (y.shape(), x.shape());
    let shape: Shape = rows.iter().chain(columns.iter()).copied().collect();
    let zeros = vec![T::ZERO; rows.count()];
    let g = y.tape().var(Tensor::from_vec(zeros.clone(), &rows));
    let [dx] = y.vjp(g, [x]);
    let rerun = Rerun::new(dx, g);
    let mut values = Vec::with_capacity(shape.count());
    for row in 0..rows.count() {
        let mut unit = zeros.clone();
        unit[row] = T::ONE;
        values.extend(rerun.at(Tensor::from_vec(unit, &rows)).iter());
    }
    Tensor::from_vec(values, shape)
}
