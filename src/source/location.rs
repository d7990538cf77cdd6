//! Finds the files that paths and globs name.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::diagnostic::Fault;

/// How a file's bytes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    Tsv,
    Parquet,
}

impl Format {
    const KNOWN: &str = "`.csv`, `.tsv`, `.parquet`";

    fn of(path: &str) -> Option<Self> {
        match Path::new(path).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" | "txt" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A file of the batch, as it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// As the user wrote it, or as the glob found it.
    pub path: String,
    pub bytes: u64,
    modified: Option<SystemTime>,
}

impl InputFile {
    fn stat(path: &str) -> Result<Self, Fault> {
        let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
        Ok(Self { path: path.to_owned(), bytes: meta.len(), modified: meta.modified().ok() })
    }

    /// Refuses to go on with a file that changed since it was opened: two looks must see the same data.
    ///
    /// # Errors
    /// The file is gone, or its length or time of change differs.
    pub fn ensure_unchanged(&self) -> Result<(), Fault> {
        if Self::stat(&self.path)? == *self {
            return Ok(());
        }
        let what = format!("{} changed while it was being read", self.path);
        Err(Fault::new(what).hint("run again once nothing writes to it"))
    }
}

/// A fault that says a path cannot be read, and why.
pub(super) fn cannot_read(path: &str, error: &std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::NotFound => Fault::new(format!("{path}: no such file")).hint("check the path"),
        std::io::ErrorKind::PermissionDenied => Fault::new(format!("{path}: permission denied")),
        _ => Fault::new(format!("{path}: cannot read: {error}")),
    }
}

/// The files that `paths` name, in the order given (globs in byte order), and their one format.
///
/// # Errors
/// A path that is not there, a glob that matches nothing, a directory, an unknown or mixed format.
pub fn locate(paths: &[String], format: Option<Format>) -> Result<(Format, Vec<InputFile>), Fault> {
    let mut files = Vec::new();
    for path in paths {
        for found in expand(path)? {
            files.push(InputFile::stat(&found)?);
        }
    }
    let Some(first) = files.first() else {
        return Err(Fault::new("no data was named").hint("give a path, or `source: { path: … }` in the rule file"));
    };
    if let Some(format) = format {
        return Ok((format, files));
    }
    let of = |file: &InputFile| {
        Format::of(&file.path).ok_or_else(|| {
            let what = format!("{}: the format cannot be told from its name", file.path);
            Fault::new(what).hint(format!("known: {}; or say `source: {{ format: … }}`", Format::KNOWN))
        })
    };
    let format = of(first)?;
    for file in &files {
        if of(file)? != format {
            let what = format!("{} and {} are of different formats", first.path, file.path);
            return Err(Fault::new(what).hint("one batch has one format"));
        }
    }
    Ok((format, files))
}

fn expand(path: &str) -> Result<Vec<String>, Fault> {
    let as_path = Path::new(path);
    if as_path.is_dir() {
        let what = format!("{path} is a directory");
        return Err(Fault::new(what).hint(format!("name its files: `{}/*.csv`", path.trim_end_matches('/'))));
    }
    if as_path.exists() || !path.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let found = glob::glob(path).map_err(|e| Fault::new(format!("{path}: not a glob: {e}")))?;
    let mut files = Vec::new();
    for entry in found {
        let entry = entry.map_err(|e| Fault::new(e.to_string()))?;
        if entry.is_file() {
            files.push(entry.to_string_lossy().into_owned());
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        return Err(Fault::new(format!("{path}: no file matches")).hint("check the pattern"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_in_byte_order_and_nothing_found_is_a_fault() {
        let dir = tempfile::tempdir().expect("dir");
        for name in ["b.csv", "a.csv", "B.csv", "c.txt"] {
            fs::write(dir.path().join(name), "x\n1\n").expect("write");
        }
        let glob = format!("{}/*.csv", dir.path().display());
        let (format, files) = locate(&[glob], None).expect("found");
        let names: Vec<_> = files.iter().map(|f| f.path.rsplit('/').next().expect("name").to_owned()).collect();
        assert_eq!((format, names), (Format::Csv, vec!["B.csv".into(), "a.csv".into(), "b.csv".into()]));
        let none = format!("{}/*.parquet", dir.path().display());
        assert!(locate(&[none], None).expect_err("fault").what.contains("no file matches"));
        let dir = dir.path().display().to_string();
        assert!(locate(&[dir], None).expect_err("fault").what.contains("is a directory"));
    }
}
