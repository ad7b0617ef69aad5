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
    fn stop(&self, trial: &Curve<'_>, others: &[Curve<'_>]) -> Option<String> {
        let bracket = (trial.number % self.brackets) as u32;
        let mut rung = self.first.checked_mul(self.eta.checked_pow(bracket)?)? as i64;
        while rung < trial.step {
            rung = rung.checked_mul(self.eta as i64)?;
        }
        let own = trial.at(rung).filter(|_| rung == trial.step)?;
        let mates = others.iter().filter(|other| other.number % self.brackets == trial.number % self.brackets);
        let scores: Vec<f64> = mates.filter_map(|mate| mate.at(rung)).collect();
        let better = scores.iter().filter(|&&score| score < own).count();
        let go_on = ((scores.len() + 1) / self.eta).max(1);
        let behind = better >= go_on || own.is_nan() && !scores.is_empty();
        behind
            .then(|| format!("at step {rung} it was number {} of {}, and {go_on} go on", better + 1, scores.len() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What the rule says of a trial with one score, beside others with one at the same or another
    /// step.
    fn stop(rule: Halving, [number, step]: [usize; 2], score: f64, others: &[(i64, f64)]) -> Option<String> {
        let step = step as i64;
        let others: Vec<BTreeMap<i64, f64>> = others.iter().map(|&other| [other].into()).collect();
        let others: Vec<Curve<'_>> =
            others.iter().enumerate().map(|(i, scores)| Curve::new(i, scores, 1.0, step, false)).collect();
        rule.stop(&Curve::new(number, &[(step, score)].into(), 1.0, step, false), &others)
    }

    #[test]
    fn the_best_third_goes_on_at_each_rung() {
        let rule = Halving::new(3);
        let others: Vec<(i64, f64)> = (0..8).map(|i| (3, f64::from(i))).collect();
        assert_eq!(stop(rule, [9, 3], 1.5, &others), None);
        assert_eq!(stop(rule, [9, 3], 2.5, &others), Some("at step 3 it was number 4 of 9, and 3 go on".into()));
        assert_eq!(stop(rule, [9, 2], 99.0, &others), None);
        assert_eq!(stop(rule, [9, 9], 99.0, &others), None);
        assert!(stop(rule, [9, 3], f64::NAN, &others).is_some());
        assert_eq!(stop(rule, [9, 3], f64::NAN, &[]), None);
    }

    #[test]
    fn brackets_begin_later_and_keep_to_themselves() {
        let rule = Halving::new(2).first(2).brackets(2);
        assert!(stop(rule, [10, 2], 1.0, &[(2, 0.0); 8]).is_some());
        assert_eq!(stop(rule, [11, 2], 1.0, &[(2, 0.0); 8]), None);
        assert!(stop(rule, [11, 4], 1.0, &[(4, 0.0); 8]).is_some());
    }
}
