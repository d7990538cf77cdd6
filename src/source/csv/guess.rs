//! Headers, and the types of columns that no contract names.

use arrow::datatypes::{DataType, TimeUnit};

use super::CsvSource;
use super::column::{ColumnReader, trimmed};
use super::framing::{self, Cell, Dialect, Framed, Record};
use crate::diagnostic::Fault;
use crate::source::{ContractColumn, InputFile};
use crate::text;
use crate::types::Class;

const BOM: &[u8] = b"\xef\xbb\xbf";
const HEADER_BYTES_MAX: usize = 4 << 20;
/// So many first rows of a text column are looked at for values of other kinds among the text.
const MIXED_ROWS: usize = 1000;

/// Column names of `file`, and how many bytes and lines precede its first record.
pub(super) fn header(
    file: &InputFile,
    dialect: Dialect,
    header: bool,
    contract: &[ContractColumn],
) -> Result<(Vec<String>, u64, u64), Fault> {
    let len = (file.bytes as usize).min(HEADER_BYTES_MAX);
    let bytes = file.read_at(0, len)?;
    let bom = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    let mut record = Record::default();
    let (mut at, mut lines) = (bom, 0);
    let next = loop {
        match framing::frame(&bytes, at, dialect, None, true, &mut record) {
            Framed::Blank { next } if next < bytes.len() => (at, lines) = (next, lines + 1),
            Framed::Record { next, lines: more, .. } => {
                lines += u64::from(more);
                break next;
            }
            Framed::Blank { .. } => {
                let what = format!("{} is empty", file.path);
                return Err(Fault::new(what).hint("a header line is expected"));
            }
            Framed::Bad { reason, .. } => return Err(Fault::new(format!("{}: the header line has an {reason}", file.path))),
            Framed::Incomplete => return Err(Fault::new(format!("{}: the header line is too long", file.path))),
        }
    };
    let cells = record.cells;
    if !header {
        let fits = contract.len() == cells.len();
        let name = |i: usize| if fits { contract[i].name.clone() } else { format!("column_{}", i + 1) };
        return Ok(((0..cells.len()).map(name).collect(), bom as u64, 0));
    }
    let names = header_names(&bytes, &cells, file)?;
    Ok((names, next as u64, lines))
}

fn header_names(bytes: &[u8], cells: &[Cell], file: &InputFile) -> Result<Vec<String>, Fault> {
    let mut names: Vec<String> = Vec::with_capacity(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        let raw = &bytes[cell.start as usize..cell.end as usize];
        let text = std::str::from_utf8(raw).map_err(|_| {
            let fault = Fault::new(format!("{}: the header line is not UTF-8", file.path));
            fault.hint("give `source: { encoding: … }`, such as `latin-1`")
        })?;
        let text = text.trim().replace("\"\"", "\"");
        names.push(if text.is_empty() { format!("column_{}", i + 1) } else { text });
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|w| w[0] == w[1]) {
        let what = format!("{}: the header names `{}` twice", file.path, twice[0]);
        return Err(Fault::new(what).hint("every column needs a name of its own"));
    }
    Ok(names)
}

/// For each column of the first file, its position in the records of `file`.
pub(super) fn positions(names: &[String], file_names: &[String], file: &InputFile, first: &InputFile) -> Result<Vec<usize>, Fault> {
    let differs = |what: String| Fault::new(what).hint("the files of one batch have the same columns");
    if let Some(extra) = file_names.iter().find(|n| !names.contains(n)) {
        return Err(differs(format!("{} has a column `{extra}` that {} lacks", file.path, first.path)));
    }
    if file_names == names {
        return Ok((0..names.len()).collect());
    }
    names
        .iter()
        .map(|name| {
            let found = file_names.iter().position(|n| n == name);
            found.ok_or_else(|| differs(format!("{} lacks the column `{name}` of {}", file.path, first.path)))
        })
        .collect()
}

/// How to read the column `name`: as the contract says, else as guessed later.
pub(super) fn contract_reader(name: &str, contract: &[ContractColumn]) -> ColumnReader {
    let column = contract.iter().find(|c| c.name == name);
    let is_strict = column.is_some_and(|c| c.is_strict);
    let asked = column.and_then(|c| c.data_type.clone());
    // A table's text column is text without anybody's promise; what no text is, is not asked of it.
    let is_text = is_strict && asked == Some(DataType::Utf8);
    let data_type = asked.filter(|asked| !is_strict || !(asked.is_nested() || is_text));
    ColumnReader {
        name: name.to_owned(),
        class: if is_text { Class::Text } else { Class::Missing },
        guessed: data_type.is_none(),
        is_strict,
        data_type: data_type.unwrap_or(DataType::Utf8),
        format: column.and_then(|c| c.format.clone()),
        mixed: false,
    }
}

/// The type a guessed column of `class` is read as; a declared zone makes every timestamp a UTC one.
pub(super) fn guessed_type(class: Class, timezone_seconds: Option<i32>) -> DataType {
    match class {
        Class::Timestamp if timezone_seconds.is_some() => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        other => other.data_type(),
    }
}

/// The join of the classes of each column's values in `bytes`, and whether text stands among values of other classes.
pub(super) fn classes(source: &CsvSource, bytes: &[u8], positions: &[usize]) -> Vec<(Class, bool)> {
    let text = source.text(bytes);
    let mut classes = vec![(Class::Missing, false); source.columns.len()];
    let (mut at, mut record, mut rows) = (0, Record::default(), 0);
    while at < bytes.len() {
        match framing::frame(bytes, at, source.dialect, Some(positions.len()), true, &mut record) {
            Framed::Record { next, .. } => {
                at = next;
                rows += 1;
                if record.cells.len() != positions.len() {
                    continue;
                }
                for (column, (class, mixed)) in classes.iter_mut().enumerate() {
                    if (*class != Class::Text || !*mixed && rows < MIXED_ROWS) && source.columns[column].guessed {
                        let value = text.cell(record.cells[positions[column]]);
                        let trimmed = trimmed(&value);
                        if !text.is_missing(trimmed) && !text.is_missing(&value) {
                            let seen = text::classify(trimmed);
                            *mixed |= *class != Class::Missing && *class != seen && class.join(seen) == Class::Text;
                            *class = class.join(seen);
                        }
                    }
                }
            }
            Framed::Blank { next } | Framed::Bad { next, .. } => at = next,
            Framed::Incomplete => break,
        }
    }
    classes
}
