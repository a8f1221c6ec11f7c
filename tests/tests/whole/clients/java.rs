//! Apache Kafka's own tools, in the version of `scripts/kafka`; they use the Java client. A JVM takes a second to
//! start, so each test checks several things in few calls.

use std::process::Stdio;

use testkit::media::folder;
use testkit::node::java_and_jars;
use testkit::{KafkaServer, Program, cannot_run, kafka, root};

fn ready() -> &'static KafkaServer {
    java_and_jars();
    kafka()
}

/// A JVM with Kafka's jars on its class path.
fn jvm() -> Program {
    let jars = java_and_jars();
    let log = format!("-Dlog4j2.configurationFile=file:{}", jars.join("tools-log4j2.properties").display());
    let jvm = Program::at("java").args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", &log, "-cp"]);
    jvm.arg(jars.join("*"))
}

/// A tool without an address of the broker.
fn java(class: &str) -> Program {
    jvm().arg(class)
}

/// A test needs a `java` that can run a source file; a JRE cannot.
fn need_compiler() {
    let modules = Program::at("java").arg("--list-modules").run().ok().text();
    if !modules.contains("jdk.compiler@") {
        cannot_run("java is a runtime without a compiler; run scripts/setup test");
    }
}

pub fn tool(kafka: &KafkaServer, class: &str, args: &[&str]) -> Program {
    java(class).args(["--bootstrap-server", &kafka.bootstrap()]).args(args)
}

fn topics(kafka: &KafkaServer, args: &[&str]) -> String {
    tool(kafka, "org.apache.kafka.tools.TopicCommand", args).run().ok().text()
}

fn configs(kafka: &KafkaServer, topic: &str, args: &[&str]) -> String {
    tool(kafka, "kafka.admin.ConfigCommand", &["--entity-type", "topics", "--entity-name", topic])
        .args(args)
        .run()
        .ok()
        .text()
}

fn groups(kafka: &KafkaServer, args: &[&str]) -> String {
    tool(kafka, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", args).run().ok().text()
}

fn produce(kafka: &KafkaServer, topic: &str, text: &str, more: &[&str]) {
    let files = folder();
    let file = std::fs::File::open(testkit::kafka::write(files.path(), "lines", text.as_bytes())).unwrap();
    let producer = tool(kafka, "org.apache.kafka.tools.ConsoleProducer", &["--topic", topic]).args(more);
    producer.stdin(Stdio::from(file)).run().ok();
}

fn consume(kafka: &KafkaServer, topic: &str, count: usize, more: &[&str]) -> Vec<String> {
    let count = count.to_string();
    let args = ["--topic", topic, "--max-messages", &count];
    tool(kafka, "org.apache.kafka.tools.consumer.ConsoleConsumer", &args).args(more).run().ok().lines()
}

/// The words of the line that begins with these words.
#[track_caller]
fn line<'a>(text: &'a str, begin: &[&str]) -> Vec<&'a str> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.into_iter().find(|words| words.starts_with(begin)).unwrap_or_else(|| panic!("no line {begin:?} in\n{text}"))
}

#[test]
fn kafka_topics_creates_lists_describes_extends_and_deletes() {
    let kafka = ready();
    let topic = kafka.topic("java");
    let create = ["--create", "--topic", &topic, "--partitions", "2", "--config", "retention.ms=60000"];
    assert!(topics(kafka, &create).contains(&format!("Created topic {topic}.")));
    let again = tool(kafka, "org.apache.kafka.tools.TopicCommand", &create).run();
    assert!(again.code() == Some(1) && again.stderr.contains("TopicExistsException"), "{}", again.story());
    assert!(topics(kafka, &["--list"]).lines().any(|line| line == topic));
    topics(kafka, &["--alter", "--topic", &topic, "--partitions", "3"]);
    let text = topics(kafka, &["--describe", "--topic", &topic]);
    assert!(text.contains("PartitionCount: 3") && text.contains("retention.ms=60000"), "{text}");
    assert_eq!(text.matches("Leader: ").count(), 3, "{text}");
    topics(kafka, &["--delete", "--topic", &topic]);
    testkit::until("the topic is gone", || (!kafka.topics().contains(&topic)).then_some(()));
}

