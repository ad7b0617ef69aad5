//! Training with Wengert: data, preprocessing, metrics, progress.
//!
//! ```
//! use wengert_train::{Standardize, accuracy, digits};
//!
//! let [training, test] = digits().split([0.8, 0.2], 1);
//! let scale = Standardize::fit(training.features());
//! let training = training.map_features(|x| scale.apply(x));
//! for (x, labels) in training.batches(64, 1) {
//!     assert_eq!(x.shape()[1], 64);
//!     assert_eq!(accuracy(&labels, &labels), 1.0);
//! }
//! # assert!(test.len() > 300);
//! ```
#![forbid(unsafe_code)]

mod dataset;
mod digits;
mod history;
mod idx;
mod metrics;
mod progress;
mod standardize;

pub use dataset::Dataset;
pub use digits::digits;
pub use history::{
    Best, Curve, Dated, Distribution, End, Epoch, Histogram, History, LayerStats, NormStats, NotFinite, Note,
    ParamStats, Point, Snapshot, Task, Thinned,
};
pub use idx::{IdxError, IdxErrorKind, read_idx};
pub use metrics::{ConfusionMatrix, accuracy};
pub use progress::Progress;
pub use standardize::Standardize;
