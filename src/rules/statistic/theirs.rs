//! The same figure of other data, from what summaries can hold.

use super::Of;
use crate::diagnostic::Fault;
use crate::metric::cells::{Cells, CellsOut};
use crate::metric::comoments::CoMoments;
use crate::metric::completeness::Completeness;
use crate::metric::distinct::Distinct;
use crate::metric::extrema::Extrema;
use crate::metric::groups::{GROUPS_MAX, GroupCounts, GroupCountsOut};
use crate::metric::moments::{Moments, MomentsOut};
use crate::metric::{State, Transform};
use crate::rules::beside::Why;
use crate::rules::compared::{Comparison, Estimate, Other};
use crate::rules::requests::Beside;
use crate::rules::words::AgainstWord;
use crate::rules::{Binder, GroupFacts};
use crate::statistics::cramers_v;

/// Where a figure of other data comes from.
#[derive(Clone)]
pub(super) enum Theirs {
    /// The largest, or else the smallest value.
    Extrema(Beside<Extrema>, bool),
    Moments(Beside<Moments>, fn(&MomentsOut) -> Option<f64>),
    /// A sum, of each batch on average.
    Sum(Beside<Moments>),
    Cells(Beside<Cells>, FromCells),
    Distinct(Beside<Distinct>),
    /// With how many values there are.
    DistinctShare(Beside<Distinct>, Beside<Completeness>),
    Correlation(Beside<CoMoments>),
    Crosstab(Beside<GroupCounts>),
}

/// A figure that cells tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum FromCells {
    Quantile(f64),
    UniqueShare,
    MostCommon,
}

/// Whether the figure is a share.
pub(super) fn is_share(of: Of) -> bool {
    match of {
        Of::DistinctShare | Of::UniqueShare | Of::MostCommon => true,
        Of::Min | Of::Max | Of::Mean | Of::Median | Of::Stddev | Of::Sum | Of::Quantile | Of::Distinct | Of::Correlation | Of::CramersV => {
            false
        }
    }
}

/// Asks other data for a state; of the batch too where only what it was asked is kept of it for later runs.
fn ask<S: State>(against: &AgainstWord, spec: &S::Spec, columns: &[usize], to: &mut Binder<'_>) -> Result<Beside<S>, Fault> {
    if !matches!(against, AgainstWord::Paths(_)) {
        to.want::<S>(spec.clone(), columns);
    }
    to.beside::<S>(against, spec.clone(), columns)
}

impl Theirs {
    /// Asks for the figure of `column`, `with` another one for some; `q` is the probability of a quantile.
    pub(super) fn bind(of: Of, q: f64, (column, with): (usize, usize), against: &AgainstWord, to: &mut Binder<'_>) -> Result<Self, Fault> {
        let one = [column];
        let cells = |what, to: &mut Binder<'_>| Ok(Self::Cells(ask(against, &(), &one, to)?, what));
        let moments = |to: &mut Binder<'_>| ask::<Moments>(against, &Transform::IDENTITY, &one, to);
        match of {
            Of::Min => Ok(Self::Extrema(ask(against, &(), &one, to)?, false)),
            Of::Max => Ok(Self::Extrema(ask(against, &(), &one, to)?, true)),
            Of::Mean => Ok(Self::Moments(moments(to)?, |m| m.mean)),
            Of::Stddev => Ok(Self::Moments(moments(to)?, |m| m.stddev)),
            Of::Sum => Ok(Self::Sum(moments(to)?)),
            Of::Median => cells(FromCells::Quantile(0.5), to),
            Of::Quantile => cells(FromCells::Quantile(q), to),
            Of::UniqueShare => cells(FromCells::UniqueShare, to),
            Of::MostCommon => cells(FromCells::MostCommon, to),
            Of::Distinct => Ok(Self::Distinct(ask(against, &(), &one, to)?)),
            Of::DistinctShare => Ok(Self::DistinctShare(ask(against, &(), &one, to)?, ask(against, &(), &one, to)?)),
            Of::Correlation => Ok(Self::Correlation(ask(against, &(), &[column, with], to)?)),
            Of::CramersV => Ok(Self::Crosstab(ask(against, &(), &[column, with], to)?)),
        }
    }

