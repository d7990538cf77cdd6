//! Data on the web: each way in which a server can answer, lie, stall or break, and what is said of it; in bounded time.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::{Place, Run};
use crate::web::{Web, json, whole, write};

const CSV: &str = "id,name\n1,ann\n2,bob\n3,cyd\n";

/// Rules for whatever has an `id`, with `http` as said.
fn rules(http: &str) -> String {
    format!("dataset: d\nsource:\n  http: {{ {http} }}\nrules:\n  - missing: {{ column: id }}\n  - duplicates: {{ key: [id] }}\n")
}

/// Limits with which nothing takes long.
const QUICK: &str = "retries: 0, idle_max: 1s, time_max: 20s, wait_max: 1s";

fn check_with(url: &str, http: &str, more: &[&str]) -> Run {
    let place = Place::new();
    place.write("r.yaml", rules(http));
    let begun = Instant::now();
    let run = place.run(&[&["check", url, "-r", "r.yaml"], more].concat());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    run
}

fn check(url: &str) -> Run {
    check_with(url, QUICK, &[])
}

/// The run cannot be judged, and says `says` under `code`.
#[track_caller]
fn refused(run: &Run, code: &str, says: &str) {
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    let fault = &run.report()["faults"][0];
    assert_eq!(fault["code"], code, "{}", run.stderr);
    assert!(run.stderr.contains(says), "{}", run.stderr);
    assert!(fault["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{}", run.stderr);
}

#[track_caller]
fn accepted(run: &Run, rows: u64) {
    assert_eq!((run.code, run.verdict(), run.rows("read")), (0, "accept", rows), "{}{}", run.stdout, run.stderr);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).expect("written");
    out.finish().expect("ended")
}

#[test]
fn each_format_is_told_by_the_url_the_content_type_or_the_first_bytes() {
    let records = r#"[{"id":1,"name":"ann"},{"id":2,"name":"bob"},{"id":3,"name":"cyd"}]"#;
    let lines = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
    for (target, kind, body) in [
        ("/d.csv?x=1", "application/octet-stream", CSV),
        ("/export", "text/csv; charset=utf-8", CSV),
        ("/d.json", "text/plain", records),
        ("/api", "application/json", records),
        ("/api", "application/x-ndjson", lines),
        ("/api", "application/json", lines),
        ("/api", "text/plain", records),
        ("/api", "text/plain", lines),
        ("/d.tsv", "text/plain", "id\tname\n1\tann\n2\tbob\n3\tcyd\n"),
    ] {
        let web = Web::of(&format!("200 OK\nContent-Type: {kind}"), body);
        accepted(&check(&web.url(target)), 3);
    }
    let place = Place::with(&rules(""), CSV);
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "p.parquet"]).code, 0);
    let parquet = std::fs::read(place.path("p.parquet")).expect("published");
    accepted(&check(&Web::of("200 OK\nContent-Type: application/vnd.apache.parquet", parquet.clone()).url("/x")), 3);
    accepted(&check(&Web::of("200 OK", parquet).url("/p.parquet")), 3);
    accepted(&check_with(&Web::of("200 OK", CSV).url("/x"), QUICK, &["--format", "csv"]), 3);
    refused(&check(&Web::of("200 OK", CSV).url("/x")), "unknown-format", "Content-Type");
}

#[test]
fn a_batch_from_the_web_is_the_batch_that_the_same_file_is() {
    let web = Web::of("200 OK", CSV);
    let place = Place::with(&rules(QUICK), CSV);
    let of_file = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "table"]);
    let of_web = place.run(&["gate", &web.url("/d.csv?token=s3cr3t"), "-r", "r.yaml", "--publish", "table"]);
    let id = |run: &Run| run.report()["batch"]["id"].as_str().map(str::to_owned);
    assert!(id(&of_file).is_some_and(|id| !id.is_empty()));
    assert_eq!(id(&of_file), id(&of_web));
    assert_eq!(of_web.report()["publication"]["state"], "unchanged");
    let told = format!("{}{}{}", of_web.stdout, of_web.stderr, of_web.report());
    assert!(told.contains(&web.url("/d.csv")) && !told.contains("s3cr3t"), "{told}");
}

