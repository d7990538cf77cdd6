//! How columns go together: correlations from a sample of rows, and keys, which are held against all rows.

use std::collections::{BTreeMap, HashSet};

use arrow::datatypes::DataType;

use super::ColumnPlan;
use crate::diagnostic::Fault;
use crate::metric::canonical::Normalize;
use crate::metric::completeness::Completeness;
use crate::metric::is_numeric;
use crate::metric::keys::{Keep, KeyRows, Keys, KeysSpec, Lookup};
use crate::metric::row_sample::{MISSING, RowSample, SampleOut, SampleSpec};
use crate::prepare::Prepare;
use crate::privacy::Privacy;
use crate::report::columns::{CandidateKey, Correlation, Correlations, Role};
use crate::rules::{Asking, Facts, GroupFacts, Handle, Scope, SecondPass};
use crate::ruleset::{Profile, RuleFile};
use crate::statistics::cramers_v;
use crate::yaml::Spanned;

/// Rows that are kept to look at several columns at once.
const SAMPLE_ROWS: usize = 20_000;
/// Of these, so many are used for correlations: a coefficient of so many rows is known to ±0.03.
const CORRELATION_ROWS: usize = 5_000;
/// So many numeric columns are held against each other, and so many others.
const NUMERIC_MAX: usize = 40;
const OTHERS_MAX: usize = 40;
/// Columns with more different values are no categories.
const CATEGORIES_MAX: u64 = 50;
/// Weaker correlations are not told.
const TOLD_MIN: f64 = 0.3;
const TOLD_MAX: usize = 50;
/// So many columns and pairs are held against all rows; the others are left out.
const KEYS_MAX: usize = 8;

/// Columns that may be a key, and what counts their values; none where the sample has told.
type AskedKey = (Vec<usize>, Option<Handle<Keys>>);

/// What is asked for that several columns answer together.
pub(in crate::audit) struct Relations {
    /// The columns of the sample.
    columns: Vec<usize>,
    left_out: u64,
    sample: Handle<RowSample>,
    /// Candidates for keys that all rows are asked about; none until the first pass is done.
    asked: Option<Vec<AskedKey>>,
}

impl Relations {
    /// Asks for a sample, if the rule file wants correlations.
    pub(super) fn plan(rules: &RuleFile, prepare: &Prepare, plans: &[ColumnPlan], asking: &mut Asking<'_>, scope: &Scope) -> Option<Self> {
        let Some(Spanned { value: Profile::Map(map), .. }) = &rules.sections.profile else { return None };
        if map.correlations != Some(true) {
            return None;
        }
        let is_flat = |plan: &&ColumnPlan| plan.overview.is_some();
        let is_number = |index: &usize| is_numeric(prepare.rule_schema.field(*index).data_type());
        let (numbers, others): (Vec<usize>, Vec<usize>) = plans.iter().filter(is_flat).map(|plan| plan.index).partition(is_number);
        let left_out = numbers.len().saturating_sub(NUMERIC_MAX) + others.len().saturating_sub(OTHERS_MAX);
        let mut columns: Vec<usize> = numbers.into_iter().take(NUMERIC_MAX).chain(others.into_iter().take(OTHERS_MAX)).collect();
        columns.sort_unstable();
        if columns.is_empty() {
            return None;
        }
        let sample = asking.want::<RowSample>(SampleSpec { rows_max: SAMPLE_ROWS }, &columns, scope);
        Some(Self { columns, left_out: left_out as u64, sample, asked: None })
    }

