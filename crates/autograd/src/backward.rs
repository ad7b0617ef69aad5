//! Reverse mode: one loop from the root to the start of the tape. Cotangents are ordinary
//! variables on the same tape, so they can be differentiated again.

use std::panic::Location;

use smallvec::SmallVec;
use wengert_tensor::{Float, broadcast};

use crate::arrivals::Arrivals;
use crate::op::{Cotangents, Recorded};
use crate::tape::Tape;
use crate::transform::Recomputed;
use crate::{Gradients, Operand, Var};

impl<'t, T: Float> Var<'t, T> {
    /// The gradients of this scalar with respect to `x`, as variables; zeros for those that it
    /// does not depend on.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(2.0);
    /// let [d] = (x * x * x).grad([x]);
    /// let [dd] = d.grad([x]);
    /// assert_eq!((d.item(), dd.item()), (12.0, 12.0));
    /// ```
    /// # Panics
    /// If this is not a scalar ([`Var::vjp`] takes a cotangent), or one of `x` is on another tape.
    #[track_caller]
    pub fn grad<const N: usize>(self, x: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let one = self.unit_cotangent("grad");
        self.pulled_back("grad", one, x)
    }

    /// The cotangents of `x` given the cotangent `g` of this: the transposed Jacobian applied
    /// to `g`. Zeros for those that it does not depend on.
    ///
    /// # Panics
    /// If `g` has another shape than this, or one of `x` is on another tape.
    #[track_caller]
    pub fn vjp<const N: usize>(self, g: impl Operand<'t, T>, x: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let g = g.on(self.tape());
        self.pulled_back("vjp", g, x)
    }

    #[track_caller]
    fn pulled_back<const N: usize>(self, what: &str, g: Var<'t, T>, mut x: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let found = self.found(what, g, &x);
        for (x, found) in x.iter_mut().zip(found) {
            *x = match found {
                Some(found) => found,
                None => self.tape().zeros_like(*x),
            };
        }
        x
    }

    /// As [`Var::vjp`], for a list; `None` for those that this does not depend on.
    ///
    /// # Panics
    /// As [`Var::vjp`], or if one is on another tape.
    #[track_caller]
    pub fn cotangents_of(self, g: Var<'t, T>, x: &[Var<'t, T>]) -> Vec<Option<Var<'t, T>>> {
        self.found("cotangents_of", g, x)
    }

    #[track_caller]
    #[inline(never)]
    fn found(self, what: &str, g: Var<'t, T>, x: &[Var<'t, T>]) -> Vec<Option<Var<'t, T>>> {
        for v in [&g].into_iter().chain(x) {
            let same = v.tape().id == self.tape().id;
            assert!(same, "{what}: a variable of another tape (shape {}) for {}", v.shape(), self.op_name());
        }
        let (shape, given) = (self.shape(), g.shape());
        assert!(shape == given, "{what}: a cotangent of shape {given} for {} of shape {shape}", self.op_name());
        let ids: Vec<u32> = x.iter().map(|v| v.id).collect();
        self.cotangents(g, &ids)
    }

    /// The gradients of this scalar with respect to every parameter on its tape that is not
    /// frozen.
    ///
    /// # Panics
    /// If this is not a scalar.
    #[track_caller]
    pub fn backward(self) -> Gradients<'t, T> {
        let one = self.unit_cotangent("backward");
        let params = self.tape().trainable(self.id);
        let mut ids: Vec<u32> = params.iter().map(|(_, leaf)| *leaf).collect();
        ids.extend(self.tape().noted());
        let mut found = self.cotangents(one, &ids);
        self.tape().note_cotangents(found.drain(params.len()..));
        self.tape().expected.borrow_mut().push(self.id);
        Gradients::new(self, params.into_iter().map(|(slot, _)| slot.id()).zip(found).collect())
    }

    #[track_caller]
    fn unit_cotangent(self, what: &str) -> Var<'t, T> {
        let shape = self.shape();
        assert!(
            shape.count() == 1,
            "{what}: {} has shape {shape}, not one element; reduce it (`.sum(..)`, `.mean(..)`) or give a cotangent (`.vjp(g, [x])`)",
            self.op_name()
        );
        self.tape().scalar(1.0).reshape(&shape)
    }

    #[track_caller]
    #[inline(never)]
    fn cotangents(self, g: Var<'t, T>, wanted: &[u32]) -> Vec<Option<Var<'t, T>>> {
        let tape = self.tape();
        tape.differentiated.set(true);
        // Entries from the first wanted one to this that depend on a wanted one.
        let start = wanted.iter().copied().min().unwrap_or(self.id).min(self.id) as usize;
        let end = self.id as usize + 1;
        let mut depends = vec![false; end - start];
        for &id in wanted.iter().filter(|&&id| id <= self.id) {
            depends[id as usize - start] = true;
        }
        // Those of them that pass a cotangent on: a wanted one that depends on no other does not.
        let mut passes = vec![false; end - start];
        {
            let nodes = tape.nodes.borrow();
            for i in start..end {
                let through =
                    nodes.inputs(i as u32).iter().any(|&j| j as usize >= start && depends[j as usize - start]);
                passes[i - start] = through;
                depends[i - start] |= through;
            }
        }
        let mut arrivals = Arrivals::new(start, end - 1, g);
        let mut recomputed = Recomputed::before(tape, self.id);
        let _behalf = OnBehalf::begin(tape);
        for i in (start..end).rev() {
            if !passes[i - start] {
                continue;
            }
            let Some(g) = arrivals.of(i) else { continue };
            recomputed.enter(i as u32, g);
            let (inputs, Cotangents(cotangents)) = tape.pull_back(i as u32, g, &recomputed);
            for (&input, &cotangent) in inputs.iter().zip(&cotangents) {
                let at = (input as usize).checked_sub(start).filter(|&j| depends[j]);
                if let (Some(j), Some(cotangent)) = (at, cotangent) {
                    arrivals.add(j + start, cotangent, !recomputed.is_open());
                }
            }
        }
        recomputed.finish();
        wanted.iter().map(|&id| arrivals.of(id as usize)).collect()
    }
}