#[test]
fn compressed_answers_are_decompressed_however_they_say_so() {
    let zlib = {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(CSV.as_bytes()).expect("written");
        out.finish().expect("ended")
    };
    let bare = {
        let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(CSV.as_bytes()).expect("written");
        out.finish().expect("ended")
    };
    let zstd = zstd::encode_all(CSV.as_bytes(), 1).expect("compressed");
    for (encoding, body) in
        [("gzip", gzip(CSV.as_bytes())), ("x-gzip", gzip(CSV.as_bytes())), ("deflate", zlib), ("deflate", bare), ("zstd", zstd)]
    {
        let web = Web::of(&format!("200 OK\nContent-Encoding: {encoding}"), body);
        accepted(&check(&web.url("/d.csv")), 3);
        assert_eq!(web.seen()[0].header("accept-encoding"), Some("gzip, deflate, zstd"));
    }
    accepted(&check(&Web::of("200 OK", gzip(CSV.as_bytes())).url("/d.csv.gz")), 3);
    accepted(&check(&Web::of("200 OK\nContent-Encoding: gzip", gzip(&gzip(CSV.as_bytes()))).url("/d.csv.gz")), 3);
    refused(&check(&Web::of("200 OK\nContent-Encoding: br", CSV).url("/d.csv")), "unsupported", "`br`");
    let half = &gzip(CSV.as_bytes())[..20];
    refused(&check(&Web::of("200 OK\nContent-Encoding: gzip", half).url("/d.csv")), "damaged", "gzip");
    refused(&check(&Web::of("200 OK\nContent-Encoding: gzip", CSV).url("/d.csv")), "damaged", "gzip");
}

