mod wide;

use arrow::array::AsArray;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Decimal256Type, i256};
use schemars::JsonSchema;
use serde::Deserialize;

use self::wide::Wide;
use super::bounds::Bound;
use super::earlier::End;
use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::limits::Given;
use super::requests::TestHandle;
use super::words::Literal;
use super::{Binder, BoundColumn, GroupFacts, Judge, RowTest, Rule, Subject, Tested, Unfit};
use crate::diagnostic::{Code, Fault, Faults};
use crate::each_width;
use crate::metric::{Column, ColumnStatistics, Floats, Number, Numbers};
use crate::rows::Mask;
use crate::types::Class;
use crate::types::{a_type, is_text};
use crate::yaml::Spanned;

/// Values outside fixed bounds.
///
/// For numbers, decimals, dates, timestamps, times of day, durations and strings. Bounds are read as the column's type, so
/// `0.1` against a decimal is exact, and against a float32 is the float32 nearest to it. A time of day is `08:00`, `17:30:00` or
/// `17:30:00.5`, up to `24:00`, the end of the day. A duration is a number and its unit: `90s`, `15m`, `36h`, `7d`, `2w`, and `250ms`, `10us`, `5ns`
/// below a second; it may be negative or a fraction, as `-1.5h`. Both are exact too, whatever the unit of the column. `min` and
/// `max` are allowed values, `above` and `below` are not. Text is compared byte by byte. Bounds
/// between which no value of the column's type lies are a mistake: nothing could pass.
///
/// - Missing values and NaN: they pass, unless `nulls: fail`.
/// - Infinities: they are compared as the smallest and the largest number.
/// - No rows: `no_data`.
///
/// Why: the $0 purchase and the 200-year-old user are rare, plausible to a parser, and poison to a mean.
///
/// ```yaml
/// - range: { column: price, above: 0 }
/// - range: { column: age, min: 0, max: 120 }
/// - range: { column: day, min: 2026-01-01, below: 2027-01-01 }
/// - range: { column: opened_at, min: "08:00", below: "17:30" }
/// - range: { column: took, min: 0s, max: 36h }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    /// The smallest value allowed. If left out: no bound.
    min: Option<Spanned<Literal>>,
    /// The largest value allowed. If left out: no bound.
    max: Option<Spanned<Literal>>,
    /// Values must be greater than this. If left out: no bound.
    above: Option<Spanned<Literal>>,
    /// Values must be less than this. If left out: no bound.
    below: Option<Spanned<Literal>>,
}

impl Rule for Range {
    const NAME: &'static str = "range";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        if let Some(literal) = self.misread(&column, to) {
            let why = format!(
                "`{}` is text as a whole, and {literal} would be compared letter by letter; write `{}: {}` under `schema: columns`",
                column.name,
                column.name,
                self.fitting_type(),
            );
            return Ok(Box::new(Unfit(why)));
        }
        let given = Given { min: self.min.as_ref(), max: self.max.as_ref(), above: self.above.as_ref(), below: self.below.as_ref() };
        if let DataType::Decimal256(_, scale) = column.data_type {
            let read = |literal: &Spanned<Literal>| {
                let problem = || format!("column `{}`: `{}` is not {}", column.name, literal.value, a_type(&column.data_type));
                Wide::read(&literal.value.0, scale).ok_or_else(|| to.fault_at(literal, Code::InvalidValue, problem()))
            };
            let ends = given.read(to, read, |low, high| low.lowest() <= high.highest())?;
            let low = ends.iter().filter(|end| end.lower).map(End::lowest).max().unwrap_or(i256::MIN);
            let high = ends.iter().filter(|end| !end.lower).map(End::highest).min().unwrap_or(i256::MAX);
            let test = to.row_test(RangeTest::Wides { low, high }, &[column.index]);
            return Ok(Box::new(RangeCheck { test, says: self.says() }));
        }
        let read = |literal: &Spanned<Literal>| {
            let bound = Bound::read(literal, &column.data_type);
            bound.map_err(|why| to.fault_at(literal, Code::InvalidValue, format!("column `{}`: {why}", column.name)))
        };
        // Whether there is room depends on the type: no int64 lies between 5 and 6.
        let has_room = |low: &End<Bound>, high: &End<Bound>| !RangeTest::new(&column.data_type, &[low.clone(), high.clone()]).is_empty();
        let ends = given.read(to, read, has_room)?;
        let test = RangeTest::new(&column.data_type, &ends);
        let says = self.says();
        let test = to.row_test(test, &[column.index]);
        Ok(Box::new(RangeCheck { test, says }))
    }
}

