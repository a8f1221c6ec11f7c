//! Passwords appear in no output of the programs: errors, logs, reports, records.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use testkit::media::{ffmpeg, folder};
use testkit::program::FinishedProgram;
use testkit::{Program, kafka, need};

const SECRET: &str = "hunter2";
/// Nobody listens on the discard port.
const NOBODY: [&str; 4] = ["-b", "127.0.0.1:9", "--timeout", "1"];

/// Checks that the program fails with this code, and that its output contains `names` but not the secret.
#[track_caller]
fn check_refused(program: Program, code: i32, names: &str) -> FinishedProgram {
    let finished = program.run();
    assert_eq!(finished.code(), Some(code), "{}", finished.story());
    assert!(finished.stderr.contains(names), "it does not say {names}\n{}", finished.story());
    assert_silent(&finished);
    finished
}

#[track_caller]
fn assert_silent(finished: &FinishedProgram) {
    assert!(!finished.stderr.contains(SECRET) && !finished.text().contains(SECRET), "{}", finished.story());
}

#[test]
fn an_address_that_cannot_be_opened_is_named_without_its_password() {
    let kafka = kafka();
    let vidprod = |input: &str| Program::vidprod().arg(input).args(["-vv"]).on(kafka, &kafka.topic("secret"));
    let url = "rtsp://me:hunter2@127.0.0.1:9/stream";
    let refused = check_refused(vidprod(url), 1, "cannot open rtsp://me:(hidden)@127.0.0.1:9/stream: ");
    assert_eq!(refused.stderr.matches("the input's address holds a password").count(), 1, "{}", refused.story());
    check_refused(vidprod("http://127.0.0.1:9/?token=hunter2&n=1"), 1, "/?token=(hidden)&n=1: ");
    // The scheme was forgotten, so the address is taken for a file.
    check_refused(vidprod("me:hunter2@cam/stream"), 1, "there is no file me:(hidden)@cam/stream");
}

#[test]
fn usage_errors_do_not_repeat_passwords() {
    let vidprod = |args: &[&str]| Program::vidprod().arg("test").args(args);
    check_refused(vidprod(&["-X", "sasl.password:hunter2"]), 2, "-X sasl.password: ");
    check_refused(vidprod(&["-X", "hunter2"]), 2, "NAME=VALUE");
    check_refused(vidprod(&["rtsp://me:hunter2@cam/"]), 2, "unexpected argument");
    check_refused(Program::vidcons().args(["-o", "sasl.password=hunter2"]), 2, "sasl.password=(hidden)");
    check_refused(Program::vidbroker().args(["rtsp://me:hunter2@cam/"]), 2, "rtsp://me:(hidden)@cam/");
}

#[test]
fn a_password_in_a_property_is_in_no_log_line() {
    let login = ["-X", "security.protocol=SASL_SSL", "-X", "sasl.mechanism=PLAIN", "-X", "sasl.username=me"];
    let more = ["-X", "sasl.password=hunter2", "-X", "debug=all", "-vv"];
    for program in [Program::vidprod().arg("test"), Program::vidcons().arg("--headless")] {
        let program = program.env("RUST_LOG", "trace").args(NOBODY).args(login).args(more);
        let refused = check_refused(program, 1, "librdkafka CONF");
        let warnings = refused.stderr.matches("-X sasl.password: every user of this machine can read").count();
        assert_eq!(warnings, 1, "{}", refused.story());
    }
}

#[test]
fn a_property_that_librdkafka_refuses_is_named_without_its_value() {
    let vidprod = |args: &[&str]| Program::vidprod().arg("test").args(NOBODY).args(args);
    check_refused(vidprod(&["-X", "security.protocol=ssl", "-X", "ssl.key.pem=hunter2"]), 1, "ssl.key.pem");
    check_refused(vidprod(&["-X", "sasl.pasword=hunter2"]), 1, "sasl.pasword");
}

#[test]
fn a_line_of_a_properties_file_is_numbered_and_not_repeated() {
    let folder = folder();
    let file = testkit::kafka::write(folder.path(), "client.properties", b"sasl.username=me\nhunter2\n");
    check_refused(Program::vidprod().args(["test", "-F"]).arg(file).args(NOBODY), 1, "line 2");
}

/// A web server that sends these bytes to every client.
fn web_server(video: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = caller.read(&mut request);
            // The client may close the connection before the end.
            let _ = caller.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: video/x-matroska\r\n\r\n");
            let _ = caller.write_all(&video);
        }
    });
    address
}

#[test]
fn reports_and_records_of_an_address_hold_no_password() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, folder) = (kafka.topic("secret"), folder());
    let clip = folder.path().join("clip.mkv");
    ffmpeg("-f lavfi -i testsrc2=s=160x120:r=25 -t 1 -c:v mjpeg", &clip);
    let address = web_server(std::fs::read(clip).unwrap());
    let (page, frames) = (folder.path().join("run.html"), folder.path().join("run.csv"));
    let input = format!("http://me:hunter2@{address}/clip.mkv?token=hunter2");
    let producer =
        Program::vidprod().arg(input).on(kafka, &topic).arg("--report").arg(&page).arg("--report").arg(&frames);
    // A login, although the broker does not require one.
    let producer = producer.args(["-X", "sasl.username=me", "-X", "sasl.password=hunter2", "-vv"]).run().ok();
    assert_silent(&producer);
    let settings = producer.report().0["settings"].to_string();
    let shown = format!("http://me:(hidden)@{address}/clip.mkv?token=(hidden)");
    assert!(settings.contains(&shown) && settings.contains(r#""sasl.password":"(hidden)""#), "{settings}");
    assert!(!producer.report().0.to_string().contains(SECRET));
    for file in [page, frames] {
        assert!(!std::fs::read_to_string(file).unwrap().contains(SECRET));
    }
    let records = kafka.records(&topic);
    assert!(!records.is_empty());
    for record in records {
        assert_eq!(record.key.as_deref(), Some(b"127.0.0.1".as_slice()), "a source is named after its host");
        assert!(record.headers.iter().all(|(_, value)| !String::from_utf8_lossy(value).contains(SECRET)));
    }
}
