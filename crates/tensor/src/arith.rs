//! Arithmetic between tensors and numbers: `+ - * /` and unary `-`, broadcast by NumPy's rule,
//! on the kernels that the tape runs on.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

use smallvec::SmallVec;

use crate::error::checked;
use crate::kernel::{ElementFn, Operand, Program, Reduction, Spec, Step, TileMap, Tiled};
use crate::reduce::mean_scale;
use crate::{Element, Float, Layout, Shape, ShapeError, Tensor, broadcast};

/// Elements that `+`, `-` and `*` work on: all but `bool`.
///
/// Integers wrap around on overflow, as NumPy's do.
///
/// ```
/// use wengert_tensor::{Number, Tensor, tensor};
/// fn twice<T: Number>(x: &Tensor<T>) -> Tensor<T> {
///     x + x
/// }
/// assert_eq!(twice(&tensor![1, 2]), tensor![2, 4]);
/// assert_eq!(twice(&tensor![0.5]), tensor![1.0]);
/// ```
pub trait Number: Element {
    #[doc(hidden)]
    fn combine(operation: Binary, a: &Tensor<Self>, b: &Tensor<Self>) -> Result<Tensor<Self>, ShapeError>;
    #[doc(hidden)]
    fn reduce(reduction: Reduction, x: &Tensor<Self>, axes: &[usize]) -> Result<Tensor<Self>, ShapeError>;
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
}

macro_rules! functions {
    ($($name:ident($($arg:ident),*) $value:expr;)*) => {$(
        pub(crate) struct $name;
        impl $crate::kernel::ElementFn<{ [$(stringify!($arg)),*].len() }> for $name {
            #[inline(always)]
            fn apply<T: $crate::Float>(&self, [$($arg),*]: [T; { [$(stringify!($arg)),*].len() }]) -> T { $value }
        }
    )*};
}
pub(crate) use functions;

functions! {
    AddFn(a, b) a + b;
    SubFn(a, b) a - b;
    MulFn(a, b) a * b;
    DivFn(a, b) a / b;
    NegFn(a) -a;
}

macro_rules! floats {
    ($($t:ident),*) => {$(
        impl Number for $t {
            fn combine(operation: Binary, a: &Tensor<$t>, b: &Tensor<$t>) -> Result<Tensor<$t>, ShapeError> {
                match operation {
                    Binary::Add => map(AddFn, [a, b]),
                    Binary::Sub => map(SubFn, [a, b]),
                    Binary::Mul => map(MulFn, [a, b]),
                }
            }

            fn reduce(reduction: Reduction, x: &Tensor<$t>, axes: &[usize]) -> Result<Tensor<$t>, ShapeError> {
                let count = axes.iter().map(|&axis| x.shape()[axis]).product();
                let scale = if reduction == Reduction::Mean { mean_scale::<$t>(count) } else { 1.0 };
                let scaled = |at, by| Step::Map { map: 0, args: [at, by].into_iter().collect(), keep: false, arith: None };
                let spec = Spec {
                    domain: x.shape().clone(),
                    reduced: axes.into(),
                    operands: vec![x.layout().strides().into()],
                    steps: vec![
                        Step::Load(0),
                        Step::Scalar(0),
                        scaled(0, 1),
                        Step::Reduce(reduction, if scale == 1.0 { 0 } else { 2 }),
                        Step::Scalar(1),
                        scaled(3, 4),
                    ],
                    outputs: vec![if scale == 1.0 { 3 } else { 5 }],
                };
                run(spec, &[x], &[scale as $t, (1.0 / scale) as $t], &[&Tiled(MulFn)])
            }
        }
    )*};
}
floats!(f32, f64);

// Ten types, of which a program adds one or two: what is marked `#[inline]` is not compiled before
// it is used.
macro_rules! integers {
    ($($t:ident),*) => {$(
        impl Number for $t {
            #[inline]
            fn combine(operation: Binary, a: &Tensor<$t>, b: &Tensor<$t>) -> Result<Tensor<$t>, ShapeError> {
                // A pointer: one loop for all, since nobody needs these to be fast.
                let f: fn($t, $t) -> $t = match operation {
                    Binary::Add => $t::wrapping_add,
                    Binary::Sub => $t::wrapping_sub,
                    Binary::Mul => $t::wrapping_mul,
                };
                zip(a, b, f)
            }

            #[inline]
            fn reduce(reduction: Reduction, x: &Tensor<$t>, axes: &[usize]) -> Result<Tensor<$t>, ShapeError> {
                let (start, f): ($t, fn($t, $t) -> $t) = match reduction {
                    Reduction::Sum => (0, $t::wrapping_add),
                    Reduction::Prod => (1, $t::wrapping_mul),
                    Reduction::Max => ($t::MIN, $t::max),
                    Reduction::Min => ($t::MAX, $t::min),
                    Reduction::Mean => return Err(ShapeError::new(concat!("a mean of ", stringify!($t), " is none"))),
                };
                fold(x, axes, start, f)
            }
        }
    )*};
}
integers!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);

