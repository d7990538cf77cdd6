//! Values are what they are: nothing wraps around, divides by zero or is misread on the way from SQL to a verdict.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int32Type};

use crate::gate::read;
use crate::support::{Place, Run};

const TYPES: &str =
    "schema: { columns: { id: { type: int64 }, quantity: { type: int32 }, cents: { type: int32 }, big: { type: int64 } } }\n";
const VALUES: &str = "id,quantity,cents,big\n1,100000,50000,9223372036854775807\n2,2,3,1\n";

fn place(rules: &str, data: &str) -> Place {
    Place::with(&format!("dataset: d\n{rules}"), data)
}

fn check(place: &Place) -> Run {
    place.run(&["check", "d.csv", "-r", "r.yaml"])
}

#[test]
fn an_integer_that_would_wrap_around_is_never_published() {
    let rules = format!(
        "{TYPES}transform: {{ total: quantity * cents, next: big + 1, double: big * 2, back: \"-big - 2\" }}\nrules: []\ngate: {{ publish: t.parquet }}\n"
    );
    let place = place(&rules, VALUES);
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!((run.code, run.rows("published"), run.rows("malformed")), (0, 1, 1), "{}", run.stdout);
    let reason = &run.finding("malformed")["samples"][0]["reason"];
    assert_eq!(reason, "quantity * cents: 100000 * 50000 is more than int32 can hold");
    let published = read(&place.path("t.parquet"));
    let total = published.column_by_name("total").expect("published").as_primitive::<Int32Type>();
    assert_eq!(total.values(), &[6]);
}

#[test]
fn an_expression_that_would_wrap_around_fails_the_row() {
    let rules = format!(
        "{TYPES}rules:\n  - expression: {{ id: product, sql: \"quantity * cents >= quantity\" }}\n  - expression: {{ id: next, sql: \"big + 1 > 0 or big + 1 <= 0\" }}\n  - expression: {{ id: guarded, sql: \"quantity > 1000 or quantity * cents > 0\" }}\n"
    );
    let run = check(&place(&rules, VALUES));
    for (id, failing) in [("product", 1), ("next", 1), ("guarded", 0)] {
        assert_eq!(run.finding(id)["failing_rows"], failing, "{id}: {}", run.stdout);
    }
}

#[test]
fn a_float_divided_by_zero_is_no_infinity() {
    let data = "ok,total\n7.0,8.0\n3.0,0.0\n0.0,0.0\n-1.0,-0.0\n";
    let rules = "rules:\n  - expression: { id: share, sql: \"ok / total >= 0.5 or ok / total < 0.5\" }\n  - expression: { id: guarded, sql: \"total = 0 or ok / total > 0\" }\n  - expression: { id: nullif, sql: \"ok / nullif(total, 0) > 0\" }\n  - expression: { id: case, sql: \"case when total <> 0 then ok / total else 1 end > 0\" }\n  - expression: { id: coalesce, sql: \"coalesce(ok / nullif(total, 0), 1) > 0\" }\n";
    let run = check(&place(rules, data));
    for (id, failing) in [("share", 3), ("guarded", 0), ("nullif", 0), ("case", 0), ("coalesce", 0)] {
        assert_eq!(run.finding(id)["failing_rows"], failing, "{id}: {}", run.stdout);
    }
    let gated = place("transform: { ratio: ok / total }\nrules: []\ngate: { publish: t.parquet }\n", data);
    let run = gated.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!((run.code, run.rows("published"), run.rows("malformed")), (0, 1, 3), "{}", run.stdout);
    let ratio = read(&gated.path("t.parquet")).column_by_name("ratio").expect("published").clone();
    assert_eq!(ratio.as_primitive::<Float64Type>().values(), &[0.875]);
}

