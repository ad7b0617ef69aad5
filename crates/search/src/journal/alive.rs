//! Which processes are alive: each holds a lock of the system's on a file of its own, which goes
//! when it dies, however it dies.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, TryLockError};
use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::with_suffix;

/// The sign of life of this process, removed when dropped.
#[derive(Debug)]
pub(super) struct Alive {
    id: String,
    path: PathBuf,
    _file: File,
}

impl Alive {
    /// Beside a journal.
    pub(super) fn new(journal: &Path) -> io::Result<Self> {
        let id = unique();
        let path = sign(journal, &id);
        // Locked before it has its name, so that nobody finds it unlocked.
        let draft = with_suffix(&path, ".new");
        let file = File::create(&draft)?;
        let ready = file.lock().and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = ready {
            let _ = fs::remove_file(draft);
            return Err(error);
        }
        Ok(Self { id, path, _file: file })
    }

    /// The name of this process in the journal.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the process of that name has died; removes what it left.
pub(super) fn has_died(journal: &Path, id: &str) -> bool {
    let path = sign(journal, id);
    let Ok(file) = File::open(&path) else { return true };
    match file.try_lock() {
        Ok(()) => {
            let _ = fs::remove_file(path);
            true
        }
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => true,
    }
}

fn sign(journal: &Path, id: &str) -> PathBuf {
    with_suffix(journal, &format!(".{id}.alive"))
}

/// 128 random bits, which the standard library takes from the system for its hash tables.
pub(super) fn unique() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}
