//! The table of a model's layers.

use std::fmt;

use wengert_autograd::{Note, Noter, Tape, Var};
use wengert_tensor::{Float, Shape, Tensor};

use crate::Layer;
use crate::module::{Module, Visitor};

/// The layers of a model in the order in which they run, with their output shapes and parameters.
///
/// Nothing is listed by hand: layers report when they run, and a model is run once for its
/// summary, in evaluate mode. A layer of your own reports with [`Summary::note`]; if it does not,
/// its parameters stand below those that do.
///
/// A [`Layer`](crate::Layer) has [`summary`](crate::Layer::summary); [`Summary::of`] takes any
/// model.
///
/// ```
/// # extern crate wengert_nn as wengert;
/// use wengert::{Activation, BatchNorm, Layer, Linear, Module};
/// use wengert_autograd::Var;
/// use wengert_tensor::Rng;
///
/// #[derive(Debug, Module)]
/// struct Net {
///     hidden: Linear,
///     norm: BatchNorm,
///     out: Linear,
/// }
///
/// impl Layer for Net {
///     fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
///         self.out.forward(self.norm.forward(self.hidden.forward(x)).relu())
///     }
/// }
///
/// let mut rng = Rng::seed(1);
/// let (hidden, norm, out) = (Linear::new(64, 32, &mut rng), BatchNorm::new(32), Linear::new(32, 10, &mut rng));
/// let net = Net { hidden, norm, out };
/// let expected = "
/// layer   type       output   parameters
/// ──────────────────────────────────────
/// hidden  Linear     [1, 32]       2,080
/// norm    BatchNorm  [1, 32]          64
/// out     Linear     [1, 10]         330
/// ──────────────────────────────────────
/// 2,474 parameters, 0 of them frozen; 65 values in buffers
/// ";
/// assert_eq!(net.summary([1, 64]).to_string(), expected.trim());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One a layer that ran, then one a parameter of which no layer told.
    pub rows: Vec<SummaryRow>,
    /// The elements of all parameters.
    pub parameters: usize,
    /// The elements of those that are excluded from training.
    pub frozen: usize,
    /// The elements of all buffers.
    pub buffered: usize,
}

/// One line of a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// Where the layer is in the model; empty if it is the model, or the model does not hold it.
    pub path: String,
    /// The name of its type.
    pub kind: String,
    /// The shape of its output.
    pub output: Shape,
    /// The elements of its parameters, but for those that an earlier row counts.
    pub parameters: usize,
}

