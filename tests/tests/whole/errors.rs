//! Wrong input: an error line that names the input and the cure, an exit code, and never a backtrace.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testkit::media::{folder, small_clip};
use testkit::{Program, kafka, need};

/// Checks that vidprod with this input prints `names` and exits with 1.
#[track_caller]
fn check_input(input: &Path, names: &str) {
    let kafka = kafka();
    let topic = kafka.topic("wrong-input");
    Program::vidprod().arg(input).on(kafka, &topic).run().assert_fails(1, names);
}

#[test]
fn a_missing_file() {
    check_input(Path::new("/nowhere/clip.mp4"), "/nowhere/clip.mp4");
}

#[test]
fn a_folder() {
    let folder = folder();
    check_input(folder.path(), "directory");
}

#[test]
fn a_text_file() {
    let folder = folder();
    let file = testkit::kafka::write(folder.path(), "notes.txt", b"To be, or not to be, that is the question.\n");
    check_input(&file, "notes.txt");
}

#[test]
fn an_empty_file() {
    let folder = folder();
    let file = testkit::kafka::write(folder.path(), "empty.mp4", b"");
    check_input(&file, "empty");
}

#[test]
fn an_mp4_cut_short() {
    need(&["ffmpeg"]);
    let folder = folder();
    let bytes = std::fs::read(small_clip(folder.path(), 50)).unwrap();
    // The index is at the end of the file, so nothing can be played.
    let file = testkit::kafka::write(folder.path(), "cut.mp4", &bytes[..bytes.len() / 2]);
    check_input(&file, "cut.mp4");
}

#[test]
fn a_webm_cut_short_is_played_and_reported() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, folder) = (kafka.topic("cut"), folder());
    let whole = folder.path().join("whole.webm");
    testkit::media::ffmpeg("-f lavfi -i testsrc2=s=320x240:r=25 -frames:v 50 -c:v libvpx -b:v 1M", &whole);
    let bytes = std::fs::read(whole).unwrap();
    let file = testkit::kafka::write(folder.path(), "cut.webm", &bytes[..bytes.len() / 2]);
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-e"]).start();
    let producer = Program::vidprod().arg(file).on(kafka, &topic).run();
    let frames = producer.report().number("frames.acknowledged");
    producer.assert_fails(1, &format!("cut.webm is cut off: {frames} frames ("));
    // The session has its end, so the viewer ends with it, and shows every existing frame.
    assert_eq!(viewer.wait().ok().report().number("frames.shown"), frames);
}

#[test]
fn a_file_without_video() {
    need(&["ffmpeg"]);
    let folder = folder();
    let file = folder.path().join("tone.wav");
    testkit::media::ffmpeg("-f lavfi -i sine=d=1", &file);
    check_input(&file, "no video");
}

#[test]
fn empty_standard_input() {
    check_input(Path::new("-"), "standard input");
}

