//! Several tables judged and gated as one: children go with their parents, and nobody ever sees a child without its parent.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;

use crate::crash::delta_files;
use crate::gate::of_bytes;
use crate::support::{Place, Run, project};

/// The fixtures of the project and their rule file.
fn shop() -> Place {
    let place = Place::new();
    for file in ["rules/shop.yaml", "fixtures/shop/customers.csv", "fixtures/shop/orders.csv", "fixtures/shop/order_items.csv"] {
        place.write(file, std::fs::read(project(file)).unwrap_or_else(|e| panic!("{file}: {e}")));
    }
    place
}

const SHOP: [&str; 3] = ["gate", "-r", "rules/shop.yaml"];

fn table<'a>(run: &'a Run, name: &str) -> &'a serde_json::Value {
    let tables = run.report()["tables"].as_array().expect("tables");
    let found = tables.iter().find(|table| table["name"] == name);
    &found.unwrap_or_else(|| panic!("no table {name}"))["report"]
}

fn finding<'a>(run: &'a Run, of: &str, id: &str) -> &'a serde_json::Value {
    let findings = table(run, of)["findings"].as_array().expect("findings");
    findings.iter().find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("no finding {id} of {of}"))
}

/// Values of a column of all published rows, ascending; how a table is laid out does not matter.
fn published(place: &Place, name: &str, column: &str) -> Vec<i64> {
    let directory = place.path(&format!("processed/shop/{name}"));
    let mut files = delta_files(&directory);
    if files.is_empty() {
        files = glob::glob(&format!("{}/*.parquet", directory.display())).expect("a pattern").flatten().collect();
    }
    values(files, column)
}

fn values(files: Vec<PathBuf>, column: &str) -> Vec<i64> {
    let mut values = Vec::new();
    for file in files {
        let batch = of_bytes(std::fs::read(file).expect("a file").into());
        values.extend(batch.column_by_name(column).expect("the column").as_primitive::<Int64Type>().iter().flatten());
    }
    values.sort_unstable();
    values
}

/// The reasons of the rows that are set aside, by the values of a column.
fn reasons(place: &Place, name: &str, column: &str) -> Vec<(i64, Option<String>)> {
    let files = glob::glob(&format!("{}/**/*.parquet", place.path(&format!("processed/shop/{name}_quarantine")).display()));
    let mut all = Vec::new();
    for file in files.expect("a pattern").flatten() {
        let batch = of_bytes(std::fs::read(file).expect("a file").into());
        let keys = batch.column_by_name(column).expect("the column").as_primitive::<Int64Type>().clone();
        let reasons = batch.column_by_name("_sluicegate_reason").expect("reasons").as_string::<i32>().clone();
        let reason = |row: usize| reasons.is_valid(row).then(|| reasons.value(row).to_owned());
        all.extend((0..batch.num_rows()).map(|row| (keys.value(row), reason(row))));
    }
    all.sort();
    all
}

const ORDERS: [i64; 9] = [1001, 1002, 1004, 1005, 1006, 1009, 1010, 1011, 1012];

#[test]
fn children_are_set_aside_with_their_parents_and_say_so() {
    let place = shop();
    let checked = place.run(&["check", "-r", "rules/shop.yaml"]);
    let gated = place.run(&SHOP);
    for run in [&checked, &gated] {
        assert_eq!(run.verdict(), "quarantine", "{}{}", run.stdout, run.stderr);
        let rows = |name: &str, what: &str| table(run, name)["rows"][what].as_u64().expect("a count");
        let counts = |name: &str| (rows(name, "read"), rows(name, "published"), rows(name, "quarantined"));
        assert_eq!(counts("customers"), (10, 9, 1));
        assert_eq!(counts("orders"), (12, 9, 3));
        assert_eq!(counts("order_items"), (17, 12, 5));
        assert_eq!((run.rows("read"), run.rows("published"), run.rows("quarantined")), (39, 30, 9));
        let keys = finding(run, "orders", "foreign_key-customer_id");
        assert_eq!((&keys["failing_rows"], &keys["figures"]["parents_set_aside"]), (&3.into(), &2.into()), "{keys}");
    }
    assert_eq!((checked.code, gated.code), (1, 0));
    assert_eq!(published(&place, "customers", "id"), [1, 2, 3, 4, 5, 6, 8, 9, 10]);
    assert_eq!(published(&place, "orders", "id"), ORDERS);
    let gone = "its parent in `customers` was set aside";
    let none = "there is no such parent in `customers`";
    let expected: Vec<(i64, Option<String>)> = vec![(1003, Some(gone.into())), (1007, Some(gone.into())), (1008, Some(none.into()))];
    assert_eq!(reasons(&place, "orders", "id"), expected);
    let of_items: Vec<i64> = reasons(&place, "order_items", "order_id").into_iter().map(|(order, _)| order).collect();
    assert_eq!(of_items, [1003, 1003, 1005, 1007, 1008]);
    // What is published already is a parent too, and is there once.
    place.write("fixtures/shop/customers.csv", "id,name,email,country\n11,Kim Park,kim@park.example,KR\n");
    place.write("fixtures/shop/orders.csv", "id,customer_id,ordered_on,status\n1013,11,2026-11-23,open\n1014,2,2026-11-23,open\n");
    place.write("fixtures/shop/order_items.csv", "order_id,line,sku,quantity,price\n1013,1,LAMP-02,1,39.00\n1009,3,LAMP-02,1,39.00\n");
    let run = place.run(&SHOP);
    assert_eq!((run.code, run.verdict()), (0, "accept"), "{}", run.stdout);
    assert_eq!(published(&place, "orders", "id"), [&ORDERS[..], &[1013, 1014]].concat());
    let again = place.run(&SHOP);
    assert_eq!((again.verdict(), again.report()["publication"]["state"].as_str()), ("accept", Some("unchanged")), "{}", again.stdout);
    assert_eq!(published(&place, "orders", "id").len(), 11);
}

