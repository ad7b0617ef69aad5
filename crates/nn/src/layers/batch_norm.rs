//! Batch normalisation.

use std::fmt;

use wengert_autograd::{Buffer, Noter, Param, Var};
use wengert_tensor::{Float, Tensor};

use super::normalize::{checked_eps, follow, moments, on_axis_1, scaled_by_channel};
use crate::{Layer, Module, Summary, Visitor};

/// (x − mean) / √(variance + ε) · γ + β for every channel: Ioffe & Szegedy, "Batch
/// normalization" (2015), algorithms 1 and 2.
///
/// `x` has the shape `[batch, channels, …]`. On a tape in train mode, mean and (biased)
/// variance are those of the channel over the batch and the further axes, and the running
/// statistics move towards them when the step is committed; in evaluate mode the running
/// statistics are used. The running variance gathers unbiased variances.
///
/// γ (`weight`) starts as 1, β (`bias`) as 0, the running mean as 0, the running variance as 1.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{BatchNorm, Layer};
/// use wengert_tensor::tensor;
///
/// let norm = BatchNorm::new(2).momentum(0.5);
/// let tape = Tape::<f32>::train(0);
/// let y = norm.forward(tape.var(tensor![[1.0, 10.0], [3.0, 30.0]])).value();
/// assert!((y.at([0, 0]) + 1.0).abs() < 1e-5 && (y.at([1, 1]) - 1.0).abs() < 1e-5);
/// tape.commit(); // an optimizer's step does
/// assert_eq!(norm.running_mean.value(), tensor![1.0, 10.0]);
/// assert_eq!(norm.to_string(), "BatchNorm(2 channels, 4 parameters)");
/// ```
#[doc(alias = "BatchNorm1d")]
#[doc(alias = "BatchNorm2d")]
pub struct BatchNorm<T: Float = f32> {
    /// γ, the scale, `[channels]`.
    pub weight: Option<Param<T>>,
    /// β, the shift, `[channels]`.
    pub bias: Option<Param<T>>,
    /// The running mean, `[channels]`.
    pub running_mean: Buffer<T>,
    /// The running variance, `[channels]`.
    pub running_var: Buffer<T>,
    /// How many batches the running statistics have seen, `[]`.
    pub num_batches_tracked: Buffer<T>,
    /// None for the average over all batches.
    momentum: Option<f64>,
    eps: f64,
    /// Whether there are running statistics.
    running: bool,
}

impl<T: Float> Module<T> for BatchNorm<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        visitor.child("weight", &self.weight);
        visitor.child("bias", &self.bias);
        if self.running {
            visitor.child("running_mean", &self.running_mean);
            visitor.child("running_var", &self.running_var);
            visitor.child("num_batches_tracked", &self.num_batches_tracked);
        }
    }
}

impl<T: Float> BatchNorm<T> {
    /// A layer of this many channels.
    #[track_caller]
    pub fn new(channels: usize) -> Self {
        Self {
            weight: Some(Param::new("weight", Tensor::ones([channels]))),
            bias: Some(Param::new("bias", Tensor::zeros([channels]))),
            running_mean: Buffer::new("running_mean", Tensor::zeros([channels])),
            running_var: Buffer::new("running_var", Tensor::ones([channels])),
            num_batches_tracked: Buffer::new("num_batches_tracked", Tensor::scalar(T::ZERO)),
            momentum: Some(0.1),
            eps: 1e-5,
            running: true,
        }
    }

    /// How far the running statistics go towards those of each batch; 0.1 unless told.
    ///
    /// # Panics
    /// If it is not a number from 0 to 1.
    #[track_caller]
    pub fn momentum(self, momentum: f64) -> Self {
        assert!((0.0..=1.0).contains(&momentum), "batch_norm: momentum {momentum} is not a number from 0 to 1");
        Self { momentum: Some(momentum), ..self }
    }