/// The function of every element of the operands, broadcast to each other, on the tile machine.
pub(crate) fn map<T: Float, F: ElementFn<N>, const N: usize>(
    f: F,
    operands: [&Tensor<T>; N],
) -> Result<Tensor<T>, ShapeError> {
    map_tiles(&Tiled(f), &operands)
}

/// [`map`], compiled once for all functions.
#[inline(never)]
fn map_tiles<T: Float>(f: &dyn TileMap<T>, operands: &[&Tensor<T>]) -> Result<Tensor<T>, ShapeError> {
    let mut domain = Shape::scalar();
    for x in operands {
        domain = broadcast(&domain, x.shape())?;
    }
    let (mut strides, mut steps, mut args) = (Vec::new(), Vec::new(), SmallVec::new());
    for (i, x) in operands.iter().enumerate() {
        strides.push(x.layout().expand(&domain)?.strides().into());
        steps.push(Step::Load(i as u32));
        args.push(i as u32);
    }
    steps.push(Step::Map { map: 0, args, keep: false, arith: None });
    let outputs = vec![operands.len() as u32];
    run(Spec { domain, reduced: SmallVec::new(), operands: strides, steps, outputs }, operands, &[], &[f])
}

/// The one output of a program that is run once.
#[inline(never)]
pub(crate) fn run<T: Float>(
    spec: Spec,
    operands: &[&Tensor<T>],
    scalars: &[T],
    maps: &[&dyn TileMap<T>],
) -> Result<Tensor<T>, ShapeError> {
    let operands: Vec<_> =
        operands.iter().map(|x| Operand { buffer: x.buffer(), offset: x.layout().offset() }).collect();
    let mut outputs = Program::compile(spec).run(&operands, Vec::new(), scalars, maps)?;
    Ok(outputs.remove(0))
}

/// `f` of every pair of elements of two operands, broadcast to each other.
pub(crate) fn zip<A: Element, B: Element, C: Element>(
    a: &Tensor<A>,
    b: &Tensor<B>,
    f: impl Fn(A, B) -> C,
) -> Result<Tensor<C>, ShapeError> {
    let shape = broadcast(a.shape(), b.shape())?;
    let (a, b) = (a.expand(&shape), b.expand(&shape));
    Tensor::try_build(shape, |out| match (a.as_slice(), b.as_slice()) {
        (Some(a), Some(b)) => {
            for ((c, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *c = f(a, b);
            }
        }
        _ => {
            for ((c, a), b) in out.iter_mut().zip(a.iter()).zip(b.iter()) {
                *c = f(a, b);
            }
        }
    })
}

/// The elements along `axes`, in row-major order, folded one into the other; the axes stay, with
/// size 1.
pub(crate) fn fold<A: Element, B: Element>(
    x: &Tensor<A>,
    axes: &[usize],
    start: B,
    f: impl Fn(B, A) -> B,
) -> Result<Tensor<B>, ShapeError> {
    let (layout, count) = lines_of(x.layout(), axes)?;
    let last = x.with_layout(layout).try_contiguous()?;
    let runs = last.as_slice().unwrap_or(&[]).chunks_exact(count.max(1));
    Tensor::try_build(x.shape().reduced(axes, true), |out| {
        out.fill(start);
        for (to, run) in out.iter_mut().zip(runs) {
            *to = run.iter().fold(start, |folded, &v| f(folded, v));
        }
    })
}

/// The layout with `axes` as its last, and how many elements there are along them.
fn lines_of(layout: &Layout, axes: &[usize]) -> Result<(Layout, usize), ShapeError> {
    let kept = (0..layout.shape().len()).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    Ok((layout.permute(&order)?, axes.iter().map(|&axis| layout.shape()[axis]).product()))
}

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
    use crate::tensor;
    use crate::testing::{any_layout, line_of_panic, message_of};
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