    /// Asks all rows about the candidates for keys; gives whether that needs a second look.
    pub(in crate::audit) fn advance(&mut self, plans: &[ColumnPlan], facts: &Facts, pass: &mut SecondPass<'_>) -> Result<bool, Fault> {
        if self.asked.is_some() {
            return Ok(false);
        }
        let whole = GroupFacts::whole(facts);
        let Some(sample) = whole.get(self.sample)? else { return Ok(false) };
        let mut asked: Vec<(Vec<usize>, Option<Handle<Keys>>)> = Vec::new();
        let mut parts: Vec<Part> = Vec::new();
        for plan in plans {
            let Some(out) = plan.overview(&whole)? else { continue };
            let counts = whole.get::<Completeness>(plan.completeness)?.copied().unwrap_or_default();
            if counts.rows < 2 || counts.missing > 0 || out.distinct.count < 2 {
                continue;
            }
            let near = (out.distinct.count as f64 - counts.rows as f64).abs() <= 4.0 * out.distinct.error * counts.rows as f64;
            if near && asked.len() < KEYS_MAX {
                // What was counted exactly needs no other look.
                let handle = (!out.distinct.exact).then(|| pass.want::<Keys>(spec(), &[plan.index]));
                asked.push((vec![plan.index], handle));
            } else if let Ok(place) = self.columns.binary_search(&plan.index) {
                parts.push(Part { index: plan.index, place, distinct: out.distinct.count, rows: counts.rows });
            }
        }
        for (i, a) in parts.iter().enumerate() {
            for b in &parts[i + 1..] {
                if asked.len() < KEYS_MAX && a.may_be_key_with(b, sample) {
                    let handle = (sample.len() as u64 != sample.rows).then(|| pass.want::<Keys>(spec(), &[a.index, b.index]));
                    asked.push((vec![a.index, b.index], handle));
                }
            }
        }
        let again = asked.iter().any(|(_, handle)| handle.is_some());
        self.asked = Some(asked);
        Ok(again)
    }

    /// The columns, and pairs of them, that name each row; none of masked columns.
    pub(in crate::audit) fn keys(&self, prepare: &Prepare, facts: &Facts, privacy: &Privacy) -> Result<Vec<CandidateKey>, Fault> {
        let whole = GroupFacts::whole(facts);
        let mut keys = Vec::new();
        for (columns, handle) in self.asked.iter().flatten() {
            let is_key = match handle {
                Some(handle) => whole.get(*handle)?.is_some_and(|out| out.rows == out.distinct && !out.unsettled),
                None => true,
            };
            let names: Vec<String> = columns.iter().map(|index| prepare.rule_schema.field(*index).name().clone()).collect();
            if is_key && names.iter().all(|name| privacy.mask_of(name).is_none()) {
                keys.push(CandidateKey { columns: names });
            }
        }
        Ok(keys)
    }

    /// How the columns go together; nothing of masked ones.
    pub(in crate::audit) fn correlations(
        &self,
        prepare: &Prepare,
        plans: &[ColumnPlan],
        facts: &Facts,
        privacy: &Privacy,
    ) -> Result<Option<Correlations>, Fault> {
        let whole = GroupFacts::whole(facts);
        let Some(sample) = whole.get(self.sample)? else { return Ok(None) };
        let rows = sample.len().min(CORRELATION_ROWS);
        let (mut numbers, mut categories) = (Vec::new(), Vec::new());
        for (place, index) in self.columns.iter().enumerate() {
            let name = prepare.rule_schema.field(*index).name();
            let plan = plans.iter().find(|plan| plan.index == *index);
            let Some(out) = plan.map(|plan| plan.overview(&whole)).transpose()?.flatten() else { continue };
            let is_identifier = plan.and_then(|plan| plan.drawn.as_ref()).is_some_and(|drawn| drawn.role == Some(Role::Identifier));
            if privacy.mask_of(name).is_some() || is_identifier || out.distinct.count < 2 {
                continue;
            }
            let values = &sample.columns[place][..rows];
            match prepare.rule_schema.field(*index).data_type() {
                t if is_numeric(t) => numbers.push((name, values)),
                DataType::Boolean => categories.push((name, values)),
                _ if out.texts.is_some() && out.distinct.count <= CATEGORIES_MAX => categories.push((name, values)),
                _ => {}
            }
        }
        let columns = numbers.len() + categories.len();
        let mut pairs = of_numbers(&numbers);
        pairs.extend(of_categories(&categories));
        pairs.sort_by(|a, b| b.strength().total_cmp(&a.strength()));
        pairs.truncate(TOLD_MAX);
        let exact = rows as u64 == sample.rows;
        Ok(Some(Correlations { rows: rows as u64, exact, columns: columns as u64, left_out: self.left_out, pairs }))
    }
}

/// A column that may be part of a key.
struct Part {
    index: usize,
    /// Its place in the sample.
    place: usize,
    distinct: u64,
    rows: u64,
}

