//! Finds the files that paths, globs and directories name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use super::file::{InputFile, cannot_read};
use super::http;
use super::partitions::DirectoryKey;
use super::spool::{self, Spool};
use super::{Format, ReadOptions};
use crate::delta_log::LOG;
use crate::diagnostic::{Code, Fault};
use crate::files::is_device;
use crate::remote;

/// Files of one format, and the keys their directories are named by.
#[derive(Debug)]
pub(super) struct Located {
    pub format: Format,
    pub files: Vec<InputFile>,
    /// The keys of each file's directories; empty lists where no directory was given.
    pub keys: Vec<Vec<DirectoryKey>>,
}

/// The files that `paths` name, in the order given (globs and directories in byte order), and their one format.
///
/// # Errors
/// A path that is not there, a glob or directory that holds nothing, an unknown or mixed format.
pub(super) fn locate(paths: &[String], options: &ReadOptions, spool: &Spool) -> Result<Located, Fault> {
    let (mut files, mut keys) = (Vec::new(), Vec::new());
    // Formats of files whose names do not tell them.
    let mut told = BTreeMap::new();
    let mut from_directory = false;
    let allow = |path: &str| options.confines.as_ref().map_or(Ok(()), |confines| confines.allow(path));
    let fetched = http::fetch_all(paths, options, spool)?;
    for path in paths {
        if path == "-" {
            files.push(spool.stream(path, std::io::stdin().lock())?);
            keys.push(Vec::new());
            continue;
        }
        if let Some((pages, format)) = fetched.get(path) {
            told.extend((0..pages.len()).map(|page| (files.len() + page, *format)));
            keys.extend(pages.iter().map(|_| Vec::new()));
            files.extend(pages.iter().cloned());
            continue;
        }
        allow(path)?;
        if remote::Kind::of(path).is_some() {
            let found = remote::find(path, &options.surroundings)?;
            from_directory |= found.directory.is_some();
            for (name, object) in found.objects {
                allow(&name)?;
                let key = |root: &String| DirectoryKey::of_path(&name[root.len()..]);
                keys.push(found.directory.as_ref().map_or_else(Vec::new, key));
                files.push(InputFile::object(&name, object));
            }
            continue;
        }
        if path.contains("://") {
            let fault = Fault::new(Code::InvalidLocation, format!("{path}: data is not read from such a URL"));
            return Err(fault.hint("write `s3://BUCKET/PATH`, `gs://BUCKET/PATH`, `az://CONTAINER/PATH` or an `https://` address"));
        }
        let root = path.trim_end_matches('/');
        let is_directory = Path::new(path).is_dir();
        from_directory |= is_directory;
        let found = if is_directory { below(root, &allow)? } else { expand(path)? };
        let is_named = found.len() == 1 && found[0] == *path;
        for found in found {
            // A link may lead elsewhere.
            allow(&found)?;
            // What is no file can be read once only: a pipe, a process substitution.
            if fs::metadata(&found).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
                if !is_named {
                    let fault = Fault::new(Code::NotAFile, format!("{found}: neither a file nor a directory"));
                    return Err(fault.hint("reading it might wait for ever; name it itself if it is data"));
                }
                if is_device(&found) {
                    let fault = Fault::new(Code::NotAFile, format!("{found}: a device, which never ends"));
                    return Err(fault.hint("name a file, a directory, or a pipe"));
                }
                let pipe = fs::File::open(&found).map_err(|e| cannot_read(&found, &e))?;
                files.push(spool.stream(&found, pipe)?);
                keys.push(Vec::new());
                continue;
            }
            keys.push(if is_directory { DirectoryKey::of_path(&found[root.len()..]) } else { Vec::new() });
            files.push(InputFile::stat(&found)?);
        }
    }
    let Some(first) = files.first() else {
        return Err(Fault::new(Code::MissingOption, "no data was named").hint("give a path, or `source: { path: … }` in the rule file"));
    };
    if let Some(format) = options.format {
        return Ok(Located { format, files, keys });
    }
    let format_of = |index: usize| told.get(&index).map_or_else(|| format_of(&files[index], from_directory), |format| Ok(*format));
    let format = format_of(0)?;
    for (index, file) in files.iter().enumerate().skip(1) {
        if format_of(index)? != format {
            let what = format!("{} and {} are of different formats", first.path, file.path);
            return Err(Fault::new(Code::FilesDiffer, what).hint("one batch has one format"));
        }
    }
    Ok(Located { format, files, keys })
}

