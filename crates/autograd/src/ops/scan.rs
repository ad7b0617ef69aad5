//! Running sums and products. Both are linear recurrences, and so are their adjoints, which divide
//! by nothing: zeros are values like any other.

use wengert_tensor::kernel::parallel::for_each_chunk;
use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use crate::{Cotangents, Lowering, Op, Var};

/// yᵢ = aᵢ·yᵢ₋₁ + bᵢ along an axis, from y₋₁ = `start`, in `f64`. Of one input, it is b, and a is 1.
#[derive(Clone)]
struct Scan {
    axis: usize,
    /// From the last index to the first.
    reverse: bool,
    start: f64,
}

impl Op for Scan {
    crate::op::compiled_here!(Scan);
    fn name(&self) -> &'static str {
        "scan"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let n = x[0].shape()[self.axis];
            // Lines along the axis, each contiguous; of what is the same everywhere, one element.
            let along = |x: &Tensor<T>| x.transpose(self.axis as isize, -1);
            let lines = |x: &Tensor<T>| match x.layout().strides().iter().all(|&step| step == 0) {
                true if x.count() > 0 => (Tensor::scalar(x.buffer()[x.layout().offset()]), 0),
                _ => (along(x).contiguous(), 1),
            };
            let inputs: Vec<(Tensor<T>, usize)> = x.iter().map(lines).collect();
            let values: Vec<_> = inputs.iter().map(|(x, step)| (x.as_slice().expect("contiguous"), *step)).collect();
            let value = |k: usize, at: usize| values[k].0[at * values[k].1].to_f64();
            let scanned = Tensor::build(along(&x[0]).shape(), |out| {
                for_each_chunk(out, TOGETHER * n, TOGETHER * n, |task, to| {
                    let first = task * TOGETHER * n;
                    match x.len() {
                        1 => self.run(to, n, |y, at| y + value(0, first + at)),
                        _ => self.run(to, n, |y, at| value(0, first + at) * y + value(1, first + at)),
                    }
                });
            });
            scanned.transpose(self.axis as isize, -1)
        })
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let adjoint = Scan { axis: self.axis, reverse: !self.reverse, start: 0.0 };
        match *x {
            [_] => [g.tape().record(adjoint, &[g])].into(),
            [a, _] => {
                let next = a.shifted(self.axis, !self.reverse, 0.0);
                let db = g.tape().record(adjoint, &[next, g]);
                [db.chain(y.shifted(self.axis, self.reverse, self.start)), db].into()
            }
            _ => unreachable!("recorded with one input or two"),
        }
    }
}

/// Lines that are gone along side by side: a step waits for the one before it, but not for those of other lines.
const TOGETHER: usize = 4;

impl Scan {
    /// Writes lines of `n` elements. `next(y, i)` is the value after the value y, where the inputs have number i.
    fn run<T: Float>(&self, out: &mut [T], n: usize, next: impl Fn(f64, usize) -> f64) {
        match out.len() / n {
            TOGETHER => self.lines::<T, TOGETHER>(out, n, 0, next),
            _ => (0..out.len())
                .step_by(n)
                .zip(out.chunks_mut(n))
                .for_each(|(at, to)| self.lines::<T, 1>(to, n, at, &next)),
        }
    }

    #[inline(always)]
    fn lines<T: Float, const LINES: usize>(
        &self,
        out: &mut [T],
        n: usize,
        at: usize,
        next: impl Fn(f64, usize) -> f64,
    ) {
        let mut y = [self.start; LINES];
        for i in 0..n {
            let i = if self.reverse { n - 1 - i } else { i };
            for (k, y) in y.iter_mut().enumerate() {
                *y = next(*y, at + k * n + i);
                out[k * n + i] = T::from_f64(*y);
            }
        }
    }
}

