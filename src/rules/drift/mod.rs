//! `drift`: what it says in a rule file, and how it binds. [`words`] reads its limits, [`sides`] lays batch and baseline side by
//! side, [`check`] chooses the test; [`measured`], [`chance`] and [`values`] are the tests, [`moving`] what none of them is for, [`shown`] is what reports show of them.

mod chance;
mod check;
mod explain;
mod measured;
mod moving;
mod shown;
mod sides;
mod values;
mod words;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use self::check::DriftCheck;
use super::words::{Against, Literal, Share};
use super::{Binder, EarlierLimit, Explanation, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::cells::{Cells, CellsKind, kind_of};
use crate::metric::distinct::Distinct;
use crate::metric::moments::Moments;
use crate::metric::{Transform, is_numeric, is_ordered};
use crate::types::type_name;
use crate::yaml::Spanned;

/// Columns whose values are distributed otherwise than before.
///
/// | `test` | what is compared | it fails | what it takes |
/// |---|---|---|---|
/// | `auto` | `ks` where the baseline holds numbers, dates or times, else `chi2`. The message says which | | `alpha`, `min_effect` |
/// | `ks` | the largest distance D of the distribution functions (Kolmogorov and Smirnov) | p below `alpha` and D at least `min_effect` | `alpha`, `min_effect` |
/// | `chi2` | counts of categories (Pearson's χ² of homogeneity); those with an expected count below 5 are pooled | p below `alpha` and Cramér's V at least `min_effect` | `alpha`, `min_effect` |
/// | `psi` | the population stability index Σ (p − q)·ln(p / q), no share below 0.0001 | beyond `max` | `max` (0.2), `warn` (0.1) |
/// | `js` | the Jensen–Shannon distance: the root, in base 2, 0 to 1 | beyond `max` | `max`, `warn` |
/// | `hellinger` | Hellinger's distance, 0 to 1 | beyond `max` | `max`, `warn` |
/// | `linf` | the largest difference of a category's shares | beyond `max` | `max`, `warn` |
/// | `wasserstein` | the Wasserstein distance W₁, in standard deviations of the baseline | beyond `max` | `max`, `warn` |
/// | `null_share` | the share of rows without a value | it differs by more than `max`, and p is below `alpha` | `max` (1 point), `alpha` |
/// | `cardinality` | how many different values there are | it differs by more than `max`, a share | `max`, `warn` |
/// | `new_values` | rows whose value the baseline never had | there are more than `max` | `max` (none), `warn` |
///
/// - `auto` does not judge what moves on by nature, and says so: dates and times of which half lie behind all of the baseline, and
///   whole numbers that nearly all differ and count on or leave few out, such as ids. A test that is named judges them.
/// - A p-value alone never decides: of enough rows, a difference that nobody minds has a small one. It is adjusted to the number
///   of columns and groups of this rule (Benjamini and Hochberg), and the effect must be at least `min_effect`. V is that of
///   samples of one size, so that it does not shrink where the baseline is much larger than the batch. The p-value of `ks` is
///   that of scipy's `ks_2samp(method="asymp")`, that of `null_share` is Fisher's exact one.
/// - `psi`, `js` and `hellinger` put numbers into the deciles of the baseline, with open ends; a value that several deciles fall
///   on is a bin of its own. Text and booleans are categories. Of these `psi` pools those that have less than 1 % of the baseline,
///   and those that the baseline has not. Where the baseline has many values once, as many new ones are expected (Good 1953);
///   they are no drift.
/// - Tests that a p-value decides (`auto`, `ks`, `chi2`, `null_share`) warn; the others reject. `on_fail` says otherwise.
/// - `linf` and `chi2` take each value as a category, also of numbers.
/// - Too few rows: `insufficient_evidence`, with the number of rows that would do. `psi` needs χ²₀.₉₅(bins − 1)·(1/n + 1/m) below
///   `max`: what one of 20 healthy batches exceeds. The other distances need the same of their own noise.
/// - A summary keeps cells of values. Where what lies inside of cells could change the verdict, it is withheld: `insufficient_evidence`.
/// - Missing values and NaN: they are left out; `null_share` counts them.
/// - Infinities: they lie at the ends; `wasserstein` leaves them out.
/// - One value only in the baseline: `no_data`; there is no spread to compare with.
/// - No rows: `no_data`, here or in the baseline.
///
/// [statistics.md](statistics.md#drift) has definitions, false alarms and power.
///
/// Why: a model meets data that it was not trained on, a unit changes, a source dries up, and each row by itself looks well.
///
/// ```yaml
/// - drift: { columns: "*" }
/// - drift: { column: price, test: psi, warn: 0.1, max: 0.2 }
/// - drift: { column: country, test: new_values, max: 1%, against: data/last-month/*.parquet }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Drift {
    /// What the batch is compared with. If left out: the rule file's `baseline`.
    against: Option<Against>,
    /// How it is compared. If left out: `auto`.
    test: Option<Test>,
    /// The largest distance that is fine: a number; for `null_share` points, for `cardinality` a share, for `new_values` a share or rows. If left out: 0.2 for `psi`, 1 point for `null_share`, none for `new_values`; the other tests that take it need it.
    max: Option<Spanned<Literal>>,
    /// Chance explains what is at least as probable as this. If left out: 0.001.
    alpha: Option<Spanned<Share>>,
    /// The smallest D or V that matters. If left out: 0.1.
    min_effect: Option<Spanned<Share>>,
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Test {
    /// `ks` or `chi2`, by the baseline's type.
    Auto,
    /// Kolmogorov and Smirnov's test.
    Ks,
    /// Pearson's test of homogeneity.
    Chi2,
    /// The population stability index.
    Psi,
    /// The Jensen–Shannon distance.
    Js,
    /// Hellinger's distance.
    Hellinger,
    /// The largest difference of shares.
    Linf,
    /// The Wasserstein distance.
    Wasserstein,
    /// The share of missing values.
    NullShare,
    /// The number of different values.
    Cardinality,
    /// Values that the baseline never had.
    NewValues,
}

impl Test {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ks => "ks",
            Self::Chi2 => "chi2",
            Self::Psi => "psi",
            Self::Js => "js",
            Self::Hellinger => "hellinger",
            Self::Linf => "linf",
            Self::Wasserstein => "wasserstein",
            Self::NullShare => "null_share",
            Self::Cardinality => "cardinality",
            Self::NewValues => "new_values",
        }
    }

    /// Whether a p-value decides.
    fn is_by_chance(self) -> bool {
        match self {
            Self::Auto | Self::Ks | Self::Chi2 | Self::NullShare => true,
            Self::Psi | Self::Js | Self::Hellinger | Self::Linf | Self::Wasserstein | Self::Cardinality | Self::NewValues => false,
        }
    }

    /// Why it cannot judge a column of this type.
    fn unfit(self, data_type: &DataType) -> Option<&'static str> {
        match self {
            Self::Ks if !is_ordered(data_type) => Some("numbers, dates or times"),
            Self::Wasserstein if !is_numeric(data_type) => Some("numbers"),
            Self::Auto
            | Self::Ks
            | Self::Chi2
            | Self::Psi
            | Self::Js
            | Self::Hellinger
            | Self::Linf
            | Self::Wasserstein
            | Self::NullShare
            | Self::Cardinality
            | Self::NewValues => None,
        }
    }
}

