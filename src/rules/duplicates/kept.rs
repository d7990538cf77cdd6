//! `order_by`: which row of each key stays where source order does not say it.

use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::completeness::Completeness;
use crate::metric::is_ordered;
use crate::metric::keys::{Keep, KeysSpec, SortedKeys, SortedKeysOut, SortedKeysSpec};
use crate::metric::sequence::{Breaks, OrderSpec};
use crate::rules::facts::{GroupFacts, SecondPass};
use crate::rules::requests::Handle;
use crate::rules::{Binder, BoundColumn};
use crate::types::type_name;
use crate::yaml::Spanned;

/// The rows that stay, on their way to being known.
#[derive(Clone)]
pub(super) struct Kept {
    order: BoundColumn,
    spec: SortedKeysSpec,
    /// Those of the key, then that of the order.
    columns: Vec<usize>,
    breaks: Handle<Breaks>,
    present: Handle<Completeness>,
    sorted: Option<Handle<SortedKeys>>,
}

/// How far that is.
pub(super) enum Progress<'a> {
    NeedsPass,
    /// The rows come in that order already.
    InSourceOrder,
    Sorted(&'a SortedKeysOut),
    /// They take more memory than there may be.
    TooMany,
}

impl Kept {
    /// Asks whether the rows come in the order of the column `name` already.
    pub(super) fn bind(
        name: &Spanned<String>,
        keys: &KeysSpec,
        key: &[usize],
        whole_rows: bool,
        to: &mut Binder<'_>,
    ) -> Result<Self, Faults> {
        let order = to.find(name)?;
        let conflict = |what: &str, hint: &str| to.fault_at(name, Code::ConflictingWords, what).hint(hint.to_owned());
        if keys.keep == Keep::None {
            return Err(conflict(
                "`order_by` says which row stays, and with `keep: none` no row does",
                "write `keep: first` or `keep: last`",
            )
            .into());
        }
        if whole_rows || key.contains(&order.index) {
            let what = "rows with one key are equal in the column of `order_by`, which is part of the key";
            return Err(conflict(what, "leave it out, or name a `key` without that column").into());
        }
        if !is_ordered(&order.data_type) {
            let what = format!("`order_by` needs numbers, dates or times, but `{}` is {}", order.name, type_name(&order.data_type));
            return Err(to.fault_at(name, Code::UnfitColumn, what).into());
        }
        let breaks = to.want::<Breaks>(OrderSpec { decreasing: false, strict: false }, &[order.index]);
        let present = to.want::<Completeness>((), &[order.index]);
        let spec = SortedKeysSpec { keep: keys.keep, rows: keys.rows, normalize: keys.normalize };
        let columns = key.iter().copied().chain([order.index]).collect();
        Ok(Self { order, spec, columns, breaks, present, sorted: None })
    }

    /// What messages call the order.
    pub(super) fn name(&self) -> &str {
        &self.order.name
    }

    /// Goes one pass further.
    pub(super) fn advance<'a>(&mut self, facts: &GroupFacts<'a>, pass: &mut SecondPass<'_>) -> Result<Progress<'a>, Fault> {
        let Some(sorted) = self.sorted else {
            let in_order =
                facts.get(self.breaks)?.is_none_or(|rows| rows.is_empty()) && facts.get(self.present)?.is_none_or(|c| c.missing == 0);
            if in_order {
                return Ok(Progress::InSourceOrder);
            }
            self.sorted = Some(pass.want::<SortedKeys>(self.spec.clone(), &self.columns));
            return Ok(Progress::NeedsPass);
        };
        let lost = || Fault::new(Code::Internal, "internal error: keys were counted and not sorted");
        Ok(facts.get(sorted)?.ok_or_else(lost)?.as_ref().map_or(Progress::TooMany, Progress::Sorted))
    }
}
