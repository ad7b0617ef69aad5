//! The cotangents of an entry, as they arrive from those that read it.
//!
//! Most are added one to the next. What would make the whole again and again for a little of it
//! waits until all is there: pieces of the entry (of its slices) are laid side by side, and small
//! products of one shape (of a weight that is used at every step of a sequence) become one product.

use std::any::Any;
use std::collections::HashMap;

use wengert_tensor::Float;

use crate::Var;
use crate::ops::{Matmul, Permute, Place};

/// Sums of cotangents.
pub(crate) struct Arrivals<'t, T: Float> {
    /// The first entry that is waited for.
    start: usize,
    sums: Vec<Option<Var<'t, T>>>,
    waiting: HashMap<usize, Waiting<'t, T>>,
}

/// What arrived for an entry and is not yet in its sum.
struct Waiting<'t, T: Float> {
    pieces: Vec<Piece<'t, T>>,
    products: Vec<Product<'t, T>>,
}

/// A cotangent that is zero but for some indices of an axis.
#[derive(Clone, Copy)]
struct Piece<'t, T: Float> {
    axis: usize,
    start: usize,
    size: usize,
    values: Var<'t, T>,
    whole: Var<'t, T>,
}

/// A cotangent that is the product of two matrices, or the transpose of one.
#[derive(Clone, Copy)]
struct Product<'t, T: Float> {
    left: Var<'t, T>,
    right: Var<'t, T>,
    transposed: bool,
    whole: Var<'t, T>,
}

impl<'t, T: Float> Arrivals<'t, T> {
    /// For the entries from `start` to `root`, whose cotangent is `g`.
    pub(crate) fn new(start: usize, root: usize, g: Var<'t, T>) -> Self {
        let mut sums = vec![None; root + 1 - start];
        sums[root - start] = Some(g);
        Self { start, sums, waiting: HashMap::new() }
    }

    /// A further cotangent, which `may_wait` unless what it is made of should not be kept for long.
    #[track_caller]
    pub(crate) fn add(&mut self, entry: usize, cotangent: Var<'t, T>, may_wait: bool) {
        // Of a map there is nothing to wait for; so much is quick to see.
        let is_map = cotangent.tape().nodes.borrow().is_map(cotangent.id);
        if is_map || !may_wait || !self.keep(entry, cotangent) {
            self.sum(entry, cotangent);
        }
    }

    /// Keeps a piece or a product until all is there; whether it is one.
    #[inline(never)]
    fn keep(&mut self, entry: usize, cotangent: Var<'t, T>) -> bool {
        let (piece, product) = (Piece::of(cotangent), Product::of(cotangent));
        let waits = piece.is_some() || product.is_some();
        if waits {
            let waiting = self.waiting.entry(entry).or_insert_with(|| Waiting { pieces: vec![], products: vec![] });
            waiting.pieces.extend(piece);
            waiting.products.extend(product);
        }
        waits
    }

    #[track_caller]
    fn sum(&mut self, entry: usize, cotangent: Var<'t, T>) {
        let sum = &mut self.sums[entry - self.start];
        *sum = Some(match *sum {
            None => cotangent,
            Some(sum) => sum + cotangent,
        });
    }

    /// All that arrived for an entry.
    #[track_caller]
    pub(crate) fn of(&mut self, entry: usize) -> Option<Var<'t, T>> {
        if !self.waiting.is_empty()
            && let Some(waiting) = self.waiting.remove(&entry)
        {
            self.sum_all(entry, &waiting);
        }
        self.sums.get(entry.wrapping_sub(self.start)).copied().flatten()
    }

    #[track_caller]
    #[inline(never)]
    fn sum_all(&mut self, entry: usize, Waiting { pieces, products }: &Waiting<'t, T>) {
        let wholes = pieces.iter().map(|piece| piece.whole).chain(products.iter().map(|product| product.whole));
        wholes.last().into_iter().for_each(record_for);
        side_by_side(pieces).into_iter().for_each(|whole| self.sum(entry, whole));
        for transposed in [false, true] {
            let alike: Vec<_> = products.iter().copied().filter(|product| product.transposed == transposed).collect();
            match one_product(&alike) {
                Some(all) => self.sum(entry, all),
                None => alike.iter().for_each(|product| self.sum(entry, product.whole)),
            }
        }
    }
}

impl<'t, T: Float> Piece<'t, T> {
    fn of(whole: Var<'t, T>) -> Option<Self> {
        let ((axis, start), [values]) = whole.made_by(Place::run)?;
        Some(Self { axis, start, size: values.shape()[axis], values, whole })
    }
}

