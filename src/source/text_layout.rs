//! How text is laid out, as the rule file says it: everything beyond a delimiter, a quote and a header.

use crate::diagnostic::{Code, Fault};
use crate::text::NumberForm;

use super::{Format, ReadOptions};

/// What stands between two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delimiter {
    /// This text.
    Text(String),
    /// Blanks and tabs, one or more of them.
    Blanks,
}

impl Delimiter {
    /// The word for [`Delimiter::Blanks`].
    pub const BLANKS: &'static str = "blanks";

    /// As a rule file writes it.
    pub fn of(text: &str) -> Self {
        if text == Self::BLANKS { Self::Blanks } else { Self::Text(text.to_owned()) }
    }

    /// As a rule file writes it, for messages.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.escape_default().to_string(),
            Self::Blanks => Self::BLANKS.to_owned(),
        }
    }
}

/// One column of text in columns of fixed width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedColumn {
    pub name: String,
    /// Its first character on the line, from 0.
    pub start: usize,
    /// Its characters; none where it goes on to the end of the line.
    pub width: Option<usize>,
}

/// What is not usual of a text file; the default is the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextLayout {
    /// Takes its meaning from a quote, delimiter or line end behind it.
    pub escape: Option<u8>,
    /// Lines that begin with it are no records.
    pub comment: Option<String>,
    /// Lines before the header.
    pub skip_rows: u64,
    /// Lines at the end that are no records, blank ones not counted.
    pub skip_footer: u64,
    /// What stands between the parts of a name that several header rows give.
    pub header_separator: Option<String>,
    /// How numbers are written.
    pub numbers: NumberForm,
    /// Columns of fixed width.
    pub columns: Vec<FixedColumn>,
    /// What was not said is found out from the first rows.
    pub sniff: bool,
}

impl ReadOptions {
    /// Refuses words that mean nothing in `format`: nobody must believe that they were followed.
    ///
    /// # Errors
    /// There is such a word.
    pub(crate) fn ensure_of(&self, format: Format) -> Result<(), Fault> {
        let Some(word) = self.idle_word(format) else { return Ok(()) };
        let fault = Fault::new(Code::ConflictingWords, format!("`source: {{ {word}: … }}` means nothing in the format {}", format.name()));
        let hint = match (word, format == Format::Fixed) {
            ("header", true) => "the names stand in `columns`; lines before the first record are `skip_rows`".to_owned(),
            ("columns", _) => "it is for `format: fixed`; the columns of a contract stand in `schema`".to_owned(),
            (_, true) => "fields of fixed width have neither delimiters nor quotes; leave it out".to_owned(),
            _ => "leave it out, or say which `format` the data has".to_owned(),
        };
        Err(fault.hint(hint))
    }

    /// A word that was said and means nothing in `format`.
    pub(super) fn idle_word(&self, format: Format) -> Option<&'static str> {
        let is_delimited = matches!(format, Format::Csv | Format::Tsv);
        let is_fixed = format == Format::Fixed;
        let is_sheet = format == Format::Excel;
        let text = &self.text;
        let said = [
            ("delimiter", self.delimiter.is_some(), is_delimited),
            ("quote", self.quote.is_some(), is_delimited),
            ("header", self.header.is_some(), is_delimited || is_sheet),
            ("escape", text.escape.is_some(), is_delimited),
            ("header_separator", text.header_separator.is_some(), is_delimited || is_sheet),
            ("dialect", text.sniff, is_delimited),
            ("columns", !text.columns.is_empty(), is_fixed),
            ("sheet", self.sheet.is_some(), is_sheet),
            ("comment", text.comment.is_some(), is_delimited || is_fixed),
            ("skip_rows", text.skip_rows > 0, is_delimited || is_fixed),
            ("skip_footer", text.skip_footer > 0, is_delimited || is_fixed),
            ("decimal", text.numbers.decimal != NumberForm::default().decimal, is_delimited || is_fixed),
            ("thousands", text.numbers.thousands.is_some(), is_delimited || is_fixed),
        ];
        said.into_iter().find(|(_, is_said, belongs)| *is_said && !belongs).map(|(word, ..)| word)
    }

    /// The same for other data that a rule compares with: it may be of another format, in which some words mean nothing.
    #[must_use]
    pub fn of_other_data(self) -> Self {
        Self { format: None, refuses_idle_words: false, table_state: None, ..self }
    }
}
