//! Whether tensors are equal, or close enough.

use crate::{Element, Tensor};

impl<T: Element> PartialEq for Tensor<T> {
    /// The same shape and equal elements, so that NaN makes tensors unequal as it does numbers.
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape()
            && match (self.as_slice(), other.as_slice()) {
                (Some(a), Some(b)) => a == b,
                _ => self.iter().eq(other.iter()),
            }
    }
}

impl<T: Element> Tensor<T> {
    /// Whether the shapes are the same and every element is within `atol + rtol · |other|` of
    /// its counterpart. Equal infinities are close, and so are two NaNs.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// let a = tensor![1.0, f64::NAN];
    /// assert!(a.allclose(&tensor![1.0 + 1e-9, f64::NAN], 1e-8, 0.0));
    /// assert!(!a.allclose(&tensor![1.1, f64::NAN], 1e-8, 0.0));
    /// ```
    pub fn allclose(&self, other: &Self, rtol: f64, atol: f64) -> bool {
        self.shape() == other.shape() && self.iter().zip(other.iter()).all(|(a, b)| excess(a, b, rtol, atol) == 0.0)
    }

    /// Panics, naming the element that is furthest off, unless [`allclose`](Self::allclose).
    ///
    /// ```should_panic
    /// use wengert_tensor::tensor;
    /// // assert_close: 1 of 2 elements differ, most of all at [1]: 2 against 3,
    /// // relative error 3.3e-1 (allowed: 1e-6, or 0e0 absolute)
    /// tensor![1.0, 2.0].assert_close(&tensor![1.0, 3.0], 1e-6, 0.0);
    /// ```
    /// # Panics
    /// If the shapes differ or an element is not close.
    #[track_caller]
    pub fn assert_close(&self, other: &Self, rtol: f64, atol: f64) {
        assert!(self.shape() == other.shape(), "assert_close: shapes {} and {} differ", self.shape(), other.shape());
        let excesses: Vec<f64> = self.iter().zip(other.iter()).map(|(a, b)| excess(a, b, rtol, atol)).collect();
        let wrong = excesses.iter().filter(|&&e| e > 0.0).count();
        if wrong == 0 {
            return;
        }
        let worst = (1..excesses.len()).fold(0, |w, i| if excesses[i] > excesses[w] { i } else { w });
        let mut rest = worst;
        let mut index: Vec<usize> = self.shape().iter().rev().map(|&n| (rest % n, rest /= n).0).collect();
        index.reverse();
        let (a, b) = (self.iter().nth(worst), other.iter().nth(worst));
        let (Some(a), Some(b)) = (a, b) else { unreachable!("the worst element is one of them") };
        let relative = (a.to_f64() - b.to_f64()).abs() / b.to_f64().abs();
        panic!(
            "assert_close: {wrong} of {} elements differ, most of all at {index:?}: {a} against {b}, \
             relative error {relative:.1e} (allowed: {rtol:e}, or {atol:e} absolute)",
            self.count()
        );
    }

    /// The largest absolute difference of two elements; NaN where one is NaN and the other is
    /// not, 0 for tensors without elements.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0].max_abs_diff(&tensor![1.5, 2.0]), 0.5);
    /// ```
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn max_abs_diff(&self, other: &Self) -> f64 {
        assert!(self.shape() == other.shape(), "max_abs_diff: shapes {} and {} differ", self.shape(), other.shape());
        self.iter()
            .zip(other.iter())
            .map(|(a, b)| difference(a, b))
            .fold(0.0, |worst: f64, d| if d <= worst { worst } else { d })
    }

    /// Whether the shapes and the bits of all elements are the same: unlike with `==`, NaN
    /// equals NaN and 0 is not -0.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert!(tensor![f64::NAN].bits_eq(&tensor![f64::NAN]));
    /// assert!(!tensor![0.0].bits_eq(&tensor![-0.0]));
    /// ```
    pub fn bits_eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.iter().zip(other.iter()).all(|(a, b)| same_bits(a, b))
    }
}

/// Whether it is NaN, of which only floating-point types have one.
#[expect(clippy::eq_op, reason = "only NaN differs from itself")]
pub(crate) fn is_nan<T: Element>(v: T) -> bool {
    v != v
}

