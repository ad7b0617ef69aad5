//! One application of an operation: inputs and arguments on their way in, outputs on the way
//! out.

use std::cell::RefCell;

use wengert::prelude::*;

use crate::args::Args;
use crate::data::{self, Data, Dtype};

pub(crate) struct Call<'t, T: Float> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) args: Args,
    pub(crate) expr: String,
    /// The shape of the first output, where it is known.
    pub(crate) result: Option<Vec<usize>>,
    inputs: Vec<Input<'t, T>>,
}

struct Input<'t, T: Float> {
    data: Data,
    /// Once it is on the tape, or otherwise read.
    var: RefCell<Option<Var<'t, T>>>,
    read: RefCell<bool>,
}

/// What an operation returns; `None` if it is not supported.
pub(crate) type Outputs<'t, T> = Option<Vec<Output<'t, T>>>;

pub(crate) enum Output<'t, T: Float> {
    Var(Var<'t, T>),
    Value(Data),
}

impl<'t, T: Float> From<Var<'t, T>> for Output<'t, T> {
    fn from(var: Var<'t, T>) -> Self {
        Output::Var(var)
    }
}

impl<T: Float, E: Element> From<Tensor<E>> for Output<'_, T> {
    fn from(tensor: Tensor<E>) -> Self {
        Output::Value(data::of(&tensor))
    }
}

impl<T: Float> Output<'_, T> {
    pub(crate) fn data(&self) -> Data {
        match self {
            Output::Var(var) => data::of(&var.value()),
            Output::Value(data) => data.clone(),
        }
    }
}

impl<'t, T: Float> Call<'t, T> {
    pub(crate) fn new(tape: &'t Tape<T>, inputs: Vec<Data>, args: Args, expr: &str) -> Self {
        let input = |data| Input { data, var: RefCell::new(None), read: RefCell::new(false) };
        let inputs = inputs.into_iter().map(input).collect();
        Self { tape, args, expr: expr.to_owned(), result: None, inputs }
    }

    /// A call on variables.
    pub(crate) fn on(tape: &'t Tape<T>, vars: &[Var<'t, T>], args: Args) -> Self {
        let empty = || Data { dtype: Dtype::Float, shape: Vec::new(), values: Vec::new() };
        let call = Self::new(tape, vars.iter().map(|_| empty()).collect(), args, "");
        for (input, var) in call.inputs.iter().zip(vars) {
            *input.var.borrow_mut() = Some(*var);
        }
        call
    }

    pub(crate) fn count(&self) -> usize {
        self.inputs.len()
    }

    fn input(&self, i: usize, dtype: Dtype) -> Option<&Input<'t, T>> {
        let input = self.inputs.get(i).filter(|input| input.data.dtype == dtype)?;
        input.read.replace(true);
        Some(input)
    }

    /// Floating-point input `i`.
    pub(crate) fn x(&self, i: usize) -> Option<Var<'t, T>> {
        let input = self.input(i, Dtype::Float)?;
        Some(*input.var.borrow_mut().get_or_insert_with(|| self.tape.var(input.data.tensor::<T>())))
    }

    /// Two operands; one input stands for both.
    pub(crate) fn pair(&self) -> Option<(Var<'t, T>, Var<'t, T>)> {
        Some((self.x(0)?, self.x(self.count() - 1)?))
    }

    /// All inputs.
    pub(crate) fn all(&self) -> Option<Vec<Var<'t, T>>> {
        (0..self.count()).map(|i| self.x(i)).collect()
    }

    /// Input `i` as the value of `param`, so that its gradient is the parameter's.
    pub(crate) fn give(&self, i: usize, param: &Param<T>) -> Option<()> {
        let input = self.input(i, Dtype::Float)?;
        param.set(input.data.tensor::<T>());
        *input.var.borrow_mut() = Some(param.on(self.tape));
        Some(())
    }

    /// Input `i` as a value without a gradient.
    pub(crate) fn value(&self, i: usize) -> Option<Tensor<T>> {
        Some(self.input(i, Dtype::Float)?.data.tensor())
    }

    pub(crate) fn ints(&self, i: usize) -> Option<Tensor<i64>> {
        Some(self.input(i, Dtype::Int)?.data.tensor())
    }

    pub(crate) fn bools(&self, i: usize) -> Option<Tensor<bool>> {
        Some(self.input(i, Dtype::Bool)?.data.tensor())
    }

    /// Input `i` as it stands on the tape, if it does.
    pub(crate) fn var(&self, i: usize) -> Option<Var<'t, T>> {
        *self.inputs[i].var.borrow()
    }

    /// Whether every input and every argument was used.
    pub(crate) fn all_read(&self) -> bool {
        self.args.all_read() && self.inputs.iter().all(|input| *input.read.borrow())
    }
}
