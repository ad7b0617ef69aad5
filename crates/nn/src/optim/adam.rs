//! Adam, with either kind of weight decay.

use wengert_autograd::{Buffer, Gradients};
use wengert_tensor::{Float, Tensor};

use super::{Optimizer, StepError, Trained, Update, non_negative, trained, updates};
use crate::Module;

/// Adam: Kingma & Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
///
/// With the step t: m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², and
/// p ← p − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), as PyTorch's `Adam`. Each parameter counts
/// its own steps, so one that was frozen for a while starts as a new one does.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Adam, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -100.0]);
/// let mut optimizer = Adam::new(&w, 0.1);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // The first step has the size of the learning rate, whatever that of the gradient.
/// assert!((w.value().at([0]) - 2.9).abs() < 1e-8 && (w.value().at([1]) + 99.9).abs() < 1e-8);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
#[doc(alias = "AdamW")]
pub struct Adam<T: Float = f32> {
    trained: Vec<Trained<T, Moments<T>>>,
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    decay: Decay,
}

/// What Adam keeps for each parameter.
struct Moments<T: Float> {
    /// t: the number of steps taken.
    steps: u64,
    /// m: the moving mean of gradients.
    first: Buffer<T>,
    /// v: the moving mean of their squares.
    second: Buffer<T>,
}

/// How weights decay.
#[derive(Clone, Copy)]
enum Decay {
    /// Through the gradient of λ/2·p².
    Gradient(f64),
    /// By themselves.
    Decoupled(f64),
}

impl<T: Float> Adam<T> {
    /// Adam on the parameters of `module` with learning rate `lr`, β = (0.9, 0.999) and
    /// ε = 1e-8.
    ///
    /// # Panics
    /// If `lr` is negative or not finite.
    #[track_caller]
    pub fn new(module: &(impl Module<T> + ?Sized), lr: f64) -> Self {
        let lr = non_negative("Adam: learning rate", lr);
        let trained = trained(module, |param| {
            let zeros = |name| Buffer::new(name, Tensor::zeros(param.shape()));
            Moments { steps: 0, first: zeros("first_moment"), second: zeros("second_moment") }
        });
        Self { trained, lr, betas: [0.9, 0.999], eps: 1e-8, decay: Decay::Gradient(0.0) }
    }

    /// How much the moving means of gradients and of their squares keep at each step.
    ///
    /// # Panics
    /// If one is not from 0 up to, but not, 1.
    #[track_caller]
    pub fn betas(self, first: f64, second: f64) -> Self {
        for beta in [first, second] {
            assert!((0.0..1.0).contains(&beta), "Adam: beta {beta} is not from 0 to below 1");
        }
        Self { betas: [first, second], ..self }
    }

    /// What is added to the root of the mean square.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps: non_negative("Adam: eps", eps), ..self }
    }

    /// Adds this multiple of each parameter to its gradient, before the moments.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, decay: f64) -> Self {
        Self { decay: Decay::Gradient(non_negative("Adam: weight decay", decay)), ..self }
    }

    /// Shrinks each parameter by lr·`decay` of itself at every step, past the moments: AdamW,
    /// Loshchilov & Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn decoupled_weight_decay(self, decay: f64) -> Self {
        Self { decay: Decay::Decoupled(non_negative("Adam: weight decay", decay)), ..self }
    }
}

impl<T: Float> Optimizer<T> for Adam<T> {
    fn step(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError> {
        let tape = gradients.tape();
        let [beta1, beta2] = self.betas;
        for Update { param, gradient, state } in updates(&mut self.trained, gradients)? {
            let (mut p, mut g) = (param.on(tape), gradient);
            match self.decay {
                Decay::Gradient(decay) if decay > 0.0 => g = g + p * decay,
                Decay::Decoupled(decay) if decay > 0.0 => p = p * (1.0 - self.lr * decay),
                _ => {}
            }
            let m = state.first.on(tape) * beta1 + g * (1.0 - beta1);
            let v = state.second.on(tape) * beta2 + g * g * (1.0 - beta2);
            state.first.assign(m);
            state.second.assign(v);
            state.steps += 1;
            let t = state.steps as f64;
            // Our own `pow`: the platform's may differ in the last bit.
            let [correct1, correct2] = self.betas.map(|beta| 1.0 / (1.0 - Float::pow(beta, t)));
            let root = v.sqrt() * correct2.sqrt() + self.eps;
            param.assign(p - m / root * (self.lr * correct1));
        }
        tape.commit();
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = non_negative("Adam: learning rate", lr);
    }
}
