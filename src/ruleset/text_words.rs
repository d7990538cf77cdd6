//! The words of the section `source` that say how text is laid out.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::SourceSection;
use crate::diagnostic::{Code, Fault, Faults};
use crate::source::{FixedColumn, Format, NumberForm, ReadOptions, TextLayout};
use crate::yaml::Spanned;

/// More header lines than these are a mistake.
const HEADER_LINES_MAX: u64 = 100;
/// More lines that are passed over are a mistake.
const SKIPPED_MAX: u64 = 100_000;
/// A column of fixed width ends before this character.
const CHARACTERS_MAX: u64 = 1_000_000;

/// How many lines name the columns: `true` is one, `false` none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeaderWord(pub u32);

impl<'de> Deserialize<'de> for HeaderWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = HeaderWord;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `false`, or how many lines name the columns")
            }
            fn visit_bool<E: de::Error>(self, there_is_one: bool) -> Result<HeaderWord, E> {
                Ok(HeaderWord(u32::from(there_is_one)))
            }
            fn visit_u64<E: de::Error>(self, lines: u64) -> Result<HeaderWord, E> {
                match lines {
                    1..=HEADER_LINES_MAX => Ok(HeaderWord(lines as u32)),
                    _ => Err(E::custom(format!("a header has 1 to {HEADER_LINES_MAX} lines; without one, write `header: false`"))),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for HeaderWord {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Header".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1, "maximum": HEADER_LINES_MAX }] })
    }
}

/// Where the dialect comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DialectWord {
    /// From the first rows.
    Sniff,
}

/// A column of fixed width: its width, where it follows the one before, or where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FixedWord {
    start: Option<u64>,
    width: Option<u64>,
}

/// Where a column of fixed width stands.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FixedColumn")]
struct Place {
    /// Its first character on the line, from 1. If left out: it follows the column before.
    #[schemars(range(min = 1, max = CHARACTERS_MAX))]
    start: Option<u64>,
    /// Its characters. If left out: it goes on to the end of the line.
    #[schemars(range(min = 1, max = CHARACTERS_MAX))]
    width: Option<u64>,
}

impl<'de> Deserialize<'de> for FixedWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = FixedWord;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a width in characters, or `{ start, width }`")
            }
            fn visit_u64<E: de::Error>(self, width: u64) -> Result<FixedWord, E> {
                checked(Place { start: None, width: Some(width) })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FixedWord, A::Error> {
                checked(Place::deserialize(de::value::MapAccessDeserializer::new(map))?)
            }
        }
        fn checked<E: de::Error>(Place { start, width }: Place) -> Result<FixedWord, E> {
            match start.into_iter().chain(width).all(|n| (1..=CHARACTERS_MAX).contains(&n)) {
                true => Ok(FixedWord { start, width }),
                false => Err(E::custom(format!("`start` and `width` are 1 to {CHARACTERS_MAX} characters; the first one of a line is 1"))),
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for FixedWord {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "FixedWord".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let place = generator.subschema_for::<Place>();
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": CHARACTERS_MAX }, place] })
    }
}

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
