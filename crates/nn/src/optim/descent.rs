//! The machinery that all optimizers with a [`Rule`] share: parameter groups, weight decay, the
//! step, and the state.

use indexmap::IndexMap;
use wengert_autograd::{Buffer, Gradients, Param, Var};
use wengert_tensor::{Float, Tensor};

use super::options::non_negative;
use super::{Memory, Optimizer, Rule, StepError};
use crate::exchange::Check;
use crate::select::matches_none;
use crate::{LoadError, Module, Pattern, StateDict, Stateful};

/// The optimizer that follows a [`Rule`] for every parameter of a module. [`Sgd`](crate::Sgd),
/// [`Adam`](crate::Adam) and the others are this, each with its own options; those below all
/// have.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Adam, Layer, Linear, Optimizer};
/// use wengert_tensor::{Rng, Tensor};
///
/// let layer = Linear::<f32>::new(3, 2, &mut Rng::seed(0));
/// let mut optimizer = Adam::new(&layer, 1e-3)
///     .decoupled_weight_decay(0.1)
///     .group("bias", |biases| biases.decoupled_weight_decay(0.0).lr_scale(2.0));
/// let tape = Tape::train(0);
/// optimizer.step(&layer.forward(tape.var(Tensor::ones([4, 3]))).square().mean(..).backward())?;
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub struct Descent<R, T: Float = f32> {
    lr: f64,
    groups: Vec<Group<R, T>>,
}

/// Parameters with the same options.
struct Group<R, T: Float> {
    rule: R,
    decay: Decay,
    lr_scale: f64,
    members: Vec<Member<T>>,
}

/// A parameter, its name in the module, and what the rule keeps for it.
struct Member<T: Float> {
    name: String,
    param: Param<T>,
    /// The number of steps taken.
    steps: u64,
    tensors: IndexMap<&'static str, Buffer<T>>,
    numbers: IndexMap<&'static str, f64>,
}

/// How weights decay.
#[derive(Clone, Copy)]
enum Decay {
    /// Through the gradient of λ/2·p².
    Gradient(f64),
    /// By themselves.
    Decoupled(f64),
}

impl<R: Rule, T: Float> Descent<R, T> {
    /// The optimizer that updates the parameters of `module` by `rule` with learning rate `lr`.
    ///
    /// # Panics
    /// If `lr` is negative or not finite, or the rule cannot update a parameter.
    #[track_caller]
    pub fn by(module: &(impl Module<T> + ?Sized), lr: f64, rule: R) -> Self {
        let lr = non_negative(R::NAME, "learning rate", lr);
        let mut members = Vec::new();
        for (name, param) in module.params() {
            if let Some(why) = rule.refuses(&param.shape()) {
                panic!("{}: parameter `{name}` of shape {} {why}", R::NAME, param.shape());
            }
            let mut member = Member { name, param, steps: 0, tensors: IndexMap::new(), numbers: IndexMap::new() };
            member.keep(&rule);
            members.push(member);
        }
        Self { lr, groups: vec![Group { rule, decay: Decay::Gradient(0.0), lr_scale: 1.0, members }] }
    }

    /// Decays the weights by this much, in the way that the optimizer has: `AdamW`, `Lion` and
    /// `Muon` as [`decoupled_weight_decay`](Descent::decoupled_weight_decay), all others by adding this
    /// multiple of each parameter to its gradient, before the rule sees it.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, decay: f64) -> Self {
        let decay = non_negative(R::NAME, "weight decay", decay);
        self.each(|group| match &mut group.decay {
            Decay::Gradient(own) | Decay::Decoupled(own) => *own = decay,
        })
    }

    /// Shrinks each parameter by lr·`decay` of itself at every step, past the rule: Loshchilov &
    /// Hutter, "Decoupled weight decay regularization" (2019).
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn decoupled_weight_decay(self, decay: f64) -> Self {
        let decay = Decay::Decoupled(non_negative(R::NAME, "weight decay", decay));
        self.each(|group| group.decay = decay)
    }

    /// Multiplies the learning rate by this, of all parameters or of a group; schedules change
    /// the learning rate that is multiplied.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn lr_scale(self, scale: f64) -> Self {
        let scale = non_negative(R::NAME, "scale of the learning rate", scale);
        self.each(|group| group.lr_scale = scale)
    }

    /// Gives options of their own to the parameters whose names match: `options` gets an
    /// optimizer of these alone, with the options set so far. Options set afterwards hold for
    /// all groups, so set those of all first.
    ///
    /// # Panics
    /// If no name matches.
    #[track_caller]
    pub fn group(mut self, pattern: impl Pattern, options: impl FnOnce(Self) -> Self) -> Self {
        let mut chosen = Self { lr: self.lr, groups: Vec::new() };
        for group in &mut self.groups {
            let is_chosen = |member: &mut Member<T>| pattern.chooses(&member.name);
            let members: Vec<_> = group.members.extract_if(.., is_chosen).collect();
            if !members.is_empty() {
                chosen.groups.push(Group { rule: group.rule.clone(), members, ..*group });
            }
        }
        if chosen.groups.is_empty() {
            let names = self.members().map(|member| &member.name);
            panic!("{}: {}", R::NAME, matches_none(&pattern, names));
        }
        self.groups.extend(options(chosen).groups);
        self.groups.retain(|group| !group.members.is_empty());
        self
    }

    /// Changes the rule: what the options of an optimizer do.
    pub(super) fn with(self, change: impl Fn(&mut R)) -> Self {
        self.each(|group| {
            change(&mut group.rule);
            // An option can change what is kept.
            group.members.iter_mut().for_each(|member| member.keep(&group.rule));
        })
    }

    fn each(mut self, change: impl Fn(&mut Group<R, T>)) -> Self {
        self.groups.iter_mut().for_each(change);
        self
    }

    fn members(&self) -> impl Iterator<Item = &Member<T>> {
        self.groups.iter().flat_map(|group| &group.members)
    }
}

