//! Files of formats that know their types: what is read is what was written, or the file is refused.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, DictionaryArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::data_type::{Int96, Int96Type};
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use sluicegate::source::{self, Projection, ReadOptions, Spool};

use crate::support::{Place, project};

/// All rows of the file, or why it is refused.
fn read(place: &Place, name: &str, bytes: &[u8]) -> Result<RecordBatch, String> {
    let path = place.write(name, bytes).to_string_lossy().into_owned();
    let spool = Spool::new(place.path(""));
    let source = source::open(&[path], &ReadOptions::default(), &[], &spool).map_err(|fault| fault.what)?;
    let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
    let (mut previous, mut batches) = (None, Vec::new());
    let mut each = || {
        while let Some((unit, preread)) = source.next_unit(previous.as_ref()).map_err(|fault| fault.what)? {
            let take = &mut |chunk: source::Chunk| {
                batches.push(chunk.batch);
                Ok(())
            };
            source.read(&unit, preread, &projection, take).map_err(|fault| fault.what)?;
            previous = Some(unit);
        }
        Ok(())
    };
    // The engine makes a fault of a panic while units are read.
    catch_unwind(AssertUnwindSafe(&mut each)).unwrap_or_else(|_| Err("a panic".to_owned()))?;
    concat_batches(&projection.schema, &batches).map_err(|e| e.to_string())
}

fn refused(place: &Place, name: &str, bytes: &[u8], why: &str) {
    let fault = read(place, name, bytes).expect_err("a fault");
    assert!(fault.contains(why), "`{fault}` does not say `{why}`");
}

fn places_of(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    (0..bytes.len().saturating_sub(part.len() - 1)).filter(|&at| bytes[at..].starts_with(part)).collect()
}

fn with(bytes: &[u8], at: usize, part: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[at..at + part.len()].copy_from_slice(part);
    out
}

fn parquet_of(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("written");
    writer.into_inner().expect("a file")
}

const DAY_NANOS: i64 = 86_400_000_000_000;

/// Days and nanoseconds of the day, as INT96 holds them.
fn int96((days, nanos): (i64, i64)) -> Int96 {
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, (days + 2_440_588) as u32);
    value
}

