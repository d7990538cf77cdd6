//! `profile`: what is said of data without a rule file, against figures of numpy and scipy.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::private::ensure_clean;
use crate::support::{Place, Run};

/// Profiles `data` into `p.json`.
fn profile(place: &Place, data: &[&str], more: &[&str]) -> (Run, Json) {
    let run = place.run(&[&["profile"], data, &["-o", "p.json", "--now", "2026-11-27T08:00:00Z"], more].concat());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let text = std::fs::read_to_string(place.path("p.json")).expect("a report");
    let report = serde_json::from_str(&text).expect("JSON");
    (run, report)
}

fn column<'a>(report: &'a Json, name: &str) -> &'a Json {
    report["columns"].as_array().expect("columns").iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no column {name}"))
}

fn alerts(column: &Json) -> Vec<&str> {
    column["alerts"].as_array().into_iter().flatten().filter_map(|alert| alert["kind"].as_str()).collect()
}

#[track_caller]
fn near(found: &Json, wanted: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{found} is not {wanted}");
}

/// 3,000 rows that follow from their number.
fn numbers() -> String {
    let mut text = "x,z,tail,a,b,same\n".to_owned();
    for i in 0u64..3000 {
        let x = i * 7919 % 1009;
        let tail = if i < 2973 { i % 100 } else { 100_000 + i };
        let a = i % 4;
        let b = if i % 5 == 0 { i / 7 % 4 } else { a };
        writeln!(text, "{x},{},{tail},a{a},b{b},7", x * 3 + i * 31 % 17).expect("written");
    }
    text
}

/// numpy 2.3 and scipy 1.17: `x = i * 7919 % 1009` and so on for `i` below 3,000; `quantile`, `skew`, `pearsonr`, `spearmanr`,
/// `contingency.association(…, method="cramer")`.
#[test]
fn figures_are_those_of_numpy_and_scipy() {
    let place = Place::new();
    place.write("d.csv", numbers());
    let (_, report) = profile(&place, &["d.csv"], &[]);
    assert_eq!((&report["mode"], &report["dataset"]), (&json!("profile"), &json!("d")));
    let x = column(&report, "x");
    assert_eq!(
        (&x["distinct"], &x["distinct_exact"], &x["min"], &x["max"], &x["zeros"]),
        (&json!(1009), &json!(true), &json!(0), &json!(1008), &json!(3))
    );
    near(&x["mean"], 504.056_666_666_666_7);
    near(&x["stddev"], 291.312_553_437_287_14);
    for (p, wanted) in [("0.01", 9.99), ("0.25", 252.0), ("0.5", 504.0), ("0.75", 756.0), ("0.99", 998.01)] {
        near(&x["quantiles"][p], wanted);
    }
    assert_eq!(x["skewness"], json!(-0.00036));
    let tail = column(&report, "tail");
    assert_eq!(alerts(tail), ["skewed"]);
    assert_eq!((&tail["histogram"]["above"], &tail["histogram"]["low"]), (&json!(27), &json!(0.0)));
    assert_eq!(tail["histogram"]["counts"].as_array().expect("counts").iter().filter_map(Json::as_u64).sum::<u64>(), 2973);
    assert_eq!(alerts(column(&report, "same")), ["constant"]);
    let pairs = report["correlations"]["pairs"].as_array().expect("pairs");
    let pair = |a: &str, b: &str| pairs.iter().find(|p| p["columns"] == json!([a, b])).unwrap_or_else(|| panic!("{a} {b}: {pairs:?}"));
    assert_eq!((&pair("x", "z")["pearson"], &pair("x", "z")["spearman"]), (&json!(0.999984), &json!(0.999999)));
    assert_eq!(pair("a", "b")["cramers_v"], json!(0.809341));
    assert_eq!((&report["correlations"]["exact"], &report["correlations"]["rows"]), (&json!(true), &json!(3000)));
    assert!(alerts(x).contains(&"correlated"), "{x}");
}

