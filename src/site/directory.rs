//! The directory of a site: its files are written whole, changed only where they differ, and removed when nothing asks for
//! them any more. What others have put there is left alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Names;
use super::brief::{Brief, Head};
use super::name::is_run;
use crate::diagnostic::{Code, Fault};
use crate::files::{self, Draft, Lock};

/// How each page begins, before the digest of what it shows.
const BEGINS: &str = "<!doctype html>\n<!-- A page of a site that Sluicegate writes anew; changes to it are lost. ";
/// Where the pages of runs are, in the directory of their data set.
const RUNS: &str = "runs";
const INDEX: &str = "index.html";

/// A digest as pages bear it.
pub(super) type Digest = u128;

/// A site that is being written; nobody else writes it meanwhile.
pub struct Directory {
    root: PathBuf,
    /// What belongs to the site now.
    kept: Mutex<Names>,
    written: Mutex<usize>,
    _lock: File,
}

impl Directory {
    /// The site at `root`, which may be empty or not there yet.
    ///
    /// # Errors
    /// Something else is there, another writes it, or it cannot be written.
    pub fn open(root: &Path) -> Result<Self, Fault> {
        let failed = |e: &io::Error| Fault::new(Code::of_writing(e), format!("{}: the site cannot be written: {e}", root.display()));
        if let Ok(there) = root.metadata()
            && !there.is_dir()
        {
            return Err(Fault::new(Code::NotAFile, format!("{}: a site is a directory, and a file is there", root.display())));
        }
        fs::create_dir_all(root).map_err(|e| failed(&e))?;
        let mut entries = fs::read_dir(root).map_err(|e| failed(&e))?.flatten();
        if !is_site(root) && entries.any(|entry| !entry.file_name().to_string_lossy().starts_with(".sluicegate-")) {
            let fault =
                Fault::new(Code::Occupied, format!("{}: this is no site that Sluicegate wrote, and it is not empty", root.display()));
            return Err(fault.hint("name a directory of its own for the site, which may be missing or empty"));
        }
        let lock = files::open_directory(root).map_err(|e| failed(&e))?;
        if files::try_lock(&lock).map_err(|e| failed(&e))? == Lock::Taken {
            let fault = Fault::new(Code::Occupied, format!("{}: another writes this site right now", root.display()));
            return Err(fault.hint("run it again when the other has ended"));
        }
        let site = Self { root: root.to_owned(), kept: Mutex::default(), written: Mutex::new(0), _lock: lock };
        if !is_site(root) {
            // So that a site whose first writer was killed is known as one.
            site.put(INDEX, &format!("{}<title>A site that is being written</title>\n", page_head(0)))?;
            *site.written.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        }
        Ok(site)
    }

