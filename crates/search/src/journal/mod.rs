//! What happened in a search, event by event, in the format of Optuna's journal storage.

mod alive;
mod event;
mod file;
mod json;
mod lock;
mod study;
#[cfg(test)]
mod tests;
mod time;

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use self::file::{Added, Lines, News};
pub use event::State;
pub(crate) use event::{Event, NewTrial};
pub(crate) use study::Studies;
pub use study::{Record, Study};
pub(crate) use time::now;

/// How the first line of a journal starts.
const START: &[u8] = b"{\"op_code\":";

/// The events of some studies, in memory or also in a file.
#[derive(Debug)]
pub(crate) struct Journal {
    studies: Studies,
    lines: Option<Lines>,
    worker: String,
    damaged: Vec<(usize, String)>,
}

/// Why a journal could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalError {
    /// The system refused to read it.
    Read(PathBuf, io::Error),
    /// The system refused to write it. What was there before is still there.
    Write(PathBuf, io::Error),
    /// There is something else in the file, which was left as it is.
    Foreign(PathBuf, String),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: the journal cannot be read: {error}", path.display()),
            Self::Write(path, error) => {
                let advice = match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                        "make room"
                    }
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        "make it and its folder writable, or choose another"
                    }
                    io::ErrorKind::NotFound => "make its folder",
                    io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => "choose another file",
                    _ => "mend that",
                };
                let path = path.display();
                write!(f, "{path}: the journal cannot be written: {error}; nothing is lost: {advice}, and run again")
            }
            Self::Foreign(path, why) => {
                write!(f, "{}: this is no journal: its first line: {why}; choose another file", path.display())
            }
        }
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(_, error) | Self::Write(_, error) => Some(error),
            Self::Foreign(..) => None,
        }
    }
}

impl Journal {
    /// One that is forgotten with the process.
    pub(crate) fn in_memory() -> Self {
        Self { studies: Studies::default(), lines: None, worker: alive::unique(), damaged: Vec::new() }
    }

    /// One in a file, which is made if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        let lines = Lines::open(path).map_err(|error| JournalError::Write(path.to_owned(), error))?;
        let mut journal = Self::in_memory();
        journal.worker = lines.alive.id().to_owned();
        journal.lines = Some(lines);
        let tail = journal.refresh()?;
        let foreign = match (journal.damaged.first(), tail.as_slice()) {
            _ if journal.studies.next_study() > 0 => None,
            (Some((_, why)), _) => Some(why.clone()),
            (None, tail) if !START.starts_with(tail) && !tail.starts_with(START) => Some("it is no event".to_owned()),
            _ => None,
        };
        foreign.map_or(Ok(journal), |why| Err(JournalError::Foreign(path.to_owned(), why)))
    }

    /// Lines that are no events, which were passed over: which, and why.
    pub(crate) fn damaged(&self) -> &[(usize, String)] {
        &self.damaged
    }

    pub(crate) fn studies(&self) -> &Studies {
        &self.studies
    }

    /// The name of one of this process's threads in the journal.
    pub(crate) fn worker(&self, thread: usize) -> String {
        format!("{}-{thread}", self.worker)
    }

    /// Whether the process that a trial runs in has died.
    pub(crate) fn has_died(&self, trial: &Record) -> bool {
        let process = trial.worker.rsplit_once('-').map_or(trial.worker.as_str(), |(process, _)| process);
        process != self.worker && self.lines.as_ref().is_none_or(|lines| alive::has_died(lines.path(), process))
    }

    /// Reads what others have written; returns the start of a line that is not yet complete.
    pub(crate) fn refresh(&mut self) -> Result<Vec<u8>, JournalError> {
        let Some(lines) = &mut self.lines else { return Ok(Vec::new()) };
        let news = lines.read().map_err(|error| JournalError::Read(lines.path().to_owned(), error));
        let (again, mut news) = news?;
        let tail = std::mem::take(&mut news.tail);
        take_in(&mut self.studies, &mut self.damaged, again, news);
        Ok(tail)
    }

    /// Reads what others have written and adds the events that `decide` makes of it, while nobody
    /// else writes. `durable` waits until they are on the disk.
    pub(crate) fn update<R>(
        &mut self,
        thread: usize,
        durable: bool,
        decide: impl FnOnce(&Studies, &mut Vec<Event>) -> R,
    ) -> Result<R, JournalError> {
        let worker = self.worker(thread);
        let (studies, damaged) = (&mut self.studies, &mut self.damaged);
        let mut result = None;
        let write = |again, news| {
            take_in(studies, damaged, again, news);
            let mut events = Vec::new();
            result = Some(decide(studies, &mut events));
            Added { events: events.into_iter().map(|event| (worker.clone(), event)).collect(), durable }
        };
        let added = match &mut self.lines {
            Some(lines) => {
                let path = lines.path().to_owned();
                lines.append(write).map_err(|error| JournalError::Write(path, error))?
            }
            None => write(false, News::default()).events,
        };
        for (worker, event) in added {
            self.studies.apply(&worker, event);
        }
        Ok(result.expect("decided before anything was written"))
    }
}

fn take_in(studies: &mut Studies, damaged: &mut Vec<(usize, String)>, again: bool, news: News) {
    if again {
        *studies = Studies::default();
        damaged.clear();
    }
    for (worker, event) in news.events {
        studies.apply(&worker, event);
    }
    damaged.extend(news.damaged);
}
