//! Places for published rows.

use arrow::datatypes::SchemaRef;

use super::durable::{Hold, Waiting, not_durable};
use super::location::{Location, parent};
use super::{Partition, Quarantine, StagedFile, Stamp, Stored, View, delta, plain};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::rules::schema::table::TableTerms;
use crate::ruleset::TableFormat;

/// Where a batch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One Parquet file that holds the latest batch.
    File(Location),
    /// A directory that holds one part a batch, named by its id.
    Parts(Location),
    /// A directory that is a Delta table.
    Delta(delta::Lake),
}

/// How a batch's columns are written to its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    Plain(SchemaRef),
    Delta(delta::Columns),
}

impl Columns {
    pub fn schema(&self) -> &SchemaRef {
        match self {
            Self::Plain(schema) => schema,
            Self::Delta(columns) => &columns.written,
        }
    }
}

/// What is committed beside a file.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    pub stamp: &'a Stamp,
    pub columns: &'a Columns,
    /// The table that the batch was judged beside: committed is only what finds it as it was.
    pub seen: Option<&'a View>,
    /// The rows of other batches that the batch takes the place of.
    pub replace: Option<&'a Partition>,
}

/// What came of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// The batch is there, durably.
    There(Landed),
    /// Another gate or program changed the table first, as the text says; the batch is not there, or that other brought it.
    Overtaken(String),
}

/// A commit that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    pub place: Location,
    /// Rows of other batches that went for it.
    pub replaced_rows: u64,
    /// What failed afterwards, for people; the batch is published all the same.
    pub warnings: Vec<String>,
}

impl Destination {
    /// A place whose name ends in `.parquet` is one file, any other a directory: a Delta table, unless `format` says
    /// otherwise or it holds plain parts already. A store elsewhere holds Delta tables only: nothing else can be changed
    /// there without overwriting what another gate has just written.
    ///
    /// # Errors
    /// The directory holds the one, and `format` says the other; or it cannot be read.
    pub fn new(location: Location, format: Option<TableFormat>) -> Result<Self, Fault> {
        if location.name().ends_with(".parquet") || (location.local().is_none() && format == Some(TableFormat::Parquet)) {
            return match (format, &location) {
                (_, Location::Remote(_)) => {
                    let fault = Fault::new(
                        Code::UnfitDestination,
                        format!("{location}: an object store holds published rows as a Delta table only"),
                    );
                    Err(fault.hint("name a directory, and no other `format`"))
                }
                (Some(TableFormat::Delta), _) => {
                    Err(Fault::new(Code::UnfitDestination, format!("{location}: one file cannot be a Delta table")))
                }
                (Some(TableFormat::Parquet) | None, _) => Ok(Self::File(location)),
            };
        }
        let refused = |what: &str| {
            Err(Fault::new(Code::UnfitDestination, format!("{location}: the directory {what}")).hint("publish to another directory"))
        };
        let names = location.names().map_err(|e| cannot_read(&location, &e))?;
        let is_table = names.iter().any(|n| n == delta::LOG);
        // In a store elsewhere a killed gate may leave the first data file of a table before its log.
        let has_parts = location.local().is_some() && names.iter().any(|n| plain::is_part(n));
        match (format, is_table, has_parts) {
            (Some(TableFormat::Parquet), true, _) => refused("is a Delta table, and `format` asks for plain Parquet"),
            (Some(TableFormat::Delta), false, true) => refused("holds plain parts, and `format` asks for a Delta table"),
            (Some(TableFormat::Parquet), false, _) | (None, false, true) => Ok(Self::Parts(location)),
            (Some(TableFormat::Delta) | None, _, _) if location.is_misread_in_urls() => {
                let fault =
                    Fault::new(Code::UnfitDestination, format!("{location}: a Delta table's path cannot hold `\\` or control characters"));
                Err(fault.hint("a URL says another path then; publish to another directory"))
            }
            (Some(TableFormat::Delta) | None, _, _) => Ok(Self::Delta(delta::Lake::new(location))),
        }
    }

    /// The file or directory.
    pub fn location(&self) -> &Location {
        match self {
            Self::File(location) | Self::Parts(location) => location,
            Self::Delta(lake) => &lake.location,
        }
    }

    /// Where the batch `id` is, for people: its file, or the table.
    pub fn place_of(&self, id: &str) -> Location {
        match self {
            Self::File(_) | Self::Delta(_) => self.location().clone(),
            Self::Parts(directory) => directory.join(&format!("{id}.parquet")),
        }
    }

    /// Where files are staged.
    pub fn directory(&self) -> Location {
        match self {
            Self::File(Location::Local(path)) => Location::Local(parent(path).to_owned()),
            Self::File(_) | Self::Parts(_) => self.location().clone(),
            Self::Delta(lake) => lake.location.join(super::RESERVED),
        }
    }