impl Part {
    /// Whether no two rows of the sample agree in both columns, and all rows may differ in them.
    fn may_be_key_with(&self, other: &Self, sample: &SampleOut) -> bool {
        if u128::from(self.distinct) * u128::from(other.distinct) < u128::from(self.rows) {
            return false;
        }
        let mut seen: HashSet<(u64, u64), foldhash::fast::FixedState> = HashSet::default();
        sample.columns[self.place].iter().zip(&sample.columns[other.place]).all(|(a, b)| seen.insert((*a, *b)))
    }
}

fn spec() -> KeysSpec {
    KeysSpec {
        keep: Keep::First,
        rows: KeyRows::Whole,
        normalize: Normalize::default(),
        optimistic: false,
        beside: None,
        lookup: Lookup::default(),
    }
}

type Sampled<'a> = (&'a String, &'a [u64]);

fn of_numbers(columns: &[Sampled<'_>]) -> Vec<Correlation> {
    let floats: Vec<Vec<f64>> = columns
        .iter()
        .map(|(_, values)| values.iter().map(|v| if *v == MISSING { f64::NAN } else { f64::from_bits(*v) }).collect())
        .collect();
    let mut pairs = Vec::new();
    for i in 0..columns.len() {
        for j in i + 1..columns.len() {
            let Some(pearson) = pearson(&floats[i], &floats[j]).filter(|r| r.abs() >= TOLD_MIN * 0.8) else { continue };
            let both: Vec<(f64, f64)> =
                floats[i].iter().copied().zip(floats[j].iter().copied()).filter(|(x, y)| (x - y).is_finite()).collect();
            let (x, y): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
            let pair = Correlation {
                columns: [columns[i].0.clone(), columns[j].0.clone()],
                pearson: Some(rounded(pearson)),
                spearman: self::pearson(&ranks(&x), &ranks(&y)).map(rounded),
                cramers_v: None,
            };
            if pair.strength() >= TOLD_MIN {
                pairs.push(pair);
            }
        }
    }
    pairs
}

/// To six digits: what lies behind them is rounding.
fn rounded(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// Pearson's r of the rows that have both values, finite ones; none where one does not vary.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let both = || x.iter().zip(y).map(|(x, y)| (*x, *y)).filter(|(x, y)| (x - y).is_finite());
    let (mut n, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    both().for_each(|(x, y)| (n, sum_x, sum_y) = (n + 1.0, sum_x + x, sum_y + y));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    both().for_each(|(x, y)| {
        let (x, y) = (x - mean_x, y - mean_y);
        (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
    });
    let r = xy / (xx.sqrt() * yy.sqrt());
    (n > 2.0 && r.is_finite()).then(|| r.clamp(-1.0, 1.0))
}

/// The ranks of values, equal ones with the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for run in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
        let rank = before + (run.len() as f64 + 1.0) / 2.0;
        run.iter().for_each(|i| ranks[*i as usize] = rank);
        before += run.len() as f64;
    }
    ranks
}

fn of_categories(columns: &[Sampled<'_>]) -> Vec<Correlation> {
    let mut pairs = Vec::new();
    for i in 0..columns.len() {
        for j in i + 1..columns.len() {
            let mut cells: BTreeMap<(u64, u64), u64> = BTreeMap::new();
            for (a, b) in columns[i].1.iter().zip(columns[j].1).filter(|(a, b)| **a != MISSING && **b != MISSING) {
                *cells.entry((*a, *b)).or_default() += 1;
            }
            let named: Vec<([String; 2], u64)> = cells.iter().map(|((a, b), count)| ([a.to_string(), b.to_string()], *count)).collect();
            let cells = named.iter().map(|([a, b], count)| ((a.as_str(), b.as_str()), *count));
            if let Some(v) = cramers_v(cells).filter(|v| *v >= TOLD_MIN) {
                let columns = [columns[i].0.clone(), columns[j].0.clone()];
                pairs.push(Correlation { columns, pearson: None, spearman: None, cramers_v: Some(rounded(v)) });
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scipy 1.17: `pearsonr(x, y)[0]`, `spearmanr(x, y)[0]`.
    #[test]
    fn coefficients_are_those_of_scipy() {
        let x = [1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0];
        let y = [2.0, 1.0, 4.0, 4.0, 9.0, 7.0, 30.0, 25.0];
        assert_eq!(rounded(pearson(&x, &y).expect("r")), 0.88659);
        assert_eq!(rounded(pearson(&ranks(&x), &ranks(&y)).expect("rho")), 0.89759);
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(pearson(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }
}
