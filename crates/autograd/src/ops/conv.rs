//! Convolutions of signals and images, and their adjoints.

use wengert_tensor::{Float, Shape};

use super::addressed;
use super::convolve::{Convolve, Part, Steps};
use crate::{Operand, Var};

/// How the kernel of a convolution over `D` axes moves: by default one step at a time, without
/// padding, over all channels.
///
/// ```
/// use wengert_autograd::Conv;
/// let options = Conv::<2>::new().stride(2).padding([1, 0]);
/// assert_eq!((options.stride, options.padding), ([2, 2], [1, 0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv<const D: usize> {
    /// From one position of the kernel to the next.
    pub stride: [usize; D],
    /// Zeros before and after the input.
    pub padding: [usize; D],
    /// From one element of the kernel to the next.
    pub dilation: [usize; D],
    /// Into how many groups the channels are split, each of which is convolved by itself.
    pub groups: usize,
    /// How much longer the output of a transposed convolution is, at its end.
    pub output_padding: [usize; D],
}

/// A number for every axis, or one for all.
pub trait PerAxis<const D: usize> {
    /// A number for every axis.
    fn per_axis(self) -> [usize; D];
}

impl<const D: usize> PerAxis<D> for usize {
    fn per_axis(self) -> [usize; D] {
        [self; D]
    }
}

impl<const D: usize> PerAxis<D> for [usize; D] {
    fn per_axis(self) -> [usize; D] {
        self
    }
}

impl<const D: usize> Default for Conv<D> {
    fn default() -> Self {
        Self { stride: [1; D], padding: [0; D], dilation: [1; D], groups: 1, output_padding: [0; D] }
    }
}

impl<const D: usize> Conv<D> {
    /// One step at a time, without padding, over all channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this step, for each axis or for all.
    pub fn stride(self, stride: impl PerAxis<D>) -> Self {
        Self { stride: stride.per_axis(), ..self }
    }

    /// With so many zeros before and after the input.
    pub fn padding(self, padding: impl PerAxis<D>) -> Self {
        Self { padding: padding.per_axis(), ..self }
    }

    /// With this step between the elements of the kernel.
    pub fn dilation(self, dilation: impl PerAxis<D>) -> Self {
        Self { dilation: dilation.per_axis(), ..self }
    }

    /// With the channels in so many groups.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With a longer output of the transposed convolution.
    pub fn output_padding(self, output_padding: impl PerAxis<D>) -> Self {
        Self { output_padding: output_padding.per_axis(), ..self }
    }

    /// The same for images, a signal being one of one row.
    fn steps(&self) -> Steps {
        let image = |own: [usize; D], other| {
            let mut all = [other; 2];
            all[2 - D..].copy_from_slice(&own);
            all
        };
        let [stride, dilation] = [self.stride, self.dilation].map(|own| image(own, 1));
        Steps { groups: self.groups, stride, padding: image(self.padding, 0), dilation }
    }

