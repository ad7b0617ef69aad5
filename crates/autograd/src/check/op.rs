//! Everything that an operation has to get right, in one line a test.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;

use wengert_tensor::{Rng, Shape, Tensor, broadcast};

use super::Check;
use super::gradcheck::Function;
use super::report::{Report, table};
use crate::Var;

/// Puts an operation through what the built-in ones go through, at these sample inputs: the
/// value is deterministic, first and second derivatives agree with finite differences, inputs
/// that are permuted, reversed, spread out or repeated in memory give the same as contiguous
/// ones, and so does one variable in every place.
///
/// Samples without elements and without axes are worth a line of their own.
///
/// ```
/// use wengert_autograd::check;
/// use wengert_tensor::{Tensor, tensor};
///
/// let (a, b) = (tensor![[0.5, -1.0], [2.0, 0.3]], tensor![[1.0, 0.2], [-0.7, 0.4]]);
/// check::op(|[a, b]| a.matmul(b), [a, b]).assert_ok();
/// check::op(|[a, b]| a.matmul(b), [Tensor::zeros([0, 2]), Tensor::zeros([2, 3])]).assert_ok();
/// ```
/// # Panics
/// If the operation refuses the samples, or breaks the rules of
/// [`Op`](crate::Op) (a cotangent of the wrong shape, say), naming it.
#[track_caller]
pub fn op<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    samples: [impl Borrow<Tensor<f64>>; N],
) -> OpReport {
    Check::new().op(f, samples)
}

/// Puts an elementwise operation through [`op`], at random samples of one range an argument, and
/// through broadcasting, no axes and no elements.
///
/// ```
/// use wengert_autograd::check;
///
/// check::elementwise(|[x, y]| x.tanh() / y, [-2.0..2.0, 0.5..3.0]).assert_ok();
/// ```
/// # Panics
/// If a range is empty, or the operation breaks the rules of [`Op`](crate::Op), naming it.
#[track_caller]
pub fn elementwise<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    domains: [Range<f64>; N],
) -> OpReport {
    Check::new().elementwise(f, domains)
}

impl Check {
    /// As [`op`].
    #[track_caller]
    pub fn op<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        samples: [impl Borrow<Tensor<f64>>; N],
    ) -> OpReport {
        let mut battery = Battery { check: self, f: &f, parts: Vec::new() };
        let samples = samples.each_ref().map(|x| x.borrow().clone());
        battery.at(&samples);
        if N > 1 && samples.iter().all(|x| x.shape() == samples[0].shape()) {
            battery.in_every_place(&samples[0]);
        }
        battery.finish(&samples)
    }

    /// As [`elementwise`].
    #[track_caller]
    pub fn elementwise<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        domains: [Range<f64>; N],
    ) -> OpReport {
        let mut battery = Battery { check: self, f: &f, parts: Vec::new() };
        let mut rng = Rng::seed(3);
        let mut sample =
            |shapes: [&[usize]; N]| std::array::from_fn(|k| Tensor::uniform(shapes[k], domains[k].clone(), &mut rng));
        let samples = sample([&[2, 3]; N]);
        battery.at(&samples);
        battery.broadcasting("no axes", &sample([&[]; N]));
        battery.broadcasting("no elements", &sample([&[2, 0, 3]; N]));
        if N == 1 {
            battery.element_by_element(&samples);
        } else {
            let shapes: [&[usize]; 4] = [&[2, 3], &[3], &[2, 1], &[]];
            for turn in 0..shapes.len() {
                battery.broadcasting("broadcast", &sample(std::array::from_fn(|k| shapes[(turn + k) % shapes.len()])));
            }
            let empty = std::array::from_fn(|k| if k == 0 { &[0, 1][..] } else { &[1, 3] });
            battery.broadcasting("broadcast to no elements", &sample(empty));
            // Where every argument may be.
            let low = domains.iter().map(|d| d.start).fold(f64::NEG_INFINITY, f64::max);
            let high = domains.iter().map(|d| d.end).fold(f64::INFINITY, f64::min);
            if low < high {
                battery.in_every_place(&Tensor::uniform([2, 3], low..high, &mut rng));
            }
        }
        battery.finish(&samples)
    }
}

