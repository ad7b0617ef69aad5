//! Recompute instead of keep.

use std::ops::Range;

use wengert_tensor::{Float, Shape, ShapeError};

use crate::nodes::{Kind, Nodes, OpKind};
use crate::repeat::Instead;
use crate::{Cotangents, Lowering, Op, Tape, Var};

/// `f(x)`, of which a gradient recomputes what it needs instead of keeping it: memory for time
/// (Griewank and Walther 2000; Chen et al. 2016).
///
/// Everything that `f` records counts, whatever it captures and returns; only what is used
/// outside of it stays in memory until backward. There the recorded operations run once more. So
/// the same random numbers are drawn, and state (the running statistics of a batch norm) moves
/// once. Values and gradients, of any order, are those of `f(x)`. Checkpoints may stand in one
/// another.
///
/// ```
/// use wengert_autograd::transform::checkpoint;
/// use wengert_autograd::{Param, Tape};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![[0.5, -0.2], [0.3, 0.8]]);
/// let tape = Tape::new();
/// let x = tape.var(tensor![[1.0, 2.0]]);
/// let plain = x.matmul(&w).tanh().matmul(&w).sum(..);
/// let saving = checkpoint(|x| x.matmul(&w).tanh().matmul(&w), x).sum(..);
/// assert_eq!(plain.item(), saving.item());
/// assert_eq!(plain.grad([x])[0].value(), saving.grad([x])[0].value());
/// ```
pub fn checkpoint<'t, T: Float, R>(f: impl FnOnce(Var<'t, T>) -> R, x: Var<'t, T>) -> R {
    let tape = x.tape();
    let start = tape.len() as u32;
    let result = f(x);
    let range = start..tape.len() as u32;
    if !range.is_empty() {
        tape.checkpoints.borrow_mut().push(range);
    }
    result
}

/// Passes on its first input once the second is there, so that what is computed from it waits
/// for backward to arrive.
#[derive(Clone)]
struct Await;

impl Op for Await {
    crate::op::compiled_here!(Await);
    fn name(&self) -> &'static str {
        "recompute"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| x[0].clone())
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [Some(g), None].into()
    }
}

/// What a backward pass recomputes instead of reading it from the forward pass.
pub(crate) struct Recomputed<'t, T: Float> {
    tape: &'t Tape<T>,
    /// What is still to be entered, the next one last: backward meets the latest first, and the
    /// outer before the inner.
    ahead: Vec<Range<u32>>,
    /// Where those begin that are entered and not left, and what was recorded for them.
    open: Vec<(u32, u32)>,
    instead: Instead,
}

impl<'t, T: Float> Recomputed<'t, T> {
    /// For a backward pass from `root`.
    pub(crate) fn before(tape: &'t Tape<T>, root: u32) -> Self {
        let ahead = ahead_of(&tape.checkpoints.borrow(), root);
        Self { tape, ahead, open: Vec::new(), instead: Instead::new() }
    }

    /// What the vjp rules read for entry `id`.
    pub(crate) fn of(&self, id: u32) -> Var<'t, T> {
        Var::new(self.tape, *self.instead.get(&id).unwrap_or(&id))
    }

    /// Records again the checkpoints that entry `id` is in, to run when its cotangent `g` is there.
    pub(crate) fn enter(&mut self, id: u32, g: Var<'t, T>) {
        self.leave(|begin| begin > id);
        while let Some(range) = self.ahead.pop_if(|range| range.end > id) {
            if range.contains(&id) {
                self.record_again(range, g.id);
            }
        }
    }

    /// Whether the entries at hand are of a checkpoint, whose values are to go as soon as they can.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Closes what was entered, at the end of the pass.
    pub(crate) fn finish(mut self) {
        self.leave(|_| true);
    }

    /// Closes the checkpoints that began where `passed` says. A derivative of the gradient
    /// recomputes in turn what was recorded for them.
    fn leave(&mut self, passed: impl Fn(u32) -> bool) {
        while let Some((_, start)) = self.open.pop_if(|(begin, _)| passed(*begin)) {
            self.tape.checkpoints.borrow_mut().push(start..self.tape.len() as u32);
        }
    }

    #[inline(never)]
    fn record_again(&mut self, range: Range<u32>, g: u32) {
        let tape = self.tape;
        tape.nodes.borrow_mut().set_origin(None);
        let inputs = inputs_of(&tape.nodes.borrow(), &range);
        let mut instead = Instead::new();
        for input in inputs {
            let awaited = self.of(input).id;
            let mut nodes = tape.nodes.borrow_mut();
            let (shape, at) = (nodes.list[awaited as usize].shape, nodes.list[awaited as usize].at);
            instead.insert(input, nodes.push_op(Await.boxed(), OpKind::of::<Await>(false), [awaited, g], shape, at));
        }
        let start = tape.len() as u32;
        self.open.push((range.start, start));
        tape.repeat(range, &mut instead);
        self.instead.extend(instead.into_iter().filter(|&(_, copy)| copy >= start));
    }
}

/// The checkpoints up to `root`, by their ends, the inner before the outer.
fn ahead_of(checkpoints: &[Range<u32>], root: u32) -> Vec<Range<u32>> {
    let ahead = checkpoints.iter().filter(|range| range.start <= root).cloned().collect();
    sorted(ahead, |range| (range.end, u32::MAX - range.start))
}

