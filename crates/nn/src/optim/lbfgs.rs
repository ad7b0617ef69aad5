//! L-BFGS.

use std::collections::VecDeque;

use wengert_autograd::{Buffer, Param, Tape, Var};
use wengert_tensor::{Float, Shape, Tensor};

use super::line_search::{Point, strong_wolfe};
use super::{StepError, non_negative};
use crate::exchange::Check;
use crate::{LoadError, Module, StateDict, Stateful};

/// L-BFGS: Liu & Nocedal, "On the limited memory BFGS method for large scale optimization"
/// (1989); Nocedal & Wright, "Numerical optimization" (2006), algorithms 7.4 and 7.5.
///
/// Each step goes several times along −H·g, where H estimates the inverse Hessian from the last
/// changes of parameters and gradients, and evaluates the loss each time. For smooth losses
/// without noise: whole batches. All as PyTorch's `LBFGS`.
///
/// ```
/// use wengert_autograd::Param;
/// use wengert_nn::Lbfgs;
/// use wengert_tensor::tensor;
///
/// // Rosenbrock's valley.
/// let x = Param::<f64>::new("x", tensor![-1.2, 1.0]);
/// let mut optimizer = Lbfgs::new(&x, 1.0).strong_wolfe();
/// for step in 0..3 {
///     optimizer.step(step, |tape| {
///         let (a, b) = (x.on(tape).select(0, 0), x.on(tape).select(0, 1));
///         (1.0 - a).square() + (b - a * a).square() * 100.0
///     })?;
/// }
/// x.value().assert_close(&tensor![1.0, 1.0], 1e-4, 0.0);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub struct Lbfgs<T: Float = f32> {
    params: Vec<(String, Param<T>)>,
    lr: f64,
    iterations: usize,
    evaluations: Option<usize>,
    gradient_tolerance: f64,
    change_tolerance: f64,
    history: usize,
    strong_wolfe: bool,
    past: Option<Past<T>>,
}

/// What is known from the iterations so far.
struct Past<T: Float> {
    /// The last change of the parameters.
    change: Tensor<T>,
    /// The gradient before it.
    gradient: Tensor<T>,
    /// Changes of the parameters and of the gradient, the oldest first.
    pairs: VecDeque<[Tensor<T>; 2]>,
}

impl<T: Float> Lbfgs<T> {
    /// L-BFGS on the parameters of `module` with steps of `lr` (1 is usual), 20 iterations and
    /// 25 evaluations a step, and 100 past changes.
    ///
    /// # Panics
    /// If `lr` is negative or not finite.
    #[track_caller]
    pub fn new(module: &(impl Module<T> + ?Sized), lr: f64) -> Self {
        Self {
            params: module.params().into_iter().collect(),
            lr: non_negative("Lbfgs", "learning rate", lr),
            iterations: 20,
            evaluations: None,
            gradient_tolerance: 1e-7,
            change_tolerance: 1e-9,
            history: 100,
            strong_wolfe: false,
            past: None,
        }
    }

    /// How many iterations a step has at most.
    pub fn iterations(self, iterations: usize) -> Self {
        Self { iterations, ..self }
    }

    /// How many evaluations of the loss a step has at most; 5 for 4 iterations unless told.
    pub fn evaluations(self, evaluations: usize) -> Self {
        Self { evaluations: Some(evaluations), ..self }
    }

    /// A step ends when no element of the gradient is larger than `gradient`, or when neither
    /// the loss nor a parameter changes by more than `change`; 1e-7 and 1e-9 unless told.
    ///
    /// # Panics
    /// If one is negative or not finite.
    #[track_caller]
    pub fn tolerances(self, gradient: f64, change: f64) -> Self {
        let gradient_tolerance = non_negative("Lbfgs", "tolerance", gradient);
        Self { gradient_tolerance, change_tolerance: non_negative("Lbfgs", "tolerance", change), ..self }
    }

    /// How many past changes are kept.
    pub fn history(self, history: usize) -> Self {
        Self { history, ..self }
    }

    /// Searches along each direction until the strong Wolfe conditions hold, instead of going a
    /// fixed length.
    pub fn strong_wolfe(self) -> Self {
        Self { strong_wolfe: true, ..self }
    }

    /// The learning rate.
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn set_lr(&mut self, lr: f64) {
        self.lr = non_negative("Lbfgs", "learning rate", lr);
    }

