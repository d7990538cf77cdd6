//! Windows over events: the same verdict however the events were cut into batches; late ones are named; only counts are kept.

use crate::support::{Place, Run};

const RULES: &str = r#"dataset: plays
schema: { columns: { id: int64, at: "timestamp(us, UTC)", site: string, seconds: float64 } }
rules:
  - missing: { id: site-missing, column: site, tolerate: 20%, on_fail: reject }
  - statistic: { id: mean-seconds, column: seconds, of: mean, max: 10, on_fail: warn }
windows:
  - { every: 10m, time: at, lateness: 5m }
gate: { publish: lake, quarantine: aside, reject_above: 100% }
"#;

/// An event a minute, from 00:00 on; in the second ten minutes every second one lacks its site, in the third they are long.
fn event(minute: u32) -> String {
    let site = if (10..20).contains(&minute) && minute.is_multiple_of(2) { "" } else { "A" };
    let seconds = if (20..30).contains(&minute) { 50 } else { 5 };
    format!("{minute},2026-11-01T00:{minute:02}:00Z,{site},{seconds}\n")
}

fn write(place: &Place, file: &str, minutes: impl IntoIterator<Item = u32>) {
    let rows: String = minutes.into_iter().map(event).collect();
    place.write(&format!("in/{file}.csv"), format!("id,at,site,seconds\n{rows}"));
}

fn watch(place: &Place, more: &[&str]) -> Run {
    place.run(&[&["gate", "--watch", "in", "-r", "r.yaml", "--drain", "--settle", "0s"], more].concat())
}

/// What is said of windows.
fn windows(run: &Run) -> Vec<String> {
    run.stdout.lines().filter(|line| line.contains("window ")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_window_is_judged_once_it_is_whole_however_its_events_were_cut() {
    // Each batch alone passes: of no batch more than a fifth lacks its site.
    let rules = RULES.replace("tolerate: 20%", "tolerate: 40%").replace("on_fail: reject", "on_fail: warn");
    let mut told = Vec::new();
    for cut in [5, 7, 36] {
        let place = Place::with(&rules, "");
        for (index, first) in (0..36).step_by(cut).enumerate() {
            write(&place, &format!("{index:02}"), first as u32..(first + cut).min(36) as u32);
        }
        let run = watch(&place, &[]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        told.push(windows(&run));
    }
    let expected = [
        "window 2026-11-01T00:00:00Z to 2026-11-01T00:10:00Z accept: 10 rows read, 10 published",
        "window 2026-11-01T00:10:00Z to 2026-11-01T00:20:00Z accept: 10 rows read, 10 published, 1 warning",
        "window 2026-11-01T00:20:00Z to 2026-11-01T00:30:00Z accept: 10 rows read, 10 published, 1 warning",
        "window 2026-11-01T00:30:00Z to 2026-11-01T00:40:00Z, not whole accept: 6 rows read, 6 published",
    ];
    told.iter().for_each(|told| assert_eq!(*told, expected));
}

#[test]
fn a_window_that_is_rejected_halts_the_run_behind_its_events() {
    let place = Place::with(RULES, "");
    // Of the batches 2 of 14 and 3 of 22 events lack their site, less than the 30 % that are allowed; of the window 5 of 10.
    write(&place, "1", (0..10).chain(10..14));
    write(&place, "2", 14..36);
    let rules = RULES.replace("rules:\n", "rules:\n  - rows: { id: some, min: 1 }\n").replace("tolerate: 20%", "tolerate: 30%");
    place.write("r.yaml", rules);
    let run = watch(&place, &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("halted: window 2026-11-01T00:10:00Z to 2026-11-01T00:20:00Z does not pass; its events are published"));
    assert!(run.stdout.contains("site-missing"), "{}", run.stdout);
}

#[test]
fn events_that_come_too_late_are_counted_and_named_and_others_are_not() {
    let place = Place::with(&RULES.replace("on_fail: reject", "on_fail: warn"), "");
    write(&place, "1", 0..10);
    // The first of these is five minutes late, which is allowed: nothing later than 00:14 has come.
    write(&place, "2", [14, 9, 13]);
    write(&place, "3", [15, 8, 7, 16]);
    write(&place, "4", [17, 9]);
    place.write("in/5.csv", "id,at,site,seconds\n1,,A,5\n");
    let run = watch(&place, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let first = windows(&run).remove(0);
    assert_eq!(first, "window 2026-11-01T00:00:00Z to 2026-11-01T00:10:00Z accept: 13 rows read, 13 published");
    assert!(run.stderr.contains("1 event came too late, for windows of 10m that were judged already: in/4.csv:3"), "{}", run.stderr);
    assert!(run.stderr.contains("1 event without a value of `at`: in no window of 10m"), "{}", run.stderr);
}

#[test]
fn windows_of_so_many_events_are_cut_where_they_are_full() {
    let rules = RULES
        .replace("{ every: 10m, time: at, lateness: 5m }", "{ rows: 8, rules: [mean-seconds] }")
        .replace("on_fail: reject", "on_fail: warn");
    let mut told = Vec::new();
    for cut in [3, 36] {
        let place = Place::with(&rules, "");
        for (index, first) in (0..36).step_by(cut).enumerate() {
            write(&place, &format!("{index:02}"), first as u32..(first + cut).min(36) as u32);
        }
        told.push(windows(&watch(&place, &[])));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].len(), 5, "{told:?}");
    assert_eq!(told[0][0], "window of events 1 to 8 accept: 8 rows read, 8 published");
    assert_eq!(told[0][4], "window of events 33 to 40, not whole accept: 4 rows read, 4 published");
    // Four of its eight events are long.
    assert_eq!(told[0][2], "window of events 17 to 24 accept: 8 rows read, 8 published, 1 warning");
}

#[test]
fn mistakes_in_windows_are_named_with_their_place() {
    for (window, what) in [
        ("{ every: 10m }", "`every` needs `time`"),
        ("{ time: at }", "neither `every` nor `rows` is given"),
        ("{ every: 10m, rows: 5, time: at }", "stands without `rows`"),
        ("{ rows: 5, lateness: 1m }", "stands without `time` and `lateness`"),
        ("{ rows: 5, rules: [mean-second] }", "no rule has the id `mean-second`"),
    ] {
        let place = Place::with(&RULES.replace("{ every: 10m, time: at, lateness: 5m }", window), "id\n1\n");
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(what), "{window}: {}", run.stderr);
    }
    let place = Place::with(&RULES.replace("time: at", "time: site").replace("on_fail: reject", "on_fail: warn"), "");
    write(&place, "1", 0..10);
    let run = watch(&place, &[]);
    assert!(run.code == 2 && run.stderr.contains("windows: `site` holds no times, but string"), "{}", run.stderr);
}

#[test]
fn a_clock_that_is_wrong_ends_no_window_and_what_is_there_already_counts_once() {
    let place = Place::with(&RULES.replace("on_fail: reject", "on_fail: warn"), "");
    write(&place, "1", 0..5);
    place.write("in/2.csv", "id,at,site,seconds\n1,2999-01-01T00:00:00Z,A,5\n");
    write(&place, "3", 5..10);
    // The same rows under another name are in the table already.
    write(&place, "4", 0..5);
    write(&place, "5", 15..16);
    // Windows look at files before these are moved away.
    let run = watch(&place, &["--move-to", "done"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("1 event of a time that is still to come in `at`: no window of 10m ends by them"), "{}", run.stderr);
    assert_eq!(windows(&run)[0], "window 2026-11-01T00:00:00Z to 2026-11-01T00:10:00Z accept: 10 rows read, 10 published");
}
