//! The options of a web server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::tls::Certificate;
use crate::token::Token;

/// Who may reach a web server of ours.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Web")]
pub struct AccessArgs {
    /// Answer only those who give the token in this file's first line: as a bearer, or in the browser's form
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub http_token: Option<PathBuf>,
    /// Answer everybody who can reach an address that is not loopback, without a token
    #[arg(long, hide_short_help = true, conflicts_with = "http_token")]
    pub http_public: bool,
    /// A name that a proxy or DNS uses for this server (repeatable); numbers and localhost are always answered
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub http_host: Vec<String>,
    /// Serve https with the certificate in this file, as PEM; it is read again when it changes
    #[arg(long, value_name = "FILE", requires = "http_tls_key", hide_short_help = true)]
    pub http_tls_cert: Option<PathBuf>,
    /// The private key of that certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "http_tls_cert", hide_short_help = true)]
    pub http_tls_key: Option<PathBuf>,
}

/// The settings of a web server.
#[derive(Clone, Debug)]
pub struct WebOptions {
    /// Address that it listens at.
    pub address: SocketAddr,
    /// Names that it may be addressed by, besides numbers and localhost.
    pub hosts: Vec<String>,
    /// The token that requests need, if any.
    pub token: Option<Token>,
    /// The certificate of a server with TLS.
    pub certificate: Option<Certificate>,
}

impl AccessArgs {
    /// Refuses these options where no server is started. `option` starts one, as in `--http 8080`.
    pub fn check_needed(&self, server: Option<SocketAddr>, option: &str) -> Result<(), String> {
        if server.is_none() && self.is_given() {
            return Err(format!("the options that begin with --http- are for a web server: add {option}"));
        }
        Ok(())
    }

    /// Checks the options, and reads the token. `option` is the one that holds the address.
    pub fn check(&self, option: &str, address: SocketAddr) -> anyhow::Result<WebOptions> {
        if !address.ip().is_loopback() && self.http_token.is_none() && !self.http_public {
            anyhow::bail!(
                "other machines can reach {address}: {option} needs --http-token FILE, or --http-public to let everybody in"
            );
        }
        let token = self.http_token.as_deref().map(Token::read).transpose()?;
        let tls = self.http_tls_cert.as_deref().zip(self.http_tls_key.as_deref());
        let certificate = tls.map(|(cert, key)| Certificate::read(cert, key)).transpose()?;
        Ok(WebOptions { address, hosts: self.http_host.clone(), token, certificate })
    }

    /// True if one of these options was given.
    fn is_given(&self) -> bool {
        let AccessArgs { http_token, http_public, http_host, http_tls_cert, http_tls_key } = self;
        *http_public
            || !http_host.is_empty()
            || [http_token, http_tls_cert, http_tls_key].into_iter().any(|file| file.is_some())
    }
}

/// Parses an address to listen at: `8080`, `127.0.0.1:8080`, `localhost:8080` or `[::]:8080`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| Some(SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), port.parse().ok()?));
    let port = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    text.parse()
        .ok()
        .or_else(|| local(port))
        .ok_or_else(|| "write ADDRESS:PORT, as in 127.0.0.1:8080, or a port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for text in ["8080", ":8080", "localhost:8080", "127.0.0.1:8080"] {
            assert_eq!(address(text).map(|address| address.to_string()), Ok("127.0.0.1:8080".to_owned()), "{text}");
        }
        assert_eq!(address("[::]:0").map(|address| address.port()), Ok(0));
        assert!(address("example.org:80").is_err() && address("70000").is_err() && address("").is_err());
    }

    #[test]
    fn what_other_machines_can_reach_needs_a_token_or_says_public() {
        let all = SocketAddr::from(([0, 0, 0, 0], 8080));
        let error = AccessArgs::default().check("--http", all).unwrap_err().to_string();
        assert!(error.contains("0.0.0.0:8080: --http needs --http-token FILE, or --http-public"), "{error}");
        assert!(AccessArgs { http_public: true, ..AccessArgs::default() }.check("--http", all).is_ok());
        assert!(AccessArgs::default().check("--http", SocketAddr::from(([127, 0, 0, 1], 0))).is_ok());
    }
}
