//! Training with Wengert: data, preprocessing, metrics, progress.
//!
//! ```
//! use wengert_train::{Standardize, Transform, accuracy, digits};
//!
//! let [training, test] = digits().split([0.8, 0.2], 1);
//! let scale = Standardize::fit(training.features())?;
//! let training = training.map_features(|x| scale.apply(x));
//! for (x, labels) in training.batches(64, 1) {
//!     assert_eq!(x.shape()[1], 64);
//!     assert_eq!(accuracy(&labels, &labels), 1.0);
//! }
//! # assert!(test.len() > 300);
//! # Ok::<(), wengert_train::FitError>(())
//! ```
#![forbid(unsafe_code)]

mod checkpoint;
mod data;
mod history;
mod metrics;
mod order;
mod prepare;
mod progress;
mod report;
mod trainer;
mod watch;

pub use checkpoint::{Checkpoint, CheckpointError, CheckpointErrorKind, Checkpoints};
pub use data::{
    Batch, Batches, Collate, Concat, DataError, Dataset, Fold, IdxError, IdxErrorKind, Labelled, Loader, LoaderState,
    Map, Mismatch, ResumeError, Subset, digits, k_folds, read_idx, read_npy, split, stratified_k_folds,
    stratified_split,
};
#[cfg(feature = "csv")]
pub use data::{Csv, Missing, Table, TableError, TableErrorKind};
#[cfg(feature = "image")]
pub use data::{ImageFolder, ImageFolderError};
pub use history::{
    Best, Curve, Dated, Distribution, End, Epoch, Histogram, History, LayerStats, NormStats, NotFinite, Note,
    ParamStats, Point, Snapshot, Task, Thinned,
};
pub use metrics::{
    Accuracy, Average, ConfusionMatrix, F1, MeanAbsoluteError, MeanSquaredError, Metric, Precision, RSquared, Recall,
    RegressionErrors, RootMeanSquaredError, TopK, accuracy, top_k_accuracy,
};
pub use prepare::{
    Center, Components, FitError, Interval, MinMax, OneHot, Pca, PerChannel, Standardize, Transform, Whiten, Whitening,
    random_crop, random_flip, random_shift,
};
pub use progress::Progress;
pub use report::{Report, TensorBoard};
pub use trainer::{Callback, TrainError, TrainErrorKind, Trainer};
pub use watch::{Cause, Diagnosis, Finding, RangeTest, RatePoint, Rates, Severity, Watch, before, layer_of};
