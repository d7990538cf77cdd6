//! Texts kept beside the published rows, one a batch, where no reader of the rows looks: what a summary says of the batch.
//!
//! Rows and texts are not changed in one step, so a text never counts by being there. Its name says of which rows it speaks, by
//! a digest of the file that holds them, and it counts only while just these rows are published.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::durable::{Staged, cannot_write, cannot_write_at, make_directory, not_durable, stage};
use super::kill;
use super::location::Location;
use crate::diagnostic::{Code, Fault};
use crate::files::{self, Access};

/// The directory of these texts, in that which is ours.
pub(super) const SUMMARIES: &str = "summaries";

/// What the name of a text says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SummaryName {
    /// When the rows were published, in milliseconds since 1970, as far as the store's own clock tells; a batch that is
    /// rewritten later keeps it.
    pub since: i64,
    pub batch_id: String,
    /// Which rows: a digest of the file that holds them.
    pub content: String,
    /// A text with a higher one takes the place of others about the same rows.
    pub revision: u32,
    /// A digest of the text.
    pub text: String,
}

impl SummaryName {
    /// Of `text` about the batch `batch_id` with the rows `content`.
    pub fn new(since: i64, batch_id: &str, content: &str, revision: u32, text: &str) -> Self {
        Self { since, batch_id: batch_id.to_owned(), content: content.to_owned(), revision, text: digest_of(text.as_bytes()) }
    }

    /// As the name of a file. The batch's id comes last, since it may have dots.
    pub fn file_name(&self) -> String {
        let Self { since, batch_id, content, revision, text } = self;
        format!("{since:011x}.{content}.{text}{revision}.{batch_id}.json")
    }

    /// The name that a file has, if it is one of these.
    pub fn of_file(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".json")?.splitn(4, '.');
        let (since, content, text, batch_id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let since = Some(since).filter(|since| since.len() >= 11 && is_hex(since)).and_then(|since| i64::from_str_radix(since, 16).ok())?;
        let (text, revision) = text.is_ascii().then(|| text.split_at_checked(16)).flatten()?;
        let fits = content.len() == 16 && is_hex(content) && is_hex(text) && files::is_plain_name(batch_id);
        let (content, text) = (content.to_owned(), text.to_owned());
        fits.then_some(Self { since, batch_id: batch_id.to_owned(), content, revision: revision.parse().ok()?, text })
    }

    /// Of texts about the same rows the one with the highest rank counts. There are several where a gate was killed.
    pub fn rank(&self) -> impl Ord + use<'_> {
        (self.revision, self.since, &self.text)
    }

    /// Whether `text` is the one that was written under this name.
    pub fn is_of(&self, text: &[u8]) -> bool {
        self.text == digest_of(text)
    }
}

fn digest_of(text: &[u8]) -> String {
    format!("{:016x}", xxh3_64(text))
}

/// Rows that are published in one file of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveFile {
    /// As the file's name says; none where another program gave it.
    pub batch_id: Option<String>,
    /// None if it is not the file that a gate has published: rows of it were taken out, or it is another program's.
    pub content: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub since: i64,
    /// For people.
    pub name: String,
}

/// Which texts speak of the rows that are published now, and which of these rows have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// In the order in which the rows were published.
    pub valid: Vec<SummaryName>,
    /// Published rows without a text, in that order.
    pub without: Vec<Uncovered>,
}

/// Published rows that no text speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uncovered {
    pub since: i64,
    /// The batch's id, or the file's name if it is of no batch.
    pub name: String,
}

impl Coverage {
    /// Of the texts called `names`, where the rows of `files` are published.
    pub(super) fn of(names: &[SummaryName], files: &[LiveFile]) -> Self {
        let mut best: BTreeMap<(&str, &str), &SummaryName> = BTreeMap::new();
        for name in names {
            let of_rows = best.entry((&name.batch_id, &name.content)).or_insert(name);
            if name.rank() > of_rows.rank() {
                *of_rows = name;
            }
        }
        let mut coverage = Self::default();
        for file in files {
            let named = file.batch_id.as_deref().zip(file.content.as_deref());
            match named.and_then(|rows| best.get(&rows)) {
                Some(name) => coverage.valid.push((*name).clone()),
                None => {
                    let name = file.batch_id.clone().unwrap_or_else(|| file.name.clone());
                    coverage.without.push(Uncovered { since: file.since, name });
                }
            }
        }
        coverage.valid.sort();
        coverage.without.sort();
        coverage
    }
}