#[test]
fn a_file_that_may_not_be_read() {
    need(&["setpriv"]);
    let kafka = kafka();
    let folder = folder();
    // A copy of the program in a folder that everybody can read, because the checkout may be private.
    let program = folder.path().join("vidprod");
    std::fs::copy(testkit::target().join("vidprod"), &program).unwrap();
    let file = testkit::kafka::write(folder.path(), "secret.mp4", b"secret");
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    mode(&file, 0o000);
    let run = if rustix::process::geteuid().is_root() {
        Program::at("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program)
    } else {
        Program::at(program)
    };
    let topic = kafka.topic("wrong-input");
    run.arg(&file).args(["-b", &kafka.bootstrap(), "-t", &topic]).run().assert_fails(1, "secret.mp4");
}

#[test]
fn a_report_that_cannot_be_written() {
    let kafka = kafka();
    let args = ["test", "-b", &kafka.bootstrap(), "-t", "wrong", "--report", "/nowhere/report.json"];
    Program::vidprod().args(args).run().assert_fails(1, "/nowhere/report.json");
    let args = ["--headless", "-b", &kafka.bootstrap(), "-t", "wrong", "--report", "/nowhere/report.json"];
    Program::vidcons().args(args).run().assert_fails(1, "/nowhere/report.json");
}

#[test]
fn a_broker_that_is_not_there() {
    // Port 9 is discard: nobody listens there.
    let args = ["-b", "127.0.0.1:9", "-t", "wrong", "--timeout", "2"];
    Program::vidprod().arg("test").args(args).run().assert_fails(1, "127.0.0.1:9");
    Program::vidcons().arg("--headless").args(args).run().assert_fails(1, "127.0.0.1:9");
}

#[test]
fn a_broker_with_an_unknown_host_name() {
    let args = ["-b", "no-such-host.invalid:9092", "-t", "wrong", "--timeout", "2"];
    Program::vidprod().arg("test").args(args).run().assert_fails(1, "no-such-host.invalid:9092");
}

#[test]
fn an_unknown_topic_that_may_not_be_made() {
    let kafka = kafka();
    let topic = kafka.topic("unknown");
    Program::vidprod().args(["test", "--no-create"]).on(kafka, &topic).run().assert_fails(1, &topic);
    assert!(!kafka.topics().contains(&topic));
}

#[test]
fn a_topic_that_is_deleted_and_may_not_be_made_again_is_named() {
    let kafka = kafka();
    let topic = kafka.topic("deleted");
    kafka.create_topic(&topic, 1, &[]);
    let mut producer = Program::vidprod().args(["test", "--size", "320x180", "--no-create"]).on(kafka, &topic).start();
    producer.until_stderr("frame 3");
    kafka.delete_topic(&topic);
    producer.until_stderr(&format!("topic {topic} is gone, and --no-create forbids creating it again"));
    assert!(!kafka.topics().contains(&topic));
    producer.interrupt();
}

#[test]
fn a_topic_that_does_not_come() {
    let kafka = kafka();
    let topic = kafka.topic("never");
    Program::vidcons().args(["--headless", "--timeout", "5"]).on(kafka, &topic).run().assert_fails(1, &topic);
    assert!(!kafka.topics().contains(&topic));
}

#[test]
fn a_property_that_librdkafka_does_not_know() {
    let kafka = kafka();
    Program::vidprod().args(["test", "-X", "no.such=1"]).on(kafka, "wrong").run().assert_fails(1, "no.such");
    Program::vidcons().args(["--headless", "-X", "no.such=1"]).on(kafka, "wrong").run().assert_fails(1, "no.such");
}

#[test]
fn a_property_without_a_value_is_a_usage_error() {
    Program::vidprod().args(["test", "-X", "linger.ms"]).run().assert_fails(2, "linger.ms");
}

#[test]
fn a_property_that_cannot_work_is_a_usage_error() {
    let transactions = "-X transactional.id=x cannot be used here: transactions are not supported; omit it";
    let refused = |program: Program, property: &str| program.args(["-X", property]).run();
    refused(Program::vidprod().arg("test"), "transactional.id=x").assert_fails(2, transactions);
    refused(Program::vidcons().arg("--headless"), "transactional.id=x").assert_fails(2, transactions);
    for value in ["true", "T", "1"] {
        let property = format!("delivery.report.only.error={value}");
        refused(Program::vidprod().arg("test"), &property).assert_fails(2, "needs a delivery report for every record");
    }
    refused(Program::vidcons(), "enable.partition.eof=0").assert_fails(2, "to detect the end of a topic");
}

#[test]
fn a_shared_file_is_refused_only_for_what_matters_to_the_program() {
    let folder = folder();
    let file = |name: &str, line: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, line).expect("the folder is writable");
        path.display().to_string()
    };
    let of_producer = file("producer.properties", "transactional.id=x\nacks=2\n");
    let of_consumer = file("consumer.properties", "enable.partition.eof=false\n");
    // Nobody listens at this port: a program that accepts its file goes on and fails to connect.
    let nowhere = ["-b", "127.0.0.1:9", "--timeout", "1"];
    let (prod, cons) = (|| Program::vidprod().arg("test"), || Program::vidcons().arg("--headless"));
    let check =
        |program: Program, file: &str, words| program.args(nowhere).args(["-F", file]).run().assert_fails(1, words);
    check(prod(), &of_producer, "(from -F) cannot be used here");
    check(cons(), &of_consumer, "enable.partition.eof (from -F) cannot be used here");
    check(prod(), &of_consumer, "127.0.0.1:9");
    check(cons(), &of_producer, "127.0.0.1:9");
}

#[test]
fn a_config_file_that_is_not_there() {
    Program::vidprod()
        .args(["test", "-F", "/nowhere/client.properties"])
        .run()
        .assert_fails(1, "/nowhere/client.properties");
}

#[test]
fn no_display() {
    let kafka = kafka();
    let topic = kafka.topic("no-display");
    Program::vidcons().on(kafka, &topic).run().assert_fails(1, "--headless");
    Program::vidcons().on(kafka, &topic).env("DISPLAY", ":4242").run().assert_fails(1, "--headless");
}

#[test]
fn help_version_and_completions_go_to_standard_output() {
    for program in [Program::vidprod, Program::vidcons] {
        assert!(program().arg("--help").run().ok().text().contains("--topic"));
        assert!(program().arg("--version").run().ok().text().contains(env!("CARGO_PKG_VERSION")));
        assert!(program().args(["--completions", "bash"]).run().ok().text().contains("complete"));
    }
}
