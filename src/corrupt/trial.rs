//! Every error by itself: made, judged, and held against what the rules say of the rows as they are.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::class::{self, Class, Made};
use super::hints;
use super::judged::{Judged, stopped};
use super::model::{Case, Catch, Clean, Hint, Outcome, Trial};
use super::random::Random;
use super::sample::{Change, Sample};
use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job, NoSink};
use crate::diagnostic::Faults;
use crate::files;
use crate::findings::Finding;
use crate::report::model::Mode;
use crate::ruleset::{Level, Profile, RuleFile};
use crate::source::Source;
use crate::yaml::{Position, Spanned};

/// Of the form of a trial's JSON.
const VERSION: u32 = 1;

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub seed: u64,
    /// The share of the rows that each error is made in; one row at least.
    pub share: f64,
}

/// Whoever knows the rule file, and can judge data by it.
pub trait Judging: Sync {
    /// The rule file, read anew.
    ///
    /// # Errors
    /// It cannot be read.
    fn rules(&self) -> Result<RuleFile, Faults>;

    /// The job of judging `data` by `rules`.
    ///
    /// # Errors
    /// What rules compare with cannot be reached.
    fn job<'r>(&self, rules: &'r RuleFile, data: Arc<dyn Source>) -> Result<Job<'r>, Faults>;
}

/// With what means.
pub struct Means<'a> {
    pub judging: &'a dyn Judging,
    /// For spoilt text, which is removed again.
    pub scratch: &'a Path,
    pub threads: usize,
    /// Told of errors tried and errors to try.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Spoils `sample` in every way there is, and says what the rules notice.
///
/// # Errors
/// The rules cannot be read, or cannot judge the rows as they are.
pub fn trial(mut sample: Sample, settings: Settings, means: &Means<'_>) -> Result<Trial, Faults> {
    let rules = read(means)?;
    let nothing = Change::Cells(Vec::new());
    let path = means.scratch.join("clean.csv");
    let clean_rows = sample.with(&nothing, &path)?;
    let audited = audit(&rules, clean_rows.clone(), means)?;
    sample.settle(audited.source.schema());
    let header = Header { mode: Mode::Check, batch_id: String::new(), began: None, as_of: None };
    let report = assemble::assemble(header, &rules, &audited, audited.set_aside().len(), None);
    let (rows, malformed) = (sample.rows as u64, sample.malformed);
    let clean = Clean { rows, is_part: sample.is_part, malformed, verdict: report.verdict, reasons: report.reasons };
    let before = Judged::of(&audited);
    let table = Table { sample: &sample, rules: &rules, clean: clean_rows, before: &before, settings, means };
    let of_columns = (0..sample.columns.len()).flat_map(|column| Class::ALL.map(|class| (Some(column), class)));
    let wanted: Vec<(Option<usize>, Class)> = std::iter::once((None, Class::Duplicate)).chain(of_columns).collect();
    let cases = each(&wanted, means, &|number, (column, class)| table.case(number, column, class))?;
    let count = |is: &dyn Fn(&Outcome) -> bool| cases.iter().filter(|case| is(&case.outcome)).count() as u64;
    let caught = count(&|outcome| matches!(outcome, Outcome::Caught { .. }));
    Ok(Trial {
        version: VERSION,
        dataset: rules.sections.dataset.clone(),
        seed: settings.seed,
        share: settings.share,
        clean,
        caught,
        of: caught + count(&|outcome| matches!(outcome, Outcome::Missed { .. })),
        no_rule: count(&|outcome| matches!(outcome, Outcome::NoRule { .. })),
        not_applicable: count(&|outcome| matches!(outcome, Outcome::NotApplicable { .. })),
        cases,
    })
}

/// The rule file; of columns nothing is wanted beside what its rules need.
fn read(means: &Means<'_>) -> Result<RuleFile, Faults> {
    let mut rules = means.judging.rules()?;
    rules.sections.profile = Some(Spanned { at: Position::default(), value: Profile::Level(Level::None) });
    Ok(rules)
}

fn audit(rules: &RuleFile, source: Arc<dyn Source>, means: &Means<'_>) -> Result<Audited, Faults> {
    let job = Job { threads: 1, ..means.judging.job(rules, source)? };
    audit::audit(&job, &NoSink::default())
}

