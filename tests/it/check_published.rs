//! `check --published`: what is published is judged from summaries, without reading a row; what they do not tell is said.

use std::fs;

use crate::crash::kinds;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, v: { type: int64 }, site: { type: string } } }
rules:
  - missing: { column: v, tolerate: 50% }
  - range: { column: v, max: 100, tolerate: 1 row }
  - statistic: { column: v, of: mean, max: 20, on_fail: warn }
  - rows: { min: 3 }
  - duplicates: { key: [id] }
";

/// Two batches of the places that hold several.
fn places() -> Vec<Place> {
    let mut places = Vec::new();
    for kind in kinds().into_iter().filter(|kind| *kind != crate::crash::Kind::File) {
        let place = Place::new();
        let arguments = kind.arguments(&place);
        let gate = format!(
            "gate: {{ publish: \"{}\", format: {}, quarantine: \"{}\", reject_above: 90% }}\n",
            arguments[1], arguments[3], arguments[5]
        );
        place.write("r.yaml", format!("{RULES}{gate}"));
        place.write("a.csv", "id,v,site\n1,10,x\n2,,x\n3,20,y\n");
        place.write("b.csv", "id,v,site\n4,30,x\n5,40,y\n6,,y\n7,101,y\n");
        for batch in ["a", "b"] {
            let run = place.run(&["gate", &format!("{batch}.csv"), "-r", "r.yaml", "--batch-id", batch]);
            assert_eq!(run.code, 0, "{kind:?} {}{}", run.stdout, run.stderr);
        }
        places.push(place);
    }
    places
}

fn check(place: &Place, more: &[&str]) -> Run {
    place.run(&[&["check", "--published", "-r", "r.yaml"], more].concat())
}

fn outcome<'a>(run: &'a Run, id: &str) -> (&'a str, &'a str) {
    let finding = run.finding(id);
    (finding["outcome"].as_str().expect("an outcome"), finding["message"].as_str().expect("a message"))
}

#[test]
fn the_whole_table_is_judged_by_what_its_summaries_tell() {
    for place in places() {
        let run = check(&place, &[]);
        assert_eq!((run.code, run.verdict(), run.rows("read")), (0, "accept", 7), "{}{}", run.stdout, run.stderr);
        // (10 + 20 + 30 + 40 + 101) / 5
        let mean = run.finding("statistic-v");
        assert_eq!((mean["outcome"].as_str(), mean["observed"].as_f64()), (Some("fail"), Some(40.2)), "{mean}");
        let missing = run.finding("missing-v");
        assert_eq!((missing["outcome"].as_str(), missing["failing_rows"].as_u64()), (Some("pass"), Some(2)), "{missing}");
        assert_eq!(outcome(&run, "range-v").0, "pass", "one row in all is tolerated");
        assert_eq!(outcome(&run, "rows").0, "pass");
        let (found, why) = outcome(&run, "duplicates-id");
        assert!(found == "no_data" && why.starts_with("needs a scan"), "{why}");
        assert!(run.stdout.contains("1 rule needs a scan, and was not judged"), "{}", run.stdout);
        assert_eq!(check(&place, &["--strict"]).code, 1, "a rule that is not judged warns");
    }
}

#[test]
fn some_batches_are_judged_by_themselves() {
    for place in places() {
        let run = check(&place, &["--batches", "a"]);
        assert_eq!((run.code, run.rows("read")), (0, 3), "{}", run.stderr);
        // (10 + 20) / 2
        assert_eq!(run.finding("statistic-v")["observed"].as_f64(), Some(15.0));
        assert_eq!(check(&place, &["--batches", "a,b"]).rows("read"), 7);
        let last = check(&place, &["--last", "1"]);
        assert_eq!((last.rows("read"), last.finding("statistic-v")["observed"].as_f64()), (4, Some(57.0)));
        let unknown = check(&place, &["--batches", "a,c"]);
        assert_eq!(unknown.code, 2);
        assert!(unknown.stderr.contains("batch `c` is not published"), "{}", unknown.stderr);
    }
}

#[test]
fn no_row_is_read() {
    let place = &places()[0];
    for part in glob::glob(&place.path("out/*.parquet").display().to_string()).expect("a pattern").flatten() {
        let mut bytes = fs::read(&part).expect("a part");
        // Its pages; the footer stays as it is.
        bytes[4..64].fill(0);
        fs::write(&part, bytes).expect("written");
    }
    assert_eq!(check(place, &[]).code, 0);
}

#[test]
fn a_rule_that_was_changed_since_wants_a_scan_unless_a_state_answers() {
    let place = &places()[0];
    let rules = fs::read_to_string(place.path("r.yaml")).expect("rules");
    place.write("r.yaml", rules.replace("max: 100,", "max: 90,").replace("max: 20,", "max: 50,"));
    let run = check(place, &[]);
    let (found, why) = outcome(&run, "range-v");
    assert!(found == "no_data" && why.contains("as it is now"), "{why}");
    assert_eq!(outcome(&run, "statistic-v").0, "pass", "another limit, and the same mean");
    // Whoever wants to be stopped says so.
    place.write("r.yaml", rules.replace("key: [id] }", "key: [id], on_no_data: stop }"));
    let stopped = check(place, &[]);
    assert_eq!((stopped.code, stopped.verdict()), (2, "undecided"), "{}", stopped.stdout);
}

#[test]
fn batches_without_a_summary_are_named() {
    let place = &places()[0];
    let summary = glob::glob(&place.path(".out.sluicegate/summaries/*.a.json").display().to_string()).expect("a pattern");
    summary.flatten().for_each(|file| fs::remove_file(file).expect("removed"));
    let run = check(place, &[]);
    assert_eq!((run.code, run.rows("read")), (0, 4), "{}", run.stderr);
    let (found, what) = outcome(&run, "source");
    assert!(found == "warn" && what.contains("1 of 2 published batches have no summary here, and are not judged: `a`"), "{what}");
    fs::remove_dir_all(place.path(".out.sluicegate")).expect("removed");
    let none = check(place, &[]);
    assert!(none.code == 2 && none.stderr.contains("no summary is kept of any published batch"), "{}", none.stderr);
    fs::remove_dir_all(place.path("out")).expect("removed");
    let nothing = check(place, &[]);
    assert!(nothing.code == 2 && nothing.stderr.contains("nothing is published"), "{}", nothing.stderr);
    place.write("r.yaml", RULES);
    let nowhere = check(place, &[]);
    assert!(nowhere.code == 2 && nowhere.stderr.contains("nothing says where rows are published"), "{}", nowhere.stderr);
}
