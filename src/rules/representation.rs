use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::DataType;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::facts::SinglePass;
use super::judgement::Judgement;
use super::requests::Handle;
use super::words::{Margin, Share};
use super::{Binder, GroupFacts, Judge, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::findings::{Figures, Finding, GroupFigures, Message, Outcome, Unit, Value, figures};
use crate::metric::groups::{GROUPS_MAX, GroupCounts, GroupKey, group_name, name_of};
use crate::shown::counted;
use crate::statistics::{goodness_of_fit, jensen_shannon, total_variation, wilson_interval};
use crate::yaml::{Spanned, misread};

/// Groups whose share of the rows is far from what it should be.
///
/// Each group's share comes with its Wilson interval. A group fails when its interval lies wholly
/// outside reference ± tolerance; when the interval straddles that bound the sample cannot tell
/// (`insufficient_evidence`: a warning, unless `require_evidence`); below `min_rows` it is shown
/// and not judged. Several columns form intersections. A missing value is a group of its own, and groups
/// that are unseen or unexpected are named. Groups of the reference are read as the column's type:
/// `1` is 1.0 and the decimal 1.00, −0 is 0. Over all: total variation distance, Jensen–Shannon
/// distance, chi-square goodness of fit with Cohen's w.
///
/// Why: a model trained on people who are not the people it will judge is wrong about those who are missing.
///
/// ```yaml
/// - representation: { groups: [gender], reference: { f: 0.5, m: 0.5 }, tolerance: 5 points, min_rows: 50 }
/// - representation: { groups: [region, gender], reference: equal, tolerance: 20% }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Representation {
    /// The columns whose combined values are the groups.
    groups: Vec<Spanned<String>>,
    /// The shares that should be: given (nested for several columns), or `equal` over the groups observed.
    reference: Spanned<Reference>,
    /// How far a share may lie from its reference: `5 points`, or `20%` of the reference.
    tolerance: Margin,
    /// The confidence of the intervals.
    confidence: Option<Spanned<Share>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Reference {
    Equal,
    Shares(BTreeMap<GroupKey, f64>),
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Reference;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`equal`, or a mapping from group to share")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Reference, E> {
                if word == "equal" {
                    return Ok(Reference::Equal);
                }
                Err(misread(Misread::new(format!("`{word}` is no reference")).hint("write `equal` or `{ group: share, … }`")))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reference, A::Error> {
                let mut shares = BTreeMap::new();
                while let Some(group) = map.next_key::<String>()? {
                    let first = (group != "(missing)").then_some(group);
                    match map.next_value()? {
                        Level::Share(share) => {
                            shares.insert(vec![first], share);
                        }
                        Level::Groups(inner) => shares.extend(inner.into_iter().map(|(mut rest, share)| {
                            rest.insert(0, first.clone());
                            (rest, share)
                        })),
                    }
                }
                Ok(Reference::Shares(shares))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A share, or the groups of the next column.
enum Level {
    Share(f64),
    Groups(BTreeMap<GroupKey, f64>),
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Level;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a share such as `0.5` or `50%`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
                text.parse::<Share>().map(|s| Level::Share(s.as_f64())).map_err(misread)
            }
            fn visit_f64<E: de::Error>(self, x: f64) -> Result<Level, E> {
                match (0.0..=1.0).contains(&x) {
                    true => Ok(Level::Share(x)),
                    false => Err(misread(Misread::new(format!("`{x}` is not a share")).hint("write `1%` or `0.01`"))),
                }
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Level, E> {
                match n {
                    0 => Ok(Level::Share(0.0)),
                    _ => Err(misread(Misread::new(format!("`{n}` is not a share")).hint("write `100%`"))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Level, A::Error> {
                match Reference::deserialize(de::value::MapAccessDeserializer::new(map))? {
                    Reference::Shares(shares) => Ok(Level::Groups(shares)),
                    Reference::Equal => Err(de::Error::custom("a share such as `0.5` is expected")),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Reference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let level = json_schema!({ "anyOf": [
            { "type": "string", "pattern": "%$" },
            { "type": "number", "minimum": 0, "exclusiveMaximum": 1.0000001 },
            { "type": "object" }
        ]});
        json_schema!({
            "description": "`equal`, or the share of each group; nested for several grouping columns.",
            "anyOf": [{ "const": "equal" }, { "type": "object", "additionalProperties": level }]
        })
    }
}

impl Rule for Representation {
    const NAME: &'static str = "representation";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let mut columns = Vec::new();
        for name in &self.groups {
            columns.extend(faults.take(to.find(name)).map(|c| c.index));
        }
        if self.groups.is_empty() {
            faults.push(to.fault(Code::InvalidValue, "`groups` names no column"));
        }
        if let Reference::Shares(shares) = &self.reference.value {
            let total: f64 = shares.values().sum();
            if (total - 1.0).abs() > 0.005 {
                faults.push(to.fault_at(
                    &self.reference,
                    Code::InvalidValue,
                    format!("the reference shares add up to {total:.4}, not to 1"),
                ));
            }
            if shares.keys().any(|k| k.len() != self.groups.len()) {
                let what = format!("the reference must name a share for each combination of {} columns", self.groups.len());
                faults
                    .push(to.fault_at(&self.reference, Code::InvalidValue, what).hint("nest it: `{ f: { young: 0.2, old: 0.3 }, m: … }`"));
            }
        }
        if let Some(given) = self.confidence.as_ref().filter(|c| !c.value.is_proper()) {
            faults.push(to.fault_at(given, Code::InvalidValue, "a confidence lies between 0% and 100%, both excluded"));
        }
        let warn = faults.take(to.own_warn::<Margin>()).flatten();
        faults.or_ok(())?;
        let counts = to.want::<GroupCounts>((), &columns);
        let mut rule = self.clone();
        if let Reference::Shares(shares) = &mut rule.reference.value {
            let types: Vec<DataType> = columns.iter().map(|&c| to.bound(c).data_type).collect();
            *shares = std::mem::take(shares).into_iter().map(|(key, share)| (as_types(key, &types), share)).collect();
        }
        let (min_rows, require_evidence) = (to.policy.min_rows.unwrap_or(0), to.policy.require_evidence);
        Ok(Box::new(RepresentationCheck { rule, warn, min_rows, require_evidence, counts }))
    }
}

/// The group's name as its columns' values would give it: `1` is `1.0` among floats.
fn as_types(key: GroupKey, types: &[DataType]) -> GroupKey {
    let named = |written: String, data_type: &DataType| name_of(&written, data_type).unwrap_or(written);
    key.into_iter().zip(types).map(|(written, data_type)| written.map(|w| named(w, data_type))).collect()
}

#[derive(Clone)]
struct RepresentationCheck {
    rule: Representation,
    warn: Option<Margin>,
    min_rows: u64,
    require_evidence: bool,
    counts: Handle<GroupCounts>,
}

impl SinglePass for RepresentationCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(out) = facts.get(self.counts)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        if out.overflow {
            return Ok(Judgement::NoData(format!("more than {GROUPS_MAX} groups")));
        }
        let total: u64 = out.counts.values().sum();
        if total == 0 {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        let expected = self.expected(&out.counts);
        let count = |key: &GroupKey| out.counts.get(key).copied().unwrap_or(0);
        let groups: Vec<GroupFigures> = expected.iter().map(|(key, &share)| self.group(key, count(key), total, share)).collect();
        let outcome = groups.iter().map(|g| g.outcome).max().unwrap_or(Outcome::Pass);
        let is_unjudged = |g: &GroupFigures| matches!(g.outcome, Outcome::InsufficientEvidence | Outcome::NotJudged);
        let lacks_evidence = self.require_evidence && groups.iter().any(is_unjudged);
        let outcome = if lacks_evidence { Outcome::Fail } else { outcome };
        let observed: Vec<u64> = expected.keys().map(count).collect();
        let shares: Vec<f64> = observed.iter().map(|&o| o as f64 / total as f64).collect();
        let reference: Vec<f64> = expected.values().copied().collect();
        let widest = shares.iter().zip(&reference).map(|(p, q)| (p - q).abs()).fold(0.0, f64::max);
        let telling = groups.iter().filter(|g| g.outcome != Outcome::Pass).flat_map(|g| g.message.statements().to_vec());
        let mut message: Message = telling.collect();
        if message.is_empty() {
            message.push(format!("all {} groups are within {}", groups.len(), self.rule.tolerance));
        }
        Ok(Judgement::measured(Finding {
            outcome,
            observed: widest.into(),
            limit: self.rule.tolerance.to_string().into(),
            unit: Unit::LARGEST_DIFFERENCE,
            message,
            figures: overall(&observed, &shares, &reference, total),
            groups,
            ..Finding::default()
        }))
    }
}

impl RepresentationCheck {
    /// The reference share of every group, expected or observed.
    fn expected(&self, observed: &BTreeMap<GroupKey, u64>) -> BTreeMap<GroupKey, f64> {
        match &self.rule.reference.value {
            Reference::Equal => observed.keys().map(|key| (key.clone(), 1.0 / observed.len() as f64)).collect(),
            Reference::Shares(shares) => {
                let mut all = shares.clone();
                for key in observed.keys() {
                    all.entry(key.clone()).or_insert(0.0);
                }
                all
            }
        }
    }

    fn group(&self, key: &GroupKey, count: u64, total: u64, reference: f64) -> GroupFigures {
        let confidence = self.rule.confidence.as_ref().map_or(0.95, |c| c.value.as_f64());
        let share = count as f64 / total as f64;
        let (low, high) = wilson_interval(count, total, confidence);
        let name = group_name(key);
        let percent = |x: f64| format!("{:.1}%", x * 100.0);
        let seen = format!("{name}: {} [{}, {}]", percent(share), percent(low), percent(high));
        let wanted = format!("{} ± {} expected", percent(reference), self.rule.tolerance);
        let (outcome, message) = if count < self.min_rows {
            (Outcome::NotJudged, format!("{name}: {}, not judged below {}", counted(count, "row"), self.min_rows))
        } else {
            match stand(low, high, reference, self.rule.tolerance) {
                Stand::Outside if count == 0 => (Outcome::Fail, format!("{name}: unseen, {wanted}")),
                Stand::Outside if reference == 0.0 => (Outcome::Fail, format!("{seen}: unexpected group")),
                Stand::Outside => (Outcome::Fail, format!("{seen}, {wanted}")),
                Stand::Straddles => (Outcome::InsufficientEvidence, format!("{seen}: too few rows to tell, {wanted}")),
                Stand::Inside => match self.warn.map(|warn| (warn, stand(low, high, reference, warn))) {
                    Some((warn, Stand::Outside)) => (Outcome::Warn, format!("{seen}, beyond {warn} of {}", percent(reference))),
                    Some((_, Stand::Inside | Stand::Straddles)) | None => (Outcome::Pass, format!("{seen}, {wanted}")),
                },
            }
        };
        let ratio = if reference > 0.0 { (share / reference).into() } else { Value::Nothing };
        let (allowed_low, allowed_high) = allowed(reference, self.rule.tolerance);
        let figures = Figures::from([
            (&figures::ALLOWED_LOW, allowed_low.max(0.0).into()),
            (&figures::ALLOWED_HIGH, allowed_high.min(1.0).into()),
            (&figures::COUNT, count.into()),
            (&figures::SHARE, share.into()),
            (&figures::INTERVAL_LOW, low.into()),
            (&figures::INTERVAL_HIGH, high.into()),
            (&figures::REFERENCE, reference.into()),
            (&figures::DIFFERENCE, (share - reference).into()),
            (&figures::RATIO, ratio),
        ]);
        GroupFigures { group: key.clone(), outcome, message: message.into(), figures }
    }
}

enum Stand {
    Inside,
    Straddles,
    Outside,
}

/// `reference` ± `margin`.
fn allowed(reference: f64, margin: Margin) -> (f64, f64) {
    let reach = margin.reach(reference);
    (reference - reach, reference + reach)
}

/// How the interval `low..=high` lies to `reference` ± `margin`.
fn stand(low: f64, high: f64, reference: f64, margin: Margin) -> Stand {
    let (from, to) = allowed(reference, margin);
    if high < from || low > to {
        Stand::Outside
    } else if low >= from && high <= to {
        Stand::Inside
    } else {
        Stand::Straddles
    }
}

fn overall(observed: &[u64], shares: &[f64], reference: &[f64], total: u64) -> Figures {
    let mut overall = Figures::from([
        (&figures::ROWS, total.into()),
        (&figures::GROUPS, observed.len().into()),
        (&figures::TOTAL_VARIATION, total_variation(shares, reference).into()),
        (&figures::JENSEN_SHANNON, jensen_shannon(shares, reference).into()),
    ]);
    if let Some(fit) = goodness_of_fit(observed, reference) {
        overall.set(&figures::CHI_SQUARE, fit.statistic);
        overall.set(&figures::DEGREES_OF_FREEDOM, fit.degrees_of_freedom);
        overall.set(&figures::P_VALUE, fit.p_value);
        overall.set(&figures::COHENS_W, fit.cohens_w);
    }
    overall
}
