//! The checkpoints of one run, in a folder.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use wengert_nn::{StateDict, replace_file};

use super::{Checkpoint, CheckpointError, CheckpointErrorKind, RunState};

/// When and where a run writes checkpoints: every epoch, unless told otherwise, and at its end;
/// the last two are kept.
///
/// Each is written to a file of another name, which is flushed to the disk and then renamed, so
/// that there is a good one at every instant. If the newest is damaged all the same, resuming
/// goes back to the one before it, and says so.
///
/// ```
/// use wengert_nn::{Adam, Layer, Linear};
/// use wengert_tensor::Rng;
/// use wengert_train::{Checkpoints, Loader, Trainer, digits};
///
/// # let folder = std::env::temp_dir().join(format!("wengert-checkpoints-{}", std::process::id()));
/// // Whenever this program is started, it goes on from where it was stopped.
/// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
/// let history = Trainer::classifier(&net, Adam::new(&net, 0.001), |x| net.forward(x))
///     .epochs(2)
///     .checkpoints(Checkpoints::new(&folder).every_steps(10).resume())
///     .fit(&Loader::new(digits(), 64).shuffle(1))?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    every: Every,
    keep: usize,
    resume: bool,
    /// Locked as long as this process writes to the folder.
    lock: Option<File>,
}

#[derive(Clone, Copy, Debug)]
enum Every {
    Epochs(u64),
    Steps(u64),
}

impl Checkpoints {
    /// In a folder that belongs to one run, and is made if it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), every: Every::Epochs(1), keep: 2, resume: false, lock: None }
    }

    /// After every so many epochs.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn every_epochs(self, epochs: u64) -> Self {
        assert!(epochs > 0, "checkpoints: every 0 epochs");
        Self { every: Every::Epochs(epochs), ..self }
    }

    /// After every so many steps.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn every_steps(self, steps: u64) -> Self {
        assert!(steps > 0, "checkpoints: every 0 steps");
        Self { every: Every::Steps(steps), ..self }
    }

    /// How many are kept: the newest.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn keep(self, count: usize) -> Self {
        assert!(count > 0, "checkpoints: none are to be kept");
        Self { keep: count, ..self }
    }

    /// Goes on from the newest checkpoint in the folder if there is one. Otherwise a folder with
    /// checkpoints is refused, so that no run is overwritten.
    pub fn resume(self) -> Self {
        Self { resume: true, ..self }
    }

    pub(crate) fn is_due_after_step(&self, steps: u64) -> bool {
        matches!(self.every, Every::Steps(every) if steps.is_multiple_of(every))
    }

    pub(crate) fn is_due_after_epoch(&self, epochs: u64) -> bool {
        matches!(self.every, Every::Epochs(every) if epochs.is_multiple_of(every))
    }

    /// Takes possession of the folder; the newest good checkpoint if a run is to be resumed.
    pub(crate) fn open(&mut self) -> Result<Option<Newest>, CheckpointError> {
        let folder = self.folder.clone();
        let refused = |error| CheckpointError::new(&folder, CheckpointErrorKind::Write(error));
        fs::create_dir_all(&folder).map_err(refused)?;
        let lock = File::create(folder.join("lock")).map_err(refused)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(CheckpointError::new(&folder, CheckpointErrorKind::InUse)),
            // Not every file system can lock.
            Ok(()) | Err(TryLockError::Error(_)) => self.lock = Some(lock),
        }
        // That nothing can be written here is to be known before the first checkpoint is due.
        let probe = folder.join(format!("probe.{}.part", std::process::id()));
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(refused)?;
        if !self.resume {
            let found = list(&folder).map_err(refused)?;
            let kind = CheckpointErrorKind::Occupied;
            return if found.is_empty() { Ok(None) } else { Err(CheckpointError::new(&folder, kind)) };
        }
        let newest = newest(&folder)?;
        let mut stale: Vec<PathBuf> = entries(&folder).map_err(refused)?;
        stale.retain(|path| {
            path.extension() == Some(OsStr::new("part"))
                && steps_of(&path.with_extension("").with_extension("")).is_some()
        });
        stale.iter().try_for_each(fs::remove_file).map_err(refused)?;
        for CheckpointError { path, .. } in newest.iter().flat_map(|newest| &newest.damaged) {
            fs::rename(path, path.with_extension("damaged")).map_err(refused)?;
        }
        Ok(newest)
    }

    /// Leaves the folder to others.
    pub(crate) fn close(&mut self) {
        self.lock = None;
    }

    /// Writes a checkpoint, and then removes those that are not to be kept any more.
    pub(crate) fn write(&self, tensors: StateDict, run: &RunState) -> Result<(), CheckpointError> {
        let path = self.folder.join(name(run.history.steps));
        let refused = |error| CheckpointError::new(&path, CheckpointErrorKind::Write(error));
        replace_file(&path, &Checkpoint::encode(tensors, run)).map_err(refused)?;
        let found = list(&self.folder).map_err(refused)?;
        let old = found.len().saturating_sub(self.keep);
        found[..old].iter().try_for_each(|(_, path)| fs::remove_file(path)).map_err(refused)
    }
}

/// A checkpoint, its file, and what is wrong with those that are newer.
pub(crate) struct Newest {
    pub(crate) path: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) damaged: Vec<CheckpointError>,
}

/// The newest good checkpoint in a folder.
pub(super) fn newest(folder: &Path) -> Result<Option<Newest>, CheckpointError> {
    let found = list(folder).map_err(|error| CheckpointError::new(folder, CheckpointErrorKind::Read(error)))?;
    let mut damaged = Vec::new();
    for (_, path) in found.into_iter().rev() {
        match Checkpoint::read(&path) {
            Ok(checkpoint) => return Ok(Some(Newest { path, checkpoint, damaged })),
            // To go on from an older one would undo what a newer program has done.
            Err(error) if matches!(error.kind, CheckpointErrorKind::Version(_)) => return Err(error),
            Err(error) => damaged.push(error),
        }
    }
    if damaged.is_empty() {
        Ok(None)
    } else {
        Err(CheckpointError::new(folder, CheckpointErrorKind::AllDamaged(damaged)))
    }
}

fn name(steps: u64) -> String {
    format!("checkpoint-{steps:09}.safetensors")
}

/// The steps of the checkpoint in a file, by its name.
fn steps_of(path: &Path) -> Option<u64> {
    let steps = path.file_name()?.to_str()?.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok()?;
    (path.ends_with(name(steps))).then_some(steps)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// The checkpoints in a folder with their steps, the oldest first.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for path in entries(folder)? {
        if let Some(steps) = steps_of(&path) {
            let place = found.partition_point(|earlier| earlier.0 < steps);
            found.insert(place, (steps, path));
        }
    }
    Ok(found)
}
