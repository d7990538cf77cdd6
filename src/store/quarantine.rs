//! Rows set aside: one Parquet file for each content of a batch that was judged under each set of rules.
//!
//! What a batch left is named by its whole stamp, so that the rows a published batch left stay until the batch that
//! supersedes it is published too, and gates that race for one batch do not overwrite each other's.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::durable::{cannot_write_at, not_durable};
use super::encoded::{Encoded, Encoder};
use super::kill;
use super::location::Location;
use super::parquet::{EncodedGroup, StagedFile, nearest, positions_in, stored_at, whole_at};
use super::position::Position;
use super::stamp::{ReplayedRows, Stamp, Stored};
use crate::diagnostic::{Code, Fault};

/// The key under which the columns of a part say which of them are masked.
pub const MASKS: &str = "sluicegate.masks";

/// How names end of what will take the place of a part.
const PENDING: &str = ".pending";

/// What is in a quarantine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    pub parts: Vec<(Location, Stamp)>,
    /// Parquet files that are not ours.
    pub foreign: Vec<Location>,
}

/// A directory of rows set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    pub directory: Location,
}

impl Quarantine {
    /// Where the rows of the batch are that `stamp` names.
    pub fn place_of(&self, stamp: &Stamp) -> Location {
        self.directory.join(&format!("{}.{:08x}.parquet", stamp.batch_id, stamp.digest() >> 96))
    }

    /// Begins a part for rows of `columns`.
    ///
    /// # Errors
    /// The directory cannot be written, or a type cannot be written as Parquet.
    pub fn stage(&self, columns: &SchemaRef) -> Result<StagedPart, Fault> {
        // Which columns are masked stands in the schema: whoever shows the rows later may have no rule file.
        let masks = columns.metadata().get(MASKS).map(|masks| (MASKS.to_owned(), masks.clone()));
        let nearest = nearest(columns).as_ref().clone().with_metadata(masks.into_iter().collect());
        Ok(StagedPart(StagedFile::create(&self.directory, &Arc::new(nearest))?))
    }

    /// Whether the rows that `stamp` names are there; a part that is damaged is not.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn has(&self, stamp: &Stamp) -> Result<bool, Fault> {
        Ok(stored_at(&self.place_of(stamp))? == Stored::Batch(stamp.clone()))
    }

    /// Makes sure that the part that `stamp` names is no damaged one, if there is one: nobody can write it again.
    ///
    /// # Errors
    /// It is damaged, or cannot be read.
    pub fn ensure_whole(&self, stamp: &Stamp) -> Result<(), Fault> {
        whole_at(&self.place_of(stamp)).map(|_| ())
    }

    /// Puts a finished file there as the rows that `stamp` names, durably.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn commit(&self, staged: &mut StagedPart, stamp: &Stamp) -> Result<Location, Fault> {
        let place = self.place_of(stamp);
        staged.0.place(&place)?;
        Ok(place)
    }

    /// Makes rows that are there durable: the gate that set them aside may have been killed before it did.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn confirm(&self, stamp: &Stamp) -> Result<Location, Fault> {
        let place = self.place_of(stamp);
        place.sync().map_err(|e| not_durable(&place, &e))?;
        Ok(place)
    }

    /// Whether the directory is there.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn is_there(&self) -> Result<bool, Fault> {
        match self.directory.local() {
            Some(path) => Ok(path.is_dir()),
            None => Ok(!self.names()?.is_empty()),
        }
    }

    /// When the part at `place` was written, in milliseconds since 1970.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn written(&self, place: &Location) -> Result<i64, Fault> {
        place.modified().map_err(|e| Fault::new(Code::of_reading(&e), format!("{place}: cannot read: {e}")))
    }

    /// Removes the part at `place`, durably.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, place: &Location) -> Result<(), Fault> {
        place.remove().map_err(|e| cannot_write_at(place, &e))?;
        kill::step();
        Ok(())
    }

    /// All that is there.
    ///
    /// # Errors
    /// The directory or a file cannot be read, or a file is damaged: its rows would be missed without a word.
    pub fn contents(&self) -> Result<Contents, Fault> {
        let mut contents = Contents::default();
        for place in self.files("")? {
            match whole_at(&place)? {
                Stored::Batch(stamp) => contents.parts.push((place, stamp)),
                Stored::Foreign => contents.foreign.push(place),
                Stored::Nothing | Stored::RolledBack(_) => {}
            }
        }
        Ok(contents)
    }

    /// Puts a finished file beside the rows that `stamp` names: those that will stay once `replay` has published the others.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn pend(&self, staged: &mut StagedPart, stamp: &Stamp, replay: &str) -> Result<(), Fault> {
        staged.0.place(&self.pending(stamp, replay))
    }

    /// The rows that `replay` has published are no longer set aside. Gives whether what stays was still there to be put in
    /// their place.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn conclude(&self, stamp: &Stamp, replay: &str) -> Result<bool, Fault> {
        let (place, pending) = (self.place_of(stamp), self.pending(stamp, replay));
        // Rows would be lost for good if what takes the part's place could not be read.
        whole_at(&pending)?;
        let replaced = pending.replace(&place);
        kill::step();
        match replaced {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(cannot_write_at(&place, &error)),
        }
    }

    /// Removes what a replay left that was killed before it published.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn abandon(&self, stamp: &Stamp, replay: &str) -> Result<(), Fault> {
        let pending = self.pending(stamp, replay);
        pending.remove().map_err(|e| cannot_write_at(&pending, &e))
    }

    /// The replays of these rows that were begun and not concluded.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn begun(&self, stamp: &Stamp) -> Result<Vec<String>, Fault> {
        let prefix = format!(".{}.", self.place_of(stamp).name().trim_end_matches(".parquet"));
        let replays = self.names()?.into_iter().filter_map(|name| Some(name.strip_prefix(&prefix)?.strip_suffix(PENDING)?.to_owned()));
        Ok(replays.collect())
    }

    fn pending(&self, stamp: &Stamp, replay: &str) -> Location {
        let part = self.place_of(stamp);
        self.directory.join(&format!(".{}.{replay}{PENDING}", part.name().trim_end_matches(".parquet")))
    }

    /// Removes what other contents of the batch, or other rules, left: it is published as `stamp` says, and keeps a part or
    /// has none.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn settle(&self, stamp: &Stamp, keeps_part: bool) -> Result<(), Fault> {
        for place in self.files(&format!("{}.", stamp.batch_id))? {
            // What is damaged or not ours is left for a person to look at; whoever lists the quarantine hears of it.
            if let Stored::Batch(there) = stored_at(&place)?
                && there.is_of_batch(stamp)
                && (there != *stamp || !keeps_part)
            {
                for replay in self.begun(&there)? {
                    self.abandon(&there, &replay)?;
                }
                place.remove().map_err(|e| cannot_write_at(&place, &e))?;
            }
        }
        Ok(())
    }

    /// Parts that batches left on their way into `table`, of which `is_left` says, by what they move on, that they were never
    /// published. Others are in `seen` from then on, and not looked at again.
    ///
    /// # Errors
    /// The directory or a part cannot be read.
    pub fn left_behind(
        &self,
        table: &str,
        seen: &mut BTreeSet<String>,
        is_left: &mut dyn FnMut(&[Position]) -> Result<bool, Fault>,
    ) -> Result<Vec<Location>, Fault> {
        let mut left = Vec::new();
        for place in self.files("")? {
            if seen.contains(place.name()) {
                continue;
            }
            // What is damaged or not ours is left for a person to look at. Other tables may have their rows here.
            let is_ours = matches!(stored_at(&place)?, Stored::Batch(_));
            let (of_table, positions) = if is_ours { positions_in(&place)? } else { Default::default() };
            if of_table == table && is_left(&positions)? {
                left.push(place);
            } else {
                seen.insert(place.name().to_owned());
            }
        }
        Ok(left)
    }

    /// What the batch moves on that left the part at `place`; none where it stands for itself.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn positions_of(&self, place: &Location) -> Result<Vec<Position>, Fault> {
        positions_in(place).map(|(_, positions)| positions)
    }

    fn names(&self) -> Result<Vec<String>, Fault> {
        self.directory.names().map_err(|e| Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", self.directory)))
    }

    /// Files whose names begin with `prefix` and are a part's.
    fn files(&self, prefix: &str) -> Result<Vec<Location>, Fault> {
        let is_part = |name: &String| name.starts_with(prefix) && name.ends_with(".parquet") && !name.starts_with('.');
        Ok(self.names()?.iter().filter(|name| is_part(name)).map(|name| self.directory.join(name)).collect())
    }
}

