//! What is found out of a file's dialect, what is refused to be guessed, and mistakes in the words for it.

use crate::support::{Place, Run};

fn check(source: &str, data: &str) -> Run {
    Place::with(&format!("dataset: d\nprofile: basic\nrules: []\nsource: {source}\n"), data).run(&["check", "d.csv", "-r", "r.yaml"])
}

/// What is to be written in the rule file.
fn found(source: &str, data: &str) -> String {
    let run = check(source, data);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{data}");
    let message = run.finding("source")["message"].as_str().expect("a message").to_owned();
    let begin = message.find("`source: ").expect("what to write") + "`source: ".len();
    let written = message[begin..].split('`').next().expect("its end").to_owned();
    // Written down, it reads the same.
    let again = check(&written, data);
    assert_eq!((&run.report()["columns"], run.rows("read")), (&again.report()["columns"], again.rows("read")), "{written}");
    assert!(run.stdout.contains("dialect was found"), "it stands on the terminal: {}", run.stdout);
    written
}

const SNIFF: &str = "{ dialect: sniff }";

#[test]
fn a_dialect_is_found_and_said_as_it_is_to_be_written() {
    for (data, written) in [
        ("a,b\n1,2\n3,4\n", r#"{ delimiter: "," }"#),
        ("a;b\n1;2,5\n3;4,5\n", r#"{ delimiter: ";", decimal: "," }"#),
        ("a\tb\nx y\t\"1\t2\"\nx\t3\n", r#"{ delimiter: "\t" }"#),
        ("id||name||n\n1||x|y||2\n2||z||3\n", r#"{ delimiter: "||" }"#),
        ("id::t\n1::10:30\n2::11:45\n", r#"{ delimiter: "::" }"#),
        ("a|b\n'x|y'|1\n'z'|2\n", r#"{ delimiter: "|", quote: "'" }"#),
        ("a,b\n\"say \\\"hi\\\", you\",1\nx,2\n", r#"{ delimiter: ",", escape: "\\" }"#),
        (
            "Report\nof May, 2026 and more, more\n\nid;price\n1;1.234,50\n2;0,5\n",
            r#"{ delimiter: ";", skip_rows: 3, decimal: ",", thousands: "." }"#,
        ),
        ("1;x\n2;y\n3;z\n", r#"{ delimiter: ";", header: false }"#),
        ("1;2024-01-01\n2;2024-01-02\n", r#"{ delimiter: ";", header: false }"#),
        ("id;2023;2024\na;1;2\nb;3;4\n", r#"{ delimiter: ";", header: false }"#),
        ("n;2023;2024\n1;1;2\n2;3;4\n", r#"{ delimiter: ";" }"#),
        ("id   name\n1    x\n22   y\n", r#"{ delimiter: blanks }"#),
        ("name\nAnna\nBob\n", r#"{ delimiter: "," }"#),
        ("when,what\n2026-01-01 10:00:00,x y\n2026-01-02 11:00:00,y z\n", r#"{ delimiter: "," }"#),
        ("a,b\n\"1,234\",\"0.5\"\n\"12,345.5\",\"1.5\"\n", r#"{ delimiter: ",", thousands: "," }"#),
    ] {
        assert_eq!(found(SNIFF, data), written, "{data}");
    }
}

#[test]
fn what_is_written_is_not_looked_for() {
    assert_eq!(found(r#"{ dialect: sniff, delimiter: ";" }"#, "a,b;c,d\n1,2;3,4\n"), r#"{ delimiter: ";", decimal: "," }"#);
    assert_eq!(found(r#"{ dialect: sniff, thousands: "," }"#, "a;b\n1;1,234\n"), r#"{ delimiter: ";", thousands: "," }"#);
    assert_eq!(found(r#"{ dialect: sniff, header: false }"#, "a;b\n1;2\n"), r#"{ delimiter: ";", header: false }"#);
}

#[test]
fn two_dialects_that_fit_equally_well_are_a_fault_that_names_both() {
    for (data, what) in [
        (
            "a,b;c,d\n1,2;3,4\n",
            r#"two dialects fit the first rows equally well: `{ delimiter: "," }` (3 columns) and `{ delimiter: ";" }` (2 columns)"#,
        ),
        ("a;b\n1;1,234\n", r#"numbers such as `1,234` can be read in two ways: `decimal: ","` and `thousands: ","`"#),
        ("a\nb,c\n,\n;\n\t\n|\n^\n~\nx::y\n\u{1}\u{1f}\nx||\n", "no dialect divides the first rows into the same number of fields"),
    ] {
        let run = check(SNIFF, data);
        assert_eq!(run.code, 2, "{data}: {}", run.stdout);
        assert!(run.stderr.contains(what) && run.stderr.contains("d.csv") && run.stderr.contains("`source:`"), "{}", run.stderr);
    }
}

#[test]
fn a_header_of_one_cell_that_another_delimiter_divides_like_the_records_is_a_fault() {
    let run = check("{}", "a;b;c\n1;2;3\n4;5;6\n");
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains(
            "d.csv: the header is one column `a;b;c`; with `;` it would be 3, and so would the records behind it; \
             write `source: { delimiter: \";\" }` or `source: { dialect: sniff }`"
        ),
        "{}",
        run.stderr
    );
    // Text with semicolons in one column, a column that the contract names, a delimiter that is written: one column is meant.
    for (source, data, outcome) in [
        ("{}", "note\na;b\nc;d\n", None),
        ("{}", "note;more\na;b\nc\n", Some("divide into 2")),
        ("{}\nschema: { columns: { \"a;b\": {} } }", "a;b\n1;2\n", None),
        ("{ delimiter: \",\" }", "a;b\n1;2\n", Some("if that is meant, write")),
    ] {
        let run = check(source, data);
        assert_eq!(run.code, 0, "{data}: {}", run.stderr);
        let findings = run.report()["findings"].as_array().expect("findings");
        let said = findings.iter().find(|f| f["id"] == "source").and_then(|f| f["message"].as_str());
        assert_eq!(said.is_some(), outcome.is_some(), "{data}: {said:?}");
        assert!(outcome.is_none_or(|what| said.is_some_and(|said| said.contains(what))), "{data}: {said:?}");
    }
}

#[test]
fn mistakes_in_the_words_are_named_with_what_to_write() {
    for (source, what) in [
        ("{ delimiter: \";\", quote: \";\" }", "the delimiter and the quote are both `;`; they must differ; write `quote: \"\"`"),
        ("{ escape: '\"' }", "the escape and the quote are both `\"`; leave `escape` out"),
        ("{ escape: \";\", delimiter: \";\" }", "the delimiter and the escape are both `;`"),
        ("{ comment: '\"' }", "the comment mark `\\\"` begins with the delimiter, the quote or the escape"),
        ("{ delimiter: \"\" }", "the delimiter is empty"),
        ("{ delimiter: \"a\\nb\" }", "the delimiter holds a line end"),
        ("{ escape: \"ab\" }", "the escape `ab` is not one ASCII character"),
        ("{ decimal: \",\", thousands: \",\" }", "`decimal` and `thousands` are both `,`; they must differ; perhaps `thousands: \".\"`"),
        ("{ thousands: \".\" }", "`decimal` and `thousands` are both `.`; numbers have a point before their fraction unless"),
        ("{ decimal: \"1\" }", "`decimal: 1` is not one character that may stand between digits"),
        ("{ format: fixed }", "the format fixed needs `source: { columns: … }`; write each column's width"),
        (
            "{ format: fixed, columns: { a: 2 }, header: true }",
            "`source: { header: … }` means nothing in the format fixed; the names stand in",
        ),
        ("{ format: fixed, columns: { a: {}, b: 2 } }", "the columns `a` and `b` overlap"),
        ("{ format: fixed, columns: { a: 0 } }", "`start` and `width` are 1 to"),
        ("{ columns: { a: 2 } }", "`source: { columns: … }` means nothing in the format csv; it is for `format: fixed`"),
        ("{ format: parquet, escape: \"\\\\\" }", "`source: { escape: … }` means nothing in the format parquet"),
        ("{ skip_rows: 0 }", "`skip_rows: 0` is not from 1 to"),
        ("{ header: 0 }", "without one, write `header: false`"),
        ("{ skip_rows: 9 }", "d.csv has 2 line ends, and `skip_rows: 9` passes over more"),
        ("{ skip_footer: 9 }", "d.csv has 2 lines, and `skip_footer: 9` passes over more"),
        ("{ skip_footer: 2 }", "d.csv holds nothing but lines that are passed over"),
        ("{ dialect: excel }", "`excel` is not allowed here; write `sniff`"),
    ] {
        let run = check(source, "a\n1\n");
        assert_eq!(run.code, 2, "{source}: {}", run.stdout);
        assert!(run.stderr.contains(what), "{source}: {}", run.stderr);
    }
    // The file's name says another format.
    let place = Place::with("dataset: d\nrules: []\nsource: { skip_rows: 1 }\n", "");
    place.write("d.ndjson", "{\"a\": 1}\n");
    let run = place.run(&["check", "d.ndjson", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("`source: { skip_rows: … }` means nothing in the format ndjson"), "{}", run.stderr);
}
