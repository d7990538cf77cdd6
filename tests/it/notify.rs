//! `notify`: who is told when the state of a data set changes; what goes wrong with it changes nothing of the run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::Place;

const RULES: &str = "dataset: orders
owner: shop-team
schema: { columns: { id: { type: int64 }, mail: { type: string, mask: true }, v: { type: int64 } } }
rules:
  - range: { column: v, max: 10, runbook: \"https://wiki/v\" }
  - values: { column: mail, in: [a], on_fail: warn }
gate: { publish: out, quarantine: aside }
history: runs
notify:
";
const SECRET: &str = "s3cr3t-t0ken-of-the-hook";
const GOOD: &str = "id,mail,v\n1,a,1\n2,a,2\n3,a,3\n";
const BAD: &str = "id,mail,v\n1,a,1\n2,a,2\n3,canary77,12345\n";

/// A server that notes what is posted to it; `answer` says how it answers the request of that number.
struct Hook {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    fn new(answer: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (answer, kept) = (Arc::new(answer), seen.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (answer, kept) = (answer.clone(), kept.clone());
                std::thread::spawn(move || {
                    let body = body_of(&mut stream);
                    let number = {
                        let mut seen = kept.lock().expect("bodies");
                        seen.push(body);
                        seen.len() - 1
                    };
                    answer(number, &mut stream);
                });
            }
        });
        Self { port, seen }
    }

    fn with(status: &'static str) -> Self {
        Self::new(move |_, out| crate::web::whole(out, status, b"ok"))
    }

    fn bodies(&self) -> Vec<Json> {
        self.seen.lock().expect("bodies").iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/services/{SECRET}", self.port)
    }
}

fn body_of(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    String::from_utf8(body).expect("text")
}

struct Ran {
    code: Option<i32>,
    all: String,
    took: Duration,
}

/// Runs the program with these variables; nothing that it prints holds the secret.
fn run(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path(".")).args(arguments).envs(variables.iter().copied());
    let began = Instant::now();
    let output = command.output().expect("it runs");
    let took = began.elapsed();
    let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!all.contains(SECRET), "{all}");
    Ran { code: output.status.code(), all, took }
}

fn gate(place: &Place, data: &str, day: u32, url: &str) -> Ran {
    place.write("d.csv", data);
    let now = format!("2026-11-{day:02}T08:00:00Z");
    run(place, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", &format!("b{day}"), "--now", &now], &[("SLUICEGATE_NOTIFY_URL", url)])
}

fn place(notify: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", format!("{RULES}{notify}"));
    place
}

#[test]
fn a_change_of_state_is_told_once_and_nothing_else() {
    let (place, hook) = (place("  - webhook: ${SLUICEGATE_NOTIFY_URL}\n"), Hook::with("200 OK"));
    let told = |data: &str, day: u32| {
        let before = hook.bodies().len();
        let ran = gate(&place, data, day, &hook.url());
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.all);
        hook.bodies().split_off(before)
    };
    let changes = |told: &[Json]| -> Vec<String> {
        assert_eq!(told.len(), 1, "{told:?}");
        let of = |change: &Json| format!("{} {}", change["change"].as_str().expect("a word"), change["id"].as_str().expect("an id"));
        told[0]["changes"].as_array().expect("changes").iter().map(of).collect()
    };
    assert!(told(GOOD, 1).is_empty(), "a first run that passes is no news");
    let first = told(BAD, 2);
    assert_eq!(changes(&first), ["new range-v", "new values-mail"]);
    assert_eq!((first[0]["verdict"].as_str(), first[0]["verdict_before"].as_str()), (Some("quarantine"), Some("accept")));
    assert_eq!(first[0]["summary"].as_str(), Some("orders: quarantine (2 new)"));
    assert_eq!((first[0]["rows"]["quarantined"].as_u64(), first[0]["changes"][0]["failing_rows"].as_u64()), (Some(1), Some(1)));
    assert_eq!((first[0]["owner"].as_str(), first[0]["changes"][0]["runbook"].as_str()), (Some("shop-team"), Some("https://wiki/v")));
    assert!(told(BAD, 3).is_empty(), "as it was");
    let worse = told("id,mail,v\n1,a,1\n2,a,20\n3,b,12345\n4,a,5\n", 4);
    assert_eq!(changes(&worse), ["worse range-v"]);
    assert_eq!(changes(&told(GOOD, 5)), ["recovered range-v", "recovered values-mail"]);
    assert!(told(GOOD, 6).is_empty());
    // What cannot be judged is told once, and that it can be again.
    let broken = told_of_fault(&place, &hook, 7);
    assert_eq!((broken.len(), broken[0]["summary"].as_str()), (1, Some("orders: could not be judged")));
    assert!(broken[0]["faults"][0]["code"].is_string());
    assert!(told_of_fault(&place, &hook, 8).is_empty());
    assert_eq!(told(GOOD, 9).len(), 1);
}

