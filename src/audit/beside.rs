//! Other data are asked what the batch is asked: files by folding them, all else by what summaries keep.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::kept::plan_of;
use super::sink::NoSink;
use super::{Job, Plan, fold};
use crate::diagnostic::{Code, Fault, Faults};
use crate::identity::Identity;
use crate::metric::Inputs;
use crate::rules::published::{Fetched, OtherQuery, TableRows};
use crate::rules::words::AgainstWord;
use crate::rules::{BesideAnswer, Out, Question, Why};
use crate::shown::count;
use crate::source::{ContractColumn, Source};
use crate::summary::Summary;

/// Whoever can reach what rules compare with.
pub trait References: Send + Sync {
    /// Says what the content is of the batch that is being judged, from which its id follows where it was given none.
    fn batch_is(&self, identity: Arc<Identity>) {
        let _ = identity;
    }

    /// Whether batches are compared with anything; else keys alone are looked for.
    fn compares(&self) -> bool {
        true
    }

    /// Opens data that a rule names.
    ///
    /// # Errors
    /// It is not there, may not be read, or is not of its format.
    fn open(&self, paths: &[String]) -> Result<Arc<dyn Source>, Faults>;

    /// Opens other data, whose columns are read as `columns` say.
    ///
    /// # Errors
    /// See [`References::open`].
    fn open_as(&self, paths: &[String], columns: &[ContractColumn]) -> Result<Arc<dyn Source>, Faults>;

    /// Rows of a table that is judged with this one.
    ///
    /// # Errors
    /// It has no such column, or cannot be read; or no tables are judged together here.
    fn rows_of_table(&self, wanted: &OtherQuery, rows: TableRows) -> Result<Fetched, Faults> {
        let _ = rows;
        let what = format!("no key can be looked for in the table `{}` here", wanted.name);
        Err(Fault::new(Code::Unsupported, what).at(wanted.at.clone()).into())
    }

    /// The baseline, if these paths name one and no data.
    ///
    /// # Errors
    /// It cannot be read.
    fn baseline_at(&self, paths: &[String]) -> Result<Option<Kept>, Faults> {
        let _ = paths;
        Ok(None)
    }

    /// The summaries of what is published, of a baseline, or of recorded runs; the oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn summaries(&self, against: &AgainstWord) -> Result<Kept, Faults>;

    /// The summary of the last recorded run that counts, with the run's name; none where runs are not recorded. Once the batch is
    /// known, its own runs do not count.
    ///
    /// # Errors
    /// It cannot be read.
    fn last_run(&self) -> Result<Option<(String, Arc<Summary>)>, Faults> {
        Ok(None)
    }
}

/// What was found of summaries.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// With a name for people: the batch's or the run's.
    pub parts: Vec<(String, Arc<Summary>)>,
    /// Why there is nothing to compare with, or not enough yet.
    pub why: Option<Why>,
    /// Batches of which no summary is kept.
    pub without: u64,
    /// Whether a part may be of many batches: then nothing is told of each by itself.
    pub is_merged: bool,
    /// Whether batches to come will bring what is missing: then nothing stands still for want of it.
    pub grows: bool,
}

/// Asks other data all that the plan's rules want of them.
///
/// # Errors
/// They cannot be reached or read.
pub(super) fn answers(job: &Job<'_>, plan: &Plan) -> Result<Vec<BesideAnswer>, Faults> {
    let besides = &plan.requests.besides;
    let mut by_source: BTreeMap<&AgainstWord, Vec<usize>> = BTreeMap::new();
    for (index, beside) in besides.iter().enumerate() {
        by_source.entry(&beside.against).or_default().push(index);
    }
    let mut answers: Vec<Option<BesideAnswer>> = besides.iter().map(|_| None).collect();
    for (against, asked) in by_source {
        let Some(references) = &job.references else {
            let what = format!("nothing can be compared with {against} here");
            return Err(Fault::new(Code::Unsupported, what).into());
        };
        let requests: Vec<_> = asked.iter().map(|&index| &besides[index].request).collect();
        let questions = plan.requests.questions_of(requests, &plan.prepare.rule_schema)?;
        let types: Vec<Vec<DataType>> = asked.iter().map(|&index| types_of(plan, &besides[index].request.columns)).collect();
        let found = match against {
            AgainstWord::Paths(paths) => match references.baseline_at(paths)? {
                Some(kept) => from_summaries(job, &kept, &questions, &types)?,
                None => folded(job, references.open(paths)?, &questions).map_err(|faults| among(faults, against))?,
            },
            AgainstWord::Published { .. } | AgainstWord::Baseline { .. } | AgainstWord::Runs { .. } => {
                from_summaries(job, &references.summaries(against)?, &questions, &types)?
            }
        };
        for (index, answer) in asked.into_iter().zip(found) {
            answers[index] = Some(answer);
        }
    }
    let all: Option<Vec<BesideAnswer>> = answers.into_iter().collect();
    all.ok_or_else(|| Fault::new(Code::Internal, "internal error: other data did not answer every question").into())
}

