//! Where on its line the value that fails begins.

use serde_json::{Value as Json, json};

use crate::support::{Place, Run};

fn places(run: &Run, finding: &str) -> Vec<(Json, Json)> {
    let samples = run.finding(finding)["samples"].as_array().expect("samples");
    samples.iter().map(|sample| (sample["origin"]["line"].clone(), sample["line_column"].clone())).collect()
}

const RULES: &str = "dataset: d\nrules:\n  - range: { column: n, max: 5, on_fail: warn }\n";

#[test]
fn a_value_that_fails_has_its_line_and_the_column_of_its_first_character() {
    // Counted by hand: `é` is one character, and a quoted field begins behind its quote.
    let data = "name,n,note\nab,9,x\nété,\"9\",x\n\"a,b\",7,x\n\"two\nlines\",8,x\nok,1,x\nx,6,\"later\nline\"\n";
    let run = Place::with(RULES, data).run(&["check", "d.csv", "-r", "r.yaml"]);
    let expected = [(2, json!(4)), (3, json!(6)), (4, json!(7)), (5, Json::Null), (8, json!(3))];
    assert_eq!(places(&run, "range-n"), expected.map(|(line, column)| (json!(line), column)));
}

#[test]
fn columns_are_found_in_every_layout_of_text_and_in_directories() {
    for (name, more, text, column) in [
        ("d.tsv", "", "name\tn\nab\t9\n", 4),
        ("d.csv", "source: { delimiter: '||' }\n", "name||n\nab||9\n", 5),
        ("day=1/d.csv", "", "name,n\nab,9\n", 4),
    ] {
        let place = Place::new();
        place.write("r.yaml", format!("{more}{RULES}"));
        place.write(&format!("data/{name}"), text);
        let run = place.run(&["check", "data", "-r", "r.yaml"]);
        assert_eq!(places(&run, "range-n"), [(json!(2), json!(column))], "{name}: {}{}", run.stdout, run.stderr);
    }
    let place = Place::with(RULES, "");
    place.write("d.ndjson", "{\"n\": 9}\n");
    let run = place.run(&["check", "d.ndjson", "-r", "r.yaml"]);
    assert_eq!(places(&run, "range-n"), [(json!(1), Json::Null)]);
}

#[test]
fn where_columns_are_masked_no_place_tells_how_long_their_values_are() {
    let rules = RULES.replace("dataset: d\n", "dataset: d\nschema: { columns: { name: { type: string, mask: true } } }\n");
    let run = Place::with(&rules, "name,n\nsecret,9\n").run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!(places(&run, "range-n"), [(json!(2), Json::Null)]);
}

#[test]
fn what_is_made_of_columns_has_no_place() {
    let place = Place::with("dataset: d\ntransform: { m: n * 2 }\nrules:\n  - range: { column: m, max: 5, on_fail: warn }\n", "n\n9\n");
    assert_eq!(places(&place.run(&["check", "d.csv", "-r", "r.yaml"]), "range-m"), [(json!(2), Json::Null)]);
}
