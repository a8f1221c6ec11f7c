//! What -v and -vv log of the client's own doings.

use whole::{Program, kafka};

#[test]
fn librdkafkas_debug_lines_are_logged_at_vv_and_not_at_v() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("debug-lines");
    let viewer = |level: &str| {
        let args = ["--headless", "--timeout", "1", "-X", "debug=broker", level];
        Program::vidcons().args(args).on(kafka, &topic).run()
    };
    let (little, all) = (viewer("-v"), viewer("-vv"));
    assert!(all.stderr.contains("Broker changed state"), "{}", all.story());
    assert!(!little.stderr.contains("Broker changed state"), "{}", little.story());
}

#[test]
fn a_clients_property_that_begins_with_topic_is_taken() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("topic-dot");
    let properties = ["-X", "topic.metadata.refresh.interval.ms=1000", "-X", "topic.blacklist=^secret"];
    let of_topic = ["-X", "topic.request.required.acks=1"];
    let producer = Program::vidprod().arg("test").args(properties).args(of_topic).on(kafka, &topic).start();
    let viewer = Program::vidcons().args(["--headless", "-c", "5"]).args(properties).on(kafka, &topic).run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 5);
    producer.interrupt().ok();
}
