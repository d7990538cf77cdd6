//! The arithmetic of groups and their shares.

use crate::findings::{FigureName, Finding, GroupFigures, Outcome, Value, figures};
use crate::rules::explained::{Explanation, Expr, Is, Test, Told, by_group, normal_quantile, wilson, worst_group};
use crate::rules::words::{Margin, Share};
use crate::statistics::wilson_interval;

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let groups: Vec<Group<'_>> = told.finding.groups.iter().filter_map(|group| Group::of(told, group)).collect();
        if groups.is_empty() {
            return explanation.states(told.finding.message.to_string(), told.finding.outcome);
        }
        for group in &groups {
            let mut part = Explanation::default();
            group.explain(told, &groups, &mut part);
            explanation.group(group.told, part);
        }
        overall(told.finding, &groups, explanation);
        worst_group(told, explanation);
    })
}

/// A group, as numbers.
struct Group<'a> {
    told: &'a GroupFigures,
    count: Expr,
    total: Expr,
    share: Expr,
    reference: Expr,
    interval: (Expr, Expr),
    allowed: (Expr, Expr),
}

impl<'a> Group<'a> {
    fn of(all: &Told<'_>, told: &'a GroupFigures) -> Option<Self> {
        let figure = |name: &FigureName| told.figures.get(name).and_then(Expr::of_figure);
        Some(Self {
            told,
            count: figure(&figures::COUNT)?,
            total: all.figure(&figures::ROWS)?,
            share: figure(&figures::SHARE)?,
            reference: figure(&figures::REFERENCE)?,
            interval: (figure(&figures::INTERVAL_LOW)?, figure(&figures::INTERVAL_HIGH)?),
            allowed: (figure(&figures::ALLOWED_LOW)?, figure(&figures::ALLOWED_HIGH)?),
        })
    }

    fn value(&self, name: &FigureName) -> Value {
        self.told.figures.get(name).map_or(Value::Nothing, |figure| figure.value.clone())
    }

    fn explain(&self, told: &Told<'_>, all: &[Self], part: &mut Explanation) {
        let Self { count, total, share, reference, interval: (low, high), allowed: (from, to), .. } = self;
        part.computes("share", "rows of the group / rows", count.clone() / total.clone(), &self.value(&figures::SHARE));
        part.computes("difference", "share − reference", share.clone() - reference.clone(), &self.value(&figures::DIFFERENCE));
        if reference.value > 0.0 {
            part.computes("ratio", "share / reference", share.clone() / reference.clone(), &self.value(&figures::RATIO));
        }
        let confidence = told.word("confidence").and_then(|text| text.parse::<Share>().ok()).map_or(0.95, Share::as_f64);
        let level = self.told.figures.get(&figures::DECISION_LEVEL).and_then(Expr::of_figure);
        let confidence = level.map_or(confidence, |level| 1.0 - level.value);
        self.wilson(confidence, part);
        self.margin(told, all, "tolerance", Some((from, to)), part);
        if count.value == 0.0 && reference.value == 0.0 {
            return part.states("the group is not expected, and not there", Outcome::Pass);
        }
        let least = told.word("min_rows").and_then(|text| text.parse::<u64>().ok()).filter(|least| (count.value as u64) < *least);
        if count.value == 0.0 {
            let chance = (Expr::from(1.0) - reference.clone()).raised_to(total.clone());
            let chance = part.derives("chance that no row is of the group", "(1 − reference) to the power of rows", chance);
            part.asks("does chance not explain that it is unseen?", Test::of(chance, Is::Below, 1.0 - confidence), Outcome::Fail);
        }
        if let Some(least) = least {
            part.asks("has it fewer rows than `min_rows`?", Test::of(count.clone(), Is::Below, least), Outcome::NotJudged);
        }
        if count.value == 0.0 {
            return part.otherwise(Outcome::InsufficientEvidence);
        }
        let outside = |low: Expr, high: Expr, (from, to): (Expr, Expr)| Test::of(high, Is::Below, from).or(Test::of(low, Is::Above, to));
        let is_out = outside(low.clone(), high.clone(), (from.clone(), to.clone()));
        part.asks("does the interval lie wholly outside of what is tolerated?", is_out, Outcome::Fail);
        let across = Test::of(low.clone(), Is::Below, from.clone()).or(Test::of(high.clone(), Is::Above, to.clone()));
        part.asks("does it reach beyond what is tolerated?", across, Outcome::InsufficientEvidence);
        if let Some((from, to)) = self.margin(told, all, "warn", None, part) {
            part.asks("does it lie wholly outside of `warn`?", outside(low.clone(), high.clone(), (from, to)), Outcome::Warn);
        }
        part.otherwise(Outcome::Pass);
    }

    /// Wilson's interval, where it is one.
    fn wilson(&self, confidence: f64, part: &mut Explanation) {
        let (n, p) = (&self.total, &self.share);
        let found = wilson_interval(self.count.value as u64, n.value as u64, confidence);
        if (found.0 - self.interval.0.value).abs() > 1e-9 || (found.1 - self.interval.1.value).abs() > 1e-9 {
            part.notes(
                "the reference is a sample too: the interval is Newcombe's of the difference (1998, method 10), laid at the reference",
            );
            return;
        }
        let z = normal_quantile(confidence, part);
        let reported = [&self.value(&figures::INTERVAL_LOW), &self.value(&figures::INTERVAL_HIGH)];
        wilson("", (&self.count, n, p), &z, reported, part);
    }