/// numpy: `w = (i * 7919 % 100003) / 7` for `i` below 30,000, `histogram(w, bins=arange(0, 14501, 500))`.
#[test]
fn many_different_numbers_are_settled_by_second_looks() {
    let place = Place::new();
    let rows: String = (0u64..30_000).map(|i| format!("{},k{i}\n", (i * 7919 % 100_003) as f64 / 7.0)).collect();
    place.write("d.csv", format!("w,code\n{rows}"));
    let (_, report) = profile(&place, &["d.csv"], &[]);
    let w = column(&report, "w");
    for (p, wanted) in [
        ("0.01", 143.14),
        ("0.25", 3_571.642_857_142_857_3),
        ("0.5", 7_143.285_714_285_714),
        ("0.75", 10_714.178_571_428_572),
        ("0.99", 14_144.002_857_142_857),
    ] {
        near(&w["quantiles"][p], wanted);
    }
    near(&w["mean"], 7_143.144_147_619_047);
    near(&w["stddev"], 4_124.119_193_038_518);
    let histogram = &w["histogram"];
    assert_eq!((&histogram["low"], &histogram["high"]), (&json!(0.0), &json!(14_500.0)));
    assert_eq!(
        histogram["counts"],
        json!([
            1048, 1051, 1048, 1052, 1050, 1052, 1049, 1050, 1049, 1050, 1051, 1051, 1050, 1049, 1050, 1049, 1052, 1049, 1052, 1048, 1050,
            1048, 1051, 1050, 1050, 1049, 1049, 1049, 604
        ])
    );
    // Names rows: not drawn.
    let code = column(&report, "code");
    assert_eq!((&code["role"], &code["top_values"], &code["distinct_exact"]), (&json!("identifier"), &Json::Null, &json!(false)));
    // Both columns of different values are keys, though neither was counted exactly at first.
    assert_eq!(report["candidate_keys"], json!([{"columns": ["w"]}, {"columns": ["code"]}]));
}

#[test]
fn dates_have_a_bin_a_month_and_whole_numbers_a_bin_each() {
    let place = Place::new();
    let day = |i: i64| chrono::NaiveDate::from_ymd_opt(2024, 1, 15).expect("a day") + chrono::TimeDelta::days(i);
    let rows: String = (0..400).map(|i| format!("{},{},{}T{:02}:30:00\n", day(i), i % 12 + 1, day(i % 2), i % 24)).collect();
    place.write("d.csv", format!("day,month,time\n{rows}"));
    let (_, report) = profile(&place, &["d.csv"], &[]);
    let day = &column(&report, "day")["histogram"];
    assert_eq!((&day["scale"], day["edges"][0].as_str()), (&json!("months"), Some("2024-01-01")));
    // By Python's collections.Counter.
    assert_eq!(day["counts"], json!([17, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 17]));
    let month = &column(&report, "month")["histogram"];
    assert_eq!((&month["low"], &month["high"], month["counts"].as_array().map(Vec::len)), (&json!(1.0), &json!(13.0), Some(12)));
    assert_eq!(column(&report, "time")["histogram"]["scale"], json!("hours"));
}

/// A customer file with what such files hold.
fn customers() -> String {
    let mut text = "id,mail,joined,price,status,temperature,note\n".to_owned();
    for i in 0..200 {
        let mail = if i == 150 { "nobody at example.org".to_owned() } else { format!("user{i}@example.org") };
        let joined = if i % 50 == 49 { format!("{:02}/01/2024", i % 28 + 1) } else { format!("2024-01-{:02}", i % 28 + 1) };
        let unit = if i % 4 == 0 { "EUR" } else { "USD" };
        let status = if i % 20 == 0 { "N/A" } else { ["new", "paid", "sent"][i % 3] };
        let temperature = if i % 10 == 0 { "-999".to_owned() } else { format!("{}.{}", 10 + i % 17, i % 10) };
        let note = if i < 150 { "" } else { "some words of prose" };
        writeln!(text, "{},{mail},{joined},{} {unit},{status},{temperature},{note}", 1000 + i, i % 37 + 1).expect("written");
    }
    text
}

