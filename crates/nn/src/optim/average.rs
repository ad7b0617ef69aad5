//! Averages of weights over the steps of training.

use wengert_autograd::{Buffer, Param, Tape};
use wengert_tensor::{Float, Tensor};

use crate::exchange::Check;
use crate::{LoadError, Module, StateDict, Stateful};

/// A running average of a module's parameters, which often generalises better than the last
/// values.
///
/// Exponential: a ← d·a + (1 − d)·p, after Polyak & Juditsky, "Acceleration of stochastic
/// approximation by averaging" (1992). Equal: the mean of all recorded values, for stochastic
/// weight averaging, Izmailov et al., "Averaging weights leads to wider optima and better
/// generalization" (2018). The first update copies; as PyTorch's `AveragedModel`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Optimizer, Sgd, WeightAverage};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![0.0]);
/// let (mut optimizer, mut average) = (Sgd::new(&w, 1.0), WeightAverage::exponential(&w, 0.5));
/// for step in 0..2 {
///     let tape = Tape::train(step);
///     optimizer.record(&w.on(&tape).sum(..).backward())?;
///     average.record(&tape);
///     tape.commit(); // the step and the average in one run
/// }
/// assert_eq!(average.evaluate(|| w.value()), tensor![-1.5]);
/// assert_eq!(w.value(), tensor![-2.0]);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
#[doc(alias = "AveragedModel")]
#[doc(alias = "EMA")]
pub struct WeightAverage<T: Float = f32> {
    /// d; none for equal weights.
    decay: Option<f64>,
    /// The number of values recorded.
    updates: u64,
    averages: Vec<(String, Param<T>, Buffer<T>)>,
}

impl<T: Float> WeightAverage<T> {
    /// An average that keeps `decay` of itself at each update.
    ///
    /// # Panics
    /// If `decay` is not a number from 0 to 1.
    #[track_caller]
    pub fn exponential(module: &(impl Module<T> + ?Sized), decay: f64) -> Self {
        assert!((0.0..=1.0).contains(&decay), "WeightAverage: decay {decay} is not from 0 to 1");
        Self { decay: Some(decay), ..Self::equal(module) }
    }

    /// The mean of the values at all updates.
    pub fn equal(module: &(impl Module<T> + ?Sized)) -> Self {
        let average = |param: &Param<T>| Buffer::new("average", param.value());
        let params = module.params().into_iter();
        let averages = params.map(|(name, param)| (name, average(&param), param));
        let averages = averages.map(|(name, average, param)| (name, param, average)).collect();
        Self { decay: None, updates: 0, averages }
    }

    /// Records the update with the values that the parameters will have when the tape is
    /// committed, which is the caller's to do.
    #[track_caller]
    pub fn record(&mut self, tape: &Tape<T>) {
        let keep = match self.decay {
            _ if self.updates == 0 => 0.0,
            Some(decay) => decay,
            None => self.updates as f64 / (self.updates + 1) as f64,
        };
        for (_, param, average) in &self.averages {
            average.overwrite(average.on(tape) * keep + param.on(tape) * (1.0 - keep));
        }
        self.updates += 1;
    }

    /// Exchanges the values of the parameters and their averages.
    pub fn swap(&self) {
        for (_, param, average) in &self.averages {
            let value = param.value();
            param.set(average.value());
            average.set(value);
        }
    }

    /// What `f` makes of the module while its parameters have the values of the averages; they
    /// get their own back even if `f` panics.
    pub fn evaluate<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Back<'a, T: Float>(&'a WeightAverage<T>);
        impl<T: Float> Drop for Back<'_, T> {
            fn drop(&mut self) {
                self.0.swap();
            }
        }
        self.swap();
        let _back = Back(self);
        f()
    }
}

impl<T: Float> Stateful for WeightAverage<T> {
    /// The number of updates and, under `average` and the name of each parameter, its average.
    fn state(&self) -> StateDict {
        let mut state = StateDict::new();
        state.insert_number("updates", self.updates as f64);
        for (name, _, average) in &self.averages {
            state.insert(format!("average.{name}"), average.value());
        }
        state
    }

    fn restore(&mut self, state: &StateDict) -> Result<(), LoadError> {
        let mut check = Check::new(state);
        let updates = check.count("updates");
        let average =
            |(name, param, _): &(String, Param<T>, _)| check.tensor(format!("average.{name}"), &param.shape());
        let found: Vec<Option<Tensor<T>>> = self.averages.iter().map(average).collect();
        check.finish()?;
        self.updates = updates.expect("the check found every entry");
        for ((_, _, average), value) in self.averages.iter().zip(found) {
            average.set(value.expect("the check found every entry"));
        }
        Ok(())
    }
}
