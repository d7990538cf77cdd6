//! Shares with their intervals, and what two of them are apart.

use super::{Explanation, Expr};
use crate::findings::Value;
use crate::statistics::{normal_z, two_proportions_p_value};

const WILSON: &str = "interval: E. B. Wilson 1927, Probable inference, the law of succession, and statistical inference";
const NEWCOMBE: &str = "interval of a difference: R. G. Newcombe 1998, Interval estimation for the difference, method 10";
const KATZ: &str = "interval of a ratio: D. Katz et al. 1978; with half a row added where a part is 0: S. D. Walter 1975";
const MOVER: &str =
    "interval of a ratio of which a part is the whole: A. Donner and G. Y. Zou 2012, equation 9 (MOVER-R), of Wilson's intervals";

fn one() -> Expr {
    1.0.into()
}

/// How many standard deviations hold the share `confidence` of a normal distribution, on both sides of its mean.
pub(in crate::rules) fn normal_quantile(confidence: f64, explanation: &mut Explanation) -> Expr {
    let quantile = one() - (one() - Expr::from(confidence)) / Expr::from(2.0);
    let z = Expr::scipy("norm.ppf", &[&quantile], normal_z(confidence));
    explanation.derives("z", "the normal quantile of 1 − (1 − confidence) / 2", z)
}

/// A part of a whole, its share, and the ends of its interval.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Proportion {
    pub part: Expr,
    pub whole: Expr,
    pub share: Expr,
    low: Expr,
    high: Expr,
}

/// What steps call a share: `selection rate`, and ` of the rest`.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Named<'a> {
    pub share: &'a str,
    pub of: &'a str,
    /// How the share is computed, in words.
    pub formula: &'a str,
}

impl Proportion {
    /// Shows the share of `part` in `whole`, and its interval; `reported` are all three as far as the report holds them.
    pub(in crate::rules) fn shown(
        named: Named<'_>,
        (part, whole): (Expr, Expr),
        z: &Expr,
        [share, low, high]: [&Value; 3],
        explanation: &mut Explanation,
    ) -> Self {
        let name = format!("{}{}", named.share, named.of);
        let share = explanation.computed(name, named.formula, part.clone() / whole.clone(), share);
        let (low, high) = wilson(named.of, (&part, &whole, &share), z, [low, high], explanation);
        Self { part, whole, share, low, high }
    }

    fn is_none(&self) -> bool {
        self.part.value == 0.0
    }

    fn is_whole(&self) -> bool {
        self.part.value == self.whole.value
    }
}

/// Wilson's interval of a part, a whole and the share that they make.
pub(in crate::rules) fn wilson(
    of: &str,
    (part, n, p): (&Expr, &Expr, &Expr),
    z: &Expr,
    [low, high]: [&Value; 2],
    explanation: &mut Explanation,
) -> (Expr, Expr) {
    explanation.source(WILSON);
    let (two, four) = (|| Expr::from(2.0), || Expr::from(4.0));
    let widened = || one() + z.clone().squared() / n.clone();
    let centre = (p.clone() + z.clone().squared() / (two() * n.clone())) / widened();
    let centre = explanation.derives(format!("centre{of}"), "(share + z² / 2n) / (1 + z² / n)", centre);
    let spread = p.clone() * (one() - p.clone()) / n.clone() + z.clone().squared() / (four() * n.clone().squared());
    let half = z.clone() * spread.sqrt() / widened();
    let half = explanation.derives(format!("half{of}"), "z × √(share × (1 − share) / n + z² / 4n²) / (1 + z² / n)", half);
    let low = if part.value == 0.0 {
        explanation.notes(format!("of no rows the interval{of} begins at 0"));
        0.0.into()
    } else {
        explanation.computed(format!("interval low{of}"), "centre − half", centre.clone() - half.clone(), low)
    };
    let high = if part.value == n.value {
        explanation.notes(format!("of all rows the interval{of} ends at 1"));
        one()
    } else {
        explanation.computed(format!("interval high{of}"), "centre + half", centre + half, high)
    };
    (low, high)
}

/// Newcombe's interval of the difference of two shares; `reported` are the difference and its ends.
pub(in crate::rules) fn difference(
    name: &str,
    (ours, theirs): (&Proportion, &Proportion),
    [difference, low, high]: [&Value; 3],
    explanation: &mut Explanation,
) -> (Expr, Expr) {
    explanation.source(NEWCOMBE);
    let found = explanation.computed(name, "the share less that of the other side", ours.share.clone() - theirs.share.clone(), difference);
    let reach = |a: Expr, b: Expr| (a.squared() + b.squared()).sqrt();
    let down = reach(ours.share.clone() - ours.low.clone(), theirs.high.clone() - theirs.share.clone());
    let formula = "difference − √((share − its low)² + (the other's high − the other's share)²)";
    let low = explanation.computed(format!("{name} low"), formula, found.clone() - down, low);
    let up = reach(ours.high.clone() - ours.share.clone(), theirs.share.clone() - theirs.low.clone());
    let formula = "difference + √((its high − share)² + (the other's share − the other's low)²)";
    let high = explanation.computed(format!("{name} high"), formula, found + up, high);
    (low, high)
}

