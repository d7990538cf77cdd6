//! Values that seem to stand for missing ones.

use arrow::datatypes::DataType;

use super::number_json;
use crate::diagnostic::Fault;
use crate::metric::ordered::order_of;
use crate::metric::overview::OverviewOut;
use crate::metric::stand_ins::{StandIn, StandIns};
use crate::report::model::TopValue;
use crate::rows::RowSet;
use crate::rules::missing::suspects;
use crate::rules::{GroupFacts, Handle, SecondPass};

/// Suspected values of a column, on their way to being counted.
#[derive(Default)]
pub(super) struct StandingIn {
    looked: Option<(Handle<StandIns>, Vec<StandIn>)>,
}

impl StandingIn {
    /// Where values are not counted one by one, asks for a look at those that may stand for missing ones, if `thorough`.
    pub(super) fn begin(
        &mut self,
        index: usize,
        out: &OverviewOut,
        data_type: &DataType,
        thorough: bool,
        pass: &mut SecondPass<'_>,
    ) -> bool {
        if !thorough || out.numbers.is_some() || out.texts.is_some() {
            return false;
        }
        let mut wanted = suspects::candidates_of(data_type);
        if let Some(histogram) = &out.histogram {
            // A number that is no peak of the histogram needs no look: its bucket holds no more than others do.
            let usual = histogram.count / out.distinct.count.max(1);
            wanted.retain(|candidate| {
                let Some(x) = suspects::value_of(candidate, data_type) else { return false };
                let bucket = order_of(x) >> histogram.shift;
                let count = histogram.buckets.binary_search_by_key(&bucket, |(at, _)| *at).map_or(0, |i| histogram.buckets[i].1);
                count > suspects::SPIKE * usual.max(1)
            });
        } else if out.sample.is_empty() {
            return false;
        }
        if !wanted.is_empty() {
            self.looked = Some((pass.want::<StandIns>(wanted.clone(), &[index]), wanted));
        }
        self.looked.is_some()
    }

    /// The values that seem to stand for missing ones, most frequent first.
    pub(super) fn report(&self, out: &OverviewOut, data_type: &DataType, facts: &GroupFacts<'_>) -> Result<Vec<TopValue>, Fault> {
        let found = match (&out.numbers, &out.texts, &self.looked) {
            (Some(numbers), _, _) => suspects::among_numbers(data_type, numbers),
            (None, Some(texts), _) => suspects::among_texts(texts.iter().map(|t| (t.text.as_str(), t.count))),
            (None, None, Some((handle, wanted))) => match facts.get(*handle)? {
                Some(seen) => {
                    let counts: Vec<u64> = seen.rows.iter().map(RowSet::len).collect();
                    let all = out.moments.as_ref().map_or(0, |m| m.count);
                    suspects::among_counted(data_type, (wanted, &counts), (all, out.distinct.count), seen.others)
                }
                None => Vec::new(),
            },
            (None, None, None) => Vec::new(),
        };
        let mut told: Vec<TopValue> = found
            .into_iter()
            .map(|(candidate, count)| {
                let value = match candidate {
                    suspects::Suspect::Text(text) => text.into(),
                    suspects::Suspect::Number(number) => number_json(number, data_type),
                };
                TopValue { value, count, earlier_share: None }
            })
            .collect();
        told.sort_by_key(|counted| std::cmp::Reverse(counted.count));
        Ok(told)
    }
}
