//! Decides whether a request is answered: by the name that it was sent to, the page that sends it, and its token.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use common::time::Micros;

use crate::rate::{NetworkRates, RateLimit};
use crate::token::Token;

/// The name of the cookie that the form of the token sets.
pub const COOKIE_NAME: &str = "session";

/// Wrong tokens that an address may send.
pub const GUESSES: RateLimit = RateLimit { max: 10, per: Duration::from_secs(60) };

/// The rules for requests.
#[derive(Debug)]
pub struct AccessPolicy {
    /// Names that this server may be addressed by, besides numbers and localhost.
    hosts: Vec<String>,
    token: Option<Token>,
    /// The value of the cookie of those who gave the token. It lives as long as the program.
    session: Token,
    /// Wrong tokens, by address.
    guesses: NetworkRates,
    /// Further attributes of the cookie.
    cookie_attributes: &'static str,
}

/// The reason why a request is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessRefusal {
    /// It was sent to a name that is not this server's.
    Host,
    /// A page of another site sends it.
    Origin,
    /// It has no token.
    NoToken,
    /// It has a wrong token.
    WrongToken,
    /// Too many wrong tokens came from this address.
    TooMany,
}

impl AccessPolicy {
    /// Answers requests to these names, numbers and localhost; if there is a token, only those that have it.
    pub fn new(hosts: Vec<String>, token: Option<Token>) -> AccessPolicy {
        let guesses = NetworkRates::new(GUESSES);
        AccessPolicy { hosts, token, session: Token::random(), guesses, cookie_attributes: "" }
    }

    /// The browser sends the cookie of the form over TLS only.
    pub fn over_tls(self) -> AccessPolicy {
        AccessPolicy { cookie_attributes: "; Secure", ..self }
    }

    /// Checks the names in a request: whom it was sent to, and the page that sent it.
    pub fn check_names(&self, headers: &HeaderMap) -> Result<(), AccessRefusal> {
        let host = text(headers, &HOST).ok_or(AccessRefusal::Host)?;
        if !self.is_ours(host) {
            return Err(AccessRefusal::Host);
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        // The origin's name is enough: a proxy in front of us may have another port and scheme.
        let page = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, page)| page);
        let same = page.is_some_and(|page| page.eq_ignore_ascii_case(host) || self.is_named(page));
        if same { Ok(()) } else { Err(AccessRefusal::Origin) }
    }

    /// Checks the token in a request, if there has to be one.
    pub fn check_token(&self, headers: &HeaderMap, from: IpAddr, now: Micros) -> Result<(), AccessRefusal> {
        if self.token.is_none() || cookie(headers).is_some_and(|session| self.session.is(session)) {
            return Ok(());
        }
        match text(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) => self.try_token(token.trim(), from, now).map(|_| ()),
            None => Err(AccessRefusal::NoToken),
        }
    }

    /// Checks a token that was typed; returns the cookie that stands for it.
    pub fn try_token(&self, token: &str, from: IpAddr, now: Micros) -> Result<HeaderValue, AccessRefusal> {
        if self.guesses.is_used_up(from, now) {
            return Err(AccessRefusal::TooMany);
        }
        if !self.token.as_ref().is_none_or(|own| own.is(token)) {
            self.guesses.enter(from, now);
            return Err(AccessRefusal::WrongToken);
        }
        let (session, more) = (self.session.text(), self.cookie_attributes);
        let cookie = format!("{COOKIE_NAME}={session}; HttpOnly; SameSite=Strict; Path=/{more}");
        Ok(HeaderValue::try_from(cookie).expect("hexadecimal digits may stand in a header"))
    }

    /// True for an address in numbers, for localhost and for the names that were given. Only a name can be made to point
    /// at another machine.
    fn is_ours(&self, host: &str) -> bool {
        let name = name(host);
        let numbers = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        numbers || name.eq_ignore_ascii_case("localhost") || self.is_named(host)
    }

    fn is_named(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name(host)))
    }
}

