//! From values to places: linear, logarithmic, or by category.

use std::fmt::{self, Display};

use crate::number::{log_label, tick_labels};

/// The largest size of a value on a linear axis: the distance of two such is still a number.
const HUGE: f64 = 1e300;

/// Where a value is on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// At this coordinate.
    At(f64),
    /// Below all that the axis can show.
    Below,
    /// Above all that the axis can show, or not a number.
    Above,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spacing {
    Linear,
    Log,
}

/// A map from an interval of values to one of coordinates.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    spacing: Spacing,
    /// The values at both ends; of a logarithmic scale, their logarithms.
    low: f64,
    high: f64,
    /// The coordinates at both ends.
    start: f64,
    end: f64,
}

/// Spacing and both ends (of a logarithmic scale, their logarithms), for the script of a page.
impl Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spacing = if self.spacing == Spacing::Log { "log" } else { "linear" };
        write!(f, "{spacing} {:e} {:e}", self.low, self.high)
    }
}

/// A mark on an axis; a label if it has one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: Option<String>,
}

/// The smallest and largest of the values that an axis of this spacing can show.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>, spacing: Spacing) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|v| v.is_finite() && (spacing == Spacing::Linear || *v > 0.0))
        .fold(None, |extent, v| extent.map_or(Some((v, v)), |(low, high): (f64, f64)| Some((low.min(v), high.max(v)))))
}

impl Scale {
    /// A scale that shows `extent`, with `margin` of its length left free at both ends. An interval
    /// of no length is widened; 0 is not passed by the margin.
    pub(crate) fn new(spacing: Spacing, extent: Option<(f64, f64)>, margin: f64, start: f64, end: f64) -> Self {
        let (mut low, mut high) = match (spacing, extent) {
            (Spacing::Linear, None) => (0.0, 1.0),
            (Spacing::Log, None) => (0.0, 1.0),
            (Spacing::Linear, Some((low, high))) => (low.clamp(-HUGE, HUGE), high.clamp(-HUGE, HUGE)),
            (Spacing::Log, Some((low, high))) => (low.log10(), high.log10()),
        };
        let free = match spacing {
            // Labels could not tell closer values apart.
            Spacing::Linear if high - low <= 1e-9 * low.abs().max(high.abs()) => {
                if low == 0.0 {
                    0.5
                } else {
                    (0.05 * low.abs()).max(f64::MIN_POSITIVE)
                }
            }
            Spacing::Log if high - low < 1e-6 => 0.5,
            _ => margin * (high - low),
        };
        if spacing == Spacing::Log || low != 0.0 {
            let crosses = spacing == Spacing::Linear && low > 0.0 && low < free;
            low = if crosses { 0.0 } else { low - free };
        }
        if spacing == Spacing::Log || high != 0.0 || low == high {
            high += free;
        }
        Self { spacing, low, high, start, end }
    }

    pub(crate) fn place(&self, value: f64) -> Place {
        let v = match self.spacing {
            Spacing::Linear if value.is_finite() => value.clamp(-HUGE, HUGE),
            Spacing::Linear => return if value == f64::NEG_INFINITY { Place::Below } else { Place::Above },
            Spacing::Log if value > 0.0 && value.is_finite() => value.log10(),
            Spacing::Log => return if value <= 0.0 { Place::Below } else { Place::Above },
        };
        // Far outside the picture is outside it as well.
        let share = ((v - self.low) / (self.high - self.low)).clamp(-2.0, 3.0);
        Place::At(self.start + share * (self.end - self.start))
    }

    /// The coordinate of a value, which is moved to the nearest end if the axis cannot show it.
    pub(crate) fn clamped(&self, value: f64) -> f64 {
        match self.place(value) {
            Place::At(at) => at.clamp(self.start.min(self.end), self.start.max(self.end)),
            Place::Below => self.start,
            Place::Above => self.end,
        }
    }

    /// Both ends, as values.
    pub(crate) fn domain(&self) -> (f64, f64) {
        match self.spacing {
            Spacing::Linear => (self.low, self.high),
            Spacing::Log => (10f64.powf(self.low), 10f64.powf(self.high)),
        }
    }

    pub(crate) fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Ticks at round values, about `room` of them with labels.
    pub(crate) fn ticks(&self, room: usize) -> Vec<Tick> {
        let room = room.max(2);
        match self.spacing {
            Spacing::Linear => self.labelled(&round_values(self.low, self.high, room)),
            Spacing::Log if self.high - self.low < 1.0 => {
                let (low, high) = self.domain();
                self.labelled(&round_values(low, high, room))
            }
            Spacing::Log => self.decades(room),
        }
    }

    fn labelled(&self, (values, step): &(Vec<f64>, f64)) -> Vec<Tick> {
        let labels = tick_labels(values, *step);
        values.iter().zip(labels).map(|(&v, label)| Tick { at: self.clamped(v), label: Some(label) }).collect()
    }

    fn decades(&self, room: usize) -> Vec<Tick> {
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let decades = self.high - self.low;
        let stride = (decades / room as f64).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        for power in first..=last {
            for digit in 1..10 {
                let value = f64::from(digit) * 10f64.powi(power);
                let at = value.log10();
                let labelled = match digit {
                    1 => power % stride == 0,
                    2 | 5 => 3.0 * decades <= room as f64,
                    _ => false,
                };
                // Too many ticks are a grey smear.
                let shown = labelled || decades <= 6.0 || digit == 1 && decades <= 30.0;
                if shown && at >= self.low - 1e-9 && at <= self.high + 1e-9 {
                    ticks.push(Tick { at: self.clamped(value), label: labelled.then(|| log_label(value)) });
                }
            }
        }
        ticks
    }
}

