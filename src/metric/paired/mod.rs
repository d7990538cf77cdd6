//! Rows of two data sets, paired by their keys.
//!
//! Of each row are held a 128-bit hash of its key, one of its other values, and where the row is: 40 bytes, however wide it is. They
//! lie in blocks that are in the order of the first byte of the key's hash; past the memory limit, blocks go to disk. At the end the
//! keys of one such byte are looked at together, so that a 256th part of both data sets is in memory beside what never left it. The
//! order of rows changes nothing. Exact up to a collision of 128-bit hashes.

mod form;
mod hashes;
mod pair;
mod rows;

pub use self::form::{Form, in_nanoseconds};
pub use self::pair::{Paired, pair};
pub use self::rows::{Block, Hashed, Hashing};
