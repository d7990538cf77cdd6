//! What states counted, as bytes: values in frames that say how long they are.
//!
//! Bytes come from files and other machines. Reading takes no more memory than there are bytes, and every
//! state checks what it reads: bytes that no state wrote are a fault.

use std::io::{ErrorKind, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::diagnostic::{Code, Fault};

/// No count of rows is larger. Many states of such counts still add up within 64 bits.
const COUNT_MAX: u64 = 1 << 56;

/// Writes a value in a frame of its own.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, to: &mut dyn Write) -> Result<(), Fault> {
    let why = |e| Fault::new(Code::Internal, format!("internal error: what a state counted cannot be written: {e}"));
    let bytes = postcard::to_stdvec(value).map_err(why)?;
    write_bytes(&(bytes.len() as u64).to_le_bytes(), to)?;
    write_bytes(&bytes, to)
}

/// Reads a value in a frame of its own.
pub(super) fn read<T: DeserializeOwned>(from: &mut dyn Read) -> Result<T, Fault> {
    let len = read_u64(from)?;
    let mut bytes = Vec::new();
    // The buffer grows with what is there, whatever the length says.
    from.take(len).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 != len {
        return Err(damaged("it is cut short"));
    }
    match postcard::take_from_bytes(&bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(damaged("a value is followed by more than there should be")),
        Err(why) => Err(damaged(&why.to_string())),
    }
}

pub(super) fn write_bytes(bytes: &[u8], to: &mut dyn Write) -> Result<(), Fault> {
    to.write_all(bytes).map_err(|e| Fault::new(Code::of_writing(&e), format!("cannot save what was counted: {e}")))
}

pub(super) fn read_u64(from: &mut dyn Read) -> Result<u64, Fault> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes).map_err(unreadable)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A value as a summary keeps it.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Json, Fault> {
    let why = |e| Fault::new(Code::Internal, format!("internal error: what a state counted cannot be kept: {e}"));
    serde_json::to_value(value).map_err(why)
}

/// A value as a summary kept it.
pub(super) fn of_json<T: DeserializeOwned>(json: &Json) -> Result<T, Fault> {
    T::deserialize(json).map_err(|why| damaged(&why.to_string()))
}

/// Bytes that cannot be read, or end too early.
pub(super) fn unreadable(why: std::io::Error) -> Fault {
    match why.kind() {
        ErrorKind::UnexpectedEof => damaged("it is cut short"),
        _ => Fault::new(Code::of_reading(&why), format!("cannot read what was counted: {why}")),
    }
}

/// Bytes that no state wrote.
pub(super) fn damaged(why: &str) -> Fault {
    Fault::new(Code::Damaged, format!("what was counted is damaged: {why}"))
}

/// A fault unless what was read can be what a state counted.
pub(super) fn ensure(holds: bool, what: &str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(damaged(what)) }
}

/// A fault unless there can be so many rows.
pub(super) fn ensure_counts(counts: impl IntoIterator<Item = u64>) -> Result<(), Fault> {
    ensure(counts.into_iter().all(|count| count <= COUNT_MAX), "it counts more rows than there can be")
}
