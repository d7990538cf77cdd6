use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::Look;
use super::judgement::{Judgement, RowsJudged, figures, json_float};
use super::quantiles::{ExactQuantiles, Progress};
use super::requests::Handle;
use super::words::OnFail;
use super::{Binder, Check, Rule, Subject, View};
use crate::diagnostic::Faults;
use crate::metric::completeness::Completeness;
use crate::metric::extrema::Extrema;
use crate::metric::is_numeric;
use crate::metric::select::{Fences, Outside};
use crate::shown::short;
use crate::types::type_name;
use crate::yaml::Spanned;

/// Values far from the bulk of the batch.
///
/// `iqr`: Tukey's fences Q1 − k·IQR and Q3 + k·IQR, with quartiles by linear interpolation
/// (Hyndman and Fan's type 7). k is 3 unless said otherwise, the outer fence. Fences are exact: a
/// histogram brackets the quartiles, a second look settles them. Infinities stay out of the
/// statistics and are always outliers. Where the quartiles coincide, or there are too few values
/// for any to lie outside, the outcome is `no_data`.
///
/// Why: a price with a slipped decimal point. A warning by default, since far out is not yet wrong.
///
/// ```yaml
/// - outliers: { column: price, method: iqr }
/// - outliers: { column: price, k: 1.5, by: [category], on_fail: quarantine }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outliers {
    /// How the fences are found.
    #[serde(default)]
    method: Method,
    /// How many interquartile ranges beyond the quartiles the fences stand.
    k: Option<Spanned<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    #[default]
    Iqr,
}

impl Rule for Outliers {
    const NAME: &'static str = "outliers";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const ON_FAIL: OnFail = OnFail::Warn;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Check>, Faults> {
        let column = to.column();
        let Method::Iqr = self.method;
        let mut faults = Faults::default();
        if !is_numeric(&column.data_type) {
            let what = format!("`outliers` needs numbers, but `{}` is {}", column.name, type_name(&column.data_type));
            faults.push(to.fault(what));
        }
        let k = self.k.as_ref().map_or(3.0, |k| k.value);
        if let Some(given) = self.k.as_ref().filter(|k| !(k.value > 0.0 && k.value.is_finite())) {
            faults.push(to.fault_at(given, "`k` must be greater than 0"));
        }
        faults.or_ok(())?;
        let quantiles = ExactQuantiles::bind(to.requests, &to.scope, column.index, vec![0.25, 0.5, 0.75]);
        let extrema = to.want::<Extrema>((), &[column.index]);
        let rows = to.rows_in_scope(column.index);
        Ok(Box::new(OutliersCheck { column: column.index, k, quantiles, extrema, rows, fences: None }))
    }
}

#[derive(Clone)]
struct OutliersCheck {
    column: usize,
    k: f64,
    quantiles: ExactQuantiles,
    extrema: Handle<Extrema>,
    rows: Handle<Completeness>,
    fences: Option<Found>,
}

/// Quartiles and fences, and the look at the rows beyond them where one is needed.
#[derive(Clone, Copy)]
struct Found {
    quartiles: [f64; 3],
    fences: Fences,
    outside: Option<Handle<Outside>>,
}

impl Check for OutliersCheck {
    fn judge(&mut self, view: &View<'_>, look: &mut Look<'_>) -> Judgement {
        let Some(rows) = view.get(self.rows) else { return Judgement::NoData("no rows in scope".into()) };
        if let Some(found) = self.fences {
            return self.count(found, rows.rows, view);
        }
        let (quartiles, count) = match self.quantiles.advance(view, look) {
            Progress::Again => return Judgement::Again,
            Progress::Empty => return Judgement::NoData("no finite values".into()),
            Progress::Ready { quantiles, count } => ([quantiles[0], quantiles[1], quantiles[2]], count),
        };
        let [q1, _, q3] = quartiles;
        let spread = q3 - q1;
        if spread == 0.0 {
            return Judgement::NoData(format!("no spread: both quartiles are {q1}"));
        }
        if !is_exceedable(count, self.k) {
            return Judgement::NoData(format!("{count} values are too few for any to lie outside the fences"));
        }
        let fences = Fences { low: q1 - self.k * spread, high: q3 + self.k * spread };
        let inside = |x: f64| !fences.is_outside(x);
        let all_inside = view.get(self.extrema).copied().flatten().is_some_and(|(min, max)| inside(min.as_f64()) && inside(max.as_f64()));
        let outside = (!all_inside).then(|| look.want::<Outside>(fences, &[self.column]));
        let found = Found { quartiles, fences, outside };
        self.fences = Some(found);
        match outside {
            Some(_) => Judgement::Again,
            None => self.count(found, rows.rows, view),
        }
    }

    fn fresh(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}

impl OutliersCheck {
    fn count(&self, found: Found, of: u64, view: &View<'_>) -> Judgement {
        let Found { quartiles: [q1, median, q3], fences, outside } = found;
        let outside = outside.and_then(|handle| view.get(handle));
        let (low, high) = outside.map_or((0, 0), |o| (o.low, o.high));
        let figures = figures([
            ("q1", json_float(q1)),
            ("median", json_float(median)),
            ("q3", json_float(q3)),
            ("lower_fence", json_float(fences.low)),
            ("upper_fence", json_float(fences.high)),
            ("low", low.into()),
            ("high", high.into()),
        ]);
        Judgement::Rows(RowsJudged {
            failing: low + high,
            of,
            known: 0,
            rows: Arc::new(outside.map(|o| o.rows.clone()).unwrap_or_default()),
            says: format!("outside {} to {}", short(fences.low), short(fences.high)),
            figures,
            broken: None,
        })
    }
}

/// Whether among `count` values one can lie beyond a fence at `k` interquartile ranges: were it moved
/// out without end, it would draw the nearer quartile after it by the interpolation's fraction.
fn is_exceedable(count: u64, k: f64) -> bool {
    let h = (count.saturating_sub(1)) as f64 * 0.75;
    let is_last_neighbour = h.ceil() as u64 >= count.saturating_sub(1);
    !is_last_neighbour || (count > 1 && h.fract() > 0.0 && h.fract() * (1.0 + k) < 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_batches_cannot_exceed_the_outer_fence() {
        assert!([1, 2, 3, 4].iter().all(|&n| !is_exceedable(n, 3.0)));
        assert!(is_exceedable(5, 3.0));
    }
}