impl Range {
    /// The type that a contract gives a column with such bounds.
    fn fitting_type(&self) -> &'static str {
        let bounds = [&self.min, &self.max, &self.above, &self.below].into_iter().flatten();
        let classes: Vec<Class> = bounds.map(|b| crate::text::classify(b.value.0.trim().trim_start_matches('+'))).collect();
        match (classes.contains(&Class::Timestamp), classes.contains(&Class::Date)) {
            (true, _) => "\"timestamp(us, UTC)\"",
            (false, true) => "date",
            (false, false) => "float64",
        }
    }

    /// A bound that is a number or a day, where the column's values only turned out to be text: one stray value would
    /// change what the rule means.
    fn misread(&self, column: &BoundColumn, to: &Binder<'_>) -> Option<String> {
        if column.data_type != DataType::Utf8 || !to.is_inferred(column) {
            return None;
        }
        let bounds = [&self.min, &self.max, &self.above, &self.below].into_iter().flatten();
        let mut written = bounds.map(|b| b.value.0.trim());
        written.find(|b| crate::text::classify(b.trim_start_matches('+')) != Class::Text).map(|b| format!("`{b}`"))
    }

    /// The bounds in words: "outside 0 to 120", "not above 0".
    fn says(&self) -> String {
        let text = |b: &Option<Spanned<Literal>>| b.as_ref().map(|b| b.value.0.clone());
        if let (Some(min), Some(max), None, None) = (text(&self.min), text(&self.max), &self.above, &self.below) {
            return format!("outside {min} to {max}");
        }
        let parts =
            [("below", text(&self.min)), ("above", text(&self.max)), ("not above", text(&self.above)), ("not below", text(&self.below))];
        let parts: Vec<String> = parts.into_iter().filter_map(|(word, b)| b.map(|b| format!("{word} {b}"))).collect();
        parts.join(" or ")
    }
}

/// Bounds in the column's own terms.
enum RangeTest {
    /// Both inclusive, at the column's scale.
    Ints {
        low: i128,
        high: i128,
    },
    /// The same for decimals of more digits than 128 bits hold.
    Wides {
        low: i256,
        high: i256,
    },
    Floats {
        min: Option<f64>,
        max: Option<f64>,
        above: Option<f64>,
        below: Option<f64>,
    },
    Texts {
        min: Option<String>,
        max: Option<String>,
        above: Option<String>,
        below: Option<String>,
    },
}

impl RangeTest {
    /// Whether every value fails.
    fn is_empty(&self) -> bool {
        fn none_between<T: PartialOrd>(min: &Option<T>, max: &Option<T>, above: &Option<T>, below: &Option<T>) -> bool {
            let over = |a: &Option<T>, b: &Option<T>| a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| a > b);
            let reach = |a: &Option<T>, b: &Option<T>| a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| a >= b);
            over(min, max) || reach(min, below) || reach(above, max) || reach(above, below)
        }
        match self {
            Self::Ints { low, high } => low > high,
            Self::Wides { low, high } => low > high,
            Self::Floats { min, max, above, below } => none_between(min, max, above, below),
            Self::Texts { min, max, above, below } => none_between(min, max, above, below),
        }
    }

    fn new(data_type: &DataType, ends: &[End<Bound>]) -> Self {
        let of = |lower: bool, closed: bool| ends.iter().find(|e| e.lower == lower && e.closed == closed).map(|e| &e.bound);
        let (min, above, max, below) = (of(true, true), of(true, false), of(false, true), of(false, false));
        let float = |b: Option<&Bound>| if let Some(Bound::Float(x)) = b { Some(*x) } else { None };
        let text = |b: Option<&Bound>| if let Some(Bound::Text(t)) = b { Some(t.clone()) } else { None };
        if data_type.is_floating() {
            return Self::Floats { min: float(min), max: float(max), above: float(above), below: float(below) };
        }
        if is_text(data_type) {
            return Self::Texts { min: text(min), max: text(max), above: text(above), below: text(below) };
        }
        let scale = match data_type {
            DataType::Decimal32(_, s) | DataType::Decimal64(_, s) | DataType::Decimal128(_, s) => *s,
            _ => 0,
        };
        let at = |b: Option<&Bound>| b.and_then(|b| b.at_scale(scale));
        let lows = [at(min).map(|(_, up)| up), at(above).map(|(down, _)| down + 1)];
        let highs = [at(max).map(|(down, _)| down), at(below).map(|(_, up)| up - 1)];
        let low = lows.into_iter().flatten().max().unwrap_or(i128::MIN);
        let high = highs.into_iter().flatten().min().unwrap_or(i128::MAX);
        Self::Ints { low, high }
    }
}