    /// The extents of a kernel of these sizes, or why it does not fit.
    fn extents(&self, x: &Shape, w: &Shape, channels: usize) -> Result<[usize; D], String> {
        if x.len() != D + 2 || w.len() != D + 2 {
            return Err(format!("both need {} axes", D + 2));
        }
        if self.groups == 0 || !x[1].is_multiple_of(self.groups) || !w[0].is_multiple_of(self.groups) {
            return Err(format!("{} groups do not divide the channels", self.groups));
        }
        if x[1] != channels {
            return Err(format!("the input has {} channels, the kernel takes {channels}", x[1]));
        }
        if self.stride.contains(&0) || self.dilation.contains(&0) || w[2..].contains(&0) {
            return Err(format!(
                "stride {:?}, dilation {:?} and kernel {:?} must not be 0",
                self.stride,
                self.dilation,
                &w[2..]
            ));
        }
        let mut extents = [0; D];
        for (i, extent) in extents.iter_mut().enumerate() {
            let reach = (w[2 + i] - 1).checked_mul(self.dilation[i]).and_then(|reach| reach.checked_add(1));
            // Half of what an `isize` holds: sums of two of them are safe.
            let fits = |n: usize| n <= isize::MAX as usize / 8;
            *extent = reach.filter(|&reach| fits(reach)).ok_or("the kernel is too large")?;
            if ![self.stride[i], self.padding[i], self.output_padding[i]].into_iter().all(fits) {
                return Err("stride or padding is too large".to_owned());
            }
        }
        Ok(extents)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The convolution (cross-correlation) of signals `[batch, channels, length]` with kernels
    /// `[outputs, channels / groups, size]`.
    ///
    /// ```
    /// # use wengert_autograd::{Conv, Tape};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[[1.0, 2.0, 4.0, 8.0]]]);
    /// let difference = tensor![[[-1.0, 1.0]]];
    /// assert_eq!(x.conv1d(&difference, Conv::new()).value(), tensor![[[1.0, 2.0, 4.0]]]);
    /// ```
    /// # Panics
    /// If the channels do not match, or the kernel is larger than the padded input.
    #[track_caller]
    pub fn conv1d(self, kernel: impl Operand<'t, T>, options: Conv<1>) -> Self {
        self.conv("conv1d", kernel.on(self.tape()), options)
    }

    /// The convolution (cross-correlation) of images `[batch, channels, height, width]` with
    /// kernels `[outputs, channels / groups, height, width]`.
    ///
    /// ```
    /// # use wengert_autograd::{Conv, Tape};
    /// # use wengert_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::ones([1, 1, 4, 4]));
    /// let y = x.conv2d(&Tensor::ones([2, 1, 3, 3]), Conv::new().padding(1));
    /// assert_eq!(y.shape(), [1, 2, 4, 4]);
    /// assert_eq!((y.value().at([0, 1, 0, 0]), y.value().at([0, 0, 1, 1])), (4.0, 9.0));
    /// ```
    /// # Panics
    /// If the channels do not match, or the kernel is larger than the padded input.
    #[track_caller]
    pub fn conv2d(self, kernel: impl Operand<'t, T>, options: Conv<2>) -> Self {
        self.conv("conv2d", kernel.on(self.tape()), options)
    }

    /// The transposed convolution of signals `[batch, channels, length]` with kernels `[channels,
    /// outputs / groups, size]`: the adjoint of [`Var::conv1d`] with the same kernel.
    ///
    /// ```
    /// # use wengert_autograd::{Conv, Tape};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[[1.0, 2.0]]]);
    /// let y = x.conv_transpose1d(&tensor![[[1.0, 10.0, 100.0]]], Conv::new().stride(2));
    /// assert_eq!(y.value(), tensor![[[1.0, 10.0, 102.0, 20.0, 200.0]]]);
    /// ```
    /// # Panics
    /// If the channels do not match, or nothing is left of the output.
    #[track_caller]
    pub fn conv_transpose1d(self, kernel: impl Operand<'t, T>, options: Conv<1>) -> Self {
        self.conv_transpose("conv_transpose1d", kernel.on(self.tape()), options)
    }

    /// The transposed convolution of images `[batch, channels, height, width]` with kernels
    /// `[channels, outputs / groups, height, width]`: the adjoint of [`Var::conv2d`] with the same
    /// kernel.
    ///
    /// ```
    /// # use wengert_autograd::{Conv, Tape};
    /// # use wengert_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::ones([1, 3, 4, 4]));
    /// let y = x.conv_transpose2d(&Tensor::ones([3, 2, 2, 2]), Conv::new().stride(2));
    /// assert_eq!(y.shape(), [1, 2, 8, 8]);
    /// ```
    /// # Panics
    /// If the channels do not match, or nothing is left of the output.
    #[track_caller]
    pub fn conv_transpose2d(self, kernel: impl Operand<'t, T>, options: Conv<2>) -> Self {
        self.conv_transpose("conv_transpose2d", kernel.on(self.tape()), options)
    }

    #[track_caller]
    fn conv<const D: usize>(self, name: &str, kernel: Self, options: Conv<D>) -> Self {
        let (x, w) = (self.shape(), kernel.shape());
        let longer = options.output_padding;
        assert!(
            longer == [0; D],
            "{name}: input {x}: an output longer by {longer:?} is one of a transposed convolution"
        );
        let takes = w.get(1).map_or(0, |&own| own.saturating_mul(options.groups));
        let extents = match options.extents(&x, &w, takes) {
            Ok(extents) => extents,
            Err(error) => panic!("{name}: input {x} and kernel {w}: {error}"),
        };
        let mut output = [1; 2];
        for (i, &extent) in extents.iter().enumerate() {
            let padded = x[2 + i] + 2 * options.padding[i];
            assert!(extent <= padded, "{name}: input {x} and kernel {w}: the kernel reaches over {extent} of {padded}");
            output[2 - D + i] = (padded - extent) / options.stride[i] + 1;
        }
        let op = Convolve { gives: Part::Output, size: output, steps: options.steps() };
        self.convolved::<D>(name, op, [self, kernel])
    }

    #[track_caller]
    fn conv_transpose<const D: usize>(self, name: &str, kernel: Self, options: Conv<D>) -> Self {
        let (x, w) = (self.shape(), kernel.shape());
        let extents = match options.extents(&x, &w, w.first().copied().unwrap_or(0)) {
            Ok(extents) => extents,
            Err(error) => panic!("{name}: input {x} and kernel {w}: {error}"),
        };
        let mut image = [1; 2];
        for (i, &extent) in extents.iter().enumerate() {
            let (stride, added) = (options.stride[i], options.output_padding[i]);
            assert!(
                added < stride.max(options.dilation[i]) && x[2 + i] > 0,
                "{name}: input {x} and kernel {w}: no position of the kernel reaches an output longer by {added}"
            );
            let length = (x[2 + i] - 1).checked_mul(stride).and_then(|n| n.checked_add(extent + added));
            let length = length.and_then(|length| length.checked_sub(2 * options.padding[i])).filter(|&rest| rest > 0);
            let Some(length) = length else {
                panic!("{name}: input {x} and kernel {w}: nothing is left within padding {:?}", options.padding);
            };
            image[2 - D + i] = length;
        }
        let op = Convolve { gives: Part::Image, size: image, steps: options.steps() };
        self.convolved::<D>(name, op, [kernel, self])
    }

    #[track_caller]
    fn convolved<const D: usize>(self, name: &str, op: Convolve, given: [Self; 2]) -> Self {
        let [a, b] = [given[0].with_row::<D>(), given[1].with_row::<D>()];
        addressed(name, &op.result(&a.shape(), &b.shape()), &self.shape());
        self.tape().record(op, &[a, b]).without_row::<D>()
    }

    /// With a row for an axis of which there is none.
    #[track_caller]
    fn with_row<const D: usize>(self) -> Self {
        if D == 1 { self.unsqueeze(2) } else { self }
    }

    #[track_caller]
    fn without_row<const D: usize>(self) -> Self {
        if D == 1 { self.squeeze(2) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use super::Conv;
    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        let options = Conv::new().stride(2).padding(1).dilation(2);
        gradients(|[x, w]| x.conv1d(w, options), [numbers(&[1, 2, 7]), numbers(&[3, 2, 3])]);
        let options = Conv::new().stride([2, 1]).padding([0, 2]).dilation([1, 2]);
        gradients(|[x, w]| x.conv2d(w, options), [numbers(&[2, 1, 5, 3]), numbers(&[2, 1, 2, 3])]);
        let options = Conv::new().groups(2).padding(1);
        gradients(|[x, w]| x.conv2d(w, options), [numbers(&[1, 2, 2, 3]), numbers(&[4, 1, 3, 3])]);
        let options = Conv::new().stride(2).padding(1).output_padding(1);
        gradients(|[x, w]| x.conv_transpose1d(w, options), [numbers(&[1, 2, 3]), numbers(&[2, 2, 3])]);
        let options = Conv::new().groups(2).dilation([2, 1]).stride([1, 2]);
        gradients(|[x, w]| x.conv_transpose2d(w, options), [numbers(&[1, 2, 2, 2]), numbers(&[2, 1, 2, 2])]);
    }

    /// The definition, one product at a time.
    fn naive(x: &Tensor<f64>, w: &Tensor<f64>, o: Conv<2>) -> Tensor<f64> {
        let (xs, ws) = (x.shape().clone(), w.shape().clone());
        let size = |i: usize| (xs[2 + i] + 2 * o.padding[i] - (ws[2 + i] - 1) * o.dilation[i] - 1) / o.stride[i] + 1;
        let (h, v) = (size(0), size(1));
        let mut y = Vec::new();
        for i in 0..xs[0] * ws[0] * h * v {
            let (n, out, r, c) = (i / (ws[0] * h * v), i / (h * v) % ws[0], i / v % h, i % v);
            let group = out / (ws[0] / o.groups);
            let mut sum = 0.0;
            for k in 0..ws[1] * ws[2] * ws[3] {
                let (channel, a, b) = (k / (ws[2] * ws[3]), k / ws[3] % ws[2], k % ws[3]);
                let row = (r * o.stride[0] + a * o.dilation[0]).wrapping_sub(o.padding[0]);
                let column = (c * o.stride[1] + b * o.dilation[1]).wrapping_sub(o.padding[1]);
                if row < xs[2] && column < xs[3] {
                    sum += x.at([n, group * ws[1] + channel, row, column]) * w.at([out, channel, a, b]);
                }
            }
            y.push(sum);
        }
        Tensor::from_vec(y, [xs[0], ws[0], h, v])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn by_the_definition(
            stride in prop::array::uniform2(1usize..4), padding in prop::array::uniform2(0usize..3),
            dilation in prop::array::uniform2(1usize..3), groups in 1usize..3, kernel in prop::array::uniform2(1usize..4),
            batch in 0usize..3,
        ) {
            let options = Conv::new().stride(stride).padding(padding).dilation(dilation).groups(groups);
            let (x, w) = (numbers(&[batch, 2 * groups, 6, 5]), numbers(&[3 * groups, 2, kernel[0], kernel[1]]));
            let tape = Tape::<f64>::new();
            let (xv, wv) = (tape.var(&x), tape.var(&w));
            let y = xv.conv2d(wv, options);
            let expected = naive(&x, &w, options);
            y.value().assert_close(&expected, 1e-13, 1e-14);
            // The transposed convolution is the adjoint, where it has the input's length.
            let g = numbers(&y.shape());
            let reached = |i: usize| (y.shape()[2 + i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1;
            let rest = [0, 1].map(|i| [6, 5][i] + 2 * padding[i] - reached(i));
            if (0..2).all(|i| rest[i] < stride[i].max(dilation[i]) && batch > 0) {
                let transposed = tape.var(&g).conv_transpose2d(wv, options.output_padding(rest)).value();
                transposed.assert_close(&y.vjp(&g, [xv])[0].value(), 1e-13, 1e-14);
            }
        }
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([1, 2, 2, 2]));
        let message = |w: Tensor<f64>, options| message_of(|| _ = x.conv2d(&w, options));
        let new = Conv::new();
        assert_eq!(
            message(Tensor::zeros([1, 3, 1, 1]), new),
            "conv2d: input [1, 2, 2, 2] and kernel [1, 3, 1, 1]: the input has 2 channels, the kernel takes 3"
        );
        assert_eq!(
            message(Tensor::zeros([1, 2, 3, 3]), new),
            "conv2d: input [1, 2, 2, 2] and kernel [1, 2, 3, 3]: the kernel reaches over 3 of 2"
        );
        assert!(message(Tensor::zeros([1, 2, 1]), new).ends_with("both need 4 axes"));
        assert!(message(Tensor::zeros([3, 1, 1, 1]), new.groups(2)).ends_with("2 groups do not divide the channels"));
        assert!(message(Tensor::zeros([1, 2, 1, 1]), new.stride(0)).contains("must not be 0"));
        assert!(message(Tensor::zeros([1, 2, 2, 2]), new.dilation(usize::MAX)).ends_with("the kernel is too large"));
        let message = message_of(|| _ = x.conv_transpose2d(&tensor![0.0; [2, 1, 1, 1]], new.padding(1)));
        assert!(message.ends_with("nothing is left within padding [1, 1]"), "{message}");
    }
}
