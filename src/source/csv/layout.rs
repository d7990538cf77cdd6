//! How text is divided into records and fields: one value a source, made when it is opened.

use std::borrow::Cow;
use std::sync::Arc;

use super::fixed::{Fixed, FixedFramer};
use super::framing::{self, Framer};
use super::record::{Cell, Dialect, Framed};
use super::rich::{Rich, RichFramer};
use crate::diagnostic::{Code, Fault};
use crate::source::{Delimiter, Format, ReadOptions};

/// How text is divided. Each kind has its own framing, so that none is slower for what another can do.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    /// A delimiter of one byte, quotes that are doubled.
    Plain(Dialect),
    /// Everything else with delimiters.
    Rich(Arc<Rich>),
    Fixed(Arc<Fixed>),
}

impl Layout {
    /// What `options` say of files of `format`.
    ///
    /// # Errors
    /// Two of delimiter, quote, escape and comment are alike, or columns of fixed width are missing or overlap.
    pub(super) fn of(options: &ReadOptions, format: Format) -> Result<Self, Fault> {
        let text = &options.text;
        if format == Format::Fixed {
            return Ok(Self::Fixed(Arc::new(Fixed::of(&text.columns, text.comment.as_deref())?)));
        }
        let default = if format == Format::Tsv { "\t" } else { "," };
        let delimiter = options.delimiter.clone().unwrap_or_else(|| Delimiter::Text(default.to_owned()));
        let quote = options.quote.unwrap_or(Some(b'"'));
        options.differ(&delimiter, quote)?;
        let one = match &delimiter {
            Delimiter::Text(text) => <[u8; 1]>::try_from(text.as_bytes()).ok(),
            Delimiter::Blanks => None,
        };
        Ok(match (one, text.escape, &text.comment) {
            (Some([delimiter]), None, None) => Self::Plain(Dialect { delimiter, quote }),
            _ => Self::Rich(Arc::new(Rich::of(&delimiter, quote, text.escape, text.comment.as_deref()))),
        })
    }

    /// Frames the records of `bytes`. `fields` is how many the header has, once that is known; `at_end` says that the records
    /// end with `bytes`.
    pub(super) fn framer<'a>(&'a self, bytes: &'a [u8], fields: Option<usize>, at_end: bool) -> AnyFramer<'a> {
        match self {
            Self::Plain(dialect) => AnyFramer::Plain(Framer::new(bytes, *dialect, fields, at_end)),
            Self::Rich(rich) => AnyFramer::Rich(RichFramer::new(rich, bytes, fields, at_end)),
            Self::Fixed(fixed) => AnyFramer::Fixed(FixedFramer::new(fixed, bytes, at_end)),
        }
    }

    /// The same, where `bytes` are all that is to be framed: what they do not hold need not be looked for.
    pub(super) fn framer_of_all<'a>(&'a self, bytes: &'a [u8], fields: Option<usize>) -> AnyFramer<'a> {
        match self {
            Self::Plain(dialect) => AnyFramer::Plain(Framer::new(bytes, dialect.within(bytes), fields, true)),
            Self::Rich(_) | Self::Fixed(_) => self.framer(bytes, fields, true),
        }
    }

    /// Where the last whole record of `bytes` ends: the end of a unit. 0 when not even one is whole.
    pub(super) fn last_record_end(&self, bytes: &[u8], fields: usize, at_end: bool) -> usize {
        match self {
            Self::Plain(dialect) => framing::last_record_end(bytes, *dialect, fields, at_end),
            Self::Rich(rich) => rich.last_record_end(bytes, fields, at_end),
            Self::Fixed(_) if at_end => bytes.len(),
            Self::Fixed(_) => memchr::memrchr(b'\n', bytes).map_or(0, |n| n + 1),
        }
    }

    /// The quote around fields, if any.
    pub(super) fn quote(&self) -> Option<u8> {
        match self {
            Self::Plain(dialect) => dialect.quote,
            Self::Rich(rich) => rich.quote,
            Self::Fixed(_) => None,
        }
    }

