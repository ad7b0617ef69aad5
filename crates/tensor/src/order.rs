//! What depends on the order of elements along one axis: sorting, selection, running sums.

use crate::compare::is_nan;
use crate::error::checked;
use crate::kernel::parallel::for_each_chunk;
use crate::{Axes, Element, Float, Shape, ShapeError, Tensor};

/// `f` of every line of elements along `axis`, which writes a line of `length` elements or, for
/// `None`, as many as there were. A scalar is a line of one element.
pub(crate) fn lines<T: Element, U: Element>(
    x: &Tensor<T>,
    axis: isize,
    length: Option<usize>,
    f: impl Fn(&[T], &mut [U]) + Sync,
) -> Result<Tensor<U>, ShapeError> {
    if x.rank() == 0 && matches!(axis, 0 | -1) {
        return Ok(lines(&x.unsqueeze(0), axis, length, f)?.reshape(()));
    }
    let axis = x.shape().axis(axis)?;
    let at = axis as isize;
    let last = x.transpose(at, -1).try_contiguous()?;
    let size = x.shape()[axis];
    let length = length.unwrap_or(size);
    let mut shape = last.shape().clone();
    shape.sizes_mut()[x.rank() - 1] = length;
    let values = last.as_slice().unwrap_or(&[]);
    let y = Tensor::try_build(shape, |out| {
        // Sorting takes longest: some nanoseconds an element.
        for_each_chunk(out, length, 4 * size, |line, to| f(&values[line * size..][..size], to));
    })?;
    Ok(y.transpose(at, -1))
}

/// The shape without this axis, and how many elements a line along it has.
pub(crate) fn line_of<T: Element>(x: &Tensor<T>, axis: isize) -> Result<(Shape, usize), ShapeError> {
    let along = Axes::from(axis).resolve(x.shape())?;
    let size = along.iter().map(|&axis| x.shape()[axis]).product();
    Ok((x.shape().reduced(&along, false), size))
}

/// A number that is in the order of the elements: the same for equal ones, the largest for NaN.
fn rank<T: Element>(v: T) -> u64 {
    const SIGN: u64 = 1 << 63;
    if T::WHOLE {
        let signed = T::from_i128(-1) < T::default();
        return v.to_i128() as u64 ^ if signed { SIGN } else { 0 };
    }
    // Of a zero the sign does not count.
    let bits = (v.to_f64() + 0.0).to_bits();
    match () {
        _ if is_nan(v) => u64::MAX,
        _ if bits & SIGN == 0 => bits | SIGN,
        _ => !bits,
    }
}

/// An element's rank and below it its place: with their places no two are equal, and what is compared lies
/// side by side.
trait Key: Ord + Copy {
    fn new(rank: u64, place: usize) -> Self;
    fn place(self) -> usize;
}

impl Key for u128 {
    fn new(rank: u64, place: usize) -> Self {
        u128::from(rank) << 64 | place as u128
    }
    fn place(self) -> usize {
        self as u64 as usize
    }
}

/// Of elements of at most four bytes: their ranks differ in other bits than the lowest 29.
impl Key for u64 {
    fn new(rank: u64, place: usize) -> Self {
        rank & !LOW | place as u64
    }
    fn place(self) -> usize {
        (self & LOW) as usize
    }
}
const LOW: u64 = (1 << 29) - 1;

/// Whether the shorter keys tell all places of a line, and all elements: whole numbers have no bits to spare.
fn short<T: Element>(line: &[T]) -> bool {
    size_of::<T>() <= 4 && !T::WHOLE && line.len() <= LOW as usize
}

/// Writes the order that sorts a line to `to`, from its place `first` on.
fn order<T: Element>(line: &[T], to: &mut [i64], first: usize) {
    if short(line) { order_by::<T, u64>(line, to, first) } else { order_by::<T, u128>(line, to, first) }
}

fn order_by<T: Element, K: Key>(line: &[T], to: &mut [i64], first: usize) {
    let mut keys: Vec<K> = line.iter().enumerate().map(|(i, &v)| K::new(rank(v), i)).collect();
    let mut keys = &mut keys[..];
    if first > 0 && first < keys.len() {
        keys.select_nth_unstable(first);
        keys = &mut keys[first..];
    }
    if to.len() < keys.len() {
        keys.select_nth_unstable(to.len());
        keys = &mut keys[..to.len()];
    }
    keys.sort_unstable();
    to.iter_mut().zip(keys).for_each(|(to, key)| *to = key.place() as i64);
}

/// Elements of a line that are looked at together: nearly always none of them matters.
pub(crate) const TOGETHER: usize = 32;

/// Whether `f` holds for some of the elements. All are asked, which takes less time than to stop.
pub(crate) fn some<T: Element>(elements: &[T], f: impl Fn(T) -> bool) -> bool {
    elements.iter().fold(false, |found, &v| found | f(v))
}