    /// Takes a step, and returns the loss before it. `loss` records the loss on the tape it is
    /// given, in train mode with this seed, at each evaluation; buffers such as running
    /// statistics are updated each time.
    ///
    /// # Errors
    /// If a parameter has no gradient. The parameters have the values they had then.
    #[track_caller]
    pub fn step(&mut self, seed: u64, loss: impl for<'t> Fn(&'t Tape<T>) -> Var<'t, T>) -> Result<f64, StepError> {
        let params: Vec<_> = self.params.iter().filter(|(_, param)| !param.is_frozen()).cloned().collect();
        let line = Line { params: &params, seed, loss: &loss };
        let start: Vec<_> = params.iter().map(|(_, param)| param.value()).collect();
        let result = self.iterate(&line);
        if result.is_err() {
            params.iter().zip(start).for_each(|((_, param), value)| param.set(value));
        }
        result
    }

    #[track_caller]
    fn iterate<L>(&mut self, line: &Line<'_, T, L>) -> Result<f64, StepError>
    where
        L: for<'t> Fn(&'t Tape<T>) -> Var<'t, T>,
    {
        let evaluations = self.evaluations.unwrap_or(self.iterations.saturating_mul(5) / 4);
        let (first, mut gradient) = line.evaluate()?;
        let (mut loss, mut used) = (first, 1);
        // Parameters that were frozen or thawed make the past useless.
        self.past = self.past.take().filter(|past| past.gradient.shape() == gradient.shape());
        for iteration in 1..=self.iterations {
            if largest(&gradient) <= self.gradient_tolerance {
                break;
            }
            let direction = self.direction(&gradient);
            let total: f64 = gradient.iter().map(|g| g.to_f64().abs()).sum();
            let mut t = if self.past.is_some() { self.lr } else { (1.0 / total).min(1.0) * self.lr };
            let slope = dot(&gradient, &direction);
            let before = gradient.clone();
            if slope > -self.change_tolerance || slope.is_nan() {
                self.remember(&direction * T::ZERO, before);
                break;
            }
            let from = line.place();
            let last = loss;
            if self.strong_wolfe {
                let start = Point { t: 0.0, loss, slope, gradient };
                let at = |t| {
                    line.go(&from, t, &direction);
                    let (loss, gradient) = line.evaluate()?;
                    Ok::<_, StepError>(Point { t, loss, slope: dot(&gradient, &direction), gradient })
                };
                let left = evaluations.saturating_sub(used);
                let (found, tries) = strong_wolfe(&start, t, largest(&direction), self.change_tolerance, left, at)?;
                (t, loss, gradient) = (found.t, found.loss, found.gradient);
                line.go(&from, t, &direction);
                used += tries;
            } else {
                line.go(&from, t, &direction);
                if iteration < self.iterations {
                    (loss, gradient) = line.evaluate()?;
                    used += 1;
                }
            }
            let change = &direction * T::from_f64(t);
            let still = largest(&change) <= self.change_tolerance || (loss - last).abs() < self.change_tolerance;
            self.remember(change, before);
            if used >= evaluations || still {
                break;
            }
        }
        Ok(first)
    }

    fn remember(&mut self, change: Tensor<T>, gradient: Tensor<T>) {
        let pairs = self.past.take().map_or_else(VecDeque::new, |past| past.pairs);
        self.past = Some(Past { change, gradient, pairs });
    }

    /// −H·g, with the last change joined to the history.
    fn direction(&mut self, gradient: &Tensor<T>) -> Tensor<T> {
        let tape = Tape::new();
        let g = tape.var(gradient);
        let Some(past) = &mut self.past else {
            return (-g).value();
        };
        let y = gradient - &past.gradient;
        if dot(&y, &past.change) > 1e-10 {
            past.pairs.push_back([past.change.clone(), y]);
            let old = past.pairs.len().saturating_sub(self.history);
            past.pairs.drain(..old);
        }
        let pairs: Vec<_> = past.pairs.iter().map(|pair| pair.each_ref().map(|v| tape.var(v))).collect();
        two_loops(g, &pairs).value()
    }
}

