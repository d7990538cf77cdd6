//! Exact counts of keys: proven by their order where they ascend, else by a second pass that hashes them.

use super::Binder;
use super::facts::{GroupFacts, InputHandle, RepeatedKey, SecondPass};
use super::requests::Handle;
use crate::diagnostic::Fault;
use crate::metric::canonical::Normalize;
use crate::metric::keys::{Keep, KeyRows, Keys, KeysOut, KeysSpec, Lookup};

/// Keys on their way to being counted.
#[derive(Clone)]
pub(super) struct ExactKeys {
    spec: KeysSpec,
    columns: Vec<usize>,
    handle: Handle<Keys>,
}

impl ExactKeys {
    /// Asks for the keys that `columns` make together.
    pub(super) fn bind(to: &mut Binder<'_>, columns: &[usize], keep: Keep, rows: KeyRows, normalize: Normalize) -> Self {
        let spec = KeysSpec { keep, rows, normalize, optimistic: true, beside: None, lookup: Lookup::default() };
        Self { handle: to.want::<Keys>(spec.clone(), columns), spec, columns: columns.to_vec() }
    }

    /// The distinct values of one column, missing ones left out.
    pub(super) fn of_values(to: &mut Binder<'_>, column: usize) -> Self {
        Self::bind(to, &[column], Keep::First, KeyRows::Whole, Normalize::default())
    }

    /// Which rows are compared, and how.
    pub(super) fn spec(&self) -> &KeysSpec {
        &self.spec
    }

    /// What makes two rows the same.
    pub(super) fn repeated(&self) -> RepeatedKey {
        RepeatedKey { columns: self.columns.clone(), rows: self.spec.rows, normalize: self.spec.normalize }
    }

    /// Asks for another pass that also looks for the keys in `input`.
    pub(super) fn want_beside(&mut self, input: InputHandle, pass: &mut SecondPass<'_>) {
        self.spec.optimistic = false;
        self.spec.beside = Some(input.name());
        self.handle = pass.want::<Keys>(self.spec.clone(), &self.columns);
    }

    /// What was counted; none where another pass was asked for. The inner none means that no row was seen.
    pub(super) fn advance<'a>(&mut self, facts: &GroupFacts<'a>, pass: &mut SecondPass<'_>) -> Result<Option<Option<&'a KeysOut>>, Fault> {
        let out = facts.get(self.handle)?;
        if out.is_some_and(|o| o.unsettled) {
            self.spec.optimistic = false;
            self.handle = pass.want::<Keys>(self.spec.clone(), &self.columns);
            return Ok(None);
        }
        Ok(Some(out))
    }
}
