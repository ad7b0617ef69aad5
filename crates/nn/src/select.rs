//! Parameters chosen by name.

use indexmap::IndexMap;
use wengert_autograd::Param;
use wengert_tensor::Float;

use crate::{Module, Visitor};

/// What chooses parameters by their names: a pattern in which `*` stands for any characters,
/// dots included, or a function of the name.
///
/// ```
/// use wengert_nn::Pattern;
///
/// assert!("*.bias".chooses("blocks.0.fc.bias") && !"*.bias".chooses("bias"));
/// assert!("blocks.*.weight".chooses("blocks.0.fc.weight"));
/// assert!((|name: &str| !name.contains("norm")).chooses("fc.weight"));
/// ```
pub trait Pattern {
    /// Whether the parameter of this name is chosen.
    fn chooses(&self, name: &str) -> bool;

    /// How messages show it.
    fn shown(&self) -> String;
}

impl Pattern for &str {
    fn chooses(&self, name: &str) -> bool {
        let Some((first, rest)) = self.split_once('*') else {
            return *self == name;
        };
        // Each piece at the first place after the last; the one after the last star at the end.
        let Some(mut name) = name.strip_prefix(first) else {
            return false;
        };
        let mut pieces = rest.split('*').collect::<Vec<_>>();
        let last = pieces.pop().unwrap_or("");
        for piece in pieces {
            let Some(at) = name.find(piece) else {
                return false;
            };
            name = &name[at + piece.len()..];
        }
        name.ends_with(last)
    }

    fn shown(&self) -> String {
        format!("`{self}`")
    }
}

impl<F: Fn(&str) -> bool> Pattern for F {
    fn chooses(&self, name: &str) -> bool {
        self(name)
    }

    fn shown(&self) -> String {
        "the function".into()
    }
}

/// What to say where a pattern chooses none of the parameters: some of them are named.
pub(crate) fn matches_none<'n>(pattern: &impl Pattern, names: impl Iterator<Item = &'n String>) -> String {
    const SOME: usize = 6;
    let mut names: Vec<&str> = names.take(SOME + 1).map(String::as_str).collect();
    if names.len() > SOME {
        names[SOME] = "…";
    }
    format!("{} matches none of the parameters {}", pattern.shown(), names.join(", "))
}

/// Some of the parameters of a module, under the names they have there: for optimizers,
/// penalties and averages that concern only these.
///
/// ```
/// use wengert_nn::{BatchNorm, Linear, Module, Selection};
/// use wengert_tensor::Rng;
///
/// let net = (Linear::<f32>::new(3, 2, &mut Rng::seed(0)), BatchNorm::new(2));
/// let matrices = Selection::new(&net, "0.weight");
/// assert_eq!(matrices.params().keys().collect::<Vec<_>>(), ["0.weight"]);
/// let others = Selection::new(&net, |name: &str| name != "0.weight");
/// assert_eq!(others.param_count(), net.param_count() - 6);
/// ```
pub struct Selection<T: Float = f32> {
    params: IndexMap<String, Param<T>>,
}

impl<T: Float> Selection<T> {
    /// The parameters of `module` whose names match.
    ///
    /// # Panics
    /// If none does.
    #[track_caller]
    pub fn new(module: &(impl Module<T> + ?Sized), pattern: impl Pattern) -> Self {
        let all = module.params();
        let mut params = all.clone();
        params.retain(|name, _| pattern.chooses(name));
        assert!(!params.is_empty(), "{}", matches_none(&pattern, all.keys()));
        Self { params }
    }
}

impl<T: Float> Module<T> for Selection<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        for (name, param) in &self.params {
            visitor.child(name, param);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: a star matches nothing, or one character and then itself.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            ([b'*', rest @ ..], _) => naive(rest, name) || (!name.is_empty() && naive(pattern, &name[1..])),
            ([a, rest @ ..], [b, name @ ..]) => a == b && naive(rest, name),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn patterns_are_the_definition(cases in prop::collection::vec(("[ab*]{0,6}", "[ab]{0,7}"), 50)) {
            for (pattern, name) in cases {
                prop_assert_eq!(pattern.as_str().chooses(&name), naive(pattern.as_bytes(), name.as_bytes()), "{} {}", pattern, name);
            }
        }
    }

    #[test]
    #[should_panic(expected = "`*.bais` matches none of the parameters 0")]
    fn a_pattern_that_matches_nothing_is_a_mistake() {
        Selection::new(&(Param::<f32>::new("w", wengert_tensor::tensor![1.0]),), "*.bais");
    }
}
