//! Hostile surroundings: other users of the machine, names and values that want to be obeyed, rule files of strangers.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::Place;

const RULES: &str = "dataset: t\nrules:\n  - missing: { column: a }\n";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", "a,b\n1,x\n,y\n3,z\n");
    fs::create_dir(place.path("tmp")).expect("a directory");
    place
}

/// The program in `place`, with a temporary directory there.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path("")).args(arguments).env("TMPDIR", place.path("tmp")).env_remove("AWS_ENDPOINT_URL");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the program gave; it must not hang.
fn finished(mut command: Command) -> (i32, String, String) {
    let mut child = command.spawn().expect("the program runs");
    let begun = Instant::now();
    // What it prints is little enough to wait in the pipes.
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().expect("killed");
            panic!("it hangs: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    said(child.wait_with_output().expect("its output"))
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

fn run(place: &Place, arguments: &[&str]) -> (i32, String, String) {
    finished(command(place, arguments))
}

fn pipe(place: &Place, name: &str) {
    let path = place.path(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn pipes_in_the_temporary_directory_hang_nobody() {
    let place = place();
    for name in ["tmp/sluicegate-x/alive", "tmp/sluicegate-run-x/alive", "tmp/sluicegate-run-y", "tmp/.sluicegate-1-0.staged"] {
        pipe(&place, name);
    }
    symlink(place.path("tmp/sluicegate-x"), place.path("tmp/sluicegate-run-link")).expect("a link");
    let (code, stdout, stderr) = run(&place, &["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
    // What another may have put there in place of ours is left alone.
    assert!(place.path("tmp/sluicegate-x/alive").symlink_metadata().is_ok());
}

#[test]
fn pipes_where_rows_go_or_come_from_hang_nobody() {
    let gate = ["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--quarantine", "q", "--batch-id", "b"];
    let delta = |entry: &str| format!("out/_delta_log/{entry}");
    let last = delta("_last_checkpoint");
    let checkpoint = delta("00000000000000000000.checkpoint.parquet");
    let entry = delta("00000000000000000001.json");
    let parts = "--publish-format=parquet";
    // The pipe, one more argument, the exit code, a word of the message.
    let cases: [(&str, Option<&str>, i32, &str); 7] = [
        (&last, None, 2, "this is no file"),
        (&checkpoint, None, 2, "this is no file"),
        (&entry, None, 2, "this is no file"),
        ("out/b.parquet", Some(parts), 2, "no regular file"),
        // Looked at once the batch is published: a warning.
        ("q/b.0.parquet", Some(parts), 0, "no regular file"),
        ("out/.sluicegate-1-0.staged", None, 0, ""),
        ("q/.sluicegate-1-0.staged", Some(parts), 0, ""),
    ];
    for (name, more, expected, message) in cases {
        let place = place();
        pipe(&place, name);
        let (code, stdout, stderr) = run(&place, &[&gate[..], more.as_slice()].concat());
        assert_eq!(code, expected, "{name}: {stderr}");
        assert!(format!("{stdout}{stderr}").contains(message), "{name}: {stdout}{stderr}");
    }
    let place = place();
    pipe(&place, "q/b.parquet");
    assert_eq!(run(&place, &["quarantine", "list", "q"]).0, 2);
    pipe(&place, "data/p.csv");
    let (code, _, stderr) = run(&place, &["check", "data", "-r", "r.yaml"]);
    assert!(code == 2 && stderr.contains("data/p.csv: neither a file nor a directory"), "{stderr}");
}

#[test]
fn a_directory_that_another_program_holds_is_waited_for_and_the_wait_ends() {
    let place = place();
    fs::create_dir(place.path("out")).expect("a directory");
    let hold = File::open(place.path("out")).expect("open");
    hold.lock().expect("a lock");
    let gate = ["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--lock-timeout"];
    let (code, _, stderr) = run(&place, &[&gate[..], &["1s"]].concat());
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.starts_with("error: out: another program has held this directory for 1 second; nothing was published;"), "{stderr}");
    let waiting = command(&place, &[&gate[..], &["5m"]].concat()).spawn().expect("the program runs");
    std::thread::sleep(Duration::from_secs(8));
    drop(hold);
    let (code, stdout, stderr) = said(waiting.wait_with_output().expect("its output"));
    assert_eq!((code, stderr.as_str()), (0, "note: out: waiting for another gate that is at work there, at most 5 minutes\n"));
    assert!(stdout.contains("published to out"), "{stdout}");
}

#[test]
fn what_is_kept_for_a_while_is_private_and_what_is_published_is_not() {
    let place = place();
    let mut command = command(&place, &["gate", "-", "--format", "csv", "-r", "r.yaml", "--publish", "out.parquet", "--report", "r.json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("standard input");
    stdin.write_all(b"a,b\n1,x\n").expect("written");
    let spooled = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        glob::glob(&place.path("tmp/*/spool-*").display().to_string()).expect("a pattern").flatten().next()
    });
    let spooled = spooled.expect("a spooled file");
    assert_eq!((mode(&spooled), mode(spooled.parent().expect("a parent"))), (0o600, 0o700));
    drop(stdin);
    let (code, _, stderr) = said(child.wait_with_output().expect("its output"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(fs::read_dir(place.path("tmp")).expect("a list").count(), 0);
    let usual = mode(&place.write("usual", ""));
    assert_eq!((mode(&place.path("out.parquet")), mode(&place.path("r.json"))), (usual, usual));
}

#[test]
fn a_report_takes_the_place_of_a_link_and_not_of_what_it_leads_to() {
    let place = place();
    place.write("victim", "mine");
    symlink(place.path("victim"), place.path("report.json")).expect("a link");
    let (code, _, stderr) = run(&place, &["check", "d.csv", "-r", "r.yaml", "--report", "report.json"]);
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(fs::read(place.path("victim")).expect("there"), b"mine");
    assert!(place.path("report.json").symlink_metadata().expect("there").is_file());
}

/// More runs are tried with `SLUICEGATE_RUNS`.
#[test]
fn runs_at_the_same_time_leave_each_other_s_files_alone() {
    let runs: usize = std::env::var("SLUICEGATE_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let place = place();
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let place = &place;
            threads.spawn(move || {
                for _ in (thread..runs).step_by(8) {
                    let mut command = command(place, &["check", "-", "--format", "csv", "-r", "r.yaml"]);
                    command.stdin(File::open(place.path("d.csv")).expect("open"));
                    let (code, stdout, stderr) = finished(command);
                    assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
                }
            });
        }
    });
    assert_eq!(fs::read_dir(place.path("tmp")).expect("a list").count(), 0);
}

/// Text that wants to be obeyed: a forged verdict, CI commands, colours, a title, reversed text.
const HOSTILE: &str =
    "x\nACCEPT  t (check)\n::error::forged\r##[error]forged\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}abc\u{2028}\u{200b}\u{2066}";

fn assert_harmless(what: &str, text: &str) {
    for (i, line) in text.lines().enumerate() {
        let bad = |c: char| {
            c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}')
        };
        assert!(!line.contains(bad), "{what}: {line:?}");
        assert!(!line.trim_start().starts_with("::error") && !line.contains("##["), "{what}: {line:?}");
        assert!(i == 0 || !line.starts_with("ACCEPT"), "{what}: {line:?}");
    }
}

#[test]
fn text_of_the_data_and_of_names_is_never_obeyed() {
    let place = place();
    let quoted = HOSTILE.replace('"', "\"\"");
    place.write("h.csv", format!("a,\"{quoted}\"\n1,\"{quoted}\"\n,\"{quoted}\"\n\"{quoted}\",1\n"));
    let name = "\u{1b}[31m::error::\nx.csv";
    place.write(name, "a\n1\n\n");
    let yaml = serde_json::to_string(HOSTILE).expect("JSON is YAML");
    place.write(
        "h.yaml",
        format!(
            "dataset: {yaml}\nowner: {yaml}\ndescription: {yaml}\nrules:\n  - missing: {{ column: a, id: {yaml} }}\n  \
             - values: {{ column: {yaml}, in: [{yaml}] }}\n  - expression: {{ sql: \"a <> 'x'\", id: \"::error::y\" }}\n"
        ),
    );
    let gate = ["gate", "h.csv", "-r", "h.yaml", "--publish", "out", "--batch-id", "b", "--report", "r.html", "--report", "r.json", "-v"];
    let mut all = vec![("gate", run(&place, &gate))];
    all.push(("check", run(&place, &["check", "h.csv", "-r", "h.yaml", "-v"])));
    all.push(("a file's name", run(&place, &["check", name, "-r", "r.yaml", "-v"])));
    all.push(("no such file", run(&place, &["check", "\n::error::no", "-r", "r.yaml"])));
    all.push(("no such rule file", run(&place, &["check", "d.csv", "-r", "\n::error::no"])));
    all.push(("no such option", run(&place, &["check", "--\u{1b}[2J::error::"])));
    all.push(("no such batch", run(&place, &["quarantine", "show", "out_quarantine", "\n::error::no"])));
    all.push(("list", run(&place, &["quarantine", "list", "out_quarantine"])));
    all.push(("show", run(&place, &["quarantine", "show", "out_quarantine", "b"])));
    all.push(("replay", run(&place, &["replay", "-r", "h.yaml", "--publish", "out"])));
    place.write("f.yaml", format!("dataset: t\nrules:\n  - missing: {{ column: {yaml} }}\n  - missing: {{ column: a, {yaml}: 1 }}\n"));
    all.push(("validate", run(&place, &["rules", "validate", "f.yaml", "r.yaml"])));
    place.write("g.yaml", format!("dataset: t\nrules:\n  - missing: {{ column: {yaml} }}\n"));
    all.push(("unknown column", run(&place, &["check", "d.csv", "-r", "g.yaml"])));
    for (what, (code, stdout, stderr)) in &all {
        assert!(*code <= 2, "{what}: {code}");
        assert!(stdout.len() + stderr.len() > 20, "{what} says something");
        assert_harmless(what, stdout);
        assert_harmless(what, stderr);
    }
    let shown = &all[0].1.1;
    assert!(shown.contains("x\\nACCEPT  t (check)\\n:\\u{3a}error::forged\\r#\\u{23}[error]forged\\u{1b}[2J"), "{shown}");
    assert!(all[8].1.1.contains("\\u{1b}"), "{}", all[8].1.1);
    let html = fs::read_to_string(place.path("r.html")).expect("a page");
    let hidden =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}');
    assert!(!html.contains(hidden) && html.contains("\\u{202e}abc"), "{html}");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).expect("a report")).expect("JSON");
    assert_eq!(json["dataset"], HOSTILE, "JSON is exact");
}

#[test]
fn names_of_any_length_are_cut_where_they_are_shown() {
    let place = place();
    let name = "n".repeat(2 << 20);
    place.write("long.csv", format!("{name},b\n1,x\n,y\n"));
    place.write("long.yaml", format!("dataset: t\nrules:\n  - missing: {{ column: {name} }}\n  - missing: {{ column: {name}x }}\n"));
    place.write("any.yaml", "dataset: t\nrules:\n  - missing: { columns: \"*\" }\n");
    let begun = Instant::now();
    for rules in ["long.yaml", "any.yaml"] {
        let (code, stdout, stderr) = run(&place, &["check", "long.csv", "-r", rules, "-v", "--report", "r.html"]);
        assert!(code > 0 && stdout.len() + stderr.len() < 20_000, "{rules}: {} {}", stdout.len(), stderr.len());
    }
    assert_eq!(run(&place, &["gate", "long.csv", "-r", "any.yaml", "--publish", "out.parquet"]).0, 0);
    let id = place.parts("out_quarantine", "*")[0].file_name().expect("a name").to_string_lossy().split('.').next().map(str::to_owned);
    let (code, stdout, _) = run(&place, &["quarantine", "show", "out_quarantine", &id.expect("an id")]);
    assert!(code == 0 && stdout.len() < 20_000, "{}", stdout.len());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn what_a_panic_says_is_not_told() {
    let (code, stdout, stderr) = run(&place(), &["panic", "a value of the data"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: internal error at src/cli/internal.rs:"), "{stderr}");
    assert!(stderr.contains("please report it") && !stderr.contains("value of the data") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_rule_file_reads_and_writes_below_the_root_only() {
    let place = place();
    place.write("in/d.csv", "a,b\n1,x\n");
    place.write("secret/d.csv", "a,b\n9,x\n");
    symlink("../secret", place.path("in/link")).expect("a link");
    symlink("../secret/d.csv", place.path("in/l.csv")).expect("a link");
    fs::create_dir_all(place.path("in/linked_log")).expect("a directory");
    symlink("../../secret", place.path("in/linked_log/_delta_log")).expect("a link");
    symlink("../secret", place.path("in/aside_quarantine")).expect("a link");
    let absolute = place.path("secret/d.csv").display().to_string();
    let before = place.files();
    let source = |path: &str| format!("dataset: t\nsource: {{ path: {path:?}, format: csv }}\nrules:\n  - missing: {{ column: a }}\n");
    let gate = |section: &str| format!("{}gate: {{ {section} }}\n", source("in/d.csv"));
    // What the rule file says, and whether `check` meets it.
    let refused = [
        (source("secret/d.csv"), true),
        (source("in/../secret/d.csv"), true),
        (source(&absolute), true),
        (source("in/link/d.csv"), true),
        (source("in/l.csv"), true),
        (source("in/*.csv"), true),
        (source("*/d.csv"), true),
        (source("in"), true),
        (source("/dev/stdin"), true),
        (source("file:///etc/passwd"), true),
        (source("https://example.org/d.csv"), true),
        (gate("publish: out"), false),
        (gate("publish: in/../out"), false),
        (gate("publish: in/link/out.parquet"), false),
        (gate("publish: in/linked_log"), false),
        (gate("publish: in"), false),
        (gate("publish: s3://lake/orders"), false),
        (gate("publish: in/aside"), false),
        (gate("publish: in/out, quarantine: q"), false),
        (gate("publish: in/out, quarantine: in/link"), false),
    ];
    for (rules, is_of_data) in refused {
        place.write("s.yaml", &rules);
        // Where rows go is said on the command line then, which is not confined.
        let commands: &[&[&str]] = if is_of_data { &[&["gate", "--publish", "o"], &["check"]] } else { &[&["gate"]] };
        for command in commands {
            let (code, stdout, stderr) = run(&place, &[*command, &["-r", "s.yaml", "--root", "in"]].concat());
            assert_eq!((code, stdout.as_str()), (2, ""), "{rules}: {stderr}");
            assert!(stderr.contains("--root") && !stderr.contains("nothing says"), "{rules}: {stderr}");
        }
    }
    place.write("s.yaml", gate("publish: out").replace("missing: { column: a }", "duplicates: { key: [a], across: published }"));
    let (code, _, stderr) = run(&place, &["check", "-r", "s.yaml", "--root", "in"]);
    assert!(code == 2 && stderr.contains("is outside of every directory given with `--root`"), "{stderr}");
    let (code, _, stderr) = run(&place, &["replay", "-r", "s.yaml", "--root", "in"]);
    assert!(code == 2 && stderr.contains("s.yaml: `out` is outside of every directory given with `--root`"), "{stderr}");
    fs::remove_file(place.path("s.yaml")).expect("removed");
    assert_eq!(place.files(), before);
    // Below it all is as it was; the command line is trusted.
    place.write("s.yaml", gate("publish: in/out"));
    assert_eq!(run(&place, &["gate", "-r", "s.yaml", "--root", "in"]).0, 0);
    let (code, _, stderr) = run(&place, &["gate", "secret/d.csv", "-r", "s.yaml", "--root", "in", "--publish", "out", "--quarantine", "q"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(run(&place, &["gate", "secret/d.csv", "-r", "s.yaml", "--root", "secret", "--root", "in"]).0, 0);
    place.write("s.yaml", gate("publish: in/one.parquet"));
    for _ in 0..2 {
        let (code, _, stderr) = run(&place, &["gate", "-r", "s.yaml", "--root", "in"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
    }
    let (code, _, stderr) = run(&place, &["check", "-r", "s.yaml", "--root", "nowhere"]);
    assert!(code == 2 && stderr.contains("nowhere: cannot read"), "{stderr}");
}

/// A store that refuses all it is asked, and repeats the request.
fn echo() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 16384];
                while let Ok(read) = std::io::Read::read(&mut stream, &mut buffer) {
                    if read == 0 {
                        break;
                    }
                    let body = &buffer[..read];
                    let head = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
                }
            });
        }
    });
    address
}

#[test]
fn credentials_are_never_told() {
    const SECRET: &str = "canary4711";
    let place = place();
    let url = format!("s3://AKIA:{SECRET}@lake/orders");
    place.write(
        "u.yaml",
        format!("dataset: t\nsource: {{ path: {url:?} }}\ngate: {{ publish: {url:?} }}\nrules:\n  - missing: {{ column: a }}\n"),
    );
    let store = echo();
    let variables = |endpoint: String| {
        [("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true".into()), ("AWS_ACCESS_KEY_ID", "key".into())]
            .into_iter()
            .chain([("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()), ("AWS_SESSION_TOKEN", format!("token-{SECRET}"))])
            .collect::<Vec<_>>()
    };
    let reports = ["--report", "r.json", "--report", "r.html"];
    let query = format!("s3://lake/orders?X-Amz-Signature={SECRET}");
    let http = format!("https://user:{SECRET}@example.org/x");
    let plain = variables(format!("http://{store}"));
    let in_endpoint = variables(format!("http://user:{SECRET}@{store}"));
    let gate = |place: &str| vec!["gate", "d.csv", "-r", "r.yaml", "--publish", place].into_iter().map(str::to_owned).collect::<Vec<_>>();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let cases = [
        (gate(&url), &plain, "credentials do not belong in a URL"),
        (gate(&query), &plain, "credentials do not belong in a URL"),
        (gate(&http), &plain, "are not known"),
        (gate("s3://lake/orders"), &in_endpoint, "the variable AWS_ENDPOINT_URL holds a URL with credentials"),
        (gate("s3://lake/orders"), &plain, "cannot read"),
        (words("gate d.csv -r u.yaml"), &plain, "credentials do not belong in a URL"),
        (words("check -r u.yaml"), &plain, "credentials do not belong in a URL"),
        (words(&format!("check {url} -r r.yaml")), &plain, "credentials do not belong in a URL"),
        (words(&format!("check d.csv -r {url}")), &plain, "no such rule file"),
        (words(&format!("gate d.csv -r r.yaml --publish o --quarantine {url}")), &plain, "credentials do not belong in a URL"),
        (words(&format!("quarantine list {url}")), &plain, "credentials do not belong in a URL"),
        (words(&format!("quarantine list {url} {url}")), &plain, "unexpected argument"),
        (words(&format!("check -r u.yaml --root {url}")), &plain, "credentials do not belong in a URL"),
        (words("replay -r u.yaml"), &plain, "credentials do not belong in a URL"),
    ];
    for (arguments, variables, message) in cases {
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if matches!(arguments[0], "gate" | "check") {
            arguments.extend(reports);
        }
        let mut command = command(&place, &arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let (code, stdout, stderr) = finished(command);
        assert!(code == 2 && stderr.contains(message), "{arguments:?}: {stderr}");
        assert!(!format!("{stdout}{stderr}").contains(SECRET), "{arguments:?}: {stdout}{stderr}");
        for report in ["r.json", "r.html"] {
            let text = fs::read_to_string(place.path(report)).unwrap_or_default();
            assert!(!text.contains(SECRET), "{arguments:?}: {report}");
        }
    }
}

#[test]
fn what_is_taken_out_for_a_spreadsheet_runs_nothing() {
    let place = place();
    place.write("f.csv", "a,b,=n\n,=1+1,-5\n,＋x,6\n,\" @x\",7\n,-7,8\n1,y,9\n");
    assert_eq!(run(&place, &["gate", "f.csv", "-r", "r.yaml", "--publish", "o.parquet"]).0, 0);
    let export =
        |to: &str, more: &[&str]| run(&place, &[&["quarantine", "export", "o_quarantine", "--only-values", "--to", to], more].concat());
    let (code, _, stderr) = export("s.csv", &["--for-spreadsheets"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let text = fs::read_to_string(place.path("s.csv")).expect("rows");
    let values = |text: &str| text.lines().map(|line| line.splitn(4, ',').take(3).collect::<Vec<_>>().join(",") + "\n").collect::<String>();
    assert_eq!(values(&text), "a,b,'=n\n,'=1+1,-5\n,'＋x,6\n,' @x,7\n,-7,8\n");
    // It is for reading: nobody takes its quoted cells for mended ones.
    let (code, _, stderr) = run(&place, &["replay", "-r", "r.yaml", "--publish", "o.parquet", "--mended", "s.csv"]);
    assert!(code == 2 && stderr.contains("_sluicegate_part"), "{stderr}");
    assert_eq!(export("plain.csv", &[]).0, 0);
    assert_eq!(values(&fs::read_to_string(place.path("plain.csv")).expect("rows")), "a,b,=n\n,=1+1,-5\n,＋x,6\n, @x,7\n,-7,8\n");
    let (code, _, stderr) = export("s.parquet", &["--for-spreadsheets"]);
    assert!(code == 2 && stderr.contains("is about cells of CSV") && !place.path("s.parquet").exists(), "{stderr}");
}

#[test]
fn where_reports_go_is_looked_at_before_anything_is_judged() {
    let place = place();
    place.write("j.json", "[{\"a\": 1}]");
    place.write("data/j.json", "[{\"a\": 1}]");
    fs::create_dir(place.path("folder.json")).expect("a directory");
    fs::create_dir_all(place.path("out/_delta_log")).expect("a directory");
    place.write("file", "");
    pipe(&place, "pipe.json");
    let publish = ["--publish", "t.html"];
    let cases: [(&str, &str, &[&str], &str); 11] = [
        ("d.csv", "folder.json", &[], "a directory is there"),
        ("d.csv", "pipe.json", &[], "no regular file"),
        ("d.csv", "file/r.json", &[], "cannot be written"),
        ("d.csv", "/proc/r.json", &[], "cannot be written"),
        ("d.csv", "r.docx", &[], "no report is written in that format"),
        ("d.csv", "out/_delta_log/00000000000000000000.json", &[], "no place for it"),
        ("d.csv", "r.html", &["--report", "./r.html"], "asked for twice"),
        ("j.json", "./j.json", &[], "written to where the data is"),
        ("data", "data/new.json", &[], "written to where the data is"),
        ("./data/*.json", "data/new.json", &[], "written to where the data is"),
        ("d.csv", "t.html", &publish, "written to where rows go"),
    ];
    let before = place.files();
    for (data, report, more, message) in cases {
        for command in ["gate", "check"] {
            if command == "check" && more == publish {
                continue;
            }
            let publish: &[&str] = if command == "gate" && more != publish { &["--publish", "o.parquet"] } else { &[] };
            let arguments = [&[command, data, "-r", "r.yaml", "--report", report], more, publish].concat();
            let (code, stdout, stderr) = run(&place, &arguments);
            assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
            assert!(stderr.contains(message) && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
            let _ = fs::remove_file(place.path("r.html"));
            assert_eq!(place.files(), before, "{arguments:?}");
        }
    }
    place.write("r.json", RULES);
    let (code, _, stderr) = run(&place, &["check", "d.csv", "-r", "r.json", "--report", "r.json"]);
    assert!(code == 2 && stderr.contains("written to where the rule file is"), "{stderr}");
    assert_eq!(fs::read_to_string(place.path("r.json")).expect("the rules"), RULES);
    // A missing folder is made, and a report that can be written is, beside one that cannot.
    let (code, _, stderr) = run(&place, &["check", "d.csv", "-r", "r.yaml", "--report", "new/deep/r.json", "--report", "folder.json"]);
    assert_eq!(code, 2, "{stderr}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("new/deep/r.json")).expect("there")).expect("JSON");
    assert_eq!(report["verdict"], "undecided");
    assert_eq!(run(&place, &["check", "d.csv", "-r", "r.yaml", "--report", "new/deep/r.json"]).0, 1);
}

#[test]
fn a_report_that_cannot_be_written_after_all_hides_no_verdict() {
    let place = place();
    // A limit on the size of files that rows keep and the page does not.
    let program = env!("CARGO_BIN_EXE_sluicegate");
    let limited = |arguments: &str| {
        let script = format!("ulimit -f 16; exec {program} {arguments} -r r.yaml --report r.html --report r.json");
        let mut command = Command::new("bash");
        command.current_dir(place.path("")).args(["-c", &script]).stdin(Stdio::null());
        finished({
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        })
    };
    for (arguments, verdict, message) in [
        ("gate d.csv --publish o.parquet", "QUARANTINE  t (gated ", "error: published; the report r.html could not be written: "),
        ("gate d.csv --publish o.parquet", "QUARANTINE  t (gated ", "error: published before; the report r.html could not be written: "),
        ("check d.csv", "QUARANTINE  t (checked ", "error: judged; the report r.html could not be written: "),
    ] {
        let (code, stdout, stderr) = limited(arguments);
        assert_eq!(code, 2, "{arguments}: {stderr}");
        assert!(stdout.starts_with(verdict), "{arguments}: {stdout}");
        assert!(stderr.starts_with(message) && stderr.ends_with("; running again is safe\n"), "{arguments}: {stderr}");
        assert!(place.path("r.json").exists() && !place.path("r.html").exists(), "the other report is there");
        assert!(place.files().iter().all(|file| !file.ends_with(".tmp")), "{:?}", place.files());
    }
    let (code, _, stderr) = run(&place, &["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet", "--report", "r.html"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
}

#[test]
fn a_verdict_that_cannot_be_printed_is_a_failure() {
    let place = place();
    let mut command = command(&place, &["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet"]);
    command.stdout(File::options().write(true).open("/dev/full").expect("a full device"));
    let (code, _, stderr) = finished(command);
    assert!(code == 2 && stderr.starts_with("error: published; the verdict could not be printed: "), "{code} {stderr}");
}
