//! Taking elements by index, and putting them back.

use wengert_tensor::kernel::parallel::for_each_chunk;
use wengert_tensor::{Float, Layout, Shape, Tensor, broadcast};

use super::take::{Collect, Rows, Take};
use super::{checked, room};
use crate::{Operand, Tape, Var};

/// Indices of an axis, of which negative ones count from the end, by their places.
#[track_caller]
fn resolved(name: &str, indices: &Tensor<i64>, axis: usize, shape: &Shape) -> Tensor<i64> {
    let size = shape[axis] as i64;
    let at = if indices.as_slice().is_some() {
        indices.clone()
    } else {
        let mut all = room(name, indices.count(), shape);
        all.extend(indices.iter());
        Tensor::from_vec(all, indices.shape())
    };
    // One of the two is negative where an index is not from 0 to below the size.
    let signs = at.as_slice().expect("contiguous").iter().fold(0, |signs, i| signs | i | (size - 1).wrapping_sub(*i));
    if signs >= 0 {
        return at;
    }
    let at = at.map(|i| if i < 0 { i.saturating_add(size) } else { i });
    if let Some((wrong, _)) = indices.iter().zip(at.iter()).find(|(_, at)| !(0..size).contains(at)) {
        panic!("{name}: index {wrong} is out of range for axis {axis} of {shape}");
    }
    at
}

impl<'t, T: Float> Var<'t, T> {
    /// Elements of the flattened variable.
    #[track_caller]
    fn take_flat(self, at: Tensor<i64>, pieces: usize) -> Self {
        let rows = Rows { axis: 0, size: self.count(), at, pieces };
        self.tape().record(Take(rows), &[self.flatten()])
    }

    #[track_caller]
    fn rows(self, name: &str, axis: isize, indices: &Tensor<i64>) -> Rows {
        let (shape, axis) = (self.shape(), self.axis(name, axis));
        Rows { axis, size: shape[axis], at: resolved(name, indices, axis, &shape), pieces: 1 }
    }

    /// These indices of an axis, in their order.
    #[track_caller]
    pub(super) fn take_rows(self, name: &str, axis: usize, at: Vec<i64>) -> Self {
        let count = at.len();
        self.take(name, Rows { axis, size: self.shape()[axis], at: Tensor::from_vec(at, [count]), pieces: 1 })
    }

    #[track_caller]
    fn take(self, name: &str, rows: Rows) -> Self {
        checked(name, rows.taken(&self.shape()));
        self.tape().record(Take(rows), &[self])
    }

    /// Where the elements of `indices` along `axis` lie in row-major order, and [`Rows::pieces`] of them.
    #[track_caller]
    fn positions(self, name: &str, axis: isize, indices: &Tensor<i64>) -> (Tensor<i64>, usize) {
        let (shape, index) = (self.shape(), indices.shape());
        let axis = self.axis(name, axis);
        let fits = index.len() == shape.len() && (0..shape.len()).all(|a| a == axis || index[a] <= shape[a]);
        assert!(fits, "{name}: indices of shape {index} along axis {axis} of {shape}");
        let at = resolved(name, indices, axis, &shape);
        let (Some(last), Some(from)) = (shape.len().checked_sub(1), at.as_slice().filter(|at| !at.is_empty())) else {
            return (at, 1);
        };
        let pieces = if index[..axis] == shape[..axis] { shape[..axis].iter().product() } else { 1 };
        // Of each line along the last axis the place of its first element, at index 0 of the axis in question.
        let mut first = Layout::contiguous(shape.clone());
        let step = |axis: usize| first.strides()[axis] as i64;
        let (along, of_index) = (if axis == last { 0 } else { step(last) }, step(axis));
        for a in 0..shape.len() {
            let count = if a == axis || a == last { 1 } else { index[a] };
            first = first.slice(a, 0, count as isize, 1).expect("within the axis");
        }
        let mut lines: Shape = index.clone();
        lines.sizes_mut()[last] = 1;
        let first: Vec<usize> = first.expand(&lines).expect("of the other axes they have no more").offsets().collect();
        let positions = Tensor::try_build(index.clone(), |out| {
            for_each_chunk(out, index[last], index[last], |line, to| {
                let (from, first) = (&from[line * index[last]..], first[line] as i64);
                to.iter_mut().zip(from).zip(0..).for_each(|((to, from), j)| *to = first + j * along + from * of_index);
            });
        });
        (checked(name, positions), pieces)
    }