    /// Refuses a quarantine in the table's directory, where another program's VACUUM would delete it.
    ///
    /// # Errors
    /// It is there, and not in what is ours of it.
    pub fn refuse_inside(&self, quarantine: &Quarantine) -> Result<(), Fault> {
        let Self::Delta(lake) = self else { return Ok(()) };
        if !quarantine.directory.is_within(&lake.location) || quarantine.directory.is_within(&lake.location.join(super::RESERVED)) {
            return Ok(());
        }
        let what = format!("{}: the quarantine lies in the directory of a Delta table, where VACUUM would delete it", quarantine.directory);
        let within = lake.location.join(super::RESERVED).join("quarantine");
        Err(Fault::new(Code::UnfitDestination, what).hint(format!("name a directory elsewhere, or {within}")))
    }

    /// Holds this destination and `quarantine` for this gate alone, as far as they are on this machine.
    ///
    /// # Errors
    /// A directory cannot be made or opened, or another program does not let go of it.
    pub fn hold(&self, quarantine: &Quarantine, waiting: &Waiting) -> Result<Hold, Fault> {
        let own = if let Self::Delta(lake) = self { lake.location.clone() } else { self.directory() };
        let directories = [own, quarantine.directory.clone()];
        Hold::of(directories.iter().filter_map(|d| d.local().map(ToOwned::to_owned)).collect(), waiting)
    }

    /// How the columns of `batch` are written here; inside, why the columns of the table that is there do not let them.
    ///
    /// # Errors
    /// The table cannot be read, or nothing of this kind could hold these columns.
    pub fn columns(&self, batch: &SchemaRef, evolution: Evolution) -> Result<Result<Columns, Fault>, Fault> {
        match self {
            Self::File(_) | Self::Parts(_) => plain::columns(batch).map(|schema| Ok(Columns::Plain(schema))),
            Self::Delta(table) => Ok(delta::columns(table, batch, evolution)?.map(Columns::Delta)),
        }
    }

    /// What the table that is here promises of its rows; none if there is none. From now on a table that promises other
    /// things is refused.
    ///
    /// # Errors
    /// It cannot be read, or promises what is not kept.
    pub fn terms(&self) -> Result<Option<TableTerms>, Fault> {
        match self {
            Self::File(_) | Self::Parts(_) => Ok(None),
            Self::Delta(table) => delta::terms(table),
        }
    }

