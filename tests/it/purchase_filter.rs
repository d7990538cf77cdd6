//! The purchase filter of `examples/`: event by event, between two pipes.

use serde_json::Value as Json;

use crate::support::{Place, project};

#[test]
fn purchases_are_filtered_as_the_example_says() {
    let place = Place::new();
    let rules = std::fs::read(project("examples/purchase-filter/rules.yaml")).expect("rules");
    place.write("r.yaml", rules);
    let events = std::fs::read(project("examples/purchase-filter/events.ndjson")).expect("events");
    let run = crate::stream::stream(&place, &[], &[&events]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("60 rows read = 49 published + 9 quarantined (2 malformed) + 2 filtered"), "{}", run.stderr);
    let aside: Vec<(u64, String)> = run
        .bad
        .iter()
        .map(|bad| {
            (
                bad["line"].as_u64().expect("a line"),
                bad["rules"].as_array().expect("rules").iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
            )
        })
        .collect();
    let expected = [
        (5, "range-price"),
        (10, "range-price"),
        (15, "values-currency"),
        (25, "range-quantity"),
        (30, "required-item"),
        (36, "malformed"),
        (41, "duplicates-purchase_id"),
        (51, "malformed"),
        (56, "values-currency pattern-purchase_id"),
    ];
    assert_eq!(aside, expected.map(|(line, rules)| (line, rules.to_owned())));
    // What passes is as it came, in its order.
    let lines: Vec<&str> = std::str::from_utf8(&events).expect("text").lines().collect();
    let passed: Vec<String> = lines
        .iter()
        .enumerate()
        .filter(|(i, line)| {
            !line.is_empty()
                && !["\"user_id\": 17,", "\"user_id\": 3,"].iter().any(|test| line.contains(test))
                && expected.iter().all(|(aside, _)| *aside != *i as u64 + 1)
        })
        .map(|(_, line)| (*line).to_owned())
        .collect();
    assert_eq!(run.good_lines(), passed);
}
