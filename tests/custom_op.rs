//! Operations as a user writes them: the example's are right, and of these each is wrong in one
//! way, which the report names.

use wengert::prelude::*;

#[path = "../examples/custom_op.rs"]
mod example;

#[test]
fn the_examples_operations_pass() {
    example::main();
}

/// √(a² + b²) over tensors of shapes that broadcast, as an opaque kernel.
#[derive(Clone)]
struct Distance(Fault);

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Sign,
    Factor,
    Swapped,
    /// Only where b is larger than a.
    Branch,
    /// Right at first order.
    Second,
    /// Where b is repeated, only its first use counts.
    Broadcast,
    NoGradient,
    TooMany,
    WrongShape,
}

impl Op for Distance {
    fn name(&self) -> &'static str {
        "distance"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        broadcast(x[0], x[1])
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let shape = broadcast(x[0].shape(), x[1].shape()).expect("checked when recorded");
            let (a, b) = (x[0].expand(&shape), x[1].expand(&shape));
            Tensor::from_vec(a.iter().zip(b.iter()).map(|(a, b)| (a * a + b * b).sqrt()).collect(), shape)
        })
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let [a, b] = [x[0], x[1]];
        let (da, db) = (g * a / y, g * b / y);
        // What was repeated is summed, as a kernel's rule has to.
        let back = |d: Var<'t, T>, x: Var<'t, T>| d.sum_to_shape(x.shape());
        match self.0 {
            Fault::None => [back(da, a), back(db, b)].into(),
            Fault::Sign => [back(da, a), back(-db, b)].into(),
            Fault::Factor => [back(da * 2.0, a), back(db, b)].into(),
            Fault::Swapped => [back(db, a), back(da, b)].into(),
            Fault::Branch => [back(b.gt(a).where_(da * 1.5, da), a), back(db, b)].into(),
            Fault::Second => [back(g * a.detach() / y, a), back(db, b)].into(),
            Fault::Broadcast => {
                let repeated = db.count() / b.count().max(1);
                [back(da, a), back(db, b) / repeated.max(1) as f64].into()
            }
            Fault::NoGradient => [Some(back(da, a)), None].into(),
            Fault::TooMany => [back(da, a), back(db, b), g].into(),
            Fault::WrongShape => [back(da, a), db.sum(..)].into(),
        }
    }
}

fn battery(fault: Fault) -> check::OpReport {
    let samples = [tensor![[0.5, -1.0, 2.0], [0.7, 0.3, -0.4]], tensor![[1.5, 0.2, -0.6], [-0.3, 1.1, 0.9]]];
    check::op(|[a, b]| a.tape().record(Distance(fault), &[a, b]), samples)
}

/// What fails, and what the report says of it.
#[track_caller]
fn wrong(fault: Fault) -> (Vec<String>, String) {
    let report = battery(fault);
    assert!(!report.is_ok(), "{report}");
    let parts = report.parts.iter().filter(|(_, result)| result.is_err()).map(|(what, _)| what.clone());
    (parts.collect(), report.to_string())
}

#[test]
fn a_right_rule_passes_everything() {
    let report = battery(Fault::None);
    report.assert_ok();
    let tried: Vec<&str> = report.parts.iter().map(|(what, _)| &what[..]).collect();
    for what in ["no axes: [] and []", "no elements: [0, 3] and [0, 3]", "broadcast: [2, 3] and [3]"] {
        assert!(tried.contains(&what), "{what} is not in {tried:?}");
    }
}

#[test]
fn a_wrong_sign_and_a_wrong_factor_are_explained() {
    let (parts, text) = wrong(Fault::Sign);
    assert_eq!(parts[0], "gradient");
    assert!(text.contains("-1 times the right gradient everywhere (a sign?)"), "{text}");
    let (_, text) = wrong(Fault::Factor);
    assert!(text.contains("2 times the right gradient everywhere"), "{text}");
}

#[test]
fn swapped_cotangents_are_explained() {
    let (_, text) = wrong(Fault::Swapped);
    assert!(text.contains("it is the gradient of 1: are the cotangents swapped?"), "{text}");
}

#[test]
fn a_wrong_branch_is_located() {
    let (_, text) = wrong(Fault::Branch);
    assert!(text.contains("at 3 of 6"), "{text}");
}

#[test]
fn a_rule_that_is_right_once_and_wrong_twice() {
    let (parts, _) = wrong(Fault::Second);
    assert_eq!(parts, ["second derivative"]);
}

#[test]
fn a_rule_that_is_wrong_where_it_broadcasts() {
    let (parts, _) = wrong(Fault::Broadcast);
    assert!(parts.iter().all(|part| part.starts_with("broadcast: ")), "{parts:?}");
    assert!(parts.iter().any(|part| part == "broadcast: [2, 3] and [3]"), "{parts:?}");
}

#[test]
fn a_missing_cotangent_is_named() {
    let (_, text) = wrong(Fault::NoGradient);
    assert!(text.contains("NO GRADIENT"), "{text}");
}

#[test]
#[should_panic(expected = "distance: its vjp rule returned 3 cotangents for 2 inputs")]
fn a_rule_with_too_many_cotangents_is_refused() {
    let _ = battery(Fault::TooMany);
}

#[test]
#[should_panic(expected = "distance: its vjp rule returned a cotangent of shape [] for an input of shape [2, 3]")]
fn a_rule_with_a_cotangent_of_another_shape_is_refused() {
    let _ = battery(Fault::WrongShape);
}
