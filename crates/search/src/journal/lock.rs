//! One writer at a time, over threads and processes, ours and Optuna's.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long nothing may happen before somebody else's lock counts as left behind, as in Optuna.
const GRACE: Duration = Duration::from_secs(30);

/// Holds the journal for one writer: the file `….lock`, which Optuna's processes respect, and a lock
/// of the system's on the journal itself, which goes when its process dies. So a lock file of ours
/// is known to be left behind, and nobody waits for it, as soon as the other lock is free.
pub(super) struct Lock<'a> {
    journal: &'a File,
    path: PathBuf,
}

impl<'a> Lock<'a> {
    /// Waits until nobody else holds it.
    pub(super) fn acquire(path: &Path, journal: &'a File) -> io::Result<Self> {
        journal.lock()?;
        let lock = Self { journal, path: with_suffix(path, ".lock") };
        lock.wait(path)?;
        Ok(lock)
    }

    fn wait(&self, journal: &Path) -> io::Result<()> {
        let mut pause = Duration::from_millis(1);
        let mut last: (Option<SystemTime>, Instant) = (None, Instant::now());
        loop {
            match create(&self.path, journal) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => return other,
            }
            let changed = fs::metadata(&self.path).and_then(|found| found.modified()).ok();
            if changed != last.0 {
                last = (changed, Instant::now());
            }
            if is_ours(&self.path) || last.1.elapsed() > GRACE {
                take_away(&self.path);
                continue;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Unless somebody has lost patience and taken it.
        if is_ours(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
        // Fails only if the file is gone, and the lock with it.
        let _ = self.journal.unlock();
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// A link to the journal, as Optuna makes it, but relative to its folder and with a mark: a link
/// of Optuna's has the path as the program gave it.
#[cfg(unix)]
fn create(lock: &Path, journal: &Path) -> io::Result<()> {
    let mut target = OsString::from(MARK);
    target.push(journal.file_name().unwrap_or_default());
    std::os::unix::fs::symlink(target, lock)
}

#[cfg(unix)]
const MARK: &str = "././";

#[cfg(unix)]
fn is_ours(lock: &Path) -> bool {
    fs::read_link(lock).is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(MARK.as_bytes()))
}

#[cfg(not(unix))]
fn create(lock: &Path, _journal: &Path) -> io::Result<()> {
    use std::io::Write;
    File::options().write(true).create_new(true).open(lock)?.write_all(MARK)
}

#[cfg(not(unix))]
const MARK: &[u8] = b"wengert";

#[cfg(not(unix))]
fn is_ours(lock: &Path) -> bool {
    fs::read(lock).is_ok_and(|found| found == MARK)
}

/// Renamed first, so that of two that lose patience only one removes it.
fn take_away(lock: &Path) {
    let aside = with_suffix(lock, &format!(".{}.rename", std::process::id()));
    if fs::rename(lock, &aside).is_ok() {
        let _ = fs::remove_file(aside);
    }
}
