mod disguised;
mod explain;
pub mod suspects;
mod together;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, figures};
use crate::metric::completeness::MissingSpec;
use crate::metric::runs::MissingRuns;
use crate::metric::{Column, ColumnStatistics};
use crate::rows::Mask;
use crate::rules::facts::SinglePass;
use crate::rules::judgement::{Judgement, RowsJudged};
use crate::rules::requests::{Handle, TestHandle};
use crate::rules::{Binder, Explanation, GroupFacts, Judge, RowTest, Rule, Subject, Tested, Told};
use crate::shown::count;
use crate::yaml::Spanned;

/// Values that are not there.
///
/// Missing is null, NaN in float columns, and the tokens the source declares as missing. The
/// figure `completeness` is the share of rows that have a value (Deequ's definition).
///
/// `together` names columns that must be missing together or not at all; rows with some of them
/// fail. `disguised` looks for values that stand in for a missing one instead: words such as
/// `unknown` or `n/a`, and numbers and dates such as −1, 0, 999 or 1970-01-01 if they are a spike:
/// there at least three times, and more than three times as often as the most frequent of the other
/// values. −99 and nines from ±999 on must also stand apart from the other values, or beside ten
/// different ones. −1, −9, 0, 9 and 99 must stand beside ten different ones, and apart from them, or
/// be the only negative ones; 0 must be no more frequent than all others together. So flags, codes,
/// small counts and columns that are mostly 0 pass. A value stands apart if it lies beyond all
/// others by more than 1 % of their span (0.6/√n of it among n values below 3,600), and is not the
/// next whole number. It warns unless `on_fail` says more, since it is a suspicion: on healthy
/// columns (flags, counts, zero-inflated or skewed ones, 30 to 10,000 rows) it does so less than 1 % of
/// the time.
///
/// - Missing values and NaN: they fail; that is what the rule is for.
/// - Infinities: they are values.
/// - No rows: `no_data`.
///
/// Why: a model trained on a column that is half empty learns the hole, not the thing.
///
/// ```yaml
/// - missing: { columns: [email, phone], tolerate: 1% }
/// - missing: { column: reading, by: [sensor], max_run: 10 }
/// - missing: { together: [latitude, longitude] }
/// - missing: { columns: "*", disguised: true }
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Missing {
    /// The longest run of consecutive missing values, in source order, that is still right: beyond
    /// it a sensor is dead. With `max_run` and no `tolerate`, single missing values do not fail. All rows in scope count,
    /// those that other rules set aside among them; rows that `where` leaves out, or of another
    /// group, are passed over. If left out: runs are not judged.
    max_run: Option<u64>,
    /// Further texts that mean missing, for this rule alone.
    #[serde(default)]
    tokens: Vec<String>,
    /// Whether text of white space alone is missing.
    #[serde(default)]
    blank: bool,
    /// `missing` inverts the rule: every value must be missing. If left out: values must be there.
    must_be: Option<MustBe>,
    /// Columns of which a row has all values or none; stands instead of `column`. If left out: required unless `column` is given.
    together: Option<Spanned<Vec<Spanned<String>>>>,
    /// Looks for values that stand in for missing ones, instead of missing ones.
    #[serde(default)]
    disguised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum MustBe {
    Missing,
}

impl Rule for Missing {
    const NAME: &'static str = "missing";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const MINDS_KIND: bool = false;
    /// Missing values are what it judges.
    const CLAIMS: &'static [&'static str] = &["nulls"];
    const ABOUT_ROWS: &'static [&'static str] = &["together"];

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        if self.max_run.is_some() && self.must_be.is_some() {
            return Err(to.fault(Code::ConflictingWords, "`max_run` and `must_be` contradict each other").into());
        }
        if let Some(together) = &self.together {
            return together::bind(together, self, to);
        }
        if self.disguised {
            return disguised::bind(self, to);
        }
        let column = to.column();
        let spec = MissingSpec { tokens: self.tokens.clone(), blank: self.blank };
        if self.max_run.is_some() {
            to.judge_all_rows();
            to.tolerate_all_unless_given();
        }
        let runs = self.max_run.map(|max| (max, to.want::<MissingRuns>(spec.clone(), &[column.index])));
        let test = to.row_test(MissingTest { spec, inverted: self.must_be.is_some() }, &[column.index]);
        Ok(Box::new(MissingCheck { test, runs, inverted: self.must_be.is_some() }))
    }

    fn minds_order(&self) -> bool {
        self.max_run.is_some()
    }
}

/// Whether a value is missing.
struct MissingTest {
    spec: MissingSpec,
    inverted: bool,
}

impl RowTest for MissingTest {
    fn test(&self, columns: &[&Column], _: usize) -> Tested {
        let missing = self.spec.mask(columns[0]);
        Tested { fails: if self.inverted { missing.not() } else { missing }, unknown: Mask::None }
    }

    fn passes_by_statistics(&self, statistics: &ColumnStatistics) -> bool {
        if self.inverted { statistics.missing == statistics.rows } else { statistics.missing == 0 }
    }
}

#[derive(Clone)]
struct MissingCheck {
    test: TestHandle,
    runs: Option<(u64, Handle<MissingRuns>)>,
    inverted: bool,
}

impl SinglePass for MissingCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let counts = facts.test(self.test);
        let all = counts.failing + counts.known;
        let missing = if self.inverted { counts.in_scope - all } else { all };
        let mut counted = Figures::from([(&figures::MISSING, missing.into())]);
        if counts.in_scope > 0 {
            let completeness = (counts.in_scope - missing) as f64 / counts.in_scope as f64;
            counted.set(&figures::COMPLETENESS, completeness);
        }
        let mut broken = None;
        let mut says = if self.inverted { "with a value" } else { "without a value" }.to_owned();
        if let Some((max, handle)) = self.runs {
            let longest = facts.get(handle)?.copied().unwrap_or(0);
            counted.set(&figures::LONGEST_RUN, longest);
            match longest > max {
                true => broken = Some(format!("{longest} missing in a row, at most {max} allowed")),
                false => says += &format!(", longest run {}; {} allowed", count(longest), count(max)),
            }
        }
        let (failing, of, known, rows) = (counts.failing, counts.in_scope, counts.known, counts.rows);
        Ok(Judgement::Rows(RowsJudged { failing, of, known, rows, says, figures: counted, broken, ..RowsJudged::default() }))
    }
}
