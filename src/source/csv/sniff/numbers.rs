//! How the numbers of a file are written.

use crate::diagnostic::{Code, Fault};
use crate::source::{InputFile, NumberForm};
use crate::types::Class;

/// Forms that are tried; the simpler one comes first.
const FORMS: [(char, Option<char>); 11] = [
    ('.', None),
    (',', None),
    (',', Some('.')),
    (',', Some(' ')),
    (',', Some('\u{a0}')),
    (',', Some('\u{202f}')),
    ('.', Some(',')),
    ('.', Some(' ')),
    ('.', Some('\u{a0}')),
    ('.', Some('\u{202f}')),
    ('.', Some('\'')),
];

/// The form in which most columns of `rows`, the first of which may be a header, are numbers.
///
/// # Errors
/// Two forms make numbers of the same columns, and not the same numbers.
pub(super) fn form(file: &InputFile, rows: &[Vec<String>]) -> Result<NumberForm, Fault> {
    let behind = rows.get(1..).unwrap_or_default();
    let columns = rows.first().map_or(0, Vec::len);
    let forms = FORMS.map(|(decimal, thousands)| NumberForm { decimal, thousands });
    let counts = forms.map(|form| (0..columns).filter(|&column| is_numeric(behind, column, form)).count());
    let most = counts.into_iter().max().unwrap_or(0);
    let best: Vec<NumberForm> = forms.into_iter().zip(counts).filter(|(_, count)| *count == most).map(|(form, _)| form).collect();
    let first = best[0];
    if first.is_plain() {
        return Ok(first);
    }
    let other = best[1..].iter().find_map(|&other| Some((other, differs(behind, columns, first, other)?)));
    let Some((other, value)) = other else { return Ok(first) };
    let shown = |form: NumberForm| {
        let thousands = form.thousands.map(|thousands| format!("`thousands: \"{thousands}\"`"));
        match (form.decimal != '.', thousands) {
            (true, Some(thousands)) => format!("`decimal: \"{}\"` with {thousands}", form.decimal),
            (true, None) => format!("`decimal: \"{}\"`", form.decimal),
            (false, thousands) => thousands.unwrap_or_default(),
        }
    };
    let what = format!("{}: numbers such as `{value}` can be read in two ways: {} and {}", file.path, shown(first), shown(other));
    Err(Fault::new(Code::InvalidLayout, what).hint("write the one that is meant in `source:`"))
}

/// Whether nearly all values of a column are numbers of `form`.
fn is_numeric(rows: &[Vec<String>], column: usize, form: NumberForm) -> bool {
    let values = rows.iter().filter_map(|row| row.get(column)).map(|text| text.trim()).filter(|text| !text.is_empty());
    let is_number = |text: &str| matches!(form.classify(text), Class::Integer | Class::WideInteger | Class::Float);
    let (numbers, all) = values.fold((0, 0), |(numbers, all), text| (numbers + usize::from(is_number(text)), all + 1));
    all > 0 && numbers * 20 >= all * 19
}

/// A value of a column of numbers of both forms that is not the same number in both.
fn differs(rows: &[Vec<String>], columns: usize, one: NumberForm, other: NumberForm) -> Option<String> {
    let both = (0..columns).filter(|&column| is_numeric(rows, column, one) && is_numeric(rows, column, other));
    let mut values = both.flat_map(|column| rows.iter().filter_map(move |row| row.get(column)).map(|text| text.trim()));
    let found = values.find(|text| one.plain(text) != other.plain(text));
    found.map(str::to_owned)
}
