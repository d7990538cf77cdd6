//! Hashes of rows, column by column.
//!
//! Two rows have one hash where their canonical bytes are the same (`metric::canonical`), whatever the types that hold them. These
//! hashes are compared with each other and then forgotten, so they need not be stable, and a value need not be written to be hashed.

use arrow::array::{Array, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_128;

use crate::each_width;
use crate::metric::Column;
use crate::metric::canonical::RowBytes;
use crate::metric::column::{Floats, Ints, Numbers};
use crate::rows::Mask;

/// 128 bits, in two parts that are mixed apart from each other.
pub(super) type Hash = [u64; 2];

/// Numbers without a pattern: the digits of π, as in Blowfish. Factors are odd, so that no two words give one product.
const FIRST: Hash = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];
const FACTORS: Hash = [0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];
/// A missing value. A number gives both parts the same word, so that no number is this.
const MISSING: Hash = [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6d];
/// Goes before a number of more than 64 bits.
const WIDE: Hash = [0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917];

/// The hash of each of `len` rows of these columns.
pub(super) fn hash(columns: &[&Column], len: usize, rows: &mut Vec<Hash>) {
    rows.clear();
    rows.resize(len, FIRST);
    for column in columns {
        take(column, rows);
    }
}

/// Mixes a value into the hash of its row. The second part alone tells all words of 64 bits apart.
fn mix(row: &mut Hash, value: Hash) {
    let product = u128::from(row[0] ^ value[0]) * u128::from(FACTORS[0]);
    row[0] = (product as u64) ^ ((product >> 64) as u64).rotate_left(32);
    let second = (row[1] ^ value[1]).wrapping_mul(FACTORS[1]);
    row[1] = second ^ (second >> 29);
}

/// Mixes the values of a column into its rows.
fn take(column: &Column, rows: &mut [Hash]) {
    let missing = match column.missing() {
        Mask::None => None,
        some @ (Mask::All | Mask::Bits(_)) => Some(some.bits(rows.len())),
    };
    let missing = missing.as_ref();
    match column.numbers() {
        // Only these may need more than 64 bits.
        Some(Numbers::Ints { values: Ints::I128(values), .. }) => return wide(rows, missing, |i| values[i]),
        Some(Numbers::Ints { values: Ints::U64(values), .. }) => return wide(rows, missing, |i| i128::from(values[i])),
        Some(Numbers::Ints { values, .. }) => {
            return each_width!(values, values => each(rows, missing, |i| number(values[i] as i64 as u64)));
        }
        // Adding zero turns −0 into 0.
        Some(Numbers::Floats(Floats::F32(values))) => return each(rows, missing, |i| number((f64::from(values[i]) + 0.0).to_bits())),
        Some(Numbers::Floats(Floats::F64(values))) => return each(rows, missing, |i| number((values[i] + 0.0).to_bits())),
        None => {}
    }
    let array = &column.array;
    macro_rules! plain {
        ($values:expr) => {{
            let values = $values;
            each(rows, missing, |i| bytes(values.value(i).as_ref()))
        }};
    }
    match array.data_type() {
        DataType::Utf8 => plain!(array.as_string::<i32>()),
        DataType::LargeUtf8 => plain!(array.as_string::<i64>()),
        DataType::Utf8View => plain!(array.as_string_view()),
        DataType::Binary => plain!(array.as_binary::<i32>()),
        DataType::LargeBinary => plain!(array.as_binary::<i64>()),
        DataType::Boolean => {
            let values = array.as_boolean();
            each(rows, missing, |i| number(u64::from(values.value(i))));
        }
        // Each text once.
        DataType::Dictionary(..) if column.dictionary().is_some_and(|(_, texts)| texts.len() <= rows.len()) => {
            let Some((codes, texts)) = column.dictionary() else { return };
            let hashes: Vec<Hash> = texts.iter().map(|text| text.map_or(MISSING, |text| bytes(text.as_bytes()))).collect();
            each(rows, missing, |i| hashes[codes[i] as usize]);
        }
        DataType::Dictionary(..) if column.dictionary().is_some() => {
            let Some((codes, texts)) = column.dictionary() else { return };
            each(rows, missing, |i| bytes(texts.value(codes[i] as usize).as_bytes()));
        }
        // Nested values and rarities.
        _ => {
            let mut written = RowBytes::default();
            written.encode(&[column], rows.len());
            each(rows, missing, |i| bytes(written.row(i)));
        }
    }
}

/// Mixes a value into each row, or that it is missing.
fn each(rows: &mut [Hash], missing: Option<&BooleanBuffer>, value: impl Fn(usize) -> Hash) {
    match missing {
        None => rows.iter_mut().enumerate().for_each(|(i, row)| mix(row, value(i))),
        Some(missing) => {
            rows.iter_mut().enumerate().for_each(|(i, row)| mix(row, if missing.value(i) { MISSING } else { value(i) }));
        }
    }
}

