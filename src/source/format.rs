//! What there is to say of a format: what it is called, how it is told, and what opens it. The list itself stands in
//! [`super`], since each format knows its own name.

use std::path::Path;
use std::sync::Arc;

use super::{ContractColumn, FORMATS, Format, InputFile, ReadOptions, Source, Spool};
use crate::diagnostic::Fault;

/// Files to open, and how.
pub(super) struct Opening<'a> {
    pub files: Vec<InputFile>,
    pub format: Format,
    pub options: &'a ReadOptions,
    pub contract: &'a [ContractColumn],
    /// Where a format writes what must be read again.
    pub spool: &'a Spool,
}

pub(super) type Open = fn(Opening<'_>) -> Result<Arc<dyn Source>, Fault>;

/// What there is to say of one format.
pub(super) struct Entry {
    pub(super) format: Format,
    pub(super) name: &'static str,
    /// Extensions of names, in lower case.
    pub(super) extensions: &'static [&'static str],
    /// Whether records are text, which may be encoded in several ways.
    pub(super) is_text: bool,
    /// Whether the first bytes of a file give the format away.
    pub(super) is_told_by: fn(&[u8]) -> bool,
    pub(super) open: Open,
}

/// Makes the enum and the list from one table.
macro_rules! formats {
    ($($(#[doc = $doc:literal])* $format:ident $name:literal $extensions:expr, $kind:ident, $told:expr, $open:expr;)*) => {
        /// How a file's bytes are laid out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        pub enum Format {
            $($(#[doc = $doc])* #[serde(rename = $name)] $format,)*
        }

        /// Every format.
        const FORMATS: &[format::Entry] = &[$(format::Entry {
            format: Format::$format,
            name: $name,
            extensions: &$extensions,
            is_text: formats!(@ $kind),
            is_told_by: $told,
            open: $open,
        },)*];
    };
    (@ text) => { true };
    (@ binary) => { false };
}

pub(super) fn looks_like_anything(_: &[u8]) -> bool {
    false
}

/// Whether a file begins as a workbook does: an old one, or a ZIP archive whose first parts are those of one.
pub(super) fn is_workbook(head: &[u8]) -> bool {
    const PARTS: [&str; 6] =
        ["[Content_Types].xml", "_rels/.rels", "docProps/", "xl/", "opendocument.spreadsheet", "META-INF/manifest.xml"];
    let has = |part: &&str| memchr::memmem::find(head, part.as_bytes()).is_some();
    head.starts_with(b"\xd0\xcf\x11\xe0") || head.starts_with(b"PK\x03\x04") && PARTS.iter().any(has)
}

/// Whether the text begins so, behind a byte order mark and white space.
pub(super) fn begins(head: &[u8], with: &[u8]) -> bool {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start().starts_with(with)
}

impl Format {
    fn entry(self) -> &'static Entry {
        // The list is made from the same table as the enum, in its order.
        &FORMATS[self as usize]
    }

    /// The names of all formats.
    pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().map(|entry| entry.name)
    }

    /// As rule files, reports and the command line write it.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The names of all formats, for messages.
    pub fn names() -> String {
        FORMATS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
    }

    /// Whether records are text.
    pub(super) fn is_text(self) -> bool {
        self.entry().is_text
    }

    /// Opens files of this format.
    pub(super) fn open(opening: Opening<'_>) -> Result<Arc<dyn Source>, Fault> {
        (opening.format.entry().open)(opening)
    }

    /// The format that a file's name tells, with or without the ending of a compression.
    pub(crate) fn of_name(path: &str) -> Option<Self> {
        let lower = path.to_ascii_lowercase();
        let plain = [".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
        let extension = Path::new(plain).extension()?.to_str()?;
        FORMATS.iter().find(|entry| entry.extensions.contains(&extension)).map(|entry| entry.format)
    }

    /// The format that the first bytes tell; none for delimited text, which looks like anything.
    pub(super) fn of_head(head: &[u8]) -> Option<Self> {
        FORMATS.iter().find(|entry| (entry.is_told_by)(head)).map(|entry| entry.format)
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = FORMATS.iter().find(|entry| entry.name == text).map(|entry| entry.format);
        found.ok_or_else(|| format!("known: {}", Self::names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name_its_extensions_and_serde() {
        for entry in FORMATS {
            assert_eq!(entry.format.name(), entry.name);
            assert_eq!(entry.name.parse(), Ok(entry.format));
            assert_eq!(serde_json::to_value(entry.format).expect("JSON"), entry.name);
            for extension in entry.extensions {
                assert_eq!(Format::of_name(&format!("a/b.{extension}.GZ")), Some(entry.format));
            }
        }
    }

    #[test]
    fn first_bytes_tell_one_format_at_most() {
        let heads: [(&[u8], Option<Format>); 13] = [
            (b"PAR1\x15", Some(Format::Parquet)),
            (b"ARROW1\0\0", Some(Format::Arrow)),
            (b"\xff\xff\xff\xff\x10", Some(Format::Arrow)),
            (b"Obj\x01\x04", Some(Format::Avro)),
            (b"ORC\x0a", Some(Format::Orc)),
            (b"PK\x03\x04\x14\0\x06\0 [Content_Types].xml", Some(Format::Excel)),
            (b"PK\x03\x04\x14\0\0\0 mimetypeapplication/vnd.oasis.opendocument.spreadsheet", Some(Format::Excel)),
            (b"PK\x03\x04\x14\0\0\0 data.csv", None),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Some(Format::Excel)),
            (b"\xef\xbb\xbf \n{\"a\":1}", Some(Format::Ndjson)),
            (b"[{}]", Some(Format::Json)),
            (b"a,b\n1,2\n", None),
            (b"", None),
        ];
        for (head, format) in heads {
            assert_eq!(Format::of_head(head), format);
            assert!(FORMATS.iter().filter(|entry| (entry.is_told_by)(head)).count() <= 1);
        }
    }
}
