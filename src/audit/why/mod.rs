//! Why rows fail: the values of other columns in which the failing rows of a finding concentrate.
//!
//! Nothing is counted for it while the data goes by. Where something failed, some units are read once more, and of them only columns of
//! few different values: of those rows it is counted how many have which value, and how many of these fail. A value is told if chance
//! does not explain that so many failing rows have it: the hypergeometric probability, times the number of all values of all columns
//! that were tried, is below [`ALPHA`] (Bonferroni), rows with it fail at least twice as often (the lower end of a 95% interval), and
//! at least three of ten failing rows have it. So of 1000 findings without a cause one at most is given a false one. Columns that the
//! rule speaks of itself are no reason, and masked ones are not looked at.

mod counted;
mod units;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use self::counted::UnitCounts;
use super::bind::PlannedCheck;
use super::finding::FindingWithRows;
use super::fold::Counted;
use super::{Job, Plan};
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, UnitSelection};
use crate::findings::{Concentration, Outcome};
use crate::metric::groups::can_be_named;
use crate::metric::{Column, is_numeric};
use crate::prepare::Prepared;
use crate::privacy::Privacy;
use crate::report::model::ColumnReport;
use crate::rows::{Mask, RowSet};
use crate::shown::{VALUE_MAX, cut_short};
use crate::source::{Projection, Source, Unit};
use crate::statistics::Counts;
use crate::types::is_text;

/// How often a finding without a cause may be given one.
const ALPHA: f64 = 0.001;
/// How much more often rows with the value fail, at least: the lower end of the interval.
const LIFT_MIN: f64 = 2.0;
/// How much of the failing rows have it, at least.
const SHARE_MIN: f64 = 0.3;
const CONFIDENCE: f64 = 0.95;
/// Fewer failing rows say nothing.
const ROWS_MIN: u64 = 5;
/// Values that are told of a finding.
const TOLD_MAX: usize = 3;
/// Findings that are looked into, columns that are looked at, and different values that a column may have.
const FINDINGS_MAX: usize = 50;
const COLUMNS_MAX: usize = 64;
pub(super) const VALUES_MAX: usize = 1_000;

/// A finding whose failing rows are looked into.
pub(super) struct Target {
    /// Its index among all findings.
    finding: usize,
    rows: Arc<RowSet>,
    /// Which of the conditions its rule has: an index into those of the look.
    condition: usize,
    /// Columns that the rule speaks of.
    own: BTreeSet<usize>,
}

/// What is looked at.
struct Look<'a> {
    plan: &'a Plan,
    malformed: &'a RowSet,
    targets: Vec<Target>,
    /// The conditions of the targets' rules, by index into those of the plan; none for all rows.
    conditions: Vec<Option<usize>>,
    columns: Vec<usize>,
    projection: Projection,
    /// Whether each unit is looked at to its end.
    takes_all: bool,
}

