//! What is planted in a run.

use wengert::prelude::*;
use wengert::train::{Labelled, Standardize, Transform, digits};

use crate::run::{Net, Run};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    RateTooHigh,
    RateTooLow,
    DeadUnits,
    SilentUnits,
    SaturatedUnits,
    ZeroWeights,
    SmallWeights,
    LargeScores,
    RawPixels,
    RawBytes,
    LargeColumn,
    Sorted,
    TwoByTurns,
    Leak,
    ChangedLeak,
    RowsOff,
    TrainingRowsOff,
    ValidationClassesOff,
    LabelsFromOne,
    RandomLabels,
    WrongSign,
    LogOfZero,
    FewExamples,
    OneUnit,
    StaleStatistics,
    NoisyTraining,
}

impl Fault {
    /// The networks in which it can be planted.
    pub(crate) fn nets(self) -> &'static [Net] {
        match self {
            Self::DeadUnits | Self::SilentUnits => &[Net::Relu, Net::Deep, Net::Dropout],
            Self::SaturatedUnits => &[Net::Tanh],
            // Batch norm, maxout and convolutions start on their own.
            Self::ZeroWeights => &[Net::Relu, Net::Deep, Net::Tanh, Net::Leaky, Net::Dropout],
            Self::SmallWeights => &[Net::Ten],
            Self::OneUnit => &[Net::Narrow],
            Self::StaleStatistics => &[Net::Lagging],
            Self::WrongSign => &[Net::Flipped],
            Self::LogOfZero => &[Net::Logarithm],
            _ => {
                const LEARNING: [Net; 9] = {
                    let [nets @ .., _] = Net::HEALTHY;
                    nets
                };
                &LEARNING
            }
        }
    }

    pub(crate) fn plant(self, run: &mut Run) {
        match self {
            Self::RateTooHigh => run.lr *= 1e4,
            Self::RateTooLow => run.lr *= 1e-4,
            Self::DeadUnits => run.bias = -15.0,
            Self::SilentUnits => run.bias = -8.0,
            Self::SaturatedUnits => run.weights = 30.0,
            Self::ZeroWeights => run.weights = 0.0,
            Self::SmallWeights => run.weights = 0.03,
            Self::LargeScores => run.last_weights = 30.0,
            Self::RawPixels => run.prepare(|x| x.clone()),
            Self::RawBytes => run.prepare(|x| x * 16.0),
            Self::LargeColumn => {
                let factors: Tensor = (0..64).map(|i| if i == 20 { 1000.0 } else { 1.0 }).collect();
                run.training = run.training.clone().map_features(|x| x * &factors);
                run.validation = run.validation.clone().map_features(|x| x * &factors);
            }
            Self::Sorted => {
                run.training = run.training.rows(&sorted(&run.training));
                run.shuffled = false;
            }
            Self::TwoByTurns => {
                let rows = sorted(&run.training);
                let (low, high) = rows.split_at(rows.len() / 2);
                let turns: Vec<usize> = low.iter().zip(high).flat_map(|(&a, &b)| [a, b]).collect();
                run.training = run.training.rows(&turns);
                run.shuffled = false;
            }
            Self::Leak => run.training = joined(&run.training, &run.validation),
            Self::ChangedLeak => {
                let part = run.validation.rows(&(0..run.validation.len() / 5).collect::<Vec<_>>());
                let mut noise = Rng::seed(run.seed);
                let changed = part.map_features(|x| x + Tensor::normal(x.shape().clone(), 0.0, 0.02, &mut noise));
                run.training = joined(&run.training, &changed);
            }
            Self::RowsOff => {
                let parts = one_row_off(&digits()).split([0.8, 0.2], run.seed);
                let scale = Standardize::fit(parts[0].features()).expect("digits");
                [run.training, run.validation] = parts.map(|part| part.map_features(|x| scale.apply(x)));
            }
            Self::TrainingRowsOff => run.training = one_row_off(&run.training),
            Self::ValidationClassesOff => run.validation = relabelled(&run.validation, |_, label| (label + 1) % 10),
            Self::LabelsFromOne => {
                run.training = relabelled(&run.training, |_, label| label + 1);
                run.validation = relabelled(&run.validation, |_, label| label + 1);
                run.outputs = 11;
            }
            Self::RandomLabels => {
                run.epochs = 60;
                let order = Rng::seed(run.seed).permutation(run.training.len()).to_vec();
                let labels = run.training.labels().clone();
                run.training = relabelled(&run.training, |row, _| labels.at([order[row] as usize]));
            }
            Self::FewExamples => {
                run.training = run.training.rows(&(0..60).collect::<Vec<_>>());
                run.epochs = 200;
            }
            Self::OneUnit => run.epochs = 40,
            Self::NoisyTraining => run.noise = 1.5,
            // The network is the fault.
            Self::StaleStatistics | Self::WrongSign | Self::LogOfZero => {}
        }
    }
}

impl Run {
    /// Takes pixels from 0 to 16 and does no more than this to them.
    fn prepare(&mut self, f: impl Fn(&Tensor) -> Tensor) {
        [self.training, self.validation] =
            digits().split([0.8, 0.2], self.seed).map(|part| part.map_features(|x| f(x)));
    }
}

/// The rows in the order of their labels.
fn sorted(data: &Labelled) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..data.len()).collect();
    rows.sort_by_key(|&row| data.labels().at([row]));
    rows
}

fn joined(a: &Labelled, b: &Labelled) -> Labelled {
    let x = Tensor::concat(&[a.features(), b.features()], 0);
    Labelled::new(x, Tensor::concat(&[a.labels(), b.labels()], 0))
}

fn relabelled(data: &Labelled, label: impl Fn(usize, i64) -> i64) -> Labelled {
    let labels = data.labels().iter().enumerate().map(|(row, old)| label(row, old)).collect();
    Labelled::new(data.features().clone(), labels)
}

/// Each row with the label of the next.
fn one_row_off(data: &Labelled) -> Labelled {
    let labels = data.labels();
    relabelled(data, |row, _| labels.at([(row + 1) % labels.count()]))
}
