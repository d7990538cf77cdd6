use super::*;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Config {
    column: String,
    max: Spanned<f64>,
    strict: Option<bool>,
}

#[test]
fn every_mistake_of_a_mapping_is_reported() {
    let text = "column: 3\nmaxx: 2\nmax: high\nstrict: no\n";
    let node = Node::parse(text, "r").expect("yaml");
    let faults = read::<Config>(&node, "r").expect_err("faults");
    let lines: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[0].starts_with("r:1:9: expected a string"));
    assert_eq!(lines[1], "r:2:1: unknown key `maxx`; did you mean `max`?");
    assert!(lines[2].starts_with("r:3:6: "));
    assert!(lines[3].starts_with("r:4:9: "));
}

#[test]
fn spanned_knows_its_place() {
    let node = Node::parse("column: a\nmax: 2.5", "r").expect("yaml");
    let config: Config = read(&node, "r").expect("valid");
    assert_eq!((config.max.at.line, config.max.at.column, *config.max), (2, 6, 2.5));
}
