//! Files on a disk, and what can be wrong with them.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{AnyTensor, StateDict};

/// Why bytes are not a file of the kind that they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError(String);

impl FormatError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FormatError {}

/// Why a file could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    Io(PathBuf, io::Error),
    /// It is not what its name says.
    Format(PathBuf, FormatError),
    /// Its name does not say what it is.
    Unknown(PathBuf),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Format(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Unknown(path) => {
                write!(f, "{}: the name should end in .safetensors", path.display())?;
                f.write_str(if cfg!(feature = "npz") { " or .npz" } else { ", or .npz with the feature `npz`" })?;
                f.write_str("; a file of one array, .npy, is read by `AnyTensor::read`")
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::Format(_, error) => Some(error),
            Self::Unknown(_) => None,
        }
    }
}

/// The kinds of files that hold several tensors.
enum Kind {
    Safetensors,
    #[cfg(feature = "npz")]
    Npz,
}

impl Kind {
    fn of(path: &Path) -> Result<Self, FileError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => Ok(Self::Safetensors),
            #[cfg(feature = "npz")]
            Some("npz") => Ok(Self::Npz),
            _ => Err(FileError::Unknown(path.into())),
        }
    }
}

impl StateDict {
    /// The tensors of a file called `….safetensors` or, with the feature `npz`, `….npz`.
    ///
    /// # Errors
    /// If it cannot be read, or is not what its name says.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let decode = match Kind::of(path)? {
            Kind::Safetensors => Self::from_safetensors,
            #[cfg(feature = "npz")]
            Kind::Npz => Self::from_npz,
        };
        read(path, decode)
    }

    /// Writes a file of the kind that its name says. A file that was there is replaced at once,
    /// when the new one is complete.
    ///
    /// # Errors
    /// If it cannot be written. A file that was there is as it was then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let bytes = match Kind::of(path)? {
            Kind::Safetensors => self.to_safetensors(),
            #[cfg(feature = "npz")]
            Kind::Npz => self.to_npz(),
        };
        let bytes = bytes.map_err(|error| FileError::Format(path.into(), error))?;
        replace_file(path, &bytes).map_err(|error| FileError::Io(path.into(), error))
    }
}

impl AnyTensor {
    /// The array of an npy file.
    ///
    /// ```
    /// use wengert_nn::AnyTensor;
    /// use wengert_tensor::tensor;
    ///
    /// let file = std::env::temp_dir().join(format!("labels-{}.npy", std::process::id()));
    /// AnyTensor::from(tensor![3i64, 1, 4]).write(&file)?;
    /// assert_eq!(AnyTensor::read(&file)?.to::<i64>(), tensor![3i64, 1, 4]);
    /// # std::fs::remove_file(&file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// # Errors
    /// If it cannot be read, or is no such file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        read(path.as_ref(), Self::from_npy)
    }

    /// Writes an npy file. A file that was there is replaced at once, when the new one is complete.
    ///
    /// # Errors
    /// If it cannot be written. A file that was there is as it was then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        replace_file(path, &self.to_npy()).map_err(|error| FileError::Io(path.into(), error))
    }
}

fn read<R>(path: &Path, decode: impl Fn(&[u8]) -> Result<R, FormatError>) -> Result<R, FileError> {
    let bytes = fs::read(path).map_err(|error| FileError::Io(path.into(), error))?;
    decode(&bytes).map_err(|error| FileError::Format(path.into(), error))
}

/// Writes a file so that, whatever happens meanwhile, there is the old one or the new one, whole:
/// to a file of another name in the same folder, which is flushed to the disk and then renamed,
/// and the folder is flushed as well.
///
/// # Errors
/// If the system refuses. A file that was there is as it was then, unless it was only the folder
/// that could not be flushed.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().inspect_err(|_| _ = fs::remove_file(&part))?;
    flush_folder(path)
}

/// Makes a renaming outlive a loss of power; other systems than Unix have no such call.
#[cfg(unix)]
fn flush_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn flush_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
