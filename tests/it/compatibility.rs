//! Which schemas are compatible, against a model of its own: two contracts are enumerated with all the small batches that fit
//! them, and a batch is read by the other contract value by value.

use std::collections::BTreeMap;

use sluicegate::rules::schema::diff::{Columns, diff};
use sluicegate::rules::schema::{ChangeKind, Evolution, Optional, Readers};
use sluicegate::ruleset::RuleFile;

/// A value as such, whatever type holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Missing,
    True,
    /// So many hundredths: all numbers here are such, but for those beyond.
    Hundredths(i128),
    /// A float with more digits behind its point, or a larger one, than any decimal here.
    Float(f64),
    Text,
    Bytes,
    /// Nanoseconds by the calendar.
    Local(i64),
    /// An instant, in nanoseconds.
    Instant(i64),
    Day(i64),
}

const DAY: i64 = 86_400_000_000_000;

/// Types, and what they hold that tells them from each other: the ends of their range and their finest step.
const TYPES: [&str; 26] = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "decimal(2,0)",
    "decimal(4,2)",
    "decimal(5,2)",
    "decimal(5,0)",
    "decimal(15,0)",
    "decimal(16,0)",
    "decimal(19,0)",
    "decimal(22,2)",
    "string",
    "binary",
    "date",
    "timestamp(s)",
    "timestamp(ns)",
    "timestamp(ms, UTC)",
    "timestamp(ms, Europe/Berlin)",
];

fn values_of(name: &str) -> Vec<Value> {
    use Value::*;
    let whole = |from: i128, to: i128| vec![Hundredths(from * 100), Hundredths(0), Hundredths(to * 100)];
    let decimal = |digits: u32, scale: u32| {
        let (most, step) = (10i128.pow(digits) - 1, 10i128.pow(2 - scale));
        vec![Hundredths(-most * step), Hundredths(step), Hundredths(most * step)]
    };
    match name {
        "bool" => vec![True],
        "int8" => whole(i8::MIN.into(), i8::MAX.into()),
        "int16" => whole(i16::MIN.into(), i16::MAX.into()),
        "int32" => whole(i32::MIN.into(), i32::MAX.into()),
        "int64" => whole(i64::MIN.into(), i64::MAX.into()),
        "uint8" => whole(0, u8::MAX.into()),
        "uint16" => whole(0, u16::MAX.into()),
        "uint32" => whole(0, u32::MAX.into()),
        "uint64" => whole(0, u64::MAX.into()),
        "float32" => vec![Hundredths(50), Float(f64::from(0.1f32)), Float(1e30f32.into())],
        "float64" => vec![Hundredths(50), Float(0.1), Float(1e300)],
        "string" => vec![Text],
        "binary" => vec![Bytes],
        "date" => vec![Day(0), Day(-1)],
        "timestamp(s)" => vec![Local(0), Local(1_000_000_000)],
        "timestamp(ns)" => vec![Local(0), Local(1)],
        "timestamp(ms, UTC)" | "timestamp(ms, Europe/Berlin)" => vec![Instant(0), Instant(1_000_000)],
        decimals => {
            let inner = decimals.trim_start_matches("decimal(").trim_end_matches(')').split_once(',').expect("digits and scale");
            decimal(inner.0.parse().expect("digits"), inner.1.parse().expect("scale"))
        }
    }
}

