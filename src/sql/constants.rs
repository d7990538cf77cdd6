//! Parts of an expression that are the same for every row: they are computed once, and what cannot
//! be computed at all is found before any row is read.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, LikeExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::fmt_sql;

use super::checked::Checked;
use super::costly::Costly;
use super::guard::Guard;
use super::messages::one_line;
use crate::types::type_name;

/// `checked` with its constant parts computed; and, if a part cannot be computed on any row, why.
pub(super) fn fold(checked: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<(Arc<dyn PhysicalExpr>, Option<String>)> {
    let mut broken: Option<String> = None;
    let folded = checked.transform_up(|part| {
        let never = |why: String| format!("`{}` can never be computed: {why}", written(&part));
        match constness(&part, schema)? {
            Constness::Constant(value) => Ok(Transformed::yes(Arc::new(Literal::new(value)) as Arc<dyn PhysicalExpr>)),
            Constness::Open => Ok(Transformed::no(part)),
            Constness::Broken(why) => {
                broken.get_or_insert_with(|| never(why));
                Ok(Transformed::no(part))
            }
        }
    });
    Ok((folded?.data, broken))
}

/// The part without what it is held to.
fn bare(part: &Arc<dyn PhysicalExpr>) -> &Arc<dyn PhysicalExpr> {
    part.downcast_ref::<Checked>().map(Checked::inner).or_else(|| part.downcast_ref::<Costly>().map(Costly::inner)).unwrap_or(part)
}

/// The part as a person would write it.
fn written(part: &Arc<dyn PhysicalExpr>) -> String {
    let part = bare(part);
    if let Some(literal) = part.downcast_ref::<Literal>() {
        let text = literal.value().to_string();
        return if crate::types::is_text(&literal.value().data_type()) { format!("'{text}'") } else { text };
    }
    if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
        return format!("{} {} {}", written(binary.left()), binary.op(), written(binary.right()));
    }
    if let Some(function) = part.downcast_ref::<ScalarFunctionExpr>() {
        return format!("{}({})", function.name(), function.args().iter().map(written).collect::<Vec<_>>().join(", "));
    }
    if let Some(cast) = part.downcast_ref::<CastExpr>() {
        return format!("{} as {}", written(cast.expr()), type_name(cast.cast_type()));
    }
    fmt_sql(part.as_ref()).to_string()
}

enum Constness {
    /// It has this value whatever the row.
    Constant(ScalarValue),
    /// It depends on the row.
    Open,
    /// It cannot be computed, whatever the row.
    Broken(String),
}

fn constness(part: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Constness> {
    if let Some(literal) = part.downcast_ref::<Literal>() {
        let is_infinite = matches!(literal.value(), ScalarValue::Float64(Some(x)) if x.is_infinite());
        return Ok(if is_infinite { Constness::Broken("it is more than float64 can hold".to_owned()) } else { Constness::Open });
    }
    let children = part.children();
    let are_literal = children.iter().filter(|c| c.downcast_ref::<Literal>().is_some()).count();
    if children.is_empty() || are_literal == 0 {
        return Ok(Constness::Open);
    }
    if are_literal < children.len() {
        return probed(part, schema);
    }
    let data_type = part.data_type(schema)?;
    let value = part.evaluate(&one_row(Vec::new())?).and_then(|value| value.into_array(1));
    match value {
        Ok(array) if *array.data_type() == data_type => Ok(Constness::Constant(ScalarValue::try_from_array(&array, 0)?)),
        Ok(_) => Ok(Constness::Open),
        Err(e) => Ok(Constness::Broken(one_line(e))),
    }
}

/// A part with constants in it that fails on every kind of value fails because of its constants.
fn probed(part: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Constness> {
    let bare = bare(part);
    let function = bare.downcast_ref::<ScalarFunctionExpr>();
    let is_simple = function.is_some() || bare.downcast_ref::<BinaryExpr>().is_some() || bare.downcast_ref::<LikeExpr>().is_some();
    if !is_simple || part.downcast_ref::<Guard>().is_some() {
        return Ok(Constness::Open);
    }
    let (mut children, mut samples): (Vec<Arc<dyn PhysicalExpr>>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for child in part.children() {
        if child.downcast_ref::<Literal>().is_some() {
            children.push(child.clone());
            continue;
        }
        let data_type = child.data_type(schema)?;
        // What reads text may fail on these and not on the data's.
        let is_read = crate::types::is_text(&data_type) && function.is_some_and(|f| f.name().starts_with("to_"));
        let Some(values) = values(&data_type).filter(|_| !is_read) else { return Ok(Constness::Open) };
        children.push(Arc::new(Column::new(&format!("c{}", samples.len()), samples.len())));
        samples.push(values);
    }
    let probe = part.clone().with_new_children(children)?;
    let mut why = None;
    for row in 0..SAMPLES {
        let batch = one_row(samples.iter().map(|s| s.slice(row, 1)).collect())?;
        match probe.evaluate(&batch) {
            Ok(_) => return Ok(Constness::Open),
            Err(e) => why.get_or_insert_with(|| one_line(e)),
        };
    }
    Ok(why.map_or(Constness::Open, Constness::Broken))
}

/// Values that are tried.
const SAMPLES: usize = 8;

/// Values of a type, as different as they come; none where there is no telling what they might be.
fn values(data_type: &DataType) -> Option<ArrayRef> {
    let whole = |data_type: &DataType| cast(&Int64Array::from(vec![1, 2, 0, 3, 10, 100, 2000, 1]), data_type).ok();
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            cast(&StringArray::from(vec!["a", "1", "", "2000-01-01", "a,b", "0.5", "é", " "]), data_type).ok()
        }
        t if t.is_floating() => cast(&arrow::array::Float64Array::from(vec![1.0, 0.5, 2.0, 0.0, -1.0, 100.0, 1e-3, -0.5]), data_type).ok(),
        t if t.is_signed_integer() => cast(&Int64Array::from(vec![1, 2, 0, -1, 10, 100, 3, -2]), data_type).ok(),
        DataType::Boolean => cast(&Int64Array::from(vec![0, 1, 0, 1, 0, 1, 0, 1]), data_type).ok(),
        t if t.is_integer() => cast(&Int64Array::from(vec![1, 2, 0, 3, 10, 100, 4, 5]), data_type).ok(),
        // Decimals may have no room for more than one digit, or for none before the point.
        t if t.is_decimal() => cast(&Int64Array::from(vec![1, 2, 0, -1, 3, 4, 5, -2]), data_type).ok().filter(|a| a.null_count() == 0),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Duration(_) => whole(data_type),
        DataType::Time32(_) => cast(&arrow::array::Int32Array::from(vec![1, 2, 0, 3, 10, 100, 2000, 1]), data_type).ok(),
        DataType::Time64(_) => whole(data_type),
        _ => None,
    }
}

fn one_row(arrays: Vec<ArrayRef>) -> Result<RecordBatch> {
    let field = |(i, array): (usize, &ArrayRef)| Field::new(format!("c{i}"), array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(arrays.iter().enumerate().map(field).collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(DataFusionError::from)
}
