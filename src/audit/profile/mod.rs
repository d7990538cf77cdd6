//! What the report says of columns beside the rules.

mod alerts;
mod formats;
mod histogram;
mod layout;
mod relations;
mod stand_ins;
mod wants;

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Schema};
use serde_json::Value as Json;

use self::formats::Formatting;
use self::layout::Layout;
pub(super) use self::relations::Relations;
use self::stand_ins::StandingIn;
use self::wants::{Wants, levels};
use super::earlier::Earlier;
use crate::diagnostic::{Fault, Faults};
use crate::findings;
use crate::metric::completeness::Completeness;
use crate::metric::extrema::Extrema;
use crate::metric::moments::Moments;
use crate::metric::overview::{Overview, OverviewOut, TextCount};
use crate::metric::select::{Bins, BinsOut};
use crate::metric::{Number, State, Transform, is_numeric, is_ordered};
use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::report::columns::{Lengths, Role};
use crate::report::model::{ColumnReport, Histogram, TopValue};
use crate::rules::bounds::shown;
use crate::rules::quantiles::{ExactQuantiles, Progress, quantile_of_counts};
use crate::rules::words::Over;
use crate::rules::{Asking, Facts, GroupFacts, Handle, Requests, Scope, SecondPass};
use crate::ruleset::RuleFile;
use crate::types::type_name;

pub(super) use self::alerts::{AlertTerms, remark};
pub(super) use self::formats::Found;

const PROBABILITIES: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];
const TOP_VALUES: usize = 10;

/// What is asked of one column.
pub(super) struct ColumnPlan {
    pub index: usize,
    pub completeness: Handle<Completeness>,
    extrema: Option<Handle<Extrema>>,
    moments: Option<Handle<Moments>>,
    overview: Option<Handle<Overview>>,
    wants: Wants,
    /// Once the first pass has told what the column is.
    drawn: Option<Box<Drawn>>,
}

/// What is drawn of a column, on its way to being settled by second looks.
#[derive(Default)]
struct Drawn {
    role: Option<Role>,
    layout: Option<Layout>,
    /// Where values were counted one by one, the bins are settled at once.
    binned: Option<BinsOut>,
    bins: Option<Handle<Bins>>,
    seeking: Option<ExactQuantiles>,
    quantiles: BTreeMap<String, f64>,
    logarithmic: Option<Histogram>,
    formats: Formatting,
    stand_ins: StandingIn,
}

/// Asks for what `profile` wants, beside what rules asked for. Every column that is read is at least counted.
pub(super) fn plan(
    rules: &RuleFile,
    prepare: &Prepare,
    requests: &Requests,
) -> Result<(Vec<ColumnPlan>, Option<Relations>, Requests), Faults> {
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
        let overview = (wants.is_drawn() && !data_type.is_nested()).then(|| asking.want::<Overview>((), &[index], &scope));
        let basic = wants.basic && overview.is_none();
        plans.push(ColumnPlan {
            index,
            completeness: asking.want::<Completeness>((), &[index], &scope),
            extrema: (basic && ordered).then(|| asking.want::<Extrema>((), &[index], &scope)),
            moments: (basic && numeric).then(|| asking.want::<Moments>(Transform::IDENTITY, &[index], &scope)),
            overview,
            wants,
            drawn: None,
        });
    }
    let relations = Relations::plan(rules, prepare, &plans, &mut asking, &scope);
    Ok((plans, relations, asking.into_new()))
}

