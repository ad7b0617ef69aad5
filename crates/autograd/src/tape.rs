//! The tape: an append-only list of operations. Creation order is a topological order, so
//! every pass over it is a loop.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use smallvec::SmallVec;
use wengert_tensor::{Float, Shape, Tensor};

use crate::commit::{Lent, OnTape};
use crate::nodes::{Kind, Nodes, OpKind};
use crate::note::Noted;
use crate::op::{Elementwise, Map, Op, Recorded};
use crate::state::StateId;
use crate::transform::Rule;
use crate::{Explanation, Var, plan};

/// A recording of operations, from which values are computed when somebody looks and along
/// which derivatives are taken.
///
/// A tape is in *evaluate* mode ([`Tape::new`]) or in *train* mode ([`Tape::train`]); layers
/// such as batch norm and dropout ask it.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_tensor::tensor;
///
/// let tape = Tape::new();
/// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
/// let y = (x * x + 1.0).ln().sum(..);
/// let [dx] = y.grad([x]);
/// assert_eq!(dx.value(), (x * 2.0 / (x * x + 1.0)).value());
/// # let _: f32 = y.item();
/// ```
pub struct Tape<T: Float = f32> {
    pub(crate) id: u64,
    pub(crate) nodes: RefCell<Nodes<T>>,
    /// The seed, in train mode.
    seed: Option<u64>,
    /// How many random operations were recorded, so that each draws its own numbers.
    draws: Cell<u64>,
    /// While a vjp rule records: the user's line of the operation that it differentiates.
    pub(crate) on_behalf_of: Cell<Option<&'static Location<'static>>>,
    /// Parameters and buffers on this tape.
    pub(crate) state: RefCell<IndexMap<StateId, OnTape<T>>>,
    /// State that the run at hand may overwrite.
    pub(crate) lent: RefCell<Vec<Lent<T>>>,
    /// Whether a gradient was asked for: what the forward pass computed may be dropped then.
    pub(crate) differentiated: Cell<bool>,
    /// What somebody will ask for after the step: losses, statistics.
    pub(crate) expected: RefCell<SmallVec<[u32; 2]>>,
    /// What layers and activations noted, if the tape is watched.
    pub(crate) notes: RefCell<Option<Vec<Noted>>>,
    /// What was launched since profiling began.
    pub(crate) explanation: RefCell<Option<Explanation>>,
    /// Whether runs stop at the first value that is not finite.
    pub(crate) detects_anomaly: Cell<bool>,
    /// Entries that backward records again instead of keeping their values.
    pub(crate) checkpoints: RefCell<Vec<Range<u32>>>,
    /// The rules of entries whose derivative was replaced.
    pub(crate) rules: RefCell<HashMap<u32, Rc<Rule>>>,
}

impl<T: Float> Drop for Tape<T> {
    fn drop(&mut self) {
        crate::arena::give(std::mem::take(self.nodes.get_mut()));
    }
}

impl<T: Float> Tape<T> {
    /// An empty tape in evaluate mode.
    #[expect(clippy::new_without_default, reason = "a tape is opened on purpose, in one of two modes")]
    pub fn new() -> Self {
        Self::with_seed(None)
    }

    /// An empty tape in train mode: dropout drops, batch norm uses the batch's statistics, and
    /// random operations draw from `seed`.
    ///
    /// Give every step its own seed (the step number will do); the same seed gives the same
    /// bits.
    pub fn train(seed: u64) -> Self {
        Self::with_seed(Some(seed))
    }

