//! Right rules pass, and every kind of wrong one is found and named.

use std::cell::Cell;

use proptest::prelude::*;
use wengert_tensor::{Float, Rng, Shape, ShapeError, Tensor, tensor};

use super::*;
use crate::{Cotangents, Elementwise, Lowering, Op};

pub(super) fn sample(shape: impl Into<Shape>, seed: u64) -> Tensor<f64> {
    Tensor::uniform(shape, -1.5..1.5, &mut Rng::seed(seed))
}

/// x³ with a choice of rules.
#[derive(Clone, Copy)]
pub(super) enum Cube {
    Right,
    WrongSign,
    MissingFactor,
    NoRule,
    Nan,
    WrongSecond,
    ForgetsCotangent,
}

impl Elementwise<1> for Cube {
    const NAME: &'static str = "cube";
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x * x * x
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let right = g * (x * x * 3.0);
        match self {
            Cube::Right => [right].into(),
            Cube::WrongSign => [-right].into(),
            Cube::MissingFactor => [right / 3.0].into(),
            Cube::NoRule => Cotangents::none(1),
            Cube::Nan => [right * f64::NAN].into(),
            Cube::WrongSecond => [g * (x.detach() * x * 3.0)].into(),
            Cube::ForgetsCotangent => [x * x * 3.0].into(),
        }
    }
}

fn cube(rule: Cube) -> Report {
    gradcheck(|[x]| x.tape().map(rule, [x]), [sample([2, 3], 1)])
}

#[test]
fn right_rules_agree_to_many_digits() {
    let report = cube(Cube::Right);
    report.assert_ok();
    assert!(report.worst_error() < 1e-11, "{report}");
    assert_eq!(report.inputs[0].compared.len(), 6);
    let exact = sample([2, 3], 1);
    let report = gradcheck(|[x]| x.tape().map(Cube::Right, [x]).sum(..), [&exact]);
    for (comparison, x) in report.inputs[0].compared.iter().zip(exact.iter()) {
        assert!((comparison.numeric - 3.0 * x * x).abs() <= 4.0 * comparison.numeric_error);
    }
}

#[test]
fn a_wrong_sign_is_named() {
    let report = cube(Cube::WrongSign);
    assert!(!report.is_ok());
    assert_eq!(report.inputs[0].finding, Finding::Wrong);
    let hint = report.inputs[0].hint.clone().unwrap();
    assert_eq!(hint, "-1 times the right gradient everywhere (a sign?)");
    let text = report.to_string();
    assert!(text.contains("gradcheck: FAILED") && text.contains("WRONG") && text.contains("2.0e0"), "{text}");
}

#[test]
fn a_wrong_sign_of_one_element_is_named() {
    let report = gradcheck(|[x]| x.tape().map(Cube::WrongSign, [x]), [Tensor::scalar(0.7)]);
    assert_eq!(report.inputs[0].hint.as_deref(), Some("-1 times the right gradient everywhere (a sign?)"));
    let report = gradcheck(|[x]| x.tape().map(Cube::MissingFactor, [x]), [Tensor::scalar(0.7)]);
    assert_eq!(report.inputs[0].hint.as_deref(), Some("at 1 of 1"));
}

/// A sum passes a cotangent of 1 on, where such a rule is right.
#[test]
fn a_forgotten_cotangent_is_found_behind_a_sum() {
    let report = gradcheck(|[x]| x.tape().map(Cube::ForgetsCotangent, [x]).sum(..), [sample([2, 3], 1)]);
    assert_eq!(report.inputs[0].finding, Finding::Wrong);
    let hint = report.inputs[0].hint.clone().unwrap();
    assert!(hint.contains("a cotangent that the rule forgets?"), "{hint}");
    let (tape, w) = (crate::Tape::<f32>::new(), crate::Param::new("w", tensor![0.5f32, -0.25]));
    let loss = tape.map(Cube::ForgetsCotangent, [w.on(&tape)]).sum(..);
    assert_eq!(model(loss, [("w", &w)]).inputs[0].finding, Finding::Wrong);
}

#[test]
fn a_missing_factor_is_named() {
    let hint = cube(Cube::MissingFactor).inputs[0].hint.clone().unwrap();
    assert!(hint.starts_with("0.333"), "{hint}");
}

