//! Tensors from vectors, slices, iterators and ranges.

use std::ops::Range;

use crate::error::checked;
use crate::{Element, Float, Shape, ShapeError, Tensor};

impl<T: Element> Tensor<T> {
    /// The elements of `values`, in row-major order, as a tensor of this shape; an error when
    /// their number is not that of the shape.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// assert!(Tensor::try_from_vec(vec![1, 2, 3], [2, 2]).is_err());
    /// ```
    pub fn try_from_vec(values: Vec<T>, shape: impl Into<Shape>) -> Result<Self, ShapeError> {
        Self::try_from_slice(&values, shape.into())
    }

    /// The elements of `values`, in row-major order, as a tensor of this shape.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let t = Tensor::from_vec(vec![1, 2, 3, 4, 5, 6], [2, 3]);
    /// assert_eq!(t, tensor![[1, 2, 3], [4, 5, 6]]);
    /// ```
    /// # Panics
    /// If the number of values is not that of the shape.
    #[track_caller]
    pub fn from_vec(values: Vec<T>, shape: impl Into<Shape>) -> Self {
        checked!("from_vec", Self::try_from_slice(&values, shape.into()))
    }

    /// A copy of the elements of `values`, in row-major order, as a tensor of this shape.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let bytes = [7u8, 8, 9];
    /// assert_eq!(Tensor::from_slice(&bytes, [3, 1]), tensor![[7u8], [8], [9]]);
    /// ```
    /// # Panics
    /// If the number of values is not that of the shape.
    #[track_caller]
    pub fn from_slice(values: &[T], shape: impl Into<Shape>) -> Self {
        checked!("from_slice", Self::try_from_slice(values, shape.into()))
    }

    #[inline(never)]
    fn try_from_slice(values: &[T], shape: Shape) -> Result<Self, ShapeError> {
        if shape.checked_count()? != values.len() {
            return Err(ShapeError::new(format!("{} values do not fill shape {shape}", values.len())));
        }
        Self::try_build(shape, |out| out.copy_from_slice(values))
    }

    /// One element without axes.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// let t = Tensor::scalar(2.5);
    /// assert_eq!(t.shape(), &[]);
    /// assert_eq!(t.item(), 2.5);
    /// ```
    pub fn scalar(value: T) -> Self {
        Self::full(Shape::scalar(), value)
    }

