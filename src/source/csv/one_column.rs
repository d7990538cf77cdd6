//! Files that were read as one column because their delimiter is another one.

use super::extent::Extent;
use super::framing::Framer;
use super::header::HeaderForm;
use super::layout::Layout;
use super::record::{Dialect, Framed};
use crate::diagnostic::{Code, Fault};
use crate::source::InputFile;
use crate::types::likely_delimiter;

/// How far it is looked.
const BYTES: usize = 1 << 20;
/// How many records are looked at.
const RECORDS: usize = 100;

/// That the one column of `file` would be several with another delimiter.
///
/// Where the first records say the same as the header, the file is not read so: that is a fault, unless the contract names the
/// column or the rule file the delimiter. Else it is a note.
///
/// # Errors
/// The header and the first records have the same number of fields with another delimiter, and nobody has said that one
/// column is meant.
pub(super) fn would_be_several(
    file: &InputFile,
    extent: Extent,
    names: &[String],
    form: HeaderForm<'_>,
    is_written: bool,
) -> Result<Option<String>, Fault> {
    let [name] = names else { return Ok(None) };
    let delimiter = match form.layout {
        Layout::Plain(dialect) => char::from(dialect.delimiter),
        Layout::Rich(_) => '\0',
        Layout::Fixed(_) => return Ok(None),
    };
    if form.contract.iter().any(|column| column.name == *name) {
        return Ok(None);
    }
    let len = ((extent.end - extent.start) as usize).min(BYTES);
    let bytes = file.read_at(extent.start, len)?;
    let is_whole = extent.start + len as u64 == extent.end;
    let quote = form.layout.quote();
    let of_records = [b',', b'|', b'\t', b';']
        .into_iter()
        .filter(|&other| char::from(other) != delimiter && Some(other) != quote)
        .filter_map(|other| Some((other, fields_of(&bytes, Dialect { delimiter: other, quote }, is_whole, form.rows as usize)?)))
        .max_by_key(|&(_, fields)| fields);
    let say = |shown: &str| format!("write `source: {{ delimiter: \"{shown}\" }}`");
    if let Some((other, fields)) = of_records {
        let shown = char::from(other).escape_default().to_string();
        let (path, what) = (
            &file.path,
            if form.rows > 0 {
                format!("the header is one column `{}`", name.escape_debug())
            } else {
                "the first record is one field".to_owned()
            },
        );
        let would = format!("{what}; with `{shown}` it would be {fields}, and so would the records behind it");
        if is_written {
            return Ok(Some(format!("{would}; if that is meant, {}", say(&shown))));
        }
        let present = if delimiter == '\0' { ',' } else { delimiter }.escape_default().to_string();
        let hint = format!("{} or `source: {{ dialect: sniff }}`; if one column is meant, {}", say(&shown), say(&present));
        return Err(Fault::new(Code::InvalidLayout, format!("{path}: {would}")).hint(hint));
    }
    if is_written || form.rows == 0 {
        return Ok(None);
    }
    let Some(likely) = likely_delimiter(name, delimiter) else { return Ok(None) };
    let (count, shown) = (name.matches(likely).count() + 1, likely.escape_default().to_string());
    Ok(Some(format!("the header is one name, which `{shown}` would divide into {count}; if that is meant, {}", say(&shown))))
}

/// How many fields the header and each of the first records have; none where it is one, or they differ, or there is no record.
fn fields_of(bytes: &[u8], dialect: Dialect, is_whole: bool, header: usize) -> Option<usize> {
    let mut framer = Framer::new(bytes, dialect, None, is_whole);
    let (mut at, mut records, mut fields) = (0, 0, None);
    while at < bytes.len() && records < RECORDS {
        match framer.frame(at) {
            Framed::Record { next, .. } => {
                (at, records) = (next, records + 1);
                let found = framer.cells.len();
                if found < 2 || *fields.get_or_insert(found) != found {
                    return None;
                }
            }
            Framed::Blank { next } | Framed::Comment { next } => at = next,
            Framed::Bad { .. } => return None,
            Framed::Incomplete => break,
        }
    }
    fields.filter(|_| records > header)
}
