//! Pooling: the largest element or the mean of windows.

mod windows;

use wengert_tensor::kernel::pool::{Place, Spans, Windows};
use wengert_tensor::{Float, Tensor};

use super::conv::PerAxis;
use super::{addressed, checked};
use crate::{Op, Var};
use windows::{SumWindows, TakeLargest, counts};

/// The windows of a pooling over `D` axes: by default side by side, without padding.
///
/// ```
/// use wengert_autograd::Pool;
/// let pool = Pool::<2>::new(3).stride(1).padding([1, 0]);
/// assert_eq!((pool.size, pool.stride, pool.padding), ([3, 3], [1, 1], [1, 0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<const D: usize> {
    /// The size of a window.
    pub size: [usize; D],
    /// From one window to the next.
    pub stride: [usize; D],
    /// How far windows reach over the edges.
    pub padding: [usize; D],
    /// Whether a mean counts what lies over the edges, as zeros.
    pub count_padding: bool,
    /// Whether a last window that reaches beyond the padding counts too.
    pub ceil: bool,
}

impl<const D: usize> Pool<D> {
    /// Windows of this size, for each axis or for all, side by side.
    pub fn new(size: impl PerAxis<D>) -> Self {
        let size = size.per_axis();
        Self { size, stride: size, padding: [0; D], count_padding: true, ceil: false }
    }

    /// With this step from one window to the next.
    pub fn stride(self, stride: impl PerAxis<D>) -> Self {
        Self { stride: stride.per_axis(), ..self }
    }

    /// With windows that reach so far over the edges.
    pub fn padding(self, padding: impl PerAxis<D>) -> Self {
        Self { padding: padding.per_axis(), ..self }
    }

    /// With means over what lies inside of the edges alone.
    pub fn exclude_padding(self) -> Self {
        Self { count_padding: false, ..self }
    }

    /// With one more window where elements would be left over at the end: it reaches beyond the
    /// padding, where there is nothing to count.
    pub fn ceil_mode(self) -> Self {
        Self { ceil: true, ..self }
    }
}

