//! From a declaration to the parameters of a space, and from their values to a typed one.

use super::{Distribution, Domain, Parameter, Ranges, SpaceError, SpaceErrorKind};

/// A type whose values can be searched.
///
/// Derive it. A field with `#[space(…)]` has a [`Domain`] of its own type, written without the
/// type's name; any other is a space itself: a `bool`, a struct, or an enum, of whose variants one is
/// chosen. Fields of a variant exist only if it is.
///
/// ```
/// # extern crate wengert;
/// use wengert::search::Space;
///
/// #[derive(Clone, Debug, Space)]
/// struct Config {
///     #[space(log(1e-4..=1.0))]
///     lr: f64,
///     #[space(uniform(1..=3))]
///     depth: usize,
///     #[space(uniform(0.0..=0.5).within(0.0..=0.9))]
///     dropout: f64,
///     batch_norm: bool,
///     update: Update,
/// }
///
/// #[derive(Clone, Debug, Space)]
/// enum Update {
///     Sgd {
///         #[space(uniform(0.0..=0.99))]
///         momentum: f64,
///     },
///     Adam,
/// }
/// ```
///
/// Or write a function that draws each value by name; it does not need the trait. It is asked once which
/// parameters there are: what is drawn must not depend on other values, unless within
/// [`Draw::variant`].
///
/// ```
/// use wengert_search::{Domain, Draw, SpaceError};
///
/// fn rate_and_depth(draw: &mut Draw<'_>) -> Result<(f64, usize), SpaceError> {
///     Ok((draw.value("lr", Domain::log(1e-4..=1.0))?, draw.value("depth", Domain::uniform(1..=3))?))
/// }
/// ```
pub trait Space: Sized {
    /// Draws the value of every field.
    ///
    /// # Errors
    /// If a field's range is impossible.
    fn draw(draw: &mut Draw<'_>) -> Result<Self, SpaceError>;
}

impl Space for bool {
    fn draw(draw: &mut Draw<'_>) -> Result<Self, SpaceError> {
        draw.value("", Domain::choice([false, true]))
    }
}

/// What a [`Space`] asks for its values.
///
/// It is used in two ways: to learn which parameters there are, when every variant is
/// asked, and to make the value of one trial.
pub struct Draw<'a> {
    path: String,
    source: Source<'a>,
}

