//! What follows from groups that rules declare: what the gate does to them is told.

use std::sync::Arc;

use super::Plan;
use super::item::Binding;
use crate::diagnostic::Faults;
use crate::findings::builtin::GATE_BIAS;
use crate::findings::{OnFail, OnNoData};
use crate::ruleset::{RuleItem, Words};
use crate::yaml::{Node, Position, Spanned, Value};

/// Plans a check for each list of columns by which a rule makes groups, and no rule asks for what the gate does to these.
///
/// # Errors
/// The columns make no groups, which their rule would have said.
pub(super) fn imply(binding: &Binding<'_, '_>, plan: &mut Plan) -> Result<(), Faults> {
    let (mut declared, mut asked): (Vec<Vec<usize>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    for judge in plan.checks.iter().filter_map(|check| check.check.as_ref().ok()) {
        let groups = judge.groups_by();
        let list = if judge.waits() { &mut asked } else { &mut declared };
        if !groups.is_empty() && !list.contains(&groups) {
            list.push(groups);
        }
    }
    for groups in declared.iter().filter(|groups| !asked.contains(groups)) {
        let names: Vec<String> = groups.iter().map(|&column| plan.prepare.rule_schema.field(column).name().clone()).collect();
        let before = plan.checks.len();
        binding.bind_check(&item(&names), None, plan)?;
        plan.implied.extend(plan.checks.drain(before..));
    }
    Ok(())
}

fn item(groups: &[String]) -> RuleItem {
    let at = Position::default();
    RuleItem {
        code: GATE_BIAS.code.clone(),
        entry: &crate::rules::GATE_BIAS,
        rule: crate::rules::gate_bias_of(groups),
        words: Arc::new(Words {
            id: Some(Spanned { at, value: GATE_BIAS.id_of(&groups.join("-")) }),
            on_fail: Some(Spanned { at, value: OnFail::Info }),
            on_no_data: Some(OnNoData::Pass),
            ..Words::default()
        }),
        at,
        about_rows: false,
        config: Node { at, value: Value::Mapping(Vec::new()) },
        meaning: 0,
    }
}
