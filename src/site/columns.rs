//! The columns of a data set over its runs.

use serde::Serialize;

use super::brief::{Brief, COLUMNS_MAX, ColumnBrief};
use super::drawing::Spark;
use crate::shown::{count, digits, percent};

/// A column over runs: what is missing, how many values differ, their mean.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    name: String,
    data_type: String,
    is_masked: bool,
    figures: [Option<Figure>; 3],
}

#[derive(Debug, Serialize)]
struct Figure {
    now: String,
    low: String,
    high: String,
    spark: Option<Spark>,
}

/// The columns of the last run, and how many of them have no row.
pub(super) fn columns(window: &[Brief], length: usize) -> (Vec<Row>, u64) {
    let Some(last) = window.last() else { return (Vec::new(), 0) };
    // Columns stand in most runs where they stand in the last.
    let find = |brief: &'_ Brief, at: usize, name: &str| -> Option<usize> {
        let columns = &brief.columns;
        if columns.get(at).is_some_and(|column| column.name == name) {
            Some(at)
        } else {
            columns.iter().position(|column| column.name == name)
        }
    };
    let rows = last.columns.iter().enumerate().map(|(at, column)| {
        let over: Vec<Option<&ColumnBrief>> =
            window.iter().map(|brief| find(brief, at, &column.name).map(|at| &brief.columns[at])).collect();
        let points = |of: &dyn Fn(&ColumnBrief) -> Option<f64>| over.iter().map(|column| column.and_then(of)).collect::<Vec<_>>();
        let missing = points(&|column| (column.rows > 0).then(|| column.missing as f64 / column.rows as f64));
        let distinct = points(&|column| column.distinct.map(|n| n as f64));
        // Masked now, it was not when older runs were recorded, maybe.
        let mean = points(&|of| of.mean.filter(|_| !column.is_masked));
        let share = |x: f64| format!("{}%", digits(x * 100.0, 3));
        let figures = [
            (column.rows > 0).then(|| figure(missing_share(column), &missing, length, &share)),
            column.distinct.map(|n| figure(count(n), &distinct, length, &|x| count(x as u64))),
            column.mean.filter(|_| !column.is_masked).map(|x| figure(digits(x, 4), &mean, length, &|x| digits(x, 4))),
        ];
        Row { name: column.name.clone(), data_type: column.data_type.clone(), is_masked: column.is_masked, figures }
    });
    (rows.collect(), last.head.columns.saturating_sub(COLUMNS_MAX as u64))
}

fn missing_share(column: &ColumnBrief) -> String {
    if column.missing == 0 { "0%".to_owned() } else { percent(column.missing, column.rows) }
}

fn figure(now: String, points: &[Option<f64>], length: usize, said: &dyn Fn(f64) -> String) -> Figure {
    let spark = Spark::of(points, length);
    let (low, high) = spark.as_ref().map(|spark| (said(spark.low), said(spark.high))).unwrap_or_default();
    Figure { now, low, high, spark }
}
