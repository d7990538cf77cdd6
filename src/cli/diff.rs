//! `sluicegate diff`

use clap::Args;
use serde_json::Value as Json;

use super::exit::ExitCode;
use super::two::{Two, reported};
use crate::compare;
use crate::diagnostic::{Fault, Faults};
use crate::report::Report;
use crate::rules::paired::Apart;
use crate::rules::schema::ChangeKind;
use crate::rules::words::Tolerance;
use crate::verdict::Verdict;

/// Options of `diff`.
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    two: Two,
    /// The columns that tell rows apart; may be given again
    #[arg(short, long = "key", value_name = "COLUMN", required = true, value_delimiter = ',')]
    key: Vec<String>,
    /// Compare these columns alone; may be given again
    #[arg(long = "columns", value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
    /// How far values of a column may be apart: 0.01, 1% of the value in A, 5s between times; without a column, of all numbers; may be
    /// given again
    #[arg(long = "tolerance", value_name = "[COLUMN=]DISTANCE", value_parser = tolerance)]
    tolerances: Vec<(String, Apart)>,
    /// Compare the rows for which this SQL condition holds
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,
    /// So many of the keys in both may be changed; without a limit, nothing may differ
    #[arg(long, value_name = "LIMIT", value_parser = str::parse::<Tolerance>)]
    max_changed: Option<Tolerance>,
    /// So many of B's rows may be added
    #[arg(long, value_name = "LIMIT", value_parser = str::parse::<Tolerance>)]
    max_added: Option<Tolerance>,
    /// So many of A's rows may be removed
    #[arg(long, value_name = "LIMIT", value_parser = str::parse::<Tolerance>)]
    max_removed: Option<Tolerance>,
    /// Rows that are shown with their values
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=100))]
    samples: u16,
}

/// Reads `price=0.01`, or `1e-9` for all numbers.
fn tolerance(text: &str) -> Result<(String, Apart), String> {
    let (column, apart) = text.rsplit_once('=').unwrap_or(("*", text));
    apart.parse().map(|apart| (column.to_owned(), apart)).map_err(|why: crate::diagnostic::Misread| why.to_string())
}

impl Diff {
    pub(super) fn run(&self) -> ExitCode {
        let code = |report: &Report| match report.verdict {
            Verdict::Undecided => 2,
            Verdict::Accept | Verdict::Quarantine | Verdict::Reject => u8::from(report.has_warnings()),
        };
        self.two.run(|| self.compared().map_err(without_places), code)
    }

    fn compared(&self) -> Result<Report, Faults> {
        let begun = self.two.begin()?;
        let found = compare::found_columns(&self.two.typed(&begun, &self.two.a)?);
        let rules = self.two.with_sections(&self.rules(&begun.dataset))?;
        let mut audited = self.two.judged(&begun, &rules)?;
        // A difference by itself: a column that only one has, where neither columns nor limits say what counts. Types that have
        // values in common are compared, and of others the rule tells.
        let has_limits = self.max_changed.is_some() || self.max_added.is_some() || self.max_removed.is_some();
        let is_free = has_limits || !self.columns.is_empty();
        let of_types = [ChangeKind::TypeWidened, ChangeKind::TypeNarrowed];
        compare::add_schema(&mut audited, &found, |change| !is_free && !of_types.contains(&change.kind));
        Ok(reported(&begun, &rules, &audited))
    }

    /// The rule, as a rule file has it.
    fn rules(&self, dataset: &str) -> String {
        let quoted = |text: &str| Json::from(text).to_string();
        let list = |names: &[String]| format!("[{}]", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "));
        let mut rule = format!("against: [{}], key: {}, on_fail: warn, on_no_data: stop", quoted(&self.two.a), list(&self.key));
        if !self.columns.is_empty() {
            rule.push_str(&format!(", columns: {}", list(&self.columns)));
        }
        let tolerance = |(column, apart): &(String, Apart)| format!("{}: {}", quoted(column), quoted(&apart.to_string()));
        let tolerances: Vec<String> = self.tolerances.iter().map(tolerance).collect();
        if !tolerances.is_empty() {
            rule.push_str(&format!(", tolerance: {{ {} }}", tolerances.join(", ")));
        }
        rule.extend(self.condition.iter().map(|condition| format!(", where: {}", quoted(condition))));
        let limits = [("max_changed", self.max_changed), ("max_added", self.max_added), ("max_removed", self.max_removed)];
        for (word, limit) in limits {
            rule.extend(limit.map(|limit| format!(", {word}: {}", quoted(&limit.to_string()))));
        }
        let (dataset, samples) = (quoted(dataset), self.samples);
        format!("dataset: {dataset}\nprofile: none\nsamples: {samples}\nrules:\n  - diff: {{ id: diff, {rule} }}\n")
    }
}

/// The rule stands in no file that anyone could look at.
fn without_places(faults: Faults) -> Faults {
    let is_ours = |fault: &Fault| fault.place.as_ref().is_some_and(|place| place.file == "compare");
    Faults(faults.0.into_iter().map(|fault| if is_ours(&fault) { Fault { place: None, ..fault } } else { fault }).collect())
}
