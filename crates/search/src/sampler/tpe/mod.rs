mod parzen;

use wengert_tensor::Rng;

use self::parzen::Parzen;
use super::{Fate, Sampler, Seen, Sobol};
use crate::{Parameter, Ranges, Values};

/// A tree-structured Parzen estimator: proposes what is likely among the good trials and unlikely
/// among the others.
///
/// The method is that of J. Bergstra et al., "Algorithms for hyper-parameter optimization", 2011,
/// with the choices that S. Watanabe, "Tree-structured Parzen estimator: understanding its algorithm
/// components", arXiv:2304.11127, compares: the best tenth are good, 25 at most; parameters that exist
/// under the same conditions have one density together; good trials weigh by their improvement; each
/// kernel reaches to its farther neighbour, but is at least 2/n of the range wide. The constants were
/// chosen on the functions of `benches/search`.
///
/// Running trials count as bad, so that workers do not all propose the same. What is proposed
/// depends on the trials that have ended; with one worker it is the same in every run.
#[derive(Clone, Debug)]
pub struct Tpe {
    startup: usize,
    candidates: usize,
}

/// The share of trials that are good, and how many are at most.
const GOOD: (f64, usize) = (0.1, 25);

impl Default for Tpe {
    fn default() -> Self {
        Self { startup: 10, candidates: 32 }
    }
}

impl Tpe {
    /// Ten trials of [`Sobol`] first, then 32 candidates for each.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many trials have to end before the method begins; until then [`Sobol`] proposes.
    pub fn startup(self, startup: usize) -> Self {
        Self { startup: startup.max(2), ..self }
    }

    /// How many candidates are compared for each trial: more of them follow the estimate more closely,
    /// fewer explore.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn candidates(self, candidates: usize) -> Self {
        assert!(candidates > 0, "tpe: at least one candidate");
        Self { candidates, ..self }
    }
}

impl Sampler for Tpe {
    fn propose(&self, number: usize, ranges: &Ranges, seen: &[Seen], rng: &Rng) -> Values {
        let ended = seen.iter().filter(|trial| trial.fate != Fate::Running).count();
        if ended < self.startup {
            return Sobol.propose(number, ranges, seen, rng);
        }
        let [good, bad] = split(seen);
        let groups = Group::all(ranges, &good, &bad, (2.0 / ended as f64).clamp(0.01, 0.5));
        let mut rng = rng.fork("tpe").fork(number as u64);
        let candidates = (0..self.candidates).map(|_| {
            let mut values: Values = vec![None; ranges.parameters().len()];
            let gain: f64 = groups.iter().map(|group| group.sample(&mut values, &mut rng)).sum();
            (values, gain)
        });
        let best = candidates.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.expect("at least one candidate").0
    }
}

/// A trial with its weight in the density.
type Weighted<'a> = (&'a Seen, f64);

/// The good trials and the others, each in order of their number.
fn split(seen: &[Seen]) -> [Vec<Weighted<'_>>; 2] {
    let mut ended: Vec<usize> = (0..seen.len()).filter(|&i| seen[i].fate != Fate::Running).collect();
    ended.sort_by(|&a, &b| rank(seen[a].fate).partial_cmp(&rank(seen[b].fate)).expect("no score is NaN"));
    let n = ((GOOD.0 * ended.len() as f64).ceil() as usize).min(GOOD.1);
    let score = |&i: &usize| if let Fate::Done(score) = seen[i].fate { Some(score) } else { None };
    // The improvement over the best of the others, if all have a score.
    let gains: Option<Vec<f64>> = ended.get(..=n).and_then(|best| {
        let threshold = score(&best[n])?;
        best[..n].iter().map(|i| Some(threshold - score(i)?)).collect()
    });
    let mean = gains.as_ref().map_or(0.0, |gains| gains.iter().sum::<f64>() / n as f64);
    let weight = |place: usize| match &gains {
        Some(gains) if mean > 0.0 && mean.is_finite() => gains[place] / mean,
        _ => 1.0,
    };
    let mut good: Vec<(usize, f64)> = ended[..n].iter().enumerate().map(|(place, &i)| (i, weight(place))).collect();
    good.sort_by_key(|&(i, _)| i);
    let is_bad = |i: &usize| good.binary_search_by_key(i, |&(g, _)| g).is_err();
    let bad = (0..seen.len()).filter(is_bad).map(|i| (&seen[i], 1.0)).collect();
    [good.iter().map(|&(i, weight)| (&seen[i], weight)).collect(), bad]
}