impl<T: Float> Var<'_, T> {
    /// The sums of the first element along `axis`, the first two, and so on, accumulated in `f64`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0]);
    /// assert_eq!(x.cumsum(0).value(), tensor![1.0, 3.0, 6.0]);
    /// assert_eq!(x.cumsum(0).sum(..).grad([x])[0].value(), tensor![3.0, 2.0, 1.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Self {
        let (x, axis) = self.line("cumsum", axis);
        self.tape().record(Scan { axis, reverse: false, start: 0.0 }, &[x]).reshape(self.shape())
    }

    /// The products of the first element along `axis`, the first two, and so on, accumulated in
    /// `f64`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![2.0, 0.0, 3.0]);
    /// assert_eq!(x.cumprod(0).value(), tensor![2.0, 0.0, 0.0]);
    /// assert_eq!(x.cumprod(0).sum(..).grad([x])[0].value(), tensor![1.0, 8.0, 0.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Self {
        let (x, axis) = self.line("cumprod", axis);
        x.products(axis, false).reshape(self.shape())
    }

    #[track_caller]
    fn products(self, axis: usize, reverse: bool) -> Self {
        let zeros = self.tape().scalar(0.0).expand(self.shape());
        self.tape().record(Scan { axis, reverse, start: 1.0 }, &[self, zeros])
    }

    /// For each element, the product of all others along `axis`.
    #[track_caller]
    pub(super) fn product_of_others(self, axis: usize) -> Self {
        let before = self.shifted(axis, false, 1.0).products(axis, false);
        let after = self.shifted(axis, true, 1.0).products(axis, true);
        before * after
    }

    /// Each element moved to the next index of `axis`, or the one before when `back`; `fill` where
    /// none comes from.
    #[track_caller]
    fn shifted(self, axis: usize, back: bool, fill: f64) -> Self {
        let rank = self.rank();
        let mut pads = vec![(0, 0); rank - axis];
        pads[0] = if back { (-1, 1) } else { (1, -1) };
        if self.shape()[axis] == 0 { self } else { self.pad(&pads, fill) }
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, numbers};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        gradients(|[x]| x.cumsum(1).square(), [numbers(&[2, 3, 2])]);
        gradients(|[x]| x.cumprod(0), [numbers(&[4, 2])]);
        gradients(|[x]| x.cumprod(-1), [tensor![[2.0, 0.0, 3.0, 0.5], [0.0, 2.0, 0.0, 3.0]]]);
        gradients(|[x]| x.product_of_others(1), [tensor![[2.0, 0.0, 3.0], [0.0, 0.0, 3.0]]]);
    }

    #[test]
    fn zeros_are_values() {
        let tape = Tape::new();
        let x = tape.var(tensor![2.0, 0.0, 3.0, 0.0, 5.0]);
        let y = x.cumprod(0);
        assert_eq!(y.value(), tensor![2.0, 0.0, 0.0, 0.0, 0.0]);
        let g = tensor![1.0, -0.5, 0.75, 2.0, -1.25];
        assert_eq!(y.vjp(&g, [x])[0].value(), tensor![1.0, 3.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn sums_of_many() {
        let tape = Tape::<f32>::new();
        let y = tape.var(Tensor::full([1_000_000], 0.1)).cumsum(0).value();
        assert_eq!(y.at([999_999]), 100_000.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn one_element_after_the_other(x in any_tensor()) {
            let tape = Tape::<f64>::new();
            for axis in 0..x.rank() as isize {
                let (sums, products) = (tape.var(&x).cumsum(axis).value(), tape.var(&x).cumprod(axis).value());
                let line = x.shape().reduced(&[axis as usize], false);
                let (mut sum, mut product) = (Tensor::zeros(&line), Tensor::ones(&line));
                for i in 0..x.shape()[axis as usize] as isize {
                    sum = &sum + &x.select(axis, i);
                    product = &product * &x.select(axis, i);
                    prop_assert_eq!(&sums.select(axis, i), &sum);
                    prop_assert_eq!(&products.select(axis, i), &product);
                }
            }
        }
    }
}
