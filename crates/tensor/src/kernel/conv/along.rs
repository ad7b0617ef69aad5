//! Which places of the output each pixel of the image meets, along one axis: pixel `u` (with padding)
//! and element `a` of the kernel meet in place `(u − a·dilation) / stride`, if that is a whole number.
//! So for each remainder of `u` there is a sum of its own over the elements that have it too.

use super::Convolution;
use super::padded::Frame;

/// What the gradient with respect to the image needs to know of one axis.
pub(super) struct Along {
    image: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
    /// Zeros before the places, for elements that reach before the first.
    zeros: usize,
    /// Places that are read, with those behind the last.
    places: usize,
}

/// The pixels of one remainder.
pub(super) struct Part {
    /// The first of them, and how many there are, one stride apart.
    pub(super) pixel: usize,
    pub(super) count: usize,
    /// The first place, in a padded image, that the first pixel could meet.
    pub(super) first: usize,
    /// Elements of the kernel, and how many places after `first` the first pixel meets each.
    pub(super) taps: Vec<(usize, usize)>,
}

impl Along {
    pub(super) fn new(conv: &Convolution, i: usize) -> Self {
        let (stride, dilation) = (conv.stride[i], conv.dilation[i]);
        let zeros = (conv.kernel[i].max(1) - 1) * dilation / stride;
        let places = (conv.image[i] + conv.padding[i]) / stride + 1;
        Along {
            image: conv.image[i],
            kernel: conv.kernel[i],
            stride,
            dilation,
            padding: conv.padding[i],
            zeros,
            places,
        }
    }

    /// Where the places lie in zeros, given both axes.
    pub(super) fn frame(conv: &Convolution, along: &[Along; 2]) -> Frame {
        Frame {
            from: conv.output,
            size: [0, 1].map(|i| along[i].zeros + along[i].places.max(conv.output[i])),
            corner: along.each_ref().map(|along| along.zeros),
            apart: 1,
        }
    }

    /// The pixels `pixel`, `pixel + stride` … of the image.
    pub(super) fn part(&self, pixel: usize) -> Part {
        let u = pixel + self.padding;
        let (place, remainder) = (u / self.stride, u % self.stride);
        let meets = |a: &usize| a * self.dilation % self.stride == remainder;
        // Element `a` meets place `u/stride − a·dilation/stride`, both without remainder.
        let at = |a: usize| (a, self.zeros - a * self.dilation / self.stride);
        Part {
            pixel,
            count: (self.image - pixel).div_ceil(self.stride),
            first: place,
            taps: (0..self.kernel).filter(meets).map(at).collect(),
        }
    }
}
