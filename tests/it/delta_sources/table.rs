//! Delta tables whose logs are written by hand, by the published protocol.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use serde_json::{Value as Json, json};

use crate::support::{Place, Run};

pub const RULES: &str = "dataset: t\nprofile: full\nrules:\n  - rows: { min: 0 }\n";

/// A table whose log is written by hand.
pub struct Table {
    pub place: Place,
    /// The next version.
    pub version: u64,
}

impl Table {
    /// With the columns `fields`, as a log writes them, and what its metadata and protocol say beside.
    pub fn new(fields: &Json, partition_columns: &[&str], configuration: &Json, reader_features: &[&str]) -> Self {
        let place = Place::with(RULES, "x\n1\n");
        let schema = json!({ "type": "struct", "fields": fields }).to_string();
        let protocol = match (reader_features, configuration.get("delta.columnMapping.mode")) {
            ([], None) => json!({ "minReaderVersion": 1, "minWriterVersion": 2 }),
            ([], Some(_)) => json!({ "minReaderVersion": 2, "minWriterVersion": 5 }),
            (features, _) => {
                json!({ "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features })
            }
        };
        let metadata = json!({
            "id": "t", "format": { "provider": "parquet", "options": {} }, "schemaString": schema,
            "partitionColumns": partition_columns, "configuration": configuration, "createdTime": 0,
        });
        let mut table = Self { place, version: 0 };
        table.commit(&[json!({ "protocol": protocol }), json!({ "metaData": metadata })]);
        table
    }

    /// With the columns `id` and `name`.
    pub fn plain(reader_features: &[&str]) -> Self {
        Self::new(&json!([field("id", "long"), field("name", "string")]), &[], &json!({}), reader_features)
    }

    pub fn commit(&mut self, actions: &[Json]) -> u64 {
        let text: String = actions.iter().map(|action| format!("{action}\n")).collect();
        self.place.write(&format!("t/_delta_log/{:020}.json", self.version), text);
        self.version += 1;
        self.version - 1
    }

    /// Writes a data file; gives the action that adds it.
    pub fn file(&self, name: &str, partition: &Json, columns: Vec<(Field, ArrayRef)>) -> Json {
        let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
        writer.write(&batch).and_then(|()| writer.close().map(drop)).expect("written");
        let size = bytes.len();
        self.place.write(&format!("t/{name}"), bytes);
        let path = name.replace('%', "%25").replace(' ', "%20");
        json!({ "add": { "path": path, "partitionValues": partition, "size": size, "modificationTime": 0, "dataChange": true } })
    }

    /// A data file with the ids `ids`, and names made of them.
    pub fn ids(&self, name: &str, ids: std::ops::Range<i64>) -> Json {
        let names: StringArray = ids.clone().map(|id| (id % 3 != 0).then(|| format!("n{id}"))).collect();
        let columns = vec![
            (Field::new("id", DataType::Int64, true), Arc::new(ids.collect::<Int64Array>()) as ArrayRef),
            (Field::new("name", DataType::Utf8, true), Arc::new(names) as ArrayRef),
        ];
        self.file(name, &json!({}), columns)
    }

    pub fn check(&self, path: &str, rules: &str) -> Run {
        self.place.write("r.yaml", rules);
        self.place.run(&["check", path, "-r", "r.yaml"])
    }

    /// How many rows there are; `path` is the table, with or without a version.
    pub fn rows(&self, path: &str) -> u64 {
        let run = self.check(path, RULES);
        assert_eq!(run.code, 0, "{path}: {}{}", run.stdout, run.stderr);
        run.rows("read")
    }

    /// What a check of `path` fails with.
    pub fn fault(&self, path: &str) -> String {
        let run = self.check(path, RULES);
        assert_eq!(run.code, 2, "{path}: {}{}", run.stdout, run.stderr);
        run.stderr
    }
}

pub fn field(name: &str, data_type: impl Into<Json>) -> Json {
    json!({ "name": name, "type": data_type.into(), "nullable": true, "metadata": {} })
}

pub fn removed(add: &Json) -> Json {
    json!({ "remove": { "path": add["add"]["path"], "dataChange": true, "deletionTimestamp": 1 } })
}

/// The file with the rows `rows`, from 0, deleted: a bitmap in the log, as the protocol lays it out.
pub fn without(add: &Json, rows: &[u16]) -> Json {
    let mut bitmap = 1_681_511_377u32.to_le_bytes().to_vec();
    bitmap.extend(1u64.to_le_bytes());
    for part in [0u32, 12_346, 1, (rows.len() as u32 - 1) << 16, 16] {
        bitmap.extend(part.to_le_bytes());
    }
    bitmap.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
    let mut add = add.clone();
    add["add"]["deletionVector"] = json!({
        "storageType": "i", "pathOrInlineDv": z85(&bitmap), "sizeInBytes": bitmap.len(), "cardinality": rows.len(),
    });
    add
}

/// Base 85 as ZeroMQ writes it.
fn z85(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let of_four = |four: &[u8]| {
        let value = four.iter().chain(&[0; 3]).take(4).fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        [52_200_625, 614_125, 7_225, 85, 1].map(|power| DIGITS[(value / power % 85) as usize] as char)
    };
    bytes.chunks(4).flat_map(of_four).collect()
}
