//! IDX files, the format of MNIST and its relatives.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use wengert_tensor::{Element, Tensor};

/// The compression of gzip at its best: a file of n bytes cannot hold more than 1032·n.
const LARGEST_RATIO: u64 = 1032;

/// Reads an IDX file, plain or compressed by gzip, whatever numbers it holds.
///
/// IDX is the format of MNIST: a number that says how many axes there are and of which type the
/// elements are, the sizes, then the elements in row-major order, all big-endian. Elements are
/// converted to `E`: take `f32` for images, `i64` for labels.
///
/// Nothing in the header is trusted: memory is taken for what the file holds, not for what it
/// promises.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::read_idx;
///
/// let path = std::env::temp_dir().join(format!("wengert-{}.idx", std::process::id()));
/// std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 255])?;
/// let images: Tensor<f32> = read_idx(&path)?;
/// assert_eq!(images, tensor![[7.0, 8.0, 255.0]]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// # Errors
/// If the file cannot be read, or is not an IDX file from its first byte to its last.
pub fn read_idx<E: Element>(path: impl AsRef<Path>) -> Result<Tensor<E>, IdxError> {
    let path = path.as_ref();
    let error = |kind| IdxError { path: path.to_owned(), kind };
    let bytes = fs::read(path).map_err(|e| error(IdxErrorKind::Io(e)))?;
    parse(&bytes).map_err(error)
}

/// Why an IDX file could not be read.
#[derive(Debug)]
pub struct IdxError {
    path: PathBuf,
    /// What is wrong with the file.
    pub kind: IdxErrorKind,
}

/// What is wrong with an IDX file.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdxErrorKind {
    /// It cannot be read, or is not what gzip wrote.
    Io(io::Error),
    /// Its first four bytes are not those of an IDX file.
    Magic([u8; 4]),
    /// It ends within its header.
    Header,
    /// It holds more or fewer bytes of elements than its header says, or could hold.
    Length {
        /// What the header says; none if that is more than there is room for on any machine.
        expected: Option<u64>,
        /// What is there, or could be.
        found: u64,
    },
}

impl fmt::Display for IdxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.kind {
            IdxErrorKind::Io(error) => write!(f, "{error}"),
            IdxErrorKind::Magic(bytes) => {
                write!(f, "the bytes {bytes:?} do not start an IDX file; is it of another format, or packed twice?")
            }
            IdxErrorKind::Header => f.write_str("it ends within its header; get it again"),
            IdxErrorKind::Length { expected, found } => {
                let promised =
                    expected.map_or_else(|| "more bytes than there can be".to_owned(), |n| format!("{n} bytes"));
                write!(f, "its header promises {promised}, it holds {found}; get it again")
            }
        }
    }
}

impl Error for IdxError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            IdxErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

fn parse<E: Element>(bytes: &[u8]) -> Result<Tensor<E>, IdxErrorKind> {
    let compressed = bytes.starts_with(&[0x1f, 0x8b]);
    let (mut plain, mut gzip) = (bytes, GzDecoder::new(bytes));
    let reader: &mut dyn Read = if compressed { &mut gzip } else { &mut plain };

    let magic = be_bytes(reader)?;
    let [0, 0, kind, axes] = magic else { return Err(IdxErrorKind::Magic(magic)) };
    let (width, decode): (u64, fn(&[u8]) -> f64) = match kind {
        0x08 => (1, |b| f64::from(b[0])),
        0x09 => (1, |b| f64::from(b[0] as i8)),
        0x0b => (2, |b| f64::from(i16::from_be_bytes([b[0], b[1]]))),
        0x0c => (4, |b| f64::from(i32::from_be_bytes([b[0], b[1], b[2], b[3]]))),
        0x0d => (4, |b| f64::from(f32::from_be_bytes([b[0], b[1], b[2], b[3]]))),
        0x0e => (8, |b| f64::from_be_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])),
        _ => return Err(IdxErrorKind::Magic(magic)),
    };
    let mut sizes = Vec::new();
    for _ in 0..axes {
        sizes.push(u32::from_be_bytes(be_bytes(reader)?) as usize);
    }

    // Refused before a byte of it is read or unpacked.
    let expected = sizes.iter().try_fold(width, |n, &size| n.checked_mul(size as u64));
    let room = (bytes.len() as u64).saturating_mul(if compressed { LARGEST_RATIO } else { 1 });
    let Some(expected) = expected.filter(|&n| n <= room) else {
        return Err(IdxErrorKind::Length { expected, found: room });
    };
    let mut elements = Vec::new();
    // One byte more than there should be tells whether there is more.
    reader.take(expected + 1).read_to_end(&mut elements).map_err(IdxErrorKind::Io)?;
    let found = elements.len() as u64;
    let wrong = IdxErrorKind::Length { expected: Some(expected), found };
    if found != expected {
        return Err(wrong);
    }
    let values = elements.chunks_exact(width as usize).map(|bytes| E::from_f64(decode(bytes)));
    Tensor::try_from_vec(values.collect(), sizes).map_err(|_| wrong)
}

