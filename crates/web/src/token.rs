//! The token that lets a request in.

use std::path::Path;

use anyhow::{Context, bail};
use subtle::ConstantTimeEq;

/// Shortest token that is accepted from a file, in bytes.
const TOKEN_BYTES_MIN: usize = 16;

/// A secret text. It is compared in a time that does not depend on where the first difference is.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    /// Reads the first line of a file.
    pub fn read(path: &Path) -> anyhow::Result<Token> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading the token in {}", path.display()))?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.len() < TOKEN_BYTES_MIN {
            bail!(
                "the token in {} has {} characters and needs {TOKEN_BYTES_MIN}: make one with  openssl rand -hex 16",
                path.display(),
                token.len()
            );
        }
        Ok(Token(token.to_owned()))
    }

    /// A token that nobody can guess.
    pub fn random() -> Token {
        Token(format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()))
    }

    pub fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_token_is_refused_with_the_way_to_make_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n").unwrap();
        let error = Token::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("has 6 characters and needs 16: make one with"), "{error}");
        std::fs::write(file.path(), "0123456789abcdef\nanother line\n").unwrap();
        assert!(Token::read(file.path()).unwrap().is("0123456789abcdef"));
    }
}
