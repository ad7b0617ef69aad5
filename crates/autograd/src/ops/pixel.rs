//! Channels that become pixels, and back.

use wengert_tensor::{Float, Shape};

use crate::Var;

impl<T: Float> Var<'_, T> {
    /// Images `[…, channels·factor², height, width]` with the channels of a pixel spread over a
    /// square of pixels, `[…, channels, height·factor, width·factor]`: Shi et al., "Real-time
    /// single image and video super-resolution" (2016), equation 4.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[[1.0]], [[2.0]], [[3.0]], [[4.0]]]);
    /// assert_eq!(x.pixel_shuffle(2).value(), tensor![[[1.0, 2.0], [3.0, 4.0]]]);
    /// ```
    /// # Panics
    /// If there are fewer than three axes, or `factor`² does not divide the channels.
    #[track_caller]
    pub fn pixel_shuffle(self, factor: usize) -> Self {
        let shape = self.shape();
        let [batch @ .., channels, height, width] = &shape[..] else {
            panic!("pixel_shuffle: shape {shape} is not […, channels, height, width]")
        };
        let square = factor.checked_mul(factor).filter(|square| *square > 0 && channels.is_multiple_of(*square));
        let Some(square) = square else {
            panic!("pixel_shuffle: {channels} channels of {shape} are not squares of {factor} by {factor}")
        };
        let sizes = [channels / square, factor, factor, *height, *width];
        self.regrouped(batch, sizes, [0, 3, 1, 4, 2], [channels / square, height * factor, width * factor])
    }

    /// The inverse of [`Var::pixel_shuffle`]: the pixels of each square become channels of one.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[[1.0, 2.0], [3.0, 4.0]]]);
    /// assert_eq!(x.pixel_unshuffle(2).value(), tensor![[[1.0]], [[2.0]], [[3.0]], [[4.0]]]);
    /// ```
    /// # Panics
    /// If there are fewer than three axes, or `factor` does not divide the last two.
    #[track_caller]
    pub fn pixel_unshuffle(self, factor: usize) -> Self {
        let shape = self.shape();
        let [batch @ .., channels, height, width] = &shape[..] else {
            panic!("pixel_unshuffle: shape {shape} is not […, channels, height, width]")
        };
        let fits = factor > 0 && height.is_multiple_of(factor) && width.is_multiple_of(factor);
        assert!(fits, "pixel_unshuffle: the last axes of {shape} are not squares of {factor} by {factor}");
        let (rows, columns) = (height / factor, width / factor);
        let sizes = [*channels, rows, factor, columns, factor];
        self.regrouped(batch, sizes, [0, 2, 4, 1, 3], [channels * factor * factor, rows, columns])
    }

    /// The last axes as `sizes`, in this order, and then as `merged`.
    #[track_caller]
    fn regrouped(self, batch: &[usize], sizes: [usize; 5], order: [usize; 5], merged: [usize; 3]) -> Self {
        let after = |sizes: &[usize]| -> Shape { batch.iter().chain(sizes).copied().collect() };
        let order = (0..batch.len()).chain(order.map(|axis| batch.len() + axis)).collect();
        self.reshape(after(&sizes)).permuted(order).reshape(after(&merged))
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers};

    #[test]
    fn derivatives() {
        gradients(|[x]| x.pixel_shuffle(2).square(), [numbers(&[2, 8, 1, 3])]);
        gradients(|[x]| x.pixel_unshuffle(3).square(), [numbers(&[2, 3, 6])]);
    }

    #[test]
    fn one_undoes_the_other() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::range(0.0..96.0).reshape([2, 12, 1, 4]));
        let y = x.pixel_shuffle(2);
        assert_eq!(y.shape(), [2, 3, 2, 8]);
        assert_eq!(y.value().at([1, 2, 1, 5]), x.value().at([1, 2 * 4 + 2 + 1, 0, 2]));
        assert_eq!(y.pixel_unshuffle(2).value(), x.value());
        assert_eq!(tape.var(Tensor::zeros([0, 4, 2, 2])).pixel_shuffle(2).value(), Tensor::zeros([0, 1, 4, 4]));
        assert_eq!(tape.var(tensor![[[1.0]]]).pixel_shuffle(1).value(), tensor![[[1.0]]]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3, 2, 2]));
        assert_eq!(
            message_of(|| _ = x.pixel_shuffle(2)),
            "pixel_shuffle: 3 channels of [3, 2, 2] are not squares of 2 by 2"
        );
        assert!(message_of(|| _ = x.pixel_shuffle(0)).starts_with("pixel_shuffle: 3 channels"));
        assert!(message_of(|| _ = x.select(0, 0).pixel_shuffle(1)).starts_with("pixel_shuffle: shape [2, 2] is not"));
        assert_eq!(
            message_of(|| _ = x.pixel_unshuffle(4)),
            "pixel_unshuffle: the last axes of [3, 2, 2] are not squares of 4 by 4"
        );
    }
}
