//! The header that clients of a schema registry put before a value: a zero, and the schema's id.

/// How long it is.
pub(super) const HEADER_BYTES: usize = 5;

/// The id in the header that `value` begins with.
pub(super) fn schema_id(value: &[u8]) -> Option<u32> {
    let (zero, rest) = value.split_first()?;
    let id = rest.get(..HEADER_BYTES - 1).filter(|_| *zero == 0)?;
    Some(u32::from_be_bytes(id.try_into().ok()?))
}
