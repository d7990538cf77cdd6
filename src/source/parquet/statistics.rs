//! What footers say of a column.

use arrow::array::Array;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::levels;
use crate::metric::{Column, ColumnStatistics, Number};

/// What is certain of a column of some files; of several, they are added up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::source) struct Statistics {
    rows: u64,
    missing: u64,
    range: Option<(Number, Number)>,
}

impl Statistics {
    /// Of a column of `rows` rows without a value.
    pub(in crate::source) fn of_nulls(rows: u64) -> Self {
        Self { rows, missing: rows, range: None }
    }
}

impl From<Statistics> for ColumnStatistics {
    fn from(Statistics { rows, missing, range }: Statistics) -> Self {
        Self { rows, missing, range }
    }
}

impl std::iter::Sum for Statistics {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| {
            let range = match (a.range, b.range) {
                (Some((low, high)), Some((min, max))) => Some((low.min(min), high.max(max))),
                (one, other) => one.or(other),
            };
            Self { rows: a.rows + b.rows, missing: a.missing + b.missing, range }
        })
    }
}

/// What the footer says of the column `name`, where it is believed.
pub(in crate::source) fn statistics(name: &str, data_type: &DataType, footer: &ArrowReaderMetadata) -> Option<Statistics> {
    if !levels::is_believed(data_type) {
        return None;
    }
    let groups = || footer.metadata().row_groups().iter();
    let converter = StatisticsConverter::try_new(name, footer.schema(), footer.parquet_schema()).ok()?;
    let converter = converter.with_missing_null_counts_as_zero(false);
    let nulls = converter.row_group_null_counts(groups()).ok()?;
    let bounds = [converter.row_group_mins(groups()).ok()?, converter.row_group_maxes(groups()).ok()?].map(Column::new);
    let exact = [converter.row_group_is_min_value_exact(groups()).ok()?, converter.row_group_is_max_value_exact(groups()).ok()?];
    let of_group = |(i, rows): (usize, u64)| {
        let missing = nulls.is_valid(i).then(|| nulls.value(i))?;
        if missing == rows {
            return Some(Statistics::of_nulls(rows));
        }
        let bound = |which: usize| {
            let is_exact = exact[which].is_valid(i) && exact[which].value(i);
            bounds[which].number(i).filter(|_| is_exact)
        };
        Some(Statistics { rows, missing, range: Some((bound(0)?, bound(1)?)) })
    };
    groups().map(|group| group.num_rows() as u64).enumerate().map(of_group).sum()
}