fn told_of_fault(place: &Place, hook: &Hook, day: u32) -> Vec<Json> {
    let before = hook.bodies().len();
    let now = format!("2026-11-{day:02}T08:00:00Z");
    let ran = run(place, &["gate", "no.csv", "-r", "r.yaml", "--now", &now], &[("SLUICEGATE_NOTIFY_URL", &hook.url())]);
    assert_eq!(ran.code, Some(2), "{}", ran.all);
    hook.bodies().split_off(before)
}

#[test]
fn the_same_batch_judged_again_is_no_news_and_without_records_each_failing_run_is() {
    let hook = Hook::with("200 OK");
    let place = place("  - webhook: ${SLUICEGATE_NOTIFY_URL}\n");
    gate(&place, BAD, 1, &hook.url());
    assert_eq!(hook.bodies().len(), 1, "a first failure");
    // The same run again, and the same batch an hour later.
    gate(&place, BAD, 1, &hook.url());
    run(
        &place,
        &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b1", "--now", "2026-11-01T09:00:00Z"],
        &[("SLUICEGATE_NOTIFY_URL", &hook.url())],
    );
    assert_eq!(hook.bodies().len(), 1);
    let text = std::fs::read_to_string(place.path("r.yaml")).expect("rules");
    place.write("r.yaml", text.replace("history: runs\n", ""));
    for (data, day, bodies) in [(GOOD, 2, 1), (BAD, 3, 2), (BAD, 4, 3)] {
        gate(&place, data, day, &hook.url());
        assert_eq!(hook.bodies().len(), bodies);
    }
}

#[test]
fn check_a_dry_run_and_who_says_so_tell_nobody() {
    let hook = Hook::with("200 OK");
    let place = place("  - webhook: ${SLUICEGATE_NOTIFY_URL}\n");
    place.write("d.csv", BAD);
    let url = hook.url();
    let run = |arguments: &[&str]| run(&place, &[arguments, &["d.csv", "-r", "r.yaml"]].concat(), &[("SLUICEGATE_NOTIFY_URL", &url)]);
    for arguments in [&["check"][..], &["gate", "--dry-run"], &["gate", "--no-notify"]] {
        run(arguments);
        assert!(hook.bodies().is_empty(), "{arguments:?}");
    }
    std::fs::remove_dir_all(place.path("runs")).expect("removed");
    run(&["check", "--notify"]);
    assert_eq!(hook.bodies().len(), 1);
}

