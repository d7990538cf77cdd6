//! The members of a set, read as the column's type, and which rows hold one.

use arrow::array::AsArray;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use foldhash::HashSet;

use crate::diagnostic::{Code, Faults};
use crate::each_width;
use crate::metric::members::Member;
use crate::metric::{Column, Floats, Numbers};
use crate::rows::Mask;
use crate::rules::bounds::Bound;
use crate::rules::words::Literal;
use crate::rules::{Binder, BoundColumn};
use crate::yaml::Spanned;

/// A member as it is written; `null` stands for missing values.
pub(super) type Written = Spanned<Option<Literal>>;

/// A member as messages write it.
pub(super) fn shown(member: &Written) -> &str {
    member.value.as_ref().map_or("null", |literal| literal.0.as_str())
}

/// What each member is in the column's own terms; none of one that no value of the column's type can equal.
///
/// # Errors
/// A member is no value of the column's type.
pub(super) fn read(members: &[Written], column: &BoundColumn, to: &Binder<'_>) -> Result<Vec<Option<Member>>, Faults> {
    let mut faults = Faults::default();
    let scale = match &column.data_type {
        DataType::Decimal32(_, s) | DataType::Decimal64(_, s) | DataType::Decimal128(_, s) => *s,
        _ => 0,
    };
    let mut read = Vec::with_capacity(members.len());
    for member in members {
        let Some(literal) = &member.value else {
            read.push(Some(Member::Missing));
            continue;
        };
        let problem = |why: String| to.fault_at(member, Code::InvalidValue, format!("column `{}`: {why}", column.name));
        let in_quotes = |why: String| match literal.0.trim().eq_ignore_ascii_case("nan") {
            true => problem(why).hint("NaN counts as missing: write `null`"),
            false => problem(why),
        };
        let one = match &column.data_type {
            DataType::Boolean => crate::text::boolean(&literal.0)
                .map(|b| Some(Member::Boolean(b)))
                .ok_or_else(|| problem(format!("`{literal}` is not a bool"))),
            data_type => Bound::read(literal, data_type).map_err(in_quotes).map(|bound| match bound {
                Bound::Text(text) => Some(Member::Text(text)),
                Bound::Float(x) => Some(Member::float(x)),
                // A member between two values of the column's scale is none of them.
                Bound::Exact { .. } => bound.at_scale(scale).filter(|(down, up)| down == up).map(|(down, _)| Member::Int(down)),
            }),
        };
        read.extend(faults.take(one));
    }
    faults.or_ok(read)
}

/// A set to look values up in.
pub(super) struct Set {
    values: Values,
    /// Whether missing values are members.
    pub(super) has_missing: bool,
}

enum Values {
    Nothing,
    Texts(HashSet<String>),
    /// At the column's scale.
    Ints(HashSet<i128>),
    /// Bit patterns, −0 as 0.
    Floats(HashSet<u64>),
    Booleans(HashSet<bool>),
}

impl Set {
    pub(super) fn new(members: impl IntoIterator<Item = Member>) -> Self {
        let (mut has_missing, mut values) = (false, Values::Nothing);
        for member in members {
            match (member, &mut values) {
                (Member::Missing, _) => has_missing = true,
                (Member::Text(text), Values::Texts(texts)) => drop(texts.insert(text)),
                (Member::Int(n), Values::Ints(ints)) => drop(ints.insert(n)),
                (Member::Float(bits), Values::Floats(floats)) => drop(floats.insert(bits)),
                (Member::Boolean(b), Values::Booleans(booleans)) => drop(booleans.insert(b)),
                // All members are of one type, the column's: the first of them says which.
                (Member::Text(text), _) => values = Values::Texts(HashSet::from_iter([text])),
                (Member::Int(n), _) => values = Values::Ints(HashSet::from_iter([n])),
                (Member::Float(bits), _) => values = Values::Floats(HashSet::from_iter([bits])),
                (Member::Boolean(b), _) => values = Values::Booleans(HashSet::from_iter([b])),
            }
        }
        Self { values, has_missing }
    }

    /// The rows whose value is a member; what is said of rows without a value means nothing.
    pub(super) fn members(&self, column: &Column, len: usize) -> Mask {
        let is_member = match (&self.values, column.numbers()) {
            (Values::Nothing, _) => return Mask::None,
            (Values::Texts(texts), _) => {
                return column.texts_for_which(|text| texts.contains(text)).expect("this set is of text, as the column is");
            }
            (Values::Ints(ints), Some(Numbers::Ints { values, .. })) => {
                each_width!(values, values => BooleanBuffer::collect_bool(len, |i| ints.contains(&i128::from(values[i]))))
            }
            (Values::Floats(set), Some(Numbers::Floats(floats))) => {
                let contains = |x: f64| set.contains(&(x + 0.0).to_bits());
                match floats {
                    Floats::F32(values) => BooleanBuffer::collect_bool(len, |i| contains(f64::from(values[i]))),
                    Floats::F64(values) => BooleanBuffer::collect_bool(len, |i| contains(values[i])),
                }
            }
            (Values::Booleans(set), _) => {
                let values = column.array.as_boolean();
                BooleanBuffer::collect_bool(len, |i| set.contains(&values.value(i)))
            }
            (Values::Ints(_) | Values::Floats(_), _) => unreachable!("the set is read as the column's type"),
        };
        Mask::new(is_member)
    }
}