    /// With running statistics that are the average over all batches, each counted alike.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{BatchNorm, Layer};
    /// use wengert_tensor::tensor;
    ///
    /// let norm = BatchNorm::<f32>::new(1).cumulative_average();
    /// for batch in [tensor![[1.0], [3.0]], tensor![[5.0], [7.0]]] {
    ///     let tape = Tape::train(0);
    ///     norm.forward(tape.var(batch));
    ///     tape.commit();
    /// }
    /// assert_eq!(norm.running_mean.value(), tensor![4.0]);
    /// ```
    pub fn cumulative_average(self) -> Self {
        Self { momentum: None, ..self }
    }

    /// Without running statistics: those of the batch are used in evaluate mode too. PyTorch's
    /// `track_running_stats=False`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{BatchNorm, Layer, Module};
    /// use wengert_tensor::tensor;
    ///
    /// let norm = BatchNorm::<f32>::new(1).no_running_statistics().eps(0.0);
    /// let tape = Tape::new();
    /// assert_eq!(norm.forward(tape.var(tensor![[1.0], [3.0]])).value(), tensor![[-1.0], [1.0]]);
    /// assert!(norm.buffers().is_empty());
    /// ```
    pub fn no_running_statistics(self) -> Self {
        Self { running: false, ..self }
    }

    /// What is added to the variance; 1e-5 unless told.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps: checked_eps("batch_norm", eps), ..self }
    }

    /// Leaves γ and β out.
    pub fn no_affine(self) -> Self {
        Self { weight: None, bias: None, ..self }
    }

    /// γ, the scale, under its name in the paper; none if it was left out.
    pub fn gamma(&self) -> Option<&Param<T>> {
        self.weight.as_ref()
    }

    /// β, the shift, under its name in the paper; none if it was left out.
    pub fn beta(&self) -> Option<&Param<T>> {
        self.bias.as_ref()
    }

    fn channels(&self) -> usize {
        self.running_mean.shape().count()
    }

    /// What `x` differs from the mean of its channel by, and the biased variance of every channel,
    /// `[1, channels, 1, …]`.
    #[track_caller]
    fn statistics<'t>(&self, x: Var<'t, T>) -> [Var<'t, T>; 2] {
        let (shape, tape) = (x.shape(), x.tape());
        let axes: Vec<isize> = (0..shape.len() as isize).filter(|&axis| axis != 1).collect();
        let count: usize = axes.iter().map(|&axis| shape[axis as usize]).product();
        // An empty batch has no statistics of its own.
        if (self.running && !tape.is_training()) || count == 0 {
            let (mean, variance) = (self.running_mean.on(tape), self.running_var.on(tape));
            return [x - on_axis_1(mean, shape.len()), on_axis_1(variance, shape.len())];
        }
        assert!(
            count > 1,
            "batch_norm: one value a channel has no variance to train with (shape {shape}); take larger batches"
        );
        let [centred, mean, variance] = moments(x, &axes);
        if !(self.running && tape.is_training()) {
            return [centred, variance];
        }
        for (statistic, name) in [(mean, "running_mean"), (variance, "running_var")] {
            statistic.noted(name, Noter::Inside(self.identity()), usize::MAX);
        }
        let seen = self.num_batches_tracked.on(tape) + 1.0;
        self.num_batches_tracked.assign(seen);
        let rate = self.momentum.map_or_else(|| seen.recip(), |momentum| tape.scalar(momentum));
        follow(&self.running_mean, mean, rate);
        follow(&self.running_var, variance * (count as f64 / (count - 1) as f64), rate);
        [centred, variance]
    }
}

impl<T: Float> Layer<T> for BatchNorm<T> {
    /// # Panics
    /// If axis 1 of `x` is not the channels, or in train mode a channel has a single value.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (shape, channels) = (x.shape(), self.channels());
        let fits = shape.len() >= 2 && shape[1] == channels;
        assert!(fits, "batch_norm: the input's shape {shape} should be [batch, {channels}, …]");
        let [centred, variance] = self.statistics(x);
        // One factor a channel: the elements are multiplied once, and so are their cotangents.
        let scale = scaled_by_channel((variance + self.eps).rsqrt(), &self.weight, &None);
        Summary::note(self, scaled_by_channel(centred * scale, &None, &self.bias))
    }
}

