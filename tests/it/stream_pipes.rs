//! `sluicegate stream` between other programs: that end early, that are slow, that kill it; and disks that are full.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::stream::{bad_of, command};
use crate::support::Place;

const RULES: &str = "dataset: t\nprofile: none\nschema: { columns: { n: { type: int64 }, pad: { type: string } } }\nrules:\n  - range: { column: n, min: 0 }\n";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place
}

fn event(n: i64) -> String {
    format!("{{\"n\": {n}, \"pad\": \"{}\"}}\n", "x".repeat(60))
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs").success());
}

/// What it said once it ended.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    (child.wait().expect("it ends").code(), stderr)
}

#[test]
fn an_event_is_passed_on_when_it_comes_and_not_when_the_next_ones_do() {
    let place = place();
    let mut child = command(&place.path(""), &["--quiet"]).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for n in 0..20 {
        let event = event(n);
        // In two halves: the first one alone is no event.
        let (head, rest) = event.as_bytes().split_at(11);
        input.write_all(head).and_then(|()| input.flush()).expect("written");
        input.write_all(rest).and_then(|()| input.flush()).expect("written");
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        assert_eq!(line, event);
    }
    drop(input);
    assert_eq!(ended(child), (Some(0), String::new()));
}

#[test]
fn asked_to_end_it_ends_what_was_read_and_leaves_the_rest_in_the_pipe() {
    for (name, code) in [("-TERM", 143), ("-INT", 130)] {
        let place = place();
        let mut child = command(&place.path(""), &["--report", "r.json"]).spawn().expect("it runs");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut good = String::new();
        for n in 0..50 {
            input.write_all(event(if n % 10 == 3 { -n } else { n }).as_bytes()).expect("written");
        }
        while good.lines().count() < 45 {
            output.read_line(&mut good).expect("a line");
        }
        // Half a line, of which the other half comes after the signal.
        let last = event(50);
        input.write_all(&last.as_bytes()[..20]).expect("written");
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, name);
        std::thread::sleep(Duration::from_millis(200));
        input.write_all(&last.as_bytes()[20..]).expect("written");
        output.read_to_string(&mut good).expect("text");
        let (ended, stderr) = ended(child);
        assert_eq!(ended, Some(code), "{stderr}");
        assert_eq!((good.lines().count(), bad_of(&place.path("")).len()), (46, 5), "{stderr}");
        assert!(good.ends_with(&last) && stderr.contains("51 rows read = 46 published + 5 quarantined"), "{stderr}");
        assert!(place.path("r.json").exists());
    }
}

#[test]
fn half_an_event_whose_end_never_comes_is_set_aside() {
    let place = place();
    let mut child = command(&place.path(""), &["--quiet"]).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(event(1).as_bytes()).and_then(|()| input.write_all(b"{\"n\": 2")).expect("written");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-TERM");
    let began = Instant::now();
    let mut good = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut good).expect("text");
    assert_eq!(ended(child).0, Some(143));
    assert!(began.elapsed() < Duration::from_secs(20));
    let bad = bad_of(&place.path(""));
    assert_eq!((good, bad.len(), &bad[0]["event"]), (event(1), 1, &"{\"n\": 2".into()));
    drop(input);
}

#[test]
fn a_reader_that_goes_away_ends_the_stream_and_is_told_where_to_go_on() {
    let place = place();
    let mut child = command(&place.path(""), &[]).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    for n in 0..3 {
        input.write_all(event(n).as_bytes()).and_then(|()| input.flush()).expect("written");
        output.read_line(&mut line).expect("a line");
    }
    drop(output);
    input.write_all((event(-1) + &event(4) + &event(5)).as_bytes()).and_then(|()| input.flush()).expect("written");
    let (code, stderr) = ended(child);
    assert_eq!(code, Some(2), "{stderr}");
    let expected = "standard output: nobody reads any more; 6 events judged, 3 passed on, 1 set aside; none was passed on from line 5 on";
    assert!(stderr.contains(expected), "{stderr}");
    assert_eq!(bad_of(&place.path("")).len(), 1);
    drop(input);
}

