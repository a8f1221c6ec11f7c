//! The process of a broker: our own `vidbroker`, or a real Apache Kafka with one node.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::{GUARD, need, root, skip, target, within};

/// The kind of broker that this run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `vidbroker` from cargo's folder. It starts quickly and keeps its data in memory only.
    Embedded,
    /// Apache Kafka in Java, from `scripts/kafka jars`.
    Real,
}

impl Kind {
    /// The kind selected by `BROKER`, by default the quick one. `make test` runs the tests once for each.
    pub fn of_this_run() -> Kind {
        match std::env::var("BROKER").as_deref() {
            Ok("" | "all" | "embedded") | Err(_) => Kind::Embedded,
            Ok("real") => Kind::Real,
            Ok(other) => panic!("BROKER is embedded, real or all, not {other}"),
        }
    }

    /// True if a broker of this kind can run. Otherwise the test is reported as skipped, or fails under `STRICT=1`.
    pub fn can_run(self) -> bool {
        match self {
            Kind::Embedded => {
                assert!(
                    vidbroker().exists(),
                    "{} is not built; run cargo build --workspace --bins",
                    vidbroker().display()
                );
                true
            }
            Kind::Real => java_and_jars().is_some(),
        }
    }
}

/// The setup of a broker for tests that cannot use the shared one.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// True if a topic is created when a client asks for it by name.
    pub auto_create: bool,
    /// The port that is advertised to clients.
    pub advertised: Option<u16>,
    /// Time in seconds for which the embedded broker, after its start, answers like a Kafka that is still starting: it
    /// names no brokers.
    pub starting_s: u32,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { auto_create: true, advertised: None, starting_s: 0 }
    }
}

/// The broker's process, and a shell that kills it when the test process ends, however it ends.
#[derive(Debug)]
pub struct Node {
    broker: Child,
    watchdog: Child,
}

impl Node {
    /// Starts `command` with its log in `folder`, and waits until `ready` appears in the log.
    fn start(mut command: Command, folder: &Path, ready: &str) -> Node {
        let log = folder.join("node.log");
        let out = File::create(&log).expect("creating a log file");
        let err = out.try_clone().expect("a second handle to the log file");
        let broker = command.current_dir(folder).stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let mut broker = broker.unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        let watchdog = watchdog(broker.id(), folder);
        let up = within(GUARD, || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let ended = broker.try_wait().expect("a child of ours").is_some();
            (ended || text.contains(ready)).then_some(!ended)
        });
        let node = Node { broker, watchdog };
        if up != Some(true) {
            node.kill();
            panic!("the broker did not start:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
        }
        node
    }

    /// Kills the process with SIGKILL, which resembles a loss of power.
    pub fn kill(mut self) {
        for child in [&mut self.watchdog, &mut self.broker] {
            child.kill().expect("a child of ours can be killed");
            child.wait().expect("a child of ours can be waited for");
        }
    }
}

fn watchdog(broker: u32, folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "trap '' INT TERM HUP; cat >/dev/null; kill -9 \"$0\"; rm -rf \"$1\""])
        .arg(broker.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is always an sh")
}

fn vidbroker() -> PathBuf {
    target().join("vidbroker")
}

/// Starts our own broker on this port. The comma distinguishes the line that reports success from the same words in an
/// error.
pub fn start_embedded(folder: &Path, port: u16, setup: Setup) -> Node {
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(vidbroker());
    command.args(["--listen", &address]).env_remove("RUST_LOG").env("NO_COLOR", "1");
    if !setup.auto_create {
        command.arg("--no-auto-create");
    }
    if let Some(advertised) = setup.advertised {
        command.args(["--advertise", &format!("127.0.0.1:{advertised}")]);
    }
    if setup.starting_s > 0 {
        command.arg("--starting").arg(format!("{}s", setup.starting_s));
    }
    Node::start(command, folder, &format!("listening on {address},"))
}