impl<'t, T: Float> Product<'t, T> {
    fn of(whole: Var<'t, T>) -> Option<Self> {
        let (mut product, mut transposed) = (whole, false);
        while let Some(matrix) = product.untransposed() {
            (product, transposed) = (matrix, !transposed);
        }
        let ((), [left, right]) = product.made_by(|_: &Matmul| Some(()))?;
        (left.rank() == 2 && right.rank() == 2).then_some(Self { left, right, transposed, whole })
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// What `ask` says of the operation that recorded this, if it is an `O`, and its inputs.
    fn made_by<O: 'static, R, const N: usize>(self, ask: impl Fn(&O) -> Option<R>) -> Option<(R, [Self; N])> {
        let nodes = self.tape().nodes.borrow();
        let op: &dyn Any = nodes.op(self.id)?;
        let said = ask(op.downcast_ref()?)?;
        let inputs: [u32; N] = nodes.inputs(self.id).try_into().ok()?;
        Some((said, inputs.map(|input| Var::new(self.tape(), input))))
    }

    /// The matrix that this is the transpose of.
    fn untransposed(self) -> Option<Self> {
        let ((), [matrix]) = self.made_by(|permute: &Permute| permute.is_transpose().then_some(()))?;
        Some(matrix)
    }
}

/// Has what follows carry the line, and the origin, of `like`.
fn record_for<T: Float>(like: Var<'_, T>) {
    let mut nodes = like.tape().nodes.borrow_mut();
    like.tape().on_behalf_of.set(Some(nodes.list[like.id as usize].at));
    let origin = nodes.origin(like.id);
    nodes.set_origin(origin);
}

/// Whole cotangents whose sum that of the pieces is, as many as pieces overlap.
#[track_caller]
fn side_by_side<'t, T: Float>(pieces: &[Piece<'t, T>]) -> Vec<Var<'t, T>> {
    let mut rest = pieces.to_vec();
    rest.sort_by_key(|piece| (piece.axis, piece.start));
    let mut wholes = Vec::new();
    while let Some(&Piece { axis, .. }) = rest.first() {
        let mut end = 0;
        let (layer, others) = rest.into_iter().partition(|piece| {
            let fits = piece.axis == axis && piece.start >= end;
            end = if fits { piece.start + piece.size } else { end };
            fits
        });
        rest = others;
        wholes.push(joined(layer));
    }
    wholes
}

/// Pieces of one axis in order, with zeros between them.
#[track_caller]
fn joined<'t, T: Float>(layer: Vec<Piece<'t, T>>) -> Var<'t, T> {
    let [Piece { axis, whole, .. }, ..] = layer[..] else { unreachable!("a layer has a piece") };
    if layer.len() == 1 {
        return whole;
    }
    let shape = whole.shape();
    let zeros = |size: usize| {
        let mut shape = shape.clone();
        shape.sizes_mut()[axis] = size;
        whole.tape().scalar(0.0).expand(shape)
    };
    let (mut all, mut end) = (Vec::with_capacity(layer.len()), 0);
    for piece in layer {
        if piece.start > end {
            all.push(zeros(piece.start - end));
        }
        all.push(piece.values);
        end = piece.start + piece.size;
    }
    if end < shape[axis] {
        all.push(zeros(shape[axis] - end));
    }
    Var::concat(&all, axis as isize)
}

