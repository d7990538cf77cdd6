//! Percentages are the decimals that are written, and counts are held against them exactly.

use crate::support::Place;

/// One value 7 times among 125, the others once each.
fn seven_of_125() -> Place {
    let place = Place::new();
    let rows: Vec<String> = (0..125).map(|i| if i < 7 { "a".to_owned() } else { format!("v{i}") }).collect();
    place.write("d.csv", format!("x\n{}\n", rows.join("\n")));
    place
}

fn outcome(place: &Place, rule: &str) -> String {
    place.write("r.yaml", format!("dataset: d\nrules:\n  - {rule}\n"));
    place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it")["outcome"].as_str().expect("an outcome").to_owned()
}

#[test]
fn seven_of_125_is_at_most_5_6_percent_however_that_is_written() {
    let place = seven_of_125();
    // 7 / 125 = 0.056 exactly; 5.6 / 100 is a float below it.
    for limit in ["5.6%", "0.056", "5.60 %", "56e-3", "5.600000000000%"] {
        assert_eq!(outcome(&place, &format!("statistic: {{ column: x, of: most_common, max: {limit}, id: it }}")), "pass", "{limit}");
        assert_eq!(outcome(&place, &format!("statistic: {{ column: x, of: most_common, min: {limit}, id: it }}")), "pass", "{limit}");
        assert_eq!(outcome(&place, &format!("statistic: {{ column: x, of: most_common, below: {limit}, id: it }}")), "fail", "{limit}");
    }
    assert_eq!(outcome(&place, "statistic: { column: x, of: most_common, max: 5.59999999999999%, id: it }"), "fail");
    assert_eq!(outcome(&place, "statistic: { column: x, of: most_common, max: 0.05599999999999999, id: it }"), "fail");
}

#[test]
fn every_whole_percentage_of_rows_is_tolerated_exactly() {
    // Of 100 n rows, p n failing ones are p %, never more: for all p, and for tenths of a percent.
    let place = Place::new();
    for percent in ["7%", "29%", "55.3%", "0.1%", "99.9%", "14.3%"] {
        let failing = (percent.trim_end_matches('%').parse::<f64>().expect("a number") * 10.0).round() as usize;
        let rows: String = (0..1000).map(|i| if i < failing { "-1\n" } else { "1\n" }).collect();
        place.write("d.csv", format!("x\n{rows}"));
        let rule = |tolerate: &str| format!("range: {{ column: x, min: 0, tolerate: {tolerate}, id: it }}");
        assert_eq!(outcome(&place, &rule(percent)), "pass", "{percent}");
        let less = format!("{}99999%", percent.trim_end_matches('%').replace(".3", ".2").replace(".1", ".0").replace(".9", ".8"));
        let less = if percent.contains('.') {
            less
        } else {
            format!("{}.99999%", percent.trim_end_matches('%').parse::<u64>().expect("whole") - 1)
        };
        assert_eq!(outcome(&place, &rule(&less)), "fail", "{less}");
    }
}

#[test]
fn messages_show_percentages_as_they_are_written() {
    let place = Place::new();
    place.write("d.csv", format!("x\n{}", "a\nb\n".repeat(50)));
    place.write("r.yaml", "dataset: d\nrules:\n  - representation: { groups: [x], reference: equal, tolerance: 7%, id: it }\n");
    let message = place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it")["message"].to_string();
    assert!(message.contains("± 7% of the reference"), "{message}");
}
