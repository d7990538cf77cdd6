//! What footers say of a column.

use arrow::array::Array;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::levels;
use crate::footer;
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

/// What a footer says of its columns. There may be thousands, so each is found by its index.
pub(in crate::source) struct FooterStatistics<'a> {
    footer: &'a ArrowReaderMetadata,
    /// Of each column.
    leaves: Vec<Option<usize>>,
}

impl<'a> FooterStatistics<'a> {
    pub(in crate::source) fn of(footer: &'a ArrowReaderMetadata) -> Self {
        Self { footer, leaves: footer::leaves(footer) }
    }

    /// What it says of the column `index` of the file, where it is believed.
    pub(in crate::source) fn column(&self, index: usize, data_type: &DataType) -> Option<Statistics> {
        let field = self.footer.schema().fields().get(index)?;
        if !levels::is_believed(data_type) || field.data_type().is_nested() {
            return None;
        }
        let converter = StatisticsConverter::from_column_index((*self.leaves.get(index)?)?, field, self.footer.parquet_schema()).ok()?;
        statistics(&converter.with_missing_null_counts_as_zero(false), self.footer)
    }
}

fn statistics(converter: &StatisticsConverter<'_>, footer: &ArrowReaderMetadata) -> Option<Statistics> {
    let groups = || footer.metadata().row_groups().iter();
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