#[test]
fn an_answer_larger_than_allowed_is_refused_before_it_fills_the_disk() {
    let limits = format!("{QUICK}, bytes_max: 1MB, decoded_max: 5MB");
    let bomb = gzip(&vec![b'a'; 300 << 20]);
    assert!(bomb.len() < 1_000_000, "{}", bomb.len());
    for head in ["200 OK\nContent-Encoding: gzip", "200 OK"] {
        refused(&check_with(&Web::of(head, bomb.clone()).url("/d.csv"), &limits, &[]), "too-large", "once it is decompressed");
    }
    refused(&check_with(&Web::of("200 OK\nContent-Encoding: gzip", gzip(&bomb)).url("/d.csv"), &limits, &[]), "too-large", "decompressed");
    // It says how much it is.
    let stated = Web::new(|_, out| _ = write(out, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nid\n"));
    refused(&check_with(&stated.url("/d.csv"), &limits, &[]), "too-large", "bytes are sent");
    // It has no end.
    let endless = Web::new(|_, out| {
        write(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while write(out, format!("1000\r\n{}\r\n", "1,a\n".repeat(1024))) {}
    });
    refused(&check_with(&endless.url("/d.csv"), &limits, &[]), "too-large", "bytes are sent");
    let unmeasured = Web::new(|_, out| {
        write(out, "HTTP/1.1 200 OK\r\n\r\n");
        while write(out, "1,a\n".repeat(1024)) {}
    });
    refused(&check_with(&unmeasured.url("/d.csv"), &limits, &[]), "too-large", "bytes are sent");
}

#[test]
fn a_server_that_stalls_or_drips_is_left_within_the_limits() {
    let silent = Web::new(|_, _| std::thread::sleep(Duration::from_secs(20)));
    refused(&check(&silent.url("/d.csv")), "timed-out", "no answer for 1 s");
    let stalls = Web::new(|_, out| {
        write(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nid\n1\n");
        std::thread::sleep(Duration::from_secs(20));
    });
    refused(&check(&stalls.url("/d.csv")), "timed-out", "no byte came for 1 s");
    let drips = Web::new(|_, out| {
        write(out, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nid\n");
        while write(out, "1\n") {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let limits = "retries: 9, idle_max: 5s, time_max: 2s";
    refused(&check_with(&drips.url("/d.csv"), limits, &[]), "timed-out", "within 2 s");
    assert_eq!(drips.seen().len(), 1);
}

#[test]
fn an_answer_cut_short_is_asked_for_again_and_never_a_short_batch() {
    let cut = |body: &'static str, times: usize| {
        Web::new(move |request, out| match request.number < times {
            true => _ = write(out, format!("HTTP/1.1 200 OK\r\n{body}")),
            false => whole(out, "200 OK", CSV.as_bytes()),
        })
    };
    let chunked = "Transfer-Encoding: chunked\r\n\r\n8\r\nid,name\n\r\n6\r\n1,ann\n\r\n";
    let broken = "Transfer-Encoding: chunked\r\n\r\n8\r\nid,name\n\r\nzz\r\n1,ann\n\r\n0\r\n\r\n";
    for body in ["Content-Length: 999\r\n\r\nid,name\n1,ann\n", chunked, broken] {
        let always = cut(body, usize::MAX);
        refused(&check_with(&always.url("/d.csv"), "retries: 1, idle_max: 2s", &[]), "damaged", "cut short");
        assert_eq!(always.seen().len(), 2);
        let once = cut(body, 1);
        accepted(&check_with(&once.url("/d.csv"), "retries: 1, idle_max: 2s", &[]), 3);
        assert_eq!(once.seen().len(), 2);
    }
}

/// HTTP says that what is behind the stated length is no part of the answer, and no client sees it. What is cut off in the
/// middle of a record is malformed.
#[test]
fn an_answer_longer_than_it_says_is_what_it_says() {
    let web = Web::new(|_, out| _ = write(out, format!("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{CSV}")));
    let run = check_with(&web.url("/d.csv"), QUICK, &[]);
    assert_eq!((run.rows("read"), run.report()["verdict"].as_str()), (2, Some("quarantine")), "{}", run.stdout);
    assert!(run.finding("malformed")["outcome"] == "fail", "{}", run.stdout);
}

#[test]
fn an_answer_that_does_not_say_where_it_ends_is_refused_unless_that_is_allowed() {
    let web = Web::new(|_, out| _ = write(out, format!("HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\n\r\n{CSV}")));
    refused(&check(&web.url("/x")), "damaged", "does not say how long it is");
    accepted(&check_with(&web.url("/x"), &format!("{QUICK}, length: optional"), &[]), 3);
    // Compressed, it ends by itself.
    let compressed = gzip(CSV.as_bytes());
    let web = Web::new(move |_, out| {
        write(out, "HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
        write(out, &compressed);
    });
    accepted(&check(&web.url("/x.csv")), 3);
}

#[test]
fn a_server_that_cannot_answer_now_is_asked_again_when_it_says() {
    for (status, after) in
        [("429 Too Many Requests", "0"), ("503 Service Unavailable", "1"), ("502 Bad Gateway", ""), ("504 Gateway Timeout", "")]
    {
        let web = Web::new(move |request, out| match request.number {
            0 => whole(out, &format!("{status}\nRetry-After: {after}"), b"<html>busy</html>"),
            _ => whole(out, "200 OK", CSV.as_bytes()),
        });
        accepted(&check_with(&web.url("/d.csv"), "retries: 1, wait_max: 2s", &[]), 3);
        assert_eq!(web.seen().len(), 2, "{status}");
    }
    let dated = Web::new(|request, out| match request.number {
        0 => whole(out, "429 Wait\nDate: Wed, 21 Oct 2026 07:28:00 GMT\nRetry-After: Wed, 21 Oct 2026 07:28:01 GMT", b""),
        _ => whole(out, "200 OK", CSV.as_bytes()),
    });
    let begun = Instant::now();
    accepted(&check_with(&dated.url("/d.csv"), "retries: 1, wait_max: 2s", &[]), 3);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let long = Web::of("429 Too Many Requests\nRetry-After: 3600", "");
    refused(&check_with(&long.url("/d.csv"), "retries: 9, wait_max: 2s", &[]), "unreadable", "come back in 3600 s");
    assert_eq!(long.seen().len(), 1);
    let always = Web::of("503 Service Unavailable\nRetry-After: 0", "");
    refused(&check_with(&always.url("/d.csv"), "retries: 2, wait_max: 1s", &[]), "unreadable", "3 attempts were made");
    assert_eq!(always.seen().len(), 3);
    // The pause is doubled each time: more often than a number of its size can be.
    let patient = Web::of("503 Service Unavailable\nRetry-After: 0", "");
    refused(&check_with(&patient.url("/d.csv"), "retries: 100, wait_max: 1s", &[]), "unreadable", "101 attempts were made");
    assert_eq!(patient.seen().len(), 101);
}

#[test]
fn each_answer_without_data_is_a_fault_of_its_own() {
    for (status, code, says) in [
        ("401 Unauthorized", "permission-denied", "SLUICEGATE_HTTP_TOKEN"),
        ("403 Forbidden", "permission-denied", "refuses access"),
        ("404 Not Found", "file-not-found", "nothing at this URL"),
        ("410 Gone", "file-not-found", "nothing at this URL"),
        ("400 Bad Request", "unreadable", "refuses the request"),
        ("500 Internal Server Error", "unreadable", "the server failed"),
        ("206 Partial Content", "damaged", "a part only"),
        ("304 Not Modified", "unreadable", "no data"),
        ("201 Created", "unreadable", "no data"),
    ] {
        refused(&check(&Web::of(status, if status.starts_with("304") { "" } else { CSV }).url("/d.csv")), code, says);
    }
    let html = "\u{feff}\n<!DOCTYPE html><html><body>Log in</body></html>";
    refused(&check(&Web::of("200 OK\nContent-Type: text/html", "x").url("/d.csv")), "wrong-format", "HTML page");
    refused(&check(&Web::of("200 OK", html).url("/d.csv")), "wrong-format", "HTML page");
    let error = r#"{"error": {"code": 17, "message": "quota of s3cr3t"}}"#;
    for (target, kind) in
        [("/api", "application/json"), ("/d.csv", "application/json"), ("/api", "text/plain"), ("/x", "application/problem+json")]
    {
        let run = check(&Web::of(&format!("200 OK\nContent-Type: {kind}"), error).url(target));
        refused(&run, "wrong-format", "JSON");
        assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
    }
    refused(&check(&Web::of("204 No Content", "").url("/d")), "empty", "empty");
    refused(&check(&Web::of("200 OK", "").url("/d")), "empty", "empty");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    refused(&check(&format!("http://127.0.0.1:{closed}/d.csv")), "unreadable", "cannot connect");
    refused(&check("http://nobody.invalid/d.csv"), "unreadable", "is not found");
    let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = plain.local_addr().expect("an address").port();
    std::thread::spawn(move || plain.incoming().flatten().for_each(|mut out| _ = write(&mut out, "HTTP/1.1 400 Speak plainly\r\n\r\n")));
    refused(&check(&format!("https://127.0.0.1:{port}/d.csv")), "unreadable", "no secure connection");
    refused(&check("http://ann:s3cr3t@127.0.0.1/d.csv"), "credentials-in-url", "do not belong in a URL");
    refused(&check("http://[::1/d.csv"), "invalid-location", "not a URL");
    refused(&check("ftp://127.0.0.1/d.csv"), "invalid-location", "data is not read from such a URL");
}

#[test]
fn a_document_names_where_its_records_are() {
    let web = Web::new(|_, out| json(out, r#"{"data":{"items":[{"id":1},{"id":2}]},"error":"none"}"#));
    let place = Place::new();
    place.write("r.yaml", rules(QUICK).replace("source:\n", "source:\n  json_path: data.items\n"));
    let run = place.run(&["check", &web.url("/api"), "-r", "r.yaml"]);
    accepted(&run, 2);
}