impl<T: Float> Member<T> {
    /// Keeps what the rule asks for: what was kept so far if there were steps, else first values.
    fn keep(&mut self, rule: &impl Rule) {
        if self.steps == 0 {
            self.tensors.clear();
            self.numbers.clear();
        }
        let filled = |value| Tensor::full(self.param.shape(), T::from_f64(value));
        let tensors = rule.tensors().into_iter().map(|(name, value)| {
            let kept = self.tensors.swap_remove(name);
            (name, kept.unwrap_or_else(|| Buffer::new(name, filled(value))))
        });
        self.tensors = tensors.collect();
        let numbers = rule.numbers().into_iter();
        self.numbers = numbers.map(|(name, value)| (name, *self.numbers.get(name).unwrap_or(&value))).collect();
    }
}

impl<R: Rule, T: Float> Group<R, T> {
    /// Records the update of one member.
    #[track_caller]
    fn update<'t>(rule: &R, decay: Decay, lr: Var<'t, T>, g: Var<'t, T>, member: &mut Member<T>) {
        let tape = lr.tape();
        let (mut p, mut g) = (member.param.on(tape), g);
        match decay {
            Decay::Gradient(decay) if decay > 0.0 => g = g + p * decay,
            Decay::Decoupled(decay) if decay > 0.0 => p = p * (1.0 - lr * decay),
            _ => {}
        }
        let tensors = member.tensors.iter().map(|(name, buffer)| (*name, buffer.on(tape))).collect();
        let mut memory = Memory { t: member.steps, tensors, numbers: std::mem::take(&mut member.numbers) };
        let next = memory.step(rule, p, g, lr);
        for (buffer, kept) in member.tensors.values().zip(memory.tensors.values()) {
            buffer.overwrite(*kept);
        }
        member.param.assign(next);
        (member.steps, member.numbers) = (memory.t, memory.numbers);
    }
}

impl<R: Rule, T: Float> Optimizer<T> for Descent<R, T> {
    fn record(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError> {
        let tape = gradients.tape();
        if !tape.is_training() {
            return Err(StepError::Evaluate);
        }
        // All of them first: nothing is touched if one is missing.
        let trained = self.members().filter(|member| !member.param.is_frozen());
        let found = trained.map(|member| gradients.of(&member.param, &member.name));
        let mut found = found.collect::<Result<Vec<_>, _>>()?.into_iter();
        for Group { rule, decay, lr_scale, members } in &mut self.groups {
            let lr = tape.scalar(self.lr * *lr_scale);
            for member in members.iter_mut().filter(|member| !member.param.is_frozen()) {
                Group::update(rule, *decay, lr, found.next().expect("one for each"), member);
            }
        }
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = non_negative(R::NAME, "learning rate", lr);
    }
}

impl<R: Rule, T: Float> Stateful for Descent<R, T> {
    /// The learning rate and, under the name of each parameter, the number of its steps and what
    /// the rule keeps, by PyTorch's names: `fc.weight.step`, `fc.weight.exp_avg`.
    fn state(&self) -> StateDict {
        let mut state = StateDict::new();
        state.insert_number("lr", self.lr);
        for Member { name, steps, tensors, numbers, .. } in self.members() {
            state.insert_number(format!("{name}.step"), *steps as f64);
            numbers.iter().for_each(|(key, value)| state.insert_number(format!("{name}.{key}"), *value));
            tensors.iter().for_each(|(key, buffer)| state.insert(format!("{name}.{key}"), buffer.value()));
        }
        state
    }

    fn restore(&mut self, state: &StateDict) -> Result<(), LoadError> {
        let mut check = Check::new(state);
        let lr = check.number("lr", "a finite number from 0 up", |lr| lr >= 0.0 && lr.is_finite());
        let mut found = Vec::new();
        for Member { name, param, tensors, numbers, .. } in self.members() {
            let steps = check.count(&format!("{name}.step"));
            let number = |key| check.number(&format!("{name}.{key}"), "a number", |v| !v.is_nan());
            let numbers: Vec<_> = numbers.keys().map(number).collect();
            let shape = param.shape();
            let tensors: Vec<_> = tensors.keys().map(|key| check.tensor(format!("{name}.{key}"), &shape)).collect();
            found.push((steps, numbers, tensors));
        }
        check.finish()?;
        const FOUND: &str = "the check found every entry";
        self.lr = lr.expect(FOUND);
        let members = self.groups.iter_mut().flat_map(|group| &mut group.members);
        for (member, (steps, numbers, tensors)) in members.zip(found) {
            member.steps = steps.expect(FOUND);
            member.numbers.values_mut().zip(numbers).for_each(|(kept, number)| *kept = number.expect(FOUND));
            member.tensors.values().zip(tensors).for_each(|(kept, tensor)| kept.set(tensor.expect(FOUND)));
        }
        Ok(())
    }
}
