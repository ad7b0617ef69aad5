//! The layers and activations that a watched tape has notes of, with their places in the model.

use wengert_autograd::{Anomaly, Note, Noter, Tape, Var};
use wengert_nn::{Module, Visitor};
use wengert_tensor::Float;

/// The output of a layer or an activation.
pub(super) struct Output<'t, T: Float> {
    /// Where it is in the model; of an activation, the layer before it.
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) var: Var<'t, T>,
    pub(super) cotangent: Option<Var<'t, T>>,
    /// The first size of the first parameter of the latest layer: how many units it has.
    units: Option<usize>,
}

/// Something that a layer found out on the way.
pub(super) struct Inside<'t, T: Float> {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) var: Var<'t, T>,
}

/// What the tape has notes of, in order, each value once.
pub(super) fn noted<'t, T: Float>(
    model: &(impl Module<T> + ?Sized),
    tape: &'t Tape<T>,
) -> (Vec<Output<'t, T>>, Vec<Inside<'t, T>>) {
    let (parts, params) = (Visitor::parts(model), model.params());
    let (mut outputs, mut inside): (Vec<Output<'t, T>>, Vec<_>) = (Vec::new(), Vec::new());
    let (mut latest, mut units) = (String::new(), None);
    for Note { kind, by, var, cotangent } in tape.notes() {
        let path = match by {
            Noter::Activation => None,
            Noter::Layer(of) | Noter::Inside(of) => {
                parts.iter().find(|(part, _)| Some(*part) == of).map(|(_, path)| path.clone())
            }
        };
        if let Noter::Inside(_) = by {
            inside.extend(path.map(|path| Inside { path, name: kind, var }));
            continue;
        }
        if let Some(path) = path {
            let inner = format!("{path}.");
            let mut own = params.iter().filter(|(name, _)| path.is_empty() || name.starts_with(&inner));
            units = own.next().map(|(_, param)| param.shape()[..].first().copied()).unwrap_or(units);
            latest = path;
        }
        match outputs.last_mut() {
            // A layer around the one that gave it: only an activation in a closure, or in the layer that
            // is named after it, lacks a place.
            Some(last) if last.var.entry() == var.entry() => {
                if let Noter::Layer(_) = by
                    && (kind == "fn" || kind.eq_ignore_ascii_case(&last.kind))
                {
                    last.path.clone_from(&latest);
                }
            }
            _ => outputs.push(Output { path: latest.clone(), kind, var, cotangent, units }),
        }
    }
    number(&mut outputs);
    (outputs, inside)
}

/// Tells the calls of a layer that runs more than once apart.
fn number<T: Float>(outputs: &mut [Output<'_, T>]) {
    for i in 1..outputs.len() {
        let (before, [output, ..]) = outputs.split_at_mut(i) else { unreachable!("i is within") };
        let same = before.iter().filter(|other| {
            let path = other.path.split_once('#').map_or(&*other.path, |(path, _)| path);
            path == output.path && other.kind == output.kind
        });
        let count = same.count();
        if count > 0 {
            output.path = format!("{}#{}", output.path, count + 1);
        }
    }
}

impl<T: Float> Output<'_, T> {
    /// Between which values the activation has a slope of at least a twentieth of its steepest;
    /// none if it does not saturate on both sides.
    pub(super) fn limits(&self) -> Option<[f64; 2]> {
        // y(1 − y) ≥ 1/80 and, as tanh x = 2σ(2x) − 1, the same of (1 + y)/2.
        const EDGE: f64 = 0.974_679_434_480_896_4;
        match self.kind.as_str() {
            "sigmoid" | "hardsigmoid" => Some([0.5 - EDGE / 2.0, 0.5 + EDGE / 2.0]),
            "tanh" | "hardtanh" => Some([-EDGE, EDGE]),
            _ => None,
        }
    }

    /// The axis that counts the units, if these have no slope where they are 0.
    pub(super) fn mortal_units(&self) -> Option<isize> {
        if !matches!(self.kind.as_str(), "relu" | "relu6") || self.var.count() == 0 {
            return None;
        }
        match &self.var.shape()[..] {
            [] | [_] => None,
            [_, _] => Some(1),
            // A signal `[batch, channels, length]` or a sequence of vectors `[…, …, features]`.
            [_, channels, features] => {
                Some(if Some(*features) != self.units && Some(*channels) == self.units { 1 } else { 2 })
            }
            _ => Some(1),
        }
    }
}

/// The layer in which or next to which an anomaly arose, by its path in the model: the first whose output
/// was recorded after it. None if none was, or its tape is not watched.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, Linear, Sequential};
/// use wengert_tensor::{Rng, Tensor};
/// use wengert_train::layer_of;
///
/// let mut rng = Rng::seed(0);
/// let net = Sequential::new()
///     .then(Linear::new(3, 4, &mut rng))
///     .then_fn(|x| (-x.square()).sqrt())
///     .then(Linear::new(4, 2, &mut rng));
/// let tape = Tape::<f32>::new();
/// tape.watch();
/// let loss = net.forward(tape.var(Tensor::ones([5, 3]))).sum(..);
/// let anomaly = tape.anomaly_in([loss]).unwrap();
/// assert_eq!((anomaly.op, layer_of(&anomaly, &net, &tape).as_deref()), ("sqrt", Some("1")));
/// ```
pub fn layer_of<T: Float>(anomaly: &Anomaly, model: &(impl Module<T> + ?Sized), tape: &Tape<T>) -> Option<String> {
    let listing = tape.listing();
    // What a vjp rule recorded belongs to the operation that it differentiates.
    let of = |&entry: &usize| listing.entries[entry].vjp_of;
    let forward = std::iter::successors(Some(anomaly.entry), of).last()?;
    let (outputs, _) = noted(model, tape);
    outputs.into_iter().find(|output| output.var.entry() >= forward).map(|output| output.path)
}
