//! Values that stand in for missing ones are found, and healthy flags, counts and codes are not taken for them.

use crate::support::Place;

/// Numbers from 0 to 1, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        // Knuth's MMIX constants; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.next()).ln() * mean
    }

    /// Box and Muller's.
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.next()).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }

    fn poisson(&mut self, mean: f64) -> f64 {
        let (mut product, mut n) = (self.next(), 0.0);
        while product > (-mean).exp() {
            product *= self.next();
            n += 1.0;
        }
        n
    }

    /// One of `values`, the first `weight` times of a hundred.
    fn mostly(&mut self, weight: f64, values: &[f64]) -> f64 {
        if self.next() * 100.0 < weight {
            return values[0];
        }
        values[1 + (self.next() * (values.len() - 1) as f64) as usize]
    }
}

type Column = (&'static str, fn(&mut Random) -> f64);

const HEALTHY: &[Column] = &[
    ("flag", |r| r.mostly(90.0, &[0.0, 1.0])),
    ("rare_flag", |r| r.mostly(99.0, &[0.0, 1.0])),
    ("constant", |_| 0.0),
    ("sentiment", |r| r.mostly(80.0, &[-1.0, 0.0, 1.0])),
    ("children", |r| r.mostly(80.0, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])),
    ("code", |r| r.mostly(80.0, &[99.0, 1.0, 2.0, 3.0, 9.0])),
    ("count", |r| r.poisson(1.0)),
    ("claims", |r| if r.next() < 0.7 { 0.0 } else { r.poisson(3.0) }),
    ("visits", |r| if r.next() < 0.4 { 0.0 } else { r.exponential(20.0).floor() }),
    ("rain", |r| if r.next() < 0.6 { 0.0 } else { r.exponential(10.0) }),
    ("amount", |r| if r.next() < 0.3 { 0.0 } else { (3.0 + 1.5 * r.normal()).exp() }),
    ("change", |r| if r.next() < 0.5 { 0.0 } else { r.normal() }),
    ("capped", |r| (90.0 + 15.0 * r.normal()).round().clamp(0.0, 99.0)),
];

const PLANTED: &[(Column, &str)] = &[
    (("age", |r| if r.next() < 0.15 { -1.0 } else { (40.0 + 15.0 * r.normal()).round().clamp(0.0, 95.0) }), "-1"),
    (("price", |r| if r.next() < 0.1 { 0.0 } else { (3.0 + 0.5 * r.normal()).exp() }), "0"),
    (("height", |r| if r.next() < 0.1 { 999.0 } else { (1700.0 + 100.0 * r.normal()).round() / 10.0 }), "999"),
    (("years", |r| if r.next() < 0.2 { 99.0 } else { 18.0 + (62.0 * r.next()).floor() }), "99"),
    (("income", |r| if r.next() < 0.05 { 9999.0 } else { (10.0 + r.normal()).exp().round() }), "9999"),
    (("celsius", |r| if r.next() < 0.2 { -99.0 } else { (100.0 + 80.0 * r.normal()).round() / 10.0 }), "-99"),
];

/// One file of many columns: each kind as often as asked.
fn csv(columns: &[Column], times: usize, rows: usize, random: &mut Random) -> String {
    let names: Vec<String> = (0..times).flat_map(|i| columns.iter().map(move |(name, _)| format!("{name}_{i}"))).collect();
    let mut text = names.join(",") + "\n";
    for _ in 0..rows {
        let row: Vec<String> = (0..times).flat_map(|_| columns).map(|(_, value)| value(random).to_string()).collect();
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

const RULES: &str = "dataset: d\nprofile: none\nrules:\n  - missing: { columns: \"*\", disguised: true }\n";

#[test]
fn healthy_flags_counts_codes_and_zero_inflated_columns_pass() {
    let (mut judged, mut alarms) = (0, Vec::new());
    for (rows, times) in [(30, 30), (100, 20), (1000, 6)] {
        let place = Place::new();
        place.write("d.csv", csv(HEALTHY, times, rows, &mut Random(rows as u64)));
        place.write("r.yaml", RULES);
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        let findings = run.report()["findings"].as_array().expect("findings").clone();
        let found = findings.into_iter().filter(|f| f["rule"] == "missing").collect::<Vec<_>>();
        assert_eq!(found.len(), HEALTHY.len() * times, "{}", run.stderr);
        judged += found.len();
        alarms.extend(found.into_iter().filter(|f| f["outcome"] != "pass").map(|f| format!("{rows} rows: {}: {}", f["id"], f["message"])));
    }
    assert!(alarms.len() * 100 <= judged, "{} of {judged}: {alarms:#?}", alarms.len());
}

#[test]
fn planted_stand_ins_are_found() {
    let place = Place::new();
    let columns: Vec<Column> = PLANTED.iter().map(|(column, _)| *column).collect();
    place.write("d.csv", csv(&columns, 3, 1000, &mut Random(7)));
    place.write("r.yaml", RULES);
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    for ((name, _), value) in PLANTED {
        for i in 0..3 {
            let found = run.finding(&format!("missing-{name}_{i}"));
            assert_eq!(found["outcome"], "fail", "{found}");
            let message = found["message"].as_str().expect("a message");
            assert!(message.ends_with(&format!(": `{value}`")), "{message}");
        }
    }
}

#[test]
fn decimals_words_and_days_are_told_apart_as_numbers_are() {
    let place = Place::new();
    let row = |i: usize| {
        let odd = i % 4 == 1;
        let price = if odd { "0.00".to_owned() } else { format!("{}.{:02}", 20 + i, i % 100) };
        let day = if odd { "1970-01-01".to_owned() } else { format!("2026-01-{:02}", 1 + i % 28) };
        format!("{price},{day},{},{}\n", if i == 3 { "n/a" } else { "Ann" }, if i.is_multiple_of(10) { "1.00" } else { "0.00" })
    };
    place.write("d.csv", format!("price,day,word,flag\n{}", (0..80).map(row).collect::<String>()));
    let contract = "schema: { columns: { price: { type: \"decimal(10,2)\" }, flag: { type: \"decimal(10,2)\" } } }\n";
    place.write("r.yaml", RULES.replace("profile: none\n", contract));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    for (column, outcome, rows) in [("price", "fail", 20), ("day", "fail", 20), ("word", "fail", 1), ("flag", "pass", 0)] {
        let found = run.finding(&format!("missing-{column}"));
        assert_eq!((&found["outcome"], &found["failing_rows"]), (&outcome.into(), &rows.into()), "{column}: {found}");
    }
}
