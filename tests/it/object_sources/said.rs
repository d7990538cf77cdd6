//! What is said of objects that are not there, may not be read, or change.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::counting::Proxy;
use super::{parquet, run_with};
use crate::s3::store;
use crate::support::Place;

const RULES: &str = "dataset: t\nrules: [{ rows: { min: 1 } }]\n";

/// What is said of `data`, with these variables instead of the usual ones.
fn said(place: &Place, data: &str, variables: &[(&str, String)]) -> String {
    let run = run_with(place, &["check", data, "-r", "r.yaml"], variables);
    assert_eq!(run.code, 2, "{data}: {}", run.stdout);
    run.stderr
}

#[test]
fn what_is_not_there_is_named() {
    let Some(store) = store() else { return };
    let place = Place::with(RULES, "");
    let prefix = place.name();
    store.put_bytes(&format!("{prefix}/orders.csv"), Bytes::from("id\n1\n"));
    store.put_bytes(&format!("{prefix}/hidden/_x.csv"), Bytes::from("id\n1\n"));
    store.put_bytes(&format!("{prefix}/table/_delta_log/0.json"), Bytes::from("{}"));
    let at = |name: &str| format!("s3://lake/{prefix}/{name}");
    for (data, expected) in [
        (at("order.csv"), format!("no such object or directory; did you mean `s3://lake/{prefix}/orders.csv`?")),
        (at("nothing/"), "no such object or directory".to_owned()),
        (at("*.parquet"), "no object matches".to_owned()),
        (at("a[.csv"), "not a glob".to_owned()),
        (at("hidden"), "no data in this directory; names that begin with `_` or `.` are passed over".to_owned()),
        (at("table"), "the log of the Delta table has no entry".to_owned()),
        (at("a/../b.csv"), "it has `.` or `..` in it".to_owned()),
        ("s3://nowhere/x.csv".to_owned(), "s3://nowhere: there is no such bucket".to_owned()),
        ("s3://ID:HUSH@lake/x.csv".to_owned(), "credentials do not belong in a URL".to_owned()),
        ("ftp://lake/x.csv".to_owned(), "data is not read from such a URL".to_owned()),
    ] {
        let said = said(&place, &data, &[]);
        assert!(said.contains(&expected) && !said.contains("HUSH"), "{data}: {said}");
    }
}

#[test]
fn who_asks_without_credentials_or_rights_is_told_so() {
    let Some(store) = store() else { return };
    let place = Place::with(RULES, "");
    let data = "s3://lake/x.csv";
    let unset = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, String::new()));
    let none = [&unset[..], &[("AWS_EC2_METADATA_DISABLED", "true".to_owned())]].concat();
    let told = said(&place, data, &none);
    assert!(told.contains("no credentials were found; set AWS_ACCESS_KEY_ID"), "{told}");
    let profile = [&unset[..], &[("AWS_PROFILE", "person".to_owned())]].concat();
    place.write(".aws/config", "[profile person]\nsso_session = corp\n");
    let told = said(&place, data, &profile);
    assert!(told.contains("takes its credentials from `sso_session`") && told.contains("aws configure export-credentials"), "{told}");

    let answer = |status: &str, body: &str| {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        Proxy::with(store, move |request| {
            // What is answered to HEAD has no body.
            Some(if request.method == "HEAD" {
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into()
            } else {
                answer.clone()
            })
        })
    };
    for (status, code, expected) in [
        (
            "403 Forbidden",
            "AccessDenied",
            "access denied: AccessDenied: why; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) say",
        ),
        ("403 Forbidden", "InvalidAccessKeyId", "access denied: InvalidAccessKeyId: why"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", "the bucket is in another region; AWS_REGION"),
        ("301 Moved Permanently", "PermanentRedirect", "the bucket is in another region; AWS_REGION"),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>why</Message><AWSAccessKeyId>HUSH</AWSAccessKeyId></Error>");
        let told = said(&place, data, &answer(status, &body).variables());
        assert!(told.contains(expected) && !told.contains("HUSH"), "{told}");
    }
}

