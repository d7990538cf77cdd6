//! An overview as bytes, and back.

use std::io::{Read, Write};
use std::sync::Arc;

use super::few::{FewNumbers, FewTexts, VALUES_MAX};
use super::many::{ManyNumbers, ManyTexts};
use super::near::Near;
use super::{Overview, Values};
use crate::diagnostic::Fault;
use crate::metric::budget::Budget;
use crate::metric::distinct::Distinct;
use crate::metric::encoding;
use crate::metric::ordered::value_at;
use crate::metric::state::State;
use crate::rows::RowId;

/// What is saved of values that are counted one by one; others follow in frames of their own.
#[derive(serde::Serialize, serde::Deserialize)]
enum Saved {
    Near(Vec<(i64, u64)>),
    FewNumbers(Vec<(i128, u64)>),
    FewTexts(Vec<(Box<str>, u64, RowId)>),
    ManyNumbers,
    ManyTexts,
    Others,
}

/// Equal states give equal bytes: what is counted one by one is sorted.
pub(super) fn encode(state: &Overview, to: &mut dyn Write) -> Result<(), Fault> {
    match &state.values {
        Values::Near(near) => encoding::write(&Saved::Near(near.iter().collect()), to),
        Values::FewNumbers(few) => {
            let mut counts: Vec<(i128, u64)> = few.iter().collect();
            counts.sort_unstable();
            encoding::write(&Saved::FewNumbers(counts), to)
        }
        Values::FewTexts(few) => {
            let mut counts: Vec<(Box<str>, u64, RowId)> =
                few.iter().map(|(text, count, row)| (Box::from(text.as_ref()), count, row)).collect();
            counts.sort_unstable();
            encoding::write(&Saved::FewTexts(counts), to)
        }
        Values::ManyNumbers(many) => encoding::write(&Saved::ManyNumbers, to).and_then(|()| many.encode(to)),
        Values::ManyTexts(many) => encoding::write(&Saved::ManyTexts, to).and_then(|()| many.encode(to)),
        Values::Others(distinct) => encoding::write(&Saved::Others, to).and_then(|()| distinct.encode(to)),
    }
}

/// The state that was saved, of the kind of values that `state` counts.
pub(super) fn decode(mut state: Overview, memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Overview, Fault> {
    let types = state.types.clone();
    let saved: Saved = encoding::read(from)?;
    let is = |kind: &str| encoding::ensure(state.kind() == kind, "it counted values of another kind");
    match saved {
        Saved::Near(counts) => {
            is("integers")?;
            encoding::ensure_counts(counts.iter().map(|(_, count)| *count))?;
            encoding::ensure(counts.is_sorted_by(|a, b| a.0 < b.0), "its values are out of order")?;
            let mut near = Near::default();
            let all = counts.into_iter().all(|(value, count)| count > 0 && near.add(value, count));
            encoding::ensure(all, "its values lie too far apart")?;
            state.values = Values::Near(near);
        }
        Saved::FewNumbers(counts) => {
            encoding::ensure(state.kind() != "texts" && state.kind() != "others", "it counted values of another kind")?;
            encoding::ensure_counts(counts.iter().map(|(_, count)| *count))?;
            encoding::ensure(
                counts.is_sorted_by(|a, b| a.0 < b.0) && counts.len() <= VALUES_MAX,
                "it counts more values than are counted",
            )?;
            if state.kind() == "floats" {
                // So many times a float is added at once.
                let is_number = |key: i128, count: u64| count < 1 << 40 && u64::try_from(key).is_ok_and(|order| !value_at(order).is_nan());
                encoding::ensure(counts.iter().all(|(key, count)| is_number(*key, *count)), "it counts what is no number")?;
            }
            let mut few = FewNumbers::default();
            counts.into_iter().for_each(|(key, count)| few.add(key, count));
            state.values = Values::FewNumbers(few);
        }
        Saved::FewTexts(counts) => {
            is("texts")?;
            encoding::ensure_counts(counts.iter().map(|(_, count, _)| *count))?;
            encoding::ensure(counts.is_sorted_by(|a, b| a.0 < b.0), "its texts are out of order")?;
            let mut few = FewTexts::default();
            counts.into_iter().for_each(|(text, count, row)| few.add(&text, count, row));
            encoding::ensure(!few.is_too_many(), "it counts more values than are counted")?;
            state.values = Values::FewTexts(few);
        }
        Saved::ManyNumbers => {
            encoding::ensure(state.kind() != "texts" && state.kind() != "others", "it counted values of another kind")?;
            state.values = Values::ManyNumbers(Box::new(ManyNumbers::decode(&types, memory, from)?));
        }
        Saved::ManyTexts => {
            is("texts")?;
            state.values = Values::ManyTexts(Box::new(ManyTexts::decode(&types, memory, from)?));
        }
        Saved::Others => {
            is("others")?;
            state.values = Values::Others(Distinct::decode(&(), &types, memory, from)?);
        }
    }
    state.settle();
    Ok(state)
}
