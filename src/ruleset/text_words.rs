//! What the words of the section `source` say of how text is laid out.

use super::SourceSection;
use super::source_words::FixedWord;
use crate::diagnostic::{Code, Fault, Faults};
use crate::source::{FixedColumn, Format, NumberForm, ReadOptions, TextLayout};
use crate::yaml::Spanned;

/// More lines that are passed over are a mistake.
const SKIPPED_MAX: u64 = 100_000;

impl SourceSection {
    /// The quote, if one is written; none inside where it is empty.
    pub(super) fn quote_byte(&self, path: &str, faults: &mut Faults) -> Option<Option<u8>> {
        let quote = self.quote.as_ref()?;
        if quote.value.is_empty() { Some(None) } else { byte(quote, "quote", path, faults).map(Some) }
    }

    /// What is not usual of the text.
    pub(super) fn text_layout(&self, path: &str, faults: &mut Faults) -> TextLayout {
        let mut lines = |word: &str, lines: &Option<Spanned<u64>>| {
            let lines = lines.as_ref()?;
            if !(1..=SKIPPED_MAX).contains(&lines.value) {
                let fault = Fault::new(Code::InvalidValue, format!("`{word}: {}` is not from 1 to {SKIPPED_MAX}", lines.value));
                faults.push(fault.at(lines.at.in_file(path)).hint("leave it out where no line is passed over"));
            }
            Some(lines.value)
        };
        let skip_rows = lines("skip_rows", &self.skip_rows).unwrap_or(0);
        let skip_footer = lines("skip_footer", &self.skip_footer).unwrap_or(0);
        TextLayout {
            escape: self.escape.as_ref().and_then(|escape| byte(escape, "escape", path, faults)),
            comment: self.comment.as_ref().map(|comment| comment.value.clone()),
            skip_rows,
            skip_footer,
            header_separator: self.header_separator.clone(),
            numbers: self.number_form(path, faults),
            columns: self.fixed_columns(),
            sniff: self.dialect.is_some(),
        }
    }

    fn number_form(&self, path: &str, faults: &mut Faults) -> NumberForm {
        let mut character = |word: &str, text: &Option<Spanned<String>>| {
            let text = text.as_ref()?;
            let mut characters = text.value.chars();
            match (characters.next(), characters.next()) {
                (Some(c), None) if !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '\n' | '\r')) => return Some(c),
                _ => {}
            }
            let what = format!("`{word}: {}` is not one character that may stand between digits", text.value.escape_debug());
            faults.push(Fault::new(Code::InvalidValue, what).at(text.at.in_file(path)).hint("write `,`, `.`, `'` or a blank"));
            None
        };
        let decimal = character("decimal", &self.decimal).unwrap_or('.');
        let thousands = character("thousands", &self.thousands);
        if let Some(at) = self.thousands.as_ref().or(self.decimal.as_ref()).filter(|_| thousands == Some(decimal)) {
            let fault =
                Fault::new(Code::ConflictingWords, format!("`decimal` and `thousands` are both `{decimal}`")).at(at.at.in_file(path));
            let other = if decimal == '.' { ',' } else { '.' };
            faults.push(fault.hint(match self.decimal {
                Some(_) => format!("they must differ; perhaps `thousands: \"{other}\"`"),
                None => format!("numbers have a point before their fraction unless `decimal: \"{other}\"` says otherwise"),
            }));
        }
        NumberForm { decimal, thousands }
    }

    /// The columns of fixed width, each where it stands.
    fn fixed_columns(&self) -> Vec<FixedColumn> {
        let mut next = 0;
        let place = |(name, word): &(String, Spanned<FixedWord>)| {
            let start = word.start.map_or(next, |start| start as usize - 1);
            let width = word.width.map(|width| width as usize);
            next = start + width.unwrap_or(0);
            FixedColumn { name: name.clone(), start, width }
        };
        self.columns.0.iter().map(place).collect()
    }

    /// Refuses words that contradict each other or the format.
    pub(super) fn ensure_fitting(&self, options: &ReadOptions, path: &str, faults: &mut Faults) {
        let placed = [&self.comment, &self.escape, &self.quote, &self.delimiter].into_iter().flatten().map(|text| text.at).next();
        let placed = placed.or_else(|| self.columns.0.first().map(|(_, column)| column.at)).or_else(|| self.format.as_ref().map(|f| f.at));
        let mut add = |fault: Fault| {
            faults.push(match placed {
                Some(at) => fault.at(at.in_file(path)),
                None => fault,
            });
        };
        if let Some(format) = options.format
            && let Err(fault) = options.ensure_of(format)
        {
            return add(fault);
        }
        let format = options.format.unwrap_or(if options.text.columns.is_empty() { Format::Csv } else { Format::Fixed });
        if matches!(format, Format::Csv | Format::Tsv | Format::Fixed)
            && let Err(fault) = options.ensure_layout(format)
        {
            add(fault);
        }
    }
}

/// The one byte that `text` is.
fn byte(text: &Spanned<String>, what: &str, path: &str, faults: &mut Faults) -> Option<u8> {
    match text.value.as_bytes() {
        [b'\n' | b'\r'] => {}
        [one] => return Some(*one),
        _ => {}
    }
    let fault = Fault::new(Code::InvalidValue, format!("the {what} `{}` is not one ASCII character", text.value.escape_debug()));
    faults.push(fault.at(text.at.in_file(path)));
    None
}
