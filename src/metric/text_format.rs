//! What a text looks like: an e-mail address, a date, a number with its unit, or a pattern of digits and letters.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Reservation};
use super::cells::shape_of;
use super::column::Column;
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::rows::RowId;

/// Longer texts have no format.
const CHARS_MAX: usize = 200;
/// Characters of a pattern: longer texts are prose.
const PATTERN_CHARS_MAX: usize = 24;

/// The format of a text; none of prose.
pub fn format_of(text: &str) -> Option<Cow<'static, str>> {
    let text = text.trim();
    if text.is_empty() || text.len() > CHARS_MAX {
        return None;
    }
    let known = [
        (is_email as fn(&str) -> bool, "e-mail"),
        (is_url, "URL"),
        (is_uuid, "UUID"),
        (is_ip, "IP address"),
        (is_percent, "percentage"),
        (|text| unit_of(text).is_some(), "number with unit"),
    ];
    if let Some((_, name)) = known.iter().find(|(is, _)| is(text)) {
        return Some(Cow::Borrowed(name));
    }
    date_format(text).map(|format| Cow::Owned(format!("date {format}"))).or_else(|| pattern(text).map(Cow::Owned))
}

/// A pattern, where a text has digits: each digit a 9, letters in a row one `a`.
fn pattern(text: &str) -> Option<String> {
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    (has_digit && text.chars().nth(PATTERN_CHARS_MAX).is_none()).then(|| format!("pattern {}", shape_of(text)))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    !local.is_empty() && local.chars().all(is_local) && domain.contains('.') && domain.split('.').all(is_label)
}

fn is_url(text: &str) -> bool {
    let has_scheme = ["http://", "https://", "ftp://", "s3://", "file://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) && text.len() > scheme.len());
    has_scheme && !text.contains(char::is_whitespace)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_ip(text: &str) -> bool {
    (text.contains('.') || text.matches(':').count() > 1) && text.parse::<std::net::IpAddr>().is_ok()
}

fn is_percent(text: &str) -> bool {
    text.strip_suffix('%').is_some_and(|number| is_number(number.trim_end()))
}

/// Whether this is a number, with or without groups of three digits.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        && digits.matches('.').count().min(digits.matches(',').count()) <= 1
}

/// The unit of a number with one, before or behind it: `17 USD`, `€ 3.50`, `12kg`.
pub fn unit_of(text: &str) -> Option<&str> {
    let is_unit = |unit: &str| {
        let is_sign = |c: char| c.is_alphabetic() || "€$£¥₹°µ/²³".contains(c);
        (1..=8).contains(&unit.chars().count()) && unit.chars().all(is_sign)
    };
    let text = text.trim();
    let digit = |c: char| c.is_ascii_digit();
    let last = text.rfind(digit)?;
    let (before, behind) = (text[..=last].trim(), text[last + 1..].trim());
    if is_unit(behind) && is_number(before) {
        return Some(behind);
    }
    let first = text.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'))?;
    let (unit, number) = (text[..first].trim(), text[first..].trim());
    // `A4` and `KW3` are codes: in front of a number there is a sign of money, or a word of three letters apart from it.
    let is_money = unit.chars().all(|c| "€$£¥₹".contains(c))
        || (unit.len() == 3 && unit.chars().all(char::is_alphabetic) && text[..first].ends_with(' '));
    (is_unit(unit) && is_money && is_number(number)).then_some(unit)
}

/// The strftime format of a date or a time.
pub fn date_format(text: &str) -> Option<&'static str> {
    const FORMATS: [(&str, &str); 13] = [
        ("9999-99-99", "%Y-%m-%d"),
        ("9999/99/99", "%Y/%m/%d"),
        ("99.99.9999", "%d.%m.%Y"),
        ("99/99/9999", "%d/%m/%Y"),
        ("99-99-9999", "%d-%m-%Y"),
        ("99 aaa 9999", "%d %b %Y"),
        ("99-aaa-9999", "%d-%b-%Y"),
        ("9999-99-99 99:99", "%Y-%m-%d %H:%M"),
        ("9999-99-99 99:99:99", "%Y-%m-%d %H:%M:%S"),
        ("9999-99-99a99:99:99", "%Y-%m-%dT%H:%M:%S"),
        ("9999-99-99a99:99:99a", "%Y-%m-%dT%H:%M:%SZ"),
        ("99:99", "%H:%M"),
        ("99:99:99", "%H:%M:%S"),
    ];
    let is_alike = |(shape, _): &&(&str, &str)| {
        shape.len() == text.len()
            && shape.bytes().zip(text.bytes()).all(|(s, t)| match s {
                b'9' => t.is_ascii_digit(),
                b'a' => t.is_ascii_alphabetic(),
                other => other == t,
            })
    };
    let (_, format) = FORMATS.iter().find(is_alike)?;
    // `12/25/2024` has no thirteenth month, so it is the American way round.
    let numbers: Vec<u32> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let in_order = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    match *format {
        "%d/%m/%Y" if !in_order(numbers[1], numbers[0]) => in_order(numbers[0], numbers[1]).then_some("%m/%d/%Y"),
        "%d.%m.%Y" | "%d-%m-%Y" => in_order(numbers[1], numbers[0]).then_some(*format),
        "%H:%M" | "%H:%M:%S" => (numbers[0] < 24 && numbers[1] < 60).then_some(*format),
        year_first if year_first.starts_with("%Y") => in_order(numbers[1], numbers[2]).then_some(*format),
        _ => Some(*format),
    }
}

