//! A rule file with several tables, which are judged and gated as one.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::begun::Begun;
use super::check::Check;
use super::destinations::{Ends, beside, named_by, replaces};
use super::gate::{Batch, Gate};
use super::run::RunOptions;
use super::scratch::Scratch;
use super::suite;
use crate::assemble::{self, Header, TableVerdict};
use crate::audit::{Job, Keeps};
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::gate::{self, Judged, Parent, Parents, PublishedTable, Request, TableJob};
use crate::report::model::Mode;
use crate::report::{Report, TableReport};
use crate::rules::published::Published;
use crate::ruleset::{RuleFile, Table};
use crate::source::Source;

/// Where the rows of one table go, if that is known, and a directory for what its run must keep.
struct Surrounding {
    ends: Option<Ends>,
    scratch: Scratch,
}

/// Is told of bytes read and bytes to read.
type Told<'a> = &'a (dyn Fn(u64, u64) + Sync);

impl RunOptions {
    /// Refuses options that are about one table only, beside `others` of the command.
    fn ensure_of_tables(&self, others: &[(bool, &str)]) -> Result<(), Faults> {
        let own = [
            (!self.data.is_empty(), "data on the command line"),
            (self.format.is_some(), "`--format`"),
            (self.record.is_given(), "`--record`"),
        ];
        let mut faults = Faults::default();
        for (_, what) in own.iter().chain(others).filter(|(is_given, _)| *is_given) {
            let fault = Fault::new(Code::ConflictingOptions, format!("{what} is about one table, and the rule file has several"));
            faults.push(fault.hint("`--table NAME` judges one alone; `--set tables.NAME.source.path=PATH` names other data of one"));
        }
        faults.or_ok(())
    }

    /// The options for one of several tables, as far as files are named by it.
    fn failing_rows_of(&self, table: &Table) -> Option<std::path::PathBuf> {
        self.failing_rows.as_ref().map(|path| suite::beside(path, &table.name))
    }

    fn data_of(&self, table: &Table, scratch: &Scratch) -> Result<Arc<dyn Source>, Faults> {
        self.open_data(&table.rules, scratch)
    }

    /// What the report says beside its tables.
    fn header_of_tables(&self, mode: Mode, now: DateTime<Utc>) -> Header {
        Header { mode, batch_id: self.batch_id.clone().unwrap_or_default(), began: Some(now), as_of: self.as_of() }
    }
}

/// Opens where the rows of all tables go, as the rule file says it; what the destinations promise becomes rules.
fn open_all(rules: &mut RuleFile, options: &RunOptions) -> Result<Vec<Surrounding>, Faults> {
    let (confines, mut all, mut faults) = (options.trust.confines()?, Vec::new(), Faults::default());
    for table in &mut rules.tables {
        let opened = named_by(&table.rules, confines.as_ref()).map_err(Faults::from).and_then(|ends| {
            if let Some((publish, _)) = &ends {
                beside_table(&mut table.rules, publish.as_ref())?;
            }
            Ok(Surrounding { ends, scratch: Scratch::new()? })
        });
        match opened {
            Ok(surrounding) => all.push(surrounding),
            Err(wrong) => faults.extend(wrong.into_iter().map(|fault| about(&table.name, fault))),
        }
    }
    faults.or_ok(())?;
    ensure_apart(rules, &all)?;
    Ok(all)
}

fn beside_table(rules: &mut RuleFile, publish: &dyn crate::store::Store) -> Result<(), Faults> {
    let removes = replaces(rules);
    beside(rules, publish, removes)
}

