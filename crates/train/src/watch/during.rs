//! The inside of a model while it learns.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use wengert_autograd::{Buffer, Gradients, Param, Tape, Var};
use wengert_nn::{Module, Optimizer, StepError};
use wengert_tensor::Float;

use super::layers::{self, Inside, Output};
use super::spread::{read, spread};
use crate::{LayerStats, NormStats, ParamStats, Snapshot};

/// Takes steps and, of those whose tape is watched, a [`Snapshot`]: the activations, gradients and
/// parameters of the model. What it measures is recorded on the tape and runs with the step, whose
/// sums may be rounded otherwise for it: how they are cut depends on what else their loop does.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Activation, Adam, Layer, Linear, Loss, Sequential};
/// use wengert_tensor::Rng;
/// use wengert_train::{History, Watch, digits};
///
/// let mut rng = Rng::seed(0);
/// let net = Sequential::new()
///     .then(Linear::new(64, 32, &mut rng))
///     .then_fn(|x| x.relu())
///     .then(Linear::new(32, 10, &mut rng));
/// let mut optimizer = Adam::new(&net, 0.01);
/// let (mut watch, mut history) = (Watch::new(), History::new(0));
/// for (step, (x, labels)) in (0..).zip(digits().batches(64, 0)) {
///     let tape = Tape::train(step);
///     if step % 10 == 0 {
///         tape.watch();
///     }
///     let loss = net.forward(tape.var(x / 16.0)).cross_entropy(&labels);
///     if let Some(snapshot) = watch.step(step, &net, &mut optimizer, &loss.backward())? {
///         history.snapshots.push(snapshot);
///     }
/// }
/// let first = &history.snapshots[0];
/// let layers: Vec<_> = first.layers.iter().map(|layer| (layer.path.as_str(), layer.kind.as_str())).collect();
/// assert_eq!(layers, [("0", "Linear"), ("1", "relu"), ("2", "Linear")]);
/// assert!(first.layers[1].zero_fraction > 0.2);
/// assert_eq!(first.params[0].name, "0.weight");
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Watch {
    /// By layer and unit, in how many snapshots on end it was 0.
    idle: Vec<Vec<u32>>,
    taken: u32,
}

/// A unit is dead that was 0 in so many snapshots on end, or in all of them so far.
const ON_END: u32 = 4;

impl Watch {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes step number `step`, as [`Optimizer::step`] does; of a tape that is watched, it returns
    /// what there was to see.
    ///
    /// # Errors
    /// Those of the optimizer. Nothing has changed then.
    #[track_caller]
    pub fn step<T: Float>(
        &mut self,
        step: u64,
        model: &(impl Module<T> + ?Sized),
        optimizer: &mut (impl Optimizer<T> + ?Sized),
        gradients: &Gradients<'_, T>,
    ) -> Result<Option<Snapshot>, StepError> {
        let tape = gradients.tape();
        if !tape.is_watched() {
            return optimizer.step(gradients).map(|()| None);
        }
        let held = Held::of(model, gradients);
        optimizer.record(gradients)?;
        let look = Look::new(model, tape, held);
        tape.expect(look.vars());
        tape.commit();
        Ok(Some(self.snapshot(step, look)))
    }

    fn snapshot<T: Float>(&mut self, step: u64, look: Look<'_, T>) -> Snapshot {
        self.taken += 1;
        self.idle.resize_with(look.layers.len(), Vec::new);
        let enough = self.taken.min(ON_END);
        let layers = look.layers.into_iter().zip(&mut self.idle);
        Snapshot {
            step,
            layers: layers.map(|(layer, idle)| layer.read(idle, enough)).collect(),
            params: look.params.into_iter().map(LookAtParam::read).collect(),
            norms: look.norms.into_iter().map(LookAtNorm::read).collect(),
        }
    }
}

/// A parameter as it is before the update of a step is recorded.
struct Held<'t, T: Float> {
    name: String,
    param: Param<T>,
    value: Var<'t, T>,
    gradient: Var<'t, T>,
}

impl<'t, T: Float> Held<'t, T> {
    /// Of all parameters that are trained.
    fn of(model: &(impl Module<T> + ?Sized), gradients: &Gradients<'t, T>) -> Vec<Self> {
        let held = |(name, param): (String, Param<T>)| {
            let gradient = gradients.get(&param)?;
            Some(Self { name, value: param.on(gradients.tape()), gradient, param })
        };
        model.params().into_iter().filter_map(held).collect()
    }
}

/// The variables that a snapshot is made of.
struct Look<'t, T: Float> {
    layers: Vec<LookAtLayer<'t, T>>,
    params: Vec<LookAtParam<'t, T>>,
    norms: Vec<LookAtNorm<'t, T>>,
}

