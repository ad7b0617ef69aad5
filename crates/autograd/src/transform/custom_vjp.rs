//! A function with a vjp rule of its own.

use std::any::TypeId;
use std::ops::Range;
use std::rc::Rc;

use smallvec::SmallVec;
use wengert_tensor::{Float, Shape, ShapeError};

use crate::nodes::Kind;
use crate::ops::Detach;
use crate::repeat::Instead;
use crate::{Cotangents, Lowering, Op, Tape, Var};

/// `f(x)`, with `rule` in place of its derivative: `rule(x, y, g)` gives the cotangents of `x`
/// from the value `y` and its cotangent `g`.
///
/// For rules that are more accurate, cheaper, or meant to be different: gradients that are
/// clipped or pass straight through a step. Where there is nothing to compose the value of,
/// implement [`Op`](crate::Op) or [`Elementwise`](crate::Elementwise).
///
/// The rule is recorded at once and repeated for each cotangent, so it may capture anything, but
/// not look at the value of `g`. Higher derivatives are those of the rule, where `y` has the rule
/// for its derivative. A `None` among the cotangents is a derivative of zero.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_autograd::transform::custom_vjp;
/// use wengert_tensor::tensor;
///
/// let tape = Tape::<f64>::new();
/// let x = tape.var(tensor![-0.4, 1.6]);
/// // Rounding, through which gradients pass as if it were not there.
/// let y = custom_vjp(|[x]| x.round(), |_, _, g| [g], [x]);
/// assert_eq!(y.value(), tensor![-0.0, 2.0]);
/// assert_eq!(y.square().sum(..).grad([x])[0].value(), tensor![-0.0, 4.0]);
/// ```
/// # Panics
/// If `f` depends on a variable or parameter that is not among `x`, whose derivative would be
/// lost (`detach` it if that is meant), or the rule returns the wrong shape or number of
/// cotangents.
#[track_caller]
pub fn custom_vjp<'t, T: Float, R: Into<Cotangents<'t, T>>, const N: usize>(
    f: impl FnOnce([Var<'t, T>; N]) -> Var<'t, T>,
    rule: impl FnOnce([Var<'t, T>; N], Var<'t, T>, Var<'t, T>) -> R,
    x: [Var<'t, T>; N],
) -> Var<'t, T> {
    let tape = x.first().expect("custom_vjp: no inputs to have derivatives").tape();
    let start = tape.len() as u32;
    let value = f(x);
    tape.refuse_captured(start, value, &x);
    let inputs: SmallVec<[Var<'t, T>; 4]> = std::iter::once(value).chain(x).collect();
    let y = tape.record(Replaced, &inputs);

    let g = tape.record(Unknown(y.shape()), &[]);
    let after = tape.len() as u32;
    let Cotangents(found) = rule(x, y, g).into();
    assert!(found.len() == N, "custom_vjp: its rule returned {} cotangents for {N} inputs", found.len());
    for (x, found) in x.iter().zip(&found) {
        let (want, got) = (x.shape(), found.map_or_else(|| x.shape(), Var::shape));
        assert!(want == got, "custom_vjp: its rule returned a cotangent of shape {got} for an input of shape {want}");
    }
    let rule = Rule {
        x: x.iter().map(|x| x.id).collect(),
        y: y.id,
        g: g.id,
        entries: after..tape.len() as u32,
        found: found.iter().map(|found| found.map(|found| found.id)).collect(),
    };
    tape.rules.borrow_mut().insert(y.id, Rc::new(rule));
    y
}

/// A recorded rule: which entries stand for the inputs, the output and its cotangent, and what
/// was recorded from them.
pub(crate) struct Rule {
    x: SmallVec<[u32; 3]>,
    y: u32,
    g: u32,
    entries: Range<u32>,
    found: SmallVec<[Option<u32>; 3]>,
}

impl Rule {
    /// What must be on the tape for the rule to be repeated.
    pub(crate) fn needs(&self) -> impl Iterator<Item = u32> + '_ {
        self.found.iter().flatten().copied().chain([self.g])
    }

    /// The same rule where entries have other numbers, in the same order.
    pub(crate) fn renumbered(&self, new: impl Fn(u32) -> Option<u32>) -> Self {
        let known = |id: &u32| new(*id).expect("a rule is copied as a whole");
        let mut entries = self.entries.clone().filter_map(&new);
        let first = entries.next().unwrap_or(0);
        Self {
            x: self.x.iter().map(known).collect(),
            y: known(&self.y),
            g: known(&self.g),
            entries: first..entries.last().unwrap_or(first) + 1,
            found: self.found.iter().map(|found| found.as_ref().map(known)).collect(),
        }
    }
}

/// The value of its first input; the others are what it has derivatives with respect to.
#[derive(Clone)]
struct Replaced;

impl Op for Replaced {
    crate::op::compiled_here!(Replaced);
    fn name(&self) -> &'static str {
        "custom_vjp"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.clone()))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let tape = y.tape();
        let rule = tape.rules.borrow().get(&y.id).cloned().expect("kept with its entry");
        let inputs = rule.x.iter().copied().zip(x[1..].iter().map(|x| x.id));
        let mut instead: Instead = inputs.chain([(rule.y, y.id), (rule.g, g.id)]).collect();
        tape.repeat(rule.entries.clone(), &mut instead);
        let repeated = |id: u32| Var::new(tape, *instead.get(&id).unwrap_or(&id));
        let found = rule.found.iter().map(|found| found.map(repeated));
        Cotangents(std::iter::once(None).chain(found).collect())
    }
}

/// The cotangent that a rule is recorded with.
#[derive(Clone)]
struct Unknown(Shape);

impl Op for Unknown {
    crate::op::compiled_here!(Unknown);
    fn name(&self) -> &'static str {
        "cotangent"
    }
    fn shape(&self, _: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(self.0.clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|_| panic!("custom_vjp: a rule is recorded before the value of its cotangent is known"))
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(0)
    }
}