#[test]
fn a_where_that_cannot_be_computed_is_a_fault_that_names_the_rule_and_the_row() {
    let data = "p,q\n1,1\n4,2\n5,0\n6,0\n";
    let rules = "rules:\n  - range: { column: p, max: 10, where: \"p / q > 1\" }\ngate: { publish: t.parquet }\n";
    let stuck = place(rules, data);
    let (checked, gated) = (check(&stuck), stuck.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]));
    for run in [&checked, &gated] {
        assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains("r.yaml:3:41: cannot tell whether this holds for d.csv:4: p / q > 1: division by zero"),
            "{}",
            run.stderr
        );
    }
    assert!(!stuck.path("t.parquet").exists());
    for threads in ["1", "4"] {
        assert_eq!(stuck.run(&["check", "d.csv", "-r", "r.yaml", "--threads", threads]).stderr, checked.stderr);
    }
    // Held back, it is computed where it can be.
    let guarded = check(&place(&rules.replace("p / q > 1", "q <> 0 and p / q > 1"), data));
    assert_eq!(
        (guarded.code, &guarded.finding("range-p")["figures"]["rows_in_scope"]),
        (0, &1.into()),
        "{}{}",
        guarded.stdout,
        guarded.stderr
    );
    // A measure is over the sound rows: others are none of its business.
    let sound = "rules:\n  - range: { column: q, above: 0 }\n  - statistic: { column: p, of: max, max: 10, where: \"p / q > 1\" }\n";
    let run = check(&place(sound, data));
    assert_eq!((run.code, &run.finding("statistic-p")["outcome"]), (1, &"pass".into()), "{}{}", run.stdout, run.stderr);
    let all = check(&place(&sound.replace("max: 10, where", "max: 10, over: all, where"), data));
    assert_eq!(all.code, 2, "{}{}", all.stdout, all.stderr);
}

#[test]
fn a_constant_part_that_cannot_be_computed_is_a_fault_before_any_row_is_read() {
    let data = "s,q,day\nx,0,2026-01-01\ny,2,2026-01-02\n";
    let broken = [
        ("regexp_like(s, '(')", "unclosed group"),
        ("extract(nosuch from day) > 1", "nosuch"),
        ("1 / 0 > q", "division by zero"),
        ("q / 0 > 1", "division by zero"),
        ("q > 9223372036854775807 + 1", "more than int64 can hold"),
        ("day > DATE '2026-13-01'", "2026-13-01"),
        ("case when q <> 0 then q % 0 end > 1", "division by zero"),
    ];
    for (sql, why) in broken {
        let sections = [
            format!("rules:\n  - expression: {{ sql: \"{sql}\" }}\n"),
            format!("rules:\n  - missing: {{ column: s, where: \"{sql}\" }}\n"),
            format!("clean:\n  - drop_where: \"{sql}\"\nrules: []\n"),
            format!("transform:\n  made: \"{sql}\"\nrules: []\n"),
            format!("rules: [{{ missing: {{ id: m, column: s }} }}]\nknown:\n  - {{ rule: m, reason: r, where: \"{sql}\" }}\n"),
        ];
        for section in sections {
            let run = check(&place(&section, data));
            assert_eq!(run.code, 2, "{section}: {}", run.stdout);
            assert!(run.stderr.contains("r.yaml:") && run.stderr.contains(why), "{section}: {}", run.stderr);
        }
    }
}

#[test]
fn what_a_guessed_type_does_not_allow_is_decided_when_the_type_is_settled() {
    let rules = "dataset: d\nrules: [{ expression: { id: e, sql: \"code <> 'none'\" } }]\n";
    let place = Place::new();
    place.write("r.yaml", rules);
    place.write("a.csv", "code\n1\n2\n");
    place.write("b.csv", "code\nnone\nx\n");
    // Text, as the second file shows.
    let both = place.run(&["check", "a.csv", "b.csv", "-r", "r.yaml"]);
    assert_eq!(both.finding("e")["failing_rows"], 1, "{}{}", both.stdout, both.stderr);
    let numbers = place.run(&["check", "a.csv", "-r", "r.yaml"]);
    assert_eq!(numbers.code, 2, "{}", numbers.stdout);
    assert!(numbers.stderr.contains("text is compared with a number") && numbers.stderr.contains("`schema` section"), "{}", numbers.stderr);
}

