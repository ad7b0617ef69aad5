//! The first values of parameters.

use std::f64::consts::SQRT_2;

use wengert_autograd::Param;
use wengert_tensor::{Float, Rng, Shape, Tensor};

/// How a parameter gets its first values.
///
/// Every layer has a default and takes another in one call.
///
/// The *scaled* ones choose the spread so that signals (or gradients) keep their size from
/// layer to layer: their variance is gain²/fan, where *fan* counts the inputs or outputs of one
/// unit, and *gain* makes up for what the activation takes away ([`gain`]).
///
/// ```
/// use wengert_nn::{Fan, Init, Linear, gain};
/// use wengert_tensor::Rng;
///
/// let mut rng = Rng::seed(0);
/// let first: Linear = Linear::new(64, 32, &mut rng).bias(Init::Constant(0.01));
/// let second: Linear = Linear::new(32, 32, &mut rng).weight(Init::xavier_uniform());
/// let init = Init::ScaledNormal { gain: gain::leaky_relu(0.2), fan: Fan::Out };
/// let third: Linear = Linear::new(32, 10, &mut rng).weight(init);
/// assert_eq!(first.bias.unwrap().value().at([31]), 0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// This number everywhere.
    Constant(f64),
    /// Normal around 0 with this standard deviation.
    Normal(f64),
    /// Normal around 0 with this standard deviation, drawn again beyond twice that.
    #[doc(alias = "trunc_normal")]
    TruncatedNormal(f64),
    /// Uniform from minus this number to this number.
    Uniform(f64),
    /// A random matrix with orthonormal rows, or columns if those are fewer, times `gain`: Saxe
    /// et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    /// networks" (2013), section 3. Axes after the first count as one.
    Orthogonal {
        /// The length of a row (or column).
        gain: f64,
    },
    /// Normal around 0 with variance gain²/fan.
    ScaledNormal {
        /// The standard deviation of a unit's output for inputs of standard deviation 1.
        gain: f64,
        /// What is counted.
        fan: Fan,
    },
    /// Uniform around 0 with variance gain²/fan.
    ScaledUniform {
        /// The standard deviation of a unit's output for inputs of standard deviation 1.
        gain: f64,
        /// What is counted.
        fan: Fan,
    },
}

/// Which connections of a unit scale its first values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Its inputs: keeps the size of signals on the way forward.
    In,
    /// Its outputs: keeps the size of gradients on the way back.
    Out,
    /// The average of both.
    Average,
}

/// The gain that makes up for an activation: 1/√E\[f(z)²\] for a standard normal z where the
/// activation is piecewise linear; 5/3 for tanh, by custom.
#[doc(alias = "calculate_gain")]
pub mod gain {
    /// No activation, or sigmoid.
    pub const LINEAR: f64 = 1.0;
    /// Before a relu, which keeps half of the signal.
    pub const RELU: f64 = super::SQRT_2;
    /// Before a tanh.
    pub const TANH: f64 = 5.0 / 3.0;
    /// Before a selu, which then keeps the variance over many layers.
    pub const SELU: f64 = 0.75;
    /// Before a leaky relu of this slope.
    pub fn leaky_relu(slope: f64) -> f64 {
        (2.0 / (1.0 + slope * slope)).sqrt()
    }
}

impl Init {
    /// Uniform with variance 2/(inputs + outputs): Glorot & Bengio, "Understanding the
    /// difficulty of training deep feedforward neural networks" (2010), eq. 16.
    #[doc(alias = "glorot_uniform")]
    pub const fn xavier_uniform() -> Self {
        Self::ScaledUniform { gain: gain::LINEAR, fan: Fan::Average }
    }

    /// Normal with variance 2/(inputs + outputs): Glorot & Bengio (2010), eq. 12.
    #[doc(alias = "glorot_normal")]
    pub const fn xavier_normal() -> Self {
        Self::ScaledNormal { gain: gain::LINEAR, fan: Fan::Average }
    }

    /// Uniform with variance 2/inputs, for units followed by a relu: He et al., "Delving deep
    /// into rectifiers" (2015), eq. 10.
    #[doc(alias = "kaiming_uniform")]
    pub const fn he_uniform() -> Self {
        Self::ScaledUniform { gain: gain::RELU, fan: Fan::In }
    }

    /// Normal with variance 2/inputs, for units followed by a relu: He et al. (2015), eq. 10.
    #[doc(alias = "kaiming_normal")]
    pub const fn he_normal() -> Self {
        Self::ScaledNormal { gain: gain::RELU, fan: Fan::In }
    }