#[test]
fn where_one_table_is_rejected_nothing_of_any_is_published() {
    for (name, from, to) in [
        ("customers", "- missing: { column: email }", "- missing: { column: email, on_fail: reject }"),
        ("order_items", "- range: { column: quantity, min: 1 }", "- range: { column: quantity, min: 1, on_fail: reject }"),
    ] {
        let place = shop();
        let rules = std::fs::read_to_string(place.path("rules/shop.yaml")).expect("the rules");
        place.write("rules/shop.yaml", rules.replace(from, to));
        let checked = place.run(&["check", "-r", "rules/shop.yaml"]);
        let gated = place.run(&SHOP);
        for run in [&checked, &gated] {
            assert_eq!((run.code, run.verdict()), (1, "reject"), "{}", run.stdout);
            let verdict = |of: &str| table(run, of)["verdict"].as_str().expect("a verdict").to_owned();
            let verdicts = [verdict("customers"), verdict("orders"), verdict("order_items")];
            let expected = if name == "customers" { ["reject", "reject", "reject"] } else { ["quarantine", "quarantine", "reject"] };
            assert_eq!(verdicts, expected);
            assert_eq!((run.rows("read"), run.rows("rejected")), (39, 39));
            // What would pass is judged as if the parents came.
            assert_eq!(finding(run, "orders", "foreign_key-customer_id")["failing_rows"], if name == "customers" { 1 } else { 3 });
        }
        let written: Vec<String> = place.files().into_iter().filter(|file| file.ends_with(".parquet")).collect();
        assert!(written.is_empty(), "{written:?}");
        let said = if name == "customers" { "its parents in `customers` do not come" } else { "`order_items` is rejected" };
        assert!(gated.report()["reasons"].to_string().contains(said), "{}", gated.report()["reasons"]);
    }
}

fn killed(place: &Place, step: u64) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path(".")).args(SHOP).args(["--batch-id", "day", "--die-at-step", &step.to_string()]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the binary runs");
    status.code().is_none()
}

/// No order without its customer, and no item without its order.
fn ensure_whole(place: &Place, how: &str) {
    let all = |name, column| published(place, name, column).into_iter().collect::<BTreeSet<i64>>();
    assert!(all("orders", "customer_id").is_subset(&all("customers", "id")), "{how}");
    assert!(all("order_items", "order_id").is_subset(&all("orders", "id")), "{how}");
}

