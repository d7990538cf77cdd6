//! Columns that hold personal data and are not masked.

mod decide;

use schemars::JsonSchema;
use serde::Deserialize;

use self::decide::Decision;
use super::explained::by_group;
use super::facts::SinglePass;
use super::judgement::Judgement;
use super::requests::Handle;
use super::words::OnFail;
use super::{Binder, Explanation, GroupFacts, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Value, figures};
use crate::metric::personal::{Personal, PersonalKind};
use crate::shown::{count, percent};
use crate::types::is_text;
use crate::yaml::Spanned;

/// Columns that hold personal data and are not masked.
///
/// It looks for e-mail addresses, telephone numbers, payment cards, IBANs, IP addresses, and national
/// numbers: the American SSN, the British NINO, the Spanish DNI and NIE, the Polish PESEL, the Italian codice
/// fiscale, the Dutch BSN, the Brazilian CPF. It judges the column and not each value: a thousand different values
/// at most are looked at (those with the smallest hashes, so the order of rows does not matter), and no
/// value is shown.
///
/// Where a number has check digits, chance must not explain that they are right: one in ten of any numbers of 16
/// digits passes for a card. So four in five of the values with the shape must pass, and as many as chance
/// would give less often than once in a million columns (a Chernoff bound). Numbers without check digits need a form that others do
/// not have: a telephone number a plus, or the area and exchange of a North American one. Where the name of the column
/// speaks of the kind (`phone`, `iban`, `ssn`), less will do. `docs/statistics.md` says how often it is right.
///
/// A column of the contract with `mask` passes: its values are shown nowhere. Columns of other types than text and
/// whole numbers pass. It warns unless `on_fail` says more, since it is a suspicion.
///
/// - Missing values: they are left out; a column without values passes.
/// - No rows: `no_data`.
///
/// Why: a report, a log or a training set that shows who somebody is cannot be taken back.
///
/// ```yaml
/// - pii: { columns: "*" }
/// - pii: { columns: "*", kinds: [email, phone, card], on_fail: reject }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pii {
    /// What to look for. If left out: every kind.
    kinds: Option<Spanned<Vec<PersonalKind>>>,
}

impl Rule for Pii {
    const NAME: &'static str = "pii";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const ON_FAIL: OnFail = OnFail::Warn;
    const MINDS_KIND: bool = false;

    fn explain(told: &Told<'_>) -> Explanation {
        by_group(told, |told, explanation| {
            if let Some((found, all)) = told.figure(&figures::RECOGNISED).zip(told.figure(&figures::VALUES_LOOKED_AT)) {
                let formula = "recognised / values looked at";
                explanation.computes("share of the values", formula, found / all, &Value::Nothing);
            }
            explanation.notes("which share is enough depends on the kind and on the column's name: docs/rules.md");
            explanation.states(told.finding.message.to_string(), told.finding.outcome);
        })
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        if let Some(kinds) = self.kinds.as_ref().filter(|kinds| kinds.value.is_empty()) {
            let fault = to.fault_at(kinds, Code::InvalidValue, "`kinds` is empty, so there is nothing to look for");
            return Err(fault.hint("leave it out, or write `kinds: [email, phone]`").into());
        }
        let is_masked = to.is_masked(&column);
        let can_hold = is_text(&column.data_type) || column.data_type.is_integer();
        let kinds = match &self.kinds {
            Some(kinds) => kinds.value.clone(),
            None => PersonalKind::ALL.to_vec(),
        };
        let found = to.want::<Personal>((), &[column.index]);
        Ok(Box::new(PiiCheck { column: column.name, kinds, found, is_masked, can_hold }))
    }
}

#[derive(Clone)]
struct PiiCheck {
    column: String,
    kinds: Vec<PersonalKind>,
    found: Handle<Personal>,
    is_masked: bool,
    /// Whether its type can hold what is looked for.
    can_hold: bool,
}

impl SinglePass for PiiCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(found) = facts.get(self.found)?.filter(|found| found.rows > 0) else {
            return Ok(Judgement::NoData("no rows in scope".to_owned()));
        };
        let passes = |says: &str| Finding { outcome: Outcome::Pass, message: says.to_owned().into(), ..Finding::default() };
        if self.is_masked {
            return Ok(Judgement::measured(passes("is masked")));
        }
        if !self.can_hold {
            return Ok(Judgement::measured(passes("is neither text nor a whole number")));
        }
        let looked_at = Figures::from([(&figures::VALUES_LOOKED_AT, found.values.into())]);
        let decided = decide::decide(&self.column, &self.kinds, found);
        let Some(first) = decided.first() else {
            let says = if found.values == 0 { "no values" } else { "no personal data recognised" };
            return Ok(Judgement::measured(Finding { figures: looked_at, ..passes(says) }));
        };
        let mut figures = looked_at;
        figures.set(&figures::RECOGNISED, first.values);
        let values = if found.is_part { "different values looked at" } else { "different values" };
        let of =
            |d: &Decision| format!("{} in {} of {} {values}{}", d.name, percent(d.values, found.values), count(found.values), d.because);
        let mut message: Vec<String> = decided.iter().map(of).collect();
        let name = serde_json::Value::from(self.column.as_str());
        message.push(format!("to show its values nowhere, write `schema: {{ columns: {{ {name}: {{ mask: true }} }} }}`"));
        let names: Vec<&str> = decided.iter().map(|d| d.name).collect();
        Ok(Judgement::measured(Finding {
            outcome: Outcome::Fail,
            observed: names.join(", ").into(),
            message: message.into(),
            figures,
            ..Finding::default()
        }))
    }
}