impl Summary {
    /// The summary of a model that runs as `run` does, on a tape in evaluate mode.
    ///
    /// ```
    /// use wengert_autograd::Var;
    /// use wengert_nn::{Layer, Linear, Summary};
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let mut rng = Rng::seed(0);
    /// let towers = (Linear::<f32>::new(4, 8, &mut rng), Linear::new(6, 8, &mut rng));
    /// let summary = Summary::of(&towers, |tape| {
    ///     let (a, b) = (tape.var(Tensor::zeros([1, 4])), tape.var(Tensor::zeros([1, 6])));
    ///     towers.0.forward(a) * towers.1.forward(b)
    /// });
    /// assert_eq!(summary.rows[1].path, "1");
    /// assert_eq!(summary.rows[1].parameters, 56);
    /// ```
    #[track_caller]
    pub fn of<T: Float>(
        model: &(impl Module<T> + ?Sized),
        run: impl for<'t> FnOnce(&'t Tape<T>) -> Var<'t, T>,
    ) -> Self {
        let tape = Tape::new();
        tape.watch();
        run(&tape);
        Self::new(model, &tape)
    }

    /// The summary of a layer for an input of this shape. No closure stands between the caller and
    /// the layer, so that a mistake is one of the caller's line.
    #[track_caller]
    pub(crate) fn of_layer<T: Float>(layer: &impl Layer<T>, input: Shape) -> Self {
        let tape = Tape::new();
        tape.watch();
        layer.forward(tape.var(Tensor::zeros(input)));
        Self::new(layer, &tape)
    }

    fn new<T: Float>(model: &(impl Module<T> + ?Sized), tape: &Tape<T>) -> Self {
        let parts = Visitor::parts(model);
        let params = model.params();
        let mut uncounted: Vec<(&str, usize)> =
            params.iter().map(|(name, param)| (name.as_str(), param.shape().count())).collect();

        let mut rows = Vec::new();
        for Note { kind, by, var, .. } in tape.notes() {
            let Noter::Layer(layer) = by else { continue };
            let part = parts.iter().find(|(identity, _)| Some(*identity) == layer);
            let mut parameters = 0;
            uncounted.retain(|&(name, count)| {
                let own = part.is_some_and(|(_, path)| holds(path, name));
                parameters += if own { count } else { 0 };
                !own
            });
            rows.push(SummaryRow {
                path: part.map(|(_, path)| path.clone()).unwrap_or_default(),
                kind,
                output: var.shape(),
                parameters,
            });
        }
        rows.extend(uncounted.into_iter().map(|(name, parameters)| SummaryRow {
            path: name.to_owned(),
            kind: "Param".to_owned(),
            output: params[name].shape(),
            parameters,
        }));
        let frozen = params.values().filter(|param| param.is_frozen()).map(|param| param.shape().count()).sum();
        let buffered = model.buffers().values().map(|buffer| buffer.shape().count()).sum();
        Self { rows, parameters: model.param_count(), frozen, buffered }
    }

    /// Notes that `layer` has this output, for summaries and whoever else watches the tape, and
    /// returns the output: the last line of a layer's `forward`.
    ///
    /// The name of the type is taken from the layer's `Debug`.
    ///
    /// ```
    /// use wengert_autograd::{Param, Var};
    /// use wengert_nn::{Layer, Module, Summary, Visitor};
    /// use wengert_tensor::tensor;
    ///
    /// #[derive(Debug)]
    /// struct Scale(Param);
    ///
    /// impl Module for Scale {
    ///     fn visit(&self, visitor: &mut Visitor) {
    ///         visitor.child("factor", &self.0);
    ///     }
    /// }
    ///
    /// impl Layer for Scale {
    ///     fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
    ///         Summary::note(self, x * &self.0)
    ///     }
    /// }
    ///
    /// let summary = Scale(Param::new("factor", tensor![2.0])).summary([3]);
    /// assert_eq!((summary.rows[0].kind.as_str(), summary.rows[0].parameters), ("Scale", 1));
    /// ```
    pub fn note<'t, T: Float, L: Module<T> + fmt::Debug>(layer: &L, output: Var<'t, T>) -> Var<'t, T> {
        Self::note_from(usize::MAX, layer, output)
    }

    /// As [`Summary::note`], in place of whatever was noted from entry `from` on.
    pub(crate) fn note_from<'t, T: Float, L: Module<T> + fmt::Debug>(
        from: usize,
        layer: &L,
        output: Var<'t, T>,
    ) -> Var<'t, T> {
        if !output.tape().is_watched() {
            return output;
        }
        let text = format!("{layer:?}");
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        output.noted(&text[..end], Noter::Layer(layer.identity()), from)
    }
}

/// Whether the parameter of this name belongs to the part at `path`.
fn holds(path: &str, name: &str) -> bool {
    path.is_empty() || name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["layer", "type", "output", "parameters"].map(str::to_owned);
        let cells = self
            .rows
            .iter()
            .map(|row| [row.path.clone(), row.kind.clone(), row.output.to_string(), grouped(row.parameters)]);
        let table: Vec<[String; 4]> = std::iter::once(heading).chain(cells).collect();
        let [a, b, c, d] = std::array::from_fn(|i| table.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
        let rule = "─".repeat(a + b + c + d + 6);
        for (i, [path, kind, output, count]) in table.iter().enumerate() {
            writeln!(f, "{path:a$}  {kind:b$}  {output:c$}  {count:>d$}")?;
            if i == 0 {
                writeln!(f, "{rule}")?;
            }
        }
        let [parameters, frozen, buffered] = [self.parameters, self.frozen, self.buffered].map(grouped);
        write!(f, "{rule}\n{parameters} parameters, {frozen} of them frozen; {buffered} values in buffers")
    }
}