#[test]
fn values_of_the_data_are_told_only_where_they_are_asked_for_and_masked_ones_never() {
    let (plain, asked, slack) = (Hook::with("200 OK"), Hook::with("204 No Content"), Hook::with("200 OK"));
    let notify = "  - webhook: ${SLUICEGATE_NOTIFY_PLAIN}\n  - webhook: ${SLUICEGATE_NOTIFY_ASKED}\n    values: true\n  - slack: ${SLUICEGATE_NOTIFY_SLACK}\n    values: true\n";
    let place = place(notify);
    let rules = std::fs::read_to_string(place.path("r.yaml")).expect("rules");
    let rules =
        rules.replace("  - values:", "  - statistic: { id: \"<!channel>&\", column: v, of: max, max: 99, on_fail: warn }\n  - values:");
    place.write("r.yaml", rules);
    place.write("d.csv", BAD.replace("12345", "77777").replace("2,a,2", "2,a,9"));
    let ran = run(
        &place,
        &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"],
        &[("SLUICEGATE_NOTIFY_PLAIN", &plain.url()), ("SLUICEGATE_NOTIFY_ASKED", &asked.url()), ("SLUICEGATE_NOTIFY_SLACK", &slack.url())],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.all);
    let text = |hook: &Hook| hook.seen.lock().expect("bodies").concat();
    assert!(!text(&plain).contains("message") && text(&asked).contains("\"message\""), "{}", text(&plain));
    for hook in [&plain, &asked, &slack] {
        assert!(!text(hook).is_empty() && !text(hook).contains("canary"), "{}", text(hook));
    }
    let said = slack.bodies()[0]["text"].as_str().expect("a text").to_owned();
    assert!(said.starts_with("orders: quarantine ("), "{said}");
    assert!(!said.contains('<') && said.contains("range-v"), "{said}");
}

#[test]
fn servers_that_fail_hang_or_refuse_cost_a_bounded_time_and_a_warning() {
    let place = place("  - webhook: ${SLUICEGATE_NOTIFY_URL}\n");
    // It answers at the third attempt.
    let late = Hook::new(|number, out| crate::web::whole(out, if number < 2 { "500 Oops" } else { "200 OK" }, b""));
    let ran = gate(&place, BAD, 1, &late.url());
    assert_eq!((ran.code, late.bodies().len()), (Some(0), 3), "{}", ran.all);
    assert!(!ran.all.contains("warning:"), "{}", ran.all);
    let warned = |data: &str, day: u32, url: &str, what: &str| {
        let ran = gate(&place, data, day, url);
        assert!(ran.code == Some(0) && ran.all.contains("not notified") && ran.all.contains(what), "{what}: {:?} {}", ran.code, ran.all);
        assert!(ran.took < Duration::from_secs(45), "{what}: {:?}", ran.took);
    };
    let broken = Hook::with("503 No");
    warned(GOOD, 2, &broken.url(), "4 attempts were made");
    assert_eq!(broken.bodies().len(), 4);
    let refusing = Hook::with("403 Forbidden");
    warned(BAD, 3, &refusing.url(), "the server refuses access (403 Forbidden)");
    assert_eq!(refusing.bodies().len(), 1);
    let leading = Hook::with("302 Found\nLocation: http://169.254.169.254/");
    warned(GOOD, 4, &leading.url(), "leads elsewhere (302), which is not followed");
    warned(BAD, 5, &format!("http://127.0.0.1:1/{SECRET}"), "cannot connect");
    warned(GOOD, 6, &format!("http://example.org/{SECRET}"), "use `https`");
    warned(BAD, 7, SECRET, "it is no URL");
    let hanging = Hook::new(|_, _| std::thread::sleep(Duration::from_secs(60)));
    warned(GOOD, 8, &hanging.url(), "was not taken within 30 s");
    let unset = run(&place, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b9", "--now", "2026-11-09"], &[]);
    assert_eq!(unset.code, Some(0), "{}", unset.all);
    place.write("d.csv", BAD);
    let unset = run(&place, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b10", "--now", "2026-11-10"], &[]);
    assert!(unset.code == Some(0) && unset.all.contains("the variable SLUICEGATE_NOTIFY_URL is not set"), "{}", unset.all);
}

#[test]
fn a_secret_in_a_rule_file_and_an_entry_of_two_kinds_are_faults() {
    for (notify, what) in [
        ("  - webhook: https://hooks.example.org/x\n", "`webhook` is a secret"),
        ("  - slack: https://hooks.example.org/x\n", "`slack` is a secret"),
        ("  - webhook: ${SLUICEGATE_NOTIFY_A}\n    slack: ${SLUICEGATE_NOTIFY_B}\n", "one of `webhook`, `slack` and `email`"),
        ("  - values: true\n", "one of `webhook`, `slack` and `email`"),
        ("  - webhook: ${SLUICEGATE\n", "is not closed"),
        ("  - email: { server: \"smtps://h\", from: a@b, to: c@d, username: u, password: p }\n", "`password` is a secret"),
        ("  - email: { server: \"smtps://h\", from: a@b, to: c@d, username: u }\n", "belong together"),
        ("  - email: { server: \"http://h\", from: a@b, to: c@d }\n", "a mail server is"),
        ("  - email: { server: \"smtps://u:p@h\", from: a@b, to: c@d }\n", "a mail server is"),
    ] {
        let place = place(notify);
        let ran = run(&place, &["rules", "validate", "r.yaml"], &[]);
        assert!(ran.code == Some(2) && ran.all.contains(what), "{notify}: {:?} {}", ran.code, ran.all);
    }
}

/// A server of mail: notes what it is told; `answers` are what it says to the end of a mail, one after the other.
fn mail_server(answers: &'static [&'static str]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let kept = seen.clone();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut out = stream.try_clone().expect("a stream");
            let _ = out.write_all(b"220 test\r\n");
            let (mut in_data, mut mail) = (false, String::new());
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                mail += &format!("{line}\n");
                let answer = match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
                    "." if in_data => {
                        in_data = false;
                        answers[number.min(answers.len() - 1)]
                    }
                    _ if in_data => continue,
                    "EHLO" => "250-test\r\n250 AUTH PLAIN LOGIN",
                    "AUTH" => "235 yes",
                    "DATA" => {
                        in_data = true;
                        "354 go on"
                    }
                    "QUIT" => "221 bye",
                    _ => "250 ok",
                };
                let _ = out.write_all(format!("{answer}\r\n").as_bytes());
            }
            kept.lock().expect("mails").push(mail);
        }
    });
    (port, seen)
}