/// Ranges by a key; one function for all keys, because a sort takes long to compile.
fn sorted(mut ranges: Vec<Range<u32>>, key: fn(&Range<u32>) -> (u32, u32)) -> Vec<Range<u32>> {
    ranges.sort_by_key(key);
    ranges
}

/// What the operations in `range` read that they do not compute, apart from numbers.
fn inputs_of<T: Float>(nodes: &Nodes<T>, range: &Range<u32>) -> Vec<u32> {
    let read = range.clone().flat_map(|id| nodes.inputs(id)).copied();
    let mut inputs: Vec<u32> = read
        .filter(|input| match nodes.list[*input as usize].kind {
            Kind::Scalar(_) => false,
            Kind::Leaf => true,
            Kind::Op(..) => !range.contains(input),
        })
        .collect();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}

impl<T: Float> Tape<T> {
    /// The outermost checkpoint that each of some entries, in recording order, is in.
    pub(crate) fn checkpoint_of(&self, ids: &[u32]) -> Vec<Option<u32>> {
        outermost(&self.checkpoints.borrow(), ids)
    }
}

fn outermost(checkpoints: &[Range<u32>], ids: &[u32]) -> Vec<Option<u32>> {
    // Those that begin together lie in one another: the longest counts.
    let ranges = sorted(checkpoints.to_vec(), |range| (range.start, u32::MAX - range.end));
    let (mut next, mut open): (usize, Option<&Range<u32>>) = (0, None);
    ids.iter()
        .map(|&id| {
            while let Some(range) = ranges.get(next).filter(|range| range.start <= id) {
                open = open.filter(|open| open.end >= range.end).or(Some(range));
                next += 1;
            }
            open.filter(|range| range.contains(&id)).map(|range| range.start)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Rng, Tensor};

    use super::*;
    use crate::check;

    fn block<'t>(x: Var<'t, f64>, w: Var<'t, f64>) -> Var<'t, f64> {
        (x.matmul(w).tanh() * x + w.sum(0).exp()).sigmoid()
    }

    fn sample(shape: [usize; 2], seed: u64) -> Tensor<f64> {
        Tensor::uniform(shape, -1.0..1.0, &mut Rng::seed(seed))
    }

    /// Two blocks, whose derivative to third order is the same bits with checkpoints, nested or not.
    #[test]
    fn derivatives_of_any_order_are_those_without() {
        type Saved = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
        let plain: Saved = |x, w| block(block(x, w), w);
        let saved: [Saved; 3] = [
            |x, w| checkpoint(|x| block(checkpoint(|x| block(x, w), x), w), x),
            |x, w| checkpoint(|x| block(x, w), checkpoint(|x| block(x, w), x)),
            |x, w| checkpoint(|x| block(block(x, w), w) * 1.0, x),
        ];
        let derivatives = |f: Saved| {
            let tape = Tape::new();
            let (x, w) = (tape.var(sample([2, 3], 1)), tape.var(sample([3, 3], 2)));
            let mut found = Vec::new();
            let mut y = f(x, w).sum(..);
            for _ in 0..3 {
                let [dx, dw] = y.grad([x, w]);
                found.extend([y.value(), dx.value(), dw.value()]);
                y = (dx.square().sum(..) + dw.sin().sum(..)).sqrt();
            }
            found
        };
        let expected = derivatives(plain);
        for f in saved {
            for (found, expected) in derivatives(f).iter().zip(&expected) {
                found.assert_close(expected, 1e-14, 1e-15);
            }
        }
    }

    #[test]
    fn gradients() {
        let at = [sample([2, 3], 1), sample([3, 3], 2)];
        check::op(|[x, w]| checkpoint(|x| block(x, w), x), at).assert_ok();
    }

    /// Everything that leaves the closure has its derivative: captured ones, leaves made inside,
    /// several results, and an intermediate that escapes.
    #[test]
    fn what_comes_and_goes_has_derivatives() {
        let tape = Tape::<f64>::new();
        let x = tape.scalar(0.5);
        let mut escaped = None;
        let mut made = None;
        let [a, b] = checkpoint(
            |x| {
                let two = tape.var(Tensor::scalar(2.0));
                let e = (x * two).exp();
                (escaped, made) = (Some(e), Some(two));
                [e.ln() * x, e * e]
            },
            x,
        );
        let (e, two) = (escaped.unwrap(), made.unwrap());
        // 2 x² + e⁴ˣ + e²ˣ
        let y = a + b + e;
        let (e2, e4) = (1f64.exp(), 2f64.exp());
        let [dx, de, dtwo] = y.grad([x, e, two]).map(Var::item);
        assert!((dx - (2.0 + 4.0 * e4 + 2.0 * e2)).abs() < 1e-13);
        assert!((de - (0.5 / e2 + 2.0 * e2 + 1.0)).abs() < 1e-13);
        assert!((dtwo - (0.25 + e4 + 0.5 * e2)).abs() < 1e-13);
    }

    #[test]
    fn the_outermost_checkpoint_counts() {
        let ids = [0, 2, 3, 6, 7, 9, 10];
        assert_eq!(outermost(&[3..5, 2..7, 2..4, 9..10], &ids), [None, Some(2), Some(2), Some(2), None, Some(9), None]);
    }
}
