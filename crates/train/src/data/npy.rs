//! NumPy's files of one array.

use std::path::Path;

use wengert_nn::{AnyTensor, FileError};
use wengert_tensor::{Element, Tensor};

/// Reads an npy file, whatever numbers it holds. Elements are converted to `E`: take `f32` for
/// features, `i64` for classes.
///
/// Files of several arrays, npz, are read by [`StateDict::read`](wengert_nn::StateDict::read) with
/// the feature `npz`.
///
/// ```
/// use wengert_nn::AnyTensor;
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::read_npy;
///
/// let path = std::env::temp_dir().join(format!("wengert-{}.npy", std::process::id()));
/// AnyTensor::from(tensor![[1.0, 2.0], [3.0, 4.0]]).write(&path)?;
/// let features: Tensor<f32> = read_npy(&path)?;
/// assert_eq!(features, tensor![[1.0, 2.0], [3.0, 4.0]]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// # Errors
/// If the file cannot be read, or is not an npy file of numbers or flags.
pub fn read_npy<E: Element>(path: impl AsRef<Path>) -> Result<Tensor<E>, FileError> {
    Ok(AnyTensor::read(path)?.to())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn errors_name_the_file() {
        let path = std::env::temp_dir().join(format!("wengert-bad-{}.npy", std::process::id()));
        let told = || read_npy::<f32>(&path).unwrap_err().to_string();
        assert!(told().starts_with(&format!("{}: ", path.display())));
        fs::write(&path, b"\x93NUMPX").unwrap();
        assert_eq!(told(), format!("{}: an npy file begins with \\x93NUMPY and its version", path.display()));
        fs::remove_file(&path).unwrap();
    }
}
