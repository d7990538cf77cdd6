//! Values, names and records of text are what they are: what is odd about them is said, never guessed.

use arrow::util::display::array_value_to_string;
use sluicegate::source::csv::framing::{Dialect, Framed, Framer};
use sluicegate::source::{self, ContractColumn, Cut, Projection, ReadOptions, Spool};

use crate::support::{Place, Run};

const RULES: &str = "dataset: d\nrules: [{ rows: { min: 1 } }]\n";
const EMPTY_IS_FINE: &str = "dataset: d\nrules: [{ rows: { min: 0 } }]\n";

/// Checks files of these names and contents against `rules`.
fn check(rules: &str, files: &[(&str, &[u8])]) -> Run {
    let place = Place::new();
    place.write("r.yaml", rules);
    let mut arguments = vec!["check", "-r", "r.yaml"];
    for (name, content) in files {
        place.write(name, content);
        arguments.push(name);
    }
    place.run(&arguments)
}

fn names(run: &Run) -> Vec<&str> {
    run.report()["columns"].as_array().expect("columns").iter().filter_map(|c| c["name"].as_str()).collect()
}

fn source_says(run: &Run) -> &str {
    let finding = run.finding("source");
    assert_eq!((&finding["outcome"], &finding["on_fail"]), (&"warn".into(), &"warn".into()));
    finding["message"].as_str().expect("a message")
}

