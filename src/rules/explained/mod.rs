//! The arithmetic of a finding, so that it can be recomputed by hand: from the numbers of its report to its outcome.
//!
//! - [`Told`] is what is known of a finding when only its report is left: its figures, and its rule as it was written.
//! - [`Explanation`] is a list of steps. The first question that is answered with yes gives the outcome.
//! - A rule without arithmetic of its own is explained by [`general`]; others say theirs in their own file, as
//!   [`super::Rule::explain`].
//!
//! Nothing is read but the report, so what is masked there stays masked.

pub(super) mod expr;
mod groups;
mod intervals;
mod limits;
mod shared;

use serde::Serialize;

use crate::findings::{FigureName, Finding, GroupFigures, Message, Outcome, Unit, Value, figures};
use crate::metric::groups::group_name;
use crate::rules::schema::SchemaChange;
use crate::yaml::Node;

pub(super) use groups::worst_group;
pub(super) use intervals::{Named, Proportion, difference, normal_quantile, p_value, ratio, wilson};
pub(super) use limits::{bounds, compared};
pub use shared::general;
pub(super) use shared::{at_limit, rows};

pub(super) use self::expr::{Expr, Is, Test};

/// What a report tells of a finding.
pub struct Told<'a> {
    pub finding: &'a Finding,
    words: Option<Node>,
    /// The findings of the same rule, this one among them, in the order of the report.
    pub beside: &'a [&'a Finding],
    /// How the columns changed, by the same report.
    pub changes: &'a [SchemaChange],
}

impl<'a> Told<'a> {
    pub fn new(finding: &'a Finding, beside: &'a [&'a Finding], changes: &'a [SchemaChange]) -> Self {
        let written = finding.written.as_deref().and_then(|text| Node::parse(text, "report").ok());
        let words = written.and_then(|node| node.entries().first().map(|entry| entry.value.clone()));
        Self { finding, words, beside, changes }
    }

    /// The same rule, of another finding: of one group.
    fn about<'b>(&self, finding: &'b Finding, beside: &'b [&'b Finding]) -> Told<'b>
    where
        'a: 'b,
    {
        Told { finding, words: self.words.clone(), beside, changes: self.changes }
    }

    /// A word of the rule, where it is written and not hidden.
    pub(super) fn word(&self, key: &str) -> Option<&str> {
        let text = self.words.as_ref()?.get(key)?.value.text()?;
        Some(text).filter(|text| *text != crate::privacy::HIDDEN)
    }

    /// Whether the rule has such a word, be it hidden.
    pub(super) fn has(&self, key: &str) -> bool {
        self.words.as_ref().and_then(|words| words.get(key)).is_some()
    }

    pub(super) fn figure(&self, name: &FigureName) -> Option<Expr> {
        self.finding.figures.get(name).and_then(Expr::of_figure)
    }

    /// The same word as a share, points, a number of rows; none where it is not written, or hidden.
    pub(super) fn parsed<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.word(key)?.trim().parse().ok()
    }

    /// A figure that must be there for a step.
    pub(super) fn value(&self, name: &FigureName) -> Value {
        self.finding.figures.get(name).map_or(Value::Nothing, |figure| figure.value.clone())
    }
}

/// A number that the report holds.
#[derive(Debug, Clone, Serialize)]
pub struct Given {
    pub name: String,
    pub value: Value,
    pub unit: Unit,
    /// What it is.
    pub meaning: String,
}

/// A step from the numbers to the outcome.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A number from others: in words, in numbers, and what it comes to.
    Computed { name: String, formula: String, numbers: String, value: Value },
    /// A number of the report that the numbers shown do not give.
    Differs { name: String, reported: Value, computed: Value },
    /// A question, and what a yes makes of the finding.
    Asked { question: String, numbers: String, holds: bool, outcome: Outcome },
    /// What no number decides: the report says it.
    Stated { what: String, outcome: Outcome },
    /// What comes of it if no question was answered with yes.
    Otherwise { outcome: Outcome },
    /// What is said beside.
    Note { what: String },
}

/// A value as an explanation writes it: a number with all of its digits.
pub fn value_text(value: &Value) -> String {
    expr::written(value)
}

/// One group of a finding.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    pub group: String,
    #[serde(flatten)]
    pub explanation: Explanation,
    pub outcome: Outcome,
}

/// How a finding came to its outcome.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Explanation {
    pub numbers: Vec<Given>,
    /// Groups that were judged each by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Part>,
    pub steps: Vec<Step>,
    /// Where the formulas are from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<&'static str>,
}

impl Explanation {
    /// Shows how `reported` is computed.
    pub(super) fn computes(&mut self, name: impl Into<String>, formula: impl Into<String>, numbers: Expr, reported: &Value) {
        self.computed(name, formula, numbers, reported);
    }