#[test]
fn minus_zero_is_zero_to_every_rule() {
    let data = "x,g\n-0.0,a\n0.0,a\n1.5,b\n-0.0,b\n";
    let rules = "rules:
  - representation: { id: keyed, groups: [x], reference: { 0: 75%, 1.50: 25% }, tolerance: 5 points }
  - missing: { id: by, column: g, by: [x] }
  - values: { id: set, column: x, in: [0, 1.5] }
  - expression: { id: sql, sql: \"x >= 0 and x in (0, 1.5) and -x <= 0\" }
  - statistic: { id: distinct, column: x, of: distinct, min: 2, max: 2 }
  - duplicates: { id: keys, key: [x], on_fail: warn }
";
    let run = check(&place(rules, data));
    for (id, outcome) in [("keyed", "insufficient_evidence"), ("by", "pass"), ("set", "pass"), ("sql", "pass"), ("distinct", "pass")] {
        assert_eq!(run.finding(id)["outcome"], outcome, "{id}: {}", run.stdout);
    }
    let groups = |id: &str| run.finding(id)["groups"].as_array().map_or(0, Vec::len);
    assert_eq!((groups("keyed"), groups("by")), (2, 2), "{}", run.stdout);
    assert_eq!(run.finding("keys")["failing_rows"], 2);
}

#[test]
fn minus_zero_and_no_number_are_what_they_are_across_published_rows() {
    let rules = "dataset: d\nschema: { columns: { k: { type: float64 } } }\nrules: [{ duplicates: { key: [k], across: published } }]\ngate: { publish: table, format: FORMAT }\n";
    for format in ["delta", "parquet"] {
        let place = Place::new();
        place.write("first.yaml", rules.replace("FORMAT", format));
        place.write("then.yaml", rules.replace("FORMAT", format).replace("float64", "int64"));
        place.write("a.csv", "k\n2.0\nNaN\n-0.0\n");
        place.write("b.csv", "k\n2\n0\n5\n");
        assert_eq!(place.run(&["gate", "a.csv", "-r", "first.yaml", "--batch-id", "a"]).code, 0);
        let run = place.run(&["check", "b.csv", "-r", "then.yaml"]);
        assert_eq!(run.finding("duplicates-k")["failing_rows"], 2, "{format}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_key_of_another_type_than_the_tables_is_refused_by_check_as_by_gate() {
    let place = place("rules: [{ duplicates: { key: [k], across: published } }]\ngate: { publish: table }\n", "k\n1\n2\n");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "a"]).code, 0);
    place.write("t.csv", "k\nx\ny\n");
    place.write("s.ndjson", "{\"k\":\"2\"}\n{\"k\":\"5\"}\n");
    for (command, data) in [("check", "t.csv"), ("gate", "t.csv"), ("check", "s.ndjson"), ("gate", "s.ndjson")] {
        let run = place.run(&[command, data, "-r", "r.yaml"]);
        assert_eq!((run.code, run.verdict()), (1, "reject"), "{command}: {}{}", run.stdout, run.stderr);
        let said = run.finding("schema")["message"].as_str().expect("a message");
        assert!(said.contains("`k`") && said.contains("string"), "{command}: {said}");
    }
}

#[test]
fn range_and_sql_read_a_bound_alike() {
    let data = "f,d\n0.1,0.10\n0.2,0.20\n0.3,0.30\n";
    for (bound, sql) in [("max: 0.1", "<= 0.1"), ("below: 0.2", "< 0.2"), ("min: 0.3", ">= 0.3"), ("above: 0.2", "> 0.2")] {
        for (column, data_type) in [("f", "float32"), ("f", "float64"), ("d", "\"decimal(10,2)\"")] {
            let rules = format!(
                "schema: {{ columns: {{ {column}: {{ type: {data_type} }} }} }}\nrules:\n  - range: {{ id: range, column: {column}, {bound} }}\n  - expression: {{ id: sql, sql: \"{column} {sql}\" }}\n"
            );
            let run = check(&place(&rules, data));
            let failing = |id: &str| run.finding(id)["failing_rows"].as_u64().expect("a count");
            assert_eq!(failing("range"), failing("sql"), "{data_type} {bound}: {}", run.stdout);
            assert_eq!(failing("range"), 2, "{data_type} {bound}");
        }
    }
}

/// The clock of a run counts nanoseconds, a Delta table microseconds: no row of a batch would be left.
#[test]
fn the_time_of_the_run_is_published_into_a_table() {
    let place = place("transform: { loaded: now() }\nrules: []\n", "id\n1\n2\n");
    for destination in ["lake", "file.parquet"] {
        let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", destination, "--now", "2026-11-27T01:29:51.457410687Z"]);
        assert_eq!((run.code, run.rows("published")), (0, 2), "{destination}: {}", run.stdout);
    }
}
