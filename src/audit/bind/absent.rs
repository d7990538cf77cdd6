//! Columns of the contract that the batch lacks and that a rule speaks of without naming them.

use std::sync::Arc;

use super::{Binding, Plan, PlannedCheck};
use crate::audit::select::absent;
use crate::rules::Scope;
use crate::rules::words::OnNoData;
use crate::ruleset::{RuleItem, Words};

impl Binding<'_, '_> {
    /// Findings about the contract's columns that a selection speaks of and the batch lacks: they cannot be judged. As
    /// the rule does not name them, that only warns unless the rule file says more.
    pub(super) fn absent(&self, item: &RuleItem, plan: &mut Plan) {
        let (Some(columns), Some(contract)) = (&item.words.columns, &self.terms.rules.sections.schema) else { return };
        let words = Words { on_no_data: item.words.on_no_data.or(Some(OnNoData::Warn)), ..item.words.as_ref().clone() };
        let words = Arc::new(words);
        for name in absent(&columns.value, &plan.prepare, contract) {
            let id = item.words.id.as_ref().map_or(item.entry.name, |id| &id.value);
            plan.checks.push(PlannedCheck {
                meaning: item.meaning,
                besides: 0..0,
                id: format!("{id}-{name}"),
                code: item.code.clone(),
                rule: item.entry.name,
                words: words.clone(),
                policy: self.policy(item),
                scope: Scope::default(),
                check: Err(format!("the contract's column `{name}` is not in it").into()),
                at: item.at,
                test: None,
                tests_alone: false,
                of_sound_rows: false,
                known_reasons: Vec::new(),
                groups: None,
                rows_judged: None,
                shows: Vec::new(),
                columns: vec![name],
            });
        }
    }
}
