//! What the report says of columns beside the rules.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Schema, TimeUnit};
use serde_json::Value as Json;

use super::select::select;
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings;
use crate::metric::completeness::Completeness;
use crate::metric::distinct::Distinct;
use crate::metric::extrema::Extrema;
use crate::metric::frequencies::{Frequencies, Value};
use crate::metric::moments::Moments;
use crate::metric::select::{Bins, BinsSpec};
use crate::metric::{Number, State, Transform, is_numeric, is_ordered};
use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::report::model::{ColumnReport, Histogram, TopValue};
use crate::rules::bounds::shown;
use crate::rules::quantiles::{ExactQuantiles, Progress};
use crate::rules::words::{ColumnSelection, Over};
use crate::rules::{Asking, Facts, GroupFacts, Handle, Requests, Scope, SecondPass};
use crate::ruleset::{Level, Profile, RuleFile};
use crate::types::type_name;
use crate::yaml::Spanned;

const PROBABILITIES: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];
const HISTOGRAM_BINS: usize = 20;
const TOP_VALUES: usize = 10;

/// What is asked of one column.
pub(super) struct ColumnPlan {
    pub index: usize,
    pub completeness: Handle<Completeness>,
    extrema: Option<Handle<Extrema>>,
    moments: Option<Handle<Moments>>,
    distinct: Option<Handle<Distinct>>,
    quantiles: Option<ExactQuantiles>,
    histogram: Histogramming,
    top_values: Option<Handle<Frequencies>>,
    /// Quantiles once they are settled.
    settled: Option<BTreeMap<String, f64>>,
}

enum Histogramming {
    No,
    Wanted,
    Asked(Handle<Bins>, BinsSpec),
}

/// Asks for what `profile` wants, beside what rules asked for. Every column that is read is at least counted.
pub(super) fn plan(rules: &RuleFile, prepare: &Prepare, requests: &Requests) -> Result<(Vec<ColumnPlan>, Requests), Faults> {
    let scope = Scope { over: Over::All, ..Scope::default() };
    let (levels, schema) = (levels(rules, prepare)?, &prepare.rule_schema);
    let read: Vec<usize> = requests.columns();
    let mut asking = Asking::beside(requests);
    let mut plans = Vec::new();
    for (index, wants) in levels.into_iter().enumerate() {
        let has_several = prepare.path(index).is_some_and(PathColumn::is_elements);
        if has_several || (!wants.counted && !read.contains(&index)) {
            continue;
        }
        let data_type = schema.field(index).data_type();
        let (numeric, ordered) = (is_numeric(data_type), is_ordered(data_type));
        let countable =
            matches!(data_type, DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) || data_type.is_integer();
        plans.push(ColumnPlan {
            index,
            completeness: asking.want::<Completeness>((), &[index], &scope),
            extrema: ((wants.basic || wants.histogram) && ordered).then(|| asking.want::<Extrema>((), &[index], &scope)),
            moments: (wants.basic && numeric).then(|| asking.want::<Moments>(Transform::IDENTITY, &[index], &scope)),
            distinct: (wants.distinct && !data_type.is_nested()).then(|| asking.want::<Distinct>((), &[index], &scope)),
            quantiles: (wants.quantiles && numeric)
                .then(|| ExactQuantiles::bind(&mut asking, &scope, index, Transform::IDENTITY, PROBABILITIES.to_vec())),
            histogram: if wants.histogram && ordered { Histogramming::Wanted } else { Histogramming::No },
            top_values: (wants.top_values && countable).then(|| asking.want::<Frequencies>((), &[index], &scope)),
            settled: None,
        });
    }
    Ok((plans, asking.into_new()))
}

#[derive(Clone, Copy, Default)]
struct Wants {
    counted: bool,
    basic: bool,
    distinct: bool,
    quantiles: bool,
    histogram: bool,
    top_values: bool,
}

impl Wants {
    fn of(level: Level) -> Self {
        let (basic, full) = (level >= Level::Basic, level == Level::Full);
        Self { counted: basic, basic, distinct: full, quantiles: full, histogram: full, top_values: full }
    }
}

fn levels(rules: &RuleFile, prepare: &Prepare) -> Result<Vec<Wants>, Faults> {
    let schema = &prepare.rule_schema;
    let all = |level: Level| Ok(vec![Wants::of(level); schema.fields().len()]);
    let (map, at) = match &rules.sections.profile {
        None => return all(Level::default()),
        Some(Spanned { value: Profile::Level(level), .. }) => return all(*level),
        Some(Spanned { value: Profile::Map(map), at }) => (map, at.in_file(&rules.path)),
    };
    let mut wants = vec![Wants::default(); schema.fields().len()];
    let mut faults = Faults::default();
    let mut each = |columns: &Option<ColumnSelection>, set: &dyn Fn(&mut Wants)| {
        let Some(columns) = columns else { return };
        for name in faults
            .take(select(columns, prepare, prepare, None).map_err(|what| Fault::told(Code::UnknownColumn, what).at(at.clone())))
            .unwrap_or_default()
        {
            match schema.index_of(&name) {
                Ok(index) => {
                    wants[index].counted = true;
                    set(&mut wants[index]);
                }
                Err(_) => {
                    let known = schema.fields().iter().map(|f| f.name().as_str());
                    faults.push(
                        Fault::new(Code::UnknownColumn, format!("unknown column `{name}`")).at(at.clone()).hint_nearest(&name, known),
                    );
                }
            }
        }
    };
    each(&map.basic, &|w| w.basic = true);
    each(&map.full, &|w| *w = Wants::of(Level::Full));
    each(&map.distinct, &|w| w.distinct = true);
    each(&map.quantiles, &|w| w.quantiles = true);
    each(&map.histogram, &|w| w.histogram = true);
    each(&map.top_values, &|w| w.top_values = true);
    faults.or_ok(wants)
}

