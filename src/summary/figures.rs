//! A summary's figures of a column, for people.

use std::sync::Arc;

use super::{Column, Summary};
use crate::diagnostic::Fault;
use crate::metric::completeness::Counts;
use crate::metric::distinct::DistinctOut;
use crate::metric::extrema::{Extrema, TextExtrema};
use crate::metric::moments::MomentsOut;
use crate::metric::{Budget, Inputs, State};
use crate::rules::bounds::shown;
use crate::shown::{count, digits, percent};

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnFigures {
    pub rows: Option<u64>,
    pub missing: Option<u64>,
    /// How many different values, and whether that is exact.
    pub distinct: Option<(u64, bool)>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub mean: Option<f64>,
    pub stddev: Option<f64>,
}

impl ColumnFigures {
    /// All but missing and distinct values, in words.
    pub fn others(&self) -> Vec<String> {
        let number = |x: f64| digits(x, 6);
        let mut words = Vec::new();
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => words.push(format!("{min} to {max}")),
            (Some(only), None) | (None, Some(only)) => words.push(only.clone()),
            (None, None) => {}
        }
        words.extend(self.mean.map(|mean| format!("mean {}", number(mean))));
        words.extend(self.stddev.map(|stddev| format!("standard deviation {}", number(stddev))));
        words
    }
}

/// One thing in which two summaries differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub column: String,
    pub what: String,
    pub before: String,
    pub after: String,
}

impl Summary {
    /// What is known of the column called `name`.
    ///
    /// # Errors
    /// The summary is damaged.
    pub fn figures(&self, name: &str, memory: &Arc<Budget>) -> Result<ColumnFigures, Fault> {
        let mut figures = ColumnFigures::default();
        // By their text, the questions about a column stand together.
        let first = (vec![name.to_owned()], String::new(), Vec::new(), String::new(), 0, String::new());
        let of_column = self.entries.range(first..).map(|(_, entry)| entry).take_while(|entry| entry.question.columns == [name]);
        for entry in of_column.filter(|entry| entry.question.condition.is_none()) {
            if !entry.question.by.is_empty() || entry.value.is_null() {
                continue;
            }
            let types = entry.types().map_err(|why| super::damaged(&why))?;
            let out = entry.state(&types, memory)?.finish(&Inputs::default())?;
            if let Some(counts) = out.downcast_ref::<Counts>() {
                (figures.rows, figures.missing) = (Some(counts.rows), Some(counts.missing));
            } else if let Some(distinct) = out.downcast_ref::<DistinctOut>() {
                figures.distinct = Some((distinct.count, distinct.exact));
            } else if let Some(moments) = out.downcast_ref::<MomentsOut>() {
                (figures.mean, figures.stddev) = (moments.mean, moments.stddev);
            } else if let Some(extrema) = out.downcast_ref::<<Extrema as State>::Out>() {
                let text = |number| types.first().map(|data_type| shown(number, data_type));
                (figures.min, figures.max) = extrema.map_or((None, None), |(min, max)| (text(min), text(max)));
            } else if let Some(extrema) = out.downcast_ref::<<TextExtrema as State>::Out>() {
                (figures.min, figures.max) = extrema.clone().map_or((None, None), |(min, max)| (Some(min), Some(max)));
            }
        }
        Ok(figures)
    }

    /// In what `after` differs from this one.
    ///
    /// # Errors
    /// One of them is damaged.
    pub fn differences(&self, after: &Self, memory: &Arc<Budget>) -> Result<Vec<Difference>, Fault> {
        let mut all = Vec::new();
        let mut push = |column: &str, what: &str, before: String, after: String| {
            if before != after {
                all.push(Difference { column: column.to_owned(), what: what.to_owned(), before, after });
            }
        };
        push("", "data set", self.dataset.clone(), after.dataset.clone());
        push("", "rows", count(self.rows), count(after.rows));
        push("", "batches", count(self.batches.count), count(after.batches.count));
        let kind = |column: Option<&Column>| {
            column.map_or_else(|| "none".to_owned(), |c| format!("{}{}", c.data_type, if c.nullable { "" } else { ", required" }))
        };
        let new = after.columns.iter().filter(|column| self.column(&column.name).is_none());
        for column in self.columns.iter().chain(new) {
            let name = column.name.as_str();
            push(name, "column", kind(self.column(name)), kind(after.column(name)));
            let (mut a, mut b) = (self.figures(name, memory)?, after.figures(name, memory)?);
            if [self, after].iter().any(|side| side.column(name).is_some_and(|column| column.masked)) {
                // What one of them masks, the other must not tell.
                for side in [&mut a, &mut b] {
                    *side = ColumnFigures { rows: side.rows, missing: side.missing, ..ColumnFigures::default() };
                }
            }
            let share = |f: &ColumnFigures| f.missing.zip(f.rows).map_or_else(String::new, |(part, whole)| percent(part, whole.max(1)));
            let distinct = |f: &ColumnFigures| {
                f.distinct.map_or_else(String::new, |(n, is_exact)| format!("{}{}", if is_exact { "" } else { "about " }, count(n)))
            };
            let number = |x: Option<f64>| x.map_or_else(String::new, |x| digits(x, 6));
            push(name, "missing", share(&a), share(&b));
            push(name, "distinct values", distinct(&a), distinct(&b));
            push(name, "minimum", a.min.clone().unwrap_or_default(), b.min.clone().unwrap_or_default());
            push(name, "maximum", a.max.clone().unwrap_or_default(), b.max.clone().unwrap_or_default());
            push(name, "mean", number(a.mean), number(b.mean));
            push(name, "standard deviation", number(a.stddev), number(b.stddev));
        }
        Ok(all)
    }
}
