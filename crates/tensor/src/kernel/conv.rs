//! Convolutions of images, and both of their gradients, for any stride, padding, dilation and
//! number of groups.
//!
//! No windows are laid out in memory. A convolution is a product whose left operand is read where it
//! is, in a copy of one image with its padding (`padded`): row and term of an element are two
//! offsets, and an element is broadcast to a vector of output channels, which the inner kernel of
//! `matmul` multiplies with packed weights (`gather`). Terms that lie in the padding of a whole tile are
//! left out (`terms`). The gradient with respect to the image is the same with other offsets, one product
//! for each position within a stride (`along`); that with respect to the weights exchanges the two lists
//! of offsets (`weight`). Groups of very few channels would leave most of a vector empty: their vectors
//! go along all places of an output (`direct`), or, in small images of which each channel is convolved by
//! itself, hold a place of several channels (`depthwise`). Weights that meet few places are the left
//! operand, which is not packed (`flat`).

mod along;
mod depthwise;
mod direct;
mod flat;
mod gather;
mod padded;
mod terms;
mod weight;

use super::isa::{Isa, multiversion};
use super::matmul::{BatchOffsets, Mat, matmul};
use crate::Float;
use flat::Flat;
use terms::Outside;

/// The sizes of a convolution of `x [batch, groups · inputs, image…]` with `w [groups · outputs,
/// inputs, kernel…]` to `y [batch, groups · outputs, output…]`, all row-major:
///
/// `y[n, o, i, j] = Σ w[o, c, a, b] · x[n, c, i·stride + a·dilation − padding, j·… + b·… − …]`
///
/// over the input channels `c` of the group of `o` and the elements `a, b` of the kernel, where `x`
/// is 0 outside of the image, so that an infinite weight makes NaN of it there. In the sums of both
/// gradients are only products within the image.
///
/// ```
/// use wengert_tensor::kernel::conv::Convolution;
/// let sizes = Convolution {
///     batch: 1, groups: 1, inputs: 1, outputs: 1, image: [1, 4], kernel: [1, 2], output: [1, 3],
///     stride: [1, 1], padding: [0, 0], dilation: [1, 1],
/// };
/// let mut y = [0.0; 3];
/// sizes.forward(&[1.0, 2.0, 4.0, 8.0], &[-1.0, 1.0], &mut y);
/// assert_eq!(y, [1.0, 2.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// The number of images.
    pub batch: usize,
    /// The number of groups of channels, each of which is convolved by itself.
    pub groups: usize,
    /// The input channels of a group.
    pub inputs: usize,
    /// The output channels of a group.
    pub outputs: usize,
    /// The rows and columns of the input.
    pub image: [usize; 2],
    /// The rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// The rows and columns of the output.
    pub output: [usize; 2],
    /// From one position of the kernel to the next.
    pub stride: [usize; 2],
    /// Zeros before the image.
    pub padding: [usize; 2],
    /// From one element of the kernel to the next.
    pub dilation: [usize; 2],
}

impl Convolution {
    /// `y`, given `x` and `w`.
    ///
    /// # Panics
    /// If a slice has not the size that the numbers say, a stride or dilation is 0, or no memory holds the padded
    /// image.
    pub fn forward<T: Float>(&self, x: &[T], w: &[T], y: &mut [T]) {
        self.check(x.len(), w.len(), y.len());
        match () {
            _ if y.is_empty() => {}
            _ if w.is_empty() => y.fill(T::ZERO),
            _ if self.is_whole() => {
                let [a, b] = [Mat::row_major(x, self.terms()), Mat::row_major(w, self.terms()).transposed()];
                matmul(1, self.batch, self.terms(), self.outputs, a, b, y);
            }
            _ if self.is_product() => {
                let [a, b] = [Mat::row_major(w, self.inputs), self.channels(x, self.inputs)];
                matmul(self.batch, self.outputs, self.inputs, self.places(), a, b, y);
            }
            _ if self.is_depthwise() && all_finite(w) => depthwise::sums(&Flat::forward(self), x, w, y),
            _ if self.is_slim(self.outputs, self.output[1]) => direct::sums(&Flat::forward(self), x, w, y),
            _ if self.is_few(self.output) => Flat::forward(self).products(x, w, y),
            _ if all_finite(w) => gather::forward(self, x, w, y, Outside::Any),
            _ => gather::forward(self, x, w, y, Outside::Zeros),
        }
    }

