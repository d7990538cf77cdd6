//! `query`: SQL over the batch and named sources.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::support::{Place, Run, project, skipped};

/// Queries whose rows are rows of the batch.
const OF_ROWS: &[&str] = &[
    "SELECT * FROM batch WHERE price < 20 OR price IS NULL",
    "SELECT id FROM batch WHERE quantity <> 0 AND price / quantity > 20",
    "SELECT b.* FROM batch b LEFT JOIN customers c ON b.customer = c.id WHERE c.id IS NULL",
    "SELECT b.id, c.country FROM batch AS b JOIN customers AS c ON b.customer = c.id AND b.quantity * 10 > c.limit_of",
    "SELECT b.id FROM customers c RIGHT JOIN batch b ON c.id = b.customer WHERE c.country = 'DE'",
    "SELECT id FROM batch WHERE customer NOT IN (SELECT id FROM customers)",
    "SELECT id FROM batch b WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = b.customer AND c.limit_of < b.price)",
    "SELECT id FROM batch WHERE price > (SELECT avg(price) FROM batch)",
    "SELECT id FROM (SELECT id, price - lag(price) OVER (PARTITION BY site ORDER BY seen, id) AS step FROM batch) AS s WHERE step < -40",
    "SELECT id FROM (SELECT id, sum(quantity) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS n FROM batch) AS s WHERE n > 9",
    "SELECT id FROM (SELECT id, avg(price) OVER (PARTITION BY site) AS m, price FROM batch) AS s WHERE price > 1.5 * m",
    "WITH big AS (SELECT id, quantity * price AS total FROM batch) SELECT id, total FROM big WHERE total > 150",
    "SELECT a.id FROM batch a JOIN batch b ON a.customer = b.customer AND a.id < b.id AND a.site = b.site",
    "SELECT id FROM batch ORDER BY price DESC NULLS LAST, id LIMIT 7",
    "SELECT id FROM batch WHERE CASE WHEN quantity = 0 THEN false ELSE 12 % quantity = 0 END",
    "SELECT id FROM batch WHERE site LIKE 'A%' AND date_part('hour', seen) < 12",
];

/// Queries that make rows of their own.
const OF_OTHERS: &[&str] = &[
    "SELECT site, count(*) AS n, sum(price) AS total, sum(quantity) AS q, min(price) AS low FROM batch GROUP BY site ORDER BY site NULLS LAST",
    "SELECT c.country, count(DISTINCT b.customer) AS n, sum(DISTINCT b.quantity) AS q FROM batch b JOIN customers c ON b.customer = c.id GROUP BY c.country ORDER BY c.country NULLS LAST",
    "SELECT DISTINCT quantity FROM batch ORDER BY quantity",
    "SELECT id FROM batch WHERE price > 70 UNION SELECT id FROM customers ORDER BY id LIMIT 9",
    "SELECT c.id, b.site FROM customers c LEFT JOIN batch b ON b.customer = c.id WHERE b.id IS NULL ORDER BY c.id",
    "SELECT count(*) AS n, sum(price * quantity) AS total FROM batch WHERE price > 1000",
];

fn rules(queries: &[&str], words: &str) -> String {
    let mut text = "dataset: d\nsamples: 100\nsources: { customers: customers.parquet }\nrules:\n".to_owned();
    for (number, query) in queries.iter().enumerate() {
        _ = writeln!(text, "  - query: {{ id: q{number}, sql: \"{query}\", on_fail: warn{words} }}");
    }
    text
}