impl<'t, T: Float> Look<'t, T> {
    /// Records them, when the update is recorded and not carried out.
    fn new(model: &(impl Module<T> + ?Sized), tape: &'t Tape<T>, held: Vec<Held<'t, T>>) -> Self {
        let (outputs, inside) = layers::noted(model, tape);
        Self {
            layers: outputs.into_iter().map(LookAtLayer::new).collect(),
            params: held.into_iter().map(LookAtParam::new).collect(),
            norms: LookAtNorm::all(&inside, &model.buffers()),
        }
    }

    fn vars(&self) -> impl Iterator<Item = Var<'t, T>> + '_ {
        let layers = self.layers.iter().flat_map(|layer| [Some(layer.spread), layer.gradient, layer.largest]);
        let params = self.params.iter().flat_map(|param| [param.value, param.gradient, param.update]);
        layers.flatten().chain(params).chain(self.norms.iter().flat_map(|norm| norm.drift))
    }
}

struct LookAtLayer<'t, T: Float> {
    output: Output<'t, T>,
    spread: Var<'t, T>,
    gradient: Option<Var<'t, T>>,
    /// The largest output of each unit, if units can die.
    largest: Option<Var<'t, T>>,
}

impl<'t, T: Float> LookAtLayer<'t, T> {
    fn new(output: Output<'t, T>) -> Self {
        let others = output.mortal_units().map(|unit| {
            let axes = 0..output.var.rank() as isize;
            axes.filter(|&axis| axis != unit).collect::<Vec<isize>>()
        });
        Self {
            spread: spread(output.var, output.limits()),
            gradient: output.cotangent.map(|g| spread(g, None)),
            largest: others.map(|axes| output.var.max(&axes[..])),
            output,
        }
    }

    fn read(self, idle: &mut Vec<u32>, enough: u32) -> LayerStats {
        let seen = read(self.spread);
        let dead = self.largest.map(|largest| {
            let largest = largest.value();
            if idle.len() != largest.count() {
                *idle = vec![0; largest.count()];
            }
            for (idle, largest) in idle.iter_mut().zip(largest.iter()) {
                *idle = if largest == T::ZERO { *idle + 1 } else { 0 };
            }
            idle.iter().filter(|&&idle| idle >= enough).count() as f64 / idle.len() as f64
        });
        LayerStats {
            saturated_fraction: self.output.limits().map(|_| seen.outside),
            path: self.output.path,
            kind: self.output.kind,
            output: seen.distribution,
            gradient: self.gradient.map(|g| read(g).distribution),
            zero_fraction: seen.zero,
            dead_fraction: dead,
        }
    }
}

struct LookAtParam<'t, T: Float> {
    name: String,
    value: Var<'t, T>,
    gradient: Var<'t, T>,
    update: Var<'t, T>,
}

impl<'t, T: Float> LookAtParam<'t, T> {
    fn new(held: Held<'t, T>) -> Self {
        let update = held.param.on(held.value.tape()) - held.value;
        Self { name: held.name, value: spread(held.value, None), gradient: rms(held.gradient), update: rms(update) }
    }

    fn read(self) -> ParamStats {
        let value = read(self.value).distribution;
        ParamStats {
            name: self.name,
            value_rms: value.mean.hypot(value.sd),
            gradient_rms: self.gradient.item().to_f64(),
            update_rms: self.update.item().to_f64(),
            histogram: value.histogram,
        }
    }
}

struct LookAtNorm<'t, T: Float> {
    path: String,
    /// Of the mean and of the variance.
    drift: [Var<'t, T>; 2],
}

impl<'t, T: Float> LookAtNorm<'t, T> {
    /// Of every layer that noted both statistics of its batch and has running ones.
    fn all(inside: &[Inside<'t, T>], buffers: &IndexMap<String, Buffer<T>>) -> Vec<Self> {
        let statistic = |path: &str, name: &str| {
            let batch = inside.iter().find(|found| found.path == path && found.name == name)?.var;
            // What the layer has on the tape is already the next value.
            let running = buffers.get(&format!("{path}.{name}").trim_start_matches('.').to_owned())?.value();
            Some((batch.reshape(running.shape()), batch.tape().var(running)))
        };
        let of = |found: &Inside<'t, T>| {
            let ((mean, running_mean), (var, running_var)) =
                (statistic(&found.path, "running_mean")?, statistic(&found.path, "running_var")?);
            let running_var = running_var + EPS;
            let drift = [rms((mean - running_mean) * running_var.rsqrt()), ((var + EPS) / running_var).mean(..)];
            Some(Self { path: found.path.clone(), drift })
        };
        inside.iter().filter(|found| found.name == "running_mean").filter_map(of).collect()
    }

    fn read(self) -> NormStats {
        let [mean_drift, var_ratio] = self.drift.map(|drift| drift.item().to_f64());
        NormStats { path: self.path, mean_drift, var_ratio }
    }
}

/// So that a channel that never varies has drifted nowhere.
const EPS: f64 = 1e-5;

fn rms<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
    x.square().mean(..).sqrt()
}