impl<T: Float> Var<'_, T> {
    /// The largest element of each window over the last axis; NaN if there is one. Its first place
    /// gets the gradient.
    ///
    /// ```
    /// # use wengert_autograd::{Pool, Tape};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 3.0, 2.0, 2.0]);
    /// assert_eq!(x.max_pool1d(Pool::new(2)).value(), tensor![3.0, 2.0]);
    /// assert_eq!(x.max_pool1d(Pool::new(2)).sum(..).grad([x])[0].value(), tensor![0.0, 1.0, 1.0, 0.0]);
    /// ```
    /// # Panics
    /// If a window is larger than the padded axis, or not larger than the padding.
    #[track_caller]
    pub fn max_pool1d(self, pool: Pool<1>) -> Self {
        self.max_pool("max_pool1d", pool)
    }

    /// The largest element of each window over the last two axes, as [`Var::max_pool1d`].
    ///
    /// ```
    /// # use wengert_autograd::{Pool, Tape};
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::range(0.0..16.0).reshape([4, 4]));
    /// assert_eq!(x.max_pool2d(Pool::new(2)).value(), tensor![[5.0, 7.0], [13.0, 15.0]]);
    /// ```
    /// # Panics
    /// As [`Var::max_pool1d`].
    #[track_caller]
    pub fn max_pool2d(self, pool: Pool<2>) -> Self {
        self.max_pool("max_pool2d", pool)
    }

    /// The mean of each window over the last axis.
    ///
    /// ```
    /// # use wengert_autograd::{Pool, Tape};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 3.0, 2.0, 4.0]);
    /// assert_eq!(x.avg_pool1d(Pool::new(2)).value(), tensor![2.0, 3.0]);
    /// let pool = Pool::new(2).padding(1);
    /// assert_eq!(x.avg_pool1d(pool).value(), tensor![0.5, 2.5, 2.0]);
    /// assert_eq!(x.avg_pool1d(pool.exclude_padding()).value(), tensor![1.0, 2.5, 4.0]);
    /// ```
    /// # Panics
    /// If a window is larger than the padded axis, or not larger than the padding.
    #[track_caller]
    pub fn avg_pool1d(self, pool: Pool<1>) -> Self {
        self.avg_pool("avg_pool1d", pool)
    }

    /// The mean of each window over the last two axes, as [`Var::avg_pool1d`].
    ///
    /// ```
    /// # use wengert_autograd::{Pool, Tape};
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::range(0.0..8.0).reshape([2, 4]));
    /// assert_eq!(x.avg_pool2d(Pool::new(2)).value(), tensor![[2.5, 4.5]]);
    /// ```
    #[track_caller]
    pub fn avg_pool2d(self, pool: Pool<2>) -> Self {
        self.avg_pool("avg_pool2d", pool)
    }

    /// The largest elements of `bins` windows that cover the last axis, of sizes as equal as can
    /// be.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::range(0.0..5.0));
    /// assert_eq!(x.adaptive_max_pool1d(3).value(), tensor![1.0, 3.0, 4.0]);
    /// ```
    /// # Panics
    /// If there is no axis, it has no elements, or there are no windows.
    #[track_caller]
    pub fn adaptive_max_pool1d(self, bins: usize) -> Self {
        self.largest::<1>(self.bins("adaptive_max_pool1d", [bins]))
    }

    /// The largest elements of windows that cover the last two axes, as
    /// [`Var::adaptive_max_pool1d`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::range(0.0..8.0).reshape([2, 4]));
    /// assert_eq!(x.adaptive_max_pool2d([1, 2]).value(), tensor![[5.0, 7.0]]);
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool2d(self, bins: [usize; 2]) -> Self {
        self.largest::<2>(self.bins("adaptive_max_pool2d", bins))
    }

    /// The means of `bins` windows that cover the last axis, as [`Var::adaptive_max_pool1d`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![1.0, 3.0, 5.0, 7.0]).adaptive_avg_pool1d(2).value(), tensor![2.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn adaptive_avg_pool1d(self, bins: usize) -> Self {
        self.average::<1>("adaptive_avg_pool1d", self.bins("adaptive_avg_pool1d", [bins]))
    }

    /// The means of windows that cover the last two axes, as [`Var::adaptive_max_pool1d`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::range(0.0..8.0).reshape([2, 4]));
    /// assert_eq!(x.adaptive_avg_pool2d([1, 2]).value(), tensor![[2.5, 4.5]]);
    /// ```
    /// # Panics
    /// As [`Var::adaptive_max_pool1d`].
    #[track_caller]
    pub fn adaptive_avg_pool2d(self, bins: [usize; 2]) -> Self {
        self.average::<2>("adaptive_avg_pool2d", self.bins("adaptive_avg_pool2d", bins))
    }

    #[track_caller]
    fn max_pool<const D: usize>(self, name: &str, pool: Pool<D>) -> Self {
        self.largest::<D>(self.steps(name, pool))
    }

    #[track_caller]
    fn avg_pool<const D: usize>(self, name: &str, pool: Pool<D>) -> Self {
        let windows = self.steps(name, pool);
        if pool.padding == [0; D] || !pool.count_padding {
            return self.average::<D>(name, windows);
        }
        let mut means = self.pooled::<D, 1>(SumWindows(windows));
        if !pool.ceil {
            return means / pool.size.iter().product::<usize>() as f64;
        }
        for (i, axis) in windows.0[2 - D..].iter().enumerate() {
            let length = axis.length + 2 * pool.padding[i];
            let place = Place::Steps { size: pool.size[i].min(length), stride: pool.stride[i], padding: 0 };
            let padded = Spans { length, place, ..*axis };
            let counts: Tensor<T> = (0..axis.count).map(|j| T::from_f64(padded.span(j).len() as f64)).collect();
            means = means / &(if i + 1 < D { counts.unsqueeze(-1) } else { counts });
        }
        means
    }

    /// The windows of a pooling; a signal is an image of one row.
    #[track_caller]
    fn steps<const D: usize>(self, name: &str, pool: Pool<D>) -> Windows {
        self.over::<D>(name, |i, length| {
            let (size, stride, padding) = (pool.size[i], pool.stride[i], pool.padding[i]);
            let padded = padding.checked_mul(2).and_then(|both| both.checked_add(length));
            let fits = stride > 0 && padding < size && (length > 0 || padding == 0);
            // One less than a step more: as if what is left over filled a window.
            let more = if pool.ceil { stride.saturating_sub(1) } else { 0 };
            let places = padded.filter(|_| fits).and_then(|padded| padded.saturating_add(more).checked_sub(size));
            let Some(places) = places else {
                return Err(format!("windows of {size} with step {stride} and padding {padding} over"));
            };
            // A step beyond the axis leaves one window, whatever its length; so does what a window has
            // beyond the axis.
            let most = length.max(1) + padding;
            let place = Place::Steps { size: size.min(most), stride: stride.min(most), padding };
            let count = places / stride + 1;
            // A window that begins beyond the elements has none.
            let beyond = pool.ceil && (count - 1) * stride >= length + padding;
            Ok(Spans { length, count: count - usize::from(beyond), place })
        })
    }

    #[track_caller]
    fn bins<const D: usize>(self, name: &str, bins: [usize; D]) -> Windows {
        self.over::<D>(name, |i, length| {
            if length == 0 {
                return Err("no elements along".to_owned());
            }
            let count = bins[i];
            if count == 0 {
                return Err("no windows along".to_owned());
            }
            let size = length / count;
            let even = length.is_multiple_of(count);
            let place = if even { Place::Steps { size, stride: size, padding: 0 } } else { Place::Bins };
            Ok(Spans { length, count, place })
        })
    }

    /// The windows along the last `D` axes, given those of number `i` among them, of this size, or why
    /// there are none.
    #[track_caller]
    fn over<const D: usize>(self, name: &str, spans: impl Fn(usize, usize) -> Result<Spans, String>) -> Windows {
        let shape = self.shape();
        assert!(shape.len() >= D, "{name}: {D} axes of shape {shape}");
        let mut all = [Spans { length: 1, count: 1, place: Place::Bins }; 2];
        for i in (0..D).rev() {
            let axis = shape.len() - D + i;
            match spans(i, shape[axis]) {
                Ok(spans) => all[2 - D + i] = spans,
                Err(why) => panic!("{name}: {why} axis {axis} of {shape}"),
            }
        }
        let places = shape[..shape.len() - D].iter().copied().chain(all.map(|axis| axis.count));
        addressed(name, &places.collect(), &shape);
        let pixels = all[0].length.checked_mul(all[1].length);
        assert!(pixels.is_some_and(|n| u32::try_from(n).is_ok()), "{name}: shape {shape} has too large images");
        Windows(all)
    }

    /// Records an operation of this and `N − 1` times the same input over windows of the last `D` axes.
    #[track_caller]
    fn pooled<const D: usize, const N: usize>(self, op: impl Op) -> Self {
        let image = if D == 1 { self.unsqueeze(-2) } else { self };
        let y = self.tape().record(op, &[image; N]);
        if D == 1 { y.squeeze(-2) } else { y }
    }

    #[track_caller]
    fn largest<const D: usize>(self, windows: Windows) -> Self {
        self.pooled::<D, 2>(TakeLargest(windows))
    }

    /// The sums of windows divided by the number of elements that lie inside.
    #[track_caller]
    fn average<const D: usize>(self, name: &str, windows: Windows) -> Self {
        // The mean of all of an axis fuses with what is around it.
        if windows.0.iter().all(|axis| axis.count == 1 && axis.span(0) == (0..axis.length)) {
            let axes: [isize; D] = std::array::from_fn(|i| -1 - i as isize);
            return self.mean_keep(&axes[..]);
        }
        let [down, across] = windows.0;
        let numbers = Tensor::try_build(&counts(&windows)[2 - D..], |out| {
            for (i, to) in out.iter_mut().enumerate() {
                let elements = down.span(i / across.count).len() * across.span(i % across.count).len();
                *to = T::from_f64(elements as f64);
            }
        });
        let numbers = self.tape().var(checked(name, numbers));
        self.pooled::<D, 1>(SumWindows(windows)) / numbers
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use super::Pool;
    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers, slope};
    use proptest::prelude::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn derivatives() {
        let x = numbers(&[2, 1, 5, 4]);
        gradients(|[x]| x.max_pool2d(Pool::new([3, 2]).stride(1).padding(1)).square(), [x.clone()]);
        gradients(|[x]| x.avg_pool2d(Pool::new(2).padding(1)).square(), [x.clone()]);
        gradients(|[x]| x.avg_pool2d(Pool::new(3).padding([1, 0]).exclude_padding()).square(), [x.clone()]);
        gradients(|[x]| x.avg_pool2d(Pool::new(3).stride(2).padding(1).ceil_mode()).square(), [x.clone()]);
        gradients(|[x]| x.adaptive_max_pool2d([3, 2]).square(), [x.clone()]);
        gradients(|[x]| x.adaptive_avg_pool2d([3, 3]).square(), [x]);
        gradients(|[x]| x.max_pool1d(Pool::new(2)) + x.avg_pool1d(Pool::new(2)), [numbers(&[2, 4])]);
        gradients(|[x]| x.adaptive_max_pool1d(3) + x.adaptive_avg_pool1d(3), [numbers(&[5])]);
    }

    #[test]
    fn the_first_place_gets_the_gradient() {
        let pool = Pool::new(2);
        let equal = slope(|x| x.max_pool2d(pool), &Tensor::ones([4, 4]));
        let corners = [[1.0, 0.0, 1.0, 0.0], [0.0; 4]];
        assert_eq!(equal, tensor![corners[0], corners[1], corners[0], corners[1]]);
        let x = tensor![-INF, -INF, 1.0, 2.0];
        assert_eq!(Tape::new().var(&x).max_pool1d(Pool::new(2)).value(), tensor![-INF, 2.0]);
        assert_eq!(slope(|x| x.max_pool1d(Pool::new(2)), &x), tensor![1.0, 0.0, 0.0, 1.0]);
        // Not to the padding, even where nothing is larger than it.
        let x = tensor![[-INF, -INF], [-INF, -INF]];
        let pool = Pool::new(2).padding(1);
        assert_eq!(slope(|x| x.max_pool2d(pool), &x), tensor![[1.0, 1.0], [1.0, 1.0]]);
        let x = tensor![1.0, f64::NAN, 3.0, f64::NAN];
        assert_eq!(slope(|x| x.max_pool1d(Pool::new(4)), &x), tensor![0.0, 1.0, 0.0, 0.0]);
    }

    /// From PyTorch 2.15.
    #[test]
    fn ceil_mode() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![1.0, 2.0, 4.0, 8.0, 16.0]);
        let pool = Pool::new(2).ceil_mode();
        assert_eq!(x.max_pool1d(pool).value(), tensor![2.0, 8.0, 16.0]);
        assert_eq!(x.avg_pool1d(pool).value(), tensor![1.5, 6.0, 16.0]);
        let pool = Pool::new(3).padding(1).ceil_mode();
        assert_eq!(x.avg_pool1d(pool).value(), tensor![1.0, 28.0 / 3.0]);
        assert_eq!(x.avg_pool1d(Pool::new(usize::MAX).ceil_mode()).value(), tensor![31.0 / 5.0]);
        let pool = Pool::new(4).stride(3).padding(1).ceil_mode();
        assert_eq!(x.avg_pool1d(pool).value(), tensor![1.75, 7.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([2, 2]));
        let message = message_of(|| _ = x.max_pool2d(Pool::new(3)));
        assert_eq!(message, "max_pool2d: windows of 3 with step 3 and padding 0 over axis 1 of [2, 2]");
        assert!(
            message_of(|| _ = x.avg_pool1d(Pool::new(2).stride(0))).starts_with("avg_pool1d: windows of 2 with step 0")
        );
        assert!(message_of(|| _ = x.avg_pool1d(Pool::new(2).padding(2))).contains("and padding 2"));
        assert!(message_of(|| _ = x.sum(..).max_pool1d(Pool::new(1))).starts_with("max_pool1d: 1 axes of shape []"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Against one window at a time.
        #[test]
        fn by_the_definition(size in prop::array::uniform2(1usize..4), stride in prop::array::uniform2(1usize..4), pad in 0usize..3, ceil: bool) {
            let padding = size.map(|size| pad.min(size - 1));
            let pool = Pool { ceil, ..Pool::new(size).stride(stride).padding(padding) };
            let x = numbers(&[2, 5, 4]);
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            let [largest, mean, inside] =
                [v.max_pool2d(pool), v.avg_pool2d(pool), v.avg_pool2d(pool.exclude_padding())].map(|y| y.value());
            for n in 0..2 {
                for (r, c) in (0..largest.shape()[1]).flat_map(|r| (0..largest.shape()[2]).map(move |c| (r, c))) {
                    let covered = |at: usize, i: usize, length: usize| {
                        (0..size[i]).map(move |k| (at * stride[i] + k).wrapping_sub(padding[i])).filter(move |&at| at < length)
                    };
                    // Of what lies beyond the padding nothing counts.
                    let counted = |at: usize, i: usize, length: usize| {
                        (at * stride[i] + size[i]).min(length + 2 * padding[i]) - at * stride[i]
                    };
                    let window: Vec<f64> =
                        covered(r, 0, 5).flat_map(|a| covered(c, 1, 4).map(move |b| (a, b))).map(|(a, b)| x.at([n, a, b])).collect();
                    prop_assert_eq!(largest.at([n, r, c]), window.iter().copied().fold(-INF, f64::max));
                    let sum: f64 = window.iter().sum();
                    prop_assert!((mean.at([n, r, c]) - sum / (counted(r, 0, 5) * counted(c, 1, 4)) as f64).abs() < 1e-15);
                    prop_assert!((inside.at([n, r, c]) - sum / window.len() as f64).abs() < 1e-15);
                }
            }
        }
    }
}
