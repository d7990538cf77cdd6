//! Which reports there are: files, directories, globs, places of recorded runs.

use std::collections::BTreeMap;
use std::path::Path;

use super::directory::is_site;
use crate::diagnostic::{Code, Fault, Faults};
use crate::history::FileKind;
use crate::store::{Location, Surroundings};

/// Directories in directories that are looked into.
const DEPTH_MAX: usize = 4;

/// A file that should hold a report.
#[derive(Debug, Clone)]
pub struct Found {
    pub(super) place: Location,
    /// What was said of the run, in its order.
    pub(super) marks: Vec<Location>,
    /// Whether it was named, or lies where others were looked for.
    pub(super) is_named: bool,
}

impl Found {
    pub fn place(&self) -> &Location {
        &self.place
    }
}

/// The files that `names` mean, each once, in an order of their own. A directory means all JSON files in it and below; in a
/// history these are the recorded runs of its data sets.
///
/// # Errors
/// Of each name: nothing is there, or it cannot be looked into.
pub fn gather(names: &[String], here: &Surroundings) -> Result<Vec<Found>, Faults> {
    let (mut gathered, mut faults) = (Gathered::default(), Faults::default());
    for name in names {
        faults.take(gathered.add(name, here));
    }
    faults.or_ok(gathered.found.into_values().collect())
}

#[derive(Default)]
struct Gathered {
    /// By what they are called.
    found: BTreeMap<String, Found>,
    /// Files of directories that were listed.
    listed: BTreeMap<String, Vec<String>>,
}

impl Gathered {
    fn add(&mut self, name: &str, here: &Surroundings) -> Result<(), Fault> {
        let place = Location::new(name, here)?;
        let Some(path) = place.local() else {
            if !name.ends_with(SUFFIX) {
                return self.directory(&place, 0);
            }
            self.note(Found { place, marks: Vec::new(), is_named: true });
            return Ok(());
        };
        match path.metadata() {
            Ok(there) if there.is_dir() => self.directory(&place, 0),
            Ok(_) => self.file(&place, true),
            Err(_) if name.contains(['*', '?', '[']) => self.glob(name),
            Err(error) => {
                let fault = Fault::new(Code::of_reading(&error), format!("{name}: no report can be read: {error}"));
                Err(fault.hint("name JSON reports, globs, directories, or the place where runs are recorded"))
            }
        }
    }

    fn glob(&mut self, pattern: &str) -> Result<(), Fault> {
        let invalid = |e: glob::PatternError| Fault::new(Code::InvalidLocation, format!("{pattern}: not a glob: {}", e.msg));
        let mut is_empty = true;
        for path in glob::glob(pattern).map_err(invalid)? {
            let path = path.map_err(|e| {
                Fault::new(Code::of_reading(e.error()), format!("{}: cannot look into it: {}", e.path().display(), e.error()))
            })?;
            is_empty = false;
            let place = Location::Local(path);
            if place.local().is_some_and(Path::is_dir) { self.directory(&place, 0)? } else { self.file(&place, false)? }
        }
        match is_empty {
            false => Ok(()),
            true => Err(Fault::new(Code::FileNotFound, format!("{pattern}: no file matches"))
                .hint("check the glob; quote it, so that the shell leaves it alone")),
        }
    }

    fn directory(&mut self, directory: &Location, depth: usize) -> Result<(), Fault> {
        if directory.local().is_some_and(is_site) {
            return Ok(());
        }
        let names = self.names(directory)?;
        for name in names.iter().filter(|name| !is_hidden(name)) {
            let place = directory.join(name);
            // An object store does not tell what is a directory: one that is none holds nothing.
            let is_directory = place.local().map_or(!name.ends_with(SUFFIX), Path::is_dir);
            if is_directory && depth < DEPTH_MAX {
                self.directory(&place, depth + 1)?;
            } else if !is_directory && name.ends_with(SUFFIX) {
                self.insert(directory, name, &names, false);
            }
        }
        Ok(())
    }

    fn names(&self, directory: &Location) -> Result<Vec<String>, Fault> {
        directory.names().map_err(|e| Fault::new(Code::of_reading(&e), format!("{directory}: cannot look into it: {e}")))
    }

    /// A file of this machine.
    fn file(&mut self, file: &Location, is_named: bool) -> Result<(), Fault> {
        let parent = file.local().and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
        let directory = Location::Local(parent.unwrap_or(Path::new(".")).to_owned());
        let key = directory.to_string();
        if !self.listed.contains_key(&key) {
            let names = self.names(&directory)?;
            self.listed.insert(key.clone(), names);
        }
        let beside = self.listed.get(&key).cloned().unwrap_or_default();
        let name = file.name().to_owned();
        self.insert(&directory, &name, &beside, is_named);
        Ok(())
    }

    /// Notes a file, unless it is one that goes with a run.
    fn insert(&mut self, directory: &Location, name: &str, beside: &[String], is_named: bool) {
        let marks = match FileKind::of(name) {
            FileKind::Mark { .. } | FileKind::Summary => return,
            FileKind::Other => Vec::new(),
            FileKind::Run => {
                let run = name.trim_end_matches(SUFFIX);
                let of_run = |file: &&String| file.starts_with(run);
                let mut marks: Vec<(u32, &String)> = beside
                    .iter()
                    .filter(of_run)
                    .filter_map(|file| match FileKind::of(file) {
                        FileKind::Mark { run: of, ordinal } => (of == run).then_some((ordinal, file)),
                        FileKind::Run | FileKind::Summary | FileKind::Other => None,
                    })
                    .collect();
                marks.sort();
                marks.into_iter().map(|(_, file)| directory.join(file)).collect()
            }
        };
        self.note(Found { place: directory.join(name), marks, is_named });
    }

    fn note(&mut self, found: Found) {
        let Found { place, is_named, .. } = &found;
        let is_named = *is_named;
        let key =
            place.local().and_then(|path| path.canonicalize().ok()).map_or_else(|| place.to_string(), |path| path.display().to_string());
        self.found.entry(key).or_insert(found).is_named |= is_named;
    }
}

const SUFFIX: &str = ".json";

/// Whether others keep what is theirs there. The directory of a data set in a history may begin so too, and has a `~`.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('~'))
}