    /// The cotangent of `x`, given that of `y` and `w`: the transposed convolution.
    ///
    /// # Panics
    /// As [`Convolution::forward`].
    pub fn input<T: Float>(&self, g: &[T], w: &[T], x: &mut [T]) {
        self.check(x.len(), w.len(), g.len());
        match () {
            _ if x.is_empty() => {}
            _ if w.is_empty() || g.is_empty() => x.fill(T::ZERO),
            _ if self.is_whole() => {
                let [a, b] = [Mat::row_major(g, self.outputs), Mat::row_major(w, self.terms())];
                matmul(1, self.batch, self.outputs, self.terms(), a, b, x);
            }
            _ if self.is_product() => {
                let [a, b] = [Mat::row_major(w, self.inputs).transposed(), self.channels(g, self.outputs)];
                matmul(self.batch, self.inputs, self.outputs, self.places(), a, b, x);
            }
            _ if !all_finite(w) => gather::input(self, g, w, x, Outside::Nothing),
            _ if self.is_depthwise() => depthwise::sums(&Flat::input(self), g, w, x),
            _ if self.is_slim(self.inputs, self.image[1] / self.stride[1]) => direct::sums(&Flat::input(self), g, w, x),
            _ if self.is_few([0, 1].map(|i| self.image[i].div_ceil(self.stride[i]))) => {
                Flat::input(self).products(g, w, x);
            }
            _ => gather::input(self, g, w, x, Outside::Any),
        }
    }

    /// The cotangent of `w`, given `x` and that of `y`.
    ///
    /// # Panics
    /// As [`Convolution::forward`].
    pub fn weight<T: Float>(&self, x: &[T], g: &[T], w: &mut [T]) {
        self.check(x.len(), w.len(), g.len());
        match () {
            _ if w.is_empty() => {}
            _ if g.is_empty() => w.fill(T::ZERO),
            _ if self.is_whole() => {
                let [a, b] = [Mat::row_major(g, self.outputs).transposed(), Mat::row_major(x, self.terms())];
                matmul(1, self.outputs, self.batch, self.terms(), a, b, w);
            }
            _ if self.is_product() && self.batch == 1 => {
                let [a, b] = [Mat::row_major(g, self.places()), Mat::row_major(x, self.places()).transposed()];
                matmul(1, self.outputs, self.places(), self.inputs, a, b, w);
            }
            _ if self.is_depthwise() => depthwise::weight(self, x, g, w),
            _ if self.is_thin() => direct::weight(self, x, g, w),
            _ => weight::weight(self, x, g, w, Outside::Any),
        }
        if w.iter().any(|w| w.is_nan()) && !(all_finite(x) && all_finite(g)) {
            weight::weight(self, x, g, w, Outside::Nothing);
        }
    }

    fn check(&self, x: usize, w: usize, y: usize) {
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        let channels = [self.inputs * self.groups, self.outputs * self.groups];
        assert_eq!(x, product(&[self.batch, channels[0], product(&self.image)]), "conv: elements of x for {self:?}");
        assert_eq!(w, product(&[channels[1], self.inputs, self.taps()]), "conv: elements of w for {self:?}");
        assert_eq!(y, product(&[self.batch, channels[1], self.places()]), "conv: elements of y for {self:?}");
        assert!(!self.stride.contains(&0) && !self.dilation.contains(&0), "conv: a step of 0 in {self:?}");
        // In floating point nothing overflows; a few times what any method pads an image to.
        let side = |i: usize| {
            let [out, kernel] =
                [self.output[i] as f64 * self.stride[i] as f64, self.kernel[i] as f64 * self.dilation[i] as f64];
            out + kernel + self.image[i] as f64 + 2.0 * self.padding[i] as f64 + self.stride[i] as f64
        };
        let padded = side(0) * side(1) * (self.inputs + self.outputs).max(1) as f64;
        assert!(padded < (isize::MAX >> 8) as f64, "conv: no memory holds the padded image of {self:?}");
    }

