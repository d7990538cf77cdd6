//! Values that look like stand-ins for missing ones, for whoever has counted them already.

use arrow::datatypes::DataType;

pub use super::disguised::SPIKE;
use super::disguised::{Candidate, Is, Others, candidates, is_disguise};
use crate::metric::Number;
use crate::metric::number::scaled_to_f64;
use crate::metric::stand_ins::StandIn;

/// A value that seems to stand for a missing one.
#[derive(Debug, Clone, PartialEq)]
pub enum Suspect {
    Text(String),
    Number(Number),
}

/// What may stand for a missing value in a column of the type.
pub fn candidates_of(data_type: &DataType) -> Vec<StandIn> {
    candidates(data_type).into_iter().map(|(_, stand_in)| stand_in).collect()
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

fn number_of(stand_in: &StandIn, data_type: &DataType) -> Option<Number> {
    match stand_in {
        StandIn::Int(value) => Some(Number::Int { value: *value, scale: scale_of(data_type) }),
        StandIn::Float(x) => Some(Number::Float(*x)),
        StandIn::Text(_) => None,
    }
}

/// The number that a candidate is.
pub fn value_of(stand_in: &StandIn, data_type: &DataType) -> Option<f64> {
    match stand_in {
        StandIn::Int(value) => Some(scaled_to_f64(*value, scale_of(data_type))),
        StandIn::Float(x) => Some(*x),
        StandIn::Text(_) => None,
    }
}

/// The suspects among numbers, dates or times, ascending, each with its count.
pub fn among_numbers(data_type: &DataType, numbers: &[(Number, u64)]) -> Vec<(Suspect, u64)> {
    let known: Vec<(Candidate, Number)> =
        candidates(data_type).into_iter().filter_map(|(candidate, is)| Some((candidate, number_of(&is, data_type)?))).collect();
    let count_of = |wanted: &Number| numbers.binary_search_by(|(number, _)| number.cmp(wanted)).map_or(0, |i| numbers[i].1);
    let mut others = Others::default();
    for (number, count) in numbers.iter().filter(|(number, _)| number.as_f64().is_finite()) {
        if known.iter().any(|(_, candidate)| candidate == number) {
            continue;
        }
        let x = number.as_f64();
        others.rows += count;
        others.distinct += 1;
        others.most = others.most.max(*count);
        others.span = Some(others.span.map_or((x, x), |(low, high): (f64, f64)| (low.min(x), high.max(x))));
    }
    let found = known.iter().map(|(candidate, number)| (candidate, number, count_of(number)));
    found
        .filter(|(candidate, _, count)| is_disguise(candidate, *count, &others))
        .map(|(_, number, count)| (Suspect::Number(*number), count))
        .collect()
}

/// The suspects among texts, each with its count.
pub fn among_texts<'a>(texts: impl Iterator<Item = (&'a str, u64)>) -> Vec<(Suspect, u64)> {
    let words = candidates(&DataType::Utf8);
    let is_word = |text: &str| words.iter().any(|(candidate, _)| candidate.name.eq_ignore_ascii_case(text.trim()));
    texts.filter(|(text, _)| is_word(text)).map(|(text, count)| (Suspect::Text(text.to_owned()), count)).collect()
}

/// The suspects where candidates were counted among `all` values, about `distinct` of them different, and `others` is how far
/// the other ones reach.
pub fn among_counted(
    data_type: &DataType,
    (wanted, counts): (&[StandIn], &[u64]),
    (all, distinct): (u64, u64),
    others: Option<(Number, Number)>,
) -> Vec<(Suspect, u64)> {
    let rows = all.saturating_sub(counts.iter().sum());
    let beside = Others {
        rows,
        distinct,
        // How often the most frequent of the others occurs is not known: there are so many that the average is close to it.
        most: rows / distinct.max(1),
        span: others.map(|(low, high)| (low.as_f64(), high.as_f64())),
    };
    let known = candidates(data_type);
    let candidate = |stand_in: &StandIn| known.iter().find(|(_, is)| is == stand_in).map(|(candidate, _)| candidate);
    let each = wanted.iter().zip(counts).filter_map(|(stand_in, count)| Some((stand_in, candidate(stand_in)?, *count)));
    each.filter(|(_, candidate, count)| match candidate.is {
        Is::Word => *count > 0,
        Is::Day | Is::Number(_) => is_disguise(candidate, *count, &beside),
    })
    .map(|(stand_in, candidate, count)| {
        let suspect = match number_of(stand_in, data_type) {
            Some(number) => Suspect::Number(number),
            None => Suspect::Text(candidate.name.clone()),
        };
        (suspect, count)
    })
    .collect()
}
