//! A figure beside the same figure of other data: how far the one may be from the other.

use super::Binder;
use super::beside::{Answer, Why};
use super::facts::GroupFacts;
use super::judgement::Judgement;
use super::requests::Beside;
use super::words::{Against, AgainstWord, Change, Decimal};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, figures};
use crate::metric::State;
use crate::shown::{beside, percent_of, short};
use crate::statistics::{median, robust_z};
use crate::yaml::Spanned;

/// Fewer runs do not tell what is usual.
const RUNS_MIN: u64 = 14;
/// The largest robust z that is still usual, unless the rule file says otherwise.
const LIMIT: f64 = 5.0;

/// The words of rules that compare a figure.
pub(super) struct Words<'a> {
    pub against: Option<&'a Spanned<Against>>,
    pub change: Option<&'a Spanned<Change>>,
    pub limit: Option<&'a Spanned<f64>>,
    pub min_change: Option<&'a Spanned<Change>>,
}

/// With what a figure is compared, and how.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub against: AgainstWord,
    /// Whether the figure is a share, which is written in percent.
    is_share: bool,
    test: Test,
}

#[derive(Debug, Clone, Copy)]
enum Test {
    /// It may change by so much.
    Change(Change),
    /// Its robust z beside earlier runs is at most `limit`, or it changes by no more than `min_change`.
    Unusual { limit: f64, min_change: Change },
}

impl Words<'_> {
    /// Whether a comparison is wanted.
    pub(super) fn are_given(&self) -> bool {
        self.against.is_some() || self.change.is_some() || self.limit.is_some() || self.min_change.is_some()
    }

    /// Reads them for a figure that is a share or not.
    ///
    /// # Errors
    /// They do not go together, or not with such a figure.
    pub(super) fn read(&self, is_share: bool, to: &Binder<'_>) -> Result<Comparison, Faults> {
        let mut faults = Faults::default();
        for change in [self.change, self.min_change].into_iter().flatten() {
            match change.value {
                Change::Points(_) if !is_share => {
                    let fault = to.fault_at(change, Code::InvalidValue, "points are for figures that are shares");
                    faults.push(fault.hint("write `10%`, or a number in the figure's own unit"));
                }
                Change::Absolute(number) if is_share => {
                    let fault = to.fault_at(change, Code::InvalidValue, format!("`{number}` may be a share or points"));
                    faults.push(fault.hint("write `10%` (of the other share) or `2 points`"));
                }
                Change::Points(_) | Change::Absolute(_) | Change::Relative(_) => {}
            }
        }
        let against = self.against.map_or_else(|| to.default_against(), |against| against.value.0.clone());
        let test = match (&against, self.change) {
            (AgainstWord::Runs { last, .. }, _) => {
                if let Some(against) = self.against.filter(|_| *last < RUNS_MIN) {
                    let fault = to.fault_at(against, Code::InvalidValue, format!("{last} runs do not tell what is usual"));
                    faults.push(fault.hint(format!("write `last: {RUNS_MIN}` or more")));
                }
                if let Some(change) = self.change {
                    let fault = to.fault_at(change, Code::MisplacedWord, "beside runs a figure is judged by what is usual among them");
                    faults.push(fault.hint("`min_change` says how large a change must be at least, `limit` how unusual"));
                }
                if let Some(limit) = self.limit.filter(|limit| !(limit.value > 0.0 && limit.value.is_finite())) {
                    faults.push(to.fault_at(limit, Code::InvalidValue, "`limit` must be greater than 0"));
                }
                let (tenth, tenth_of_a_point) = (Decimal::new(1, 1), Decimal::new(1, 3));
                let default = if is_share { tenth_of_a_point.map(Change::Points) } else { tenth.map(Change::Relative) };
                let min_change = self.min_change.map(|change| change.value).or(default);
                min_change.map(|min_change| Test::Unusual { limit: self.limit.map_or(LIMIT, |limit| limit.value), min_change })
            }
            (_, change) => {
                let stray = [self.limit.map(|limit| ("limit", &limit.at)), self.min_change.map(|change| ("min_change", &change.at))];
                for (word, at) in stray.into_iter().flatten() {
                    let what = format!("`{word}` is for `against: {{ runs: … }}`");
                    faults.push(
                        Fault::told(Code::MisplacedWord, what).at(at.in_file(&to.place.file)).hint("`change` says how far it may be"),
                    );
                }
                if change.is_none() {
                    let fault = to.fault(Code::MissingWord, format!("nothing says how far the figure may be from that of {against}"));
                    faults.push(fault.hint("give `change`, such as `change: 10%`"));
                }
                change.map(|change| Test::Change(change.value))
            }
        };
        match test {
            Some(test) => faults.or_ok(Comparison { against, is_share, test }),
            None => Err(faults),
        }
    }
}

