//! A rule: the equations of an optimizer, for one parameter.

use std::ops::{Index, IndexMut};

use indexmap::IndexMap;
use wengert_autograd::Var;
use wengert_tensor::{Float, Shape, Tensor};

/// The equations of an optimizer: how one parameter changes in one step.
///
/// [`Descent`](crate::Descent) makes an optimizer of it. A rule is also a pure function of
/// variables, so that one can differentiate through a step, with respect to the learning rate
/// for example:
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{AdamRule, Memory, Rule};
/// use wengert_tensor::tensor;
///
/// let tape = Tape::<f64>::new();
/// let (mut p, lr) = (tape.var(tensor![1.0, -2.0]), tape.scalar(0.1));
/// let rule = AdamRule::default();
/// let mut memory = Memory::new(&rule, p);
/// for _ in 0..2 {
///     let [g] = (p * p).sum(..).grad([p]);
///     p = memory.step(&rule, p, g, lr);
/// }
/// let [slope] = (p * p).sum(..).grad([lr]);
/// assert!(slope.item() < 0.0, "a larger learning rate would have gone further");
/// ```
pub trait Rule: Clone + Send + Sync + 'static {
    /// The name that messages use.
    const NAME: &'static str;

    /// The tensors, of the shape of the parameter, that are kept between steps, each with the
    /// value that it is filled with at first; they have the names that PyTorch gives them.
    fn tensors(&self) -> Vec<(&'static str, f64)>;

    /// The numbers that are kept between steps, with their first values.
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Why a parameter of this shape cannot be updated, if so.
    fn refuses(&self, _shape: &Shape) -> Option<&'static str> {
        None
    }

    /// The new value of a parameter at step number `memory.t`, counted from 1; `x` are its value,
    /// its gradient and the learning rate, of shape `[]`. What differs from step to step should
    /// enter as numbers, so that every step has the same plan.
    #[track_caller]
    fn update<'t, T: Float>(&self, x: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T>;
}

/// What a [`Rule`] keeps for one parameter, on a tape.
#[derive(Clone, Debug)]
pub struct Memory<'t, T: Float = f32> {
    /// The number of steps, with the present one.
    pub t: u64,
    pub(super) tensors: IndexMap<&'static str, Var<'t, T>>,
    pub(super) numbers: IndexMap<&'static str, f64>,
}

impl<'t, T: Float> Memory<'t, T> {
    /// What `rule` starts with, for a parameter like `p`.
    #[track_caller]
    pub fn new(rule: &impl Rule, p: Var<'t, T>) -> Self {
        let filled = |value| p.tape().var(Tensor::full(p.shape(), T::from_f64(value)));
        let tensors = rule.tensors().into_iter().map(|(name, value)| (name, filled(value))).collect();
        Self { t: 0, tensors, numbers: rule.numbers().into_iter().collect() }
    }

    /// Counts a step and takes it: the new value of `p`.
    #[track_caller]
    pub fn step(&mut self, rule: &impl Rule, p: Var<'t, T>, g: Var<'t, T>, lr: Var<'t, T>) -> Var<'t, T> {
        self.t += 1;
        rule.update([p, g, lr], self)
    }

    /// Moves the kept mean `name` towards `x`, m ← β·m + (1 − β)·x, and returns it.
    ///
    /// # Panics
    /// If the rule keeps no tensor of that name.
    #[track_caller]
    pub fn average(&mut self, name: &str, beta: f64, x: Var<'t, T>) -> Var<'t, T> {
        self[name] = self[name] * beta + x * (1.0 - beta);
        self[name]
    }

    /// The kept number `name`, to be read or changed.
    ///
    /// # Panics
    /// If the rule keeps none of that name.
    #[track_caller]
    pub fn number(&mut self, name: &str) -> &mut f64 {
        let place = place(&self.numbers, name, "number");
        &mut self.numbers[place]
    }
}

/// Where something is kept.
#[track_caller]
fn place<V>(kept: &IndexMap<&'static str, V>, name: &str, what: &str) -> usize {
    let Some(place) = kept.get_index_of(name) else {
        let names: Vec<_> = kept.keys().collect();
        panic!("memory: the rule keeps no {what} called `{name}`, only {names:?}; name it in `Rule::{what}s`");
    };
    place
}

impl<'t, T: Float> Index<&str> for Memory<'t, T> {
    type Output = Var<'t, T>;

    /// The kept tensor of this name.
    ///
    /// # Panics
    /// If the rule keeps none of that name.
    #[track_caller]
    fn index(&self, name: &str) -> &Var<'t, T> {
        &self.tensors[place(&self.tensors, name, "tensor")]
    }
}

impl<T: Float> IndexMut<&str> for Memory<'_, T> {
    #[track_caller]
    fn index_mut(&mut self, name: &str) -> &mut Self::Output {
        let place = place(&self.tensors, name, "tensor");
        &mut self.tensors[place]
    }
}
