//! Rows set aside, judged again under changed rules beside the published rows of their batch; those that pass now join them.
//!
//! The batch stays one file: a new one with the row groups of the old and those of the rows that pass takes its place in
//! one commit. What stays set aside is written first, beside the part; the published file names the replay, so that a
//! replay that was killed is concluded or abandoned by the next, and no row comes twice.
//!
//! Rows that were mended take the place of those set aside; then they alone are judged, and what was not mended stays.

mod chosen;
mod judged;
mod mended;
mod released;
mod rows;
mod same;
mod stays;
mod written;

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

pub use self::chosen::{part_set_aside_whole, parts, parts_of_mended};
use self::judged::Judged;
pub use self::mended::Mended;
use self::rows::ToJudge;
use self::written::Written;
use super::releasing::Decision;
use super::staging::Staging;
use super::summaries::{self, Keeping};
use super::{ATTEMPTS_MAX, AskedRelease, PublishedTable};
use crate::assemble::{self, Header};
use crate::audit::{self, Job, Keeps};
use crate::diagnostic::{Code, Fault, Faults};
use crate::quarantine::{Part, is_ours};
use crate::report::Report;
use crate::report::model::{Mode, Release};
use crate::rows::RowSet;
use crate::rules::published::Published;
use crate::ruleset::RuleFile;
use crate::source::{self, Format, ReadOptions, Source, Spool};
use crate::store::{
    BatchRows, Commit, Committed, Quarantine, ReplayedRows, Snapshot, Stage, Store, Waiting, done_in, replays_in, sweep_at,
};
use crate::verdict::Verdict;

/// Makes a job over a source and the table beside which it is judged.
pub type MakeJob<'a> = &'a dyn Fn(Arc<dyn Source>, Arc<dyn Published>) -> Job<'a>;

/// What a replay shall do.
pub struct Request<'a> {
    pub rules: &'a RuleFile,
    pub publish: Arc<dyn Store>,
    pub quarantine: Quarantine,
    pub job: MakeJob<'a>,
    /// That the batch shall be published although it is rejected, if a person asks for that.
    pub release: Option<&'a AskedRelease>,
    /// The rows that take the place of those set aside; without them all are judged again as they are.
    pub mended: Option<&'a Mended>,
    /// A directory of this run's own.
    pub scratch: &'a Path,
    /// Judge, and say what would be done.
    pub dry_run: bool,
    /// How long to wait for other gates.
    pub waiting: Waiting,
}

/// What became of the rows that one batch had left.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    pub verdict: Verdict,
    /// Why, in a sentence each.
    pub reasons: Vec<String>,
    /// That a person released the batch, so that rows that pass are published although it is rejected.
    pub released: Option<Release>,
    /// Rows that pass now; they are published if the verdict allows.
    pub pass: u64,
    /// Rows that stay set aside.
    pub stay: u64,
    /// Of these, records that could not be read or computed, and so cannot be judged again.
    pub unreadable: u64,
    /// Published rows that fail the rules as they are now; they stay published.
    pub published_failing: u64,
    /// Mended rows that stay set aside: where each stands, which row it should have taken the place of, and why not.
    pub not_mended: Vec<(String, String, String)>,
    /// Mended rows that joined the batch when the same file was replayed before.
    pub joined_before: u64,
    /// What failed after the rows were published, and did not undo that.
    pub warnings: Vec<String>,
    /// The report of the rows that were judged, if any were.
    pub report: Option<Report>,
}

/// Judges the rows of `part` again.
///
/// # Errors
/// The batch is not published as the part says, the rules make other values than those published, or something cannot be
/// read or written; then all is as it was.
pub fn replay<'a>(request: &'a Request<'a>, part: &'a Part) -> Result<Replayed, Faults> {
    attempts(request, part).map_err(|faults| match part.schema() {
        Ok(columns) => request.rules.quiet_in(faults, columns.fields().iter().map(|field| field.name().as_str())),
        Err(_) => request.rules.quiet(faults),
    })
}

