//! Faults where columns are masked: what may quote a value is not shown.

use super::{HIDDEN, Privacy};
use crate::diagnostic::{Code, Fault, Faults, Place};

/// What a fault of some kind may quote.
enum Quotes {
    /// Names, words and places.
    Nothing,
    /// A key, or a word that stands for none of the allowed ones.
    Key,
    /// An SQL expression of the rule file.
    Sql,
    /// What the rule file, or a table, says of values.
    Literals,
    /// Values of the data, in the words of a library.
    Values,
}

/// What stands in the rule file where a fault is.
#[derive(Debug, Clone, Default)]
pub struct Around<'a> {
    /// The rule or the section.
    pub text: &'a str,
    /// Whether no value of a column is written here: in the contract, and for keys that say what follows from a rule.
    pub is_harmless: bool,
    /// Whether this is a key without `:`, as the rest of a text is that a comma cuts.
    pub is_bare: bool,
    /// The text that stands here by itself, such as an SQL expression.
    pub scalar: Option<String>,
}

/// Whether a fault of the kind may quote values of the data; what it quotes of the rule file is none.
pub fn quotes_data(code: Code) -> bool {
    use Code::*;
    matches!(code, ScratchFailed | Internal | ExpressionFailed | TooManyGroups | UnsupportedType | NotReplaceable)
}

impl Privacy {
    /// The faults without values of masked columns. `around` gives what stands in the rule file at a place.
    #[must_use]
    pub fn quiet<'a>(&self, faults: Faults, around: impl Fn(&Place) -> Around<'a>) -> Faults {
        if self.is_empty() {
            return faults;
        }
        Faults(faults.0.into_iter().map(|fault| self.quietened(fault, &around)).collect())
    }

    fn quietened<'a>(&self, fault: Fault, around: &impl Fn(&Place) -> Around<'a>) -> Fault {
        const WHY: &str = "what is wrong may hold values of masked columns, and is not shown";
        let at = fault.place.as_ref().filter(|place| place.line > 0).map(around).unwrap_or_default();
        let speaks = self.mentions(&fault.what) || self.mentions(at.text);
        let coarse = |fault: Fault| {
            let meaning = fault.code.meaning().trim_end_matches('.');
            Fault { what: format!("{meaning}: {WHY}"), hint: None, ..fault }
        };
        match quotes(fault.code) {
            Quotes::Key if speaks && at.is_bare => coarse(fault),
            Quotes::Sql if speaks => match &at.scalar {
                Some(sql) => {
                    // A hint has examples of its own.
                    let hint =
                        fault.hint.as_ref().map(|hint| without_literals(hint, sql, |literal| words(literal).any(|w| sql.contains(w))));
                    Fault { what: without_literals(&fault.what, sql, |_| true), hint, ..fault }
                }
                None => coarse(fault),
            },
            Quotes::Literals if speaks && !at.is_harmless => coarse(fault),
            Quotes::Values => {
                let begins = fault.what.split(": ").next().unwrap_or_default();
                let begins = if self.mentions(begins) { fault.code.meaning().trim_end_matches('.') } else { begins };
                Fault { what: format!("{begins}: {WHY}"), hint: None, ..fault.clone() }
            }
            Quotes::Nothing | Quotes::Key | Quotes::Sql | Quotes::Literals => fault,
        }
    }
}

/// A message about an SQL expression without the expression's literals: without numbers, what stands in quotes, and the words
/// of quoted text, which a message may quote otherwise. Text in double quotes may be meant as a value. `hides` says which numbers
/// and texts in quotes are hidden.
fn without_literals(message: &str, sql: &str, hides: impl Fn(&str) -> bool) -> String {
    let parts = sql.split(['\'', '"']).enumerate();
    let (quoted, plain): (Vec<_>, Vec<_>) = parts.partition(|(i, _)| i % 2 == 1);
    let plain: Vec<&str> = plain.iter().flat_map(|(_, part)| words(part)).collect();
    let secret: Vec<&str> = quoted.iter().flat_map(|(_, part)| words(part)).filter(|word| !plain.contains(word)).collect();
    let (mut out, mut rest) = (String::with_capacity(message.len()), message);
    while let Some(c) = rest.chars().next() {
        // Behind a letter it is an apostrophe.
        let begins = !out.chars().next_back().is_some_and(is_of_word);
        let taken = match c {
            '\'' if begins => {
                let end = rest[1..].find('\'').map_or(rest.len(), |end| end + 2);
                out += if hides(&rest[..end]) { "'***'" } else { &rest[..end] };
                end
            }
            c if is_of_word(c) => {
                let is_number = c.is_ascii_digit();
                let inside = |(at, c): &(usize, char)| {
                    is_of_word(*c) || is_number && *c == '.' && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit())
                };
                let end = rest.char_indices().find(|at| !inside(at)).map_or(rest.len(), |(at, _)| at);
                let word = &rest[..end];
                out += if is_number && hides(word) || secret.contains(&word) { HIDDEN } else { word };
                end
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_word(c)).filter(|word| !word.is_empty())
}

fn quotes(code: Code) -> Quotes {
    use Code::*;
    match code {
        UnknownWord => Quotes::Key,
        InvalidSql => Quotes::Sql,
        InvalidValue | ConflictingWords | ExpressionFailed | TableRefused | UnfitColumn | NotReplaceable | TooManyGroups
        | UnsupportedType => Quotes::Literals,
        ScratchFailed | Internal => Quotes::Values,
        InvalidYaml | MissingWord | MisplacedWord | DuplicateId | UnknownRule | UnknownColumn | MissingOption | MalformedOption
        | ConflictingOptions | InvalidEnvironment | InvalidLocation | CredentialsInUrl | OutsideRoot | FileNotFound | NotAFile
        | UnsafeLink | PermissionDenied | Unreadable | Unwritable | NoSpace | NotDurable | Occupied | UnknownFormat | WrongFormat
        | Empty | Damaged | InvalidLayout | InvalidEncoding | FilesDiffer | DuplicateColumn | Unsupported | TooLarge | FileChanged
        | ForeignFold | TypesUnsettled | SetAsideBefore | UnfitDestination | SchemaDiffers | TableChanged | MovedOn | Locked
        | UnsafeStore | AlreadyPublished | NotPublished | NotReleasable | RowsGone | FateUnknown | NeedsScan | UnknownBatch
        | NotReplayable | ReplayUnfinished | InvalidMended | UnknownRun | UnknownFigure | Cancelled | RefusedAddress | TimedOut
        | Unchanged | Other | UnknownTopic | EventsGone => Quotes::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::without_literals;

    #[test]
    fn of_a_message_about_sql_literals_alone_are_hidden() {
        let sql = r#"len(email) > 5.25 and name = 'Ann O''Hara' or town = "Old Town" or x = 'cut"#;
        for (message, shown) in [
            ("there is no function `len`; write `length`", "there is no function `len`; write `length`"),
            ("`name` is int64, and 'Ann O''Hara' is text", "`name` is int64, and '***''***' is text"),
            ("the contract's 5.25, 7 and Hara: `Old Town`", "the contract's ***, *** and ***: `*** ***`"),
            ("found 'cut", "found '***'"),
        ] {
            assert_eq!(without_literals(message, sql, |_| true), shown);
        }
        let hint = without_literals("write 'Hara', or such as `price > 10 AND status = 'paid'`", sql, |literal| literal.contains("Hara"));
        assert_eq!(hint, "write '***', or such as `price > 10 AND status = 'paid'`");
    }
}
