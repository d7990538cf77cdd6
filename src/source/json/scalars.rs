//! The values of one column of scalars, each read as the column's type.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::array::builder::{BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::*;

use super::plan::ScalarPlan;
use super::record::Scalar;
use crate::source::shape::kind::ValueKind;

/// Reads scalars as the plan says, and gathers them.
pub struct Scalars {
    plan: ScalarPlan,
    gathered: Gathered,
}

macro_rules! gathered {
    ($($variant:ident: $type:ty),* $(,)?) => {
        /// Arrow's builders, one a type.
        enum Gathered {
            $($variant(PrimitiveBuilder<$type>),)*
            Boolean(BooleanBuilder),
            Text(StringBuilder),
            Binary(BinaryBuilder),
        }

        impl Gathered {
            fn append_null(&mut self) {
                match self {
                    $(Self::$variant(builder) => builder.append_null(),)*
                    Self::Boolean(builder) => builder.append_null(),
                    Self::Text(builder) => builder.append_null(),
                    Self::Binary(builder) => builder.append_null(),
                }
            }

            fn finish(&mut self, data_type: &DataType) -> ArrayRef {
                match self {
                    $(Self::$variant(builder) => Arc::new(builder.finish().with_data_type(data_type.clone())),)*
                    Self::Boolean(builder) => Arc::new(builder.finish()),
                    Self::Text(builder) => Arc::new(builder.finish()),
                    Self::Binary(builder) => Arc::new(builder.finish()),
                }
            }
        }
    };
}

gathered! {
    Int8: Int8Type, Int16: Int16Type, Int32: Int32Type, Int64: Int64Type,
    UInt8: UInt8Type, UInt16: UInt16Type, UInt32: UInt32Type, UInt64: UInt64Type,
    Float32: Float32Type, Float64: Float64Type, Decimal: Decimal128Type, Date: Date32Type,
    Seconds: TimestampSecondType, Millis: TimestampMillisecondType, Micros: TimestampMicrosecondType, Nanos: TimestampNanosecondType,
}

impl Gathered {
    fn new(data_type: &DataType) -> Self {
        match data_type {
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
        }
    }
}

impl Scalars {
    /// Nothing gathered yet.
    pub fn new(plan: &ScalarPlan) -> Self {
        Self { plan: plan.clone(), gathered: Gathered::new(&plan.data_type) }
    }

    pub fn append_null(&mut self) {
        self.gathered.append_null();
    }

    /// The array, and nothing gathered again.
    pub fn finish(&mut self) -> ArrayRef {
        self.gathered.finish(&self.plan.data_type)
    }

    /// Whether the kind of `value` alone tells that it is of the column's type, as of nearly all values that are only judged.
    #[inline]
    pub fn fits_by_kind(&self, value: Scalar<'_>) -> bool {
        match (&self.plan.data_type, value.kind) {
            (DataType::Utf8, ValueKind::String) | (DataType::Boolean, ValueKind::Boolean) => true,
            (DataType::Int64, ValueKind::Integer | ValueKind::WideInteger) => true,
            (DataType::Float64, ValueKind::Integer) => true,
            (DataType::Float64, ValueKind::Float) => self.plan.guessed && value.is_in_range(),
            _ => false,
        }
    }

    /// Reads `value` as the column's type, and gathers it if it is `wanted`. Gives whether it is of that type.
    #[inline(never)]
    pub fn push(&mut self, value: Scalar<'_>, wanted: bool, timezone_seconds: Option<i32>) -> bool {
        let ScalarPlan { data_type, format, guessed } = &self.plan;
        // As JSON Schema has it, 1.0 is an integer; for a guess it is not.
        let also_whole = !guessed;
        let timestamp = |unit: TimeUnit| {
            let is_zoned = matches!(data_type, DataType::Timestamp(_, Some(_)));
            value.timestamp(unit, is_zoned, format.as_deref(), timezone_seconds)
        };
        match &mut self.gathered {
            // The text of a string that is not wanted is not needed either.
            Gathered::Text(_) | Gathered::Binary(_) if !wanted => value.kind == ValueKind::String,
            Gathered::Text(builder) => gather(wanted, value.string(), |text| builder.append_value(text)),
            Gathered::Binary(builder) => gather(wanted, value.string(), |text| builder.append_value(text.as_bytes())),
            Gathered::Boolean(builder) => gather(wanted, value.boolean(), |value| builder.append_value(value)),
            Gathered::Int8(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::Int16(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::Int32(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::Int64(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::UInt8(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::UInt16(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::UInt32(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::UInt64(builder) => gather_number(wanted, value.integer(also_whole), builder),
            Gathered::Float32(builder) => {
                let narrow = value.float().map(|x| x as f32).filter(|x| x.is_finite());
                gather_number(wanted, narrow, builder)
            }
            // A guess must not round: two identifiers beyond 2^53 could become one.
            Gathered::Float64(_) if *guessed && !value.is_plain_number() => false,
            Gathered::Float64(builder) => gather_number(wanted, value.float(), builder),
            Gathered::Decimal(builder) => {
                let DataType::Decimal128(precision, scale) = data_type else { return false };
                gather_number(wanted, value.decimal(*precision, *scale), builder)
            }
            Gathered::Date(builder) => gather_number(wanted, value.date(format.as_deref()), builder),
            Gathered::Seconds(builder) => gather_number(wanted, timestamp(TimeUnit::Second), builder),
            Gathered::Millis(builder) => gather_number(wanted, timestamp(TimeUnit::Millisecond), builder),
            Gathered::Micros(builder) => gather_number(wanted, timestamp(TimeUnit::Microsecond), builder),
            Gathered::Nanos(builder) => gather_number(wanted, timestamp(TimeUnit::Nanosecond), builder),
        }
    }
}

/// Appends a value that could be read, if it is wanted. Gives whether it could be read.
#[inline]
fn gather_number<T: ArrowPrimitiveType>(wanted: bool, value: Option<T::Native>, builder: &mut PrimitiveBuilder<T>) -> bool {
    gather(wanted, value, |value| builder.append_value(value))
}

#[inline]
fn gather<T>(wanted: bool, value: Option<T>, append: impl FnOnce(T)) -> bool {
    let could_be_read = value.is_some();
    if let Some(value) = value.filter(|_| wanted) {
        append(value);
    }
    could_be_read
}
