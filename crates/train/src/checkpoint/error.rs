//! What can be wrong with checkpoints.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use wengert_nn::LoadError;

/// Why a checkpoint could not be written, read or resumed. No other checkpoint, and nothing of the
/// model, has changed.
#[derive(Debug)]
pub struct CheckpointError {
    /// The file or folder.
    pub path: PathBuf,
    /// The reason.
    pub kind: CheckpointErrorKind,
}

/// A reason for which a checkpoint cannot be written, read or resumed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointErrorKind {
    /// The system refused to write it.
    Write(io::Error),
    /// The system refused to read it.
    Read(io::Error),
    /// The file is something else.
    NotACheckpoint,
    /// The file is not as it was written.
    Damaged(String),
    /// The file is of a version of its form that is not known here.
    Version(u32),
    /// None of these is good.
    AllDamaged(Vec<CheckpointError>),
    /// This part of it belongs to something else: another model, another optimizer.
    Misfit(&'static str, Box<LoadError>),
    /// It is of another run, which differs in this.
    OtherRun(String),
    /// There are checkpoints already.
    Occupied,
    /// Another process writes checkpoints there.
    InUse,
}

impl CheckpointError {
    pub(crate) fn new(path: &Path, kind: CheckpointErrorKind) -> Self {
        Self { path: path.to_owned(), kind }
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            CheckpointErrorKind::Write(error) => write!(
                f,
                "{path}: the checkpoint could not be written: {error}; those before it are as they were, and the run can be resumed from there"
            ),
            CheckpointErrorKind::Read(error) => write!(f, "{path}: {error}"),
            CheckpointErrorKind::NotACheckpoint => {
                write!(f, "{path}: this is no checkpoint, or one whose beginning is damaged")
            }
            CheckpointErrorKind::Damaged(what) => write!(f, "{path}: the checkpoint is damaged: {what}"),
            CheckpointErrorKind::Version(version) => write!(
                f,
                "{path}: the checkpoint has the form {version}, which this version of the library does not know; use the one that wrote it"
            ),
            CheckpointErrorKind::AllDamaged(errors) => {
                write!(f, "{path}: none of the checkpoints is good; move them away to start anew")?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
            CheckpointErrorKind::Misfit(part, error) => write!(
                f,
                "{path}: the checkpoint is not one of this {part}: build it as it was, or use another folder\n{error}"
            ),
            CheckpointErrorKind::OtherRun(what) => {
                write!(f, "{path}: the checkpoint is of another run: {what}; set it as it was, or use another folder")
            }
            CheckpointErrorKind::Occupied => write!(
                f,
                "{path}: there are checkpoints of a run already: go on with it (`Checkpoints::resume`), or use another folder"
            ),
            CheckpointErrorKind::InUse => {
                write!(f, "{path}: another process is writing checkpoints there; use another folder")
            }
        }
    }
}

impl Error for CheckpointError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            CheckpointErrorKind::Write(error) | CheckpointErrorKind::Read(error) => Some(error),
            CheckpointErrorKind::Misfit(_, error) => Some(&**error),
            _ => None,
        }
    }
}