#[test]
fn formats_units_stand_ins_and_identifiers_are_recognised() {
    let place = Place::new();
    place.write("customers.csv", customers());
    let (run, report) = profile(&place, &["customers.csv"], &[]);
    assert_eq!(column(&report, "id")["role"], json!("identifier"));
    let page = place.run(&["profile", "customers.csv", "-o", "p.html", "-q"]);
    assert_eq!((page.code, page.stdout.as_str()), (0, ""));
    let page = std::fs::read_to_string(place.path("p.html")).expect("a page");
    assert!(page.contains("Histogram of temperature") && !page.contains("Histogram of id"), "identifiers are not drawn");
    let mail = &column(&report, "mail")["formats"];
    assert_eq!((&mail["formats"][0], &mail["exceptions"]), (&json!({"format": "e-mail", "count": 199}), &json!(1)));
    // The header is line 1, so the row of the index 150 is line 152.
    assert_eq!(mail["example"], json!({"value": "nobody at example.org", "origin": {"file": "customers.csv", "line": 152, "row": 151}}));
    let joined = &column(&report, "joined")["formats"];
    assert_eq!(joined["formats"][0], json!({"format": "date %Y-%m-%d", "count": 196}));
    let price = &column(&report, "price")["formats"];
    assert_eq!(price["units"], json!([{"format": "USD", "count": 150}, {"format": "EUR", "count": 50}]));
    assert_eq!(column(&report, "status")["stand_ins"], json!([{"value": "N/A", "count": 10}]));
    assert_eq!(column(&report, "temperature")["stand_ins"], json!([{"value": -999.0, "count": 20}]));
    assert!(alerts(column(&report, "note")).contains(&"mostly_missing"));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines.len() <= 40, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() <= 120), "{}", run.stdout);
    for said in ["identifier", "`N/A` (10)", "USD 150, EUR 50", "first `nobody at example.org` in line 152"] {
        assert!(run.stdout.contains(said), "`{said}` is not in {}", run.stdout);
    }
    insta::assert_snapshot!("profile_of_customers", run.stdout);
}

#[test]
fn keys_are_single_columns_and_pairs_that_no_two_rows_share() {
    let place = Place::new();
    let rows: String = (0..600).map(|i| format!("{},{},{},{}\n", i / 20, i % 20, i % 7, 10_000 - i)).collect();
    place.write("d.csv", format!("shop,till,seven,number\n{rows}"));
    let (_, report) = profile(&place, &["d.csv"], &[]);
    assert_eq!(report["candidate_keys"], json!([{"columns": ["number"]}, {"columns": ["shop", "till"]}]));
    // One row twice, and neither is a key any more.
    place.write("d.csv", format!("shop,till,seven,number\n{rows}0,0,0,10000\n"));
    let (_, report) = profile(&place, &["d.csv"], &[]);
    assert_eq!(report["candidate_keys"], json!([]));
}

#[test]
fn every_format_standard_input_and_globs_are_profiled() {
    let place = Place::new();
    place.write("a.csv", numbers());
    place.write("b.csv", numbers());
    let (_, one) = profile(&place, &["a.csv"], &[]);
    let (_, both) = profile(&place, &["?.csv"], &[]);
    assert_eq!((column(&one, "x")["rows"].as_u64(), column(&both, "x")["rows"].as_u64()), (Some(3000), Some(6000)));
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{} profile - --format csv -o p.json < a.csv", env!("CARGO_BIN_EXE_sluicegate"))])
        .current_dir(place.path(""))
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(place.path("p.json")).expect("a report");
    let piped: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(piped["columns"], one["columns"]);
}

