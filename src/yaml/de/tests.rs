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
fn whole_numbers_may_have_a_point_and_an_exponent() {
    let read = |text: &str| read::<Vec<u64>>(&Node::parse(&format!("[{text}]"), "r").expect("yaml"), "r").map_err(|f| f.0[0].what.clone());
    for (text, n) in [("3", 3), ("3.0", 3), ("3.", 3), ("3e0", 3), ("+3.00", 3), ("1.5e3", 1500), ("30e-1", 3), ("0.0", 0), ("-0.0", 0)] {
        assert_eq!(read(text), Ok(vec![n]), "{text}");
    }
    assert_eq!(read("18446744073709551615.0"), Ok(vec![u64::MAX]));
    assert_eq!(read("9007199254740993.0"), Ok(vec![9_007_199_254_740_993]), "and not the float nearest to it");
    assert_eq!(read("3.5").expect_err("no"), "expected a whole number of at least 0, found `3.5`");
    assert_eq!(read("1e-1").expect_err("no"), "expected a whole number of at least 0, found `0.1`");
    assert_eq!(read("-3.0").expect_err("no"), "expected a whole number of at least 0, found `-3`");
    assert_eq!(read("'3'").expect_err("no"), "expected a whole number of at least 0, found `3`");
    assert_eq!(
        read("1e99").expect_err("no"),
        "expected a whole number of at least 0, found `1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000`"
    );
}

#[test]
fn spanned_knows_its_place() {
    let node = Node::parse("column: a\nmax: 2.5", "r").expect("yaml");
    let config: Config = read(&node, "r").expect("valid");
    assert_eq!((config.max.at.line, config.max.at.column, *config.max), (2, 6, 2.5));
}