#[test]
fn killed_at_any_step_no_child_is_there_without_its_parent_and_the_rest_follows() {
    for format in ["delta", "parquet"] {
        let (mut steps, mut seen) = (0, BTreeSet::new());
        loop {
            let place = shop();
            if format == "parquet" {
                let rules = std::fs::read_to_string(place.path("rules/shop.yaml")).expect("the rules");
                place.write("rules/shop.yaml", rules.replace("reject_above: 50% }", "reject_above: 50%, format: parquet }"));
            }
            if !killed(&place, steps + 1) {
                break;
            }
            steps += 1;
            let how = format!("{format}, killed at step {steps}");
            ensure_whole(&place, &how);
            let there: Vec<bool> = ["customers", "orders", "order_items"]
                .map(|name| !published(&place, name, if name == "order_items" { "order_id" } else { "id" }).is_empty())
                .into();
            seen.insert(there);
            let run = place.run(&[&SHOP[..], &["--batch-id", "day"]].concat());
            assert_eq!((run.code, run.verdict(), run.stderr.as_str()), (0, "quarantine", ""), "{how}: {}", run.stdout);
            assert_eq!(published(&place, "customers", "id").len(), 9, "{how}");
            assert_eq!(published(&place, "orders", "id"), ORDERS, "{how}");
            assert_eq!(published(&place, "order_items", "order_id").len(), 12, "{how}");
            let aside = ["customers", "orders", "order_items"]
                .map(|name| reasons(&place, name, if name == "order_items" { "order_id" } else { "id" }).len());
            assert_eq!(aside, [1, 3, 5], "{how}");
            let left: Vec<String> = place.files().into_iter().filter(|file| file.contains(".staged")).collect();
            assert!(left.is_empty(), "{how}: {left:?} are left");
        }
        assert!(steps >= 12, "{format} has only {steps} steps");
        let states: Vec<[bool; 3]> = vec![[false, false, false], [true, false, false], [true, true, false]];
        assert!(states.iter().all(|state| seen.contains(state.as_slice())), "{format}: readers saw {seen:?}");
    }
}

/// A parent that is published already and judged otherwise now: what is published decides, not what would be.
#[test]
fn children_look_at_what_is_published_of_a_parent_that_is_there_already() {
    let place = shop();
    let customers = place.run(&["gate", "-r", "rules/shop.yaml", "--table", "customers", "--batch-id", "day"]);
    assert_eq!((customers.code, customers.rows("published")), (0, 9), "{}{}", customers.stdout, customers.stderr);
    let run = place.run(&[&SHOP[..], &["--batch-id", "day"]].concat());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(table(&run, "customers")["publication"]["state"], "unchanged");
    assert_eq!(published(&place, "orders", "id"), ORDERS);
    ensure_whole(&place, "one after the other");
}

#[test]
fn a_table_alone_looks_at_what_its_parents_have_published() {
    let place = shop();
    let alone = ["gate", "-r", "rules/shop.yaml", "--table", "orders"];
    let run = place.run(&alone);
    assert_eq!((run.code, run.verdict()), (1, "reject"), "no customer is published yet: {}{}", run.stdout, run.stderr);
    assert_eq!(place.run(&["gate", "-r", "rules/shop.yaml", "--table", "customers"]).code, 0);
    let run = place.run(&alone);
    assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 9, 3), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.report()["dataset"], "shop.orders");
}

/// Customers that were set aside come back mended; then so do their orders.
#[test]
fn what_was_set_aside_with_its_parent_is_replayed_behind_it() {
    let place = shop();
    assert_eq!(place.run(&SHOP).code, 0);
    let rules = std::fs::read_to_string(place.path("rules/shop.yaml")).expect("the rules");
    place.write("rules/shop.yaml", rules.replace("      - missing: { column: email }\n", ""));
    let replay = |name: &str| place.run(&["replay", "-r", "rules/shop.yaml", "--table", name]);
    let early = replay("orders");
    assert!(early.stdout.contains('0') || early.code != 2, "{}{}", early.stdout, early.stderr);
    for (name, id, rows) in [("customers", "id", 10), ("orders", "id", 11), ("order_items", "order_id", 15)] {
        let run = replay(name);
        assert_eq!(run.code, 0, "{name}: {}{}", run.stdout, run.stderr);
        assert_eq!(published(&place, name, id).len(), rows, "{name}: {}", run.stdout);
        ensure_whole(&place, name);
    }
}