    /// What a margin allows; shown as it is computed.
    fn margin(
        &self,
        told: &Told<'_>,
        all: &[Self],
        word: &str,
        shown: Option<(&Expr, &Expr)>,
        part: &mut Explanation,
    ) -> Option<(Expr, Expr)> {
        let margin = told.word(word)?.parse::<Margin>().ok()?;
        let smallest = all.iter().map(|group| group.reference.value).filter(|share| *share > 0.0).fold(1.0, f64::min);
        let of = if self.reference.value > 0.0 { self.reference.clone() } else { smallest.into() };
        let reach = match margin {
            Margin::Points(points) => Expr::from(points.as_f64()),
            Margin::Relative(share) => Expr::from(share.as_f64()) * of,
        };
        let values = match shown {
            Some(_) => (self.value(&figures::ALLOWED_LOW), self.value(&figures::ALLOWED_HIGH)),
            None => (Value::Nothing, Value::Nothing),
        };
        let low = (self.reference.clone() - reach.clone()).max(0.0.into());
        let high = Expr::least(&[self.reference.clone() + reach, 1.0.into()]);
        let ends = (Expr::from(low.value), Expr::from(high.value));
        part.computes(format!("least share by `{word}`"), format!("reference − `{word}`, and 0 at least"), low, &values.0);
        part.computes(format!("largest share by `{word}`"), format!("reference + `{word}`, and 1 at most"), high, &values.1);
        Some(ends)
    }
}

/// The figures of all groups together.
fn overall(finding: &Finding, groups: &[Group<'_>], explanation: &mut Explanation) {
    let value = |name: &FigureName| finding.figures.get(name).map_or(Value::Nothing, |figure| figure.value.clone());
    let apart = |group: &Group<'_>| (group.share.clone() - group.reference.clone()).abs();
    let judged: Vec<Expr> = groups.iter().filter(|group| group.told.outcome != Outcome::NotJudged).map(apart).collect();
    if judged.len() > 1 {
        explanation.computes(
            "observed",
            "the largest |share − reference| of the groups that were judged",
            Expr::largest(&judged),
            &finding.observed,
        );
    }
    let half = || Expr::from(0.5);
    let sum = half() * Expr::sum(groups.iter().map(apart));
    explanation.computes("total variation", "½ Σ |share − reference|", sum, &value(&figures::TOTAL_VARIATION));
    let side = |x: &Expr, y: &Expr| {
        let (mean, x) = ((x.clone() + y.clone()) / Expr::from(2.0), x.clone());
        (x.value > 0.0).then(|| half() * x.clone() * (x / mean).log2())
    };
    let both = |group: &Group<'_>| [side(&group.share, &group.reference), side(&group.reference, &group.share)];
    let terms: Vec<Expr> = groups.iter().flat_map(both).flatten().collect();
    let formula = "√(½ Σ (p · log2(p / m) + q · log2(q / m))), m = (p + q) / 2, p the share, q the reference";
    let is_apart = groups.iter().map(apart).any(|off| off.value > 1e-6);
    match is_apart {
        true => explanation.computes("Jensen–Shannon distance", formula, Expr::sum(terms).sqrt(), &value(&figures::JENSEN_SHANNON)),
        // Rounding is larger than what the root would be taken of.
        false => explanation.notes("the shares are equal but for rounding, and the Jensen–Shannon distance is 0 but for rounding"),
    }
    let Some(statistic) = finding.figures.get(&figures::CHI_SQUARE).and_then(Expr::of_figure) else { return };
    let term = |group: &Group<'_>| {
        let expected = group.reference.clone() * group.total.clone();
        (expected.value > 0.0).then(|| (group.count.clone() - expected.clone()).squared() / expected)
    };
    let sum = Expr::sum(groups.iter().filter_map(term));
    explanation.computes("chi-square", "Σ (rows − expected)² / expected, expected = reference × rows", sum, &value(&figures::CHI_SQUARE));
    if let Some(n) = groups.first().map(|group| group.total.clone()) {
        explanation.computes("Cohen's w", "√(chi-square / rows)", (statistic.clone() / n).sqrt(), &value(&figures::COHENS_W));
    }
    let found = finding.figures.get(&figures::P_VALUE).and_then(Expr::of_figure);
    if let Some((p, freedom)) = found.zip(finding.figures.get(&figures::DEGREES_OF_FREEDOM).and_then(Expr::of_figure)) {
        let test = Expr::scipy("chi2.sf", &[&statistic, &freedom], p.value);
        explanation.computes("p-value", "how probable such a chi-square or a larger one is by chance", test, &value(&figures::P_VALUE));
    }
    explanation.source("chi-square: K. Pearson 1900; w: J. Cohen 1988; Jensen–Shannon: J. Lin 1991, its root in base 2");
}
