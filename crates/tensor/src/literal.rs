//! Tensors written out: nested arrays, and the [`tensor!`](crate::tensor) macro.

use smallvec::SmallVec;

use crate::{Element, Shape, Tensor};

/// An element, or an array of arrays … of elements: what [`tensor!`](crate::tensor) and
/// [`Tensor::from`] take.
///
/// ```
/// use wengert_tensor::{Nested, Tensor};
/// fn corner<T: wengert_tensor::Element>(matrix: impl Nested<T>) -> T {
///     Tensor::nested(matrix).at([0, 0])
/// }
/// assert_eq!(corner([[1, 2], [3, 4]]), 1);
/// ```
pub trait Nested<T: Element> {
    /// The number of axes.
    const RANK: usize;
    /// Adds the sizes of the axes, the outermost first.
    fn sizes(sizes: &mut SmallVec<[usize; 4]>);
    /// Adds the elements in row-major order.
    fn push_to(self, values: &mut Vec<T>);
}

impl<T: Element> Nested<T> for T {
    const RANK: usize = 0;
    fn sizes(_: &mut SmallVec<[usize; 4]>) {}
    fn push_to(self, values: &mut Vec<T>) {
        values.push(self);
    }
}

impl<T: Element, A: Nested<T>, const N: usize> Nested<T> for [A; N] {
    const RANK: usize = 1 + A::RANK;
    fn sizes(sizes: &mut SmallVec<[usize; 4]>) {
        sizes.push(N);
        A::sizes(sizes);
    }
    fn push_to(self, values: &mut Vec<T>) {
        self.into_iter().for_each(|a| a.push_to(values));
    }
}

impl<T: Element> Tensor<T> {
    /// A tensor with an axis for every level of nested arrays; what [`tensor!`](crate::tensor)
    /// expands to.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// let t: Tensor = Tensor::nested([[1.0, 2.0, 3.0]]);
    /// assert_eq!(t.shape(), &[1, 3]);
    /// ```
    pub fn nested<A: Nested<T>>(values: A) -> Self {
        let mut shape = Shape::scalar();
        A::sizes(shape.sizes_mut());
        let mut elements = Vec::with_capacity(shape.count());
        values.push_to(&mut elements);
        Self::from_vec(elements, shape)
    }
}

impl<T: Element, A: Nested<T>, const N: usize> From<[A; N]> for Tensor<T> {
    /// A tensor with an axis for every level of nesting.
    fn from(values: [A; N]) -> Self {
        Self::nested(values)
    }
}

/// A tensor written out: `tensor![1, 2, 3]` has one axis, `tensor![[1, 2], [3, 4]]` two, and so
/// on; `tensor![0.0; [2, 3]]` is one value everywhere. Rows of different lengths do not compile.
///
/// Number literals take the element type that is asked for, `f32` for a plain `Tensor`; where
/// nothing asks, Rust's defaults hold (`f64`, `i32`). For one number without axes there is
/// [`Tensor::scalar`].
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// let a: Tensor = tensor![[1.0, 2.0], [3.0, 4.0]];
/// assert_eq!(a.shape(), &[2, 2]);
/// let labels: Tensor<i64> = tensor![3, 1, 2];
/// assert_eq!(labels.to_vec(), [3, 1, 2]);
/// assert_eq!(tensor![true; [2]], tensor![true, true]);
/// ```
/// ```compile_fail
/// # use wengert_tensor::tensor;
/// let ragged = tensor![[1.0, 2.0], [3.0]]; // expected an array with a size of 2, found one with a size of 1
/// ```
#[macro_export]
macro_rules! tensor {
    () => { $crate::Tensor::from_slice(&[], 0) };
    ($value:expr; $shape:expr) => { $crate::Tensor::full($shape, $value) };
    ($($value:expr),* $(,)?) => { $crate::Tensor::nested([$($value),*]) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_take_the_type_asked_for() {
        fn f32s(t: Tensor) -> Vec<f32> {
            t.to_vec()
        }
        fn convertible(t: impl Into<Tensor<f32>>) -> Tensor<f32> {
            t.into()
        }
        assert_eq!(f32s(tensor![[1.0, 2.0], [3.0, 4.0]]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(convertible([[1.0, 2.0]]).shape(), &[1, 2]);
        assert_eq!(convertible(tensor![1.0, 2.0]).shape(), &[2]);
        assert_eq!(convertible(3.0).item(), 3.0);
        let owned = tensor![1.0];
        assert_eq!(convertible(&owned), convertible(owned));
        let later = tensor![[[[1.0]]], [[[2.0]]]];
        assert_eq!(later.shape(), &[2, 1, 1, 1]);
        assert_eq!(f32s(later), [1.0, 2.0]);
        let empty: Tensor<i64> = tensor![];
        assert_eq!(empty.shape(), &[0]);
        let n = 3usize;
        assert_eq!(tensor![n, n + 1].to_vec(), [3, 4]);
        assert_eq!((0..4).map(|i| i as f32).collect::<Tensor>().to_vec(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(Tensor::from(vec![1u8, 2]).shape(), &[2]);
    }

    #[test]
    fn literals_stand_beside_tensors() {
        let a: Tensor = tensor![[1.0, 2.0], [3.0, 4.0]];
        assert_eq!(&a + &tensor![1.0, 2.0], tensor![[2.0, 4.0], [4.0, 6.0]]);
        assert_eq!(2.0 * &a * tensor![0.5, 1.0], tensor![[1.0, 4.0], [3.0, 8.0]]);
        assert_eq!(a.maximum(tensor![2.5]).to_vec(), [2.5, 2.5, 3.0, 4.0]);
        assert_eq!((tensor![1.0, 2.0] * 2.0).sum(..).item(), 6.0);
        assert_eq!(tensor![[1.0; 2], [0.0; 2]].shape(), &[2, 2]);
    }
}