impl ColumnPlan {
    /// Goes on with what second looks settle; gives whether one was asked for.
    pub(super) fn advance(&mut self, schema: &Schema, facts: &Facts, pass: &mut SecondPass<'_>) -> Result<bool, Fault> {
        let facts = GroupFacts::whole(facts);
        let Some(out) = counted(&facts, self.overview)? else { return Ok(false) };
        let rows = facts.get(self.completeness)?.copied().unwrap_or_default();
        let (field, wants, index) = (schema.field(self.index), self.wants, self.index);
        if self.drawn.is_none() {
            let mut drawn = Drawn { role: alerts::role(field.name(), field.data_type(), out, rows), ..Drawn::default() };
            let again = drawn.begin(index, field.data_type(), out, (wants, rows.rows - rows.missing), pass);
            self.drawn = Some(Box::new(drawn));
            return Ok(again);
        }
        let Some(drawn) = &mut self.drawn else { return Ok(false) };
        let mut again = false;
        if let Some(seeking) = &mut drawn.seeking {
            match seeking.advance(&facts, pass)? {
                Progress::NeedsPass => again = true,
                Progress::Empty => drawn.seeking = None,
                Progress::Ready { quantiles, .. } => {
                    drawn.quantiles = PROBABILITIES.iter().map(ToString::to_string).zip(quantiles).collect();
                    drawn.seeking = None;
                }
            }
        }
        Ok(again)
    }

    /// What the report says of the column.
    pub(super) fn report(&self, schema: &Schema, facts: &Facts, earlier: &Earlier) -> Result<ColumnReport, Fault> {
        let facts = GroupFacts::whole(facts);
        let field = schema.field(self.index);
        let data_type = field.data_type();
        let counts = facts.get(self.completeness)?.copied().unwrap_or_default();
        let mut column = ColumnReport {
            name: field.name().clone(),
            data_type: type_name(data_type),
            rows: counts.rows,
            missing: counts.missing,
            ..ColumnReport::default()
        };
        let (mut extrema, mut moments) = (counted(&facts, self.extrema)?.copied().flatten(), counted(&facts, self.moments)?);
        if let Some(out) = counted(&facts, self.overview)? {
            (extrema, moments) = (out.extrema.filter(|_| self.wants.basic), out.moments.as_ref().filter(|_| self.wants.basic));
            self.tell(&mut column, out, data_type, &facts, earlier)?;
        }
        if is_ordered(data_type) {
            column.min = extrema.map(|(min, _)| number_json(min, data_type));
            column.max = extrema.map(|(_, max)| number_json(max, data_type));
        }
        if is_numeric(data_type) {
            column.mean = moments.and_then(|m| m.mean).map(finite);
            column.stddev = moments.and_then(|m| m.stddev).map(finite);
        }
        Ok(column)
    }

    /// What an overview tells.
    fn tell(
        &self,
        column: &mut ColumnReport,
        out: &OverviewOut,
        data_type: &DataType,
        facts: &GroupFacts<'_>,
        earlier: &Earlier,
    ) -> Result<(), Fault> {
        let (wants, nothing) = (self.wants, Drawn::default());
        let drawn = self.drawn.as_deref().unwrap_or(&nothing);
        if wants.distinct {
            (column.distinct, column.distinct_exact) = (Some(out.distinct.count), Some(out.distinct.exact));
        }
        column.quantiles = Some(drawn.quantiles.clone()).filter(|q| !q.is_empty());
        column.histogram = drawn.histogram(facts, data_type)?;
        if wants.top_values {
            column.top_values = top(out, data_type);
        }
        if wants.full {
            column.role = drawn.role;
            column.lengths = out.lengths.map(|(min, max)| Lengths { min, max });
            column.zeros = histogram::zeros(out).filter(|_| is_numeric(data_type));
            if let Some(numbers) = out.numbers.as_ref().filter(|_| is_numeric(data_type)) {
                column.skewness = histogram::skewness(numbers.iter().map(|(number, count)| (number.as_f64(), *count)));
            }
            column.stand_ins = drawn.stand_ins.report(out, data_type, facts)?;
        }
        if let Some((label, cells)) = earlier.cells_of(&column.name, data_type) {
            if let Some(histogram) = &mut column.histogram {
                let layout = drawn.layout.as_ref().filter(|_| drawn.logarithmic.is_none());
                histogram.overlay = histogram::overlay(&label, cells, &histogram::edges_of(histogram, layout, data_type));
            }
            column.top_values.iter_mut().flatten().for_each(|top| top.earlier_share = alerts::share_of(cells, &top.value));
        }
        Ok(())
    }