/// What [`op`] and [`elementwise`] found. It prints as a list.
#[derive(Clone, Debug)]
#[must_use = "a report does nothing unless it is looked at: `.assert_ok()`"]
pub struct OpReport {
    /// The name of the operation.
    pub op: &'static str,
    /// What was tried: what it is, and the largest relative error found or what is wrong.
    pub parts: Vec<(String, Result<f64, String>)>,
}

impl OpReport {
    /// Whether the operation passed everything.
    pub fn is_ok(&self) -> bool {
        self.parts.iter().all(|(_, result)| result.is_ok())
    }

    /// Panics with the list unless [`is_ok`](Self::is_ok).
    ///
    /// # Panics
    /// If something is wrong.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "{self}");
    }
}

impl fmt::Display for OpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.op, if self.is_ok() { "ok" } else { "FAILED" })?;
        let row = |(what, result): &(String, Result<f64, String>)| match result {
            Ok(error) => vec![what.clone(), "ok".to_owned(), format!("{error:.1e}")],
            Err(_) => vec![what.clone(), "WRONG".to_owned(), "-".to_owned()],
        };
        table(f, &self.parts.iter().map(row).collect::<Vec<_>>())?;
        for (what, result) in &self.parts {
            if let Err(problem) = result {
                writeln!(f, "{what}: {}", problem.trim_end())?;
            }
        }
        Ok(())
    }
}

struct Battery<'a, const N: usize> {
    check: &'a Check,
    f: Function<'a, N>,
    parts: Vec<(String, Result<f64, String>)>,
}

