//! What a table promises its readers, by its protocol and its metadata: each promise is kept, or the table is refused.

use arrow::datatypes::SchemaRef;
use deltalake_core::table::state::DeltaTableState;
use serde_json::{Map, Value};

use super::constraints;
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::table::{TableConstraint, TableTerms};
use crate::store::location::Location;

/// Versions up to which protocols are known.
const READER_MAX: i64 = 3;
const WRITER_MAX: i64 = 7;

/// Features whose promises are kept, or that are refused only where the table uses them.
const KNOWN: [&str; 21] = [
    "appendOnly",
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
    "columnMapping",
    "identityColumns",
    "deletionVectors",
    "timestampNtz",
    "timestampWithoutTimezone",
    "domainMetadata",
    "v2Checkpoint",
    "icebergCompatV1",
    "icebergCompatV2",
    "icebergCompatV3",
    "allowColumnDefaults",
    "typeWidening",
    "vacuumProtocolCheck",
    "inCommitTimestamp",
    "variantType",
    "materializePartitionColumns",
];

/// Properties that, where they are `true`, ask every writer for what this one does not do.
const REFUSED: [(&str, &str); 5] = [
    ("delta.enableRowTracking", "rowTracking: every row would need an id of its own"),
    ("delta.enableInCommitTimestamps", "inCommitTimestamp: every commit would need a time later than the one before"),
    ("delta.enableIcebergCompatV1", "icebergCompatV1: files would have to be readable as an Iceberg table"),
    ("delta.enableIcebergCompatV2", "icebergCompatV2: files would have to be readable as an Iceberg table"),
    ("delta.enableIcebergCompatV3", "icebergCompatV3: files would have to be readable as an Iceberg table"),
];

/// Properties under which no row is taken out of the table, and why.
const KEEPS_ROWS: [(&str, &str); 2] = [
    ("delta.appendOnly", "it is append-only (`delta.appendOnly`)"),
    ("delta.enableChangeDataFeed", "it keeps a change data feed (`delta.enableChangeDataFeed`), which Sluicegate does not write"),
];

/// What the table at `location` promises.
///
/// # Errors
/// A promise that is not kept here, by its feature's name.
pub(super) fn terms(location: &Location, state: &DeltaTableState) -> Result<TableTerms, Fault> {
    let failed = |e: serde_json::Error| Fault::new(Code::Damaged, format!("{location}: cannot read the Delta table's protocol: {e}"));
    let protocol = serde_json::to_value(state.protocol()).map_err(failed)?;
    let metadata = serde_json::to_value(state.metadata()).map_err(failed)?;
    of_log(&location.to_string(), &protocol, &metadata, state.snapshot().arrow_schema())
}