/// The multiples of 1, 2 or 5 times a power of ten between two values, about `room` of them, and
/// the step from one to the next.
fn round_values(low: f64, high: f64, room: usize) -> (Vec<f64>, f64) {
    let raw = (high - low) / room as f64;
    let power = raw.log10().floor() as i32;
    // A quotient of whole numbers is the nearest number to a decimal fraction, a product is not.
    let times = |m: f64| if (-300..0).contains(&power) { m / 10f64.powi(-power) } else { m * 10f64.powi(power) };
    // The nearest by ratio.
    let multiple = [(2f64, 1.0), (10.0, 2.0), (50.0, 5.0)].into_iter().find(|(square, _)| times(square.sqrt()) > raw);
    let multiple = multiple.map_or(10.0, |(_, multiple)| multiple);
    let step = times(multiple);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).clamp(0.0, 4.0 * room as f64) as usize;
    // Adding 0 makes 0 of -0.
    ((0..=count).map(|i| times((first + i as f64) * multiple) + 0.0).collect(), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(scale: &Scale, room: usize) -> String {
        let labels: Vec<String> = scale.ticks(room).into_iter().filter_map(|tick| tick.label).collect();
        labels.join(" ")
    }

    fn linear(low: f64, high: f64) -> Scale {
        Scale::new(Spacing::Linear, Some((low, high)), 0.0, 0.0, 100.0)
    }

    fn log(low: f64, high: f64) -> Scale {
        Scale::new(Spacing::Log, Some((low, high)), 0.0, 0.0, 100.0)
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(shown(&linear(0.0, 1.0), 5), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(shown(&linear(-3.0, 7.0), 5), "-2 0 2 4 6");
        assert_eq!(shown(&linear(0.0, 2.31), 5), "0 0.5 1.0 1.5 2.0");
        assert_eq!(shown(&linear(0.0, 123_456.0), 3), "0 50k 100k");
        assert_eq!(shown(&linear(1e6, 1e6 + 4.0), 4), "1000000 1000001 1000002 1000003 1000004");
        assert_eq!(shown(&linear(-2e-7, 3e-7), 5), "-2e-7 -1e-7 0 1e-7 2e-7 3e-7");
        assert_eq!(shown(&linear(0.9971, 0.9999), 4), "0.9975 0.9980 0.9985 0.9990 0.9995");
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        assert_eq!(shown(&log(1e-5, 1.0), 6), "1e-5 1e-4 0.001 0.01 0.1 1");
        assert_eq!(shown(&log(1e-5, 1.0), 3), "1e-4 0.01 1");
        assert_eq!(shown(&log(0.5, 50.0), 8), "0.5 1 2 5 10 20 50");
        assert_eq!(shown(&log(0.2, 0.9), 4), "0.2 0.4 0.6 0.8");
        assert_eq!(log(0.5, 50.0).ticks(8).len(), 19);
        assert_eq!(log(1e-300, 1e300).ticks(6).iter().filter(|t| t.label.is_some()).count(), 7);
    }

    #[test]
    fn places() {
        let scale = linear(0.0, 10.0);
        assert_eq!(scale.place(2.5), Place::At(25.0));
        assert_eq!(scale.place(f64::NAN), Place::Above);
        assert_eq!(scale.place(f64::INFINITY), Place::Above);
        assert_eq!(scale.place(f64::NEG_INFINITY), Place::Below);
        assert_eq!(scale.clamped(-5.0), 0.0);
        let scale = log(1.0, 100.0);
        assert_eq!(scale.place(10.0), Place::At(50.0));
        assert_eq!(scale.place(0.0), Place::Below);
        assert_eq!(scale.place(-1.0), Place::Below);
        assert_eq!(scale.place(f64::NAN), Place::Above);
    }

    #[test]
    fn margins_do_not_cross_zero() {
        let domain = |low, high| Scale::new(Spacing::Linear, Some((low, high)), 0.1, 0.0, 1.0).domain();
        assert_eq!(domain(0.0, 10.0), (0.0, 11.0));
        assert_eq!(domain(0.5, 10.0).0, 0.0);
        assert_eq!(domain(5.0, 10.0).0, 4.5);
        assert_eq!(domain(-10.0, 0.0), (-11.0, 0.0));
    }

    #[test]
    fn extremes_leave_every_value_a_place() {
        let extremes =
            [0.0, 1.0, -1.0, 1e-320, -1e-320, f64::MIN_POSITIVE, 1e300, f64::MAX, f64::MIN, 1.0 + f64::EPSILON];
        for low in extremes {
            for high in extremes.into_iter().filter(|&high| high >= low) {
                for spacing in [Spacing::Linear, Spacing::Log] {
                    let scale = Scale::new(spacing, extent([low, high], spacing), 0.05, 0.0, 100.0);
                    let ticks = scale.ticks(5);
                    assert!(ticks.len() <= 60, "{low:e} … {high:e} {spacing:?}: {}", ticks.len());
                    assert!(ticks.iter().all(|t| (0.0..=100.0).contains(&t.at)), "{low:e} … {high:e} {spacing:?}");
                    for v in [low, high] {
                        if let Place::At(at) = scale.place(v) {
                            assert!(
                                (-1e-6..=100.0 + 1e-6).contains(&at),
                                "{v:e} in {low:e} … {high:e} {spacing:?}: {at}"
                            );
                        }
                    }
                }
            }
        }
        assert_eq!(extent([f64::NAN, f64::INFINITY], Spacing::Linear), None);
        assert_eq!(extent([-1.0, 0.0, 3.0], Spacing::Log), Some((3.0, 3.0)));
        assert!(!linear(7.0, 7.0).ticks(4).is_empty());
    }
}
