//! The records of a topic as a source.

mod record;

pub use self::record::EventRecord;
