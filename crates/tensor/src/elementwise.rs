//! Functions of every element, comparisons, and choosing by mask.

use crate::error::checked;
use crate::map::{functions, map, zip};
use crate::{Element, Float, Tensor};

functions! {
    PowFn(a, b) a.pow(b);
    MaximumFn(a, b) a.max_nan(b);
    MinimumFn(a, b) a.min_nan(b);
    ClampFn(a, low, high) a.max_nan(low).min_nan(high);
}

macro_rules! unary {
    ($($(#[$doc:meta])* $method:ident $name:ident $literal:literal $f:ident;)*) => {
        $(functions! { $name(a) a.$f(); })*
        impl<T: Float> Tensor<T> {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $method(&self) -> Self {
                    checked!($literal, map($name, [self]))
                }
            )*
        }
    };
}

unary! {
    /// The absolute value of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-2.0, 3.0].abs(), tensor![2.0, 3.0]);
    /// ```
    abs AbsFn "abs" abs;
    /// The square root of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![4.0, 9.0].sqrt(), tensor![2.0, 3.0]);
    /// ```
    sqrt SqrtFn "sqrt" sqrt;
    /// e to the power of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.0].exp(), tensor![1.0]);
    /// ```
    exp ExpFn "exp" exp;
    /// The natural logarithm of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![1.0, 0.0].ln(), tensor![0.0, -f64::INFINITY]);
    /// ```
    ln LnFn "ln" ln;
    /// ln(1 + x) of every element, accurate near 0.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![1e-20].ln1p(), tensor![1e-20]);
    /// ```
    ln1p Ln1pFn "ln1p" ln1p;
    /// The sine of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.0].sin(), tensor![0.0]);
    /// ```
    sin SinFn "sin" sin;
    /// The cosine of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.0].cos(), tensor![1.0]);
    /// ```
    cos CosFn "cos" cos;
    /// The hyperbolic tangent of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1000.0].tanh(), tensor![0.0, 1.0]);
    /// ```
    tanh TanhFn "tanh" tanh;
    /// 1/(1 + e⁻ˣ) of every element.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.0].sigmoid(), tensor![0.5]);
    /// ```
    sigmoid SigmoidFn "sigmoid" sigmoid;
    /// The sign of every element: -1, 0 or 1; NaN for NaN.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-2.0, 0.0, 3.0].sign(), tensor![-1.0, 0.0, 1.0]);
    /// ```
    sign SignFn "sign" sign;
    /// The largest integers that are not above the elements.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 1.5].floor(), tensor![-2.0, 1.0]);
    /// ```
    floor FloorFn "floor" floor;
    /// The smallest integers that are not below the elements.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 1.5].ceil(), tensor![-1.0, 2.0]);
    /// ```
    ceil CeilFn "ceil" ceil;
    /// The nearest integers, ties to even.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.5, 1.5, -0.7].round(), tensor![0.0, 2.0, -1.0]);
    /// ```
    round RoundFn "round" round_even;
}

impl<T: Float> Tensor<T> {
    /// Every element to the power of `exponent`, a tensor or a number.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![2.0, -3.0].pow(2.0), tensor![4.0, 9.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn pow(&self, exponent: impl Into<Tensor<T>>) -> Self {
        checked!("pow", map(PowFn, [self, &exponent.into()]))
    }

    /// The larger of every element and that of `other`, a tensor or a number; NaN if either is.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-1.0, 2.0].maximum(0.0), tensor![0.0, 2.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: impl Into<Tensor<T>>) -> Self {
        checked!("maximum", map(MaximumFn, [self, &other.into()]))
    }

    /// The smaller of every element and that of `other`, a tensor or a number; NaN if either is.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-1.0, 2.0].minimum(0.0), tensor![-1.0, 0.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: impl Into<Tensor<T>>) -> Self {
        checked!("minimum", map(MinimumFn, [self, &other.into()]))
    }

    /// Every element, or the bound that it is beyond. NaN stays; `low` above `high` gives `high`.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![-1.0, 0.5, 2.0].clamp(0.0, 1.0), tensor![0.0, 0.5, 1.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn clamp(&self, low: impl Into<Tensor<T>>, high: impl Into<Tensor<T>>) -> Self {
        checked!("clamp", map(ClampFn, [self, &low.into(), &high.into()]))
    }
}

macro_rules! comparisons {
    ($($method:ident $literal:literal $op:tt $what:literal $example:literal;)*) => {
        impl<T: Element> Tensor<T> {
            $(
                #[doc = concat!("Where the elements are ", $what, " those of `other`, a tensor or a number.")]
                #[doc = ""]
                #[doc = "```"]
                #[doc = "# use wengert_tensor::tensor;"]
                #[doc = concat!("assert_eq!(tensor![1, 2, 3].", stringify!($method), "(2), ", $example, ");")]
                #[doc = "```"]
                /// # Panics
                /// If the shapes do not broadcast.
                #[track_caller]
                pub fn $method(&self, other: impl Into<Tensor<T>>) -> Tensor<bool> {
                    checked!($literal, zip(self, &other.into(), |a, b| a $op b))
                }
            )*
        }
    };
}

comparisons! {
    gt "gt" > "greater than" "tensor![false, false, true]";
    lt "lt" < "less than" "tensor![true, false, false]";
    ge "ge" >= "at least" "tensor![false, true, true]";
    le "le" <= "at most" "tensor![true, true, false]";
    eq "eq" == "equal to" "tensor![false, true, false]";
    ne "ne" != "different from" "tensor![true, false, true]";
}