/// The texts of a store, under names of their own.
pub trait Texts: Send + Sync {
    /// Where they are, for people and for what confines them.
    fn place(&self) -> String;

    /// Their names, in order.
    ///
    /// # Errors
    /// They cannot be listed.
    fn names(&self) -> Result<Vec<String>, Fault>;

    /// Those called `names`, in their order; none for one that is not there any more.
    ///
    /// # Errors
    /// One cannot be read.
    fn read(&self, names: &[String]) -> Result<Vec<Option<Bytes>>, Fault>;

    /// Puts `text` there as `name`, whole and durable, or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    fn put(&self, name: &str, text: &str) -> Result<(), Fault>;

    /// Removes the one called `name`, if it is there, durably.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove(&self, name: &str) -> Result<(), Fault>;
}

/// Texts as files of a directory that only we use.
pub(super) struct TextFiles {
    /// The directory that is ours: it is not followed where another user made it a link.
    pub reserved: Location,
}

impl TextFiles {
    /// The directory beside a destination whose readers take all that is in its own directory for rows: hidden, and called
    /// by its name.
    pub(super) fn beside(destination: &Location) -> Self {
        Self { reserved: destination.beside(&format!(".{}.sluicegate", destination.name())) }
    }

    fn directory(&self) -> Location {
        self.reserved.join(SUMMARIES)
    }

    fn at(&self, name: &str) -> Location {
        self.directory().join(name)
    }

    /// Refuses directories that another user made links: they may lead anywhere.
    fn refuse_links(&self) -> Result<(), Fault> {
        let directories = [self.reserved.clone(), self.directory()];
        match directories.iter().filter_map(Location::local).find(|directory| files::is_link_of_another(directory)) {
            None => Ok(()),
            Some(link) => {
                let fault = Fault::new(Code::UnsafeLink, format!("{}: this is a symbolic link of another user", link.display()));
                Err(fault.hint("it may lead anywhere; nothing was written: remove it"))
            }
        }
    }
}

impl Texts for TextFiles {
    fn place(&self) -> String {
        self.directory().to_string()
    }

    fn names(&self) -> Result<Vec<String>, Fault> {
        self.refuse_links()?;
        let directory = self.directory();
        let names = directory.names().map_err(|e| Fault::new(Code::of_reading(&e), format!("{directory}: cannot read: {e}")))?;
        Ok(names.into_iter().filter(|name| !name.starts_with('.')).collect())
    }

    fn read(&self, names: &[String]) -> Result<Vec<Option<Bytes>>, Fault> {
        let files: Vec<Location> = names.iter().map(|name| self.at(name)).collect();
        let read = |(file, read): (&Location, std::io::Result<Bytes>)| match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::new(Code::of_reading(&error), format!("{file}: cannot read: {error}"))),
        };
        files.iter().zip(Location::read_all(&files)).map(read).collect()
    }

    fn put(&self, name: &str, text: &str) -> Result<(), Fault> {
        self.refuse_links()?;
        let to = self.at(name);
        match &to {
            Location::Remote(remote) => remote.put(text.to_owned().into()).map_err(|e| cannot_write_at(&to, &e)),
            Location::Local(path) => put_file(path, text).and_then(|()| to.sync().map_err(|e| not_durable(&to, &e))),
        }?;
        kill::step();
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), Fault> {
        self.refuse_links()?;
        let file = self.at(name);
        file.remove().map_err(|e| cannot_write_at(&file, &e))?;
        kill::step();
        Ok(())
    }
}

