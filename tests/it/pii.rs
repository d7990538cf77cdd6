//! `pii`: how often it is right, over synthetic columns that hold personal data and columns that look as if they did.

use std::collections::BTreeMap;

use crate::support::Place;

/// A generator whose numbers are the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 11) * u128::from(n)) >> 53) as u64
    }

    fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn letters(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'A' + self.below(26) as u8)).collect()
    }
}

/// The digit that makes `is_right` of the number with it.
fn completed(body: &str, is_right: impl Fn(&[u64]) -> bool) -> Option<String> {
    (0..10).map(|digit| format!("{body}{digit}")).find(|number| is_right(&number.bytes().map(|b| u64::from(b - b'0')).collect::<Vec<_>>()))
}

fn luhn(digits: &[u64]) -> bool {
    let doubled = |d: u64| if d * 2 > 9 { d * 2 - 9 } else { d * 2 };
    digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 1 { doubled(*d) } else { *d }).sum::<u64>().is_multiple_of(10)
}

fn iban(country: &str, bban: &str) -> String {
    let value = |c: char| c.to_digit(36).expect("a digit or letter").to_string();
    let number: String = format!("{bban}{country}00").chars().map(value).collect();
    let rest = number.bytes().fold(0u64, |rest, b| (rest * 10 + u64::from(b - b'0')) % 97);
    format!("{country}{:02}{bban}", 98 - rest)
}

fn sum(digits: &[u64], weights: &[u64]) -> u64 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

type Make = fn(&mut Chance, u64) -> String;

/// Columns that hold what should be masked, by neutral names.
const PERSONAL: [(&str, Make); 15] = [
    ("email", |c, i| format!("{}{i}@{}.{}", c.letters(4).to_lowercase(), c.letters(5).to_lowercase(), c.one_of(&["com", "de", "co.uk"]))),
    ("email in text", |c, i| {
        let address = format!("{}{i}@example.org", c.letters(3).to_lowercase());
        if c.below(10) == 0 { format!("please answer to {address} soon") } else { format!("order {i} is fine") }
    }),
    ("phone, international", |c, _| format!("+{} {} {}", c.one_of(&["49", "44", "1", "48"]), c.digits(3), c.digits(7))),
    ("phone, American", |c, _| format!("({}{}) {}{}-{}", 2 + c.below(8), 20 + c.below(80), 2 + c.below(8), 20 + c.below(80), c.digits(4))),
    ("card", |c, _| completed(&format!("4{}", c.digits(14)), luhn).expect("a check digit")),
    ("card, grouped", |c, _| {
        let number = completed(&format!("5{}{}", 1 + c.below(5), c.digits(13)), luhn).expect("a check digit");
        format!("{} {} {} {}", &number[..4], &number[4..8], &number[8..12], &number[12..])
    }),
    ("iban", |c, _| iban(c.one_of(&["DE", "NL", "FR"]), &c.digits(18))),
    ("ssn", |c, _| format!("{:03}-{:02}-{:04}", 1 + c.below(600), 1 + c.below(99), 1 + c.below(9999))),
    ("nino", |c, _| format!("{}{}{}", c.one_of(&["AB", "CE", "JK", "PS"]), c.digits(6), c.one_of(&["A", "B", "C", "D"]))),
    ("dni", |c, _| {
        let number = c.below(100_000_000);
        format!("{number:08}{}", char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]))
    }),
    ("pesel", |c, _| {
        let body = format!("{:02}{:02}{:02}{}", 40 + c.below(59), 1 + c.below(12), 1 + c.below(28), c.digits(4));
        completed(&body, |d| sum(d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)).expect("a check digit")
    }),
    ("bsn", |c, _| {
        let right = |d: &[u64]| sum(d, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == d[8];
        std::iter::repeat_with(|| format!("{}{}", 1 + c.below(9), c.digits(7))).find_map(|body| completed(&body, right)).expect("one")
    }),
    ("cpf", |c, _| {
        let right = |d: &[u64]| {
            let weights: Vec<u64> = (2..=d.len() as u64).rev().collect();
            sum(&d[..d.len() - 1], &weights) * 10 % 11 % 10 == d[d.len() - 1]
        };
        completed(&completed(&c.digits(9), right).expect("a digit"), right).expect("a digit")
    }),
    ("ip", |c, _| format!("{}.{}.{}.{}", 1 + c.below(223), c.below(256), c.below(256), c.below(256))),
    ("codice fiscale", |c, _| {
        let body = format!(
            "{}{:02}{}{:02}{}{:03}",
            c.letters(6),
            c.below(100),
            c.one_of(&["A", "T"]),
            1 + c.below(31),
            c.letters(1),
            c.below(1000)
        );
        // The published tables of odd and even places.
        const ODD: &str = "BAFHJNPRTVCESULDGIMOQKWZYX";
        let value = |b: u8| usize::from(if b.is_ascii_digit() { b - b'0' } else { b - b'A' });
        let of = |(i, b): (usize, u8)| if i % 2 == 0 { usize::from(ODD.as_bytes()[value(b)] - b'A') } else { value(b) };
        format!("{body}{}", char::from(b'A' + (body.bytes().enumerate().map(of).sum::<usize>() % 26) as u8))
    }),
];