/// −H·g from pairs of changes, the oldest first: algorithm 7.4, as an expression.
#[track_caller]
fn two_loops<'t, T: Float>(g: Var<'t, T>, pairs: &[[Var<'t, T>; 2]]) -> Var<'t, T> {
    let mut q = -g;
    let mut shares = Vec::with_capacity(pairs.len());
    for [s, y] in pairs.iter().rev() {
        let share = s.dot(q) / s.dot(*y);
        q = q - *y * share;
        shares.push(share);
    }
    if let Some([s, y]) = pairs.last() {
        q = q * (s.dot(*y) / y.dot(*y));
    }
    for ([s, y], share) in pairs.iter().zip(shares.into_iter().rev()) {
        q = q + *s * (share - y.dot(q) / s.dot(*y));
    }
    q
}

/// The parameters, as points of one long vector, and the loss there.
struct Line<'a, T: Float, L> {
    params: &'a [(String, Param<T>)],
    seed: u64,
    loss: &'a L,
}

impl<T: Float, L: for<'t> Fn(&'t Tape<T>) -> Var<'t, T>> Line<'_, T, L> {
    /// The loss and its gradient at the present place.
    #[track_caller]
    fn evaluate(&self) -> Result<(f64, Tensor<T>), StepError> {
        let tape = Tape::train(self.seed);
        let loss = (self.loss)(&tape);
        let gradients = loss.backward();
        let mut parts = vec![tape.var(Tensor::zeros([0]))];
        for (name, param) in self.params {
            parts.push(gradients.of(param, name)?.flatten());
        }
        let all = Var::concat(&parts, 0);
        // Assigned, so that one run computes it and what the layers assign to their buffers.
        let gradient = Buffer::new("gradient", Tensor::zeros(all.shape()));
        gradient.assign(all);
        tape.commit();
        Ok((loss.item().to_f64(), gradient.value()))
    }

    fn place(&self) -> Vec<Tensor<T>> {
        self.params.iter().map(|(_, param)| param.value()).collect()
    }

    /// Moves the parameters from there by `t` times the direction.
    fn go(&self, from: &[Tensor<T>], t: f64, direction: &Tensor<T>) {
        let mut start = 0;
        for ((_, param), from) in self.params.iter().zip(from) {
            let part = direction.slice(0, start as isize..(start + from.count()) as isize);
            param.set(from + &(part.reshape(from.shape().clone()) * T::from_f64(t)));
            start += from.count();
        }
    }
}

fn dot<T: Float>(a: &Tensor<T>, b: &Tensor<T>) -> f64 {
    (a * b).sum(..).item().to_f64()
}

/// The largest magnitude; NaN if there is one.
fn largest<T: Float>(x: &Tensor<T>) -> f64 {
    let sizes = x.iter().map(|v| v.abs().to_f64());
    sizes.fold(0.0, |most, size| if most.is_nan() || size <= most { most } else { size })
}

impl<T: Float> Stateful for Lbfgs<T> {
    /// The learning rate, and from the first step on the last change, the gradient before it,
    /// and the pairs of changes `pairs.0.s`, `pairs.0.y`, …
    fn state(&self) -> StateDict {
        let mut state = StateDict::new();
        state.insert_number("lr", self.lr);
        if let Some(past) = &self.past {
            state.insert("change", &past.change);
            state.insert("gradient", &past.gradient);
            state.insert_number("pairs", past.pairs.len() as f64);
            for (i, [s, y]) in past.pairs.iter().enumerate() {
                state.insert(format!("pairs.{i}.s"), s);
                state.insert(format!("pairs.{i}.y"), y);
            }
        }
        state
    }

    fn restore(&mut self, state: &StateDict) -> Result<(), LoadError> {
        let mut check = Check::new(state);
        let lr = check.number("lr", "a finite number from 0 up", |lr| lr >= 0.0 && lr.is_finite());
        let mut past = None;
        if state.len() > 1 {
            let active = self.params.iter().filter(|(_, param)| !param.is_frozen());
            let shape = Shape::from([active.map(|(_, param)| param.shape().count()).sum::<usize>()]);
            let (change, gradient) = (check.tensor("change", &shape), check.tensor("gradient", &shape));
            let fits = |count: f64| (0.0..=state.len() as f64).contains(&count) && count.fract() == 0.0;
            let count = check.number("pairs", "the number of pairs", fits).unwrap_or(0.0) as usize;
            let mut pair = |i| {
                Some([check.tensor(format!("pairs.{i}.s"), &shape)?, check.tensor(format!("pairs.{i}.y"), &shape)?])
            };
            let pairs = (0..count).map(&mut pair).collect::<Vec<_>>();
            past = Some((change, gradient, pairs));
        }
        check.finish()?;
        const FOUND: &str = "the check found every entry";
        self.lr = lr.expect(FOUND);
        self.past = past.map(|(change, gradient, pairs)| Past {
            change: change.expect(FOUND),
            gradient: gradient.expect(FOUND),
            pairs: pairs.into_iter().map(|pair| pair.expect(FOUND)).collect(),
        });
        Ok(())
    }
}
