//! Rows set aside, judged again under changed rules beside the published rows of their batch; those that pass now join them.
//!
//! The batch stays one file: a new one with the row groups of the old and those of the rows that pass takes its place in
//! one commit. What stays set aside is written first, beside the part; the published file names the replay, so that a
//! replay that was killed is concluded or abandoned by the next, and no row comes twice.

mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListBuilder, RecordBatch, StringBuilder, UInt32Array};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, cast, cast_with_options, filter_record_batch, take};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use self::rows::{Scratch, cannot, cannot_read, conform, opened, read, readable};
use super::staging::{Staged, Staging};
use super::{ATTEMPTS_MAX, PublishedTable, filter};
use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job};
use crate::diagnostic::{Fault, Faults};
use crate::metric::plain_floats;
use crate::prepare::Prepared;
use crate::quarantine::{self, COLUMNS, Part, RULES};
use crate::report::model::Mode;
use crate::rows::{RowId, RowNumbers, RowSet};
use crate::rules::published::Published;
use crate::ruleset::RuleFile;
use crate::source::{self, Chunk, Format, Projection, ReadOptions, Source, Spool};
use crate::store::{Commit, Committed, Destination, Location, Quarantine, StagedFile, View, Waiting, is_partial, replays_in};
use crate::verdict::Verdict;

/// Makes a job over a source and the table beside which it is judged.
pub type MakeJob<'a> = &'a dyn Fn(Arc<dyn Source>, Arc<dyn Published>) -> Job<'a>;

/// What a replay shall do.
pub struct Request<'a> {
    pub rules: &'a RuleFile,
    pub publish: Destination,
    pub quarantine: Quarantine,
    pub job: MakeJob<'a>,
    /// A directory of this run's own.
    pub scratch: &'a Path,
    /// Judge, and say what would be done.
    pub dry_run: bool,
    /// How long to wait for other gates.
    pub waiting: Waiting,
}

/// What became of the rows that one batch had left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub verdict: Verdict,
    /// Rows that pass now; they are published if the verdict allows.
    pub pass: u64,
    /// Rows that stay set aside.
    pub stay: u64,
    /// Of these, records that could not be read or computed, and so cannot be judged again.
    pub unreadable: u64,
    /// Published rows that fail the rules as they are now; they stay published.
    pub published_failing: u64,
}

/// Judges the rows of `part` again.
///
/// # Errors
/// The batch is not published as the part says, the rules make other values than those published, or something cannot be
/// read or written; then all is as it was.
pub fn replay<'a>(request: &'a Request<'a>, part: &'a Part) -> Result<Replayed, Faults> {
    let _hold = request.publish.hold(&request.quarantine, &request.waiting)?;
    for _ in 0..ATTEMPTS_MAX {
        let seen = match request.publish {
            Destination::File(_) => None,
            Destination::Parts(_) | Destination::Delta(_) => Some(request.publish.view(&part.stamp)?),
        };
        let batch = Batch::open(request, part)?;
        if let Some(replayed) = batch.replay(seen.as_ref())? {
            return Ok(replayed);
        }
    }
    let what = format!("{}: others keep changing the table", request.publish.location());
    Err(Fault::new(what).hint("nothing was published; run the replay again").into())
}

/// A published batch and what it left.
struct Batch<'a> {
    request: &'a Request<'a>,
    part: &'a Part,
    /// None if all its rows were set aside.
    file: Option<Location>,
    /// Replays that brought rows before.
    replays: Vec<String>,
    /// The source's columns.
    columns: SchemaRef,
}

impl<'a> Batch<'a> {
    /// Looks for the batch, and ends what a killed replay has begun.
    fn open(request: &'a Request<'a>, part: &'a Part) -> Result<Self, Fault> {
        let file = request.publish.file_of(&part.stamp)?;
        let replays = file.as_ref().map(replays_in).transpose()?.unwrap_or_default();
        for begun in request.quarantine.begun(&part.stamp)?.into_iter().filter(|_| !request.dry_run) {
            match replays.contains(&begun) {
                true => _ = request.quarantine.conclude(&part.stamp, &begun)?,
                false => request.quarantine.abandon(&part.stamp, &begun)?,
            }
        }
        if file.as_ref().map(is_partial).transpose()? == Some(true) {
            let what =
                format!("{}: other batches took the place of some rows of batch `{}`", request.publish.location(), part.stamp.batch_id);
            return Err(Fault::new(what).hint("what it left is no longer wanted, or must be gated anew"));
        }
        if !request.dry_run && replays_in(&part.place)? != replays {
            let what = format!("{}: some of these rows were published by a replay, and are still set aside", part.place);
            return Err(Fault::new(what).hint("nothing was changed; gate the batch again with `--supersede`"));
        }
        let schema = part.schema()?;
        let columns = schema.fields().iter().filter(|f| !COLUMNS.contains(&f.name().as_str())).cloned().collect::<Vec<_>>();
        Ok(Self { request, part, file, replays, columns: Arc::new(Schema::new(columns)) })
    }