fn attempts<'a>(request: &'a Request<'a>, part: &'a Part) -> Result<Replayed, Faults> {
    if request.rules.sections.gate.merge.is_some() {
        let what = format!("{}: rows that are merged by their key do not join their batch later", request.publish);
        let hint = "take them out with `sluicegate quarantine export`, mend them, and gate them as another batch";
        return Err(Fault::new(Code::NotReplayable, what).hint(hint).into());
    }
    let _hold = request.publish.hold(&request.quarantine, &request.waiting)?;
    for _ in 0..ATTEMPTS_MAX {
        let snapshot = if request.publish.keeps_one_batch() { None } else { Some(request.publish.snapshot(&part.stamp)?) };
        let batch = ReplayedBatch::open(request, part)?;
        if let Some(replayed) = batch.replay(snapshot.as_deref())? {
            return Ok(replayed);
        }
    }
    let what = format!("{}: others keep changing the table", request.publish);
    Err(Fault::new(Code::TableChanged, what).hint("nothing was published; run the replay again").into())
}

/// A published batch and what it left.
struct ReplayedBatch<'a> {
    request: &'a Request<'a>,
    part: &'a Part,
    /// None if all its rows were set aside.
    published: Option<Box<dyn BatchRows>>,
    /// Replays that brought rows before, and what they took out of the part.
    replays: Vec<String>,
    done: Vec<ReplayedRows>,
    /// The source's columns.
    columns: SchemaRef,
    to_judge: ToJudge,
}

impl<'a> ReplayedBatch<'a> {
    /// Looks for the batch, and ends what a killed replay has begun.
    fn open(request: &'a Request<'a>, part: &'a Part) -> Result<Self, Faults> {
        let published = match request.publish.published(&part.stamp) {
            // Of a batch that moved a source on and published no row, the table remembers just that.
            Err(fault) if fault.code == Code::NotPublished && has_moved_on(request, part)? => None,
            published => published?,
        };
        let replays = published.as_ref().map(|rows| rows.replays()).transpose()?.unwrap_or_default();
        for begun in request.quarantine.begun(&part.stamp)? {
            match (replays.contains(&begun), request.dry_run) {
                (true, false) => _ = request.quarantine.conclude(&part.stamp, &begun)?,
                (true, true) => {
                    let fault =
                        Fault::new(Code::ReplayUnfinished, format!("{}: a replay of these rows was killed before its end", part.place));
                    return Err(fault.hint("a replay without `--dry-run` ends it first").into());
                }
                (false, false) => request.quarantine.abandon(&part.stamp, &begun)?,
                (false, true) => {}
            }
        }
        if published.as_ref().map(|rows| rows.is_partial()).transpose()? == Some(true) {
            let what = format!("{}: other batches took the place of some rows of batch `{}`", request.publish, part.stamp.batch_id);
            return Err(Fault::new(Code::NotReplayable, what).hint("what it left is no longer wanted, or must be gated anew").into());
        }
        if replays_in(&part.place)? != replays {
            let what = format!("{}: some of these rows were published by a replay, and are still set aside", part.place);
            return Err(Fault::new(Code::NotReplayable, what).hint("nothing was changed; gate the batch again with `--supersede`").into());
        }
        let (schema, done) = (part.schema()?, done_in(&part.place)?);
        let columns = schema.fields().iter().filter(|f| !is_ours(f.name())).cloned().collect::<Vec<_>>();
        let columns: SchemaRef = Arc::new(Schema::new(columns));
        let to_judge = match request.mended {
            None => ToJudge::AllWithValues,
            Some(mended) => ToJudge::Mended(mended.rows_of(part.place.name(), &columns)?),
        };
        Ok(Self { request, part, published, replays, done, columns, to_judge })
    }