/// A column `at` of timestamps and a struct `s` with another one, `until`.
fn int96_file(values: &[Option<(i64, i64)>]) -> Vec<u8> {
    let schema = "message m { optional int96 at; optional group s { optional int96 until; } }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let there: Vec<Int96> = values.iter().flatten().copied().map(int96).collect();
    for most in [1, 2] {
        let mut column = group.next_column().expect("a column").expect("a column");
        let levels: Vec<i16> = values.iter().map(|value| if value.is_some() { most } else { 0 }).collect();
        column.typed::<Int96Type>().write_batch(&there, Some(&levels), None).expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.into_inner().expect("a file")
}

fn published(place: &Place, name: &str) -> RecordBatch {
    let file = std::fs::File::open(place.path(name)).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    concat_batches(&batches[0].schema(), &batches).expect("one batch")
}

const RULES: &str = "dataset: d\nrules: [{ rows: { min: 1 } }]\nsource: { path: d.parquet }\ngate: { publish: out.parquet }\n";

#[test]
fn timestamps_of_spark_keep_their_instant_beyond_the_year_2262() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    // 9999-12-31, the day before 1970 with microseconds, a date before nanoseconds begin, none.
    place.write("d.parquet", int96_file(&[Some((2_932_896, 0)), Some((-1, DAY_NANOS - 1_000)), Some((-500_000, 5_000)), None]));
    let run = place.run(&["gate", "-r", "r.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rows = published(&place, "out.parquet");
    let right = [Some(253_402_214_400_000_000), Some(-1), Some(-43_199_999_999_999_995), None];
    for column in [rows.column(0), rows.column(1).as_struct().column(0)] {
        assert_eq!(*column.data_type(), DataType::Timestamp(TimeUnit::Microsecond, None));
        assert_eq!(column.as_primitive::<TimestampMicrosecondType>().iter().collect::<Vec<_>>(), right);
    }
}

#[test]
fn nanoseconds_that_would_be_lost_are_a_fault_unless_the_contract_asks_for_them() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.parquet", int96_file(&[Some((1, 0)), None, Some((1, 1_001))]));
    for command in ["check", "gate"] {
        let run = place.run(&[command, "-r", "r.yaml"]);
        assert_eq!(run.code, 2, "{command}");
        assert!(run.stderr.contains("`at` of row 3 has more digits"), "{}", run.stderr);
    }
    let contract = "schema: { columns: { at: { type: timestamp(ns) }, s.until: { type: timestamp(ns) } } }\n";
    place.write("r.yaml", format!("{RULES}{contract}"));
    let run = place.run(&["gate", "-r", "r.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rows = published(&place, "out.parquet");
    for column in [rows.column(0), rows.column(1).as_struct().column(0)] {
        let values = column.as_primitive::<TimestampNanosecondType>().iter().collect::<Vec<_>>();
        assert_eq!(values, [Some(DAY_NANOS), None, Some(DAY_NANOS + 1_001)]);
    }
    // What nanoseconds cannot hold is not read as something else either.
    place.write("d.parquet", int96_file(&[Some((2_932_896, 0))]));
    let run = place.run(&["check", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("`at` of row 1 lies beyond what nanoseconds"), "{}", run.stderr);
}

/// As nanoseconds the years 9999 and 1816 would be one.
#[test]
fn published_timestamps_of_spark_are_the_keys_they_are() {
    let place = Place::new();
    let rules = "dataset: d\nrules: [{ duplicates: { key: [at], across: published } }]\nsource: { path: d.parquet }\n";
    place.write("r.yaml", format!("{rules}gate: {{ publish: out, format: parquet, quarantine: aside }}\n"));
    place.write("out/other.parquet", int96_file(&[Some((2_932_896, 0))]));
    place.write("d.parquet", int96_file(&[Some((2_932_896, 0)), Some((-56_161, 32_168_066_277_000))]));
    let run = place.run(&["gate", "-r", "r.yaml"]);
    assert_eq!((run.rows("read"), run.rows("quarantined")), (2, 1), "{}", run.stderr);
}

/// Spark itself wraps around where it counts from the first Julian day, and back when it reads.
#[test]
fn int96_that_no_unit_holds_is_a_fault() {
    let place = Place::new();
    let last = read(&place, "d.parquet", &int96_file(&[Some((105_000_000, 0)), Some((-108_302_820, -32_509_551_616_000))])).expect("rows");
    let last = last.column(0).as_primitive::<TimestampMicrosecondType>();
    // The second is 290000-12-31 in a file of Spark's.
    assert_eq!(last.values()[..], [105_000_000 * 86_400_000_000, 9_089_380_393_200_000_000]);
    let beyond = i64::from(i32::MAX) - 2_440_588;
    refused(&place, "d.parquet", &int96_file(&[Some((beyond, 0))]), "`at` of row 1 lies beyond what microseconds of 64 bits hold");
}

/// Two rows of integers in lists: 1; 2, 3.
fn lists() -> RecordBatch {
    let values = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), Some(vec![Some(2), Some(3)])]);
    RecordBatch::try_from_iter([("l", Arc::new(values) as ArrayRef)]).expect("a batch")
}

#[test]
fn lists_whose_levels_are_cut_short_are_a_fault() {
    let place = Place::new();
    let whole = parquet_of(&lists());
    assert_eq!(read(&place, "d.parquet", &whole).expect("rows").num_rows(), 2);
    // The header of the page says how many levels there are: two instead of three.
    let [at] = places_of(&whole, &[0x2c, 0x15, 6])[..] else { panic!("the header stands elsewhere") };
    refused(&place, "d.parquet", &with(&whole, at + 2, &[4]), "`l.list.item` promises 3 values in a row group and holds 2");
}

/// The file with another footer.
fn with_footer(bytes: &[u8], change: impl FnOnce(FileMetaData, RowGroupMetaData) -> ParquetMetaData) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(bytes)).expect("a footer");
    let len = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().expect("four bytes")) as usize;
    let mut out = bytes[..bytes.len() - 8 - len].to_vec();
    let changed = change(metadata.file_metadata().clone(), metadata.row_group(0).clone());
    ParquetMetaDataWriter::new(&mut out, &changed).finish().expect("written");
    out
}

