//! The operators between tensors and numbers, `+ - * /` and unary `-`, and those between masks,
//! broadcast by NumPy's rule.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

use crate::arith::{Binary, DivFn, NegFn};
use crate::error::checked;
use crate::map::{map, zip};
use crate::{Float, Number, Tensor};

/// The operator for every mixture of owned and borrowed operands.
macro_rules! operator {
    ($bound:ident, $trait:ident, $method:ident, $name:literal, |$a:ident, $b:ident| $value:expr) => {
        operator!(@pair $bound, $trait, $method, $name, [&Tensor<T>] [&Tensor<T>], |$a, $b| $value, $a, $b);
        operator!(@pair $bound, $trait, $method, $name, [&Tensor<T>] [Tensor<T>], |$a, $b| $value, $a, &$b);
        operator!(@pair $bound, $trait, $method, $name, [Tensor<T>] [&Tensor<T>], |$a, $b| $value, &$a, $b);
        operator!(@pair $bound, $trait, $method, $name, [Tensor<T>] [Tensor<T>], |$a, $b| $value, &$a, &$b);
    };
    (@pair $bound:ident, $trait:ident, $method:ident, $name:literal, [$left:ty] [$right:ty],
        |$a:ident, $b:ident| $value:expr, $x:expr, $y:expr) => {
        impl<T: $bound> $trait<$right> for $left {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor<T> {
                let ($a, $b) = (self, other);
                let ($a, $b) = ($x, $y);
                checked!($name, $value)
            }
        }
    };
}

/// The operator between tensors and numbers.
macro_rules! scalar_operator {
    ($bound:ident, $trait:ident, $method:ident, [$($t:ident),*]) => {
        impl<T: $bound> $trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: T) -> Tensor<T> { self.$method(&Tensor::scalar(other)) }
        }
        impl<T: $bound> $trait<T> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: T) -> Tensor<T> { (&self).$method(&Tensor::scalar(other)) }
        }
        $(impl $trait<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            #[inline]
            #[track_caller]
            fn $method(self, other: &Tensor<$t>) -> Tensor<$t> { Tensor::scalar(self).$method(other) }
        }
        impl $trait<Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            #[inline]
            #[track_caller]
            fn $method(self, other: Tensor<$t>) -> Tensor<$t> { Tensor::scalar(self).$method(other) }
        })*
    };
}

operator!(Number, Add, add, "add", |a, b| T::combine(Binary::Add, a, b));
operator!(Number, Sub, sub, "sub", |a, b| T::combine(Binary::Sub, a, b));
operator!(Number, Mul, mul, "mul", |a, b| T::combine(Binary::Mul, a, b));
operator!(Float, Div, div, "div", |a, b| map(DivFn, [a, b]));
scalar_operator!(Number, Add, add, [f32, f64, u8, i32, i64, usize]);
scalar_operator!(Number, Sub, sub, [f32, f64, u8, i32, i64, usize]);
scalar_operator!(Number, Mul, mul, [f32, f64, u8, i32, i64, usize]);
scalar_operator!(Float, Div, div, [f32, f64]);

impl<T: Float> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn neg(self) -> Tensor<T> {
        checked!("neg", map(NegFn, [self]))
    }
}

impl<T: Float> Neg for Tensor<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn neg(self) -> Tensor<T> {
        -&self
    }
}

/// The operator between masks.
macro_rules! mask_operator {
    ($trait:ident, $method:ident, $name:literal) => {
        impl $trait for &Tensor<bool> {
            type Output = Tensor<bool>;
            #[track_caller]
            fn $method(self, other: &Tensor<bool>) -> Tensor<bool> {
                checked!($name, zip(self, other, |a, b| a.$method(b)))
            }
        }
        impl $trait for Tensor<bool> {
            type Output = Tensor<bool>;
            #[track_caller]
            fn $method(self, other: Tensor<bool>) -> Tensor<bool> {
                (&self).$method(&other)
            }
        }
    };
}
mask_operator!(BitAnd, bitand, "bitand");
mask_operator!(BitOr, bitor, "bitor");
mask_operator!(BitXor, bitxor, "bitxor");

impl Not for &Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        self.map(|v| !v)
    }
}