    /// A tensor of first values for units of that many `[inputs, outputs]`.
    ///
    /// ```
    /// use wengert_nn::Init;
    /// use wengert_tensor::{Rng, Tensor};
    /// let t: Tensor = Init::Uniform(0.5).values([3, 4], [3, 4], &mut Rng::seed(0));
    /// assert!(t.iter().all(|v| (-0.5..0.5).contains(&v)));
    /// ```
    /// # Panics
    /// If a spread is negative or not finite.
    #[track_caller]
    pub fn values<T: Float>(self, shape: impl Into<Shape>, fans: [usize; 2], rng: &mut Rng) -> Tensor<T> {
        self.values_of(shape.into(), fans, rng)
    }

    #[track_caller]
    fn values_of<T: Float>(self, shape: Shape, fans: [usize; 2], rng: &mut Rng) -> Tensor<T> {
        if let Self::Normal(spread)
        | Self::TruncatedNormal(spread)
        | Self::Uniform(spread)
        | Self::Orthogonal { gain: spread } = self
        {
            assert!(spread >= 0.0 && spread.is_finite(), "init: {self:?} has no finite spread");
        }
        match self {
            Self::Constant(value) => Tensor::full(shape, T::from_f64(value)),
            Self::Normal(sd) => Tensor::normal(shape, T::ZERO, T::from_f64(sd), rng),
            Self::TruncatedNormal(sd) => truncated(shape, sd, rng),
            Self::Orthogonal { gain } => orthogonal(shape, gain, rng),
            Self::Uniform(0.0) => Tensor::zeros(shape),
            Self::Uniform(bound) => Tensor::uniform(shape, T::from_f64(-bound)..T::from_f64(bound), rng),
            Self::ScaledNormal { gain, fan } => Self::Normal(gain / fan.of(fans).sqrt()).values_of(shape, fans, rng),
            // A uniform number between ±b has the variance b²/3.
            Self::ScaledUniform { gain, fan } => {
                Self::Uniform(gain * (3.0 / fan.of(fans)).sqrt()).values_of(shape, fans, rng)
            }
        }
    }

    /// A parameter of first values, from the stream that `rng` has for its name.
    #[track_caller]
    pub(crate) fn param<T: Float>(self, name: &str, shape: impl Into<Shape>, fans: [usize; 2], rng: &Rng) -> Param<T> {
        Param::new(name, self.values(shape, fans, &mut rng.fork(name)))
    }
}

/// Normal numbers around 0, none beyond twice the standard deviation `sd`.
#[track_caller]
fn truncated<T: Float>(shape: Shape, sd: f64, rng: &mut Rng) -> Tensor<T> {
    let mut drawn: Vec<f64> = Vec::new();
    let mut next = || loop {
        match drawn.pop() {
            Some(z) if z.abs() <= 2.0 => return T::from_f64(sd * z),
            Some(_) => {}
            None => drawn = Tensor::<f64>::normal([64], 0.0, 1.0, rng).to_vec(),
        }
    };
    Tensor::build(shape, |out| out.fill_with(&mut next))
}

/// Orthonormal rows or columns, whichever are fewer, times `gain`; each such matrix is equally
/// likely (Mezzadri, "How to generate random matrices from the classical compact groups" (2007)).
#[track_caller]
fn orthogonal<T: Float>(shape: Shape, gain: f64, rng: &mut Rng) -> Tensor<T> {
    assert!(!shape.is_empty(), "init: a number cannot be orthogonal");
    let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
    let vectors = orthonormal(rows.min(columns), rows.max(columns), rng);
    let value = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        T::from_f64(gain * if rows <= columns { vectors[row][column] } else { vectors[column][row] })
    };
    Tensor::build(shape, |out| out.iter_mut().enumerate().for_each(|(i, v)| *v = value(i)))
}

fn orthonormal(count: usize, length: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector = Tensor::<f64>::normal([length], 0.0, 1.0, rng).to_vec();
        // Gram and Schmidt, twice, which is as good as it gets in floating point.
        for other in vectors.iter().chain(&vectors) {
            let shared: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
            vector.iter_mut().zip(other).for_each(|(a, b)| *a -= shared * b);
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        // Nearly parallel to the others: what is left is mostly rounding.
        if norm > 1e-6 {
            vector.iter_mut().for_each(|v| *v /= norm);
            vectors.push(vector);
        }
    }
    vectors
}

