//! Nested fields as columns: `address.city` is a field of a struct, `items[].price` one of each element of a list.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, UInt32Array, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema};

/// A nested field, or the elements of a list, seen as a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathColumn {
    /// As rules name it.
    pub path: String,
    /// The column it lies in.
    pub root: usize,
    pub data_type: DataType,
    steps: Vec<PathStep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathStep {
    Field(usize),
    Elements,
}

/// The values of a nested field.
#[derive(Debug, Clone)]
pub struct PathValues {
    pub array: ArrayRef,
    /// Where a row may have several values or none: by row, how many values there are up to its end.
    pub ends: Option<Arc<[u32]>>,
}

impl PathColumn {
    /// Every field at any depth of `schema`, and the elements of every list, but for those whose path is a column's name.
    pub fn all(schema: &Schema) -> Vec<Self> {
        let mut paths = Vec::new();
        for (root, field) in schema.fields().iter().enumerate() {
            let column = Self { path: field.name().clone(), root, data_type: field.data_type().clone(), steps: Vec::new() };
            column.below(&mut paths);
        }
        let columns: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        paths.retain(|p| !columns.contains(p.path.as_str()));
        paths
    }

    fn below(&self, paths: &mut Vec<Self>) {
        let mut push = |path: String, data_type: &DataType, step: PathStep| {
            let steps = self.steps.iter().copied().chain([step]).collect();
            let inner = Self { path, root: self.root, data_type: data_type.clone(), steps };
            paths.push(inner.clone());
            inner.below(paths);
        };
        match &self.data_type {
            DataType::Struct(fields) => {
                for (i, field) in fields.iter().enumerate() {
                    push(format!("{}.{}", self.path, field.name()), field.data_type(), PathStep::Field(i));
                }
            }
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                push(format!("{}[]", self.path), item.data_type(), PathStep::Elements);
            }
            _ => {}
        }
    }

    /// Whether a row may have several values or none.
    pub fn is_elements(&self) -> bool {
        self.steps.contains(&PathStep::Elements)
    }

    /// The column as a schema lists it.
    pub fn field(&self) -> Field {
        Field::new(&self.path, self.data_type.clone(), true)
    }

    /// The values, out of the column `root`; a field carries the nulls of what it lies in.
    pub fn values(&self, root: &ArrayRef) -> PathValues {
        let mut values = PathValues { array: root.clone(), ends: None };
        for step in &self.steps {
            values = match step {
                PathStep::Field(i) => PathValues { array: field_of(&values.array, *i), ends: values.ends },
                PathStep::Elements => elements_of(values),
            };
        }
        values
    }
}

fn field_of(array: &ArrayRef, index: usize) -> ArrayRef {
    let structs = array.as_struct();
    let child = structs.column(index);
    let nulls = NullBuffer::union(structs.nulls(), child.logical_nulls().as_ref());
    match nulls {
        Some(nulls) if child.nulls() != Some(&nulls) && *child.data_type() != DataType::Null => {
            let data = child.to_data().into_builder().nulls(Some(nulls));
            make_array(data.build().expect("only nulls were added, of the same length"))
        }
        Some(_) | None => child.clone(),
    }
}

fn elements_of(values: PathValues) -> PathValues {
    let PathValues { array, ends: outer } = values;
    let (elements, ends) = match array.data_type() {
        DataType::List(_) => flattened::<i32>(&array),
        DataType::LargeList(_) => flattened::<i64>(&array),
        _ => {
            let lists = array.as_fixed_size_list();
            let len = lists.value_length() as usize;
            let present = (0..lists.len()).filter(|&i| lists.is_valid(i));
            let indices: Vec<u32> = present.flat_map(|i| (i * len) as u32..((i + 1) * len) as u32).collect();
            let mut end = 0;
            let ends = (0..lists.len()).map(|i| {
                end += if lists.is_valid(i) { len as u32 } else { 0 };
                end
            });
            (taken(lists.values(), indices), ends.collect())
        }
    };
    let ends: Vec<u32> = match outer {
        // Elements of elements: a row ends where its last list does.
        Some(outer) => outer.iter().map(|&end| if end == 0 { 0 } else { ends[end as usize - 1] }).collect(),
        None => ends,
    };
    PathValues { array: elements, ends: Some(ends.into()) }
}

