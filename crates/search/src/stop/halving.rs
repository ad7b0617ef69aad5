use super::{Curve, StopRule};

/// Asynchronous successive halving (L. Li et al., "A system for massively parallel hyperparameter
/// tuning", 2020): after 1, η, η², … steps, only the best 1/η of those that came so far go on.
///
/// The first to come to a step goes on. With several brackets (L. Li et al., "Hyperband", JMLR 18,
/// 2018) every second, third … trial has its first such step later, for trials that start slowly.
///
/// ```
/// use wengert_search::{Halving, Stage};
/// let stage = Stage::new("coarse", 60).budget(9).stop(Halving::new(3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Halving {
    eta: usize,
    first: usize,
    brackets: usize,
}

impl Halving {
    /// Of `eta` trials one goes on, from step 1 on.
    ///
    /// # Panics
    /// If `eta` is below 2.
    #[track_caller]
    pub fn new(eta: usize) -> Self {
        assert!(eta >= 2, "halving: of {eta} trials one cannot go on; give 2 or more");
        Self { eta, first: 1, brackets: 1 }
    }

    /// The first step after which trials stop.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn first(self, step: usize) -> Self {
        assert!(step > 0, "halving: steps count from 1");
        Self { first: step, ..self }
    }

    /// How many brackets there are.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn brackets(self, brackets: usize) -> Self {
        assert!(brackets > 0, "halving: at least one bracket");
        Self { brackets, ..self }
    }
}

impl StopRule for Halving {
    fn stop(&self, trial: &Curve, others: &[Curve]) -> Option<String> {
        let bracket = (trial.number % self.brackets) as u32;
        let mut rung = self.first.checked_mul(self.eta.checked_pow(bracket)?)? as i64;
        while rung < trial.step {
            rung = rung.checked_mul(self.eta as i64)?;
        }
        let own = trial.scores.get(&trial.step).filter(|_| rung == trial.step)?;
        let mates = others.iter().filter(|other| other.number % self.brackets == trial.number % self.brackets);
        let scores: Vec<f64> = mates.filter_map(|mate| mate.scores.get(&rung)).copied().collect();
        let better = scores.iter().filter(|score| *score < own).count();
        let go_on = ((scores.len() + 1) / self.eta).max(1);
        let behind = better >= go_on || own.is_nan() && !scores.is_empty();
        behind
            .then(|| format!("at step {rung} it was number {} of {}, and {go_on} go on", better + 1, scores.len() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(number: usize, step: i64, score: f64) -> Curve {
        Curve { number, scores: [(step, score)].into(), step, is_complete: false }
    }

    #[test]
    fn the_best_third_goes_on_at_each_rung() {
        let rule = Halving::new(3);
        let others: Vec<Curve> = (0..8).map(|i| curve(i, 3, i as f64)).collect();
        assert_eq!(rule.stop(&curve(9, 3, 1.5), &others), None);
        assert_eq!(rule.stop(&curve(9, 3, 2.5), &others), Some("at step 3 it was number 4 of 9, and 3 go on".into()));
        assert_eq!(rule.stop(&curve(9, 2, 99.0), &others), None);
        assert_eq!(rule.stop(&curve(9, 9, 99.0), &others), None);
        assert!(rule.stop(&curve(9, 3, f64::NAN), &others).is_some());
        assert_eq!(rule.stop(&curve(9, 3, f64::NAN), &[]), None);
    }

    #[test]
    fn brackets_begin_later_and_keep_to_themselves() {
        let rule = Halving::new(2).first(2).brackets(2);
        let others: Vec<Curve> = (0..8).map(|i| curve(i, 2, 0.0)).collect();
        assert!(rule.stop(&curve(10, 2, 1.0), &others).is_some());
        assert_eq!(rule.stop(&curve(11, 2, 1.0), &others), None);
        let later: Vec<Curve> = (0..8).map(|i| curve(i, 4, 0.0)).collect();
        assert!(rule.stop(&curve(11, 4, 1.0), &later).is_some());
    }
}
