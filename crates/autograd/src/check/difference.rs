//! Derivatives along a line from finite differences, and how far they can be trusted.
//!
//! Central differences at `h`, `h/2` and `h/4` are extrapolated to `h = 0` (Richardson 1911; the
//! error estimate is that of Ridders 1982). Where that does not settle, `h` shrinks: the function
//! may have a kink or the edge of its domain nearby. The same values give both one-sided
//! derivatives for nothing; where each is stable and they still differ at the smallest step,
//! the point lies on a kink, and where the values of a side do not lead to that at the point, on
//! a jump.

use super::report::{Finding, Kink};

/// Steps in units of `max(1, |x|)`.
const STEPS: [f64; 4] = [pow2(-9), pow2(-12), pow2(-15), pow2(-18)];
/// For functions that vary faster than those tell, or whose domain ends: less accurate.
const FINE_STEPS: [f64; 2] = [pow2(-21), pow2(-24)];
/// What finite differences may be off by where they can do no better.
const LAST_RESORT: f64 = 1e-6;
/// Steps in units of a small `|x|`, for functions that vary on its scale, such as ln.
const SMALL_STEPS: [f64; 3] = [pow2(-6), pow2(-9), pow2(-12)];
/// What |x| must be below for those.
const SMALL: f64 = pow2(-4);
/// A gradient below this part of `|y| / max(1, |x|)` counts as of that size.
const FLOOR: f64 = 1e-3;

const fn pow2(exponent: i32) -> f64 {
    let exponent = (1023 + exponent) as u64;
    f64::from_bits(exponent << 52)
}

/// A function along a line through a point.
pub(super) struct Line<'a> {
    /// The outputs at the point.
    pub(super) base: &'a [f64],
    /// |x| along the line.
    pub(super) size: f64,
    /// What the outputs are small differences of, if that is known: their rounding errors are
    /// relative to it.
    pub(super) scale: f64,
    /// The outputs at a step from the point, and the step as rounding left it.
    pub(super) at: &'a mut dyn FnMut(f64) -> (f64, Vec<f64>),
}

/// An analytic derivative beside the numeric one.
pub(super) struct Compared {
    pub(super) numeric: f64,
    /// How far the numeric derivative may be off.
    pub(super) numeric_error: f64,
    pub(super) error: f64,
    pub(super) finding: Finding,
    pub(super) kink: Option<Kink>,
    /// Whether both are nothing beside the size of the outputs.
    pub(super) zero: bool,
}

/// What three steps on each side say.
struct Estimate {
    central: f64,
    /// Of `central`.
    error: f64,
    sides: Kink,
    /// Whether the two sides differ by more than each of them is uncertain.
    kink: bool,
    /// The slopes beside a jump, if there is one.
    jump: Option<Kink>,
    /// Derivatives are compared on this scale when they are smaller.
    floor: f64,
    /// What rounding of the largest output, changed or not, looks like as a derivative.
    dust: f64,
}

