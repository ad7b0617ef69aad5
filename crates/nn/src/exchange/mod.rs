//! State by name: what a model, an optimizer or a schedule needs to go on elsewhere, and the
//! files that hold it.

mod any_tensor;
mod bytes;
mod file;
mod load;
mod npy;
#[cfg(feature = "npz")]
mod npz;
mod safetensors;
#[cfg(test)]
mod tests;

use std::fmt;

use indexmap::IndexMap;
use wengert_tensor::Tensor;

pub use any_tensor::AnyTensor;
pub use file::{FileError, FormatError, replace_file};
pub(crate) use load::Check;
pub use load::LoadError;

/// What has a state that can be read and put back completely, so that work goes on as if it had
/// never stopped.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Adam, Optimizer, Stateful};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![1.0]);
/// let mut first = Adam::new(&w, 0.1);
/// let tape = Tape::train(0);
/// first.step(&w.on(&tape).square().sum(..).backward())?;
///
/// let mut second = Adam::new(&w, 0.5);
/// second.restore(&first.state())?;
/// assert_eq!(second.lr(), 0.1);
/// assert_eq!(second.state(), first.state());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Stateful {
    /// All that changes over time.
    fn state(&self) -> StateDict;

    /// Takes on a state of [`Stateful::state`].
    ///
    /// # Errors
    /// If an entry is missing, unexpected, of another shape or impossible. Nothing has changed
    /// then.
    fn restore(&mut self, state: &StateDict) -> Result<(), LoadError>;
}

macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<S: Stateful + ?Sized> Stateful for $pointer {
            fn state(&self) -> StateDict {
                (**self).state()
            }

            fn restore(&mut self, state: &StateDict) -> Result<(), LoadError> {
                (**self).restore(state)
            }
        }
    )*};
}
pointer!(Box<S>, &mut S);

/// Tensors by name, in order: the state of a model, an optimizer or both.
///
/// ```
/// use wengert_nn::{Linear, Module, StateDict};
/// use wengert_tensor::Rng;
///
/// let layer = Linear::<f32>::new(3, 2, &mut Rng::seed(0));
/// let mut checkpoint = StateDict::new();
/// checkpoint.insert_all("model", layer.state_dict());
/// checkpoint.insert_number("epoch", 7.0);
/// assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["model.weight", "model.bias", "epoch"]);
///
/// let file = std::env::temp_dir().join(format!("checkpoint-{}.safetensors", std::process::id()));
/// checkpoint.write(&file)?;
/// let checkpoint = StateDict::read(&file)?;
/// # std::fs::remove_file(&file)?;
/// let other = Linear::<f32>::new(3, 2, &mut Rng::seed(1));
/// other.load_state_dict(&checkpoint.part("model"))?;
/// assert_eq!(other.state_dict(), layer.state_dict());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct StateDict {
    entries: IndexMap<String, AnyTensor>,
}

impl StateDict {
    /// One without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the entry `name`, in the place it had or else at the end.
    pub fn insert(&mut self, name: impl Into<String>, tensor: impl Into<AnyTensor>) {
        self.entries.insert(name.into(), tensor.into());
    }

    /// Sets a number, as a tensor of shape `[]`.
    pub fn insert_number(&mut self, name: impl Into<String>, value: f64) {
        self.insert(name, Tensor::scalar(value));
    }

    /// Sets every entry of another state, as `part.name`.
    pub fn insert_all(&mut self, part: &str, state: StateDict) {
        self.entries.extend(state.entries.into_iter().map(|(name, tensor)| (format!("{part}.{name}"), tensor)));
    }

    /// The entries called `part.name`, as `name`.
    pub fn part(&self, part: &str) -> StateDict {
        let inside = |name: &str| name.strip_prefix(part)?.strip_prefix('.').map(str::to_owned);
        self.iter().filter_map(|(name, tensor)| Some((inside(name)?, tensor.clone()))).collect()
    }

    /// The entry `name`.
    pub fn get(&self, name: &str) -> Option<&AnyTensor> {
        self.entries.get(name)
    }

    /// The number `name`: an entry of one element.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).filter(|tensor| tensor.shape().count() == 1).map(|tensor| tensor.to::<f64>().item())
    }

    /// Takes the entry `name` out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<AnyTensor> {
        self.entries.shift_remove(name)
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Names and tensors in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AnyTensor)> {
        self.entries.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<N: Into<String>, V: Into<AnyTensor>> FromIterator<(N, V)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().map(|(name, tensor)| (name.into(), tensor.into())).collect() }
    }
}

impl fmt::Debug for StateDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