impl Rule for Drift {
    const NAME: &'static str = "drift";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const ON_FAIL_DEPENDS: bool = true;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let test = self.test.unwrap_or(Test::Auto);
        let mut faults = Faults::default();
        if let Some(needs) = test.unfit(&column.data_type) {
            let what = format!("`test: {}` needs {needs}, but `{}` is {}", test.name(), column.name, type_name(&column.data_type));
            faults.push(to.fault(Code::UnfitColumn, what).hint("write `test: chi2`, or `psi`, which compare categories too"));
        }
        let limits = faults.take_all(self.limits(test, to));
        let against = self.against.as_ref().map_or_else(|| to.default_against(), |against| against.0.clone());
        let theirs = faults.take(to.beside::<Cells>(&against, (), &[column.index]));
        let (Some(limits), Some(theirs)) = (limits, theirs) else { return Err(faults) };
        faults.or_ok(())?;
        if test.is_by_chance() {
            to.warn_unless_given();
        }
        let one = [column.index];
        let (mut moments, mut distinct) = (None, None);
        if test == Test::Wasserstein {
            moments = Some(to.beside::<Moments>(&against, Transform::IDENTITY, &one)?);
        }
        if test == Test::Cardinality || (test == Test::Auto && column.data_type.is_integer()) {
            distinct = Some((to.want::<Distinct>((), &one), to.beside::<Distinct>(&against, (), &one)?));
        }
        let is_boolean = column.data_type == DataType::Boolean;
        Ok(Box::new(DriftCheck {
            test,
            limits,
            is_category: is_boolean || kind_of(&column.data_type) == CellsKind::Texts,
            data_type: column.data_type,
            against: against.to_string(),
            require_evidence: to.policy.require_evidence,
            ours: to.want::<Cells>((), &one),
            theirs,
            moments,
            distinct,
        }))
    }
}

impl Drift {
    /// A fault for a word that has no meaning beside the test.
    fn misplaced<T>(&self, word: &str, given: &Spanned<T>, test: Test, hint: &str, to: &Binder<'_>) -> Fault {
        to.fault_at(given, Code::MisplacedWord, format!("`{word}` has no meaning beside `test: {}`", test.name())).hint(hint)
    }
}
