//! Recurrent layers: one state after another, by a cell.

mod cell;
#[cfg(test)]
mod tests;

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Rng, Tensor};

use super::dropout::{Dropout, dropped};
use super::sequence::{form, sequence_options};
use crate::{Init, Layer, Module, Summary, Visitor};
pub use cell::{GruCell, LstmCell, RecurrentCell, RnnCell};

/// The plain recurrent layer, h′ = tanh(W·x + b + U·h + c): Elman, "Finding structure in time"
/// (1990).
///
/// See [`Recurrent`] for shapes, options and how states are carried.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, Module, Rnn};
/// use wengert_tensor::{Rng, Tensor};
///
/// let layer = Rnn::new(3, 8, &mut Rng::seed(0));
/// let tape = Tape::<f32>::new();
/// assert_eq!(layer.forward(tape.var(Tensor::ones([5, 2, 3]))).shape(), [5, 2, 8]);
/// let names: Vec<String> = layer.params().into_keys().collect();
/// assert_eq!(names, ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]);
/// ```
#[doc(alias = "RNN")]
pub type Rnn<T = f32> = Recurrent<RnnCell, 1, T>;

/// The layer with long short-term memory: Hochreiter & Schmidhuber, "Long short-term memory"
/// (1997), with the forget gate of Gers et al. (2000).
///
/// With the gates i, f, g, o, whose rows follow one another in the weights: c′ = σ(f)·c +
/// σ(i)·tanh(g), h′ = σ(o)·tanh(c′). Its state is \[h, c\].
///
/// See [`Recurrent`] for shapes, options and how states are carried.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::Lstm;
/// use wengert_tensor::{Rng, Tensor};
///
/// let layer = Lstm::new(3, 8, &mut Rng::seed(0)).layers(2).bidirectional();
/// let tape = Tape::<f32>::new();
/// let (y, [h, c]) = layer.unroll(tape.var(Tensor::ones([5, 2, 3])), None);
/// assert_eq!((y.shape(), h.shape(), c.shape()), ([5, 2, 16].into(), [4, 2, 8].into(), [4, 2, 8].into()));
/// ```
#[doc(alias = "LSTM")]
pub type Lstm<T = f32> = Recurrent<LstmCell, 2, T>;

/// The layer of gated recurrent units: Cho et al., "Learning phrase representations using RNN
/// encoder-decoder" (2014), with the reset gate applied after the product.
///
/// With the gates r, z, n, whose rows follow one another in the weights: h′ = (1 − σ(z))·ñ +
/// σ(z)·h, where ñ = tanh(W·x + b + σ(r)·(U·h + c)).
///
/// See [`Recurrent`] for shapes, options and how states are carried.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Gru, Layer};
/// use wengert_tensor::{Rng, Tensor};
///
/// let layer = Gru::new(3, 8, &mut Rng::seed(0)).batch_first();
/// let tape = Tape::<f32>::new();
/// assert_eq!(layer.forward(tape.var(Tensor::ones([2, 5, 3]))).shape(), [2, 5, 8]);
/// assert_eq!(layer.to_string(), "Gru(3 → 8, batch first, 312 parameters)");
/// ```
#[doc(alias = "GRU")]
pub type Gru<T = f32> = Recurrent<GruCell, 1, T>;

/// A recurrent layer of a cell with `S` states: [`Rnn`], [`Lstm`], [`Gru`].
///
/// Sequences have the shape `[length, batch, inputs]`, or `[batch, length, inputs]` if told; the
/// outputs are the states h of the last layer, `[length, batch, directions · hidden]`. A state is
/// `[layers · directions, batch, hidden]`.
///
/// As a [`Layer`] it starts from states of 0; [`unroll`](Recurrent::unroll) takes and gives them.
/// Weights and biases start uniform between ±1/√hidden.
///
/// **Truncated back-propagation.** A long sequence is cut in pieces, one a tape; only values cross
/// from one to the next:
///
/// ```
/// use wengert_autograd::{Tape, Var};
/// use wengert_nn::Gru;
/// use wengert_tensor::{Rng, Tensor};
///
/// let layer = Gru::new(1, 4, &mut Rng::seed(0));
/// let sequence = Tensor::<f32>::ones([12, 1, 1]);
/// let mut carried = None;
/// for piece in sequence.split(0, 4) {
///     let tape = Tape::train(0);
///     let state = carried.map(|state: [Tensor; 1]| state.map(|value| tape.var(value)));
///     let (y, state) = layer.unroll(tape.var(piece), state);
///     // optimizer.step(&loss(y).backward())?;
///     carried = Some(state.map(Var::value));
/// }
/// // The values are those of the sequence in one piece.
/// let tape = Tape::new();
/// let (_, [whole]) = layer.unroll(tape.var(sequence), None);
/// assert_eq!(carried.unwrap()[0], whole.value());
/// ```
pub struct Recurrent<C, const S: usize, T: Float = f32> {
    cell: C,
    inputs: usize,
    hidden: usize,
    layers: usize,
    bidirectional: bool,
    batch_first: bool,
    biased: bool,
    dropout: Option<Dropout>,
    init: [Init; 2],
    rng: Rng,
    /// One a layer and direction, the backward one after the forward one.
    weights: Vec<Weights<T>>,
}