/// Says of findings with failing rows in which values these concentrate.
///
/// # Errors
/// The data cannot be read again.
pub(super) fn say(
    (job, source, plan, privacy): (&Job<'_>, &dyn Source, &Plan, &Privacy),
    totals: &Counted,
    columns: &[ColumnReport],
    findings: &mut [FindingWithRows],
) -> Result<(), Fault> {
    if job.rules.sections.why == Some(false) {
        return Ok(());
    }
    let Some(look) = Look::of((source, plan, privacy), totals, columns, findings) else { return Ok(()) };
    let units = units::chosen(source, (&totals.units, &totals.row_origins), look.targets.iter().map(|target| target.rows.as_ref()));
    let mut all = UnitCounts::new(&look);
    let work = |unit: &Unit, preread| look.count(job, source, unit, preread);
    engine::each_unit(source, UnitSelection::Units(&units), job.threads, &job.cancel, work, |counted| {
        all.merge(counted);
        Ok(())
    })?;
    for (index, target) in look.targets.iter().enumerate() {
        let found = concentrations(&all.counts_of(&look, index));
        findings[target.finding].finding.why = found.into_iter().map(|(place, concentration)| look.named(place, concentration)).collect();
    }
    Ok(())
}

impl<'a> Look<'a> {
    /// What there is to look into, and at; none if there is nothing.
    fn of(
        (source, plan, privacy): (&dyn Source, &'a Plan, &Privacy),
        totals: &'a Counted,
        reports: &[ColumnReport],
        findings: &[FindingWithRows],
    ) -> Option<Self> {
        let (mut targets, mut conditions) = (Vec::new(), Vec::new());
        let checks: HashMap<&str, &PlannedCheck> = plan.checks.iter().rev().map(|check| (check.id.as_str(), check)).collect();
        for (index, found) in findings.iter().enumerate() {
            let fails = matches!(found.finding.outcome, Outcome::Fail | Outcome::Warn) && found.rows.len() >= ROWS_MIN;
            let Some(&check) = checks.get(found.finding.id.as_str()).filter(|_| fails) else { continue };
            let condition = conditions.iter().position(|known| *known == check.scope.condition).unwrap_or_else(|| {
                conditions.push(check.scope.condition);
                conditions.len() - 1
            });
            targets.push(Target { finding: index, rows: found.rows.clone(), condition, own: own(plan, check) });
        }
        targets.truncate(FINDINGS_MAX);
        if targets.is_empty() {
            return None;
        }
        let columns = candidates(plan, privacy, reports);
        if columns.is_empty() {
            return None;
        }
        let read = conditions.iter().flatten().flat_map(|&condition| &plan.requests.conditions[condition].expression.columns);
        let wanted: Vec<usize> = columns.iter().chain(read).copied().collect();
        let projection = Projection::new(source.schema(), plan.prepare.source_columns(&wanted)).compact();
        let takes_all = units::are_few(&totals.row_origins);
        Some(Self { plan, malformed: &totals.malformed, targets, conditions, columns, projection, takes_all })
    }

    /// Counts the values of a unit's rows, until there are enough.
    fn count(&self, job: &Job<'_>, source: &dyn Source, unit: &Unit, preread: crate::source::Preread) -> Result<UnitCounts, Fault> {
        let (mut counts, mut is_enough) = (UnitCounts::new(self), false);
        let mut left: Vec<u64> = self.targets.iter().map(|target| target.rows.len_of(unit.index)).collect();
        let read = source.read(unit, preread, &self.projection, &mut |chunk| {
            job.cancel.check()?;
            for prepared in self.plan.prepare.apply(chunk, &self.projection).map_err(Faults::into_first)? {
                self.count_rows(unit, &prepared, &mut counts, &mut left)?;
            }
            is_enough = !self.takes_all && counts.are_enough(&left);
            if is_enough { Err(Fault::new(Code::Cancelled, "enough rows were looked at")) } else { Ok(()) }
        });
        match read {
            Err(fault) if !is_enough => Err(fault),
            Err(_) | Ok(_) => Ok(counts),
        }
    }

    fn count_rows(&self, unit: &Unit, prepared: &Prepared, counts: &mut UnitCounts, left: &mut [u64]) -> Result<(), Fault> {
        let len = prepared.rows.len();
        let unread = || Fault::new(Code::Internal, "internal error: a column to look at was not read");
        let live = self.malformed.mask(unit.index, &prepared.rows).not();
        let mut scopes = Vec::new();
        for condition in &self.conditions {
            scopes.push(match condition {
                None => live.clone(),
                Some(index) => {
                    let expression = &self.plan.requests.conditions[*index].expression;
                    let arrays = expression.columns.iter().map(|&column| prepared.columns[column].clone());
                    let arrays: Vec<ArrayRef> = arrays.collect::<Option<_>>().ok_or_else(unread)?;
                    live.and(&Mask::from_boolean(&expression.test(&arrays, len).0, false))
                }
            });
        }
        let failing: Vec<Vec<usize>> = self
            .targets
            .iter()
            .zip(left)
            .map(|(target, left)| {
                let mut rows = Vec::new();
                if *left > 0 {
                    target.rows.mask(unit.index, &prepared.rows).rows(len, |row| rows.push(row));
                    *left -= (rows.len() as u64).min(*left);
                }
                rows
            })
            .collect();
        counts.rows(&scopes, &failing, len);
        for (place, &column) in self.columns.iter().enumerate() {
            if counts.has(place) {
                let array = prepared.columns[column].clone().ok_or_else(unread)?;
                counts.column(place, &Column::new(array), (&scopes, &failing), len);
            }
        }
        Ok(())
    }

    fn named(&self, place: usize, mut concentration: Concentration) -> Concentration {
        concentration.column = self.plan.prepare.schema.field(self.columns[place]).name().clone();
        concentration.value = concentration.value.map(|value| cut_short(&value, VALUE_MAX).into_owned());
        concentration
    }
}

/// The columns that a rule speaks of.
fn own(plan: &Plan, check: &PlannedCheck) -> BTreeSet<usize> {
    let named = check.columns.iter().filter_map(|name| plan.prepare.index_of(name));
    let tested = check.test.iter().flat_map(|&test| &plan.requests.tests[test].columns).copied();
    let condition = check.scope.condition.iter().flat_map(|&c| &plan.requests.conditions[c].expression.columns).copied();
    let all = named.chain(tested).chain(condition).chain(check.scope.by.iter().copied()).chain(check.shows.iter().copied());
    // Of a field, the record that it lies in.
    all.map(|column| plan.prepare.path(column).map_or(column, |path| path.root)).collect()
}

/// Columns that may hold causes: of few different values, as far as that is known; else of types that mostly do.
fn candidates(plan: &Plan, privacy: &Privacy, reports: &[ColumnReport]) -> Vec<usize> {
    let distinct: HashMap<&str, Option<u64>> = reports.iter().map(|report| (report.name.as_str(), report.distinct)).collect();
    let is_one = |(_, field): &(usize, &Arc<arrow::datatypes::Field>)| {
        let data_type = field.data_type();
        if privacy.mask_of(field.name()).is_some() || data_type.is_nested() || can_be_named(data_type).is_err() {
            return false;
        }
        match distinct.get(field.name().as_str()).copied().flatten() {
            Some(distinct) => (1..=VALUES_MAX as u64).contains(&distinct),
            None => {
                let is_narrow = is_numeric(data_type) && data_type.is_integer() && data_type.primitive_width().is_some_and(|w| w <= 2);
                is_text(data_type) || is_narrow || matches!(data_type, DataType::Boolean | DataType::Date32 | DataType::Dictionary(..))
            }
        }
    };
    plan.prepare.schema.fields().iter().enumerate().filter(is_one).map(|(index, _)| index).take(COLUMNS_MAX).collect()
}

/// Failing and other rows by value, of one finding.
pub(super) struct Tried {
    /// Of what is looked at, by place of its column: each value with its counts.
    pub(super) values: Vec<(usize, Option<String>, Counts)>,
}

/// The values in which failing rows concentrate, by place of their column: what chance explains least first.
fn concentrations(tried: &Tried) -> Vec<(usize, Concentration)> {
    let number = tried.values.len() as f64;
    let mut found: Vec<(f64, usize, Concentration)> = Vec::new();
    for (place, value, counts) in &tried.values {
        let is_much = counts.failing >= ROWS_MIN && counts.failing_with as f64 >= SHARE_MIN * counts.failing as f64;
        if !is_much || counts.with == counts.rows {
            continue;
        }
        let (p_value, lift) = (counts.p_value(), counts.lift(CONFIDENCE));
        let adjusted_p_value = (p_value * number).min(1.0);
        if adjusted_p_value >= ALPHA || lift.low < LIFT_MIN {
            continue;
        }
        let concentration = Concentration {
            column: String::new(),
            value: value.clone(),
            failing_rows: counts.failing,
            failing_rows_with: counts.failing_with,
            rows: counts.rows,
            rows_with: counts.with,
            lift: lift.ratio,
            lift_low: lift.low,
            lift_high: lift.high,
            adjusted_p_value,
        };
        found.push((p_value, *place, concentration));
    }
    found.sort_by(|(p, place, one), (q, other_place, other)| {
        let by_chance = p.total_cmp(q).then(other.failing_rows_with.cmp(&one.failing_rows_with));
        by_chance.then(other.lift_low.total_cmp(&one.lift_low)).then(place.cmp(other_place)).then(one.value.cmp(&other.value))
    });
    found.truncate(TOLD_MAX);
    found.into_iter().map(|(_, place, concentration)| (place, concentration)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift64*, seeded: the same on every machine.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
        }
    }

    /// Eight hundred rows with twenty columns of 2 to 200 values, of unlike shares; the first column's value 0 makes `factor` times as
    /// many rows fail.
    fn trial(chance: &mut Chance, one_in: u64, factor: u64) -> Vec<(usize, Concentration)> {
        const ROWS: usize = 800;
        let sizes: Vec<u64> = (0..20).map(|column| [2, 3, 5, 10, 20, 50, 100, 200][column % 8]).collect();
        let mut counts: Vec<Vec<(u64, u64)>> = sizes.iter().map(|&size| vec![(0, 0); size as usize]).collect();
        let mut failing = 0;
        for _ in 0..ROWS {
            // The smaller of two numbers: small ones are frequent.
            let row: Vec<usize> = sizes.iter().map(|&size| chance.below(size).min(chance.below(size)) as usize).collect();
            let weight = if factor > 1 && row[4] == 7 { factor } else { 1 };
            let fails = chance.below(one_in) < weight;
            failing += u64::from(fails);
            for (counts, value) in counts.iter_mut().zip(row) {
                counts[value].0 += u64::from(fails);
                counts[value].1 += 1;
            }
        }
        let values = counts.into_iter().enumerate().flat_map(|(place, counts)| {
            counts.into_iter().enumerate().filter(|(_, (_, with))| *with > 0).map(move |(value, (failing_with, with))| {
                (place, Some(value.to_string()), Counts { failing_with, failing, with, rows: ROWS as u64 })
            })
        });
        concentrations(&Tried { values: values.collect() })
    }

    #[test]
    fn chance_is_hardly_ever_taken_for_a_cause() {
        let mut chance = Chance(20_261_127);
        // At most 1 in 1000 of findings is promised; of 2000 without a cause that are 2, and 7 or more with a probability of 0.5%.
        let false_alarms = (0..2000).filter(|i| !trial(&mut chance, [5, 10, 40][i % 3], 1).is_empty()).count();
        assert!(false_alarms <= 6, "{false_alarms} of 2000");
    }

    #[test]
    fn a_planted_cause_is_found_and_named_first() {
        let mut chance = Chance(7);
        for _ in 0..200 {
            // A value of one row in ten or so, with which rows fail 30 times as often.
            let found = trial(&mut chance, 50, 30);
            let (place, first) = found.first().expect("it is found");
            assert_eq!((*place, first.value.as_deref()), (4, Some("7")), "{found:?}");
            assert!(first.lift_low < 60.0 && first.lift_high.is_some_and(|high| high > 12.0), "{first:?}");
        }
    }

    #[test]
    fn little_is_no_reason() {
        let of = |failing_with, failing, with, rows| {
            let value = (0, Some("B".to_owned()), Counts { failing_with, failing, with, rows });
            concentrations(&Tried { values: vec![value] }).len()
        };
        assert_eq!(of(94, 100, 500, 10_000), 1);
        assert_eq!(of(4, 4, 500, 10_000), 0, "too few rows fail");
        assert_eq!(of(100, 100, 10_000, 10_000), 0, "every row has the value");
        assert_eq!(of(20, 100, 200, 10_000), 0, "most failing rows have other values");
        assert_eq!(of(700, 1000, 5000, 10_000), 1, "more than twice as often");
        assert_eq!(of(600, 1000, 5000, 10_000), 0, "1.5 times as often, however sure that is");
    }
}
