//! A module: anything that holds parameters and buffers, found by name.

mod parts;
#[cfg(test)]
mod tests;
mod visitor;

use indexmap::IndexMap;
use wengert_autograd::{Buffer, Identity, Param};
use wengert_tensor::Float;

use crate::{AnyTensor, LoadError, StateDict};
use visitor::Leaf;

pub use visitor::Visitor;

/// Anything that holds parameters and buffers: a layer, a model, a part of one.
///
/// `#[derive(Module)]` visits every field. A parameter is called by its path, `fc1.weight` or
/// `blocks.0.norm.weight`; names and order depend on the program alone. Parts may be in a `Vec`, an
/// array, a tuple or a `BTreeMap` by name, in an `Option`, a `Box` or an `Arc`. A parameter that is
/// reached by two paths (shared weights) is listed once, under the first.
///
/// ```
/// # extern crate wengert_nn as wengert;
/// use wengert::{BatchNorm, Linear, Module};
/// use wengert_tensor::Rng;
///
/// #[derive(Module)]
/// struct Net {
///     blocks: Vec<(Linear, BatchNorm)>,
///     out: Option<Linear>,
///     slope: f32,
/// }
///
/// let mut rng = Rng::seed(0);
/// let net = Net {
///     blocks: vec![(Linear::new(4, 8, &mut rng).no_bias(), BatchNorm::new(8))],
///     out: Some(Linear::new(8, 2, &mut rng)),
///     slope: 0.01,
/// };
/// let names: Vec<String> = net.params().into_keys().collect();
/// assert_eq!(names, ["blocks.0.0.weight", "blocks.0.1.weight", "blocks.0.1.bias", "out.weight", "out.bias"]);
/// assert_eq!(net.param_count(), 4 * 8 + 8 + 8 + 8 * 2 + 2);
/// ```
/// A field that is not a module does not compile unless it is marked:
/// ```compile_fail,E0277
/// # extern crate wengert_nn as wengert;
/// # use wengert::Module;
/// #[derive(Module)]
/// struct Net {
///     when: std::time::Instant, // `Instant` is not a module
/// }
/// ```
/// ```
/// # extern crate wengert_nn as wengert;
/// # use wengert::Module;
/// #[derive(Module)]
/// struct Net {
///     #[module(skip)]
///     when: std::time::Instant,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module over `{T}`",
    note = "derive `Module` for it, or mark a field that holds no parameters with `#[module(skip)]`"
)]
pub trait Module<T: Float = f32>: Send + Sync {
    /// Shows `visitor` every part, always in the same order. What `#[derive(Module)]` writes.
    fn visit(&self, visitor: &mut Visitor<T>);

    /// What tells this part from the others of a model; none if it holds nothing at all.
    #[doc(hidden)]
    fn identity(&self) -> Option<Identity> {
        Identity::of(self)
    }

    /// The parameters by name, frozen ones included.
    #[doc(alias = "named_parameters")]
    fn params(&self) -> IndexMap<String, Param<T>> {
        let leaves = Visitor::walk(self).leaves.into_iter();
        leaves
            .filter_map(|(name, found)| if let Leaf::Param(param) = found.leaf { Some((name, param)) } else { None })
            .collect()
    }

    /// The buffers by name.
    fn buffers(&self) -> IndexMap<String, Buffer<T>> {
        let leaves = Visitor::walk(self).leaves.into_iter();
        leaves
            .filter_map(|(name, found)| if let Leaf::Buffer(buffer) = found.leaf { Some((name, buffer)) } else { None })
            .collect()
    }

    /// The number of trainable values: the elements of all parameters.
    fn param_count(&self) -> usize {
        self.params().values().map(|param| param.shape().count()).sum()
    }

    /// Excludes every parameter from training.
    #[doc(alias = "requires_grad_")]
    fn freeze(&self) {
        self.params().values().for_each(Param::freeze);
    }

    /// Includes every parameter in training again.
    fn unfreeze(&self) {
        self.params().values().for_each(Param::unfreeze);
    }

    /// The values of all parameters and buffers, in the order of the fields: PyTorch's
    /// `state_dict`, with its names and layouts.
    fn state_dict(&self) -> StateDict {
        Visitor::walk(self).leaves.iter().map(|(name, found)| (name, AnyTensor::from(found.leaf.value()))).collect()
    }

    /// Takes on the values of another model's [`Module::state_dict`], or of a file. Other
    /// element types are rounded to this model's; shared parameters may be given under each of
    /// their names.
    ///
    /// ```
    /// # extern crate wengert_nn as wengert;
    /// use wengert::{Linear, Module};
    /// use wengert_tensor::Rng;
    ///
    /// let [single, other] = [0, 1].map(|seed| Linear::<f32>::new(2, 2, &mut Rng::seed(seed)));
    /// single.load_state_dict(&other.state_dict())?;
    /// assert_eq!(single.weight.value(), other.weight.value());
    ///
    /// let wide = Linear::<f32>::new(3, 2, &mut Rng::seed(0)).no_bias();
    /// let error = wide.load_state_dict(&other.state_dict()).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the state does not fit\n  1 unexpected: bias\n  weight should have the shape [2, 3], not [2, 2]"
    /// );
    /// # Ok::<(), wengert::LoadError>(())
    /// ```
    /// # Errors
    /// If entries are missing, unexpected or of another shape: all of them are listed, and
    /// nothing has changed.
    fn load_state_dict(&self, state: &StateDict) -> Result<(), LoadError> {
        Visitor::walk(self).load(state)
    }
}
