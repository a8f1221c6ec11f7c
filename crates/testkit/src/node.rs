//! The process of a broker: our own `vidbroker`, or a real Apache Kafka with one node.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::child::{LoggedChild, Pipe};
use crate::needs::{cannot_run, need};
use crate::program::Program;
use crate::wait::GUARD;
use crate::workspace::{built, root};

/// The kind of broker that this run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerKind {
    /// `vidbroker` from cargo's folder. It starts quickly and keeps its data in memory only.
    Embedded,
    /// Apache Kafka in Java, from `scripts/kafka jars`.
    Real,
}

impl BrokerKind {
    /// The kind selected by `BROKER`, by default the quick one. `make test` runs the tests once for each.
    pub fn of_this_run() -> BrokerKind {
        match std::env::var("BROKER").as_deref() {
            Ok("" | "all" | "embedded") | Err(_) => BrokerKind::Embedded,
            Ok("real") => BrokerKind::Real,
            Ok(other) => panic!("BROKER is embedded, real or all, not {other}"),
        }
    }

    /// The calling test needs a broker of this kind.
    #[track_caller]
    pub fn need(self) {
        match self {
            BrokerKind::Embedded => _ = built("vidbroker").unwrap_or_else(|e| panic!("{e:#}")),
            BrokerKind::Real => _ = java_and_jars(),
        }
    }
}

/// The setup of a broker for tests that cannot use the shared one.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    /// True if a missing topic is created when a client requests it by name.
    pub auto_create: bool,
    /// The port that is advertised to clients.
    pub advertised: Option<u16>,
    /// Time in seconds for which the embedded broker, after its start, answers like a Kafka that is still starting: it
    /// names no brokers.
    pub starting_s: u32,
    /// The memory limit of the embedded broker, as its command line has it; `None` for its default.
    pub memory: Option<String>,
}

impl Default for BrokerSetup {
    fn default() -> BrokerSetup {
        BrokerSetup { auto_create: true, advertised: None, starting_s: 0, memory: None }
    }
}

/// Starts our own broker on this port, with its log in `folder`, and waits until it listens.
pub fn start_embedded(folder: &Path, port: u16, setup: &BrokerSetup) -> anyhow::Result<LoggedChild> {
    let address = format!("127.0.0.1:{port}");
    let mut program = Program::at(built("vidbroker")?).args(["--listen", &address]);
    if !setup.auto_create {
        program = program.arg("--no-auto-create");
    }
    if let Some(advertised) = setup.advertised {
        program = program.args(["--advertise", &format!("127.0.0.1:{advertised}")]);
    }
    if setup.starting_s > 0 {
        program = program.arg("--starting").arg(format!("{}s", setup.starting_s));
    }
    if let Some(memory) = &setup.memory {
        program = program.args(["--memory", memory]);
    }
    // The comma distinguishes the line that reports success from the same words in an error.
    started(program, "vidbroker", folder, &format!("listening on {address},"))
}

/// Starts a real Kafka in a folder prepared by [`format_real`], with the data of its previous run.
pub fn start_real(folder: &Path) -> anyhow::Result<LoggedChild> {
    let program = java("kafka.Kafka").arg(folder.join("node.properties"));
    started(program, "Kafka", folder, "Kafka Server started")
}

/// Starts a broker with its log in `folder`, and waits until `ready` appears in the log.
fn started(program: Program, name: &str, folder: &Path, ready: &str) -> anyhow::Result<LoggedChild> {
    let mut broker = program.in_folder(folder).start_logged(name, Pipe::None, &folder.join("node.log"))?;
    broker.logs_within(ready, GUARD)?;
    Ok(broker)
}

/// Prepares a folder for a real Kafka: its settings, and formatted storage.
pub fn format_real(folder: &Path, port: u16, controller: u16, setup: &BrokerSetup) {
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
        std::fs::write(&file, properties(&data, 9092, 9093, &BrokerSetup::default())).expect("writing a small file");
        java("kafka.tools.StorageTool").args(["format", "-t", CLUSTER, "-c"]).arg(&file).run().ok();
        std::fs::read(data.join(FEATURES)).expect("StorageTool writes it")
    })
}

fn properties(data: &Path, port: u16, controller: u16, setup: &BrokerSetup) -> String {
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

/// A program that is a class of Kafka's jars.
pub(crate) fn java(class: &str) -> Program {
    let jars = java_and_jars();
    Program::at("java")
        // Small and quick to start: the default cleaner buffer alone takes 128 MB, and C2 pays off only after minutes.
        .args(["-Xms128m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Dlog4j2.configurationFile=file:{}", jars.join("node-log4j2.properties").display()))
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(class)
}

/// The folder of Kafka's jars, downloaded if necessary. Used for the real broker, and for Kafka's own tools with either
/// broker. Without a Java the calling test cannot run.
#[track_caller]
pub fn java_and_jars() -> &'static Path {
    static JARS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    need(&["java"]);
    let jars = JARS.get_or_init(|| {
        let done = Command::new(root().join("scripts/kafka")).arg("jars").stdin(Stdio::null()).output();
        let done = done.map_err(|e| format!("cannot run scripts/kafka: {e}"))?;
        if !done.status.success() {
            return Err(format!("scripts/kafka jars failed: {}", String::from_utf8_lossy(&done.stderr).trim()));
        }
        Ok(PathBuf::from(String::from_utf8_lossy(&done.stdout).trim()))
    });
    jars.as_ref().unwrap_or_else(|why| cannot_run(why))
}