/// Trials in order of merit: those that ended before those that were stopped, of which those that came
/// further are better, before those that came to nothing.
fn rank(fate: Fate) -> (u8, i64, f64) {
    match fate {
        Fate::Done(score) => (0, 0, score),
        Fate::Stopped(steps, score) => (1, -steps, if score.is_nan() { f64::INFINITY } else { score }),
        Fate::Useless | Fate::Running => (2, 0, 0.0),
    }
}

/// The choice that parameters need in order to exist.
type Condition = Option<(usize, usize)>;

/// Parameters that exist together, with the density of the good trials and of the others.
struct Group {
    when: Condition,
    members: Vec<usize>,
    good: Parzen,
    bad: Parzen,
}

impl Group {
    /// Kernels are at least `least` of a range wide.
    fn all(ranges: &Ranges, good: &[Weighted<'_>], bad: &[Weighted<'_>], least: f64) -> Vec<Self> {
        let mut groups: Vec<(Condition, Vec<usize>)> = Vec::new();
        for (i, parameter) in ranges.parameters().iter().enumerate() {
            match groups.iter_mut().find(|(when, _)| *when == parameter.when) {
                Some((_, members)) => members.push(i),
                None => groups.push((parameter.when, vec![i])),
            }
        }
        let group = |(when, members): (_, Vec<usize>)| {
            let parameters: Vec<&Parameter> = members.iter().map(|&i| &ranges.parameters()[i]).collect();
            let density = |trials: &[Weighted<'_>]| {
                let having = trials.iter().filter_map(|(trial, weight)| {
                    let values: Option<Vec<f64>> = members.iter().map(|&i| trial.values[i]).collect();
                    values.map(|values| (values, *weight))
                });
                let (values, mut weights): (Vec<Vec<f64>>, Vec<f64>) = having.unzip();
                // What was known before weighs as much as one trial.
                weights.push(1.0);
                Parzen::new(&parameters, &values, weights, least)
            };
            Self { when, good: density(good), bad: density(bad), members }
        };
        groups.into_iter().map(group).collect()
    }