impl<const N: usize> Battery<'_, N> {
    #[track_caller]
    fn finish(self, samples: &[Tensor<f64>; N]) -> OpReport {
        let tape = self.check.tape();
        let op = (self.f)(samples.each_ref().map(|x| tape.var(x.clone()))).op_name();
        OpReport { op, parts: self.parts }
    }

    fn take(&mut self, what: impl Into<String>, report: &Report) {
        let result = if report.is_ok() { Ok(report.worst_error()) } else { Err(report.to_string()) };
        self.parts.push((what.into(), result));
    }

    /// Derivatives at `x`, and every way in which it may lie in memory.
    #[track_caller]
    fn at(&mut self, x: &[Tensor<f64>; N]) {
        let (first, second) =
            (self.check.gradcheck(self.f, x.each_ref()), self.check.gradgradcheck(self.f, x.each_ref()));
        self.take("gradient", &first);
        self.take("second derivative", &second);
        for (turn, (layout, _)) in LAYOUTS.iter().enumerate() {
            let mut layouts = LAYOUTS.iter().cycle().skip(turn);
            let strided = x.each_ref().map(|x| layouts.next().expect("it cycles").1(x));
            let reference = strided.each_ref().map(Tensor::contiguous);
            self.same(format!("inputs in memory: {layout}"), &strided, &reference);
        }
    }

    #[track_caller]
    fn in_every_place(&mut self, x: &Tensor<f64>) {
        let report = self.check.gradcheck(|[x]| (self.f)([x; N]), [x]);
        self.take("one variable in every place", &report);
    }

    /// The output has the common shape, and the values of inputs that were expanded to it.
    #[track_caller]
    fn broadcasting(&mut self, what: &str, x: &[Tensor<f64>; N]) {
        let shape = x.iter().fold(Shape::scalar(), |shape, x| {
            broadcast(&shape, x.shape()).expect("the shapes were chosen to broadcast")
        });
        let shapes: Vec<String> = x.iter().map(|x| x.shape().to_string()).collect();
        let what = format!("{what}: {}", shapes.join(" and "));
        let expanded = x.each_ref().map(|x| x.expand(&shape).contiguous());
        let (value, reference) = (self.run(x).0, self.run(&expanded).0);
        if *value.shape() != shape {
            self.parts.push((what, Err(format!("the output has shape {}, not {shape}", value.shape()))));
            return;
        }
        self.parts.push((format!("{what}, value"), close(&value, &reference)));
        let report = self.check.gradcheck(self.f, x.each_ref());
        self.take(format!("{what}, gradient"), &report);
    }

    /// Every element alone gives the same as among the others.
    #[track_caller]
    fn element_by_element(&mut self, x: &[Tensor<f64>; N]) {
        let alone = |element: usize| {
            let one = x.each_ref().map(|x| Tensor::scalar(x.to_vec()[element]));
            self.run(&one).0.item()
        };
        let alone = (0..x[0].count()).map(alone).collect();
        let result = close(&self.run(x).0, &Tensor::from_vec(alone, x[0].shape()));
        self.parts.push(("element by element".to_owned(), result));
    }

    /// Whether value and gradients are the same at `a` and `b`.
    #[track_caller]
    fn same(&mut self, what: String, a: &[Tensor<f64>; N], b: &[Tensor<f64>; N]) {
        let ((value_a, gradients_a), (value_b, gradients_b)) = (self.run(a), self.run(b));
        let mut result = close(&value_a, &value_b).map_err(|e| format!("the value {e}"));
        for (number, (a, b)) in gradients_a.iter().zip(&gradients_b).enumerate() {
            let gradient = close(a, b).map_err(|e| format!("the gradient of input {number} {e}"));
            result = result.and_then(|worst| gradient.map(|error| error.max(worst)));
        }
        self.parts.push((what, result));
    }

    /// Value and cotangents.
    #[track_caller]
    fn run(&self, x: &[Tensor<f64>; N]) -> (Tensor<f64>, [Tensor<f64>; N]) {
        let tape = self.check.tape();
        let x = x.each_ref().map(|x| tape.var(x.clone()));
        let y = (self.f)(x);
        let g = Tensor::uniform(y.shape(), 0.5..1.5, &mut Rng::seed(5));
        (y.value(), y.vjp(&g, x).map(Var::value))
    }
}

/// The largest difference in units of the largest value, unless it is more than rounding.
fn close(a: &Tensor<f64>, b: &Tensor<f64>) -> Result<f64, String> {
    if a.shape() != b.shape() {
        return Err(format!("has shape {}, not {}", a.shape(), b.shape()));
    }
    let scale = b.iter().map(f64::abs).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let difference = a.max_abs_diff(b);
    let error = if difference == 0.0 { 0.0 } else { difference / scale };
    if error <= 1e-12 { Ok(error) } else { Err(format!("differs by {error:.1e}, relatively: {a} against {b}")) }
}

type Relayout = fn(&Tensor<f64>) -> Tensor<f64>;

/// Ways to lie in memory other than in row-major order from the start of a buffer. What lies
/// between the elements is NaN.
const LAYOUTS: [(&str, Relayout); 5] = [
    ("axes permuted", |x| {
        let axes: Vec<isize> = (0..x.rank() as isize).rev().collect();
        x.permute(&axes[..]).contiguous().permute(&axes[..])
    }),
    ("reversed", |x| x.flip(..).contiguous().flip(..)),
    ("every other element", |x| {
        let values: Vec<f64> = x.iter().flat_map(|v| [v, f64::NAN]).collect();
        Tensor::from_vec(values, [x.count(), 2]).select(1, 0).reshape(x.shape())
    }),
    ("part of a larger one", |x| {
        let values: Vec<f64> = [f64::NAN; 3].into_iter().chain(x.iter()).chain([f64::NAN]).collect();
        let size = values.len();
        Tensor::from_vec(values, size).slice(0, 3..size - 1).reshape(x.shape())
    }),
    ("repeated along an axis", |x| match x.shape().first() {
        Some(&size) if size > 0 => x.slice(0, ..1).expand(x.shape()),
        _ => x.clone(),
    }),
];

