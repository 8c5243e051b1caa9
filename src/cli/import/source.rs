//! Reads the files of another system, within bounds.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use crate::cli::Failure;
use crate::config::FILE_MAX_BYTES;

/// The text of a file.
///
/// # Errors
/// The file cannot be read, is no regular file, is too large, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::new(format!("cannot read `{}`: it is not UTF-8 in line {line}", path.display()))
            .with_hint("`iconv -f LATIN1 -t UTF-8` makes UTF-8 of the older encoding")
    })
}

/// What stands in a file.
///
/// # Errors
/// The file cannot be read, is no regular file, or is too large.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::new(format!("cannot read `{}`: {why}", path.display()));
    let meta = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !meta.is_file() {
        return Err(failed("it is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    // One byte more than may be, so that what is too large is known to be.
    file.take(FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() > FILE_MAX_BYTES {
        return Err(failed(format!("it is larger than {} KiB", FILE_MAX_BYTES >> 10)));
    }
    Ok(bytes)
}
