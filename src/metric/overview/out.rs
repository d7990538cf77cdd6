//! What an overview of a column comes to.

use std::sync::Arc;

use arrow::datatypes::DataType;

use super::few::FewTexts;
use super::many::{ManyNumbers, ManyTexts};
use crate::diagnostic::Fault;
use crate::metric::budget::Budget;
use crate::metric::distinct::DistinctOut;
use crate::metric::inputs::Inputs;
use crate::metric::moments::{Moments, MomentsOut};
use crate::metric::number::Number;
use crate::metric::ordered::HistogramOut;
use crate::metric::state::State;
use crate::metric::transform::Transform;
use crate::rows::RowId;

/// What is known of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewOut {
    pub distinct: DistinctOut,
    /// The smallest and the largest number.
    pub extrema: Option<(Number, Number)>,
    pub moments: Option<MomentsOut>,
    /// Every number with its count, ascending; none where there are too many.
    pub numbers: Option<Vec<(Number, u64)>>,
    /// Numbers by their order, where there are too many.
    pub histogram: Option<HistogramOut>,
    /// Every text, the most frequent first, ties by text; none where there are too many.
    pub texts: Option<Vec<TextCount>>,
    /// Some texts, where there are too many: the beginnings of those with the smallest hashes.
    pub sample: Vec<String>,
    /// Characters of the shortest and of the longest text.
    pub lengths: Option<(u64, u64)>,
}

impl Default for OverviewOut {
    fn default() -> Self {
        Self {
            distinct: DistinctOut { count: 0, exact: true, error: 0.0 },
            extrema: None,
            moments: None,
            numbers: None,
            histogram: None,
            texts: None,
            sample: Vec::new(),
            lengths: None,
        }
    }
}

/// A text, and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCount {
    pub text: String,
    pub count: u64,
    /// The first row that has it.
    pub first: RowId,
}

/// All that follows from every number with its count, ascending.
pub(super) fn of_numbers(
    numbers: Vec<(Number, u64)>,
    types: &[DataType],
    memory: &Arc<Budget>,
    inputs: &Inputs,
) -> Result<OverviewOut, Fault> {
    let mut moments = Moments::empty(&Transform::IDENTITY, types, memory);
    numbers.iter().for_each(|(number, count)| moments.add_times(*number, *count));
    let range = numbers.first().zip(numbers.last());
    Ok(OverviewOut {
        distinct: DistinctOut { count: numbers.len() as u64, exact: true, error: 0.0 },
        extrema: range.map(|((low, _), (high, _))| (*low, *high)),
        moments: Some(moments.finish(inputs)?),
        numbers: Some(numbers),
        ..OverviewOut::default()
    })
}

pub(super) fn of_many_numbers(many: ManyNumbers, inputs: &Inputs) -> Result<OverviewOut, Fault> {
    Ok(OverviewOut {
        distinct: many.distinct.finish(inputs)?,
        extrema: many.extrema.finish(inputs)?,
        moments: Some(many.moments.finish(inputs)?),
        histogram: Some(many.histogram.finish(inputs)?),
        ..OverviewOut::default()
    })
}

pub(super) fn of_texts(few: &FewTexts) -> OverviewOut {
    let mut texts: Vec<TextCount> = few.iter().map(|(text, count, first)| TextCount { text: text.into_owned(), count, first }).collect();
    texts.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    let length = |t: &TextCount| t.text.chars().count() as u64;
    OverviewOut {
        distinct: DistinctOut { count: texts.len() as u64, exact: true, error: 0.0 },
        lengths: texts.iter().map(length).min().zip(texts.iter().map(length).max()),
        texts: Some(texts),
        ..OverviewOut::default()
    }
}

pub(super) fn of_many_texts(many: ManyTexts, inputs: &Inputs) -> Result<OverviewOut, Fault> {
    Ok(OverviewOut {
        distinct: many.distinct.finish(inputs)?,
        lengths: many.lengths,
        sample: many.sample.into_values().map(String::from).collect(),
        ..OverviewOut::default()
    })
}
