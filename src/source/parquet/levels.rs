//! Whether a row group holds as many values, and as many missing ones, as its footer says.
//!
//! The library does not count them: where the levels of a list are cut short, it makes nulls.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Type;

use crate::metric::is_ordered;

/// What the batches of a row group held, column by column of those that were read.
pub(super) struct LeafCounts(Vec<Vec<Leaf>>);

/// What a Parquet column held; a struct is made of several.
#[derive(Default)]
struct Leaf {
    /// One for each element, and one for each list that is empty or missing.
    values: u64,
    nulls: u64,
    /// Whether it lies in a list: writers do not agree on what a missing value is there.
    is_listed: bool,
}

impl LeafCounts {
    pub(super) fn new(columns: usize) -> Self {
        Self(std::iter::repeat_with(Vec::new).take(columns).collect())
    }

    pub(super) fn add(&mut self, arrays: &[ArrayRef]) {
        for (array, leaves) in arrays.iter().zip(&mut self.0) {
            count(array, leaves, &mut 0, false);
        }
    }

    /// How that differs from what the footer says of row group `group`, if it does; `roots` are the columns read.
    pub(super) fn contradiction(&self, footer: &ArrowReaderMetadata, group: usize, roots: &[usize]) -> Option<String> {
        let (schema, group) = (footer.parquet_schema(), footer.metadata().row_group(group));
        let roots_of_leaves: Vec<usize> = (0..schema.num_columns()).map(|leaf| schema.get_column_root_idx(leaf)).collect();
        for (leaves, root) in self.0.iter().zip(roots) {
            let first = roots_of_leaves.partition_point(|other| other < root);
            for (chunk, held) in group.columns()[first..].iter().zip(leaves) {
                let name = chunk.column_path().string();
                if u64::try_from(chunk.num_values()) != Ok(held.values) {
                    let said = chunk.num_values();
                    return Some(format!("`{name}` promises {said} values in a row group and holds {}", held.values));
                }
                // Some writers count NaN among the missing ones.
                let may_hold_less = matches!(chunk.column_type(), Type::FLOAT | Type::DOUBLE);
                let said = chunk.statistics().and_then(|s| s.null_count_opt()).filter(|_| !held.is_listed);
                if let Some(said) = said.filter(|said| *said < held.nulls || *said > held.nulls && !may_hold_less) {
                    return Some(format!("`{name}` promises {said} missing values in a row group and holds {}", held.nulls));
                }
            }
        }
        None
    }
}

/// Adds what `array` holds to `leaves`, from the one at `next` on.
fn count(array: &ArrayRef, leaves: &mut Vec<Leaf>, next: &mut usize, is_listed: bool) {
    match array.data_type() {
        DataType::Struct(_) => array.as_struct().columns().iter().for_each(|child| count(child, leaves, next, is_listed)),
        DataType::List(_) => list(array.as_list::<i32>().value_offsets(), array.as_list::<i32>().values(), leaves, next),
        DataType::LargeList(_) => list(array.as_list::<i64>().value_offsets(), array.as_list::<i64>().values(), leaves, next),
        DataType::Map(..) => {
            let entries: ArrayRef = Arc::new(array.as_map().entries().clone());
            list(array.as_map().value_offsets(), &entries, leaves, next);
        }
        DataType::FixedSizeList(_, len) => {
            let (lists, first) = (array.as_fixed_size_list(), *next);
            if lists.null_count() == 0 {
                count(lists.values(), leaves, next, true);
            } else {
                // A missing list has elements too, which are written nowhere.
                count(&lists.values().slice(0, 0), leaves, next, true);
                let valid = (0..lists.len()).filter(|row| lists.is_valid(*row));
                valid.for_each(|row| count(&lists.value(row), leaves, &mut first.clone(), true));
            }
            let empty = if *len == 0 { lists.len() } else { lists.null_count() };
            leaves[first..*next].iter_mut().for_each(|leaf| leaf.values += empty as u64);
        }
        _ => {
            if leaves.len() == *next {
                leaves.push(Leaf { is_listed, ..Leaf::default() });
            }
            leaves[*next].values += array.len() as u64;
            // An array of the null type has no bitmap that would count them.
            leaves[*next].nulls += array.logical_null_count() as u64;
            *next += 1;
        }
    }
}

fn list<O: OffsetSizeTrait>(offsets: &[O], values: &ArrayRef, leaves: &mut Vec<Leaf>, next: &mut usize) {
    let first = *next;
    let (start, end) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    count(&values.slice(start, end - start), leaves, next, true);
    let empty = offsets.windows(2).filter(|bounds| bounds[0] == bounds[1]).count();
    leaves[first..*next].iter_mut().for_each(|leaf| leaf.values += empty as u64);
}

/// Whether columns of this type are judged by what footers say of them: of integers, decimals, dates and times, whose
/// bounds are exact. Floats may hide a NaN, text may be a missing token, and bounds of text may be cut.
pub(super) fn is_believed(data_type: &DataType) -> bool {
    is_ordered(data_type) && !data_type.is_floating()
}
