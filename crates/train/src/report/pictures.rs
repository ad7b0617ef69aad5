//! Rows of tensors as pictures.

use wengert_report::Image;
use wengert_tensor::{Float, Tensor};

/// The pictures that the rows of a tensor are.
pub(super) struct Pictures {
    width: usize,
    height: usize,
    channels: usize,
    rows: Vec<Vec<f64>>,
}

impl Pictures {
    /// Those of some rows of `[n, h, w]`, `[n, 1 or 3, h, w]`, or `[n, s·s]`; none of other shapes.
    pub(super) fn of<T: Float>(tensor: &Tensor<T>, rows: impl IntoIterator<Item = usize>) -> Option<Self> {
        let (height, width, channels) = match tensor.shape()[..] {
            [_, pixels] => (pixels.isqrt(), pixels.isqrt(), 1),
            [_, height, width] => (height, width, 1),
            [_, channels @ (1 | 3), height, width] => (height, width, channels),
            _ => return None,
        };
        let whole = height * width * channels;
        if whole == 0 || whole * tensor.shape()[0] != tensor.count() {
            return None;
        }
        let row = |i: usize| tensor.select(0, i as isize).iter().map(T::to_f64).collect();
        Some(Self { width, height, channels, rows: rows.into_iter().map(row).collect() })
    }

    /// Whether they have colours.
    pub(super) fn coloured(&self) -> bool {
        self.channels == 3
    }

    /// As pictures of one brightness: black is the smallest number of all, white the largest.
    pub(super) fn grey(&self) -> Vec<Image> {
        let finite = || self.rows.iter().flatten().copied().filter(|v| v.is_finite());
        let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        self.images(|pixels| Image::grey(self.width, pixels, low, high), low, high)
    }

    /// As pictures of weights, each with its own scale.
    pub(super) fn signed(&self) -> Vec<Image> {
        let extent = |pixels: &[f64]| pixels.iter().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs()));
        let largest = self.rows.iter().map(|row| extent(row)).fold(0.0, f64::max);
        self.images(|pixels| Image::signed(self.width, pixels, extent(pixels)), -largest, largest)
    }

    fn images(&self, one: impl Fn(&[f64]) -> Image, low: f64, high: f64) -> Vec<Image> {
        let level = |v: f64| (255.0 * (v - low) / (high - low)).round() as u8;
        let image = |row: &Vec<f64>| {
            if self.channels == 1 {
                return one(row);
            }
            let plane = self.width * self.height;
            Image::rgb(self.width, (0..plane).flat_map(|i| [0, 1, 2].map(|c| level(row[c * plane + i]))).collect())
        };
        self.rows.iter().map(image).collect()
    }
}
