//! How types stand to each other: whether every value of one is a value of the other.

use arrow::datatypes::{DataType, Field};

use super::ChangeKind;
use crate::types::type_name;

/// How one type differs from another: whether every value of the one is a value of the other. None where they are the same,
/// or hold the same values: zones only say how an instant is shown.
pub fn type_change(from: &DataType, to: &DataType) -> Option<ChangeKind> {
    let (from, to) = (plain(from), plain(to));
    match (type_name(from) == type_name(to), widens(from, to), widens(to, from)) {
        (true, _, _) | (_, true, true) => None,
        (_, true, false) => Some(ChangeKind::TypeWidened),
        (_, false, true) => Some(ChangeKind::TypeNarrowed),
        (_, false, false) => Some(ChangeKind::TypeChanged),
    }
}

/// The type of the values, where they are kept as codes or runs.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        other => other,
    }
}

/// Whether every value of `from` is one of `to`. As in Avro every integer may be read as a float64, though integers beyond
/// 2^53 come out rounded; and a time's unit says how fine it is, not how far it reaches.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        (Float32, Float64) | (Date32, Timestamp(..)) => true,
        (Timestamp(a, from), Timestamp(b, to)) => from.is_some() == to.is_some() && a <= b,
        (Time32(a) | Time64(a), Time32(b) | Time64(b)) | (Duration(a), Duration(b)) => a <= b,
        (Map(from, _), Map(to, _)) => entries(from).zip(entries(to)).is_some_and(|(from, to)| {
            from.iter().zip(to).all(|(from, to)| matches!(type_change(from, to), None | Some(ChangeKind::TypeWidened)))
        }),
        (from, Float64) if from.is_integer() => true,
        // Floats hold more than whole numbers.
        (Float16 | Float32 | Float64, _) => false,
        (from, to) => match (digits(from), digits(to)) {
            (Some((p, s)), Some((q, t))) => t >= s && q - t >= p - s,
            _ => Exact::of(from).zip(Exact::of(to)).is_some_and(|(from, to)| from.lies_in(to)),
        },
    }
}

/// All digits of a decimal, and those behind its point.
fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            Some((i16::from(*p), i16::from(*s)))
        }
        _ => None,
    }
}

/// The types of a map's keys and values.
fn entries(field: &Field) -> Option<[&DataType; 2]> {
    match field.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => Some([fields[0].data_type(), fields[1].data_type()]),
        _ => None,
    }
}

/// Numbers that a type holds exactly: all from `-below` to `above` units of 10^-scale. Units reach beyond 38 digits nowhere.
#[derive(Clone, Copy)]
struct Exact {
    below: u128,
    above: u128,
    scale: i16,
}

impl Exact {
    fn of(data_type: &DataType) -> Option<Self> {
        use DataType::*;
        let even = |most: u128, scale| Some(Self { below: most, above: most, scale });
        if let Some((digits, scale)) = digits(data_type) {
            let most = 10u128.checked_pow(u32::try_from(digits).ok()?)? - 1;
            return even(most, scale);
        }
        let signed = |bits: u32| Some(Self { below: 1 << (bits - 1), above: (1 << (bits - 1)) - 1, scale: 0 });
        let unsigned = |bits: u32| Some(Self { below: 0, above: (1 << bits) - 1, scale: 0 });
        match data_type {
            Int8 => signed(8),
            Int16 => signed(16),
            Int32 => signed(32),
            Int64 => signed(64),
            UInt8 => unsigned(8),
            UInt16 => unsigned(16),
            UInt32 => unsigned(32),
            UInt64 => unsigned(64),
            // Whole numbers only, up to where every one is there.
            Float32 => even(1 << 24, 0),
            Float64 => even(1 << 53, 0),
            _ => None,
        }
    }

    /// Whether all these numbers are among `other`'s.
    fn lies_in(self, other: Self) -> bool {
        let Ok(finer) = u32::try_from(other.scale - self.scale) else { return false };
        let reaches =
            |ours: u128, theirs: u128| 10u128.checked_pow(finer).and_then(|per| ours.checked_mul(per)).is_some_and(|ours| ours <= theirs);
        reaches(self.below, other.below) && reaches(self.above, other.above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_is_a_partial_order() {
        assert_eq!(type_change(&DataType::Int32, &DataType::Int64), Some(ChangeKind::TypeWidened));
        assert_eq!(type_change(&DataType::Int64, &DataType::Int32), Some(ChangeKind::TypeNarrowed));
        assert_eq!(type_change(&DataType::UInt32, &DataType::Int64), Some(ChangeKind::TypeWidened));
        assert_eq!(type_change(&DataType::Int32, &DataType::UInt64), Some(ChangeKind::TypeChanged));
        assert_eq!(type_change(&DataType::Int64, &DataType::Utf8), Some(ChangeKind::TypeChanged));
        assert_eq!(type_change(&DataType::Decimal128(10, 2), &DataType::Decimal128(12, 2)), Some(ChangeKind::TypeWidened));
        assert_eq!(type_change(&DataType::Decimal128(10, 2), &DataType::Decimal128(10, 4)), Some(ChangeKind::TypeChanged));
    }
}
