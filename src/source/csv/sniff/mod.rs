//! Finds out from a file's first rows how it is laid out.
//!
//! Each delimiter is tried with the quote and the escape that suit it best. It fits by the share of records that have the
//! usual number of fields, once the lines above them are passed over; of those that fit alike, the one that passes over
//! fewer lines. Where two are left that divide the rows differently, nothing is guessed.

mod numbers;
mod reading;

use self::reading::Reading;
use super::extent::Extent;
use crate::diagnostic::{Code, Fault};
use crate::source::{Delimiter, Format, InputFile, NumberForm, ReadOptions};
use crate::types::Class;

/// How far it is looked.
const BYTES: usize = 1 << 20;

/// Delimiters that are tried, in the order in which they are named.
const DELIMITERS: [&str; 10] = [",", ";", "\t", "|", "||", "::", "^", "~", "\u{1}", "\u{1f}"];

/// What was found out.
pub(super) struct Sniffed {
    pub options: ReadOptions,
    /// What a report says of it.
    pub remark: String,
}

/// What `options` leave open, from the first rows of `file`.
///
/// # Errors
/// The file cannot be read, no dialect fits, or two fit equally well.
pub(super) fn dialect(file: &InputFile, format: Format, options: &ReadOptions) -> Result<Sniffed, Fault> {
    let extent = Extent::of(file, &options.text)?;
    let len = ((extent.end - extent.start) as usize).min(BYTES);
    let mut bytes = file.read_at(extent.start, len)?;
    if extent.start + len as u64 != extent.end {
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(len, |n| n + 1));
    }
    let reading = best(file, &bytes, format, options)?;
    let mut found = reading.options.clone();
    let rows = reading.rows();
    if options.text.numbers.is_plain() {
        found.text.numbers = numbers::form(file, rows)?;
    }
    if options.header.is_none() {
        found.header = Some(u32::from(has_header(rows, found.text.numbers)));
    }
    found.text.skip_rows += reading.lines_above;
    let written = written(&found, options);
    let found_of = format!("the dialect was found from the first rows of {}; write it down as `source: {written}`", file.path);
    Ok(Sniffed { options: found, remark: found_of })
}

/// The reading of `bytes` that fits best.
fn best(file: &InputFile, bytes: &[u8], format: Format, options: &ReadOptions) -> Result<Reading, Fault> {
    let tried = |delimiter: Delimiter| Reading::of(bytes, format, &ReadOptions { delimiter: Some(delimiter), ..options.clone() });
    let mut readings: Vec<Reading> = match &options.delimiter {
        Some(delimiter) => tried(delimiter.clone()).into_iter().collect(),
        None => DELIMITERS.iter().filter_map(|text| tried(Delimiter::of(text))).collect(),
    };
    let mut fitting: Vec<Reading> = readings.extract_if(.., |reading| reading.fits()).collect();
    if fitting.is_empty() && options.delimiter.is_none() {
        // Words are divided by blanks whatever the dialect: they count where nothing else does.
        fitting.extend(tried(Delimiter::Blanks).filter(Reading::fits));
    }
    if fitting.is_empty() {
        let one = readings.into_iter().find(Reading::is_one_column);
        return one.ok_or_else(|| {
            let what = format!("{}: no dialect divides the first rows into the same number of fields", file.path);
            Fault::new(Code::InvalidLayout, what).hint("write `delimiter`, `quote`, `escape` or `skip_rows` in `source:`")
        });
    }
    fitting.sort_by(|a, b| b.rank(a));
    let equals = fitting.iter().take_while(|reading| reading.rank(&fitting[0]).is_eq()).count();
    fitting.truncate(equals);
    // Where `||` divides, `|` does so too, with an empty field between.
    let is_part = |a: &Reading, b: &Reading| match (&a.options.delimiter, &b.options.delimiter) {
        (Some(Delimiter::Text(a)), Some(Delimiter::Text(b))) => a.len() < b.len() && b.contains(a.as_str()),
        _ => false,
    };
    let kept: Vec<usize> = (0..equals).filter(|&i| !fitting.iter().any(|other| is_part(&fitting[i], other))).collect();
    if let [first, second, ..] = kept[..] {
        let shown = |i: usize| format!("`{}` ({} columns)", written(&fitting[i].options, options), fitting[i].width);
        let what = format!("{}: two dialects fit the first rows equally well: {} and {}", file.path, shown(first), shown(second));
        return Err(Fault::new(Code::InvalidLayout, what).hint("write the one that is meant in `source:`"));
    }
    Ok(fitting.swap_remove(kept[0]))
}

/// Whether the first of `rows` names the columns: it holds texts that differ, above values; or nothing speaks against it.
fn has_header(rows: &[Vec<String>], numbers: NumberForm) -> bool {
    let [first, behind @ ..] = rows else { return true };
    let class = |text: &str| if text.trim().is_empty() { Class::Missing } else { numbers.classify(text.trim()) };
    let of_column =
        |column: usize| behind.iter().filter_map(|row| row.get(column)).fold(Class::Missing, |seen, text| seen.join(class(text)));
    let names: Vec<&str> = first.iter().map(|text| text.trim()).collect();
    let stands_above_values =
        |(column, name): (usize, &&str)| class(name) == Class::Text && !matches!(of_column(column), Class::Missing | Class::Text);
    if names.iter().enumerate().any(stands_above_values) {
        return true;
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let differ = sorted.windows(2).all(|pair| pair[0] != pair[1]);
    differ && names.iter().all(|name| class(name) == Class::Text)
}

/// What of `found` must be written in a rule file that has `options` already.
fn written(found: &ReadOptions, options: &ReadOptions) -> String {
    let mut words = Vec::new();
    let byte = |byte: u8| yaml(&char::from(byte).to_string());
    match &found.delimiter {
        Some(Delimiter::Text(text)) => words.push(format!("delimiter: {}", yaml(text))),
        Some(Delimiter::Blanks) => words.push(format!("delimiter: {}", Delimiter::BLANKS)),
        None => {}
    }
    if let Some(quote) = found.quote.filter(|&quote| quote != Some(b'"') || options.quote.is_some()) {
        words.push(format!("quote: {}", quote.map_or("\"\"".to_owned(), byte)));
    }
    words.extend(found.text.escape.map(|escape| format!("escape: {}", byte(escape))));
    if found.text.skip_rows > 0 {
        words.push(format!("skip_rows: {}", found.text.skip_rows));
    }
    match found.header {
        Some(0) => words.push("header: false".to_owned()),
        Some(rows) if rows > 1 => words.push(format!("header: {rows}")),
        Some(_) | None => {}
    }
    if found.text.numbers.decimal != NumberForm::default().decimal {
        words.push(format!("decimal: {}", yaml(&found.text.numbers.decimal.to_string())));
    }
    words.extend(found.text.numbers.thousands.map(|thousands| format!("thousands: {}", yaml(&thousands.to_string()))));
    format!("{{ {} }}", words.join(", "))
}

/// `text` as YAML writes it in double quotes.
fn yaml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || c.is_whitespace() && c != ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
