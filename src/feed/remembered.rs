//! Which files have been judged: one line each, written behind the others.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Fault};
use crate::files;

/// A file as it was when it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub path: String,
    pub bytes: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub modified: u128,
    /// The same as no program can set it; 0 where that is not known.
    #[serde(default)]
    pub changed: i128,
}

impl Seen {
    /// Whether the content is that of `other`, as far as sizes and times tell: a file that is moved is changed.
    pub(super) fn has_content_of(&self, other: &Self) -> bool {
        (self.bytes, self.modified) == (other.bytes, other.modified)
    }
}

/// The files that have been judged.
#[derive(Debug)]
pub(super) struct Remembered {
    place: PathBuf,
    seen: BTreeMap<String, Seen>,
    /// Where whole lines end, if the last one was cut short by a crash.
    cut_at: Option<u64>,
}

impl Remembered {
    /// Reads what is remembered at `place`, if anything is.
    ///
    /// # Errors
    /// It cannot be read, or a line is none of ours: files would be judged again. A last line that was cut short counts for
    /// nothing.
    pub(super) fn read(place: &Path) -> Result<Self, Fault> {
        let text = match fs::read_to_string(place) {
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            read => read.map_err(|e| Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", place.display())))?,
        };
        let mut seen = BTreeMap::new();
        for (i, line) in text.lines().enumerate() {
            match serde_json::from_str::<Seen>(line) {
                Ok(file) => _ = seen.insert(file.path.clone(), file),
                Err(_) if !text.ends_with('\n') && i + 1 == text.lines().count() => {}
                Err(_) => {
                    let fault = Fault::new(Code::Damaged, format!("{}:{}: not a line that remembers a file", place.display(), i + 1));
                    return Err(fault.hint("`--remember` names another file"));
                }
            }
        }
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        Ok(Self { place: place.to_owned(), seen, cut_at: (whole < text.len()).then_some(whole as u64) })
    }

    /// Whether the file has been judged as it is.
    pub(super) fn has(&self, file: &Seen) -> bool {
        self.seen.get(&file.path) == Some(file)
    }

    /// Whether a file of this name has been judged, be it another one now.
    pub(super) fn has_name(&self, file: &Seen) -> bool {
        self.seen.contains_key(&file.path)
    }

    /// Remembers a file until the run ends.
    pub(super) fn for_now(&mut self, file: &Seen) {
        self.seen.insert(file.path.clone(), file.clone());
    }

    /// Remembers a file, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&mut self, file: &Seen) -> Result<(), Fault> {
        let failed = |e: std::io::Error| {
            let fault =
                Fault::new(Code::of_writing(&e), format!("{}: cannot remember that {} was judged: {e}", self.place.display(), file.path));
            fault.hint("its batch is settled; gated again, it does not come twice")
        };
        let line = serde_json::to_string(file).map_err(|e| failed(e.into()))?;
        if let Some(directory) = self.place.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let mut out = files::append(&self.place).map_err(failed)?;
        if let Some(whole) = self.cut_at.take() {
            out.set_len(whole).map_err(failed)?;
        }
        out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.sync_data()).map_err(failed)?;
        self.for_now(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64) -> Seen {
        Seen { path: path.to_owned(), bytes, modified: 1, changed: 2 }
    }

    #[test]
    fn files_stay_remembered_and_a_line_that_was_cut_short_is_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("deep/seen.ndjson");
        let mut remembered = Remembered::read(&place).expect("nothing yet");
        remembered.add(&file("a", 1)).expect("added");
        let whole = fs::read_to_string(&place).expect("text");
        fs::write(&place, format!("{whole}{{\"path\":\"b\",\"by")).expect("written");
        let mut again = Remembered::read(&place).expect("read");
        assert!(again.has(&file("a", 1)) && !again.has(&file("a", 2)) && !again.has(&file("b", 1)));
        again.add(&file("c", 3)).expect("added");
        let third = Remembered::read(&place).expect("read");
        assert!(third.has(&file("a", 1)) && third.has(&file("c", 3)));
        assert_eq!(fs::read_to_string(&place).expect("text").lines().count(), 2);
        fs::write(&place, "no JSON\n").expect("written");
        assert_eq!(Remembered::read(&place).expect_err("refused").code, Code::Damaged);
    }
}
