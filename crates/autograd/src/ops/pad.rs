//! Padding: with a value, or with values of the edge.

use wengert_tensor::Float;

use super::region::{Part, Region};
use super::{addressed, room};
use crate::Var;

impl<T: Float> Var<'_, T> {
    /// With `before` and `after` more indices on each axis that hold `value`; negative numbers
    /// cut off. Where there are fewer pairs than axes, they are for the last ones.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0]);
    /// assert_eq!(x.pad(&[(-1, 2)], 0.0).value(), tensor![2.0, 3.0, 0.0, 0.0]);
    /// ```
    /// # Panics
    /// If there are more pairs than axes, or an axis is cut by more than its size.
    #[track_caller]
    pub fn pad(self, pads: &[(isize, isize)], value: f64) -> Self {
        self.padded("pad", pads, value)
    }

    #[track_caller]
    pub(super) fn padded(self, name: &str, pads: &[(isize, isize)], value: f64) -> Self {
        let shape = self.shape();
        assert!(pads.len() <= shape.len(), "{name}: {} pairs for shape {shape}", pads.len());
        let (mut kept, mut target, mut padded) = (Region::whole(&shape), Region::whole(&shape), shape.clone());
        for (axis, &(before, after)) in (shape.len() - pads.len()..).zip(pads) {
            let size = shape[axis] as isize;
            let count = size.checked_add(before.min(0)).and_then(|n| n.checked_add(after.min(0)));
            let total = size.checked_add(before).and_then(|n| n.checked_add(after));
            let (Some(count @ 0..), Some(total)) = (count, total) else {
                panic!("{name}: axis {axis} of {shape} cannot be padded by {before} and {after}");
            };
            kept.0[axis] = Part { start: (-before.min(0)) as usize, count: count as usize, step: 1 };
            target.0[axis] = Part { start: before.max(0) as usize, count: count as usize, step: 1 };
            padded.sizes_mut()[axis] = total as usize;
        }
        addressed(name, &padded, &shape);
        // An empty part lies anywhere: it need not be inside.
        kept.0.iter_mut().chain(&mut target.0).filter(|part| part.count == 0).for_each(|part| part.start = 0);
        self.cut(kept).place(target, padded, value)
    }

    /// With `before` and `after` more indices on each axis, which mirror those next to the edge
    /// without repeating it. Where there are fewer pairs than axes, they are for the last ones.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0]);
    /// assert_eq!(x.pad_reflect(&[(2, 1)]).value(), tensor![3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    /// ```
    /// # Panics
    /// If there are more pairs than axes, or an axis is not longer than its padding.
    #[track_caller]
    pub fn pad_reflect(self, pads: &[(usize, usize)]) -> Self {
        self.pad_by(
            "pad_reflect",
            pads,
            |size, (before, after)| before.max(after) < size,
            |i, size| {
                let i = i.abs();
                if i < size { i } else { 2 * (size - 1) - i }
            },
        )
    }

    /// With `before` and `after` more indices on each axis, which repeat the edge. Where there are
    /// fewer pairs than axes, they are for the last ones.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// assert_eq!(x.pad_replicate(&[(1, 2)]).value(), tensor![1.0, 1.0, 2.0, 2.0, 2.0]);
    /// ```
    /// # Panics
    /// If there are more pairs than axes, or an axis to be padded is empty.
    #[track_caller]
    pub fn pad_replicate(self, pads: &[(usize, usize)]) -> Self {
        self.pad_by("pad_replicate", pads, |size, _| size > 0, |i, size| i.clamp(0, size - 1))
    }

    /// `from(i, size)` is the index that the padded index `i`, counted from the edge, repeats.
    #[track_caller]
    fn pad_by(
        self,
        name: &str,
        pads: &[(usize, usize)],
        fits: fn(usize, (usize, usize)) -> bool,
        from: fn(i64, i64) -> i64,
    ) -> Self {
        let shape = self.shape();
        assert!(pads.len() <= shape.len(), "{name}: {} pairs for shape {shape}", pads.len());
        let mut padded = self;
        for (axis, &(before, after)) in (shape.len() - pads.len()..).zip(pads) {
            let size = shape[axis];
            if (before, after) != (0, 0) {
                assert!(
                    fits(size, (before, after)),
                    "{name}: axis {axis} of {shape} cannot be padded by {before} and {after}"
                );
                let total = before.saturating_add(size).saturating_add(after);
                let mut rows = room(name, total, &shape);
                rows.extend((0..total).map(|i| from(i as i64 - before as i64, size as i64)));
                padded = padded.take_rows(name, axis, rows);
            }
        }
        padded
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers};

    #[test]
    fn derivatives() {
        let x = numbers(&[3, 4]);
        gradients(|[x]| x.pad(&[(1, -1), (-2, 1)], 3.0).square(), [x.clone()]);
        gradients(|[x]| x.pad_reflect(&[(2, 1), (0, 3)]).square(), [x.clone()]);
        gradients(|[x]| x.pad_replicate(&[(1, 2)]).square(), [x]);
    }

    #[test]
    fn by_hand() {
        let tape = Tape::new();
        let x = tape.var(Tensor::range(1.0..13.0).reshape([3, 4]));
        let y = x.pad(&[(-1, 1), (-1, 0)], 0.0);
        assert_eq!(y.value(), tensor![[6.0, 7.0, 8.0], [10.0, 11.0, 12.0], [0.0, 0.0, 0.0]]);
        assert_eq!(tape.var(tensor![1.0]).pad(&[(1, 1)], -7.0).value(), tensor![-7.0, 1.0, -7.0]);
        assert_eq!(x.pad(&[(-4, 2)], 5.0).value(), Tensor::full([3, 2], 5.0));
        assert_eq!(tape.scalar(2.0).pad(&[], 0.0).item(), 2.0);
        assert_eq!(x.pad(&[(0, -3), (0, 0)], 0.0).value().shape(), &[0, 4]);
        let edges = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]).pad_reflect(&[(1, 0), (0, 1)]);
        assert_eq!(edges.value(), tensor![[3.0, 4.0, 3.0], [1.0, 2.0, 1.0], [3.0, 4.0, 3.0]]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3, 4]));
        let message = message_of(|| _ = x.pad(&[(-2, -3)], 0.0));
        assert_eq!(message, "pad: axis 1 of [3, 4] cannot be padded by -2 and -3");
        assert!(message_of(|| _ = x.pad(&[(isize::MAX, 1)], 0.0)).starts_with("pad: axis 1 of [3, 4] cannot"));
        assert!(message_of(|| _ = x.pad(&[(1 << 60, 0)], 0.0)).contains("more elements than can be addressed"));
        assert_eq!(message_of(|| _ = x.pad(&[(0, 0); 3], 0.0)), "pad: 3 pairs for shape [3, 4]");
        let message = message_of(|| _ = x.pad_reflect(&[(0, 4)]));
        assert_eq!(message, "pad_reflect: axis 1 of [3, 4] cannot be padded by 0 and 4");
        let none = tape.var(Tensor::zeros([0]));
        let message = message_of(|| _ = none.pad_replicate(&[(1, 0)]));
        assert_eq!(message, "pad_replicate: axis 0 of [0] cannot be padded by 1 and 0");
    }
}
