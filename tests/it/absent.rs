//! A column that the contract has and the batch lacks is never a pass.

use crate::support::{Place, Run};

fn check(schema: &str, rules: &str, file: &str, data: &str) -> Run {
    let place = Place::new();
    place.write(file, data);
    place.write("r.yaml", format!("dataset: d\nschema: {schema}\nrules: [{rules}]\n"));
    place.run(&["check", file, "-r", "r.yaml"])
}

fn outcome(run: &Run, id: &str) -> String {
    run.finding(id)["outcome"].as_str().expect("an outcome").to_owned()
}

const COLUMNS: &str = "id: { type: int64 }, price: { type: float64 }, place.city: { type: string }";

#[test]
fn a_required_column_that_is_gone_fails_whatever_evolution_allows() {
    for evolution in ["exact", "backward", "forward", "full", "any"] {
        let schema =
            format!("{{ evolution: {evolution}, columns: {{ id: {{ type: int64 }}, price: {{ type: float64, required: true }} }} }}");
        for data in ["id,name\n1,a\n", "id,PRICE\n1,2.5\n"] {
            let run = check(&schema, "rows: { min: 1 }", "d.csv", data);
            assert_eq!((run.code, outcome(&run, "schema")), (1, "fail".to_owned()), "{evolution}: {}{}", run.stdout, run.stderr);
        }
        let nested =
            format!("{{ evolution: {evolution}, columns: {{ id: {{ type: int64 }}, place.city: {{ type: string, required: true }} }} }}");
        for data in ["{\"id\": 1}\n", "{\"id\": 1, \"place\": {\"zip\": \"1\"}}\n"] {
            let run = check(&nested, "rows: { min: 1 }", "d.ndjson", data);
            assert_eq!((run.code, outcome(&run, "schema")), (1, "fail".to_owned()), "{evolution}: {}{}", run.stdout, run.stderr);
        }
    }
}

#[test]
fn a_field_that_no_record_of_the_batch_has_is_a_warning() {
    let schema = format!("{{ columns: {{ {COLUMNS} }} }}");
    for (data, gone) in [
        ("{\"id\": 1}\n{\"id\": 2}\n", &["price", "place"][..]),
        ("{\"id\": 1, \"price\": 2.5, \"place\": {\"zip\": 1}}\n", &["place.city"]),
    ] {
        let run = check(&schema, "rows: { min: 1 }", "d.ndjson", data);
        assert_eq!((run.code, outcome(&run, "schema")), (0, "warn".to_owned()), "{}{}", run.stdout, run.stderr);
        let message = run.finding("schema")["message"].to_string();
        assert!(gone.iter().all(|gone| message.contains(&format!("`{gone}` removed"))), "{message}");
    }
}

#[test]
fn a_glob_or_type_that_only_absent_columns_match_is_no_mistake_of_the_rule_file() {
    let schema = format!("{{ columns: {{ {COLUMNS} }} }}");
    for columns in ["\"pr*\"", "[\"i*\", \"pr*\"]", "[price]"] {
        let run = check(&schema, &format!("range: {{ columns: {columns}, min: 0 }}"), "d.csv", "id,name\n1,a\n");
        assert_eq!(outcome(&run, "range-price"), "no_data", "{columns}: {}", run.stderr);
        let stops = check(&schema, &format!("range: {{ columns: {columns}, min: 0, on_no_data: stop }}"), "d.csv", "id,name\n1,a\n");
        assert_eq!((stops.code, stops.verdict()), (2, "undecided"), "{columns}");
    }
    let floats = check(
        "{ columns: { name: { type: string }, seen: { type: date } } }",
        "freshness: { columns: { type: temporal }, max_age: 1d }",
        "d.csv",
        "name\na\n",
    );
    assert_eq!(outcome(&floats, "freshness-seen"), "no_data", "{}", floats.stderr);
    // What neither the batch nor the contract has is one.
    let unknown = check(&schema, "range: { columns: \"zz*\", min: 0 }", "d.csv", "id,name\n1,a\n");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("r.yaml:3:") && unknown.stderr.contains("`zz*`"), "{}", unknown.stderr);
}

#[test]
fn a_rule_that_names_an_absent_column_of_the_contract_stops() {
    let schema = format!("{{ columns: {{ {COLUMNS} }} }}");
    for rule in
        ["range: { column: price, min: 0, id: it }", "type: { column: price, is: float64, id: it }", "duplicates: { key: [price], id: it }"]
    {
        let run = check(&schema, rule, "d.csv", "id,name\n1,a\n");
        assert_eq!((run.code, outcome(&run, "it")), (2, "no_data".to_owned()), "{rule}: {}", run.stderr);
    }
    let set = check(&schema, "column_set: { contains: [price], id: it }", "d.csv", "id,name\n1,a\n");
    assert_eq!((set.code, outcome(&set, "it")), (1, "fail".to_owned()));
}