#[test]
fn cardinality_limits_how_many_children_a_parent_has() {
    let place = shop();
    place.write(
        "r.yaml",
        "dataset: t\ntables:\n  people: { source: p.csv }\n  passports:\n    source: q.csv\n    rules:\n      - foreign_key: { column: person, in: people.id, cardinality: { max: 1 } }\n",
    );
    place.write("p.csv", "id\n1\n2\n3\n");
    place.write("q.csv", "number,person\na,1\nb,2\nc,2\nd,4\ne,\n");
    let run = place.run(&["check", "-r", "r.yaml"]);
    let found = finding(&run, "passports", "foreign_key-person");
    assert_eq!(
        (&found["failing_rows"], &found["figures"]["absent_keys"], &found["figures"]["frequent_keys"]),
        (&3.into(), &1.into(), &1.into())
    );
    let reasons: Vec<&str> = found["samples"].as_array().expect("samples").iter().filter_map(|sample| sample["reason"].as_str()).collect();
    let many = "more than 1 row of the batch have its key";
    assert_eq!(reasons, [many, many, "there is no such parent in `people`"]);
    // Of those that pass there, one has no passport.
    let rules = std::fs::read_to_string(place.path("r.yaml")).expect("the rules");
    place.write("p.csv", "id\n1\n2\n3\n3\n-1\n");
    let rules = rules.replace("people: { source: p.csv }", "people: { source: p.csv, rules: [range: { column: id, min: 0 }] }");
    place.write("r.yaml", rules.replace("max: 1", "min: 1"));
    let run = place.run(&["check", "-r", "r.yaml"]);
    let found = finding(&run, "passports", "foreign_key-person");
    assert_eq!((&found["outcome"], &found["figures"]["lacking_keys"]), (&"fail".into(), &1.into()), "{found}");
    assert!(found["message"].as_str().is_some_and(|said| said.contains("1 key of people has fewer than 1 row here")), "{found}");
    assert_eq!(run.verdict(), "reject");
    place.write("q.csv", "number,person\na,1\nb,2\nc,2\nd,3\n");
    let run = place.run(&["check", "-r", "r.yaml"]);
    assert_eq!(finding(&run, "passports", "foreign_key-person")["outcome"], "pass");
    place.write("r.yaml", rules.replace("max: 1", "min: 3, max: 2"));
    assert!(place.run(&["check", "-r", "r.yaml"]).stderr.contains("`min: 3` is more than `max: 2`"));
}

#[test]
fn values_of_another_table_wait_for_it_and_see_what_passes_there() {
    let place = Place::new();
    place.write(
        "r.yaml",
        "dataset: t\ntables:\n  c: { source: c.csv, rules: [values: { column: pid, in: p.id }] }\n  p: { source: p.csv, rules: [range: { column: id, max: 2 }] }\n",
    );
    place.write("p.csv", "id\n1\n2\n3\n");
    place.write("c.csv", "x,pid\n1,1\n2,3\n3,9\n");
    let run = place.run(&["check", "-r", "r.yaml"]);
    assert_eq!(run.verdict(), "quarantine", "{}{}", run.stdout, run.stderr);
    assert_eq!(finding(&run, "c", "values-pid")["failing_rows"], 2);
}

