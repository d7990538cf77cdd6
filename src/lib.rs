//! Sluicegate: a data-quality gate.
pub mod diagnostic;
pub mod metric;
pub mod rows;
pub mod rules;
pub mod source;
pub mod sql;
pub mod statistics;
pub mod text;
pub mod types;
pub mod yaml;
