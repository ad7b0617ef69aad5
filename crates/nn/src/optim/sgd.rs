//! Stochastic gradient descent.

use wengert_autograd::{Buffer, Gradients, Param};
use wengert_tensor::{Float, Tensor};

use super::{Optimizer, StepError, Trained, Update, non_negative, trained, updates};
use crate::Module;

/// Stochastic gradient descent, plain or with momentum.
///
/// p ← p − lr·g without momentum. With momentum μ (Polyak 1964) v ← μ·v + g and p ← p − lr·v;
/// Nesterov's (Sutskever et al., "On the importance of initialization and momentum in deep
/// learning", 2013) looks one step ahead: p ← p − lr·(g + μ·v). Weight decay λ adds λ·p to g.
/// All as PyTorch's `SGD`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Optimizer, Sgd};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![2.0]);
/// let mut optimizer = Sgd::new(&w, 0.25).momentum(0.5);
/// for expected in [1.5, 0.75] {
///     let tape = Tape::train(0);
///     optimizer.step(&(w.on(&tape) * 2.0).sum(..).backward())?;
///     assert_eq!(w.value(), tensor![expected]);
/// }
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub struct Sgd<T: Float = f32> {
    /// With the velocity v, if there is momentum.
    trained: Vec<Trained<T, Option<Buffer<T>>>>,
    lr: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl<T: Float> Sgd<T> {
    /// Plain descent on the parameters of `module` with learning rate `lr`.
    ///
    /// # Panics
    /// If `lr` is negative or not finite.
    #[track_caller]
    pub fn new(module: &(impl Module<T> + ?Sized), lr: f64) -> Self {
        let lr = non_negative("Sgd: learning rate", lr);
        Self { trained: trained(module, |_| None), lr, momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }

    /// With momentum: a moving sum of gradients, each counting `momentum` times as much as the
    /// next.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = non_negative("Sgd: momentum", momentum);
        self.nesterov = false;
        for trained in &mut self.trained {
            let velocity = |param: &Param<T>| Buffer::new("velocity", Tensor::zeros(param.shape()));
            trained.state = (momentum > 0.0).then(|| velocity(&trained.param));
        }
        self
    }

    /// With Nesterov's momentum.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn nesterov(self, momentum: f64) -> Self {
        Self { nesterov: true, ..self.momentum(momentum) }
    }

    /// Adds this multiple of each parameter to its gradient.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay: non_negative("Sgd: weight decay", weight_decay), ..self }
    }
}

impl<T: Float> Optimizer<T> for Sgd<T> {
    fn step(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError> {
        let tape = gradients.tape();
        for Update { param, gradient, state } in updates(&mut self.trained, gradients)? {
            let (p, mut direction) = (param.on(tape), gradient);
            if self.weight_decay > 0.0 {
                direction = direction + p * self.weight_decay;
            }
            if let Some(velocity) = state {
                let v = velocity.on(tape) * self.momentum + direction;
                velocity.assign(v);
                direction = if self.nesterov { direction + v * self.momentum } else { v };
            }
            param.assign(p - direction * self.lr);
        }
        tape.commit();
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = non_negative("Sgd: learning rate", lr);
    }
}
