//! A machine without any network except the loopback: aeroplane mode, or a container with `--network none`.

use testkit::kafka::only;
use testkit::media::{folder, small_clip};
use testkit::{BrokerKind, Program, need, target};

/// Runs a script in its own network namespace, whose only interface is `lo`.
fn offline(script: &str) -> Program {
    let loopback_only = format!("ip link set lo up && {{ {script} ; }}");
    let path = format!("{}:{}", target().display(), std::env::var("PATH").unwrap_or_default());
    Program::at("unshare").args(["--user", "--map-root-user", "--net", "sh", "-c", &loopback_only]).env("PATH", path)
}

#[test]
fn the_first_commands_of_the_readme_work_without_a_network() {
    only(BrokerKind::Embedded, "nobody names a broker here");
    need(&["ffmpeg", "unshare", "ip"]);
    let folder = folder();
    let clip = small_clip(folder.path(), 50);
    let script = format!(
        "vidprod {} --topic video & vidcons --topic video --headless --every-frame -e --print; wait $!",
        clip.display()
    );
    let both = offline(&script).run().ok();
    assert_eq!(both.lines().len(), 50, "{}", both.story());
}

#[test]
fn a_broker_named_by_its_loopback_address_is_reached_without_a_network() {
    only(BrokerKind::Embedded, "it is started inside the namespace");
    need(&["unshare", "ip"]);
    for broker in ["127.0.0.1:9092", "localhost:9092"] {
        let script = format!(
            "vidbroker -q & until vidcons -b {broker} --list >/dev/null 2>&1; do sleep 0.1; done; \
             vidprod test -b {broker} --duration 1 -q && vidcons -b {broker} --headless -o beginning -e --print; \
             code=$?; kill $!; exit $code"
        );
        let done = offline(&script).run().ok();
        assert!(done.lines().len() > 5, "{}", done.story());
    }
}