    /// `value` everywhere; also written `tensor![value; shape]`.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// assert_eq!(Tensor::full([2, 2], 7), tensor![[7, 7], [7, 7]]);
    /// ```
    /// # Panics
    /// If the shape cannot be allocated.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        checked!("full", Self::try_build(shape, |out| out.fill(value)))
    }

    /// 0 everywhere (`false` for `bool`).
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// let t: Tensor = Tensor::zeros([2, 3]);
    /// assert_eq!(t.to_vec(), [0.0; 6]);
    /// ```
    /// # Panics
    /// If the shape cannot be allocated.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        checked!("zeros", Self::try_build(shape, |out| out.fill(T::default())))
    }

    /// 1 everywhere (`true` for `bool`).
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// assert_eq!(Tensor::<i64>::ones([3]).to_vec(), [1, 1, 1]);
    /// ```
    /// # Panics
    /// If the shape cannot be allocated.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        checked!("ones", Self::try_build(shape, |out| out.fill(T::from_f64(1.0))))
    }

    /// The `n × n` identity matrix.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// assert_eq!(Tensor::eye(2), tensor![[1.0, 0.0], [0.0, 1.0]]);
    /// ```
    /// # Panics
    /// If the shape cannot be allocated.
    #[track_caller]
    pub fn eye(n: usize) -> Self {
        let fill = |out: &mut [T]| {
            out.fill(T::default());
            out.iter_mut().step_by(n + 1).for_each(|v| *v = T::from_f64(1.0));
        };
        checked!("eye", Self::try_build([n, n], fill))
    }

    /// From `start` in steps of `step`, before `end`, as NumPy's `arange`: every element is
    /// `start + i · step`, rounded once.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// assert_eq!(Tensor::arange(1.0, 2.0, 0.25), tensor![1.0, 1.25, 1.5, 1.75]);
    /// assert_eq!(Tensor::arange(5, 0, -2), tensor![5, 3, 1]);
    /// ```
    /// # Panics
    /// If the step is 0, or the number of elements is not finite or cannot be allocated.
    #[track_caller]
    pub fn arange(start: T, end: T, step: T) -> Self {
        checked!("arange", Self::progression(start, end, step))
    }

    /// The numbers of a range, one apart.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// assert_eq!(Tensor::range(2..5), tensor![2, 3, 4]);
    /// assert_eq!(Tensor::range(0.0..3.0), tensor![0.0, 1.0, 2.0]);
    /// ```
    /// # Panics
    /// If the number of elements is not finite or cannot be allocated.
    #[track_caller]
    pub fn range(range: Range<T>) -> Self {
        checked!("range", Self::progression(range.start, range.end, T::from_f64(1.0)))
    }

    fn progression(start: T, end: T, step: T) -> Result<Self, ShapeError> {
        let (first, distance) = (start.to_f64(), step.to_f64());
        let count = ((end.to_f64() - first) / distance).ceil().max(0.0);
        // A NaN quotient becomes 0 in `max`, so it is looked for where it comes from.
        if distance == 0.0 || !(count + first + distance + end.to_f64()).is_finite() || count > isize::MAX as f64 {
            return Err(ShapeError::new(format!(
                "from {start} to {end} in steps of {step} is no finite number of elements"
            )));
        }
        Self::try_build(count as usize, |out| {
            for (i, v) in out.iter_mut().enumerate() {
                *v = T::from_f64(first + i as f64 * distance);
            }
        })
    }

    /// Rows of equal length, stacked.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let rows = vec![vec![1, 2], vec![3, 4], vec![5, 6]];
    /// assert_eq!(Tensor::from_rows(&rows), tensor![[1, 2], [3, 4], [5, 6]]);
    /// ```
    /// # Panics
    /// If the rows differ in length.
    #[track_caller]
    pub fn from_rows<R: AsRef<[T]>>(rows: &[R]) -> Self {
        let width = rows.first().map_or(0, |row| row.as_ref().len());
        if let Some(i) = rows.iter().position(|row| row.as_ref().len() != width) {
            panic!("from_rows: row {i} has {} elements, row 0 has {width}", rows[i].as_ref().len());
        }
        let fill = |out: &mut [T]| {
            for (to, row) in out.chunks_exact_mut(width.max(1)).zip(rows) {
                to.copy_from_slice(row.as_ref());
            }
        };
        checked!("from_rows", Self::try_build([rows.len(), width], fill))
    }
}

impl<T: Float> Tensor<T> {
    /// `count` numbers evenly spaced from `start` to `end`, both included.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// assert_eq!(Tensor::linspace(0.0, 1.0, 5), tensor![0.0, 0.25, 0.5, 0.75, 1.0]);
    /// ```
    /// # Panics
    /// If that many elements cannot be allocated.
    #[track_caller]
    pub fn linspace(start: T, end: T, count: usize) -> Self {
        let (first, last) = (start.to_f64(), end.to_f64());
        let step = (last - first) / count.saturating_sub(1).max(1) as f64;
        let fill = |out: &mut [T]| {
            for (i, v) in out.iter_mut().enumerate() {
                *v = T::from_f64(first + i as f64 * step);
            }
            if let [_, .., v] = out {
                *v = end;
            }
        };
        checked!("linspace", Self::try_build(count, fill))
    }
}

impl<T: Element> From<T> for Tensor<T> {
    /// A scalar.
    fn from(value: T) -> Self {
        Self::scalar(value)
    }
}

impl<T: Element> From<&Tensor<T>> for Tensor<T> {
    /// The same tensor (cloning is cheap), so that methods can take either.
    fn from(tensor: &Tensor<T>) -> Self {
        tensor.clone()
    }
}

impl<T: Element> From<Vec<T>> for Tensor<T> {
    /// A tensor of one axis.
    fn from(values: Vec<T>) -> Self {
        Self::from_slice(&values, values.len())
    }
}

impl<T: Element> From<&[T]> for Tensor<T> {
    /// A tensor of one axis.
    fn from(values: &[T]) -> Self {
        Self::from_slice(values, values.len())
    }
}

impl<T: Element> FromIterator<T> for Tensor<T> {
    /// A tensor of one axis.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().collect::<Vec<T>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{line_of_panic, message_of};