impl<T: Element> Tensor<T> {
    /// `f` of every element; for what no method does.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let bytes: Tensor<u8> = tensor![0, 51, 255];
    /// assert_eq!(bytes.map(|v| v as f32 / 255.0), tensor![0.0, 0.2, 1.0]);
    /// ```
    #[track_caller]
    pub fn map<U: Element>(&self, f: impl Fn(T) -> U) -> Tensor<U> {
        let fill = |out: &mut [U]| match self.as_slice() {
            Some(values) => {
                for (to, &v) in out.iter_mut().zip(values) {
                    *to = f(v);
                }
            }
            None => {
                for (to, v) in out.iter_mut().zip(self.iter()) {
                    *to = f(v);
                }
            }
        };
        checked!("map", Tensor::try_build(self.shape().clone(), fill))
    }

    /// `a` where the mask is true and `b` elsewhere; both may be tensors or numbers, and all
    /// three broadcast.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let x = tensor![1.0, f64::NAN, 3.0];
    /// assert_eq!(Tensor::where_(&x.ne(&x), 0.0, &x), tensor![1.0, 0.0, 3.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn where_(mask: &Tensor<bool>, a: impl Into<Tensor<T>>, b: impl Into<Tensor<T>>) -> Self {
        let (a, b) = (a.into(), b.into());
        let shape = checked!("where_", crate::broadcast(mask.shape(), a.shape()));
        let shape = checked!("where_", crate::broadcast(&shape, b.shape()));
        let (mask, a, b) = (mask.expand(&shape), a.expand(&shape), b.expand(&shape));
        let fill = |out: &mut [T]| {
            let choices = mask.iter().zip(a.iter().zip(b.iter()));
            for (to, (mask, (a, b))) in out.iter_mut().zip(choices) {
                *to = if mask { a } else { b };
            }
        };
        checked!("where_", Self::try_build(shape, fill))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{any_layout, line_of_panic, message_of};
    use proptest::prelude::*;

    #[test]
    fn nan_is_kept() {
        let x = tensor![f64::NAN, 1.0];
        assert!(x.maximum(0.0).at([0]).is_nan() && x.minimum(0.0).at([0]).is_nan());
        assert!(x.clamp(0.0, 2.0).at([0]).is_nan());
        assert_eq!(tensor![0.5].clamp(2.0, 1.0), tensor![1.0]);
        assert_eq!(x.eq(&x), tensor![false, true]);
        assert_eq!(x.ne(&x), tensor![true, false]);
        assert_eq!(tensor![f64::NAN, 0.0].pow(0.0), tensor![1.0, 1.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let (a, b): (Tensor, Tensor) = (Tensor::zeros([2, 3]), Tensor::zeros([4]));
        let mask = Tensor::<bool>::zeros([2, 3]);
        for (f, name) in [
            (&(|| drop(a.pow(&b))) as &dyn Fn(), "pow"),
            (&|| drop(a.maximum(&b)), "maximum"),
            (&|| drop(a.minimum(&b)), "minimum"),
            (&|| drop(a.clamp(&b, 1.0)), "clamp"),
            (&|| drop(a.gt(&b)), "gt"),
            (&|| drop(a.lt(&b)), "lt"),
            (&|| drop(a.ge(&b)), "ge"),
            (&|| drop(a.le(&b)), "le"),
            (&|| drop(a.eq(&b)), "eq"),
            (&|| drop(a.ne(&b)), "ne"),
            (&|| drop(Tensor::where_(&mask, &a, &b)), "where_"),
        ] {
            assert_eq!(message_of(f), format!("{name}: shapes [2, 3] and [4] do not broadcast: 3 against 4"));
        }
        let wide = a.slice(1, ..1).expand([2, 1 << 45]);
        assert!(message_of(|| drop(wide.exp())).starts_with("exp: cannot allocate"));
        assert_eq!(line_of_panic(|| drop(a.pow(&b))), line!());
        assert_eq!(line_of_panic(|| drop(wide.exp())), line!());
        assert_eq!(line_of_panic(|| drop(a.gt(&b))), line!());
    }

    proptest! {
        #[test]
        fn functions_are_those_of_the_elements(a in any_layout::<f64>()) {
            let a = &a * 0.25 - 2.0;
            let a = if a.rank() < 2 { a } else { a.t() };
            let mapped = |f: fn(f64) -> f64| a.map(f);
            prop_assert!(a.exp().bits_eq(&mapped(Float::exp)));
            prop_assert!(a.tanh().bits_eq(&mapped(Float::tanh)));
            prop_assert!(a.sigmoid().bits_eq(&mapped(Float::sigmoid)));
            prop_assert!(a.floor().bits_eq(&mapped(f64::floor)));
            prop_assert!(a.round().bits_eq(&mapped(f64::round_ties_even)));
            prop_assert!(a.abs().bits_eq(&mapped(f64::abs)));
            prop_assert!(a.clamp(-1.0, 1.0).bits_eq(&mapped(|v| v.clamp(-1.0, 1.0))));
            a.pow(2.0).assert_close(&(&a * &a), 1e-15, 0.0);
            let mask = a.gt(0.0);
            prop_assert_eq!(mask.to_vec(), a.iter().map(|v| v > 0.0).collect::<Vec<_>>());
            let positive = mapped(|v| if v > 0.0 { v } else { 0.0 });
            prop_assert!(Tensor::where_(&mask, &a, 0.0).bits_eq(&positive));
        }
    }
}