    /// What stands where the batch that `stamp` names would go.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault> {
        match self {
            Self::File(_) | Self::Parts(_) => Stored::at(&self.place_of(&stamp.batch_id)),
            Self::Delta(table) => delta::stored(table, stamp),
        }
    }

    /// The file that holds the published rows of the batch that `stamp` names; none if it published none.
    ///
    /// # Errors
    /// The destination cannot be read, does not hold this batch, or its rows cannot be told from others.
    pub fn file_of(&self, stamp: &Stamp) -> Result<Option<Location>, Fault> {
        match self.stored(stamp)? {
            Stored::Batch(there) if there == *stamp => {}
            Stored::Nothing | Stored::Foreign => {
                let what = format!("{}: batch `{}` is not published", self.location(), stamp.batch_id);
                return Err(Fault::new(Code::NotPublished, what).hint("gate it first"));
            }
            Stored::TakenAway(how) => return Err(taken_away(self.location(), stamp, &how)),
            Stored::Batch(there) if there.batch_id != stamp.batch_id => {
                let what =
                    format!("{}: the file holds batch `{}` now, and no longer `{}`", self.location(), there.batch_id, stamp.batch_id);
                return Err(
                    Fault::new(Code::NotPublished, what).hint("gate the source again; a directory as a destination keeps all batches")
                );
            }
            Stored::Batch(_) => {
                let what = format!("{}: batch `{}` is published with other content, or under other rules", self.location(), stamp.batch_id);
                return Err(Fault::new(Code::NotReplayable, what).hint("gate it again"));
            }
        }
        match self {
            Self::File(_) | Self::Parts(_) => Ok(Some(self.place_of(&stamp.batch_id))),
            Self::Delta(table) => delta::file_of(table, stamp),
        }
    }

    /// The files of published rows as they are now, but for those of the batch `own`, of which data set and id count.
    ///
    /// # Errors
    /// The table cannot be read; a single file, which holds the latest batch only, is no table.
    pub fn view(&self, own: &Stamp) -> Result<View, Fault> {
        match self {
            Self::Delta(table) => delta::view(table, own),
            Self::Parts(directory) => View::of_parts(directory, own),
            Self::File(file) => {
                let fault =
                    Fault::new(Code::UnfitDestination, format!("{file}: one file holds the latest batch, and no published rows beside it"));
                Err(fault.hint("publish to a directory"))
            }
        }
    }

    /// Publishes a finished staged file as the batch that the stamp names, in place of what is there of it, durably.
    ///
    /// # Errors
    /// The destination cannot be written.
    pub fn commit(&self, staged: &mut StagedFile, what: &Commit<'_>) -> Result<Committed, Fault> {
        let place = self.place_of(&what.stamp.batch_id);
        match (self, what.columns) {
            (Self::Delta(lake), Columns::Delta(columns)) => delta::commit(lake, staged, columns, what),
            (_, Columns::Delta(_) | Columns::Plain(_)) => {
                staged.place(&place)?;
                Ok(Committed::There(Landed { place, replaced_rows: 0, warnings: Vec::new() }))
            }
        }
    }

    /// Looks whether writers can be told apart here, before anything is written: an object store must refuse to write over
    /// what is there.
    ///
    /// # Errors
    /// The store does not, or cannot be asked.
    pub fn ready(&self) -> Result<(), Fault> {
        match self.location() {
            Location::Local(_) => Ok(()),
            Location::Remote(remote) => remote.refuses_to_overwrite(),
        }
    }

    /// How many rows of other batches a commit would take the place of.
    ///
    /// # Errors
    /// Those of the commit, as far as they can be foreseen.
    pub fn rehearse(&self, what: &Commit<'_>) -> Result<u64, Fault> {
        match (self, what.columns) {
            (Self::Delta(lake), Columns::Delta(columns)) => delta::rehearse(lake, columns, what),
            (_, Columns::Delta(_) | Columns::Plain(_)) => Ok(0),
        }
    }

    /// The id of a batch of `dataset` that was given none: the digest of its content. Version 0.1 took that of the footers
    /// where files have such; what it published by that id stays known.
    ///
    /// # Errors
    /// The destination cannot be read, or whether a batch of version 0.1 is this one cannot be told.
    pub fn id_of(&self, dataset: &str, rules_digest: &str, content: u128, footers: Option<u128>) -> Result<String, Fault> {
        let id = format!("{content:032x}");
        let Some(footers) = footers.map(|footers| format!("{footers:032x}")) else { return Ok(id) };
        let of_0_1 = Stamp {
            dataset: dataset.to_owned(),
            batch_id: footers.clone(),
            rules_digest: rules_digest.to_owned(),
            content_digest: id.clone(),
        };
        match self.stored(&of_0_1)? {
            Stored::Batch(there) if there.batch_id == footers && there.content_digest == id => Ok(footers),
            Stored::Batch(there) if there.batch_id == footers && there.content_digest.len() < id.len() => {
                let what = format!(
                    "{}: a batch `{footers}` with the same footers was published, and another program has rewritten its file: whether it was this batch is not known",
                    self.location()
                );
                Err(Fault::new(Code::FateUnknown, what)
                    .hint("look whether the table has the batch's rows; if not, give it a name with `--batch-id`"))
            }
            Stored::TakenAway(_) => Ok(footers),
            Stored::Batch(_) | Stored::Nothing | Stored::Foreign => Ok(id),
        }
    }

    /// Makes a batch that is there durable: the gate that published it may have been killed before it did.
    ///
    /// # Errors
    /// The destination cannot be written.
    pub fn confirm(&self, stamp: &Stamp) -> Result<Location, Fault> {
        let place = self.place_of(&stamp.batch_id);
        match self {
            Self::Delta(table) => delta::confirm(table, stamp)?,
            Self::File(_) | Self::Parts(_) => place.sync().map_err(|e| not_durable(&place, &e))?,
        }
        Ok(place)
    }
}

/// Another program took all rows of the batch away.
pub fn taken_away(table: &Location, stamp: &Stamp, how: &str) -> Fault {
    let what = format!("{table}: batch `{}` was published, and another program took all its rows away: {how}", stamp.batch_id);
    Fault::new(Code::RowsGone, what).hint("nothing was changed; `gate --supersede` publishes the batch again")
}

fn cannot_read(location: &Location, error: &std::io::Error) -> Fault {
    let fault = Fault::new(Code::of_reading(error), format!("{location}: cannot read: {error}"));
    if location.local().is_some() { fault } else { fault.hint("check the store's address and credentials") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_says_what_kind_of_place_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| Location::Local(place.path().join(name));
        let new = |name: &str, format| Destination::new(path(name), format);
        assert_eq!(new("orders.parquet", None).expect("a file"), Destination::File(path("orders.parquet")));
        assert_eq!(new("orders", None).expect("a table"), Destination::Delta(delta::Lake::new(path("orders"))));
        assert_eq!(new("orders", Some(TableFormat::Parquet)).expect("parts"), Destination::Parts(path("orders")));
        assert!(new("orders.parquet", Some(TableFormat::Delta)).is_err());
        fs::create_dir_all(place.path().join("parts")).expect("a directory");
        fs::write(place.path().join("parts/b1.parquet"), "").expect("a part");
        assert_eq!(new("parts", None).expect("parts"), Destination::Parts(path("parts")));
        assert!(new("parts", Some(TableFormat::Delta)).is_err());
        for name in ["orders.parquet", "orders"] {
            let destination = new(name, None).expect("a place");
            assert_eq!(Quarantine::beside(&destination).directory, path("orders_quarantine"));
        }
    }
}
