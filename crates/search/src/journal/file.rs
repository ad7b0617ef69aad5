//! The journal on the disk: lines that are only ever added.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::alive::Alive;
use super::event::Event;
use super::lock::Lock;

/// An open journal, and how far it was read.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    /// The end of the last complete line that was read.
    offset: u64,
    /// How many lines end there.
    lines: usize,
    pub(super) alive: Alive,
}

/// What was found since last time.
#[derive(Default)]
pub(super) struct News {
    pub(super) events: Vec<(String, Event)>,
    /// Lines that are no events: which, and why.
    pub(super) damaged: Vec<(usize, String)>,
    /// What is behind the last complete line.
    pub(super) tail: Vec<u8>,
}

impl Lines {
    /// Opens the file or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        // A device or a pipe has no end that could be read to.
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(Self { path: path.to_owned(), file, offset: 0, lines: 0, alive: Alive::new(path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What complete lines were added since last time; all of them if the file became shorter, which
    /// `true` says.
    pub(super) fn read(&mut self) -> io::Result<(bool, News)> {
        let again = self.file.metadata()?.len() < self.offset;
        if again {
            (self.offset, self.lines) = (0, 0);
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.offset))?;
        self.file.read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1);
        let mut news = News { tail: bytes.split_off(end), ..News::default() };
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            self.lines += 1;
            match Event::parse(line.trim_ascii()) {
                Ok(event) => news.events.push(event),
                Err(_) if line.trim_ascii().is_empty() => {}
                Err(why) => news.damaged.push((self.lines, why)),
            }
        }
        self.offset += end as u64;
        Ok((again, news))
    }

    /// Adds what `write` makes of what is new, while nobody else writes.
    ///
    /// If the disk is full, nothing was added. A line that was torn off by a dying process is cut
    /// away first: it would spoil the next.
    pub(super) fn append(&mut self, write: impl FnOnce(bool, News) -> Added) -> io::Result<Vec<(String, Event)>> {
        let file = self.file.try_clone()?;
        let path = self.path.clone();
        let _lock = Lock::acquire(&path, &file)?;
        let (again, mut news) = self.read()?;
        if !news.tail.is_empty() {
            self.mend(&mut news)?;
        }
        let added = write(again, news);
        if !added.events.is_empty() {
            let text: String = added.events.iter().map(|(worker, event)| event.render(worker) + "\n").collect();
            let written = self.file.write_all(text.as_bytes());
            let written = if added.durable { written.and_then(|()| self.file.sync_data()) } else { written };
            if let Err(error) = written {
                // What was written of it must not stay; if even that fails, it is a torn line.
                let _ = self.file.set_len(self.offset);
                return Err(error);
            }
            self.offset += text.len() as u64;
            self.lines += added.events.len();
        }
        Ok(added.events)
    }

    /// Ends the last line if it only lacks its end, as editors leave it, or else cuts it away.
    fn mend(&mut self, news: &mut News) -> io::Result<()> {
        let tail = std::mem::take(&mut news.tail);
        match Event::parse(tail.trim_ascii()) {
            Ok(event) => {
                self.file.write_all(b"\n")?;
                news.events.push(event);
                self.offset += tail.len() as u64 + 1;
                self.lines += 1;
            }
            Err(why) => {
                self.file.set_len(self.offset)?;
                news.damaged.push((self.lines + 1, format!("{why}; as it was the last, it was cut away")));
            }
        }
        Ok(())
    }
}

/// What to add.
pub(super) struct Added {
    pub(super) events: Vec<(String, Event)>,
    /// Whether to wait until it is on the disk, so that it outlives the machine's power, not only
    /// the process.
    pub(super) durable: bool,
}
