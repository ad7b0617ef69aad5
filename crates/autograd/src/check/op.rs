//! Everything that an operation has to get right, in one line a test.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;

use wengert_tensor::{Rng, Shape, Tensor, broadcast};

use super::report::{Report, table};
use super::{Check, gradcheck};
use crate::{Tape, Var};

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
    let mut battery = Battery::new(&f);
    let samples = samples.each_ref().map(|x| x.borrow().clone());
    battery.at(&samples);
    let alike = samples.iter().all(|x| x.shape() == samples[0].shape());
    if N > 1 && alike {
        battery.in_every_place(&samples[0]);
    }
    battery.finish(&samples)
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
    let mut battery = Battery::new(&f);
    let mut rng = Rng::seed(3);
    let mut sample = |shapes: [Shape; N]| {
        let mut domains = domains.iter();
        shapes.map(|shape| Tensor::uniform(shape, domains.next().expect("one an argument").clone(), &mut rng))
    };
    let samples = sample([(); N].map(|()| [2, 3].into()));
    battery.at(&samples);

    let low = domains.iter().map(|d| d.start).fold(f64::NEG_INFINITY, f64::max);
    let high = domains.iter().map(|d| d.end).fold(f64::INFINITY, f64::min);
    if N > 1 && low < high {
        battery.in_every_place(&Tensor::uniform([2, 3], low..high, &mut Rng::seed(4)));
    }
    battery.broadcasting("no axes", &sample([(); N].map(|()| Shape::scalar())));
    battery.broadcasting("no elements", &sample([(); N].map(|()| [2, 0, 3].into())));
    if N == 1 {
        battery.element_by_element(&samples);
    } else {
        let shapes = [&[2, 3][..], &[3], &[2, 1], &[]];
        for turn in 0..shapes.len() {
            let mut shapes = shapes.iter().cycle().skip(turn);
            let inputs = [(); N].map(|()| Shape::from(*shapes.next().expect("it cycles")));
            battery.broadcasting("broadcast", &sample(inputs));
        }
        let mut first = true;
        let inputs = [(); N].map(|()| if std::mem::take(&mut first) { [0, 1].into() } else { [1, 3].into() });
        battery.broadcasting("broadcast to no elements", &sample(inputs));
    }
    battery.finish(&samples)
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
    f: gradcheck::Function<'a, N>,
    parts: Vec<(String, Result<f64, String>)>,
}

impl<'a, const N: usize> Battery<'a, N> {
    fn new(f: gradcheck::Function<'a, N>) -> Self {
        Self { f, parts: Vec::new() }
    }

    fn finish(self, samples: &[Tensor<f64>; N]) -> OpReport {
        let tape = Tape::new();
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
        self.take("gradient", &Check::new().gradcheck(self.f, x.each_ref()));
        self.take("second derivative", &Check::new().gradgradcheck(self.f, x.each_ref()));
        for turn in 0..LAYOUTS.len() {
            let mut layouts = LAYOUTS.iter().cycle().skip(turn);
            let strided = x.each_ref().map(|x| layouts.next().expect("it cycles").1(x));
            let reference = strided.each_ref().map(Tensor::contiguous);
            self.same(format!("inputs in memory: {}", LAYOUTS[turn].0), &strided, &reference);
        }
    }

    #[track_caller]
    fn in_every_place(&mut self, x: &Tensor<f64>) {
        let f = self.f;
        self.take("one variable in every place", &Check::new().gradcheck(|[x]| f([x; N]), [x]));
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
        self.take(format!("{what}, gradient"), &Check::new().gradcheck(self.f, x.each_ref()));
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
        let tape = Tape::new();
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
