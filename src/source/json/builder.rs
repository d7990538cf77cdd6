//! Tokens to Arrow arrays, value by value, and what the values looked like on the way.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit};

use super::digits::{exponential, is_in_range, whole};
use super::plan::{Plan, a_type_of};
use super::shape::{Seen, Shape, is_missing, number_text};
use super::values::{Child, Values};
use crate::json::{Kind, Token, repeated_in, text_of};
use crate::text;
use crate::types::shortened;

/// One record's tokens, and why it could not be read, if so.
pub struct Record<'a> {
    pub text: &'a [u8],
    pub tokens: &'a [Token],
    /// Strings read as missing.
    pub missing: &'a [String],
    /// Offset in seconds for timestamps without one.
    pub timezone_seconds: Option<i32>,
    /// The first value that could not be read: its path and why.
    pub failure: Option<(String, String)>,
    /// Which fields the keys of the objects being read are; of those inside behind those around.
    pub matches: Vec<u32>,
}

/// A key that no field is known by.
const UNKNOWN: u32 = u32::MAX;

/// Gathers the values at one path.
pub struct Builder {
    path: String,
    plan: Plan,
    /// Whether an array is wanted; else values are only judged.
    wanted: bool,
    len: usize,
    pub shape: Shape,
    values: Values,
}

impl Builder {
    /// Nothing gathered yet.
    pub fn new(plan: &Plan, path: &str, wanted: bool) -> Self {
        let values = Values::new(plan, path, wanted);
        Self { path: path.to_owned(), plan: plan.clone(), wanted, len: 0, shape: Shape::default(), values }
    }

    /// The record as a whole: an object, whose keys named in `wanted` make arrays.
    pub fn root(plan: &Plan, wanted: &[&str]) -> Self {
        let mut root = Self::new(plan, "", false);
        if let (Values::Struct { children, .. }, Plan::Struct(fields)) = (&mut root.values, plan) {
            for (child, (name, plan)) in children.iter_mut().zip(fields) {
                child.builder = Self::new(plan, name, wanted.contains(&name.as_str()));
            }
        }
        root
    }

    /// The arrays of the wanted columns, in the plan's order, and nothing gathered again.
    pub fn finish_columns(&mut self) -> Vec<ArrayRef> {
        self.len = 0;
        let Values::Struct { nulls, children } = &mut self.values else { return Vec::new() };
        let _ = nulls.finish();
        let finished = children.iter_mut().map(|c| if c.builder.wanted { Some(c.builder.finish()) } else { c.builder.forget() });
        finished.flatten().collect()
    }

    /// How many values were gathered, absent ones among them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The array, and nothing gathered again.
    pub fn finish(&mut self) -> ArrayRef {
        self.len = 0;
        self.values.finish(self.plan.data_type())
    }

    /// Begins anew without having made an array.
    fn forget(&mut self) -> Option<ArrayRef> {
        self.len = 0;
        match &mut self.values {
            Values::Struct { children, .. } => children.iter_mut().for_each(|c| _ = c.builder.forget()),
            Values::List { item, .. } => _ = item.forget(),
            _ => {}
        }
        None
    }