fn format_of(file: &InputFile, from_directory: bool) -> Result<Format, Fault> {
    if let Some(format) = Format::of_name(&file.path) {
        return Ok(format);
    }
    if file.is_spooled() {
        return Format::of_head(&spool::head(file)?).ok_or_else(|| {
            let what = if file.path == "-" { "standard input" } else { &file.path };
            Fault::new(Code::UnknownFormat, format!("the format of {what} cannot be told from its first bytes"))
                .hint("give `--format csv`, or another")
        });
    }
    let what = format!("{}: the format cannot be told from its name", file.path);
    if let Some(hint) = other_file(&file.path) {
        return Err(Fault::new(Code::UnknownFormat, what).hint(hint));
    }
    let hidden = if from_directory { "; names that begin with `_` or `.` are passed over" } else { "" };
    Err(Fault::new(Code::UnknownFormat, what).hint(format!("give `--format`, or `source: {{ format: … }}`: {}{hidden}", Format::names())))
}

/// What to do with a file that by its name is something else than data of a format that is read.
fn other_file(path: &str) -> Option<&'static str> {
    let extension = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "yaml" | "yml" | "toml" => Some("if it is the rule file, give it behind `-r`: `sluicegate check DATA -r RULES.yaml`"),
        "xml" | "html" | "htm" => Some("write it as JSON or CSV"),
        "h5" | "hdf5" | "pkl" | "pickle" | "npy" | "rds" | "sas7bdat" | "sav" | "dta" => Some("write it as Parquet or CSV"),
        "db" | "sqlite" | "sqlite3" | "duckdb" => Some("export the table as Parquet or CSV"),
        "zip" | "tar" | "tgz" | "7z" | "rar" => Some("unpack the archive"),
        _ => None,
    }
}

fn expand(path: &str) -> Result<Vec<String>, Fault> {
    if Path::new(path).exists() || !path.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let found = glob::glob(path).map_err(|e| Fault::new(Code::InvalidLocation, format!("{path}: not a glob: {e}")))?;
    let mut files = Vec::new();
    for entry in found {
        let entry = entry.map_err(|e| cannot_read(&e.path().display().to_string(), e.error()))?;
        // What cannot be looked at (a link that leads nowhere, a directory that may not be entered) is missed by nobody if
        // it is left out here.
        if !entry.is_dir() {
            files.push(in_unicode(entry.into_os_string())?);
        }
    }
    ensure_in_unicode(path)?;
    files.sort_unstable();
    if files.is_empty() {
        return Err(Fault::new(Code::FileNotFound, format!("{path}: no file matches")).hint("check the pattern"));
    }
    Ok(files)
}

/// A path as text. Written with replacement characters it would name another file, or none.
fn in_unicode(path: OsString) -> Result<String, Fault> {
    path.into_string().map_err(|path| {
        let fault = Fault::new(Code::InvalidLocation, format!("{}: the name is not UTF-8", path.display()));
        fault.hint("rename the file: reports could not say which one it is")
    })
}

/// Refuses names that would match `pattern` and are no text: globs pass them over.
fn ensure_in_unicode(pattern: &str) -> Result<(), Fault> {
    let is_wild = |part: &str| part.contains(['*', '?', '[']);
    for above in Path::new(pattern).ancestors() {
        let Some(last) = above.file_name().and_then(|name| name.to_str()).filter(|name| is_wild(name)) else { continue };
        let directory = above.parent().and_then(Path::to_str).filter(|d| !d.is_empty()).unwrap_or(".");
        let (Ok(directories), Ok(last)) = (glob::glob(directory), glob::Pattern::new(last)) else { continue };
        for entry in directories.flatten().flat_map(fs::read_dir).flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_none() && last.matches(&name.to_string_lossy()) {
                in_unicode(entry.path().into_os_string())?;
            }
        }
    }
    Ok(())
}

