//! The ways through the web: pages, redirects, headers, answers that have not changed, rule files of strangers.

use std::process::Command;

use crate::support::{Place, Run};
use crate::web::{Request, Web, json, whole};

const QUICK: &str = "retries: 0, idle_max: 1s, time_max: 20s";

fn rules(source: &str) -> String {
    format!("dataset: d\nsource: {{ {source} }}\nrules:\n  - missing: {{ column: id }}\n")
}

fn with_http(http: &str) -> String {
    rules(&format!("http: {{ {QUICK}, {http} }}"))
}

fn check(url: &str, rules: &str) -> Run {
    let place = Place::with(rules, "");
    place.run(&["check", url, "-r", "r.yaml"])
}

#[track_caller]
fn accepted(run: &Run, rows: u64) {
    assert_eq!((run.code, run.verdict(), run.rows("read")), (0, "accept", rows), "{}{}", run.stdout, run.stderr);
}

#[track_caller]
fn refused(run: &Run, code: &str, says: &str) {
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.report()["faults"][0]["code"], code, "{}", run.stderr);
    assert!(run.stderr.contains(says), "{}", run.stderr);
}

fn records(ids: std::ops::Range<u32>) -> String {
    format!("[{}]", ids.map(|id| format!("{{\"id\":{id}}}")).collect::<Vec<_>>().join(","))
}

#[test]
fn pages_follow_the_link_to_the_next_one_in_order() {
    let web = Web::new(|request, out| {
        let page: u32 = request.parameter("p").map_or(1, |p| p.parse().expect("a number"));
        let link = match page {
            1 => "\nLink: </api?p=0>; rel=prev\nLink: </api?p=2>; title=\"a, b\"; rel=\"next\"",
            2 => "\nLink: <?p=3>; rel=\"last next\"",
            _ => "",
        };
        let head = format!("200 OK\nContent-Type: application/json{link}");
        whole(out, &head, records((page - 1) * 10..page * 10).as_bytes());
    });
    let run = check(&web.url("/api?token=s3cr3t"), &with_http("paging: { by: link }"));
    accepted(&run, 30);
    let targets: Vec<String> = web.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/api?token=s3cr3t", "/api?p=2", "/api?p=3"]);
    let files: Vec<&str> = run.report()["batch"]["files"].as_array().expect("files").iter().filter_map(|f| f["path"].as_str()).collect();
    assert_eq!(files, ["", " (page 2)", " (page 3)"].map(|page| format!("{}{page}", web.url("/api"))));
    // Without `paging` the first page is all there is.
    accepted(&check(&web.url("/api"), &rules(&format!("http: {{ {QUICK} }}"))), 10);
}

#[test]
fn pages_are_counted_until_one_holds_no_records() {
    let server = |format: &'static str| {
        Web::new(move |request, out| {
            let page: u32 = request.parameter("page").expect("a page").parse().expect("a number");
            let ids = if page < 3 { page * 2..page * 2 + 2 } else { 0..0 };
            let lines = |head: &str, line: fn(u32) -> String| head.to_owned() + &ids.clone().map(line).collect::<String>();
            let body = match format {
                "json" => records(ids.clone()),
                "csv" => lines("id\n", |id| format!("{id}\n")),
                _ => lines("", |id| format!("{{\"id\":{id}}}\n")),
            };
            whole(out, "200 OK", body.as_bytes());
        })
    };
    for format in ["json", "csv", "ndjson"] {
        let web = server(format);
        let paging = with_http("paging: { by: page, parameter: page, first: 0, until: empty }");
        accepted(&check(&web.url(&format!("/api.{format}?q=a%20b")), &paging), 6);
        let targets: Vec<String> = web.seen().into_iter().map(|request| request.target).collect();
        let expected: Vec<String> = (0..4).map(|page| format!("/api.{format}?q=a+b&page={page}")).collect();
        assert_eq!(targets, expected);
    }
}

