//! The page over TLS, with certificates that are made here.

use std::net::SocketAddr;
use std::path::Path;

use testkit::browser::Browser;
use testkit::http::exchange;
use testkit::kafka::write;
use testkit::media::folder;
use testkit::{Program, kafka, need};

use crate::browser::tile;
use crate::web::{card, serve};

/// Writes a new certificate for 127.0.0.1 and its key.
fn certify(folder: &Path) {
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
                -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout key.pem -out cert.pem";
    Program::at("openssl").args(args.split_whitespace()).in_folder(folder).run().ok();
}

fn options(folder: &Path) -> [String; 4] {
    let file = |name: &str| folder.join(name).display().to_string();
    ["--http-tls-cert".to_owned(), file("cert.pem"), "--http-tls-key".to_owned(), file("key.pem")]
}

/// What curl gets from a path, if it trusts the certificate of now in the folder.
fn curl(folder: &Path, at: SocketAddr, args: &[&str], path: &str) -> Option<String> {
    let curl = Program::at("curl").args(["--silent", "--show-error", "--max-time", "20", "--cacert", "cert.pem"]);
    let out = curl.args(args).arg(format!("https://{at}{path}")).in_folder(folder).run();
    (out.code() == Some(0)).then(|| out.text())
}

#[test]
fn a_new_certificate_is_served_without_a_restart_and_a_broken_one_is_not() {
    need(&["openssl", "curl"]);
    let (kafka, files) = (kafka(), folder());
    let (topic, path) = (kafka.topic("tls"), files.path());
    certify(path);
    let (mut viewer, at) = serve(kafka, &topic, &options(path).each_ref().map(String::as_str));
    assert!(viewer.stderr().contains(&format!("watch in the browser: https://{at}/")));
    assert_eq!(curl(path, at, &[], "/healthz").as_deref(), Some("ok\n"));
    for version in ["1.2", "1.3"] {
        let (flag, most) = (format!("--tlsv{version}"), ["--tls-max", version]);
        assert!(curl(path, at, &[&flag, most[0], most[1]], "/healthz").is_some(), "TLS {version}");
    }
    assert_eq!(curl(path, at, &["--tls-max", "1.1"], "/healthz"), None);
    let plain = exchange(at, "GET", "/healthz", &[], b"");
    assert!(plain.is_err(), "plain HTTP gets no answer: {plain:?}");
    certify(path);
    testkit::until("the new certificate", || curl(path, at, &[], "/healthz"));
    viewer.until_stderr("a new certificate is served");
    let good = std::fs::read(path.join("cert.pem")).unwrap();
    write(path, "cert.pem", b"broken");
    viewer.until_stderr("the old certificate stays");
    write(path, "cert.pem", &good);
    assert_eq!(curl(path, at, &[], "/healthz").as_deref(), Some("ok\n"));
    let viewer = viewer.interrupt().ok();
    assert_eq!(viewer.stderr.matches("the old certificate stays").count(), 1, "{}", viewer.story());
}

#[test]
fn the_cookie_of_the_form_is_for_tls_only() {
    need(&["openssl", "curl"]);
    let (kafka, files) = (kafka(), folder());
    let (topic, path) = (kafka.topic("tls-cookie"), files.path());
    certify(path);
    let token = write(path, "token", b"0123456789abcdef\n").display().to_string();
    let options = [&options(path)[..], &["--http-token".to_owned(), token]].concat();
    let (viewer, at) = serve(kafka, &topic, &options.iter().map(String::as_str).collect::<Vec<_>>());
    let login = ["--include", "--data", "token=0123456789abcdef"];
    let answer = curl(path, at, &login, "/login").expect("it answers").to_lowercase();
    assert!(answer.contains("set-cookie: session=") && answer.contains("; secure"), "{answer}");
    viewer.interrupt().ok();
}

#[test]
fn wrong_files_of_tls_are_named() {
    need(&["openssl"]);
    let (one, other) = (folder(), folder());
    [&one, &other].into_iter().for_each(|folder| certify(folder.path()));
    let check = |code: i32, args: &[&str], names: &str| {
        Program::vidcons().args(["--headless", "--http", "0"]).args(args).run().assert_fails(code, names);
    };
    let [_, cert, _, key] = options(one.path());
    let [_, _, _, other_key] = options(other.path());
    check(2, &["--http-tls-cert", &cert], "--http-tls-key");
    check(1, &["--http-tls-cert", "nothing.pem", "--http-tls-key", &key], "reading the certificate in nothing.pem");
    check(1, &["--http-tls-cert", &key, "--http-tls-key", &key], "there is no certificate in");
    check(1, &["--http-tls-cert", &cert, "--http-tls-key", "/dev/null"], "there is no key in /dev/null");
    check(1, &["--http-tls-cert", &cert, "--http-tls-key", &other_key], "does not fit the certificate");
}

#[test]
fn the_page_shows_pictures_over_tls() {
    need(&["openssl"]);
    let (kafka, files) = (kafka(), folder());
    let topic = kafka.topic("tls-page");
    certify(files.path());
    let browser = Browser::start(800, 600);
    let (viewer, at) = serve(kafka, &topic, &options(files.path()).each_ref().map(String::as_str));
    let door = card(kafka, &topic, "door");
    browser.open(&format!("https://{at}/"));
    let first = testkit::until("the first picture", || tile(&browser, "door"));
    testkit::until("a newer picture", || tile(&browser, "door").filter(|newer| *newer > first));
    door.interrupt().ok();
    viewer.interrupt().ok();
}