    fn with_seed(seed: Option<u64>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            nodes: RefCell::new(crate::arena::take()),
            seed,
            draws: Cell::new(0),
            on_behalf_of: Cell::new(None),
            state: RefCell::default(),
            lent: RefCell::default(),
            differentiated: Cell::new(false),
            expected: RefCell::default(),
            notes: RefCell::default(),
            explanation: RefCell::new(None),
            detects_anomaly: Cell::new(false),
            checkpoints: RefCell::default(),
            rules: RefCell::default(),
        }
    }

    /// Whether the tape is in train mode.
    pub fn is_training(&self) -> bool {
        self.seed.is_some()
    }

    /// The number of entries recorded so far.
    pub fn len(&self) -> usize {
        self.nodes.borrow().list.len()
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A seed for the next random operation: different for each, the same when the same
    /// program runs with the same seed. In evaluate mode it counts from seed 0.
    pub fn next_seed(&self) -> u64 {
        self.draws.set(self.draws.get() + 1);
        // Weyl increments of two odd constants keep (seed, draw) pairs apart.
        let seed = self.seed.unwrap_or(0);
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.draws.get().wrapping_mul(0xD134_2543_DE82_EF95)
    }

    /// A variable with this value.
    #[track_caller]
    pub fn var(&self, value: impl Into<Tensor<T>>) -> Var<'_, T> {
        let value = value.into();
        let mut nodes = self.nodes.borrow_mut();
        let shape = nodes.intern(value.shape().clone());
        let id = nodes.push_given(Kind::Leaf, shape, self.location());
        nodes.set_value(id, value);
        Var::new(self, id)
    }

    /// A number, of shape `[]`.
    #[track_caller]
    pub fn scalar(&self, value: f64) -> Var<'_, T> {
        let mut nodes = self.nodes.borrow_mut();
        let shape = nodes.intern(Shape::scalar());
        let id = nodes.push_given(Kind::Scalar(value), shape, self.location());
        Var::new(self, id)
    }

    /// Records an operation.
    ///
    /// # Panics
    /// If an input is on another tape, or the shapes do not fit, naming the operation, the
    /// shapes and the caller's line.
    #[track_caller]
    pub fn record<'t, O: Op>(&'t self, op: O, x: &[Var<'t, T>]) -> Var<'t, T> {
        self.record_boxed(op.boxed(), OpKind::of::<O>(false), x)
    }

    /// Records an elementwise function of inputs that broadcast.
    ///
    /// # Panics
    /// As [`Tape::record`], or if there is no input.
    #[track_caller]
    pub fn map<'t, E: Elementwise<N>, const N: usize>(&'t self, f: E, x: [Var<'t, T>; N]) -> Var<'t, T> {
        self.map_boxed(f.boxed(), OpKind::of::<Map<E, N>>(true), &x)
    }

    #[track_caller]
    #[inline(never)]
    fn record_boxed<'t>(&'t self, op: Box<dyn Recorded<T>>, kind: OpKind, x: &[Var<'t, T>]) -> Var<'t, T> {
        let at = self.location();
        self.check_tape(&*op, x, at);
        let mut nodes = self.nodes.borrow_mut();
        let shape = {
            let shapes: SmallVec<[&Shape; 3]> = x.iter().map(|v| nodes.shape(v.id)).collect();
            match op.shape(&shapes) {
                Ok(shape) => shape,
                Err(error) => {
                    let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
                    panic!("{}: {error} (inputs {}) at {at}", op.name(), shapes.join(" and "));
                }
            }
        };
        let shape = nodes.intern(shape);
        let id = nodes.push_op(op, kind, x.iter().map(|v| v.id), shape, at);
        Var::new(self, id)
    }

    #[track_caller]
    #[inline(never)]
    fn map_boxed<'t>(&'t self, op: Box<dyn Recorded<T>>, kind: OpKind, x: &[Var<'t, T>]) -> Var<'t, T> {
        let at = self.location();
        // Inputs of one shape need no broadcasting: the shortest way for the commonest case.
        let mut nodes = self.nodes.borrow_mut();
        let shape_of = |v: &Var<'t, T>| {
            let here = std::ptr::eq(v.tape(), self);
            here.then(|| nodes.list[v.id as usize].shape)
        };
        let [first, others @ ..] = x else { panic!("{}: an elementwise function of no inputs at {at}", op.name()) };
        let shape = shape_of(first).filter(|&shape| others.iter().all(|other| shape_of(other) == Some(shape)));
        let Some(shape) = shape else {
            drop(nodes);
            return self.record_boxed(op, kind, x);
        };
        Var::new(self, nodes.push_op(op, kind, x.iter().map(|v| v.id), shape, at))
    }

    #[track_caller]
    fn check_tape(&self, op: &dyn Recorded<T>, x: &[Var<'_, T>], at: &Location<'_>) {
        if let Some(other) = x.iter().find(|v| v.tape().id != self.id) {
            panic!(
                "{}: a variable of another tape (shape {}) at {at}; use its value: tape.var(v.value())",
                op.name(),
                other.shape()
            );
        }
    }

    /// The caller's line, or that of the operation being differentiated.
    #[track_caller]
    fn location(&self) -> &'static Location<'static> {
        // Not `unwrap_or_else(Location::caller)`: its caller would be the standard library.
        match self.on_behalf_of.get() {
            Some(at) => at,
            None => Location::caller(),
        }
    }

    /// Computes several values in one run, which shares and fuses their work; looking at each
    /// ([`Var::value`]) is then free.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(2.0);
    /// let y = x.exp();
    /// let [dy] = y.grad([x]);
    /// tape.compute([y, dy]);
    /// assert_eq!(y.item(), dy.item());
    /// ```
    /// # Panics
    /// If one is on another tape.
    #[track_caller]
    pub fn compute<'t>(&'t self, vars: impl IntoIterator<Item = Var<'t, T>>) {
        self.run(&self.roots("compute", vars));
    }

    /// Computes these as well when the step is committed, in the same run: looking at them
    /// afterwards is free. A loss that was differentiated is expected anyway.
    ///
    /// ```
    /// use wengert_autograd::{Param, Tape};
    /// use wengert_tensor::tensor;
    ///
    /// let w = Param::<f64>::new("w", tensor![3.0]);
    /// let tape = Tape::train(0);
    /// let old = w.on(&tape);
    /// w.assign(old * 0.5);
    /// let change = (w.on(&tape) - old).abs().max(..);
    /// tape.expect([change]);
    /// tape.commit();
    /// assert_eq!(change.item(), 1.5);
    /// ```
    /// # Panics
    /// If one is on another tape.
    #[track_caller]
    pub fn expect<'t>(&'t self, vars: impl IntoIterator<Item = Var<'t, T>>) {
        let expected = self.roots("expect", vars);
        self.expected.borrow_mut().extend(expected);
    }

    /// The entries of variables that somebody asks for.
    #[track_caller]
    pub(crate) fn roots<'t>(&'t self, what: &str, vars: impl IntoIterator<Item = Var<'t, T>>) -> Vec<u32> {
        let mut roots = Vec::new();
        for v in vars {
            assert!(v.tape().id == self.id, "{what}: a variable of another tape (shape {})", v.shape());
            roots.push(v.id);
        }
        roots
    }

    /// Notes from now on what every run of this tape launches.
    pub fn profile(&self) {
        *self.explanation.borrow_mut() = Some(Explanation::default());
    }

    /// What was launched since [`Tape::profile`]: the profiler to reach for.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_tensor::Tensor;
    ///
    /// # wengert_autograd::set_fusion(true);
    /// let tape = Tape::new();
    /// tape.profile();
    /// let x = tape.var(Tensor::<f32>::ones([1000]));
    /// let y = ((x * 2.0).tanh() + x).sum(..);
    /// y.item();
    /// let explanation = tape.explain();
    /// assert_eq!(explanation.launches.len(), 1);
    /// println!("{explanation}");
    /// ```
    pub fn explain(&self) -> Explanation {
        self.explanation.borrow().clone().unwrap_or_default()
    }

    /// Computes the values of `roots` and whatever they need.
    ///
    /// # Panics
    /// If the tape detects anomalies and there is one.
    #[track_caller]
    pub(crate) fn run(&self, roots: &[u32]) {
        if let Some(anomaly) = plan::run(self, roots, self.detects_anomaly.get()) {
            panic!("{anomaly}");
        }
    }
}