/// Rows on their way into a quarantine; they are gone if this is dropped before they are committed.
pub struct StagedPart(StagedFile);

impl StagedPart {
    /// What encodes rows for it.
    pub fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(self.0.encoder())
    }

    /// Takes rows, as its encoder encoded them.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn append(&mut self, rows: Encoded) -> Result<(), Fault> {
        self.0.append(rows.into::<EncodedGroup>()?)
    }

    /// Says which batch left these rows, and which replays took some out of them, and makes them durable.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn finish(&mut self, stamp: &Stamp, replays: &[String], done: &[ReplayedRows]) -> Result<(), Fault> {
        self.0.finish_without(stamp, replays, done)
    }

    /// Says what the batch moves on that left these rows, and in which table, before it is finished.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn say_positions(&mut self, table: &str, positions: &[Position]) -> Result<(), Fault> {
        self.0.say_positions(table, positions)
    }

    /// How many rows are in it, counted in what was written.
    ///
    /// # Errors
    /// It cannot be read back.
    pub fn count(&self) -> Result<u64, Fault> {
        self.0.rows_written()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_damaged_file_does_not_take_the_place_of_a_part() {
        let place = tempfile::tempdir().expect("a directory");
        let quarantine = Quarantine { directory: Location::Local(place.path().to_owned()) };
        let text = |text: &str| text.to_owned();
        let stamp = Stamp { dataset: text("t"), batch_id: text("b"), rules_digest: text("r"), content_digest: text("c") };
        let part = place.path().join(quarantine.place_of(&stamp).name());
        fs::write(&part, "the part").expect("write");
        let pending = place.path().join(quarantine.pending(&stamp, "0123abcd").name());
        fs::write(&pending, "PAR1 cut short").expect("write");
        assert_eq!(quarantine.begun(&stamp).expect("a list"), ["0123abcd"]);
        let fault = quarantine.conclude(&stamp, "0123abcd").expect_err("damaged");
        assert!(fault.to_string().contains("0123abcd.pending: the file is damaged"), "{fault}");
        assert_eq!(fs::read_to_string(&part).expect("the part"), "the part");
        assert!(pending.exists());
        assert!(!quarantine.has(&stamp).expect("a look"));
        quarantine.ensure_whole(&stamp).expect_err("what is there is no part");
        // What a gate that has published tidies up is not this.
        quarantine.settle(&stamp, true).expect("left alone");
        assert!(part.exists());
        quarantine.contents().expect_err("it would be missed");
    }
}
