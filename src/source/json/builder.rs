//! The arrays of one path, gathered record by record, and what the values there looked like.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::builder::{NullBufferBuilder, StringBuilder};
use arrow::array::{Array, ArrayRef, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

use super::plan::{ReadPlan, a_type_of};
use super::record::{RecordTokens, Scalar};
use super::scalars::Scalars;
use crate::json::{Token, TokenKind, repeated_in, text_of};
use crate::source::shape::kind::ValueKind;
use crate::source::shape::{Shape, is_missing};
use crate::types::shortened;

/// Among more fields than that, keys that do not stand in their order are looked up.
const SEARCHED_MAX: usize = 16;

/// A key that no field is known by.
const UNKNOWN: u32 = u32::MAX;

/// Gathers the values at one path.
pub(super) struct Builder {
    path: String,
    plan: ReadPlan,
    /// Whether an array is wanted; else values are only judged.
    wanted: bool,
    len: usize,
    pub shape: Shape,
    values: Values,
}

/// What is gathered, by the kind of plan.
enum Values {
    Scalar(Scalars),
    /// Values of several kinds, as text.
    Mixed(StringBuilder),
    Struct {
        nulls: NullBufferBuilder,
        children: Vec<Child>,
        /// Where each of many stands.
        places: HashMap<String, usize>,
    },
    List {
        nulls: NullBufferBuilder,
        /// Where each list ends among the elements.
        ends: Vec<i32>,
        item: Box<Builder>,
    },
}

/// A field of a struct.
struct Child {
    name: String,
    builder: Builder,
}

impl Child {
    /// Whether `key` names it.
    #[inline]
    fn is_named(&self, text: &[u8], key: &Token) -> bool {
        match key.escaped {
            false => self.name.as_bytes() == &text[key.start as usize..key.end as usize],
            true => self.name == text_of(text, key),
        }
    }
}

impl Values {
    /// Nothing gathered yet.
    fn new(plan: &ReadPlan, path: &str, wanted: bool) -> Self {
        match plan {
            ReadPlan::Scalar(plan) => Self::Scalar(Scalars::new(plan)),
            ReadPlan::Text => Self::Mixed(StringBuilder::new()),
            ReadPlan::Struct(fields) => {
                let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                let child =
                    |(name, plan): &(String, ReadPlan)| Child { name: name.clone(), builder: Builder::new(plan, &below(name), wanted) };
                let many = fields.iter().enumerate().rev().filter(|_| fields.len() > SEARCHED_MAX);
                let places = many.map(|(place, (name, _))| (name.clone(), place)).collect();
                Self::Struct { nulls: NullBufferBuilder::new(0), children: fields.iter().map(child).collect(), places }
            }
            ReadPlan::List(item) => {
                let item = Box::new(Builder::new(item, &format!("{path}[]"), wanted));
                Self::List { nulls: NullBufferBuilder::new(0), ends: Vec::new(), item }
            }
        }
    }

    fn append_null(&mut self) {
        match self {
            Self::Scalar(scalars) => scalars.append_null(),
            Self::Mixed(texts) => texts.append_null(),
            Self::Struct { nulls, .. } => nulls.append_null(),
            Self::List { nulls, ends, item } => {
                nulls.append_null();
                ends.push(item.len as i32);
            }
        }
    }

    /// The array, and nothing gathered again.
    fn finish(&mut self, plan: &ReadPlan) -> ArrayRef {
        match self {
            Self::Scalar(scalars) => scalars.finish(),
            Self::Mixed(texts) => Arc::new(texts.finish()),
            Self::Struct { nulls, children, .. } => {
                let len = nulls.len();
                let arrays: Vec<ArrayRef> = children.iter_mut().map(|c| c.builder.finish()).collect();
                // Every child has a value for each record; where the record has none, a null.
                debug_assert!(arrays.iter().all(|a| a.len() == len));
                Arc::new(StructArray::new(plan.fields().into(), arrays, nulls.finish()))
            }
            Self::List { nulls, ends, item } => {
                let DataType::List(field) = plan.data_type() else { unreachable!("a list's plan has a list's type") };
                let offsets: Vec<i32> = std::iter::once(0).chain(ends.drain(..)).collect();
                Arc::new(ListArray::new(field, OffsetBuffer::new(offsets.into()), item.finish(), nulls.finish()))
            }
        }
    }
}

impl Builder {
    /// Nothing gathered yet.
    pub(super) fn new(plan: &ReadPlan, path: &str, wanted: bool) -> Self {
        let values = Values::new(plan, path, wanted);
        Self { path: path.to_owned(), plan: plan.clone(), wanted, len: 0, shape: Shape::default(), values }
    }

    /// The record as a whole: an object, whose keys named in `wanted` make arrays.
    pub(super) fn root(plan: &ReadPlan, wanted: &[&str]) -> Self {
        let wanted: HashSet<&str> = wanted.iter().copied().collect();
        let mut root = Self::new(plan, "", false);
        if let (Values::Struct { children, .. }, ReadPlan::Struct(fields)) = (&mut root.values, plan) {
            for (child, (name, plan)) in children.iter_mut().zip(fields) {
                child.builder = Self::new(plan, name, wanted.contains(name.as_str()));
            }
        }
        root
    }

    /// The arrays of the wanted columns, in the plan's order, and nothing gathered again.
    pub(super) fn finish_columns(&mut self) -> Vec<ArrayRef> {
        self.len = 0;
        let Values::Struct { nulls, children, .. } = &mut self.values else { return Vec::new() };
        let _ = nulls.finish();
        let mut arrays = Vec::new();
        for Child { builder, .. } in children {
            match builder.wanted {
                true => arrays.push(builder.finish()),
                false => builder.forget(),
            }
        }
        arrays
    }

    /// The array, and nothing gathered again.
    fn finish(&mut self) -> ArrayRef {
        self.len = 0;
        self.values.finish(&self.plan)
    }

    /// Begins anew without having made an array.
    fn forget(&mut self) {
        self.len = 0;
        match &mut self.values {
            Values::Struct { children, .. } => children.iter_mut().for_each(|c| c.builder.forget()),
            Values::List { item, .. } => item.forget(),
            Values::Scalar(_) | Values::Mixed(_) => {}
        }
    }

    /// What was seen, at this path and below.
    pub(super) fn into_shape(self) -> Shape {
        let mut shape = self.shape;
        match self.values {
            Values::Struct { children, .. } => {
                // Keys the plan knows come first; those that came later follow, in their own order.
                let later = std::mem::take(&mut shape.fields);
                if !shape.is_map {
                    shape.fields = children.into_iter().map(|c| (c.name, c.builder.into_shape())).collect();
                    shape.merge_below(later, None);
                }
            }
            Values::List { item, .. } => {
                let seen = item.into_shape();
                let later = shape.items.take();
                shape.items = Some(Box::new(seen));
                shape.merge_below(Vec::new(), later);
            }
            Values::Scalar(_) | Values::Mixed(_) => {}
        }
        shape
    }

    /// A value that is not there.
    fn push_absent(&mut self) {
        self.len += 1;
        if let Values::Struct { children, .. } = &mut self.values {
            children.iter_mut().for_each(|c| c.builder.push_absent());
        }
        if self.wanted {
            self.values.append_null();
        }
    }

    /// Takes in the value at `at`.
    pub(super) fn push(&mut self, record: &mut RecordTokens<'_>, at: usize) {
        let token = record.tokens[at];
        if token.kind == TokenKind::String && is_missing(record.text, &token, record.missing) {
            self.shape.count_missing();
            return self.push_absent();
        }
        let kind = self.shape.count(record.text, &token);
        if kind == ValueKind::Null {
            return self.push_absent();
        }
        self.shape.present += 1;
        let scalar = Scalar { text: record.text, token: &token, kind };
        let fits = match (&mut self.values, kind) {
            (Values::Scalar(scalars), _) => {
                (!self.wanted && scalars.fits_by_kind(scalar)) || scalars.push(scalar, self.wanted, record.timezone_seconds)
            }
            (Values::Mixed(texts), _) => {
                if self.wanted {
                    texts.append_value(scalar.string().unwrap_or_else(|| scalar.raw().into()));
                }
                true
            }
            (Values::Struct { .. }, ValueKind::Object) => {
                self.push_object(record, at);
                true
            }
            (Values::List { .. }, ValueKind::Array) => {
                self.push_array(record, at);
                true
            }
            (Values::Struct { .. } | Values::List { .. }, _) => false,
        };
        if fits {
            self.len += 1;
        } else {
            self.push_misfit(record, at, kind);
        }
    }

    /// A value of another type than the plan's: noted, the record failed, and null in its place.
    #[cold]
    fn push_misfit(&mut self, record: &mut RecordTokens<'_>, at: usize, kind: ValueKind) {
        let token = record.tokens[at];
        // What lies below the value is noted too, so that the next look knows its type.
        let mut below = Shape::default();
        below.observe(record.text, record.tokens, at, record.missing);
        self.shape.is_map |= below.is_map;
        self.shape.merge_below(below.fields, below.items);
        self.shape.contradict(record.text, &token);
        if record.failure.is_none() {
            record.failure = Some((self.path.clone(), self.why_misfit(record.text, &token, kind)));
        }
        self.push_absent();
    }

    fn why_misfit(&self, text: &[u8], token: &Token, kind: ValueKind) -> String {
        let shown = shortened(&text_of(text, token));
        let what = match kind {
            ValueKind::String => format!("the string \"{shown}\""),
            ValueKind::Object | ValueKind::Array => kind.a_name().to_owned(),
            ValueKind::Null
            | ValueKind::Boolean
            | ValueKind::Integer
            | ValueKind::WideInteger
            | ValueKind::BigInteger
            | ValueKind::Float
            | ValueKind::WideFloat => format!("`{shown}`"),
        };
        let path = if self.path.is_empty() { "the record" } else { &self.path };
        format!("{path}: {what} is not {}", a_type_of(&self.plan))
    }

    fn push_object(&mut self, record: &mut RecordTokens<'_>, at: usize) {
        let Values::Struct { nulls, children, places } = &mut self.values else { return };
        let first_match = record.matches.len();
        // Keys in the order of the fields are all different.
        let repeated = if match_keys((children, places), record, at) { None } else { repeated_in(record.text, record.tokens, at) };
        match repeated {
            None => push_fields(children, &mut self.shape, record, at, first_match),
            Some(key) => {
                let path = if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) };
                record.failure.get_or_insert_with(|| (path.clone(), format!("the key `{path}` stands twice")));
            }
        }
        record.matches.truncate(first_match);
        for child in children.iter_mut().filter(|c| c.builder.len == self.len) {
            child.builder.push_absent();
        }
        if self.wanted {
            nulls.append_non_null();
        }
    }

    fn push_array(&mut self, record: &mut RecordTokens<'_>, at: usize) {
        let Values::List { nulls, ends, item } = &mut self.values else { return };
        let end = record.tokens[at].next as usize;
        let mut next = at + 1;
        while next < end {
            item.push(record, next);
            next = record.tokens[next].next as usize;
        }
        if self.wanted {
            nulls.append_non_null();
            ends.push(item.len as i32);
        }
    }
}

