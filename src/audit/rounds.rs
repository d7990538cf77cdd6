//! Judging, round by round, as long as a rule asks for another look.

use super::bind::PlannedCheck;
use super::fold::{Counted, Fold, finish_look_at_some, finish_second_pass, too_many_groups};
use super::samples::{self, SampleRows};
use super::{Job, Plan, diff, other_rows, query};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::Inputs;
use crate::metric::groups::GroupKey;
use crate::privacy::Privacy;
use crate::rules::paired::Compared;
use crate::rules::published::{Fetched, InputQuery};
use crate::rules::queried::Queried;
use crate::rules::words::Over;
use crate::rules::{GroupFacts, InputHandle, Judge, Judgement, Scope, SecondPass, Wanted};
use crate::source::Source;

/// Folds the plan's states from that of the index on, in another pass.
pub(super) type SecondPassOf<'a> = &'a dyn Fn(&Plan, usize, &Counted) -> Result<Fold, Faults>;

/// Reads rows again that findings show; none where they can be read here.
pub(super) type RowsOf<'a> = &'a dyn Fn(&Plan, &SampleRows<'_>) -> Result<Option<samples::Fetched>, Faults>;

/// How the data is looked at again.
pub(super) struct Looks<'a> {
    pub(super) second_pass: SecondPassOf<'a>,
    pub(super) rows: RowsOf<'a>,
    /// Whether the process that judges can read the data.
    pub(super) reads_here: bool,
}

/// Which units second passes see.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    All,
    /// Those alone that hold rows that are set aside.
    Some,
}

/// What judgements are made with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) source: &'a dyn Source,
    pub(super) privacy: &'a Privacy,
    pub(super) looks: &'a Looks<'a>,
    pub(super) units: Units,
}

/// What checks wanted from beside the batch so far, and what of it second passes see.
#[derive(Default)]
pub(super) struct Beside {
    wanted: Wanted,
    inputs: Inputs,
}

/// One group of one check, on its way to a judgement.
pub(super) struct Pending {
    pub(super) check: usize,
    pub(super) group: Option<GroupKey>,
    pub(super) judge: Box<dyn Judge>,
    pub(super) judged: Option<Judgement>,
}

/// One entry a check and group.
pub(super) fn pending(plan: &Plan, totals: &Counted) -> Result<Vec<Pending>, Fault> {
    let whole = GroupFacts::whole(&totals.facts);
    let mut pending = Vec::new();
    for (check, planned) in plan.checks.iter().enumerate() {
        let Ok(judge) = &planned.check else { continue };
        let Some(groups) = planned.groups else {
            let judged = too_few_rows(planned, &whole)?;
            pending.push(Pending { check, group: None, judge: judge.for_group(), judged });
            continue;
        };
        let Some(groups) = whole.get(groups)? else { continue };
        if groups.overflow {
            return Err(too_many_groups(&planned.id));
        }
        for key in groups.counts.keys() {
            let judged = too_few_rows(planned, &GroupFacts { facts: &totals.facts, group: Some(key) })?;
            pending.push(Pending { check, group: Some(key.clone()), judge: judge.for_group(), judged });
        }
    }
    Ok(pending)
}

/// Fewer rows than the rule's `min_rows` are not judged. Where there is none at all, there is nothing to judge.
pub(super) fn too_few_rows(check: &PlannedCheck, facts: &GroupFacts<'_>) -> Result<Option<Judgement>, Fault> {
    let (Some(wanted), Some(handle)) = (check.policy.min_rows, check.rows_judged) else { return Ok(None) };
    let rows = facts.get(handle)?.map_or(0, |counts| counts.rows);
    Ok((0 < rows && rows < wanted).then_some(Judgement::TooFewRows(rows)))
}