enum Source<'a> {
    /// Collects what is asked for.
    Describe { parameters: &'a mut Vec<Parameter>, when: Option<(usize, usize)> },
    /// Answers by name.
    Values(&'a dyn Fn(&str) -> Option<f64>),
}

impl Draw<'_> {
    /// The value of a parameter.
    ///
    /// # Errors
    /// If the domain is impossible, or the name was used before.
    pub fn value<T: Clone>(&mut self, name: &str, domain: Domain<T>) -> Result<T, SpaceError> {
        let path = self.join(name);
        let fault = |kind| SpaceError { parameter: path.clone(), kind };
        domain.check().map_err(fault)?;
        let value = match &mut self.source {
            Source::Describe { parameters, when } => {
                let natural = domain.limits.unwrap_or_else(|| natural(&domain.distribution));
                let limits = [natural[0].max(domain.held[0]), natural[1].min(domain.held[1])];
                declare(parameters, &path, domain.distribution.clone(), limits, *when)?;
                domain.distribution.at(0.0)
            }
            Source::Values(find) => find(&path).ok_or_else(|| fault(SpaceErrorKind::Missing))?,
        };
        domain.decode(value).ok_or_else(|| fault(SpaceErrorKind::Missing))
    }

    /// A value that is a space itself; the names of its parameters begin with `name`.
    ///
    /// # Errors
    /// As those of the space.
    pub fn field<S: Space>(&mut self, name: &str) -> Result<S, SpaceError> {
        self.nested(name, S::draw)
    }

    /// One of several variants, each of which draws what it needs; their parameters' names begin
    /// with `name` and the label of the variant.
    ///
    /// ```
    /// use wengert_search::{Domain, Draw, SpaceError};
    ///
    /// fn momentum(draw: &mut Draw<'_>) -> Result<Option<f64>, SpaceError> {
    ///     draw.variant("update", &[
    ///         ("sgd", &|draw| draw.value("momentum", Domain::uniform(0.0..=0.99)).map(Some)),
    ///         ("adam", &|_| Ok(None)),
    ///     ])
    /// }
    /// ```
    /// # Errors
    /// If there is no variant, or as those of the variants.
    pub fn variant<T>(&mut self, name: &str, variants: &[(&str, Variant<'_, T>)]) -> Result<T, SpaceError> {
        let position =
            self.value(name, Domain::named(variants.iter().enumerate().map(|(i, (label, _))| (*label, i))))?;
        let parent = match &self.source {
            Source::Describe { parameters, .. } => parameters.len() - 1,
            Source::Values(_) => {
                let (label, draw) = &variants[position];
                return self.nested(name, |inner| inner.nested(label, draw));
            }
        };
        let mut first = None;
        for (choice, (label, draw)) in variants.iter().enumerate() {
            let outer = self.set_when(Some((parent, choice)));
            let value = self.nested(name, |inner| inner.nested(label, draw));
            self.set_when(outer);
            first = first.or(Some(value?));
        }
        first.ok_or_else(|| SpaceError { parameter: self.join(name), kind: SpaceErrorKind::Empty })
    }

    fn set_when(&mut self, new: Option<(usize, usize)>) -> Option<(usize, usize)> {
        match &mut self.source {
            Source::Describe { when, .. } => std::mem::replace(when, new),
            Source::Values(_) => None,
        }
    }

    fn nested<T>(
        &mut self,
        name: &str,
        f: impl FnOnce(&mut Draw<'_>) -> Result<T, SpaceError>,
    ) -> Result<T, SpaceError> {
        let inner = self.join(name);
        let outer = std::mem::replace(&mut self.path, inner);
        let value = f(self);
        self.path = outer;
        value
    }

    fn join(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", "") => "variant".to_owned(),
            ("", one) | (one, "") => one.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }
}

/// What draws the fields of a variant.
pub type Variant<'a, T> = &'a dyn Fn(&mut Draw<'_>) -> Result<T, SpaceError>;

fn declare(
    parameters: &mut Vec<Parameter>,
    name: &str,
    distribution: Distribution,
    limits: [f64; 2],
    when: Option<(usize, usize)>,
) -> Result<(), SpaceError> {
    if parameters.iter().any(|parameter| parameter.name == name) {
        return Err(SpaceError { parameter: name.to_owned(), kind: SpaceErrorKind::Twice });
    }
    let open = match &distribution {
        Distribution::Choice { choices } => (0..choices.len()).collect(),
        _ => Vec::new(),
    };
    parameters.push(Parameter { name: name.to_owned(), distribution, limits, open, when });
    Ok(())
}

/// The limits that a range suggests: not negative, at least 1, or a share.
fn natural(distribution: &Distribution) -> [f64; 2] {
    let whole = matches!(distribution, Distribution::Int { .. });
    match distribution.bounds() {
        _ if distribution.is_log() => [if whole { 1.0 } else { f64::MIN_POSITIVE }, f64::MAX],
        Some([low, high]) if low >= 0.0 && high <= 1.0 => [0.0, 1.0],
        Some([low, _]) if low >= 1.0 && whole => [1.0, f64::MAX],
        Some([low, _]) if low >= 0.0 => [0.0, f64::MAX],
        _ => [f64::MIN, f64::MAX],
    }
}

impl Ranges {
    /// The parameters that a space asks for, with their ranges.
    ///
    /// # Errors
    /// If a range is impossible, or two parameters have the same name.
    pub fn of<C>(space: impl Fn(&mut Draw<'_>) -> Result<C, SpaceError>) -> Result<Self, SpaceError> {
        let mut parameters = Vec::new();
        space(&mut Draw { path: String::new(), source: Source::Describe { parameters: &mut parameters, when: None } })?;
        Ok(Self::new(parameters))
    }

    /// What a space makes of these values.
    ///
    /// # Errors
    /// If a value is missing.
    pub fn decode<C>(
        &self,
        space: impl Fn(&mut Draw<'_>) -> Result<C, SpaceError>,
        values: &[Option<f64>],
    ) -> Result<C, SpaceError> {
        let find = |name: &str| {
            let place = self.parameters().iter().position(|parameter| parameter.name == name)?;
            values.get(place).copied().flatten()
        };
        space(&mut Draw { path: String::new(), source: Source::Values(&find) })
    }
}