/// Columns that hold nothing of the kind.
const OTHER: [(&str, Make); 26] = [
    ("serial id", |_, i| (1_000_000 + i).to_string()),
    ("serial id of 16 digits", |_, i| (4_000_000_000_000_000 + i).to_string()),
    ("random id of 16 digits", |c, _| format!("4{}", c.digits(15))),
    ("random id of 9 digits", |c, _| format!("{}{}", 1 + c.below(9), c.digits(8))),
    ("random id of 11 digits", |c, _| format!("{}{}", 1 + c.below(9), c.digits(10))),
    ("one long number", |_, _| "4111111111111111".replace("1111111111111111", "4111111111111112")),
    ("seconds since 1970", |c, _| (1_700_000_000 + c.below(60_000_000)).to_string()),
    ("milliseconds since 1970", |c, _| (1_700_000_000_000 + c.below(60_000_000_000)).to_string()),
    ("microseconds since 1970", |c, _| (1_700_000_000_000_000 + c.below(60_000_000_000_000)).to_string()),
    ("price", |c, _| format!("{}.{:02}", c.below(5000), c.below(100))),
    ("large price", |c, _| format!("{}.{:02}", 10_000_000 + c.below(90_000_000), c.below(100))),
    ("hash", |c, _| (0..32).map(|_| char::from_digit(c.below(16) as u32, 16).expect("hex")).collect()),
    ("uuid", |c, _| format!("{}-{}-4{}-8{}-{}", c.digits(8), c.digits(4), c.digits(3), c.digits(3), c.digits(12))),
    ("code like a phone", |c, _| format!("{}-{}-{}", c.digits(3), c.digits(3), c.digits(4))),
    ("code like an ssn", |c, _| format!("{}-{}-{}", c.digits(3), c.digits(2), c.digits(4))),
    ("code like a nino", |c, _| format!("{}{}{}", c.letters(2), c.digits(6), c.letters(1))),
    ("code like a dni", |c, _| format!("{}{}", c.digits(8), c.letters(1))),
    ("code like an iban", |c, _| format!("{}{}", c.letters(2), c.digits(20))),
    ("code like a codice fiscale", |c, _| {
        format!("{}{}{}{}{}{}{}", c.letters(6), c.digits(2), c.letters(1), c.digits(2), c.letters(1), c.digits(3), c.letters(1))
    }),
    ("ean", |c, _| {
        let weights: Vec<u64> = [1, 3].repeat(6).into_iter().chain([1]).collect();
        completed(&format!("40{}", c.digits(10)), |d| sum(d, &weights).is_multiple_of(10)).expect("a check digit")
    }),
    ("date", |c, _| format!("2026-{:02}-{:02}", 1 + c.below(12), 1 + c.below(28))),
    ("day first", |c, _| format!("{:02}.{:02}.2026", 1 + c.below(28), 1 + c.below(12))),
    ("version", |c, _| format!("{}.{}.{}.{}", c.below(10), c.below(20), c.below(30), c.below(10))),
    ("coordinate", |c, _| format!("{}.{}", 40 + c.below(20), c.digits(7))),
    ("name of a city", |c, _| c.one_of(&["Berlin", "Paris", "Rome", "Madrid"]).to_owned()),
    ("social handle", |c, i| format!("@{}{i}", c.letters(6).to_lowercase())),
];

