//! The first and the last text of a column, held against bounds that are text.

use std::cmp::Ordering;

use crate::diagnostic::{Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Value, figures};
use crate::metric::extrema::TextExtrema;
use crate::rules::earlier::End;
use crate::rules::facts::SecondPass;
use crate::rules::judgement::Judgement;
use crate::rules::limits::Given;
use crate::rules::requests::Handle;
use crate::rules::words::Literal;
use crate::rules::{Binder, GroupFacts, Judge};
use crate::shown::{VALUE_MAX, cut_short};

/// Bounds of text.
#[derive(Debug, Clone)]
pub(super) struct TextLimits {
    ends: Vec<End<String>>,
    says: String,
}

impl TextLimits {
    /// Reads bounds as text.
    ///
    /// # Errors
    /// There is none, or no text lies within them.
    pub(super) fn read(given: &Given<'_>, to: &Binder<'_>) -> Result<Self, Faults> {
        let has_room = |low: &End<String>, high: &End<String>| match low.bound.cmp(&high.bound) {
            Ordering::Less => true,
            Ordering::Equal => low.closed && high.closed,
            Ordering::Greater => false,
        };
        let ends = given.read(to, |literal| Ok(literal.value.0.clone()), has_room)?;
        Ok(Self { ends, says: given.says(|Literal(text)| format!("\"{text}\"")) })
    }

    fn outcome(&self, text: &str) -> Outcome {
        let allowed = self.ends.iter().all(|end| end.admits(text.cmp(end.bound.as_str())));
        if allowed { Outcome::Pass } else { Outcome::Fail }
    }
}

#[derive(Clone)]
pub(super) struct TextCheck {
    pub name: String,
    pub texts: Handle<TextExtrema>,
    /// Whether the last is judged, not the first.
    pub is_last: bool,
    pub limits: TextLimits,
}

impl Judge for TextCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, _: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let Some((first, last)) = facts.get(self.texts)?.and_then(Option::as_ref) else {
            return Ok(Judgement::NoData("no values".into()));
        };
        let text = if self.is_last { last } else { first };
        let (outcome, shown) = (self.limits.outcome(text), cut_short(text, VALUE_MAX));
        let expected = if outcome == Outcome::Pass { String::new() } else { format!(", expected {}", self.limits.says) };
        let observed = Value::Text(shown.clone().into_owned());
        Ok(Judgement::measured(Finding {
            outcome,
            observed: observed.clone(),
            limit: self.limits.says.clone().into(),
            message: format!("the {} is \"{shown}\"{expected}", self.name).into(),
            figures: Figures::from([(&figures::VALUE, observed)]),
            ..Finding::default()
        }))
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}
