use wengert_tensor::Rng;

use super::{Sampler, Seen};
use crate::{Distribution, Parameter, Ranges, Values};

/// Every combination of a few values of each parameter: of a number its range in equal parts on its
/// scale, of a choice all.
///
/// Parameters that exist only with a choice are combined only with it. If there are fewer trials
/// than combinations, those tried are spread over the grid.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    points: usize,
}

impl Grid {
    /// This many values of each numeric parameter, or all if it has no more.
    ///
    /// ```
    /// use wengert_search::{Domain, Grid, Ranges, Sampler};
    ///
    /// let ranges = Ranges::of(|draw| {
    ///     draw.variant("update", &[
    ///         ("sgd", &|draw| draw.value("momentum", Domain::uniform(0.0..=0.9))),
    ///         ("adam", &|_| Ok(0.0)),
    ///     ])
    /// })?;
    /// assert_eq!(Grid::new(4).count(&ranges), Some(4 + 1));
    /// # Ok::<(), wengert_search::SpaceError>(())
    /// ```
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn new(points: usize) -> Self {
        assert!(points > 0, "grid: at least one point of each parameter");
        Self { points }
    }

    /// How many combinations there are of the parameters that hang on one choice, or on none.
    fn combinations(&self, ranges: &Ranges, when: Option<(usize, usize)>) -> usize {
        let here = ranges.parameters().iter().enumerate().filter(|(_, parameter)| parameter.when == when);
        here.fold(1, |product: usize, (i, parameter)| product.saturating_mul(self.below(ranges, i, parameter)))
    }

    /// How many combinations there are of one parameter and those that hang on it.
    fn below(&self, ranges: &Ranges, i: usize, parameter: &Parameter) -> usize {
        match parameter.distribution {
            Distribution::Choice { .. } => {
                let each = parameter.open.iter().map(|&choice| self.combinations(ranges, Some((i, choice))));
                each.fold(0, usize::saturating_add)
            }
            _ => parameter.count().unwrap_or(self.points).min(self.points),
        }
    }
}

impl Sampler for Grid {
    fn count(&self, ranges: &Ranges) -> Option<usize> {
        Some(self.combinations(ranges, None))
    }

    fn propose(&self, number: usize, ranges: &Ranges, _seen: &[Seen], _rng: &Rng) -> Values {
        let count = self.combinations(ranges, None);
        // Which combination of those that hang on each choice: the parameters of one level share out
        // the digits of one number.
        let mut left = vec![(None, spread(number % count, count))];
        ranges.fill(|i, parameter| {
            let level = left.iter_mut().find(|(when, _)| *when == parameter.when).expect("its choice was made before");
            let size = self.below(ranges, i, parameter);
            let mut digit = level.1 % size;
            level.1 /= size;
            let Distribution::Choice { .. } = parameter.distribution else {
                return parameter.at((digit as f64 + 0.5) / size as f64);
            };
            for &choice in &parameter.open {
                let inner = self.combinations(ranges, Some((i, choice)));
                if digit < inner {
                    left.push((Some((i, choice)), digit));
                    return choice as f64;
                }
                digit -= inner;
            }
            unreachable!("the digit is below the sum of all")
        })
    }
}

/// The order in which a grid is walked: by steps of about 0.618 of it, which meet every point.
fn spread(number: usize, count: usize) -> usize {
    let golden = (count as f64 * 0.618_033_988_749_895) as usize;
    let step = (golden.max(1)..).find(|&step| gcd(step, count) == 1).unwrap_or(1);
    (number as u128 * step as u128 % count as u128) as usize
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Domain;

    #[test]
    fn every_combination_comes_once() {
        let ranges = Ranges::of(|draw| {
            draw.value("depth", Domain::uniform(1usize..=2))?;
            draw.variant(
                "update",
                &[
                    ("sgd", &|draw| {
                        draw.value("lr", Domain::log(1e-4..=1.0))?;
                        draw.value("nesterov", Domain::choice([false, true])).map(|_| ())
                    }),
                    ("adam", &|draw| draw.value("lr", Domain::log(1e-4..=1.0)).map(|_: f64| ())),
                ],
            )?;
            draw.value("act", Domain::choice(["relu", "tanh"])).map(|_| ())
        })
        .expect("a good space");
        let grid = Grid::new(3);
        assert_eq!(grid.count(&ranges), Some(2 * (3 * 2 + 3) * 2));
        let mut all: Vec<String> =
            (0..36).map(|n| format!("{:?}", grid.propose(n, &ranges, &[], &Rng::seed(0)))).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 36);
        for n in 0..36 {
            assert!(ranges.contains(&grid.propose(n, &ranges, &[], &Rng::seed(0))));
        }
    }

    #[test]
    fn the_points_of_a_range_are_the_middles_of_its_parts() {
        let ranges = Ranges::of(|draw| draw.value("x", Domain::uniform(0.0..=4.0))).expect("a good space");
        let mut points: Vec<f64> =
            (0..4).map(|n| Grid::new(4).propose(n, &ranges, &[], &Rng::seed(0))[0].expect("exists")).collect();
        points.sort_by(f64::total_cmp);
        assert_eq!(points, [0.5, 1.5, 2.5, 3.5]);
    }
}