/// Makes sure that no two tables go to one place.
fn ensure_apart(rules: &RuleFile, all: &[Surrounding]) -> Result<(), Fault> {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for (table, surrounding) in rules.tables.iter().zip(all) {
        let Some((publish, quarantine)) = &surrounding.ends else { continue };
        for place in [publish.to_string(), quarantine.directory.to_string()] {
            if let Some((_, other)) = taken.iter().find(|(there, _)| *there == place) {
                let what = format!("rows of the tables `{other}` and `{}` would both go to {place}", table.name);
                return Err(Fault::new(Code::Occupied, what).at(Place::file(&rules.path)).hint("give each table places of its own"));
            }
            taken.push((place, &table.name));
        }
        for (other, Surrounding { ends, .. }) in rules.tables.iter().zip(all).filter(|(other, _)| other.name != table.name) {
            if let Some((_, theirs)) = ends {
                publish.allow_quarantine(&theirs.directory).map_err(|fault| about(&other.name, fault))?;
            }
        }
    }
    Ok(())
}

/// A fault that says which table it is about.
fn about(table: &str, fault: Fault) -> Fault {
    Fault { what: format!("table `{table}`: {}", fault.what), ..fault }
}

fn is_parent(rules: &RuleFile, table: &Table) -> bool {
    rules.tables.iter().any(|other| other.parents.contains(&table.name))
}

impl Check {
    /// Judges all tables, without writing anything.
    pub(super) fn judge_tables(&self, begun: &mut Begun<'_>) -> Result<Report, Faults> {
        let (now, options) = (begun.now, self.options());
        options.ensure_of_tables(&[(self.is_of_published(), "`--published`")])?;
        let rules = begun.rules()?;
        let (all, parents) = (open_all(rules, options)?, Arc::new(Parents::default()));
        let rules = &*rules;
        let (mut reports, mut faults, mut unjudged) = (Vec::new(), Faults::default(), Vec::<&str>::new());
        for (table, surrounding) in rules.tables.iter().zip(&all) {
            if table.parents.iter().any(|parent| unjudged.contains(&parent.as_str())) {
                unjudged.push(&table.name);
                continue;
            }
            match self.judge_table(rules, table, surrounding, (now, &parents)) {
                Ok(report) => reports.push((table, report)),
                Err(wrong) => {
                    unjudged.push(&table.name);
                    faults.extend(table.rules.quiet(wrong).into_iter().map(|fault| about(&table.name, fault)));
                }
            }
        }
        faults.or_ok(())?;
        let mut verdicts: Vec<TableVerdict<'_>> = Vec::new();
        for (table, report) in &mut reports {
            let table: &Table = table;
            verdicts.push(TableVerdict { name: &table.name, parents: &table.parents, report });
        }
        assemble::decide_together(&mut verdicts);
        let named = |(table, report): (&Table, Report)| TableReport { name: table.name.clone(), parents: table.parents.clone(), report };
        Ok(assemble::assemble_tables(options.header_of_tables(Mode::Check, now), rules, reports.into_iter().map(named).collect()))
    }

    fn judge_table(
        &self,
        rules: &RuleFile,
        table: &Table,
        Surrounding { ends, scratch }: &Surrounding,
        (now, parents): (DateTime<Utc>, &Arc<Parents>),
    ) -> Result<Report, Faults> {
        let options = self.options();
        let progress = options.progress();
        let advance = |done, total| progress.advance(done, total);
        let data = options.data_of(table, scratch)?;
        let publish = ends.as_ref().map(|(publish, _)| publish.clone());
        let published = self.published(&table.rules, publish.clone());
        let references = options.comparable(now, &table.rules, scratch)?.beside(published.clone(), options.means.threads());
        let published = published.map(|table| -> Arc<dyn Published> { table });
        let job = Job {
            references: Some(Arc::new(references.among(parents.clone()))),
            rows: progress.rows(),
            ..options.job(now, &table.rules, data, published, scratch, &advance)
        };
        let place = ends.as_ref().map(|(publish, quarantine)| gate::Place { publish: publish.as_ref(), quarantine });
        let failing_rows = options.failing_rows_of(table);
        let wanted = gate::Wanted { failing_rows: failing_rows.as_deref(), ..options.wanted(place) };
        let (Judged { report, .. }, audited) = gate::judge(&job, wanted)?;
        if is_parent(rules, table) {
            parents.note(&table.name, Parent::of(&job, Arc::new(audited), publish, options.batch_id.as_deref())?);
        }
        Ok(report)
    }
}