/// Tries all `wanted` on so many threads as there may be; what comes of it stands in their order.
fn each<T: Copy + Sync, O: Send>(
    wanted: &[T],
    means: &Means<'_>,
    one: &(dyn Fn(usize, T) -> Result<O, Faults> + Sync),
) -> Result<Vec<O>, Faults> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(&what) = wanted.get(number) else { break };
            let came = one(number, what);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((number, came));
            (means.progress)(done.len() as u64, wanted.len() as u64);
        }
    };
    std::thread::scope(|threads| {
        let begin = |_| std::thread::Builder::new().spawn_scoped(threads, work).ok();
        let helpers: Vec<_> = (1..means.threads.min(wanted.len())).map_while(begin).collect();
        work();
        drop(helpers);
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, came)| came).collect()
}

/// What all errors are tried on.
struct Table<'a> {
    sample: &'a Sample,
    rules: &'a RuleFile,
    clean: Arc<dyn Source>,
    /// What the rules say of the rows as they are.
    before: &'a Judged,
    settings: Settings,
    means: &'a Means<'a>,
}

impl Table<'_> {
    /// One error, by its number among all.
    fn case(&self, number: usize, column: Option<usize>, class: Class) -> Result<Case, Faults> {
        let name = column.map(|column| self.sample.columns[column].name.clone());
        let mut random = Random::of(self.settings.seed, &format!("{}\0{}", class.name(), name.as_deref().unwrap_or_default()));
        let count = ((self.settings.share * self.sample.rows as f64).ceil() as usize).max(1);
        let made = match column {
            Some(column) => class::make(self.sample, class, column, count, &mut random),
            None => class::copy_rows(self.sample, count, &mut random),
        };
        let made = match made {
            Ok(made) => made,
            Err(why) => return Ok(Case { column: name, class, what: String::new(), rows: 0, outcome: Outcome::NotApplicable { why } }),
        };
        let path = self.means.scratch.join(format!("{number}.csv"));
        let spoilt = self.sample.with(&made.change, &path)?;
        let (by, let_pass) = match audit(self.rules, spoilt.clone(), self.means) {
            Ok(audited) => Judged::of(&audited).noticed(self.before, &made.rows, &|_| true),
            Err(faults) => (stopped(&faults), Vec::new()),
        };
        let outcome = if by.is_empty() {
            match self.hint(column, class, &made, &spoilt)? {
                Some(hint) => Outcome::Missed { let_pass, hints: vec![hint] },
                None => Outcome::NoRule { let_pass },
            }
        } else {
            Outcome::Caught { by }
        };
        drop(spoilt);
        files::discard(&path);
        Ok(Case { column: name, class, what: made.what, rows: made.rows.len() as u64, outcome })
    }

    /// The first rule that notices the error and says nothing of the rows as they are.
    fn hint(&self, column: Option<usize>, class: Class, made: &Made, spoilt: &Arc<dyn Source>) -> Result<Option<Hint>, Faults> {
        for candidate in hints::candidates(self.sample, class, column, made) {
            let Some(first) = self.noticed_by(&candidate.rule, made, spoilt)? else { continue };
            let rule = if self.is_masked(column, made) { candidate.without_values } else { candidate.rule };
            return Ok(Some(Hint { rule, caught_as: first.caught_as }));
        }
        Ok(None)
    }

    /// What the rule alone notices, if it says nothing of the rows as they are.
    fn noticed_by(&self, rule: &str, made: &Made, spoilt: &Arc<dyn Source>) -> Result<Option<Catch>, Faults> {
        let mut rules = read(self.means)?;
        let Ok(alone) = RuleFile::parse(&format!("dataset: hint\nrules:\n  - {rule}\n"), &rules.path) else { return Ok(None) };
        rules.items = alone.items;
        rules.sections.known.clear();
        let codes: Vec<_> = rules.items.iter().map(|item| item.code.clone()).collect();
        let is_own = |finding: &Finding| codes.contains(&finding.code);
        let Ok(audited) = audit(&rules, self.clean.clone(), self.means) else { return Ok(None) };
        let before = Judged::of(&audited);
        if !before.passes(&is_own) {
            return Ok(None);
        }
        let by = match audit(&rules, spoilt.clone(), self.means) {
            Ok(audited) => Judged::of(&audited).noticed(&before, &made.rows, &is_own).0,
            Err(faults) => stopped(&faults),
        };
        Ok(by.into_iter().next())
    }

    /// Whether a rule for this error could tell a value of a masked column.
    fn is_masked(&self, column: Option<usize>, made: &Made) -> bool {
        let names = || self.sample.columns.iter().map(|column| column.name.as_str());
        let privacy = self.rules.privacy_in(names(), None);
        // What is shifted stands in the next column.
        let next = column.map(|column| column + 1);
        let looked_at = column.into_iter().chain(made.with).chain(next).filter_map(|column| self.sample.columns.get(column));
        looked_at.into_iter().any(|column| privacy.mask_of(&column.name).is_some())
    }
}
