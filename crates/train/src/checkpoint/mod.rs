//! Files that hold all of a run, so that it goes on as if it had never stopped.
//!
//! A checkpoint is a safetensors file. Beside the tensors of the model and the optimizer it has
//! two of bytes: `run`, which is JSON, and `checksum`, the CRC-32 of the file with 0 in its place.

mod error;
mod file;
mod folder;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wengert_nn::StateDict;

use crate::metrics::Tally;
use crate::{History, LoaderState, Watch};

pub use error::{CheckpointError, CheckpointErrorKind};
pub use folder::Checkpoints;
pub(crate) use folder::Newest;
#[cfg(test)]
pub(crate) use folder::list;

/// All of a run at one moment: the model, the optimizer, the place in the data, the history.
///
/// [`Trainer::checkpoints`](crate::Trainer::checkpoints) writes them and resumes from them. To use a
/// trained model elsewhere, read the newest one:
///
/// ```
/// use wengert_nn::{Adam, Layer, Linear, Module};
/// use wengert_tensor::Rng;
/// use wengert_train::{Checkpoint, Checkpoints, Loader, Standardize, Trainer, Transform, digits};
///
/// let folder = std::env::temp_dir().join(format!("wengert-checkpoint-{}", std::process::id()));
/// let data = digits();
/// let scale = Standardize::fit(data.features())?;
/// let loader = Loader::new(data.map_features(|x| scale.apply(x)), 100);
///
/// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
/// Trainer::classifier(&net, Adam::new(&net, 0.01), |x| net.forward(x))
///     .epochs(1)
///     .preprocessing(&scale)
///     .checkpoints(Checkpoints::new(&folder))
///     .fit(&loader)?;
///
/// let checkpoint = Checkpoint::latest(&folder)?.expect("one was written");
/// let served = Linear::<f32>::new(64, 10, &mut Rng::seed(2));
/// served.load_state_dict(&checkpoint.model())?;
/// assert_eq!(served.state_dict(), net.state_dict());
/// let scale: Standardize = checkpoint.preprocessing()?;
/// assert_eq!(checkpoint.history().steps, 18);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub(crate) tensors: StateDict,
    pub(crate) run: RunState,
}

/// All of a run but its tensors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// Of the form of the file.
    version: u32,
    /// The number of the epoch, from 0.
    pub(crate) epoch: u64,
    /// Where in the epoch; none at its beginning.
    pub(crate) batches: Option<LoaderState>,
    /// Loss and metrics of the epoch so far.
    pub(crate) tally: Tally,
    /// Epochs since the best.
    pub(crate) stale: u64,
    pub(crate) seconds: f64,
    /// What each callback keeps.
    pub(crate) callbacks: Vec<Value>,
    pub(crate) preprocessing: Value,
    pub(crate) watch: Watch,
    pub(crate) history: History,
}

impl RunState {
    const VERSION: u32 = 1;

    /// Before the first step.
    pub(crate) fn new(history: History) -> Self {
        Self {
            version: Self::VERSION,
            epoch: 0,
            batches: None,
            tally: Tally::default(),
            stale: 0,
            seconds: 0.0,
            callbacks: Vec::new(),
            preprocessing: Value::Null,
            watch: Watch::new(),
            history,
        }
    }
}

/// The parts that tensors belong to.
pub(crate) mod part {
    pub(crate) const MODEL: &str = "model";
    pub(crate) const OPTIMIZER: &str = "optimizer";
    pub(crate) const PLATEAU: &str = "plateau";
    pub(crate) const BEST: &str = "best";
}

impl Checkpoint {
    /// The checkpoint in a file.
    ///
    /// # Errors
    /// If it cannot be read, is no checkpoint, or is damaged in whatever place.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let error = |kind| CheckpointError::new(path, kind);
        let bytes = fs::read(path).map_err(|cause| error(CheckpointErrorKind::Read(cause)))?;
        Self::decode(&bytes).map_err(error)
    }

    /// The newest good checkpoint in a folder; none if there are no checkpoints.
    ///
    /// # Errors
    /// If the folder cannot be read, or all checkpoints in it are damaged.
    pub fn latest(folder: impl AsRef<Path>) -> Result<Option<Self>, CheckpointError> {
        Ok(folder::newest(folder.as_ref())?.map(|newest| newest.checkpoint))
    }

    /// Parameters and buffers of the model, for [`Module::load_state_dict`](wengert_nn::Module::load_state_dict).
    pub fn model(&self) -> StateDict {
        self.tensors.part(part::MODEL)
    }

    /// Those of the best epoch so far, if the run keeps them.
    pub fn best(&self) -> Option<StateDict> {
        Some(self.tensors.part(part::BEST)).filter(|best| !best.is_empty())
    }

    /// The run so far.
    pub fn history(&self) -> &History {
        &self.run.history
    }

    /// What [`Trainer::preprocessing`](crate::Trainer::preprocessing) was given.
    ///
    /// # Errors
    /// If that was something else, or nothing.
    pub fn preprocessing<P: DeserializeOwned>(&self) -> Result<P, serde_json::Error> {
        P::deserialize(&self.run.preprocessing)
    }
}