impl Gate {
    /// Judges all tables, and publishes them, if none of them is rejected.
    pub(super) fn gate_tables(&self, begun: &mut Begun<'_>) -> Result<Report, Faults> {
        let (now, options) = (begun.now, &self.options);
        options.ensure_of_tables(&self.of_one_table())?;
        let rules = begun.rules()?;
        let all = open_all(rules, options)?;
        let requests = self.requests(rules, &all)?;
        let (rules, parents) = (&*rules, Arc::new(Parents::default()));
        let progress = options.progress();
        let advance = |done, total| progress.advance(done, total);
        let (mut jobs, mut faults) = (Vec::new(), Faults::default());
        for ((table, surrounding), request) in rules.tables.iter().zip(&all).zip(requests) {
            let opened = self.job_of_table(table, surrounding, &request, (now, &parents, &advance));
            let named = |wrong: Faults| Faults(wrong.into_iter().map(|fault| about(&table.name, fault)).collect());
            let Some(job) = faults.take_all(opened.map_err(named)) else { continue };
            let (name, parents) = (table.name.as_str(), table.parents.as_slice());
            jobs.push(TableJob { name, parents, is_parent: is_parent(rules, table), job, request });
        }
        faults.or_ok(())?;
        let judged = gate::gate_tables(&jobs, &parents)?;
        let reports = rules.tables.iter().zip(judged).map(|(table, Judged { mut report, summary })| {
            self.move_baseline(&table.rules, &mut report, summary.as_ref());
            TableReport { name: table.name.clone(), parents: table.parents.clone(), report }
        });
        let reports = reports.collect();
        Ok(assemble::assemble_tables(options.header_of_tables(self.mode(), now), rules, reports))
    }

    /// What is asked for of each table.
    fn requests(&self, rules: &mut RuleFile, all: &[Surrounding]) -> Result<Vec<Request>, Faults> {
        let (mut requests, mut faults, path) = (Vec::new(), Faults::default(), rules.path.clone());
        for (table, Surrounding { ends, scratch }) in rules.tables.iter_mut().zip(all) {
            let Some((publish, quarantine)) = ends else {
                let fault = Fault::new(Code::MissingOption, format!("nothing says where to publish the table `{}`", table.name));
                faults.push(fault.at(Place::file(&path)).hint("write `gate: { publish: PATH }` in it"));
                continue;
            };
            let failing_rows = self.options.failing_rows_of(table);
            let data = |rules: &RuleFile| self.options.open_data(rules, scratch);
            let (id, remembered) = (self.options.batch_id.clone(), None);
            let batch = Batch { id, data: &data, moving: None, release: None, remembered, publish, quarantine, scratch };
            if let Some(request) = faults.take_all(self.request(&mut table.rules, &batch)) {
                requests.push(Request { failing_rows, ..request });
            }
        }
        faults.or_ok(requests)
    }

    fn job_of_table<'a>(
        &self,
        table: &'a Table,
        Surrounding { scratch, .. }: &Surrounding,
        request: &Request,
        (now, parents, advance): (DateTime<Utc>, &Arc<Parents>, Told<'a>),
    ) -> Result<Job<'a>, Faults> {
        let options = &self.options;
        let data = options.data_of(table, scratch)?;
        let published: Arc<PublishedTable> = request.table.clone();
        let references = options.comparable(now, &table.rules, scratch)?.beside(Some(published.clone()), options.means.threads());
        let references: Arc<dyn crate::audit::References> = Arc::new(references.among(parents.clone()));
        let keeps = match self.moving_baseline(&table.rules) {
            Some(_) => Keeps::Everything,
            None if self.is_dry() => Keeps::Nothing,
            None => gate::keeps(&table.rules),
        };
        let job = options.job(now, &table.rules, data, Some(published), scratch, advance);
        Ok(Job { references: Some(references), keeps, ..job })
    }
}
