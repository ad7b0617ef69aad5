//! One input against finite differences: every element, or some of them and random directions.

use wengert_tensor::{Rng, Shape, Tensor};

use super::difference::{Compared, Line};
use super::report::{Along, Comparison, Finding, InputReport};

/// The directions that an input is checked along when not all of its elements are.
const DIRECTIONS: usize = 8;

pub(super) struct Input<'a> {
    pub(super) name: String,
    pub(super) value: &'a Tensor<f64>,
    /// The analytic gradient, if one arrives.
    pub(super) gradient: Option<Tensor<f64>>,
    pub(super) at_most: usize,
    pub(super) tolerance: f64,
    /// As that of a [`Line`].
    pub(super) scale: f64,
}

impl Input<'_> {
    /// Compares with differences of `f`, the weighted outputs as a function of this input;
    /// `base` is its value here.
    pub(super) fn check(self, base: &[f64], mut f: impl FnMut(Tensor<f64>) -> Vec<f64>) -> InputReport {
        let shape = self.value.shape().clone();
        let (x, count) = (self.value.to_vec(), shape.count());
        let gradient = self.gradient.as_ref().map_or_else(|| vec![0.0; count], |g| g.to_vec());
        let mut rng = Rng::seed(0);
        let elements: Vec<usize> = if count <= self.at_most {
            (0..count).collect()
        } else {
            let mut chosen: Vec<usize> =
                rng.permutation(count).iter().take(self.at_most).map(|element| element as usize).collect();
            chosen.sort_unstable();
            chosen
        };
        let directions = if elements.len() < count { DIRECTIONS } else { 0 };

        let mut found: Vec<(Along, f64, Compared)> = Vec::with_capacity(elements.len() + directions);
        for element in elements {
            let mut at = |step: f64| {
                let mut moved = x.clone();
                moved[element] += step;
                let step = moved[element] - x[element];
                (step, f(Tensor::from_vec(moved, &shape)))
            };
            let compared = Line { base, size: x[element].abs(), scale: self.scale, at: &mut at }
                .compare(gradient[element], self.tolerance);
            found.push((Along::Element(unravel(element, &shape)), gradient[element], compared));
        }
        for number in 0..directions {
            // As long as one step of one element, with a part of it in each.
            let part = 1.0 / (count as f64).sqrt();
            let direction: Vec<f64> =
                x.iter().map(|x| part * x.abs().max(1.0) * if rng.below(2) == 0 { 1.0 } else { -1.0 }).collect();
            let analytic = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let mut at = |step: f64| {
                let moved = x.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
                (step, f(Tensor::from_vec(moved, &shape)))
            };
            let compared = Line { base, size: 1.0, scale: self.scale, at: &mut at }.compare(analytic, self.tolerance);
            found.push((Along::Direction(number), analytic, compared));
        }
        self.report(shape, found)
    }

    /// For an input that the outputs do not depend on.
    pub(super) fn unused(self) -> InputReport {
        let shape = self.value.shape().clone();
        InputReport { finding: Finding::Unused, ..self.report(shape, Vec::new()) }
    }

    fn report(self, shape: Shape, found: Vec<(Along, f64, Compared)>) -> InputReport {
        let zero = !found.is_empty() && found.iter().all(|(_, _, compared)| compared.zero);
        let worst = found.iter().map(|(_, _, compared)| compared.finding).max().unwrap_or(Finding::Agrees);
        let finding = match worst {
            Finding::Agrees if zero => Finding::Zero,
            Finding::Wrong if self.gradient.is_none() => Finding::Unreached,
            worst => worst,
        };
        let kinks = found.iter().filter_map(|(along, _, compared)| match along {
            Along::Element(index) => compared.kink.map(|kink| (index.clone(), kink)),
            Along::Direction(_) => None,
        });
        let kinks = kinks.collect();
        let comparison = |(along, analytic, compared): (Along, f64, Compared)| {
            let Compared { numeric, numeric_error, error, finding, .. } = compared;
            Comparison { along, analytic, numeric, numeric_error, error, finding }
        };
        let compared = found.into_iter().map(comparison).collect();
        InputReport { name: self.name, shape, compared, kinks, finding, hint: None }
    }
}

/// The index along each axis of an element in row-major order.
pub(crate) fn unravel(mut element: usize, shape: &Shape) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let i = element % size;
            element /= size;
            i
        })
        .collect();
    index.reverse();
    index
}
