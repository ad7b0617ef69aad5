//! Numbers as people write them.

use std::fmt;

/// A number to four digits, for tables, tooltips and key figures: `0.9312`, `1,797`, `3.162e-4`.
///
/// ```
/// use wengert_report::Number;
///
/// let shown = [0.93125, 1797.0, 3.1623e-4, 2.5e9, -0.5, 0.0, 1e300, f64::NAN].map(|v| Number(v).to_string());
/// assert_eq!(shown, ["0.9313", "1,797", "3.162e-4", "2.5e9", "-0.5", "0", "1e300", "NaN"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        let size = v.abs();
        if v == 0.0 || v.is_nan() {
            write!(f, "{}", v.abs())
        } else if v.is_infinite() {
            f.write_str(if v > 0.0 { "∞" } else { "-∞" })
        } else if v.fract() == 0.0 && size < 1e9 {
            grouped(f, v as i64)
        } else if (1e-3..1e5).contains(&size) {
            let decimals = 3 - exponent(v);
            f.write_str(trimmed(&format!("{v:.*}", decimals.max(0) as usize)))
        } else {
            let text = format!("{v:.3e}");
            let (digits, power) = text.split_once('e').expect("scientific notation");
            write!(f, "{}e{power}", trimmed(digits))
        }
    }
}

/// `12,345`.
fn grouped(f: &mut fmt::Formatter<'_>, v: i64) -> fmt::Result {
    let digits = v.unsigned_abs().to_string();
    if v < 0 {
        f.write_str("-")?;
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            f.write_str(",")?;
        }
        write!(f, "{digit}")?;
    }
    Ok(())
}

/// Without zeros at the end of a fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The power of ten of the first digit, of a finite number that is not 0.
pub(crate) fn exponent(v: f64) -> i32 {
    let text = format!("{v:e}");
    let (_, power) = text.split_once('e').expect("scientific notation");
    power.parse().expect("a whole number")
}

/// The labels of ticks that are multiples of `step`, all with the same decimals and unit.
pub(crate) fn tick_labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest == 0.0 {
        return values.iter().map(|_| "0".into()).collect();
    }
    let (top, last) = (exponent(largest), exponent(step));
    let unit = match top {
        4..6 => Some((3, "k")),
        6..9 => Some((6, "M")),
        9..12 => Some((9, "G")),
        _ => None,
    };
    let label = |v: f64| match unit {
        _ if v == 0.0 => "0".into(),
        Some((power, name)) if last >= power - 2 => {
            format!("{:.*}{name}", (power - last).max(0) as usize, v / 10f64.powi(power))
        }
        _ if top < 12 && last >= -4 => format!("{v:.*}", (-last).max(0) as usize),
        _ if top - last >= 4 && last >= -12 && top < 12 => format!("{v:.*}", (-last).max(0) as usize),
        _ => format!("{v:.*e}", (exponent(v) - last).max(0) as usize),
    };
    values.iter().map(|&v| label(v)).collect()
}

/// The label of one tick of a logarithmic axis: a power of ten, or 2 or 5 times one.
pub(crate) fn log_label(v: f64) -> String {
    match exponent(v) {
        -3..=3 => trimmed(&format!("{v:.3}")).into(),
        4..12 => tick_labels(&[v], v).remove(0),
        _ => format!("{v:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: impl IntoIterator<Item = f64>, step: f64) -> String {
        tick_labels(&values.into_iter().collect::<Vec<_>>(), step).join(" ")
    }

    #[test]
    fn ticks_share_decimals_and_unit() {
        assert_eq!(labels([0.0, 0.5, 1.0], 0.5), "0 0.5 1.0");
        assert_eq!(labels([-0.05, 0.0, 0.05], 0.05), "-0.05 0 0.05");
        assert_eq!(labels([0.0, 2000.0, 4000.0], 2000.0), "0 2000 4000");
        assert_eq!(labels([0.0, 50_000.0, 100_000.0], 50_000.0), "0 50k 100k");
        assert_eq!(labels([1e6, 1.5e6, 2e6], 5e5), "1.0M 1.5M 2.0M");
        assert_eq!(labels([1e6, 1_000_002.0], 2.0), "1000000 1000002");
        assert_eq!(labels([0.0, 2e-5, 4e-5, 1e-4], 2e-5), "0 2e-5 4e-5 1.0e-4");
        assert_eq!(labels([1e300, 2e300], 1e300), "1e300 2e300");
        assert_eq!(labels([1.0, 1.000001], 1e-6), "1.000000 1.000001");
        assert_eq!(labels([0.0], 1.0), "0");
    }

    #[test]
    fn logarithmic_labels() {
        let shown = [1e-7, 1e-3, 0.02, 0.5, 1.0, 20.0, 5e3, 1e4, 1e5, 1e6, 1e13].map(log_label);
        assert_eq!(shown, ["1e-7", "0.001", "0.02", "0.5", "1", "20", "5000", "10k", "100k", "1M", "1e13"]);
    }

    #[test]
    fn numbers_keep_four_digits() {
        let shown = [1234.5678, 12.3, 99_999.5, 0.001, 123_456.0, -7.0, 1e-300, f64::NEG_INFINITY]
            .map(|v| Number(v).to_string());
        assert_eq!(shown, ["1235", "12.3", "100000", "0.001", "123,456", "-7", "1e-300", "-∞"]);
    }
}