    /// Elements of a kernel of one channel.
    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Elements of an output of one channel.
    fn places(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Elements of an image of one channel.
    fn pixels(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// The rows and columns that the kernel reaches, with padding.
    fn reach(&self) -> [usize; 2] {
        [0, 1]
            .map(|i| (self.output[i].max(1) - 1) * self.stride[i] + (self.kernel[i].max(1) - 1) * self.dilation[i] + 1)
    }

    /// Products that an output is the sum of.
    fn terms(&self) -> usize {
        self.inputs * self.taps()
    }

    /// Whether the kernel covers the image, so that it is one matrix product for all images.
    fn is_whole(&self) -> bool {
        self.groups == 1
            && self.kernel == self.image
            && self.output == [1, 1]
            && self.padding == [0, 0]
            && (self.dilation == [1, 1] || self.kernel == [1, 1])
    }

    /// Whether it is one matrix product an image.
    fn is_product(&self) -> bool {
        self.groups == 1
            && self.kernel == [1, 1]
            && self.stride == [1, 1]
            && self.padding == [0, 0]
            && self.image == self.output
    }

    /// Whether groups have so few channels that vectors had better go along the image.
    fn is_thin(&self) -> bool {
        self.inputs.max(self.outputs) <= 2
    }

    /// The same if so many are written, in rows of so many elements.
    fn is_slim(&self, written: usize, row: usize) -> bool {
        let read = self.inputs + self.outputs - written;
        let few = read == 1 || read * self.taps() <= 32 || self.inputs.max(self.outputs) <= 8;
        self.is_thin() || row >= 12 && (written <= 3 || few && written >= direct::TOGETHER)
    }

    /// Whether each channel is convolved by itself, and images are so small that vectors had better hold channels.
    fn is_depthwise(&self) -> bool {
        // With more terms, larger ones pay for being brought into this order.
        let most = depthwise::PLACES_AT_MOST * if self.taps() < 16 { 1 } else { 4 };
        let [rows, cols] = self.reach();
        self.inputs == 1
            && self.outputs == 1
            && self.groups >= 8
            && self.pixels().min(self.places()) > 0
            && self.pixels().max(self.places()) <= most
            && rows * cols <= 4 * most
    }

    /// Whether each weight of one group meets so few places, in these rows and columns, that packing the weights
    /// would take long.
    fn is_few(&self, [rows, cols]: [usize; 2]) -> bool {
        let with_gaps = rows * (cols + (self.kernel[1].max(1) - 1) * self.dilation[1] / self.stride[1]);
        self.groups == 1
            && self.batch <= 2
            && self.batch * rows * cols <= flat::FEW
            && self.batch * with_gaps <= 2 * flat::FEW
    }

    /// Images as matrices of channels and places.
    fn channels<'a, T>(&self, images: &'a [T], channels: usize) -> Mat<'a, T> {
        let rows = Mat::row_major(images, self.pixels());
        Mat { batch: BatchOffsets::Stride((channels * self.pixels()) as isize), ..rows }
    }
}

/// Whether the products of all elements with zero are zero.
fn all_finite<T: Float>(x: &[T]) -> bool {
    let mut finite = true;
    // SAFETY: the instruction set is this machine's.
    unsafe { and_finite(Isa::get(), x, &mut finite) };
    finite
}

multiversion! {
    /// # Safety
    /// None.
    unsafe fn and_finite[T: Float](x: &[T], finite: &mut bool) {
        *finite &= x.chunks(1024).all(|x| x.iter().fold(true, |all, x| all & x.is_finite()));
    }
}

#[cfg(test)]
mod tests;
