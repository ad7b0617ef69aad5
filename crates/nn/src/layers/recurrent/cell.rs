//! What one step of a recurrent layer computes.

use wengert_autograd::Var;
use wengert_tensor::Float;

use crate::Activation;

/// One step of a [`Recurrent`](crate::Recurrent) layer with `S` states, the first of which is the
/// output h.
///
/// The layer multiplies input and state with their weights; what the cell makes of the products
/// is all that tells recurrent layers apart.
///
/// ```
/// use wengert_autograd::{Tape, Var};
/// use wengert_nn::{Layer, Recurrent, RecurrentCell};
/// use wengert_tensor::{Float, Rng, Tensor};
///
/// /// The minimal gated unit without its reset: h′ = h + σ(f)·(tanh(n) − h).
/// #[derive(Default)]
/// struct Minimal;
///
/// impl RecurrentCell<1> for Minimal {
///     const NAME: &'static str = "Minimal";
///     const GATES: usize = 2;
///     fn step<'t, T: Float>(&self, x: Var<'t, T>, h: Var<'t, T>, [old]: [Var<'t, T>; 1]) -> [Var<'t, T>; 1] {
///         let gates = (x + h).split(-1, old.shape()[1]);
///         [old + gates[0].sigmoid() * (gates[1].tanh() - old)]
///     }
/// }
///
/// let layer = Recurrent::<Minimal, 1>::new(3, 4, &mut Rng::seed(0));
/// let tape = Tape::<f32>::new();
/// assert_eq!(layer.forward(tape.var(Tensor::ones([5, 2, 3]))).shape(), [5, 2, 4]);
/// ```
pub trait RecurrentCell<const S: usize>: Default + Send + Sync {
    /// What the layer is called.
    const NAME: &'static str;
    /// How many blocks of hidden units the weights make.
    const GATES: usize;
    /// The next states.
    ///
    /// `x` and `h` are the products of input and state with their weights, plus the biases, both
    /// `[batch, GATES · hidden]`; the states are `[batch, hidden]`.
    #[track_caller]
    fn step<'t, T: Float>(&self, x: Var<'t, T>, h: Var<'t, T>, state: [Var<'t, T>; S]) -> [Var<'t, T>; S];
}

/// The cell of [`Rnn`](crate::Rnn).
#[derive(Clone, Copy, Debug, Default)]
pub struct RnnCell {
    pub(super) relu: bool,
}

impl RecurrentCell<1> for RnnCell {
    const NAME: &'static str = "Rnn";
    const GATES: usize = 1;
    fn step<'t, T: Float>(&self, x: Var<'t, T>, h: Var<'t, T>, _: [Var<'t, T>; 1]) -> [Var<'t, T>; 1] {
        let sum = x + h;
        [if self.relu { sum.relu() } else { sum.tanh() }]
    }
}

/// The cell of [`Lstm`](crate::Lstm).
#[derive(Clone, Copy, Debug, Default)]
pub struct LstmCell;

impl RecurrentCell<2> for LstmCell {
    const NAME: &'static str = "Lstm";
    const GATES: usize = 4;
    fn step<'t, T: Float>(&self, x: Var<'t, T>, h: Var<'t, T>, [_, c]: [Var<'t, T>; 2]) -> [Var<'t, T>; 2] {
        let sum = x + h;
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| block(sum, gate, 4));
        let c = f.sigmoid() * c + i.sigmoid() * g.tanh();
        [o.sigmoid() * c.tanh(), c]
    }
}

/// The cell of [`Gru`](crate::Gru).
#[derive(Clone, Copy, Debug, Default)]
pub struct GruCell;

impl RecurrentCell<1> for GruCell {
    const NAME: &'static str = "Gru";
    const GATES: usize = 3;
    fn step<'t, T: Float>(&self, x: Var<'t, T>, h: Var<'t, T>, [old]: [Var<'t, T>; 1]) -> [Var<'t, T>; 1] {
        let reset = (block(x, 0, 3) + block(h, 0, 3)).sigmoid();
        let update = (block(x, 1, 3) + block(h, 1, 3)).sigmoid();
        let new = (block(x, 2, 3) + reset * block(h, 2, 3)).tanh();
        [(1.0 - update) * new + update * old]
    }
}

/// Block number `i` of `count` of the last axis.
fn block<T: Float>(x: Var<'_, T>, i: isize, count: isize) -> Var<'_, T> {
    let size = x.shape().last().map_or(0, |&size| size as isize) / count;
    x.slice(-1, i * size..(i + 1) * size)
}