/// A figure of other data: what it is most likely, and between what it must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    pub(super) fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// With a standard error that is a share of the figure.
    pub(super) fn within(value: f64, error: f64) -> Self {
        /// Further off is hardly any estimate: 0.3 %.
        const ERRORS: f64 = 3.0;
        Self { value, low: value * (1.0 - ERRORS * error), high: value * (1.0 + ERRORS * error) }
    }

    pub(super) fn by(self, whole: f64) -> Self {
        Self { value: self.value / whole, low: self.low / whole, high: self.high / whole }
    }
}

/// The figure of other data.
#[derive(Debug, Clone)]
pub(super) enum Other {
    One(Estimate),
    /// Of each run.
    Runs(Vec<f64>),
}

impl Comparison {
    /// What other data counted, as the figure that `figure` makes of it; inside, why there is none.
    pub(super) fn other<S: State>(
        &self,
        facts: &GroupFacts<'_>,
        handle: Beside<S>,
        figure: impl Fn(&S::Out) -> Result<Estimate, String>,
    ) -> Result<Result<Other, Why>, Fault> {
        if !matches!(self.test, Test::Unusual { .. }) {
            return Ok(match facts.beside(handle)? {
                Answer::There(out) => figure(out).map(Other::One).map_err(Why::NoData),
                Answer::NotThere(why) => Err(why),
            });
        }
        let each = match facts.beside_each(handle)? {
            Ok(each) => each,
            Err(why) => return Ok(Err(why)),
        };
        Ok(self.of_runs(each.iter().filter_map(|(_, out)| out.and_then(|out| figure(out).ok()))))
    }

    /// The figures of runs; there must be enough of them.
    pub(super) fn of_runs(&self, figures: impl Iterator<Item = Estimate>) -> Result<Other, Why> {
        let values: Vec<f64> = figures.map(|figure| figure.value).filter(|x| x.is_finite()).collect();
        match values.len() as u64 {
            n if n < RUNS_MIN => {
                let are = if n == 1 { "run has" } else { "runs have" };
                Err(Why::WarmingUp(format!("{n} {are} such a figure, and {RUNS_MIN} tell what is usual")))
            }
            _ => Ok(Other::Runs(values)),
        }
    }

    pub(super) fn is_by_run(&self) -> bool {
        matches!(self.test, Test::Unusual { .. })
    }

    /// Holds the figure called `name` against that of other data.
    pub(super) fn judge(&self, name: &str, ours: f64, other: Other) -> Judgement {
        let mut figures = Figures::from([(&figures::VALUE, ours.into())]);
        let (outcome, says, limit) = match (other, self.test) {
            (Other::One(theirs), Test::Change(change)) => {
                figures.set(&figures::COMPARED_WITH, theirs.value);
                self.change(name, ours, theirs, change)
            }
            (Other::Runs(runs), Test::Unusual { limit, min_change }) => {
                let centre = median(&runs).unwrap_or_default();
                figures.set(&figures::COMPARED_WITH, centre);
                let z = robust_z(ours, &runs);
                if let Some(z) = z {
                    figures.set(&figures::ROBUST_Z, z);
                }
                self.unusual(name, ours, (centre, z, runs.len()), limit, min_change)
            }
            (Other::One(_), Test::Unusual { .. }) | (Other::Runs(_), Test::Change(_)) => {
                return Judgement::NoData("there is nothing to compare with".into());
            }
        };
        let finding = Finding { outcome, observed: ours.into(), limit: limit.into(), message: says.into(), figures, ..Finding::default() };
        Judgement::measured(finding)
    }