#[test]
fn profiles_say_who_asks_and_where() {
    let Some(store) = store() else { return };
    let place = Place::with(RULES, "");
    let prefix = place.name();
    store.put_bytes(&format!("{prefix}/a.csv"), Bytes::from("id\n1\n"));
    let text = format!("[profile lake]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:{}\n", store.port());
    place.write(".aws/config", text);
    place.write(".aws/credentials", "[lake]\naws_access_key_id = id\naws_secret_access_key = secret\n");
    let unset = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"].map(|name| (name, String::new()));
    let variables = [&unset[..], &[("AWS_PROFILE", "lake".to_owned())]].concat();
    let run = run_with(&place, &["check", &format!("s3://lake/{prefix}/a.csv"), "-r", "r.yaml"], &variables);
    assert_eq!((run.code, run.rows("read")), (0, 1), "{}", run.stderr);
}

#[test]
fn an_object_that_changes_while_it_is_read_is_a_fault() {
    let Some(store) = store() else { return };
    let place = Place::with("dataset: t\nrules: [{ range: { column: c03, min: 0 } }]\n", "");
    let prefix = place.name();
    let text: String = (0..400_000).fold("id,c03\n".to_owned(), |text, i| text + &format!("{i},{i:0>40}\n"));
    for (name, bytes) in [("d.parquet", parquet(20_000, 8, 5_000)), ("d.csv", text.into_bytes())] {
        let key = format!("{prefix}/{name}");
        store.put_bytes(&key, Bytes::from(bytes.clone()));
        let gets = AtomicUsize::new(0);
        // The same bytes but for one, of the same number: only the mark of the version tells.
        let (mut other, again) = (bytes, key.clone());
        other[50] ^= 1;
        let proxy = Proxy::with(store, move |request| {
            if request.method == "GET" && request.path.contains(&again) && gets.fetch_add(1, Ordering::Relaxed) == 2 {
                crate::s3::store().expect("a store").put_bytes(&again, Bytes::from(other.clone()));
            }
            None
        });
        let said = said(&place, &format!("s3://lake/{key}"), &proxy.variables());
        assert!(said.contains(&format!("s3://lake/{key} changed while it was being read")), "{name}: {said}");
    }
}

#[test]
fn a_store_that_breaks_off_is_a_fault_and_no_end_of_the_data() {
    let Some(store) = store() else { return };
    let place = Place::with(RULES, "");
    let prefix = place.name();
    store.put_bytes(&format!("{prefix}/d.csv"), Bytes::from("id\n1\n2\n3\n"));
    // An answer with fewer bytes than it promises, and one that is shorter than what was asked for.
    let short = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-8/9\r\nContent-Length: 5\r\nLast-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\nConnection: close\r\n\r\nid\n1\n";
    let proxy = Proxy::with(store, move |request| (request.method == "GET").then(|| short.to_owned()));
    let said = said(&place, &format!("s3://lake/{prefix}/d.csv"), &proxy.variables());
    assert!(said.contains("cannot read"), "{said}");
}

#[test]
fn a_rule_file_of_a_stranger_names_objects_below_the_roots_only() {
    let Some(store) = store() else { return };
    let place = Place::new();
    let prefix = place.name();
    for name in ["team/a.csv", "other/a.csv", "team#1/a.csv"] {
        store.put_bytes(&format!("{prefix}/{name}"), Bytes::from("id\n1\n"));
    }
    let check = |data: &str, root: &str| {
        place
            .write("r.yaml", format!("dataset: t\nsource: {{ path: \"s3://lake/{prefix}/{data}\" }}\nrules: [{{ rows: {{ min: 1 }} }}]\n"));
        run_with(&place, &["check", "-r", "r.yaml", "--root", root], &[])
    };
    let team = format!("s3://lake/{prefix}/team");
    for data in ["team/a.csv", "team/*.csv", "team"] {
        assert_eq!(check(data, &team).code, 0, "{data}");
    }
    for data in ["other/a.csv", "team?1/a.csv", "team#1/a.csv", "*/a.csv", "team/../other/a.csv", "team/%2e%2e/other/a.csv"] {
        let run = check(data, &team);
        assert!(run.code == 2 && run.stderr.contains("--root"), "{data}: {}", run.stderr);
    }
    let local = check("team/a.csv", ".");
    assert!(local.code == 2 && local.stderr.contains("is outside of every URL given with `--root`"), "{}", local.stderr);
}
