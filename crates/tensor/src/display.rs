//! How tensors print: as NumPy prints arrays.

use std::fmt::{self, Write};

use crate::{Element, Slice, Tensor};

/// Tensors of more elements are cut short.
const THRESHOLD: usize = 1000;
/// How many indices at either end of an axis a cut shows.
const EDGE: usize = 3;
/// Rows are broken before they get longer.
const LINE: usize = 75;
/// Decimals of floating-point numbers, unless the format says otherwise.
const PRECISION: usize = 4;

/// As NumPy prints arrays: columns are aligned, four decimals unless the format asks for
/// others (`{:.2}`), scientific notation where magnitudes need it, and `...` for the middle of
/// long axes of tensors with more than a thousand elements. A scalar prints as its number does.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// let t: Tensor = tensor![[1.0, -2.5], [0.125, 100.0]];
/// assert_eq!(t.to_string(), "[[  1.     -2.5  ]\n [  0.125 100.   ]]");
/// assert_eq!(format!("{t:.1}"), "[[  1.0  -2.5]\n [  0.1 100.0]]");
/// assert_eq!(Tensor::range(0..2000).to_string(), "[   0    1    2 ... 1997 1998 1999]");
/// ```
impl<T: Element> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rank() == 0 {
            return fmt::Display::fmt(&self.item(), f);
        }
        if self.count() == 0 {
            return f.write_str("[]");
        }
        let cut = self.count() > THRESHOLD;
        let shown = if cut { edges(self) } else { self.clone() };
        let columns = columns(&shown, f.precision());
        let width = columns.iter().map(|c| c.chars().count()).max().unwrap_or(0);
        let columns: Vec<String> = columns.into_iter().map(|c| format!("{c:>width$}")).collect();
        let dots: Vec<bool> = self.shape().iter().map(|&size| cut && size > 2 * EDGE).collect();
        let mut rest = &columns[..];
        write_axis(f, shown.shape(), &dots, 0, &mut rest)
    }
}

/// The type, the shape, and the values (some of them, for large tensors) on one line.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// let t: Tensor = tensor![[1.0, 2.0], [3.0, 4.5]];
/// assert_eq!(format!("{t:?}"), "Tensor<f32>[2, 2] [[1.0, 2.0], [3.0, 4.5]]");
/// ```
impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} ", std::any::type_name::<T>(), self.shape())?;
        let large = self.count() > 36 || self.shape().iter().any(|&size| size > 36);
        let values = if large { edges(self) } else { self.clone() };
        let dots: Vec<bool> = values.shape().iter().zip(self.shape().iter()).map(|(a, b)| a < b).collect();
        write_debug(f, &values, &dots)
    }
}

fn write_debug<T: Element>(f: &mut fmt::Formatter<'_>, t: &Tensor<T>, dots: &[bool]) -> fmt::Result {
    if t.rank() == 0 {
        return write!(f, "{:?}", t.item());
    }
    f.write_char('[')?;
    for i in 0..t.shape()[0] {
        if i > 0 {
            f.write_str(", ")?;
        }
        if dots[0] && i == EDGE {
            f.write_str("..., ")?;
        }
        write_debug(f, &t.select(0, i as isize), &dots[1..])?;
    }
    f.write_char(']')
}

/// The first and last indices of every long axis.
fn edges<T: Element>(t: &Tensor<T>) -> Tensor<T> {
    let Some(axis) = t.shape().iter().position(|&size| size > 2 * EDGE) else { return t.clone() };
    let axis = axis as isize;
    // Nothing is copied before all axes are cut.
    let [head, tail] = [Slice::from(..EDGE), Slice::from(-(EDGE as isize)..)].map(|part| edges(&t.slice(axis, part)));
    Tensor::concat(&[&head, &tail], axis)
}

