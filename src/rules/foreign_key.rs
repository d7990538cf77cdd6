use schemars::JsonSchema;
use serde::Deserialize;

use super::explained::{self, Is, Test, by_group};
use super::key_lookup::KeyLookup;
use super::words::Elsewhere;
use super::{Binder, Explanation, Judge, Judges, Rule, Subject, Told};
use crate::diagnostic::{Code, Faults};
use crate::findings::{Outcome, figures};
use crate::metric::keys::Lookup;
use crate::yaml::Spanned;

/// Rows whose key does not occur in other data.
///
/// As a foreign key of SQL: each key must be one of `in`, a column of a source that the section `sources` names
/// (`customers.id`), or `{ source: PATH, column: NAME }`: a file, a glob, a directory or a Delta table, read as the batch is. For
/// a key of several columns write `key` and as many `columns`; without names there, they are called as here. Values are read as
/// the batch's columns are (so `007` stays a text where it is one here, and 2 equals 2.0); what cannot be read so is no key. Text
/// against numbers is `no_data` with the reason. `clean` and `transform` are for the batch, not for the other data.
///
/// `in` also takes a column of another table of the rule file, where it has several (`tables`). Then the key must be that of a row
/// that passes there, or that is published already; a row that lacks its parent since that one was set aside says so.
///
/// `cardinality: { max: 1 }` is one to one: at most one row of the batch has a key. Of a key that more rows have, all of them fail.
/// `cardinality: { min: 1 }` asks for a row of each key there. A key without rows is no row that could be set aside, so such a rule rejects the
/// batch unless `on_fail` says otherwise; all keys there are held then, or spilled.
///
/// Neither side is held in memory: keys are 128-bit hashes over canonical values, which spill to disk past `--memory-limit`. With
/// `by`, the other data are read once for each group. The figures count the different keys that do not occur (`absent_keys`).
///
/// - Missing values and NaN: a row that lacks a part of its key passes, as in SQL (`match simple`); `missing` judges those. A
///   missing value there is no key.
/// - Infinities: they are values, and each equals itself.
/// - No rows: `no_data`, also where no row has a complete key. Where the other data have no rows, every key is absent and fails.
///
/// Why: an order of a customer who is not there falls out of every join, and nobody sees it go.
///
/// ```yaml
/// - foreign_key: { column: customer_id, in: customers.id }
/// - foreign_key: { column: shop, in: { source: data/shops.csv, column: code }, tolerate: 0.1% }
/// - foreign_key: { column: order_id, in: orders.id, cardinality: { max: 1 } }
/// - foreign_key: { key: [country, zip], in: { source: data/places.parquet, columns: [country, code] } }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForeignKey {
    /// The columns that together make the key. If left out: `column` is the key.
    key: Option<Spanned<Vec<Spanned<String>>>>,
    /// Where the key must occur.
    r#in: Spanned<Elsewhere>,
    /// How many rows may have one key. If left out: any number.
    cardinality: Option<Spanned<Cardinality>>,
}

/// How many children a parent may have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cardinality {
    /// So many rows of the batch each key of the other data must have; of a table that is judged beside this one, each key of
    /// a row that passes. If left out: none.
    #[schemars(range(min = 1))]
    min: Option<u32>,
    /// So many rows of the batch may have one key: 1 for one to one. Of a key that more rows have, all of them fail. If left out:
    /// any number.
    #[schemars(range(min = 1))]
    max: Option<u32>,
}

impl Rule for ForeignKey {
    const NAME: &'static str = "foreign_key";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const JUDGES: Judges = Judges::Measures;
    const ABOUT_ROWS: &'static [&'static str] = &["key"];

    fn explain(told: &Told<'_>) -> Explanation {
        by_group(told, |told, explanation| {
            if let Some((distinct, absent)) = told.figure(&figures::DISTINCT).zip(told.figure(&figures::ABSENT_KEYS)) {
                let found = (distinct.clone() - absent) / distinct;
                explanation.derives("share of keys that occur", "(distinct keys − absent keys) / distinct keys", found);
            }
            if let Some(lacking) = told.figure(&figures::LACKING_KEYS) {
                explanation.asks("has a key of the other data too few rows?", Test::of(lacking, Is::Above, 0u64), Outcome::Fail);
            }
            explained::rows(told, explanation);
        })
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let columns = match &self.key {
            None => vec![to.column()],
            Some(key) if key.is_empty() => {
                return Err(to.fault_at(key, Code::InvalidValue, "`key` names no column").hint("write `key: [a, b]`").into());
            }
            Some(key) => key.value.iter().filter_map(|name| faults.take(to.find(name))).collect(),
        };
        faults.or_ok(())?;
        let query = to.elsewhere(&self.r#in, &columns)?;
        let says = format!("with a key that does not occur in {}", query.name);
        let lookup = KeyLookup::bind(query, &columns, Lookup::Absent, says, to);
        let Some(cardinality) = &self.cardinality else { return Ok(Box::new(lookup)) };
        let Cardinality { min, max } = cardinality.value;
        let wrong = match (min, max) {
            (None, None) => Some("`cardinality` limits nothing".to_owned()),
            (Some(0), _) => Some("`min: 0` limits nothing".to_owned()),
            (_, Some(0)) => Some("`max: 0` lets no row have a key".to_owned()),
            (Some(min), Some(max)) if min > max => Some(format!("`min: {min}` is more than `max: {max}`")),
            (Some(_), _) | (_, Some(_)) => None,
        };
        if let Some(wrong) = wrong {
            return Err(to.fault_at(cardinality, Code::InvalidValue, wrong).hint("write `cardinality: { min: 1, max: 5 }`").into());
        }
        if min.is_some() {
            to.rejects_unless_given("min", "write two rules: the one without `min` sets rows aside")?;
        }
        Ok(Box::new(lookup.limited(min, max)))
    }

    fn looks_into(&self) -> Vec<Spanned<Elsewhere>> {
        vec![self.r#in.clone()]
    }
}
