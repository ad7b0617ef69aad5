//! Where the first NaN or infinity came from.

use std::fmt;
use std::panic::Location;

use wengert_tensor::{Float, Shape, Tensor};

use crate::check::unravel;
use crate::nodes::{Kind, Nodes};
use crate::replay::needed;
use crate::{Tape, Var};

/// The first value that is not finite: which operation gave it, from what, and the line that
/// recorded it.
///
/// See [`Tape::detect_anomaly`]. It prints as a sentence.
#[derive(Clone, Debug)]
pub struct Anomaly {
    /// The operation that gave the value.
    pub op: &'static str,
    /// The number of its entry on the tape.
    pub entry: usize,
    /// NaN, ∞ or −∞.
    pub value: f64,
    /// The index of the first such element.
    pub index: Vec<usize>,
    /// The shape of the operation's output.
    pub shape: Shape,
    /// The line of the program that recorded the operation; of a backward entry, the line of the
    /// operation that it differentiates.
    pub at: &'static Location<'static>,
    /// The operations whose vjp rules recorded it: none for a forward entry, the forward
    /// operation for a gradient, and for a gradient of gradients first the operation of the
    /// gradient.
    pub vjp_of: Vec<&'static str>,
    /// What it was computed from.
    pub inputs: Vec<AnomalyInput>,
}

/// An input of the operation that an [`Anomaly`] names.
#[derive(Clone, Debug)]
pub struct AnomalyInput {
    /// The operation that gave it, or `leaf`, `scalar`.
    pub op: &'static str,
    /// Its shape.
    pub shape: Shape,
    /// The element that the output came from, if the shapes are equal; else the smallest and the
    /// largest, NaN if there is one.
    pub range: (f64, f64),
    /// The line of the program that recorded it.
    pub at: &'static Location<'static>,
}

