//! Text in other dialects: read back as it was written, cut anywhere, and nothing passed over unsaid.

use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;
use sluicegate::source::{self, ContractColumn, Cut, Delimiter, FixedColumn, Format, ReadOptions, RowOrigins, Spool, TextLayout};

use crate::support::{Place, Run};

/// What a file holds: its columns, the records with their lines, malformed ones with their text and reason, comments.
#[derive(Debug, Default, PartialEq)]
pub struct Read {
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub lines: Vec<u64>,
    pub malformed: Vec<(u64, String, String)>,
    pub comments: u64,
}

/// Reads `text` with `options`, every column as text.
pub fn read(text: &[u8], options: &ReadOptions) -> Read {
    let place = Place::new();
    let path = place.write("d.csv", text).display().to_string();
    let spool = Spool::new(place.path(""));
    let options = ReadOptions { missing_values: Some(Vec::new()), ..options.clone() };
    let open = |contract: &[ContractColumn]| source::open(std::slice::from_ref(&path), &options, contract, &spool);
    let names: Vec<String> = open(&[]).unwrap_or_else(|f| panic!("{f}")).schema().fields().iter().map(|f| f.name().clone()).collect();
    let as_text = |name: &String| ContractColumn { name: name.clone(), data_type: Some(DataType::Utf8), format: None, is_strict: false };
    let source = open(&names.iter().map(as_text).collect::<Vec<_>>()).unwrap_or_else(|f| panic!("{f}"));
    let projection = source::Projection::new(source.schema(), (0..names.len()).collect());
    let (mut all, mut origins, mut previous) = (Read { names, ..Read::default() }, RowOrigins::default(), None);
    while let Some((unit, preread)) = source.next_unit(previous.as_ref()).unwrap_or_else(|f| panic!("{f}")) {
        let (mut rows, mut malformed) = (Vec::new(), Vec::new());
        let end = source.read(&unit, preread, &projection, &mut |chunk| {
            let format = FormatOptions::default();
            let columns: Vec<_> = chunk.batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &format).expect("text")).collect();
            for i in 0..chunk.batch.num_rows() {
                rows.push((chunk.rows.get(i), columns.iter().map(|c| c.value(i).to_string()).collect()));
            }
            malformed.extend(chunk.malformed);
            Ok(())
        });
        let end = end.unwrap_or_else(|f| panic!("{f}"));
        origins.push(unit.clone(), &end, source.known().header_lines(unit.file));
        let line = |row: u32| {
            let origin = origins.origin(sluicegate::rows::RowId { unit: unit.index, row }, &source.known().origins);
            match origin {
                sluicegate::rows::Origin::File { line, .. } => line.expect("a line"),
                other => panic!("{other}"),
            }
        };
        for (row, cells) in rows {
            all.lines.push(line(row));
            all.rows.push(cells);
        }
        let raw = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        all.malformed.extend(malformed.iter().map(|m| (line(m.row), raw(&m.raw), m.reason.clone())));
        previous = Some(unit);
    }
    all.comments = origins.comments() + source.known().starts.iter().map(|s| s.comments).sum::<u64>();
    all
}

pub fn delimited(delimiter: &str) -> ReadOptions {
    ReadOptions { delimiter: Some(Delimiter::of(delimiter)), ..ReadOptions::default() }
}

/// The dialects that random tables are written in.
fn dialects() -> Vec<ReadOptions> {
    let with = |delimiter: &str, quote: Option<u8>, escape: Option<u8>, comment: Option<&str>| {
        let text = TextLayout { escape, comment: comment.map(str::to_owned), ..TextLayout::default() };
        ReadOptions { quote: Some(quote), text, ..delimited(delimiter) }
    };
    vec![
        with(",", Some(b'"'), None, None),
        with(";", Some(b'\''), None, Some("#")),
        with(",", Some(b'"'), Some(b'\\'), None),
        with("||", Some(b'"'), None, Some("//")),
        with("::", Some(b'"'), Some(b'\\'), Some("#")),
        with("\t", None, Some(b'\\'), None),
        with(Delimiter::BLANKS, Some(b'"'), Some(b'\\'), None),
        with("§", Some(b'"'), None, None),
    ]
}

