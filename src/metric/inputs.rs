//! Other data beside the batch, by name: a spec is plain text and can only name it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::column::Column;
use crate::diagnostic::{Code, Fault};
use crate::rows::Mask;

/// Takes some rows of the key's columns, and which of them count.
pub type TakeKeys<'a> = &'a mut dyn FnMut(&[Column], &Mask);

/// Rows elsewhere whose keys are taken.
pub trait Foreign: Send + Sync + std::fmt::Debug {
    /// Gives all rows of the key's columns, of the types that the batch has.
    ///
    /// # Errors
    /// They cannot be read.
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()>;

    /// Whether a row that was given had a whole key, for those who must tell "none of them" from "there are none".
    fn has_keys(&self) -> bool {
        true
    }
}

/// Whether one of `rows` has a value in every column.
pub fn has_whole_key(columns: &[Column], rows: &Mask) -> bool {
    let len = columns.first().map_or(0, |column| column.array.len());
    columns.iter().fold(rows.clone(), |whole, column| whole.without(column.missing())).count(len) > 0
}

/// What states may ask for when they finish.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    by_name: BTreeMap<String, Arc<dyn Foreign>>,
}

impl Inputs {
    /// Says what `name` stands for from now on.
    pub fn insert(&mut self, name: impl Into<String>, rows: Arc<dyn Foreign>) {
        self.by_name.insert(name.into(), rows);
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// What `name` stands for.
    ///
    /// # Errors
    /// Nobody said.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Foreign>, Fault> {
        self.by_name.get(name).ok_or_else(|| Fault::new(Code::Internal, format!("internal error: the input `{name}` was not fetched")))
    }
}