impl Line<'_> {
    /// Compares the derivative at the point with `analytic`.
    pub(super) fn compare(mut self, analytic: f64, tolerance: f64) -> Compared {
        let unit = self.size.max(1.0);
        let small = Some(self.size).filter(|size| (f64::MIN_POSITIVE..SMALL).contains(size));
        let small_steps = small.into_iter().flat_map(|size| SMALL_STEPS.map(|step| step * size));
        let steps = STEPS.into_iter().chain(FINE_STEPS).map(|step| step * unit).chain(small_steps);

        let mut best: Option<Estimate> = None;
        let mut all: Vec<(f64, f64)> = Vec::new();
        let mut at_point: Option<Estimate> = None;
        for (number, step) in steps.enumerate() {
            if number >= STEPS.len() && at_point.as_ref().is_some_and(|found| found.kink) {
                break;
            }
            let Some(estimate) = self.estimate(step, unit) else {
                continue;
            };
            if estimate.kink || estimate.jump.is_some() {
                // Slopes beside a jump are the more accurate the coarser the step.
                let coarser = at_point.take().filter(|found| found.jump.is_some() && estimate.jump.is_some());
                at_point = coarser.or(Some(estimate));
                continue;
            }
            at_point = None;
            all.push((estimate.central, estimate.error));
            let scale = estimate.central.abs().max(estimate.floor);
            let settled = estimate.error <= 0.1 * tolerance * scale;
            let agrees = relative_error(analytic, estimate.central, estimate.floor) <= tolerance;
            let finer = best.as_ref().is_some_and(|best| contradicted(best, &all));
            if best.as_ref().is_none_or(|best| (settled && agrees) || estimate.error < best.error || finer) {
                best = Some(estimate);
            }
            if settled && agrees {
                break;
            }
        }
        match (at_point, best) {
            (Some(found), _) => at_kink(analytic, found, tolerance),
            (None, Some(best)) => beside(analytic, best, &all, tolerance),
            (None, None) => Compared {
                numeric: f64::NAN,
                numeric_error: f64::NAN,
                error: f64::NAN,
                finding: Finding::NotFinite,
                kink: None,
                zero: false,
            },
        }
    }

    /// Differences at `h`, `h/2` and `h/4`; `None` where the function is not finite.
    fn estimate(&mut self, h: f64, unit: f64) -> Option<Estimate> {
        let (mut central, mut right, mut left) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        // The size of the outputs that change (of all when none does): what rounding errors are
        // relative to.
        let mut size: f64 = 0.0;
        for k in 0..3 {
            let (forth, ahead) = (self.at)(h / f64::from(1 << k));
            let (back, behind) = (self.at)(-h / f64::from(1 << k));
            let mut changed = 0.0;
            for ((&y, &ahead), &behind) in self.base.iter().zip(&ahead).zip(&behind) {
                if ahead != y || behind != y {
                    central[k] += ahead - behind;
                    right[k] += ahead - y;
                    left[k] += behind - y;
                    changed += ahead.abs().max(behind.abs());
                }
            }
            central[k] /= forth - back;
            size = size.max(changed);
        }
        let (after, before) = (beside_jump(right), beside_jump(left));
        for k in 0..3 {
            right[k] /= h / f64::from(1 << k);
            left[k] /= -h / f64::from(1 << k);
        }
        size = size.max(self.scale);
        if size == 0.0 {
            size = self.base.iter().map(|y| y.abs()).sum();
        }
        let rounding = f64::EPSILON * size;
        let jumps = |(jump, uncertain, _): (f64, f64, f64)| jump.abs() > 64.0 * (uncertain + rounding);
        let jump = (jumps(after) || jumps(before)).then_some(Kink {
            left: -before.2 / h,
            right: after.2 / h,
            jump: after.0 - before.0,
        });
        let (central, error) = extrapolate(central, 4.0);
        let (right, right_error) = extrapolate(right, 2.0);
        let (left, left_error) = extrapolate(left, 2.0);
        if !(central + right + left).is_finite() {
            return None;
        }
        let noise = 2.0 * f64::EPSILON * size / (h / 4.0);
        let largest = self.base.iter().fold(self.scale, |largest, y| largest.max(y.abs()));
        let floor = FLOOR * size / unit;
        let gap = (right - left).abs();
        let certain = (16.0 * (right_error + left_error)).max(64.0 * noise);
        let scale = right.abs().max(left.abs()).max(floor);
        Some(Estimate {
            central,
            error: error.max(noise),
            sides: Kink { left, right, jump: 0.0 },
            jump,
            kink: gap > certain && gap > 1e-6 * scale,
            floor,
            dust: 2.0 * f64::EPSILON * largest / (h / 4.0),
        })
    }
}

/// Differences at steps that halve, extrapolated to 0, with the change that the last
/// extrapolation made. Each removes an order of error that shrinks by `factor` when the step halves.
fn extrapolate(d: [f64; 3], factor: f64) -> (f64, f64) {
    let once = |coarse: f64, fine: f64, factor: f64| fine + (fine - coarse) / (factor - 1.0);
    let fine = once(d[1], d[2], factor);
    let value = once(once(d[0], d[1], factor), fine, factor * factor);
    (value, (value - fine).abs())
}

/// From the change of a function at `h`, `h/2` and `h/4` on one side: the change at 0, where there
/// is none without a jump, how uncertain that is, and the slope beside it times `h`.
fn beside_jump(d: [f64; 3]) -> (f64, f64, f64) {
    let (coarse, fine) = (2.0 * d[1] - d[0], 2.0 * d[2] - d[1]);
    let jump = fine + (fine - coarse) / 3.0;
    let slopes = [(d[0] - d[1]) * 2.0, (d[1] - d[2]) * 4.0];
    (jump, (jump - fine).abs(), 2.0 * slopes[1] - slopes[0])
}

