//! Files compressed by gzip.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// These bytes, or if they are compressed, those that they stand for.
pub(super) fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut all = Vec::new();
    MultiGzDecoder::new(&bytes[..]).read_to_end(&mut all)?;
    Ok(all)
}