    /// `source` stretched to the shape of what it is put in.
    #[track_caller]
    fn source(self, name: &str, source: impl Operand<'t, T>, shape: &Shape) -> Self {
        let source = source.on(self.tape());
        let from = source.shape();
        let fits = broadcast(&from, shape).is_ok_and(|both| both == *shape);
        assert!(fits, "{name}: a source of shape {from} for {shape} (in {})", self.shape());
        source.expand(shape)
    }

    /// The named indices of an axis, in their order; negative ones count from the end. The axes of
    /// `indices` take the place of the axis: of the rows of a table, a lookup of embeddings.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let table = tape.var(tensor![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// let rows = table.index_select(0, &tensor![-1, 0, 0]);
    /// assert_eq!(rows.value(), tensor![[5.0, 6.0], [1.0, 2.0], [1.0, 2.0]]);
    /// assert_eq!(rows.sum(..).grad([table])[0].value(), tensor![[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]);
    /// ```
    /// # Panics
    /// If the axis or an index is out of range.
    #[track_caller]
    pub fn index_select(self, axis: isize, indices: &Tensor<i64>) -> Self {
        let rows = self.rows("index_select", axis, indices);
        self.take("index_select", rows)
    }

    /// This with `source` added at the named indices of an axis, where duplicates add up; the axes
    /// of `indices` take the place of the axis in `source`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![10.0, 20.0]);
    /// let y = x.index_add(0, &tensor![1, 1, 0], &tensor![1.0, 2.0, 3.0]);
    /// assert_eq!(y.value(), tensor![13.0, 23.0]);
    /// ```
    /// # Panics
    /// If the axis or an index is out of range, or the source has another shape.
    #[track_caller]
    pub fn index_add(self, axis: isize, indices: &Tensor<i64>, source: impl Operand<'t, T>) -> Self {
        let rows = self.rows("index_add", axis, indices);
        let shape = checked("index_add", rows.taken(&self.shape()));
        let source = self.source("index_add", source, &shape);
        self + self.tape().record(Collect(rows), &[source])
    }

    /// For each element of `indices`, that element along `axis`, and on the other axes the one at
    /// the same place, as NumPy's `take_along_axis`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.gather(1, &tensor![[1], [0]]).value(), tensor![[2.0], [3.0]]);
    /// ```
    /// # Panics
    /// If the axis or an index is out of range, or the indices have other axes or more of one.
    #[doc(alias = "take_along_dim")]
    #[doc(alias = "take_along_axis")]
    #[track_caller]
    pub fn gather(self, axis: isize, indices: &Tensor<i64>) -> Self {
        let (at, pieces) = self.positions("gather", axis, indices);
        self.take_flat(at, pieces)
    }

    /// This with each element of `source` in place of the one that [`Var::gather`] would take; of
    /// those for the same place, the last one wins.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0]);
    /// let y = x.scatter(0, &tensor![2, 0], &tensor![10.0, 20.0]);
    /// assert_eq!(y.value(), tensor![20.0, 2.0, 10.0]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 1.0, 0.0]);
    /// ```
    /// # Panics
    /// As [`Var::gather`], or if the source does not broadcast to the indices.
    #[track_caller]
    pub fn scatter(self, axis: isize, indices: &Tensor<i64>, source: impl Operand<'t, T>) -> Self {
        let (positions, pieces) = self.positions("scatter", axis, indices);
        let source = self.source("scatter", source, indices.shape());
        // Every place takes from this or from the source, which follows it.
        let count = self.count();
        let mut at = room("scatter", count, &self.shape());
        at.extend(0..count as i64);
        let (positions, part) = (positions.as_slice().expect("contiguous"), count / pieces);
        let each = positions.len() / pieces;
        for_each_chunk(&mut at, part, part + 2 * each, |piece, at| {
            let (first, from) = (piece * part, piece * each);
            for (position, i) in positions[from..][..each].iter().zip(count + from..) {
                at[*position as usize - first] = i as i64;
            }
        });
        Self::concat(&[self.flatten(), source.flatten()], 0).take_flat(Tensor::from_vec(at, self.shape()), 1)
    }