    /// The runs that are here with their pages, by the digest of what they are of; each with the directory of its data set.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(super) fn briefs(&self) -> Result<BTreeMap<String, (String, Head)>, Fault> {
        let mut found = BTreeMap::new();
        for dataset in self.datasets()? {
            let runs = self.root.join(&dataset).join(RUNS);
            let names = names_in(&runs).map_err(|e| self.unreadable(&e))?;
            for stem in names.iter().filter_map(|name| name.strip_suffix(".json")).filter(|stem| is_run(stem)) {
                let head =
                    first_line(&runs.join(format!("{stem}.json"))).and_then(|line| Head::read(&line)).filter(|head| head.name == stem);
                if let Some(head) = head.filter(|_| names.contains(&format!("{stem}.html"))) {
                    found.insert(head.of.clone(), (dataset.clone(), head));
                }
            }
        }
        Ok(found)
    }

    /// What the pages need of a run that is here.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(super) fn brief(&self, dataset: &str, run: &str) -> Result<Brief, Fault> {
        let path = self.root.join(dataset).join(RUNS).join(format!("{run}.json"));
        let mut bytes = Vec::new();
        files::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|e| self.unreadable(&e))?;
        Brief::read(&bytes).ok_or_else(|| {
            let fault = Fault::new(Code::Damaged, format!("{}: this file of the site is damaged", path.display()));
            fault.hint("remove it, and run the same again: it is written anew")
        })
    }

    /// Writes the page of a run and then what pages need of it: where that is, both are.
    pub(super) fn put_run(&self, dataset: &str, run: &str, page: &str, brief: &str) -> Result<(), Fault> {
        self.put(&format!("{dataset}/{RUNS}/{run}.html"), page)?;
        self.put(&format!("{dataset}/{RUNS}/{run}.json"), brief)
    }

    /// Says that a run belongs to the site.
    pub(super) fn keep_run(&self, dataset: &str, run: &str) {
        for extension in ["html", "json"] {
            self.keep(&format!("{dataset}/{RUNS}/{run}.{extension}"));
        }
    }

    /// Writes the page `name` unless the one that is there shows the same: `digest` is of all that it shows.
    pub(super) fn page(&self, name: &str, digest: Digest, render: impl FnOnce() -> Result<String, Fault>) -> Result<(), Fault> {
        self.keep(name);
        let begins = page_head(digest);
        if first_bytes(&self.root.join(name), begins.len()).is_some_and(|there| there == begins.as_bytes()) {
            return Ok(());
        }
        self.put(name, &render()?)
    }

    /// Removes what no page links to any more; gives how many files went.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub(super) fn sweep(&self) -> Result<usize, Fault> {
        let mut removed = 0;
        for directory in std::iter::once(String::new()).chain(self.datasets()?) {
            let runs = if directory.is_empty() { None } else { Some(format!("{directory}/{RUNS}")) };
            for part in runs.iter().chain([&directory]) {
                let path = self.root.join(part);
                for name in names_in(&path).map_err(|e| self.unreadable(&e))? {
                    let relative = if part.is_empty() { name.clone() } else { format!("{part}/{name}") };
                    if !self.is_kept(&relative) && is_ours(&path.join(&name)) {
                        let gone = fs::remove_file(path.join(&name));
                        gone.map_err(|e| Fault::new(Code::of_writing(&e), format!("{}: cannot remove: {e}", path.join(&name).display())))?;
                        removed += 1;
                    }
                }
                if !part.is_empty() {
                    files::discard_empty_directory(&path);
                }
            }
        }
        Ok(removed)
    }

    /// How many files were written.
    pub(super) fn written(&self) -> usize {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, name: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    fn is_kept(&self, name: &str) -> bool {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn put(&self, name: &str, text: &str) -> Result<(), Fault> {
        let path = self.root.join(name);
        let written = (|| {
            if let Some(parent) = path.parent().filter(|parent| *parent != self.root) {
                // A link would lead out of the site.
                if parent.ancestors().take_while(|above| *above != self.root).any(Path::is_symlink) {
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link is in the way"));
                }
                fs::create_dir_all(parent)?;
            }
            let draft = Draft::of(&path)?;
            draft.file()?.write_all(text.as_bytes())?;
            draft.place()
        })();
        written.map_err(|e| Fault::new(Code::of_writing(&e), format!("{}: the page cannot be written: {e}", path.display())))?;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    /// The directories in this one that may be of data sets.
    fn datasets(&self) -> Result<Vec<String>, Fault> {
        let names = names_in(&self.root).map_err(|e| self.unreadable(&e))?;
        let is_directory = |name: &String| {
            let path = self.root.join(name);
            path.is_dir() && !path.is_symlink() && !name.starts_with('.')
        };
        Ok(names.into_iter().filter(is_directory).collect())
    }

    fn unreadable(&self, error: &io::Error) -> Fault {
        Fault::new(Code::of_reading(error), format!("{}: the site cannot be read: {error}", self.root.display()))
    }
}

/// How a page begins that shows what `digest` is of.
pub(super) fn page_head(digest: Digest) -> String {
    format!("{BEGINS}{digest:032x} -->\n")
}

/// Whether `directory` holds a site.
pub(super) fn is_site(directory: &Path) -> bool {
    first_bytes(&directory.join(INDEX), BEGINS.len()).is_some_and(|bytes| bytes == BEGINS.as_bytes())
}

/// Whether a file is one of a site, as it begins.
fn is_ours(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match file.extension().and_then(|extension| extension.to_str()) {
        // What a run left that was killed while it wrote a page.
        Some("tmp") => name.starts_with(".sluicegate-"),
        Some("html") => first_bytes(file, BEGINS.len()).is_some_and(|bytes| bytes == BEGINS.as_bytes()),
        Some("json") => first_line(file).is_some_and(|line| Head::read(&line).is_some()),
        Some(_) | None => false,
    }
}

fn first_bytes(file: &Path, number: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; number];
    files::open(file).ok()?.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn first_line(file: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(files::open(file).ok()?.take(1 << 16)).read_line(&mut line).ok()?;
    Some(line)
}

/// The names in a directory, in order; none if it is not there.
fn names_in(directory: &Path) -> io::Result<Names> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Names::new()),
        entries => entries?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
    }
}
