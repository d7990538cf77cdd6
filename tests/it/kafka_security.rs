//! Brokers that ask who is there, and that prove who they are: through a door before a mock broker.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sluicegate::diagnostic::{Code, Fault};
use sluicegate::kafka::{Outgoing, Settings, Target, Topic};

use crate::brokers::Brokers;
use crate::kafka_client::all;
use crate::support::Place;

/// Reads what was produced, through the door at `port`: how many records.
fn read(scheme: &str, port: u64, variables: &[(&str, &str)]) -> Result<usize, Fault> {
    let variables: Vec<(String, String)> = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let settings = Settings::of(&format!("{scheme}://127.0.0.1:{port}/t"), &variables)?;
    let topic = Topic::connect(&settings.patient_for(Duration::from_secs(3)))?;
    Ok(all(&topic, 0)?.len())
}

fn port(brokers: &Brokers, door: serde_json::Value) -> u64 {
    brokers.does(door).as_u64().expect("a port")
}

#[test]
fn tls_believes_the_authority_that_is_named_and_nobody_else() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.count(0, 0..3);
    let place = Place::new();
    let directory = place.path("");
    let file = |name: &str| place.path(name).display().to_string();
    let port = port(&brokers, json!({"do": "door", "certificates": directory}));
    let (ca, server) = (file("ca.pem"), file("server.pem"));
    assert_eq!(read("kafkas", port, &[("KAFKA_SSL_CA_FILE", &ca)]), Ok(3));
    assert_eq!(read("kafka", port, &[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SSL_CA_FILE", &ca)]), Ok(3));
    let key = file("client.key");
    for (scheme, variables, says) in [
        ("kafkas", vec![("KAFKA_SSL_CA_FILE", server.as_str())], "TLS: invalid peer certificate"),
        ("kafkas", vec![], "TLS: invalid peer certificate"),
        ("kafkas", vec![("KAFKA_SSL_CA_FILE", key.as_str())], "holds no certificates"),
        ("kafkas", vec![("KAFKA_SSL_CA_FILE", ca.as_str()), ("KAFKA_SSL_CERTIFICATE_FILE", ca.as_str())], "KAFKA_SSL_KEY_FILE is not"),
    ] {
        let fault = read(scheme, port, &variables).expect_err(says);
        assert!(fault.to_string().contains(says) || fault.code == Code::InvalidEnvironment && variables.is_empty(), "{fault}");
    }
    // Whoever mixes up the two is told.
    let plain =
        read("kafkas", brokers.address.rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port"), &[("KAFKA_SSL_CA_FILE", &ca)]);
    let fault = plain.expect_err("no TLS there");
    assert!(fault.what.contains("TLS") || fault.what.contains("closed the connection"), "{fault}");
    assert!(read("kafka", port, &[]).is_err());
}

#[test]
fn a_broker_may_ask_for_a_certificate() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.count(0, 0..3);
    let place = Place::new();
    let port = port(&brokers, json!({"do": "door", "certificates": place.path(""), "asks_client": true}));
    let file = |name: &str| place.path(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let ca = ("KAFKA_SSL_CA_FILE", ca.as_str());
    let ours = [ca, ("KAFKA_SSL_CERTIFICATE_FILE", certificate.as_str()), ("KAFKA_SSL_KEY_FILE", key.as_str())];
    assert_eq!(read("kafkas", port, &ours), Ok(3));
    assert!(read("kafkas", port, &[ca]).is_err());
}

#[test]
fn users_prove_who_they_are_by_each_mechanism_and_a_wrong_password_is_not_told() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.count(0, 0..3);
    let place = Place::new();
    for (i, mechanism) in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].into_iter().enumerate() {
        let directory = place.path(&i.to_string());
        std::fs::create_dir(&directory).expect("a directory");
        let door = json!({"do": "door", "certificates": directory, "mechanism": mechanism, "user": "a=b,c", "password": "SECRET"});
        let port = port(&brokers, door);
        let ca = directory.join("ca.pem").display().to_string();
        let password = place.write("password", "SECRET\n").display().to_string();
        let user = [("KAFKA_SSL_CA_FILE", ca.as_str()), ("KAFKA_SASL_MECHANISM", mechanism), ("KAFKA_SASL_USERNAME", "a=b,c")];
        let with = |more: &[(&'static str, &str)]| {
            let variables: Vec<(&str, &str)> = user.iter().chain(more).copied().collect();
            read("kafkas", port, &variables)
        };
        assert_eq!(with(&[("KAFKA_SASL_PASSWORD_FILE", &password)]), Ok(3), "{mechanism}");
        let fault = with(&[("KAFKA_SASL_PASSWORD", "WRONG")]).expect_err("a wrong password");
        assert!(fault.code == Code::PermissionDenied && fault.what.contains("does not believe the user a=b,c"), "{fault}");
        assert!(!fault.to_string().contains("WRONG") && !fault.to_string().contains("SECRET"), "{fault}");
        let other = read(
            "kafkas",
            port,
            &[
                user[0],
                ("KAFKA_SASL_MECHANISM", if i == 0 { "SCRAM-SHA-256" } else { "PLAIN" }),
                ("KAFKA_SASL_USERNAME", "me"),
                ("KAFKA_SASL_PASSWORD", "SECRET"),
            ],
        );
        let fault = other.expect_err("another mechanism");
        assert_eq!(fault.hint, Some(format!("it takes {mechanism}")));
    }
}

#[test]
fn scram_proves_both_sides_without_tls_too() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.count(0, 0..3);
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let port = port(&brokers, json!({"do": "door", "mechanism": mechanism, "user": "me", "password": "SECRET"}));
        let user = [
            ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
            ("KAFKA_SASL_MECHANISM", mechanism),
            ("KAFKA_SASL_USERNAME", "me"),
            ("KAFKA_SASL_PASSWORD", "SECRET"),
        ];
        assert_eq!(read("kafka", port, &user), Ok(3));
        let fault = read("kafka", port, &[user[0], user[1], user[2], ("KAFKA_SASL_PASSWORD", "WRONG")]).expect_err("a wrong password");
        assert_eq!(fault.code, Code::PermissionDenied);
    }
}

#[test]
fn a_record_whose_acknowledgement_was_lost_is_sent_again() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    let port = port(&brokers, json!({"do": "door", "loses": 2}));
    let settings = Settings::of(&format!("kafka://127.0.0.1:{port}/t"), &[]).expect("settings");
    let topic = Topic::connect(&settings).unwrap_or_else(|fault| panic!("{fault}"));
    let record = |text: &'static str| Outgoing { value: Some(text.into()), ..Outgoing::default() };
    topic.produce(Target::Partition(0), vec![record("a"), record("b")]).unwrap_or_else(|fault| panic!("{fault}"));
    topic.produce(Target::Partition(0), vec![record("c")]).unwrap_or_else(|fault| panic!("{fault}"));
    let values: Vec<Bytes> = all(&topic, 0).expect("records").into_iter().filter_map(|record| record.value).collect();
    assert_eq!(values, ["a", "b", "c"]);
}