#[test]
fn a_rule_without_a_derivative_is_named() {
    assert_eq!(cube(Cube::NoRule).inputs[0].finding, Finding::Unreached);
}

#[test]
fn nan_gradients_are_named() {
    let report = cube(Cube::Nan);
    assert_eq!(report.inputs[0].finding, Finding::NotFinite);
    assert!(!report.is_ok() && report.worst_error().is_nan());
}

#[test]
fn a_rule_that_is_right_once_and_wrong_twice_is_found() {
    cube(Cube::WrongSecond).assert_ok();
    let second = gradgradcheck(|[x]| x.tape().map(Cube::WrongSecond, [x]), [sample([3], 2)]);
    assert_eq!(second.inputs[0].finding, Finding::Wrong);
    assert_eq!(second.inputs[1].finding, Finding::Agrees);
    gradgradcheck(|[x]| x.tape().map(Cube::Right, [x]), [sample([3], 2)]).assert_ok();
}

/// a · b with its cotangents in the wrong order.
#[derive(Clone)]
struct SwappedProduct;

impl Elementwise<2> for SwappedProduct {
    const NAME: &'static str = "swapped";
    fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
        a * b
    }
    fn vjp<'t, T: Float>(&self, [a, b]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * a, g * b].into()
    }
}

#[test]
fn swapped_cotangents_are_named() {
    let report = gradcheck(|[a, b]| a.tape().map(SwappedProduct, [a, b]), [sample([4], 1), sample([4], 2)]);
    for (input, other) in report.inputs.iter().zip([1, 0]) {
        assert_eq!(input.finding, Finding::Wrong);
        assert_eq!(
            *input.hint.as_ref().unwrap(),
            format!("it is the gradient of {other}: are the cotangents swapped?")
        );
    }
}

/// The identity, whose rule is wrong at one element.
#[derive(Clone)]
struct WrongAt(usize);

impl Op for WrongAt {
    fn name(&self) -> &'static str {
        "wrong_at"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| x[0].clone())
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let mut factor = vec![T::ONE; x[0].count()];
        factor[self.0] = T::from_f64(1.0 + 1e-6);
        [g * &Tensor::from_vec(factor, x[0].shape())].into()
    }
}

#[test]
fn one_wrong_element_is_found_where_it_is() {
    let report = gradcheck(|[x]| x.tape().record(WrongAt(7), &[x]), [sample([3, 4], 1)]);
    let input = &report.inputs[0];
    let worst = input.worst().unwrap();
    assert_eq!(worst.along, Along::Element(vec![1, 3]));
    assert!((worst.error - 1e-6).abs() < 1e-9);
    assert_eq!(input.hint.as_deref(), Some("at 1 of 12"));
}

#[test]
fn random_directions_reach_every_element_of_a_large_input() {
    let x = sample([40, 50], 1);
    let check = Check::new().at_most(10);
    check.gradcheck(|[x]| x.tape().map(Cube::Right, [x]), [&x]).assert_ok();
    let report = check.gradcheck(|[x]| x.tape().record(WrongAt(1234), &[x]), [&x]);
    assert_eq!(report.inputs[0].compared.len(), 18);
    assert!(!report.is_ok(), "{report}");
    assert!(matches!(report.inputs[0].worst().unwrap().along, Along::Direction(_)));
}

#[test]
fn a_kink_is_named_and_not_called_wrong() {
    let report = gradcheck(|[x]| x.abs(), [tensor![1.0, 0.0, -2.0]]);
    report.assert_ok();
    assert_eq!(report.inputs[0].finding, Finding::Kink);
    assert_eq!(report.inputs[0].kinks.len(), 1);
    assert_eq!(report.inputs[0].kinks[0].0, [1]);
    assert!(report.to_string().contains("on a kink: at [1]"), "{report}");
    let report = gradcheck(|[x]| x.maximum(0.0).sum(..), [tensor![1e-3, 0.0, -1e-4, 3e-6]]);
    report.assert_ok();
    assert_eq!(report.inputs[0].kinks.len(), 1);
}

#[test]
fn what_changes_between_evaluations_is_named() {
    let calls = Cell::new(0.0);
    let report = gradcheck(
        |[x]| {
            calls.set(calls.get() + 1.0);
            x * calls.get()
        },
        [tensor![1.0, 2.0]],
    );
    assert_eq!(report.problem, Some(Problem::NotDeterministic(2.0)));
    assert!(!report.is_ok() && report.to_string().contains("not deterministic"));
}