/// Katz's interval of the ratio of two shares; `reported` are the ratio and its ends. It has no upper end above a share of 0.
pub(in crate::rules) fn ratio(
    (ours, theirs): (&Proportion, &Proportion),
    z: &Expr,
    [found, low, high]: [&Value; 3],
    explanation: &mut Explanation,
) -> (Expr, Option<Expr>) {
    if !theirs.is_none() {
        explanation.computes("ratio", "the share / that of the other side", ours.share.clone() / theirs.share.clone(), found);
    }
    if ours.is_whole() || theirs.is_whole() {
        return of_intervals((ours, theirs), [low, high], explanation);
    }
    explanation.source(KATZ);
    let added = if ours.is_none() || theirs.is_none() {
        explanation.notes("a part is 0: half a row is added to every count");
        0.5
    } else {
        0.0
    };
    let with = |count: &Expr| if added > 0.0 { count.clone() + Expr::from(added) } else { count.clone() };
    let [x1, n1, x2, n2] = [&ours.part, &ours.whole, &theirs.part, &theirs.whole].map(with);
    let centre = x1.clone() / n1.clone() / (x2.clone() / n2.clone());
    let centre = explanation.derives("ratio of the counts", "(part / whole) / (the other's part / the other's whole)", centre);
    let variance = one() / x1 - one() / n1 + one() / x2 - one() / n2;
    let formula = "z × √(1 / part − 1 / whole + 1 / the other's part − 1 / the other's whole)";
    let reach = explanation.derives("reach", formula, z.clone() * variance.sqrt());
    let low = if ours.is_none() {
        explanation.notes("the ratio of a share of 0 begins at 0");
        0.0.into()
    } else {
        explanation.computed("ratio low", "ratio of the counts / e to the power of reach", centre.clone() / reach.clone().exp(), low)
    };
    if theirs.is_none() {
        explanation.notes("above a share of 0 the ratio has no end");
        return (low, None);
    }
    let high = explanation.computed("ratio high", "ratio of the counts × e to the power of reach", centre * reach.exp(), high);
    (low, Some(high))
}

/// The interval of the ratio of two shares of which one is the whole, from Wilson's interval of each.
fn of_intervals(
    (ours, theirs): (&Proportion, &Proportion),
    [low, high]: [&Value; 2],
    explanation: &mut Explanation,
) -> (Expr, Option<Expr>) {
    explanation.source(MOVER);
    explanation.notes("a part is the whole: the interval of the ratio follows from the intervals of both shares");
    let of = |share: &Expr, end: &Expr| end.clone() * (Expr::from(2.0) * share.clone() - end.clone());
    let product = explanation.derives("product", "the share × that of the other side", ours.share.clone() * theirs.share.clone());
    let root = |ours: Expr, theirs: Expr| (product.clone().squared() - ours * theirs).sqrt();
    let low = if ours.is_none() {
        explanation.notes("the ratio of a share of 0 begins at 0");
        0.0.into()
    } else {
        let (a, b) = (of(&ours.share, &ours.low), of(&theirs.share, &theirs.high));
        let formula = "a / (product + √(product² − a × b)), a = low × (2 × share − low), b = the other's high × (2 × its share − its high)";
        explanation.computed("ratio low", formula, a.clone() / (product.clone() + root(a, b)), low)
    };
    if theirs.is_none() {
        explanation.notes("above a share of 0 the ratio has no end");
        return (low, None);
    }
    let (a, b) = (of(&ours.share, &ours.high), of(&theirs.share, &theirs.low));
    let formula = "(product + √(product² − a × b)) / b, a = high × (2 × share − high), b = the other's low × (2 × its share − its low)";
    let high = explanation.computed("ratio high", formula, (product.clone() + root(a, b.clone())) / b, high);
    (low, Some(high))
}

/// The test of two shares with the pooled one.
pub(in crate::rules) fn p_value((ours, theirs): (&Proportion, &Proportion), reported: &Value, explanation: &mut Explanation) {
    let counts = |of: &Proportion| (of.part.value as u64, of.whole.value as u64);
    let Some(p) = two_proportions_p_value(counts(ours), counts(theirs)) else { return };
    let pooled = (ours.part.clone() + theirs.part.clone()) / (ours.whole.clone() + theirs.whole.clone());
    let pooled = explanation.derives("pooled share", "both parts / both wholes", pooled);
    let off = ours.share.clone() - theirs.share.clone();
    if off.value == 0.0 || pooled.value == 0.0 || pooled.value == 1.0 {
        return explanation.notes("the shares are equal, and the p-value is 1; it decides nothing");
    }
    let error = pooled.clone() * (one() - pooled) * (one() / ours.whole.clone() + one() / theirs.whole.clone());
    let error = explanation.derives("standard error", "√(pooled × (1 − pooled) × (1 / whole + 1 / the other's whole))", error.sqrt());
    let test = Expr::from(2.0) * Expr::scipy("norm.sf", &[&(off.abs() / error)], p / 2.0);
    explanation.computes("p-value", "how probable such a difference or a larger one is by chance; it decides nothing", test, reported);
}
