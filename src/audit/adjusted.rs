//! Tests with a p-value are decided together, by what each item of the rule file tests.

use std::collections::BTreeMap;

use crate::rules::{ByChance, Judgement};
use crate::yaml::Position;

/// Decides the tests of each item. An item is known by its place in the rule file.
pub(super) fn decide<'a>(judged: impl Iterator<Item = (Position, &'a mut Judgement)>) {
    let mut items: BTreeMap<(u32, u32), Vec<&mut Judgement>> = BTreeMap::new();
    for (at, judgement) in judged.filter(|(_, judgement)| by_chance(judgement).is_some()) {
        items.entry((at.line, at.column)).or_default().push(judgement);
    }
    for tests in items.into_values() {
        let together = tests.iter().filter_map(|judgement| by_chance(judgement).cloned()).collect();
        for (judgement, finding) in tests.into_iter().zip(ByChance::decide_together(together)) {
            *judgement = Judgement::measured(finding);
        }
    }
}

fn by_chance(judgement: &Judgement) -> Option<&ByChance> {
    match judgement {
        Judgement::ByChance(test) => Some(test),
        Judgement::NeedsPass
        | Judgement::NoData(_)
        | Judgement::WarmingUp(_)
        | Judgement::Unfit(_)
        | Judgement::TooFewRows(_)
        | Judgement::Rows(_)
        | Judgement::Measured(_)
        | Judgement::MeasuredRows(..) => None,
    }
}
