//! The limits of `drift`: which test takes which, and what they are if left out.

use super::{Drift, Test};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::rules::Binder;
use crate::rules::words::{Decimal, Literal, Margin, Share, Tolerance};
use crate::yaml::Spanned;

/// Below this p-value chance does not explain a difference, unless the rule file says otherwise.
const ALPHA: f64 = 0.001;
/// The smallest effect that matters, unless the rule file says otherwise.
const MIN_EFFECT: f64 = 0.1;

/// What a test is decided by.
#[derive(Debug, Clone)]
pub(super) enum Limits {
    /// A p-value and an effect.
    Chance { alpha: f64, min_effect: f64 },
    /// A distance, as a number and as it is written.
    Distance { max: Bound, warn: Option<Bound> },
    /// Failing rows.
    Rows { max: Tolerance, warn: Option<Tolerance> },
}

/// A limit as a number and as it is written.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub value: f64,
    pub says: String,
}

impl Bound {
    fn of(value: f64, says: impl Into<String>) -> Self {
        Self { value, says: says.into() }
    }
}

impl Drift {
    /// Reads the limits of a test.
    ///
    /// # Errors
    /// One cannot be read, has no meaning beside the test, or is lacking.
    pub(super) fn limits(&self, test: Test, to: &Binder<'_>) -> Result<Limits, Faults> {
        let mut faults = Faults::default();
        let takes_alpha = test.is_by_chance();
        if let Some(given) = self.alpha.as_ref().filter(|_| !takes_alpha) {
            faults.push(self.misplaced("alpha", given, test, "the test is decided by `max`", to));
        }
        if let Some(given) = self.alpha.as_ref().filter(|alpha| takes_alpha && !alpha.value.is_proper()) {
            faults.push(to.fault_at(given, Code::InvalidValue, "`alpha` lies between 0 and 1, both excluded"));
        }
        if let Some(given) = self.min_effect.as_ref().filter(|_| !takes_alpha || test == Test::NullShare) {
            faults.push(self.misplaced("min_effect", given, test, "write `max`, the largest difference that is fine", to));
        }
        if let Some(warn) = to.warn.as_ref().filter(|_| takes_alpha) {
            let hint = "it is decided by `alpha` and an effect; `psi` and the distances take `warn`";
            faults.push(self.misplaced("warn", warn, test, hint, to));
        }
        let alpha = self.alpha.as_ref().map_or(ALPHA, |alpha| alpha.value.as_f64());
        let limits = match test {
            Test::Auto | Test::Ks | Test::Chi2 => {
                if let Some(given) = &self.max {
                    faults.push(self.misplaced("max", given, test, "it is decided by `alpha` and `min_effect`", to));
                }
                Some(Limits::Chance { alpha, min_effect: self.min_effect.as_ref().map_or(MIN_EFFECT, |effect| effect.value.as_f64()) })
            }
            Test::NullShare => faults.take(self.points(to)).map(|min_effect| Limits::Chance { alpha, min_effect }),
            Test::NewValues => faults.take(self.rows(to)),
            Test::Psi | Test::Js | Test::Hellinger | Test::Linf | Test::Wasserstein | Test::Cardinality => {
                faults.take(self.distance(test, to))
            }
        };
        match limits {
            Some(limits) => faults.or_ok(limits),
            None => Err(faults),
        }
    }

    /// `max` of a share of missing values: points, or a share.
    fn points(&self, to: &Binder<'_>) -> Result<f64, Fault> {
        let Some(given) = &self.max else { return Ok(0.01) };
        let text = &given.value.0;
        let read = match text.parse::<Margin>() {
            Ok(Margin::Points(points)) => Ok(points.as_f64()),
            Ok(Margin::Relative(_)) | Err(_) => text.parse::<Share>().map(Share::as_f64),
        };
        read.map_err(|_| to.fault_at(given, Code::InvalidValue, format!("`{text}` is no difference of shares")).hint("write `2 points`"))
    }

    /// `max` and `warn` of rows with new values.
    fn rows(&self, to: &Binder<'_>) -> Result<Limits, Fault> {
        let read = |given: &Spanned<Literal>| given.value.0.parse::<Tolerance>().map_err(|why| to.fault_at(given, Code::InvalidValue, why));
        let max = self.max.as_ref().map_or(Ok(Tolerance::NONE), read)?;
        let warn = to.warn.as_ref().map(read).transpose()?;
        match &to.warn {
            Some(written) if warn.is_some_and(|warn| !warn.comes_before(&max)) => Err(not_earlier(written, to)),
            Some(_) | None => Ok(Limits::Rows { max, warn }),
        }
    }

    /// `max` and `warn` of a distance.
    fn distance(&self, test: Test, to: &Binder<'_>) -> Result<Limits, Fault> {
        let read = |given: &Spanned<Literal>| {
            let text = given.value.0.trim();
            let number = Decimal::parse(text).map(Decimal::as_f64).filter(|x| *x > 0.0);
            let wrong = || Misread::new(format!("`{text}` is no distance")).hint("write a number above 0, such as `0.2`");
            let value = number.ok_or_else(|| to.fault_at(given, Code::InvalidValue, wrong()))?;
            if value >= 1.0 && matches!(test, Test::Js | Test::Hellinger | Test::Linf) {
                let what = format!("nothing can fail: `{}` is never more than 1", test.name());
                return Err(to.fault_at(given, Code::ConflictingWords, what).hint("write less than 1"));
            }
            Ok(Bound::of(value, text))
        };
        let max = match (&self.max, test) {
            (Some(given), _) => read(given)?,
            (None, Test::Psi) => Bound::of(0.2, "0.2"),
            (None, _) => {
                let fault = to.fault(Code::MissingWord, format!("`test: {}` needs a `max`", test.name()));
                return Err(fault.hint("no limit fits all data: look at the distance of good batches, then write `max`"));
            }
        };
        let warn = match (&to.warn, &self.max, test) {
            (Some(given), ..) => Some(read(given)?),
            (None, None, Test::Psi) => Some(Bound::of(0.1, "0.1")),
            (None, ..) => None,
        };
        match &to.warn {
            Some(written) if warn.as_ref().is_some_and(|warn| warn.value >= max.value) => Err(not_earlier(written, to)),
            Some(_) | None => Ok(Limits::Distance { max, warn }),
        }
    }
}

fn not_earlier(written: &Spanned<Literal>, to: &Binder<'_>) -> Fault {
    let what = "`warn` is not an earlier limit than `max`, so it would never warn";
    to.fault_at(written, Code::ConflictingWords, what).hint("write less than `max`")
}