/// A host without its port.
fn name(host: &str) -> &str {
    if host.parse::<SocketAddr>().is_err() && host.parse::<Authority>().is_err() {
        return "";
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let one = all.next()?.to_str().ok()?;
    // A header that stands there twice could mean one thing to a proxy and another to us.
    all.next().is_none().then_some(one)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000_000);

    fn here() -> IpAddr {
        IpAddr::from([127, 0, 0, 1])
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn policy(token: Option<&str>) -> AccessPolicy {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), token.unwrap_or_default()).unwrap();
        AccessPolicy::new(vec!["video.example.org".to_owned()], token.map(|_| Token::read(file.path()).unwrap()))
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let check = |host: &str, expected| {
            assert_eq!(policy(None).check_names(&headers(&[("host", host)])), expected, "{host}");
        };
        for ours in ["127.0.0.1:8080", "[::1]:8080", "[::1]", "localhost", "LOCALHOST:8080", "192.168.0.7:80"] {
            check(ours, Ok(()));
        }
        check("video.example.org", Ok(()));
        check("Video.Example.org:443", Ok(()));
        for foreign in
            ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "", ":", "a b", "x@127.0.0.1"]
        {
            check(foreign, Err(AccessRefusal::Host));
        }
        assert_eq!(policy(None).check_names(&HeaderMap::new()), Err(AccessRefusal::Host));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let check = |origin: &str, expected| {
            let headers = headers(&[("host", "127.0.0.1:8080"), ("origin", origin)]);
            assert_eq!(policy(None).check_names(&headers), expected, "{origin}");
        };
        check("http://127.0.0.1:8080", Ok(()));
        check("https://video.example.org", Ok(()));
        check("http://127.0.0.1:9999", Err(AccessRefusal::Origin));
        check("http://evil.example", Err(AccessRefusal::Origin));
        check("null", Err(AccessRefusal::Origin));
        check("http://video.example.org.evil.example", Err(AccessRefusal::Origin));
    }

    #[test]
    fn two_hosts_are_refused() {
        let mut both = headers(&[("host", "127.0.0.1")]);
        both.append(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(policy(None).check_names(&both), Err(AccessRefusal::Host));
    }

    #[test]
    fn a_token_comes_as_a_bearer_or_as_the_cookie_of_the_form() {
        let policy = policy(Some("0123456789abcdef"));
        let check = |pairs: &[(&'static str, &str)], expected| {
            assert_eq!(policy.check_token(&headers(pairs), here(), NOW), expected, "{pairs:?}");
        };
        check(&[], Err(AccessRefusal::NoToken));
        check(&[("authorization", "Basic abc")], Err(AccessRefusal::NoToken));
        check(&[("authorization", "Bearer 0123456789abcdef")], Ok(()));
        check(&[("authorization", "Bearer 0123456789abcdeF")], Err(AccessRefusal::WrongToken));
        check(&[("cookie", "session=guessed")], Err(AccessRefusal::NoToken));
        let cookie = policy.try_token("0123456789abcdef", here(), NOW).unwrap();
        let session = cookie.to_str().unwrap().split(';').next().unwrap();
        check(&[("cookie", &format!("theme=dark; {session}"))], Ok(()));
    }

    #[test]
    fn the_cookie_is_for_tls_where_there_is_tls() {
        let secure = |policy: &AccessPolicy| {
            policy.try_token("0123456789abcdef", here(), NOW).unwrap().to_str().unwrap().ends_with("; Secure")
        };
        assert!(!secure(&policy(Some("0123456789abcdef"))));
        assert!(secure(&policy(Some("0123456789abcdef")).over_tls()));
    }

    #[test]
    fn after_ten_wrong_tokens_even_the_right_one_waits() {
        let policy = policy(Some("0123456789abcdef"));
        for _ in 0..10 {
            assert_eq!(policy.try_token("wrong", here(), NOW), Err(AccessRefusal::WrongToken));
        }
        assert_eq!(policy.try_token("0123456789abcdef", here(), NOW), Err(AccessRefusal::TooMany));
        assert!(policy.try_token("0123456789abcdef", IpAddr::from([10, 0, 0, 1]), NOW).is_ok());
    }

    #[test]
    fn without_a_token_everybody_is_let_in() {
        assert_eq!(policy(None).check_token(&HeaderMap::new(), here(), NOW), Ok(()));
    }
}