/// Whether `value` can be read as the type: it is one of its values. As in Avro, any integer can be read as a float64.
fn can_be_read(value: Value, wanted: &str) -> bool {
    use Value::*;
    let within = |most: i128, least: i128, v: i128| v % 100 == 0 && (least..=most).contains(&(v / 100));
    match (value, wanted) {
        (Missing, _) => true,
        (True, "bool") | (Text, "string") | (Bytes, "binary") | (Day(_), "date" | "timestamp(s)" | "timestamp(ns)") => true,
        // Midnight, UTC.
        (Day(_), "timestamp(ms, UTC)" | "timestamp(ms, Europe/Berlin)") => true,
        (Hundredths(v), "int8") => within(i8::MAX.into(), i8::MIN.into(), v),
        (Hundredths(v), "int16") => within(i16::MAX.into(), i16::MIN.into(), v),
        (Hundredths(v), "int32") => within(i32::MAX.into(), i32::MIN.into(), v),
        (Hundredths(v), "int64") => within(i64::MAX.into(), i64::MIN.into(), v),
        (Hundredths(v), "uint8") => within(u8::MAX.into(), 0, v),
        (Hundredths(v), "uint16") => within(u16::MAX.into(), 0, v),
        (Hundredths(v), "uint32") => within(u32::MAX.into(), 0, v),
        (Hundredths(v), "uint64") => within(u64::MAX.into(), 0, v),
        (Hundredths(v), "float32") => v == 50 || (v % 100 == 0 && (v / 100) as f32 as i128 == v / 100),
        (Hundredths(v), "float64") => v == 50 || (v % 100 == 0 && (v / 100) as f64 as i128 == v / 100),
        (Float(v), "float32") => f64::from(v as f32) == v,
        (Float(_), "float64") => true,
        (Hundredths(v), decimals) if decimals.starts_with("decimal") => {
            let inner = decimals.trim_start_matches("decimal(").trim_end_matches(')').split_once(',').expect("digits and scale");
            let (digits, scale): (u32, u32) = (inner.0.parse().expect("digits"), inner.1.parse().expect("scale"));
            let step = 10i128.pow(2 - scale);
            v % step == 0 && (v / step).abs() < 10i128.pow(digits)
        }
        (Local(v), "timestamp(s)") => v % 1_000_000_000 == 0,
        (Local(_), "timestamp(ns)") => true,
        (Local(v), "date") => v % DAY == 0,
        (Instant(_), "timestamp(ms, UTC)" | "timestamp(ms, Europe/Berlin)") => true,
        _ => false,
    }
}

/// Whether all that `from` holds can be read as `to`, by the model.
fn all_read(from: &str, to: &str) -> bool {
    let is_integer = |name: &str| name.starts_with("int") || name.starts_with("uint");
    values_of(from).into_iter().all(|v| can_be_read(v, to) || (is_integer(from) && to == "float64"))
}

/// A column of a contract of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    name: &'static str,
    data_type: &'static str,
    required: bool,
}

/// Whether every batch that fits `written` can be read as `read`. A batch has the columns it was written with, of those that may
/// be missing any or none; a reader takes columns by name, null for one that is not there, and passes over what it does not know.
fn every_batch_can_be_read(written: &[Column], read: &[Column]) -> bool {
    // All batches of one row: each column absent (if it may be), null (if it may be), or one of its values.
    let mut batches: Vec<BTreeMap<&str, Value>> = vec![BTreeMap::new()];
    for column in written {
        let mut held: Vec<Option<Value>> = values_of(column.data_type).into_iter().map(Some).collect();
        if !column.required {
            held.extend([None, Some(Value::Missing)]);
        }
        let with = |batch: &BTreeMap<&'static str, Value>, value: &Option<Value>| {
            let mut batch = batch.clone();
            batch.extend(value.map(|value| (column.name, value)));
            batch
        };
        batches = batches.iter().flat_map(|batch| held.iter().map(move |value| with(batch, value))).collect();
    }
    batches.iter().all(|batch| {
        read.iter().all(|column| match batch.get(column.name).copied().unwrap_or(Value::Missing) {
            Value::Missing => !column.required,
            value => can_be_read(value, column.data_type),
        })
    })
}

fn contract(columns: &[Column]) -> RuleFile {
    let lines: String =
        columns.iter().map(|c| format!("    {}: {{ type: \"{}\", required: {} }}\n", c.name, c.data_type, c.required)).collect();
    let columns = if lines.is_empty() { "{}\n".to_owned() } else { format!("\n{lines}") };
    RuleFile::parse(&format!("dataset: d\nschema:\n  columns: {columns}"), "r.yaml").expect("a rule file")
}

