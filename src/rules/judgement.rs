//! What a check says once it has seen the facts.

use std::sync::Arc;

use super::beside::Why;
use crate::findings::{Figures, Finding, Outcome, figures};
use crate::rows::{Repeats, RowSet};
use crate::shown::{beside, digits};
use crate::statistics::benjamini_hochberg;

/// The answer of a check.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// What was asked of [`super::SecondPass`] is needed first.
    NeedsPass,
    /// Nothing to judge, and why.
    NoData(String),
    /// There is nothing to compare with yet, and why: that blocks nothing.
    WarmingUp(String),
    /// The batch does not allow a judgement, however many rows there are, and why.
    Unfit(String),
    /// There are so many rows, fewer than the rule's `min_rows`.
    TooFewRows(u64),
    /// Some rows fail; the rule's tolerance decides.
    Rows(RowsJudged),
    /// A measure that fails only where chance does not explain it; how probable that is depends on what else its rule tests.
    ByChance(Box<ByChance>),
    /// A measure, judged against the rule's own limit: the finding but for what the rule file says of it.
    Measured(Box<Finding>),
    /// The same, with the rows that it is about.
    MeasuredRows(Box<Finding>, Arc<RowSet>),
}

impl From<Why> for Judgement {
    fn from(why: Why) -> Self {
        match why {
            Why::WarmingUp(why) => Self::WarmingUp(why),
            Why::NoData(why) => Self::NoData(why),
        }
    }
}

impl Judgement {
    /// See [`Judgement::Measured`].
    pub fn measured(finding: Finding) -> Self {
        Self::Measured(Box::new(finding))
    }
}

/// A test with a p-value, before this is adjusted to the other columns and groups of its rule.
#[derive(Debug, Clone)]
pub struct ByChance {
    pub p_value: f64,
    /// Below this, chance does not explain what was found.
    pub alpha: f64,
    /// What comes of it then, and what is said of that.
    pub beyond: Outcome,
    pub says_beyond: String,
    /// What is said where chance does explain it.
    pub says_within: String,
    /// What comes of it where chance explains it.
    pub finding: Finding,
}

impl ByChance {
    /// The findings of tests of one rule, in their order, by p-values that are adjusted to each other: of many columns and
    /// groups some are always unlike by chance.
    pub fn decide_together(tests: Vec<Self>) -> Vec<Finding> {
        let p_values: Vec<f64> = tests.iter().map(|test| test.p_value).collect();
        tests.into_iter().zip(benjamini_hochberg(&p_values)).map(|(test, adjusted)| test.decided(adjusted)).collect()
    }

    /// The finding, by the adjusted p-value.
    pub fn decided(self, adjusted: f64) -> Finding {
        let Self { p_value, alpha, beyond, says_beyond, says_within, mut finding } = self;
        finding.figures.set(&figures::P_VALUE, p_value);
        finding.figures.set(&figures::ADJUSTED_P_VALUE, adjusted);
        let is_beyond = adjusted < alpha;
        let p_shown = match adjusted == p_value {
            // Not 0, but beyond what floats tell from it.
            true if p_value == 0.0 => "p below 1e-300".to_owned(),
            true => format!("p {}", beside(p_value, &[alpha])),
            false => format!("p {}, adjusted {}", digits(p_value, 3), beside(adjusted, &[alpha])),
        };
        finding.message.push(format!("{} ({p_shown})", if is_beyond { says_beyond } else { says_within }));
        if is_beyond {
            finding.outcome = beyond;
        }
        finding
    }
}

/// What a row test counted in one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestCounts {
    /// Rows in the rule's scope.
    pub in_scope: u64,
    /// Failing rows that are no known issue.
    pub failing: u64,
    /// Failing rows that are a known issue.
    pub known: u64,
    pub rows: Arc<RowSet>,
}

/// Rows that fail, of rows in scope.
#[derive(Debug, Clone, Default)]
pub struct RowsJudged {
    pub failing: u64,
    pub of: u64,
    /// Rows that fail for a known reason; not among `failing`.
    pub known: u64,
    pub rows: Arc<RowSet>,
    /// Of these, rows that are published already: they are no worse than those.
    pub published: Arc<RowSet>,
    /// Of the first rows whose key occurs elsewhere: another row that has it.
    pub repeats: Repeats,
    /// Why rows fail, where there are several reasons: the first that names a row is its own.
    pub reasons: Vec<(String, Arc<RowSet>)>,
    /// What was found, without the count: "no email", "below 0".
    pub says: String,
    pub figures: Figures,
    /// A limit of the rule's own that is broken, whatever the tolerance.
    pub broken: Option<String>,
    /// Why a limit of the rule's own cannot be judged: without failing rows, there is no data.
    pub open: Option<String>,
}

impl RowsJudged {
    /// What a row test counted, with no figures beyond the counts.
    pub fn of_test(counts: TestCounts, says: &str) -> Self {
        let TestCounts { in_scope, failing, known, rows } = counts;
        Self { failing, of: in_scope, known, rows, says: says.to_owned(), ..Self::default() }
    }
}