/// Every file below `directory`, in byte order; names that begin with `_` or `.` are of those who write, not data. Links to
/// directories are followed where `allow` lets them.
fn below(directory: &str, allow: &dyn Fn(&str) -> Result<(), Fault>) -> Result<Vec<String>, Fault> {
    ensure_in_no_table(directory)?;
    let mut files = Vec::new();
    let mut pending = vec![directory.to_owned()];
    // Links may lead back up.
    let mut visited = BTreeSet::new();
    while let Some(directory) = pending.pop() {
        if !visited.insert(fs::canonicalize(&directory).map_err(|e| cannot_read(&directory, &e))?) {
            continue;
        }
        for entry in fs::read_dir(&directory).map_err(|e| cannot_read(&directory, &e))? {
            let entry = entry.map_err(|e| cannot_read(&directory, &e))?;
            let name = entry.file_name();
            if let Some(table) = table(&directory, &name) {
                return Err(table);
            }
            if name.as_encoded_bytes().starts_with(b"_") || name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = in_unicode(Path::new(&directory).join(name).into_os_string())?;
            match Path::new(&path).is_dir() {
                true => {
                    allow(&path)?;
                    pending.push(path);
                }
                false => files.push(path),
            }
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        return Err(Fault::new(Code::FileNotFound, format!("{directory}: no data in this directory"))
            .hint("names that begin with `_` or `.` are passed over"));
    }
    Ok(files)
}

/// Refuses a directory within a Delta table: some of its files may be none of the table's any more.
fn ensure_in_no_table(directory: &str) -> Result<(), Fault> {
    let whole = fs::canonicalize(directory).map_err(|e| cannot_read(directory, &e))?;
    match whole.ancestors().skip(1).find(|above| above.join(LOG).is_dir()) {
        None => Ok(()),
        Some(table) => {
            let what = format!("{directory}: this directory is part of a Delta table, whose log says which of its files count");
            Err(Fault::new(Code::FilesDiffer, what).hint(format!("name the table, `{}`, or files by a glob", table.display())))
        }
    }
}

/// A fault, where what `directory` holds under `name` says that it is a table: its log, not the directory, says which files
/// count.
fn table(directory: &str, name: &OsStr) -> Option<Fault> {
    if name == LOG {
        let fault = Fault::new(Code::FilesDiffer, format!("{directory}: this is a Delta table, among other data"));
        return Some(fault.hint(format!("a table is a batch by itself: name it alone, `delta://{directory}`")));
    }
    let metadata = (name == "metadata").then(|| fs::read_dir(Path::new(directory).join(name)).ok()).flatten()?;
    let mut names = metadata.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| name.ends_with(".metadata.json") || name.ends_with(".metadata.json.gz")).then(|| {
        let fault = Fault::new(Code::Unsupported, format!("{directory}: this is an Iceberg table, which is not read"));
        fault.hint("its metadata says which of its files count: export the rows to Parquet with a program that reads Iceberg")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate_plainly(paths: &[String]) -> Result<Located, Fault> {
        locate(paths, &ReadOptions::default(), &Spool::new(std::env::temp_dir()))
    }

    #[test]
    fn globs_are_in_byte_order_and_nothing_found_is_a_fault() {
        let dir = tempfile::tempdir().expect("dir");
        for name in ["b.csv", "a.csv", "B.csv.gz", "c.txt.md"] {
            fs::write(dir.path().join(name), "x\n1\n").expect("write");
        }
        let found = locate_plainly(&[format!("{}/*.csv*", dir.path().display())]).expect("found");
        let names: Vec<_> = found.files.iter().map(|f| f.path.rsplit('/').next().expect("name").to_owned()).collect();
        assert_eq!((found.format, names), (Format::Csv, vec!["B.csv.gz".into(), "a.csv".into(), "b.csv".into()]));
        let none = format!("{}/*.parquet", dir.path().display());
        assert!(locate_plainly(&[none]).expect_err("fault").what.contains("no file matches"));
    }

    #[test]
    fn directories_are_walked_and_their_keys_read() {
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().display().to_string();
        assert!(locate_plainly(std::slice::from_ref(&root)).expect_err("fault").what.contains("no data in this directory"));
        for name in ["day=2/p.csv", "day=1/x=a%20b/p.csv", "day=1/_SUCCESS", ".hidden/q.csv"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("dir");
            fs::write(path, "x\n1\n").expect("write");
        }
        let found = locate_plainly(&[format!("{root}/")]).expect("found");
        let ends: Vec<_> = found.files.iter().map(|f| f.path[root.len()..].to_owned()).collect();
        assert_eq!(ends, ["/day=1/x=a%20b/p.csv", "/day=2/p.csv"]);
        let keys: Vec<_> = found.keys[0].iter().map(|k| (k.name.as_str(), k.value.as_deref())).collect();
        assert_eq!(keys, [("day", Some("1")), ("x", Some("a b"))]);
    }
}
