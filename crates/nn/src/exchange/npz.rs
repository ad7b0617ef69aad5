//! NumPy's files of several arrays: npy files in a zip archive.

use std::io::{Cursor, Read, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{AnyTensor, FormatError, StateDict};

/// Deflate makes at most 1032 bytes of one, so that anything longer is a lie.
const MOST: u64 = 1032;

impl StateDict {
    /// The arrays of an npz file, compressed or not.
    ///
    /// # Errors
    /// If the bytes are not such a file.
    pub fn from_npz(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        let mut state = StateDict::new();
        let mut left = (bytes.len() as u64).saturating_mul(MOST);
        for i in 0..archive.len() {
            let file = archive.by_index(i).map_err(damaged)?;
            let name = file.name().strip_suffix(".npy").unwrap_or(file.name()).to_owned();
            let mut array = Vec::new();
            let read = file.take(left).read_to_end(&mut array);
            left -= read.map_err(|error| FormatError::new(format!("`{name}`: {error}")))? as u64;
            let array = AnyTensor::from_npy(&array).map_err(|error| FormatError::new(format!("`{name}`: {error}")))?;
            if state.get(&name).is_some() {
                return Err(FormatError::new(format!("two arrays are called `{name}`")));
            }
            state.insert(name, array);
        }
        Ok(state)
    }

    /// An npz file, uncompressed.
    ///
    /// ```
    /// use wengert_nn::StateDict;
    /// use wengert_tensor::tensor;
    ///
    /// let mut state = StateDict::new();
    /// state.insert("weight", tensor![[1.0f32, 2.0]]);
    /// assert_eq!(StateDict::from_npz(&state.to_npz()?)?, state);
    /// # Ok::<(), wengert_nn::FormatError>(())
    /// ```
    /// # Errors
    /// If a name is longer than a zip archive can hold.
    pub fn to_npz(&self) -> Result<Vec<u8>, FormatError> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, tensor) in self.iter() {
            let array = tensor.to_npy();
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(u32::try_from(array.len()).is_err());
            archive.start_file(format!("{name}.npy"), options).map_err(damaged)?;
            archive.write_all(&array).map_err(|error| damaged(error.into()))?;
        }
        Ok(archive.finish().map_err(damaged)?.into_inner())
    }
}

fn damaged(error: ZipError) -> FormatError {
    FormatError::new(format!("no zip archive: {error}"))
}