/// Whether the last two of `all`, by finer steps, agree with each other and not with `best`: it
/// jumped over what the function does.
fn contradicted(best: &Estimate, all: &[(f64, f64)]) -> bool {
    let [.., (a, error_a), (b, error_b)] = *all else { return false };
    let apart = |a: f64, b: f64, error: f64| (a - b).abs() > 8.0 * error;
    all.len() > STEPS.len()
        && !apart(a, b, error_a + error_b)
        && apart(a, best.central, error_a + best.error)
        && apart(b, best.central, error_b + best.error)
}

fn relative_error(analytic: f64, numeric: f64, floor: f64) -> f64 {
    let difference = (analytic - numeric).abs();
    if difference == 0.0 { 0.0 } else { difference / analytic.abs().max(numeric.abs()).max(floor) }
}

/// The verdict on `estimate`, the best of `all` (each with its error).
fn beside(analytic: f64, estimate: Estimate, all: &[(f64, f64)], tolerance: f64) -> Compared {
    let Estimate { central, error: numeric_error, floor, dust, .. } = estimate;
    // An output that would be zero but for rounding changes by as much as the others are rounded.
    if analytic.abs().max(central.abs()) <= dust {
        let numeric_error = numeric_error.max(dust);
        return Compared {
            numeric: central,
            numeric_error,
            error: 0.0,
            finding: Finding::Agrees,
            kink: None,
            zero: true,
        };
    }
    let error = relative_error(analytic, central, floor);
    // Beside a jump the differences of every step look stable, but no two steps agree.
    let confirming = all.iter().filter(|(other, error)| (other - central).abs() <= 8.0 * (error + numeric_error));
    let confirmed = confirming.count() > 1;
    let within = (analytic - central).abs() <= 4.0 * numeric_error;
    let hardly = confirmed && within && error <= LAST_RESORT;
    let finding = if !analytic.is_finite() {
        Finding::NotFinite
    } else if error <= tolerance || hardly {
        Finding::Agrees
    } else if !confirmed || within {
        Finding::Unsettled
    } else {
        Finding::Wrong
    };
    let zero = analytic.abs().max(central.abs()) <= 1e-6 * floor;
    Compared { numeric: central, numeric_error, error, finding, kink: None, zero }
}

