//! Several tables that are gated as one: all are judged, and staged, before anything of one is committed. Then they are committed
//! one after the other, parents first, so that nobody ever sees a child without its parent.

use super::parents::{Parent, Parents};
use super::prepared::{Judging, Prepared};
use super::publishing::Ready;
use super::{ATTEMPTS_MAX, Judged, Request, ensure_allowed};
use crate::assemble::{self, TableVerdict};
use crate::audit::Job;
use crate::diagnostic::{Code, Fault, Faults};
use crate::report::model::{Publication, PublicationState};
use crate::store::{GateLock, Stored};

/// One of several tables that are gated as one.
pub struct TableJob<'a> {
    pub name: &'a str,
    /// The tables in which it looks for keys.
    pub parents: &'a [String],
    /// Whether other tables look for keys in it.
    pub is_parent: bool,
    pub job: Job<'a>,
    pub request: Request,
}

/// Judges all tables, which stand parents first, and publishes what may pass of them, if none of them is rejected. `parents` are
/// what the references of the jobs look into.
///
/// # Errors
/// What cannot be judged, or written. Before the first commit every destination is as it was; after it, the fault says what is there.
pub fn gate_tables(tables: &[TableJob<'_>], parents: &Parents) -> Result<Vec<Judged>, Faults> {
    let mut faults = Faults::default();
    tables.iter().for_each(|table| faults.extend(ensure_allowed(&table.request).err().map(|fault| about(table, fault))));
    faults.or_ok(())?;
    let mut hold = None;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(judged) = attempt(tables, parents, &mut hold)? {
            return Ok(judged);
        }
        tables.iter().for_each(|table| table.request.table.drop_snapshot());
        parents.clear();
    }
    Err(Fault::new(Code::TableChanged, "others keep changing the tables").hint("run the gate again").into())
}

/// Judges and publishes; none if others have changed what the tables were judged beside.
fn attempt(tables: &[TableJob<'_>], parents: &Parents, hold: &mut Option<GateLock>) -> Result<Option<Vec<Judged>>, Faults> {
    let (mut judging, mut faults): (Vec<Judging<'_>>, Faults) = (Vec::new(), Faults::default());
    let mut unjudged: Vec<&str> = Vec::new();
    for table in tables {
        if table.parents.iter().any(|parent| unjudged.contains(&parent.as_str())) {
            unjudged.push(table.name);
            continue;
        }
        match judge(table, parents) {
            Ok(judged) => judging.push(judged),
            Err(wrong) => {
                unjudged.push(table.name);
                faults.extend(wrong);
            }
        }
    }
    faults.or_ok(())?;
    let mut verdicts: Vec<TableVerdict<'_>> = tables
        .iter()
        .zip(&mut judging)
        .map(|(table, judged)| TableVerdict { name: table.name, parents: table.parents, report: &mut judged.report })
        .collect();
    let passes = assemble::decide_together(&mut verdicts);
    // From here on, what is there stays as it is seen.
    if hold.is_none() && tables.iter().all(|table| !table.request.dry_run) {
        *hold = Some(hold_all(tables)?);
    }
    for table in tables {
        if table.request.table.is_outdated()? {
            return Ok(None);
        }
    }
    if parents.are_outdated()? {
        return Ok(None);
    }
    if passes { publish(tables, judging) } else { Ok(Some(judging.into_iter().map(withheld).collect())) }
}

/// Judges one table, and notes what its children must know of it.
fn judge<'a>(table: &'a TableJob<'a>, parents: &Parents) -> Result<Judging<'a>, Faults> {
    let of_table = |faults: Faults| Faults(table.job.quiet(faults).0.into_iter().map(|fault| about(table, fault)).collect());
    let judged = Judging::of(&table.job, &table.request).map_err(of_table)?;
    if table.is_parent {
        let (publish, given) = (table.request.publish.clone(), table.request.batch_id.as_deref());
        let parent = Parent::of(&table.job, judged.prepared.audited.clone(), Some(publish), given);
        parents.note(table.name, parent.map_err(|fault| of_table(fault.into()))?);
    }
    Ok(judged)
}

/// Holds all places for this gate alone.
fn hold_all(tables: &[TableJob<'_>]) -> Result<GateLock, Fault> {
    let places = tables.iter().flat_map(|table| {
        let aside = table.request.quarantine.directory.local().map(ToOwned::to_owned);
        table.request.publish.held_directories().into_iter().chain(aside)
    });
    match tables.first() {
        Some(first) => GateLock::of(places.collect(), &first.request.waiting),
        None => Err(Fault::new(Code::Internal, "internal error: there are no tables")),
    }
}

/// Commits all tables, once all of them can be. None if others have changed one in between: what is published stays so.
fn publish(tables: &[TableJob<'_>], judging: Vec<Judging<'_>>) -> Result<Option<Vec<Judged>>, Faults> {
    let (mut prepared, mut stagings, mut reports) = (Vec::new(), Vec::new(), Vec::new());
    for Judging { prepared: one, report, staging } in judging {
        prepared.push(one);
        stagings.push(staging);
        reports.push(report);
    }
    let mut ready: Vec<Ready<'_>> = Vec::new();
    for (((table, prepared), staging), report) in tables.iter().zip(&prepared).zip(stagings).zip(&mut reports) {
        let of_table = |faults: Faults| Faults(table.job.quiet(faults).0.into_iter().map(|fault| about(table, fault)).collect());
        match prepared.ready(staging, report).map_err(of_table)? {
            Some(one) => ready.push(one),
            None => return Ok(None),
        }
    }
    let mut done: Vec<&str> = Vec::new();
    for ((table, ready), report) in tables.iter().zip(ready).zip(&mut reports) {
        let committed = ready.commit(report).map_err(|fault| unfinished(about(table, fault), &done))?;
        let Some(publication) = committed else { return Ok(None) };
        report.publication = Some(publication);
        done.push(table.name);
    }
    Ok(Some(reports.into_iter().zip(prepared).map(|(report, one)| Judged { report, summary: one.summary }).collect()))
}

/// The table as it is when nothing of any table is published.
fn withheld(judging: Judging<'_>) -> Judged {
    let Judging { prepared, mut report, .. } = judging;
    let Prepared { request, stamp, .. } = &prepared;
    // What was published before stays, whatever is judged now.
    let is_there = matches!(request.publish.stored(stamp), Ok(Stored::Batch(there)) if there == *stamp);
    let state = if is_there { PublicationState::Unchanged } else { PublicationState::Withheld };
    report.publication = Some(if request.dry_run { Publication::of_dry_run(state) } else { Publication::of_nothing(state) });
    Judged { report, summary: prepared.summary }
}

/// A fault that says which table it is about.
fn about(table: &TableJob<'_>, fault: Fault) -> Fault {
    let fault = Fault { what: format!("table `{}`: {}", table.name, fault.what), ..fault };
    match fault.code == Code::AlreadyPublished {
        // Where its rows go away, children that are published could lose their parents.
        true => {
            fault.hint("nothing was changed; to replace what is published, gate this table by a rule file of its own with `--supersede`")
        }
        false => fault,
    }
}

/// A fault of a commit, after others were made.
fn unfinished(fault: Fault, done: &[&str]) -> Fault {
    if done.is_empty() {
        return fault;
    }
    let names: Vec<String> = done.iter().map(|name| format!("`{name}`")).collect();
    let what = format!("{}; published before: {}", fault.what, names.join(", "));
    Fault { what, ..fault }.hint("run the gate again: what is published stays as it is, and the rest follows")
}
