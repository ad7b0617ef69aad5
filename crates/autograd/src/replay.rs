//! Recordings computed again: in `f64`, or with another value in a leaf.
//!
//! Nothing is recorded anew, so every evaluation after the first finds its plan made, and what
//! does not depend on the leaf is computed once.

use std::collections::HashMap;
use std::rc::Rc;

use wengert_tensor::{Float, Tensor};

use crate::nodes::{Kind, Nodes};
use crate::transform::Rule;
use crate::{Param, Tape, Var};

/// What one variable was computed from, on a tape of `f64`: the same operations on the same
/// leaves. A program written for `f32` can so be checked in `f64` without being rewritten.
pub(crate) struct Transcript<'o, T: Float> {
    original: Var<'o, T>,
    tape: Tape<f64>,
    /// The entry that each entry of the original became, up to the root.
    number: Vec<Option<u32>>,
}

impl<'o, T: Float> Transcript<'o, T> {
    pub(crate) fn of(original: Var<'o, T>) -> Self {
        let tape = Tape::new();
        let (from, rules) = (original.tape().nodes.borrow(), original.tape().rules.borrow());
        let mut number = vec![None; from.list.len()];
        {
            let mut to = tape.nodes.borrow_mut();
            to.shapes.clone_from(&from.shapes);
            for (id, _) in with_rules(&from, &rules, original.id).into_iter().enumerate().filter(|(_, needed)| *needed)
            {
                let node = from.list[id];
                let inputs = from.inputs(id as u32).iter();
                let inputs = inputs.map(|&input| number[input as usize].expect("an input comes first"));
                let new = match (node.kind, from.op(id as u32)) {
                    (Kind::Op(kind), Some(op)) => to.push_op(op.to_f64(), kind, inputs, node.shape, node.at),
                    (given, _) => to.push_given(given, node.shape, node.at),
                };
                number[id] = Some(new);
                if let Kind::Leaf = node.kind {
                    to.set_value(new, from.value(id as u32).expect("a leaf has a value").cast());
                }
            }
        }
        for (&id, rule) in rules.iter() {
            if let Some(id) = number[id as usize] {
                tape.rules.borrow_mut().insert(id, Rc::new(rule.renumbered(|id| number[id as usize])));
            }
        }
        Self { original, tape, number }
    }

    /// What the original variable became.
    pub(crate) fn root(&self) -> Var<'_, f64> {
        Var::new(&self.tape, self.number[self.original.id as usize].expect("the root is needed"))
    }

    /// The leaf that holds a parameter's value; `None` if the root does not depend on it.
    pub(crate) fn leaf(&self, param: &Param<T>) -> Option<Var<'_, f64>> {
        let leaf = self.original.tape().state.borrow().get(&param.slot().id())?.before(self.original.id);
        let number = self.number.get(leaf as usize).copied().flatten()?;
        Some(Var::new(&self.tape, number))
    }
}

/// A variable as a function of one leaf.
///
/// On drop the leaf has its value back.
pub(crate) struct Rerun<'t, T: Float> {
    root: Var<'t, T>,
    leaf: Var<'t, T>,
    original: Tensor<T>,
    /// What has to be computed again for another value of the leaf.
    stale: Vec<u32>,
}

impl<'t, T: Float> Rerun<'t, T> {
    pub(crate) fn new(root: Var<'t, T>, leaf: Var<'t, T>) -> Self {
        let tape = root.tape();
        let mut stale: Vec<u32> = Vec::new();
        let mut constant: Vec<u32> = Vec::new();
        {
            let nodes = tape.nodes.borrow();
            let needed = needed(&nodes, &[root.id]);
            let mut varies = vec![false; needed.len()];
            varies[leaf.id as usize] = true;
            for id in leaf.id + 1..=root.id {
                let inputs = nodes.inputs(id);
                if !needed[id as usize] || !inputs.iter().any(|&input| varies[input as usize]) {
                    continue;
                }
                varies[id as usize] = true;
                stale.push(id);
                let computed = |&input: &u32| matches!(nodes.list[input as usize].kind, Kind::Op(..));
                constant.extend(inputs.iter().copied().filter(computed).filter(|&input| !varies[input as usize]));
            }
        }
        constant.sort_unstable();
        constant.dedup();
        tape.run(&constant);
        Self { root, leaf, original: leaf.value(), stale }
    }