#[test]
fn values_that_are_not_finite_are_named() {
    let report = gradcheck(|[x]| x.ln(), [tensor![[1.0, 2.0], [0.5, 0.0]]]);
    let minus_infinity = f64::NEG_INFINITY;
    let problem = Problem::NotFinite { output: 0, index: vec![1, 1], value: minus_infinity };
    assert_eq!(report.problem, Some(problem));
    let report = gradcheck(|[x]| x.sqrt(), [tensor![1.0, 0.0]]);
    assert_eq!(report.inputs[0].finding, Finding::NotFinite);
}

#[test]
fn zero_gradients_are_named() {
    // Softmax-like: the sum of the outputs is always 1.
    let report = gradcheck(
        |[x, y]| {
            let e = x.exp();
            (e / e.sum(..)).sum(..) + y * 0.0
        },
        [sample([5], 1), tensor![3.0]],
    );
    report.assert_ok();
    assert_eq!(report.inputs[0].finding, Finding::Zero, "{report}");
    assert_eq!(report.inputs[1].finding, Finding::Zero);
    assert!(report.to_string().contains("zero everywhere"));
}

/// x / x and x · x⁻¹ are constant, but for rounding.
#[test]
fn derivatives_of_what_is_constant_to_rounding_are_zero() {
    let x = tensor![[2.3, 0.4], [-0.7, 3.1]];
    gradcheck(|[x]| x.matmul(x.inverse()), [&x]).assert_ok();
    gradgradcheck(|[x]| x.matmul(x.inverse()), [&x]).assert_ok();
    let report = gradgradcheck(|[x]| x / x + x.sin().square() + x.cos().square(), [&x]);
    report.assert_ok();
    assert_eq!(report.inputs[0].finding, Finding::Zero, "{report}");
}

#[test]
fn control_flow_may_depend_on_values() {
    for x in [0.5, -0.5] {
        gradcheck(|[x]| if x.item() > 0.0 { x.exp() } else { x * x }, [Tensor::scalar(x)]).assert_ok();
    }
}

#[test]
fn the_scale_of_a_function_does_not_matter() {
    for scale in [1e-12, 1e-3, 1e9] {
        let x = sample([4], 3);
        gradcheck(|[x]| x.tape().map(Cube::Right, [x]) * scale, [&x]).assert_ok();
        let wrong = gradcheck(|[x]| x.tape().map(Cube::MissingFactor, [x]) * scale, [&x]);
        assert_eq!(wrong.inputs[0].finding, Finding::Wrong, "{wrong}");
    }
}

#[test]
fn the_mode_is_that_of_the_check() {
    let doubled_in_training = |x: Var<'_, f64>| if x.tape().is_training() { 2.0 } else { 1.0 };
    let slope = |check: Check| {
        let report = check.gradcheck(|[x]| x * doubled_in_training(x), [tensor![3.0]]);
        report.inputs[0].compared[0].analytic
    };
    assert_eq!((slope(Check::new()), slope(Check::new().train(1))), (1.0, 2.0));
}

#[test]
fn without_elements_there_is_nothing_to_find() {
    let report = gradcheck(|[x, y]| x.matmul(y), [Tensor::zeros([0, 3]), sample([3, 2], 1)]);
    report.assert_ok();
    assert_eq!(report.inputs[0].compared.len(), 0);
    assert_eq!(report.inputs[1].finding, Finding::Zero);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn random_compositions_pass(seed in any::<u64>(), rows in 1usize..4, columns in 1usize..4) {
        let mut rng = Rng::seed(seed);
        let mut draw = |shape: [usize; 2]| Tensor::uniform(shape, -1.0..1.0, &mut rng);
        let (x, w, b) = (draw([rows, columns]), draw([columns, rows]), draw([1, rows]));
        let report = gradcheck(|[x, w, b]| ((x.matmul(w) + b).tanh() * b.exp()).mean_keep(0) / (x.square().sum(..) + 1.0), [&x, &w, &b]);
        prop_assert!(report.is_ok(), "{}", report);
        let report = gradgradcheck(|[x, w, b]| (x.matmul(w) + b).sigmoid(), [&x, &w, &b]);
        prop_assert!(report.is_ok(), "{}", report);
    }
}
