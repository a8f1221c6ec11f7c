//! TLS: the certificate and its key, which are read again when their files change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail, ensure};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};

/// Modification time and size of both files, by which a change is seen. `None` for a file that is not there.
type FileStates = [Option<(SystemTime, u64)>; 2];

/// The certificate of a server. It is served until the files hold another one that works.
#[derive(Clone, Debug)]
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    config: Arc<ServerConfig>,
    /// The state of the files when they were read last.
    read: FileStates,
    /// Their state at the last check.
    seen: FileStates,
}

impl Certificate {
    /// Reads a chain of certificates and the key of its first one, both as PEM.
    pub fn read(cert: &Path, key: &Path) -> anyhow::Result<Certificate> {
        let states = states(cert, key);
        let config = Arc::new(config(cert, key)?);
        Ok(Certificate { cert: cert.to_owned(), key: key.to_owned(), config, read: states, seen: states })
    }

    /// Accepts connections with the certificate of now.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.config.clone().into()
    }

    /// Reads the files again if they have changed, and stayed the same since the last call: one may be written after the
    /// other. With files that do not work, the old certificate stays.
    pub fn renew(&mut self) {
        let states = states(&self.cert, &self.key);
        let has_settled = std::mem::replace(&mut self.seen, states) == states;
        if !has_settled || states == self.read {
            return;
        }
        self.read = states;
        let file = self.cert.display();
        match config(&self.cert, &self.key) {
            Ok(config) => {
                self.config = Arc::new(config);
                tracing::info!(event = "certificate_renewed", %file, "a new certificate is served from {file}");
            }
            Err(error) => {
                tracing::warn!(
                    event = "certificate_refused",
                    %file,
                    why = format!("{error:#}"),
                    "the old certificate stays, as the new files do not work: {error:#}"
                );
            }
        }
    }
}

fn states(cert: &Path, key: &Path) -> FileStates {
    [cert, key].map(|path| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    })
}

/// TLS 1.2 and 1.3 for HTTP/1.1.
fn config(cert: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let chain = read(cert, "certificate")?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow!("the certificate in {} cannot be read: {error}", cert.display()))?;
    ensure!(!chain.is_empty(), "there is no certificate in {}: it needs one in PEM, BEGIN CERTIFICATE", cert.display());
    let text = read(key, "key")?;
    let key_der = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        anyhow!("there is no key in {}: it needs one in PEM, BEGIN PRIVATE KEY, without a password", key.display())
    })?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().context("TLS")?.with_no_client_auth();
    let mut config = match builder.with_single_cert(chain, key_der) {
        Ok(config) => config,
        Err(Error::InconsistentKeys(_)) => {
            bail!("the key in {} does not fit the certificate in {}", key.display(), cert.display())
        }
        Err(error) => bail!("the certificate in {} or its key cannot be used: {error}", cert.display()),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path, what: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading the {what} in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    /// Files of a new certificate in this folder.
    fn make(folder: &TempDir, name: &str) -> [PathBuf; 2] {
        let [cert, key] = ["cert", "key"].map(|kind| folder.path().join(format!("{name}.{kind}")));
        let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost";
        let mut openssl = Command::new("openssl");
        let out = openssl.args(args.split(' ')).arg("-keyout").arg(&key).arg("-out").arg(&cert).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        [cert, key]
    }

    #[test]
    fn wrong_files_are_named_in_one_line() {
        let folder = TempDir::new().unwrap();
        let ([cert, key], [_, other]) = (make(&folder, "a"), make(&folder, "b"));
        let (empty, missing) = (folder.path().join("empty"), folder.path().join("missing"));
        std::fs::write(&empty, "").unwrap();
        let check = |cert: &Path, key: &Path, expected: &str| {
            let error = format!("{:#}", Certificate::read(cert, key).unwrap_err());
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        };
        check(&missing, &key, "reading the certificate in ");
        check(&cert, &missing, "reading the key in ");
        check(&empty, &key, "there is no certificate in ");
        check(&cert, &empty, "there is no key in ");
        check(&cert, &cert, "there is no key in ");
        check(&cert, &other, "the key in ");
    }

    #[test]
    fn changed_files_are_read_once_they_stay_the_same_and_broken_ones_are_not_served() {
        let folder = TempDir::new().unwrap();
        let ([cert, key], [other_cert, other_key]) = (make(&folder, "a"), make(&folder, "b"));
        let mut served = Certificate::read(&cert, &key).unwrap();
        let mut renewed = |times: u32| {
            let before = served.config.clone();
            (0..times).for_each(|_| served.renew());
            !Arc::ptr_eq(&before, &served.config)
        };
        assert!(!renewed(2), "nothing changed");
        std::fs::copy(&other_cert, &cert).unwrap();
        assert!(!renewed(3), "the old key does not fit");
        std::fs::copy(&other_key, &key).unwrap();
        assert!(!renewed(1), "it may still be written");
        assert!(renewed(1));
        std::fs::remove_file(&key).unwrap();
        assert!(!renewed(3));
    }
}