    /// Chooses the values of the members if they exist; returns the logarithm of how much likelier
    /// they are among the good trials.
    fn sample(&self, values: &mut [Option<f64>], rng: &mut Rng) -> f64 {
        if self.when.is_some_and(|(parent, choice)| values[parent] != Some(choice as f64)) {
            return 0.0;
        }
        let chosen = self.good.sample(rng);
        for (&member, &value) in self.members.iter().zip(&chosen) {
            values[member] = Some(value);
        }
        self.good.log_density(&chosen) - self.bad.log_density(&chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Domain;

    fn seen(x: f64, fate: Fate) -> Seen {
        Seen { values: vec![Some(x)], fate }
    }

    fn line() -> Ranges {
        Ranges::of(|draw| draw.value("x", Domain::uniform(0.0..=1.0))).expect("a good space")
    }

    #[test]
    fn good_trials_are_the_best_and_weigh_by_their_gain() {
        let results = [Fate::Useless, Fate::Done(3.0), Fate::Stopped(2, 0.0), Fate::Running, Fate::Done(1.0)];
        let mut all: Vec<Seen> = results.iter().map(|&r| seen(0.5, r)).collect();
        all.extend((0..8).map(|i| seen(0.5, Fate::Done(5.0 + f64::from(i)))));
        let [good, bad] = split(&all);
        assert_eq!(good.iter().map(|(trial, _)| trial.fate).collect::<Vec<_>>(), [Fate::Done(3.0), Fate::Done(1.0)]);
        assert_eq!(good.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [2.0 / 3.0, 4.0 / 3.0]);
        assert_eq!(bad.len(), 11);
    }

    #[test]
    fn proposals_gather_where_trials_were_good_and_nobody_is_running() {
        let score = |x: f64| (x - 0.3).abs();
        let mut all: Vec<Seen> = (0..40).map(|i| f64::from(i) / 40.0).map(|x| seen(x, Fate::Done(score(x)))).collect();
        let distance = |all: &[Seen]| {
            let points = (0..50).map(|n| Tpe::new().propose(n, &line(), all, &Rng::seed(1))[0].expect("exists"));
            points.map(score).sum::<f64>() / 50.0
        };
        let before = distance(&all);
        assert!(before < 0.03, "{before} from the best");
        all.extend((0..40).map(|i| seen(0.28 + f64::from(i) / 1000.0, Fate::Running)));
        let after = distance(&all);
        assert!(after > 1.5 * before, "{after} from where 40 are running, {before} before");
    }

    #[test]
    fn a_range_of_one_value_does_not_blunt_the_others() {
        let ranges = Ranges::of(|draw| {
            draw.value("fixed", Domain::uniform(0.0..=0.0))?;
            draw.value("x", Domain::uniform(0.0..=1.0))
        });
        let ranges = ranges.expect("a good space");
        let trial = |x: f64| Seen { values: vec![Some(0.0), Some(x)], fate: Fate::Done((x - 0.3).abs()) };
        let all: Vec<Seen> = (0..40).map(|i| trial(f64::from(i) / 40.0)).collect();
        let alone: Vec<Seen> = all.iter().map(|t| Seen { values: vec![t.values[1]], fate: t.fate }).collect();
        for n in 0..20 {
            let beside = Tpe::new().propose(n, &ranges, &all, &Rng::seed(1));
            assert_eq!(beside, [Some(0.0), Tpe::new().propose(n, &line(), &alone, &Rng::seed(1))[0]]);
        }
    }

    #[test]
    fn scores_that_are_all_the_same_or_infinite_are_no_obstacle() {
        for fate in [Fate::Done(1.0), Fate::Done(f64::INFINITY), Fate::Useless, Fate::Stopped(1, f64::NAN)] {
            let all: Vec<Seen> = (0..20).map(|i| seen(f64::from(i) / 20.0, fate)).collect();
            let values = Tpe::new().propose(20, &line(), &all, &Rng::seed(1));
            assert!(line().contains(&values), "{fate:?}: {values:?}");
        }
    }

    #[test]
    fn what_hangs_on_a_choice_is_learnt_from_trials_with_it() {
        let ranges = Ranges::of(|draw| {
            draw.variant("a", &[("p", &|draw| draw.value("x", Domain::uniform(0.0..=1.0))), ("q", &|_| Ok(0.0))])
        })
        .expect("a good space");
        let mut all = Vec::new();
        for i in 0..40 {
            let x = f64::from(i) / 40.0;
            all.push(Seen { values: vec![Some(0.0), Some(x)], fate: Fate::Done((x - 0.7).abs()) });
            all.push(Seen { values: vec![Some(1.0), None], fate: Fate::Done(0.5) });
        }
        let proposals: Vec<Values> =
            (0..30).map(|n| Tpe::new().propose(n, &ranges, &all, &Rng::seed(n as u64))).collect();
        assert!(proposals.iter().all(|values| ranges.contains(values)));
        let near = proposals.iter().filter(|v| v[1].is_some_and(|x| (x - 0.7).abs() < 0.15)).count();
        assert!(near > 24, "{near} of 30");
    }
}
