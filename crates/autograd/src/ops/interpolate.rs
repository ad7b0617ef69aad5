//! Interpolation: a new number of elements along an axis, each a weighted sum of old ones.

use wengert_tensor::{Float, Shape, Tensor};

use super::{checked, room};
use crate::Var;

/// How [`Var::interpolate1d`] and [`Var::interpolate2d`] find what lies between elements.
///
/// Without `align_corners`, an element stands for the stretch of the axis around it, and the
/// stretches of old and new elements cover the same length. With it, the first and the last
/// elements are kept as they are, and the others lie evenly between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The element whose stretch begins at or before that of the new one.
    Nearest,
    /// On the line through the two elements beside it, and level beyond the outermost ones.
    Linear {
        /// Whether the first and the last elements stay.
        align_corners: bool,
    },
    /// On the cubic through the four elements around it, with the slopes of Keys, "Cubic
    /// convolution interpolation for digital image processing" (1981), for a = −3/4; beyond the
    /// ends the outermost elements repeat.
    Cubic {
        /// Whether the first and the last elements stay.
        align_corners: bool,
    },
}

impl Interpolation {
    /// How many old elements a new one is made of.
    fn taps(self) -> usize {
        match self {
            Interpolation::Nearest => 1,
            Interpolation::Linear { .. } => 2,
            Interpolation::Cubic { .. } => 4,
        }
    }

    /// The old element number `tap` of those that new element `i` is made of, and its weight, where
    /// `from` elements become `to`.
    fn tap(self, tap: usize, i: usize, from: usize, to: usize) -> (usize, f64) {
        let (i, old, new) = (i as f64, from as f64, to as f64);
        let place = |align_corners| match align_corners {
            true if to == 1 => 0.0,
            true => i * (old - 1.0) / (new - 1.0),
            false => (i + 0.5) * old / new - 0.5,
        };
        let (at, weight) = match self {
            Interpolation::Nearest => ((i * old / new).floor(), 1.0),
            Interpolation::Linear { align_corners } => {
                let place = f64::max(place(align_corners), 0.0);
                let right = place.fract();
                (place.floor() + tap as f64, if tap == 0 { 1.0 - right } else { right })
            }
            Interpolation::Cubic { align_corners } => {
                let place = place(align_corners);
                let at = place.floor() + tap as f64 - 1.0;
                (at, keys(at - place))
            }
        };
        (at.clamp(0.0, old - 1.0) as usize, weight)
    }
}

/// Keys' weight of an element at this distance, equations 4 and 8, for a = −3/4.
fn keys(distance: f64) -> f64 {
    let (s, a) = (distance.abs(), -0.75);
    match s {
        ..=1.0 => ((a + 2.0) * s - (a + 3.0)) * s * s + 1.0,
        ..2.0 => a * (((s - 5.0) * s + 8.0) * s - 4.0),
        _ => 0.0,
    }
}

