//! A part of an expression as a function of its operands.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;

/// What is computed of some columns, checked.
#[derive(Debug)]
pub(super) struct Part {
    /// The expression that it stands for: it is called as that.
    text: String,
    checked: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    data_type: DataType,
    signature: Signature,
}

impl Part {
    pub(super) fn new(text: String, checked: Arc<dyn PhysicalExpr>, schema: SchemaRef, data_type: DataType) -> Self {
        let signature = Signature::any(schema.fields().len(), Volatility::Immutable);
        Self { text, checked, schema, data_type, signature }
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.schema == other.schema && self.checked.as_ref() == other.checked.as_ref()
    }
}

impl Eq for Part {}

impl Hash for Part {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.checked.hash(state);
    }
}

impl ScalarUDFImpl for Part {
    fn name(&self) -> &str {
        &self.text
    }

    fn display_name(&self, _: &[Expr]) -> Result<String> {
        Ok(self.text.clone())
    }

    fn schema_name(&self, _: &[Expr]) -> Result<String> {
        Ok(self.text.clone())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays = arguments.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        self.checked.evaluate(&batch)
    }
}