    fn change(&self, name: &str, ours: f64, theirs: Estimate, change: Change) -> (Outcome, String, String) {
        let keeps = |theirs: f64| is_within(ours, theirs, change);
        let limit = format!("a change of at most {change}");
        let inside = theirs.low <= ours && ours <= theirs.high;
        // Between the ends of an estimate the figure may be just what it was.
        let outcome = match (keeps(theirs.low), keeps(theirs.high), keeps(theirs.value)) {
            (true, true, _) => Outcome::Pass,
            (false, false, false) if !inside => Outcome::Fail,
            _ => Outcome::InsufficientEvidence,
        };
        let against = &self.against;
        let beside = match theirs.low < theirs.high {
            false => format!("{} in {against}", self.shown(theirs.value, ours)),
            true => format!(
                "about {} in {against} ({} to {})",
                self.shown(theirs.value, ours),
                self.shown(theirs.low, ours),
                self.shown(theirs.high, ours)
            ),
        };
        let mut says = format!("the {name} is {}, against {beside}", self.shown(ours, theirs.value));
        match outcome {
            Outcome::Fail => says.push_str(&format!(": {}, expected {limit}", self.told(ours, theirs.value, change))),
            Outcome::InsufficientEvidence => says.push_str(&format!(": too little is kept of it to tell whether that is {limit}")),
            Outcome::Pass | Outcome::Warn | Outcome::NoData | Outcome::NotJudged | Outcome::Known => {}
        }
        (outcome, says, limit)
    }

    fn unusual(
        &self,
        name: &str,
        ours: f64,
        (centre, z, runs): (f64, Option<f64>, usize),
        limit: f64,
        min_change: Change,
    ) -> (Outcome, String, String) {
        let is_usual = z.is_some_and(|z| z.abs() <= limit);
        let outcome = if is_usual || is_within(ours, centre, min_change) { Outcome::Pass } else { Outcome::Fail };
        let expected = format!("a robust z of at most {}, or a change of at most {min_change}", short(limit));
        let mut says = format!("the {name} is {}; the median of {runs} runs is {}", self.shown(ours, centre), self.shown(centre, ours));
        if outcome == Outcome::Fail {
            let how = match z {
                Some(z) => format!("a robust z of {}", beside(z, &[limit, -limit])),
                None => "more than half of them had just that".to_owned(),
            };
            says.push_str(&format!(": {how}, {}, expected {expected}", self.told(ours, centre, min_change)));
        }
        (outcome, says, expected)
    }

    /// A figure in words, told apart from another.
    fn shown(&self, x: f64, other: f64) -> String {
        if self.is_share { percent_of(x, &[other]) } else { beside(x, &[other]) }
    }

    /// How far the figure has moved, in the unit of what is allowed.
    fn told(&self, ours: f64, theirs: f64, allowed: Change) -> String {
        let moved = (ours - theirs).abs();
        match allowed {
            Change::Relative(_) if theirs == 0.0 => "any change from 0 is more than a share of it".to_owned(),
            Change::Relative(share) => format!("a change of {}", percent_of(moved / theirs.abs(), &[share.as_f64()])),
            Change::Points(points) => format!("a change of {} points", beside(moved * 100.0, &[points.as_f64() * 100.0])),
            Change::Absolute(distance) => format!("a change of {}", beside(moved, &[distance.as_f64()])),
        }
    }
}

