//! Pooling: the largest element or the mean of windows, one axis after the other.

use smallvec::SmallVec;
use wengert_tensor::{Float, Shape, Tensor};

use super::conv::PerAxis;
use crate::Var;

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
}

impl<const D: usize> Pool<D> {
    /// Windows of this size, for each axis or for all, side by side.
    pub fn new(size: impl PerAxis<D>) -> Self {
        let size = size.per_axis();
        Self { size, stride: size, padding: [0; D], count_padding: true }
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
}

/// Which elements of the windows over one axis count: `[size, windows]`.
type Inside = Tensor<bool>;

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
        self.pooled("max_pool1d", pool, Self::largest)
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
        self.pooled("max_pool2d", pool, Self::largest)
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
        self.pooled("avg_pool1d", pool, if pool.count_padding { Self::average } else { Self::average_inside })
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
        self.pooled("avg_pool2d", pool, if pool.count_padding { Self::average } else { Self::average_inside })
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
    /// If there is no axis, or it has no elements.
    #[track_caller]
    pub fn adaptive_max_pool1d(self, bins: usize) -> Self {
        self.adaptive("adaptive_max_pool1d", [bins], Self::largest)
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
        self.adaptive("adaptive_max_pool2d", bins, Self::largest)
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
        self.adaptive("adaptive_avg_pool1d", [bins], Self::average_inside)
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
        self.adaptive("adaptive_avg_pool2d", bins, Self::average_inside)
    }

    /// `reduce` over the windows of each axis, whose elements are an axis before that of the
    /// windows.
    #[track_caller]
    fn pooled<const D: usize>(self, name: &str, pool: Pool<D>, reduce: fn(Self, usize, &Inside) -> Self) -> Self {
        let shape = self.shape();
        assert!(shape.len() >= D, "{name}: {D} axes of shape {shape}");
        let mut result = self;
        for i in (0..D).rev() {
            let axis = shape.len() - D + i;
            let (size, stride, padding, length) = (pool.size[i], pool.stride[i], pool.padding[i], shape[axis]);
            let padded = padding.checked_mul(2).and_then(|both| both.checked_add(length));
            let places = padded.filter(|_| stride > 0 && padding < size).and_then(|padded| padded.checked_sub(size));
            let Some(places) = places else {
                panic!(
                    "{name}: windows of {size} with step {stride} and padding {padding} over axis {axis} of {shape}"
                );
            };
            let count = places / stride + 1;
            let inside = inside(size, count, |k, i| (padding..padding + length).contains(&(i * stride + k)));
            let mut pads: SmallVec<[(isize, isize); 2]> = SmallVec::from_elem((0, 0), D - i);
            pads[0] = (padding as isize, padding as isize);
            let windows = result.pad(&pads, 0.0).windows_before(axis, axis, size, stride);
            result = reduce(windows, axis, &inside);
        }
        result
    }

    #[track_caller]
    fn adaptive<const D: usize>(self, name: &str, bins: [usize; D], reduce: fn(Self, usize, &Inside) -> Self) -> Self {
        let shape = self.shape();
        assert!(shape.len() >= D, "{name}: {D} axes of shape {shape}");
        let mut result = self;
        for i in (0..D).rev() {
            let axis = shape.len() - D + i;
            let (length, count) = (shape[axis], bins[i]);
            assert!(length > 0, "{name}: axis {axis} of {shape} has no elements");
            // From ⌊i·length/count⌋ to ⌈(i + 1)·length/count⌉; the shorter ones repeat their end.
            let span = |i: usize| (i * length / count, ((i + 1) * length).div_ceil(count));
            let size = (0..count).map(|i| span(i).1 - span(i).0).max().unwrap_or(1);
            let rows = (0..size).flat_map(|k| (0..count).map(move |i| (span(i).0 + k).min(span(i).1 - 1) as i64));
            let windows = result.index_select(axis as isize, &rows.collect::<Tensor<i64>>().reshape([size, count]));
            result = reduce(windows, axis, &inside(size, count, |k, i| span(i).0 + k < span(i).1));
        }
        result
    }

    /// One element for each window, from a table `[size, windows]` of them.
    #[track_caller]
    fn beside(self, axis: usize, table: Tensor<T>) -> Self {
        let ones = std::iter::repeat_n(1, self.rank() - axis - 2);
        let shape: Shape = table.shape().iter().copied().chain(ones).collect();
        self.tape().var(table.reshape(shape))
    }

    #[track_caller]
    fn largest(self, axis: usize, inside: &Inside) -> Self {
        let (over, size) = (axis as isize, self.shape()[axis]);
        let order = self.beside(axis, Tensor::range(T::ZERO..T::from_f64(size as f64)).reshape([size, 1]));
        let hits = |windows: Self| windows.eq(windows.max_keep(over)) + windows.is_nan();
        let (windows, hit) = if inside.iter().all(|inside| inside) {
            (self, hits(self))
        } else {
            let inside = self.beside(axis, inside.cast());
            let windows = inside.where_(self, f64::NEG_INFINITY);
            (windows, hits(windows) * inside)
        };
        let first = hit.where_(order, size as f64).min_keep(over);
        order.eq(first).where_(windows, 0.0).sum(over)
    }

    #[track_caller]
    fn average(self, axis: usize, _: &Inside) -> Self {
        self.mean(axis as isize)
    }

    #[track_caller]
    fn average_inside(self, axis: usize, inside: &Inside) -> Self {
        let inside = self.beside(axis, inside.cast());
        inside.where_(self, 0.0).sum(axis as isize) / inside.sum(0)
    }
}

/// Whether element `k` of window `i` counts.
fn inside(size: usize, windows: usize, counts: impl Fn(usize, usize) -> bool) -> Inside {
    let table: Tensor<bool> = (0..size * windows).map(|at| counts(at / windows, at % windows)).collect();
    table.reshape([size, windows])
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
        fn by_the_definition(size in prop::array::uniform2(1usize..4), stride in prop::array::uniform2(1usize..4), pad in 0usize..3) {
            let padding = size.map(|size| pad.min(size - 1));
            let pool = Pool::new(size).stride(stride).padding(padding);
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
                    let window: Vec<f64> =
                        covered(r, 0, 5).flat_map(|a| covered(c, 1, 4).map(move |b| (a, b))).map(|(a, b)| x.at([n, a, b])).collect();
                    prop_assert_eq!(largest.at([n, r, c]), window.iter().copied().fold(-INF, f64::max));
                    let sum: f64 = window.iter().sum();
                    prop_assert!((mean.at([n, r, c]) - sum / (size[0] * size[1]) as f64).abs() < 1e-15);
                    prop_assert!((inside.at([n, r, c]) - sum / window.len() as f64).abs() < 1e-15);
                }
            }
        }
    }
}
