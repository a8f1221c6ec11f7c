//! A real Kafka with a listener of each kind, logins and access control lists.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::child::output_of;
use crate::kafka::{KafkaServer, a_free_port};
use crate::needs::need;
use crate::node::{self, BrokerKind};

/// A listener of [`SecuredKafka`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listener {
    /// TLS with a certificate for `127.0.0.1`.
    Tls,
    /// TLS with a certificate for another host.
    TlsOfAnotherHost,
    /// TLS that requires a certificate of the client.
    MutualTls,
    Login,
    /// Advertises a host that does not exist.
    AdvertisesNoHost,
    /// Advertises a port on which nobody listens.
    AdvertisesNobody,
}

const LISTENERS: [(Listener, &str, &str); 6] = [
    (Listener::Tls, "TLS", "SSL"),
    (Listener::TlsOfAnotherHost, "OTHERHOST", "SSL"),
    (Listener::MutualTls, "MUTUAL", "SSL"),
    (Listener::Login, "LOGIN", "SASL_PLAINTEXT"),
    (Listener::AdvertisesNoHost, "NOHOST", "PLAINTEXT"),
    (Listener::AdvertisesNobody, "NOBODY", "PLAINTEXT"),
];

/// Users that can log in with the password `NAME-secret`. A client without a login may do everything; a test sets the
/// rights of these two with [`SecuredKafka::acl`].
pub const USERS: [&str; 2] = ["alice", "bob"];

#[derive(Debug)]
pub struct SecuredKafka {
    kafka: KafkaServer,
    ports: Vec<u16>,
    certificates: TempDir,
}

impl Deref for SecuredKafka {
    type Target = KafkaServer;

    fn deref(&self) -> &KafkaServer {
        &self.kafka
    }
}

impl SecuredKafka {
    /// Starts the broker. The calling test needs a Java and openssl.
    #[track_caller]
    pub fn start() -> SecuredKafka {
        BrokerKind::Real.need();
        need(&["openssl"]);
        let certificates = TempDir::with_prefix("certificates-").expect("a temporary folder");
        make_certificates(certificates.path());
        let ports: Vec<u16> = LISTENERS.iter().map(|_| a_free_port()).collect();
        let (plain, controller) = (a_free_port(), a_free_port());
        let kafka = KafkaServer::real_with(&properties(certificates.path(), &ports, plain, controller, &USERS), plain);
        SecuredKafka { kafka, ports, certificates }
    }

    /// The `HOST:PORT` of a listener.
    pub fn at(&self, listener: Listener) -> String {
        let index = LISTENERS.iter().position(|(l, ..)| *l == listener).expect("all are listed");
        format!("127.0.0.1:{}", self.ports[index])
    }

    /// File of the CA that signed the broker's certificates, or of another CA.
    pub fn ca(&self, ours: bool) -> PathBuf {
        self.certificates.path().join(if ours { "ca.pem" } else { "other-ca.pem" })
    }

    /// Restarts the broker with only these users able to log in.
    pub fn let_in_only(&self, users: &[&str]) {
        self.kafka.restart_with(&logins(users));
    }

    /// Runs Kafka's `kafka-acls` with these arguments.
    pub fn acl(&self, arguments: &[&str]) {
        let command = node::java("org.apache.kafka.tools.AclCommand");
        command.args(["--bootstrap-server", &self.kafka.bootstrap(), "--force"]).args(arguments).run().ok();
    }
}

/// The arguments of a client that logs in as `user`.
pub fn login(user: &str, password: &str) -> Vec<String> {
    let login = format!("sasl.mechanism=PLAIN sasl.username={user} sasl.password={password}");
    options(&format!("security.protocol=SASL_PLAINTEXT {login}"))
}

/// The arguments of a client that uses TLS and trusts this CA.
pub fn tls(ca: &Path) -> Vec<String> {
    options(&format!("security.protocol=SSL ssl.ca.location={}", ca.display()))
}

fn options(properties: &str) -> Vec<String> {
    properties.split(' ').flat_map(|property| ["-X".to_owned(), property.to_owned()]).collect()
}

fn logins(users: &[&str]) -> String {
    let users: String = users.iter().map(|user| format!(" user_{user}=\"{user}-secret\"")).collect();
    format!(
        "listener.name.login.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required{users};\n"
    )
}

fn properties(certificates: &Path, ports: &[u16], plain: u16, controller: u16, users: &[&str]) -> String {
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}");
    let mut advertised = format!("PLAINTEXT://127.0.0.1:{plain}");
    let mut protocols = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned();
    for ((listener, name, protocol), port) in LISTENERS.iter().zip(ports) {
        let address = match listener {
            Listener::AdvertisesNoHost => "kafka.invalid:9092".to_owned(),
            // The discard port, on which nobody listens.
            Listener::AdvertisesNobody => "127.0.0.1:9".to_owned(),
            _ => format!("127.0.0.1:{port}"),
        };
        listeners += &format!(",{name}://127.0.0.1:{port}");
        advertised += &format!(",{name}://{address}");
        protocols += &format!(",{name}:{protocol}");
    }
    let folder = certificates.display();
    format!(
        "controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners={listeners}\n\
         advertised.listeners={advertised}\n\
         listener.security.protocol.map={protocols}\n\
         inter.broker.listener.name=PLAINTEXT\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={folder}/this-host.pem\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={folder}/ca.pem\n\
         listener.name.otherhost.ssl.keystore.type=PEM\n\
         listener.name.otherhost.ssl.keystore.location={folder}/other-host.pem\n\
         listener.name.mutual.ssl.client.auth=required\n\
         sasl.enabled.mechanisms=PLAIN\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n\
         {}",
        logins(users)
    )
}

/// Makes a CA, another CA, and the broker's certificates with their keys.
fn make_certificates(folder: &Path) {
    let script = r#"
        ca() { openssl req -x509 -newkey rsa:2048 -nodes -keyout $1.key -out $1.pem -days 30 -subj "/CN=$1"; }
        host() {
            openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "/CN=$1"
            echo "subjectAltName=$2" >$1.ext
            openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile $1.ext -out $1.crt
            openssl pkcs8 -topk8 -nocrypt -in $1.key -out $1.p8
            cat $1.p8 $1.crt ca.pem >$1.pem
        }
        ca ca && ca other-ca && host this-host DNS:localhost,IP:127.0.0.1 && host other-host DNS:kafka.example"#;
    output_of(Command::new("sh").args(["-ec", script]).current_dir(folder));
}
