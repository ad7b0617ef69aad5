//! The density of some trials' values: a mixture of one kernel for each trial, and a broad one.

use std::f64::consts::TAU;

use wengert_tensor::{Float, Rng};

use crate::Parameter;
use crate::space::Line;

/// The deviation of a kernel, a hundredth of its range or more, is above 0.
const NARROWEST: f64 = 1e-300;

/// A mixture of products of one-dimensional kernels.
pub(super) struct Parzen {
    weights: Vec<f64>,
    axes: Vec<Axis>,
}

/// The kernels of one parameter.
enum Axis {
    /// Normal ones, cut off at the ends of the range: mean, deviation, and the logarithm of what
    /// is left.
    Line { line: Line, kernels: Vec<[f64; 3]> },
    /// A range of one value, or too narrow for kernels.
    Fixed(f64),
    /// The logarithms of each choice's probability.
    Choice { open: Vec<usize>, kernels: Vec<Vec<f64>> },
}

impl Parzen {
    /// Of trials that have all of these parameters, with one weight each and one for the broad kernel;
    /// the deviations of kernels are at least `least` of the range.
    pub(super) fn new(parameters: &[&Parameter], trials: &[Vec<f64>], weights: Vec<f64>, least: f64) -> Self {
        debug_assert_eq!(weights.len(), trials.len() + 1);
        let total: f64 = weights.iter().sum();
        let weights = weights.iter().map(|w| w / total).collect();
        let axes = parameters.iter().enumerate().map(|(axis, parameter)| {
            let values = trials.iter().map(|trial| trial[axis]);
            match parameter.distribution.line() {
                Some(line) if line.high - line.low < NARROWEST => Axis::Fixed(line.value(line.low)),
                Some(line) => Axis::line(line, values.map(|value| line.place(value)).collect(), least),
                None => Axis::choice(parameter, values.collect()),
            }
        });
        Self { weights, axes: axes.collect() }
    }

    /// A value for each parameter.
    pub(super) fn sample(&self, rng: &mut Rng) -> Vec<f64> {
        let mut left = rng.unit();
        let kernel = self.weights.iter().position(|w| {
            left -= w;
            left < 0.0
        });
        let kernel = kernel.unwrap_or(self.weights.len() - 1);
        self.axes.iter().map(|axis| axis.sample(kernel, rng)).collect()
    }

    /// The logarithm of the density at these values.
    pub(super) fn log_density(&self, values: &[f64]) -> f64 {
        let mut terms: Vec<f64> = self.weights.iter().map(|&w| Float::ln(w)).collect();
        for (axis, &value) in self.axes.iter().zip(values) {
            axis.add_log_density(value, &mut terms);
        }
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return largest;
        }
        largest + Float::ln(terms.iter().map(|t| Float::exp(t - largest)).sum::<f64>())
    }
}

impl Axis {
    /// A kernel's deviation is the distance to its farther neighbour; the ends of the range are
    /// neighbours only of a lone one.
    fn line(line: Line, places: Vec<f64>, least: f64) -> Self {
        let width = line.high - line.low;
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
        let mut kernels = vec![[line.low / 2.0 + line.high / 2.0, width]; places.len() + 1];
        for (rank, &i) in order.iter().enumerate() {
            let place = places[i];
            let below = rank.checked_sub(1).map(|below| place - places[order[below]]);
            let above = order.get(rank + 1).map(|&above| places[above] - place);
            let far =
                below.into_iter().chain(above).reduce(f64::max).unwrap_or((place - line.low).max(line.high - place));
            kernels[i] = [place, far.clamp(least * width, width)];
        }
        let kernels = kernels
            .into_iter()
            .map(|[mean, sd]| [mean, sd, Float::ln(mass((line.low - mean) / sd, (line.high - mean) / sd))]);
        Self::Line { line, kernels: kernels.collect() }
    }

    /// Each kernel gives its own choice one more share than the others, whose shares shrink with the
    /// number of trials.
    fn choice(parameter: &Parameter, chosen: Vec<f64>) -> Self {
        let open = parameter.open.clone();
        let n = open.len() as f64;
        let prior = 3.0 / (chosen.len() as f64 + 1.0);
        let share = |hit: bool| Float::ln((prior + f64::from(hit)) / (1.0 + n * prior));
        let kernel = |choice: &f64| open.iter().map(|&o| share(o as f64 == *choice)).collect();
        let kernels = chosen.iter().map(kernel).chain([vec![-Float::ln(n); open.len()]]).collect();
        Self::Choice { open, kernels }
    }

    fn sample(&self, kernel: usize, rng: &mut Rng) -> f64 {
        match self {
            Self::Line { line, kernels } => loop {
                let [mean, sd, _] = kernels[kernel];
                let place = mean + sd * normal(rng);
                // At least a third of the kernel is within, as its mean is and its deviation is not
                // above the width.
                if (line.low..=line.high).contains(&place) {
                    return line.value(place);
                }
            },
            Self::Fixed(value) => *value,
            Self::Choice { open, kernels } => {
                let mut left = rng.unit();
                let place = kernels[kernel].iter().position(|&p| {
                    left -= Float::exp(p);
                    left < 0.0
                });
                open[place.unwrap_or(open.len() - 1)] as f64
            }
        }
    }

    /// Adds the logarithm of each kernel's density.
    fn add_log_density(&self, value: f64, terms: &mut [f64]) {
        match self {
            Self::Line { line, kernels } => {
                let place = line.place(value);
                let cell = line.grid.map(|(_, step)| [line.place(value - step / 2.0), line.place(value + step / 2.0)]);
                for (term, [mean, sd, within]) in terms.iter_mut().zip(kernels) {
                    *term -= within;
                    *term += match cell {
                        Some([low, high]) => Float::ln(mass((low - mean) / sd, (high - mean) / sd)),
                        None => {
                            let z = (place - mean) / sd;
                            -0.5 * (z * z + Float::ln(TAU)) - Float::ln(*sd)
                        }
                    };
                }
            }
            Self::Fixed(_) => {}
            Self::Choice { open, kernels } => {
                let place = open.iter().position(|&o| o as f64 == value);
                for (term, kernel) in terms.iter_mut().zip(kernels) {
                    *term += place.map_or(f64::NEG_INFINITY, |place| kernel[place]);
                }
            }
        }
    }
}

/// The probability of a standard normal number between two; on the side where it is precise.
fn mass(low: f64, high: f64) -> f64 {
    if low > 0.0 { mass(-high, -low) } else { Float::normal_cdf(high) - Float::normal_cdf(low) }
}

/// A standard normal number, by Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.unit(), rng.unit());
    Float::sqrt(-2.0 * Float::ln(u)) * Float::cos(TAU * v)
}
