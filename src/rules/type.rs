use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::Judgement;
use super::schema::TypeName;
use super::{Binder, GroupFacts, Judge, Judges, Rule, Subject};
use crate::diagnostic::{Fault, Faults};
use crate::findings::{Finding, Outcome, Unit};
use crate::types::type_name;

/// The type a column has.
///
/// Of Parquet, Arrow and Avro it is the file's; of text it is the contract's or what all values
/// together look like. It is judged whether there are rows or not, and whatever the values are.
///
/// - No rows: judged all the same: the rule is about the column.
///
/// Why: a number that arrives as text sorts, joins and averages as text. The `schema` section says
/// the same of all columns at once; this rule is for one column alone.
///
/// ```yaml
/// - type: { column: user_id, is: int64 }
/// - type: { column: tags, is: "list<string>", on_fail: warn }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Type {
    /// The type it must have.
    is: TypeName,
}

impl Rule for Type {
    const NAME: &'static str = "type";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const MINDS_KIND: bool = false;
    const JUDGES: Judges = Judges::Columns;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        Ok(Box::new(TypeCheck { found: type_name(&to.column().data_type), expected: type_name(&self.is.0) }))
    }
}

#[derive(Clone)]
struct TypeCheck {
    found: String,
    expected: String,
}

impl SinglePass for TypeCheck {
    fn judge(&self, _: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let fits = self.found == self.expected;
        let says = if fits { format!("is {}", self.found) } else { format!("is {}, expected {}", self.found, self.expected) };
        Ok(Judgement::measured(Finding {
            outcome: if fits { Outcome::Pass } else { Outcome::Fail },
            observed: self.found.clone().into(),
            limit: self.expected.clone().into(),
            unit: Unit::TYPE,
            message: says.into(),
            ..Finding::default()
        }))
    }
}
