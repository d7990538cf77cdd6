mod check;
mod explain;

use schemars::JsonSchema;
use serde::Deserialize;

use self::check::DiffCheck;
use super::earlier::beside_one;
use super::paired::{Apart, DiffQuery};
use super::words::{Against, AgainstWord, Ordered, Texts, Tolerance};
use super::{Binder, EarlierLimit, Explanation, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::completeness::Completeness;
use crate::metric::{is_numeric, is_ordered};
use crate::types::type_name;
use crate::yaml::Spanned;

/// Rows that were added, removed or changed beside other data, by their key.
///
/// The rows of the batch and of `against` are paired by `key`, whatever their order. A row is *added* if only the batch has its key,
/// *removed* if only the other data have it, *changed* if both have it and a compared column differs. All rows left by `clean` are
/// compared; with `where`, those of both that it speaks of. Exact up to a collision of 128-bit hashes, in bounded memory.
///
/// Values are compared as values: an int32 2 is an int64 2 and a decimal 2.00, −0 is 0, a date is the midnight of a timestamp. A
/// decimal equals the float nearest to it. Timestamps without a zone are taken as UTC. Lists and records are equal if all that lies in
/// them is. Columns of kinds without a value in common (text and numbers) are not compared, and that is said. `tolerance` lets numbers
/// be apart: `0.01` in the column's unit, |here − there| ≤ 0.01; `1%` of the other value, |here − there| ≤ 0.01·|there|; times by `5s`.
/// Integers and decimals are compared exactly, floats as floats are.
///
/// Rows whose key occurs several times on one side, or lacks a part, cannot be paired: they are counted, and the rule fails.
/// `max_changed` is held against the keys in both, `max_added` against the batch's rows, `max_removed` against the other's. Where none of
/// the three is given, no difference is allowed, of columns neither; where one is, only what has a limit is judged, and the rest is said.
/// Beside one of them `warn` is an earlier limit.
///
/// - Missing values and NaN: equal to each other, and to no value; a missing part makes a key no key.
/// - Infinities: they are values, and each equals itself, whatever the tolerance.
/// - No rows: `no_data`, here or there.
///
/// Why: a refactored job must give what it gave before; a snapshot must not change its past.
///
/// ```yaml
/// - diff: { against: yesterday.parquet, key: id, max_changed: 1%, max_removed: 0 }
/// - diff: { against: old.csv, key: [order_id, line], columns: [price, status], tolerance: { price: 0.01 } }
/// - diff: { against: expected.parquet, key: id, tolerance: { "*": 0.001 } }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Diff {
    /// What the batch is compared with: a path, a glob or a directory, a list of them, or a name of the section `sources`.
    against: Spanned<Against>,
    /// The columns that tell rows apart: one, or a list.
    key: Spanned<Texts>,
    /// The columns that are compared. If left out: all that both have.
    columns: Option<Spanned<Texts>>,
    /// How far values may be apart, by column or pattern of columns: `0.01`, `1%`, `5s`. If left out: they must be equal.
    #[serde(default)]
    tolerance: Ordered<Spanned<Apart>>,
    /// So many of the keys in both may be changed. If left out: see above.
    max_changed: Option<Spanned<Tolerance>>,
    /// So many of the batch's rows may be added. If left out: see above.
    max_added: Option<Spanned<Tolerance>>,
    /// So many of the other's rows may be removed. If left out: see above.
    max_removed: Option<Spanned<Tolerance>>,
}

/// How much may differ.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    changed: Option<Tolerance>,
    added: Option<Tolerance>,
    removed: Option<Tolerance>,
    /// An earlier limit, where there is one limit alone.
    warn: Option<Tolerance>,
}

