//! The checks that [`op`](super::op()) and [`elementwise`](super::elementwise) are made of.

use wengert_tensor::{Rng, Shape, Tensor, broadcast};

use super::Check;
use super::gradcheck::Function;
use super::op::OpReport;
use super::report::Report;
use super::variants::{quietly, variants};
use crate::Var;

/// The checks of one operation, and what they found so far.
pub(super) struct Battery<'a, const N: usize> {
    check: &'a Check,
    f: Function<'a, N>,
    parts: Vec<(String, Result<f64, String>)>,
    refused: Vec<(String, String)>,
}

impl<'a, const N: usize> Battery<'a, N> {
    pub(super) fn new(check: &'a Check, f: Function<'a, N>) -> Self {
        Self { check, f, parts: Vec::new(), refused: Vec::new() }
    }

    #[track_caller]
    pub(super) fn finish(self, samples: &[Tensor<f64>; N]) -> OpReport {
        let tape = self.check.tape();
        let x = samples.each_ref().map(|x| tape.var(x.clone()));
        let first = tape.len();
        let y = (self.f)(x);
        let mut names: Vec<&str> = tape.listing().entries[first..].iter().map(|entry| entry.op).collect();
        names.retain(|&name| name != "scalar" && name != "leaf");
        names.dedup();
        let op = if names.len() > 1 { names.join(" ") } else { y.op_name().to_owned() };
        OpReport { op, parts: self.parts, refused: self.refused }
    }

    fn take(&mut self, what: impl Into<String>, report: &Report) {
        let result = if report.is_ok() { Ok(report.worst_error()) } else { Err(report.to_string()) };
        self.parts.push((what.into(), result));
    }

    /// Derivatives at `x`, and every way in which it may lie in memory.
    #[track_caller]
    pub(super) fn at(&mut self, x: &[Tensor<f64>; N]) {
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
    pub(super) fn in_every_place(&mut self, x: &Tensor<f64>) {
        let report = self.check.gradcheck(|[x]| (self.f)([x; N]), [x]);
        self.take("one variable in every place", &report);
    }

    /// The output has the common shape, and the values of inputs that were expanded to it.
    #[track_caller]
    pub(super) fn broadcasting(&mut self, what: &str, x: &[Tensor<f64>; N]) {
        let shape = x.iter().fold(Shape::scalar(), |shape, x| {
            broadcast(&shape, x.shape()).expect("the shapes were chosen to broadcast")
        });
        let what = format!("{what}: {}", shapes(x));
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
    pub(super) fn element_by_element(&mut self, x: &[Tensor<f64>; N]) {
        let alone = |element: usize| {
            let one = x.each_ref().map(|x| Tensor::scalar(x.to_vec()[element]));
            self.run(&one).0.item()
        };
        let alone = (0..x[0].count()).map(alone).collect();
        let result = close(&self.run(x).0, &Tensor::from_vec(alone, x[0].shape()));
        self.parts.push(("element by element".to_owned(), result));
    }

    /// Derivatives at shapes made of those of `samples`, as far as the operation accepts them.
    pub(super) fn at_other_shapes(&mut self, samples: &[Tensor<f64>; N]) {
        for (what, x) in variants(samples) {
            let shapes = shapes(&x);
            let tape = self.check.tape();
            let recorded = quietly(|| (self.f)(x.each_ref().map(|x| tape.var(x.clone()))));
            let y = match recorded {
                Ok(y) => y,
                Err(message) => {
                    self.refused.push((shapes, message));
                    continue;
                }
            };
            let what = format!("{what}: {shapes}");
            match quietly(|| y.value().iter().all(f64::is_finite)) {
                Ok(true) => {}
                // The mean of nothing is NaN, and has no derivative.
                Ok(false) => continue,
                Err(message) => {
                    self.parts.push((what, Err(format!("it was recorded, but computing it panics: {message}"))));
                    continue;
                }
            }
            match quietly(|| self.check.gradcheck(self.f, x.each_ref())) {
                Ok(report) => self.take(what, &report),
                Err(message) => self.parts.push((what, Err(format!("its gradient panics: {message}")))),
            }
        }
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

fn shapes<const N: usize>(x: &[Tensor<f64>; N]) -> String {
    x.each_ref().map(|x| x.shape().to_string()).join(" and ")
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