#[test]
fn a_parent_without_rows_has_no_key_whatever_its_type_may_be() {
    let place = Place::new();
    place.write(
        "r.yaml",
        "dataset: t\ntables:\n  p: { source: p.csv, rules: [rows: { min: 0 }] }\n  c: { source: c.csv, rules: [foreign_key: { column: pid, in: p.id }] }\n",
    );
    place.write("p.csv", "id\n");
    place.write("c.csv", "x,pid\n1,1\n2,3\n");
    let run = place.run(&["check", "-r", "r.yaml"]);
    assert_eq!(finding(&run, "c", "foreign_key-pid")["failing_rows"], 2, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_parent_is_not_superseded_below_its_children() {
    let place = shop();
    assert_eq!(place.run(&SHOP).code, 0);
    let run = place.run(&["gate", "-r", "rules/shop.yaml", "--table", "customers", "--supersede"]);
    assert!(run.code == 2 && run.stderr.contains("the table `orders` looks for keys in them"), "{}", run.stderr);
}

#[test]
fn mistakes_in_tables_are_named_with_their_place() {
    let place = Place::new();
    for data in ["a.csv", "b.csv"] {
        place.write(data, "id,a,b\n1,1,1\n");
    }
    let tables =
        |a: &str, b: &str| format!("dataset: t\ntables:\n  a: {{ source: a.csv, rules: [{a}] }}\n  b: {{ source: b.csv, rules: [{b}] }}\n");
    for (rules, said) in [
        (tables("", "foreign_key: { column: a, in: aa.id }"), "no table or source is called `aa`; did you mean `a`?"),
        (tables("foreign_key: { column: b, in: b.id }", "foreign_key: { column: a, in: a.id }"), "in a circle: `a` → `b` → `a`"),
        (tables("foreign_key: { column: b, in: a.id }", ""), "the table `a` looks for keys in itself"),
        (tables("", "foreign_key: { column: a, in: a.di }"), "the table `a` has no column `di`; did you mean `id`?"),
        ("dataset: t\ntables: { a: { rules: [] } }\n".into(), "nothing says where the data of the table `a` is"),
        ("dataset: t\ntables: { a: { source: a.csv } }\nrules: []\n".into(), "`rules` stands beside `tables`"),
        ("dataset: t\ntables: { a: { source: a.csv, history: h } }\n".into(), "`history` does not stand within a table"),
        ("dataset: t\ntables: { a: { source: 'kafka://h:1/t' } }\n".into(), "is a stream"),
        ("dataset: t\ntables: { 'a.b': { source: a.csv } }\n".into(), "`a.b` is no name of a table"),
        ("dataset: t\ntables: [a]\n".into(), "`tables` is a mapping of tables by name"),
        (
            tables("rnge: { column: a }", "")
                .replace("[", "[- ")
                .replace("[- rnge: { column: a }]", "[rnge: { column: a }]")
                .replace("[- ]", "[]"),
            "rnge",
        ),
    ] {
        place.write("r.yaml", &rules);
        let run = place.run(&["check", "-r", "r.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(said), "{rules}{said}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("r.yaml:"), "{}", run.stderr);
    }
    place.write("r.yaml", tables("", ""));
    for (options, said) in [
        (&["a.csv"][..], "data on the command line is about one table"),
        (&["--record", "runs"], "`--record` is about one table"),
        (&["--table", "c"], "`--table c`: the rule file has no such table"),
        (&["--only", "range-a"], "`--only` chooses rules of one table"),
    ] {
        let run = place.run(&[&["check", "-r", "r.yaml"], options].concat());
        assert!(run.code == 2 && run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    let gate = place.run(&["gate", "-r", "r.yaml"]);
    assert!(gate.code == 2 && gate.stderr.contains("nothing says where to publish the table `a`"), "{}", gate.stderr);
    let other = place.run(&["replay", "-r", "r.yaml"]);
    assert!(
        other.code == 2 && other.stderr.contains("the rule file has several tables (`a`, `b`), and this works on one"),
        "{}",
        other.stderr
    );
    assert_eq!(place.run(&["rules", "validate", "r.yaml"]).stdout, "r.yaml: valid, 0 rules\n");
}

/// docs/several-tables.md: its commands are run, and what it shows is what is printed.
#[test]
fn the_documentation_shows_what_is_printed() {
    let docs = std::fs::read_to_string(project("docs/several-tables.md")).expect("the page");
    let blocks: Vec<&str> = docs.split("```console\n").skip(1).map(|block| block.split("```").next().expect("an end")).collect();
    let place = shop();
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ sluicegate "));
        let transcript = commands.map(|command| {
            let run = place.run(&command.split_whitespace().collect::<Vec<_>>());
            format!("$ sluicegate {command}\n{}{}", run.stdout, run.stderr)
        });
        assert_eq!(transcript.collect::<String>(), block);
    }
    // What the page shows of the rule file stands in it.
    let yaml = docs.split("```yaml\n").nth(1).and_then(|block| block.split("```").next()).expect("the rules");
    let rules = std::fs::read_to_string(project("rules/shop.yaml")).expect("the rules");
    let missing: Vec<&str> = yaml.lines().filter(|line| !rules.lines().any(|own| own == *line)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every format shows the findings of every table; read back, the report is the same.
#[test]
fn every_format_tells_of_every_table() {
    let place = shop();
    let formats = ["json", "html", "markdown", "junit", "sarif", "github", "gitlab", "openmetrics", "openlineage"];
    let reports: Vec<String> = formats.iter().flat_map(|format| ["--report".to_owned(), format!("{format}=report.{format}")]).collect();
    let arguments: Vec<&str> = ["check", "-r", "rules/shop.yaml"].into_iter().chain(reports.iter().map(String::as_str)).collect();
    let run = place.run(&arguments);
    assert_eq!(run.verdict(), "quarantine", "{}", run.stderr);
    let text = |format: &str| std::fs::read_to_string(place.path(&format!("report.{format}"))).expect("a report");
    for format in &formats[1..] {
        for id in ["customers/missing-email", "orders/foreign_key-customer_id", "order_items/range-quantity"] {
            assert!(text(format).replace("&#x2f;", "/").contains(id), "{format} does not tell of {id}");
        }
    }
    assert!(run.stdout.contains("orders/foreign_key-customer_id") && run.stdout.contains("order_items  QUARANTINE"), "{}", run.stdout);
    let html = text("html");
    assert!(html.contains("id=\"tables\"") && html.contains("<th scope=\"row\">order_items</th>"));
    let again = place.run(&["report", "report.json", "-o", "again.json"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(std::fs::read_to_string(place.path("again.json")).expect("a report") == text("json"));
}

/// Which threads run, and how data is cut, changes no byte.
#[test]
fn reports_of_tables_are_the_same_whatever_the_threads() {
    let place = shop();
    let check = |threads: &str| place.run(&["check", "-r", "rules/shop.yaml", "--threads", threads]);
    assert_eq!(check("1").report(), check("7").report());
}
