//! Arithmetic of elements, on the kernels that the tape runs on.

use crate::kernel::{Reduction, Spec, Step, Tiled};
use crate::map::{fold, functions, map, run, zip};
use crate::reduce::mean_scale;
use crate::{Element, ShapeError, Tensor};

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
                let f: fn(&[$t]) -> $t = match reduction {
                    Reduction::Sum => |line| line.iter().fold(0, |sum, &v| sum.wrapping_add(v)),
                    Reduction::Prod => |line| line.iter().fold(1, |product, &v| product.wrapping_mul(v)),
                    Reduction::Max => |line| line.iter().fold($t::MIN, |largest, &v| largest.max(v)),
                    Reduction::Min => |line| line.iter().fold($t::MAX, |smallest, &v| smallest.min(v)),
                    Reduction::Mean => return Err(ShapeError::new(concat!("a mean of ", stringify!($t), " is none"))),
                };
                fold(x, axes, f)
            }
        }
    )*};
}
integers!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);