/// With commas between thousands.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNorm, Dropout, Linear, Lstm, Module, Sequential};
    use std::sync::Arc;
    use wengert_autograd::Param;
    use wengert_tensor::Rng;

    #[derive(Debug, Module)]
    struct Net {
        first: Linear,
        drop: Dropout,
        shared: Arc<Linear>,
        again: Arc<Linear>,
        tail: Vec<Box<dyn Layer>>,
        scale: Param,
    }

    impl Layer for Net {
        fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
            let h = self.drop.forward(self.first.forward(x));
            let h = self.again.forward(self.shared.forward(h));
            self.tail.iter().fold(h, |h, layer| layer.forward(h)) * &self.scale
        }
    }

    fn net() -> Net {
        let mut rng = Rng::seed(0);
        let shared = Arc::new(Linear::new(8, 8, &mut rng).no_bias());
        shared.freeze();
        let inner = Sequential::new().then(Linear::new(8, 2, &mut rng)).then_fn(|x| x.relu());
        Net {
            first: Linear::new(3, 8, &mut rng),
            drop: Dropout::new(0.5),
            again: shared.clone(),
            shared,
            tail: vec![Box::new(Dropout::new(0.1)), Box::new(inner)],
            scale: Param::new("scale", Tensor::ones([2])),
        }
    }

    #[test]
    fn every_layer_has_its_path_and_every_parameter_its_row() {
        let summary = net().summary([5, 3]);
        let rows: Vec<_> = summary.rows.iter().map(|r| (r.path.as_str(), r.kind.as_str(), r.parameters)).collect();
        let expected = [
            ("first", "Linear", 32),
            ("drop", "Dropout", 0),
            ("shared", "Linear", 64),
            ("shared", "Linear", 0),
            ("tail.0", "Dropout", 0),
            ("tail.1.0", "Linear", 18),
            ("tail.1.1", "fn", 0),
            ("scale", "Param", 2),
        ];
        assert_eq!(rows, expected);
        assert_eq!(summary.rows[5].output, [5, 2]);
        assert_eq!((summary.parameters, summary.frozen, summary.buffered), (116, 64, 0));
        assert_eq!(rows.iter().map(|row| row.2).sum::<usize>(), summary.parameters);
    }

    #[test]
    fn a_watched_tape_keeps_the_notes_of_layers_and_whole_activations() {
        let mut rng = Rng::seed(0);
        let (lstm, norm) = (Lstm::new(3, 4, &mut rng), BatchNorm::new(4));
        let kinds = |watched: bool| -> Vec<String> {
            let tape = Tape::<f32>::train(0);
            if watched {
                tape.watch();
            }
            let h = lstm.forward(tape.var(Tensor::ones([5, 2, 3]))).select(0, 0);
            norm.forward(h.silu()).sigmoid().sum(..).backward();
            tape.notes().into_iter().map(|note| note.kind).collect()
        };
        // Neither the gates of the LSTM nor the sigmoid in silu, nor what the backward pass records.
        assert_eq!(kinds(true), ["Lstm", "silu", "running_mean", "running_var", "BatchNorm", "sigmoid"]);
        assert!(kinds(false).is_empty());
    }

    #[test]
    fn watching_changes_no_gradient() {
        let net = net();
        let gradient = |watched: bool| {
            let tape = Tape::train(3);
            if watched {
                tape.watch();
            }
            let x = tape.var(Tensor::normal([5, 3], 0.0, 1.0, &mut Rng::seed(1)));
            let gradients = net.forward(x).square().sum(..).backward();
            let found = gradients.get(net.first.bias.as_ref().unwrap()).unwrap().value();
            (found, tape.notes().into_iter().filter_map(|note| note.cotangent).count())
        };
        let (plain, watched) = (gradient(false), gradient(true));
        assert_eq!(plain.0, watched.0);
        assert_eq!((plain.1, watched.1), (0, 8));
    }

    #[test]
    fn thousands() {
        let numbers = [0, 12, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "12", "999", "1,000", "1,234,567"]);
    }
}
