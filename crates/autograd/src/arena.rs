//! Memory of finished tapes, reused by the next one of the same thread: a training loop opens a
//! tape a step, and page faults would cost more than recording.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;

use wengert_tensor::Float;

use crate::nodes::Nodes;

thread_local! {
    static SPARE: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// Tapes longer than this give their memory back.
const MAX_KEPT: usize = 1 << 18;

/// An empty list of entries, with the memory of an earlier one if there is one.
pub(crate) fn take<T: Float>() -> Nodes<T> {
    let spare = SPARE.with_borrow_mut(|spare| spare.remove(&TypeId::of::<T>()));
    spare.and_then(|nodes| nodes.downcast().ok()).map_or_else(Nodes::default, |nodes| *nodes)
}

/// Keeps the memory of a finished tape.
pub(crate) fn give<T: Float>(mut nodes: Nodes<T>) {
    if nodes.list.capacity() <= MAX_KEPT {
        nodes.clear();
        // While the thread ends its own variables may be gone already.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().insert(TypeId::of::<T>(), Box::new(nodes)));
    }
}
