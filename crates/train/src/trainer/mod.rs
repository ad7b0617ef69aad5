//! Training as an ordinary loop that is already written.

mod before;
mod callback;
mod error;
mod learn;
mod not_finite;
mod rate;
mod resume;
mod run;
mod source;
mod step;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;
use wengert_autograd::{Buffer, Param, Tape, Var};
use wengert_nn::{CrossEntropy, Module, Mse, Optimizer, PlateauLr, Schedule};
use wengert_tensor::{Float, Tensor};

use crate::{Accuracy, Checkpoints, Collate, DataError, Dataset, History, Loader, Metric, RSquared, Task, Watch};
use before::{CheckBefore, check_classes, check_numbers};
use callback::{AfterEpoch, AfterStep};
use learn::{Learn, OfTargets};
use rate::Rate;
use source::Source;

pub use callback::Callback;
pub use error::{TrainError, TrainErrorKind};

/// Trains a model: epochs of steps over batches, with everything around them.
///
/// A model is any [`Module`], a method of yours makes outputs of inputs, and data are had from a
/// [`Loader`]. What [`Trainer::fit`] does, a loop does as well, up to rounding where a step is watched:
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Adam, Layer, Linear, Loss, Module, Optimizer};
/// use wengert_tensor::Rng;
/// use wengert_train::{Loader, Standardize, Trainer, Transform, digits};
///
/// let [training, validation] = digits().split([0.8, 0.2], 1);
/// let scale = Standardize::fit(training.features())?;
/// let [training, validation] = [training, validation].map(|part| part.map_features(|x| scale.apply(x)));
/// let loader = Loader::new(training, 64).shuffle(1);
///
/// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
/// let history = Trainer::classifier(&net, Adam::new(&net, 0.01), |x| net.forward(x))
///     .validation(Loader::new(validation, 500))
///     .epochs(3)
///     .fit(&loader)?;
/// assert!(history.epochs[2].validation["accuracy"] > 0.9);
///
/// let other = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
/// let mut optimizer = Adam::new(&other, 0.01);
/// let mut step = 0;
/// for epoch in 0..3 {
///     for batch in loader.epoch(epoch) {
///         let (x, labels) = batch?;
///         let tape = Tape::train(step);
///         let loss = other.forward(tape.var(x)).cross_entropy(&labels);
///         optimizer.step(&loss.backward())?;
///         step += 1;
///     }
/// }
/// other.weight.value().assert_close(&net.weight.value(), 1e-3, 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a, B, T: Float = f32> {
    learn: Learn<'a, B, T>,
    model: &'a dyn Module<T>,
    params: Vec<Param<T>>,
    buffers: Vec<Buffer<T>>,
    optimizer: Box<dyn Optimizer<T> + 'a>,
    validation: Option<Box<dyn Source<B> + 'a>>,
    epochs: u64,
    seed: u64,
    rate: Rate<'a>,
    clip: Option<Clipping>,
    accumulate: usize,
    monitor: String,
    patience: Option<u64>,
    keep_best: bool,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    checkpoints: Option<Checkpoints>,
    preprocessing: Value,
    check_before: Option<CheckBefore<B, T>>,
    watch: Watch,
    watch_every: Option<u64>,
    quiet: bool,
}

/// How gradients are clipped.
#[derive(Clone, Copy)]
enum Clipping {
    Norm(f64),
    Value(f64),
}

impl<'a, T: Float> Trainer<'a, (Tensor<T>, Tensor<i64>), T> {
    /// Learns classes: `forward` makes scores of inputs, with the classes on the last axis, and
    /// the loss is their mean cross entropy with the labels. Measures the accuracy too.
    pub fn classifier(
        model: &'a impl Module<T>,
        optimizer: impl Optimizer<T> + 'a,
        forward: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T> + 'a,
    ) -> Self {
        let mut this = Self::supervised(
            model,
            optimizer,
            move |tape, x: &Tensor<T>| forward(tape.var(x)),
            |scores, labels: &Tensor<i64>| CrossEntropy::new().of(scores, labels),
        );
        this.learn.task = Task::Classification { classes: 0 };
        this.check_before = Some(check_classes);
        this.metric(Accuracy)
    }
}