    /// None if others have changed the table meanwhile.
    fn replay(&self, seen: Option<&View>) -> Result<Option<Replayed>, Faults> {
        let Request { rules, publish, job, .. } = self.request;
        let (paths, unreadable) = self.write_down()?;
        let options = ReadOptions { format: Some(Format::Parquet), ..ReadOptions::default() };
        let named: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let source = source::open(&named, &options, &rules.contract(), &Spool::new(self.request.scratch))?;
        let set_aside_file = paths.len() as u32 - 1;
        let destination = publish.clone();
        let table = PublishedTable::new(rules, Some(&self.part.stamp.batch_id), None, move || Ok(destination.clone()));
        let job = job(source, table);
        let evolution = rules.sections.schema.as_ref().map(|schema| schema.evolution).unwrap_or_default();
        let staging = Staging::new(publish, evolution).only_file(set_aside_file);
        let audited = audit::audit(&job, &staging)?;
        self.same_values(&audited)?;
        let fails = audited.set_aside();
        let header = Header { mode: Mode::Gate, batch_id: self.part.stamp.batch_id.clone(), as_of: None };
        let verdict = assemble::assemble(header, rules, &audited, fails.len(), None).verdict;
        let staged = staging.into_staged()?;
        let judged = Judged::new(&audited, &staged, &fails, set_aside_file);
        let pass = judged.passes.iter().filter(|passes| **passes).count() as u64;
        let published_failing = audited.places.units().filter(|u| u.file != set_aside_file).map(|u| fails.len_of(u.index)).sum();
        let (stay, publishes) = (judged.passes.len() as u64 - pass + unreadable, matches!(verdict, Verdict::Accept | Verdict::Quarantine));
        let replayed = Replayed { verdict, pass, stay, unreadable, published_failing };
        if pass == 0 || !publishes || self.request.dry_run {
            return Ok(Some(replayed));
        }
        Ok(self.publish(staged, &fails, &judged, seen)?.then_some(replayed))
    }

    /// Writes the published rows and those set aside as two files of the source's columns; gives how many cannot be judged.
    fn write_down(&self) -> Result<(Vec<PathBuf>, u64), Fault> {
        let mut paths = Vec::new();
        if let Some(file) = &self.file {
            let path = self.request.scratch.join("0-published.parquet");
            let mut out = Scratch::new(&path, &self.columns)?;
            for batch in read(file)? {
                out.write(&batch?)?;
            }
            out.close()?;
            paths.push(path);
        }
        let path = self.request.scratch.join("1-set-aside.parquet");
        let (mut out, mut unreadable) = (Scratch::new(&path, &self.columns)?, 0);
        for batch in self.part.batches(None)? {
            let batch = batch?;
            let readable = readable(&batch);
            unreadable += readable.false_count() as u64;
            out.write(&filter_record_batch(&batch, &readable).map_err(|e| cannot(&e))?)?;
        }
        out.close()?;
        paths.push(path);
        Ok((paths, unreadable))
    }

    /// Whether the published rows are what the rules' `transform` makes of them now.
    fn same_values(&self, audited: &Audited) -> Result<(), Faults> {
        let Some(file) = &self.file else { return Ok(()) };
        let prepare = &audited.plan.prepare;
        let made: Vec<usize> = (0..prepare.schema.fields().len()).filter(|&c| !prepare.is_untouched(c)).collect();
        if made.is_empty() {
            return Ok(());
        }
        let projection = Projection::new(&self.columns, (0..self.columns.fields().len()).collect());
        for batch in read(file)? {
            let batch = batch?;
            let rows = RowNumbers::of((0..batch.num_rows() as u32).collect());
            let chunk = Chunk { batch: conform(&batch, &self.columns)?, rows, malformed: Vec::new() };
            for prepared in prepare.apply(chunk, &projection)? {
                made.iter().try_for_each(|&column| self.is_same(&prepared, &batch, prepare.schema.field(column).name(), column))?;
            }
        }
        Ok(())
    }