fn mailed(answers: &'static [&'static str]) -> (Ran, Vec<String>) {
    let (port, seen) = mail_server(answers);
    let notify = "  - email: { server: \"${SLUICEGATE_NOTIFY_SERVER}\", from: \"Gate <gate@example.org>\", to: [kim@example.org, lee@example.org], username: gate, password: \"${SLUICEGATE_NOTIFY_PASSWORD}\" }\n";
    let place = place(notify);
    place.write("d.csv", BAD);
    let server = format!("smtp://127.0.0.1:{port}");
    let variables = [("SLUICEGATE_NOTIFY_SERVER", server.as_str()), ("SLUICEGATE_NOTIFY_PASSWORD", SECRET)];
    let ran = run(&place, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b", "--now", "2026-11-27T08:00:00Z"], &variables);
    std::thread::sleep(Duration::from_millis(300));
    let mails = seen.lock().expect("mails").clone();
    (ran, mails)
}

#[test]
fn a_mail_is_sent_tried_again_and_is_the_same_mail() {
    let (ran, mails) = mailed(&["451 later", "250 taken"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all);
    assert!(!ran.all.contains("not notified"), "{}", ran.all);
    assert_eq!(mails.len(), 2, "{mails:?}");
    for mail in &mails {
        for part in [
            "RCPT TO:<kim@example.org>",
            "RCPT TO:<lee@example.org>",
            "Subject: orders: quarantine (2 new)",
            "Date: Fri, 27 Nov 2026 08:00:00 +0000",
            "- new: range-v (range), 1 row fail",
            "Owner: shop-team",
        ] {
            assert!(mail.contains(part), "{part}: {mail}");
        }
        assert!(!mail.contains("canary") && !mail.contains("12345"), "{mail}");
    }
    let id = |mail: &String| mail.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
    assert!(id(&mails[0]).is_some() && id(&mails[0]) == id(&mails[1]), "{mails:?}");
}

#[test]
fn a_server_that_refuses_a_mail_is_not_asked_again_and_its_words_show_no_secret() {
    let (ran, mails) = mailed(&["550 no mail with s3cr3t-t0ken-of-the-hook please"]);
    assert_eq!((ran.code, mails.len()), (Some(0), 1), "{}", ran.all);
    assert!(ran.all.contains("the server refuses it") && ran.all.contains("*** please"), "{}", ran.all);
}
