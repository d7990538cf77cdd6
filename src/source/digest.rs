//! A digest of every byte of files.

use std::io::Read;

use xxhash_rust::xxh3::Xxh3Default;

use super::Known;
use super::file::cannot_read;
use crate::diagnostic::Fault;

/// Every byte of every file, and the keys of its directories, which are content too.
pub(super) fn of_files(known: &Known) -> Result<u128, Fault> {
    let mut digest = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 20];
    for (file, start) in known.files().iter().zip(&known.starts) {
        digest.update(&start.digest.to_le_bytes());
        let mut handle = file.open()?;
        loop {
            let read = handle.read(&mut buffer).map_err(|e| cannot_read(&file.path, &e))?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
        }
        digest.update(&file.bytes.to_le_bytes());
        file.ensure_unchanged()?;
    }
    Ok(digest.digest128())
}
