//! Functions of elements, run over whole tensors, and folds.

use smallvec::SmallVec;

use crate::kernel::parallel::for_each_chunk;
use crate::kernel::{ElementFn, Operand, Program, Spec, Step, TileMap, Tiled};
use crate::{Element, Float, Layout, Shape, ShapeError, Tensor, broadcast};

/// Names functions of elements: a type each.
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
    let number = b.iter().next().filter(|_| b.count() == 1);
    let (a, b) = (a.expand(&shape), b.expand(&shape));
    Tensor::try_build(shape, |out| match (a.as_slice(), b.as_slice(), number) {
        (Some(a), Some(b), _) => {
            for ((c, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *c = f(a, b);
            }
        }
        (Some(a), None, Some(b)) => {
            for (c, &a) in out.iter_mut().zip(a) {
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

/// `f` of the elements along `axes`, in row-major order; the axes stay, with size 1.
pub(crate) fn fold<T: Element>(x: &Tensor<T>, axes: &[usize], f: fn(&[T]) -> T) -> Result<Tensor<T>, ShapeError> {
    let (layout, count) = lines_of(x.layout(), axes)?;
    let last = x.with_layout(layout).try_contiguous()?;
    let lines = last.as_slice().unwrap_or(&[]);
    Tensor::try_build(x.shape().reduced(axes, true), |out| {
        for_each_chunk(out, 1, count, |line, to| to[0] = f(&lines[line * count..][..count]));
    })
}

/// The layout with `axes` as its last, and how many elements there are along them.
fn lines_of(layout: &Layout, axes: &[usize]) -> Result<(Layout, usize), ShapeError> {
    let kept = (0..layout.shape().len()).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    Ok((layout.permute(&order)?, axes.iter().map(|&axis| layout.shape()[axis]).product()))
}
