//! Files that are something else than they are read as: told by their first bytes, before a parser stumbles over them.

use super::Format;
use crate::diagnostic::{Code, Fault};

/// What a file is that no format here reads: its first bytes, what it is called, and what to do.
const UNSUPPORTED: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a ZIP archive", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it"),
    (b"%PDF-", "a PDF document", "export the table as CSV"),
    (b"SQLite format 3\0", "an SQLite database", "export a table: `sqlite3 -header -csv FILE 'SELECT * FROM t' > t.csv`"),
    (b"\x89HDF\r\n", "an HDF5 file", "write it as Parquet"),
    (b"\x89PNG", "a picture (PNG)", "name the file that holds the data"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "name the file that holds the data"),
    (b"GIF8", "a picture (GIF)", "name the file that holds the data"),
    (b"\x80\x04\x95", "a Python pickle", "write it as Parquet or CSV"),
    (b"\x80\x05\x95", "a Python pickle", "write it as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "write it as Parquet or CSV"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4", "decompress it, or compress it with gzip, zstd, bzip2 or xz"),
];

/// Refuses a file whose first bytes, `head`, say that it is not of `format`.
///
/// # Errors
/// It is of another format, or of none that is read here.
pub(super) fn refuse(path: &str, format: Format, head: &[u8]) -> Result<(), Fault> {
    let found = Format::of_head(head);
    // A workbook is a ZIP archive too, whatever part stands first in it.
    let may_be_archive = found == Some(Format::Excel) || format == Format::Excel;
    let is_foreign = |magic: &[u8]| head.starts_with(magic) && !(may_be_archive && magic.starts_with(b"PK"));
    if let Some((_, what, hint)) = UNSUPPORTED.iter().find(|(magic, ..)| is_foreign(magic)) {
        let fault = Fault::new(Code::Unsupported, format!("{path}: this is {what}, which cannot be read"));
        return Err(fault.hint(*hint));
    }
    let wrong = |what: &str| Fault::new(Code::WrongFormat, format!("{path}: this is {what}, and it is read as {}", format.name()));
    if let Some(found) = found.filter(|found| *found != format && !(found.is_text() && format.is_text())) {
        let hint = format!("give `--format {0}`, or let its name end in `.{0}`", found.name());
        return Err(wrong(found.name()).hint(hint));
    }
    match page(head) {
        Some(what) => Err(wrong(what).hint("a download may have failed: look into the file, and fetch the data again")),
        None if format == Format::Parquet && !head.is_empty() && !head.starts_with(b"PAR1") => {
            let what = if is_text(head) { "text" } else { "not Parquet by its first bytes" };
            Err(wrong(what).hint("if it is delimited text, give `--format csv`; else write it again"))
        }
        None => Ok(()),
    }
}

/// A page of the web or an answer of a server, where data was expected.
fn page(head: &[u8]) -> Option<&'static str> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()));
    match () {
        () if begins("<!doctype html") || begins("<html") || begins("<head") => Some("an HTML page"),
        () if begins("<?xml") || begins("<Error>") => Some("XML"),
        () => None,
    }
}

fn is_text(head: &[u8]) -> bool {
    !head.iter().any(|&byte| byte == 0 || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')))
}

/// What the text of a JSON file looks like instead, for a hint.
pub(super) fn looks_like(head: &[u8]) -> Option<&'static str> {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let text = head.trim_ascii_start();
    match () {
        () if !is_text(head) => Some("it is binary: was it written by another program, or is it encrypted?"),
        () if text.starts_with(b"{'") || text.starts_with(b"[{'") => {
            Some("it looks like Python's `str` of a dict: write it with `json.dumps`")
        }
        () if text.starts_with(b"{") && !line.trim_ascii_end().ends_with(b"}") => {
            Some("records stand one on each line; a document over several lines is read with `--format json`")
        }
        () if text.starts_with(b"[") && text[1..].trim_ascii_start().first().is_some_and(|&first| !matches!(first, b'{' | b']')) => {
            Some("records are objects: `[{\"a\": 1}, {\"a\": 2}]`")
        }
        () if text.starts_with(b"[") || text.starts_with(b"{") => Some("the file may be cut short, or written by hand: write it again"),
        () if line.contains(&b',') || line.contains(&b';') || line.contains(&b'\t') => {
            Some("it looks like delimited text: give `--format csv`")
        }
        () => Some("records are objects, one on each line: `{\"a\": 1}`"),
    }
}