/// Writes where the largest elements of a line are, the largest first.
fn largest<T: Element>(line: &[T], to: &mut [i64]) {
    if short(line) { largest_by::<T, u64>(line, to) } else { largest_by::<T, u128>(line, to) }
}

fn largest_by<T: Element, K: Key>(line: &[T], to: &mut [i64]) {
    let k = to.len();
    let room = 2 * k + 8;
    let mut best: Vec<K> = Vec::with_capacity(room.min(line.len()) + TOGETHER);
    // The last of the k largest that were found, which others must exceed.
    let mut least = None;
    for (start, elements) in (0..).step_by(TOGETHER).zip(line.chunks(TOGETHER)) {
        let mut add = |i, v| best.push(K::new(!rank(v), i));
        let places = elements.iter().zip(start..);
        match least {
            None => places.for_each(|(&v, i)| add(i, v)),
            Some(least) => {
                let exceeds = |v: T| (v > least) | is_nan(v);
                if !some(elements, exceeds) {
                    continue;
                }
                places.filter(|&(&v, _)| exceeds(v)).for_each(|(&v, i)| add(i, v));
            }
        }
        if best.len() >= room {
            best.select_nth_unstable(k - 1);
            best.truncate(k);
            least = Some(line[best[k - 1].place()]);
        }
    }
    best.sort_unstable();
    to.iter_mut().zip(best).for_each(|(to, key)| *to = key.place() as i64);
}

impl<T: Element> Tensor<T> {
    /// The elements along `axis` in ascending order, NaN last.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![[3, 1, 2], [5, 6, 4]].sort(1), tensor![[1, 2, 3], [4, 5, 6]]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn sort(&self, axis: isize) -> Self {
        let sorted = |line: &[T], to: &mut [T]| {
            to.copy_from_slice(line);
            to.sort_by_key(|&v| rank(v));
        };
        checked!("sort", lines(self, axis, None, sorted))
    }

    /// The order that sorts the elements along `axis`; equal ones keep theirs, NaN comes last.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.3, 0.1, 0.2].argsort(0), tensor![1, 2, 0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn argsort(&self, axis: isize) -> Tensor<i64> {
        checked!("argsort", lines(self, axis, None, |line, to| order(line, to, 0)))
    }

    /// Where the `k` largest elements along `axis` are, the largest first; of equal ones the first comes
    /// first, NaN counts as the largest.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![1.0, 5.0, 3.0, 5.0].argtopk(0, 3), tensor![1, 3, 2]);
    /// ```
    /// # Panics
    /// If the axis is out of range or has less than `k` elements.
    #[track_caller]
    pub fn argtopk(&self, axis: isize, k: usize) -> Tensor<i64> {
        let (_, size) = checked!("argtopk", line_of(self, axis));
        assert!(k <= size, "argtopk: axis {axis} of {} has less than {k} elements", self.shape());
        checked!("argtopk", lines(self, axis, Some(k), largest))
    }

    /// Where element number `n` of those along `axis` in ascending order is: the first of
    /// [`Tensor::argsort`] for 0. The axis is removed.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![0.3, 0.1, 0.2].argnth(0, 1), tensor![0.3, 0.1, 0.2].argsort(0).select(0, 1));
    /// ```
    /// # Panics
    /// If the axis is out of range or has no element of that number.
    #[track_caller]
    pub fn argnth(&self, axis: isize, n: usize) -> Tensor<i64> {
        let (without, size) = checked!("argnth", line_of(self, axis));
        assert!(n < size, "argnth: axis {axis} of {} has no element {n}", self.shape());
        let found = checked!("argnth", lines(self, axis, Some(1), |line, to| order(line, to, n)));
        found.reshape(without)
    }
}