#[test]
fn what_cannot_be_read_or_written_exits_with_2() {
    let place = Place::new();
    place.write("a.csv", "x\n1\n");
    for arguments in [
        ["profile", "none.csv", "-o", "p.json"],
        ["profile", "a.csv", "-o", "p.docx"],
        ["profile", "a.csv", "-o", "a.csv"],
        ["profile", "a.csv", "--report", "a.csv/p.json"],
    ] {
        let run = place.run(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stdout);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
    assert_eq!(std::fs::read_to_string(place.path("a.csv")).expect("kept"), "x\n1\n");
    place.write("empty.csv", "x,y\n");
    let run = place.run(&["profile", "empty.csv"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("0 rows, 2 columns"), "{}", run.stdout);
}

/// Two units, by long cells.
#[test]
fn threads_change_no_byte_and_long_texts_are_no_burden() {
    let place = Place::new();
    let long = "word ".repeat(220);
    let rows: String = (0..18_000).map(|i| format!("{},{}{i},{}\n", i * 7 % 20_011, long, f64::from(i) / 3.0)).collect();
    place.write("d.csv", format!("n,text,third\n{rows}"));
    let mut reports = Vec::new();
    for threads in ["1", "2", "5"] {
        let run = place.run(&["profile", "d.csv", "-o", "p.html", "--report", "p.json", "--now", "2026-11-27", "--threads", threads]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let read = |name: &str| std::fs::read(place.path(name)).expect("a report");
        reports.push((run.stdout, read("p.json"), read("p.html")));
    }
    assert!(reports.windows(2).all(|pair| pair[0] == pair[1]), "the same report for any number of threads");
    assert!(reports[0].2.len() < 100_000, "{} bytes", reports[0].2.len());
}

#[test]
fn a_wide_table_is_one_small_page() {
    let place = Place::new();
    let header: Vec<String> = (0..500).map(|c| format!("c{c}")).collect();
    let rows: String =
        (0..60).map(|i| (0..500).map(|c| ((i * (c + 3) + i * i) % 97).to_string()).collect::<Vec<_>>().join(",") + "\n").collect();
    place.write("d.csv", format!("{}\n{rows}", header.join(",")));
    let run = place.run(&["profile", "d.csv", "-o", "p.html", "--report", "p.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("460 more columns") && run.stdout.lines().count() < 70, "{}", run.stdout);
    let page = std::fs::metadata(place.path("p.html")).expect("a page").len();
    assert!(page < 2_500_000, "{page} bytes");
    let report: Json = serde_json::from_str(&std::fs::read_to_string(place.path("p.json")).expect("read")).expect("JSON");
    assert_eq!((&report["correlations"]["columns"], &report["correlations"]["left_out"]), (&json!(40), &json!(460)));
}

#[test]
fn masked_columns_tell_nothing_that_follows_from_values() {
    let place = Place::new();
    let rows: String =
        (0..100).map(|i| format!("CANARY{:02}@example.org,{},{}\n", i, 91_827_000 + i, f64::from(91_827_000 + i) * 2.0)).collect();
    place.write("d.csv", format!("mail,pay,twice\nnone,91827999,\n{rows}"));
    place.write("r.yaml", "dataset: d\nschema:\n  columns:\n    mail: { type: string, mask: true }\n    pay: { type: int64, mask: true }\n    twice: { type: float64, mask: true }\n");
    let outputs = ["p.html", "p.json", "p.md", "p.xml", "p.sarif"];
    let mut arguments = vec!["profile", "d.csv", "-r", "r.yaml"];
    outputs.iter().for_each(|path| arguments.extend(["--report", path]));
    let run = place.run(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    ensure_clean(&run.stdout, "the terminal");
    for path in outputs {
        ensure_clean(&std::fs::read_to_string(place.path(path)).expect("a report"), path);
    }
    let report: Json = serde_json::from_str(&std::fs::read_to_string(place.path("p.json")).expect("read")).expect("JSON");
    for name in ["mail", "pay", "twice"] {
        let masked = column(&report, name);
        for told in ["alerts", "formats", "role", "histogram", "skewness", "zeros", "lengths", "stand_ins", "quantiles", "min"] {
            assert!(masked.get(told).is_none(), "{name} tells {told}: {masked}");
        }
    }
    assert_eq!((&report["candidate_keys"], &report["correlations"]["pairs"]), (&json!([]), &json!([])));
}

#[test]
fn fences_and_the_baseline_are_drawn_over_the_bins() {
    let place = Place::new();
    let data = |shift: u32| {
        format!("v,kind\n{}", (0..400).map(|i| format!("{},k{}\n", (i * 37) % 100 + shift, (i + shift) % 3)).collect::<String>())
    };
    place.write("before.csv", data(0));
    place.write("d.csv", data(50));
    place.write(
        "r.yaml",
        "dataset: d\nbaseline: { path: base.json }\nprofile: full\nrules:\n  - outliers: { id: far, column: v, method: iqr, on_fail: warn }\n",
    );
    let built = place.run(&["baseline", "capture", "before.csv", "-r", "r.yaml", "-o", "base.json"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--report", "p.json", "--report", "p.html"]);
    let report: Json =
        serde_json::from_str(&std::fs::read_to_string(place.path("p.json")).unwrap_or_else(|e| panic!("{e}: {}", run.stderr)))
            .expect("JSON");
    let v = column(&report, "v");
    assert_eq!(v["fences"][0]["rule"], json!("far"), "{v}");
    let overlay = &v["histogram"]["overlay"];
    // Of the values 0 to 99, half lie below the batch's 50 to 149.
    near(&overlay["below"], 0.5);
    let shares: f64 = overlay["shares"].as_array().expect("shares").iter().filter_map(Json::as_f64).sum();
    near(&json!(shares), 0.5);
    let page = std::fs::read_to_string(place.path("p.html")).expect("a page");
    assert!(page.contains("class=\"earlier\"") && page.contains("class=\"of-fence\"") && page.contains("class=\"of-quartiles\""));
}

#[test]
fn text_without_commas_is_read_as_it_is_laid_out_and_that_is_said() {
    let place = Place::new();
    place.write("d.csv", "id;name;price\n1;ab;2.5\n2;cd;3.5\n");
    let run = place.run(&["profile", "d.csv"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("2 rows, 3 columns"), "{}", run.stdout);
    assert!(run.stderr.contains(r#"read with `source: { delimiter: ";" }`"#), "{}", run.stderr);
}