/// Whether `ours` is no further from `theirs` than `change` allows. What rounding alone puts beyond counts as within.
fn is_within(ours: f64, theirs: f64, change: Change) -> bool {
    const ROUNDING: f64 = 8.0 * f64::EPSILON;
    let reach = change.reach(theirs);
    (ours - theirs).abs() <= reach + ROUNDING * (ours.abs().max(theirs.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::words::Season;

    fn comparison(is_share: bool, test: Test) -> Comparison {
        Comparison { against: AgainstWord::Runs { last: 14, season: None::<Season> }, is_share, test }
    }

    fn judged(by: &Comparison, ours: f64, other: Other) -> Finding {
        match by.judge("mean", ours, other) {
            Judgement::Measured(finding) => *finding,
            other => panic!("no measure: {other:?}"),
        }
    }

    /// By numpy: m = np.median(runs); 0.6745 * (x - m) / np.median(np.abs(runs - m)).
    #[test]
    fn what_is_usual_among_runs_passes() {
        let runs = vec![100.0, 103.0, 98.0, 101.0, 99.0, 102.0, 100.0, 97.0, 104.0, 101.0, 100.0, 99.0, 103.0, 96.0];
        let tenth = Change::Relative(Decimal::new(1, 1).expect("a share"));
        let by = comparison(false, Test::Unusual { limit: 5.0, min_change: tenth });
        for (x, outcome, z) in [
            (100.0, Outcome::Pass, 0.0),
            // Unusual, but no change of a tenth; a change of a tenth and more, and just usual; both.
            (109.9, Outcome::Pass, 4.451_700_000_000_002),
            (111.0, Outcome::Pass, 4.946_333_333_333_333),
            (112.0, Outcome::Fail, 5.396),
            (85.0, Outcome::Fail, -6.745),
        ] {
            let finding = judged(&by, x, Other::Runs(runs.clone()));
            assert_eq!(finding.outcome, outcome, "{x}: {:?}", finding.message);
            let found = finding.figures.get(&figures::ROBUST_Z).expect("a z");
            assert!((found.value.as_f64().expect("a float") - z).abs() < 1e-9, "{x}: {found:?}");
        }
        // Where more than half of the runs are alike, there is no z: the size of the change decides.
        let alike = [vec![50.0; 9], vec![51.0; 5]].concat();
        assert_eq!(judged(&by, 54.9, Other::Runs(alike.clone())).outcome, Outcome::Pass);
        let finding = judged(&by, 55.1, Other::Runs(alike));
        assert!(finding.outcome == Outcome::Fail && finding.figures.get(&figures::ROBUST_Z).is_none());
    }

    #[test]
    fn fewer_runs_than_tell_what_is_usual_are_no_data_that_blocks_nothing() {
        let tenth = Change::Relative(Decimal::new(1, 1).expect("a share"));
        let by = comparison(false, Test::Unusual { limit: 5.0, min_change: tenth });
        assert!(matches!(by.of_runs((0..13).map(|i| Estimate::exact(f64::from(i)))), Err(Why::WarmingUp(_))));
        assert!(matches!(by.of_runs((0..14).map(|i| Estimate::exact(f64::from(i)))), Ok(Other::Runs(runs)) if runs.len() == 14));
    }

    #[test]
    fn an_estimate_whose_error_could_change_the_outcome_decides_nothing() {
        let by = comparison(false, Test::Change(Change::Relative(Decimal::new(1, 1).expect("a share"))));
        let outcome = |ours, theirs| judged(&by, ours, Other::One(theirs)).outcome;
        // Between 90 and 110: a tenth more than that may be 99 or 121, a tenth less 81 or 99.
        let about = Estimate { value: 100.0, low: 90.0, high: 110.0 };
        assert_eq!(outcome(99.0, about), Outcome::Pass);
        for undecided in [98.0, 100.0, 105.0, 115.0, 85.0] {
            assert_eq!(outcome(undecided, about), Outcome::InsufficientEvidence, "{undecided}");
        }
        assert_eq!((outcome(122.0, about), outcome(80.0, about)), (Outcome::Fail, Outcome::Fail));
        assert_eq!((outcome(110.0, Estimate::exact(100.0)), outcome(110.1, Estimate::exact(100.0))), (Outcome::Pass, Outcome::Fail));
        // Of 0 a share is 0.
        assert_eq!((outcome(0.0, Estimate::exact(0.0)), outcome(1e-9, Estimate::exact(0.0))), (Outcome::Pass, Outcome::Fail));
        // 0.3 is a tenth of 3, whatever floats make of 3.3 - 3.
        assert_eq!(outcome(3.3, Estimate::exact(3.0)), Outcome::Pass);
        let points = comparison(true, Test::Change(Change::Points(Decimal::new(2, 2).expect("points"))));
        let outcome = |ours, theirs| judged(&points, ours, Other::One(Estimate::exact(theirs))).outcome;
        assert_eq!((outcome(0.12, 0.1), outcome(0.121, 0.1), outcome(0.08, 0.1)), (Outcome::Pass, Outcome::Fail, Outcome::Pass));
    }
}