    /// Whether a column that `transform` makes is what is published.
    fn is_same(&self, prepared: &Prepared, batch: &RecordBatch, name: &str, column: usize) -> Result<(), Faults> {
        let still: UInt32Array = prepared.rows.iter().collect::<Vec<u32>>().into();
        let (Some(now), Some(then)) = (&prepared.columns[column], batch.column_by_name(name)) else { return Err(self.other(name)) };
        let then = take(then, &still, None).map_err(|e| cannot(&e))?;
        let Ok(now) = cast_with_options(now, then.data_type(), &CastOptions { safe: false, ..CastOptions::default() }) else {
            return Err(self.other(name));
        };
        let differ = if then.data_type().is_nested() {
            then != now
        } else {
            distinct(&plain_floats(&then), &plain_floats(&now)).map_err(|e| cannot(&e))?.true_count() > 0
        };
        if differ { Err(self.other(name)) } else { Ok(()) }
    }

    fn other(&self, column: &str) -> Faults {
        let what = format!("the published `{column}` of batch `{}` is not what `transform` makes of it now", self.part.stamp.batch_id);
        Fault::new(what).hint("gate the batch again with `--supersede`").into()
    }

    /// Whether the rows that pass are published; not if others have changed the table.
    fn publish(&self, staged: Staged, fails: &RowSet, judged: &Judged, seen: Option<&View>) -> Result<bool, Fault> {
        let Request { rules, publish, quarantine, .. } = self.request;
        let stamp = &self.part.stamp;
        let replay = replay_digest(rules, &self.replays, &stamp.content_digest, &judged.passes);
        let replays: Vec<String> = self.replays.iter().chain([&replay]).cloned().collect();
        publish.ready()?;
        quarantine.pend(&mut self.what_stays(judged, &replays)?, stamp, &replay)?;
        let (mut passing, columns) = filter::without(staged, fails, stamp)?;
        passing.finish(stamp)?;
        let mut whole = StagedFile::create(&publish.directory(), &columns)?;
        if let Some(file) = &self.file {
            let source = opened(file)?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(source).map_err(|e| cannot_read(file, &e))?;
            if reader.schema().fields() != columns.schema().fields() {
                let what = format!("batch `{}` is published with other columns than the rules make now", stamp.batch_id);
                return Err(Fault::new(what).hint("gate the batch again with `--supersede`"));
            }
            let (source, groups) = (opened(file)?, reader.metadata().num_row_groups());
            (0..groups).try_for_each(|group| whole.append_copy(&source, group))?;
        }
        let source = passing.readable()?;
        let groups = ParquetRecordBatchReaderBuilder::try_new(passing.readable()?).map_err(|e| cannot(&e))?.metadata().num_row_groups();
        (0..groups).try_for_each(|group| whole.append_copy(&source, group))?;
        whole.finish_after(stamp, &replays)?;
        match publish.commit(&mut whole, &Commit { stamp, columns: &columns, seen, replace: None })? {
            Committed::There(_) => {
                let is_concluded = quarantine.conclude(stamp, &replay)? || replays_in(&self.part.place)? == replays;
                if !is_concluded {
                    // Another replay took it for one that was killed before it published.
                    quarantine.commit(&mut self.what_stays(judged, &replays)?, stamp)?;
                }
                Ok(true)
            }
            // Whether what is pending is another's that did the same, the next look will tell.
            Committed::Overtaken(_) => Ok(false),
        }
    }