    /// None if others have changed the table meanwhile.
    fn replay(&self, snapshot: Option<&dyn Snapshot>) -> Result<Option<Replayed>, Faults> {
        let Request { rules, publish, job, .. } = self.request;
        let (paths, written) = self.write_down()?;
        if written.judged.is_empty() && self.request.mended.is_some() {
            // What a replay staged that was killed just before its end is removed where the next one stages, as a rule.
            publish.sweep();
            sweep_at(&self.request.quarantine.directory);
            return Ok(Some(Replayed::nothing(&written)));
        }
        let options = ReadOptions { format: Some(Format::Parquet), ..ReadOptions::default() };
        let named: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let source = source::open(&named, &options, &rules.contract(), &Spool::new(self.request.scratch))?;
        let set_aside_file = paths.len() as u32 - 1;
        let table = PublishedTable::new(rules, Some(&self.part.stamp.batch_id), None, publish.clone());
        let keeps = if self.request.dry_run { Keeps::Nothing } else { summaries::keeps(rules) };
        let job = Job { keeps, ..job(source, table) };
        let evolution = rules.sections.evolution();
        let staging = Staging::new(publish.as_ref(), evolution).only_file(set_aside_file);
        let audited = audit::audit(&job, &staging)?;
        self.same_values(&audited)?;
        let fails = audited.set_aside();
        let header = Header { mode: Mode::Gate, batch_id: self.part.stamp.batch_id.clone(), began: Some(job.now), as_of: None };
        let report = assemble::assemble(header, rules, &audited, fails.len(), None);
        let staged = staging.into_staged()?;
        let judged = Judged::new(&audited, staged.units(), &fails, set_aside_file)?;
        let pass = judged.passing();
        let published_failing = audited.row_origins.units().filter(|u| u.file != set_aside_file).map(|u| fails.len_of(u.index)).sum();
        let release = self.release(report.verdict, pass, job.now)?;
        let replayed = Replayed {
            verdict: report.verdict,
            reasons: report.reasons.clone(),
            released: release.as_ref().map(Decision::told),
            pass,
            stay: written.rows - pass,
            published_failing,
            not_mended: self.not_mended(&judged, &written),
            report: Some(self.report(report, release.as_ref(), pass, &written)),
            ..Replayed::nothing(&written)
        };
        let may_pass = matches!(replayed.verdict, Verdict::Accept | Verdict::Quarantine) || release.is_some();
        if self.request.dry_run || !may_pass {
            return Ok(Some(replayed));
        }
        job.cancel.check()?;
        if pass == 0 {
            // What was mended in vain stays as it was.
            if self.request.mended.is_none() {
                self.renew_reasons(&judged)?;
            }
            return Ok(Some(replayed));
        }
        // Published rows that fail now stay, and were not counted: then there is no summary.
        let is_whole = published_failing == 0 && keeps != Keeps::Nothing;
        let summary = if is_whole { Some(audited.summary(&job, Some(&self.part.stamp.batch_id), &fails)?) } else { None };
        let keeping = Keeping::new(publish.as_ref(), &self.part.stamp.batch_id, summary.as_ref());
        let published = self.publish(&job, staged, &fails, (&judged, release.as_ref()), (snapshot, &keeping))?;
        Ok(published.map(|warnings| Replayed { warnings, ..replayed }))
    }