    /// This with each element of `source` added to the one that [`Var::gather`] would take;
    /// duplicates add up.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0]);
    /// assert_eq!(x.scatter_add(0, &tensor![2, 2], 10.0).value(), tensor![1.0, 2.0, 23.0]);
    /// ```
    /// # Panics
    /// As [`Var::gather`], or if the source does not broadcast to the indices.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, indices: &Tensor<i64>, source: impl Operand<'t, T>) -> Self {
        let (at, pieces) = self.positions("scatter_add", axis, indices);
        let source = self.source("scatter_add", source, indices.shape()).flatten();
        let rows = Rows { axis: 0, size: self.count(), at: at.flatten(), pieces };
        self + self.tape().record(Collect(rows), &[source]).reshape(self.shape())
    }

    /// The elements where `mask`, which may broadcast to this shape, is true, in row-major order
    /// on one axis.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.masked_select(&tensor![true, false]).value(), tensor![1.0, 3.0]);
    /// ```
    /// # Panics
    /// If the mask does not expand to this shape.
    #[track_caller]
    pub fn masked_select(self, mask: &Tensor<bool>) -> Self {
        let shape = self.shape();
        let layout = checked("masked_select", mask.layout().expand(&shape));
        // Each element of the mask counts as often as it is repeated.
        let count = mask.count_true() * (shape.count() / mask.count().max(1));
        let mask = mask.with_layout(layout);
        let mut at = room("masked_select", count.saturating_add(1), &shape);
        // Each is written, and the next one over it unless it was chosen.
        at.resize(count + 1, 0);
        let mut next = 0;
        for (i, &chosen) in (0..).zip(mask.contiguous().as_slice().expect("contiguous")) {
            at[next] = i;
            next += usize::from(chosen);
        }
        at.truncate(count);
        self.take_flat(Tensor::from_vec(at, [count]), 1)
    }
}

