//! What JSON values looked like: how many of each kind stand at every path. Types follow from it alone.

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::plan::{ContractNode, ReadPlan, ScalarPlan};
use crate::json::{Token, TokenKind, text_of};
use crate::text::{EXACT_INTEGER_MAX, is_wide};
use crate::types::{Tally, shortened};

/// Different keys of one object, beyond which it is a map and read as text.
pub const FIELDS_MAX: usize = 1000;
/// Examples kept of each kind.
const EXAMPLES_MAX: usize = 3;

/// The kind of a value, as far as types are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    Null,
    Boolean,
    Integer,
    /// An integer that a float cannot hold exactly.
    WideInteger,
    /// An integer beyond 64 bits.
    BigInteger,
    Float,
    /// A number with a fraction whose digits before the point are more than a float holds exactly.
    WideFloat,
    String,
    Object,
    Array,
}

const KINDS: [ValueKind; 10] = [
    ValueKind::Null,
    ValueKind::Boolean,
    ValueKind::Integer,
    ValueKind::WideInteger,
    ValueKind::BigInteger,
    ValueKind::Float,
    ValueKind::WideFloat,
    ValueKind::String,
    ValueKind::Object,
    ValueKind::Array,
];

impl ValueKind {
    /// The kind of `token`.
    pub fn of(text: &[u8], token: &Token) -> Self {
        match token.kind {
            TokenKind::Null => Self::Null,
            TokenKind::False | TokenKind::True => Self::Boolean,
            // Fifteen digits and the point.
            TokenKind::Float if token.end - token.start <= 16 => Self::Float,
            TokenKind::Float if is_wide(number_text(text, token)) => Self::WideFloat,
            TokenKind::Float => Self::Float,
            TokenKind::String | TokenKind::Key => Self::String,
            TokenKind::Object => Self::Object,
            TokenKind::Array => Self::Array,
            // Fifteen digits are below 2^53, whatever they are.
            TokenKind::Integer if token.end - token.start <= 15 => Self::Integer,
            TokenKind::Integer => match number_text(text, token).parse::<i64>() {
                Ok(n) if n.unsigned_abs() > EXACT_INTEGER_MAX => Self::WideInteger,
                Ok(_) => Self::Integer,
                Err(_) => Self::BigInteger,
            },
        }
    }

    /// The kind in words, with its article.
    pub fn a_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a bool",
            Self::Integer | Self::WideInteger | Self::BigInteger => "an integer",
            Self::Float | Self::WideFloat => "a number with a fraction",
            Self::String => "a string",
            Self::Object => "an object",
            Self::Array => "an array",
        }
    }

    /// The name of the type that a column of this kind alone would have.
    fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "bool",
            Self::Integer | Self::WideInteger => "int64",
            Self::BigInteger => "integer beyond 64 bits",
            Self::Float => "float64",
            Self::WideFloat => "number beyond 2^53",
            Self::String => "string",
            Self::Object => "struct",
            Self::Array => "list",
        }
    }
}

