use super::{Curve, StopRule};

/// The median rule (D. Golovin et al., "Google Vizier", 2017): a trial stops if the best that it has
/// reported is worse than the median of what complete trials had reached at the same step.
///
/// ```
/// use wengert_search::{Median, Stage};
/// let stage = Stage::new("fine", 30).budget(20).stop(Median::new().after(3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Median {
    trials: usize,
    after: usize,
}

impl Default for Median {
    fn default() -> Self {
        Self { trials: 5, after: 0 }
    }
}

impl Median {
    /// Once five trials are complete, from their first step on.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many trials must be complete.
    pub fn trials(self, trials: usize) -> Self {
        Self { trials: trials.max(1), ..self }
    }

    /// How many steps no trial is stopped.
    pub fn after(self, steps: usize) -> Self {
        Self { after: steps, ..self }
    }
}

impl StopRule for Median {
    fn stop(&self, trial: &Curve<'_>, others: &[Curve<'_>]) -> Option<String> {
        if trial.step <= self.after as i64 {
            return None;
        }
        let complete = others.iter().filter(|other| other.is_complete);
        let mut scores: Vec<f64> = complete.filter_map(|other| other.at(trial.step)).collect();
        if scores.len() < self.trials {
            return None;
        }
        scores.sort_by(f64::total_cmp);
        let half = scores.len() / 2;
        let median = if scores.len() % 2 == 1 { scores[half] } else { (scores[half - 1] + scores[half]) / 2.0 };
        let ahead = trial.best_to(trial.step).is_some_and(|best| best <= median);
        (!ahead).then(|| format!("at step {} it was behind the median of {} trials", trial.step, scores.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn trials_behind_the_median_stop() {
        let complete: Vec<BTreeMap<i64, f64>> = (0..6).map(|i| [(1, 9.0), (2, f64::from(i))].into()).collect();
        let stop = |rule: Median, scores: &[(i64, f64)], sign: f64| {
            let turned: Vec<BTreeMap<i64, f64>> = complete
                .iter()
                .map(|scores| scores.iter().map(|(&step, score)| (step, sign * score)).collect())
                .collect();
            let step = scores.last().expect("a step").0;
            let others: Vec<Curve<'_>> = turned.iter().map(|scores| Curve::new(0, scores, sign, step, true)).collect();
            let own = scores.iter().map(|&(step, score)| (step, sign * score)).collect();
            rule.stop(&Curve::new(7, &own, sign, step, false), &others)
        };
        // Whichever end of the scores is the better.
        for sign in [1.0, -1.0] {
            let rule = Median::new();
            assert!(stop(rule, &[(1, 9.5)], sign).is_some());
            assert_eq!(stop(rule, &[(1, 9.0)], sign), None);
            // Its best counts, not its last.
            assert_eq!(stop(rule, &[(1, 2.5), (2, 8.0)], sign), None);
            assert!(stop(rule, &[(1, 2.6), (2, 8.0)], sign).is_some());
            assert!(stop(rule, &[(1, f64::NAN), (2, f64::NAN)], sign).is_some());
            assert_eq!(stop(rule.after(2), &[(1, 2.6), (2, 8.0)], sign), None);
            assert_eq!(stop(rule.trials(7), &[(1, 2.6), (2, 8.0)], sign), None);
        }
    }
}