/// The sum of several products, all transposed or none, as one, if bringing the factors together moves less than adding
/// the products would.
#[track_caller]
fn one_product<'t, T: Float>(products: &[Product<'t, T>]) -> Option<Var<'t, T>> {
    let [first, _, ..] = products else { return None };
    let (rows, columns) = (first.left.shape()[0], first.right.shape()[1]);
    let terms: usize = products.iter().map(|product| product.left.shape()[1]).sum();
    let pays = (rows + columns).saturating_mul(terms) < rows.saturating_mul(columns).saturating_mul(products.len());
    if !pays {
        return None;
    }
    // Transposed factors lie one below the other before they are transposed.
    let together = |factor: fn(&Product<'t, T>) -> Var<'t, T>, axis: isize| {
        let factors: Vec<_> = products.iter().map(factor).collect();
        match factors.iter().map(|factor| factor.untransposed()).collect::<Option<Vec<_>>>() {
            Some(turned) => Var::concat(&turned, 1 - axis).t(),
            None => Var::concat(&factors, axis),
        }
    };
    let all = together(|product| product.left, 1).matmul(together(|product| product.right, 0));
    Some(if first.transposed { all.t() } else { all })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wengert_tensor::Tensor;

    use crate::ops::testing::{gradients, numbers};
    use crate::transform::checkpoint;
    use crate::{Tape, Var};

    /// How often an operation runs when the gradient of `f` is computed.
    fn launches<const N: usize>(
        name: &str,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        at: [Tensor<f64>; N],
    ) -> usize {
        let tape = Tape::new();
        let x = at.map(|x| tape.var(x));
        let y = f(x);
        tape.profile();
        tape.compute(y.sum(..).grad(x));
        let operations = tape.explain().launches.into_iter().flat_map(|launch| launch.operations);
        operations.filter(|(operation, _)| *operation == name).count()
    }

    #[test]
    fn pieces_are_laid_side_by_side() {
        fn gates<'t>([x]: [Var<'t, f64>; 1]) -> Var<'t, f64> {
            let [a, b, c] = [0, 1, 2].map(|i| x.slice(1, 2 * i..2 * i + 2));
            a.sigmoid() * b.tanh() + c * a
        }
        let x = numbers(&[3, 6]);
        assert_eq!((launches("place", gates, [x.clone()]), launches("concat", gates, [x.clone()])), (0, 1));
        gradients(gates, [x]);
        // With a gap, in another order, and with a use of the whole.
        fn few<'t>([x]: [Var<'t, f64>; 1]) -> Var<'t, f64> {
            x.select(0, 3) * x.select(0, 0).exp() + (x * x).sum(0)
        }
        assert_eq!(launches("place", few, [numbers(&[5, 2])]), 0);
        gradients(few, [numbers(&[5, 2])]);
        // Each row twice, the first three times more, and a column: two layers, and four alone.
        fn twice<'t>([x]: [Var<'t, f64>; 1]) -> Var<'t, f64> {
            let rows =
                (0..3).map(|i| x.select(0, i).sin() * x.select(0, i) + x.select(0, 0)).fold(x.sum(0), |a, b| a + b);
            rows + x.slice(1, ..1).sum(..)
        }
        assert_eq!(launches("place", twice, [numbers(&[3, 2])]), 4);
        gradients(twice, [numbers(&[3, 2])]);
    }

    #[test]
    fn small_products_become_one() {
        fn recurrent<'t>([x, w]: [Var<'t, f64>; 2]) -> Var<'t, f64> {
            (0..4).fold(x, |h, _| h.matmul(w.t()).tanh())
        }
        let at = || [numbers(&[2, 8]), numbers(&[8, 8])];
        // Four forward, four for the state, and one for the weight.
        assert_eq!(launches("matmul", recurrent, at()), 9);
        gradients(recurrent, at());
        fn straight<'t>([x, w]: [Var<'t, f64>; 2]) -> Var<'t, f64> {
            (0..3).fold(x, |h, _| h.matmul(w).sin())
        }
        assert_eq!(launches("matmul", straight, at()), 7);
        gradients(straight, at());
        // Within checkpoints they are added, so that the states need not be there all at once: four products
        // forward, three of them again, four for the state, four for the weight.
        fn saving<'t>([x, w]: [Var<'t, f64>; 2]) -> Var<'t, f64> {
            (0..4).fold(x, |h, _| checkpoint(|h| h.matmul(w.t()).tanh(), h))
        }
        assert_eq!(launches("matmul", saving, at()), 15);
        // Large ones are added.
        let large = || [numbers(&[20, 3]), numbers(&[3, 3])];
        assert_eq!(launches("matmul", straight, large()), 9);
        gradients(straight, large());
    }

    proptest! {
        /// Against the same pieces of a constant, of which each gets back what it was multiplied with.
        #[test]
        fn any_pieces(cuts in prop::collection::vec((0usize..2, 0isize..6, 0isize..6), 1..6), whole in any::<bool>()) {
            let x = numbers(&[5, 4]);
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            let mut expected = Tensor::<f64>::full([5, 4], if whole { 1.0 } else { 0.0 });
            let mut y = if whole { v.sum(..) } else { tape.scalar(0.0) };
            for (i, &(axis, start, end)) in cuts.iter().enumerate() {
                let weight = i as f64 + 2.0;
                y = y + (v.slice(axis as isize, start..end) * weight).sum(..);
                let hit = |at: [usize; 2]| if (start..end).contains(&(at[axis] as isize)) { weight } else { 0.0 };
                expected = expected + (0..20).map(|i| hit([i / 4, i % 4])).collect::<Tensor<f64>>().reshape([5, 4]);
            }
            prop_assert_eq!(y.grad([v])[0].value(), expected);
        }
    }
}