/// A number's text as it stands in the file.
pub fn number_text<'a>(text: &'a [u8], token: &Token) -> &'a str {
    std::str::from_utf8(&text[token.start as usize..token.end as usize]).unwrap_or_default()
}

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
    counts: [u64; KINDS.len()],
    /// By kind; the first few of each.
    examples: [Vec<String>; KINDS.len()],
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

    fn has(&self, kind: ValueKind) -> bool {
        self.counts[kind as usize] > 0
    }

    /// The type that every value seen here is of.
    fn guess(&self, contract: &ContractNode, path: &str) -> ReadPlan {
        let kinds: Vec<ValueKind> = KINDS.into_iter().skip(1).filter(|&kind| self.has(kind)).collect();
        let integer = |s: &ValueKind| matches!(s, ValueKind::Integer | ValueKind::WideInteger);
        let data_type = match kinds.as_slice() {
            [] | [ValueKind::String] => DataType::Utf8,
            [ValueKind::Boolean] => DataType::Boolean,
            all if all.iter().all(integer) => DataType::Int64,
            [ValueKind::Float] | [ValueKind::Integer, ValueKind::Float] => DataType::Float64,
            [ValueKind::Object] if !self.is_map && !self.fields.is_empty() => return self.fields_plan(contract, path),
            [ValueKind::Array] => {
                let empty = Shape::default();
                let items = self.items.as_deref().unwrap_or(&empty);
                return ReadPlan::List(Box::new(items.plan(&contract.items(), &format!("{path}[]"))));
            }
            _ => return ReadPlan::Text,
        };
        ReadPlan::Scalar(ScalarPlan { data_type, format: None, guessed: true })
    }

    /// A struct of the fields seen, each as the contract says or as guessed.
    pub fn fields_plan(&self, contract: &ContractNode, path: &str) -> ReadPlan {
        let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let field = |(name, shape): &(String, Shape)| (name.clone(), shape.plan(&contract.field(name), &inside(name)));
        ReadPlan::Struct(self.fields.iter().map(field).collect())
    }

    /// How to read the values at `path`: as the contract says, unless it was overruled, else as guessed.
    fn plan(&self, contract: &ContractNode, path: &str) -> ReadPlan {
        let overruled = contract.overruled.iter().any(|p| p == path);
        if let Some(plan) = self.unseen(contract, path).filter(|_| !overruled) {
            return plan;
        }
        match &contract.data_type {
            Some(_) if overruled => self.guess(&contract.without_type(), path),
            Some(DataType::Struct(_)) if !self.is_map && self.has(ValueKind::Object) && !self.fields.is_empty() => {
                self.fields_plan(contract, path)
            }
            Some(DataType::List(_)) => {
                let empty = Shape::default();
                ReadPlan::List(Box::new(self.items.as_deref().unwrap_or(&empty).plan(&contract.items(), &format!("{path}[]"))))
            }
            Some(DataType::Struct(_)) | None => self.guess(contract, path),
            Some(data_type) => {
                ReadPlan::Scalar(ScalarPlan { data_type: data_type.clone(), format: contract.format.clone(), guessed: false })
            }
        }
    }

    /// Whether no value was seen here, not even a null.
    fn is_untouched(&self) -> bool {
        self.counts.iter().all(|c| *c == 0)
    }

    /// Where the values here are all missing or empty: what the contract says lies below.
    fn unseen(&self, contract: &ContractNode, path: &str) -> Option<ReadPlan> {
        let only = |kind: ValueKind| KINDS.into_iter().skip(1).all(|other| other == kind || !self.has(other));
        if only(ValueKind::Object) && self.fields.iter().all(|(_, f)| f.is_untouched()) && !self.is_map {
            let names = contract.names();
            let inside = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let field = |name: &String| (name.clone(), Self::default().plan(&contract.field(name), &inside(name)));
            if !names.is_empty() {
                return Some(ReadPlan::Struct(names.iter().map(field).collect()));
            }
        }
        let says_list = contract.has_items() && only(ValueKind::Array) && self.items.as_ref().is_none_or(|i| i.is_untouched());
        says_list.then(|| ReadPlan::List(Box::new(Self::default().plan(&contract.items(), &format!("{path}[]")))))
    }

    /// Paths whose values contradict the contract more often than not, with examples.
    pub fn contradicted(&self, path: &str, out: &mut Vec<(String, Vec<String>)>) {
        if self.failures * 2 > self.present {
            out.push((path.to_owned(), self.distinct(&self.contradictions)));
            return;
        }
        for (name, field) in &self.fields {
            field.contradicted(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, out);
        }
        if let Some(items) = &self.items {
            items.contradicted(&format!("{path}[]"), out);
        }
    }

    fn distinct(&self, examples: &[String]) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for example in examples {
            if !all.contains(example) {
                all.push(example.clone());
            }
        }
        all
    }

    /// What stands at paths where values of several kinds do.
    pub fn tallies(&self, path: &str, plan: &ReadPlan, out: &mut Vec<Tally>) {
        match plan {
            ReadPlan::Struct(fields) => {
                for (name, plan) in fields {
                    if let Some((_, shape)) = self.fields.iter().find(|(known, _)| known == name) {
                        shape.tallies(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, plan, out);
                    }
                }
            }
            ReadPlan::List(item) => {
                if let Some(items) = &self.items {
                    items.tallies(&format!("{path}[]"), item, out);
                }
            }
            ReadPlan::Text if self.counts.iter().skip(1).filter(|c| **c > 0).count() > 1 => {
                let kinds = KINDS.into_iter().skip(1).filter(|&kind| self.has(kind));
                let tally = |s: ValueKind| (s.type_name().to_owned(), self.counts[s as usize], self.distinct(&self.examples[s as usize]));
                out.push(Tally::new(path, kinds.map(tally).collect()));
            }
            ReadPlan::Text | ReadPlan::Scalar(_) => {}
        }
    }
}