/// Whether a text has the format: an American date does not contradict one that can be read either way.
fn has_format(text: &str, format: &str) -> bool {
    match format_of(text) {
        Some(found) if found == format => true,
        Some(found) => found == "date %d/%m/%Y" && format == "date %m/%d/%Y" && may_be_american(text.trim()),
        None => false,
    }
}

fn may_be_american(text: &str) -> bool {
    text.split('/').next().and_then(|month| month.parse::<u32>().ok()).is_some_and(|month| month <= 12)
}

/// How many texts have a format, and which is the first that has another one.
#[derive(Debug)]
pub struct FormatCheck {
    format: String,
    out: FormatCheckOut,
    memory: Reservation,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatCheckOut {
    pub matching: u64,
    pub exceptions: u64,
    /// The row and the beginning of the first exception.
    pub first: Option<(RowId, String)>,
}

impl State for FormatCheck {
    const NAME: &'static str = "format_check";
    const VERSION: u32 = 1;
    /// The format, as [`format_of`] names it.
    type Spec = String;
    type Out = FormatCheckOut;

    fn empty(format: &String, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { format: format.clone(), out: FormatCheckOut::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let (format, out) = (&self.format, &mut self.out);
        columns[0].for_each_text(rows.selection, |i, text| {
            if has_format(text, format) {
                out.matching += 1;
                return;
            }
            out.exceptions += 1;
            out.note(RowId { unit: rows.unit, row: rows.numbers.get(i) }, text);
        });
        self.memory.resize(self.out.first.as_ref().map_or(0, |(_, text)| text.len()));
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.out.matching += later.out.matching;
        self.out.exceptions += later.out.exceptions;
        if let Some((row, text)) = &later.out.first {
            self.out.note(*row, text);
        }
        self.memory.resize(self.out.first.as_ref().map_or(0, |(_, text)| text.len()));
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { format: self.format.clone(), out: self.out.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.out, to)
    }

    fn decode(format: &String, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let out: FormatCheckOut = encoding::read(from)?;
        encoding::ensure_counts([out.matching, out.exceptions])?;
        encoding::ensure(out.first.is_some() == (out.exceptions > 0), "it names an exception that is none")?;
        let mut memory = Reservation::new(memory);
        memory.resize(out.first.as_ref().map_or(0, |(_, text)| text.len()));
        Ok(Self { format: format.clone(), out, memory })
    }

    fn finish(self, _: &Inputs) -> Result<FormatCheckOut, Fault> {
        Ok(self.out)
    }
}

impl FormatCheckOut {
    fn note(&mut self, row: RowId, text: &str) {
        if self.first.as_ref().is_none_or(|(first, _)| row < *first) {
            self.first = Some((row, text.chars().take(CHARS_MAX).collect()));
        }
    }

    /// What comes of texts that were counted one by one.
    pub fn of<'a>(format: &str, texts: impl Iterator<Item = (&'a str, u64, RowId)>) -> Self {
        let mut out = Self::default();
        for (text, count, row) in texts {
            if has_format(text, format) {
                out.matching += count;
            } else {
                out.exceptions += count;
                out.note(row, text);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_known_by_what_they_look_like() {
        for (text, format) in [
            ("ada@example.org", "e-mail"),
            ("müller@exämple.de", "e-mail"),
            ("https://example.org/a?b=c", "URL"),
            ("123e4567-e89b-12d3-a456-426614174000", "UUID"),
            ("192.168.0.1", "IP address"),
            ("::1", "IP address"),
            ("12.5 %", "percentage"),
            ("17 USD", "number with unit"),
            ("€ 3.50", "number with unit"),
            ("USD 17", "number with unit"),
            ("1,200kg", "number with unit"),
            ("2024-01-05", "date %Y-%m-%d"),
            ("05/01/2024", "date %d/%m/%Y"),
            ("12/25/2024", "date %m/%d/%Y"),
            ("05 Jan 2024", "date %d %b %Y"),
            ("23:59", "date %H:%M"),
            ("N748KK", "pattern a999a"),
            ("2024-13-05", "pattern 9999-99-99"),
            ("A4", "pattern a9"),
            ("007", "pattern 999"),
            ("+49 30 1234", "pattern +99 99 9999"),
        ] {
            assert_eq!(format_of(text).as_deref(), Some(format), "{text}");
        }
        for text in ["", "Berlin", "a@b", "@example.org", "http://", "some words of prose that hold 1 number and go on"] {
            assert_eq!(format_of(text), None, "{text}");
        }
        assert_eq!((unit_of("17 USD"), unit_of("€3"), unit_of("KW3"), unit_of("5 m/s")), (Some("USD"), Some("€"), None, Some("m/s")));
        assert!(has_format("05/01/2024", "date %m/%d/%Y") && !has_format("25/01/2024", "date %m/%d/%Y"));
    }
}
