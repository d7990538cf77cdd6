//! Tables of a query, in memory.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::sql::evaluate::plain;

/// Rows come in batches of so many, so that nothing depends on how they were read.
pub(crate) const ROWS_MAX: usize = 8192;

/// The rows of a table, as far as the query reads them.
#[derive(Debug)]
pub(crate) struct TableRows {
    /// Of [`super::Reads`].
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

/// The rows, once they were read.
pub(super) type Contents = OnceLock<TableRows>;

/// The columns as SQL sees them: values may be missing in each, and none is held as codes.
pub(super) fn as_sql_sees(schema: &Schema) -> SchemaRef {
    let seen = |field: &Arc<Field>| Field::new(field.name(), seen_type(field.data_type()).clone(), true);
    Arc::new(Schema::new(schema.fields().iter().map(seen).collect::<Vec<_>>()))
}

fn seen_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// Values as SQL sees them, for a column of [`super::Reads`].
pub(crate) fn plain_column(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    plain(array, field.data_type())
}

/// A table that DataFusion reads.
#[derive(Debug)]
pub(super) struct Held {
    schema: SchemaRef,
    contents: Arc<Contents>,
}

impl Held {
    pub(super) fn new(schema: SchemaRef, contents: Arc<Contents>) -> Self {
        Self { schema, contents }
    }

    fn read(&self, projection: Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(TableRows { schema, batches }) = self.contents.get() else { return internal_err!("the rows of a table were not read") };
        let all = || (0..self.schema.fields().len()).collect();
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let places = wanted.iter().map(|&column| schema.index_of(self.schema.field(column).name())).collect::<Result<Vec<_>, _>>()?;
        let source = MemorySourceConfig::try_new_exec(std::slice::from_ref(batches), schema.clone(), Some(places))?;
        Ok(source)
    }
}

/// `async_trait` writes such a signature.
type Reading<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'a>>;

impl TableProvider for Held {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn scan<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        _: &'life1 dyn Session,
        projection: Option<&'life2 Vec<usize>>,
        _: &'life3 [Expr],
        _: Option<usize>,
    ) -> Reading<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(ready(self.read(projection)))
    }
}
