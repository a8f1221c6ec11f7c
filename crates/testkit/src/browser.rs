//! A real Chromium, driven over WebDriver. The few commands that the tests need are a JSON request each, so there is no
//! crate for it, which would bring an HTTP client with a tree of others.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{LoggedChild, Pipe};
use crate::http::exchange;
use crate::needs::need;
use crate::port::free_port;
use crate::program::Program;
use crate::wait::until;

/// A browser without a screen. It ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: LoggedChild,
    address: SocketAddr,
    session: String,
    folder: TempDir,
}

impl Browser {
    /// Starts a browser with a window of this size. Without Chromium the calling test cannot run.
    #[track_caller]
    pub fn start(width: u32, height: u32) -> Browser {
        need(&["chromium", "chromedriver"]);
        Browser::launch(width, height).unwrap_or_else(|e| panic!("{e:#}"))
    }

    /// The same for programs that are no tests.
    pub fn launch(width: u32, height: u32) -> anyhow::Result<Browser> {
        let folder = TempDir::new().context("a folder for the browser")?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut driver = Program::at("chromedriver").arg(format!("--port={}", address.port())).start_logged(
            "chromedriver",
            Pipe::Output,
            &folder.path().join("log"),
        )?;
        until("chromedriver", || {
            let answer = exchange(address, "GET", "/status", &[], b"").ok();
            let ready = answer.and_then(|answer| answer.json()["value"]["ready"].as_bool()).unwrap_or(false);
            (ready || driver.has_ended()).then_some(())
        });
        let profile = folder.path().join("profile");
        let options = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                // Tests of TLS make their own certificates.
                "--ignore-certificate-errors",
                format!("--window-size={width},{height}"), format!("--user-data-dir={}", profile.display()),
            ] },
        } } });
        let mut browser = Browser { driver, address, session: String::new(), folder };
        let session = browser.post("/session", &options)?;
        session["sessionId"].as_str().context("there is no session")?.clone_into(&mut browser.session);
        Ok(browser)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.command("POST", path, body.to_string().as_bytes())
    }

    fn command(&self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<Value> {
        let answer = exchange(self.address, method, path, &["Content-Type: application/json"], body)?;
        let value = answer.json()["value"].take();
        if answer.status != 200 { Err(anyhow!("{method} {path}: {value:#}")) } else { Ok(value) }
    }

    fn of_session(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        self.command(method, &format!("/session/{}{path}", self.session), body.as_bytes())
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.try_open(url).unwrap_or_else(|e| panic!("{e:#}"));
    }

    /// Opens an address, which may fail.
    pub fn try_open(&self, url: &str) -> anyhow::Result<()> {
        self.of_session("POST", "/url", &json!({ "url": url })).map(|_| ())
    }

    /// The value that a function's body returns in the page.
    pub fn eval(&self, body: &str) -> Value {
        self.try_eval(body).unwrap_or_else(|e| panic!("{e:#}"))
    }

    /// The value that a function's body returns in the page, or its error.
    pub fn try_eval(&self, body: &str) -> anyhow::Result<Value> {
        self.of_session("POST", "/execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// Waits until a function's body returns something true in the page; returns it.
    #[track_caller]
    pub fn until(&self, what: &str, body: &str) -> Value {
        until(what, || Some(self.eval(body)).filter(|value| !matches!(value, Value::Null | Value::Bool(false))))
    }

    /// The page as a PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let picture = self.of_session("GET", "/screenshot", &Value::Null).unwrap_or_else(|e| panic!("{e:#}"));
        STANDARD.decode(picture.as_str().unwrap_or_default()).expect("it is base64")
    }

    /// Changes the size of the window.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height });
        self.of_session("POST", "/window/rect", &size).unwrap_or_else(|e| panic!("{e:#}"));
    }

    /// The folder of the browser's profile and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session.
        let _ = self.command("DELETE", &format!("/session/{}", self.session), b"");
        let _ = self.driver.interrupt();
    }
}
