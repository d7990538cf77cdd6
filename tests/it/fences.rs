//! Fences of outliers are decided by their definition: exactly, whatever the size of the numbers. Expected rows come from
//! exact fractions (Python's `fractions`), worked out without this program.

use serde_json::json;

use crate::support::Place;

/// Checks a column `x` of this type by rules.
fn check(data_type: &str, values: &[String], rules: &str) -> crate::support::Run {
    let place = Place::new();
    let lines: String = values.iter().enumerate().map(|(i, x)| format!("{i},{x}\n")).collect();
    place.write("d.csv", format!("id,x\n{lines}"));
    place.write(
        "r.yaml",
        format!("dataset: t\nschema: {{ columns: {{ id: {{ type: int64 }}, x: {{ type: \"{data_type}\" }} }} }}\nrules:\n{rules}\n"),
    );
    place.run(&["check", "d.csv", "-r", "r.yaml"])
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|x| x.to_string()).collect()
}

/// Rows that failed, from 0.
fn rows(finding: &serde_json::Value) -> Vec<u64> {
    let samples = finding["samples"].as_array().expect("samples").iter();
    samples.map(|s| s["origin"]["row"].as_u64().expect("a row") - 1).collect()
}

const NONE: Vec<u64> = Vec::new();

const METHODS: &str = "  - outliers: { id: iqr, column: x, k: 1.5 }\n  - outliers: { id: mad, column: x, method: mad, threshold: 3.5 }\n  \
                       - outliers: { id: z, column: x, method: zscore, threshold: 3 }";

#[test]
fn integers_that_floats_cannot_tell_apart_have_a_spread() {
    let base = 1i64 << 60;
    // 0 … 99 above the base: quartiles 24.75 and 74.25, IQR 49.5, fences −49.5 and 148.5; MAD 25, fences 49.5 ± 129.7; s 29.01.
    let run = check("int64", &texts((0..100).map(|i| base + i)), METHODS);
    for id in ["iqr", "mad", "z"] {
        assert_eq!((&run.finding(id)["outcome"], &run.finding(id)["failing_rows"]), (&json!("pass"), &json!(0)), "{id}");
    }
    // With one more value: fences by iqr −50 and 150, by mad 50 ± 129.7; its z is below 3 at 137 and above 3 at 150.
    let with = |x: i64| check("int64", &texts((0..100).chain([x]).map(|i| base + i)), METHODS);
    for (x, iqr, mad, z) in [(137, 0, 0, 0), (150, 0, 0, 1), (151, 1, 0, 1), (179, 1, 0, 1), (180, 1, 1, 1)] {
        let run = with(x);
        let found = ["iqr", "mad", "z"].map(|id| run.finding(id)["failing_rows"].as_u64().expect("rows"));
        assert_eq!(found, [iqr, mad, z], "{x}");
    }
    let run = with(151);
    let iqr = run.finding("iqr");
    let last_inside = format!("{} to {}", base - 50, base + 150);
    assert!(iqr["message"].as_str().expect("a message").contains(&last_inside), "{iqr}");
}

#[test]
fn decimals_of_38_digits_are_compared_digit_by_digit() {
    let base = "123456789012345678901234567890123456";
    // .10 … .29 and one more: quartiles .15 and .25, fences .00 and .40; median .20, MAD .05, fences .20 ± .2594.
    let with = |x: u32| {
        let rules = "  - outliers: { id: iqr, column: x, k: 1.5 }\n  - outliers: { id: mad, column: x, method: mad, threshold: 3.5 }";
        let run = check("decimal(38,2)", &texts((10..30).chain([x]).map(|i| format!("{base}.{i}"))), rules);
        ["iqr", "mad"].map(|id| rows(run.finding(id)))
    };
    assert_eq!(with(40), [NONE, NONE]);
    assert_eq!(with(41), [vec![20], NONE]);
    assert_eq!(with(46), [vec![20], vec![20]]);
}

#[test]
fn a_row_fails_by_its_score_and_not_by_a_rounded_fence() {
    let values = ["1000000000.0000007", "999999999.9999996", "999999999.9999994", "999999999.9999999", "1000000000.0000024"];
    // The median is 999999999.9999999 and the MAD 2^-21, so that the scores are 1.18, 0.34, 0.67, 0 and 3.54, exactly 3.541125:
    // the fence, rounded to a float, is the last value itself.
    for words in ["", ", threshold: 3.5"] {
        let run = check("float64", &texts(values), &format!("  - outliers: {{ id: o, column: x, method: mad{words} }}"));
        assert_eq!(rows(run.finding("o")), [4], "{}", run.finding("o"));
    }
}