#[test]
fn counts_of_a_footer_that_contradict_its_row_groups_are_a_fault() {
    let place = Place::new();
    let column = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let whole = parquet_of(&RecordBatch::try_from_iter([("a", column as ArrayRef)]).expect("a batch"));
    let same = with_footer(&whole, |file, group| ParquetMetaData::new(file, vec![group]));
    assert_eq!(read(&place, "d.parquet", &same).expect("rows").num_rows(), 3);
    let rows = |n: i64| {
        with_footer(&whole, move |file, group| {
            ParquetMetaData::new(file, vec![group.into_builder().set_num_rows(n).build().expect("a row group")])
        })
    };
    refused(&place, "d.parquet", &rows(2), "a row group promises 2 rows and holds 3");
    refused(&place, "d.parquet", &rows(4), "a row group promises 4 rows and holds 3");
    refused(&place, "d.parquet", &rows(-1), "impossible number of rows");
    // The number of rows stands before the list of row groups.
    let [at] = places_of(&whole, &[0x16, 6, 0x19])[..] else { panic!("the number stands elsewhere") };
    refused(&place, "d.parquet", &with(&whole, at + 1, &[8]), "promises 4 rows, and its row groups 3");
    let nulls = |n: u64| {
        with_footer(&whole, move |file, group| {
            let chunk = group.column(0).clone().into_builder();
            let chunk = chunk.set_statistics(Statistics::int64(Some(1), Some(3), None, Some(n), false)).build().expect("a column");
            ParquetMetaData::new(file, vec![group.into_builder().set_column_metadata(vec![chunk]).build().expect("a row group")])
        })
    };
    assert_eq!(read(&place, "d.parquet", &nulls(1)).expect("rows").num_rows(), 3);
    refused(&place, "d.parquet", &nulls(0), "`a` promises 0 missing values in a row group and holds 1");
    refused(&place, "d.parquet", &nulls(2), "`a` promises 2 missing values in a row group and holds 1");
}

/// Every page has a checksum, as Spark writes them.
#[test]
fn no_flipped_bit_of_a_page_with_a_checksum_changes_a_value() {
    let place = Place::new();
    let whole = std::fs::read(project("fixtures/formats/checksums.parquet")).expect("a fixture");
    let rows = read(&place, "d.parquet", &whole).expect("rows");
    let footer = whole.len() - 8 - u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().expect("four bytes")) as usize;
    let mut refusals = 0;
    for at in 4..footer {
        let flipped = with(&whole, at, &[whole[at] ^ 1 << (at % 8)]);
        match read(&place, "d.parquet", &flipped) {
            Ok(read) => assert_eq!(read, rows, "byte {at}"),
            Err(_) => refusals += 1,
        }
    }
    assert!(refusals > (footer - 4) / 2, "{refusals} of {footer}");
    let [at] = places_of(&whole, &222_222i64.to_le_bytes())[..] else { panic!("the value stands elsewhere") };
    refused(&place, "d.parquet", &with(&whole, at, &[0]), "CRC");
}

#[test]
fn no_damage_to_a_footer_is_a_panic_when_the_file_is_opened() {
    let place = Place::new();
    let whole = std::fs::read(project("fixtures/formats/nested.parquet")).expect("a fixture");
    let footer = whole.len() - 8 - u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().expect("four bytes")) as usize;
    for at in footer..whole.len() {
        let path = place.write("d.parquet", with(&whole, at, &[whole[at] ^ 1 << (at % 8)])).to_string_lossy().into_owned();
        // A panic would end the test.
        let _either = source::open(&[path], &ReadOptions::default(), &[], &Spool::new(place.path(""))).map(|_| ());
    }
}

/// Six rows in two batches, two of three missing in every column at every depth.
fn arrow_columns() -> RecordBatch {
    let numbers = || Int64Array::from(vec![None, Some(7), None]);
    let texts = StringArray::from(vec![None, Some("x"), None]);
    let codes = Int32Array::from(vec![None, Some(0), None]);
    let codes = DictionaryArray::<Int32Type>::try_new(codes, Arc::new(StringArray::from(vec!["red"]))).expect("a dictionary");
    let item = Arc::new(Field::new_list_field(DataType::Int64, true));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([1, 1, 1]), Arc::new(numbers()), None);
    let fields = vec![Arc::new(Field::new("x", DataType::Int64, true))].into();
    let structs = StructArray::new(fields, vec![Arc::new(numbers())], None);
    let columns: [(&str, ArrayRef); 5] =
        [("i", Arc::new(numbers())), ("t", Arc::new(texts)), ("c", Arc::new(codes)), ("l", Arc::new(lists)), ("s", Arc::new(structs))];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

fn arrow_of(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).expect("options");
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.into_inner().expect("a file")
}

