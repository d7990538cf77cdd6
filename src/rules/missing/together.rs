//! Columns that are missing together or not at all.

use super::Missing;
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::Column;
use crate::metric::completeness::MissingSpec;
use crate::rows::Mask;
use crate::rules::facts::SinglePass;
use crate::rules::judgement::{Judgement, RowsJudged};
use crate::rules::requests::TestHandle;
use crate::rules::{Binder, GroupFacts, Judge, RowTest, Tested};
use crate::yaml::Spanned;

pub(super) fn bind(names: &Spanned<Vec<Spanned<String>>>, rule: &Missing, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
    let mut faults = Faults::default();
    if rule.max_run.is_some() || rule.must_be.is_some() || rule.disguised {
        faults.push(to.fault(Code::ConflictingWords, "`together` stands with another way to judge missing values").hint("write two rules"));
    }
    let mut columns = Vec::new();
    for name in &names.value {
        columns.extend(faults.take(to.find(name)).map(|c| c.index));
    }
    columns.sort_unstable();
    columns.dedup();
    if columns.len() < 2 && faults.is_empty() {
        faults.push(to.fault_at(names, Code::InvalidValue, "`together` needs at least two columns"));
    }
    faults.or_ok(())?;
    let spec = MissingSpec { tokens: rule.tokens.clone(), blank: rule.blank };
    let test = to.row_test(TogetherTest(spec), &columns);
    let named: Vec<String> = names.value.iter().map(|n| format!("`{}`", n.value)).collect();
    Ok(Box::new(TogetherCheck { test, says: format!("with some but not all of {}", named.join(", ")) }))
}

struct TogetherTest(MissingSpec);

impl RowTest for TogetherTest {
    fn test(&self, columns: &[&Column], _: usize) -> Tested {
        let missing = columns.iter().map(|c| self.0.mask(c));
        let (any, all) = missing.fold((Mask::None, Mask::All), |(any, all), m| (any.or(&m), all.and(&m)));
        Tested { fails: any.without(&all), unknown: Mask::None }
    }
}

#[derive(Clone)]
struct TogetherCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for TogetherCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}