impl<'a, T: Float> Trainer<'a, (Tensor<T>, Tensor<T>), T> {
    /// Learns numbers: `forward` makes predictions of inputs, of the shape of the targets, and the
    /// loss is their mean squared error. Measures R² too.
    ///
    /// ```
    /// use wengert_nn::{Adam, Layer, Linear};
    /// use wengert_tensor::{Rng, Tensor};
    /// use wengert_train::{Labelled, Loader, Trainer};
    ///
    /// let x = Tensor::<f32>::normal([200, 3], 0.0, 1.0, &mut Rng::seed(1));
    /// let y = x.sum(1).reshape([200, 1]);
    /// let line = Linear::<f32>::new(3, 1, &mut Rng::seed(2));
    /// let history = Trainer::regressor(&line, Adam::new(&line, 0.1), |x| line.forward(x))
    ///     .epochs(20)
    ///     .fit(&Loader::new(Labelled::new(x, y), 20).shuffle(1))?;
    /// assert!(history.epochs.last().unwrap().train["R²"] > 0.99);
    /// # Ok::<(), wengert_train::TrainError>(())
    /// ```
    pub fn regressor(
        model: &'a impl Module<T>,
        optimizer: impl Optimizer<T> + 'a,
        forward: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T> + 'a,
    ) -> Self {
        let mut this = Self::supervised(
            model,
            optimizer,
            move |tape, x: &Tensor<T>| forward(tape.var(x)),
            |y, targets: &Tensor<T>| Mse::new().of(y, targets),
        );
        this.learn.task = Task::Regression;
        this.check_before = Some(check_numbers);
        this.metric(RSquared)
    }
}

impl<'a, X: 'a, Y: 'a, T: Float> Trainer<'a, (X, Y), T> {
    /// Learns targets of any kind from inputs of any kind: `forward` records outputs on the tape,
    /// `loss` a number that tells how far they are from the targets.
    pub fn supervised(
        model: &'a impl Module<T>,
        optimizer: impl Optimizer<T> + 'a,
        forward: impl for<'t> Fn(&'t Tape<T>, &X) -> Var<'t, T> + 'a,
        loss: impl for<'t> Fn(Var<'t, T>, &Y) -> Var<'t, T> + 'a,
    ) -> Self {
        Self::of(model, optimizer, move |tape, (x, _)| forward(tape, x), move |outputs, (_, y)| loss(outputs, y))
    }

    /// Another loss.
    ///
    /// ```
    /// # use wengert_nn::{Adam, CrossEntropy, Layer, Linear};
    /// # use wengert_tensor::Rng;
    /// # use wengert_train::Trainer;
    /// # let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
    /// let smoothed = CrossEntropy::new().label_smoothing(0.1);
    /// let trainer = Trainer::classifier(&net, Adam::new(&net, 0.01), |x| net.forward(x))
    ///     .loss(move |scores, labels| smoothed.of(scores, labels));
    /// ```
    pub fn loss(mut self, loss: impl for<'t> Fn(Var<'t, T>, &Y) -> Var<'t, T> + 'a) -> Self {
        self.learn.loss = Box::new(move |outputs, (_, y)| loss(outputs, y));
        self
    }

    /// One more metric, of training and validation data.
    ///
    /// Of training data it is the mean over the steps of an epoch, each with the parameters that
    /// the step began with.
    pub fn metric(mut self, metric: impl Metric<Y, T> + 'a) -> Self {
        self.learn.metrics.push(Box::new(OfTargets(metric)));
        self
    }
}

