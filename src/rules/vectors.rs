use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::explained::{self, Is, Test, by_group};
use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::{Beside, Handle, TestHandle};
use super::words::Against;
use super::{Answer, Binder, Explanation, GroupFacts, Judge, RowTest, Rule, Subject, Tested, Told};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::findings::{Figures, Outcome, figures};
use crate::metric::Column;
use crate::metric::centroid::{Centroid, CentroidOut, Vectors, is_vector};
use crate::rows::Mask;
use crate::shown::{beside, count};
use crate::types::type_name;
use crate::yaml::{Spanned, misread};

/// Embeddings: lists of numbers, one vector a row.
///
/// A row fails whose vector holds a number that is missing, NaN or infinite; has another length than `dim`; has a length as a vector
/// (the Euclidean norm) outside `norm`; or is zero throughout, unless `zero: pass`. `norm: unit` asks for vectors of length 1, within
/// 0.001; `{ min: …, max: … }` gives the limits, both of them allowed. Columns of lists and of lists of fixed size are judged, of floats
/// or integers.
///
/// With `max_centroid_shift`, the mean of the batch's vectors is held against that of the other data: their cosine distance, 1 less
/// the cosine of the angle between them (from 0 to 2), may be no more than that. Both means are exact sums, rounded once, over the
/// sound rows whose vectors are whole. Where it is more, the rule fails whatever the tolerance, and no row is to blame: so
/// `max_centroid_shift` rejects the batch unless `on_fail` says `warn` or `info`. Where it cannot be told (there is nothing to compare
/// with, or a mean is zero), the rule fails if rows do, and is `no_data` otherwise.
///
/// - Missing values: a missing vector passes, unless `nulls: fail`.
/// - No rows: `no_data`.
///
/// Why: a model that fails returns zeros, a model that was replaced returns other vectors, and a search over both finds nothing that
/// belongs together.
///
/// ```yaml
/// - vectors: { column: embedding, dim: 768, norm: unit }
/// - vectors: { column: embedding, dim: 768, max_centroid_shift: 0.05, against: embeddings/last.parquet, on_fail: warn }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VectorsRule {
    /// How many numbers each vector has. If left out: any number.
    dim: Option<Spanned<u64>>,
    /// The lengths that vectors may have: `unit`, or `{ min: …, max: … }`. If left out: any.
    norm: Option<Spanned<Norm>>,
    /// Whether a vector of zeros fails. If left out: `fail`.
    #[serde(default)]
    zero: Zero,
    /// How far the mean may be from that of other data, as cosine distance. If left out: means are not compared.
    max_centroid_shift: Option<Spanned<f64>>,
    /// The other data. If left out: required beside `max_centroid_shift`.
    against: Option<Spanned<Against>>,
}

/// Longer vectors are none that a model makes: each of their numbers takes a sum.
const DIM_MAX: u64 = 65_536;

/// The lengths that vectors may have.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Norm {
    /// 1, within 0.001.
    Unit,
    Between(NormBounds),
}