    /// What formats its texts have, and in which row the first exception is.
    pub(super) fn formats(&self, facts: &Facts) -> Result<Option<formats::Found>, Fault> {
        let facts = GroupFacts::whole(facts);
        match (counted(&facts, self.overview)?, &self.drawn) {
            (Some(out), Some(drawn)) if self.wants.full => drawn.formats.found(out, &facts),
            (Some(_) | None, _) => Ok(None),
        }
    }

    /// What was counted of its values, if all was asked for.
    fn overview<'a>(&self, facts: &GroupFacts<'a>) -> Result<Option<&'a OverviewOut>, Fault> {
        counted(facts, self.overview)
    }
}

impl Drawn {
    /// Settles what the first pass tells, and asks for what is left; gives whether that needs a second look.
    fn begin(
        &mut self,
        index: usize,
        data_type: &DataType,
        out: &OverviewOut,
        (wants, present): (Wants, u64),
        pass: &mut SecondPass<'_>,
    ) -> bool {
        let mut again = false;
        if wants.full {
            again |= self.formats.begin(index, out, present, wants.thorough, pass);
            again |= self.stand_ins.begin(index, out, data_type, wants.thorough, pass);
        }
        // What names rows is not drawn, so it is worth no second look.
        if !is_ordered(data_type) || (self.role.is_some() && out.numbers.is_none()) {
            return again;
        }
        if wants.quantiles && is_numeric(data_type) {
            match (&out.numbers, &out.histogram) {
                (Some(numbers), _) => {
                    let quantile = |p: &f64| Some((p.to_string(), quantile_of_counts(numbers, *p)?));
                    self.quantiles = PROBABILITIES.iter().filter_map(quantile).collect();
                }
                (None, Some(histogram)) => {
                    let mut seeking = ExactQuantiles::beside(histogram, index, PROBABILITIES.to_vec());
                    // The first step asks; nothing is known yet that could fail.
                    let facts = Facts::default();
                    again |= matches!(seeking.advance(&GroupFacts::whole(&facts), pass), Ok(Progress::NeedsPass));
                    self.seeking = Some(seeking);
                }
                (None, None) => {}
            }
        }
        if wants.histogram {
            self.logarithmic = if wants.log && is_numeric(data_type) { histogram::logarithmic(out) } else { None };
            self.layout = histogram::layout(out, data_type).filter(|_| self.logarithmic.is_none());
            match (&self.layout, &out.numbers) {
                (Some(layout), Some(numbers)) => self.binned = Some(layout.spec.count(numbers)),
                (Some(layout), None) => {
                    self.bins = Some(pass.want::<Bins>(layout.spec, &[index]));
                    again = true;
                }
                (None, _) => {}
            }
        }
        again
    }

    fn histogram(&self, facts: &GroupFacts<'_>, data_type: &DataType) -> Result<Option<Histogram>, Fault> {
        if self.logarithmic.is_some() {
            return Ok(self.logarithmic.clone());
        }
        let counted = match &self.binned {
            Some(binned) => Some(binned),
            None => counted(facts, self.bins)?,
        };
        Ok(self.layout.as_ref().zip(counted).map(|(layout, counted)| histogram::shown(layout, counted, data_type)))
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

/// The scale of a column's integers.
fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

/// The most frequent values of integers, booleans and text; none where there are too many to count.
fn top(out: &OverviewOut, data_type: &DataType) -> Option<Vec<TopValue>> {
    let top = |value: Json, count: u64| TopValue { value, count, earlier_share: None };
    if let Some(texts) = &out.texts {
        return Some(texts.iter().take(TOP_VALUES).map(|TextCount { text, count, .. }| top(text.as_str().into(), *count)).collect());
    }
    let numbers = out.numbers.as_ref().filter(|_| data_type.is_integer() || *data_type == DataType::Boolean)?;
    let mut most: Vec<&(Number, u64)> = numbers.iter().collect();
    // Equal counts stay in the order of their values.
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let json = |number: &Number| match data_type {
        DataType::Boolean => Json::from(number.as_f64() != 0.0),
        _ => number_json(*number, data_type),
    };
    Some(most.into_iter().take(TOP_VALUES).map(|(number, count)| top(json(number), *count)).collect())
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
