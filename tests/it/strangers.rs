//! What others left where a run reads and writes: files, links, names and stamps that are none of ours.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{lchown, symlink};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::support::{Place, Run};

const RULES: &str = "dataset: t\nrules:\n  - missing: { column: a }\n";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", "a,b\n1,x\n,y\n3,z\n");
    place
}

fn refused(run: &Run, message: &str) {
    assert!(run.code == 2 && run.stderr.contains(message), "{} {}{}", run.code, run.stdout, run.stderr);
}

#[test]
fn what_a_glob_matches_is_read_or_refused_never_passed_over() {
    let place = place();
    place.write("g/1.csv", "a,b\n1,x\n");
    fs::create_dir(place.path("g/directory.csv")).expect("a directory");
    assert_eq!(place.run(&["check", "g/*.csv", "-r", "r.yaml"]).rows("read"), 1);
    symlink("nowhere", place.path("g/2.csv")).expect("a link");
    refused(&place.run(&["check", "g/*.csv", "-r", "r.yaml"]), "g/2.csv: no such file");
    fs::remove_file(place.path("g/2.csv")).expect("removed");
    assert!(Command::new("mkfifo").arg(place.path("g/3.csv")).status().expect("mkfifo runs").success());
    refused(&place.run(&["check", "g/*.csv", "-r", "r.yaml"]), "g/3.csv: neither a file nor a directory");
}

#[test]
fn a_file_whose_name_is_no_text_is_refused_and_no_other_is_read_for_it() {
    let place = place();
    place.write("n/a\u{fffd}.csv", "a,b\n7,x\n");
    fs::write(place.path("n").join(std::ffi::OsStr::from_bytes(b"a\xff.csv")), "a,b\n1,x\n").expect("a file");
    for data in ["n", "n/*.csv", "n/a?.csv"] {
        refused(&place.run(&["check", data, "-r", "r.yaml"]), "the name is not UTF-8");
    }
}

/// The batch `b` with a row set aside.
fn gated() -> Place {
    let place = place();
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out.parquet", "--batch-id", "b"]).code, 0);
    place
}

#[test]
fn rows_taken_out_never_take_the_place_of_rows() {
    let place = gated();
    let part = place.part("out_quarantine", "b");
    for to in [part.to_str().expect("a name"), "out.parquet"] {
        refused(&place.run(&["quarantine", "export", "out_quarantine", "--to", to]), "they would be lost");
        let malformed = ["quarantine", "export", "out_quarantine", "--to", "m.csv", "--malformed-to", to];
        refused(&place.run(&malformed), "they would be lost");
    }
    let twice = ["quarantine", "export", "out_quarantine", "--to", "m.csv", "--malformed-to", "./m.csv"];
    refused(&place.run(&twice), "one file cannot hold both");
    let list = place.run(&["quarantine", "list", "out_quarantine"]);
    assert!(list.stdout.contains(" b      t         1 "), "{}", list.stdout);
}