impl<T: Float> fmt::Display for BatchNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchNorm({} channels, {} parameters)", self.channels(), self.param_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_layer, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, tensor};

    /// From PyTorch 2.15, f64.
    #[test]
    fn golden_4d() {
        let x = [
            -0.717241, 0.587138, -0.328483, 0.975897, 0.060276, -0.855345, 0.449034, -0.466586, 0.837793, -0.077828,
            -0.993448, 0.310931, -0.60469, 0.69969, -0.215931, 1.088448,
        ];
        let weights = [1.0, -0.5, 0.75, 2.0, -1.25, 0.5, 1.5].into_iter().cycle().take(16).collect();
        let norm = BatchNorm::<f64>::new(2);
        norm.gamma().unwrap().set(tensor![1.0, 2.0]);
        norm.beta().unwrap().set(tensor![0.0, 1.0]);
        let tape = Tape::train(0);
        let x = tape.var(Tensor::from_slice(&x, [2, 2, 2, 2]));
        let y = norm.forward(x);
        let loss = (y * &Tensor::from_vec(weights, [2, 2, 2, 2])).sum(..);
        let gradients = loss.backward();
        let flat = |v: Var<'_, f64>| v.value().reshape([16]);
        let expected_y = tensor![
            -1.1692164901214361,
            0.7574240479858271,
            -0.5949992401400248,
            1.331642775023016,
            1.1286155414853685,
            -1.7496923900386718,
            2.350698952463735,
            -0.5276058355020738,
            1.1276554639157645,
            -0.22476782421008717,
            -1.5771896352801613,
            0.3494509028271018,
            -0.9617438015111495,
            3.1386506845494884,
            0.26034275302544824,
            4.360734095527855
        ];
        assert_close(&flat(y), &expected_y, 1e-13);
        let expected_dx = tensor![
            -0.09654196769454335,
            -1.0121528831431468,
            -0.07836115354671283,
            3.0679323159784717,
            -5.583921239719385,
            -0.4305081291630787,
            3.208540059081761,
            1.2889475285318712,
            -0.7623446066505503,
            0.17144712294588382,
            1.1052398491642743,
            -2.3952186770536765,
            -0.3352926779046728,
            3.303755890206721,
            1.384162979790277,
            -2.8356844108234944
        ];
        assert_close(&flat(loss.grad([x])[0]), &expected_dx, 1e-12);
        let of = |param| gradients.get(param).unwrap().value();
        assert_close(&of(norm.gamma().unwrap()), &tensor![-3.6544888933829847, -0.6150465986761698], 1e-12);
        assert_close(&of(norm.beta().unwrap()), &tensor![4.25, 4.25], 1e-13);
    }

    #[test]
    fn evaluate_mode_uses_the_running_statistics() {
        let norm = BatchNorm::<f64>::new(2);
        norm.running_mean.set(tensor![0.5, -1.0]);
        norm.running_var.set(tensor![2.0, 0.0]);
        let tape = Tape::new();
        let x = tape.var(tensor![[-0.717241, 0.587138], [-0.328483, 0.975897]]);
        let y = norm.forward(x);
        let expected = tensor![[-0.86071721364795, 501.8971041004321], [-0.585824482838398, 624.833494189372]];
        assert_close(&y.value(), &expected, 1e-13);
        let [dx] = (y * &tensor![[1.0, -0.5], [0.75, 2.0]]).sum(..).grad([x]);
        let expected = tensor![[0.7071050134262237, -158.11388300841895], [0.5303287600696678, 632.4555320336758]];
        assert_close(&dx.value(), &expected, 1e-13);
        tape.commit();
        assert_eq!(norm.running_mean.value(), tensor![0.5, -1.0]);
    }

    #[test]
    fn running_statistics_follow_when_committed() {
        let norm = BatchNorm::<f64>::new(2);
        let tape = Tape::train(0);
        let x = tape.var(tensor![[1.0, 2.0], [3.0, 6.0]]);
        norm.forward(x);
        assert_eq!(norm.running_mean.value(), tensor![0.0, 0.0]);
        tape.commit();
        assert_close(&norm.running_mean.value(), &tensor![0.2, 0.4], 1e-15);
        assert_close(&norm.running_var.value(), &tensor![1.1, 1.7], 1e-15);
        // Twice in one step: the second use starts from where the first one leads.
        let tape = Tape::train(1);
        let x = tape.var(tensor![[1.0, 2.0], [3.0, 6.0]]);
        norm.forward(x);
        norm.forward(x);
        tape.commit();
        let thrice = |old: f64, batch: f64| (0..3).fold(old, |running, _| 0.9 * running + 0.1 * batch);
        assert_close(&norm.running_mean.value(), &tensor![thrice(0.0, 2.0), thrice(0.0, 4.0)], 1e-14);
        assert_close(&norm.running_var.value(), &tensor![thrice(1.0, 2.0), thrice(1.0, 8.0)], 1e-14);
    }

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(5);
        let norm = BatchNorm::<f64>::new(3);
        norm.gamma().unwrap().set(Tensor::normal([3], 1.0, 0.5, &mut rng));
        check_layer(&norm, &Tensor::normal([5, 3], 1.0, 2.0, &mut rng));
        check_layer(&norm, &Tensor::normal([2, 3, 2], -1.0, 0.5, &mut rng));
    }

    /// Neither E[x²] − E[x]² nor the rounding of the mean must eat the digits of `f32`.
    #[test]
    fn a_large_mean_does_not_swallow_the_variance() {
        let norm = BatchNorm::<f32>::new(1).momentum(1.0).eps(0.0);
        let tape = Tape::train(0);
        let x: Tensor<f32> = Tensor::normal([1001, 1], 1e6, 1.0, &mut Rng::seed(3));
        let y = norm.forward(tape.var(&x)).value();
        tape.commit();
        let x: Tensor<f64> = x.cast();
        let variance = f64::from(norm.running_var.value().item()) / x.var(0, 1).item();
        assert!((variance - 1.0).abs() < 1e-6, "{variance}");
        let expected = &(&x - &x.mean_keep(0)) / &x.std_keep(0, 0);
        assert!(y.cast::<f64>().max_abs_diff(&expected) < 1e-6);
    }

    #[test]
    fn an_empty_batch_leaves_everything_as_it_is() {
        let norm = BatchNorm::<f64>::new(2);
        let tape = Tape::train(0);
        let y = norm.forward(tape.var(Tensor::zeros([0, 2])));
        let gradients = y.sum(..).backward();
        assert_eq!(gradients.get(norm.gamma().unwrap()).unwrap().value(), Tensor::zeros([2]));
        tape.commit();
        assert_eq!(norm.running_var.value(), Tensor::ones([2]));
    }

    #[test]
    fn what_cannot_be_normalised_is_refused() {
        let norm = BatchNorm::<f32>::new(2);
        let forward = |shape: &[usize]| {
            let tape = Tape::train(0);
            message_of(|| drop(norm.forward(tape.var(Tensor::zeros(shape))).shape()))
        };
        assert_eq!(
            forward(&[1, 2]),
            "batch_norm: one value a channel has no variance to train with (shape [1, 2]); take larger batches"
        );
        assert_eq!(forward(&[4, 3]), "batch_norm: the input's shape [4, 3] should be [batch, 2, …]");
        assert_eq!(forward(&[2]), "batch_norm: the input's shape [2] should be [batch, 2, …]");
        assert!(message_of(|| drop(BatchNorm::<f32>::new(2).momentum(1.5))).contains("momentum 1.5"));
        assert!(message_of(|| drop(BatchNorm::<f32>::new(2).eps(-1.0))).contains("eps -1"));
    }
}