impl<'de> Deserialize<'de> for Norm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Norm;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`unit`, or a mapping")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Norm, E> {
                match text.trim() {
                    "unit" => Ok(Norm::Unit),
                    other => Err(misread(
                        Misread::new(format!("`{other}` is no length of vectors")).hint("write `unit` or `{ min: 0.9, max: 1.1 }`"),
                    )),
                }
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Norm, A::Error> {
                Ok(Norm::Between(NormBounds::deserialize(de::value::MapAccessDeserializer::new(map))?))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Norm {
    fn schema_name() -> Cow<'static, str> {
        "Norm".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bounds = generator.subschema_for::<NormBounds>();
        json_schema!({
            "description": "The lengths that vectors may have: `unit`, which is 1 within 0.001, or `{ min: …, max: … }`.",
            "anyOf": [{ "type": "string", "pattern": r"^\s*unit\s*$" }, bounds]
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NormBounds {
    /// The least length. If left out: 0.
    min: Option<f64>,
    /// The greatest length. If left out: none.
    max: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Zero {
    #[default]
    Fail,
    Pass,
}

impl Norm {
    fn bounds(self) -> (f64, f64) {
        const REACH: f64 = 1e-3;
        match self {
            Self::Unit => (1.0 - REACH, 1.0 + REACH),
            Self::Between(NormBounds { min, max }) => (min.unwrap_or(0.0), max.unwrap_or(f64::INFINITY)),
        }
    }
}

impl Rule for VectorsRule {
    const NAME: &'static str = "vectors";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const ALSO_MEASURES: bool = true;

    fn explain(told: &Told<'_>) -> Explanation {
        by_group(told, |told, explanation| {
            if let Some(shift) = told.figure(&figures::CENTROID_SHIFT) {
                explanation.notes("the centroid shift is 1 − a · b / (|a| × |b|) of the mean vectors, which the report does not hold");
                if let Some(most) = told.parsed::<f64>("max_centroid_shift") {
                    explanation.asks("is it more than `max_centroid_shift`?", Test::of(shift, Is::Above, most), Outcome::Fail);
                }
            }
            explained::rows(told, explanation);
        })
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let Some(fixed) = is_vector(&column.data_type) else {
            let what = format!("`vectors` needs lists of numbers, but `{}` is {}", column.name, type_name(&column.data_type));
            return Err(to.fault(Code::UnfitColumn, what).into());
        };
        let mut faults = Faults::default();
        if let Some(dim) = self.dim.as_ref().filter(|dim| !(1..=DIM_MAX).contains(&dim.value)) {
            faults.push(to.fault_at(dim, Code::InvalidValue, format!("a vector has from 1 to {} numbers", count(DIM_MAX))));
        }
        let norm = self.norm.as_ref().map(|norm| norm.value.bounds());
        if let (Some(given), Some((low, high))) = (&self.norm, norm)
            && !(low >= 0.0 && low <= high)
        {
            faults.push(
                to.fault_at(given, Code::InvalidValue, "no vector has such a length").hint("write `unit`, or `{ min: 0.9, max: 1.1 }`"),
            );
        }
        let dim = self.dim.as_ref().map(|dim| dim.value.min(DIM_MAX) as usize);
        let mut shift = None;
        match (&self.max_centroid_shift, &self.against) {
            (Some(max), Some(against)) => {
                if !(0.0..=2.0).contains(&max.value) {
                    faults.push(to.fault_at(max, Code::InvalidValue, "a cosine distance lies between 0 and 2"));
                }
                faults.0.extend(to.rejects_unless_given("max_centroid_shift", "judge the rows in a rule of their own").err());
                match dim.or(fixed) {
                    Some(dim) => {
                        let theirs = faults.take(to.beside::<Centroid>(&against.value.0, dim, &[column.index]));
                        let ours = to.want::<Centroid>(dim, &[column.index]);
                        shift = theirs.map(|theirs| Shift { max: max.value, ours, theirs, against: against.value.0.to_string() });
                    }
                    None => faults.push(to.fault_at(max, Code::MissingWord, "vectors of any length have no mean").hint("give `dim`")),
                }
            }
            (Some(max), None) => {
                faults
                    .push(to.fault_at(max, Code::MissingWord, "nothing says what the mean is held against").hint("write `against: PATH`"));
            }
            (None, Some(against)) => {
                let fault = to.fault_at(against, Code::MisplacedWord, "`against` has no meaning without `max_centroid_shift`");
                faults.push(fault.hint("leave it out"));
            }
            (None, None) => {}
        }
        if shift.is_none() && self.max_centroid_shift.is_none() && to.scope.over == super::words::Over::All {
            faults.push(to.fault(Code::MisplacedWord, "`over` has no meaning where each row is judged by itself").hint("leave it out"));
        }
        faults.or_ok(())?;
        let says = says(dim, norm, self.zero);
        let test = to.row_test(VectorTest { dim, norm, zero_fails: self.zero == Zero::Fail }, &[column.index]);
        Ok(Box::new(VectorsCheck { test, says, shift }))
    }
}

/// What a failing row has.
fn says(dim: Option<usize>, norm: Option<(f64, f64)>, zero: Zero) -> String {
    let mut wrong = vec!["a missing or infinite number".to_owned()];
    wrong.extend(dim.map(|dim| format!("not {dim} numbers")));
    wrong.extend(norm.map(|(low, high)| match high.is_finite() {
        true => format!("a length outside {low} to {high}"),
        false => format!("a length below {low}"),
    }));
    if zero == Zero::Fail {
        wrong.push("zeros only".to_owned());
    }
    format!("with a vector that has {}", wrong.join(", or "))
}

struct VectorTest {
    dim: Option<usize>,
    norm: Option<(f64, f64)>,
    zero_fails: bool,
}

impl VectorTest {
    fn fails(&self, vector: &[f64]) -> bool {
        // Of squares that are too large the sum is infinite, which is outside any limit; scaled, it is not.
        let largest = vector.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let norm = || if largest == 0.0 { 0.0 } else { largest * vector.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt() };
        self.dim.is_some_and(|dim| vector.len() != dim)
            || (self.zero_fails && largest == 0.0)
            || self.norm.is_some_and(|(low, high)| !(low..=high).contains(&norm()))
    }
}

impl RowTest for VectorTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let vectors = Vectors::of(&columns[0].array).expect("the rule binds to lists of numbers alone");
        let missing = columns[0].missing();
        let fails = |i: usize| !vectors.get(i).is_ok_and(|vector| !self.fails(vector));
        let fails = Mask::new(arrow::buffer::BooleanBuffer::collect_bool(len, fails)).without(missing);
        Tested { fails, unknown: missing.clone() }
    }
}

#[derive(Clone)]
struct Shift {
    max: f64,
    ours: Handle<Centroid>,
    theirs: Beside<Centroid>,
    against: String,
}

#[derive(Clone)]
struct VectorsCheck {
    test: TestHandle,
    says: String,
    shift: Option<Shift>,
}

/// 1 less the cosine of the angle between two vectors; none where one of them has no direction.
fn cosine_distance(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    (norms > 0.0 && norms.is_finite()).then(|| (1.0 - dot(a, b) / norms).clamp(0.0, 2.0))
}

impl Shift {
    /// The distance; inside, why there is none.
    fn distance(&self, facts: &GroupFacts<'_>) -> Result<Result<f64, String>, Fault> {
        let none = CentroidOut::default();
        let ours = facts.get(self.ours)?.unwrap_or(&none);
        let theirs = match facts.beside(self.theirs)? {
            Answer::There(theirs) => theirs,
            Answer::NotThere(super::Why::NoData(why) | super::Why::WarmingUp(why)) => {
                return Ok(Err(format!("the means cannot be compared: {why}")));
            }
        };
        if ours.rows == 0 || theirs.rows == 0 {
            let whose = if ours.rows == 0 { "the batch" } else { self.against.as_str() };
            return Ok(Err(format!("the means cannot be compared: {whose} has no whole vector")));
        }
        Ok(cosine_distance(&ours.mean, &theirs.mean).ok_or_else(|| "the means cannot be compared: one of them is zero".to_owned()))
    }

    /// What is wrong with a distance.
    fn breaks(&self, distance: f64) -> Option<String> {
        let shown = beside(distance, &[self.max]);
        let says = || format!("the mean has moved by {shown} from that of {}, at most {} expected", self.against, self.max);
        (distance > self.max).then(says)
    }
}

impl SinglePass for VectorsCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let mut judged = RowsJudged::of_test(facts.test(self.test), &self.says);
        if let Some(shift) = &self.shift {
            match shift.distance(facts)? {
                Ok(distance) => {
                    judged.figures = Figures::from([(&figures::CENTROID_SHIFT, distance.into())]);
                    judged.broken = shift.breaks(distance);
                }
                Err(why) => judged.open = Some(why),
            }
        }
        Ok(Judgement::Rows(judged))
    }
}