/// What a backward pass records carries the lines of the operations that it differentiates, until
/// this is dropped: also when a rule panics, or asks for gradients itself.
struct OnBehalf<'t, T: Float> {
    tape: &'t Tape<T>,
    at: Option<&'static Location<'static>>,
    origin: Option<u32>,
}

impl<'t, T: Float> OnBehalf<'t, T> {
    fn begin(tape: &'t Tape<T>) -> Self {
        Self { tape, at: tape.on_behalf_of.get(), origin: tape.nodes.borrow().origin(u32::MAX) }
    }
}

impl<T: Float> Drop for OnBehalf<'_, T> {
    fn drop(&mut self) {
        self.tape.on_behalf_of.set(self.at);
        // Borrowed only while a panic in the middle of recording unwinds.
        if let Ok(mut nodes) = self.tape.nodes.try_borrow_mut() {
            nodes.set_origin(self.origin);
        }
    }
}

impl<T: Float> Tape<T> {
    /// Zeros in the shape of `x`.
    #[track_caller]
    pub(crate) fn zeros_like<'t>(&'t self, x: Var<'t, T>) -> Var<'t, T> {
        self.scalar(0.0).expand(x.shape())
    }

    /// Applies the vjp rule of entry `id`: its inputs and their cotangents. The rule sees what was
    /// recomputed in place of the entries themselves.
    #[track_caller]
    #[inline(never)]
    fn pull_back<'t>(
        &'t self,
        id: u32,
        g: Var<'t, T>,
        recomputed: &Recomputed<'t, T>,
    ) -> (SmallVec<[u32; 3]>, Cotangents<'t, T>) {
        // The rule may append to the tape, and look at what is on it, so nothing of it is held.
        let mut nodes = self.nodes.borrow_mut();
        nodes.set_origin(Some(id));
        let Some(op) = nodes.op(id) else { return (SmallVec::new(), Cotangents::default()) };
        let op = op.again();
        let inputs: SmallVec<[u32; 3]> = SmallVec::from_slice(nodes.inputs(id));
        let at = nodes.list[id as usize].at;
        drop(nodes);
        self.on_behalf_of.set(Some(at));
        let mut x: SmallVec<[Var<'t, T>; 3]> = SmallVec::new();
        for &input in &inputs {
            x.push(recomputed.of(input));
        }
        let mut cotangents = op.vjp(&x, recomputed.of(id), g);
        assert!(
            cotangents.0.len() == x.len(),
            "{}: its vjp rule returned {} cotangents for {} inputs (recorded at {at})",
            op.name(),
            cotangents.0.len(),
            x.len()
        );
        for (&x, g) in x.iter().zip(&mut cotangents.0) {
            if let Some(g) = g
                && !x.has_shape_of(*g)
            {
                *g = g.unbroadcast(x, &*op, at);
            }
        }
        (inputs, cotangents)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// This cotangent that a map's rule returned for its input `x`, summed over the axes along
    /// which `x` was repeated.
    #[track_caller]
    fn unbroadcast(self, x: Var<'t, T>, op: &dyn Recorded<T>, at: &Location<'_>) -> Self {
        let (want, got) = (x.shape(), self.shape());
        let is_map = matches!(op.lower(), crate::Lowering::Map { .. });
        assert!(
            is_map && broadcast(&want, &got).is_ok_and(|both| both == got),
            "{}: its vjp rule returned a cotangent of shape {got} for an input of shape {want} (recorded at {at})",
            op.name()
        );
        self.sum_to_shape(want)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use wengert_tensor::{Shape, ShapeError, Tensor, tensor};

    use super::*;
    use crate::{Lowering, Op};

    /// x², with a rule that does what rules seldom do.
    #[derive(Clone, Copy, Debug)]
    enum Square {
        Panics,
        LooksAtItsValue,
        DifferentiatesItself,
    }

    impl Op for Square {
        fn name(&self) -> &'static str {
            "square"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
            Ok(x[0].clone())
        }
        fn lower<T: Float>(&self) -> Lowering<'_, T> {
            Lowering::kernel(|x: &[Tensor<T>]| &x[0] * &x[0])
        }
        fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
            match self {
                Self::Panics => panic!("no rule"),
                Self::LooksAtItsValue => [g * &(y.value() / x[0].value()) * 2.0].into(),
                // The inner pass asks for the derivative of y with respect to itself.
                Self::DifferentiatesItself => [(y * g).sum(..).grad([y])[0] * x[0] * 2.0].into(),
            }
        }
    }

    #[test]
    fn rules_may_look_at_what_they_differentiate() {
        for op in [Square::LooksAtItsValue, Square::DifferentiatesItself] {
            let tape = Tape::<f64>::new();
            let x = tape.var(tensor![1.0, 2.0, 3.0]);
            let line = line!() + 1;
            let y = tape.record(op, &[x]);
            let [dx] = (y * 3.0).sum(..).grad([x]);
            assert_eq!(dx.value(), tensor![6.0, 12.0, 18.0], "{op:?}");
            assert_eq!(tape.nodes.borrow().list[dx.id as usize].at.line(), line, "{op:?}");
        }
    }

    #[test]
    fn a_rule_that_panics_leaves_the_tape_as_it_was() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![1.0, 2.0]);
        let y = tape.record(Square::Panics, &[x]);
        let grad = || catch_unwind(AssertUnwindSafe(|| y.sum(..).grad([x]))).map(|_| ());
        for _ in 0..2 {
            assert_eq!(*grad().unwrap_err().downcast::<&str>().unwrap(), "no rule");
        }
        assert_eq!(y.value(), tensor![1.0, 4.0]);
        let z = x + 1.0;
        assert_eq!(tape.nodes.borrow().list[z.id as usize].at.line(), line!() - 1);
    }

    #[test]
    fn variables_of_another_tape_are_refused() {
        let (one, two) = (Tape::<f64>::new(), Tape::<f64>::new());
        let (x, other) = (one.scalar(2.0), two.scalar(3.0));
        let message = |f: &dyn Fn()| *catch_unwind(AssertUnwindSafe(f)).unwrap_err().downcast::<String>().unwrap();
        let expected = "a variable of another tape (shape []) for mul";
        assert_eq!(message(&|| _ = (x * x).grad([other])), format!("grad: {expected}"));
        assert_eq!(message(&|| _ = (x * x).vjp(other, [x])), format!("vjp: {expected}"));
    }
}
