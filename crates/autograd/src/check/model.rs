//! A recorded loss against finite differences, with respect to parameters.

use wengert_tensor::Float;

use super::Check;
use super::gradcheck::{gradients, not_deterministic, not_finite};
use super::input::Input;
use super::report::{Report, suggest};
use crate::replay::{Rerun, Transcript};
use crate::{Param, Var};

const TOLERANCE: f64 = 1e-7;
/// A parameter with more elements is sampled.
const AT_MOST: usize = 2048;

#[track_caller]
pub(super) fn check<'p, T: Float, S: Into<String>>(
    check: &Check,
    loss: Var<'_, T>,
    params: impl IntoIterator<Item = (S, &'p Param<T>)>,
) -> Report {
    let shape = loss.shape();
    assert!(shape.count() == 1, "model: {} has shape {shape}, not one element: no loss", loss.op_name());
    let transcript = Transcript::of(loss);
    let root = transcript.root();
    let params: Vec<(S, &Param<T>)> = params.into_iter().collect();
    let leaves: Vec<Option<Var<'_, f64>>> = params.iter().map(|(_, param)| transcript.leaf(param)).collect();

    let tolerance = check.tolerance.unwrap_or(TOLERANCE);
    let mut report = Report { check: "model", tolerance, problem: None, inputs: Vec::new() };
    let (first, second) = ([root.value()], [Transcript::of(loss).root().value()]);
    report.problem = not_finite(&first).or_else(|| not_deterministic(&first, &second));
    if report.problem.is_some() {
        return report;
    }

    // Before any leaf is moved.
    let used: Vec<Var<'_, f64>> = leaves.iter().flatten().copied().collect();
    let mut gradients = gradients(root, &used).into_iter();

    for ((name, param), leaf) in params.into_iter().zip(leaves) {
        let value = leaf.map_or_else(|| param.value().cast(), Var::value);
        let gradient = leaf.and_then(|_| gradients.next().expect("one a leaf"));
        let input = Input {
            name: name.into(),
            value: &value,
            gradient,
            at_most: check.at_most.min(AT_MOST),
            tolerance,
            scale: 0.0,
        };
        report.inputs.push(match leaf {
            Some(leaf) => {
                let rerun = Rerun::new(root, leaf);
                let loss_at = |value| rerun.at(value).to_vec();
                // By the plan of the moved ones, so that rounding errors cancel.
                let base = loss_at(value.clone());
                input.check(&base, loss_at)
            }
            None => input.unused(),
        });
    }
    suggest(&mut report.inputs);
    report
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Rng, Tensor, tensor};

    use super::super::tests::{Cube, sample};
    use super::super::{Finding, model};
    use super::*;
    use crate::Tape;

    /// A layer and its loss, in f32.
    struct Net {
        w: Param<f32>,
        b: Param<f32>,
        v: Param<f32>,
    }

    impl Net {
        fn new(inputs: usize, hidden: usize) -> Self {
            let normal =
                |shape: [usize; 2], seed| Tensor::<f64>::normal(shape, 0.0, 0.4, &mut Rng::seed(seed)).cast::<f32>();
            Self {
                w: Param::new("w", normal([inputs, hidden], 1)),
                b: Param::new("b", normal([1, hidden], 2)),
                v: Param::new("v", normal([hidden, 3], 3)),
            }
        }

        /// Linear, batch norm, leaky ReLU, linear, squares.
        fn loss<'t>(&self, x: Var<'t, f32>) -> Var<'t, f32> {
            let h = x.matmul(&self.w) + &self.b;
            let centred = h - h.mean_keep(0);
            let normed = centred / (centred.square().mean_keep(0) + 1e-5).sqrt();
            let h = normed.gt(0.0).where_(normed, normed * 0.01);
            let y = h.matmul(&self.v);
            let e = (y - y.max_keep(-1)).exp();
            -((e / e.sum_keep(-1)).ln() * y.tanh()).mean(..)
        }

        fn params(&self) -> [(&'static str, &Param<f32>); 3] {
            [("w", &self.w), ("b", &self.b), ("v", &self.v)]
        }
    }

    #[test]
    fn a_model_recorded_in_f32_is_checked_in_f64() {
        let net = Net::new(5, 7);
        let tape = Tape::train(1);
        let x = tape.var(sample([8, 5], 4).cast::<f32>());
        let loss = net.loss(x);
        let before = loss.item();
        let report = model(loss, net.params());
        report.assert_ok();
        assert!(report.worst_error() < 1e-8, "{report}");
        let findings: Vec<Finding> = report.inputs.iter().map(|input| input.finding).collect();
        assert_eq!(findings, [Finding::Agrees, Finding::Zero, Finding::Agrees], "{report}");
        assert_eq!(report.inputs[0].compared.len(), 35);
        // The recording and the parameters are as before.
        assert_eq!(loss.item(), before);
        loss.backward().get(&net.w).unwrap().value();
    }

    #[test]
    fn a_wrong_rule_inside_a_model_is_found_by_parameter() {
        let (a, b) = (Param::<f32>::new("a", tensor![0.5, 1.5]), Param::<f32>::new("b", tensor![2.0, -1.0]));
        let unused = Param::<f32>::new("unused", tensor![1.0]);
        let tape = Tape::new();
        let wrong = tape.map(Cube::MissingFactor, [a.on(&tape)]);
        let loss = (wrong * &b).sum(..);
        let report = model(loss, [("a", &a), ("b", &b), ("unused", &unused)]);
        let findings: Vec<Finding> = report.inputs.iter().map(|input| input.finding).collect();
        assert_eq!(findings, [Finding::Wrong, Finding::Agrees, Finding::Unused], "{report}");
    }

    #[test]
    fn a_parameter_on_a_kink_is_named_and_not_called_wrong() {
        let w = Param::<f32>::new("w", tensor![0.3, 0.0, -0.2]);
        let tape = Tape::new();
        let report = model(w.on(&tape).maximum(0.0).sum(..), [("w", &w)]);
        report.assert_ok();
        assert_eq!(report.inputs[0].finding, Finding::Kink);
        assert_eq!(report.inputs[0].hint.as_deref(), Some("at [1], slopes 0 and 1"), "{report}");
    }

    #[test]
    fn a_large_parameter_is_sampled() {
        let w = Param::<f64>::new("w", sample([100, 60], 1));
        let tape = Tape::new();
        let loss = (tape.var(sample([2, 100], 2)).matmul(&w)).tanh().mean(..);
        let report = Check::new().at_most(20).model(loss, [("w", &w)]);
        report.assert_ok();
        assert_eq!(report.inputs[0].compared.len(), 28);
        assert!(report.to_string().contains("20 of 6000 + 8 directions"), "{report}");
    }
}