    /// The figure; inside, why there is none.
    pub(super) fn figure(&self, by: &Comparison, facts: &GroupFacts<'_>) -> Result<Result<Other, Why>, Fault> {
        let exact = |x: Option<f64>| x.map(Estimate::exact).ok_or_else(none);
        match self {
            Self::Extrema(handle, is_max) => {
                by.other(facts, *handle, |range| exact(range.map(|(min, max)| if *is_max { max } else { min }.as_f64())))
            }
            Self::Moments(handle, one) => by.other(facts, *handle, |moments| exact(Some(moments).filter(|m| m.count > 0).and_then(one))),
            Self::Sum(handle) => {
                let batches = if by.is_by_run() { 1 } else { facts.batches_beside(*handle)? };
                by.other(facts, *handle, |moments| exact((moments.count > 0).then(|| moments.sum / batches as f64)))
            }
            Self::Cells(handle, what) => by.other(facts, *handle, |cells| of_cells(cells, *what)),
            Self::Distinct(handle) => by.other(facts, *handle, |out| Ok(Estimate::within(out.count as f64, out.error))),
            Self::DistinctShare(distinct, rows) => Self::distinct_share(by, facts, *distinct, *rows),
            Self::Correlation(handle) => by.other(facts, *handle, |out| exact(out.correlation)),
            Self::Crosstab(handle) => by.other(facts, *handle, |table| association(table).map(Estimate::exact)),
        }
    }

    fn distinct_share(
        by: &Comparison,
        facts: &GroupFacts<'_>,
        distinct: Beside<Distinct>,
        rows: Beside<Completeness>,
    ) -> Result<Result<Other, Why>, Fault> {
        let share = |distinct: &<Distinct as State>::Out, rows: &<Completeness as State>::Out| match rows.rows - rows.missing {
            0 => Err(none()),
            present => Ok(Estimate::within(distinct.count as f64, distinct.error).by(present as f64)),
        };
        if by.is_by_run() {
            let (distinct, rows) = match (facts.beside_each(distinct)?, facts.beside_each(rows)?) {
                (Ok(distinct), Ok(rows)) => (distinct, rows),
                (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
            };
            let both = distinct.iter().zip(&rows).filter_map(|((_, distinct), (_, rows))| distinct.zip(*rows));
            return Ok(by.of_runs(both.filter_map(|(distinct, rows)| share(distinct, rows).ok())));
        }
        let mut present = None;
        let rows = by.other(facts, rows, |counts| Ok(Estimate::exact((counts.rows - counts.missing) as f64)))?;
        match rows {
            Err(why) => return Ok(Err(why)),
            Ok(Other::One(rows)) if rows.value > 0.0 => present = Some(rows.value),
            Ok(Other::One(_) | Other::Runs(_)) => {}
        }
        by.other(facts, distinct, |out| {
            let present = present.ok_or_else(none)?;
            Ok(Estimate::within(out.count as f64, out.error).by(present))
        })
    }
}

fn none() -> String {
    "there are no values to compare with".to_owned()
}

fn of_cells(cells: &CellsOut, what: FromCells) -> Result<Estimate, String> {
    let whole = cells.count as f64;
    if cells.count == 0 {
        return Err(none());
    }
    match what {
        FromCells::Quantile(p) => cells.quantile(p).map(|(value, low, high)| Estimate { value, low, high }).ok_or_else(none),
        FromCells::UniqueShare => match cells.shift {
            0 => Ok(Estimate::exact(cells.cells.iter().filter(|cell| cell.count == 1).count() as f64).by(whole)),
            _ => Err("needs a scan: there were too many different values to keep which of them occur once".to_owned()),
        },
        FromCells::MostCommon => {
            let largest = |is_one: bool| cells.cells.iter().filter(|cell| cell.only.is_some() == is_one).map(|cell| cell.count).max();
            // Several values that share a cell are no more than what it counts.
            let (one, shared) = (largest(true).unwrap_or(1) as f64, largest(false).unwrap_or(0) as f64);
            Ok(Estimate { value: one, low: one, high: one.max(shared) }.by(whole))
        }
    }
}

/// Cramér's V of a table of counts, rows without either value left out.
pub(super) fn association(table: &GroupCountsOut) -> Result<f64, String> {
    if table.overflow {
        return Err(format!("the two columns have more than {GROUPS_MAX} combinations of values, or more than are kept"));
    }
    let cells = table.counts.iter().filter_map(|(key, count)| match key.as_slice() {
        [Some(a), Some(b)] => Some(((a.as_str(), b.as_str()), *count)),
        _ => None,
    });
    cramers_v(cells).ok_or_else(|| "one of the columns has a single value".to_owned())
}
