//! `init`: what it suggests finds planted errors and little else, holds on the data it came from, and reads whatever names and
//! values are.

mod planted;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use sluicegate::audit::{self, Budget, Job, NoSink};
use sluicegate::findings::Outcome;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, Spool};

use self::planted::{Planted, Random};
use crate::support::{Place, Run, project};

/// The file that is suggested for `data`, which is in `place`; it must be valid.
fn suggested(place: &Place, data: &[&str]) -> String {
    let done = place.run(&[&["init"], data].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    place.write("rules.yaml", &done.stdout);
    let validated = place.run(&["rules", "validate", "rules.yaml"]);
    assert_eq!(validated.code, 0, "{}\n{}", validated.stderr, done.stdout);
    done.stdout
}

/// What the suggested file says of `data`.
fn checked(place: &Place, data: &str) -> Run {
    place.run(&["check", data, "-r", "rules.yaml"])
}

/// Ids of rules that do not pass.
fn broken(run: &Run) -> Vec<String> {
    let findings = run.report()["findings"].as_array().expect("findings");
    let fails = findings.iter().filter(|finding| finding["outcome"] != "pass" && finding["rule"] != "source");
    fails.map(|finding| finding["id"].to_string()).collect()
}

/// Every failing row with the columns of the rule that it fails.
fn failing(place: &Place, rules: &str, data: &str) -> Vec<(usize, BTreeSet<String>)> {
    let rules = RuleFile::parse(rules, "rules.yaml").expect("valid");
    let options = rules.sections.read_options(&rules.path).expect("options");
    let path = place.path(data).display().to_string();
    let spool = Spool::new(std::env::temp_dir());
    let data = source::open(&[path], &options, &rules.contract(), &spool).expect("data");
    let budget = Arc::new(Budget::new(1 << 28, std::env::temp_dir()));
    let job = Job::new(&rules, data, chrono::DateTime::UNIX_EPOCH, budget);
    let audited = audit::audit(&job, &NoSink::default()).expect("an audit");
    let mut all = Vec::new();
    for finding in audited.findings.iter().filter(|finding| matches!(finding.finding.outcome, Outcome::Fail | Outcome::Warn)) {
        let columns: BTreeSet<String> = finding.finding.columns.iter().cloned().collect();
        all.extend(finding.rows.iter().map(|row| (row.row as usize, columns.clone())));
    }
    all
}

#[test]
fn planted_errors_of_five_classes_are_found_and_little_else() {
    let place = Place::new();
    let Planted { text, errors } = planted::orders(2_000, 11, true);
    place.write("orders.csv", text);
    let rules = suggested(&place, &["orders.csv"]);
    let flags = failing(&place, &rules, "orders.csv");
    let is_error = |row: usize, columns: &BTreeSet<String>| columns.iter().any(|column| errors.contains_key(&(row, column.clone())));
    let right = flags.iter().filter(|(row, columns)| is_error(*row, columns)).count();
    let found = errors.keys().filter(|(row, column)| flags.iter().any(|(flagged, columns)| flagged == row && columns.contains(column)));
    let (precision, recall) = (right as f64 / flags.len() as f64, found.count() as f64 / errors.len() as f64);
    assert!(errors.len() > 400, "{}", errors.len());
    assert!(precision >= 0.95 && recall >= 0.7, "precision {precision:.3}, recall {recall:.3}\n{rules}");
    // What it suggests does not reject the data that it came from.
    let gated = place.run(&["gate", "orders.csv", "-r", "rules.yaml", "--publish", "good.parquet", "--quarantine", "aside"]);
    assert_eq!(gated.code, 0, "{}", gated.stdout);
}

#[test]
fn no_rule_that_half_of_clean_data_suggests_fails_on_the_other_half() {
    let place = Place::new();
    let Planted { text, .. } = planted::orders(3_000, 5, false);
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut random = Random::new(8);
    let (one, other): (Vec<&str>, Vec<&str>) = rows.lines().partition(|_| random.next() < 0.5);
    place.write("one.csv", format!("{header}\n{}\n", one.join("\n")));
    place.write("other.csv", format!("{header}\n{}\n", other.join("\n")));
    let rules = suggested(&place, &["one.csv"]);
    assert!(RuleFile::parse(&rules, "rules.yaml").expect("valid").count() >= 8, "{rules}");
    for data in ["one.csv", "other.csv"] {
        assert_eq!(broken(&checked(&place, data)), Vec::<String>::new(), "{data}\n{rules}");
    }
}

#[test]
fn the_same_file_is_suggested_whatever_the_threads() {
    let place = Place::new();
    place.write("orders.csv", planted::orders(1_000, 3, true).text);
    let one = place.run(&["init", "orders.csv", "--threads", "1"]);
    let four = place.run(&["init", "orders.csv", "--threads", "4"]);
    assert_eq!((one.code, &one.stdout), (0, &four.stdout));
}

#[test]
fn history_is_tried_on_its_last_file() {
    let place = Place::new();
    let day = |states: &[&str]| {
        let rows = (0..400).map(|i| format!("{i},{},{}\n", states[i % states.len()], i % 90 + 10));
        format!("id,state,amount\n{}", rows.collect::<String>())
    };
    place.write("1.csv", day(&["open", "paid"]));
    place.write("2.csv", day(&["open", "paid"]));
    place.write("3.csv", day(&["open", "paid"]));
    let same = suggested(&place, &["1.csv", "2.csv", "3.csv"]);
    assert!(same.contains("held on the last") && same.contains("values: { column: state, in: [open, paid] }"), "{same}");
    place.write("3.csv", day(&["open", "paid", "shipped", "returned"]));
    let other = suggested(&place, &["1.csv", "2.csv", "3.csv"]);
    assert!(!other.contains("in: [open, paid]"), "{other}");
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let place = Place::with("dataset: mine\n", "id\n1\n");
    let done = place.run(&["init", "d.csv", "-o", "r.yaml"]);
    assert_eq!((done.code, std::fs::read_to_string(place.path("r.yaml")).expect("there").as_str()), (2, "dataset: mine\n"));
    assert!(done.stderr.contains("there is a file already"), "{}", done.stderr);
    let written = place.run(&["init", "d.csv", "-o", "new.yaml", "--dataset", "lots of: things"]);
    assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{}", written.stderr);
    let text = std::fs::read_to_string(place.path("new.yaml")).expect("written");
    assert!(text.contains("dataset: \"lots of: things\""), "{text}");
}

#[test]
fn small_wide_and_empty_tables_get_a_file_that_holds() {
    let place = Place::new();
    let mut random = Random::new(4);
    let mut line = |_| (0..200).map(|_| random.below(1000).to_string()).collect::<Vec<_>>().join(",") + "\n";
    let names = (0..200).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    let wide = format!("{names}\n{}", (0..150).map(&mut line).collect::<String>());
    let tables = [
        ("one_row", "a,b\n1,x\n".to_owned()),
        ("one_column", format!("only\n{}", (0..200).map(|i| format!("{}\n", i % 7)).collect::<String>())),
        ("all_missing", format!("a,b\n{}", ",\n".repeat(100))),
        ("semicolons", format!("a;b\n{}", (0..60).map(|i| format!("{i};x{}\n", i % 3)).collect::<String>())),
        ("wide", wide),
    ];
    for (name, text) in tables {
        let file = format!("{name}.csv");
        place.write(&file, text);
        let rules = suggested(&place, &[&file]);
        assert_eq!((checked(&place, &file).code, broken(&checked(&place, &file))), (0, Vec::new()), "{name}\n{rules}");
        assert!(rules.lines().count() < 700, "{name}: {}", rules.lines().count());
    }
    // Strings of JSON are no numbers, though their values look so.
    place.write("texts.ndjson", (0..100).map(|i| format!("{{\"id\": \"{i}\", \"n\": {i}}}\n")).collect::<String>());
    assert!(suggested(&place, &["texts.ndjson"]).contains("id: { type: string"));
    assert_eq!(checked(&place, "texts.ndjson").code, 0);
    place.write("header.csv", "a,b\n");
    assert!(suggested(&place, &["header.csv"]).contains("rules: []"));
    place.write("nothing.csv", "");
    let nothing = place.run(&["init", "nothing.csv"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""), "{}", nothing.stderr);
}

#[test]
fn other_formats_are_suggested_rules_for_too() {
    let place = Place::new();
    for name in ["table.parquet", "table.ndjson", "table.arrow", "nested.parquet", "nested.ndjson"] {
        std::fs::copy(project("fixtures/formats").join(name), place.path(name)).expect("a fixture");
        let rules = suggested(&place, &[name]);
        let run = checked(&place, name);
        assert_eq!(run.code, 0, "{name}\n{rules}\n{}", run.stdout);
    }
}

/// Names and values that mean something in YAML, SQL, regular expressions, globs or a terminal.
const ODD: [&str; 24] = [
    "a b",
    "select",
    "\"quoted\"",
    "it's",
    "x: y",
    "- dash",
    "#hash",
    "*",
    "a?",
    "[0]",
    "a.b",
    "{x}",
    "null",
    "yes",
    "on",
    "Ünï",
    "\u{1F600}",
    "$1",
    "\\d+",
    "%20",
    "a`b",
    "tab\tbed",
    "\u{202e}abc",
    "007",
];

fn odd_table() -> impl Strategy<Value = (Vec<&'static str>, u64)> {
    (proptest::sample::subsequence(ODD.to_vec(), 1..6).prop_shuffle(), any::<u64>())
}

/// A field as CSV holds it.
fn field(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_file_is_valid_and_holds_whatever_names_and_values_are((names, seed) in odd_table()) {
        let place = Place::new();
        let mut random = Random::new(seed);
        let header: Vec<String> = names.iter().map(|name| field(name)).collect();
        let mut text = header.join(",") + "\n";
        for row in 0..150 {
            let value = |column: usize, random: &mut Random| match column % 5 {
                0 => field(ODD[random.below(4) + 4 * (column % 5)]),
                1 => format!("{}", random.below(50) as f64 / 4.0),
                2 => field(&format!("{}-{}", ODD[random.below(ODD.len())], random.below(9))),
                3 => format!("2026-0{}-1{}", random.below(9) + 1, random.below(9)),
                _ => row.to_string(),
            };
            let values: Vec<String> = (0..names.len()).map(|column| value(column, &mut random)).collect();
            text.push_str(&(values.join(",") + "\n"));
        }
        place.write("odd.csv", &text);
        let rules = suggested(&place, &["odd.csv"]);
        let run = checked(&place, "odd.csv");
        prop_assert!(run.code <= 1 && run.verdict() != "reject" && run.verdict() != "undecided", "{rules}\n{}", run.stdout);
    }
}

#[test]
fn digits_that_a_number_would_change_stay_text_and_stand_ins_leave_numbers_numbers() {
    let place = Place::new();
    let rows: String = (0..400u32)
        .map(|i| {
            let code = if i == 7 { "01067".to_owned() } else { (20_000 + i * 37 % 9_000).to_string() };
            let humidity = if i % 40 == 3 { "null".to_owned() } else { format!("{}.{}", 40 + i % 23, i % 10) };
            format!("{i},{code},{humidity}\n")
        })
        .collect();
    place.write("d.csv", format!("id,plz,humidity\n{rows}"));
    let written = place.run(&["init", "d.csv"]);
    assert_eq!(written.code, 0, "{}", written.stderr);
    assert!(written.stdout.contains("plz: { type: string") && written.stdout.contains("humidity: { type: float64"), "{}", written.stdout);
}