    /// Publishes the rows that pass; gives what failed afterwards, or none if others have changed the table.
    fn publish(
        &self,
        job: &Job<'_>,
        mut staged: Box<dyn Stage>,
        fails: &RowSet,
        (judged, release): (&Judged, Option<&Decision>),
        (snapshot, keeping): (Option<&dyn Snapshot>, &Keeping<'_>),
    ) -> Result<Option<Vec<String>>, Fault> {
        let Request { rules, publish, quarantine, mended, .. } = self.request;
        let stamp = &self.part.stamp;
        let mended = mended.map(|mended| mended.digest.clone());
        let replay = replay_digest(rules, &self.replays, &stamp.content_digest, mended.as_deref(), &judged.passes);
        let replays: Vec<String> = self.replays.iter().chain([&replay]).cloned().collect();
        publish.ready()?;
        let done = ReplayedRows { replay: replay.clone(), rows: judged.passing(), mended };
        let done: Vec<ReplayedRows> = self.done.iter().cloned().chain([done]).collect();
        staged.remove(fails)?;
        let before = self.published.as_ref().map_or(Ok(0), |published| staged.join(published.as_ref()))?;
        staged.finish(stamp, &replays)?;
        let mut stays = self.what_stays(judged, &replays, &done)?;
        // Counted, not computed: what joins the batch is what leaves the part.
        conserved(staged.count()? - before, judged.passing(), "the batch's file gains")?;
        // From here on, what was begun is ended.
        job.cancel.begin_commit()?;
        release.map_or(Ok(()), |release| release.record(quarantine))?;
        quarantine.pend(&mut stays.part, stamp, &replay)?;
        let since = self.published.as_deref().map(|rows| summaries::since(publish.as_ref(), &stamp.batch_id, rows)).transpose()?;
        let kept = keeping.put(staged.as_ref(), since.flatten());
        match staged
            .commit(&Commit { stamp, snapshot, replace: None, merge: None, positions: &[] })
            .inspect_err(|_| keeping.take_back(&kept))?
        {
            Committed::Done(landed) => {
                keeping.tidy(&kept, &job.budget);
                let is_there = |fault: Fault| fault.hint("the rows are published; run the replay again: it ends what this one began");
                self.conclude(judged, &replay, &replays, &done).map_err(is_there)?;
                Ok(Some(landed.warnings.into_iter().chain(kept.warning).collect()))
            }
            // Whether what is pending is another's that did the same, the next look will tell.
            Committed::Conflict(_) => Ok(None),
        }
    }

    /// What stays takes the part's place, once the other rows are published.
    fn conclude(&self, judged: &Judged, replay: &str, replays: &[String], done: &[ReplayedRows]) -> Result<(), Fault> {
        let (quarantine, stamp) = (&self.request.quarantine, &self.part.stamp);
        if quarantine.conclude(stamp, replay)? || replays_in(&self.part.place)? == replays {
            return Ok(());
        }
        // Another replay took it for one that was killed before it published.
        quarantine.commit(&mut self.what_stays(judged, replays, done)?.part, stamp).map(|_| ())
    }
}

/// Whether the table has moved on behind the batch that left `part`.
fn has_moved_on(request: &Request<'_>, part: &Part) -> Result<bool, Fault> {
    let positions = request.quarantine.positions_of(&part.place)?;
    let applications: Vec<String> = positions.iter().map(|position| position.application.clone()).collect();
    let now = if positions.is_empty() { Vec::new() } else { request.publish.positions(&applications)? };
    Ok(!positions.is_empty() && positions.iter().zip(now).all(|(position, now)| now >= Some(position.to)))
}

impl Replayed {
    /// Nothing was judged, and nothing changes.
    fn nothing(written: &Written) -> Self {
        let Written { rows: stay, unreadable, joined_before, .. } = *written;
        let (reasons, not_mended) = (Vec::new(), Vec::new());
        Self {
            verdict: Verdict::Accept,
            reasons,
            pass: 0,
            stay,
            unreadable,
            published_failing: 0,
            not_mended,
            joined_before,
            warnings: Vec::new(),
            released: None,
            report: None,
        }
    }
}

/// Refuses to go on where rows were lost or doubled.
fn conserved(counted: u64, expected: u64, what: &str) -> Result<(), Fault> {
    if counted == expected {
        return Ok(());
    }
    let fault = Fault::new(Code::Internal, format!("internal error: {what} {counted} rows, and must be {expected}"));
    Err(fault.hint("nothing was published; please report this"))
}

fn cannot(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::ScratchFailed, format!("cannot judge rows again: {error}"))
}

/// Names a replay by what it follows from, and what it publishes.
fn replay_digest(rules: &RuleFile, before: &[String], content: &str, mended: Option<&str>, passes: &[bool]) -> String {
    let mut text = format!("{:032x} {content} {} {} ", rules.digest, before.join(" "), mended.unwrap_or_default());
    text.extend(passes.iter().map(|&passes| if passes { '1' } else { '0' }));
    format!("{:08x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()) >> 32)
}