    /// What was seen, at this path and below.
    pub fn into_shape(self) -> Shape {
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
            _ => {}
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
    pub fn push(&mut self, record: &mut Record<'_>, at: usize) {
        let token = record.tokens[at];
        if token.kind == Kind::String && is_missing(record.text, &token, record.missing) {
            self.shape.count_missing();
            return self.push_absent();
        }
        let seen = self.shape.count(record.text, &token);
        if seen == Seen::Null {
            return self.push_absent();
        }
        self.shape.present += 1;
        if !self.wanted && self.fits_by_kind(record, &token, seen) {
            self.len += 1;
            return;
        }
        let taken = match (&mut self.values, seen) {
            (Values::Struct { .. }, Seen::Object) => {
                self.push_object(record, at);
                true
            }
            (Values::List { .. }, Seen::Array) => {
                self.push_array(record, at);
                true
            }
            (Values::Struct { .. } | Values::List { .. }, _) => false,
            _ => self.push_scalar(record, &token, seen),
        };
        if taken {
            self.len += 1;
            return;
        }
        // What lies below the value is noted too, so that the next look knows its type.
        self.below(record, at);
        self.shape.contradict(record.text, &token);
        self.fail(record, &token, seen);
        self.push_absent();
    }

    /// Whether a value that is only judged is seen to fit by its kind alone, as nearly all are.
    fn fits_by_kind(&self, record: &Record<'_>, token: &Token, seen: Seen) -> bool {
        let Plan::Scalar { data_type, guessed, .. } = &self.plan else { return false };
        match (data_type, seen) {
            (DataType::Utf8, Seen::String) | (DataType::Boolean, Seen::Boolean) => true,
            (DataType::Int64, Seen::Integer | Seen::WideInteger) => true,
            (DataType::Float64, Seen::Integer) => true,
            (DataType::Float64, Seen::Float) => *guessed && is_in_range(number_text(record.text, token)),
            _ => false,
        }
    }

    /// Looks at what an object or array holds where another kind of value was expected.
    fn below(&mut self, record: &Record<'_>, at: usize) {
        let mut seen = Shape::default();
        seen.observe(record.text, record.tokens, at, record.missing);
        self.shape.is_map |= seen.is_map;
        self.shape.merge_below(seen.fields, seen.items);
    }

    fn fail(&self, record: &mut Record<'_>, token: &Token, seen: Seen) {
        if record.failure.is_some() {
            return;
        }
        let shown = shortened(&text_of(record.text, token));
        let what = match seen {
            Seen::String => format!("the string \"{shown}\""),
            Seen::Object | Seen::Array => seen.a_name().to_owned(),
            _ => format!("`{shown}`"),
        };
        let path = if self.path.is_empty() { "the record".to_owned() } else { self.path.clone() };
        let reason = format!("{path}: {what} is not {}", a_type_of(&self.plan));
        record.failure = Some((self.path.clone(), reason));
    }

    fn push_object(&mut self, record: &mut Record<'_>, at: usize) {
        let Values::Struct { nulls, children } = &mut self.values else { return };
        let end = record.tokens[at].next as usize;
        // First which fields the keys are: in the order of the fields, none can stand twice.
        let (mut key, mut hint, mut in_order) = (at + 1, 0, true);
        let first = record.matches.len();
        while key < end {
            let token = record.tokens[key];
            let raw = &record.text[token.start as usize..token.end as usize];
            let named = |child: &Child| match token.escaped {
                false => child.name.as_bytes() == raw,
                true => child.name == text_of(record.text, &token),
            };
            let index = match children.get(hint) {
                Some(child) if named(child) => Some(hint),
                _ => children.iter().position(named),
            };
            in_order &= index.is_some_and(|i| i >= hint);
            hint = index.map_or(hint, |i| i + 1);
            record.matches.push(index.map_or(UNKNOWN, |i| i as u32));
            key = record.tokens[key + 1].next as usize;
        }
        let twice = if in_order { None } else { repeated_in(record.text, record.tokens, at) };
        if let Some(name) = &twice {
            let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
            record.failure.get_or_insert_with(|| (path.clone(), format!("the key `{path}` stands twice")));
        }
        let (mut key, mut unknown) = (at + 1, 0);
        let mut which = first;
        while key < end && twice.is_none() {
            match record.matches[which] {
                UNKNOWN => {
                    let name = text_of(record.text, &record.tokens[key]);
                    if let Some(field) = self.shape.field(&name, &mut unknown) {
                        field.observe(record.text, record.tokens, key + 1, record.missing);
                    }
                }
                index => children[index as usize].builder.push(record, key + 1),
            }
            which += 1;
            key = record.tokens[key + 1].next as usize;
        }
        record.matches.truncate(first);
        for child in children.iter_mut().filter(|c| c.builder.len == self.len) {
            child.builder.push_absent();
        }
        if self.wanted {
            nulls.append_non_null();
        }
    }

    fn push_array(&mut self, record: &mut Record<'_>, at: usize) {
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

    /// Reads a scalar as the plan says; gives whether it is one.
    #[inline(never)]
    fn push_scalar(&mut self, record: &Record<'_>, token: &Token, seen: Seen) -> bool {
        let wanted = self.wanted;
        let (format, guessed) = match &self.plan {
            Plan::Scalar { format, guessed, .. } => (format.as_deref(), *guessed),
            _ => (None, false),
        };
        let number = || number_text(record.text, token);
        let is_integer = matches!(seen, Seen::Integer | Seen::WideInteger | Seen::BigInteger);
        let is_number = is_integer || matches!(seen, Seen::Float | Seen::WideFloat);
        macro_rules! append {
            ($builder:expr, $value:expr) => {{
                let value = $value;
                match value {
                    Some(value) if wanted => $builder.append_value(value),
                    _ => {}
                }
                value.is_some()
            }};
        }
        macro_rules! integer {
            ($builder:expr, $type:ty) => {
                append!(
                    $builder,
                    match seen {
                        _ if is_integer => number().parse::<$type>().ok(),
                        // As JSON Schema has it, 1.0 is an integer; for a guess it is not.
                        Seen::Float | Seen::WideFloat if !guessed => whole(number()).and_then(|n| <$type>::try_from(n).ok()),
                        _ => None,
                    }
                )
            };
        }
        let instant = |unit: TimeUnit, zoned: bool| {
            let text = (seen == Seen::String).then(|| text_of(record.text, token))?;
            let mut instant = match format {
                Some(format) => text::timestamp_in(&text, format)?,
                None => text::timestamp(&text)?,
            };
            if !instant.zoned {
                instant.seconds -= i64::from(record.timezone_seconds.unwrap_or(0));
            } else if !zoned {
                return None;
            }
            instant.in_unit(unit)
        };
        let zoned = matches!(&self.plan, Plan::Scalar { data_type: DataType::Timestamp(_, Some(_)), .. });
        match &mut self.values {
            Values::Text(builder) => {
                if seen == Seen::String {
                    if wanted {
                        builder.append_value(text_of(record.text, token));
                    }
                    return true;
                }
                let mixed = self.plan == Plan::Text;
                if mixed && wanted {
                    builder.append_value(number());
                }
                mixed
            }
            Values::Boolean(builder) => append!(
                builder,
                match token.kind {
                    Kind::True => Some(true),
                    Kind::False => Some(false),
                    _ => None,
                }
            ),
            Values::Int8(builder) => integer!(builder, i8),
            Values::Int16(builder) => integer!(builder, i16),
            Values::Int32(builder) => integer!(builder, i32),
            Values::Int64(builder) => integer!(builder, i64),
            Values::UInt8(builder) => integer!(builder, u8),
            Values::UInt16(builder) => integer!(builder, u16),
            Values::UInt32(builder) => integer!(builder, u32),
            Values::UInt64(builder) => integer!(builder, u64),
            Values::Float32(builder) => {
                append!(builder, if is_number { text::float(number()).map(|x| x as f32).filter(|x| x.is_finite()) } else { None })
            }
            // A guess must not round: two identifiers beyond 2^53 could become one.
            Values::Float64(builder) => {
                let exact = !guessed || matches!(seen, Seen::Integer | Seen::Float);
                append!(builder, if is_number && exact { text::float(number()) } else { None })
            }
            Values::Decimal(builder) => {
                let DataType::Decimal128(precision, scale) = self.plan.data_type() else { return false };
                append!(
                    builder,
                    if is_number {
                        text::decimal(number(), precision, scale).or_else(|| exponential(number(), precision, scale))
                    } else {
                        None
                    }
                )
            }
            Values::Date(builder) => append!(
                builder,
                match (seen, format) {
                    (Seen::String, Some(format)) => text::date_in(&text_of(record.text, token), format),
                    (Seen::String, None) => text::date(&text_of(record.text, token)),
                    _ => None,
                }
            ),
            Values::Seconds(builder) => append!(builder, instant(TimeUnit::Second, zoned)),
            Values::Millis(builder) => append!(builder, instant(TimeUnit::Millisecond, zoned)),
            Values::Micros(builder) => append!(builder, instant(TimeUnit::Microsecond, zoned)),
            Values::Nanos(builder) => append!(builder, instant(TimeUnit::Nanosecond, zoned)),
            Values::Binary(builder) => {
                if seen == Seen::String && wanted {
                    builder.append_value(text_of(record.text, token).as_bytes());
                }
                seen == Seen::String
            }
            Values::Struct { .. } | Values::List { .. } => false,
        }
    }
}
