//! The types of columns that no contract names.

use arrow::datatypes::{DataType, TimeUnit};

use super::CsvSource;
use super::column::{ColumnReader, trimmed};
use super::record::Framed;
use crate::source::ContractColumn;
use crate::types::Class;

/// So many first rows of a text column are looked at for values of other kinds among the text.
const MIXED_ROWS: usize = 1000;

/// How to read the column `name`: as the contract says, else as guessed later.
pub(super) fn contract_reader(name: &str, column: Option<&ContractColumn>) -> ColumnReader {
    let is_strict = column.is_some_and(|c| c.is_strict);
    let asked = column.and_then(|c| c.data_type.clone());
    // A table's type counts like a contract's, but for two: text is a guess like any other, since nobody promised it; and
    // nested types are not asked for, since delimited text cannot hold them.
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
    match class == Class::Timestamp && timezone_seconds.is_some() {
        true => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        false => class.data_type(),
    }
}

/// The join of the classes of each column's values in `bytes`, and whether text stands among values of other classes.
pub(super) fn classes(source: &CsvSource, bytes: &[u8], positions: &[usize]) -> Vec<(Class, bool)> {
    let text = source.text(bytes);
    let mut classes = vec![(Class::Missing, false); source.columns.len()];
    let mut framer = source.layout.framer_of_all(bytes, Some(positions.len()));
    let (mut at, mut rows) = (0, 0);
    while at < bytes.len() {
        match framer.frame(at) {
            Framed::Record { next, .. } => {
                at = next;
                rows += 1;
                if framer.cells().len() != positions.len() {
                    continue;
                }
                for (column, (class, mixed)) in classes.iter_mut().enumerate() {
                    if (*class != Class::Text || !*mixed && rows < MIXED_ROWS) && source.columns[column].guessed {
                        let value = text.cell(framer.cells()[positions[column]]);
                        let trimmed = trimmed(&value);
                        if !text.is_missing(trimmed) && !text.is_missing(&value) {
                            let seen = text.numbers.classify(trimmed);
                            *mixed |= *class != Class::Missing && *class != seen && class.join(seen) == Class::Text;
                            *class = class.join(seen);
                        }
                    }
                }
            }
            Framed::Blank { next } | Framed::Comment { next } | Framed::Bad { next, .. } => at = next,
            Framed::Incomplete => break,
        }
    }
    classes
}
