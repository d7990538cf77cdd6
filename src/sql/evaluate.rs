//! Computing an expression over a batch: rows on which it fails are found by halving.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;

use super::messages::one_line;
use super::{Expression, RowFailure};
use crate::metric::plain_floats;

/// Offsets of text count to here.
pub(super) const BYTES_MAX: usize = i32::MAX as usize;

impl Expression {
    /// The same with arrays of so many bytes at most.
    #[cfg(test)]
    pub(crate) fn with_bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    /// Computes the expression over `arrays` (its columns, in order, as they were read), `len` rows each.
    ///
    /// Where a batch fails it is halved until the failing rows stand alone; those are null in the result and named beside
    /// it. The result is one array, or several in the order of rows where one could not hold them all.
    pub fn evaluate(&self, arrays: &[ArrayRef], len: usize) -> (Vec<ArrayRef>, Vec<RowFailure>) {
        if self.broken.is_some() {
            // Either the columns' types change, and it is compiled anew, or it is a fault: nobody looks at the result.
            return (vec![arrow::array::new_null_array(&self.data_type, len)], Vec::new());
        }
        let mut failures = Vec::new();
        let parts = self.parts(arrays, 0, len, &mut failures);
        (joined(parts, self.bytes_max), failures)
    }

    /// Computes a condition: true, false or null a row; rows that fail are null and named.
    pub fn test(&self, arrays: &[ArrayRef], len: usize) -> (BooleanArray, Vec<RowFailure>) {
        let (arrays, failures) = self.evaluate(arrays, len);
        let [array] = arrays.as_slice() else { unreachable!("truth values take a bit each: one array holds them") };
        match array.data_type() {
            DataType::Boolean => (array.as_boolean().clone(), failures),
            DataType::Null => (BooleanArray::new_null(len), failures),
            other => unreachable!("a condition gives true or false, as it was compiled, not {other}"),
        }
    }

    fn parts(&self, arrays: &[ArrayRef], start: usize, len: usize, failures: &mut Vec<RowFailure>) -> Vec<ArrayRef> {
        if len == 0 {
            return vec![arrow::array::new_empty_array(&self.data_type)];
        }
        let reason = match self.once(arrays, len) {
            Ok(array) => return vec![array],
            Err(reason) => reason,
        };
        if len == 1 {
            failures.push(RowFailure { row: start, reason: format!("{}: {reason}", self.text) });
            return vec![arrow::array::new_null_array(&self.data_type, 1)];
        }
        let half = len / 2;
        let slices = |from: usize, n: usize| arrays.iter().map(|a| a.slice(from, n)).collect::<Vec<_>>();
        let mut parts = self.parts(&slices(0, half), start, half, failures);
        parts.extend(self.parts(&slices(half, len - half), start + half, len - half, failures));
        parts
    }

    /// Libraries panic where a text grows beyond what its offsets can count: that is a failure like any other.
    fn once(&self, arrays: &[ArrayRef], len: usize) -> Result<ArrayRef, String> {
        let computed = catch_unwind(AssertUnwindSafe(|| {
            let columns = arrays.iter().zip(self.schema.fields());
            let arrays = columns.map(|(array, field)| plain(array, field.data_type())).collect::<Result<Vec<_>, _>>().map_err(one_line)?;
            let options = RecordBatchOptions::new().with_row_count(Some(len));
            let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(one_line)?;
            let value = self.physical.evaluate(&batch).map_err(one_line)?;
            value.into_array(len).map_err(one_line)
        }));
        computed.unwrap_or_else(|_| Err("the result is too large".to_owned()))
    }
}

/// The values as SQL sees them: in no compact form, NaN as null, −0 as 0. Codes stand for text of any type: `Utf8`, and the
/// `LargeUtf8` and `Utf8View` that pandas and Polars write.
pub(super) fn plain(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    match array.data_type() {
        DataType::Dictionary(..) => cast(array, data_type),
        DataType::Decimal64(precision, scale) => cast(array, &DataType::Decimal128(*precision, *scale)),
        _ => Ok(plain_floats(array)),
    }
}

/// The parts in as few arrays as hold `bytes_max` bytes each.
fn joined(parts: Vec<ArrayRef>, bytes_max: usize) -> Vec<ArrayRef> {
    if parts.len() < 2 {
        return parts;
    }
    let (mut all, mut some, mut bytes): (Vec<ArrayRef>, Vec<ArrayRef>, usize) = (Vec::new(), Vec::new(), 0);
    let join = |some: &[ArrayRef]| {
        let some: Vec<&dyn Array> = some.iter().map(AsRef::as_ref).collect();
        concat(&some).expect("parts are of one type, and together no larger than offsets can count")
    };
    for part in parts {
        // Buffers of slices may be shared; what they hold at most is what counts.
        let size = part.to_data().get_slice_memory_size().unwrap_or_else(|_| part.get_array_memory_size());
        if bytes + size > bytes_max && !some.is_empty() {
            all.push(join(&some));
            (some, bytes) = (Vec::new(), 0);
        }
        bytes += size;
        some.push(part);
    }
    all.push(join(&some));
    all
}
