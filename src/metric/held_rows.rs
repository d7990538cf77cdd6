//! Rows that a state must see all together: in memory, as far as the memory limit lets.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::budget::{Budget, Reservation};
use super::encoding;
use crate::diagnostic::Fault;

/// So many entries are written at a time.
const CHUNK: usize = 1 << 16;

/// What is held of a row.
pub(super) trait HeldRow: Copy + Serialize + DeserializeOwned {
    /// Unit and row.
    fn id(&self) -> (u32, u32);
}

/// An entry for each row, all of them or none.
///
/// Whether they fit depends on how many they are, and on nothing else that is held: the same rows are judged alike
/// wherever and beside whatever they are counted.
#[derive(Debug)]
pub(super) struct HeldRows<E> {
    entries: Vec<E>,
    memory: Reservation,
    /// The rows did not fit, and were let go.
    overflow: bool,
}

impl<E: HeldRow> HeldRows<E> {
    pub(super) fn new(memory: &Arc<Budget>) -> Self {
        Self { entries: Vec::new(), memory: Reservation::new(memory), overflow: false }
    }

    /// Whether rows that come are let go too.
    pub(super) fn is_over(&self) -> bool {
        self.overflow
    }

    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = E>) {
        if !self.overflow {
            self.entries.extend(entries);
            self.account();
        }
    }

    pub(super) fn merge(&mut self, mut later: Self) {
        self.entries.append(&mut later.entries);
        self.overflow |= later.overflow;
        self.account();
    }

    pub(super) fn fork(&self) -> Self {
        Self { entries: self.entries.clone(), memory: self.memory.again(), overflow: self.overflow }
    }

    /// All of them, in no order; none where they do not fit. The memory stays held as long as this is.
    pub(super) fn all(&mut self) -> Option<&mut Vec<E>> {
        (!self.overflow).then_some(&mut self.entries)
    }

    /// Writes them by row, so that equal rows have equal bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let mut entries = Cow::Borrowed(&self.entries);
        if !entries.is_sorted_by_key(HeldRow::id) {
            entries.to_mut().sort_unstable_by_key(HeldRow::id);
        }
        encoding::write(&(self.overflow, entries.len()), to)?;
        entries.chunks(CHUNK).try_for_each(|chunk| encoding::write(chunk, to))
    }

    /// # Errors
    /// It is not what [`HeldRows::encode`] writes.
    pub(super) fn decode(memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (overflow, len): (bool, usize) = encoding::read(from)?;
        encoding::ensure(len == 0 || !overflow, "it has rows that did not fit")?;
        let mut held = Self { overflow, ..Self::new(memory) };
        let (mut last, mut seen) = (None, 0);
        while seen < len {
            let chunk: Vec<E> = encoding::read(from)?;
            encoding::ensure(chunk.len() == CHUNK.min(len - seen), "it has other rows than it says")?;
            for entry in &chunk {
                encoding::ensure(last < Some(entry.id()), "its rows are out of order")?;
                last = Some(entry.id());
            }
            seen += chunk.len();
            held.extend(chunk);
        }
        Ok(held)
    }

    /// Gives up beyond the memory limit; holds the memory of what is kept.
    fn account(&mut self) {
        if self.overflow || (self.entries.len() * size_of::<E>()) as u64 > self.memory.budget().limit() {
            self.overflow = true;
            self.entries = Vec::new();
        }
        self.memory.resize(self.entries.capacity() * size_of::<E>());
    }
}