/// `cell` as a careful writer of the dialect writes it.
fn written(cell: &str, options: &ReadOptions) -> String {
    let (escape, quote) = (options.text.escape.map(char::from), options.quote.flatten().map(char::from));
    let mut out = String::new();
    for c in cell.chars() {
        let is_special = Some(c) == escape || Some(c) == quote || quote.is_none() && matches!(c, '\t' | '\n' | '#');
        match escape {
            Some(escape) if is_special && (c != '#' || options.text.comment.is_some()) => out.push(escape),
            None if Some(c) == quote => out.push(c),
            _ => {}
        }
        out.push(c);
    }
    quote.map_or(out.clone(), |quote| format!("{quote}{out}{quote}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_table_in_any_dialect_is_read_back_equal_however_it_is_cut(
        rows in prop::collection::vec(prop::collection::vec("[ab1 ,;|:'\"\\\\§#/\n\t]{0,5}", 3), 1..12),
        which in 0usize..8,
        unit_bytes in prop::sample::select(vec![1usize, 2, 7, 30, 200, 1 << 20]),
        with_comments: bool,
    ) {
        let options = &dialects()[which];
        let delimiter = match &options.delimiter {
            Some(Delimiter::Text(text)) => text.as_str(),
            Some(Delimiter::Blanks) | None => " \t ",
        };
        let (mut text, mut line, mut lines, mut comments) = (format!("a{delimiter}b{delimiter}c\n"), 2, Vec::new(), 0);
        for row in &rows {
            if let Some(mark) = options.text.comment.as_ref().filter(|_| with_comments) {
                text.push_str(&format!("{mark} a{delimiter}\"\n"));
                (line, comments) = (line + 1, comments + 1);
            }
            let record = row.iter().map(|cell| written(cell, options)).collect::<Vec<_>>().join(delimiter);
            lines.push(line);
            line += record.matches('\n').count() as u64 + 1;
            text.push_str(&record);
            text.push('\n');
        }
        let options = ReadOptions { cut: Cut { unit_bytes, batch_rows: 5 }, ..options.clone() };
        let found = read(text.as_bytes(), &options);
        prop_assert_eq!(&found.malformed, &Vec::new(), "{}", text);
        prop_assert_eq!((found.rows, found.lines, found.comments), (rows, lines, comments), "{}", text);
    }

    /// What is odd is malformed or not, wherever units end; each line is a record's, a comment's, or blank.
    #[test]
    fn units_of_any_size_give_the_same_records(
        parts in prop::collection::vec(prop::sample::select(vec!["a", "\"", "'", "\\", "||", "::", ",", " ", "\n", "\r\n", "#", "//", "\"x\n", "é"]), 0..80),
        which in 0usize..8,
        unit_bytes in 1usize..60,
    ) {
        let options = &dialects()[which];
        let head = match &options.delimiter {
            Some(Delimiter::Text(text)) => format!("a{text}b\n"),
            Some(Delimiter::Blanks) | None => "a b\n".to_owned(),
        };
        let text = head + &parts.concat();
        let cut = ReadOptions { cut: Cut { unit_bytes, batch_rows: 3 }, ..options.clone() };
        prop_assert_eq!(read(text.as_bytes(), &cut), read(text.as_bytes(), options), "{}", text);
    }
}

fn check(rules: &str, data: &str) -> Run {
    Place::with(&format!("dataset: d\nprofile: basic\nrules: [{{ rows: {{ min: 1 }} }}]\nsource:\n{rules}"), data)
        .run(&["check", "d.csv", "-r", "r.yaml"])
}

/// Name and type of each column.
fn types(run: &Run) -> Vec<String> {
    let columns = run.report()["columns"].as_array().expect("columns");
    columns.iter().map(|c| format!("{} {}", c["name"].as_str().unwrap_or(""), c["type"].as_str().unwrap_or(""))).collect()
}

#[test]
fn what_was_passed_over_is_said_and_is_no_warning() {
    let data = "Report\nof \"May\n\n#x\nid;price\n1;2\n# 7;\"\n2;3\n3;4;5\n\nTOTAL;9\n\n";
    let run = check("  delimiter: \";\"\n  comment: \"#\"\n  skip_rows: 2\n  skip_footer: 1\n", data);
    let source = run.finding("source");
    assert_eq!((&source["outcome"], &source["on_fail"], run.rows("read")), (&"warn".into(), &"info".into(), 3));
    assert_eq!(
        source["message"],
        "the first 2 lines are passed over (`skip_rows`); the last line is passed over (`skip_footer`); \
         2 lines begin with `#` and are passed over (`comment`)"
    );
    let sample = &run.finding("malformed")["samples"][0];
    assert_eq!((&sample["origin"]["line"], &sample["raw"]), (&9.into(), &"3;4;5".into()), "{sample}");
    let strict = Place::with("dataset: d\nrules: []\nsource: { comment: \"#\" }\n", "a\n#\n1\n");
    assert_eq!(strict.run(&["check", "d.csv", "-r", "r.yaml", "--strict"]).code, 0);
}

#[test]
fn what_is_passed_over_is_content_all_the_same() {
    let id = |data: &str| check("  skip_rows: 1\n  skip_footer: 1\n  comment: \"#\"\n", data).report()["batch"]["id"].clone();
    let all = ["x\na\n#c\n1\nend\n", "y\na\n#c\n1\nend\n", "x\na\n#c\n1\nEND\n", "x\na\n#d\n1\nend\n"].map(id);
    for (i, one) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|other| other != one), "{all:?}");
    }
}

