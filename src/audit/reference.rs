//! Which earlier data the batch's columns are compared with: those that the section `schema` names, else the baseline, else the last
//! recorded run.

use std::sync::Arc;

use arrow::datatypes::FieldRef;

use super::Job;
use super::beside::{References, among};
use super::diff::side::Side;
use super::earlier::{Earlier, columns};
use super::kept::plan_of;
use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::Why;
use crate::rules::schema::earlier::{EarlierColumn, EarlierColumns, Whose};
use crate::rules::schema::profile::ColumnProfile;
use crate::rules::words::{self, Against, AgainstWord};
use crate::yaml::Spanned;

impl Earlier {
    /// What can be reached of the rule file's baseline, else of the last recorded run.
    ///
    /// # Errors
    /// It cannot be read, or is not there and should be.
    pub(super) fn of(job: &Job<'_>) -> Result<Self, Faults> {
        let Some(references) = job.references.as_ref().filter(|references| references.compares()) else { return Ok(Self::Nothing) };
        if let Some(against) = job.rules.sections.schema.as_ref().and_then(|section| section.value.against.as_ref()) {
            return match &against.value.0 {
                AgainstWord::Runs { .. } | AgainstWord::Published { .. } => Ok(Self::Open),
                AgainstWord::Baseline { .. } | AgainstWord::Paths(_) => Self::named(job, references.as_ref(), against),
            };
        }
        let (whose, parts, why) = match &job.rules.sections.baseline {
            Some(baseline) => {
                let kept = references.summaries(&AgainstWord::Baseline { file: Some(baseline.path.value.clone()) })?;
                (Whose::Baseline, kept.parts, kept.why)
            }
            None => (Whose::LastRun, references.last_run()?.into_iter().collect(), None),
        };
        Ok(match (parts.last(), why) {
            (_, Some(Why::WarmingUp(why) | Why::NoData(why))) => Self::WarmingUp(why),
            (None, None) => Self::Nothing,
            (Some((name, summary)), None) => Self::Columns(Arc::new(columns(whose, name, summary, job)?)),
        })
    }

    /// What the section `schema` names.
    fn named(job: &Job<'_>, references: &dyn References, against: &Spanned<Against>) -> Result<Self, Faults> {
        let sections = &job.rules.sections;
        let (whose, kept) = match &against.value.0 {
            AgainstWord::Baseline { file: None } => match &sections.baseline {
                Some(baseline) => {
                    let file = Some(baseline.path.value.clone());
                    (Whose::Baseline, references.summaries(&AgainstWord::Baseline { file })?)
                }
                None => {
                    let fault = Fault::new(Code::MissingOption, "there is nothing to compare with: the rule file names no baseline");
                    let fault = fault.at(against.at.in_file(&job.rules.path));
                    return Err(fault.hint("write `baseline: { path: baselines/NAME.json }`, or `against: { baseline: FILE }`").into());
                }
            },
            word @ AgainstWord::Baseline { file: Some(_) } => (Whose::Baseline, references.summaries(word)?),
            word @ AgainstWord::Runs { .. } => (Whose::LastRun, references.summaries(word)?),
            word @ AgainstWord::Published { .. } => (Whose::Named, references.summaries(word)?),
            AgainstWord::Paths(paths) => {
                let paths = words::located(&sections.sources.0, paths);
                match references.baseline_at(paths)? {
                    Some(kept) => (Whose::Baseline, kept),
                    None => {
                        let word = AgainstWord::Paths(paths.to_vec());
                        let found = of_data(job, references, paths).map_err(|faults| among(faults, &word))?;
                        return Ok(Self::Columns(Arc::new(found)));
                    }
                }
            }
        };
        Ok(match (kept.parts.last(), kept.why) {
            (_, Some(Why::WarmingUp(why) | Why::NoData(why))) => Self::WarmingUp(why),
            (None, None) => Self::WarmingUp(format!("there is nothing yet in {}", against.value.0)),
            (Some((name, summary)), None) => {
                let name = if whose == Whose::Named { format!("the published batch {name}") } else { name.clone() };
                Self::Columns(Arc::new(columns(whose, &name, summary, job)?))
            }
        })
    }

    /// The same, once it is known which batch is judged: its own earlier runs are left out.
    pub(super) fn beside_known_batch(self, job: &Job<'_>) -> Result<Self, Faults> {
        let against = || job.rules.sections.schema.as_ref().and_then(|section| section.value.against.as_ref());
        match (&self, &job.references) {
            (Self::Columns(columns), _) if columns.whose == Whose::LastRun => Self::of(job),
            (Self::Open, Some(references)) => against().map_or(Ok(Self::Nothing), |against| Self::named(job, references.as_ref(), against)),
            (Self::Columns(_) | Self::Nothing | Self::WarmingUp(_) | Self::Open, _) => Ok(self),
        }
    }
}

/// The columns of other data, as rules see them. Types that follow from values follow from all of them.
fn of_data(job: &Job<'_>, references: &dyn References, paths: &[String]) -> Result<EarlierColumns, Faults> {
    /// As many as the batch itself may take to settle its types.
    const PASSES_MAX: usize = 4;
    let mut other = references.open(paths)?;
    for _ in 0..PASSES_MAX {
        let there = job.of_other(other.clone());
        let (plan, _) = plan_of(&there, other.as_ref(), &[])?;
        if other.known().infers_types {
            let all: Vec<usize> = (0..plan.prepare.schema.fields().len()).collect();
            let side = Side::new(0, (&there, other.as_ref(), &plan.prepare), None, None);
            let side = side.map_err(|why| Fault::new(Code::Internal, format!("internal error: columns cannot be read: {why}")))?;
            if let Some(retyped) = other.retyped(&side.evidence(&all)?)? {
                other = retyped;
                continue;
            }
        }
        let column = |field: &FieldRef| EarlierColumn {
            name: field.name().clone(),
            data_type: Some(field.data_type().clone()),
            nullable: field.is_nullable(),
            profile: ColumnProfile::default(),
        };
        let columns = plan.prepare.schema.fields().iter().map(column).collect();
        return Ok(EarlierColumns { whose: Whose::Named, name: paths.join(", "), columns });
    }
    let fault = Fault::new(Code::TypesUnsettled, "the columns' types did not settle");
    Err(fault.hint("give the types in the rule file's `schema` section").into())
}
