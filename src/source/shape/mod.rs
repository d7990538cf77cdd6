//! What JSON values looked like: how many of each kind stand at every path. Types follow from it alone.

pub(super) mod kind;

use serde::{Deserialize, Serialize};

use self::kind::{KINDS, ValueKind};
use crate::json::{Token, TokenKind, text_of};
use crate::types::shortened;

/// Different keys of one object, beyond which it is a map and read as text.
pub const FIELDS_MAX: usize = 1000;
/// Examples kept of each kind.
const EXAMPLES_MAX: usize = 3;

/// Whether a string is one of the texts read as missing.
pub fn is_missing(text: &[u8], token: &Token, missing: &[String]) -> bool {
    !missing.is_empty() && {
        let value = text_of(text, token);
        missing.iter().any(|m| *m == value)
    }
}

/// How often each kind was seen at one path, and below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub(super) counts: [u64; KINDS.len()],
    /// By kind; the first few of each.
    pub(super) examples: [Vec<String>; KINDS.len()],
    /// By key, in the order in which keys were first seen.
    pub fields: Vec<(String, Shape)>,
    /// More different keys than a struct has fields.
    pub is_map: bool,
    pub items: Option<Box<Shape>>,
    /// Values that were there to be read as the contract's type.
    pub present: u64,
    /// Values that could not, and the first few of them.
    pub failures: u64,
    pub contradictions: Vec<String>,
}

impl Shape {
    /// Counts one value, by its kind alone; gives the kind.
    pub fn count(&mut self, text: &[u8], token: &Token) -> ValueKind {
        let kind = ValueKind::of(text, token);
        self.counts[kind as usize] += 1;
        let examples = &mut self.examples[kind as usize];
        if examples.len() < EXAMPLES_MAX && kind != ValueKind::Null {
            examples.push(shortened(&text_of(text, token)));
        }
        kind
    }

    /// Counts a string that stands for a missing value.
    pub fn count_missing(&mut self) {
        self.counts[ValueKind::Null as usize] += 1;
    }

    /// Notes that the value of `token` could not be read as the contract's type.
    pub fn contradict(&mut self, text: &[u8], token: &Token) {
        self.failures += 1;
        if self.contradictions.len() < EXAMPLES_MAX {
            let shown = shortened(&text_of(text, token));
            // Quotes tell "17" from 17.
            self.contradictions.push(if token.kind == TokenKind::String { format!("\"{shown}\"") } else { shown });
        }
    }

    /// Counts the value at `at` and all it holds.
    pub fn observe(&mut self, text: &[u8], tokens: &[Token], at: usize, missing: &[String]) {
        let token = &tokens[at];
        if token.kind == TokenKind::String && is_missing(text, token, missing) {
            return self.count_missing();
        }
        match self.count(text, token) {
            ValueKind::Object => {
                let (mut key, mut likely) = (at + 1, 0);
                while key < token.next as usize {
                    let name = text_of(text, &tokens[key]);
                    if let Some(field) = self.field(&name, &mut likely) {
                        field.observe(text, tokens, key + 1, missing);
                    }
                    key = tokens[key + 1].next as usize;
                }
            }
            ValueKind::Array => {
                let mut item = at + 1;
                while item < token.next as usize {
                    self.items.get_or_insert_default().observe(text, tokens, item, missing);
                    item = tokens[item].next as usize;
                }
            }
            ValueKind::Null
            | ValueKind::Boolean
            | ValueKind::Integer
            | ValueKind::WideInteger
            | ValueKind::BigInteger
            | ValueKind::Float
            | ValueKind::WideFloat
            | ValueKind::String => {}
        }
    }

    /// The field called `name`, made if it is new; none once there are too many. `likely` is where it is looked for first.
    pub fn field(&mut self, name: &str, likely: &mut usize) -> Option<&mut Shape> {
        if self.is_map {
            return None;
        }
        let found = match self.fields.get(*likely) {
            Some((known, _)) if known == name => Some(*likely),
            _ => self.fields.iter().position(|(known, _)| known == name),
        };
        let index = match found {
            Some(index) => index,
            None if self.fields.len() == FIELDS_MAX => {
                self.is_map = true;
                self.fields.clear();
                return None;
            }
            None => {
                self.fields.push((name.to_owned(), Shape::default()));
                self.fields.len() - 1
            }
        };
        *likely = index + 1;
        Some(&mut self.fields[index].1)
    }

    /// Takes in what records that follow looked like.
    pub fn merge(&mut self, later: Self) {
        for (count, more) in self.counts.iter_mut().zip(later.counts) {
            *count += more;
        }
        for (examples, more) in self.examples.iter_mut().zip(later.examples) {
            let room = EXAMPLES_MAX - examples.len().min(EXAMPLES_MAX);
            examples.extend(more.into_iter().take(room));
        }
        self.present += later.present;
        self.failures += later.failures;
        let room = EXAMPLES_MAX - self.contradictions.len().min(EXAMPLES_MAX);
        self.contradictions.extend(later.contradictions.into_iter().take(room));
        self.is_map |= later.is_map;
        self.merge_below(later.fields, later.items);
    }

    /// Takes in what objects and arrays that follow held.
    pub fn merge_below(&mut self, fields: Vec<(String, Self)>, items: Option<Box<Self>>) {
        if self.is_map {
            self.fields.clear();
        }
        let mut likely = 0;
        for (name, shape) in fields {
            if let Some(field) = self.field(&name, &mut likely) {
                field.merge(shape);
            }
        }
        match (&mut self.items, items) {
            (Some(items), Some(more)) => items.merge(*more),
            (items @ None, more) => *items = more,
            (Some(_), None) => {}
        }
    }

    /// Whether a value of this kind was seen here.
    pub(super) fn has(&self, kind: ValueKind) -> bool {
        self.counts[kind as usize] > 0
    }
}