#[test]
fn threads_change_nothing() {
    let rows: String = (0..400_000).map(|i| format!("{i}||\"a||\n{i}\"||{}\n{}", i % 7, if i % 5 == 0 { "#c\n" } else { "" })).collect();
    let place = Place::with(
        "dataset: d\nrules: [{ rows: { min: 1 } }, { duplicates: { key: i } }]\nsource: { delimiter: \"||\", comment: \"#\" }\n",
        &format!("i||t||n\n{rows}"),
    );
    let report = |threads: &str| {
        let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--threads", threads]);
        assert_eq!((run.code, run.rows("read")), (0, 400_000), "{}", run.stdout);
        run.report().to_string()
    };
    let one = report("1");
    assert!(one.contains("80,000 lines begin with `#`"), "{one}");
    assert_eq!(report("4"), one);
}

#[test]
fn a_header_of_two_lines_gives_joined_names() {
    let run = check("  header: 2\n", "price,,n\n\neur, usd ,\n1,2,3\n");
    assert_eq!(types(&run), ["price_eur int64", "usd int64", "n int64"]);
    let run = check("  header: 2\n  header_separator: \" \"\n", "a,a\nx,y\n1,2\n");
    assert_eq!(types(&run), ["a x int64", "a y int64"]);
    let run = check("  header: 2\n", "a,b\n1\n1,2\n");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("row 2 of the header has 1 fields, and those above it have 2"), "{}", run.stderr);
}

