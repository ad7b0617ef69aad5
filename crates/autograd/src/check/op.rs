//! Everything that an operation has to get right, in one line a test.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;

use wengert_tensor::{Rng, Tensor};

use super::Check;
use super::battery::Battery;
use super::report::table;
use crate::Var;

/// Puts an operation through what the built-in ones go through, at these sample inputs: the
/// value is deterministic, first and second derivatives agree with finite differences, inputs
/// that are permuted, reversed, spread out or repeated in memory give the same as contiguous
/// ones, and so does one variable in every place.
///
/// Then at other shapes, made of the samples: without elements, without axes, with axes of size
/// 1, fewer and more axes, so that inputs broadcast if the operation lets them. What it refuses
/// when it is recorded is listed; what it accepts must have the right gradient. Meanwhile panics
/// of this thread print nothing.
///
/// ```
/// use wengert_autograd::check;
/// use wengert_tensor::tensor;
///
/// let (a, b) = (tensor![[0.5, -1.0], [2.0, 0.3], [1.1, -0.6]], tensor![[1.0], [-0.7]]);
/// let report = check::op(|[a, b]| a.matmul(b), [a, b]);
/// report.assert_ok();
/// assert!(report.parts.iter().any(|(what, _)| what == "no elements: [0, 2] and [2, 1]"));
/// assert!(report.refused.iter().any(|(shapes, _)| shapes == "[] and []"));
/// println!("{report}");
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
        let mut battery = Battery::new(self, &f);
        let samples = samples.each_ref().map(|x| x.borrow().clone());
        battery.at(&samples);
        if N > 1 && samples.iter().all(|x| x.shape() == samples[0].shape()) {
            battery.in_every_place(&samples[0]);
        }
        battery.at_other_shapes(&samples);
        battery.finish(&samples)
    }

    /// As [`elementwise`].
    #[track_caller]
    pub fn elementwise<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        domains: [Range<f64>; N],
    ) -> OpReport {
        let mut battery = Battery::new(self, &f);
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
    /// The name of the operation, or of all that it is composed of.
    pub op: String,
    /// What was tried: what it is, and the largest relative error found or what is wrong.
    pub parts: Vec<(String, Result<f64, String>)>,
    /// The shapes that the operation did not accept, with what it said.
    pub refused: Vec<(String, String)>,
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
        if !self.refused.is_empty() {
            let shapes: Vec<&str> = self.refused.iter().map(|(shapes, _)| &shapes[..]).collect();
            writeln!(f, "  refused: {}", shapes.join(", "))?;
        }
        for (what, result) in &self.parts {
            if let Err(problem) = result {
                writeln!(f, "{what}: {}", problem.trim_end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Float, Shape, ShapeError};

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