fn same_bits<T: Element>(a: T, b: T) -> bool {
    if T::NAME.starts_with("float") { a.to_f64().to_bits() == b.to_f64().to_bits() } else { a == b }
}

/// |a − b|, where equal infinities and two NaNs are 0 apart.
fn difference<T: Element>(a: T, b: T) -> f64 {
    if a == b || (is_nan(a) && is_nan(b)) { 0.0 } else { (a.to_f64() - b.to_f64()).abs() }
}

/// How far `a` is outside of what is allowed around `b`, in multiples of it; 0 when it is close.
fn excess<T: Element>(a: T, b: T, rtol: f64, atol: f64) -> f64 {
    let (d, allowed) = (difference(a, b), atol + rtol * b.to_f64().abs());
    match d {
        0.0 => 0.0,
        // Infinite and NaN differences are never allowed, whatever is relative to ∞.
        d if !d.is_finite() => f64::INFINITY,
        d if d <= allowed => 0.0,
        d => d / allowed,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{any_layout, line_of_panic, message_of};
    use crate::{Tensor, tensor};
    use proptest::prelude::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn special_values() {
        let a = tensor![1.0, f64::NAN, INF, -INF];
        assert!(a != a.clone());
        assert!(a.allclose(&a, 0.0, 0.0));
        assert!(a.bits_eq(&a));
        assert!(!tensor![INF].allclose(&tensor![-INF], 1.0, 1.0));
        assert!(!tensor![1.0].allclose(&tensor![INF], 1.0, 1.0));
        assert!(!tensor![1.0].allclose(&tensor![f64::NAN], 1.0, 1.0));
        assert!(tensor![0.0] == tensor![-0.0]);
        assert!(tensor![1] != tensor![[1]]);
        assert!(!tensor![1].allclose(&tensor![[1]], 1.0, 1.0));
        assert!(tensor![1.0, f64::NAN].max_abs_diff(&tensor![1.0, 2.0]).is_nan());
        assert_eq!(tensor![INF].max_abs_diff(&tensor![INF]), 0.0);
        assert_eq!(<Tensor>::zeros([0]).max_abs_diff(&Tensor::zeros([0])), 0.0);
        assert!(tensor![5, 7].allclose(&tensor![5, 8], 0.0, 1.0));
        assert!(tensor![true] != tensor![false]);
    }

    #[test]
    fn the_worst_element_is_named() {
        let a = tensor![[1.0, 2.0], [3.0, 4.0]];
        let b = tensor![[1.0, 2.5], [3.0, 4.1]];
        assert_eq!(
            message_of(|| a.assert_close(&b, 1e-6, 0.0)),
            "assert_close: 2 of 4 elements differ, most of all at [0, 1]: 2 against 2.5, relative error 2.0e-1 (allowed: 1e-6, or 0e0 absolute)"
        );
        assert_eq!(message_of(|| a.assert_close(&a.flatten(), 0.0, 0.0)), "assert_close: shapes [2, 2] and [4] differ");
        assert!(
            message_of(|| tensor![0.0, 1.0].assert_close(&tensor![0.0, f64::NAN], 1.0, 0.0))
                .contains("at [1]: 1 against NaN")
        );
        assert!(
            message_of(|| Tensor::scalar(1.0).assert_close(&Tensor::scalar(0.0), 1.0, 0.0))
                .contains("at []: 1 against 0")
        );
        assert_eq!(message_of(|| _ = a.max_abs_diff(&a.flatten())), "max_abs_diff: shapes [2, 2] and [4] differ");
        assert_eq!(line_of_panic(|| a.assert_close(&b, 1e-6, 0.0)), line!());
    }

    proptest! {
        #[test]
        fn equality_sees_elements_not_strides(a in any_layout::<f32>(), b in any_layout::<f32>()) {
            prop_assert!(a == a.contiguous() && a.bits_eq(&a.contiguous()));
            prop_assert_eq!(a == b, a.shape() == b.shape() && a.to_vec() == b.to_vec());
            a.assert_close(&a.contiguous(), 0.0, 0.0);
        }
    }
}
