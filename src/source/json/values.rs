//! The arrays that values are gathered in.

use std::sync::Arc;

use arrow::array::builder::{BinaryBuilder, BooleanBuilder, NullBufferBuilder, PrimitiveBuilder, StringBuilder};
use arrow::array::{Array, ArrayRef, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::*;

use super::builder::Builder;
use super::plan::Plan;

macro_rules! values {
    ($($variant:ident: $type:ty),* $(,)?) => {
        /// Arrow's builders, one a type.
        pub enum Values {
            $($variant(PrimitiveBuilder<$type>),)*
            Boolean(BooleanBuilder),
            Text(StringBuilder),
            Binary(BinaryBuilder),
            Struct { nulls: NullBufferBuilder, children: Vec<Child> },
            List { nulls: NullBufferBuilder, ends: Vec<i32>, item: Box<Builder> },
        }

        impl Values {
            pub fn append_null(&mut self) {
                match self {
                    $(Self::$variant(builder) => builder.append_null(),)*
                    Self::Boolean(builder) => builder.append_null(),
                    Self::Text(builder) => builder.append_null(),
                    Self::Binary(builder) => builder.append_null(),
                    Self::Struct { nulls, .. } => nulls.append_null(),
                    Self::List { nulls, ends, item } => {
                        nulls.append_null();
                        ends.push(item.len() as i32);
                    }
                }
            }

            /// The array, and nothing gathered again.
            pub fn finish(&mut self, data_type: DataType) -> ArrayRef {
                match self {
                    $(Self::$variant(builder) => Arc::new(builder.finish().with_data_type(data_type)),)*
                    Self::Boolean(builder) => Arc::new(builder.finish()),
                    Self::Text(builder) => Arc::new(builder.finish()),
                    Self::Binary(builder) => Arc::new(builder.finish()),
                    Self::Struct { nulls, children } => {
                        let len = nulls.len();
                        let arrays: Vec<ArrayRef> = children.iter_mut().map(|c| c.builder.finish()).collect();
                        let DataType::Struct(fields) = data_type else { unreachable!("a struct's plan has a struct's type") };
                        // SAFETY of lengths: every child has a value for each record, absent ones null.
                        debug_assert!(arrays.iter().all(|a| a.len() == len));
                        Arc::new(StructArray::new(fields, arrays, nulls.finish()))
                    }
                    Self::List { nulls, ends, item } => {
                        let DataType::List(field) = data_type else { unreachable!("a list's plan has a list's type") };
                        let offsets: Vec<i32> = std::iter::once(0).chain(ends.drain(..)).collect();
                        Arc::new(ListArray::new(field, OffsetBuffer::new(offsets.into()), item.finish(), nulls.finish()))
                    }
                }
            }
        }
    };
}

values! {
    Int8: Int8Type, Int16: Int16Type, Int32: Int32Type, Int64: Int64Type,
    UInt8: UInt8Type, UInt16: UInt16Type, UInt32: UInt32Type, UInt64: UInt64Type,
    Float32: Float32Type, Float64: Float64Type, Decimal: Decimal128Type, Date: Date32Type,
    Seconds: TimestampSecondType, Millis: TimestampMillisecondType, Micros: TimestampMicrosecondType, Nanos: TimestampNanosecondType,
}

/// A field of a struct.
pub struct Child {
    pub name: String,
    pub builder: Builder,
}

impl Values {
    /// Nothing gathered yet.
    pub fn new(plan: &Plan, path: &str, wanted: bool) -> Self {
        match plan {
            Plan::Text => Self::Text(StringBuilder::new()),
            Plan::Struct(fields) => {
                let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                let child = |(name, plan): &(String, Plan)| Child { name: name.clone(), builder: Builder::new(plan, &below(name), wanted) };
                Self::Struct { nulls: NullBufferBuilder::new(0), children: fields.iter().map(child).collect() }
            }
            Plan::List(item) => {
                let item = Box::new(Builder::new(item, &format!("{path}[]"), wanted));
                Self::List { nulls: NullBufferBuilder::new(0), ends: Vec::new(), item }
            }
            Plan::Scalar { data_type, .. } => match data_type {
                DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
                DataType::Int8 => Self::Int8(PrimitiveBuilder::new()),
                DataType::Int16 => Self::Int16(PrimitiveBuilder::new()),
                DataType::Int32 => Self::Int32(PrimitiveBuilder::new()),
                DataType::Int64 => Self::Int64(PrimitiveBuilder::new()),
                DataType::UInt8 => Self::UInt8(PrimitiveBuilder::new()),
                DataType::UInt16 => Self::UInt16(PrimitiveBuilder::new()),
                DataType::UInt32 => Self::UInt32(PrimitiveBuilder::new()),
                DataType::UInt64 => Self::UInt64(PrimitiveBuilder::new()),
                DataType::Float32 => Self::Float32(PrimitiveBuilder::new()),
                DataType::Float64 => Self::Float64(PrimitiveBuilder::new()),
                DataType::Decimal128(..) => Self::Decimal(PrimitiveBuilder::new()),
                DataType::Date32 => Self::Date(PrimitiveBuilder::new()),
                DataType::Timestamp(TimeUnit::Second, _) => Self::Seconds(PrimitiveBuilder::new()),
                DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Millis(PrimitiveBuilder::new()),
                DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Micros(PrimitiveBuilder::new()),
                DataType::Timestamp(TimeUnit::Nanosecond, _) => Self::Nanos(PrimitiveBuilder::new()),
                DataType::Binary => Self::Binary(BinaryBuilder::new()),
                _ => Self::Text(StringBuilder::new()),
            },
        }
    }
}