    use proptest::prelude::*;

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            message_of(|| drop(Tensor::from_vec(vec![1, 2, 3], [2, 2]))),
            "from_vec: 3 values do not fill shape [2, 2]"
        );
        assert_eq!(
            message_of(|| drop(Tensor::from_slice(&[1, 2, 3], [2]))),
            "from_slice: 3 values do not fill shape [2]"
        );
        assert_eq!(
            message_of(|| drop(Tensor::from_rows(&[vec![1], vec![1, 2]]))),
            "from_rows: row 1 has 2 elements, row 0 has 1"
        );
        assert_eq!(
            message_of(|| drop(Tensor::arange(0, 3, 0))),
            "arange: from 0 to 3 in steps of 0 is no finite number of elements"
        );
        assert!(message_of(|| drop(Tensor::range(0.0..f64::INFINITY))).starts_with("range: from 0 to inf"));
        assert!(message_of(|| drop(Tensor::arange(f64::NAN, 1.0, 1.0))).starts_with("arange: from NaN"));
        assert_eq!(line_of_panic(|| drop(Tensor::from_vec(vec![1, 2, 3], [2, 2]))), line!());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let huge = [1usize << 45, 1 << 10];
        assert_eq!(
            message_of(|| drop(<Tensor>::zeros([1 << 45]))),
            "zeros: cannot allocate 35184372088832 elements of float32"
        );
        assert!(message_of(|| drop(<Tensor>::ones(huge))).starts_with("ones: "));
        assert!(message_of(|| drop(Tensor::full(huge, 1.0))).starts_with("full: "));
        assert!(message_of(|| drop(<Tensor>::eye(1 << 40))).starts_with("eye: shape"));
        assert!(message_of(|| drop(Tensor::linspace(0.0, 1.0, 1 << 50))).starts_with("linspace: "));
        assert!(message_of(|| drop(Tensor::range(0i64..1 << 50))).starts_with("range: "));
        assert_eq!(line_of_panic(|| drop(<Tensor>::zeros(huge))), line!());
        let wide = <Tensor>::zeros([1]).expand([1 << 45]);
        assert_eq!(message_of(|| drop(wide.to_vec())), "to_vec: cannot allocate 35184372088832 elements of float32");
        assert_eq!(line_of_panic(|| drop(wide.to_vec())), line!());
        let (indices, mask) = (Tensor::<i64>::zeros([1]).expand([1 << 45]), wide.shape().clone());
        let mask = Tensor::scalar(true).expand(mask);
        for (f, name) in [
            (&(|| drop(wide.contiguous())) as &dyn Fn(), "contiguous"),
            (&|| drop(wide.split(0, 1)), "split"),
            (&|| drop(wide.sort(0)), "sort"),
            (&|| drop(wide.cumsum(0)), "cumsum"),
            (&|| drop(Tensor::scalar(1.0f32).tile(&[1 << 45])), "tile"),
            (&|| drop(Tensor::from([1.0f32].as_slice()).repeat(0, 1 << 45)), "repeat"),
            (&|| drop(<Tensor>::zeros([2]).expand([1 << 45, 2]).reshape([1usize << 46])), "reshape"),
            (&|| drop(Tensor::concat(&[&wide, &wide], 0)), "concat"),
            (&|| drop(Tensor::concat(&[&<Tensor>::zeros([1, 0]).expand([1 << 59, 0]); 64], 0)), "concat"),
            (&|| drop(<Tensor>::zeros([2]).index_select(0, &indices)), "index_select"),
            (&|| drop(wide.unsqueeze(1).unsqueeze(2).matmul(&<Tensor>::zeros([1, 1]))), "matmul"),
            (&|| drop(wide.exp()), "exp"),
            (&|| drop(wide.cast::<f64>()), "cast"),
            (&|| drop(Tensor::where_(&mask, &wide, 0.0)), "where_"),
        ] {
            let message = message_of(f);
            assert!(message.starts_with(&format!("{name}: ")), "{message}");
        }
    }

    proptest! {
        #[test]
        fn arange_is_start_plus_i_steps(start in -5.0..5.0f64, end in -5.0..5.0f64, step in prop_oneof![-2.0..-0.1f64, 0.1..2.0f64]) {
            let t = Tensor::arange(start, end, step).to_vec();
            prop_assert!(t.iter().enumerate().all(|(i, &v)| v == start + i as f64 * step && (end - v) * step > 0.0));
            let next = start + t.len() as f64 * step;
            prop_assert!((end - next) * step <= 1e-12);
        }

        #[test]
        fn linspace_ends_where_it_should(start in -5.0..5.0f32, end in -5.0..5.0f32, n in 0usize..20) {
            let t = Tensor::linspace(start, end, n).to_vec();
            prop_assert_eq!(t.len(), n);
            prop_assert!(t.first().is_none_or(|&v| v == start));
            prop_assert!(n < 2 || t[n - 1] == end);
        }
    }
}
