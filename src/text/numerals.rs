//! Numbers as countries write them: `1.234,50`, `1 234.50`, `1'234`.

use std::borrow::Cow;

use super::classify;
use crate::types::Class;

/// Digits of a group between two separators.
const GROUP: usize = 3;

/// Which characters stand in a number beside its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberForm {
    /// Before the fraction.
    pub decimal: char,
    /// Between groups of three digits.
    pub thousands: Option<char>,
}

impl Default for NumberForm {
    fn default() -> Self {
        Self { decimal: '.', thousands: None }
    }
}

impl NumberForm {
    /// Whether numbers are written as everywhere else.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// The number `text` with a point before its fraction and without separators; none where a separator is out of place, so
    /// that the text is no number. What has neither is given back unchanged.
    ///
    /// Groups have three digits each, but for the first, which has one to three and does not begin with a zero. Either all
    /// digits before the fraction are grouped or none.
    pub(crate) fn plain(self, text: &str) -> Option<Cow<'_, str>> {
        let is_ours = |c: char| c == '.' || c == self.decimal || Some(c) == self.thousands;
        if !text.contains(is_ours) {
            return Some(Cow::Borrowed(text));
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let sign = &text[..text.len() - digits.len()];
        let (whole, fraction) = match digits.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        // A point that is neither, or a second decimal point, or a separator behind it.
        if fraction.is_some_and(|fraction| fraction.contains(is_ours)) {
            return None;
        }
        let mut number = String::with_capacity(text.len());
        number.push_str(sign);
        match self.thousands.filter(|&t| whole.contains(t)) {
            Some(thousands) => {
                let fraction_is_digits = fraction.is_none_or(|f| f.bytes().all(|b| b.is_ascii_digit()));
                if !fraction_is_digits || !is_grouped(whole, thousands) {
                    return None;
                }
                number.extend(whole.chars().filter(|&c| c != thousands));
            }
            None if whole.contains(is_ours) => return None,
            None => number.push_str(whole),
        }
        if let Some(fraction) = fraction {
            number.push('.');
            number.push_str(fraction);
        }
        Some(Cow::Owned(number))
    }

    /// [`classify`] of a text whose numbers are written so.
    pub(crate) fn classify(self, text: &str) -> Class {
        if self.is_plain() {
            return classify(text);
        }
        let is_number = |class: &Class| matches!(class, Class::Integer | Class::WideInteger | Class::Float);
        match self.plain(text).map(|plain| classify(&plain)).filter(is_number) {
            Some(class) => class,
            None => Some(classify(text)).filter(|class| !is_number(class)).unwrap_or(Class::Text),
        }
    }
}

/// Whether `whole` is groups of three digits behind one of one to three.
fn is_grouped(whole: &str, thousands: char) -> bool {
    let mut groups = whole.split(thousands);
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    (1..=GROUP).contains(&first.len())
        && is_digits(first)
        && !first.starts_with('0')
        && groups.all(|group| group.len() == GROUP && is_digits(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: NumberForm = NumberForm { decimal: ',', thousands: Some('.') };
    const COMMA: NumberForm = NumberForm { decimal: ',', thousands: None };
    const ENGLISH: NumberForm = NumberForm { decimal: '.', thousands: Some(',') };
    const SWISS: NumberForm = NumberForm { decimal: '.', thousands: Some('\'') };
    const FRENCH: NumberForm = NumberForm { decimal: ',', thousands: Some('\u{202f}') };

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        let cases = [
            (GERMAN, "1.234", Some("1234")),
            (GERMAN, "1.234,50", Some("1234.50")),
            (GERMAN, "-12.345.678,9", Some("-12345678.9")),
            (GERMAN, "1234,5", Some("1234.5")),
            (GERMAN, ",5", Some(".5")),
            (GERMAN, "1,5e3", Some("1.5e3")),
            (GERMAN, "1.23,4", None),
            (GERMAN, "12.34", None),
            (GERMAN, "1234.567", None),
            (GERMAN, "0.123", None),
            (GERMAN, ".123", None),
            (GERMAN, "1.234.", None),
            (GERMAN, "1..234", None),
            (GERMAN, "1,234,5", None),
            (GERMAN, "1,234.5", None),
            (GERMAN, "1.234,5e3", None),
            (GERMAN, "1.234e3", None),
            (COMMA, "1.5", None),
            (COMMA, "1,5", Some("1.5")),
            (COMMA, "1.234,5", None),
            (ENGLISH, "1,234.5", Some("1234.5")),
            (ENGLISH, "1.5", Some("1.5")),
            (ENGLISH, "1,23", None),
            (ENGLISH, "12,34,567", None),
            (SWISS, "1'234.5", Some("1234.5")),
            (FRENCH, "1\u{202f}234,5", Some("1234.5")),
            (FRENCH, "1 234,5", Some("1 234.5")),
            (GERMAN, "17", Some("17")),
            (GERMAN, "NaN", Some("NaN")),
        ];
        for (form, text, plain) in cases {
            assert_eq!(form.plain(text).as_deref(), plain, "{text}");
        }
    }

    #[test]
    fn classes_follow_the_form() {
        for (text, class) in [
            ("1.234", Class::Integer),
            ("1,5", Class::Float),
            ("1.5", Class::Text),
            ("0.123", Class::Text),
            ("007", Class::Text),
            ("+1,5", Class::Text),
            ("9.007.199.254.740.993", Class::WideInteger),
            ("2026-01-02", Class::Date),
            ("2026-01-02 10:00:00.5", Class::Timestamp),
            ("true", Class::Boolean),
            ("1 234,5", Class::Text),
        ] {
            assert_eq!(GERMAN.classify(text), class, "{text}");
        }
    }
}