/// The next four bytes.
fn be_bytes(reader: &mut dyn Read) -> Result<[u8; 4], IdxErrorKind> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => IdxErrorKind::Header,
        _ => IdxErrorKind::Io(error),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use wengert_tensor::tensor;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn told(bytes: &[u8]) -> String {
        let path = PathBuf::from("images");
        IdxError { path, kind: parse::<f32>(bytes).expect_err("it is refused") }.to_string()
    }

    #[test]
    fn every_type_of_element() {
        let parsed = |kind: u8, elements: &[u8]| {
            let bytes = [&[0, 0, kind, 1, 0, 0, 0, 2], elements].concat();
            assert_eq!(parse::<f64>(&bytes).unwrap(), parse::<f64>(&gzip(&bytes)).unwrap());
            parse::<f64>(&bytes).unwrap()
        };
        assert_eq!(parsed(8, &[1, 255]), tensor![1.0, 255.0]);
        assert_eq!(parsed(9, &[1, 255]), tensor![1.0, -1.0]);
        assert_eq!(parsed(11, &[1, 0, 255, 254]), tensor![256.0, -2.0]);
        assert_eq!(parsed(12, &[0, 1, 0, 0, 255, 255, 255, 255]), tensor![65536.0, -1.0]);
        assert_eq!(parsed(13, &[1.5f32.to_be_bytes(), (-2f32).to_be_bytes()].concat()), tensor![1.5, -2.0]);
        assert_eq!(parsed(14, &[1e300f64.to_be_bytes(), (-2f64).to_be_bytes()].concat()), tensor![1e300, -2.0]);
    }

    #[test]
    fn shapes() {
        let images = parse::<f32>(&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4]).unwrap();
        assert_eq!(images, tensor![[[1.0, 2.0], [3.0, 4.0]]]);
        assert_eq!(parse::<i64>(&[0, 0, 8, 1, 0, 0, 0, 0]).unwrap().shape(), &[0]);
        assert_eq!(parse::<i64>(&[0, 0, 8, 0, 9]).unwrap().item(), 9);
    }

    #[test]
    fn malformed_files_are_refused() {
        let plain = [0, 0, 8, 1, 0, 0, 0, 2, 7, 8];
        assert_eq!(told(&[]), "images: it ends within its header; get it again");
        assert_eq!(told(&plain[..6]), "images: it ends within its header; get it again");
        assert_eq!(told(&plain[..9]), "images: its header promises 2 bytes, it holds 1; get it again");
        assert_eq!(told(&[&plain[..], &[9]].concat()), "images: its header promises 2 bytes, it holds 3; get it again");
        assert_eq!(
            told(b"P5 28 28"),
            "images: the bytes [80, 53, 32, 50] do not start an IDX file; is it of another format, or packed twice?"
        );
        assert!(told(&[0, 0, 10, 1, 0, 0, 0, 0]).contains("the bytes [0, 0, 10, 1] do not start an IDX file"));
        assert!(told(&[0, 0, 8, 255, 0, 0]).contains("ends within its header"));
        // A terabyte and more are refused by what the file could hold.
        assert!(told(&[0, 0, 8, 2, 0, 255, 255, 255, 0, 1, 0, 0]).contains("promises 1099511562240 bytes"));
        assert!(told(&[&[0, 0, 14, 3][..], &[255; 12]].concat()).contains("more bytes than there can be"));
        let packed = gzip(&plain);
        assert!(told(&packed[..packed.len() - 9]).starts_with("images: "));
        assert!(told(&gzip(&[0, 0, 8, 1, 255, 255, 255, 255])).contains("promises 4294967295 bytes"));
        let mut broken = packed.clone();
        let last = broken.len() - 6;
        broken[last] ^= 1;
        assert!(parse::<f32>(&broken).is_err());
    }

    proptest! {
        /// No bytes bring it down or make it take memory that the file does not back.
        #[test]
        fn damage_is_told(at: prop::sample::Index, byte: u8, cut: bool, packed: bool) {
            let good = [&[0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2][..], &[7; 6]].concat();
            let mut bytes = if packed { gzip(&good) } else { good };
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
                prop_assert!(parse::<f32>(&bytes).is_err());
            } else {
                bytes[at] = byte;
                prop_assert!(parse::<f32>(&bytes).is_ok_and(|x| x.count() <= 6) || parse::<f32>(&bytes).is_err());
            }
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_idx::<f32>("no/such/file").expect_err("it is missing");
        assert!(error.to_string().starts_with("no/such/file: "), "{error}");
        assert!(matches!(error.kind, IdxErrorKind::Io(_)) && error.source().is_some());
    }
}