#[test]
fn a_limit_is_the_decimal_that_is_written() {
    // Quartiles 0 and 1 of six values each; the fence of k 0.1 is 1.1, which no float is. As a decimal it lies on the fence.
    let values = texts([["0.0"; 6], ["1.0"; 6]].concat().into_iter().chain(["1.1"]));
    let run =
        check("decimal(3,1)", &values, "  - outliers: { id: on, column: x, k: 0.1 }\n  - outliers: { id: beyond, column: x, k: 0.09 }");
    assert_eq!((rows(run.finding("on")), rows(run.finding("beyond"))), (NONE, vec![12]));
}

#[test]
fn deviations_from_the_median_are_exact_where_the_median_is_no_float() {
    // Medians between two neighbours at 2^60 and at 1: half a unit of the last place. MADs 1.5 and 1.5·2^-52.
    let (base, step) = (1i64 << 60, f64::EPSILON);
    for (data_type, values) in [
        ("int64", texts([0, 1, 2, 3, 20].map(|i| base + i).into_iter().chain([base + 3]))),
        ("float64", [0.0, 1.0, 2.0, 3.0, 20.0, 3.0].map(|i| format!("{:?}", 1.0 + i * step)).to_vec()),
    ] {
        // Of 0 1 2 3 3 20: median 2.5, deviations 0.5 0.5 0.5 1.5 2.5 17.5, MAD 1.
        let run = check(
            data_type,
            &values,
            "  - outliers: { id: in, column: x, method: mad, threshold: 11.80375 }\n  - outliers: { id: out, column: x, method: mad, threshold: 11.80374 }",
        );
        assert_eq!((rows(run.finding("in")), rows(run.finding("out"))), (NONE, vec![4]), "{data_type}");
    }
}

#[test]
fn the_largest_floats_have_fences() {
    let values = ["-1.7e308", "1.7e308", "0", "1e307", "-1e307"];
    let run = check("float64", &texts(values), "  - outliers: { id: mad, column: x, method: mad, threshold: 3.5 }");
    // MAD 1e307: the fences are ± 5.2e307.
    assert_eq!(rows(run.finding("mad")), [0, 1], "{}", run.finding("mad"));
}

#[test]
fn zero_spread_beside_other_values_has_its_reason_and_a_constant_column_passes() {
    let values = texts((0..100).map(|i| if i < 80 { 0 } else { i }));
    let rules = "  - outliers: { id: iqr, column: x }\n  - outliers: { id: mad, column: x, method: mad }";
    let run = check("int64", &values, rules);
    assert_eq!(run.finding("iqr")["message"], "no fences: both quartiles are 0, so the IQR is 0");
    let mad = run.finding("mad");
    assert_eq!(mad["message"], "no fences: half of the values or more are 0, so the MAD is 0; see `fallback: mean_ad`");
    assert_eq!(mad["outcome"], "no_data");
    let run = check("int64", &texts([5; 99]), rules);
    for id in ["iqr", "mad"] {
        assert_eq!((run.finding(id)["outcome"].clone(), run.finding(id)["failing_rows"].clone()), (json!("pass"), json!(0)));
        assert!(run.finding(id)["message"].as_str().expect("a message").contains("all 99 values are 5"), "{}", run.finding(id));
    }
    assert_eq!(run.code, 0);
}

#[test]
fn a_million_values_in_one_bucket_are_cut_finer() {
    // All in 2^40 … 2^40 + 2^21, a single bucket of the first histogram, and too many to be collected at once.
    let n = 1_060_000i64;
    let values = (0..n).map(|i| (1 << 40) + i * 7919 % n).chain([(1 << 40) + 3 * n, (1 << 40) - 2 * n]);
    let rules = "  - outliers: { id: iqr, column: x, k: 1.5 }\n  - outliers: { id: mad, column: x, method: mad, threshold: 3.5 }";
    let run = check("int64", &texts(values), rules);
    // Quartiles at 1/4 and 3/4 of n: fences −n/2 and 3n/2. MAD n/4, fences n/2 ± 1.297·n.
    for id in ["iqr", "mad"] {
        assert_eq!(rows(run.finding(id)), [n as u64, n as u64 + 1], "{}", run.finding(id));
    }
}