/// The elements of all lists, one after the other; a null list has none, whatever lies beneath it.
fn flattened<O: OffsetSizeTrait>(array: &ArrayRef) -> (ArrayRef, Vec<u32>) {
    let lists = array.as_list::<O>();
    let offsets = lists.value_offsets();
    let first = offsets[0].as_usize();
    if lists.null_count() == 0 {
        let len = offsets[lists.len()].as_usize() - first;
        return (lists.values().slice(first, len), offsets[1..].iter().map(|o| (o.as_usize() - first) as u32).collect());
    }
    let (mut indices, mut ends) = (Vec::new(), Vec::with_capacity(lists.len()));
    for i in 0..lists.len() {
        if lists.is_valid(i) {
            indices.extend(offsets[i].as_usize() as u32..offsets[i + 1].as_usize() as u32);
        }
        ends.push(indices.len() as u32);
    }
    (taken(lists.values(), indices), ends)
}

fn taken(values: &ArrayRef, indices: Vec<u32>) -> ArrayRef {
    let indices = UInt32Array::from(indices);
    arrow::compute::take(values, &indices, None).expect("some of a list's elements, each once, fit where all do")
}

/// The field, where what lies behind `steps` (keys, or `[]` for elements) in it has the type `data_type`; what is not there is made.
pub(crate) fn with_type(field: &Field, steps: &[String], data_type: &DataType) -> Field {
    field.clone().with_data_type(nested_type(field.data_type(), steps, data_type))
}

fn set_type(fields: &mut Vec<Field>, steps: &[String], data_type: &DataType) {
    let Some((first, rest)) = steps.split_first() else { return };
    let index = fields.iter().position(|f| f.name() == first).unwrap_or_else(|| {
        fields.push(Field::new(first, DataType::Null, true));
        fields.len() - 1
    });
    fields[index] = with_type(&fields[index], rest, data_type);
}

fn nested_type(found: &DataType, steps: &[String], data_type: &DataType) -> DataType {
    match (steps, found) {
        ([], _) => data_type.clone(),
        ([first, rest @ ..], _) if first == "[]" => {
            let item = if let DataType::List(item) = found { item.data_type() } else { &DataType::Null };
            DataType::List(Field::new_list_field(nested_type(item, rest, data_type), true).into())
        }
        (steps, found) => {
            let mut fields: Vec<Field> = match found {
                DataType::Struct(fields) => fields.iter().map(|f| f.as_ref().clone()).collect(),
                _ => Vec::new(),
            };
            set_type(&mut fields, steps, data_type);
            DataType::Struct(fields.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, ListArray, StructArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Float64Type;

    /// Rows: [{1}, null, {null}], null (over an element), [], [{4}].
    fn items() -> (Schema, ArrayRef) {
        let price = Arc::new(Field::new("price", DataType::Float64, true));
        let prices = Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None, Some(3.0), Some(4.0)]));
        let present = NullBuffer::from(vec![true, false, true, true, true]);
        let structs = StructArray::new(vec![price].into(), vec![prices], Some(present));
        let item = Arc::new(Field::new_list_field(structs.data_type().clone(), true));
        let offsets = OffsetBuffer::new(vec![0, 3, 4, 4, 5].into());
        let list = ListArray::new(item, offsets, Arc::new(structs), Some(NullBuffer::from(vec![true, false, true, true])));
        (Schema::new(vec![Field::new("items", list.data_type().clone(), true)]), Arc::new(list))
    }

    #[test]
    fn elements_carry_the_nulls_of_what_they_lie_in() {
        let (schema, root) = items();
        let paths = PathColumn::all(&schema);
        assert_eq!(paths.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["items[]", "items[].price"]);
        let PathValues { array, ends } = paths[1].values(&root);
        let values: Vec<Option<f64>> = array.as_primitive::<Float64Type>().iter().collect();
        assert_eq!((values, ends.as_deref()), (vec![Some(1.0), None, None, Some(4.0)], Some(&[3u32, 3, 3, 4] as &[u32])));
        let PathValues { array, ends } = paths[1].values(&root.slice(2, 2));
        assert_eq!((array.len(), ends.as_deref()), (1, Some(&[0u32, 1] as &[u32])));
    }
}