fn is_compatible(old: &RuleFile, new: &RuleFile, evolution: Evolution) -> bool {
    let section = |rules: &RuleFile| rules.sections.schema.as_ref().expect("a section").value.clone();
    diff(Columns::Contract(&section(old)), Columns::Contract(&section(new)), evolution).iter().all(|d| d.change.compatible)
}

#[test]
fn types_are_compatible_where_every_value_of_one_can_be_read_as_the_other() {
    for old in TYPES {
        for new in TYPES {
            let column = |data_type| contract(&[Column { name: "a", data_type, required: false }]);
            let (before, after) = (column(old), column(new));
            let (new_read_old, old_read_new) = (all_read(old, new), all_read(new, old));
            let is = |evolution| is_compatible(&before, &after, evolution);
            let found = [Evolution::Backward, Evolution::Forward, Evolution::Full, Evolution::Any].map(is);
            assert_eq!(found, [new_read_old, old_read_new, new_read_old && old_read_new, true], "{old} to {new}");
            assert!(is(Evolution::Exact) || old != new, "{old} is {new}");
        }
    }
}

#[test]
fn contracts_are_compatible_where_every_batch_of_one_can_be_read_by_the_other() {
    let mut columns = Vec::new();
    for data_type in ["int8", "int32", "string"] {
        for required in [false, true] {
            columns.push((data_type, required));
        }
    }
    // Two columns at most, of three names, in either order.
    let named = |name| columns.iter().map(move |&(data_type, required)| Column { name, data_type, required });
    let mut contracts: Vec<Vec<Column>> = vec![Vec::new()];
    for name in ["a", "b", "A"] {
        contracts.extend(named(name).map(|column| vec![column]));
    }
    for (first, second) in [("a", "b"), ("b", "a"), ("a", "A")] {
        contracts.extend(named(first).flat_map(|one| named(second).map(move |other| vec![one, other])));
    }
    let parsed: Vec<RuleFile> = contracts.iter().map(|columns| contract(columns)).collect();
    let mut compatible = [0; 3];
    for (old, before) in contracts.iter().zip(&parsed) {
        for (new, after) in contracts.iter().zip(&parsed) {
            let (new_read_old, old_read_new) = (every_batch_can_be_read(old, new), every_batch_can_be_read(new, old));
            let found = [Evolution::Backward, Evolution::Forward, Evolution::Full].map(|e| is_compatible(before, after, e));
            assert_eq!(found, [new_read_old, old_read_new, new_read_old && old_read_new], "{old:?} to {new:?}");
            assert_eq!(is_compatible(before, after, Evolution::Exact), old == new, "{old:?} to {new:?}");
            assert!(is_compatible(before, after, Evolution::Any));
            found.iter().zip(&mut compatible).for_each(|(is, count)| *count += usize::from(*is));
        }
    }
    // The two directions mirror each other, and all three are neither always nor never so.
    assert!(compatible[0] == compatible[1] && compatible[2] > contracts.len() && compatible[2] < compatible[0], "{compatible:?}");
}

/// What the Confluent registry's table says (Schema Evolution and Compatibility, "Compatibility types"): backward: delete fields,
/// add optional ones; forward: add fields, delete optional ones; full: add and delete optional ones.
#[test]
fn every_kind_of_change_under_every_evolution_is_as_the_registry_has_it() {
    use ChangeKind::*;
    for kind in ChangeKind::ALL {
        for (old, new) in [(false, false), (false, true), (true, false), (true, true)] {
            let (backward, forward) = match kind {
                ColumnAdded | NestedFieldAdded => (new, true),
                ColumnRemoved | NestedFieldRemoved => (true, old),
                // One is deleted and one is added.
                ColumnRenamed | KeyCaseChanged => (new, old),
                Reordered => (true, true),
                TypeWidened | NullabilityRelaxed => (true, false),
                TypeNarrowed | NullabilityTightened => (false, true),
                TypeChanged | FormatChanged | ScaleShifted => (false, false),
            };
            let readers = Readers::after(kind, Optional { old, new });
            let expected = [false, backward, forward, backward && forward, true];
            assert_eq!(Evolution::ALL.map(|evolution| evolution.allows(readers)), expected, "{kind:?}, {old} {new}");
        }
    }
}