fn asked_of_duckdb(place: &Place, seed: u64, queries: &[&str]) -> Option<Vec<Vec<Vec<Json>>>> {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    if !Command::new(&python).args(["-c", "import pyarrow, duckdb"]).output().is_ok_and(|o| o.status.success()) {
        return None;
    }
    let mut asking = Command::new(python)
        .arg(project("tests/query_reference.py"))
        .args([&seed.to_string(), &place.path("").display().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let queries = serde_json::to_vec(queries).expect("JSON");
    asking.stdin.take().expect("a pipe").write_all(&queries).expect("it reads");
    let answered = asking.wait_with_output().expect("it ends");
    assert!(answered.status.success(), "DuckDB refuses a query");
    Some(serde_json::from_slice(&answered.stdout).expect("JSON"))
}

#[test]
fn queries_return_what_duckdb_returns() {
    let queries = [OF_ROWS, OF_OTHERS].concat();
    for seed in 0..8 {
        let place = Place::new();
        let Some(expected) = asked_of_duckdb(&place, seed, &queries) else {
            return skipped("Python with pyarrow and DuckDB (SLUICEGATE_PYTHON)");
        };
        place.write("r.yaml", rules(&queries, ", over: all"));
        let run = place.run(&["check", "batch.parquet", "-r", "r.yaml", "--threads", "2"]);
        assert!(run.report()["faults"].as_array().is_none_or(Vec::is_empty), "{}", run.stderr);
        for (number, (query, rows)) in queries.iter().zip(&expected).enumerate() {
            let found = run.finding(&format!("q{number}"));
            let case = format!("seed {seed}: {query}: {found}");
            if number < OF_ROWS.len() {
                let ids: BTreeSet<u64> = rows.iter().map(|row| row[0].as_u64().expect("an id")).collect();
                let samples = found["samples"].as_array().expect("samples").iter();
                let shown: BTreeSet<u64> = samples.map(|sample| sample["origin"]["row"].as_u64().expect("a row") - 1).collect();
                assert_eq!((found["failing_rows"].as_u64(), &shown), (Some(ids.len() as u64), &ids), "{case}");
            } else {
                assert_eq!(found["observed"].as_u64(), Some(rows.len() as u64), "{case}");
                let message = found["message"].as_str().expect("a message");
                for row in rows {
                    let values: Vec<String> =
                        row.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
                    let is_shown = message.split('(').any(|shown| {
                        let shown = shown.split(')').next().unwrap_or_default().split(", ");
                        shown.map(|cell| cell.split_once(' ').map_or("", |(_, value)| value)).eq(values.iter().map(String::as_str))
                    });
                    assert!(is_shown, "{row:?} is not shown: {case}");
                }
            }
        }
    }
}

/// Prices whose float sum depends on the order and the size of batches.
fn prices(rows: u64) -> String {
    let mut text = "id,site,price\n".to_owned();
    for i in 0..rows {
        _ = writeln!(
            text,
            "{i},{},{}",
            ["A", "B", "C"][i as usize % 3],
            (i * 7919 % 1000) as f64 / 7.0 * if i % 11 == 0 { 1e9 } else { 1.0 }
        );
    }
    text
}

#[test]
fn nothing_depends_on_threads_or_on_how_the_input_is_cut() {
    let place = Place::new();
    place.write("d.csv", prices(30_000));
    place.write("customers.parquet", "");
    let queries = [
        "SELECT site, sum(price) AS s, avg(price) AS m, stddev(price) AS d FROM batch GROUP BY site",
        "SELECT id FROM batch WHERE price > 1e11 ORDER BY price LIMIT 50",
    ];
    place.write("r.yaml", rules(&queries, ""));
    let asked = |more: &[&str]| {
        let run = place.run(&[&["check", "d.csv", "-r", "r.yaml", "--now", "2026-11-22T00:00:00Z"], more].concat());
        let said = ["q0", "q1"].map(|id| run.finding(id).clone());
        assert_eq!(said[0]["outcome"], "fail", "{}", run.stderr);
        said
    };
    let one = asked(&["--threads", "1"]);
    assert_eq!(asked(&["--threads", "2"]), one);
    // Rounded once: the sum of all is the same in any order.
    let mut lines: Vec<String> = prices(30_000).lines().skip(1).map(str::to_owned).collect();
    lines.reverse();
    place.write("d.csv", format!("id,site,price\n{}\n", lines.join("\n")));
    let sums = |found: &Json| {
        let message = found["message"].as_str().expect("a message").to_owned();
        let mut rows: Vec<String> = message.split('(').skip(1).map(|row| row.split(", d ").next().unwrap_or_default().to_owned()).collect();
        rows.sort();
        rows
    };
    assert_eq!(sums(&asked(&[])[0]), sums(&one[0]));
}

fn gated(place: &Place, rule: &str, more: &[&str]) -> Run {
    place.write("r.yaml", format!("dataset: d\nsources: {{ known: known.csv }}\nrules:\n  - range: {{ column: price, max: 100, id: beside }}\n  - query: {{ id: q, {rule} }}\n"));
    place.run(&[&["gate", "d.csv", "-r", "r.yaml", "--publish", "out.parquet", "--quarantine", "bad"], more].concat())
}

#[test]
fn the_gate_sets_aside_the_rows_that_are_returned_and_publishes_the_others() {
    let place = Place::new();
    place.write("known.csv", "id\na\nb\n");
    place.write("d.csv", "id,price\na,1\nx,2\nb,300\na,4\ny,5\n");
    let unknown = "sql: \"SELECT b.* FROM batch b LEFT JOIN known k ON b.id = k.id WHERE k.id IS NULL\"";
    let run = gated(&place, unknown, &[]);
    assert_eq!((run.code, run.verdict()), (0, "quarantine"), "{}{}", run.stdout, run.stderr);
    assert_eq!((run.rows("published"), run.rows("quarantined")), (2, 3));
    let found = run.finding("q");
    assert_eq!((found["failing_rows"].as_u64(), found["on_fail"].as_str()), (Some(2), Some("quarantine")), "{found}");
    let lines: Vec<u64> = found["samples"].as_array().expect("samples").iter().filter_map(|s| s["origin"]["line"].as_u64()).collect();
    assert_eq!(lines, [3, 6]);
    // A row that another rule sets aside is not seen, unless `over: all` says so.
    let place = Place::new();
    place.write("known.csv", "id\na\nb\n");
    place.write("d.csv", "id,price\na,1\nx,2\nb,300\na,4\ny,5\n");
    let dear = "sql: \"SELECT max(price) AS m FROM batch HAVING max(price) > 100\"";
    let run = gated(&place, dear, &[]);
    assert_eq!(run.finding("q")["outcome"], "pass", "{}", run.stdout);
    let place = Place::new();
    place.write("known.csv", "id\na\nb\n");
    place.write("d.csv", "id,price\na,1\nx,2\nb,300\na,4\ny,5\n");
    let run = gated(&place, &format!("{dear}, over: all"), &[]);
    assert_eq!((run.code, run.verdict()), (1, "reject"), "{}", run.stdout);
    assert!(run.finding("q")["message"].as_str().is_some_and(|said| said.contains("(m 300)")), "{}", run.finding("q"));
}

#[test]
fn memory_is_bounded_and_what_it_does_not_suffice_for_is_not_judged() {
    let place = Place::new();
    place.write("known.csv", "id\na\n");
    place.write("d.csv", prices(60_000));
    for (query, memory) in [
        // The rows that are read; what is sorted of them.
        ("SELECT * FROM batch WHERE site = 'A'", "100kB"),
        ("SELECT site, price FROM batch UNION ALL SELECT site, price FROM batch ORDER BY price", "3MB"),
    ] {
        let run = gated(&place, &format!("sql: \"{query}\""), &["--memory-limit", memory]);
        assert_eq!((run.code, run.verdict()), (2, "undecided"), "{}{}", run.stdout, run.stderr);
        let found = run.finding("q");
        assert!(found["message"].as_str().is_some_and(|said| said.contains("--memory-limit")), "{found}");
        assert!(!place.path("out.parquet").exists());
    }
}

#[test]
fn values_of_masked_columns_are_shown_nowhere() {
    let place = Place::new();
    place.write("d.csv", "id,name,other\n1,SECRET-A,1\n2,SECRET-B,2\n3,SECRET-A,3\n");
    place.write("ref.csv", "id,name\n1,SECRET-C\n");
    let with = |sql: &str| {
        place.write(
            "r.yaml",
            format!("dataset: d\nsources: {{ ref: ref.csv }}\nschema: {{ columns: {{ id: {{ type: int64 }}, name: {{ type: string, mask: true }} }} }}\nrules:\n  - query: {{ id: q, sql: \"{sql}\", on_fail: warn }}\n"),
        );
        let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--report", "r.html", "--report", "r.json"]);
        for text in ["r.html", "r.json"].map(|name| std::fs::read_to_string(place.path(name)).unwrap_or_default()) {
            assert!(!text.contains("SECRET"), "{sql}: {text}");
        }
        assert!(!run.stdout.contains("SECRET") && !run.stderr.contains("SECRET"), "{sql}: {}{}", run.stdout, run.stderr);
        run
    };
    assert_eq!(with("SELECT * FROM batch WHERE id > 1").finding("q")["failing_rows"], 2);
    let grouped = with("SELECT name, count(*) FROM batch GROUP BY name");
    assert_eq!(grouped.finding("q")["observed"], 2);
    // No row of the batch fails: that would not say that the query does not hold.
    assert_eq!(grouped.finding("q")["message"], "`query` does not hold; values of `name` are not shown");
    assert_eq!(with("SELECT DISTINCT * FROM ref").finding("q")["observed"], 1);
    assert_eq!(with("WITH t (a, b, c) AS (SELECT * FROM batch) SELECT DISTINCT CAST(b AS int) FROM t").code, 2);
}

#[test]
fn what_draws_rows_or_makes_values_is_refused() {
    let place = Place::with("", "id\n1\n2\n");
    for (sql, said) in [
        ("SELECT * FROM batch TABLESAMPLE (50 PERCENT)", "draws other rows each time"),
        ("SELECT unnest(range(1, 2000000000)) FROM batch", "makes values that no row has"),
        ("SELECT id FROM batch WHERE array_length(generate_series(1, 2000000000)) > id", "makes values that no row has"),
    ] {
        place.write("r.yaml", format!("dataset: d\nrules:\n  - query: {{ sql: \"{sql}\" }}\n"));
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(said), "{sql}: {}{}", run.stdout, run.stderr);
    }
}