#[test]
fn the_console_producer_and_consumer_speak_to_each_other() {
    let kafka = ready();
    let topic = kafka.topic("java");
    kafka.create_topic(&topic, 1, &[]);
    produce(
        kafka,
        &topic,
        "a:one\nb:two\nc:three\n",
        &["--property", "parse.key=true", "--property", "key.separator=:"],
    );
    let with_keys = ["--from-beginning", "--property", "print.key=true", "--property", "key.separator=-"];
    assert_eq!(consume(kafka, &topic, 3, &with_keys), ["a-one", "b-two", "c-three"]);
    // A group continues at its position; this time with zstd and without acknowledgements.
    let group = ["--group", &topic, "--from-beginning"];
    assert_eq!(consume(kafka, &topic, 3, &group), ["one", "two", "three"]);
    produce(kafka, &topic, "four\n", &["--compression-codec", "zstd", "--request-required-acks", "0"]);
    assert_eq!(consume(kafka, &topic, 1, &group), ["four"]);
    assert_eq!(consume(kafka, &topic, 2, &["--partition", "0", "--offset", "2"]), ["three", "four"]);
    let committed = ["--from-beginning", "--isolation-level", "read_committed"];
    assert_eq!(consume(kafka, &topic, 4, &committed).len(), 4);
}

#[test]
fn the_performance_tools_measure() {
    let kafka = ready();
    let topic = kafka.topic("java");
    kafka.create_topic(&topic, 1, &[]);
    let produce = ["--topic", &topic, "--num-records", "2000", "--record-size", "1000", "--throughput", "-1"];
    let broker = format!("bootstrap.servers={}", kafka.bootstrap());
    let props = ["--producer-props", &broker, "acks=all", "compression.type=lz4"];
    let done = java("org.apache.kafka.tools.ProducerPerformance").args(produce).args(props).run().ok();
    assert!(done.text().contains("2000 records sent"), "{}", done.story());
    let consume = ["--topic", &topic, "--messages", "2000"];
    let done = tool(kafka, "org.apache.kafka.tools.ConsumerPerformance", &consume).run().ok();
    let figures: Vec<String> = done.lines().last().expect("a line of figures").split(", ").map(str::to_owned).collect();
    assert_eq!(figures[4].trim(), "2000", "{}", done.story());
    let latency = [&kafka.bootstrap(), &topic, "200", "all", "100"];
    let done = java("org.apache.kafka.tools.EndToEndLatency").args(latency).run().ok();
    assert!(done.text().contains("Percentiles: 50th"), "{}", done.story());
}

#[test]
fn kafka_configs_describes_and_alters() {
    let kafka = ready();
    let topic = kafka.topic("java");
    kafka.create_topic(&topic, 1, &[]);
    configs(kafka, &topic, &["--alter", "--add-config", "retention.ms=70000,max.message.bytes=5000"]);
    let text = configs(kafka, &topic, &["--describe"]);
    assert!(text.contains("retention.ms=70000") && text.contains("max.message.bytes=5000"), "{text}");
    configs(kafka, &topic, &["--alter", "--delete-config", "retention.ms"]);
    let text = configs(kafka, &topic, &["--describe"]);
    assert!(!text.contains("retention.ms=") && text.contains("max.message.bytes=5000"), "{text}");
    let all = configs(kafka, &topic, &["--describe", "--all"]);
    assert!(all.contains("retention.ms=604800000"), "the default is back: {all}");
}

#[test]
fn kafka_consumer_groups_lists_describes_resets_and_deletes() {
    let kafka = ready();
    let topic = kafka.topic("java");
    kafka.create_topic(&topic, 1, &[]);
    let records = (0..10).map(|n| testkit::kafka::RawRecord { value: vec![n], ..Default::default() });
    kafka.publish(&topic, records);
    consume(kafka, &topic, 10, &["--group", &topic, "--from-beginning"]);
    assert!(groups(kafka, &["--list"]).lines().any(|line| line == topic));
    let text = groups(kafka, &["--describe", "--group", &topic]);
    assert_eq!(line(&text, &[&topic, &topic, "0"])[3..6], ["10", "10", "0"], "{text}");
    let text = groups(kafka, &["--describe", "--group", &topic, "--state"]);
    assert!(text.contains("Empty"), "{text}");
    let reset = ["--reset-offsets", "--group", &topic, "--topic", &topic, "--to-offset", "4", "--execute"];
    assert_eq!(line(&groups(kafka, &reset), &[&topic, &topic, "0"])[3], "4");
    let text = groups(kafka, &["--describe", "--group", &topic]);
    assert_eq!(line(&text, &[&topic, &topic, "0"])[3..6], ["4", "10", "6"], "{text}");
    let text = groups(kafka, &["--delete", "--group", &topic]);
    assert!(text.contains("successful"), "{text}");
    assert!(!groups(kafka, &["--list"]).lines().any(|line| line == topic));
}

