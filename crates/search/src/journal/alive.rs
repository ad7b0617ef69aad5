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
    /// Beside a journal; removes what processes left there that died.
    pub(super) fn new(journal: &Path) -> io::Result<Self> {
        let id = unique();
        let path = sign(journal, &id);
        // Locked before it has its name, so that nobody finds it unlocked.
        let draft = with_suffix(&path, ".new");
        loop {
            let file = File::create(&draft)?;
            match file.lock().and_then(|()| fs::rename(&draft, &path)) {
                Ok(()) => {
                    clean(journal)?;
                    return Ok(Self { id, path, _file: file });
                }
                // Somebody else has cleaned up before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let _ = fs::remove_file(draft);
                    return Err(error);
                }
            }
        }
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
    is_left(&sign(journal, id))
}

/// Whether nobody holds the file; then it is removed.
fn is_left(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return true };
    let left = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    if left {
        let _ = fs::remove_file(path);
    }
    left
}

/// Removes the signs of all processes that died.
fn clean(journal: &Path) -> io::Result<()> {
    let folder = match journal.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Some(name) = journal.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.file_name();
        let rest = found.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('.'));
        if rest.is_some_and(|rest| rest.ends_with(".alive") || rest.ends_with(".alive.new")) {
            is_left(&entry.path());
        }
    }
    Ok(())
}

fn sign(journal: &Path, id: &str) -> PathBuf {
    with_suffix(journal, &format!(".{id}.alive"))
}

/// 128 random bits, which the standard library takes from the system for its hash tables.
pub(super) fn unique() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}
