//! The three kernels of convolutions: the sum of products over an image, a kernel and an output is
//! linear in each, and what is linear in two of them is the cotangent of the third. So the
//! derivatives of each are the two others, to any order.

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

impl Steps {
    /// For images `[batch, channels, …]`, kernels `[outputs, channels / groups, …]` and outputs
    /// `[batch, outputs, …]`, of two axes each.
    fn sizes(&self, x: &[usize], w: &[usize], y: &[usize]) -> Convolution {
        let last = |shape: &[usize]| [shape[2], shape[3]];
        let &Steps { groups, stride, padding, dilation } = self;
        let [image, kernel, output] = [x, w, y].map(last);
        let (batch, inputs, outputs) = (x[0], w[1], w[0] / groups);
        Convolution { batch, groups, inputs, outputs, image, kernel, output, stride, padding, dilation }
    }
}

/// A tensor of this shape from two in row-major order.
fn build<T: Float>(x: &[Tensor<T>], shape: Shape, f: impl FnOnce(&[T], &[T], &mut [T])) -> Tensor<T> {
    let [a, b] = [0, 1].map(|i| x[i].contiguous());
    let [a, b] = [&a, &b].map(|x| x.as_slice().expect("it is contiguous"));
    Tensor::build(shape, |out| f(a, b, out))
}

fn flops(sizes: &Convolution) -> f64 {
    let channels = sizes.batch * sizes.groups * sizes.inputs * sizes.outputs;
    let elements = sizes.kernel.iter().chain(&sizes.output).product::<usize>();
    2.0 * channels as f64 * elements as f64
}

/// Of an image and a kernel: the output, of this size.
#[derive(Clone)]
pub(super) struct Convolve {
    pub(super) steps: Steps,
    pub(super) output: [usize; 2],
}

impl Convolve {
    fn result(&self, x: &[usize], w: &[usize]) -> Shape {
        [x[0], w[0], self.output[0], self.output[1]].into()
    }
}

impl Op for Convolve {
    crate::op::compiled_here!(Convolve);
    fn name(&self) -> &'static str {
        "conv"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let shape = self.result(x[0], x[1]);
        shape.checked_count().map(|_| shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| {
            let shape = self.result(x[0].shape(), x[1].shape());
            let sizes = self.steps.sizes(x[0].shape(), x[1].shape(), &shape);
            build(x, shape, |x, w, y| sizes.forward(x, w, y))
        })
    }
    fn flops(&self, x: &[&Shape]) -> f64 {
        flops(&self.steps.sizes(x[0], x[1], &self.result(x[0], x[1])))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let (steps, last) = (self.steps, |x: Var<'t, T>| [x.shape()[2], x.shape()[3]]);
        let to_image = ToImage { steps, image: last(x[0]) };
        let to_kernel = ToKernel { steps, kernel: last(x[1]) };
        [g.tape().record(to_image, &[g, x[1]]), g.tape().record(to_kernel, &[x[0], g])].into()
    }
}

/// Of an output and a kernel: the image, of this size.
#[derive(Clone)]
pub(super) struct ToImage {
    pub(super) steps: Steps,
    pub(super) image: [usize; 2],
}

impl ToImage {
    fn result(&self, y: &[usize], w: &[usize]) -> Shape {
        [y[0], w[1] * self.steps.groups, self.image[0], self.image[1]].into()
    }
}

impl Op for ToImage {
    crate::op::compiled_here!(ToImage);
    fn name(&self) -> &'static str {
        "conv_to_image"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let shape = self.result(x[0], x[1]);
        shape.checked_count().map(|_| shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| {
            let shape = self.result(x[0].shape(), x[1].shape());
            let sizes = self.steps.sizes(&shape, x[1].shape(), x[0].shape());
            build(x, shape, |y, w, x| sizes.input(y, w, x))
        })
    }
    fn flops(&self, x: &[&Shape]) -> f64 {
        flops(&self.steps.sizes(&self.result(x[0], x[1]), x[1], x[0]))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let (steps, last) = (self.steps, |x: Var<'t, T>| [x.shape()[2], x.shape()[3]]);
        let convolve = Convolve { steps, output: last(x[0]) };
        let to_kernel = ToKernel { steps, kernel: last(x[1]) };
        [g.tape().record(convolve, &[g, x[1]]), g.tape().record(to_kernel, &[g, x[0]])].into()
    }
}

/// Of an image and an output: the kernel, of this size.
#[derive(Clone)]
struct ToKernel {
    steps: Steps,
    kernel: [usize; 2],
}

impl ToKernel {
    fn result(&self, x: &[usize], y: &[usize]) -> Shape {
        [y[1], x[1] / self.steps.groups, self.kernel[0], self.kernel[1]].into()
    }
}

impl Op for ToKernel {
    crate::op::compiled_here!(ToKernel);
    fn name(&self) -> &'static str {
        "conv_to_kernel"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let shape = self.result(x[0], x[1]);
        shape.checked_count().map(|_| shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| {
            let shape = self.result(x[0].shape(), x[1].shape());
            let sizes = self.steps.sizes(x[0].shape(), &shape, x[1].shape());
            build(x, shape, |x, y, w| sizes.weight(x, y, w))
        })
    }
    fn flops(&self, x: &[&Shape]) -> f64 {
        flops(&self.steps.sizes(x[0], &self.result(x[0], x[1]), x[1]))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let (steps, last) = (self.steps, |x: Var<'t, T>| [x.shape()[2], x.shape()[3]]);
        let to_image = ToImage { steps, image: last(x[0]) };
        let convolve = Convolve { steps, output: last(x[1]) };
        [g.tape().record(to_image, &[x[1], g]), g.tape().record(convolve, &[x[0], g])].into()
    }
}
