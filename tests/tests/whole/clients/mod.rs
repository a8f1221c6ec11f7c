//! Clients of other projects, unchanged: whatever they do with a Kafka works with either broker.

mod confluent;
pub mod java;
mod kafka_python;
mod kcat;

use testkit::kafka::own_kafka_with;
use testkit::node::BrokerSetup;
use testkit::{KafkaServer, Program, kafka, python, root};

/// Runs one check of a script in `tests/clients` against the shared broker.
fn check(script: &str, name: &str) {
    let kafka = kafka();
    check_on(kafka, script, name);
}

/// The same with a broker that does not create topics automatically.
fn check_without_auto_create(script: &str, name: &str) {
    let kafka = own_kafka_with(BrokerSetup { auto_create: false, ..BrokerSetup::default() });
    check_on(&kafka, script, name);
}

fn check_on(kafka: &KafkaServer, script: &str, name: &str) {
    let python = python();
    let script = root().join("tests/clients").join(script);
    let topic = kafka.topic("client");
    let run = Program::at(python).arg("-B").arg(script).args([&kafka.bootstrap(), &topic, name]).run().ok();
    assert!(run.text().ends_with("holds\n"), "{}", run.story());
}

/// Defines a test for each check of a script.
macro_rules! checks {
    ($script:literal: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                super::super::check($script, stringify!($name));
            }
        )*
    };
}
use checks;