#[test]
fn lines_of_fixed_width_are_read_by_characters() {
    let column = |name: &str, start, width| FixedColumn { name: name.into(), start, width };
    let columns = vec![column("name", 5, Some(6)), column("id", 0, Some(4)), column("note", 12, None)];
    let text = TextLayout { columns, comment: Some("#".into()), ..TextLayout::default() };
    let options = ReadOptions { format: Some(Format::Fixed), text, ..ReadOptions::default() };
    let data = "   1 Jürgen  x y \r\n#c\n   2 Bo      \n\n   3 Bo\n  45XBo      z\n   6       €\n";
    let found = read(data.as_bytes(), &options);
    assert_eq!(found.names, ["name", "id", "note"]);
    assert_eq!(found.rows, [["Jürgen", "1", "x y"], ["Bo", "2", ""]]);
    assert_eq!((&found.lines, found.comments), (&vec![1, 3], 1));
    assert_eq!(
        found.malformed,
        [
            (5, "   3 Bo".into(), "7 characters where the columns need 12".into()),
            (6, "  45XBo      z".into(), "text between two columns, at characters 5 to 5".into()),
            (7, "   6       €".into(), "text between two columns, at characters 12 to 12".into()),
        ]
    );
    for unit_bytes in [1, 20, 30] {
        assert_eq!(read(data.as_bytes(), &ReadOptions { cut: Cut { unit_bytes, batch_rows: 2 }, ..options.clone() }), found);
    }
    let run = check("  format: fixed\n  columns: { a: 2, b: { width: 3 }, c: { start: 7, width: 1 } }\n", " 1 20 x  \n 2 3.5y\n 3    zz\n");
    assert_eq!((types(&run), run.rows("malformed")), (vec!["a int64".into(), "b int64".into(), "c string".into()], 2));
}

#[test]
fn numbers_in_another_form_are_exact_or_no_numbers() {
    let rules = "  delimiter: \";\"\n  decimal: \",\"\n  thousands: \".\"\n";
    let run = check(rules, "a;b;c;d\n1.234;1.234,50;1.5;007\n-5;0,5;2;1\n");
    assert_eq!(types(&run), ["a int64", "b float64", "c string", "d string"]);
    assert_eq!((&run.report()["columns"][0]["max"], &run.report()["columns"][1]["max"]), (&1234.into(), &1234.5.into()));
    // A contract sets aside what is no number of the form.
    let rules = format!(
        "{rules}schema: {{ columns: {{ a: {{ type: \"decimal(12,2)\" }}, b: {{ type: int64 }}, c: {{ type: float32 }}, d: {{ type: date }} }} }}\n"
    );
    let data =
        "a;b;c;d\n1.234.567,89;0.123;1,5;2026-01-02\n1,5;1.000;1.23,4;\n0,1;2;2,5;2026-01-02\n1,234;5;1;\n12,50;1.000.000;,5;\n7;8;9;\n";
    let run = check(&rules, data);
    let samples = run.finding("malformed")["samples"].as_array().expect("samples").clone();
    let reasons: Vec<&str> = samples.iter().filter_map(|s| s["reason"].as_str()).collect();
    assert_eq!(reasons, ["b: `0.123` is not an int64", "c: `1.23,4` is not a float32", "a: `1,234` is not a decimal(12,2)"]);
    assert_eq!(run.report()["columns"][1]["max"], 1_000_000);
}

#[test]
fn a_mended_row_is_a_plain_file_whatever_the_dialect_of_its_source() {
    let place = Place::with(
        "dataset: d\nsource: { delimiter: \"||\", decimal: \",\", comment: \"#\" }\nrules: [{ range: { column: v, max: 10 } }]\n\
         gate: { publish: out, quarantine: q }\n",
        "id||v\n1||1,5\n#c\n2||20,25\n",
    );
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!((run.rows("published"), run.rows("quarantined")), (1, 1), "{}", run.stdout);
    let id = run.report()["batch"]["id"].as_str().expect("an id").to_owned();
    let exported = place.run(&["quarantine", "export", "q", &id, "--to", "m.csv"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let text = std::fs::read_to_string(place.path("m.csv")).expect("rows");
    assert!(text.contains("20.25"), "{text}");
    place.write("m.csv", text.replace("20.25", "2.25"));
    let replayed = place.run(&["replay", &id, "-r", "r.yaml", "--mended", "m.csv"]);
    assert_eq!(replayed.code, 0, "{}{}", replayed.stdout, replayed.stderr);
}