/// How often columns of each family were warned of, over so many tables of so many rows.
fn warned(families: &[(&'static str, Make)], tables: u64, rows: u64) -> BTreeMap<&'static str, u64> {
    let mut warned = BTreeMap::new();
    for table in 0..tables {
        let mut chance = Chance(table * 7919 + rows);
        let mut csv: String = (0..families.len()).map(|i| format!("c{i}{}", if i + 1 == families.len() { "\n" } else { "," })).collect();
        for row in 0..rows {
            let cells: Vec<String> = families
                .iter()
                .map(|(_, make)| match chance.below(50) {
                    // Some are missing, and some are wrong.
                    0 => String::new(),
                    1 => "unknown".to_owned(),
                    _ => make(&mut chance, row),
                })
                .collect();
            csv.push_str(&(cells.join(",") + "\n"));
        }
        let place = Place::with("dataset: d\nprofile: none\nrules:\n  - pii: { columns: \"*\" }\n", &csv);
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        for (i, (family, _)) in families.iter().enumerate() {
            let is_warned = run.finding(&format!("pii-c{i}"))["outcome"] == "fail";
            *warned.entry(*family).or_default() += u64::from(is_warned);
        }
    }
    warned
}

/// What docs/statistics.md says, of tables of 30, 300 and 2,000 rows.
#[test]
fn precision_and_recall_are_as_documented() {
    let (mut found, mut personal, mut alarms, mut other) = (0, 0, 0, 0);
    for (rows, tables) in [(30, 20), (300, 20), (2000, 4)] {
        for (family, n) in warned(&PERSONAL, tables, rows) {
            (found, personal) = (found + n, personal + tables);
            assert!(n * 10 >= tables * 9, "{family} of {rows} rows: found in {n} of {tables}");
        }
        for (family, n) in warned(&OTHER, tables, rows) {
            (alarms, other) = (alarms + n, other + tables);
            assert!(n * 10 <= tables, "{family} of {rows} rows: a false alarm in {n} of {tables}");
        }
    }
    assert_eq!((found, personal, alarms, other), (659, 660, 1, 1144));
}

#[test]
fn a_name_that_speaks_of_it_makes_less_do_and_no_value_is_shown() {
    let mut csv = "mobile,code,attempts,telemetry_id\n".to_owned();
    for i in 0..50 {
        csv.push_str(&format!("0151{:07},0151{:07},{i},{:09}\n", 1234567 + i * 17, 1234567 + i * 17, 100_000_000 + i));
    }
    let place = Place::with("dataset: d\nrules:\n  - pii: { columns: \"*\" }\nprofile: none\n", &csv);
    let run = place.run(&["check", "d.csv", "-r", "r.yaml", "-v"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let finding = run.finding("pii-mobile");
    assert_eq!(
        (&finding["outcome"], &finding["severity"], &finding["observed"]),
        (&"fail".into(), &"warning".into(), &"telephone numbers".into())
    );
    let message = finding["message"].as_str().expect("a message");
    assert!(message.contains("as the column's name says") && message.contains("{ \"mobile\": { mask: true } }"), "{message}");
    for other in ["code", "attempts", "telemetry_id"] {
        assert_eq!(run.finding(&format!("pii-{other}"))["outcome"], "pass", "{other}");
    }
    assert!(!run.stdout.contains("0151") && !run.report().to_string().contains("0151"));
}

#[test]
fn the_same_is_said_whatever_the_threads_and_the_order_of_rows() {
    let mut rows: Vec<String> = (0..60_000).map(|i| format!("user{i}@example.org,{}\n", 4_000_000_000_000_000u64 + i * 131)).collect();
    let rules = "dataset: d\nprofile: none\nrules:\n  - pii: { columns: \"*\" }\n";
    let findings = |rows: &[String], threads: &str| {
        let place = Place::with(rules, &format!("a,b\n{}", rows.concat()));
        place.run(&["check", "d.csv", "-r", "r.yaml", "--threads", threads]).report()["findings"].clone()
    };
    let one = findings(&rows, "1");
    assert_eq!(findings(&rows, "4"), one);
    rows.reverse();
    assert_eq!(findings(&rows, "2"), one);
}