/// The parameters of one layer in one direction.
struct Weights<T: Float> {
    input: Param<T>,
    hidden: Param<T>,
    biases: Option<[Param<T>; 2]>,
}

/// What a parameter is called: `weight_ih_l0`, `bias_hh_l1_reverse`.
fn name(what: &str, layer: usize, direction: usize) -> String {
    format!("{what}_l{layer}{}", ["", "_reverse"][direction])
}

impl<C: RecurrentCell<S>, const S: usize, T: Float> Recurrent<C, S, T> {
    /// One layer of so many inputs and hidden units, in one direction, with biases.
    #[track_caller]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Self {
        let init = Init::Uniform(1.0 / (hidden.max(1) as f64).sqrt());
        let layer = Self {
            cell: C::default(),
            inputs,
            hidden,
            layers: 1,
            bidirectional: false,
            batch_first: false,
            biased: true,
            dropout: None,
            init: [init; 2],
            rng: Rng::seed(rng.next_u64()),
            weights: Vec::new(),
        };
        layer.drawn()
    }

    /// With so many layers, each fed by the one before.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn layers(self, layers: usize) -> Self {
        assert!(layers > 0, "{}: there must be a layer", C::NAME);
        Self { layers, ..self }.drawn()
    }

    /// With a second direction, from the end to the start, whose outputs stand beside those of the
    /// first.
    #[track_caller]
    pub fn bidirectional(self) -> Self {
        Self { bidirectional: true, ..self }.drawn()
    }

    sequence_options! {
        /// Drops outputs between layers with this probability.
    }

    /// Starts the weights of the inputs with other values, each gate by itself.
    #[track_caller]
    pub fn weight(self, init: Init) -> Self {
        Self { init: [init, self.init[1]], ..self }.drawn()
    }

    /// Starts the weights of the hidden state with other values, each gate by itself.
    #[track_caller]
    pub fn recurrent_weight(self, init: Init) -> Self {
        Self { init: [self.init[0], init], ..self }.drawn()
    }

    /// Leaves the biases out.
    #[track_caller]
    pub fn no_bias(self) -> Self {
        Self { biased: false, ..self }.drawn()
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// With first values for the present options.
    #[track_caller]
    fn drawn(mut self) -> Self {
        self.weights.clear();
        let enough = self.weights.try_reserve_exact(self.layers.saturating_mul(self.directions()));
        assert!(enough.is_ok(), "{}: {} layers cannot be allocated", C::NAME, self.layers);
        let bias = Init::Uniform(1.0 / (self.hidden.max(1) as f64).sqrt());
        for i in 0..self.layers * self.directions() {
            let (layer, direction) = (i / self.directions(), i % self.directions());
            let inputs = if layer == 0 { self.inputs } else { self.directions() * self.hidden };
            let [ih, hh, b, c] =
                ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(|what| name(what, layer, direction));
            let (input, hidden) = (
                self.param(&ih, self.init[0], &[self.hidden, inputs]),
                self.param(&hh, self.init[1], &[self.hidden; 2]),
            );
            let mut biases = None;
            if self.biased {
                biases = Some([self.param(&b, bias, &[self.hidden]), self.param(&c, bias, &[self.hidden])]);
            }
            self.weights.push(Weights { input, hidden, biases });
        }
        self
    }

    /// A parameter of first values for every gate.
    #[track_caller]
    fn param(&self, name: &str, init: Init, shape: &[usize]) -> Param<T> {
        let (rng, fans) = (self.rng.fork(name), [shape[shape.len() - 1], self.hidden]);
        let mut gates: Vec<Tensor<T>> = Vec::with_capacity(C::GATES);
        for gate in 0..C::GATES as u64 {
            gates.push(init.values(shape, fans, &mut rng.fork(gate)));
        }
        Param::new(name, Tensor::concat(&gates.iter().collect::<Vec<_>>(), 0))
    }

    /// The outputs of a sequence and the last states, from given states or from 0.
    ///
    /// # Panics
    /// If the sequence is empty, or shapes do not fit.
    #[track_caller]
    pub fn unroll<'t>(&self, x: Var<'t, T>, state: Option<[Var<'t, T>; S]>) -> (Var<'t, T>, [Var<'t, T>; S]) {
        let (shape, inputs, tape) = (x.shape(), self.inputs, x.tape());
        let from = tape.len();
        let fits = shape.len() == 3 && shape[2] == inputs;
        assert!(fits, "{}: the input's shape {shape} should be {}", C::NAME, form(self.batch_first, inputs));
        let time = usize::from(self.batch_first);
        let (length, batch) = (shape[time], shape[1 - time]);
        assert!(length > 0, "{}: the input's shape {shape} has no steps", C::NAME);
        let held = [self.weights.len(), batch, self.hidden];
        if let Some(state) = &state {
            for part in state {
                let shape = part.shape();
                assert!(shape == held, "{}: a state of shape {shape} should be {held:?}", C::NAME);
            }
        }

        let mut sequence = x;
        let mut last: [Vec<Var<'t, T>>; S] = std::array::from_fn(|_| Vec::new());
        for (layer, weights) in self.weights.chunks(self.directions()).enumerate() {
            if layer > 0 {
                sequence = dropped(sequence, self.dropout);
            }
            let mut directions = Vec::new();
            for (direction, weights) in weights.iter().enumerate() {
                let start = match &state {
                    Some(state) => state.map(|part| part.select(0, last[0].len() as isize)),
                    None => [tape.var(Tensor::zeros([batch, self.hidden])); S],
                };
                let (outputs, end) = self.run(sequence, weights, start, time as isize, direction == 1);
                last.iter_mut().zip(end).for_each(|(all, part)| all.push(part));
                directions.push(outputs);
            }
            sequence = Var::concat(&directions, -1);
        }
        let y = Summary::note_from(from, self, sequence);
        (y, last.map(|parts| Var::stack(&parts, 0)))
    }

    /// The outputs of one layer in one direction, and its last state.
    #[track_caller]
    fn run<'t>(
        &self,
        sequence: Var<'t, T>,
        weights: &Weights<T>,
        mut state: [Var<'t, T>; S],
        time: isize,
        backward: bool,
    ) -> (Var<'t, T>, [Var<'t, T>; S]) {
        let tape = state[0].tape();
        let [input, hidden] = [&weights.input, &weights.hidden].map(|weight| weight.on(tape).t());
        let biased = |x: Var<'t, T>, i: usize| match &weights.biases {
            Some(biases) => x + &biases[i],
            None => x,
        };
        // The inputs are known beforehand: one product for all steps.
        let mut steps = biased(sequence.matmul(input), 0).unbind(time);
        if backward {
            steps.reverse();
        }
        for step in &mut steps {
            state = self.cell.step(*step, biased(state[0].matmul(hidden), 1), state);
            *step = state[0];
        }
        if backward {
            steps.reverse();
        }
        (Var::stack(&steps, time), state)
    }
}