impl<T: Float> Tape<T> {
    /// Panics if `y`, recorded from `start` on, depends on something that has derivatives and is
    /// not among `x`.
    #[track_caller]
    fn refuse_captured(&self, start: u32, y: Var<'_, T>, x: &[Var<'_, T>]) {
        let params: Vec<u32> = self.trainable(y.id).into_iter().map(|(_, leaf)| leaf).collect();
        let nodes = self.nodes.borrow();
        let mut seen = vec![false; nodes.list.len() - start as usize];
        let mut ahead = vec![y.id];
        while let Some(id) = ahead.pop() {
            let node = &nodes.list[id as usize];
            let inside = id >= start;
            let constant = inside && !params.contains(&id);
            assert!(
                constant || x.iter().any(|x| x.id == id),
                "custom_vjp: the function uses {} of shape {}, recorded at {}, which is not among its inputs: its derivative would be lost; give it as an input, or detach it",
                nodes.name(id),
                nodes.shape(id),
                node.at
            );
            let detaches = matches!(node.kind, Kind::Op(kind) if kind.id == TypeId::of::<Detach>());
            if inside && !detaches && !std::mem::replace(&mut seen[(id - start) as usize], true) {
                ahead.extend(nodes.inputs(id).iter().filter(|&&input| x.iter().all(|x| x.id != input)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use super::*;
    use crate::Param;
    use crate::check::{self, Finding};
    use crate::transform::{checkpoint, hessian, jacobian};

    /// ln(1 + eˣ), with a rule that does not overflow.
    fn softplus<'t, T: Float>(x: Var<'t, T>) -> Var<'t, T> {
        custom_vjp(|[x]| (x.exp() + 1.0).ln(), |[x], _, g| [g / ((-x).exp() + 1.0)], [x])
    }

    #[test]
    fn the_rule_replaces_the_derivative() {
        let slope = |x: f64| crate::transform::grad(softplus, x);
        assert_eq!(slope(800.0), 1.0);
        assert!((slope(0.3) - 1.0 / (1.0 + (-0.3f64).exp())).abs() < 1e-15);
        check::op(|[x]| softplus(x), [tensor![0.3, -2.0, 1.0]]).assert_ok();
        check::op(|[x]| checkpoint(|x| softplus(x * x), x), [tensor![0.3, -2.0, 1.0]]).assert_ok();
    }

    #[test]
    fn derivatives_of_every_order_are_those_of_the_rule() {
        // The square root, whose rule reads the value.
        let sqrt = |x| custom_vjp(|[x]| x.sqrt(), |_, y, g| [g / (y * 2.0)], [x]);
        let tape = Tape::<f64>::new();
        let x = tape.scalar(4.0);
        let mut d = sqrt(x);
        for expected in [2.0, 0.25, -0.03125, 0.01171875, -0.00732421875] {
            assert!((d.item() - expected).abs() <= 1e-15, "{} against {expected}", d.item());
            [d] = d.grad([x]);
        }
        fn product<'t>(a: Var<'t, f64>, b: Var<'t, f64>) -> Var<'t, f64> {
            custom_vjp(|[a, b]| a * b, |[a, b], _, g| [g * b, (g * a).sum(..)], [a, b])
        }
        assert_eq!(hessian(|x| product(x, x.sum(..)).sum(..), tensor![1.0, 5.0]), Tensor::full([2, 2], 2.0));
    }

    #[test]
    fn a_rule_may_be_anything() {
        // Not linear in its cotangent, capturing what it likes, used twice, with no derivative of b.
        let tape = Tape::<f64>::new();
        let (x, b) = (tape.var(tensor![1.0, 2.0]), tape.var(tensor![3.0, 3.0]));
        let limit = (x * 0.0).sum(..) + 0.5;
        let clipped = |x, b| custom_vjp(|[x, b]| x * b, |_, _, g| [Some(g.clamp(-1.0, 1.0) * limit), None], [x, b]);
        let y = clipped(x, b) * &tensor![7.0, 0.2] + clipped(x, b);
        let [dx, db] = y.sum(..).grad([x, b]);
        assert_eq!(dx.value(), tensor![1.0, 0.6]);
        assert_eq!(db.value(), tensor![0.0, 0.0]);
        assert_eq!(jacobian(|x| custom_vjp(|[x]| x * 2.0, |[x], _, g| [g * x], [x]), tensor![5.0]), tensor![[5.0]]);
    }

    #[test]
    fn a_model_with_a_rule_is_checked_in_f64() {
        let findings = |rule: fn(Var<'_, f32>) -> f64| {
            let w = Param::<f32>::new("w", tensor![0.5, -0.3]);
            let tape = Tape::train(0);
            let x = w.on(&tape) * 2.0;
            let y = custom_vjp(|[x]| x.tanh(), |[x], y, g| [g * (1.0 - y * y) * rule(x)], [x]);
            // After the rule come entries that the loss does not need.
            let _ = y.exp();
            check::model(y.square().sum(..), [("w", &w)]).inputs[0].finding
        };
        assert_eq!(findings(|_| 1.0), Finding::Agrees);
        assert_eq!(findings(|_| 2.0), Finding::Wrong);
    }

    #[test]
    #[should_panic(expected = "custom_vjp: its rule returned 1 cotangents for 2 inputs")]
    fn too_few_cotangents() {
        let tape = Tape::<f64>::new();
        let x = tape.scalar(1.0);
        custom_vjp(|[a, b]| a * b, |_, _, g| [g], [x, x]);
    }

    #[test]
    #[should_panic(expected = "custom_vjp: its rule returned a cotangent of shape [] for an input of shape [2]")]
    fn a_cotangent_of_another_shape() {
        let tape = Tape::<f64>::new();
        custom_vjp(|[x]| x * 2.0, |_, _, g| [g.sum(..)], [tape.var(tensor![1.0, 2.0])]);
    }

    #[test]
    #[should_panic(expected = "custom_vjp: the function uses leaf of shape [1]")]
    fn a_captured_parameter_is_refused() {
        let w = Param::<f64>::new("w", tensor![2.0]);
        let tape = Tape::new();
        custom_vjp(|[x]| x * &w, |_, _, g| [g], [tape.var(tensor![1.0])]);
    }

    #[test]
    #[should_panic(expected = "custom_vjp: the function uses scalar of shape []")]
    fn a_captured_scalar_is_refused() {
        let tape = Tape::<f64>::new();
        let w = tape.scalar(2.0);
        custom_vjp(|[x]| x * w, |_, _, g| [g], [tape.scalar(1.0)]);
    }

    #[test]
    fn constants_and_detached_variables_may_be_captured() {
        let tape = Tape::<f64>::new();
        let (x, w) = (tape.var(tensor![1.0]), tape.var(tensor![2.0]) * 3.0);
        let y = custom_vjp(|[x]| x * w.detach() * &tensor![5.0] + 1.0, |_, _, g| [g], [x]);
        assert_eq!(y.value(), tensor![31.0]);
    }

    #[test]
    #[should_panic(expected = "custom_vjp: a rule is recorded before the value of its cotangent is known")]
    fn the_value_of_the_cotangent_is_not_known() {
        let tape = Tape::<f64>::new();
        custom_vjp(|[x]| x * 2.0, |_, _, g| if g.item() > 0.0 { [g] } else { [-g] }, [tape.scalar(1.0)]);
    }
}