/// Writes a file under a hidden name, and renames it when it is whole.
fn put_file(path: &Path, text: &str) -> Result<(), Fault> {
    let directory: PathBuf = super::location::parent(path).to_owned();
    make_directory(&directory).map_err(|e| cannot_write(&directory, &e))?;
    let Staged { path: staged, mut file, .. } = stage(&directory, Access::Umask)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    kill::step();
    let placed = written.and_then(|()| std::fs::rename(&staged, path));
    placed.map_err(|error| {
        files::discard(&staged);
        cannot_write(path, &error)
    })?;
    kill::step();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_no_other_file_is_taken_for_one() {
        let long = "2026-11.".repeat(25);
        for batch in ["b", "2026.11.22", long.trim_end_matches('.')] {
            let name = SummaryName::new(1_790_000_000_123, batch, "0123456789abcdef", 12, "{}\n");
            assert!(name.is_of(b"{}\n") && !name.is_of(b"{} \n"));
            let file = name.file_name();
            assert!(file.len() <= 255, "{}", file.len());
            assert_eq!(SummaryName::of_file(&file), Some(name));
        }
        let name = SummaryName::new(1_790_000_000_123, "b", "0123456789abcdef", 0, "").file_name();
        let others = [
            "b.json".to_owned(),
            name.replace(".json", ".txt"),
            name.replace("01234567", "0123456x"),
            name.replace(".b.", ".../b."),
            name.replacen('0', "-", 1),
        ];
        for other in others {
            assert_eq!(SummaryName::of_file(&other), None, "{other}");
        }
    }

    #[test]
    fn a_text_counts_only_while_just_its_rows_are_published() {
        let name = |since, batch: &str, content: &str, revision| SummaryName::new(since, batch, content, revision, "{}");
        let (a, b, old, orphan) = (name(3, "a", "aa", 0), name(1, "b", "bb", 0), name(2, "b", "b0", 0), name(1, "c", "cc", 0));
        let live = |batch: Option<&str>, content: Option<&str>, since| LiveFile {
            batch_id: batch.map(str::to_owned),
            content: content.map(str::to_owned),
            since,
            name: "part-1.parquet".into(),
        };
        let names = [a.clone(), b.clone(), old, orphan];
        let all = Coverage::of(&names, &[live(Some("a"), Some("aa"), 3), live(Some("b"), Some("bb"), 1)]);
        assert_eq!(all, Coverage { valid: vec![b.clone(), a.clone()], without: Vec::new() });
        let files = [live(Some("a"), Some("a1"), 4), live(Some("b"), None, 1), live(None, None, 2), live(Some("d"), Some("aa"), 5)];
        let none = Coverage::of(&names, &files);
        assert!(none.valid.is_empty(), "superseded, partly replaced, another's, and another batch with the same digest: {none:?}");
        assert_eq!(none.without.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["b", "part-1.parquet", "a", "d"]);
        let newer = name(3, "a", "aa", 1);
        let revised = Coverage::of(&[newer.clone(), a], &[live(Some("a"), Some("aa"), 3)]);
        assert_eq!(revised.valid, [newer], "the later revision counts");
    }

    #[test]
    fn texts_are_put_whole_and_removed() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |name: &str| Location::Local(place.path().join(name));
        for texts in [TextFiles { reserved: at("t/_sluicegate") }, TextFiles::beside(&at("parts")), TextFiles::beside(&at("one.parquet"))] {
            assert!(texts.names().expect("none yet").is_empty());
            texts.put("a.json", "1").expect("put");
            texts.put("a.json", "2").expect("put again");
            texts.put("b.json", "3").expect("put");
            assert_eq!(texts.names().expect("names"), ["a.json", "b.json"]);
            let read = texts.read(&["b.json".into(), "gone.json".into(), "a.json".into()]).expect("read");
            assert_eq!(read, [Some(Bytes::from("3")), None, Some(Bytes::from("2"))]);
            texts.remove("a.json").expect("removed");
            texts.remove("a.json").expect("gone already");
            assert_eq!(texts.names().expect("names"), ["b.json"]);
        }
        assert!(place.path().join(".parts.sluicegate/summaries/b.json").exists());
        assert!(place.path().join(".one.parquet.sluicegate/summaries/b.json").exists());
    }
}
