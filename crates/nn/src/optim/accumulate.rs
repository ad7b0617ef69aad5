//! Gradients of several batches, for one step.

use wengert_autograd::{Buffer, Gradients, Param};
use wengert_tensor::{Float, Tensor};

use super::StepError;
use crate::Module;

/// Adds up the gradients of several batches, which together may not fit into memory, for one
/// step on their sum. Divide each loss by the number of batches for their mean.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Accumulator, Optimizer, Sgd};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![0.0]);
/// let mut optimizer = Sgd::new(&w, 1.0);
/// let sums = Accumulator::new(&w);
/// for step in 0..4 {
///     let tape = Tape::train(step);
///     let gradients = (w.on(&tape) * step as f64).sum(..).backward();
///     if step % 2 == 0 {
///         sums.add(&gradients)?;
///     } else {
///         optimizer.step(&sums.finish(gradients)?)?;
///     }
/// }
/// assert_eq!(w.value(), tensor![-6.0]); // 0 + 1, then 2 + 3
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub struct Accumulator<T: Float = f32> {
    /// Name, parameter, sum so far.
    sums: Vec<(String, Param<T>, Buffer<T>)>,
}

impl<T: Float> Accumulator<T> {
    /// For the parameters of `module`, with sums of 0.
    pub fn new(module: &(impl Module<T> + ?Sized)) -> Self {
        let sum = |param: &Param<T>| Buffer::new("sum", Tensor::zeros(param.shape()));
        let sums = module.params().into_iter().map(|(name, param)| (name, sum(&param), param));
        Self { sums: sums.map(|(name, sum, param)| (name, param, sum)).collect() }
    }

    /// Adds these gradients, of every parameter that is not frozen, and commits their tape.
    ///
    /// # Errors
    /// If a parameter has no gradient. Nothing has changed then.
    #[track_caller]
    pub fn add(&self, gradients: &Gradients<'_, T>) -> Result<(), StepError> {
        let totals = self.finish(gradients.clone())?;
        for (_, param, sum) in &self.sums {
            if let Some(total) = totals.get(param) {
                sum.overwrite(total);
            }
        }
        gradients.tape().commit();
        Ok(())
    }

    /// The sum of all gradients, with these as the last; committing their tape sets the sums
    /// back to 0.
    ///
    /// # Errors
    /// If a parameter has no gradient. Nothing has changed then.
    #[track_caller]
    pub fn finish<'t>(&self, mut gradients: Gradients<'t, T>) -> Result<Gradients<'t, T>, StepError> {
        let tape = gradients.tape();
        let active = || self.sums.iter().filter(|(_, param, _)| !param.is_frozen());
        let last = active().map(|(name, param, _)| gradients.of(param, name)).collect::<Result<Vec<_>, _>>()?;
        for ((_, param, sum), g) in active().zip(last) {
            gradients.set(param, sum.on(tape) + g);
            sum.assign(tape.var(Tensor::zeros(param.shape())));
        }
        Ok(gradients)
    }
}