#[cfg(test)]
mod tests {
    use wengert_tensor::{Float, ShapeError};

    use super::super::tests::{Cube, sample};
    use super::*;
    use crate::{Cotangents, Lowering, Op};

    #[test]
    #[should_panic(expected = "cube: FAILED")]
    fn a_wrong_operation_fails_the_battery() {
        elementwise(|[x]| x.tape().map(Cube::WrongSecond, [x]), [0.5..2.0]).assert_ok();
    }

    #[test]
    fn built_in_operations_pass_the_battery() {
        elementwise(|[a, b]| a * b, [-2.0..2.0, -2.0..2.0]).assert_ok();
        elementwise(|[a, b]| a / b, [-2.0..2.0, 0.5..2.0]).assert_ok();
        elementwise(|[x]| x.sigmoid(), [-4.0..4.0]).assert_ok();
        elementwise(|[c, a, b]| c.gt(0.0).where_(a, b), [0.5..2.0, -2.0..2.0, -2.0..2.0]).assert_ok();
        op(|[x]| x.sum(0), [sample([3, 2], 1)]).assert_ok();
        op(|[x]| x.mean_keep(-1), [sample([2, 3, 2], 1)]).assert_ok();
        op(|[x]| x.reshape([3, 2]), [sample([2, 3], 1)]).assert_ok();
        op(|[a, b]| a.matmul(b), [sample([2, 3], 1), sample([2, 3, 4], 2)]).assert_ok();
    }

    /// A kernel that takes the buffer for the elements.
    #[derive(Clone)]
    struct Careless;

    impl Op for Careless {
        fn name(&self) -> &'static str {
            "careless"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
            Ok(x[0].clone())
        }
        fn lower<T: Float>(&self) -> Lowering<'_, T> {
            Lowering::kernel(|x| Tensor::from_slice(&x[0].buffer()[..x[0].count()], x[0].shape()))
        }
        fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
            [g].into()
        }
    }

    #[test]
    fn a_kernel_that_ignores_strides_fails_the_battery() {
        let report = op(|[x]| x.tape().record(Careless, &[x]), [sample([3, 2], 1)]);
        let wrong: Vec<&str> = report.parts.iter().filter(|(_, r)| r.is_err()).map(|(what, _)| &what[..]).collect();
        assert!(
            wrong.contains(&"inputs in memory: axes permuted") && wrong.contains(&"inputs in memory: reversed"),
            "{report}"
        );
        assert!(report.parts[0].1.is_ok(), "{report}");
    }

    /// A rule that returns what does not fit.
    #[derive(Clone)]
    struct Misfit(bool);

    impl Op for Misfit {
        fn name(&self) -> &'static str {
            "misfit"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
            Ok(x[0].clone())
        }
        fn lower<T: Float>(&self) -> Lowering<'_, T> {
            Lowering::kernel(|x| x[0].clone())
        }
        fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
            if self.0 { [g, g].into() } else { [g.sum(..)].into() }
        }
    }

    #[test]
    #[should_panic(expected = "misfit: its vjp rule returned 2 cotangents for 1 inputs")]
    fn too_many_cotangents_are_refused_by_name() {
        let _ = op(|[x]| x.tape().record(Misfit(true), &[x]), [sample([3], 1)]);
    }

    #[test]
    #[should_panic(expected = "misfit: its vjp rule returned a cotangent of shape [] for an input of shape [3]")]
    fn a_cotangent_of_another_shape_is_refused_by_name() {
        let _ = op(|[x]| x.tape().record(Misfit(false), &[x]), [sample([3], 1)]);
    }
}