/// Axis number `depth` and those inside it, taking elements off the front of `rest`.
fn write_axis(
    f: &mut fmt::Formatter<'_>,
    shape: &[usize],
    dots: &[bool],
    depth: usize,
    rest: &mut &[String],
) -> fmt::Result {
    f.write_char('[')?;
    let inner = depth + 1 == shape.len();
    let indent = " ".repeat(depth + 1);
    let mut column = depth + 1;
    for i in 0..shape[depth] {
        let gap = dots[depth] && i == EDGE;
        if !inner {
            if i > 0 {
                separate(f, shape.len() - depth - 1, &indent)?;
            }
            if gap {
                f.write_str("...")?;
                separate(f, shape.len() - depth - 1, &indent)?;
            }
            write_axis(f, shape, dots, depth + 1, rest)?;
            continue;
        }
        let (word, others) = rest.split_first().expect("there is a word for every element");
        *rest = others;
        for word in gap.then_some("...").into_iter().chain([word.as_str()]) {
            let length = word.chars().count();
            if column > depth + 1 {
                // Room for the brackets that may close here.
                if column + 1 + length + shape.len() > LINE {
                    write!(f, "\n{indent}")?;
                    column = depth + 1;
                } else {
                    f.write_char(' ')?;
                    column += 1;
                }
            }
            f.write_str(word)?;
            column += length;
        }
    }
    f.write_char(']')
}

/// As many line breaks as there are axes inside.
fn separate(f: &mut fmt::Formatter<'_>, breaks: usize, indent: &str) -> fmt::Result {
    (0..breaks).try_for_each(|_| f.write_char('\n'))?;
    f.write_str(indent)
}

/// Every element as text, numbers aligned at their decimal point.
fn columns<T: Element>(t: &Tensor<T>, precision: Option<usize>) -> Vec<String> {
    if !(T::NAME.starts_with("float")) {
        return t.iter().map(|v| v.to_string()).collect();
    }
    let values: Vec<f64> = t.iter().map(Element::to_f64).collect();
    let sizes = || values.iter().map(|v| v.abs()).filter(|v| v.is_finite() && *v != 0.0);
    let (low, high) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    let scientific = high >= 1e8 || low < 1e-4 || (high > 0.0 && high / low > 1000.0);
    // A precision that was asked for is kept; the default is an upper limit.
    let digits = precision.unwrap_or(PRECISION);
    let words: Vec<String> = t.iter().map(|v| number(v, digits, scientific)).collect();
    let decimals = |word: &str| word.split(['.', 'e']).nth(1).map_or(0, |d| d.trim_end_matches('0').len());
    let keep = match precision {
        Some(digits) => digits,
        None => values.iter().zip(&words).filter(|(v, _)| v.is_finite()).map(|(_, w)| decimals(w)).max().unwrap_or(0),
    };
    let fixed = precision.is_some() || scientific;
    values
        .iter()
        .zip(&words)
        .map(|(v, word)| if v.is_finite() { pad(word, keep, fixed) } else { word.clone() })
        .collect()
}

