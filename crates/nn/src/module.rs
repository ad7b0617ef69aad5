//! A module: anything that holds parameters and buffers, found by name.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::Arc;

use indexmap::IndexMap;
use wengert_autograd::{Buffer, Identity, Param, StateId};
use wengert_tensor::{Float, Rng, Tensor};

use crate::exchange::Check;
use crate::{AnyTensor, LoadError, StateDict};

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
    leaves: IndexMap<String, Found<T>>,
    /// The numbers of the leaves.
    seen: HashMap<StateId, usize>,
    parts: Vec<(Identity, String)>,
}

/// A parameter or buffer, with its further names if it is reached by several paths.
struct Found<T: Float> {
    leaf: Leaf<T>,
    others: Vec<String>,
}

/// What a walk finds.
enum Leaf<T: Float> {
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

    fn value(&self) -> Tensor<T> {
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
    fn walk(module: &(impl Module<T> + ?Sized)) -> Self {
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
    fn leaf(&mut self, leaf: Leaf<T>) {
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

    fn load(&self, state: &StateDict) -> Result<(), LoadError> {
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

impl<T: Float> Module<T> for Param<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        visitor.leaf(Leaf::Param(self.clone()));
    }
}

impl<T: Float> Module<T> for Buffer<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        visitor.leaf(Leaf::Buffer(self.clone()));
    }
}

/// A pointer is what it points to.
macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<T: Float, M: Module<T> + ?Sized> Module<T> for $pointer {
            fn visit(&self, visitor: &mut Visitor<T>) {
                (**self).visit(visitor);
            }

            fn identity(&self) -> Option<Identity> {
                (**self).identity()
            }
        }
    )*};
}
pointer!(Box<M>, Arc<M>, &M);

impl<T: Float, M: Module<T>> Module<T> for Option<M> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
}

impl<T: Float, M: Module<T>> Module<T> for [M] {
    fn visit(&self, visitor: &mut Visitor<T>) {
        for (i, module) in self.iter().enumerate() {
            visitor.child(i, module);
        }
    }
}

impl<T: Float, M: Module<T>> Module<T> for Vec<M> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self[..].visit(visitor);
    }
}

impl<T: Float, M: Module<T>, const N: usize> Module<T> for [M; N] {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self[..].visit(visitor);
    }
}

impl<T: Float, M: Module<T>> Module<T> for BTreeMap<String, M> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        for (name, module) in self {
            visitor.child(name, module);
        }
    }
}

macro_rules! tuple {
    ($($($name:ident $i:tt)+;)*) => {$(
        impl<T: Float, $($name: Module<T>),+> Module<T> for ($($name,)+) {
            fn visit(&self, visitor: &mut Visitor<T>) {
                $(visitor.child($i, &self.$i);)+
            }
        }
    )*};
}
tuple! {
    A 0;
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
    A 0 B 1 C 2 D 3 E 4;
    A 0 B 1 C 2 D 3 E 4 F 5;
}

/// Settings, which hold no parameters.
macro_rules! plain {
    ($($plain:ty),* $(,)?) => {$(
        impl<T: Float> Module<T> for $plain {
            fn visit(&self, _: &mut Visitor<T>) {}
        }
    )*};
}
plain!((), bool, char, f32, f64, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, str, String, Rng);

