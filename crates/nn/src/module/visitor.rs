//! The walk through a module that finds its parameters and buffers.

use std::collections::HashMap;
use std::fmt::Display;

use indexmap::IndexMap;
use wengert_autograd::{Buffer, Identity, Param, StateId};
use wengert_tensor::{Float, Tensor};

use crate::exchange::Check;
use crate::{LoadError, Module, StateDict};

/// Collects the parameters and buffers of a [`Module`] with their names.
///
/// ```
/// use wengert_autograd::Param;
/// use wengert_nn::{Module, Visitor};
/// use wengert_tensor::tensor;
///
/// struct Scale(Param);
///
/// impl Module for Scale {
///     fn visit(&self, visitor: &mut Visitor) {
///         visitor.child("factor", &self.0);
///     }
/// }
///
/// let scale = Scale(Param::new("factor", tensor![2.0]));
/// assert!(scale.params()["factor"].is(&scale.0));
/// ```
pub struct Visitor<T: Float = f32> {
    path: String,
    pub(super) leaves: IndexMap<String, Found<T>>,
    /// The numbers of the leaves.
    seen: HashMap<StateId, usize>,
    parts: Vec<(Identity, String)>,
}

/// A parameter or buffer, with its further names if it is reached by several paths.
pub(super) struct Found<T: Float> {
    pub(super) leaf: Leaf<T>,
    others: Vec<String>,
}

/// What a walk finds.
pub(super) enum Leaf<T: Float> {
    Param(Param<T>),
    Buffer(Buffer<T>),
}

impl<T: Float> Leaf<T> {
    fn id(&self) -> StateId {
        match self {
            Self::Param(param) => param.id(),
            Self::Buffer(buffer) => buffer.id(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Param(param) => param.name(),
            Self::Buffer(buffer) => buffer.name(),
        }
    }

    pub(super) fn value(&self) -> Tensor<T> {
        match self {
            Self::Param(param) => param.value(),
            Self::Buffer(buffer) => buffer.value(),
        }
    }

    fn set(&self, value: Tensor<T>) {
        match self {
            Self::Param(param) => param.set(value),
            Self::Buffer(buffer) => buffer.set(value),
        }
    }
}

impl<T: Float> Visitor<T> {
    pub(super) fn walk(module: &(impl Module<T> + ?Sized)) -> Self {
        let (path, leaves, seen, parts) = (String::new(), IndexMap::new(), HashMap::new(), Vec::new());
        let mut visitor = Self { path, leaves, seen, parts };
        visitor.enter(module);
        visitor
    }

    /// Every part of a module with its path: what the [`Note`](wengert_autograd::Note)s of its layers
    /// tell is looked up here.
    pub fn parts(module: &(impl Module<T> + ?Sized)) -> Vec<(Identity, String)> {
        Self::walk(module).parts
    }

    fn enter(&mut self, part: &(impl Module<T> + ?Sized)) {
        self.parts.extend(part.identity().map(|identity| (identity, self.path.clone())));
        part.visit(self);
    }

    /// A parameter or buffer at the end of a path.
    pub(super) fn leaf(&mut self, leaf: Leaf<T>) {
        // On its own it has no path.
        let name = if self.path.is_empty() { leaf.name() } else { &self.path }.to_owned();
        let number = *self.seen.entry(leaf.id()).or_insert(self.leaves.len());
        if let Some((_, found)) = self.leaves.get_index_mut(number) {
            found.others.push(name);
            return;
        }
        let other = self.leaves.insert(name, Found { leaf, others: Vec::new() });
        assert!(other.is_none(), "two different parts are called `{}`", self.path);
    }

    pub(super) fn load(&self, state: &StateDict) -> Result<(), LoadError> {
        let mut check = Check::new(state);
        let mut values = Vec::with_capacity(self.leaves.len());
        for (name, Found { leaf, others }) in &self.leaves {
            let mut given = Some(name).into_iter().chain(others).filter(|name| state.get(name).is_some());
            let source = given.next().unwrap_or(name);
            values.push((leaf, check.tensor(source, leaf.value().shape())));
            given.for_each(|name| check.also(name));
        }
        check.finish()?;
        for (leaf, value) in values {
            leaf.set(value.expect("the check found every entry"));
        }
        Ok(())
    }

    /// Visits a part under the name it has in the whole.
    ///
    /// # Panics
    /// If another parameter or buffer has the same name.
    pub fn child(&mut self, name: impl Display, part: &(impl Module<T> + ?Sized)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(&name.to_string());
        self.enter(part);
        self.path.truncate(length);
    }
}