    /// The value of the root with this value in the leaf, of the same shape.
    pub(crate) fn at(&self, value: Tensor<T>) -> Tensor<T> {
        let tape = self.root.tape();
        let kept = {
            let mut nodes = tape.nodes.borrow_mut();
            self.put(&mut nodes, value);
            nodes.tensors.len()
        };
        tape.run(&[self.root.id]);
        let mut nodes = tape.nodes.borrow_mut();
        let result = nodes.value(self.root.id).expect("a root of the run").clone();
        if !self.stale.is_empty() {
            self.forget(&mut nodes);
            nodes.tensors.truncate(kept);
        }
        result
    }

    fn put(&self, nodes: &mut Nodes<T>, value: Tensor<T>) {
        let held = nodes.values[self.leaf.id as usize].expect("a leaf has a value");
        nodes.tensors[held.get() as usize - 1] = Some(value);
        self.forget(nodes);
    }

    fn forget(&self, nodes: &mut Nodes<T>) {
        for &id in &self.stale {
            nodes.forget(id);
        }
    }
}

impl<T: Float> Drop for Rerun<'_, T> {
    fn drop(&mut self) {
        self.put(&mut self.root.tape().nodes.borrow_mut(), self.original.clone());
    }
}

/// For each entry of the tape, whether one of `roots` depends on it.
pub(crate) fn needed<T: Float>(nodes: &Nodes<T>, roots: &[u32]) -> Vec<bool> {
    let mut needed = vec![false; nodes.list.len()];
    roots.iter().for_each(|&root| needed[root as usize] = true);
    for id in (0..roots.iter().max().map_or(0, |&root| root as usize + 1)).rev() {
        if needed[id] {
            nodes.inputs(id as u32).iter().for_each(|&input| needed[input as usize] = true);
        }
    }
    needed
}

/// As [`needed`], with the vjp rules that were given for what is needed.
fn with_rules<T: Float>(nodes: &Nodes<T>, rules: &HashMap<u32, Rc<Rule>>, root: u32) -> Vec<bool> {
    let mut roots = vec![root];
    loop {
        let found = needed(nodes, &roots);
        let before = roots.len();
        let missing = rules.iter().filter(|(id, _)| found[**id as usize]).flat_map(|(_, rule)| rule.needs());
        roots.extend(missing.filter(|id| !found[*id as usize]));
        if roots.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use super::*;

    #[test]
    fn a_transcript_computes_in_f64_what_was_recorded_in_f32() {
        let w = Param::<f32>::new("w", tensor![0.1f32, 3.0]);
        let other = Param::<f32>::new("other", tensor![1f32]);
        let tape = Tape::new();
        let x = tape.var(tensor![2f32, 0.7]);
        other.on(&tape);
        let y = (x * &w / 3.0).sum(..);
        let transcript = Transcript::of(y);
        let expected = (2.0 * 0.1f32 as f64 / 3.0) + (0.7f32 as f64 * 3.0 / 3.0);
        assert!((transcript.root().item() - expected).abs() < 1e-15);
        let leaf = transcript.leaf(&w).expect("y depends on w");
        assert_eq!(leaf.value(), w.value().cast());
        assert!(transcript.leaf(&other).is_none());
        // Only what y needs was copied.
        assert_eq!(transcript.root().tape().len(), tape.len() - 1);
    }

    #[test]
    fn a_rerun_is_a_function_of_its_leaf_and_leaves_no_trace() {
        let tape = Tape::<f64>::new();
        let (x, w) = (tape.var(tensor![1.0, 2.0]), tape.var(tensor![3.0, 5.0]));
        let y = (x.exp() * w).sum(..) + x.sum(..);
        let before = y.item();
        {
            let rerun = Rerun::new(y, w);
            let stored = tape.nodes.borrow().tensors.len();
            for values in [[1.0, 0.0], [0.0, 1.0], [-2.0, 4.0]] {
                let expected = 1f64.exp() * values[0] + 2f64.exp() * values[1] + 3.0;
                assert!((rerun.at(tensor![values[0], values[1]]).item() - expected).abs() < 1e-14);
            }
            assert_eq!(tape.nodes.borrow().tensors.len(), stored);
        }
        assert_eq!(w.value(), tensor![3.0, 5.0]);
        assert_eq!(y.item(), before);
        // What the root does not depend on, and the root itself.
        assert_eq!(Rerun::new(x.sum(..), w).at(tensor![9.0, 9.0]).item(), 3.0);
        assert_eq!(Rerun::new(w, w).at(tensor![9.0, 9.0]), tensor![9.0, 9.0]);
        assert_eq!(w.value(), tensor![3.0, 5.0]);
    }
}