/// `v` with exactly `digits` decimals.
fn number<T: Element>(v: T, digits: usize, scientific: bool) -> String {
    let x = v.to_f64();
    if x.is_nan() {
        return "nan".into();
    }
    if !scientific || x.is_infinite() {
        return format!("{x:.digits$}");
    }
    let text = format!("{x:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').expect("{:e} writes an exponent");
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

/// `word` with `keep` decimals: cut (they are zeros), or filled up with zeros when `fixed`, else
/// with spaces.
fn pad(word: &str, keep: usize, fixed: bool) -> String {
    let (mantissa, exponent) = word.split_at(word.find('e').unwrap_or(word.len()));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shown = if fixed { decimals } else { decimals.trim_end_matches('0') };
    let shown = &shown[..shown.len().min(keep)];
    if keep == 0 && fixed && exponent.is_empty() {
        return whole.into();
    }
    let padding = if fixed { "" } else { &" ".repeat(keep - shown.len()) };
    format!("{whole}.{shown}{exponent}{padding}")
}

#[cfg(test)]
mod tests {
    use crate::{Tensor, tensor};

    /// What NumPy 2 prints under `np.set_printoptions(precision=4)`.
    #[test]
    fn a_view_larger_than_memory_is_shown() {
        let t = Tensor::scalar(1.0f32).expand([1 << 22, 1 << 22]);
        assert_eq!(t.to_string().lines().count(), 2 * super::EDGE + 1);
        assert!(format!("{t:?}").starts_with("Tensor<f32>[4194304, 4194304] [[1.0, 1.0, 1.0, ..., "));
    }

    #[test]
    fn as_numpy() {
        let rows = |text: &[&str]| text.join("\n");
        assert_eq!(tensor![1.0, 2.5, -3.0].to_string(), "[ 1.   2.5 -3. ]");
        assert_eq!(tensor![0.5, f64::NAN, f64::INFINITY, -f64::INFINITY].to_string(), "[ 0.5  nan  inf -inf]");
        assert_eq!(tensor![f64::NAN, 1.0].to_string(), "[nan  1.]");
        assert_eq!(tensor![1e-5, 1.0].to_string(), "[1.e-05 1.e+00]");
        assert_eq!(tensor![1.5e10, -2.25e-3].to_string(), "[ 1.50e+10 -2.25e-03]");
        assert_eq!(tensor![1e100, 1e-100].to_string(), "[1.e+100 1.e-100]");
        assert_eq!(tensor![0.1f32, 0.2].to_string(), "[0.1 0.2]");
        assert_eq!(tensor![1.0 / 3.0, 12.0].to_string(), "[ 0.3333 12.    ]");
        assert_eq!(tensor![0.0, 0.0].to_string(), "[0. 0.]");
        assert_eq!(tensor![1, -20, 300].to_string(), "[  1 -20 300]");
        assert_eq!(tensor![true, false].to_string(), "[ true false]");
        assert_eq!(tensor![[[1, 2]], [[3, 4]]].to_string(), rows(&["[[[1 2]]", "", " [[3 4]]]"]));
        assert_eq!(<Tensor>::zeros([0, 3]).to_string(), "[]");
        assert_eq!(Tensor::scalar(1.5).to_string(), "1.5");
        assert_eq!(format!("{:.3}", Tensor::scalar(1.5)), "1.500");
        assert_eq!(format!("{:.2}", tensor![1.0, f64::NAN, 2.345]), "[1.00  nan 2.35]");
        assert_eq!(format!("{:.0}", tensor![1.0, 22.0]), "[ 1 22]");
        assert_eq!(
            Tensor::range(0..40).to_string(),
            rows(&[
                "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
                " 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39]",
            ])
        );
        assert_eq!(
            Tensor::range(0..1600).reshape([40, 40]).to_string(),
            rows(&[
                "[[   0    1    2 ...   37   38   39]",
                " [  40   41   42 ...   77   78   79]",
                " [  80   81   82 ...  117  118  119]",
                " ...",
                " [1480 1481 1482 ... 1517 1518 1519]",
                " [1520 1521 1522 ... 1557 1558 1559]",
                " [1560 1561 1562 ... 1597 1598 1599]]",
            ])
        );
        let tall = Tensor::range(0..2000).reshape([1000, 2]);
        assert_eq!(
            tall.to_string(),
            rows(&[
                "[[   0    1]",
                " [   2    3]",
                " [   4    5]",
                " ...",
                " [1994 1995]",
                " [1996 1997]",
                " [1998 1999]]"
            ])
        );
        let blocks = Tensor::range(0..1400).reshape([700, 1, 2]).to_string();
        assert!(blocks.contains("[[   4    5]]\n\n ...\n\n [[1394 1395]]"), "{blocks}");
    }

    #[test]
    fn debug_is_one_short_line() {
        assert_eq!(format!("{:?}", tensor![1u8, 2]), "Tensor<u8>[2] [1, 2]");
        assert_eq!(format!("{:?}", Tensor::scalar(2.0f64)), "Tensor<f64>[] 2.0");
        assert_eq!(format!("{:?}", <Tensor>::zeros([2, 0])), "Tensor<f32>[2, 0] [[], []]");
        assert_eq!(
            format!("{:?}", <Tensor>::zeros([1 << 40, 0])),
            "Tensor<f32>[1099511627776, 0] [[], [], [], ..., [], [], []]"
        );
        assert_eq!(format!("{:?}", Tensor::range(0..100)), "Tensor<i32>[100] [0, 1, 2, ..., 97, 98, 99]");
    }

    #[test]
    fn views_print_their_own_elements() {
        assert_eq!(tensor![[1, 2], [3, 4]].t().slice(0, 1..).to_string(), "[[2 4]]");
    }
}
