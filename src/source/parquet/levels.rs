//! Whether a row group holds as many values, and as many missing ones, as its footer says.
//!
//! The library takes what levels there are: of a list whose levels are cut short it makes nulls.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use crate::metric::is_ordered;

/// Adds to `counts`, column by column of those that `array` is made of, how many values it takes to write it: one for
/// each element, and one for each list that is empty or missing.
fn count(array: &ArrayRef, counts: &mut Vec<u64>, next: &mut usize) {
    match array.data_type() {
        DataType::Struct(_) => array.as_struct().columns().iter().for_each(|child| count(child, counts, next)),
        DataType::List(_) => list(array, array.as_list::<i32>().value_offsets(), array.as_list::<i32>().values(), counts, next),
        DataType::LargeList(_) => list(array, array.as_list::<i64>().value_offsets(), array.as_list::<i64>().values(), counts, next),
        DataType::Map(..) => {
            let entries: ArrayRef = Arc::new(array.as_map().entries().clone());
            list(array, array.as_map().value_offsets(), &entries, counts, next);
        }
        DataType::FixedSizeList(_, len) => {
            let (lists, len) = (array.as_fixed_size_list(), *len as usize);
            let first = *next;
            if lists.null_count() == 0 {
                count(lists.values(), counts, next);
            } else {
                // A missing list has elements too, which are written nowhere.
                let valid = (0..lists.len()).filter(|row| lists.is_valid(*row));
                count(&lists.values().slice(0, 0), counts, next);
                valid.for_each(|row| count(&lists.value(row), counts, &mut first.clone()));
            }
            let empty = if len == 0 { lists.len() } else { lists.null_count() };
            counts[first..*next].iter_mut().for_each(|count| *count += empty as u64);
        }
        _ => {
            if counts.len() == *next {
                counts.push(0);
            }
            counts[*next] += array.len() as u64;
            *next += 1;
        }
    }
}

fn list<O: OffsetSizeTrait>(array: &ArrayRef, offsets: &[O], values: &ArrayRef, counts: &mut Vec<u64>, next: &mut usize) {
    let first = *next;
    let (start, end) = (offsets[0].as_usize(), offsets[array.len()].as_usize());
    count(&values.slice(start, end - start), counts, next);
    let empty = offsets.windows(2).filter(|bounds| bounds[0] == bounds[1]).count();
    counts[first..*next].iter_mut().for_each(|count| *count += empty as u64);
}

/// What the batches of a row group held, column by column of those that were read.
pub(super) struct Held {
    /// Of each the values of the Parquet columns it is made of.
    values: Vec<Vec<u64>>,
    nulls: Vec<u64>,
}

impl Held {
    pub fn new(columns: usize) -> Self {
        Self { values: vec![Vec::new(); columns], nulls: vec![0; columns] }
    }

    pub fn add(&mut self, arrays: &[ArrayRef]) {
        for ((array, values), nulls) in arrays.iter().zip(&mut self.values).zip(&mut self.nulls) {
            count(array, values, &mut 0);
            *nulls += array.null_count() as u64;
        }
    }

    /// How that differs from what the footer says of row group `group`, if it does; `roots` are the columns read.
    pub fn contradiction(&self, footer: &ArrowReaderMetadata, group: usize, roots: &[usize]) -> Option<String> {
        let (schema, group) = (footer.parquet_schema(), footer.metadata().row_group(group));
        let leaves: Vec<usize> = (0..schema.num_columns()).map(|leaf| schema.get_column_root_idx(leaf)).collect();
        for ((values, nulls), root) in self.values.iter().zip(&self.nulls).zip(roots) {
            let first = leaves.partition_point(|other| other < root);
            for (chunk, held) in group.columns()[first..].iter().zip(values) {
                if u64::try_from(chunk.num_values()) != Ok(*held) {
                    let (name, said) = (chunk.column_path().string(), chunk.num_values());
                    return Some(format!("`{name}` promises {said} values in a row group and holds {held}"));
                }
            }
            let field = footer.schema().field(*root);
            let said = group.columns()[first].statistics().and_then(|s| s.null_count_opt());
            if let Some(said) = said.filter(|said| is_believed(field.data_type()) && said != nulls) {
                return Some(format!("`{}` promises {said} missing values in a row group and holds {nulls}", field.name()));
            }
        }
        None
    }
}

/// Whether columns of this type are judged by what footers say of them: of integers, decimals, dates and times, whose
/// bounds are exact. Floats may hide a NaN, text may be a missing token, and bounds of text may be cut.
pub(super) fn is_believed(data_type: &DataType) -> bool {
    is_ordered(data_type) && !data_type.is_floating()
}
