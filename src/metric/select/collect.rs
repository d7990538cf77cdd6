//! The values inside windows, each with its count.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::near::{Near, place_of};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::column::{Column, Numbers, for_each_float};
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::number::{Number, ToFloat};
use crate::metric::ordered::{Window, order_of};
use crate::metric::state::{Rows, State};
use crate::metric::transform::Transform;

/// Collects the values whose order lies in some windows, each with its count.
#[derive(Debug)]
pub struct Collect {
    spec: CollectSpec,
    /// By order, and for a column of integers by value.
    near: Near,
    near_integers: Option<Near>,
    values: BTreeMap<Number, u64>,
    memory: Reservation,
}

/// Memory that a value takes in the map, roughly.
pub(super) const VALUE_BYTES: usize = 64;

/// Which values to collect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectSpec {
    /// Ascending, not overlapping.
    pub windows: Vec<Window>,
    pub transform: Transform,
}

impl State for Collect {
    const NAME: &'static str = "collect";
    const VERSION: u32 = 1;
    type Spec = CollectSpec;
    /// Ascending values with their counts.
    type Out = Vec<(Number, u64)>;

    fn empty(spec: &CollectSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        let ranges: Vec<(u64, u64)> = spec.windows.iter().map(|w| (w.low, w.high)).collect();
        let (values, memory) = (BTreeMap::new(), Reservation::new(memory));
        Self { spec: spec.clone(), near: Near::new(&ranges), near_integers: None, values, memory }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let Self { spec: CollectSpec { windows, transform }, near, near_integers, values: found, memory } = self;
        let mut offer = |float: f64, number: Number| {
            let order = order_of(float);
            if near.contains(order) && float.is_finite() && windows.iter().any(|w| w.contains(order)) {
                *found.entry(number).or_default() += 1;
            }
        };
        if !transform.is_identity() {
            transform.for_each(columns[0], &present, |_, x| offer(x, Number::Float(x + 0.0)));
            memory.resize(found.len() * VALUE_BYTES);
            return Ok(());
        }
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => {
                let to_float = ToFloat::new(scale);
                let near = near_integers.get_or_insert_with(|| Near::of_integers(windows, to_float));
                each_width!(values, values => present.rows(rows.len(), |i| {
                    // No float is needed of a value that lies far from all windows.
                    let value = i128::from(values[i]);
                    if i64::try_from(value).map_or(true, |narrow| near.contains(place_of(narrow))) {
                        offer(to_float.convert(value), Number::Int { value, scale });
                    }
                }));
            }
            Some(Numbers::Floats(_)) | None => for_each_float(columns[0], &present, |_, x| offer(x, Number::Float(x + 0.0))),
        }
        memory.resize(found.len() * VALUE_BYTES);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (value, count) in later.values {
            *self.values.entry(value).or_default() += count;
        }
        self.memory.resize(self.values.len() * VALUE_BYTES);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        let Self { spec, near, near_integers, values, memory } = self;
        Ok(Self {
            spec: spec.clone(),
            near: near.clone(),
            near_integers: near_integers.clone(),
            values: values.clone(),
            memory: memory.again(),
        })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.values, to)
    }

    fn decode(spec: &CollectSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let values: BTreeMap<Number, u64> = encoding::read(from)?;
        encoding::ensure_counts(values.values().copied())?;
        let inside = |number: &Number| spec.windows.iter().any(|w| w.contains(order_of(number.as_f64())));
        encoding::ensure(values.keys().all(inside), "it has a value that lies in no window")?;
        let mut state = Self { values, ..Self::empty(spec, types, memory) };
        state.memory.resize(state.values.len() * VALUE_BYTES);
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<Self::Out, Fault> {
        Ok(self.values.into_iter().collect())
    }
}

impl Collect {
    pub(super) fn spec(&self) -> &CollectSpec {
        &self.spec
    }

    /// How many different values were collected.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Lets go of all values.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.memory.resize(0);
    }
}
