//! A file of 20,000 rows with planted defects of every kind gives exactly the planted counts.

use crate::support::Place;

const ROWS: u64 = 20_000;

/// Whether row `i` carries the defect that comes every `every` rows, beginning at `offset`.
fn has(i: u64, every: u64, offset: u64) -> bool {
    i % every == offset
}

fn planted(every: u64, offset: u64) -> u64 {
    (0..ROWS).filter(|&i| has(i, every, offset)).count() as u64
}

/// Defects stand on rows of different remainders modulo 1000, so that none hides another.
fn data() -> Vec<u8> {
    let mut out: Vec<u8> = b"id,email,age,price,status,note,site,ordered,shipped\n".to_vec();
    for i in 0..ROWS {
        let id = if has(i, 500, 7) { i - 1 } else { i };
        let email = if has(i, 200, 11) { String::new() } else { format!("u{i}@example.com") };
        let email = if has(i, 1000, 13) { "not an address".to_owned() } else { email };
        let age = if has(i, 1000, 17) { "200".to_owned() } else { (18 + i % 60).to_string() };
        let age = if has(i, 1000, 19) { "forty".to_owned() } else { age };
        let price = if has(i, 1000, 23) { 0.0 } else { 10.0 + (i % 100) as f64 / 4.0 };
        let price = if has(i, 2000, 29) { 9_999.0 } else { price };
        let status = if has(i, 1000, 31) { "lost" } else { ["open", "paid"][(i % 2) as usize] };
        let note = match i % 5 {
            0 => "\"multi\nline, \"\"quoted\"\"\"",
            1 => "",
            _ => "plain",
        };
        let site = if has(i, 4, 3) { "B" } else { "A" };
        let shipped = if has(i, 1000, 37) { "2026-01-01" } else { "2026-01-09" };
        let mut line = format!("{id},{email},{age},{price:.2},{status},{note},{site},2026-01-05,{shipped}\n").into_bytes();
        if has(i, 1000, 41) {
            line = format!("{id},short\n").into_bytes();
        } else if has(i, 1000, 43) {
            line = format!("{id},\"never closed,30,12.00,open,x,{site},2026-01-05,2026-01-09\n").into_bytes();
        } else if has(i, 1000, 47) {
            line = [format!("{id},a").as_bytes(), b"\xff\xfe", format!("@b.c,30,12.00,open,x,{site},2026-01-05,2026-01-09\n").as_bytes()]
                .concat();
        } else if has(i, 1000, 53) {
            line = format!("{id},u{i}@example.com,30,12.00,cancelled,x,{site},2026-01-05,2026-01-09\n").into_bytes();
        }
        out.extend(line);
    }
    out
}

const RULES: &str = "dataset: planted
schema:
  columns: { id: { type: int64 }, age: { type: int32 }, price: { type: \"decimal(10,2)\" }, ordered: { type: date }, shipped: { type: date } }
clean: [{ drop_where: \"status = 'cancelled'\" }]
transform: { spread: age / (id - 77) }
rules:
  - missing: { column: email }
  - duplicates: { key: [id] }
  - range: { column: age, max: 120 }
  - range: { column: price, above: 0 }
  - outliers: { column: price, on_fail: quarantine }
  - values: { column: status, in: [open, paid] }
  - pattern: { column: email, regex: '@' }
  - expression: { sql: \"shipped >= ordered\" }
  - representation: { groups: [site], reference: { A: 75%, B: 25% }, tolerance: 2 points }
gate: { publish: out, format: parquet }
";

#[test]
fn planted_defects_are_found_exactly() {
    let place = Place::new();
    place.write("d.csv", data());
    place.write("r.yaml", RULES);
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!((run.code, run.verdict()), (0, "quarantine"), "{}", run.stderr);
    // Ragged, unterminated quote, not UTF-8, not the contract's type, and the one division by zero.
    let malformed = planted(1000, 41) + planted(1000, 43) + planted(1000, 47) + planted(1000, 19) + 1;
    let expected = [
        ("malformed", malformed),
        ("missing-email", planted(200, 11)),
        ("duplicates-id", planted(500, 7)),
        ("range-age", planted(1000, 17)),
        ("range-price", planted(1000, 23)),
        ("outliers-price", planted(2000, 29)),
        ("values-status", planted(1000, 31)),
        ("pattern-email", planted(1000, 13)),
        ("expression-ordered-shipped", planted(1000, 37)),
    ];
    for (id, rows) in expected {
        assert_eq!(run.finding(id)["failing_rows"], rows, "{id}: {}", run.finding(id)["message"]);
    }
    assert_eq!(run.finding("representation-site")["outcome"], "pass");
    let aside: u64 = expected.iter().map(|(_, rows)| rows).sum();
    assert_eq!(run.rows("read"), ROWS);
    assert_eq!(run.rows("filtered"), planted(1000, 53));
    assert_eq!(run.rows("malformed"), malformed);
    assert_eq!(run.rows("quarantined"), aside);
    let published = crate::gate::read(&place.path("out/b.parquet"));
    let quarantined = crate::gate::read(&place.part("out_quarantine", "b"));
    assert_eq!(published.num_rows() as u64, ROWS - aside - planted(1000, 53));
    assert_eq!(quarantined.num_rows() as u64, aside);
}