impl<'a, B: 'a, T: Float> Trainer<'a, B, T> {
    /// Learns whatever makes a loss small that is recorded for a batch.
    ///
    /// ```
    /// use wengert_nn::{Adam, Layer, Linear, Loss};
    /// use wengert_tensor::{Rng, Tensor};
    /// use wengert_train::{Labelled, Loader, Trainer};
    ///
    /// // Four numbers through one and back.
    /// let mut rng = Rng::seed(1);
    /// let coder = (Linear::<f32>::new(4, 1, &mut rng), Linear::new(1, 4, &mut rng));
    /// let x = Tensor::normal([100, 1], 0.0, 1.0, &mut rng) * Tensor::normal([1, 4], 0.0, 1.0, &mut rng);
    /// let data = Loader::new(Labelled::new(x, Tensor::<i64>::zeros([100])), 10);
    /// let history = Trainer::new(&coder, Adam::new(&coder, 0.02), |tape, (x, _)| {
    ///     coder.1.forward(coder.0.forward(tape.var(x))).mse(x)
    /// })
    /// .epochs(30)
    /// .fit(&data)?;
    /// assert!(history.loss.last() < Some(0.01));
    /// # Ok::<(), wengert_train::TrainError>(())
    /// ```
    pub fn new(
        model: &'a impl Module<T>,
        optimizer: impl Optimizer<T> + 'a,
        record: impl for<'t> Fn(&'t Tape<T>, &B) -> Var<'t, T> + 'a,
    ) -> Self {
        Self::of(model, optimizer, record, |loss, _| loss)
    }

    fn of(
        model: &'a impl Module<T>,
        optimizer: impl Optimizer<T> + 'a,
        outputs: impl for<'t> Fn(&'t Tape<T>, &B) -> Var<'t, T> + 'a,
        loss: impl for<'t> Fn(Var<'t, T>, &B) -> Var<'t, T> + 'a,
    ) -> Self {
        let (outputs, loss) = (Box::new(outputs), Box::new(loss));
        Self {
            learn: Learn { task: Task::Other, outputs, loss, metrics: Vec::new() },
            model,
            params: model.params().into_values().collect(),
            buffers: model.buffers().into_values().collect(),
            optimizer: Box::new(optimizer),
            validation: None,
            epochs: 10,
            seed: 0,
            rate: Rate::Own,
            clip: None,
            accumulate: 1,
            monitor: "loss".to_owned(),
            patience: None,
            keep_best: false,
            callbacks: Vec::new(),
            checkpoints: None,
            preprocessing: Value::Null,
            check_before: None,
            watch: Watch::new(),
            watch_every: None,
            quiet: false,
        }
    }

    /// Measures loss and metrics on these data after every epoch.
    pub fn validation<D: Dataset<Item: Collate<Batch = B>> + 'static>(mut self, loader: Loader<D>) -> Self {
        self.validation = Some(Box::new(loader));
        self
    }

    /// How often to go through the training data; 10 times unless told.
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.epochs = epochs;
        self
    }

    /// What random layers such as dropout draw from; the loader has a seed of its own.
    ///
    /// With seed 0, as it is unless told, step number `n` is recorded on `Tape::train(n)`.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The learning rate of each step, counted from 0.
    pub fn schedule(mut self, schedule: impl Schedule + 'a) -> Self {
        self.rate = Rate::Steps(Box::new(schedule));
        self
    }

    /// The learning rate of each epoch, counted from 0.
    pub fn schedule_by_epoch(mut self, schedule: impl Schedule + 'a) -> Self {
        self.rate = Rate::Epochs(Box::new(schedule));
        self
    }

    /// Reduces the learning rate when the monitored metric stops getting better.
    pub fn reduce_on_plateau(mut self, plateau: PlateauLr) -> Self {
        self.rate = Rate::Plateau(plateau);
        self
    }

    /// Shortens gradients, as one vector, to this norm: [`Clip::clip_norm`](wengert_nn::Clip::clip_norm).
    pub fn clip_norm(mut self, max: f64) -> Self {
        self.clip = Some(Clipping::Norm(max));
        self
    }

    /// Limits every element of the gradients: [`Clip::clip_value`](wengert_nn::Clip::clip_value).
    pub fn clip_value(mut self, limit: f64) -> Self {
        self.clip = Some(Clipping::Value(limit));
        self
    }

    /// Takes a step on every so many batches, as if they were one: for batches that do not fit
    /// into memory together. Batch norm still sees each for itself.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn accumulate(mut self, batches: usize) -> Self {
        assert!(batches > 0, "accumulate: a step of no batches");
        self.accumulate = batches;
        self
    }

    /// The metric by which epochs are compared, of the validation data if there are any; `loss`
    /// unless told.
    pub fn monitor(mut self, metric: &str) -> Self {
        self.monitor = metric.to_owned();
        self
    }

    /// Ends the run when so many epochs in a row are not better than the best one.
    pub fn early_stopping(mut self, patience: u64) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Leaves the model as it was after its best epoch, not after the last.
    pub fn keep_best(mut self) -> Self {
        self.keep_best = true;
        self
    }

    /// Does something after steps and epochs.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Calls this after every step; a [`ControlFlow::Break`] ends the run for the reason given.
    pub fn after_step(self, f: impl FnMut(&History) -> ControlFlow<String> + 'a) -> Self {
        self.callback(AfterStep(f))
    }

    /// Calls this after every epoch; a [`ControlFlow::Break`] ends the run for the reason given.
    pub fn after_epoch(self, f: impl FnMut(&History) -> ControlFlow<String> + 'a) -> Self {
        self.callback(AfterEpoch(f))
    }

    /// Writes checkpoints, and resumes from them.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Puts into checkpoints how the data were prepared, for whoever uses the model.
    ///
    /// # Panics
    /// If it cannot be JSON: a map whose keys are no text, say.
    #[track_caller]
    pub fn preprocessing(mut self, fitted: &impl Serialize) -> Self {
        let value = serde_json::to_value(fitted);
        self.preprocessing = value.unwrap_or_else(|error| panic!("preprocessing: {error}"));
        self
    }

    /// Looks inside the model every so many steps, and before that in steps 0, 1, 4, 16 and so on, for
    /// [`History::snapshots`]. Unless told it is a fiftieth of the run, but 50 steps at least, which costs a
    /// few percent of the time. It changes the model by no more than the rounding of sums.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn watch_every(mut self, steps: u64) -> Self {
        assert!(steps > 0, "watch_every: looks at a distance of 0 steps");
        self.watch_every = Some(steps);
        self
    }

    /// Makes no checks before the first step. A classifier or regressor otherwise makes those of
    /// [`before`](crate::before), on up to 16,384 examples: [`History::checks`]. They take about as long as
    /// a few hundred small steps, run the model on batches of other sizes unless all of the loader's have
    /// the same, and change no bit of it.
    pub fn no_checks(mut self) -> Self {
        self.check_before = None;
        self
    }

    /// Prints nothing.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Trains: every epoch goes through the training data once, step by step, and then measures.
    ///
    /// # Errors
    /// If a loss or a gradient is not finite, if data cannot be had, a parameter has no gradient,
    /// or a checkpoint cannot be written or read. The error holds the history up to then, and the
    /// model is as it was after the last step.
    ///
    /// # Panics
    /// If there are no data, if no metric has the name to be monitored, if the schedule gives a learning
    /// rate that is negative or not finite, or if the model panics.
    #[track_caller]
    pub fn fit<D>(&mut self, training: &Loader<D>) -> Result<History, TrainError>
    where
        D: Dataset<Item: Collate<Batch = B>> + 'static,
    {
        assert!(!training.is_empty(), "fit: no training data");
        let known: Vec<String> = self.learn.metrics.iter().map(|metric| metric.name()).collect();
        let monitor = &self.monitor;
        assert!(
            monitor == "loss" || known.contains(monitor),
            "fit: `{monitor}` is neither the loss nor one of {known:?}"
        );
        self.run(training)
    }

    /// Loss and metrics of the model on these data, in evaluate mode.
    ///
    /// # Errors
    /// If a batch cannot be had.
    pub fn evaluate<D>(&self, loader: &Loader<D>) -> Result<IndexMap<String, f64>, DataError>
    where
        D: Dataset<Item: Collate<Batch = B>> + 'static,
    {
        self.evaluate_on(loader)
    }
}
