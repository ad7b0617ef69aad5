//! The sum of products over an image, a kernel and an output is linear in each of the three, and what is
//! linear in two of them is the cotangent of the third: a convolution gives any of the three from the two
//! others, and so do its derivatives, of any order.

use wengert_tensor::kernel::conv::Convolution;
use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use crate::{Cotangents, Lowering, Op, Var};

/// How the kernel moves over the last two axes.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) groups: usize,
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
}

/// Images `[batch, channels, …]`, kernels `[outputs, channels / groups, …]` or outputs `[batch, outputs,
/// …]`, of two axes each.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    Image,
    Kernel,
    Output,
}

/// One of the three, with last axes of this size, from the two others in their order.
#[derive(Clone, Copy)]
pub(super) struct Convolve {
    pub(super) gives: Part,
    pub(super) size: [usize; 2],
    pub(super) steps: Steps,
}

impl Convolve {
    /// What it is given.
    fn given(&self) -> [Part; 2] {
        match self.gives {
            Part::Image => [Part::Kernel, Part::Output],
            Part::Kernel => [Part::Image, Part::Output],
            Part::Output => [Part::Image, Part::Kernel],
        }
    }

    /// The shape of the result.
    pub(super) fn result(&self, a: &[usize], b: &[usize]) -> Shape {
        let ([rows, columns], groups) = (self.size, self.steps.groups);
        match self.gives {
            Part::Image => [b[0], a[1] * groups, rows, columns].into(),
            Part::Kernel => [b[1], a[1] / groups, rows, columns].into(),
            Part::Output => [a[0], b[0], rows, columns].into(),
        }
    }

    fn sizes(&self, a: &[usize], b: &[usize]) -> Convolution {
        let result = self.result(a, b);
        let [x, w, y] = match self.gives {
            Part::Image => [&result[..], a, b],
            Part::Kernel => [a, &result, b],
            Part::Output => [a, b, &result],
        };
        let Steps { groups, stride, padding, dilation } = self.steps;
        let (batch, inputs, outputs) = (x[0], w[1], w[0] / groups);
        let (image, kernel, output) = (last(x), last(w), last(y));
        Convolution { batch, groups, inputs, outputs, image, kernel, output, stride, padding, dilation }
    }
}

fn last(shape: &[usize]) -> [usize; 2] {
    [shape[2], shape[3]]
}

impl Op for Convolve {
    crate::op::compiled_here!(Convolve);
    fn name(&self) -> &'static str {
        match self.gives {
            Part::Image => "conv_to_image",
            Part::Kernel => "conv_to_kernel",
            Part::Output => "conv",
        }
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let shape = self.result(x[0], x[1]);
        shape.checked_count().map(|_| shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| {
            let (sizes, shape) = (self.sizes(x[0].shape(), x[1].shape()), self.result(x[0].shape(), x[1].shape()));
            let (a, b) = (x[0].contiguous(), x[1].contiguous());
            let (a, b) = (a.as_slice().expect("contiguous"), b.as_slice().expect("contiguous"));
            Tensor::build(shape, |out| match self.gives {
                Part::Image => sizes.input(b, a, out),
                Part::Kernel => sizes.weight(a, b, out),
                Part::Output => sizes.forward(a, b, out),
            })
        })
    }
    fn flops(&self, x: &[&Shape]) -> f64 {
        let sizes = self.sizes(x[0], x[1]);
        let channels = sizes.batch * sizes.groups * sizes.inputs * sizes.outputs;
        let elements = sizes.kernel.iter().chain(&sizes.output).product::<usize>();
        2.0 * channels as f64 * elements as f64
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let cotangent = |i: usize| {
            let op = Convolve { gives: self.given()[i], size: last(&x[i].shape()), ..*self };
            let given = |part: Part| if part == self.gives { g } else { x[1 - i] };
            let [a, b] = op.given();
            g.tape().record(op, &[given(a), given(b)])
        };
        [cotangent(0), cotangent(1)].into()
    }
}