impl Anomaly {
    /// The anomaly in the value of entry `id`, if there is one; `inputs` are the entries and values that
    /// it was computed from.
    pub(crate) fn of<T: Float>(
        nodes: &Nodes<T>,
        id: u32,
        value: &Tensor<T>,
        inputs: impl Iterator<Item = (u32, Tensor<T>)>,
    ) -> Option<Self> {
        let element = value.iter().position(|v| !v.is_finite())?;
        let input = |(id, input): (u32, Tensor<T>)| {
            let one = (input.shape() == value.shape()).then(|| input.iter().nth(element)).flatten();
            let range = match one {
                Some(one) => (one.to_f64(), one.to_f64()),
                None => input.iter().map(T::to_f64).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                    if v.is_nan() || low.is_nan() { (f64::NAN, f64::NAN) } else { (low.min(v), high.max(v)) }
                }),
            };
            AnomalyInput { op: nodes.name(id), shape: input.shape().clone(), range, at: nodes.list[id as usize].at }
        };
        let vjp_of = std::iter::successors(nodes.origin(id), |&of| nodes.origin(of)).map(|of| nodes.name(of));
        Some(Self {
            op: nodes.name(id),
            entry: id as usize,
            value: value.iter().nth(element).expect("found there").to_f64(),
            index: unravel(element, value.shape()),
            shape: value.shape().clone(),
            at: nodes.list[id as usize].at,
            vjp_of: vjp_of.collect(),
            inputs: inputs.map(input).collect(),
        })
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, entry, value, index, shape, at, .. } = self;
        let pass = if self.vjp_of.is_empty() { "forward" } else { "backward" };
        write!(f, "anomaly in {pass}: {op} gives {value} at {index:?} of shape {shape}, ")?;
        self.vjp_of.iter().try_for_each(|of| write!(f, "in the vjp of {of} "))?;
        write!(f, "recorded at {at}")?;
        write!(f, " (entry {entry})")?;
        for (number, AnomalyInput { op, shape, range: (low, high), at }) in self.inputs.iter().enumerate() {
            write!(f, "\n  input {number}: {op} of shape {shape}, ")?;
            if low == high || low.is_nan() {
                write!(f, "{low}")?
            } else {
                write!(f, "{low} to {high}")?
            }
            write!(f, ", recorded at {at}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Anomaly {}

impl<T: Float> Nodes<T> {
    /// The name of an entry's operation.
    pub(crate) fn name(&self, id: u32) -> &'static str {
        match self.list[id as usize].kind {
            Kind::Leaf => "leaf",
            Kind::Scalar(_) => "scalar",
            Kind::Op(_) => self.op(id).expect("of this kind").name(),
        }
    }
}

impl<T: Float> Tape<T> {
    /// From now on, computing stops at the first NaN or infinity, in forward or backward, with a
    /// panic that names the operation, the line that recorded it and its inputs.
    ///
    /// Whoever looks at a value gets a number and no error to pass on, so a program that detects
    /// anomalies stops; [`Tape::anomaly_in`] returns what it finds. Meanwhile every operation runs alone
    /// and every element is looked at, which is slow; other tapes cost nothing. Values from
    /// outside (a mask of −∞, say) may be what they are; what an operation makes of them may not.
    ///
    /// ```should_panic
    /// use wengert_autograd::Tape;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// tape.detect_anomaly();
    /// let x = tape.var(tensor![4.0, 0.0]);
    /// let y = x.sqrt(); // its derivative at 0 is infinite
    /// let [dx] = y.sum(..).grad([x]);
    /// // anomaly in backward: per gives inf at [1] of shape [2], in the vjp of sqrt recorded at …
    /// dx.value();
    /// ```
    pub fn detect_anomaly(&self) {
        self.detects_anomaly.set(true);
    }

    /// Computes these values, one operation at a time, up to the first NaN or infinity.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[2.0, 0.0]]);
    /// let loss = x.ln().sum(..);
    /// let anomaly = tape.anomaly_in([loss]).unwrap();
    /// assert_eq!((anomaly.op, anomaly.value, &anomaly.index[..]), ("ln", f64::NEG_INFINITY, &[0, 1][..]));
    /// assert!(tape.anomaly_in([x.exp()]).is_none());
    /// println!("{anomaly}");
    /// ```
    /// # Panics
    /// If one is on another tape.
    #[track_caller]
    pub fn anomaly_in<'t>(&'t self, vars: impl IntoIterator<Item = Var<'t, T>>) -> Option<Anomaly> {
        let roots = self.roots("anomaly_in", vars);
        // What is known already is computed again, or nobody could tell where it came from.
        let held: Vec<_> = {
            let nodes = &mut *self.nodes.borrow_mut();
            let needed = needed(nodes, &roots);
            let is_op = |&id: &usize| needed[id] && matches!(nodes.list[id].kind, Kind::Op(..));
            let ops = (0..nodes.list.len()).filter(is_op);
            ops.filter_map(|id| Some((id, nodes.values.get_mut(id)?.take()?))).collect()
        };
        let anomaly = crate::plan::run(self, &roots, true);
        let mut nodes = self.nodes.borrow_mut();
        held.into_iter().for_each(|(id, value)| nodes.values[id] = Some(value));
        anomaly
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use super::*;
    use crate::Param;

    fn anomaly(f: impl for<'t> FnOnce(&'t Tape<f64>) -> Var<'t, f64>) -> Anomaly {
        let tape = Tape::new();
        tape.anomaly_in([f(&tape)]).expect("a value is not finite")
    }

    #[test]
    fn the_first_operation_is_named_and_not_those_that_pass_it_on() {
        let mut line = 0;
        let found = anomaly(|tape| {
            let x = tape.var(tensor![[1.0, 2.0, -3.0], [4.0, -5.0, 6.0]]);
            line = line!() + 1;
            let y = (x * 2.0).sqrt();
            (y.exp() * 2.0).tanh().sum(..)
        });
        assert_eq!((found.op, &found.index[..], found.at.line()), ("sqrt", &[0, 2][..], line));
        assert!(found.value.is_nan() && found.vjp_of.is_empty());
        assert_eq!((found.inputs[0].op, found.inputs[0].range), ("mul", (-6.0, -6.0)));
        let text = found.to_string();
        let expected =
            format!("anomaly in forward: sqrt gives NaN at [0, 2] of shape [2, 3], recorded at {}:{line}:", file!());
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.contains("input 0: mul of shape [2, 3], -6, recorded at"), "{text}");
    }

    #[test]
    fn backward_names_the_forward_operation_and_its_line() {
        let mut line = 0;
        let found = anomaly(|tape| {
            let x = tape.var(tensor![4.0, 0.0]);
            line = line!() + 1;
            let y = x.sqrt();
            (y * 3.0).sum(..).grad([x])[0]
        });
        assert_eq!((&found.vjp_of[..], &found.index[..], found.at.line()), (&["sqrt"][..], &[1][..], line));
        assert_eq!(found.value, f64::INFINITY);
        let text = found.to_string();
        assert!(text.contains("anomaly in backward") && text.contains("in the vjp of sqrt recorded at"), "{text}");
    }

    /// x^1.5 has a first derivative at 0 and no second.
    #[test]
    fn second_derivatives_name_both_operations() {
        let mut line = 0;
        let found = anomaly(|tape| {
            let x = tape.scalar(0.0);
            line = line!() + 1;
            let [slope] = (x * x.sqrt()).grad([x]);
            slope.grad([x])[0]
        });
        assert_eq!(found.at.line(), line);
        assert_eq!(found.vjp_of.last(), Some(&"sqrt"), "{found}");
    }

    #[test]
    fn what_comes_from_outside_is_blamed_on_who_uses_it() {
        let found = anomaly(|tape| tape.var(tensor![[1.0, f64::NAN]]).matmul(&tensor![[1.0], [2.0]]));
        assert_eq!((found.op, found.inputs[0].op, found.inputs[1].range), ("matmul", "leaf", (1.0, 2.0)));
        assert!(found.inputs[0].range.0.is_nan());
        let tape = Tape::<f64>::new();
        let masked = tape.var(tensor![1.0, 0.0]).where_(2.0, &tensor![f64::NAN, 3.0]);
        assert!(tape.anomaly_in([masked]).is_none());
    }

    #[test]
    fn what_was_computed_before_is_looked_at_too() {
        let tape = Tape::<f32>::new();
        let y = tape.scalar(-1.0).ln();
        let z = y + 1.0;
        assert!(y.item().is_nan() && z.item().is_nan());
        assert_eq!(tape.anomaly_in([z]).map(|found| found.op), Some("ln"));
        assert!(z.item().is_nan());
    }

    #[test]
    fn a_tape_that_detects_stops_and_stores_nothing() {
        let w = Param::<f64>::new("w", tensor![-1.0]);
        let stopped = std::panic::catch_unwind(|| {
            let tape = Tape::train(0);
            tape.detect_anomaly();
            w.assign(w.on(&tape).ln());
            tape.commit();
        });
        let message = *stopped.expect_err("the logarithm of −1").downcast::<String>().expect("a message");
        assert!(message.starts_with("anomaly in forward: ln gives NaN at [0] of shape [1], recorded at"), "{message}");
        assert_eq!(w.value(), tensor![-1.0]);
        let tape = Tape::<f64>::new();
        tape.detect_anomaly();
        assert_eq!((tape.scalar(2.0) * 3.0 + 1.0).item(), 7.0);
    }
}
