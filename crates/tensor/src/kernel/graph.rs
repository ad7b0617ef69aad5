//! What the steps of a spec are to each other: which of them vary along which axes, in which
//! phase each can be computed, and which are needed at all.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Arith;
use super::program::{Spec, Step};

/// Along what a value varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Along nothing: one number.
    Uniform,
    /// Along kept axes only: one number for each reduction's result.
    Kept,
    /// Over the whole domain.
    Full,
}

/// One step with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// The step; its arguments are indices of earlier values.
    pub(super) step: Step,
    pub(super) class: Class,
    /// How many reductions, one after the other, come before it.
    pub(super) level: u32,
    /// Whether an output depends on it.
    pub(super) used: bool,
}

/// The values of a spec, each once. Reductions over a single element are left out: they are their argument.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) values: Vec<Value>,
    /// The value of each output; the same one may be wanted twice.
    pub(super) outputs: Vec<u32>,
    /// Elements that each reduction goes over; 1 when there is nothing to reduce.
    pub(super) reduced: usize,
}

impl Graph {
    /// Looks through the steps of `spec`.
    ///
    /// # Panics
    /// If a step refers to one that is not before it.
    pub(super) fn of(spec: &Spec) -> Graph {
        let reduced = spec.reduced.iter().fold(1usize, |n, &axis| n.saturating_mul(spec.domain[axis]));
        let mut values: Vec<Value> = Vec::with_capacity(spec.steps.len());
        let mut index: Vec<u32> = Vec::with_capacity(spec.steps.len());
        let mut known: HashMap<Step, u32> = HashMap::new();
        for step in &spec.steps {
            let (class, level, step) = match step {
                Step::Load(o) => (load_class(spec, *o, reduced), 0, step.clone()),
                Step::Scalar(_) => (Class::Uniform, 0, step.clone()),
                Step::Map { map, args, keep, arith } => {
                    let args: SmallVec<[u32; 3]> = args.iter().map(|&a| index[a as usize]).collect();
                    let class = args.iter().map(|&a| values[a as usize].class).max().unwrap_or(Class::Uniform);
                    let level = args.iter().map(|&a| values[a as usize].level).max().unwrap_or(0);
                    (class, level, Step::Map { map: *map, args, keep: *keep, arith: *arith })
                }
                Step::Reduce(reduction, a) => {
                    let a = index[*a as usize];
                    if reduced == 1 {
                        index.push(a);
                        continue;
                    }
                    (Class::Kept, values[a as usize].level + 1, Step::Reduce(*reduction, a))
                }
            };
            // The same once more, as the two cotangents of x·x are.
            let mut key = step.clone();
            if let Step::Map { map, arith: Some(_), .. } = &mut key {
                *map = 0;
            }
            let new = values.len() as u32;
            let i = *known.entry(key).or_insert(new);
            index.push(i);
            if i != new {
                continue;
            }
            values.push(Value { step, class, level, used: false });
        }
        let outputs: Vec<u32> = spec.outputs.iter().map(|&o| index[o as usize]).collect();
        for &o in &outputs {
            values[o as usize].used = true;
        }
        for i in (0..values.len()).rev() {
            let (before, rest) = values.split_at_mut(i);
            if rest[0].used {
                for &a in rest[0].step.args() {
                    before[a as usize].used = true;
                }
            }
        }
        Graph { values, outputs, reduced }
    }

    /// The used values in order, with their indices.
    pub(super) fn used(&self) -> impl Iterator<Item = (u32, &Value)> {
        (0u32..).zip(&self.values).filter(|(_, value)| value.used)
    }

    /// What each of the run's maps is.
    pub(super) fn ariths(&self) -> Vec<Option<Arith>> {
        let mut ariths = Vec::new();
        for value in &self.values {
            if let Step::Map { map, arith, .. } = &value.step {
                ariths.resize(ariths.len().max(*map as usize + 1), None);
                ariths[*map as usize] = *arith;
            }
        }
        ariths
    }

    /// Value `i`.
    pub(super) fn value(&self, i: u32) -> &Value {
        &self.values[i as usize]
    }
}

/// Axes of size 1 repeat nothing and vary along nothing, whatever their stride.
fn load_class(spec: &Spec, operand: u32, reduced: usize) -> Class {
    let strides = &spec.operands[operand as usize];
    let varies = |axis: &usize| spec.domain[*axis] != 1 && strides[*axis] != 0;
    if !(0..spec.domain.len()).any(|axis| varies(&axis)) {
        Class::Uniform
    } else if reduced == 1 || spec.reduced.iter().any(varies) {
        Class::Full
    } else {
        Class::Kept
    }
}

impl Step {
    /// The steps it is computed from.
    pub(super) fn args(&self) -> &[u32] {
        match self {
            Step::Load(_) | Step::Scalar(_) => &[],
            Step::Map { args, .. } => args,
            Step::Reduce(_, arg) => std::slice::from_ref(arg),
        }
    }
}