#[test]
fn a_cursor_in_the_document_leads_to_the_next_page() {
    let web = Web::new(|request, out| {
        let at: u32 = request.parameter("after").map_or(0, |after| after.parse().expect("a number"));
        let next = if at < 8 { format!("{}", at + 4) } else { "null".into() };
        json(out, &format!("{{\"data\":{},\"meta\":{{\"next\":{next}}}}}", records(at..at + 4)));
    });
    let paging = "paging: { by: cursor, parameter: after, at: [meta, next] }";
    let source = |paging: &str, path: &str| rules(&format!("json_path: {path}, http: {{ {QUICK}, {paging} }}"));
    accepted(&check(&web.url("/api"), &source(paging, "data")), 12);
    assert_eq!(web.seen().last().expect("a request").target, "/api?after=8");
    // Without a parameter it is a URL.
    let web = Web::new(|request, out| {
        let next = if request.path() == "/c" { String::new() } else { format!("/{}", if request.path() == "/a" { "b" } else { "c" }) };
        let from = u32::from(request.path().as_bytes()[1]);
        json(out, &format!("{{\"rows\":{},\"next\":\"{next}\"}}", records(from..from + 1)));
    });
    accepted(&check(&web.url("/a"), &source("paging: { by: cursor, at: next }", "rows")), 3);
    refused(&check(&web.url("/a"), &source("paging: { by: cursor, parameter: x, at: rows }", "rows")), "invalid-layout", "no cursor");
}

#[test]
fn pages_without_end_in_a_circle_or_broken_in_the_middle_are_no_batch() {
    let circle = Web::new(|request, out| {
        let next = if request.path() == "/b" { "/a" } else { "/b" };
        whole(out, &format!("200 OK\nContent-Type: application/json\nLink: <{next}>; rel=next"), b"[{\"id\":1}]");
    });
    refused(&check(&circle.url("/a"), &with_http("paging: { by: link }")), "unreadable", "fetched already");
    assert_eq!(circle.seen().len(), 2);
    let endless = Web::new(|request, out| json(out, &format!("[{{\"id\":{}}}]", request.number)));
    let paging = with_http("paging: { by: page, parameter: page, pages_max: 5 }");
    refused(&check(&endless.url("/a"), &paging), "too-large", "more than 5 pages");
    assert_eq!(endless.seen().len(), 5);
    let deaf = Web::new(|_, out| json(out, "[{\"id\":1}]"));
    refused(&check(&deaf.url("/a"), &with_http("paging: { by: page, parameter: page }")), "unreadable", "the same page again");
    let breaks = Web::new(|request, out| match request.number {
        0 | 1 => json(out, &format!("[{{\"id\":{}}}]", request.number)),
        _ => whole(out, "500 Oops", b""),
    });
    refused(&check(&breaks.url("/a"), &with_http("paging: { by: page, parameter: page }")), "unreadable", "the server failed");
    let mixed = Web::new(|request, out| match request.number {
        0 => whole(out, "200 OK\nContent-Type: text/csv\nLink: <?2>; rel=next", b"id\n1\n"),
        _ => json(out, "[{\"id\":1}]"),
    });
    refused(&check(&mixed.url("/a"), &with_http("paging: { by: link }")), "files-differ", "this page is json");
    // All pages together keep to the limits.
    let large = Web::new(|request, out| json(out, &format!("[{{\"id\":{},\"x\":\"{}\"}}]", request.number, "y".repeat(400))));
    let paging = with_http("bytes_max: 1000, paging: { by: page, parameter: page }");
    refused(&check(&large.url("/a"), &paging), "too-large", "more than 1000 bytes are sent");
    assert_eq!(large.seen().len(), 3);
}

/// A server that leads to `to`.
fn leading(to: String, status: &'static str) -> Web {
    Web::new(move |_, out| whole(out, &format!("{status}\nLocation: {to}"), b""))
}

