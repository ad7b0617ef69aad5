//! How the learning rate changes in a run.

use wengert_nn::{PlateauLr, Schedule};

pub(super) enum Rate<'a> {
    /// As the optimizer has it.
    Own,
    /// By the number of the step.
    Steps(Box<dyn Schedule + 'a>),
    /// By the number of the epoch.
    Epochs(Box<dyn Schedule + 'a>),
    /// By what the epochs achieve.
    Plateau(PlateauLr),
}

impl Rate<'_> {
    /// The learning rate of a step; none if it is the optimizer's own.
    pub(super) fn of(&self, step: u64, epoch: u64) -> Option<f64> {
        match self {
            Self::Own => None,
            Self::Steps(schedule) => Some(schedule.lr(step)),
            Self::Epochs(schedule) => Some(schedule.lr(epoch)),
            Self::Plateau(plateau) => Some(plateau.lr()),
        }
    }

    /// Notes the monitored metric of an epoch.
    pub(super) fn observe(&mut self, metric: f64) {
        if let Self::Plateau(plateau) = self {
            plateau.observe(metric);
        }
    }
}