/// Numbers of up to 128 bits: those of 64 are hashed as if their type held no others.
fn wide(rows: &mut [Hash], missing: Option<&BooleanBuffer>, value: impl Fn(usize) -> i128) {
    for (i, row) in rows.iter_mut().enumerate() {
        if missing.is_some_and(|missing| missing.value(i)) {
            mix(row, MISSING);
            continue;
        }
        let value = value(i);
        if i64::try_from(value).is_err() {
            mix(row, WIDE);
            mix(row, number((value >> 64) as u64));
        }
        mix(row, number(value as u64));
    }
}

fn number(word: u64) -> Hash {
    [word, word]
}

fn bytes(bytes: &[u8]) -> Hash {
    let hash = xxh3_128(bytes);
    [(hash >> 64) as u64, hash as u64]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{Field, Int32Type};
    use proptest::prelude::*;

    use super::*;

    fn hashes(array: ArrayRef) -> Vec<Hash> {
        let (column, mut rows) = (Column::new(array), Vec::new());
        hash(&[&column], column.len(), &mut rows);
        rows
    }

    #[test]
    fn equal_values_of_several_types_have_one_hash() {
        let decimals =
            Decimal128Array::from(vec![Some(-7), None, Some(i128::from(i64::MAX))]).with_precision_and_scale(38, 0).expect("a type");
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None, Some(i64::MAX)]));
        assert_eq!(hashes(Arc::new(decimals)), hashes(ints));
        let small: ArrayRef = Arc::new(Int8Array::from(vec![Some(-7), None]));
        assert_eq!(hashes(small), hashes(Arc::new(Int32Array::from(vec![Some(-7), None]))));
        assert_eq!(hashes(Arc::new(UInt64Array::from(vec![7, 1 << 62]))), hashes(Arc::new(Int64Array::from(vec![7, 1 << 62]))));
        let floats = hashes(Arc::new(Float64Array::from(vec![Some(0.0), Some(0.5), None])));
        assert_eq!(hashes(Arc::new(Float32Array::from(vec![-0.0, 0.5, f32::NAN]))), floats);
        let texts = ["a", "", "longer than sixteen bytes of text"];
        let plain = hashes(Arc::new(StringArray::from(texts.to_vec())));
        assert_eq!(hashes(Arc::new(LargeStringArray::from(texts.to_vec()))), plain);
        assert_eq!(hashes(Arc::new(StringViewArray::from(texts.to_vec()))), plain);
        assert_eq!(hashes(Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>())), plain);
        let sliced = texts.into_iter().collect::<DictionaryArray<Int32Type>>().slice(1, 1);
        assert_eq!(hashes(Arc::new(sliced)), plain[1..2], "more texts than rows");
        // What is missing is missing in every type.
        let nothing = hashes(Arc::new(NullArray::new(1)));
        assert_eq!(hashes(Arc::new(StringArray::from(vec![None::<&str>]))), nothing);
        assert_eq!(hashes(Arc::new(BooleanArray::from(vec![None]))), nothing);
        let field = Arc::new(Field::new_list_field(DataType::Int32, true));
        assert_eq!(hashes(new_null_array(&DataType::List(field), 1)), nothing);
    }

    #[test]
    fn other_values_have_other_hashes() {
        let wide = [i128::from(i64::MAX) + 1, i128::from(i64::MIN) - 1, 1 << 64, -1, 0, 1, (1 << 100) - 1];
        let wide = hashes(Arc::new(Decimal128Array::from(wide.to_vec()).with_precision_and_scale(38, 0).expect("a type")));
        assert_eq!(wide.iter().collect::<BTreeSet<_>>().len(), 7);
        // Numbers that follow each other, in either part and in every bit.
        let mut rows = hashes(Arc::new(Int64Array::from_iter_values(0..1 << 20)));
        for part in 0..2 {
            rows.sort_unstable_by_key(|row| row[part]);
            rows.dedup_by_key(|row| row[part]);
            assert_eq!(rows.len(), 1 << 20);
            for bit in 0..64 {
                let set = rows.iter().filter(|row| row[part] >> bit & 1 == 1).count();
                assert!((rows.len() * 2 / 5..rows.len() * 3 / 5).contains(&set), "bit {bit} of part {part} is set in {set}");
            }
        }
    }

    proptest! {
        #[test]
        fn rows_have_one_hash_where_their_bytes_are_the_same(
            rows in prop::collection::vec((prop::option::of(-2i64..3), prop::option::of("[ab]{0,2}"), prop::option::of(any::<bool>())), 1..60),
        ) {
            let columns = [
                Column::new(Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()) as ArrayRef),
                Column::new(Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>()) as ArrayRef),
                Column::new(Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>()) as ArrayRef),
            ];
            let columns: Vec<&Column> = columns.iter().collect();
            let (mut bytes, mut hashes) = (RowBytes::default(), Vec::new());
            bytes.encode(&columns, rows.len());
            hash(&columns, rows.len(), &mut hashes);
            for a in 0..rows.len() {
                for b in 0..a {
                    prop_assert_eq!(hashes[a] == hashes[b], bytes.row(a) == bytes.row(b));
                }
            }
        }
    }
}
