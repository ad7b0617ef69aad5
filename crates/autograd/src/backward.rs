//! Reverse mode: one loop from the root to the start of the tape. Cotangents are ordinary
//! variables on the same tape, so they can be differentiated again.

use std::panic::Location;

use smallvec::SmallVec;
use wengert_tensor::{Float, broadcast};

use crate::op::{Cotangents, Recorded};
use crate::tape::{Kind, Tape};
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
    /// If this is not a scalar ([`Var::vjp`] takes a cotangent), or an operation on the way
    /// has no derivative.
    #[track_caller]
    pub fn grad<const N: usize>(self, x: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let one = self.unit_cotangent("grad");
        self.vjp(one, x)
    }

    /// The cotangents of `x` given the cotangent `g` of this: the transposed Jacobian applied
    /// to `g`. Zeros for those that it does not depend on.
    ///
    /// # Panics
    /// If `g` has another shape than this, one of `x` is on another tape, or an operation on the
    /// way has no derivative.
    #[track_caller]
    pub fn vjp<const N: usize>(self, g: impl Operand<'t, T>, x: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let g = g.on(self.tape());
        let mut found = self.cotangents_of(g, &x).into_iter();
        x.map(|v| {
            let g = found.next().expect("one for each");
            g.unwrap_or_else(|| self.tape().zeros_like(v))
        })
    }

    /// As [`Var::vjp`], for a list; `None` for those that this does not depend on.
    #[track_caller]
    pub fn cotangents_of(self, g: Var<'t, T>, x: &[Var<'t, T>]) -> Vec<Option<Var<'t, T>>> {
        let ids: Vec<u32> = x.iter().map(|v| v.id).collect();
        for v in x {
            assert!(v.tape().id == self.tape().id, "grad: a variable of another tape (shape {})", v.shape());
        }
        self.cotangents(g, &ids)
    }

    /// The gradients of this scalar with respect to every parameter on its tape that is not
    /// frozen.
    ///
    /// # Panics
    /// If this is not a scalar, or an operation on the way has no derivative.
    #[track_caller]
    pub fn backward(self) -> Gradients<'t, T> {
        let one = self.unit_cotangent("backward");
        let params = self.tape().trainable();
        let ids: Vec<u32> = params.iter().map(|(_, leaf)| *leaf).collect();
        let found = self.cotangents(one, &ids);
        self.tape().watched.borrow_mut().push(self.id);
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
    fn cotangents(self, g: Var<'t, T>, wanted: &[u32]) -> Vec<Option<Var<'t, T>>> {
        let (shape, given) = (self.shape(), g.shape());
        assert!(shape == given, "vjp: a cotangent of shape {given} for {} of shape {shape}", self.op_name());
        let tape = self.tape();
        tape.differentiated.set(true);
        // Entries from the first wanted one to this that depend on a wanted one.
        let start = wanted.iter().copied().min().unwrap_or(self.id).min(self.id) as usize;
        let end = self.id as usize + 1;
        let mut depends = vec![false; end - start];
        for &id in wanted.iter().filter(|&&id| id <= self.id) {
            depends[id as usize - start] = true;
        }
        {
            let nodes = tape.nodes.borrow();
            for i in start..end {
                let through = nodes.list[i].inputs.iter().any(|&j| j as usize >= start && depends[j as usize - start]);
                depends[i - start] |= through;
            }
        }
        let mut found: Vec<Option<Var<'t, T>>> = vec![None; end - start];
        found[end - 1 - start] = Some(g);
        let mut recomputed = Recomputed::before(tape, self.id);
        // A rule may differentiate while it records for another.
        let outer = (tape.on_behalf_of.get(), tape.nodes.borrow().origin(u32::MAX));
        for i in (start..end).rev() {
            let Some(g) = found[i - start] else { continue };
            if !depends[i - start] {
                continue;
            }
            recomputed.enter(i as u32, g);
            for (input, cotangent) in tape.pull_back(i as u32, g, &recomputed) {
                let at = (input as usize).checked_sub(start).filter(|&j| depends[j]);
                if let Some(j) = at {
                    found[j] = Some(match found[j] {
                        None => cotangent,
                        Some(sum) => sum + cotangent,
                    });
                }
            }
        }
        recomputed.finish();
        tape.on_behalf_of.set(outer.0);
        tape.nodes.borrow_mut().set_origin(outer.1);
        wanted.iter().map(|&id| found.get((id as usize).wrapping_sub(start)).copied().flatten()).collect()
    }
}

impl<T: Float> Tape<T> {
    /// Zeros in the shape of `x`.
    pub(crate) fn zeros_like<'t>(&'t self, x: Var<'t, T>) -> Var<'t, T> {
        self.scalar(0.0).expand(x.shape())
    }

    /// Applies the vjp rule of entry `id`: its inputs with their cotangents. The rule sees what
    /// was recomputed in place of the entries themselves.
    #[track_caller]
    fn pull_back<'t>(
        &'t self,
        id: u32,
        g: Var<'t, T>,
        recomputed: &Recomputed<'t, T>,
    ) -> SmallVec<[(u32, Var<'t, T>); 3]> {
        // The rule appends to the tape, so the operation is lent out of it meanwhile.
        let (kind, inputs, at) = {
            let mut nodes = self.nodes.borrow_mut();
            nodes.set_origin(Some(id));
            let node = &mut nodes.list[id as usize];
            (std::mem::replace(&mut node.kind, Kind::Leaf), node.inputs.clone(), node.at)
        };
        let mut result = SmallVec::new();
        if let Kind::Op(op) = &kind {
            self.on_behalf_of.set(Some(at));
            let x: SmallVec<[Var<'t, T>; 3]> = inputs.iter().map(|&id| recomputed.of(id)).collect();
            let Cotangents(cotangents) = op.vjp(&x, recomputed.of(id), g);
            assert!(
                cotangents.len() == x.len(),
                "{}: its vjp rule returned {} cotangents for {} inputs (recorded at {at})",
                op.name(),
                cotangents.len(),
                x.len()
            );
            for ((&input, x), cotangent) in inputs.iter().zip(x).zip(cotangents) {
                let Some(cotangent) = cotangent else { continue };
                let fits = x.has_shape_of(cotangent);
                result.push((input, if fits { cotangent } else { cotangent.unbroadcast(x, &**op, at) }));
            }
        }
        self.nodes.borrow_mut().list[id as usize].kind = kind;
        result
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