impl Fan {
    fn of(self, [inputs, outputs]: [usize; 2]) -> f64 {
        let count = match self {
            Self::In => inputs as f64,
            Self::Out => outputs as f64,
            Self::Average => (inputs as f64 + outputs as f64) / 2.0,
        };
        // A layer without inputs has no weights to scale either.
        count.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, standard deviation and largest size of 300 × 200 values.
    fn statistics(init: Init) -> [f64; 3] {
        let t: Tensor<f64> = init.values([300, 200], [300, 200], &mut Rng::seed(11));
        let (values, n) = (t.to_vec(), t.count() as f64);
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        [mean, variance.sqrt(), values.iter().fold(0.0, |m, v| m.max(v.abs()))]
    }

    fn assert_spread(init: Init, sd: f64) {
        let [mean, found, largest] = statistics(init);
        assert!(mean.abs() < 4.0 * sd / 60_000f64.sqrt(), "{init:?}: mean {mean}");
        assert!((found / sd - 1.0).abs() < 0.01, "{init:?}: standard deviation {found}, not {sd}");
        let uniform = matches!(init, Init::Uniform(_) | Init::ScaledUniform { .. });
        // 60,000 uniform numbers come near their bound √3·sd, normal ones go beyond 3.5·sd.
        let range = if uniform { 1.72..=3f64.sqrt() } else { 3.5..=6.0 };
        assert!(range.contains(&(largest / sd)), "{init:?}: largest {largest}");
    }

    #[test]
    fn spreads() {
        assert_spread(Init::Normal(0.01), 0.01);
        assert_spread(Init::Uniform(0.3), 0.3 / 3f64.sqrt());
        for init in [Init::xavier_normal(), Init::xavier_uniform()] {
            assert_spread(init, (2.0 / 500.0f64).sqrt());
        }
        for init in [Init::he_normal(), Init::he_uniform()] {
            assert_spread(init, (2.0 / 300.0f64).sqrt());
        }
        let init = Init::ScaledNormal { gain: gain::leaky_relu(1.0), fan: Fan::Out };
        assert_spread(init, (1.0 / 200.0f64).sqrt());
    }

    #[test]
    fn truncated_normal_numbers() {
        let [mean, sd, largest] = statistics(Init::TruncatedNormal(0.5));
        // The standard deviation of a normal distribution cut at two of its own.
        assert!(mean.abs() < 0.01 && (sd / 0.5 - 0.8796).abs() < 0.01, "{mean} {sd}");
        assert!((0.999..=1.0).contains(&largest), "{largest}");
    }

    #[test]
    fn orthogonal_matrices() {
        let product = |shape: &[usize]| {
            let q: Tensor<f64> = Init::Orthogonal { gain: 2.0 }.values(shape, [1, 1], &mut Rng::seed(1));
            let q = q.reshape([shape[0] as isize, -1]);
            if q.shape()[0] <= q.shape()[1] { q.matmul(&q.t()) } else { q.t().matmul(&q) }
        };
        for (shape, rank) in [(&[5, 8][..], 5), (&[8, 5], 5), (&[6, 6], 6), (&[4, 2, 3], 4), (&[3], 1)] {
            product(shape).assert_close(&(Tensor::eye(rank) * 4.0), 1e-14, 1e-14);
        }
        assert_eq!(Init::Orthogonal { gain: 1.0 }.values::<f32>([0, 3], [3, 0], &mut Rng::seed(1)).shape(), &[0, 3]);
    }

    /// A layer that takes a named stream starts alike whatever is built before it.
    #[test]
    fn named_streams_do_not_depend_on_the_order() {
        use crate::{Conv2d, Embedding, Linear};
        let rng = Rng::seed(7);
        let fc = |rng: &Rng| -> Linear { Linear::new(4, 3, &mut rng.fork("fc")) };
        let first = fc(&rng);
        let other = rng.clone();
        let _conv: Conv2d = Conv2d::new(1, 2, 3, &mut other.fork("conv"));
        let _words: Embedding = Embedding::new(9, 2, &mut other.fork("words"));
        assert_eq!(fc(&other).weight.value(), first.weight.value());
    }

    #[test]
    fn constants_draw_nothing() {
        let mut rng = Rng::seed(1);
        let t: Tensor = Init::Constant(0.25).values([2, 3], [2, 3], &mut rng);
        assert_eq!(t.to_vec(), [0.25; 6]);
        assert_eq!(rng, Rng::seed(1));
    }

    #[test]
    fn no_spread_gives_zeros() {
        for init in [Init::Normal(0.0), Init::Uniform(0.0)] {
            assert!(init.values::<f64>([4], [4, 4], &mut Rng::seed(1)).iter().all(|v| v == 0.0));
        }
        assert_eq!(Init::he_uniform().values::<f32>([0, 3], [0, 3], &mut Rng::seed(1)).shape(), &[0, 3]);
    }

    #[test]
    #[should_panic(expected = "init: Normal(-0.1) has no finite spread")]
    fn a_negative_spread_is_refused() {
        Init::Normal(-0.1).values::<f32>([2], [2, 2], &mut Rng::seed(1));
    }
}