/// Judges until nobody asks again.
pub(super) fn rounds(
    means: Means<'_>,
    plan: &mut Plan,
    totals: &mut Counted,
    Beside { wanted, inputs }: &mut Beside,
    pending: &mut [Pending],
) -> Result<(), Faults> {
    /// Sketch, a few refinements, collect, rows outside: more passes than that is a bug.
    const ROUNDS_MAX: usize = 16;
    let all = Scope { over: Over::All, ..Scope::default() };
    let schema = plan.prepare.rule_schema.clone();
    let Means { job, source, privacy, looks, units } = means;
    for _ in 0..ROUNDS_MAX {
        // A check that was judged at once may have asked for more before it was: that has not run.
        let first_new = totals.facts.states.len();
        let mut again = false;
        totals.asked_by.clear();
        for p in pending.iter_mut().filter(|p| p.judged.is_none()) {
            let scope = &plan.checks[p.check].scope;
            let facts = GroupFacts { facts: &totals.facts, group: p.group.as_ref() };
            let mut pass = SecondPass { requests: &mut plan.requests, scope, group: p.group.as_ref(), first_new, inputs: wanted };
            match p.judge.judge(&facts, &mut pass)? {
                Judgement::NeedsPass => {
                    again = true;
                    let id = &plan.checks[p.check].id;
                    // The groups of a check follow one another.
                    if totals.asked_by.last() != Some(id) {
                        totals.asked_by.push(id.clone());
                    }
                }
                done @ (Judgement::NoData(_)
                | Judgement::WarmingUp(_)
                | Judgement::Unfit(_)
                | Judgement::TooFewRows(_)
                | Judgement::Rows(_)
                | Judgement::ByChance(_)
                | Judgement::Measured(_)
                | Judgement::MeasuredRows(..)) => p.judged = Some(done),
            }
        }
        for column in &mut plan.profile {
            let mut pass = SecondPass { requests: &mut plan.requests, scope: &all, group: None, first_new, inputs: wanted };
            again |= column.advance(&schema, &totals.facts, &mut pass)?;
        }
        if let Some(relations) = &mut plan.relations {
            let mut pass = SecondPass { requests: &mut plan.requests, scope: &all, group: None, first_new, inputs: wanted };
            again |= relations.advance(&plan.profile, &totals.facts, &mut pass)?;
        }
        if !again {
            return Ok(());
        }
        if totals.asked_by.is_empty() {
            totals.asked_by.push("profile".to_owned());
        }
        fetch(job, &wanted.rows, totals, inputs)?;
        for query in wanted.diffs.iter().skip(totals.facts.compared.len()) {
            let compared = match looks.reads_here {
                true => diff::compare((job, source, plan, privacy), totals, query)?,
                false => Compared::Unfit("rows are compared where all of them can be read, not by partitions".to_owned()),
            };
            totals.facts.compared.push(compared);
        }
        for asked in wanted.queries.iter().skip(totals.facts.queried.len()) {
            let queried = match looks.reads_here {
                true => query::ask((job, source, plan, privacy), totals, asked)?,
                false => Queried::Unfit("a query is asked where all rows can be read, not by partitions".to_owned()),
            };
            totals.facts.queried.push(queried);
        }
        if plan.requests.states.len() > first_new {
            let fold = (looks.second_pass)(plan, first_new, totals)?;
            match units {
                Units::All => finish_second_pass(fold, totals, inputs)?,
                Units::Some => finish_look_at_some(fold, totals, inputs)?,
            }
        }
    }
    Err(Fault::new(Code::Internal, "internal error: rules ask for look after look").into())
}

/// Fetches what checks want beside the batch, as far as it was not fetched before.
fn fetch(job: &Job<'_>, wanted: &[InputQuery], totals: &mut Counted, inputs: &mut Inputs) -> Result<(), Faults> {
    let fetched = totals.facts.inputs.len();
    for (index, wanted) in wanted.iter().enumerate().skip(fetched) {
        let found = match (wanted, &job.published) {
            (InputQuery::Published(wanted), Some(published)) => published.rows(wanted)?,
            (InputQuery::Published(_), None) => {
                return Err(Fault::new(Code::Internal, "internal error: published rows are wanted, and there is no table").into());
            }
            (InputQuery::Other(wanted), _) => other_rows::fetch(job, wanted)?,
        };
        if let Fetched::Rows(rows) = &found {
            inputs.insert(InputHandle(index).name(), rows.clone());
        }
        totals.facts.inputs.push(found);
    }
    Ok(())
}

/// Judges what waited for the rows that are set aside: what rules ask for, the first `asked_for` checks, then what follows from
/// them. Where nobody has the data any more, the latter is not judged, and stops nothing.
pub(super) fn wait(
    means: Means<'_>,
    plan: &mut Plan,
    totals: &mut Counted,
    beside: &mut Beside,
    (waiting, asked_for): (&mut [Pending], usize),
) -> Result<(), Faults> {
    let own = waiting.partition_point(|p| p.check < asked_for);
    let (own, implied) = waiting.split_at_mut(own);
    rounds(means, plan, totals, beside, own)?;
    match rounds(means, plan, totals, beside, implied) {
        Err(Faults(faults)) if faults.iter().all(|fault| fault.code == Code::NeedsScan) => {
            let why = || Judgement::NoData("needs a scan: which rows of a group are set aside".to_owned());
            implied.iter_mut().for_each(|p| p.judged = p.judged.take().or_else(|| Some(why())));
            Ok(())
        }
        judged => judged,
    }
}