/// Writes the part again, as somebody else might: with `column` as `values`, or without it, and with another batch id.
fn forged(place: &Place, column: &str, values: Option<ArrayRef>, batch_id: &str) {
    let path = place.part("out_quarantine", "b");
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("open")).expect("a part");
    let said = builder.metadata().file_metadata().key_value_metadata().expect("a stamp").clone();
    let batch = builder.build().expect("a reader").next().expect("a batch").expect("rows");
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).filter_map(|(field, array)| {
        let array = if field.name() == column { values.clone()? } else { array.clone() };
        Some((field.name().clone(), array, true))
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    let mut writer = ArrowWriter::try_new(File::create(&path).expect("create"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    for entry in said.into_iter().filter(|entry| entry.key.starts_with("sluicegate.")) {
        let value = if entry.key == "sluicegate.batch_id" { Some(batch_id.to_owned()) } else { entry.value };
        writer.append_key_value_metadata(KeyValue::new(entry.key, value));
    }
    writer.close().expect("closed");
}

#[test]
fn a_table_whose_path_a_url_cannot_hold_is_refused_before_a_row_is_read() {
    let place = place();
    for name in ["x\\y", "x\ny", "x\u{1b}y"] {
        fs::create_dir(place.path(name)).expect("a directory");
        let publish = |to: &str| ["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b", "--publish", to].map(str::to_owned);
        let before = place.files();
        let table = publish(&format!("{name}/t"));
        refused(&place.run(&table.each_ref().map(String::as_str)), "a Delta table's path cannot hold");
        symlink(place.path(name), place.path("link")).expect("a link");
        let table = publish("link/t");
        refused(&place.run(&table.each_ref().map(String::as_str)), "a Delta table's path cannot hold");
        fs::remove_file(place.path("link")).expect("removed");
        assert_eq!(place.files(), before);
        let parts = publish(&format!("{name}/t.parquet"));
        assert_eq!(place.run(&parts.each_ref().map(String::as_str)).code, 0, "{name:?}");
    }
}

/// What another program writes that keeps a file's metadata, and no index of its pages.
#[test]
fn a_published_file_that_another_program_rewrote_breaks_no_replay() {
    let place = gated();
    let path = place.path("out.parquet");
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("open")).expect("a file");
    let said = builder.metadata().file_metadata().key_value_metadata().expect("a stamp").clone();
    let batch = builder.build().expect("a reader").next().expect("a batch").expect("rows");
    let enabled = parquet::file::properties::EnabledStatistics::Chunk;
    let properties = WriterProperties::builder().set_statistics_enabled(enabled).set_offset_index_disabled(true).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).expect("create"), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    said.into_iter().filter(|e| e.key.starts_with("sluicegate.")).for_each(|e| writer.append_key_value_metadata(e));
    writer.close().expect("closed");
    let before = fs::read(&path).expect("there");
    place.write("r0.yaml", RULES.replace("column: a", "column: b"));
    refused(&place.run(&["replay", "-r", "r0.yaml", "--publish", "out.parquet"]), "another program has rewritten the published file");
    assert_eq!(fs::read(&path).expect("there"), before);
    assert_eq!(
        place
            .files()
            .iter()
            .filter(|file| (file.contains("/.") || file.starts_with('.')) && !file.contains(".sluicegate/summaries/"))
            .count(),
        0,
        "{:?}",
        place.files()
    );
}

#[test]
fn a_part_with_columns_of_other_types_is_damaged_and_breaks_nothing() {
    let texts = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let mut lists = ListBuilder::new(arrow::array::Int64Builder::new());
    lists.append_value([Some(1)]);
    let lists: ArrayRef = Arc::new(lists.finish());
    let numbers = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    for (column, values) in [
        ("_sluicegate_rules", None),
        ("_sluicegate_rules", Some(texts())),
        ("_sluicegate_rules", Some(lists)),
        ("_sluicegate_reason", Some(numbers())),
        ("_sluicegate_file", None),
        ("_sluicegate_file", Some(numbers())),
        ("_sluicegate_line", Some(texts())),
        ("_sluicegate_row", Some(texts())),
        ("_sluicegate_raw", Some(numbers())),
    ] {
        let place = gated();
        forged(&place, column, values, "b");
        for command in [
            &["quarantine", "list", "out_quarantine"][..],
            &["quarantine", "show", "out_quarantine", "b", "--rule", "missing-a"],
            &["quarantine", "export", "out_quarantine", "--to", "m.csv"],
            &["replay", "-r", "r.yaml", "--publish", "out.parquet"],
        ] {
            refused(&place.run(command), &format!("the file is damaged: its column `{column}` is not there, or of another type"));
        }
    }
    // A writer that names what is in a list otherwise is none that damages it.
    let place = gated();
    let mut rules = ListBuilder::new(StringBuilder::new()).with_field(arrow::datatypes::Field::new("element", DataType::Utf8, true));
    rules.append_value([Some("missing-a")]);
    forged(&place, "_sluicegate_rules", Some(Arc::new(rules.finish())), "b");
    forged(&place, "_sluicegate_raw", Some(new_null_array(&DataType::Binary, 1)), "b");
    assert_eq!(place.run(&["quarantine", "list", "out_quarantine"]).code, 0);
}

#[test]
fn a_stamp_that_leads_to_another_directory_is_none() {
    for id in ["../victim", "/tmp/victim", ".hidden", "", "a\nb", "a/b"] {
        let place = gated();
        forged(&place, "", None, id);
        let list = place.run(&["quarantine", "list", "out_quarantine"]);
        assert!(list.code == 0 && list.stdout.contains("no rows are set aside"), "{id}: {}{}", list.stdout, list.stderr);
        assert!(list.stdout.contains("Sluicegate did not write this file; it is left alone"), "{id}: {}", list.stdout);
    }
}

#[test]
fn links_to_places_outside_of_the_root_are_found_wherever_they_are() {
    let place = place();
    place.write("secret/d.csv", "a,b\n1,x\n");
    for (publish, format) in [("secret/table", "delta"), ("secret/parts", "parquet")] {
        let gate = ["gate", "secret/d.csv", "-r", "r.yaml", "--publish", publish, "--publish-format", format, "--batch-id", "s"];
        assert_eq!(place.run(&gate).code, 0);
    }
    place.write("in/d.csv", "a,b\n1,x\n2,y\n");
    place.write("secret/entry.json", "{\"txn\":\"CANARY\"}\n");
    let rules = |gate: &str| {
        let source = "dataset: t\nsource: { path: in/d.csv }\nrules:\n  - duplicates: { key: [a], across: published }\n";
        place.write("s.yaml", format!("{source}gate: {{ {gate} }}\n"));
    };
    let both = |what: &str| {
        for command in ["check", "gate"] {
            let run = place.run(&[command, "-r", "s.yaml", "--root", "in"]);
            refused(&run, "is outside of every directory given with `--root`");
            assert!(!run.stderr.contains("CANARY"), "{what}: {}", run.stderr);
        }
    };
    // A file of published rows, of a table and a part; an entry of the log; a part of the quarantine.
    let mut data = fs::read_dir(place.path("secret/table")).expect("a list").flatten().map(|e| e.file_name());
    let data = data.find(|name| name.to_string_lossy().ends_with(".parquet")).expect("a data file");
    fs::create_dir_all(place.path("in/table/_delta_log")).expect("a directory");
    let entry = "_delta_log/00000000000000000000.json";
    fs::copy(place.path("secret/table").join(entry), place.path("in/table").join(entry)).expect("a copy");
    symlink(place.path("secret/table").join(&data), place.path("in/table").join(&data)).expect("a link");
    rules("publish: in/table");
    both("a data file");
    fs::create_dir(place.path("in/parts")).expect("a directory");
    symlink(place.path("secret/parts/s.parquet"), place.path("in/parts/s.parquet")).expect("a link");
    rules("publish: in/parts");
    both("a part");
    fs::create_dir_all(place.path("in/log/_delta_log")).expect("a directory");
    symlink(place.path("secret/entry.json"), place.path("in/log").join(entry)).expect("a link");
    rules("publish: in/log");
    both("an entry of the log");
    fs::create_dir(place.path("in/q")).expect("a directory");
    symlink(place.path("secret/parts/s.parquet"), place.path("in/q/s.0.parquet")).expect("a link");
    rules("publish: in/new, quarantine: in/q");
    both("a part of the quarantine");
    // `check` refuses the places that the gate would refuse.
    rules("publish: in/new, quarantine: secret/q");
    both("the quarantine");
    fs::create_dir(place.path("in/up")).expect("a directory");
    symlink("/", place.path("in/up/root")).expect("a link");
    place.write("s.yaml", format!("{RULES}source: {{ path: in/up }}\n"));
    let run = place.run(&["check", "-r", "s.yaml", "--root", "in"]);
    refused(&run, "`in/up/root` is outside of every directory given with `--root`");
}

#[test]
fn links_that_another_user_made_are_not_followed_at_names_that_can_be_foreseen() {
    let place = place();
    fs::create_dir(place.path("elsewhere")).expect("a directory");
    fs::create_dir_all(place.path("reserved")).expect("a directory");
    fs::create_dir_all(place.path("log")).expect("a directory");
    let gate = |publish: &str| place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", publish, "--batch-id", "b"]);
    for (link, publish) in [("a_quarantine", "a.parquet"), ("reserved/_sluicegate", "reserved"), ("log/_delta_log", "log")] {
        let link = place.path(link);
        symlink(place.path("elsewhere"), &link).expect("a link");
        if lchown(&link, Some(12_345), None).is_err() {
            return crate::support::skipped("the right to give a link to another user");
        }
        refused(&gate(publish), "this is a symbolic link of another user");
        assert_eq!(fs::read_dir(place.path("elsewhere")).expect("a list").count(), 0, "{publish}");
        fs::remove_file(&link).expect("removed");
    }
    // One's own links are followed.
    symlink(place.path("elsewhere"), place.path("a_quarantine")).expect("a link");
    assert_eq!(gate("a.parquet").code, 0);
    assert_eq!(fs::read_dir(place.path("elsewhere")).expect("a list").count(), 1);
}

const FORGED: &str = "a\nACCEPT  t (check)\r::error::\u{1b}[31m";

fn is_on_its_lines(text: &str) -> bool {
    !text.lines().any(|line| line.starts_with("ACCEPT") || line.starts_with("::")) && !text.contains(['\r', '\u{1b}'])
}

#[test]
fn what_a_replay_says_of_names_stays_on_its_lines() {
    let place = place();
    let name = serde_json::to_string(FORGED).expect("JSON is YAML");
    let rows: String = (0..10).map(|i| if i < 3 { ",x\n".to_owned() } else { format!("{i},x\n") }).collect();
    place.write("d.csv", format!("\"{FORGED}\",b\n{rows}"));
    let rules = |gate: &str| place.write("r.yaml", format!("dataset: t\nrules:\n  - missing: {{ column: {name} }}\n{gate}"));
    rules("");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out.parquet", "--batch-id", "b"]).code, 0);
    assert_eq!(place.run(&["quarantine", "export", "out_quarantine", "--to", "m.csv"]).code, 0);
    let replay = ["replay", "-r", "r.yaml", "--publish", "out.parquet"];
    let mended = place.run(&[&replay[..], &["--mended", "m.csv"]].concat());
    assert!(mended.stdout.contains("as mended it fails missing-a\\nACCEPT"), "{}{}", mended.stdout, mended.stderr);
    rules("gate: { reject_above: 1% }\n");
    let rejected = place.run(&replay);
    assert!(rejected.stdout.contains("of rows fail `missing-a\\nACCEPT"), "{}{}", rejected.stdout, rejected.stderr);
    for run in [mended, rejected] {
        assert!(is_on_its_lines(&run.stdout) && is_on_its_lines(&run.stderr), "{}{}", run.stdout, run.stderr);
    }
}

#[test]
fn arguments_are_repeated_on_one_line() {
    let place = place();
    let option = format!("--{FORGED}");
    for arguments in [&["check", &option, "-r", "r.yaml"][..], &[FORGED], &["check", "d.csv", "-r", "r.yaml", "--now", FORGED]] {
        let run = place.run(arguments);
        assert!(run.code == 2 && run.stderr.contains("a\\nACCEPT"), "{}", run.stderr);
        assert!(is_on_its_lines(&run.stderr), "{}", run.stderr);
    }
    let usual = place.run(&["chekc"]);
    assert!(usual.stderr.contains("\nUsage: "), "{}", usual.stderr);
}

#[test]
fn a_verdict_that_cannot_be_printed_says_what_became_of_the_rows() {
    let place = place();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.current_dir(place.path("")).args(arguments).stdin(Stdio::null());
        let output = command.stdout(File::options().write(true).open("/dev/full").expect("a full device")).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let gate = ["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet", "--report", "r.json"];
    for (arguments, done) in [(&gate[..], "published"), (&gate, "published before"), (&["check", "d.csv", "-r", "r.yaml"], "judged")] {
        let (code, stderr) = run(arguments);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.starts_with(&format!("error: {done}; the verdict could not be printed: ")), "{stderr}");
        assert!(stderr.ends_with("; running again is safe\n") && stderr.lines().count() == 1, "{stderr}");
    }
    assert!(place.path("r.json").exists());
    let (code, stderr) = run(&["--help"]);
    assert!(code == Some(2) && stderr.starts_with("error: standard output cannot be written: "), "{code:?} {stderr}");
}