#[test]
fn redirects_are_followed_as_far_as_they_may_and_no_further() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let web = Web::new(move |request, out| match request.path() {
            "/end.csv" => whole(out, "200 OK", b"id\n1\n"),
            _ => whole(out, &format!("{status}\nLocation: end.csv"), b""),
        });
        accepted(&check(&web.url("/start"), &with_http("redirects_max: 1")), 1);
        refused(&check(&web.url("/start"), &with_http("redirects_max: 0")), "unreadable", "more than 0 redirects");
    }
    let circle = Web::new(|request, out| {
        whole(out, &format!("302 Found\nLocation: {}", if request.path() == "/a" { "/b" } else { "/a" }), b"");
    });
    refused(&check(&circle.url("/a"), &with_http("redirects_max: 9")), "unreadable", "in a circle");
    let many = Web::new(|request, out| whole(out, &format!("302 Found\nLocation: /{}", request.number), b""));
    refused(&check(&many.url("/a"), &with_http("redirects_max: 5")), "unreadable", "more than 5 redirects");
    assert_eq!(many.seen().len(), 6);
    for (to, says) in [
        ("file:///etc/passwd", "not on the web"),
        ("ftp://example.org/x", "not on the web"),
        ("http://ann:s3cr3t@example.org/x", "a name or a password"),
        ("http://[x/", "not a URL"),
    ] {
        refused(&check(&leading(to.into(), "302 Found").url("/a"), &with_http("redirects_max: 5")), "invalid-location", says);
    }
    let nowhere = Web::of("302 Found", "");
    refused(&check(&nowhere.url("/a"), &with_http("redirects_max: 5")), "unreadable", "does not say where to");
}

/// The tests have loopback only: what was named may be there, what a server leads to may not, by number or by name.
#[test]
fn a_server_leads_to_no_private_address_unless_that_is_allowed() {
    let target = Web::of("200 OK\nContent-Type: text/csv", "id\n1\n");
    let port = target.port;
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let first = leading(format!("http://{host}:{port}/d"), "302 Found");
        let place = Place::with(&with_http("redirects_max: 5"), "");
        refused(&place.run(&["check", &first.url("/a"), "-r", "r.yaml"]), "refused-address", "--allow-private-addresses");
        assert!(target.seen().is_empty(), "{host}: {:?}", target.seen());
    }
    for metadata in ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fe80::1]/", "http://[fd00::1]/"] {
        let first = leading(metadata.into(), "302 Found");
        refused(&check(&first.url("/a"), &with_http("redirects_max: 5")), "refused-address", "a private network");
    }
    let page = Web::new(move |_, out| {
        let head = format!("200 OK\nContent-Type: text/csv\nLink: <http://127.0.0.1:{port}/d>; rel=next");
        whole(out, &head, b"id\n2\n");
    });
    refused(&check(&page.url("/a"), &with_http("paging: { by: link }")), "refused-address", "leads to this address");
    assert!(target.seen().is_empty());
    let place = Place::with(&with_http("paging: { by: link }"), "");
    accepted(&place.run(&["check", &page.url("/a"), "-r", "r.yaml", "--allow-private-addresses"]), 2);
    let first = leading(format!("http://localhost:{port}/d"), "302 Found");
    accepted(&place.run(&["check", &first.url("/a"), "-r", "r.yaml", "--allow-private-addresses"]), 1);
}