/// Notes which of `children` each key of the object at `at` names. Gives whether the keys stand in the order of the
/// children.
#[inline]
fn match_keys((children, places): (&[Child], &HashMap<String, usize>), record: &mut RecordTokens<'_>, at: usize) -> bool {
    let end = record.tokens[at].next as usize;
    let (mut key, mut expected, mut in_order) = (at + 1, 0, true);
    while key < end {
        let token = record.tokens[key];
        let is_named = |child: &Child| child.is_named(record.text, &token);
        let index = match children.get(expected) {
            Some(child) if is_named(child) => Some(expected),
            Some(_) | None if places.is_empty() => children.iter().position(is_named),
            Some(_) | None => places.get(text_of(record.text, &token).as_ref()).copied(),
        };
        in_order &= index.is_some_and(|i| i >= expected);
        expected = index.map_or(expected, |i| i + 1);
        record.matches.push(index.map_or(UNKNOWN, |i| i as u32));
        key = record.tokens[key + 1].next as usize;
    }
    in_order
}

/// Gives each value of the object at `at` to the child that its key names; values of keys that no child has are noted in
/// `shape`. What the keys name stands in `record.matches` from `first_match` on.
#[inline]
fn push_fields(children: &mut [Child], shape: &mut Shape, record: &mut RecordTokens<'_>, at: usize, first_match: usize) {
    let end = record.tokens[at].next as usize;
    let (mut key, mut which, mut likely) = (at + 1, first_match, 0);
    while key < end {
        match record.matches[which] {
            UNKNOWN => {
                let name = text_of(record.text, &record.tokens[key]);
                if let Some(field) = shape.field(&name, &mut likely) {
                    field.observe(record.text, record.tokens, key + 1, record.missing);
                }
            }
            index => children[index as usize].builder.push(record, key + 1),
        }
        which += 1;
        key = record.tokens[key + 1].next as usize;
    }
}