impl Not for Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        !&self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{any_layout, line_of_panic, message_of};
    use crate::{broadcast, tensor};
    use proptest::prelude::*;

    #[test]
    fn every_mixture_of_operands() {
        let a: Tensor = tensor![1.0, 2.0];
        let b: Tensor = tensor![[10.0], [20.0]];
        let sum = tensor![[11.0, 12.0], [21.0, 22.0]];
        assert_eq!(&a + &b, sum);
        assert_eq!(a.clone() + &b, sum);
        assert_eq!(&a + b.clone(), sum);
        assert_eq!(a.clone() + b.clone(), sum);
        assert_eq!(&a - 1.0, tensor![0.0, 1.0]);
        assert_eq!(1.0 - &a, tensor![0.0, -1.0]);
        assert_eq!(2.0 / a.clone(), tensor![2.0, 1.0]);
        assert_eq!(a.clone() / 2.0, tensor![0.5, 1.0]);
        assert_eq!(-&a, -1.0 * a.clone());
        assert_eq!(-(a - 1.0) * 3.0, tensor![0.0, -3.0]);
    }

    #[test]
    fn integers_and_masks() {
        let n: Tensor<i64> = tensor![1, -2];
        assert_eq!(2 * &n + 1, tensor![3, -3]);
        assert_eq!(tensor![200u8] + 100, tensor![44u8]);
        assert_eq!(Tensor::scalar(i64::MIN) - 1, Tensor::scalar(i64::MAX));
        let (p, q) = (tensor![true, true, false], tensor![true, false, false]);
        assert_eq!(&p & &q, tensor![true, false, false]);
        assert_eq!(&p | &q, p);
        assert_eq!(p.clone() ^ q.clone(), tensor![false, true, false]);
        assert_eq!(!p, tensor![false, false, true]);
        assert_eq!(!&q, tensor![false, true, true]);
    }

    #[test]
    fn mistakes_are_named() {
        let (a, b): (Tensor, Tensor) = (Tensor::zeros([2, 3]), Tensor::zeros([4]));
        for (f, name) in [
            (&(|| drop(&a + &b)) as &dyn Fn(), "add"),
            (&|| drop(&a - &b), "sub"),
            (&|| drop(a.clone() * &b), "mul"),
            (&|| drop(&a / b.clone()), "div"),
            (&|| drop(a.cast::<i32>() + b.cast::<i32>()), "add"),
            (&|| drop(&a.cast::<bool>() & &b.cast::<bool>()), "bitand"),
        ] {
            assert_eq!(message_of(f), format!("{name}: shapes [2, 3] and [4] do not broadcast: 3 against 4"));
        }
        assert_eq!(line_of_panic(|| drop(&a + &b)), line!());
        assert_eq!(line_of_panic(|| drop(a.clone() * b.clone())), line!());
        let wide = Tensor::<f32>::zeros([1]).expand([1 << 45]);
        assert_eq!(line_of_panic(|| drop(&wide * 2.0)), line!());
    }

    proptest! {
        #[test]
        fn operators_are_those_of_the_elements(a in any_layout::<f32>(), b in any_layout::<f32>()) {
            // Broadcast by hand: the elements at the indices, modulo sizes of 1.
            let Ok(shape) = broadcast(a.shape(), b.shape()) else {
                return Ok(());
            };
            let pick = |x: &Tensor, mut i: usize| {
                let mut index = vec![0; shape.len()];
                for axis in (0..shape.len()).rev() {
                    index[axis] = i % shape[axis];
                    i /= shape[axis];
                }
                let own = &index[shape.len() - x.rank()..];
                own.iter().zip(x.shape().iter()).fold(x.clone(), |x, (&i, &n)| x.select(0, if n == 1 { 0 } else { i as isize })).item()
            };
            let expected = |f: fn(f32, f32) -> f32| Tensor::from_vec((0..shape.count()).map(|i| f(pick(&a, i), pick(&b, i))).collect(), &shape);
            prop_assert!((&a + &b).bits_eq(&expected(|x, y| x + y)));
            prop_assert!((&a - &b).bits_eq(&expected(|x, y| x - y)));
            prop_assert!((&a * &b).bits_eq(&expected(|x, y| x * y)));
            (&a / &b).assert_close(&expected(|x, y| x / y), 0.0, 0.0);
            let sum: Tensor<i32> = a.cast::<i32>() + b.cast::<i32>();
            prop_assert_eq!(sum, expected(|x, y| x + y).cast());
        }
    }
}