#[test]
fn a_wrong_count_of_missing_values_in_an_arrow_file_is_a_fault() {
    let place = Place::new();
    for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let whole = arrow_of(&[arrow_columns()], compression);
        let rows = read(&place, "d.arrow", &whole).expect("rows");
        assert_eq!(rows.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [None, Some(7), None]);
        let node = |missing: i64| [3i64.to_le_bytes(), missing.to_le_bytes()].concat();
        let places = places_of(&whole, &node(2));
        assert_eq!(places.len(), 5, "one for each column; list and struct have their own");
        for at in places {
            for wrong in [0, 1, 3, -1, 4] {
                assert!(read(&place, "d.arrow", &with(&whole, at, &node(wrong))).is_err(), "{wrong} at {at}, {compression:?}");
            }
        }
        let none = places_of(&whole, &node(0));
        assert!(none.len() >= 2, "of the list and the struct");
        let refusals = none.iter().filter(|at| read(&place, "d.arrow", &with(&whole, **at, &node(1))).is_err()).count();
        assert!(refusals >= 2, "{refusals} for {compression:?}");
    }
}

#[test]
fn a_message_that_is_no_batch_is_not_the_end_of_an_arrow_file() {
    let place = Place::new();
    let whole = arrow_of(&[arrow_columns(), arrow_columns()], None);
    let mut said = 0;
    // Wherever the kind of a message stands: a record batch is the third.
    for at in places_of(&whole, &[3]) {
        match read(&place, "d.arrow", &with(&whole, at, &[0])) {
            Ok(rows) => assert_eq!(rows.num_rows(), 6, "byte {at}"),
            Err(why) => said += usize::from(why.contains("a message is not the record batch that should stand there")),
        }
    }
    assert_eq!(said, 2);
}

#[test]
fn a_batch_that_the_footer_of_an_arrow_file_leaves_out_is_a_fault() {
    let place = Place::new();
    let batch = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]).expect("a batch");
    let whole = arrow_of(&[batch.clone(), batch.clone(), batch], None);
    let footer = whole.len() - 10 - u32::from_le_bytes(whole[whole.len() - 10..][..4].try_into().expect("four bytes")) as usize;
    let mut said = 0;
    // Wherever the number of batches stands.
    for at in places_of(&whole, &3u32.to_le_bytes()).into_iter().filter(|at| *at >= footer) {
        for fewer in [0, 1, 2] {
            match read(&place, "d.arrow", &with(&whole, at, &[fewer])) {
                Ok(rows) => assert_eq!(rows.num_rows(), 6, "byte {at}"),
                Err(why) => said += usize::from(why.contains("its footer does not name the batch at byte")),
            }
        }
    }
    assert_eq!(said, 3);
}

#[test]
fn decimals_of_more_digits_than_their_type_are_a_fault() {
    let place = Place::new();
    let decimals = |values: Vec<Option<i128>>| Decimal128Array::from(values).with_precision_and_scale(5, 2).expect("decimals");
    let listed = |values: Decimal128Array| -> ArrayRef {
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([values.len()]), Arc::new(values), None))
    };
    for column in [|values: Decimal128Array| -> ArrayRef { Arc::new(values) }, listed] {
        let file = |values| arrow_of(&[RecordBatch::try_from_iter([("m", column(decimals(values)))]).expect("a batch")], None);
        assert!(read(&place, "d.arrow", &file(vec![Some(99_999), None, Some(-99_999)])).is_ok());
        // In the 32 bits that Parquet has for five digits this would be 0.
        refused(&place, "d.arrow", &file(vec![Some(1 << 32)]), "`m`: ");
        refused(&place, "d.arrow", &file(vec![Some(-100_000)]), "too small");
    }
}

#[test]
fn what_writers_leave_between_messages_is_no_batch() {
    let place = Place::new();
    let whole = arrow_of(&[arrow_columns()], None);
    let mut stream = Cursor::new(whole.clone());
    let reader = arrow::ipc::reader::FileReader::try_new(&mut stream, None).expect("Arrow reads it");
    assert_eq!(reader.num_batches(), 1);
    // Polars writes the schema there without its length.
    let bare = with(&whole, 8, &[0; 8]);
    assert_eq!(read(&place, "d.arrow", &bare).expect("rows").num_rows(), 3);
}