    /// The part without the rows that pass; of those that were judged, with the rules that they fail now.
    fn what_stays(&self, judged: &Judged, replays: &[String]) -> Result<StagedFile, Fault> {
        let mut file: Option<StagedFile> = None;
        let mut next = 0;
        for batch in self.part.batches(None)? {
            let batch = batch?;
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(StagedFile::create(&self.request.quarantine.directory, &Quarantine::columns(&batch.schema()))?),
            };
            let (mut keep, mut rules) = (Vec::with_capacity(batch.num_rows()), ListBuilder::new(StringBuilder::new()));
            let before = batch.column_by_name(RULES).map(|c| c.as_list::<i32>().clone());
            for (row, is_readable) in readable(&batch).values().iter().enumerate() {
                if is_readable && next == judged.passes.len() {
                    return Err(Fault::new(format!("{}: it changed meanwhile", self.part.place)).hint("run the replay again"));
                }
                keep.push(!is_readable || !judged.passes[next]);
                match &before {
                    Some(before) if !is_readable => {
                        before.value(row).as_string::<i32>().iter().for_each(|rule| rules.values().append_option(rule));
                    }
                    Some(_) | None => judged.rules[next].iter().for_each(|rule| rules.values().append_value(rule)),
                }
                rules.append(true);
                next += usize::from(is_readable);
            }
            let rules: ArrayRef = Arc::new(rules.finish());
            let rules = match batch.column_by_name(RULES) {
                Some(before) => cast(&rules, before.data_type()).map_err(|e| cannot(&e))?,
                None => rules,
            };
            let named = |(field, column): (&FieldRef, &ArrayRef)| if field.name() == RULES { rules.clone() } else { column.clone() };
            let columns = batch.schema().fields().iter().zip(batch.columns()).map(named).collect();
            let batch = RecordBatch::try_new(batch.schema(), columns).map_err(|e| cannot(&e))?;
            let kept = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(|e| cannot(&e))?;
            if kept.num_rows() > 0 {
                file.append(file.encoder().encode(&[kept])?)?;
            }
        }
        if next != judged.passes.len() {
            return Err(Fault::new(format!("{}: it changed meanwhile", self.part.place)).hint("run the replay again"));
        }
        let mut file = file.ok_or_else(|| Fault::new("internal error: a part without rows has none that pass"))?;
        file.finish_after(&self.part.stamp, replays)?;
        Ok(file)
    }
}

/// What the rules say of each row that could be judged, in the part's order.
struct Judged {
    passes: Vec<bool>,
    /// The findings that set it aside now.
    rules: Vec<Vec<String>>,
}

impl Judged {
    fn new(audited: &Audited, staged: &Staged, fails: &RowSet, file: u32) -> Self {
        let units: Vec<_> = audited.places.units().filter(|u| u.file == file).cloned().collect();
        // Row groups follow each other, and every row of a Parquet file is a record.
        let firsts: Vec<usize> = units.iter().map(|u| audited.places.rows_before(u.index) as usize).collect();
        let len = units.last().map_or(0, |u| firsts[units.len() - 1] + audited.places.records_of(u.index) as usize);
        let (mut passes, mut rules) = (vec![false; len], vec![Vec::new(); len]);
        for (unit, first) in units.iter().zip(firsts) {
            for staged in staged.units.iter().filter(|s| s.unit == unit.index) {
                for row in filter::rows(staged).filter(|&row| !fails.contains(RowId { unit: unit.index, row })) {
                    passes[first + row as usize] = true;
                }
            }
            for finding in audited.findings.iter().filter(|f| f.sets_aside()) {
                for row in finding.rows.iter().filter(|row| row.unit == unit.index) {
                    rules[first + row.row as usize].push(finding.id.clone());
                }
            }
        }
        Self { passes, rules }
    }
}

/// Names a replay by what it follows from, and what it publishes.
fn replay_digest(rules: &RuleFile, before: &[String], content: &str, passes: &[bool]) -> String {
    let mut text = format!("{:032x} {content} {} ", rules.digest, before.join(" "));
    text.extend(passes.iter().map(|&passes| if passes { '1' } else { '0' }));
    format!("{:08x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()) >> 32)
}

/// The parts to be replayed: those of the rules' data set that hold rows, or of the batches `wanted`.
///
/// # Errors
/// A batch left no rows of this data set there, or a part cannot be read.
pub fn parts(rules: &RuleFile, quarantine: &Quarantine, wanted: &[String]) -> Result<Vec<Part>, Fault> {
    let dataset = &rules.sections.dataset;
    if let Some(item) = rules.items.iter().find(|item| item.rule.minds_order()) {
        let what = format!(
            "`{}` judges a row by those before it, and where set-aside rows stood among the published is not known",
            item.entry.name
        );
        let fault = Fault::new(what).at(item.at.in_file(&rules.path));
        return Err(fault.hint("gate the batches again with `--supersede`"));
    }
    let mut parts = quarantine::parts_of(quarantine, wanted)?;
    if let Some(part) = parts.iter().find(|p| p.stamp.dataset != *dataset && wanted.contains(&p.stamp.batch_id)) {
        let what = format!("batch `{}` is of the data set `{}`, and the rules are of `{dataset}`", part.stamp.batch_id, part.stamp.dataset);
        return Err(Fault::new(what));
    }
    parts.retain(|p| p.stamp.dataset == *dataset && p.rows > 0);
    Ok(parts)
}
