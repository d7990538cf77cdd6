//! The law of conservation for text: whatever happens to its bytes, what stands in a line is found again, in a row that is published, in
//! one that is set aside, or in the raw bytes of a malformed record; or the run ends with a fault and publishes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;

use super::mutate::{Chance, mutant};
use super::number;
use crate::support::Place;

/// In tests of every day, of each format.
const FEW: usize = 40;
const LINES: usize = 60;

const RULES: &str = "dataset: d\nprofile: none\nrules:\n  - missing: { columns: \"*\", tolerate: 90% }\n  - rows: { min: 1 }\n\
                     gate: { reject_above: 100% }\n";

/// Lines of which each holds a word that no other has.
fn csv() -> String {
    let rows = (0..LINES).map(|n| match n % 4 {
        0 => format!("{n},{},plain\n", word(n)),
        1 => format!("{n},{},\"a, \"\"quoted\"\" one\"\n", word(n)),
        2 => format!("{n},\"{}\",\"on two\nlines\"\n", word(n)),
        _ => format!("{n},{},\n", word(n)),
    });
    format!("id,word,note\n{}", rows.collect::<String>())
}

fn tsv() -> String {
    let rows: String = (0..LINES).map(|n| format!("{n}\t{}\tplain {n}\r\n", word(n))).collect();
    format!("id\tword\tnote\r\n{rows}")
}

fn ndjson() -> String {
    (0..LINES).map(|n| format!("{{\"id\": {n}, \"word\": \"{}\", \"list\": [{n}, 2.5], \"of\": {{\"a\": null}}}}\n", word(n))).collect()
}

fn json() -> String {
    let rows: Vec<String> = (0..LINES).map(|n| format!("  {{\"id\": {n}, \"word\": \"{}\", \"more\": [true]}}", word(n))).collect();
    format!("[\n{}\n]\n", rows.join(",\n"))
}

fn word(n: usize) -> String {
    format!("Wort{n:04}x")
}

/// All words that stand in `text` whole.
fn words(text: &str) -> BTreeSet<String> {
    (0..LINES).map(word).filter(|word| text.contains(word.as_str())).collect()
}

/// Everything that stands in the rows of a Parquet file, and in the names of its columns.
fn content(path: &Path, to: &mut String) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).expect("a file")).expect("Parquet");
    for field in reader.schema().fields() {
        to.push_str(field.name());
        to.push('\n');
    }
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("rows");
        for column in batch.columns() {
            if column.data_type() == &DataType::Binary {
                column.as_binary::<i32>().iter().flatten().for_each(|bytes| to.push_str(&String::from_utf8_lossy(bytes)));
                continue;
            }
            let shown = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default()).expect("can be shown");
            for row in 0..column.len() {
                to.push_str(&shown.value(row).to_string());
                to.push('\n');
            }
        }
    }
}

#[test]
fn whatever_stands_in_a_line_is_found_again() {
    let formats = [("csv", csv()), ("tsv", tsv()), ("ndjson", ndjson()), ("json", json())];
    let (few, first) = (number("SLUICEGATE_TEXT_MUTANTS", FEW), number("SLUICEGATE_FIRST_MUTANT", 0));
    let (mut told, mut published) = (Vec::new(), 0);
    for (format, whole) in &formats {
        for turn in first..first + few {
            let mut chance = Chance::new(turn as u64);
            let other = &formats[chance.below(formats.len())].1;
            let bytes = mutant(&mut chance, whole.as_bytes(), other.as_bytes());
            let place = Place::with(RULES, "");
            let name = format!("m.{format}");
            place.write(&name, &bytes);
            let run = super::run(
                &place.path(""),
                &[
                    "gate",
                    "-r",
                    "r.yaml",
                    "--batch-id",
                    "b",
                    "--publish",
                    "out.parquet",
                    "--quarantine",
                    "aside",
                    &name,
                    "--report",
                    "r.json",
                ],
            );
            if run.status.code() == Some(2) {
                assert!(!place.path("out.parquet").exists() && place.parts("aside", "b").is_empty(), "{format} {turn}");
                continue;
            }
            let report: Json = serde_json::from_slice(&std::fs::read(place.path("r.json")).expect("a report")).expect("JSON");
            // All of a batch is rejected where no row is left; nothing is written then.
            if report["verdict"] == "reject" {
                assert!(report["rows"]["rejected"] == report["rows"]["read"] && place.parts("aside", "b").is_empty(), "{format} {turn}");
                continue;
            }
            let mut found = String::new();
            if place.path("out.parquet").exists() {
                content(&place.path("out.parquet"), &mut found);
                published += 1;
            }
            place.parts("aside", "b").iter().for_each(|part| content(part, &mut found));
            let lost: Vec<String> = words(&String::from_utf8_lossy(&bytes)).difference(&words(&found)).cloned().collect();
            if !lost.is_empty() {
                told.push(format!("{format} {turn}: {lost:?}"));
            }
        }
    }
    assert!(told.is_empty(), "{told:#?}");
    assert!(published > few, "too few of the {} files were published: {published}", few * formats.len());
}