fn types_of(plan: &Plan, columns: &[usize]) -> Vec<DataType> {
    columns.iter().map(|&column| plan.prepare.rule_schema.field(column).data_type().clone()).collect()
}

/// Faults of other data, so that nobody takes them for the batch's.
pub(super) fn among(faults: Faults, against: &AgainstWord) -> Faults {
    Faults(
        faults
            .0
            .into_iter()
            .map(|fault| Fault { what: format!("in {against}, which a rule compares with: {}", fault.what), ..fault })
            .collect(),
    )
}

/// What the data of `source` answer, of the rows that the rules let pass.
fn folded(job: &Job<'_>, source: Arc<dyn Source>, questions: &[Question]) -> Result<Vec<BesideAnswer>, Faults> {
    /// As many as the batch itself may take to settle its types.
    const PASSES_MAX: usize = 4;
    let mut source = source;
    for _ in 0..PASSES_MAX {
        let other = Job { statistics: job.statistics, ..job.of_other(source.clone()) };
        let (plan, asked) = plan_of(&other, source.as_ref(), questions)?;
        let first = fold::first_pass(&other, source.as_ref(), &plan, &NoSink::default(), 0..u32::MAX)?;
        if let Some(retyped) = source.retyped(&first.fold.evidence())? {
            source = retyped;
            continue;
        }
        let counted = fold::Counted::of(&other, first, source.as_ref(), &plan)?;
        let mut outs = counted.facts.states.into_iter();
        return Ok(asked
            .into_iter()
            .map(|asked| BesideAnswer {
                merged: match asked {
                    Ok(()) => outs.next().flatten().ok_or_else(|| Why::NoData("it did not answer".into())),
                    Err(why) => Err(Why::NoData(why)),
                },
                each: Vec::new(),
                partial: None,
                batches: 1,
            })
            .collect());
    }
    let fault = Fault::new(Code::TypesUnsettled, "the columns' types did not settle");
    Err(fault.hint("give the types in the rule file's `schema` section").into())
}

fn other_batches(number: u64) -> String {
    if number == 1 { "1 other batch".to_owned() } else { format!("{} other batches", count(number)) }
}

/// What summaries answer.
fn from_summaries(job: &Job<'_>, kept: &Kept, questions: &[Question], types: &[Vec<DataType>]) -> Result<Vec<BesideAnswer>, Fault> {
    questions.iter().zip(types).map(|(question, types)| from_parts(job, kept, question, types)).collect()
}

fn from_parts(job: &Job<'_>, kept: &Kept, question: &Question, types: &[DataType]) -> Result<BesideAnswer, Fault> {
    let finish = |state: Box<dyn crate::metric::any::AnyState>| -> Result<Out, Fault> { state.finish(&Inputs::default()) };
    let mut merged: Option<Box<dyn crate::metric::any::AnyState>> = None;
    let (mut each, mut lacking, mut batches, mut why) = (Vec::new(), 0, 0, None);
    let (mut compared, mut all) = (0u64, 0u64);
    for (label, summary) in &kept.parts {
        all = all.saturating_add(summary.rows);
        match summary.state(question, types, &job.budget)? {
            Err(reason) => {
                lacking += 1;
                if !kept.is_merged {
                    each.push((label.clone(), None));
                }
                // The latest one matters most.
                why = Some(reason);
            }
            Ok(state) => {
                batches += summary.batches.count;
                compared = compared.saturating_add(summary.rows_of(question));
                if !kept.is_merged {
                    each.push((label.clone(), Some(finish(state.fork()?)?)));
                }
                match &mut merged {
                    None => merged = Some(state),
                    Some(all) => all.merge(state)?,
                }
            }
        }
    }
    let merged = match (merged, &kept.why) {
        (_, Some(why)) => Err(why.clone()),
        (Some(state), None) => Ok(finish(state)?),
        (None, None) if kept.grows && !why.as_ref().is_some_and(|why| why.contains("is masked")) => {
            let reason = why.unwrap_or_else(|| format!("no summary is kept of {}", other_batches(kept.without)));
            let reason = reason.strip_prefix("needs a scan: ").unwrap_or(&reason);
            Err(Why::WarmingUp(format!("{reason}; batches from now on will be compared")))
        }
        (None, None) => Err(Why::NoData(match why {
            Some(reason) if lacking == 1 => reason,
            Some(reason) => format!("{reason} (in none of {lacking} summaries)"),
            None if kept.without > 0 => format!("needs a scan: no summary is kept of {}", other_batches(kept.without)),
            None => "there is nothing to compare with".to_owned(),
        })),
    };
    let partial = (merged.is_ok() && (compared < all || kept.without > 0)).then(|| {
        let mut text =
            format!("compared with {} of {} rows only: of the others nothing is kept that answers this", count(compared), count(all));
        if kept.without > 0 {
            text = format!("compared with {} rows only: no summary is kept of {}", count(compared), other_batches(kept.without));
        }
        text
    });
    Ok(BesideAnswer { merged, each, batches, partial })
}
