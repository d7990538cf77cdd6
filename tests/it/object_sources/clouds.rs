//! Google's and Azure's stores: batches are published there, and read from there.
//!
//! For Google a stand-in answers as its XML interface is documented; for Azure it is Azurite, Microsoft's own emulator, where
//! `SLUICEGATE_AZURITE` names the program `azurite-blob`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::run_with;
use crate::support::{Place, Run, project, skipped};

/// A store that lives as long as it is held.
struct Cloud {
    variables: Vec<(&'static str, String)>,
    /// It ends when its standard input does.
    _server: Child,
}

fn start(script: &str, arguments: &[String]) -> Option<(u16, Child)> {
    let python = std::env::var("SLUICEGATE_PYTHON").ok()?;
    let mut server = Command::new(python);
    server.arg(project(script)).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().ok()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take()?).read_line(&mut line).ok()?;
    Some((line.trim().parse().ok()?, server))
}

fn google() -> Option<Cloud> {
    let Some((port, server)) = start("tests/google_server.py", &[]) else {
        skipped("Python, for a stand-in for Google Cloud Storage");
        return None;
    };
    let account = format!(
        r#"{{"gcs_base_url": "http://127.0.0.1:{port}", "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}}"#
    );
    let variables = vec![("GOOGLE_SERVICE_ACCOUNT_KEY", account), ("GOOGLE_ALLOW_HTTP", "true".to_owned())];
    Some(Cloud { variables, _server: server })
}

fn azure() -> Option<Cloud> {
    let Ok(azurite) = std::env::var("SLUICEGATE_AZURITE") else {
        // Not required: it is a program of npm's, which the project needs for nothing else.
        writeln!(std::io::stderr(), "SKIPPED: Azurite is not installed (SLUICEGATE_AZURITE)").expect("told");
        return None;
    };
    let (port, server) = start("tests/azure_server.py", &[azurite]).expect("Azurite starts");
    // Azurite ignores from where a listing shall begin; the library knows that of an emulator.
    let connection = ("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true".to_owned());
    let address = ("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{port}"));
    Some(Cloud { variables: vec![connection, address], _server: server })
}

const RULES: &str = "dataset: t\nrules: [{ missing: { column: id } }]\n";

impl Cloud {
    fn gate(&self, place: &Place, data: &str, table: &str) -> Run {
        let report = format!("{}.json", data.replace(['/', ':'], "_"));
        let mut run = run_with(place, &["gate", data, "-r", "r.yaml", "--publish", table, "--report", &report], &self.variables);
        run.report = std::fs::read(place.path(&report)).ok().map(|bytes| serde_json::from_slice(&bytes).expect("JSON"));
        run
    }

    fn check(&self, place: &Place, data: &str) -> Run {
        run_with(place, &["check", data, "-r", "r.yaml"], &self.variables)
    }

    /// Publishes batches below `root`, reads them again, and has gates race.
    fn holds_what_is_published(&self, root: &str) {
        let place = Place::with(RULES, "id,v\n1,x\n,y\n3,z\n");
        let table = format!("{root}/{}/orders", place.name());
        let first = self.gate(&place, "d.csv", &table);
        assert_eq!((first.code, first.rows("published"), first.rows("quarantined")), (0, 2, 1), "{}", first.stderr);
        assert_eq!(first.report()["publication"]["published"], table.as_str());
        assert_eq!(self.gate(&place, "d.csv", &table).report()["publication"]["state"], "unchanged");
        std::thread::scope(|threads| {
            for i in 10..14 {
                let (place, table) = (&place, &table);
                threads.spawn(move || {
                    let data = format!("{i}.csv");
                    place.write(&data, format!("id,v\n{i},x\n"));
                    let run = self.gate(place, &data, table);
                    assert_eq!(run.code, 0, "{}", run.stderr);
                });
            }
        });
        let read = self.check(&place, &format!("{table}/*.parquet"));
        assert_eq!((read.code, read.rows("read")), (0, 6), "{}", read.stderr);
        // From there to another table.
        let on = self.gate(&place, &format!("{table}/*.parquet"), &format!("{table}_again"));
        assert_eq!((on.code, on.rows("published")), (0, 6), "{}", on.stderr);
        let absent = self.check(&place, &format!("{root}/{}/order", place.name()));
        assert!(absent.code == 2 && absent.stderr.contains(&format!("did you mean `{table}`?")), "{}", absent.stderr);
        let elsewhere = self.check(&place, &format!("{}/x.csv", root.replace("lake", "nowhere")));
        assert!(elsewhere.code == 2 && elsewhere.stderr.contains("nowhere: there is no such"), "{}", elsewhere.stderr);
    }
}

#[test]
fn batches_are_published_to_google_s_store_and_read_from_there() {
    let Some(cloud) = google() else { return };
    cloud.holds_what_is_published("gs://lake");
    let place = Place::with(RULES, "id\n1\n");
    let careless = cloud.gate(&place, "d.csv", "gs://careless/orders");
    assert!(careless.code == 2 && careless.stderr.contains("`x-goog-if-generation-match: 0`"), "{}", careless.stderr);
}

#[test]
fn batches_are_published_to_azure_s_store_and_read_from_there() {
    let Some(cloud) = azure() else { return };
    cloud.holds_what_is_published("az://lake");
}