impl<T: Float> Var<'_, T> {
    /// The last axis with `size` elements in place of its own, interpolated.
    ///
    /// ```
    /// # use wengert_autograd::{Interpolation, Tape};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![0.0, 4.0]);
    /// let by = Interpolation::Linear { align_corners: false };
    /// assert_eq!(x.interpolate1d(4, by).value(), tensor![0.0, 1.0, 3.0, 4.0]);
    /// assert_eq!(x.interpolate1d(4, Interpolation::Nearest).value(), tensor![0.0, 0.0, 4.0, 4.0]);
    /// ```
    /// # Panics
    /// If there is no axis, or one of the sizes is 0.
    #[track_caller]
    pub fn interpolate1d(self, size: usize, by: Interpolation) -> Self {
        self.interpolated("interpolate1d", [size], by)
    }

    /// The last two axes with these numbers of elements, interpolated one after the other
    /// (bilinear, bicubic), as [`Var::interpolate1d`].
    ///
    /// ```
    /// # use wengert_autograd::{Interpolation, Tape};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[0.0, 2.0], [4.0, 6.0]]);
    /// let by = Interpolation::Linear { align_corners: true };
    /// assert_eq!(x.interpolate2d([2, 3], by).value(), tensor![[0.0, 1.0, 2.0], [4.0, 5.0, 6.0]]);
    /// ```
    /// # Panics
    /// If there are fewer than two axes, or one of the sizes is 0.
    #[track_caller]
    pub fn interpolate2d(self, sizes: [usize; 2], by: Interpolation) -> Self {
        self.interpolated("interpolate2d", sizes, by)
    }

    #[track_caller]
    fn interpolated<const D: usize>(self, name: &str, sizes: [usize; D], by: Interpolation) -> Self {
        let shape = self.shape();
        assert!(shape.len() >= D, "{name}: shape {shape} has fewer than {D} axes");
        let mut result = self;
        // Elements of the last axis are moved one by one, rows as a whole: that axis while there are few rows.
        let rows_grow = D > 0 && sizes[0] > shape[shape.len() - D];
        for i in 0..D {
            let i = if rows_grow { D - 1 - i } else { i };
            let (axis, to) = (shape.len() - D + i, sizes[i]);
            let from = shape[axis];
            assert!(from > 0 && to > 0, "{name}: {sizes:?} elements from the last axes of {shape}");
            let beside: Shape = [to].into_iter().chain(std::iter::repeat_n(1, shape.len() - axis - 1)).collect();
            let mut sum: Option<Self> = None;
            for tap in 0..by.taps() {
                let mut rows = room(name, to, &shape);
                rows.extend((0..to).map(|i| by.tap(tap, i, from, to).0 as i64));
                let mut taken = result.take_rows(name, axis, rows);
                if by != Interpolation::Nearest {
                    let weight = |i| T::from_f64(by.tap(tap, i, from, to).1);
                    let weights = |out: &mut [T]| out.iter_mut().enumerate().for_each(|(i, to)| *to = weight(i));
                    taken = taken * &checked(name, Tensor::try_build(beside.clone(), weights));
                }
                sum = Some(match sum {
                    Some(before) => before + taken,
                    None => taken,
                });
            }
            result = sum.expect("every interpolation has a tap");
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use super::Interpolation::{Cubic, Linear, Nearest};
    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers};

    #[test]
    fn derivatives() {
        let x = numbers(&[2, 3, 4]);
        for by in [Nearest, Linear { align_corners: false }, Linear { align_corners: true }] {
            gradients(|[x]| x.interpolate2d([5, 3], by).square(), [x.clone()]);
        }
        gradients(|[x]| x.interpolate1d(7, Cubic { align_corners: false }).square(), [x.clone()]);
        gradients(|[x]| x.interpolate1d(2, Cubic { align_corners: true }).square(), [x]);
    }

    /// From PyTorch 2.15, f64.
    #[test]
    fn as_in_pytorch() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![[1.0, 3.0, -2.0], [0.5, 4.0, 8.0]]);
        let ways = [
            (
                Nearest,
                tensor![
                    [1.0, 1.0, 3.0, 3.0, -2.0], //
                    [1.0, 1.0, 3.0, 3.0, -2.0],
                    [0.5, 0.5, 4.0, 4.0, 8.0]
                ],
            ),
            (
                Linear { align_corners: false },
                tensor![
                    [1.0, 1.8, 3.0, 0.0, -2.0], //
                    [0.75, 1.85, 3.5, 3.2, 3.0],
                    [0.5, 1.9, 4.0, 6.4, 8.0]
                ],
            ),
            (
                Linear { align_corners: true },
                tensor![
                    [1.0, 2.0, 3.0, 0.5, -2.0], //
                    [0.75, 2.125, 3.5, 3.25, 3.0],
                    [0.5, 2.25, 4.0, 6.0, 8.0]
                ],
            ),
            (
                Cubic { align_corners: false },
                tensor![
                    [
                        0.8639027777777772,
                        2.185131944444446,
                        2.9131944444444455,
                        -0.4903055555555514,
                        -3.4230555555555555
                    ],
                    [0.486, 1.853, 3.5, 3.392, 2.952],
                    [0.10809722222222158, 1.5208680555555505, 4.086805555555556, 7.274305555555553, 9.327055555555562]
                ],
            ),
            (
                Cubic { align_corners: true },
                tensor![
                    [1.0, 2.46875, 3.0, 0.6875, -2.0],
                    [0.75, 2.171875, 3.5, 3.5078125, 3.0],
                    [0.5, 1.875, 4.0, 6.328125, 8.0]
                ],
            ),
        ];
        for (by, expected) in ways {
            x.interpolate2d([3, 5], by).value().assert_close(&expected, 1e-14, 2e-15);
        }
    }

    #[test]
    fn lines_stay_lines_and_ends_stay() {
        let tape = Tape::<f64>::new();
        let line = tape.var(Tensor::range(0.0..6.0));
        let aligned = line.interpolate1d(11, Linear { align_corners: true });
        aligned.value().assert_close(&(Tensor::range(0.0..11.0) / 2.0), 1e-15, 0.0);
        let cubic = line.interpolate1d(11, Cubic { align_corners: true });
        // Between elements that are not at the end, a cubic through a line is that line.
        cubic.value().slice(0, 2..9).assert_close(&(Tensor::range(2.0..9.0) / 2.0), 1e-14, 0.0);
        for by in [Nearest, Linear { align_corners: false }, Cubic { align_corners: true }] {
            line.interpolate1d(6, by).value().assert_close(&line.value(), 1e-15, 1e-15);
            assert_eq!(tape.var(tensor![3.0]).interpolate1d(4, by).value(), Tensor::full([4], 3.0));
        }
        assert_eq!(line.interpolate1d(1, Linear { align_corners: true }).value(), tensor![0.0]);
        assert_eq!(tape.var(Tensor::zeros([0, 2])).interpolate1d(5, Nearest).shape(), [0, 5]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3]));
        assert_eq!(
            message_of(|| _ = x.interpolate2d([2, 2], Nearest)),
            "interpolate2d: shape [3] has fewer than 2 axes"
        );
        assert_eq!(
            message_of(|| _ = x.interpolate1d(0, Nearest)),
            "interpolate1d: [0] elements from the last axes of [3]"
        );
    }
}
