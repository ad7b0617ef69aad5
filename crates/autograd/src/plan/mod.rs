//! From asked-for values to kernels: mark what is needed, plan which entries become which
//! kernel, run the kernels. A step of the same structure as an earlier one reuses its plan.

mod build;
mod explain;
mod fuse;
mod graph;
mod run;

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use wengert_tensor::Float;
use wengert_tensor::kernel::Program;

use crate::Tape;
use crate::tape::Nodes;
pub use explain::{Explanation, LaunchKind, LaunchReport};
use graph::{Graph, Signature};

/// What to launch, in order, for one structure of needed entries. Numbers are positions in
/// [`Graph`].
struct Plan<T: Float> {
    signature: Signature,
    launches: Vec<Launch<T>>,
    /// For each launch, the values that nobody reads after it.
    dead_after: Vec<Vec<u32>>,
}

enum Launch<T: Float> {
    /// A fused loop over one domain.
    Loop {
        program: Box<Program<T>>,
        operands: Vec<u32>,
        scalars: Vec<u32>,
        maps: Vec<u32>,
        /// Every entry that is computed here, for explanations.
        members: Vec<u32>,
        /// The value that each output of the program is, with the layout of that value over it.
        outputs: Vec<(u32, wengert_tensor::Layout)>,
    },
    /// Another layout over a value that is in memory.
    View(u32),
    /// An opaque kernel.
    Kernel(u32),
}

thread_local! {
    /// Plans of this thread by element type and hash of their structure.
    static PLANS: RefCell<HashMap<(TypeId, u64), Rc<dyn Any>>> = RefCell::default();
    static FUSION: Cell<bool> = const { Cell::new(true) };
}

/// More plans than a training program has; a program whose structure changes at every step
/// starts over here instead of growing.
const MAX_PLANS: usize = 256;

/// Whether the planner of this thread fuses (the default) or makes one kernel of each entry,
/// which gives the same values more slowly: to find out whether fusion is at fault.
///
/// ```
/// use wengert_autograd::{Tape, set_fusion};
/// set_fusion(false);
/// let tape = Tape::<f64>::new();
/// assert_eq!((tape.scalar(2.0) * 3.0 + 1.0).item(), 7.0);
/// # set_fusion(true);
/// ```
pub fn set_fusion(on: bool) {
    FUSION.set(on);
    PLANS.with_borrow_mut(HashMap::clear);
}

/// Computes the values of `roots` and stores them on the tape.
///
/// Not generic behind this point, so that planner and kernels are compiled once, optimised, in
/// this crate and not in every program.
pub(crate) fn run<T: Float>(tape: &Tape<T>, roots: &[u32]) {
    #[inline(never)]
    fn single(tape: &Tape<f32>, roots: &[u32]) {
        run_in(tape, roots);
    }
    #[inline(never)]
    fn double(tape: &Tape<f64>, roots: &[u32]) {
        run_in(tape, roots);
    }
    let tape: &dyn Any = tape;
    if let Some(tape) = tape.downcast_ref() {
        single(tape, roots);
    } else if let Some(tape) = tape.downcast_ref() {
        double(tape, roots);
    }
}

fn run_in<T: Float>(tape: &Tape<T>, roots: &[u32]) {
    let missing = {
        let nodes = tape.nodes.borrow();
        roots.iter().any(|&root| nodes.value(root).is_none())
    };
    if !missing {
        return;
    }
    let graph = Graph::mark(&mut tape.nodes.borrow_mut(), roots);
    // Until a gradient is asked for, a train-mode tape keeps what it computed: backward reads it.
    let keep_all = tape.is_training() && !tape.differentiated.get();
    let computed = {
        let nodes = tape.nodes.borrow();
        let plan = plan_for(&graph, &nodes);
        run::run(&plan, &graph, &nodes, keep_all, &mut tape.explanation.borrow_mut())
    };
    let mut nodes = tape.nodes.borrow_mut();
    for (id, value) in computed {
        nodes.set_value(id, value);
    }
}

/// The plan of an earlier graph of the same structure, or a new one.
fn plan_for<T: Float>(graph: &Graph, nodes: &Nodes<T>) -> Rc<Plan<T>> {
    let signature = graph.signature(nodes);
    let key = (TypeId::of::<T>(), signature.digest());
    let cached = PLANS.with_borrow(|plans| plans.get(&key).cloned());
    let cached = cached.and_then(|plan| plan.downcast::<Plan<T>>().ok()).filter(|plan| plan.signature == signature);
    cached.unwrap_or_else(|| {
        let plan = Rc::new(build::plan(graph, nodes, signature, FUSION.get()));
        PLANS.with_borrow_mut(|plans| {
            if plans.len() >= MAX_PLANS {
                plans.clear();
            }
            plans.insert(key, plan.clone());
        });
        plan
    })
}