impl<T: Float, U: Send + Sync> Module<T> for PhantomData<U> {
    fn visit(&self, _: &mut Visitor<T>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module; // with its derive
    use crate::testing::message_of;
    use wengert_tensor::Tensor;

    fn param<T: Float>(name: &str, count: usize) -> Param<T> {
        Param::new(name, Tensor::zeros([count]))
    }

    fn names<T: Float>(module: &impl Module<T>) -> Vec<String> {
        module.params().into_keys().collect()
    }

    #[derive(Module)]
    struct Dense<T: Float = f32> {
        weight: Param<T>,
        bias: Option<Param<T>>,
        mean: Buffer<T>,
        slope: f32,
    }

    fn dense<T: Float>(bias: bool) -> Dense<T> {
        Dense {
            weight: param("weight", 6),
            bias: bias.then(|| param("bias", 2)),
            mean: Buffer::new("mean", Tensor::zeros([2])),
            slope: 0.01,
        }
    }

    #[derive(Module)]
    enum Norm<M> {
        Off,
        Affine(Param, #[module(skip)] (), M),
        Named { gamma: Param, r#in: Param },
    }

    #[derive(Module)]
    enum Never {}

    #[derive(Module)]
    struct Net {
        first: Dense,
        blocks: Vec<(Dense, Norm<bool>)>,
        boxed: Box<dyn Module>,
        pair: [Dense; 2],
        never: Option<Never>,
        name: String,
        #[module(skip)]
        elsewhere: Param,
    }

    #[test]
    fn parameters_are_named_by_their_path_in_order() {
        let affine = Norm::Affine(param("a", 1), (), true);
        let named = Norm::Named { gamma: param("gamma", 1), r#in: param("in", 1) };
        let net = Net {
            first: dense(true),
            blocks: vec![(dense(false), Norm::Off), (dense(false), affine), (dense(false), named)],
            boxed: Box::new(dense::<f32>(true)),
            pair: [dense(false), dense(false)],
            never: None,
            name: "net".into(),
            elsewhere: param("elsewhere", 1),
        };
        let expected = "first.weight first.bias blocks.0.0.weight blocks.1.0.weight blocks.1.1.0 blocks.2.0.weight \
            blocks.2.1.gamma blocks.2.1.in boxed.weight boxed.bias pair.0.weight pair.1.weight";
        assert_eq!(names(&net).join(" "), expected);
        assert_eq!(net.param_count(), 7 * 6 + 2 * 2 + 3);
        let buffers: Vec<String> = net.buffers().into_keys().collect();
        assert_eq!(
            buffers.join(" "),
            "first.mean blocks.0.0.mean blocks.1.0.mean blocks.2.0.mean boxed.mean pair.0.mean pair.1.mean"
        );
        assert!(net.params()["first.weight"].is(&net.first.weight));
        assert_eq!((net.first.slope, net.name.as_str(), net.elsewhere.name()), (0.01, "net", "elsewhere"));
    }

    #[test]
    fn shared_parameters_are_listed_once() {
        let shared = Arc::new(dense::<f64>(true));
        let tied = Dense { weight: shared.weight.clone(), ..dense(true) };
        let all = (shared.clone(), shared, tied);
        assert_eq!(names(&all), ["0.weight", "0.bias", "2.bias"]);
        assert_eq!(all.buffers().len(), 2);
    }

    #[test]
    fn freezing_reaches_every_parameter() {
        let net = (dense::<f32>(true), dense::<f32>(false));
        net.0.freeze();
        let frozen = |name: &str| net.params()[name].is_frozen();
        assert!(frozen("0.weight") && frozen("0.bias") && !frozen("1.weight"));
        net.unfreeze();
        assert!(net.params().values().all(|param| !param.is_frozen()));
    }

    #[test]
    fn a_parameter_alone_has_its_own_name() {
        assert_eq!(names(&param::<f64>("w", 1)), ["w"]);
    }

    #[test]
    fn parts_by_name_are_in_order() {
        let heads: BTreeMap<String, Dense> = ["b", "a"].map(|name| (name.to_string(), dense(false))).into();
        assert_eq!(names(&heads), ["a.weight", "b.weight"]);
    }

    #[test]
    fn a_name_belongs_to_one_parameter() {
        struct Twice(Param, Param);
        impl Module for Twice {
            fn visit(&self, visitor: &mut Visitor) {
                visitor.child("same", &self.0);
                visitor.child("same", &self.1);
            }
        }
        let twice = Twice(param("a", 1), param("b", 1));
        assert_eq!(message_of(|| _ = twice.params()), "two different parts are called `same`");
    }
}