#[test]
fn a_group_that_the_broker_assigns_consumes_and_is_described() {
    let kafka = ready();
    let topic = kafka.topic("java");
    kafka.create_topic(&topic, 2, &[]);
    let records = (0..10).map(|n| testkit::kafka::RawRecord { value: vec![n], ..Default::default() });
    kafka.publish(&topic, records);
    let group = ["--group", &topic, "--consumer-property", "group.protocol=consumer"];
    consume(kafka, &topic, 10, &[&group[..], &["--from-beginning"]].concat());
    let text = groups(kafka, &["--describe", "--group", &topic, "--state"]);
    assert!(text.contains("Empty"), "{text}");
    let args = ["--topic", &topic];
    let member = tool(kafka, "org.apache.kafka.tools.consumer.ConsoleConsumer", &args).args(group).start();
    let members = testkit::until("the member has its partitions", || {
        let text = groups(kafka, &["--describe", "--group", &topic, "--members", "--verbose"]);
        text.contains(&format!("{topic}:0,1")).then_some(text)
    });
    let text = groups(kafka, &["--describe", "--group", &topic, "--state"]);
    assert!(text.contains("uniform") && text.contains("Stable"), "{text}\n{members}");
    member.interrupt();
    let text = groups(kafka, &["--list", "--state"]);
    assert!(text.lines().any(|line| line.starts_with(&topic) && line.contains("Empty")), "{text}");
    let text = groups(kafka, &["--delete", "--group", &topic]);
    assert!(text.contains("successful"), "{text}");
}

#[test]
fn offsets_records_and_the_cluster_are_administered() {
    let kafka = ready();
    let (topic, files) = (kafka.topic("java"), folder());
    kafka.create_topic(&topic, 1, &[]);
    let records = (0..10).map(|n| testkit::kafka::RawRecord { value: vec![n], ..Default::default() });
    kafka.publish(&topic, records);
    let json = format!(r#"{{"partitions":[{{"topic":"{topic}","partition":0,"offset":3}}],"version":1}}"#);
    let json = testkit::kafka::write(files.path(), "delete.json", json.as_bytes());
    let deleted =
        tool(kafka, "org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file"]).arg(json).run().ok();
    assert!(deleted.text().contains("low_watermark: 3"), "{}", deleted.story());
    let offsets = |time: &str| {
        let args = ["--topic", &topic, "--time", time];
        tool(kafka, "org.apache.kafka.tools.GetOffsetShell", &args).run().ok().text()
    };
    assert_eq!(offsets("earliest").trim(), format!("{topic}:0:3"));
    assert_eq!(offsets("latest").trim(), format!("{topic}:0:10"));
    let versions = tool(kafka, "org.apache.kafka.tools.BrokerApiVersionsCommand", &[]).run().ok().text();
    assert!(versions.contains(&kafka.bootstrap()) && versions.contains("Fetch(1)"), "{versions}");
}

#[test]
fn the_admin_client_is_answered_as_by_kafka() {
    let kafka = ready();
    need_compiler();
    let script = root().join("tests/clients/AdminChecks.java");
    let run = jvm().arg(script).args([&kafka.bootstrap(), &kafka.topic("java")]).run().ok();
    assert!(run.text().ends_with("holds\n"), "{}", run.story());
}

#[test]
fn kafka_log_dirs_shows_how_large_each_partition_is() {
    let kafka = ready();
    let topic = kafka.topic("java");
    kafka.create_topic(&topic, 2, &[]);
    kafka.publish(&topic, [testkit::kafka::RawRecord { value: vec![7; 5000], ..Default::default() }]);
    let text =
        tool(kafka, "org.apache.kafka.tools.LogDirsCommand", &["--describe", "--topic-list", &topic]).run().ok().text();
    let json = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON in\n{text}"));
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let dirs = json.pointer("/brokers/0/logDirs").and_then(|dirs| dirs.as_array()).unwrap();
    let partitions: Vec<_> = dirs.iter().flat_map(|dir| dir["partitions"].as_array().unwrap()).collect();
    let size = |index: u32| {
        let name = format!("{topic}-{index}");
        partitions.iter().find(|p| p["partition"] == *name).and_then(|p| p["size"].as_u64()).unwrap()
    };
    assert!(dirs.iter().all(|dir| dir["error"].is_null()), "{json}");
    assert!((5000..6000).contains(&(size(0) + size(1))), "{json}");
}
