//! Files that rules name beside the data.

use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::diagnostic::{Code, Fault, Misread};
use crate::yaml::Spanned;

/// A file of more bytes than this is none that a rule file means.
const BYTES_MAX: u64 = 16 << 20;

/// Reads what rules name, as far as it is allowed.
pub struct Files<'a> {
    /// The rule file.
    file: &'a str,
    /// Whether a path may be read.
    allow: &'a dyn Fn(&str) -> Result<(), Fault>,
    /// Digests of what was read, in the order of the rules.
    digests: Vec<u128>,
}

impl<'a> Files<'a> {
    pub fn new(file: &'a str, allow: &'a dyn Fn(&str) -> Result<(), Fault>) -> Self {
        Self { file, allow, digests: Vec::new() }
    }

    /// The text of the file; its path starts at the directory in which the program runs, as all paths in a rule file do.
    ///
    /// # Errors
    /// It is not allowed, or cannot be read.
    pub fn text(&mut self, named: &Spanned<String>) -> Result<String, Fault> {
        let at = |fault: Fault| fault.at(named.at.in_file(self.file));
        let path = named.value.as_str();
        if path.contains("://") {
            let fault = Fault::new(Code::Unsupported, format!("`{path}` is an address, and a rule names files"));
            return Err(at(fault.hint("fetch it beforehand, and give the path of the file")));
        }
        (self.allow)(path).map_err(at)?;
        let unreadable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => {
                let fault = Fault::new(Code::FileNotFound, format!("there is no file `{path}`"));
                at(fault.hint("paths start at the directory in which the program runs"))
            }
            _ => at(Fault::new(Code::of_reading(&e), format!("`{path}` cannot be read: {e}"))),
        };
        let about = fs::metadata(Path::new(path)).map_err(unreadable)?;
        if !about.is_file() || about.len() > BYTES_MAX {
            return Err(at(Fault::new(Code::NotAFile, format!("`{path}` is no file of at most {} MiB", BYTES_MAX >> 20))));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        self.digests.push(xxh3_128(text.as_bytes()));
        Ok(text)
    }

    /// A fault at `spanned`.
    pub fn fault_at<T>(&self, spanned: &Spanned<T>, code: Code, what: impl Into<Misread>) -> Fault {
        Fault::told(code, what).at(spanned.at.in_file(self.file))
    }

    /// `digest`, and that of all that was read.
    pub fn digest_with(&self, digest: u128) -> u128 {
        if self.digests.is_empty() {
            return digest;
        }
        let all = std::iter::once(&digest).chain(&self.digests);
        xxh3_128(&all.flat_map(|digest| digest.to_le_bytes()).collect::<Vec<u8>>())
    }
}