impl<T: Float> Tensor<T> {
    /// The sums of the first element along `axis`, the first two, and so on, added up in `f64`.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 3.0].cumsum(0), tensor![1.0, 3.0, 6.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Self {
        let running = |line: &[T], to: &mut [T]| {
            let mut sum = 0.0;
            for (to, v) in to.iter_mut().zip(line) {
                sum += v.to_f64();
                *to = T::from_f64(sum);
            }
        };
        checked!("cumsum", lines(self, axis, None, running))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{any_layout, line_of_panic, message_of};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn nan_and_ties() {
        let x = tensor![1.0, NAN, 5.0, NAN, 5.0];
        assert_eq!(x.argmax(0).item(), 1);
        assert_eq!(x.argmin(0).item(), 1);
        assert_eq!(tensor![2.0, 5.0, 5.0, 2.0].argmax(0).item(), 1);
        assert_eq!(tensor![2.0, 5.0, 5.0, 2.0].argmin(0).item(), 0);
        assert!(x.sort(0).bits_eq(&tensor![1.0, 5.0, 5.0, NAN, NAN]));
        assert_eq!(x.argsort(0), tensor![0, 2, 4, 1, 3]);
        let extremes = tensor![f64::INFINITY, -0.0, 0.0, f64::MIN, -1e-310, f64::NEG_INFINITY, -NAN];
        assert_eq!(extremes.argsort(0), tensor![5, 3, 4, 1, 2, 0, 6]);
        assert_eq!(tensor![u64::MAX, 0, 1 << 63, 1].argsort(0), tensor![1, 3, 2, 0]);
        assert_eq!(tensor![i64::MAX, 0, i64::MIN, -1].sort(0), tensor![i64::MIN, -1, 0, i64::MAX]);
        assert_eq!(tensor![false, true].argmax(0).item(), 1);
        let none: Tensor = Tensor::zeros([2, 0]);
        assert_eq!(none.argmax(0).shape(), &[0]);
        assert_eq!(none.sort(1).shape(), &[2, 0]);
        assert_eq!(none.cumsum(0).shape(), &[2, 0]);
        let scalar = Tensor::scalar(3.0);
        assert_eq!((scalar.argmax(0).item(), scalar.argsort(-1).item()), (0, 0));
        assert_eq!((scalar.argtopk(0, 1).item(), scalar.argnth(-1, 0).item()), (0, 0));
        assert_eq!((scalar.sort(-1), scalar.cumsum(0)), (scalar.clone(), scalar.clone()));
    }

    #[test]
    fn mistakes_are_named() {
        let none: Tensor = Tensor::zeros([2, 0]);
        for (f, message) in [
            (&(|| drop(none.argmax(1))) as &dyn Fn(), "argmax: there are no elements along axis 1 of [2, 0]"),
            (&|| drop(none.argmin(-1)), "argmin: there are no elements along axis -1 of [2, 0]"),
            (&|| drop(none.argmax(2)), "argmax: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(none.sort(2)), "sort: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(none.argtopk(1, 1)), "argtopk: axis 1 of [2, 0] has less than 1 elements"),
            (&|| drop(none.argnth(1, 0)), "argnth: axis 1 of [2, 0] has no element 0"),
            (&|| drop(none.argsort(2)), "argsort: axis 2 is out of range for 2 axes (shape [2, 0])"),
            (&|| drop(none.cumsum(2)), "cumsum: axis 2 is out of range for 2 axes (shape [2, 0])"),
        ] {
            assert_eq!(message_of(f), message);
        }
        assert_eq!(line_of_panic(|| drop(none.argmax(1))), line!());
        assert_eq!(line_of_panic(|| drop(none.sort(2))), line!());
    }

    proptest! {
        #[test]
        fn lines_agree_with_loops(a in any_layout::<f32>()) {
            let a = a.map(|v| (v * 7.0) % 5.0);
            let a = if a.rank() < 2 { a } else { a.t() };
            for axis in 0..a.rank() as isize {
                let n = a.shape()[axis as usize] as isize;
                let (sorted, sums) = (a.sort(axis), a.cumsum(axis));
                for i in 1..n {
                    prop_assert!(sorted.select(axis, i - 1).le(sorted.select(axis, i)).all(..).item());
                    prop_assert_eq!(sums.select(axis, i), sums.select(axis, i - 1) + a.select(axis, i));
                }
                prop_assert_eq!(sorted.sum(..), a.sum(..));
                if n > 0 && a.count() > 0 {
                    prop_assert_eq!(sums.select(axis, -1), a.sum(axis));
                    let (top, low) = (a.argmax(axis), a.argmin(axis));
                    // Sorted from behind, and that backwards: equal ones are in their order again.
                    let behind = a.flip(axis).argsort(axis).flip(axis).map(|i| n as i64 - 1 - i);
                    prop_assert_eq!(a.argtopk(axis, n as usize), behind);
                    let order = a.argsort(axis);
                    for i in 0..n {
                        let here = a.select(axis, i);
                        // Earlier ones are smaller, later ones are not larger.
                        let beaten = Tensor::where_(&top.gt(i as i64), here.lt(a.max(axis)), here.le(a.max(axis)));
                        prop_assert!(beaten.all(..).item());
                        prop_assert!(Tensor::where_(&low.gt(i as i64), here.gt(a.min(axis)), here.ge(a.min(axis))).all(..).item());
                        prop_assert_eq!(order.eq(i as i64).count_true(), here.count());
                        prop_assert_eq!(a.argnth(axis, i as usize), order.select(axis, i));
                        let largest = a.argtopk(axis, n as usize).slice(axis, ..i);
                        prop_assert_eq!(&a.argtopk(axis, i as usize), &largest);
                    }
                    if a.rank() == 1 {
                        prop_assert_eq!(a.index_select(0, &order), sorted);
                        prop_assert_eq!(a.at([top.item() as usize]), a.max(0).item());
                    }
                }
            }
        }
    }
}
