//! Two pairs of kernels over the windows of images, each of which is the adjoint of the other: sums of windows and
//! what is spread over them, and what is taken from the place of a largest element and what is put there. The
//! places are found again by each from the input itself, whose derivative at a fixed choice is nothing more.

use wengert_tensor::kernel::pool::Windows;
use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use crate::{Cotangents, Lowering, Op, Var};

/// The shape with other sizes of the last two axes.
fn with_last(shape: &Shape, last: [usize; 2]) -> Result<Shape, ShapeError> {
    let mut shape = shape.clone();
    let rank = shape.len();
    shape.sizes_mut()[rank - 2..].copy_from_slice(&last);
    shape.checked_count().map(|_| shape)
}

pub(super) fn counts(Windows([rows, columns]): &Windows) -> [usize; 2] {
    [rows.count, columns.count]
}

fn lengths(Windows([rows, columns]): &Windows) -> [usize; 2] {
    [rows.length, columns.length]
}

/// The first input where the largest element of each window of the second is.
#[derive(Clone)]
pub(super) struct TakeLargest(pub(super) Windows);

/// The first input put where the largest element of its window of the second is.
#[derive(Clone)]
struct PutLargest(Windows);

/// The sum of each window.
#[derive(Clone)]
pub(super) struct SumWindows(pub(super) Windows);

/// Elements added to everything in their window.
#[derive(Clone)]
struct SpreadWindows(Windows);

/// A kernel over the windows of the last two axes, from inputs in row-major order; its adjoint.
macro_rules! pooling {
    ($op:ident, $name:literal, $sizes:ident, $run:ident($($x:ident),*), $adjoint:ident) => {
        impl Op for $op {
            crate::op::compiled_here!($op);
            fn name(&self) -> &'static str {
                $name
            }
            fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
                with_last(x[0], $sizes(&self.0))
            }
            fn lower<T: Float>(&self) -> Lowering<'_, T> {
                Lowering::kernel(|x: &[Tensor<T>]| {
                    let shape = self.shape(&[x[0].shape()]).expect("checked when recorded");
                    let [$($x),*] = x else { unreachable!("recorded with its inputs") };
                    $(let $x = $x.contiguous();)*
                    Tensor::build(shape, |out| self.0.$run($($x.as_slice().expect("contiguous"),)* out))
                })
            }
            fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
                // The choice of the largest element has no derivative.
                let mut inputs = x.to_vec();
                inputs[0] = g;
                let mut cotangents = Cotangents::none(x.len());
                cotangents.0[0] = Some(g.tape().record($adjoint(self.0), &inputs));
                cotangents
            }
        }
    };
}
pooling!(TakeLargest, "take_largest", counts, take_largest(from, x), PutLargest);
pooling!(PutLargest, "put_largest", lengths, put_largest(g, x), TakeLargest);
pooling!(SumWindows, "sum_windows", counts, sum(x), SpreadWindows);
pooling!(SpreadWindows, "spread_windows", lengths, spread(g), SumWindows);