/// The same from a log's own words.
fn of_log(place: &str, protocol: &Value, metadata: &Value, schema: SchemaRef) -> Result<TableTerms, Fault> {
    let refused = |what: String, hint: &str| Err(Fault::new(Code::TableRefused, format!("{place}: the Delta table {what}")).hint(hint));
    const ELSEWHERE: &str = "Sluicegate does not keep this promise; publish to another table";
    let version = |key: &str| protocol[key].as_i64().unwrap_or(1);
    if version("minReaderVersion") > READER_MAX || version("minWriterVersion") > WRITER_MAX {
        let what = format!("has reader version {} and writer version {}", version("minReaderVersion"), version("minWriterVersion"));
        return refused(what, "versions up to 3 and 7 are known; publish to another table");
    }
    let listed: Vec<&str> =
        ["readerFeatures", "writerFeatures"].iter().flat_map(|key| protocol[key].as_array()).flatten().filter_map(Value::as_str).collect();
    if let Some(feature) = listed.iter().find(|feature| !KNOWN.contains(feature)) {
        return refused(format!("has the feature `{feature}`"), ELSEWHERE);
    }
    let nothing = Map::new();
    let properties = metadata["configuration"].as_object().unwrap_or(&nothing);
    let is_on = |key: &str| properties.get(key).and_then(Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if properties.contains_key("delta.setTransactionRetentionDuration") {
        let what = "forgets which batches it has after a while (`delta.setTransactionRetentionDuration`)";
        return refused(what.into(), "a batch that comes again would stand there twice; publish to another table, or unset the property");
    }
    if let Some((_, why)) = REFUSED.iter().find(|(key, _)| is_on(key)) {
        return refused(format!("has the feature {why}"), ELSEWHERE);
    }
    if let Some(mode) = properties.get("delta.columnMapping.mode").and_then(Value::as_str).filter(|mode| *mode != "none") {
        let what = format!("has the feature columnMapping: its files call columns otherwise than the table does (`{mode}`)");
        return refused(what, "Sluicegate writes columns under their own names; publish to a table without column mapping");
    }
    let text = metadata["schemaString"].as_str().unwrap_or_default();
    let columns: Value = serde_json::from_str(text).map_err(|e| {
        Fault::new(Code::Damaged, format!("{place}: cannot read the columns of the Delta table: {e}")).hint("nothing was changed")
    })?;
    let mut terms = TableTerms {
        schema,
        keeps_rows: KEEPS_ROWS.iter().find(|(key, _)| is_on(key)).map(|(_, why)| (*why).to_owned()),
        takes_local_time: listed.contains(&"timestampNtz") || listed.contains(&"timestampWithoutTimezone"),
        ..TableTerms::of_nothing(place)
    };
    for column in columns["fields"].as_array().into_iter().flatten() {
        of_column(column, &mut terms)?;
    }
    let mut named: Vec<(&str, &str)> =
        properties.iter().filter_map(|(key, value)| Some((key.strip_prefix("delta.constraints.")?, value.as_str()?))).collect();
    named.sort_unstable();
    for (name, sql) in named {
        let what = format!("the constraint `{name}`");
        terms.constraints.push(constraint(&terms, format!("constraint-{name}"), what, sql)?);
    }
    Ok(terms)
}

/// Takes in what one column promises.
fn of_column(column: &Value, terms: &mut TableTerms) -> Result<(), Fault> {
    let (name, data_type, metadata) = (column["name"].as_str().unwrap_or_default(), &column["type"], &column["metadata"]);
    let refused = |what: String| {
        let fault = Fault::new(Code::TableRefused, format!("{}: the column `{name}` of the Delta table {what}", terms.place));
        Err(fault.hint("Sluicegate does not keep this promise; publish to another table"))
    };
    let has = |prefix: &str| metadata.as_object().is_some_and(|m| m.keys().any(|key| key.starts_with(prefix)));
    if has("delta.generationExpression") {
        return refused("is generated from others (generatedColumns)".into());
    }
    if has("delta.identity.") {
        return refused("numbers the rows (identityColumns)".into());
    }
    if let Some(unknown) = unknown_type(data_type) {
        return refused(format!("is of type {unknown}, which is not known here"));
    }
    if let Some(promise) = nested_promise(data_type) {
        return refused(promise);
    }
    if has("CURRENT_DEFAULT") {
        terms.defaults.push(name.to_owned());
    }
    if column["nullable"].as_bool() == Some(false) {
        terms.not_null.push(name.to_owned());
    }
    if let Some(text) = metadata["delta.invariants"].as_str() {
        let said: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(sql) = said["expression"]["expression"].as_str() else {
            return refused(format!("has an invariant that cannot be read: {text}"));
        };
        let what = format!("the invariant of `{name}`");
        terms.constraints.push(constraint(terms, format!("invariant-{name}"), what, sql)?);
    }
    conditions_below(name, data_type, terms)
}

/// Elements that are never null are a column like another; fields of a struct are so where the struct is.
fn conditions_below(path: &str, data_type: &Value, terms: &mut TableTerms) -> Result<(), Fault> {
    match data_type["type"].as_str() {
        Some("array") if data_type["containsNull"].as_bool() == Some(false) => terms.not_null.push(format!("{path}[]")),
        Some("struct") => {
            for field in data_type["fields"].as_array().into_iter().flatten() {
                let name = field["name"].as_str().unwrap_or_default();
                if field["nullable"].as_bool() == Some(false) {
                    let sql = format!("`{path}` IS NULL OR `{path}`.`{name}` IS NOT NULL");
                    let what = format!("that `{path}.{name}` is NOT NULL");
                    let constraint = constraint(terms, format!("not-null-{path}.{name}"), what, &sql)?;
                    terms.constraints.push(constraint);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// What is promised further in, where rows cannot be judged.
fn nested_promise(data_type: &Value) -> Option<String> {
    let inside = |name: &str| format!("promises something of `{name}` inside it, where rows cannot be judged");
    match data_type["type"].as_str()? {
        "struct" => data_type["fields"].as_array()?.iter().find_map(|field| {
            let is_deep = keeps_nulls_out(&field["type"]) || promises_inside(&field["type"]);
            (promises(field) || is_deep).then(|| inside(field["name"].as_str().unwrap_or_default()))
        }),
        "array" => {
            let element = &data_type["elementType"];
            (keeps_nulls_out(element) || promises_inside(element)).then(|| inside("[]"))
        }
        "map" => {
            let is_strict = data_type["valueContainsNull"].as_bool() == Some(false) || keeps_nulls_out(&data_type["valueType"]);
            (is_strict || promises_inside(data_type)).then(|| inside("value"))
        }
        _ => None,
    }
}

/// Whether a field promises something in its metadata.
fn promises(field: &Value) -> bool {
    field["metadata"].as_object().is_some_and(|m| m.keys().any(|key| key.starts_with("delta.") || key == "CURRENT_DEFAULT"))
}

/// Whether a field inside a type, however deep, promises something in its metadata.
fn promises_inside(data_type: &Value) -> bool {
    match data_type["type"].as_str() {
        Some("struct") => {
            let mut fields = data_type["fields"].as_array().into_iter().flatten();
            fields.any(|field| promises(field) || promises_inside(&field["type"]))
        }
        Some("array") => promises_inside(&data_type["elementType"]),
        Some("map") => promises_inside(&data_type["keyType"]) || promises_inside(&data_type["valueType"]),
        _ => false,
    }
}

/// Whether a part of a nested type is never null.
fn keeps_nulls_out(data_type: &Value) -> bool {
    let flag = |key: &str| data_type[key].as_bool() == Some(false);
    match data_type["type"].as_str() {
        Some("struct") => data_type["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|f| f["nullable"].as_bool() == Some(false) || keeps_nulls_out(&f["type"])),
        Some("array") => flag("containsNull") || keeps_nulls_out(&data_type["elementType"]),
        Some("map") => flag("valueContainsNull") || keeps_nulls_out(&data_type["valueType"]),
        _ => false,
    }
}

fn unknown_type(data_type: &Value) -> Option<String> {
    const PRIMITIVES: [&str; 12] =
        ["string", "long", "integer", "short", "byte", "float", "double", "boolean", "binary", "date", "timestamp", "timestamp_ntz"];
    if let Some(name) = data_type.as_str() {
        return (!PRIMITIVES.contains(&name) && !name.starts_with("decimal")).then(|| name.to_owned());
    }
    match data_type["type"].as_str() {
        Some("struct") => data_type["fields"].as_array().into_iter().flatten().find_map(|field| unknown_type(&field["type"])),
        Some("array") => unknown_type(&data_type["elementType"]),
        Some("map") => unknown_type(&data_type["keyType"]).or_else(|| unknown_type(&data_type["valueType"])),
        other => Some(other.unwrap_or("unknown").to_owned()),
    }
}

fn constraint(terms: &TableTerms, id: String, what: String, text: &str) -> Result<TableConstraint, Fault> {
    match constraints::translated(text, &terms.schema) {
        Ok(sql) => Ok(TableConstraint { id, what: format!("{what} (`{text}`)"), sql }),
        Err(why) => {
            let fault = Fault::new(
                Code::TableRefused,
                format!("{}: {what} of the Delta table (`{text}`) cannot be evaluated here: {why}", terms.place),
            );
            Err(fault.hint("publish to another table, or state it with comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL"))
        }
    }
}
