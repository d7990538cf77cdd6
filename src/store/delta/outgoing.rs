//! The files of a batch on their way into a table: one, or one for each value of its partition columns.

use deltalake_core::kernel::Action;

use super::add::add;
use super::divide::Part;
use super::name::part;
use super::partition_values::directory;
use crate::diagnostic::Fault;
use crate::store::location::Location;
use crate::store::parquet::StagedFile;

/// The batch's finished file, and what it was divided into if the table is partitioned.
pub(super) struct Outgoing<'a> {
    pub whole: &'a mut StagedFile,
    pub divided: Option<&'a mut Vec<Part>>,
}

impl Outgoing<'_> {
    pub(super) fn has_rows(&self) -> bool {
        self.whole.rows() > 0
    }

    /// What the files are called, between `stem` and `ending`. That of a part says of how many it is one, so that a batch is
    /// known to be whole.
    pub(super) fn names(&self, stem: &str, ending: &str) -> Vec<String> {
        match &self.divided {
            None if self.has_rows() => vec![format!("{stem}{ending}")],
            None => Vec::new(),
            Some(parts) => {
                let name = |(i, one): (usize, &Part)| format!("{}{stem}{}{ending}", directory(&one.values), part(i, parts.len()));
                parts.iter().enumerate().map(name).collect()
            }
        }
    }

    /// Brings the files to their places in `table`, under these names; gives the actions that add them.
    ///
    /// # Errors
    /// A file cannot be read back or moved.
    pub(super) fn place(&mut self, table: &Location, names: &[String]) -> Result<Vec<Action>, Fault> {
        let mut actions = Vec::with_capacity(names.len());
        match &mut self.divided {
            None => {
                for name in names {
                    actions.push(Action::Add(add(self.whole.path(), name.clone())?));
                    self.whole.place(&table.descend(name))?;
                }
            }
            Some(parts) => {
                for (part, name) in parts.iter_mut().zip(names) {
                    let mut added = add(part.file.path(), name.clone())?;
                    added.partition_values = part.values.iter().cloned().collect();
                    actions.push(Action::Add(added));
                    part.file.place(&table.descend(name))?;
                }
            }
        }
        Ok(actions)
    }

    /// See [`StagedFile::take_back`].
    pub(super) fn take_back(&mut self) {
        match &mut self.divided {
            None => self.whole.take_back(),
            Some(parts) => parts.iter_mut().for_each(|part| part.file.take_back()),
        }
    }
}
