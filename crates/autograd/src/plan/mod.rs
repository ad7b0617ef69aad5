//! From asked-for values to kernels: mark what is needed, plan which entries become which
//! kernel, run the kernels. A step of the same structure as an earlier one reuses its plan.

mod axes;
mod build;
mod explain;
mod fuse;
mod graph;
mod partial;
mod run;

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use wengert_tensor::Float;
use wengert_tensor::kernel::Program;

use crate::Tape;
use crate::anomaly::Anomaly;
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
        maps: Vec<Function>,
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

/// A function that a loop applies: that of an entry, or a piece of it.
#[derive(Clone, Copy)]
enum Function {
    Whole(u32),
    Part(u32),
    Rest(u32),
}

impl<T: Float> Launch<T> {
    /// The positions whose values it computes and writes to memory.
    fn written(&self) -> impl Iterator<Item = u32> + '_ {
        let (outputs, kernel): (&[_], _) = match self {
            Launch::Loop { outputs, .. } => (outputs, None),
            Launch::Kernel(position) => (&[], Some(*position)),
            Launch::View(_) => (&[], None),
        };
        outputs.iter().map(|(position, _)| *position).chain(kernel)
    }
}

/// Element type, whether it is fused, hash of its structure.
type Key = (TypeId, bool, u64);

thread_local! {
    /// The plans of this thread.
    static PLANS: RefCell<HashMap<Key, Vec<Rc<dyn Any>>>> = RefCell::default();
    static FUSION: Cell<bool> = Cell::new(std::env::var_os("WENGERT_FUSION").is_none_or(|set| set != "off"));
}

/// More plans than a training program has; a program whose structure changes at every step
/// starts over here instead of growing.
const MAX_PLANS: usize = 256;

/// Whether the planner of this thread fuses (the default) or makes one kernel of each entry,
/// which gives the same values up to rounding, more slowly: to find out whether fusion is at fault.
/// Of a program as it stands, the environment asks for it: `WENGERT_FUSION=off cargo test`.
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
}

/// Computes the values of `roots` and stores them on the tape; nothing is stored if, asked to
/// `detect` anomalies, it meets one.
///
/// Not generic behind this point, so that planner and kernels are compiled once, optimised, in
/// this crate and not in every program.
#[track_caller]
pub(crate) fn run<T: Float>(tape: &Tape<T>, roots: &[u32], detect: bool) -> Option<Anomaly> {
    #[track_caller]
    #[inline(never)]
    fn single(tape: &Tape<f32>, roots: &[u32], detect: bool) -> Option<Anomaly> {
        run_in(tape, roots, detect)
    }
    #[track_caller]
    #[inline(never)]
    fn double(tape: &Tape<f64>, roots: &[u32], detect: bool) -> Option<Anomaly> {
        run_in(tape, roots, detect)
    }
    let tape: &dyn Any = tape;
    match tape.downcast_ref() {
        Some(tape) => single(tape, roots, detect),
        None => double(tape.downcast_ref().expect("an element of a tape is f32 or f64"), roots, detect),
    }
}

#[track_caller]
fn run_in<T: Float>(tape: &Tape<T>, roots: &[u32], detect: bool) -> Option<Anomaly> {
    let missing = {
        let nodes = tape.nodes.borrow();
        roots.iter().any(|&root| nodes.value(root).is_none())
    };
    if !missing {
        return None;
    }
    let computed = {
        let (mut nodes, mut lent) = (tape.nodes.borrow_mut(), tape.lent.borrow_mut());
        lent.iter_mut().for_each(|lent| lent.value = nodes.lend(lent.id));
        // Every entry has a value of its own to look at when nothing is fused.
        let fuse = FUSION.get() && !detect;
        let graph = Graph::of(&mut nodes, roots, fuse);
        let kept = kept(tape, &graph);
        let plan = plan_for(&graph, fuse);
        run::run(&plan, &graph, &mut lent, kept.as_deref(), detect, &mut tape.explanation.borrow_mut())
    };
    let mut nodes = tape.nodes.borrow_mut();
    match computed {
        Ok(computed) => computed.into_iter().for_each(|(id, value)| nodes.set_value(id, value)),
        Err(anomaly) => return Some(*anomaly),
    }
    None
}

/// For each position, whether its value outlives the run although nobody asked for it.
///
/// Until a gradient is asked for, a train-mode tape keeps what it computed, for backward to read;
/// of a checkpoint, what is used outside of it.
fn kept<T: Float>(tape: &Tape<T>, graph: &Graph<'_, T>) -> Option<Vec<bool>> {
    if !tape.is_training() || tape.differentiated.get() {
        return None;
    }
    let inside = tape.checkpoint_of(&graph.ids);
    let mut kept: Vec<bool> = inside.iter().map(Option::is_none).collect();
    for (position, checkpoint) in (0..).zip(&inside) {
        for &input in graph.inputs(position).iter().filter(|&&input| inside[input as usize] != *checkpoint) {
            kept[input as usize] = true;
        }
    }
    // Nobody else can read the first step of a reduction.
    graph.partials.iter().for_each(|partial| kept[partial.position as usize] = false);
    Some(kept)
}

/// The plan of an earlier graph of the same structure, or a new one.
fn plan_for<T: Float>(graph: &Graph<'_, T>, fuse: bool) -> Rc<Plan<T>> {
    let key: Key = (TypeId::of::<T>(), fuse, graph.signature.digest());
    let earlier = PLANS.with_borrow(|plans| {
        let mut alike = plans.get(&key)?.iter().filter_map(|plan| plan.clone().downcast::<Plan<T>>().ok());
        alike.find(|plan| plan.signature == graph.signature)
    });
    earlier.unwrap_or_else(|| {
        let plan = Rc::new(build::plan(graph, fuse));
        PLANS.with_borrow_mut(|plans| {
            if plans.values().map(Vec::len).sum::<usize>() >= MAX_PLANS {
                plans.clear();
            }
            plans.entry(key).or_default().push(plan.clone());
        });
        plan
    })
}
