//! Where the rows of a micro-batch stand in their topic.

use std::sync::Arc;

use bytes::Bytes;

use crate::rows::Origin;

/// Which record each row of a micro-batch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPlaces {
    /// What reports call the data: `kafka://host/topic`.
    pub name: String,
    /// Bytes of the values.
    pub bytes: u64,
    stretches: Vec<Stretch>,
    /// By row; what a record that cannot be read as a row is known by, beside its place.
    keys: Vec<Option<Bytes>>,
}

/// Rows that follow each other in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    first_row: u64,
    topic: Arc<str>,
    partition: i32,
    first_offset: i64,
}

impl EventPlaces {
    /// Of rows that stand there, one after the other, with their keys; reports call them `name`.
    pub(super) fn of<'a>(name: &str, bytes: u64, rows: impl Iterator<Item = (&'a Arc<str>, i32, i64, Option<Bytes>)>) -> Self {
        let (mut stretches, mut keys): (Vec<Stretch>, Vec<Option<Bytes>>) = (Vec::new(), Vec::new());
        for (topic, partition, offset, key) in rows {
            let row = keys.len() as u64;
            let goes_on = stretches.last().is_some_and(|last| {
                let next = last.first_offset.checked_add_unsigned(row - last.first_row);
                (&last.topic, last.partition, next) == (topic, partition, Some(offset))
            });
            if !goes_on {
                stretches.push(Stretch { first_row: row, topic: topic.clone(), partition, first_offset: offset });
            }
            keys.push(key);
        }
        Self { name: name.to_owned(), bytes, stretches, keys }
    }

    /// Where `row` stands, counted from 0 over the whole micro-batch.
    pub(crate) fn origin(&self, row: u64) -> Origin {
        let stretch = self.stretches.partition_point(|stretch| stretch.first_row <= row).checked_sub(1).map(|i| &self.stretches[i]);
        match stretch {
            Some(Stretch { first_row, topic, partition, first_offset }) => Origin::Event {
                topic: topic.to_string(),
                partition: *partition,
                offset: first_offset.saturating_add_unsigned(row - first_row),
            },
            None => Origin::Memory { partition: None, index: row },
        }
    }

    /// The key of the record that `row` is.
    pub(crate) fn key(&self, row: u64) -> Option<&[u8]> {
        usize::try_from(row).ok().and_then(|row| self.keys.get(row)?.as_deref())
    }

    pub(super) fn rows(&self) -> u64 {
        self.keys.len() as u64
    }
}