#[test]
fn a_slow_reader_is_waited_for_and_nothing_is_lost() {
    let place = place();
    let mut child = command(&place.path(""), &["--quiet"]).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    let count = 20_000;
    let writer = std::thread::spawn(move || {
        for n in 0..count {
            input.write_all(event(n).as_bytes()).expect("written");
        }
    });
    let mut output = child.stdout.take().expect("a pipe");
    let (mut good, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        if good.len() < 400_000 {
            std::thread::sleep(Duration::from_millis(30));
        }
        match output.read(&mut buffer).expect("read") {
            0 => break,
            read => good.extend_from_slice(&buffer[..read]),
        }
    }
    writer.join().expect("written");
    assert_eq!(ended(child), (Some(0), String::new()));
    assert!(String::from_utf8(good).expect("text") == (0..count).map(event).collect::<String>());
}

/// A disk that is full from the start.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_for_bad_events_ends_the_stream_before_more_is_read() {
    let place = place();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    child.current_dir(place.path("")).args(["stream", "-r", "r.yaml", "--bad", "/dev/full"]);
    let mut child = child
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    input.write_all(event(1).as_bytes()).and_then(|()| input.flush()).expect("written");
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    input.write_all((event(2) + &event(-3)).as_bytes()).and_then(|()| input.flush()).expect("written");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    let (code, stderr) = ended(child);
    assert_eq!((code, line, rest), (Some(2), event(1), String::new()), "{stderr}");
    assert!(stderr.contains("/dev/full: cannot write") && stderr.contains("none was passed on from line 2 on"), "{stderr}");
}

#[test]
fn files_are_added_to_and_a_line_that_a_killed_run_left_is_ended() {
    let place = place();
    let options = ["--good", "good.ndjson", "--quiet"];
    let stream = |text: &str| crate::stream::stream(&place, &options, &[text.as_bytes()]);
    let first = stream(&(event(1) + &event(-1)));
    assert_eq!((first.code, first.good.len()), (0, 0), "{}", first.stderr);
    std::fs::OpenOptions::new().append(true).open(place.path("good.ndjson")).expect("open").write_all(b"{\"n\": 7").expect("written");
    let second = stream(&event(2));
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(second.stderr.contains("good.ndjson ends within a line"), "{}", second.stderr);
    assert_eq!(std::fs::read_to_string(place.path("good.ndjson")).expect("text"), event(1) + "{\"n\": 7\n" + &event(2));
    assert_eq!(bad_of(&place.path("")).len(), 1);
    // What is no file of events is not added to, and no file has two roles.
    place.write("other.txt", "a,b\n");
    let other = crate::stream::stream(&place, &["--good", "other.txt"], &[event(1).as_bytes()]);
    assert!(other.code == 2 && other.stderr.contains("other.txt holds something else than events"), "{}", other.stderr);
    let twice = crate::stream::stream(&place, &["--good", "bad.ndjson"], &[event(1).as_bytes()]);
    assert!(twice.code == 2 && twice.stderr.contains("is named twice"), "{}", twice.stderr);
    assert_eq!(std::fs::read_to_string(place.path("other.txt")).expect("text"), "a,b\n");
}

#[test]
fn a_report_comes_with_time_also_where_no_event_does() {
    let place = place();
    let mut child = command(&place.path(""), &["--summary", "1s"]).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(event(1).as_bytes()).and_then(|()| input.flush()).expect("written");
    std::thread::sleep(Duration::from_millis(2600));
    drop(input);
    let (code, stderr) = ended(child);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("ACCEPT  t") && stderr.contains("1 row read = 1 published") && stderr.contains("no rows read"), "{stderr}");
}