/// An Avro file of one block that says it has so many records.
fn avro_of(fields: &str, records: u8, data: &[u8]) -> Vec<u8> {
    let schema = format!(r#"{{"type": "record", "name": "r", "fields": [{fields}]}}"#);
    let long = |value: usize| [(value << 1 & 0x7f) as u8 | 0x80, (value >> 6) as u8];
    let mut out = b"Obj\x01\x02\x16avro.schema".to_vec();
    out.extend_from_slice(&long(schema.len()));
    out.extend_from_slice(schema.as_bytes());
    out.extend_from_slice(b"\x000123456789abcdef");
    out.extend_from_slice(&[records << 1]);
    out.extend_from_slice(&long(data.len()));
    out.extend_from_slice(data);
    out.extend_from_slice(b"0123456789abcdef");
    out
}

/// Fields of a schema, the number of records, their right bytes, wrong ones, and what the fault says of them.
type BlockCase = (&'static str, u8, &'static [u8], &'static [u8], &'static str);

#[test]
fn avro_blocks_that_are_not_their_records_are_a_fault() {
    let place = Place::new();
    let cases: [BlockCase; 9] = [
        (r#"{"name": "a", "type": ["null", "int"]}"#, 2, &[2, 14, 0], &[4, 14, 0], "record 1 of a block of 2: a union has no such branch"),
        (r#"{"name": "a", "type": ["int", "null"]}"#, 2, &[0, 14, 2], &[0, 14, 4], "record 2 of a block of 2: a union has no such branch"),
        (r#"{"name": "a", "type": "boolean"}"#, 1, &[1], &[7], "a boolean is neither true nor false"),
        (r#"{"name": "a", "type": {"type": "enum", "name": "e", "symbols": ["x", "y"]}}"#, 1, &[2], &[4], "an enum has no such symbol"),
        (r#"{"name": "a", "type": "string"}"#, 1, &[2, b'x'], &[4, b'x'], "a value is cut short"),
        (r#"{"name": "a", "type": "int"}"#, 2, &[2, 2], &[2, 2, 0], "1 bytes stand behind the 2 records of a block"),
        (r#"{"name": "a", "type": "int"}"#, 2, &[2, 2], &[2], "record 2 of a block of 2: a number is cut short"),
        (
            r#"{"name": "a", "type": {"type": "array", "items": "int"}}"#,
            1,
            &[1, 2, 6, 0],
            &[1, 4, 6, 0],
            "a list takes other bytes than it says",
        ),
        (
            r#"{"name": "a", "type": {"type": "array", "items": ["null", {"type": "record", "name": "n.i", "fields": [{"name": "x", "type": "int"}]}]}}"#,
            1,
            &[2, 0, 0],
            &[2, 9, 0],
            "a union has no such branch",
        ),
    ];
    for (fields, records, right, wrong, why) in cases {
        let rows = read(&place, "d.avro", &avro_of(fields, records, right)).unwrap_or_else(|e| panic!("{fields}: {e}"));
        assert_eq!(rows.num_rows(), usize::from(records), "{fields}");
        refused(&place, "d.avro", &avro_of(fields, records, wrong), why);
    }
    // A thousand million elements in five bytes.
    let nulls = r#"{"name": "a", "type": {"type": "array", "items": "null"}}"#;
    let many = avro_of(nulls, 1, &[0x80, 0xa8, 0xd6, 0xb9, 7, 0]);
    refused(&place, "d.avro", &many, "a list of too many elements that take no bytes");
}

#[test]
fn avro_of_every_compression_is_read() {
    let place = Place::new();
    let texts = |i: i64| Some(format!("{i} {}", "abcab".repeat(i as usize % 40))).filter(|_| i % 7 > 0);
    let columns: [(&str, ArrayRef); 2] = [
        ("i", Arc::new((0..5000i64).map(|i| Some(i * i * 1_000_003).filter(|_| i % 3 > 0)).collect::<Int64Array>())),
        ("t", Arc::new((0..5000).map(texts).collect::<StringArray>())),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).expect("a batch");
    let codecs =
        [CompressionCodec::Deflate, CompressionCodec::Snappy, CompressionCodec::ZStandard, CompressionCodec::Bzip2, CompressionCodec::Xz];
    for codec in codecs.into_iter().map(Some).chain([None]) {
        let writer = WriterBuilder::new(rows.schema().as_ref().clone()).with_compression(codec);
        let mut writer = writer.build::<_, AvroOcfFormat>(Vec::new()).expect("a writer");
        for start in (0..5000).step_by(1000) {
            writer.write(&rows.slice(start, 1000)).expect("written");
        }
        writer.finish().expect("a file");
        let read = read(&place, "d.avro", &writer.into_inner()).unwrap_or_else(|e| panic!("{codec:?}: {e}"));
        assert_eq!(read.columns(), rows.columns(), "{codec:?}");
    }
}
