//! Rule files that are made of several: variables, settings, included files, templates, and a choice of rules.

use crate::support::{CHECK, Place, Run};

const DATA: &str = "id,price,cost\n1,5,2\n2,-1,3\n3,7,-4\n";

fn check(place: &Place, more: &[&str]) -> Run {
    place.run(&[&CHECK[..], more].concat())
}

fn ids(run: &Run) -> Vec<String> {
    let findings = run.report()["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["id"].as_str().expect("an id").to_owned()).collect()
}

fn digest(run: &Run) -> String {
    run.report()["batch"]["rules_digest"].as_str().expect("a digest").to_owned()
}

const TWO: &str =
    "dataset: t\nrules:\n  - range: { column: price, min: 0, tags: [money] }\n  - range: { id: costs, column: cost, min: 0 }\n";

#[test]
fn rules_that_are_not_asked_for_are_left_out_and_named() {
    let place = Place::with(TWO, DATA);
    let run = check(&place, &["--only", "costs"]);
    assert!(ids(&run).contains(&"costs".to_owned()) && !ids(&run).contains(&"range-price".to_owned()));
    assert_eq!(run.report()["left_out"], serde_json::json!(["range-price"]));
    assert!(run.report()["reasons"].to_string().contains("1 rule was left out by `--only`: `range-price`"));
    assert_eq!(check(&place, &["--only", "tag:money"]).report()["left_out"], serde_json::json!(["costs"]));
    assert_eq!(check(&place, &[]).report().get("left_out"), None);
}

#[test]
fn the_digest_is_that_of_the_rules_that_are_judged() {
    let place = Place::with(TWO, DATA);
    let alone = Place::with("dataset: t\nrules:\n  - range: { id: costs, column: cost, min: 0 }\n", DATA);
    assert_eq!(digest(&check(&place, &["--only", "costs"])), digest(&check(&alone, &[])));
    assert_ne!(digest(&check(&place, &["--only", "costs"])), digest(&check(&place, &[])));
}

#[test]
fn a_name_that_no_rule_has_is_a_fault_with_the_nearest() {
    let place = Place::with(TWO, DATA);
    let run = place.run(&[&CHECK[..], &["--only", "cots", "--only", "tag:mony", "--only", "money"]].concat());
    assert_eq!(run.code, 2);
    for said in [
        "`--only cots`: no rule is called so; did you mean `costs`?",
        "no rule has the tag `mony`; did you mean `money`?",
        "write `--only tag:money`",
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}

#[test]
fn variables_stand_for_values_and_never_for_structure() {
    let place =
        Place::with("dataset: ${name:-t}\nrules:\n  - range: { column: price, min: ${least}, description: \"at least ${least}\" }\n", DATA);
    let run = check(&place, &["--var", "least=0"]);
    assert_eq!(run.finding("range-price")["failing_rows"], 1);
    assert_eq!(run.finding("range-price")["description"], "at least 0");
    assert_eq!(run.report()["dataset"], "t");
    let plain = Place::with("dataset: t\nrules:\n  - range: { column: price, min: 0, description: \"at least 0\" }\n", DATA);
    assert_eq!(digest(&run), digest(&check(&plain, &[])));
    let run = check(&place, &["--var", "least=0, max: 3 }"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let named = check(&place, &["--var", "least=0", "--var", "name=a: [b] # c"]);
    assert_eq!(named.report()["dataset"], "a: [b] # c");
}

#[test]
fn a_variable_that_is_not_set_or_not_there_is_a_fault() {
    let place = Place::with("dataset: t\nrules:\n  - range: { column: price, min: ${least} }\n  - rows: { min: $${x} }\n", DATA);
    let run = place.run(&CHECK);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("r.yaml:3:34: the variable `least` is not set"), "{}", run.stderr);
    assert!(run.stderr.contains("${x}"), "an escape is the text itself: {}", run.stderr);
    let place = Place::with(TWO, DATA);
    let run = place.run(&[&CHECK[..], &["--var", "max=3"]].concat());
    assert!(run.code == 2 && run.stderr.contains("the rule file has no `${max}`"), "{}", run.stderr);
}

#[test]
fn settings_write_parts_of_the_rule_file_anew() {
    let place = Place::with("dataset: t\nsamples: 3\nrules:\n  - range: { column: price, min: 0 }\n", DATA);
    let run = check(&place, &["--set", "dataset=u", "--set", "samples=0"]);
    assert_eq!(run.report()["dataset"], "u");
    assert!(!run.report().to_string().contains("\"-1\""));
    let run = place.run(&[&CHECK[..], &["--set", "gate.pubish=x"]].concat());
    assert!(run.code == 2 && run.stderr.contains("--set gate.pubish"), "{}", run.stderr);
    let run = place.run(&[&CHECK[..], &["--set", "rules.0=x"]].concat());
    assert!(run.code == 2 && run.stderr.contains("within a list"), "{}", run.stderr);
}

#[test]
fn included_files_are_read_as_if_they_stood_in_the_rule_file() {
    let place = Place::with("dataset: t\ninclude: parts/money.yaml\nrules:\n  - range: { column: cost, min: 0 }\n", DATA);
    place.write("parts/money.yaml", "include: [more.yaml]\nsamples: 0\nrules:\n  - range: { column: price, min: 0 }\n");
    place.write("parts/more.yaml", "rules:\n  - missing: { column: id }\n");
    let run = check(&place, &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(run.finding("range-price")["span"]["file"], "parts/money.yaml");
    assert_eq!(run.finding("range-price")["span"]["line"], 4);
    assert_eq!(run.finding("range-price")["written"], "range: { column: price, min: 0 }");
    let whole = Place::with(
        "samples: 0\ndataset: t\nrules:\n  - missing: { column: id }\n  - range: { column: price, min: 0 }\n  - range: { column: cost, min: 0 }\n",
        DATA,
    );
    assert_eq!(ids(&run), ids(&check(&whole, &[])));
}

#[test]
fn mistakes_in_included_files_have_their_place_and_circles_are_faults() {
    let place = Place::with("dataset: t\ninclude: a.yaml\n", DATA);
    place.write("a.yaml", "rules:\n  - range: { column: price, mn: 0 }\n");
    let run = place.run(&CHECK);
    assert!(run.code == 2 && run.stderr.contains("a.yaml:2:29: "), "{}", run.stderr);
    place.write("a.yaml", "include: b.yaml\n");
    place.write("b.yaml", "include: a.yaml\n");
    let run = place.run(&CHECK);
    assert!(
        run.code == 2 && run.stderr.contains("b.yaml:1:10: files include each other in a circle: a.yaml → b.yaml → a.yaml"),
        "{}",
        run.stderr
    );
    place.write("a.yaml", "include: gone.yaml\n");
    assert!(place.run(&CHECK).stderr.contains("a.yaml:1:10: there is no file `gone.yaml`"));
}

#[test]
fn a_root_confines_what_is_included() {
    let place = Place::new();
    place.write("in/r.yaml", "dataset: t\ninclude: ../out.yaml\n");
    place.write("in/d.csv", DATA);
    place.write("out.yaml", "rules:\n  - range: { column: price, min: 0 }\n");
    let inside = ["check", "in/d.csv", "-r", "in/r.yaml", "--root", "in"];
    let run = place.run(&inside);
    assert!(run.code == 2 && run.stderr.contains("in/r.yaml:2:10: "), "{}", run.stderr);
    assert_eq!(place.run(&inside[..4]).code, 1);
}

const TEMPLATE: &str = "dataset: t\ntemplates:\n  money:\n    params: [column, max]\n    rules:\n      - missing: { column: \"${column}\" }\n      - range: { column: \"${column}\", min: 0, max: ${max:-100} }\nrules:\n";

#[test]
fn templates_put_rules_with_parameters_in_their_place() {
    let uses = "  - use: { template: money, with: { column: price, max: 6 } }\n  - use: { template: money, with: { column: cost } }\n";
    let place = Place::with(&format!("{TEMPLATE}{uses}"), DATA);
    let run = check(&place, &[]);
    assert_eq!(run.finding("range-price")["failing_rows"], 2, "{}", run.stderr);
    assert_eq!(run.finding("range-cost")["failing_rows"], 1);
    assert_eq!(run.finding("range-cost")["span"]["line"], 10, "where the template is used");
}

#[test]
fn parameters_that_are_unknown_or_missing_are_faults() {
    let uses = "  - use: { template: money, with: { colum: price } }\n  - use: { template: mony }\n";
    let run = Place::with(&format!("{TEMPLATE}{uses}"), DATA).run(&CHECK);
    assert_eq!(run.code, 2);
    for said in [
        "r.yaml:9:37: the template `money` has no parameter `colum`; did you mean `column`?",
        "the template `money` needs the parameter `column`",
        "r.yaml:10:22: there is no template `mony`; did you mean `money`?",
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    let wrong = Place::with(&format!("{TEMPLATE}  - use: {{ template: money, with: {{ column: price, max: many }} }}\n"), DATA).run(&CHECK);
    assert!(wrong.code == 2 && wrong.stderr.contains("many"), "{}", wrong.stderr);
}

#[test]
fn what_a_variable_was_is_not_shown_of_a_masked_column() {
    let rules = "dataset: t\nschema:\n  columns:\n    price: { type: int64, mask: true }\nrules:\n  - range: { column: \"${which}\", max: ${most} }\n";
    let place = Place::with(rules, "price\n5\n918273\n");
    let run = check(&place, &["--var", "which=price", "--var", "most=918272"]);
    assert_eq!(run.finding("range-price")["failing_rows"], 1, "{}", run.stderr);
    assert!(!run.report().to_string().contains("91827"), "{}", run.report());
    let run = place.run(&[&CHECK[..], &["--var", "which=price", "--var", "most=x918272"]].concat());
    assert!(run.code == 2 && !run.stderr.contains("918272"), "{}", run.stderr);
}

#[test]
fn every_rule_file_of_a_directory_is_judged_and_the_worst_counts() {
    let place = Place::new();
    place.write("good.csv", "price\n1\n");
    place.write("bad.csv", "price\n1\n-1\n");
    place.write("rules/a.yaml", "dataset: a\nsource: good.csv\ninclude: _money.yaml\n");
    place.write("rules/_money.yaml", "rules:\n  - range: { column: price, min: 0 }\n");
    let check = ["check", "-r", "rules", "--report", "out.json"];
    assert_eq!(place.run(&check).code, 0);
    place.write("rules/b.yaml", "dataset: b\nsource: bad.csv\ninclude: _money.yaml\n");
    let run = place.run(&check);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("rules: 2 rule files"), "{}", run.stdout);
    assert!(place.path("out.a.json").exists() && place.path("out.b.json").exists());
    place.write("rules/c.yml", "dataset: c\nsource: gone.csv\n");
    assert_eq!(place.run(&check).code, 2);
    // One report of all, in every format.
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("out.json")).expect("a report")).expect("JSON");
    let names: Vec<&str> = whole["tables"].as_array().expect("parts").iter().filter_map(|part| part["name"].as_str()).collect();
    assert_eq!((names, whole["verdict"].as_str(), whole["rows"]["read"].as_u64()), (vec!["a", "b", "c"], Some("undecided"), Some(3)));
    assert!(whole["reasons"].to_string().contains("b/range-price") && whole["reasons"].to_string().contains("gone.csv: no such file"));
    place.run(&["check", "-r", "rules", "--report", "all.md", "--report", "all.html", "--report", "junit=all.xml"]);
    for name in ["all.md", "all.html", "all.xml"] {
        let text = std::fs::read_to_string(place.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(text.replace("&#x2f;", "/").contains("b/range-price"), "{name}");
    }
    // It takes the place of nothing that is read.
    place.write("good.json", "[{\"price\": 1}]");
    place.write("rules/d.yaml", "dataset: d\nsource: good.json\n");
    let run = place.run(&["check", "-r", "rules", "--report", "good.json"]);
    assert!(run.code == 2 && run.stderr.contains("the report would be written to where the data is"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(place.path("good.json")).expect("the data"), "[{\"price\": 1}]");
    std::fs::remove_file(place.path("rules/d.yaml")).expect("removed");
    let gate = place.run(&["gate", "-r", "rules", "--set", "gate.publish=lake"]);
    assert_eq!(gate.code, 2, "{}", gate.stderr);
    place.write("empty/_money.yaml", "rules: []\n");
    let empty = place.run(&["check", "-r", "empty"]);
    assert!(empty.code == 2 && empty.stderr.contains("no rule file is in this directory"), "{}", empty.stderr);
}

#[test]
fn lint_tells_what_is_odd() {
    let place = Place::new();
    let contract = "dataset: t\nschema:\n  columns:\n    a: { type: int8, required: true }\n    s: string\n";
    let odd = [
        (
            "  - range: { column: a, min: 10 }\n  - range: { column: a, id: x, max: 5 }\n",
            "no value of `a` passes both this rule and `range-a` on line 7",
        ),
        ("  - length: { column: s, max: 3 }\n  - length: { columns: [s], max: 3, id: y }\n", "says what `length-s` on line 7 says"),
        ("  - length: { column: s, max: 3 }\n  - length: { column: s, max: 5, id: y }\n", "whatever breaks this rule breaks"),
        ("  - range: { column: a, max: 127 }\n", "every value of the type"),
        ("  - length: { column: s, max: 3, tolerate: 100% }\n", "it tolerates 100% of the rows"),
        ("  - missing: { column: a }\n", "the contract requires `a` already"),
        ("  - missing: { column: b }\n", "the `schema` section does not name it"),
        ("  - values: { column: s, in: [x] }\n  - values: { id: z, column: s, in: [y] }\n", "their sets have no value in common"),
        ("  - range: { column: a, above: 4 }\n  - range: { column: a, id: x, below: 5 }\n", "no value of `a` passes both"),
        ("  - values: { column: a, in: [1] }\n  - range: { column: a, min: 2 }\n", "no value of the set lies within the range"),
    ];
    for (rules, said) in odd {
        place.write("r.yaml", format!("{contract}rules:\n{rules}"));
        let run = place.run(&["rules", "lint", "r.yaml"]);
        assert_eq!(run.code, 1, "{rules}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    place.write("r.yaml", format!("{contract}rules:\n  - range: {{ column: a, min: 0 }}\n  - length: {{ column: s, max: 9 }}\n"));
    let run = place.run(&["rules", "lint", "r.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "r.yaml: nothing is odd\n"));
    // Text is compared byte by byte: "5" is more than "10" and less than "9".
    for column in ["s", "unknown"] {
        let rules =
            format!("rules:\n  - range: {{ column: {column}, min: \"10\" }}\n  - range: {{ id: x, column: {column}, max: \"9\" }}\n");
        let contract = if column == "s" { contract } else { "dataset: t\n" };
        place.write("r.yaml", format!("{contract}{rules}"));
        let run = place.run(&["rules", "lint", "r.yaml"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "r.yaml: nothing is odd\n"), "{column}");
    }
    // These can fail: by rows without a value, by a run of them, early; and empty batches pass by the last.
    for rule in [
        "range: { column: a, min: -128, max: 127, nulls: fail }",
        "length: { column: s, min: 0, nulls: fail }",
        "missing: { column: s, tolerate: 100%, max_run: 5 }",
        "range: { column: a, max: 5, tolerate: 100%, warn: 5% }",
        "rows: { min: 0 }",
    ] {
        place.write("r.yaml", format!("{contract}rules:\n  - {rule}\n"));
        let run = place.run(&["rules", "lint", "r.yaml"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "r.yaml: nothing is odd\n"), "{rule}");
    }
    place.write("r.yaml", "dataset: t\nrules:\n  - rnge: { column: a }\n");
    assert_eq!(place.run(&["rules", "lint", "r.yaml"]).code, 2);
}

#[test]
fn templates_that_multiply_end_soon_and_long_chains_are_no_circles() {
    let place = Place::new();
    let uses = |next: usize, times: usize| {
        (0..times).map(|n| format!("    - use: {{ template: t{next}, with: {{ id: \"${{id}}-{n}\" }} }}\n")).collect::<String>()
    };
    let template =
        |depth: usize, rules: String| format!("  t{depth}:\n    params: [id]\n    rules:\n{}", rules.replace("    - ", "      - "));
    let file = |templates: &str| format!("dataset: t\ntemplates:\n{templates}rules:\n  - use: {{ template: t0, with: {{ id: a }} }}\n");
    let last = "    - range: { id: \"${id}\", column: price, min: 0 }\n";
    let many: String = (0..9).map(|depth| template(depth, uses(depth + 1, 9))).chain([template(9, last.to_owned())]).collect();
    place.write("r.yaml", file(&many));
    let run = place.run(&["rules", "validate", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("templates make more than 10000 rules"), "{}", run.stderr);
    let long: String = (0..17).map(|depth| template(depth, uses(depth + 1, 1))).chain([template(17, last.to_owned())]).collect();
    place.write("r.yaml", file(&long));
    let run = place.run(&["rules", "validate", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("templates use each other more than 16 deep"), "{}", run.stderr);
}

#[test]
fn a_row_that_breaks_the_contract_is_no_example_that_passes() {
    let place = Place::with("", DATA);
    let with = |examples: &str| {
        let contract = "schema: { columns: { p: { type: int64, required: true }, q: { type: date } } }";
        place.write("r.yaml", format!("dataset: t\n{contract}\nrules:\n  - range: {{ column: p, min: 5 }}\nexamples:\n{examples}"));
        place.run(&["rules", "test", "r.yaml"])
    };
    for row in ["{ p: x }", "{ p: 5.5 }", "{ p: 99999999999999999999 }", "{ p: 7, q: 2026-02-30 }"] {
        let run = with(&format!("  pass: [{row}]\n"));
        assert!(run.code == 1 && run.stdout.contains("the row cannot be read as the contract's types"), "{row}: {}", run.stdout);
        let run = with(&format!("  fail: [{{ row: {row}, rules: malformed }}]\n"));
        assert_eq!(run.code, 0, "{row}: {}", run.stdout);
    }
    let run = with("  pass: [{ p: ~, q: 2026-02-28 }]\n");
    assert!(run.code == 1 && run.stdout.contains("the contract requires a value of `p`, and the row must pass"), "{}", run.stdout);
    let run = with("  pass: [{ p: 7, q: 2026-02-28 }]\n  fail: [{ row: { p: 4 }, rules: range-p }]\n");
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn of_a_directory_only_files_with_a_rule_that_is_asked_for_publish() {
    let place = Place::with("", "id,price,email\n1,5,a@b.example\n2,0,\n");
    let file = |name: &str, rule: &str| {
        format!(
            "dataset: {name}\nsource: {{ path: d.csv }}\nrules:\n  - {rule}\ngate: {{ publish: out/{name}, quarantine: aside/{name} }}\n"
        )
    };
    place.write("rules/a.yaml", file("a", "range: { column: price, min: 9 }"));
    place.write("rules/b.yaml", file("b", "missing: { column: email }"));
    let run = place.run(&["gate", "-r", "rules", "--only", "missing-email"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(!place.path("out/a").exists() && place.path("out/b").exists() && !run.stdout.contains("a.yaml"), "{}", run.stdout);
    let run = place.run(&["gate", "-r", "rules", "--only", "missing-mail"]);
    assert!(run.code == 2 && run.stderr.contains("no rule in this directory is called `missing-mail`"), "{}", run.stderr);
}

#[test]
fn rule_files_of_one_name_have_reports_of_their_own() {
    let place = Place::with("", DATA);
    place.write("rules/a.yaml", TWO);
    place.write("rules/a.yml", TWO);
    place.run(&["check", "d.csv", "-r", "rules", "--report", "out.json"]);
    assert!(place.path("out.a.yaml.json").exists() && place.path("out.a.yml.json").exists());
}

#[test]
fn examples_test_the_rules() {
    let rules = "dataset: t\nrules:\n  - range: { column: price, min: 0 }\n  - missing: { column: mail }\n  - duplicates: { key: [price] }\nexamples:\n  pass:\n    - { price: 5, mail: x }\n    - { price: 5 }\n  fail:\n    - { row: { price: -1, mail: x }, rules: [range-price] }\n    - { row: { price: 1, mail: ~ }, rules: missing-mail }\n";
    let place = Place::with(rules, DATA);
    let test = ["rules", "test", "r.yaml"];
    let run = place.run(&test);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("4 examples, all came out as they should"), "{}", run.stdout);
    assert!(run.stdout.contains("`duplicates-price` was not asked: it judges whole batches"), "{}", run.stdout);
    place.write("r.yaml", rules.replace("min: 0", "min: -5"));
    let run = place.run(&test);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("r.yaml:11:14: `range-price` passes, and must fail"), "{}", run.stdout);
    place.write("r.yaml", rules.replace("[range-price]", "[range-prize]"));
    let run = place.run(&test);
    assert!(run.code == 2 && run.stderr.contains("no rule is called `range-prize`; did you mean `range-price`?"), "{}", run.stderr);
    place.write("r.yaml", TWO);
    assert_eq!(place.run(&test).code, 2);
}