#[test]
fn what_a_number_would_lose_stays_text() {
    let place = Place::new();
    place.write("d.csv", "phone,zip,delta,half,wide,tiny,exp\n+491701234567,01234,+1.5,.5,9007199254740993.0,1e-400,1e5\n+4915112345678,90210,-2.5,5.,1.5,0.5,2e5\n");
    place.write("r.yaml", "dataset: d\nrules: []\nprofile: basic\ngate: { publish: out.parquet }\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let types: Vec<&str> = run.report()["columns"].as_array().expect("columns").iter().filter_map(|c| c["type"].as_str()).collect();
    assert_eq!(types, ["string", "string", "string", "float64", "string", "string", "float64"]);
    let published = crate::gate::read(&place.path("out.parquet"));
    let phone = arrow::array::AsArray::as_string::<i32>(published.column(0).as_ref());
    assert_eq!((phone.value(0), phone.value(1)), ("+491701234567", "+4915112345678"));
}

#[test]
fn a_plus_in_a_later_file_makes_text_of_the_column_and_a_contract_reads_it_as_a_number() {
    let files: [(&str, &[u8]); 2] = [("a.csv", b"id,v\n1,12\n"), ("b.csv", b"id,v\n2,+13\n")];
    let run = check("dataset: d\nrules: []\nprofile: basic\n", &files);
    assert_eq!((&run.report()["columns"][1]["type"], run.rows("malformed")), (&"string".into(), 0));
    let run =
        check("dataset: d\nschema: { columns: { id: {}, v: { type: int64 } } }\nrules: [{ range: { column: v, max: 12 } }]\n", &files);
    assert_eq!((run.rows("malformed"), &run.finding("range-v")["failing_rows"]), (0, &1.into()), "{}", run.stdout);
}

#[test]
fn json_numbers_that_a_float_would_round_are_their_digits() {
    let rules = "dataset: d\nrules: []\nprofile: basic\n";
    let run = check(rules, &[("d.ndjson", b"{\"v\": 9007199254740993.0}\n{\"v\": 0.5}\n")]);
    assert_eq!(run.report()["columns"][0]["type"], "string", "{}", run.report()["columns"]);
    let run = check(rules, &[("d.ndjson", b"{\"v\": 1e-400}\n{\"v\": 0.5}\n")]);
    assert_eq!((&run.report()["columns"][0]["type"], run.rows("malformed")), (&"float64".into(), 1));
}

#[test]
fn columns_without_a_name_are_named_by_their_place_and_said() {
    let rules = "dataset: d\nrules: []\nprofile: basic\n";
    let run = check(rules, &[("d.csv", b"id,name,,\n1,a,x,\n2,b,,\n")]);
    assert_eq!((run.code, names(&run)), (0, vec!["id", "name", "column_3", "column_4"]));
    assert_eq!(source_says(&run), "d.csv: columns 3, 4 have no name and are called `column_3`, `column_4`");
    let run = check(rules, &[("d.csv", b"\"\",b\n1,a\n"), ("e.csv", b",b\n2,a\n"), ("f.csv", b"column_1,b\n2,a\n")]);
    assert_eq!(source_says(&run), "d.csv and 1 more file: column 1 has no name and is called `column_1`");
}

#[test]
fn a_name_made_up_for_a_column_is_never_called_one_that_stands_twice() {
    let run = check(RULES, &[("c.csv", b"column_2,,x\n1,2,3\n")]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("column 2 has no name in the header, and `column_2` is what column 1 is called"), "{}", run.stderr);
    let run = check(RULES, &[("c.csv", b"a,b,c,b\n1,2,3,4\n")]);
    assert!(run.stderr.contains("the header names `b` twice, in columns 2 and 4"), "{}", run.stderr);
    let run = check(RULES, &[("c.csv", b"a,\" b\",b\n1,2,3\n")]);
    assert!(run.stderr.contains("`b` twice, in columns 2 and 3"), "{}", run.stderr);
    assert!(run.stderr.contains("blanks around a name do not count"), "{}", run.stderr);
}

#[test]
fn blanks_around_a_name_are_left_out_and_said() {
    let run =
        check("dataset: d\nrules: [{ missing: { column: name } }]\nprofile: basic\n", &[("d.csv", b"id, name\t,\xef\xbb\xbfx\n1,a,3\n")]);
    assert_eq!((run.code, names(&run)), (0, vec!["id", "name", "x"]));
    assert_eq!(source_says(&run), "d.csv: the names ` name\\t`, `\\u{feff}x` are read without blanks around");
    let clean = check(RULES, &[("d.csv", b"id,name\n1,a\n")]);
    assert!(!clean.stdout.contains("source"), "{}", clean.stdout);
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_refused() {
    for rules in [RULES, EMPTY_IS_FINE] {
        for file in [&b"a,b\r1,2\r3,4\r"[..], b"a\r1\r2\r3", b"a,b\r1,2\r3,4\r\n", b"a,b\r\r\n1,2\r\r\n"] {
            let run = check(rules, &[("cr.csv", file)]);
            assert_eq!(run.code, 2, "{}", run.stdout);
            assert!(run.stderr.contains("carriage returns (CR) that end no line"), "{}", run.stderr);
        }
    }
    let headless = "dataset: d\nsource: { header: false }\nrules: [{ rows: { min: 0 } }]\n";
    assert_eq!(check(headless, &[("cr.csv", b"1,2\r3,4\r")]).code, 2);
    // Behind a header of its own: too many fields, or with one column a record of several lines.
    for (file, malformed) in [(&b"a,b\n1,2\r3,4\n5,6\n"[..], 1), (b"a\n1\r2\r3\n4\n", 1), (b"a\r\n1\r\n\"x\ry\"\r\n", 0)] {
        assert_eq!(check(RULES, &[("cr.csv", file)]).rows("malformed"), malformed, "{file:?}");
    }
    let run = check(RULES, &[("cr.ndjson", b"{\"a\":1}\r{\"a\":2}\r")]);
    assert!(run.stdout.contains("lines end with LF or CRLF"), "{}", run.stdout);
    assert_eq!(run.rows("malformed"), 1);
}

#[test]
fn a_file_without_a_byte_is_no_delimited_text() {
    for rules in [RULES, EMPTY_IS_FINE] {
        for files in [&[("zero.csv", &b""[..])][..], &[("a.csv", b"a,b\n1,2\n"), ("zero.csv", b"")]] {
            let run = check(rules, files);
            assert_eq!(run.code, 2);
            assert!(run.stderr.contains("zero.csv has no bytes"), "{}", run.stderr);
        }
    }
    // A header is enough.
    let run = check(EMPTY_IS_FINE, &[("a.csv", b"a,b\n")]);
    assert_eq!((run.code, run.verdict()), (0, "accept"));
    assert_eq!(check("dataset: d\nrules: []\n", &[("a.csv", b"a,b\n")]).verdict(), "undecided");
    let run = check(RULES, &[("a.csv", b"a,b\n"), ("b.csv", b"a,b\n1,2\n")]);
    assert_eq!((run.code, run.rows("read")), (0, 1));
}

#[test]
fn a_file_of_no_json_lines_is_said_beside_others() {
    let run = check(RULES, &[("a.ndjson", b"{\"a\": 1}\n"), ("zero.ndjson", b"")]);
    assert_eq!((run.code, source_says(&run)), (0, "zero.ndjson has no bytes"));
    assert_eq!(check("dataset: d\nrules: []\n", &[("zero.ndjson", b"")]).verdict(), "undecided");
    assert_eq!(check(EMPTY_IS_FINE, &[("zero.ndjson", b"")]).verdict(), "accept");
}

#[test]
fn keys_that_are_blank_or_have_blanks_around_are_kept_and_said() {
    let run = check(RULES, &[("d.ndjson", b"{\"\": 1, \"a\": {\" b\": 2}, \"c\": [{\"\": 3}]}\n")]);
    assert_eq!(source_says(&run), "a key is empty or blank: ``; blanks are part of the key `a. b`; a key is empty or blank: `c[].`");
    let run = check(RULES, &[("d.ndjson", b"{\"a\": 1, \"a\": 2}\n{\"a\": 1}\n{\"a\": 1, \"o\": {\"b\": 1, \"\\u0062\": 2}}\n")]);
    assert_eq!(run.rows("malformed"), 2);
}

#[test]
fn marks_and_nul_bytes_where_none_belong_are_said() {
    let joined = check(RULES, &[("d.csv", b"\xef\xbb\xbfa,b\n1,2\n\xef\xbb\xbfa,b\n3,4\n")]);
    assert_eq!(joined.rows("malformed"), 1);
    assert!(joined.stdout.contains("a byte order mark inside the file"), "{}", joined.stdout);
    let joined = check(RULES, &[("d.ndjson", b"\xef\xbb\xbf{\"a\": 1}\n\xef\xbb\xbf{\"a\": 2}\n")]);
    assert_eq!(joined.rows("malformed"), 1);
    assert!(joined.stdout.contains("a byte order mark inside the file"), "{}", joined.stdout);
    let utf16: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for rules in [EMPTY_IS_FINE, "dataset: d\nsource: { header: false }\nrules: []\n"] {
        let run = check(rules, &[("d.csv", &utf16)]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("full of NUL bytes") && run.stderr.contains("utf-16le"), "{}", run.stderr);
    }
}

#[test]
fn a_column_of_the_contract_that_is_absent_is_never_a_pass() {
    let rules = |evolution: &str, more: &str| {
        let columns = "id: { type: int64, required: true }, price: { type: \"decimal(10,2)\" }, untyped: {}, name: { type: string }";
        format!("dataset: d\nschema: {{ evolution: {evolution}, columns: {{ {columns} }} }}\nrules: [{more}]\n")
    };
    let data: &[(&str, &[u8])] = &[("d.csv", b"id,name\n1,a\n2,b\n")];
    for evolution in ["backward", "forward", "full", "any"] {
        let run = check(&rules(evolution, "rows: { min: 1 }"), data);
        assert_eq!((run.code, &run.finding("schema")["outcome"]), (0, &"warn".into()), "{evolution}");
        let message = run.finding("schema")["message"].as_str().expect("a message");
        assert!(message.contains("`price` removed") && message.contains("`untyped` removed"), "{message}");
    }
    assert_eq!(check(&rules("exact", "rows: { min: 1 }"), data).code, 1);
    // Rules that speak of it without naming it say that they did not judge it; one that names it stops.
    let outcome = |run: &Run, id: &str| run.finding(id)["outcome"].as_str().expect("an outcome").to_owned();
    let run = check(&rules("backward", "missing: { columns: \"*\", tolerate: 10% }"), data);
    assert_eq!(run.code, 0, "{}", run.stdout);
    for column in ["price", "untyped"] {
        assert_eq!(outcome(&run, &format!("missing-{column}")), "no_data");
    }
    assert_eq!(outcome(&run, "missing-name"), "pass");
    let run = check(&rules("backward", "range: { columns: { type: numeric }, min: 0 }"), data);
    assert_eq!((outcome(&run, "range-price"), run.code), ("no_data".to_owned(), 0));
    let run = check(&rules("backward", "missing: { columns: [price, \"p*\"], on_no_data: stop }"), data);
    assert_eq!((run.code, run.verdict()), (2, "undecided"), "{}{}", run.stdout, run.stderr);
    let strict = check(&rules("backward", "missing: { columns: \"*\", on_no_data: stop }"), data);
    assert_eq!((strict.code, strict.verdict()), (2, "undecided"));
    let warned = check(&rules("backward", "rows: { min: 1 }"), data);
    assert!(warned.report()["findings"].as_array().is_some_and(|all| all.iter().all(|f| f["outcome"] != "fail")));
}

#[test]
fn a_struct_that_is_absent_is_named_by_what_speaks_of_it() {
    let rules = |columns: &str| {
        format!(
            "dataset: d\nschema: {{ columns: {{ id: {{}}, address.city: {{ type: string }} }} }}\nrules: [missing: {{ columns: \"{columns}\" }}]\n"
        )
    };
    let data: &[(&str, &[u8])] = &[("d.ndjson", b"{\"id\": 1}\n")];
    assert_eq!(check(&rules("*"), data).finding("missing-address")["outcome"], "no_data");
}

/// One record a line: quoted values with delimiters, with doubled quotes, without either, inch marks and prices.
fn sound() -> String {
    let names = ["\"Women's Hikers, Low\"", "\"Boots, 6\"\" high\"", "\"plain\"", "5\" pipe", "\"a, \"\"b\"\", c\"", "\"\"", "6\" high"];
    let row = |i: usize| format!("{i},${}.{:02},{},{},x{i}\n", i % 90, i % 100, names[i % names.len()], names[(i / 7 + 2) % names.len()]);
    (0..49).map(row).collect()
}

/// The records, or none if one of them is malformed.
fn read(text: &str, fields: usize) -> Option<Vec<Vec<String>>> {
    let dialect = Dialect { delimiter: b',', quote: Some(b'"') };
    let mut framer = Framer::new(text.as_bytes(), dialect, Some(fields), true);
    let (mut at, mut rows) = (0, Vec::new());
    while at < text.len() {
        match framer.frame(at) {
            Framed::Record { next, .. } if framer.cells.len() == fields => {
                rows.push(framer.cells.iter().map(|c| text[c.start as usize..c.end as usize].to_owned()).collect());
                at = next;
            }
            Framed::Blank { next } | Framed::Comment { next } => at = next,
            Framed::Record { .. } | Framed::Bad { .. } | Framed::Incomplete => return None,
        }
    }
    Some(rows)
}

#[test]
fn records_damaged_by_one_character_are_malformed_unless_their_fields_are_whole() {
    let text = sound();
    let before = read(&text, 5).expect("sound records");
    let (mut damages, mut whole, mut torn) = (0, 0, Vec::new());
    for (at, c) in text.char_indices().filter(|(_, c)| matches!(c, '"' | ',' | '\n')) {
        for instead in ["", "x", "\"", ","] {
            // The line end of the last record may be missing.
            if instead == c.to_string() || (c == '\n' && at + 1 == text.len()) {
                continue;
            }
            damages += 1;
            let damaged = format!("{}{instead}{}", &text[..at], &text[at + 1..]);
            let Some(rows) = read(&damaged, 5).filter(|rows| *rows != before) else { continue };
            let differ = rows.iter().flatten().zip(before.iter().flatten()).filter(|(a, b)| a != b).count();
            match differ {
                // Only the text of one field differs: its own quotes, or a delimiter inside them.
                1 if rows.len() == before.len() => whole += 1,
                _ => torn.push(damaged[at.saturating_sub(20)..].chars().take(40).collect::<String>()),
            }
        }
    }
    assert_eq!((damages, whole, torn), (1704, 204, Vec::new()));
}

/// Every record of the file at `path`: its fields, or why it is malformed and its text.
fn records(path: &str, spool: &Spool, cut: Cut) -> Vec<String> {
    let options = ReadOptions { cut, ..ReadOptions::default() };
    let text = |name: &str| ContractColumn {
        name: name.to_owned(),
        data_type: Some(arrow::datatypes::DataType::Utf8),
        format: None,
        is_strict: false,
    };
    let source = source::open(&[path.to_owned()], &options, &["a", "b", "c"].map(text), spool).unwrap_or_else(|f| panic!("{f}"));
    let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
    let (mut found, mut previous) = (Vec::new(), None);
    while let Some((unit, preread)) = source.next_unit(previous.as_ref()).unwrap_or_else(|f| panic!("{f}")) {
        let mut of_unit: Vec<(u32, String)> = Vec::new();
        let each = &mut |chunk: source::Chunk| {
            let shown = |i: usize| chunk.batch.columns().iter().map(|c| array_value_to_string(c, i).expect("a value")).collect::<Vec<_>>();
            of_unit.extend((0..chunk.batch.num_rows()).map(|i| (chunk.rows.get(i), shown(i).join("|"))));
            of_unit.extend(chunk.malformed.into_iter().map(|m| (m.row, format!("{}: {:?}", m.reason, String::from_utf8_lossy(&m.raw)))));
            Ok(())
        };
        source.read(&unit, preread, &projection, each).unwrap_or_else(|f| panic!("{f}"));
        of_unit.sort();
        found.extend(of_unit.into_iter().map(|(_, text)| text));
        previous = Some(unit);
    }
    found
}

#[test]
fn torn_records_are_the_same_whatever_the_size_of_units() {
    let place = Place::new();
    let mut text = String::from("a,b,c\n");
    for i in 0..40 {
        text.push_str(match i % 8 {
            0 => "x\",\"y\n",
            1 => "1,2,3\n",
            2 => "4,\"two\nlines\",5\n",
            3 => "1$\"a, b\",\"c\nd\"\n",
            4 => "6,\"open,7\n",
            5 => "x\",\"y,\"z\n",
            6 => "5\" pipe,6\" pipe,\n",
            _ => "\"\"\"\",\"a\"\"\n\",8\r\n",
        });
    }
    let path = place.write("d.csv", &text).display().to_string();
    let spool = Spool::new(place.path(""));
    let whole = records(&path, &spool, Cut::default());
    assert!(
        whole.iter().any(|r| r.starts_with("a quote behind text")) && whole.iter().any(|r| r.starts_with("unterminated quote")),
        "{whole:?}"
    );
    for unit_bytes in [1, 7, 16, 50, 64, 100, 333] {
        assert_eq!(records(&path, &spool, Cut { unit_bytes, batch_rows: 3 }), whole, "units of {unit_bytes} bytes");
    }
}