    /// The text of a cell that holds doubled quotes or escapes, without these. `is_quoted` says that quotes stand around it.
    #[cold]
    pub(super) fn unescaped<'t>(&self, text: &'t str, is_quoted: bool) -> Cow<'t, str> {
        match self {
            Self::Plain(dialect) => {
                let quote = char::from(dialect.quote.unwrap_or(b'"'));
                Cow::Owned(text.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            Self::Rich(rich) => Cow::Owned(rich.unescaped(text, is_quoted)),
            Self::Fixed(_) => Cow::Borrowed(text),
        }
    }
}

impl ReadOptions {
    /// Refuses words that contradict each other where text of `format` is read.
    ///
    /// # Errors
    /// They do.
    pub(crate) fn ensure_layout(&self, format: Format) -> Result<(), Fault> {
        Layout::of(self, format).map(|_| ())
    }

    /// Refuses characters that would mean two things.
    fn differ(&self, delimiter: &Delimiter, quote: Option<u8>) -> Result<(), Fault> {
        let wrong = |what: String, hint: &str| Err(Fault::new(Code::ConflictingWords, what).hint(hint));
        let (escape, comment) = (self.text.escape, self.text.comment.as_deref());
        let holds = |byte: u8| match delimiter {
            Delimiter::Text(text) => text.as_bytes().contains(&byte),
            Delimiter::Blanks => matches!(byte, b' ' | b'\t'),
        };
        let shown = |byte: u8| if byte.is_ascii_graphic() { char::from(byte).to_string() } else { byte.escape_ascii().to_string() };
        match delimiter {
            Delimiter::Text(text) if text.is_empty() => return wrong("the delimiter is empty".into(), "write the text between two fields"),
            Delimiter::Text(text) if text.contains(['\n', '\r']) => {
                return wrong("the delimiter holds a line end".into(), "line ends are between records");
            }
            Delimiter::Text(_) | Delimiter::Blanks => {}
        }
        if let Some(quote) = quote.filter(|&quote| holds(quote)) {
            let what = format!("the delimiter and the quote are both `{}`", shown(quote));
            return wrong(what, "they must differ; write `quote: \"\"` if nothing stands around fields");
        }
        if let Some(escape) = escape.filter(|&escape| Some(escape) == quote) {
            let what = format!("the escape and the quote are both `{}`", shown(escape));
            return wrong(what, "leave `escape` out: a doubled quote inside quotes is one quote anyway");
        }
        if let Some(escape) = escape.filter(|&escape| holds(escape)) {
            return wrong(format!("the delimiter and the escape are both `{}`", shown(escape)), "they must differ");
        }
        let Some(comment) = comment else { return Ok(()) };
        let begins_with = |byte: Option<u8>| byte.is_some_and(|byte| comment.as_bytes().first() == Some(&byte));
        if comment.is_empty() || comment.contains(['\n', '\r']) {
            return wrong("the comment mark is empty or holds a line end".into(), "write what lines of comment begin with, such as `#`");
        }
        if begins_with(quote) || begins_with(escape) || comment.bytes().next().is_some_and(holds) {
            let what = format!("the comment mark `{}` begins with the delimiter, the quote or the escape", comment.escape_default());
            return wrong(what, "else records that begin so could not be told from comments");
        }
        Ok(())
    }
}

/// Frames records of one layout.
#[derive(Debug)]
pub(super) enum AnyFramer<'a> {
    Plain(Framer<'a>),
    Rich(RichFramer<'a>),
    Fixed(FixedFramer<'a>),
}

impl AnyFramer<'_> {
    /// Frames the record at `start`.
    #[inline]
    pub(super) fn frame(&mut self, start: usize) -> Framed {
        match self {
            Self::Plain(framer) => framer.frame(start),
            Self::Rich(framer) => framer.frame(start),
            Self::Fixed(framer) => framer.frame(start),
        }
    }

    /// The cells of the record last framed.
    #[inline]
    pub(super) fn cells(&self) -> &[Cell] {
        match self {
            Self::Plain(framer) => &framer.cells,
            Self::Rich(framer) => &framer.cells,
            Self::Fixed(framer) => &framer.cells,
        }
    }

    /// Why the record last framed is malformed.
    #[cold]
    pub(super) fn why(&self, reason: &'static str) -> String {
        match self {
            Self::Plain(_) | Self::Rich(_) => reason.to_owned(),
            Self::Fixed(framer) => framer.why.clone(),
        }
    }
}