impl<T: Float> Rnn<T> {
    /// With relu instead of tanh.
    pub fn relu(self) -> Self {
        Self { cell: RnnCell { relu: true }, ..self }
    }
}

impl<C: RecurrentCell<S>, const S: usize, T: Float> Module<T> for Recurrent<C, S, T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        for weights in &self.weights {
            let params = [&weights.input, &weights.hidden].into_iter().chain(weights.biases.iter().flatten());
            params.for_each(|param| visitor.child(param.name(), param));
        }
    }
}

impl<C: RecurrentCell<S>, const S: usize, T: Float> Layer<T> for Recurrent<C, S, T> {
    /// The outputs of a sequence, from states of 0.
    ///
    /// # Panics
    /// As [`Recurrent::unroll`].
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.unroll(x, None).0
    }
}

impl<C: RecurrentCell<S>, const S: usize, T: Float> fmt::Display for Recurrent<C, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} → {}", C::NAME, self.inputs, self.hidden)?;
        if self.layers > 1 {
            write!(f, ", {} layers", self.layers)?;
        }
        for (set, word) in [(self.bidirectional, "bidirectional"), (self.batch_first, "batch first")] {
            if set {
                write!(f, ", {word}")?;
            }
        }
        write!(f, ", {} parameters)", self.param_count())
    }
}

impl<C: RecurrentCell<S>, const S: usize, T: Float> fmt::Debug for Recurrent<C, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