    /// The same, where another step goes on with the number; it goes there as it is shown.
    pub(super) fn computed(&mut self, name: impl Into<String>, formula: impl Into<String>, numbers: Expr, reported: &Value) -> Expr {
        let (name, computed) = (name.into(), numbers.value);
        let is_same = reported.as_number().is_none_or(|x| (x - computed).abs() <= 1e-9 * x.abs().max(computed.abs()).max(1e-3));
        let differs = (!is_same).then(|| Step::Differs { name: name.clone(), reported: reported.clone(), computed: computed.into() });
        let value = if is_same && !reported.is_nothing() { reported.clone() } else { computed.into() };
        let shown = Expr::of(&value).unwrap_or_else(|| computed.into());
        self.steps.push(Step::Computed { name, formula: formula.into(), numbers: numbers.text().to_owned(), value });
        self.steps.extend(differs);
        shown
    }

    /// The same of a number that the report does not hold.
    pub(super) fn derives(&mut self, name: impl Into<String>, formula: impl Into<String>, numbers: Expr) -> Expr {
        self.computed(name, formula, numbers, &Value::Nothing)
    }

    pub(super) fn asks(&mut self, question: impl Into<String>, test: Test, outcome: Outcome) {
        let Test { text, holds } = test;
        self.steps.push(Step::Asked { question: question.into(), numbers: text, holds, outcome });
    }

    pub(super) fn states(&mut self, what: impl Into<String>, outcome: Outcome) {
        self.steps.push(Step::Stated { what: what.into(), outcome });
    }

    pub(super) fn otherwise(&mut self, outcome: Outcome) {
        self.steps.push(Step::Otherwise { outcome });
    }

    pub(super) fn notes(&mut self, what: impl Into<String>) {
        self.steps.push(Step::Note { what: what.into() });
    }

    pub(super) fn source(&mut self, source: &'static str) {
        if !self.sources.contains(&source) {
            self.sources.push(source);
        }
    }

    /// Adds what was found of one group.
    pub(super) fn group(&mut self, group: &GroupFigures, mut of_it: Self) {
        of_it.settle(group.outcome, &group.message);
        for source in std::mem::take(&mut of_it.sources) {
            self.source(source);
        }
        self.groups.push(Part { group: group_name(&group.group), explanation: of_it, outcome: group.outcome });
    }

    /// Says so where the steps do not come to what the report says: not all that decided is in it.
    fn settle(&mut self, outcome: Outcome, message: &Message) {
        if self.outcome() == Some(outcome) {
            return;
        }
        let what = format!("the report holds more than these numbers say: {message}");
        self.steps.retain(|step| !matches!(step, Step::Otherwise { .. }));
        self.steps.insert(0, Step::Stated { what, outcome });
    }

    /// What the steps come to; none where they decide nothing.
    pub fn outcome(&self) -> Option<Outcome> {
        self.steps.iter().find_map(|step| match step {
            Step::Asked { holds: true, outcome, .. } | Step::Stated { outcome, .. } | Step::Otherwise { outcome } => Some(*outcome),
            Step::Asked { holds: false, .. } | Step::Computed { .. } | Step::Differs { .. } | Step::Note { .. } => None,
        })
    }
}

/// Explains a finding, or each of its groups of `by`, with the arithmetic of its rule.
pub(super) fn by_group(told: &Told<'_>, one: fn(&Told<'_>, &mut Explanation)) -> Explanation {
    let mut explanation = Explanation { numbers: numbers(told.finding), ..Explanation::default() };
    if groups::are_of_by(told) {
        groups::parts(told, one, &mut explanation);
        groups::worst(told, &mut explanation);
    } else if !shared::is_unjudged(told, &mut explanation) {
        one(told, &mut explanation);
    }
    explanation.settle(told.finding.outcome, &told.finding.message);
    explanation
}

/// The figures of a finding, and what it observed.
fn numbers(finding: &Finding) -> Vec<Given> {
    let mut numbers: Vec<Given> = Vec::new();
    let mut add = |name: String, value: &Value, unit: &Unit, meaning: &str| {
        numbers.push(Given { name, value: value.clone(), unit: unit.clone(), meaning: meaning.to_owned() });
    };
    add("failing rows".to_owned(), &finding.failing_rows.into(), &Unit::ROWS, "rows that fail, known issues aside");
    if finding.known_rows > 0 {
        add("known rows".to_owned(), &finding.known_rows.into(), &Unit::ROWS, "failing rows that are a known issue");
    }
    for (name, figure) in finding.figures.iter().filter(|(name, _)| *name != figures::FAILING_ROWS.name) {
        let meaning = figures::named(name).map_or("rows with this value", |known| known.meaning);
        let name = if figures::named(name).is_some() { expr::words(name) } else { format!("`{name}`") };
        add(name, &figure.value, &figure.unit, meaning);
    }
    if !finding.observed.is_nothing() {
        add("observed".to_owned(), &finding.observed, &finding.unit, "the figure that was judged");
    }
    if !finding.limit.is_nothing() {
        add("limit".to_owned(), &finding.limit, &finding.unit, "what it was judged against");
    }
    numbers
}