impl RowTest for RangeTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let column = columns[0];
        let fails = match (self, column.numbers()) {
            (Self::Ints { low, high }, Some(Numbers::Ints { values, .. })) => {
                each_width!(values, values => outside(values, *low, *high))
            }
            (Self::Floats { min, max, above, below }, Some(Numbers::Floats(floats))) => {
                let fails = |x: f64| {
                    min.is_some_and(|b| x < b)
                        || max.is_some_and(|b| x > b)
                        || above.is_some_and(|b| x <= b)
                        || below.is_some_and(|b| x >= b)
                };
                match floats {
                    Floats::F32(values) => BooleanBuffer::collect_bool(len, |i| fails(f64::from(values[i]))),
                    Floats::F64(values) => BooleanBuffer::collect_bool(len, |i| fails(values[i])),
                }
            }
            (Self::Texts { min, max, above, below }, _) => {
                let fails = column.texts_for_which(|text| {
                    min.as_deref().is_some_and(|b| text < b)
                        || max.as_deref().is_some_and(|b| text > b)
                        || above.as_deref().is_some_and(|b| text <= b)
                        || below.as_deref().is_some_and(|b| text >= b)
                });
                return Tested { fails: fails.expect("these bounds are of text, as the column is"), unknown: column.missing().clone() };
            }
            (Self::Wides { low, high }, _) => {
                let values = column.array.as_primitive::<Decimal256Type>().values();
                BooleanBuffer::collect_bool(len, |i| values[i] < *low || values[i] > *high)
            }
            (Self::Ints { .. } | Self::Floats { .. }, _) => unreachable!("bounds are read as the column's type"),
        };
        Tested { fails: Mask::new(fails), unknown: column.missing().clone() }
    }

    fn passes_by_statistics(&self, statistics: &ColumnStatistics) -> bool {
        match (self, statistics.range) {
            (_, None) => statistics.missing == statistics.rows,
            (Self::Ints { low, high }, Some((Number::Int { value: min, .. }, Number::Int { value: max, .. }))) => {
                *low <= min && max <= *high
            }
            _ => false,
        }
    }
}

/// The rows of `values` outside `low..=high`; bounds beyond the type's range are moved to its ends.
fn outside<T: Copy + PartialOrd + TryFrom<i128>>(values: &[T], low: i128, high: i128) -> BooleanBuffer
where
    i128: From<T>,
{
    match (T::try_from(low), T::try_from(high)) {
        (Ok(low), Ok(high)) => BooleanBuffer::collect_bool(values.len(), |i| values[i] < low || values[i] > high),
        (Ok(low), Err(_)) if high > 0 => BooleanBuffer::collect_bool(values.len(), |i| values[i] < low),
        (Err(_), Ok(high)) if low < 0 => BooleanBuffer::collect_bool(values.len(), |i| values[i] > high),
        _ => BooleanBuffer::collect_bool(values.len(), |i| i128::from(values[i]) < low || i128::from(values[i]) > high),
    }
}

#[derive(Clone)]
struct RangeCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for RangeCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}
