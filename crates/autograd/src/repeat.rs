//! Entries recorded once more, on other inputs: the mechanism behind `checkpoint`, whose forward
//! entries are repeated in backward, and `custom_vjp`, whose rule is repeated for each cotangent.

use std::collections::HashMap;
use std::ops::Range;

use smallvec::SmallVec;
use wengert_tensor::Float;

use crate::Tape;
use crate::nodes::Kind;

/// The entry that stands for another.
pub(crate) type Instead = HashMap<u32, u32>;

impl<T: Float> Tape<T> {
    /// Records again the operations in `range` that depend on an entry that another one stands
    /// for, and notes in `instead` what they became. The copies have the lines of the originals,
    /// and random ones draw the same numbers.
    #[inline(never)]
    pub(crate) fn repeat(&self, range: Range<u32>, instead: &mut Instead) {
        for id in range {
            let copied = {
                let nodes = self.nodes.borrow();
                let node = nodes.list[id as usize];
                match (node.kind, nodes.op(id)) {
                    (Kind::Op(kind), Some(op)) if nodes.inputs(id).iter().any(|input| instead.contains_key(input)) => {
                        let input = |input: &u32| *instead.get(input).unwrap_or(input);
                        let inputs: SmallVec<[u32; 3]> = nodes.inputs(id).iter().map(input).collect();
                        Some((op.again(), kind, inputs, node))
                    }
                    _ => None,
                }
            };
            let Some((op, kind, inputs, node)) = copied else { continue };
            let copy = self.nodes.borrow_mut().push_op(op, kind, inputs, node.shape, node.at);
            let rule = self.rules.borrow().get(&id).cloned();
            if let Some(rule) = rule {
                self.rules.borrow_mut().insert(copy, rule);
            }
            instead.insert(id, copy);
        }
    }
}
