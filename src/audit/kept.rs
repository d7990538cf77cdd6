//! What is kept of a batch once it was judged: the answers of its states in the form of summaries.

use std::collections::HashSet;
use std::sync::Arc;

use super::bind::{self, Plan, PlannedCheck};
use super::keeps::{Keeps, KeptAnswer};
use super::{Audited, Job, fold, private};
use crate::diagnostic::{Code, Fault, Faults};
use crate::rows::RowSet;
use crate::rules::Question;
use crate::rules::words::Over;
use crate::source::{Source, Unit};
use crate::summary::{Summary, TestEntry};

/// A plan that asks the data of `source` these questions of the rows that the rules let pass, and nothing else; with it, by
/// question, why it cannot be asked.
///
/// # Errors
/// `clean` or `transform` do not fit the data.
pub(super) fn plan_of(job: &Job<'_>, source: &dyn Source, questions: &[Question]) -> Result<(Plan, Vec<Result<(), String>>), Faults> {
    let mut plan = job.bind_what_fits(source)?;
    plan.requests.forget_states();
    plan.checks.clear();
    plan.profile.clear();
    let mut asked = Vec::new();
    for question in questions {
        let gone = question.columns.iter().find(|name| plan.prepare.index_of(name).is_none());
        asked.push(match gone {
            Some(name) => Err(format!("there is no column `{name}` to compare with")),
            None => plan.requests.ask(question, &plan.prepare).map_err(|fault| fault.what),
        });
    }
    plan.counts_from_statistics = Arc::new([]);
    if job.statistics {
        plan.prove(source);
    }
    Ok((plan, asked))
}

impl Audited {
    /// The summary of the rows that are not `set_aside`: those that are published, if the batch is. Of no use unless the job
    /// said what to keep.
    ///
    /// # Errors
    /// The data cannot be read again, where rows went after they were counted.
    pub fn summary(&self, job: &Job<'_>, batch: Option<&str>, set_aside: &RowSet) -> Result<Summary, Faults> {
        let source = self.source.as_ref();
        let privacy = private::privacy(job, source, &self.plan);
        let rows = self.considered() - set_aside.len();
        let mut summary = Summary::new(&job.rules.sections.dataset, batch, rows, &self.plan.prepare.schema, &privacy);
        let late = set_aside.len() - self.unsound_or_malformed().len();
        let again;
        let answers: Vec<&KeptAnswer> = if late > 0 && self.is_compared(job) {
            again = self.counted_again(job, set_aside)?;
            again.iter().collect()
        } else {
            let counts_what_passes = |over: Over| match over {
                Over::Sound => late == 0,
                Over::All => late == 0 && self.unsound.is_empty(),
            };
            self.kept.iter().filter(|kept| counts_what_passes(kept.question.over)).collect()
        };
        for kept in answers {
            let types = self.types_of(&kept.question)?;
            summary.insert(&kept.question, &types, kept.value.clone(), &privacy);
        }
        if late == 0 {
            for (test, counted) in &self.kept_tests {
                summary.insert_test(test.clone(), *counted);
            }
        }
        Ok(summary)
    }

    fn unsound_or_malformed(&self) -> RowSet {
        let mut rows = self.unsound.clone();
        rows.union(&self.malformed_rows);
        rows
    }

    /// Whether anything will be compared with the batch by rules of today.
    fn is_compared(&self, job: &Job<'_>) -> bool {
        job.keeps == Keeps::Everything || !self.plan.requests.besides.is_empty()
    }

    fn types_of(&self, question: &Question) -> Result<Vec<arrow::datatypes::DataType>, Fault> {
        let prepare = &self.plan.prepare;
        let of = |name: &String| prepare.index_of(name).map(|index| prepare.rule_schema.field(index).data_type().clone());
        let types: Option<Vec<_>> = question.columns.iter().map(of).collect();
        types.ok_or_else(|| Fault::new(Code::Internal, "internal error: a question about no column"))
    }

    /// Counts the rows that pass once more: some went after they had been counted.
    fn counted_again(&self, job: &Job<'_>, set_aside: &RowSet) -> Result<Vec<KeptAnswer>, Faults> {
        let source = self.source.as_ref();
        let (mut questions, mut known): (Vec<Question>, HashSet<String>) = Default::default();
        let text = |question: &Question| {
            serde_json::to_string(question)
                .map_err(|e| Fault::new(Code::Internal, format!("internal error: a question cannot be written: {e}")))
        };
        for kept in &self.kept {
            let question = Question { over: Over::Sound, ..kept.question.clone() };
            if known.insert(text(&question)?) {
                questions.push(question);
            }
        }
        let (mut plan, asked) = plan_of(job, source, &questions)?;
        plan.requests.tests.clear();
        plan.passed_by_statistics.clear();
        plan.counts_from_statistics = Arc::new([]);
        if let Some(Err(why)) = asked.into_iter().find(Result::is_err) {
            return Err(Fault::new(Code::Internal, format!("internal error: a batch cannot be asked again: {why}")).into());
        }
        let before = fold::Before { units: &self.units, unsound: set_aside, malformed: &self.malformed_rows, cache: None };
        let fold = fold::second_pass(job, source, &plan, 0, &before)?;
        let values = fold::kept_of(fold, self.units.len() as u32)?;
        Ok(questions.into_iter().zip(values).filter_map(|(question, value)| Some(KeptAnswer { question, value: value? })).collect())
    }
}

/// The texts by which summaries know row tests, with what they counted of the rows that stay where nothing went late.
pub(super) fn tests(plan: &Plan, facts: &crate::rules::Facts) -> Vec<(String, TestEntry)> {
    let mut tests = Vec::new();
    for check in &plan.checks {
        let Some(test) = check.test else { continue };
        let Some(by_group) = facts.tests.get(test).filter(|_| check.scope.by.is_empty()) else { continue };
        let counts = by_group.values().next().cloned().unwrap_or_default();
        let goes = check.policy.sets_aside_at_once();
        let counted = TestEntry {
            in_scope: counts.in_scope - if goes { counts.failing } else { 0 },
            failing: if goes { 0 } else { counts.failing },
            known: counts.known,
        };
        tests.push((name_of_test(check), counted));
    }
    tests
}

/// What summaries call the row test of a check: the same words of the rule file, the same test.
pub(super) fn name_of_test(check: &PlannedCheck) -> String {
    format!("{} {:032x}", check.id, check.meaning)
}

/// Units of a pass, for one that follows it.
pub(super) type Units = Vec<Unit>;

impl Job<'_> {
    fn bind_what_fits(&self, source: &dyn Source) -> Result<Plan, Faults> {
        bind::bind_what_fits(&self.terms(source, None))
    }
}
