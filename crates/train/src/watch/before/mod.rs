//! What to look at before training, each check on its own and all together.
//!
//! ```
//! use wengert_nn::{Activation, Layer, Linear, Sequential};
//! use wengert_tensor::Rng;
//! use wengert_train::before::Before;
//! use wengert_train::{Standardize, Transform, digits};
//!
//! let [training, validation] = digits().split([0.8, 0.2], 1);
//! let scale = Standardize::fit(training.features())?;
//! let [training, validation] = [training, validation].map(|part| part.map_features(|x| scale.apply(x)));
//! let mut rng = Rng::seed(1);
//! let net = Sequential::<f32>::new()
//!     .then(Linear::new(64, 32, &mut rng))
//!     .then_fn(|x| x.relu())
//!     .then(Linear::new(32, 10, &mut rng));
//!
//! let checks = Before::new(&net, |x| net.forward(x), training.features(), training.labels())
//!     .validation(validation.features(), validation.labels())
//!     .check();
//! println!("{checks}");
//! assert!(checks.are_good());
//! # Ok::<(), wengert_train::FitError>(())
//! ```

mod check;
mod copies;
mod few;
mod inputs;
mod labels;
mod neighbours;
mod start;
mod together;

pub use check::{About, Check, Verdict};
pub use copies::copies;
pub(super) use few::Restored;
pub use few::fits_few;
pub use inputs::{disjoint, scaled};
pub use labels::{labels, shuffled};
pub use neighbours::{Examples, neighbours};
pub use start::{gradients, initial_loss, regularisation};
pub use together::{Before, Checks};
pub(crate) use together::{gradients_of, inputs_of};