fn with_variables(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    let output = command.current_dir(place.path(".")).args(arguments).envs(variables.iter().copied()).output().expect("it runs");
    (output.status.code().expect("a code"), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn token(request: &Request) -> Option<&str> {
    request.header("authorization")
}

#[test]
fn headers_take_variables_that_are_allowed_and_go_to_the_named_host_alone() {
    let other = Web::of("200 OK\nContent-Type: text/csv", "id\n1\n");
    let to = other.url("/d");
    let web = Web::new(move |request, out| match (request.path(), token(request)) {
        ("/away", _) => whole(out, &format!("302 Found\nLocation: {to}"), b""),
        ("/here", _) => whole(out, "302 Found\nLocation: /d.csv", b""),
        (_, Some("Bearer s3cr3t")) => whole(out, "200 OK", b"id\n1\n"),
        _ => whole(out, "401 Unauthorized", b""),
    });
    let header = |variable: &str| with_http(&format!("headers: {{ Authorization: \"Bearer ${{{variable}}}\", X-Trace: abc }}"));
    let place = Place::with(&header("SLUICEGATE_HTTP_TOKEN"), "");
    place.write("env.yaml", header("MY_TOKEN"));
    place.write("literal.yaml", with_http("headers: { Authorization: Bearer s3cr3t }"));
    let run = |path: &str, rules: &str, more: &[&str]| {
        let url = web.url(path);
        let arguments = [&["check", &url, "-r", rules, "--report", "report.json", "--report", "report.html"], more].concat();
        let (code, told) = with_variables(&place, &arguments, &[("SLUICEGATE_HTTP_TOKEN", "s3cr3t"), ("MY_TOKEN", "s3cr3t")]);
        let reports = ["report.json", "report.html"].map(|report| std::fs::read_to_string(place.path(report)).unwrap_or_default());
        assert!(!told.contains("s3cr3t") && !reports.concat().contains("s3cr3t"), "{told}");
        (code, told)
    };
    assert_eq!(run("/d.csv", "r.yaml", &[]).0, 0);
    assert_eq!(run("/here", "r.yaml", &[]).0, 0);
    let (code, told) = run("/d.csv", "env.yaml", &[]);
    assert!(code == 2 && told.contains("--http-env MY_TOKEN") && told.contains("env.yaml:2:"), "{told}");
    assert_eq!(run("/d.csv", "env.yaml", &["--http-env", "MY_TOKEN"]).0, 0);
    let (code, told) = run("/d.csv", "literal.yaml", &[]);
    assert!(code == 2 && told.contains("holds a secret"), "{told}");
    let (code, told) = with_variables(&place, &["check", &web.url("/d.csv"), "-r", "r.yaml"], &[]);
    assert!(code == 2 && told.contains("SLUICEGATE_HTTP_TOKEN, which is not set"), "{told}");
    // Another port is another host: the rule file's headers stay behind.
    assert_eq!(run("/away", "r.yaml", &["--allow-private-addresses"]).0, 0);
    let seen = other.seen();
    assert_eq!((token(&seen[0]), seen[0].header("x-trace")), (None, None));
    let at_home = web.seen();
    assert!(at_home.iter().all(|request| request.header("x-trace") == Some("abc")), "{at_home:?}");
}

#[test]
fn a_rule_file_that_is_not_trusted_fetches_below_a_given_url_only() {
    let web = Web::new(|request, out| match request.path() {
        "/team/out" => whole(out, "302 Found\nLocation: /other/d.csv", b""),
        "/team/in" => whole(out, "302 Found\nLocation: d.csv", b""),
        _ => whole(out, "200 OK", b"id\n1\n"),
    });
    let run = |path: &str, root: &str| {
        let place = Place::with(&rules(&format!("path: \"{}\", http: {{ {QUICK} }}", web.url(path))), "");
        place.run(&["check", "-r", "r.yaml", "--root", root])
    };
    accepted(&run("/team/d.csv", &web.url("/team")), 1);
    accepted(&run("/team/in", &web.url("/team")), 1);
    for (path, root) in [("/team/d.csv", "."), ("/teams/d.csv", "/team"), ("/team/out", "/team"), ("/team/../other/d.csv", "/team")] {
        let root = if root == "." { root.to_owned() } else { web.url(root) };
        refused(&run(path, &root), "outside-root", "is outside of every URL given with `--root`");
    }
    assert!(web.seen().iter().all(|request| request.path().starts_with("/team/")), "{:?}", web.seen());
}

#[test]
fn an_answer_that_has_not_changed_is_no_new_batch() {
    let now = std::sync::Arc::new(std::sync::Mutex::new(1));
    let version = now.clone();
    let web = Web::new(move |request, out| {
        let version = *version.lock().expect("a version");
        let etag = format!("\"v{version}\"");
        let body = format!("id\n{version}\n");
        match request.path() {
            "/none.csv" => whole(out, "200 OK", body.as_bytes()),
            _ if request.header("if-none-match") == Some(&etag) => whole(out, &format!("304 Not Modified\nETag: {etag}"), b""),
            _ => whole(out, &format!("200 OK\nETag: {etag}"), body.as_bytes()),
        }
    });
    let place = Place::with(&with_http("redirects_max: 5"), "");
    let gate =
        |path: &str, to: &str| place.run(&["gate", &web.url(path), "-r", "r.yaml", "--publish", to, "--remember-answers", "seen.json"]);
    let state = |run: &Run| run.report.as_ref().map(|report| report["publication"]["state"].as_str().expect("a state").to_owned());
    assert_eq!(state(&gate("/d.csv", "table")).as_deref(), Some("published"));
    let again = gate("/d.csv", "table");
    assert!(again.code == 0 && again.report.is_none() && again.stdout.starts_with("UNCHANGED"), "{}{}", again.stdout, again.stderr);
    // Elsewhere it is new.
    assert_eq!(state(&gate("/d.csv", "elsewhere")).as_deref(), Some("published"));
    assert!(gate("/d.csv", "table").report.is_none());
    *now.lock().expect("a version") = 2;
    assert_eq!(state(&gate("/d.csv", "table")).as_deref(), Some("published"));
    assert!(gate("/d.csv", "table").report.is_none());
    // Without an ETag its content says so.
    assert_eq!(state(&gate("/none.csv", "other")).as_deref(), Some("published"));
    assert_eq!(state(&gate("/none.csv", "other")).as_deref(), Some("unchanged"));
    let file = std::fs::read_to_string(place.path("seen.json")).expect("remembered");
    assert!(file.contains("v2") && !file.contains("127.0.0.1"), "{file}");
    // Two answers are one batch: one that is new brings the other along.
    let both = |first: &str, second: &str| {
        let (first, second) = (web.url(first), web.url(second));
        place.run(&["gate", &first, &second, "-r", "r.yaml", "--publish", "table", "--remember-answers", "seen.json"])
    };
    assert_eq!(both("/d.csv", "/e.csv").rows("read"), 2);
    place.write("seen.json", "no JSON");
    refused(&gate("/d.csv", "table"), "invalid-value", "seen.json");
}

#[test]
fn a_rejected_answer_is_not_remembered() {
    let web = Web::of("200 OK\nETag: \"a\"", "id\n\n,\n");
    let place = Place::with(&with_http("redirects_max: 5"), "");
    for _ in 0..2 {
        let run = place.run(&["gate", &web.url("/d.csv"), "-r", "r.yaml", "--publish", "table", "--remember-answers", "seen.json"]);
        assert_eq!((run.code, run.verdict()), (1, "reject"), "{}{}", run.stdout, run.stderr);
    }
    assert!(!place.path("seen.json").exists());
    assert!(web.seen().iter().all(|request| request.header("if-none-match").is_none()));
}

#[test]
fn mistakes_in_the_section_http_are_named_with_their_place() {
    for (http, says) in [
        ("paging: { by: page }", "write `paging: { by: page, parameter: page }`"),
        ("paging: { by: cursor, parameter: x }", "`at` is missing"),
        ("paging: { by: link, parameter: x }", "`parameter` has no meaning here"),
        ("paging: { by: link, first: 0 }", "`first` has no meaning here"),
        ("paging: { by: page, parameter: x, at: y }", "`at` has no meaning here"),
        ("paging: { by: links }", "did you mean `link`?"),
        ("headers: { Host: x }", "by the transfer itself"),
        ("headers: { \"a b\": x }", "cannot name a header"),
        ("headers: { Authorization: Basic abc }", "holds a secret"),
        ("time_max: soon", "not a stretch of time"),
        ("length: some", "`optional`"),
        ("proxy: x", "unknown key `proxy`"),
    ] {
        let place = Place::with(&rules(&format!("http: {{ {http} }}")), "id\n1\n");
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(says) && run.stderr.contains("r.yaml:2:"), "{http}: {}", run.stderr);
    }
}