impl ColumnPlan {
    /// Goes on with quantiles and histogram; gives whether a second pass was asked for.
    pub(super) fn advance(&mut self, schema: &Schema, facts: &Facts, pass: &mut SecondPass<'_>) -> Result<bool, Fault> {
        let data_type = schema.field(self.index).data_type();
        let facts = GroupFacts::whole(facts);
        let mut again = false;
        if self.settled.is_none()
            && let Some(quantiles) = &mut self.quantiles
        {
            match quantiles.advance(&facts, pass)? {
                Progress::NeedsPass => again = true,
                Progress::Empty => self.settled = Some(BTreeMap::new()),
                Progress::Ready { quantiles, .. } => {
                    self.settled = Some(PROBABILITIES.iter().map(ToString::to_string).zip(quantiles).collect());
                }
            }
        }
        if matches!(self.histogram, Histogramming::Wanted) {
            let range = counted(&facts, self.extrema)?.copied().flatten();
            let bins = |(low, high)| BinsSpec::between(low, high, HISTOGRAM_BINS, step(data_type));
            self.histogram = match range.and_then(bins) {
                Some(spec) => {
                    again = true;
                    Histogramming::Asked(pass.want::<Bins>(spec, &[self.index]), spec)
                }
                None => Histogramming::No,
            };
        }
        Ok(again)
    }

    /// What the report says of the column.
    pub(super) fn report(&self, schema: &Schema, facts: &Facts) -> Result<ColumnReport, Fault> {
        let facts = GroupFacts::whole(facts);
        let field = schema.field(self.index);
        let data_type = field.data_type();
        let counts = facts.get(self.completeness)?.copied().unwrap_or_default();
        let extrema = counted(&facts, self.extrema)?.copied().flatten();
        let moments = counted(&facts, self.moments)?;
        let distinct = counted(&facts, self.distinct)?.copied();
        let histogram = match &self.histogram {
            Histogramming::Asked(handle, spec) => facts.get(*handle)?.map(|counts| histogram(spec, counts, data_type)),
            Histogramming::No | Histogramming::Wanted => None,
        };
        let top_values = counted(&facts, self.top_values)?.and_then(Option::as_ref).map(|values| top(values, data_type));
        Ok(ColumnReport {
            name: field.name().clone(),
            data_type: type_name(data_type),
            mask: None,
            kinds: None,
            rows: counts.rows,
            missing: counts.missing,
            distinct: distinct.map(|d| d.count),
            distinct_exact: distinct.map(|d| d.exact),
            min: extrema.map(|(min, _)| number_json(min, data_type)),
            max: extrema.map(|(_, max)| number_json(max, data_type)),
            mean: moments.and_then(|m| m.mean).map(finite),
            stddev: moments.and_then(|m| m.stddev).map(finite),
            quantiles: self.settled.clone().filter(|q| !q.is_empty()),
            histogram,
            top_values,
        })
    }
}

/// What was counted under a handle, if it was asked for.
fn counted<'a, S: State>(facts: &GroupFacts<'a>, handle: Option<Handle<S>>) -> Result<Option<&'a S::Out>, Fault> {
    handle.map_or(Ok(None), |handle| facts.get(handle))
}

/// A float of the profile; nothing where it is infinite or none.
fn finite(x: f64) -> findings::Value {
    if x.is_finite() { x.into() } else { findings::Value::Nothing }
}

fn histogram(spec: &BinsSpec, counts: &[u64], data_type: &DataType) -> Histogram {
    let edge = |index| spec.edge(index, scale(data_type));
    let edges = (!is_numeric(data_type)).then(|| (0..=spec.bins).map(|i| number_json(edge(i), data_type)).collect());
    Histogram { low: edge(0).as_f64(), high: edge(spec.bins).as_f64(), edges, counts: counts.to_vec() }
}

/// Of how many units of the column bins are whole numbers: a second's, where there are parts of a second.
fn step(data_type: &DataType) -> u128 {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) | DataType::Duration(unit) => match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        },
        DataType::Date64 => 86_400_000,
        _ => 1,
    }
}

/// The scale of a column's integers.
fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

fn top(values: &[(Value, u64)], data_type: &DataType) -> Vec<TopValue> {
    let json = |value: &Value| match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(n) if *data_type == DataType::Boolean => Json::from(*n != 0),
        Value::Integer(n) => number_json(Number::int(*n), data_type),
    };
    values.iter().take(TOP_VALUES).map(|(value, count)| TopValue { value: json(value), count: *count }).collect()
}

/// A number as reports write it: dates, decimals and integers beyond 2^53 are strings.
pub(super) fn number_json(number: Number, data_type: &DataType) -> Json {
    const SAFE: u128 = 1 << 53;
    match number {
        Number::Float(x) if x.is_finite() => x.into(),
        Number::Int { value, .. } if data_type.is_integer() && value.unsigned_abs() <= SAFE => (value as i64).into(),
        Number::Float(_) | Number::Int { .. } => shown(number, data_type).into(),
    }
}
