//! `gate_bias`: what it says in a rule file, and how it binds. [`check`] judges the groups.

mod check;
mod explain;

use schemars::JsonSchema;
use serde::Deserialize;

use self::check::{GateBiasCheck, Terms};
use super::earlier::beside_one;
use super::words::{Over, Points, Share};
use super::{Alone, Binder, EarlierLimit, Explanation, Judge, Judges, Rule, Subject, Told};
use crate::diagnostic::{Code, Faults};
use crate::metric::groups::GroupCounts;
use crate::yaml::{Position, Spanned};

/// Groups that lose more of their rows to the gate than others.
///
/// Each group's rejection rate, the share of its rows that are set aside, is compared with that of all other rows together, with
/// Newcombe's interval of the difference (1998, method 10). Beside it stand the group's share of the rows before the gate and
/// behind it.
///
/// Every run that sets rows aside has such a finding for the groups that its rules declare (`groups` of `representation` and
/// `outcome`), whether the rule file has this rule or not; what the rule file says of these groups takes its place. It only
/// reports, unless `max` is given:
///
/// | the interval of the difference lies | outcome of the group with `max: 5 points` |
/// |---|---|
/// | wholly beyond 5 points, up or down | `fail` |
/// | wholly within | `pass` |
/// | across it | `insufficient_evidence`, a warning |
///
/// `warn: 3 points` beside `max` is an earlier limit: a group that is within `max` and wholly beyond it is a warning.
///
/// - All rows left by `clean` are looked at, whatever other rules do with them; those that are set aside fail a rule with
///   `on_fail: quarantine`. Records that cannot be read are in no group, since it is not known which.
/// - Groups with fewer rows than `min_rows` are shown and not judged, but are part of the rest. `require_evidence: true`:
///   `insufficient_evidence` and groups that are not judged fail.
/// - Several columns form intersections. A missing value is a group, written `(missing)`.
/// - Judged is a batch as a whole. Of published batches, and of windows of a stream, nobody knows what was set aside: `no_data`.
///
/// Over all: the rejection rate, and the total variation distance of the groups' shares behind the gate from those before it.
///
/// - Missing values and NaN: they are a group, `(missing)`.
/// - Infinities: each is a group.
/// - No rows: `no_data`; so is one group alone, with `max`. Where no row is set aside, the rule passes.
///
/// Why: a gate that mostly drops the rows of one group makes the data worse for it, whatever its rules are about: people with
/// long names, with an old form, from the one site with the broken sensor.
///
/// ```yaml
/// - gate_bias: { groups: [gender] }
/// - gate_bias: { groups: [site, gender], max: 5 points, min_rows: 100, on_fail: warn }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateBias {
    /// The columns whose combined values are the groups.
    groups: Vec<Spanned<String>>,
    /// How far a group's rejection rate may lie from that of all others. If left out: any distance, and the rule only reports.
    max: Option<Points>,
    /// The confidence of the intervals. If left out: 95%.
    confidence: Option<Spanned<Share>>,
}

const NO_CONFIDENCE: &str = "a confidence lies between 0% and 100%, both excluded";

impl GateBias {
    /// Of these columns, with nothing more said.
    pub(super) fn of(groups: &[String]) -> Self {
        let named = |name: &String| Spanned { at: Position::default(), value: name.clone() };
        Self { groups: groups.iter().map(named).collect(), max: None, confidence: None }
    }

    fn improper(&self) -> Option<&Spanned<Share>> {
        self.confidence.as_ref().filter(|c| !c.value.is_proper())
    }
}

impl Rule for GateBias {
    const NAME: &'static str = "gate_bias";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const JUDGES: Judges = Judges::Gate;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn validate(&self, alone: &mut Alone<'_>) {
        if let Some(given) = self.improper() {
            alone.fault_at(given, Code::InvalidValue, NO_CONFIDENCE);
        }
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let mut columns = Vec::new();
        for name in &self.groups {
            columns.extend(faults.take(to.find(name)));
        }
        if self.groups.is_empty() {
            faults.push(to.fault(Code::InvalidValue, "`groups` names no column"));
        }
        if let Some(given) = self.improper() {
            faults.push(to.fault_at(given, Code::InvalidValue, NO_CONFIDENCE));
        }
        let limits: Vec<Points> = self.max.into_iter().collect();
        let warn = faults.take(beside_one(&limits, to, Points::comes_before)).flatten();
        faults.or_ok(())?;
        to.judge_all_rows();
        let indices: Vec<usize> = columns.iter().map(|column| column.index).collect();
        Ok(Box::new(GateBiasCheck {
            before: to.want_over::<GroupCounts>(Over::All, (), &indices),
            sound: to.want_over::<GroupCounts>(Over::Sound, (), &indices),
            looked: None,
            terms: Terms {
                max: self.max,
                warn,
                confidence: self.confidence.as_ref().map_or(0.95, |c| c.value.as_f64()),
                min_rows: to.policy.min_rows.unwrap_or(0),
                require_evidence: to.policy.require_evidence,
            },
            names: columns.into_iter().map(|column| column.name).collect(),
            columns: indices,
        }))
    }
}
