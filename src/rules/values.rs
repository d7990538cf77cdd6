use arrow::array::AsArray;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use foldhash::{HashSet, HashSetExt};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bounds::Bound;
use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::TestHandle;
use super::words::Literal;
use super::{Binder, BoundColumn, GroupFacts, Judge, RowTest, Rule, Subject, Tested};
use crate::diagnostic::{Code, Fault, Faults};
use crate::each_width;
use crate::metric::{Column, Floats, Numbers};
use crate::rows::Mask;
use crate::yaml::Spanned;

/// Values that are not of a set, or that are of one they must not be of.
///
/// Members are read as the column's type: `1` matches `1.00` in a decimal column, and `N` is a
/// string even though some YAML readers take it for false.
///
/// Why: a new status code no consumer knows, a country spelled two ways.
///
/// ```yaml
/// - values: { column: status, in: [open, paid, shipped] }
/// - values: { column: country, not_in: [XX, "??"] }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    /// The only values allowed.
    r#in: Option<Vec<Spanned<Literal>>>,
    /// Values that are not allowed.
    not_in: Option<Vec<Spanned<Literal>>>,
}

impl Rule for Values {
    const NAME: &'static str = "values";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let (members, allowed) = match (&self.r#in, &self.not_in) {
            (Some(members), None) => (members, true),
            (None, Some(members)) => (members, false),
            (None, None) => return Err(to.fault(Code::MissingWord, "`values` has no set").hint("give `in` or `not_in`").into()),
            (Some(_), Some(_)) => {
                return Err(to.fault(Code::ConflictingWords, "`in` and `not_in` stand together").hint("write two rules").into());
            }
        };
        if members.is_empty() {
            return Err(to.fault(Code::InvalidValue, "the set of `values` is empty").into());
        }
        let set = Set::read(members, &column, to)?;
        let shown: Vec<&str> = members.iter().take(8).map(|m| m.value.0.as_str()).collect();
        let more = if members.len() > 8 { ", …" } else { "" };
        let says = format!("{} {{{}{more}}}", if allowed { "not in" } else { "in" }, shown.join(", "));
        let test = to.row_test(ValuesTest { set, allowed }, &[column.index]);
        Ok(Box::new(ValuesCheck { test, says }))
    }
}

enum Set {
    Texts(HashSet<String>),
    /// At the column's scale.
    Ints(HashSet<i128>),
    /// Bit patterns, −0 as 0.
    Floats(HashSet<u64>),
    Booleans(HashSet<bool>),
}

impl Set {
    fn read(members: &[Spanned<Literal>], column: &BoundColumn, to: &Binder<'_>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut set = match &column.data_type {
            DataType::Boolean => Self::Booleans(HashSet::new()),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Texts(HashSet::new()),
            t if t.is_floating() => Self::Floats(HashSet::new()),
            _ => Self::Ints(HashSet::new()),
        };
        let scale = match &column.data_type {
            DataType::Decimal32(_, s) | DataType::Decimal64(_, s) | DataType::Decimal128(_, s) => *s,
            _ => 0,
        };
        for member in members {
            let problem = |why: String| to.fault_at(member, Code::InvalidValue, format!("column `{}`: {why}", column.name));
            if let Self::Booleans(booleans) = &mut set {
                let read = crate::text::boolean(&member.value.0).ok_or_else(|| problem(format!("`{}` is not a bool", member.value)));
                booleans.extend(faults.take(read));
                continue;
            }
            match (faults.take(Bound::read(member, &column.data_type).map_err(problem)), &mut set) {
                (Some(Bound::Text(text)), Self::Texts(texts)) => {
                    texts.insert(text);
                }
                (Some(Bound::Float(x)), Self::Floats(floats)) => {
                    floats.insert((x + 0.0).to_bits());
                }
                // A member between two values of the column's scale matches none of them.
                (Some(bound @ Bound::Exact { .. }), Self::Ints(ints)) => {
                    ints.extend(bound.at_scale(scale).filter(|(down, up)| down == up).map(|(down, _)| down));
                }
                _ => {}
            }
        }
        faults.or_ok(set)
    }
}

struct ValuesTest {
    set: Set,
    allowed: bool,
}

impl RowTest for ValuesTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let column = columns[0];
        if let Set::Texts(texts) = &self.set {
            let is_member = column.texts_for_which(|text| texts.contains(text)).expect("this set is of text, as the column is");
            return Tested { fails: if self.allowed { is_member.not() } else { is_member }, unknown: column.missing().clone() };
        }
        let is_member = match (&self.set, column.numbers()) {
            (Set::Ints(ints), Some(Numbers::Ints { values, .. })) => {
                each_width!(values, values => BooleanBuffer::collect_bool(len, |i| ints.contains(&i128::from(values[i]))))
            }
            (Set::Floats(set), Some(Numbers::Floats(floats))) => {
                let contains = |x: f64| set.contains(&(x + 0.0).to_bits());
                match floats {
                    Floats::F32(values) => BooleanBuffer::collect_bool(len, |i| contains(f64::from(values[i]))),
                    Floats::F64(values) => BooleanBuffer::collect_bool(len, |i| contains(values[i])),
                }
            }
            (Set::Booleans(set), _) => {
                let values = column.array.as_boolean();
                BooleanBuffer::collect_bool(len, |i| set.contains(&values.value(i)))
            }
            (Set::Ints(_) | Set::Floats(_) | Set::Texts(_), _) => unreachable!("the set is read as the column's type"),
        };
        let is_member = Mask::new(is_member);
        Tested { fails: if self.allowed { is_member.not() } else { is_member }, unknown: column.missing().clone() }
    }
}

#[derive(Clone)]
struct ValuesCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for ValuesCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}
