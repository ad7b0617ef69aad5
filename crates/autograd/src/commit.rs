//! What a step does to parameters and buffers: read on a tape, assigned on it, stored when it is
//! committed.

use smallvec::SmallVec;
use wengert_tensor::{Float, Tensor};

use crate::state::Slot;
use crate::{Param, Tape, Var};

/// A parameter or buffer on a tape.
pub(crate) struct OnTape<T: Float> {
    pub(crate) slot: Slot<T>,
    /// The entries that have held its value, a further one after every commit.
    pub(crate) held: SmallVec<[u32; 2]>,
    /// The node that holds its value after the step.
    pub(crate) next: Option<u32>,
    /// Whether that may be written over the present one.
    overwrites: bool,
}

impl<T: Float> OnTape<T> {
    fn latest(&self) -> u32 {
        *self.held.last().expect("it was read when it came onto the tape")
    }

    /// The entry that `of` may have been computed from: the latest one before it.
    pub(crate) fn before(&self, of: u32) -> u32 {
        *self.held.iter().rev().find(|&&held| held <= of).unwrap_or(&self.held[0])
    }
}

impl<T: Float> Tape<T> {
    /// The value of a parameter on this tape: one leaf, however often it is used.
    #[track_caller]
    pub fn param(&self, param: &Param<T>) -> Var<'_, T> {
        self.state_leaf(param.slot())
    }

    /// The present value of a parameter or buffer: what was assigned to it on this tape, or
    /// what it holds.
    #[track_caller]
    pub(crate) fn state_leaf(&self, slot: &Slot<T>) -> Var<'_, T> {
        if let Some(on_tape) = self.state.borrow().get(&slot.id()) {
            return Var::new(self, on_tape.next.unwrap_or_else(|| on_tape.latest()));
        }
        let var = self.var(slot.value());
        self.state.borrow_mut().insert(
            slot.id(),
            OnTape { slot: slot.clone(), held: SmallVec::from_slice(&[var.id]), next: None, overwrites: false },
        );
        var
    }

    /// Records that a parameter or buffer takes the value of `next` when the step is
    /// committed, written over the present one if `overwrites`.
    #[track_caller]
    pub(crate) fn assign(&self, slot: &Slot<T>, next: Var<'_, T>, overwrites: bool) {
        let held = self.state_leaf(slot);
        assert!(next.tape().id == self.id, "assign: a variable of another tape");
        let (old, new) = (held.shape(), next.shape());
        assert!(old == new, "assign: {} of shape {old} cannot hold {new}", slot.name());
        let on_tape = &mut self.state.borrow_mut()[&slot.id()];
        (on_tape.next, on_tape.overwrites) = (Some(next.id), overwrites);
    }

    /// Computes every assigned value in one run and stores it in its parameter or buffer.
    ///
    /// `optimizer.step` calls this; call it yourself when only buffers change. Assignments are
    /// carried out once.
    #[track_caller]
    pub fn commit(&self) {
        let pending: Vec<u32> = self.state.borrow().values().filter_map(|s| s.next).collect();
        if pending.is_empty() {
            return;
        }
        let mut roots = pending;
        roots.extend_from_slice(&self.expected.borrow());
        let lending = Lending::start(self);
        self.run(&roots);
        drop(lending);
        let nodes = self.nodes.borrow();
        for on_tape in self.state.borrow_mut().values_mut() {
            if let Some(next) = on_tape.next.take() {
                on_tape.slot.set(nodes.value(next).expect("a root of the run").contiguous());
                on_tape.held.push(next);
            }
        }
    }
}

/// State that the run of a step may overwrite: while it lasts, nobody else has its value.
pub(crate) struct Lent<T: Float> {
    slot: Slot<T>,
    /// The entry that holds it.
    pub(crate) id: u32,
    /// Its value, while that is as it was.
    pub(crate) value: Option<Tensor<T>>,
}

/// For the time of a run.
struct Lending<'t, T: Float>(&'t Tape<T>);

impl<'t, T: Float> Lending<'t, T> {
    fn start(tape: &'t Tape<T>) -> Self {
        let may = |on_tape: &&OnTape<T>| on_tape.overwrites && on_tape.next.is_some() && !tape.detects_anomaly.get();
        for on_tape in tape.state.borrow().values().filter(may) {
            let (slot, id) = (on_tape.slot.clone(), on_tape.latest());
            slot.set(Tensor::scalar(T::ZERO));
            tape.lent.borrow_mut().push(Lent { slot, id, value: None });
        }
        Self(tape)
    }
}

impl<T: Float> Drop for Lending<'_, T> {
    /// What was written over has no value any more. After a panic, gives back what is left.
    fn drop(&mut self) {
        let mut nodes = self.0.nodes.borrow_mut();
        for Lent { slot, id, value } in self.0.lent.take() {
            if std::thread::panicking() {
                let value = value.or_else(|| nodes.value(id).cloned());
                slot.set(value.unwrap_or_else(|| Tensor::full(nodes.shape(id), T::from_f64(f64::NAN))));
            }
            if nodes.value(id).is_none() {
                nodes.forget(id);
            }
        }
    }
}