/// Prepares a folder for a real Kafka: its settings, and formatted storage.
pub fn format_real(folder: &Path, port: u16, controller: u16, setup: Setup) {
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("a folder in a new one");
    // Writes the file that StorageTool would write, without the second that it takes to start. The ids of a temporary
    // cluster need not be random.
    let meta = format!("version=1\ncluster.id={CLUSTER}\nnode.id=1\ndirectory.id=d2hvbGUtcHJvZ3JhbS10ZQ\n");
    std::fs::write(data.join("meta.properties"), meta).expect("writing a small file");
    std::fs::write(data.join(FEATURES), features()).expect("writing a small file");
    let properties = properties(&data, port, controller, setup);
    std::fs::write(folder.join("node.properties"), properties).expect("writing a small file");
}

const CLUSTER: &str = "whole-program-tests-00";
const FEATURES: &str = "bootstrap.checkpoint";

/// The features of a new cluster, as written by StorageTool. Without them Kafka does not support
/// group.protocol=consumer. They are the same for each cluster, so the tool runs only once.
fn features() -> &'static [u8] {
    static WRITTEN: OnceLock<Vec<u8>> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = crate::media::folder();
        let (data, file) = (folder.path().join("data"), folder.path().join("node.properties"));
        std::fs::write(&file, properties(&data, 9092, 9093, Setup::default())).expect("writing a small file");
        let done = java("kafka.tools.StorageTool").args(["format", "-t", CLUSTER, "-c"]).arg(&file).output();
        let done = done.expect("can_run has looked for java");
        assert!(done.status.success(), "formatting failed: {}", String::from_utf8_lossy(&done.stderr));
        std::fs::read(data.join(FEATURES)).expect("StorageTool writes it")
    })
}

fn properties(data: &Path, port: u16, controller: u16, setup: Setup) -> String {
    let advertised = setup.advertised.unwrap_or(port);
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={}\n\
         auto.create.topics.enable={}\n\
         num.partitions=1\n\
         offsets.topic.num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         group.consumer.min.session.timeout.ms=1000\n\
         group.consumer.session.timeout.ms=6000\n\
         group.consumer.min.heartbeat.interval.ms=500\n\
         group.consumer.heartbeat.interval.ms=500\n\
         log.cleaner.dedupe.buffer.size=2097152\n\
         file.delete.delay.ms=100\n\
         broker.session.timeout.ms=1000\n\
         broker.heartbeat.interval.ms=200\n",
        data.display(),
        setup.auto_create,
    )
}

/// Starts a real Kafka in a folder prepared by [`format_real`], with the data of its previous run.
pub fn start_real(folder: &Path) -> Node {
    let mut command = java("kafka.Kafka");
    command.arg(folder.join("node.properties"));
    Node::start(command, folder, "Kafka Server started")
}

/// A command that runs a class of Kafka's jars.
fn java(class: &str) -> Command {
    let jars = java_and_jars().expect("can_run has looked");
    let mut command = Command::new("java");
    command
        // Small and quick to start: the default cleaner buffer alone takes 128 MB, and C2 pays off only after minutes.
        .args(["-Xms128m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Dlog4j2.configurationFile=file:{}", jars.join("node-log4j2.properties").display()))
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(class);
    command
}

/// The folder of Kafka's jars, downloaded if necessary; `None` without a Java. Used for the real broker, and for
/// Kafka's own tools with either broker.
pub fn java_and_jars() -> Option<&'static Path> {
    static JARS: OnceLock<Option<PathBuf>> = OnceLock::new();
    if !need(&["java"]) {
        return None;
    }
    let jars = JARS.get_or_init(|| {
        let done = Command::new(root().join("scripts/kafka")).arg("jars").stdin(Stdio::null()).output().ok()?;
        if !done.status.success() {
            println!("{}", String::from_utf8_lossy(&done.stderr));
            return None;
        }
        Some(PathBuf::from(String::from_utf8_lossy(&done.stdout).trim()))
    });
    if jars.is_none() {
        skip("scripts/kafka jars failed");
    }
    jars.as_deref()
}
