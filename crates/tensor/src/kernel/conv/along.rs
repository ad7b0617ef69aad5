//! Which places of the output each pixel of the image meets, along one axis: pixel `u` (with padding)
//! and element `a` of the kernel meet in place `(u − a·dilation) / stride`, if that is a whole number.
//! So for each remainder of `u` there is a sum of its own over the elements that have it too.

use super::Convolution;
use super::padded::Frame;

/// Where places lie in zeros, and the pixels along both axes for each position within a stride.
pub(super) fn parts(conv: &Convolution) -> (Frame, Vec<[Part; 2]>) {
    let along = [0, 1].map(|i| Along::new(conv, i));
    let frame = Frame {
        from: conv.output,
        size: [0, 1].map(|i| along[i].zeros + along[i].places.max(conv.output[i])),
        corner: along.each_ref().map(|along| along.zeros),
        apart: [1, 1],
    };
    let positions = |i: usize| 0..conv.stride[i].min(conv.image[i]);
    let both = positions(0).flat_map(|r| positions(1).map(move |s| [r, s]));
    (frame, both.map(|[r, s]| [along[0].part(r), along[1].part(s)]).collect())
}

/// What the gradient with respect to the image needs to know of one axis.
struct Along {
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
    fn new(conv: &Convolution, i: usize) -> Self {
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

    /// The pixels `pixel`, `pixel + stride` … of the image.
    fn part(&self, pixel: usize) -> Part {
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