impl<T: Float> Tape<T> {
    /// For each label, a row of `classes` zeros with a one at its number, on a new last axis.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.one_hot(&tensor![1, 0], 3).value(), tensor![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
    /// ```
    /// # Panics
    /// If a label is negative or not below `classes`.
    #[track_caller]
    pub fn one_hot(&self, labels: &Tensor<i64>, classes: usize) -> Var<'_, T> {
        let mut shape = labels.shape().clone();
        shape.sizes_mut().push(classes);
        let mut rows = checked("one_hot", Tensor::try_build(shape, |out| out.fill(T::ZERO)));
        let out = rows.make_mut();
        for (row, label) in labels.iter().enumerate() {
            assert!((0..classes as i64).contains(&label), "one_hot: label {label} is not below {classes}");
            out[row * classes + label as usize] = T::ONE;
        }
        self.var(rows)
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, message_of, numbers};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        let (x, index) = (numbers(&[3, 4]), tensor![[0, 2], [-1, 1]]);
        gradients(|[x]| x.index_select(1, &index).square(), [x.clone()]);
        gradients(|[x, s]| x.index_add(1, &index, s).square(), [x.clone(), numbers(&[3, 2, 2])]);
        gradients(|[x]| x.gather(0, &index).square(), [x.clone()]);
        gradients(|[x, s]| x.scatter(0, &index, s).square(), [x.clone(), numbers(&[2, 2])]);
        gradients(|[x, s]| x.scatter_add(0, &index, s).square(), [x.clone(), numbers(&[2, 1])]);
        gradients(|[x]| x.masked_select(&tensor![true, false, true, false]).square(), [x]);
    }

    #[test]
    fn duplicates_add_and_the_last_one_wins() {
        let tape = Tape::new();
        let table = tape.var(tensor![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let rows = table.index_select(0, &tensor![[1, 0], [1, 1]]);
        assert_eq!(rows.shape(), [2, 2, 2]);
        let g = Tensor::range(1.0..9.0).reshape([2, 2, 2]);
        assert_eq!(rows.vjp(&g, [table])[0].value(), tensor![[3.0, 4.0], [13.0, 16.0], [0.0, 0.0]]);
        let (x, source) = (tape.var(tensor![1.0, 2.0]), tape.var(tensor![10.0, 20.0]));
        let y = x.scatter(0, &tensor![1, 1], source);
        assert_eq!(y.value(), tensor![1.0, 20.0]);
        let [dx, ds] = y.vjp(&tensor![3.0, 5.0], [x, source]);
        assert_eq!((dx.value(), ds.value()), (tensor![3.0, 0.0], tensor![0.0, 5.0]));
    }

    #[test]
    fn many_duplicates_lose_nothing() {
        let tape = Tape::<f32>::new();
        let n = 1_000_000;
        let sums = tape.var(Tensor::zeros([2])).index_add(0, &Tensor::zeros([n]), 0.1f32);
        assert_eq!(sums.value(), tensor![100_000.0, 0.0]);
    }

    #[test]
    fn nothing() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3, 4]));
        let none = Tensor::<i64>::zeros([0]);
        assert_eq!(x.index_select(0, &none).value().shape(), &[0, 4]);
        assert_eq!(x.index_select(0, &none).sum(..).grad([x])[0].value(), Tensor::zeros([3, 4]));
        assert_eq!(x.masked_select(&tensor![false; [3, 4]]).value().shape(), &[0]);
        assert_eq!(x.gather(0, &Tensor::zeros([0, 4])).value().shape(), &[0, 4]);
        let empty = tape.var(Tensor::zeros([0, 2]));
        assert_eq!(empty.index_add(1, &tensor![1], 1.0).value().shape(), &[0, 2]);
        assert_eq!(tape.one_hot(&none, 3).value().shape(), &[0, 3]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3, 2]));
        assert_eq!(
            message_of(|| _ = x.index_select(0, &tensor![3])),
            "index_select: index 3 is out of range for axis 0 of [3, 2]"
        );
        assert_eq!(
            message_of(|| _ = x.index_select(0, &tensor![-4])),
            "index_select: index -4 is out of range for axis 0 of [3, 2]"
        );
        assert_eq!(
            message_of(|| _ = x.gather(0, &tensor![[0, 0, 0]])),
            "gather: indices of shape [1, 3] along axis 0 of [3, 2]"
        );
        assert_eq!(
            message_of(|| _ = x.index_add(0, &tensor![0], &tensor![1.0, 2.0, 3.0])),
            "index_add: a source of shape [3] for [1, 2] (in [3, 2])"
        );
        assert_eq!(
            message_of(|| _ = x.scatter(2, &tensor![[0]], 1.0)),
            "scatter: axis 2 is out of range for 2 axes (shape [3, 2])"
        );
        assert_eq!(
            message_of(|| _ = x.masked_select(&tensor![true; [3]])),
            "masked_select: shape [3] does not expand to [3, 2]"
        );
        assert_eq!(message_of(|| _ = tape.one_hot(&tensor![0, -1], 2)), "one_hot: label -1 is not below 2");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Against one element at a time.
        #[test]
        fn taking_and_adding(x in any_tensor(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            for axis in 0..x.rank() as isize {
                let n = x.shape()[axis as usize];
                if n == 0 {
                    continue;
                }
                let index: Tensor<i64> = picks.iter().map(|pick| pick.index(2 * n) as i64 - n as i64).collect();
                prop_assert_eq!(v.index_select(axis, &index).value(), x.index_select(axis, &index));
                let g = numbers(x.index_select(axis, &index).shape());
                let added = v.index_add(axis, &index, &g).value();
                for i in 0..n as isize {
                    let mut expected = x.select(axis, i);
                    let mut sum = Tensor::zeros(expected.shape());
                    for (k, at) in index.iter().enumerate() {
                        if at.rem_euclid(n as i64) == i as i64 {
                            sum = &sum + &g.select(axis, k as isize);
                        }
                    }
                    expected = &expected + &sum;
                    added.select(axis, i).assert_close(&expected, 1e-15, 1e-15);
                }
            }
        }
    }
}