impl Rule for Diff {
    const NAME: &'static str = "diff";
    const CLAIMS: &'static [&'static str] = &["columns"];
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const COUNTS_ROWS: bool = true;
    const TAKES_GROUPS: bool = false;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        faults.take(to.judges_the_batch("diff"));
        let AgainstWord::Paths(against) = &self.against.value.0 else {
            let what = format!("rows cannot be compared with {}: no row of it is kept", self.against.value.0);
            faults.push(
                to.fault_at(&self.against, Code::Unsupported, what).hint("name data, such as the path of the table: `against: PATH`"),
            );
            return Err(faults);
        };
        if self.key.value.0.is_empty() {
            faults.push(to.fault_at(&self.key, Code::InvalidValue, "`key` names no column").hint("write `key: id`, or `key: [a, b]`"));
        }
        if let Some(none) = self.columns.as_ref().filter(|columns| columns.value.0.is_empty()) {
            faults.push(to.fault_at(none, Code::InvalidValue, "`columns` names no column").hint("leave it out to compare all"));
        }
        for named in std::iter::once(&self.key).chain(&self.columns) {
            for name in &named.value.0 {
                let Some(column) = faults.take(to.find(&Spanned { at: named.at, value: name.clone() })) else { continue };
                if to.is_element(column.index) {
                    let fault = to.fault_at(named, Code::UnfitColumn, format!("`{name}` has several values a row, and `diff` needs one"));
                    faults.push(fault.hint("name the list itself: lists are compared whole"));
                }
            }
        }
        if let Some(columns) = &self.columns
            && let Some(both) = columns.value.0.iter().find(|name| self.key.value.0.contains(name))
        {
            let fault = to.fault_at(columns, Code::ConflictingWords, format!("`{both}` is of the key, and equal in what is compared"));
            faults.push(fault.hint("leave it out of `columns`"));
        }
        for (name, apart) in &self.tolerance.0 {
            faults.take(self.ensure_fits(name, apart, to));
        }
        faults.or_ok(())?;
        self.settle_types(to);
        let query = DiffQuery {
            against: to.located(against).to_vec(),
            key: self.key.value.0.clone(),
            columns: self.columns.as_ref().map(|columns| columns.value.0.clone()),
            tolerance: self.tolerance.0.iter().map(|(name, apart)| (name.clone(), apart.value)).collect(),
            condition: None,
        };
        let limit = |limit: &Option<Spanned<Tolerance>>| limit.as_ref().map(|limit| limit.value);
        let mut limits =
            Limits { changed: limit(&self.max_changed), added: limit(&self.max_added), removed: limit(&self.max_removed), warn: None };
        let given: Vec<Tolerance> = [limits.changed, limits.added, limits.removed].into_iter().flatten().collect();
        limits.warn = beside_one(&given, to, |warn: Tolerance, limit: Tolerance| warn.comes_before(&limit))?;
        Ok(Box::new(DiffCheck { query, limits, against: self.against.value.0.to_string(), asked: None }))
    }
}

impl Diff {
    /// Whether the tolerance is for a column that is compared, and of its kind.
    fn ensure_fits(&self, name: &str, apart: &Spanned<Apart>, to: &Binder<'_>) -> Result<(), Fault> {
        if name.contains(['*', '?']) && to.named(name).is_none() {
            return match glob::Pattern::new(name) {
                Ok(_) => Ok(()),
                Err(why) => Err(to.fault_at(apart, Code::InvalidValue, format!("`{name}` is not a pattern: {why}"))),
            };
        }
        let column = to.look_up(&Spanned { at: apart.at, value: name.to_owned() })?;
        let is_compared = self.columns.as_ref().is_none_or(|columns| columns.value.0.iter().any(|compared| compared == name));
        if !is_compared || self.key.value.0.iter().any(|key| key == name) {
            let fault = to.fault_at(apart, Code::ConflictingWords, format!("`{name}` has a tolerance, and is not compared"));
            return Err(fault.hint("keys are equal or not; add other columns to `columns`"));
        }
        let fits = match apart.value {
            Apart::Absolute(_) | Apart::Relative(_) => is_numeric(&column.data_type),
            Apart::Time(_) => is_ordered(&column.data_type) && !is_numeric(&column.data_type),
        };
        if fits {
            return Ok(());
        }
        let what = format!("`{}` is no tolerance for `{name}`, which is {}", apart.value, type_name(&column.data_type));
        Err(to.fault_at(apart, Code::UnfitColumn, what).hint("numbers take `0.01` or `1%`, dates and times `5s`"))
    }

    /// Lets columns be read whose types follow from their values: until then, these are guesses.
    fn settle_types(&self, to: &mut Binder<'_>) {
        let named = self.columns.as_ref().map(|columns| columns.value.0.iter().chain(&self.key.value.0));
        let columns: Vec<usize> = match named {
            Some(named) => named.filter_map(|name| Some(to.named(name)?.index)).collect(),
            None => to.all_columns(),
        };
        for column in columns {
            if to.is_inferred(&to.bound(column)) && !to.schema().fields().get(column).is_some_and(|field| field.data_type().is_nested()) {
                to.want::<Completeness>((), &[column]);
            }
        }
    }
}
