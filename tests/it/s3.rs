//! A Delta table in an object store: a local S3 server that the tests start, and what is different there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use crate::gate::of_bytes;
use crate::support::{Place, Run, project, skipped};

const BUCKET: &str = "lake";

/// A bucket of a store that ignores the conditions of puts.
const CARELESS: &str = "careless";

/// A store that lives as long as the tests.
pub struct Store {
    port: u16,
    client: AmazonS3,
    runtime: Runtime,
    /// It ends when its standard input does.
    _server: Child,
}

static STORE: OnceLock<Option<Store>> = OnceLock::new();

/// The store, or none where its server is not installed.
pub fn store() -> Option<&'static Store> {
    let start = || {
        let store = Store::start();
        if store.is_none() {
            skipped("moto (a local S3 server, in Python)");
        }
        store
    };
    STORE.get_or_init(start).as_ref()
}

/// What a process must know to reach the store, if one was started.
pub fn variables() -> Vec<(&'static str, String)> {
    let Some(Some(store)) = STORE.get() else { return Vec::new() };
    vec![
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", store.port)),
        ("AWS_ALLOW_HTTP", "true".into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", "id".into()),
        ("AWS_SECRET_ACCESS_KEY", "secret".into()),
    ]
}

fn client(port: u16, bucket: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(format!("http://127.0.0.1:{port}"))
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_access_key_id("id")
        .with_secret_access_key("secret")
        .with_bucket_name(bucket)
        .build()
        .expect("a client")
}

impl Store {
    fn start() -> Option<Self> {
        let python = std::env::var("SLUICEGATE_PYTHON").ok()?;
        let mut server = Command::new(python);
        server.arg(project("tests/s3_server.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take()?).read_line(&mut line).ok()?;
        let port: u16 = line.trim().parse().ok()?;
        for bucket in [BUCKET, CARELESS] {
            let mut request = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
            write!(request, "PUT /{bucket} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n").expect("a request");
            let mut answer = String::new();
            request.read_to_string(&mut answer).expect("an answer");
            assert!(answer.contains(" 200 "), "{answer}");
        }
        let client = client(port, BUCKET);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        Some(Self { port, client, runtime, _server: server })
    }

    /// The keys under `prefix`, sorted.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.runtime.block_on(self.client.list_with_delimiter(Some(&prefix.into()))).expect("a listing");
        let mut keys: Vec<String> = listed.objects.into_iter().map(|object| object.location.to_string()).collect();
        keys.sort();
        keys
    }

    pub fn get(&self, key: &str) -> Bytes {
        let got = self.runtime.block_on(async { self.client.get(&key.into()).await?.bytes().await });
        got.unwrap_or_else(|e| panic!("{key}: {e}"))
    }

    pub fn put(&self, key: &str, bytes: &'static [u8]) {
        self.put_bytes(key, Bytes::from_static(bytes));
    }

    pub fn put_bytes(&self, key: &str, bytes: Bytes) {
        let path = object_store::path::Path::parse(key).expect("a key");
        self.runtime.block_on(self.client.put(&path, bytes.into())).expect("it is put");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The data files of the newest version of the Delta table under `prefix`.
    pub fn delta_files(&self, prefix: &str) -> Vec<Bytes> {
        let log = self.keys(&format!("{prefix}/_delta_log"));
        let mut files = BTreeMap::new();
        for entry in log.iter().filter(|key| key.ends_with(".json")) {
            let entry = self.get(entry);
            for line in std::str::from_utf8(&entry).expect("text").lines() {
                let action: serde_json::Value = serde_json::from_str(line).expect("JSON");
                if let Some(path) = action["add"]["path"].as_str() {
                    files.insert(path.to_owned(), format!("{prefix}/{path}"));
                }
                if let Some(path) = action["remove"]["path"].as_str() {
                    files.remove(path);
                }
            }
        }
        files.values().map(|key| self.get(key)).collect()
    }
}

const RULES: &str = "dataset: t
rules: [{ missing: { column: id } }]
gate: { publish: s3://lake/PREFIX/orders }
";

/// A place whose rule file publishes under a prefix of its own.
fn place() -> (Place, String) {
    let place = Place::new();
    let prefix = place.name();
    place.write("r.yaml", RULES.replace("PREFIX", &prefix));
    (place, prefix)
}

fn gate(place: &Place, data: &str, id: &str, more: &[&str]) -> Run {
    place.write("d.csv", data);
    place.run(&[&["gate", "d.csv", "-r", "r.yaml", "--batch-id", id], more].concat())
}

fn rows(store: &Store, prefix: &str) -> usize {
    store.delta_files(&format!("{prefix}/orders")).into_iter().map(|file| of_bytes(file).num_rows()).sum()
}

#[test]
fn a_batch_is_one_commit_in_an_object_store_too() {
    let Some(store) = store() else { return };
    let (place, prefix) = place();
    let first = gate(&place, "id,v\n1,x\n2,y\n,none\n", "a", &[]);
    assert_eq!((first.code, &first.report()["publication"]["state"]), (0, &"published".into()), "{}", first.stderr);
    assert_eq!(first.report()["publication"]["published"], format!("s3://lake/{prefix}/orders").as_str());
    assert_eq!(rows(store, &prefix), 2);
    assert_eq!(gate(&place, "id,v\n1,x\n2,y\n,none\n", "a", &[]).report()["publication"]["state"], "unchanged");
    assert_eq!(store.keys(&format!("{prefix}/orders/_delta_log")).len(), 1);
    let list = place.run(&["quarantine", "list", &format!("s3://lake/{prefix}/orders_quarantine")]);
    assert!(list.stdout.contains("missing-id 1"), "{}{}", list.stdout, list.stderr);

    let refused = gate(&place, "id,v\n3,z\n", "a", &[]);
    assert!(refused.code == 2 && refused.stderr.contains("already published with other content"), "{}", refused.stderr);
    let superseded = gate(&place, "id,v\n3,z\n", "a", &["--supersede"]);
    assert_eq!((superseded.code, &superseded.report()["publication"]["state"]), (0, &"superseded".into()), "{}", superseded.stderr);
    assert_eq!(rows(store, &prefix), 1);
    // What the old batch left in quarantine went with it.
    assert!(store.keys(&format!("{prefix}/orders_quarantine")).is_empty());
    assert!(place.files().iter().all(|f| !f.contains(".staged")), "{:?}", place.files());
}

#[test]
fn a_file_larger_than_one_part_is_sent_whole() {
    let Some(store) = store() else { return };
    let (place, prefix) = place();
    // Digits that zstd can do little with, for more than 16 MB.
    let mut x = 1u64;
    let mut row = |i: u64| {
        let digits: Vec<String> = (0..8)
            .map(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                format!("{x:016x}")
            })
            .collect();
        format!("{i},{}\n", digits.concat())
    };
    let text: String = (0..260_000).map(&mut row).collect();
    let run = gate(&place, &format!("id,v\n{text}"), "large", &["--threads", "2"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let files = store.delta_files(&format!("{prefix}/orders"));
    assert!(files.len() == 1 && files[0].len() > 17 << 20, "{} bytes", files[0].len());
    assert_eq!(of_bytes(files[0].clone()).num_rows(), 260_000);
}

#[test]
fn racing_first_batches_with_different_columns_make_one_table() {
    let Some(store) = store() else { return };
    let (place, prefix) = place();
    place.write("r.yaml", RULES.replace("PREFIX", &prefix).replace("rules:", "schema: { evolution: any }\nrules:"));
    std::thread::scope(|threads| {
        for (i, column) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let place = &place;
            threads.spawn(move || {
                let data = format!("{column}.csv");
                place.write(&data, format!("id,{column}\n{i},x\n"));
                // A batch whose columns the table has not when it is looked at, and has when it is committed, is told to come again.
                for _ in 0..5 {
                    let run = place.run(&["gate", &data, "-r", "r.yaml", "--batch-id", column]);
                    if run.code == 0 {
                        return;
                    }
                    assert!(run.stderr.contains("run the gate again"), "{}", run.stderr);
                }
                panic!("{column} was not published");
            });
        }
    });
    assert_eq!(crate::crash::ids(store.delta_files(&format!("{prefix}/orders"))), [0, 1, 2, 3]);
    let log = store.keys(&format!("{prefix}/orders/_delta_log"));
    let last = log.iter().rev().map(|entry| store.get(entry)).find(|entry| entry.windows(10).any(|w| w == b"\"metaData\""));
    let schema = String::from_utf8(last.expect("a schema").to_vec()).expect("text");
    assert!(["a", "b", "c", "d"].iter().all(|column| schema.contains(&format!("\\\"name\\\":\\\"{column}\\\""))), "{schema}");
}

#[test]
fn what_a_store_cannot_do_is_said() {
    let Some(store) = store() else { return };
    let (place, prefix) = place();
    let said = |arguments: &[&str]| {
        let run = place.run(&[&["gate", "d.csv", "-r", "r.yaml"], arguments].concat());
        assert_eq!(run.code, 2, "{}", run.stdout);
        run.stderr
    };
    place.write("d.csv", "id\n1\n");
    assert!(said(&["--publish", "s3://lake/one.parquet"]).contains("holds published rows as a Delta table only"));
    assert!(said(&["--publish", "s3://lake/parts", "--publish-format", "parquet"]).contains("as a Delta table only"));
    assert!(said(&["--publish", "s3://lake"]).contains("a whole bucket cannot be a table"));
    assert!(said(&["--publish", "ftp://lake/orders"]).contains("`ftp://` are not known"));
    let absent = said(&["--publish", "s3://nowhere/orders"]);
    assert!(absent.contains("cannot read: NoSuchBucket: The specified bucket does not exist; check the store's address"), "{absent}");
    store.put(&format!("{prefix}/orders/_delta_log/00000000000000000000.json"), b"{\"protocol\":");
    assert!(said(&[]).contains("this entry of the Delta table's log is damaged in line 1"));
    assert_eq!(store.keys(&format!("{prefix}/orders")), Vec::<String>::new());
}

#[test]
fn a_store_that_ignores_conditions_is_refused_by_name() {
    let Some(store) = store() else { return };
    let (place, prefix) = place();
    place.write("r.yaml", RULES.replace("PREFIX", &prefix).replace("lake/", "careless/"));
    let gates: Vec<Run> = std::thread::scope(|threads| {
        let gate = |i: usize| {
            let data = format!("{i}.csv");
            place.write(&data, format!("id\n{i}\n,\n"));
            place.run(&["gate", &data, "-r", "r.yaml", "--batch-id", &i.to_string()])
        };
        let gates: Vec<_> = (0..8).map(|i| threads.spawn(move || gate(i))).collect();
        gates.into_iter().map(|gate| gate.join().expect("a run")).collect()
    });
    for run in gates {
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stderr.contains("does not refuse to put what is there already (`If-None-Match: *`)"), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("http://127.0.0.1:{}", store.port)), "by name: {}", run.stderr);
    }
    let careless = client(store.port, CARELESS);
    let listed =
        store.runtime.block_on(careless.list_with_delimiter(Some(&format!("{prefix}/orders").as_str().into()))).expect("a listing");
    assert!(listed.objects.is_empty(), "nothing was written: {:?}", listed.objects);
    // A store that keeps conditions is asked once, and says so at once the next time.
    place.write("r.yaml", RULES.replace("PREFIX", &prefix));
    for id in ["a", "b"] {
        assert_eq!(gate(&place, "id\n1\n", id, &[]).code, 0);
    }
    assert_eq!(store.keys(&format!("{prefix}/orders/_sluicegate")), [format!("{prefix}/orders/_sluicegate/conditional-put")]);
}
