//! One cell may be as large as a file; what is shown of it is not.

use std::fmt::Write;

use crate::support::Place;

/// Characters of a long cell.
const LENGTH: usize = 3_000_000;

#[test]
fn reports_and_the_quarantine_show_long_cells_cut_and_say_by_how_much() {
    let place = Place::new();
    let mut csv = "id,text,group\n".to_owned();
    for i in 0..6 {
        writeln!(csv, "{i},{},{}", "ä".repeat(LENGTH + i), "g".repeat(LENGTH)).expect("text");
    }
    writeln!(csv, "x,short,{}\n9,short,a", "m".repeat(LENGTH)).expect("text");
    place.write("d.csv", csv);
    place.write(
        "rules.yaml",
        "dataset: d\nschema: { columns: { id: { type: int64 } } }\nprofile: full\nrules:\n  - length: { column: text, max: 10 }\n  - range: { id: by, column: id, max: 100, by: [group] }\n  - representation: { groups: [group], reference: equal, tolerance: 1 points, on_fail: warn }\n  - values: { column: group, in: [a], on_fail: warn }\ngate: { reject_above: 100% }\n",
    );
    let arguments = ["d.csv", "-r", "rules.yaml", "--publish", "out.parquet", "--quarantine", "bad", "--report", "r.html", "-v"];
    let run = place.run(&[&["gate"], arguments.as_slice()].concat());
    let report = run.report().to_string();
    let html = std::fs::read_to_string(place.path("r.html")).expect("a report");
    for (what, text) in [("JSON", &report), ("HTML", &html), ("terminal", &run.stdout), ("standard error", &run.stderr)] {
        assert!(text.len() < 200_000, "{what}: {} bytes", text.len());
    }
    // 3,000,000 of `ä` are shown as 200 of them.
    let samples = &run.finding("length-text")["samples"];
    let first = samples[0]["values"].as_array().expect("values").iter().find(|value| value[0] == "text").expect("the column");
    assert_eq!(first[1].as_str().expect("text"), format!("{}… (2,999,800 characters more)", "ä".repeat(200)));
    let record = run.finding("malformed")["samples"][0]["raw"].as_str().expect("text").to_owned();
    // `x,short,` and the cell, less 500.
    assert!(record.starts_with("x,short,mmm") && record.ends_with("… (2,999,508 characters more)"), "{record}");
    let part = place.part("bad", run.report()["batch"]["id"].as_str().expect("an id"));
    let batch = part.file_name().and_then(|name| name.to_str()?.split('.').next()).expect("a name");
    for arguments in [vec!["quarantine", "show", "bad", batch], vec!["quarantine", "list", "bad"]] {
        let shown = place.run(&arguments);
        assert!(shown.code == 0 && shown.stdout.len() < 10_000, "{} {}", shown.stdout.len(), shown.stderr);
    }
}

#[test]
fn the_rule_file_says_how_many_failing_rows_are_shown() {
    let place = Place::new();
    let rows: String = (0..200).map(|i| format!("{i},a\n")).collect();
    place.write("d.csv", format!("id,b\n{rows}x,a\ny,a\n"));
    for (samples, shown, malformed) in [("", 10, 2), ("samples: 0\n", 0, 0), ("samples: 1\n", 1, 1), ("samples: 100\n", 100, 2)] {
        place.write(
            "rules.yaml",
            format!("dataset: d\n{samples}schema: {{ columns: {{ id: {{ type: int64 }} }} }}\nrules:\n  - range: {{ column: id, min: 1000, on_fail: warn }}\n"),
        );
        let run = place.run(&["check", "d.csv", "-r", "rules.yaml"]);
        let of = |id: &str| run.finding(id)["samples"].as_array().expect("samples").len();
        assert_eq!((of("range-id"), of("malformed")), (shown, malformed), "{samples}");
    }
    place.write("rules.yaml", "dataset: d\nsamples: 101\nrules:\n  - rows: { min: 1 }\n");
    let run = place.run(&["check", "d.csv", "-r", "rules.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("rules.yaml:2:10") && run.stderr.contains("100 rows at most"), "{}", run.stderr);
}
