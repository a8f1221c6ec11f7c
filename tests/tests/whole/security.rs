//! TLS, logins and access control: each error is named, with its cure.

use std::path::Path;
use std::sync::OnceLock;

use testkit::kafka::only;
use testkit::secured::{Listener, SecuredKafka, login, tls};
use testkit::{BrokerKind, Program, RunningProgram};

/// The secured Kafka that these tests share.
fn secured() -> &'static SecuredKafka {
    static SHARED: OnceLock<SecuredKafka> = OnceLock::new();
    only(BrokerKind::Real, "vidbroker has no TLS and no logins");
    SHARED.get_or_init(SecuredKafka::start)
}

fn viewer(address: &str, topic: &str, properties: &[String]) -> Program {
    Program::vidcons().args(["--headless", "-b", address]).args(properties).unnamed(topic)
}

fn producer(address: &str, topic: &str, properties: &[String]) -> Program {
    Program::vidprod().args(["test", "--size", "320x180", "-b", address]).args(properties).unnamed(topic)
}

/// Checks that both programs end with 1 and print `says`.
#[track_caller]
fn check(address: &str, properties: &[String], says: &str) {
    viewer(address, "secured", properties).arg("--timeout=5").run().assert_fails(1, says);
    producer(address, "secured", properties).arg("--timeout=5").run().assert_fails(1, says);
}

#[test]
fn plaintext_and_tls_that_meet_are_named() {
    let kafka = secured();
    check(&kafka.at(Listener::Tls), &[], "expects TLS: -X security.protocol=SSL");
    check(&kafka.bootstrap(), &tls(&kafka.ca(true)), "does not speak TLS at this port");
    check(&kafka.at(Listener::Login), &[], "expects a login: -X security.protocol=SASL_PLAINTEXT");
    check(&kafka.bootstrap(), &login("alice", "alice-secret"), "takes no login at this port");
}

#[test]
fn a_wrong_ca_and_a_wrong_host_name_have_different_errors() {
    let kafka = secured();
    check(&kafka.at(Listener::Tls), &tls(&kafka.ca(false)), "is signed by no CA that is trusted here");
    check(&kafka.at(Listener::TlsOfAnotherHost), &tls(&kafka.ca(true)), "is for another host name");
    check(&kafka.at(Listener::MutualTls), &tls(&kafka.ca(true)), "wants a certificate of this client");
    check(&kafka.bootstrap(), &tls(Path::new("/nowhere/ca.pem")), "ssl.ca.location");
}

#[test]
fn a_stream_goes_over_tls() {
    let kafka = secured();
    let (address, topic, properties) = (kafka.at(Listener::Tls), kafka.topic("tls"), tls(&kafka.ca(true)));
    let producer = producer(&address, &topic, &properties).start();
    assert_eq!(viewer(&address, &topic, &properties).args(["-c", "5"]).run().ok().report().number("frames.shown"), 5);
    producer.interrupt().ok();
}

#[test]
fn a_wrong_password_names_the_user() {
    let kafka = secured();
    let wrong = login("alice", "wrong");
    check(&kafka.at(Listener::Login), &wrong, "refuses the login of user alice (Invalid username or password)");
}

#[test]
fn an_advertised_address_that_cannot_be_reached_is_named_with_who_gave_it() {
    let kafka = secured();
    kafka.create_topic("secured", 1, &[]);
    for (listener, advertised) in
        [(Listener::AdvertisesNoHost, "kafka.invalid:9092"), (Listener::AdvertisesNobody, "127.0.0.1:9 ")]
    {
        let address = kafka.at(listener);
        check(&address, &[], &format!("the broker at {address} answers, but advertises {advertised}"));
    }
}

#[test]
fn a_missing_right_ends_the_programs() {
    let kafka = secured();
    let (address, topic, alice) = (kafka.at(Listener::Login), kafka.topic("acl"), login("alice", "alice-secret"));
    kafka.create_topic(&topic, 1, &[]);
    let may = |operation: &str, kind: &str, name: &str| {
        kafka.acl(&["--add", "--allow-principal", "User:alice", "--operation", operation, kind, name]);
    };
    let no_read = format!("user alice has no right to read topic {topic}");
    viewer(&address, &topic, &alice).run().assert_fails(1, &no_read);
    let create = format!("user alice has no right to create topic {topic}");
    producer(&address, &topic, &alice).run().assert_fails(1, &create);
    let write = format!("user alice has no right to write topic {topic}");
    producer(&address, &topic, &alice).arg("--no-create").run().assert_fails(1, &write);
    may("Describe", "--topic", &topic);
    viewer(&address, &topic, &alice).run().assert_fails(1, &no_read);
    producer(&address, &topic, &alice).run().assert_fails(1, &write);
    may("Read", "--topic", &topic);
    let group = "user alice has no right to read with group wall";
    viewer(&address, &topic, &alice).args(["-g", "wall"]).run().assert_fails(1, group);
    let mut viewer = viewer(&address, &topic, &alice).start();
    viewer.until_stderr("waiting for frames");
    assert!(!viewer.interrupt().ok().stderr.contains("right"));
}

/// Starts a vidcons for bob, who may read this topic, and a vidprod for a user who may do everything.
fn bob_watches(kafka: &SecuredKafka, topic: &str) -> (RunningProgram, RunningProgram) {
    kafka.create_topic(topic, 1, &[]);
    kafka.acl(&["--add", "--allow-principal", "User:bob", "--operation", "Read", "--topic", topic]);
    let producer = producer(&kafka.bootstrap(), topic, &[]).start();
    let bob = login("bob", "bob-secret");
    let mut viewer = viewer(&kafka.at(Listener::Login), topic, &bob).arg("--print").start();
    viewer.until_stdout("frames", |out| out.lines().count() >= 5);
    (producer, viewer)
}

#[test]
fn a_viewer_that_loses_its_right_reports_it_and_continues_when_it_is_granted_again() {
    let kafka = secured();
    let topic = kafka.topic("acl-lost");
    let (producer, mut viewer) = bob_watches(kafka, &topic);
    let right = ["--allow-principal", "User:bob", "--operation", "Read", "--topic", &topic];
    kafka.acl(&[&["--remove"], &right[..]].concat());
    viewer.until_stderr(&format!("user bob has no right to read topic {topic}"));
    let before = viewer.stdout().lines().count();
    kafka.acl(&[&["--add"], &right[..]].concat());
    viewer.until_stdout("frames again", |out| out.lines().count() >= before + 30);
    viewer.interrupt().ok();
    producer.interrupt().ok();
}

#[test]
fn a_viewer_that_loses_its_login_reports_it_and_waits() {
    only(BrokerKind::Real, "vidbroker has no logins");
    let kafka = SecuredKafka::start();
    let topic = kafka.topic("revoked");
    let (producer, mut viewer) = bob_watches(&kafka, &topic);
    kafka.let_in_only(&["alice"]);
    viewer.until_stderr("refuses the login of user bob");
    assert!(viewer.is_running());
    kafka.let_in_only(&["alice", "bob"]);
    let before = viewer.stdout().lines().count();
    viewer.until_stdout("frames again", |out| out.lines().count() >= before + 30);
    viewer.interrupt().ok();
    producer.interrupt().ok();
}