/// At a kink every slope between those of the two sides is as good as another.
fn at_kink(analytic: f64, estimate: Estimate, tolerance: f64) -> Compared {
    let Estimate { sides, jump, error, floor, .. } = estimate;
    let sides = jump.unwrap_or(sides);
    let (low, high) = (sides.left.min(sides.right), sides.left.max(sides.right));
    let numeric = analytic.clamp(low, high);
    let outside = relative_error(analytic, numeric, floor);
    // One-sided differences are less accurate than central ones, and those beside a jump still less.
    let tolerance = tolerance.max(if jump.is_some() { 1e-4 } else { 1e-6 });
    let (finding, error) = match outside <= tolerance {
        true => (Finding::Kink, error),
        false if analytic.is_finite() => (Finding::Wrong, error),
        false => (Finding::NotFinite, error),
    };
    Compared { numeric, numeric_error: error, error: outside, finding, kink: Some(sides), zero: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(f: impl Fn(f64) -> f64, x: f64, analytic: f64) -> Compared {
        let base = [f(x)];
        let mut at = |step: f64| ((x + step) - x, vec![f(x + step)]);
        Line { base: &base, size: x.abs(), scale: 0.0, at: &mut at }.compare(analytic, 1e-9)
    }

    #[test]
    fn smooth_functions_agree_to_a_dozen_digits() {
        for (f, x, d) in [
            (f64::sin as fn(f64) -> f64, 1.0, 1f64.cos()),
            (f64::exp, 3.0, 3f64.exp()),
            (|x| x * x * x, -2.0, 12.0),
            (|x| 1e6 + x.sin(), 0.5, 0.5f64.cos()),
            (|x| (40.0 * x).sin(), 0.3, 40.0 * 12f64.cos()),
            (|x| 1.0 / x, 1e5, -1e-10),
        ] {
            let compared = along(f, x, d);
            assert_eq!(compared.finding, Finding::Agrees, "at {x}: {} against {d}", compared.numeric);
            assert!((compared.numeric - d).abs() <= 4.0 * compared.numeric_error, "at {x}: the estimate is too small");
        }
    }

    #[test]
    fn the_edge_of_a_domain_is_approached_with_smaller_steps() {
        for x in [1e-1, 1e-3, 1e-5, 1e-8] {
            assert_eq!(along(f64::ln, x, 1.0 / x).finding, Finding::Agrees, "ln at {x}");
            assert_eq!(along(f64::sqrt, x, 0.5 / x.sqrt()).finding, Finding::Agrees, "sqrt at {x}");
        }
        assert_eq!(along(f64::sqrt, 0.0, f64::INFINITY).finding, Finding::NotFinite);
    }

    #[test]
    fn small_mistakes_are_found() {
        assert_eq!(along(f64::sin, 1.0, 1f64.cos() * (1.0 + 1e-8)).finding, Finding::Wrong);
        assert_eq!(along(f64::sin, 1.0, -1f64.cos()).finding, Finding::Wrong);
        assert_eq!(along(f64::sin, 1.0, f64::NAN).finding, Finding::NotFinite);
    }

    #[test]
    fn a_kink_has_the_slopes_of_both_sides() {
        for (analytic, finding) in [(0.0, Finding::Kink), (-1.0, Finding::Kink), (1.5, Finding::Wrong)] {
            let compared = along(f64::abs, 0.0, analytic);
            assert_eq!(compared.finding, finding);
            let kink = compared.kink.unwrap();
            assert!((kink.left + 1.0).abs() < 1e-9 && (kink.right - 1.0).abs() < 1e-9);
        }
        let leaky = |x: f64| if x > 0.0 { x.sin() } else { 0.01 * x };
        assert_eq!(along(leaky, 0.0, 0.01).finding, Finding::Kink);
    }

    #[test]
    fn a_kink_nearby_is_kept_out_of_the_difference() {
        for distance in [0.003, 1.7e-3, 8e-4, 3e-4, 5e-5, 7e-6] {
            let f = |x: f64| (x - 1.0 + distance).abs() + x.exp();
            let compared = along(f, 1.0, 1.0 + 1f64.exp());
            assert_eq!(compared.finding, Finding::Agrees, "kink at {distance}, error {}", compared.error);
        }
    }

    #[test]
    fn a_jump_is_named_with_the_slopes_beside_it() {
        for (analytic, finding) in [(0.0, Finding::Kink), (1.0, Finding::Wrong)] {
            let compared = along(f64::floor, 2.0, analytic);
            assert_eq!(compared.finding, finding);
            assert!((compared.kink.unwrap().jump - 1.0).abs() < 1e-9);
        }
        let f = |x: f64| if x > 0.0 { 1.0 + 2.0 * x } else { x.sin() };
        let compared = along(f, 0.0, 2.0);
        let kink = compared.kink.unwrap();
        assert!((kink.left - 1.0).abs() < 1e-6 && (kink.right - 2.0).abs() < 1e-6, "{kink:?}");
        assert_eq!(compared.finding, Finding::Kink);
    }

    #[test]
    fn fast_oscillations_are_not_stepped_over() {
        for rate in [1e3, 1e4, 1e5] {
            let (f, slope) = (|x: f64| (rate * x).sin(), rate * (rate * 0.3).cos());
            assert_eq!(along(f, 0.3, slope).finding, Finding::Agrees, "rate {rate}");
            assert_eq!(along(f, 0.3, slope * 1.001).finding, Finding::Wrong, "rate {rate}");
        }
    }

    #[test]
    fn the_edge_of_a_domain_may_be_near() {
        for x in [0.9999, 0.999999, -0.99999] {
            assert_eq!(along(f64::acos, x, -1.0 / (1.0 - x * x).sqrt()).finding, Finding::Agrees, "acos at {x}");
        }
    }

    #[test]
    fn what_does_not_depend_is_zero() {
        let compared = along(|_| 3.0, 1.0, 0.0);
        assert!(compared.zero && compared.finding == Finding::Agrees);
        assert_eq!(along(|_| 3.0, 1.0, 1e-9).finding, Finding::Wrong);
    }
}
