//! AND and OR from left to right: what the left side settles is not computed on the right, so that
//! `q <> 0 AND p / q > 1` holds back a division by zero.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{and_kleene, or_kleene};
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::BinaryExpr;

/// At most so large a share of open rows is taken out of the batch before the right side is computed.
const SELECTED_MAX: f64 = 0.2;

/// A conjunction or disjunction. Its children are those of the expression inside.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    inner: Arc<dyn PhysicalExpr>,
    /// Whether the right side has sides itself: it is computed once then, or each level would double the work.
    is_deep: bool,
}

impl Guard {
    pub(super) fn over(inner: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        let mut is_deep = false;
        if let Some(binary) = inner.downcast_ref::<BinaryExpr>() {
            let found = binary.right().apply(|part| {
                is_deep |= part.downcast_ref::<Self>().is_some();
                Ok(if is_deep { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            });
            found.expect("looking at an expression cannot fail");
        }
        Arc::new(Self { inner, is_deep })
    }
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.inner.as_ref() == other.inner.as_ref()
    }
}

impl Eq for Guard {}

impl Hash for Guard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl Display for Guard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner, f)
    }
}

impl PhysicalExpr for Guard {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let len = batch.num_rows();
        let Some(binary) = self.inner.downcast_ref::<BinaryExpr>() else { return self.inner.evaluate(batch) };
        let is_and = *binary.op() == Operator::And;
        let left = binary.left().evaluate(batch)?.into_array(len)?;
        let Some(left) = left.as_boolean_opt() else { return self.inner.evaluate(batch) };
        // False settles a conjunction, true a disjunction; null settles nothing.
        let settles = if is_and { !left.values() } else { left.values().clone() };
        let settled = left.nulls().map_or_else(|| settles.clone(), |valid| &settles & valid.inner());
        let open = len - settled.count_set_bits();
        let combined = |right: ColumnarValue| -> Result<ColumnarValue> {
            let right = right.into_array(len)?;
            let right = right.as_boolean_opt().cloned().unwrap_or_else(|| BooleanArray::new_null(len));
            let both = if is_and { and_kleene(left, &right)? } else { or_kleene(left, &right)? };
            Ok(ColumnarValue::Array(Arc::new(both)))
        };
        if open == 0 && len > 0 {
            return Ok(ColumnarValue::Array(Arc::new(left.clone())));
        }
        if open == len {
            return combined(binary.right().evaluate(batch)?);
        }
        let of_open = || {
            let open: BooleanBuffer = !&settled;
            binary.right().evaluate_selection(batch, &BooleanArray::new(open, None))
        };
        if self.is_deep || open as f64 <= SELECTED_MAX * len as f64 {
            return combined(of_open()?);
        }
        match binary.right().evaluate(batch) {
            Ok(right) => combined(right),
            Err(_) => combined(of_open()?),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.inner.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Self::over(self.inner.clone().with_new_children(children)?))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
